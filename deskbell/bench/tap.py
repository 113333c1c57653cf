"""A tap: signed by Slack, answered when it is durable, the card edited in four chats; while pages are written."""

import asyncio
import hashlib
import hmac
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import orjson

from deskbell.bench import made_up
from deskbell.bench.figures import Row, Spread
from deskbell.bench.ground import Ground, Short, flood, floor, steady, warm
from deskbell.bench.house import CHATS, House
from deskbell.bench.rows import quantiles
from deskbell.bench.wire import Lines, request

RATE = 102  # a little more than the goal, so that the last answer still counts within the time
PAGE, LATE = 100, 10  # rows of the schedule that come each second, and how many of them ring
FLOOR = "floor: signature, SQLite FULL, four edits by aiohttp"


@dataclass(frozen=True, slots=True)
class Taps:
    """Milliseconds from each tap's due time; `held`: answers a second."""

    answered: Sequence[float]
    edited: Sequence[float]
    held: float


async def run(ground: Ground) -> list[Row]:
    count = ground.size(300, 20)
    with ground.store() as url:
        async with warm(ground, House(url, ground.sink)) as ours:
            with floor(ground) as least:
                await least.do("poll")
                mine, raw = [], []
                for _ in range(max(1, ground.rounds // 2)):
                    ground.say("taps")
                    mine.append(await taps(ground, ours.port, "ours", count))
                    raw.append(await taps(ground, least.port, "floor", count))
    return _rows(mine, raw)


def _rows(mine: Sequence[Taps], raw: Sequence[Taps]) -> list[Row]:
    answered, answered_raw = ([ms for one in side for ms in one.answered] for side in (mine, raw))
    edited, edited_raw = ([ms for one in side for ms in one.edited] for side in (mine, raw))
    during = "while pages are written"
    held = Row(
        "tap_held",
        f"taps answered a second, {RATE} a second asked, {during}",
        "taps/s",
        Spread.of(one.held for one in mine),
        Spread.of(one.held for one in raw),
        FLOOR,
    )
    return [
        *quantiles("tap_answered", f"tap answered, {during}", answered, answered_raw, FLOOR),
        *quantiles("tap_edited", "tap to the last of four chats edited", edited, edited_raw, FLOOR),
        held,
    ]


async def taps(ground: Ground, port: int, who: str, count: int) -> Taps:
    """Acknowledge on so many cards, each on one of its own, as Slack would send it."""
    await ground.ask("reset", keeps=True)
    numbers = ground.some(count)
    await flood([port], numbers, "four", 8)
    await ground.until(numbers)
    cards = await ground.ask("cards")
    answered: dict[int, float] = {}
    lines = Lines(port)

    async def tap(number: int) -> None:
        status, body = await lines.send(pressed(number, *map(orjson.loads, cards[str(number)])))
        if status != 200:
            raise Short(f"a tap was answered with {status}: {body[:200]!r}")
        answered[number] = time.monotonic()

    async with _pages(ground, who):
        due = await steady(RATE, numbers, tap)
        await ground.until(numbers, kind="edit")
    lines.close()
    edited = await _edited(ground, numbers)
    span = max(answered.values()) - min(due.values())
    return Taps(
        [(answered[number] - due[number]) * 1000 for number in numbers],
        [(edited[number] - due[number]) * 1000 for number in numbers],
        count / span,
    )


async def _edited(ground: Ground, numbers: Sequence[int]) -> dict[int, float]:
    """When the last chat showed it. The first edit of each chat counts: it has what was tapped."""
    shown: dict[tuple[str, int], float] = {}
    for at, _, vendor, kind, number in (await ground.ask("arrived"))["arrived"]:
        if kind == "edit":
            shown.setdefault((vendor, number), at)
    return {number: max(shown[chat, number] for chat in CHATS) for number in numbers}


@asynccontextmanager
async def _pages(ground: Ground, who: str) -> AsyncIterator[None]:
    """The source goes on meanwhile: a page a second, some of whose rows ring."""

    async def lay() -> None:
        while True:
            numbers = ground.some(PAGE)
            await ground.ask("lay", who=who, first=numbers[0], count=LATE)
            await ground.ask("lay", who=who, first=numbers[LATE], count=PAGE - LATE, late=False)
            await asyncio.sleep(1)

    task = asyncio.create_task(lay())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def pressed(number: int, card: Mapping[str, Any], said: Mapping[str, Any]) -> bytes:
    """The request that Slack makes when Ana taps Acknowledge. https://docs.slack.dev/reference/interaction-payloads"""
    ts, now = said["ts"], time.time()
    payload: dict[str, Any] = {
        "type": "block_actions",
        "user": {"id": "U0ANA", "username": "ana", "name": "ana", "team_id": made_up.SLACK_TEAM},
        "api_app_id": "A0BENCH",
        "trigger_id": f"{number}.bench",
        "team": {"id": made_up.SLACK_TEAM, "domain": "bench"},
        "enterprise": None,
        "is_enterprise_install": False,
        "container": {"type": "message", "message_ts": ts, "channel_id": card["channel"], "is_ephemeral": False},
        "channel": {"id": card["channel"], "name": "dispatch"},
        "message": {"type": "message", "ts": ts, "text": card.get("text", ""), "blocks": card.get("blocks", [])},
        "state": {"values": {}},
        "response_url": "",
        "actions": [{**_button(card), "action_ts": f"{now:.6f}"}],
        "bench": f"N{number:08d}",  # the floor knows alerts by nothing else
    }
    body = urlencode({"payload": orjson.dumps(payload).decode()}).encode()
    stamp = str(int(now))
    mac = hmac.new(made_up.SLACK_SIGNING.encode(), b"v0:" + stamp.encode() + b":" + body, hashlib.sha256)
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "X-Slack-Request-Timestamp": stamp,
        "X-Slack-Signature": f"v0={mac.hexdigest()}",
    }
    return request("POST", "/slack/events", body, headers)


def _button(card: Mapping[str, Any]) -> dict[str, Any]:
    """The first button of the card, which is Acknowledge."""
    blocks = [*card.get("blocks", ()), *(block for part in card.get("attachments", ()) for block in part["blocks"])]
    actions = next(block for block in blocks if block["type"] == "actions")
    button = actions["elements"][0]
    kept = {name: button[name] for name in ("action_id", "type", "text", "value") if name in button}
    return {**kept, "block_id": actions.get("block_id", "bench")}
