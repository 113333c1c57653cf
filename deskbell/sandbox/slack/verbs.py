"""What the page may do in Slack, and to it: /_sandbox/do with "slack.<verb>"."""

from collections.abc import Mapping
from functools import partial

from deskbell.sandbox.chat import Do
from deskbell.sandbox.slack.stand_in import SlackStandIn
from deskbell.sandbox.web import Json


def verbs(slack: SlackStandIn) -> Mapping[str, Do]:
    hands = (tap, tap_in_view, submit, close_view, type_text, suggest)
    troubles = (lost, disconnect, drop, deafen, archive, use_http)
    return {verb.__name__.removesuffix("_text"): partial(verb, slack) for verb in (*hands, *troubles)}


async def tap(slack: SlackStandIn, asked: Json) -> Json:
    return (await slack.tap(**asked)).as_json()


async def tap_in_view(slack: SlackStandIn, asked: Json) -> Json:
    return (await slack.tap_in_view(**asked)).as_json()


async def submit(slack: SlackStandIn, asked: Json) -> Json:
    return (await slack.submit(**asked)).as_json()


async def close_view(slack: SlackStandIn, asked: Json) -> None:
    await slack.close(**asked)


async def type_text(slack: SlackStandIn, asked: Json) -> Json:
    return (await slack.type(**asked)).as_json()


async def suggest(slack: SlackStandIn, asked: Json) -> Json:
    found = await slack.suggest(**asked)
    return {"acked": found.acked, "options": found.options, "error": found.error}


# ------------------------------------------------------------------ trouble that only Slack has


async def lost(slack: SlackStandIn, asked: Json) -> None:
    """The next message is posted, and its answer never arrives."""
    slack.faults.set("lost", where=asked.get("where", "chat.postMessage"), times=int(asked.get("times", 1)))
    slack.pulse.beat()


async def disconnect(slack: SlackStandIn, asked: Json) -> int:
    reason, after = asked.get("reason", "refresh_requested"), float(asked.get("close_after", 5))
    asked_to_go: int = await slack.sockets.disconnect(reason, close_after=after)
    return asked_to_go


async def drop(slack: SlackStandIn, asked: Json) -> int:
    cut: int = slack.sockets.drop(asked.get("number"))
    return cut


async def deafen(slack: SlackStandIn, asked: Json) -> int:
    chosen: int = slack.sockets.deafen(asked.get("number"), routed=bool(asked.get("routed")))
    return chosen


async def archive(slack: SlackStandIn, asked: Json) -> None:
    slack.archive(asked["channel"])


async def use_http(slack: SlackStandIn, asked: Json) -> None:
    slack.use_http(asked.get("url"))
