"""What people do in Slack, through the real SDK over real sockets: tap, fill in, type, and see."""

import asyncio
import logging
from dataclasses import replace
from datetime import timedelta

import pytest
from slack_bolt.logger import get_bolt_app_logger

from bot.clerk import STILL_WORKING, UNSAVED
from bot.slack import SlackGateway
from bot.slack_acts import NOT_OURS
from deskbell.core.alert import Status
from deskbell.core.card import Reply
from deskbell.core.outcome import Sent
from deskbell.vendors.slack import Way
from deskbell.vendors.slack_web import SDK_LOG

ROOM = "C0DISPATCH"


@pytest.fixture(params=["socket", "http"])
async def gateway(request, conf, desk, commands, session, slack, wait):
    """The same stories, whichever way Slack reaches us."""
    conf = replace(conf, way=Way(request.param))
    gateway = SlackGateway(conf, desk, commands, session)
    await gateway.start()
    server = await serve(gateway) if request.param == "http" else None
    if server:
        slack.use_http(f"http://127.0.0.1:{server.addresses[0][1]}/slack/events")
    sockets = gateway._sockets
    await wait(lambda: not gateway.trouble and (not sockets or sockets.alive == 2) and len(desk.accounts) == 4)
    yield gateway
    await gateway.close()
    if server:
        await server.cleanup()


async def serve(gateway):
    from aiohttp import web

    async def events(request):
        status, headers, body = await gateway.handle_http(request.headers, await request.read())
        return web.Response(status=status, headers=headers, body=body)

    app = web.Application()
    app.router.add_post("/slack/events", events)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return runner


# ---------------------------------------------------------------- taps


async def test_a_tap_is_done_acknowledged_and_told_in_private(card, desk, slack):
    seen = await slack.tap("ana", ROOM, card.ts, "desk.ack")

    assert seen.acked
    assert seen.elapsed_ms < 1000
    assert desk.alert.status is Status.ACKED
    assert desk.alert.acked_by == "ana"
    (told,) = await seen.wait_ephemeral()
    assert "Ana Ruiz acknowledged" in told.as_text()
    assert told.ephemeral_for == "U0ANA"
    said = desk.acted[0]
    assert (said.platform, said.account, said.workspace, said.room) == ("slack", "U0ANA", "T0SANDBOX", ROOM)
    assert said.key.startswith("slack:")
    assert said.kind == "button"


async def test_the_second_tap_hears_who_was_faster(card, desk, slack):
    await slack.tap("ana", ROOM, card.ts, "desk.ack")
    seen = await slack.tap("ben", ROOM, card.ts, "desk.ack")

    assert seen.acked
    await seen.wait_ephemeral()
    assert "already acknowledged by Ana Ruiz" in seen.text


async def test_two_taps_at_once_have_one_winner(card, desk, slack):
    both = await asyncio.gather(*(slack.tap(who, ROOM, card.ts, "desk.ack") for who in ("ana", "ben")))

    assert all(one.acked for one in both)
    for one in both:
        await one.wait_ephemeral()
    assert sum("already acknowledged" in one.text for one in both) == 1


async def test_a_person_without_a_role_is_told_so_privately(card, desk, slack):
    seen = await slack.tap("dan", ROOM, card.ts, "desk.ack")

    await seen.wait_ephemeral()
    assert "Your role does not allow ack" in seen.text
    assert desk.alert.status is Status.OPEN
    assert all(message.ephemeral_for == "U0DAN" for message in seen.ephemerals)


async def test_somebody_unknown_is_told_how_to_become_known(card, desk, slack):
    seen = await slack.tap("marco", ROOM, card.ts, "desk.ack")

    await seen.wait_ephemeral()
    assert "Who are you?" in seen.text
    assert "desk.connect" in seen.ephemerals[0].action_ids
    assert desk.alert.status is Status.OPEN


async def test_somebody_new_with_a_known_address_is_linked_by_the_tap(card, desk, slack):
    del desk.accounts["U0ANA"]

    seen = await slack.tap("ana", ROOM, card.ts, "desk.ack")

    assert seen.acked
    assert desk.alert.acked_by == "ana"


async def test_a_guest_of_a_shared_channel_is_refused(card, desk, slack):
    slack.workspace.user("mallory").email = "ana@example.org"

    seen = await slack.tap("mallory", ROOM, card.ts, "desk.ack")

    await seen.wait_ephemeral()
    assert NOT_OURS in seen.text
    assert desk.acted == []


async def test_a_forged_token_does_nothing(card, desk, slack):
    seen = await slack.tap("ana", ROOM, card.ts, "desk.ack", force={"value": "AQAAAAAAAAwAAAEAAAAAAAAAAAAA"})

    await seen.wait_ephemeral()
    assert "not genuine" in seen.text
    assert desk.alert.status is Status.OPEN


@pytest.mark.parametrize("value", ["", "x", "|", "A" * 2000, "\ud800", "<!channel>"])
async def test_a_strange_token_does_nothing(card, desk, slack, value):
    value = value.encode("utf-8", "replace").decode()
    seen = await slack.tap("ana", ROOM, card.ts, "desk.ack", force={"value": value})

    assert seen.acked
    assert desk.alert.status is Status.OPEN


async def test_an_action_nobody_knows_is_answered(card, desk, slack):
    seen = await slack.tap("ana", ROOM, card.ts, "desk.dance", force={"value": "x"})

    assert seen.acked
    assert desk.alert.status is Status.OPEN


async def test_a_choice_is_an_argument(card, desk, slack):
    options = card.find("desk.snooze")[1]["options"]
    seen = await slack.tap("ana", ROOM, card.ts, "desk.snooze", selected=options[1]["value"])

    assert seen.acked
    assert desk.acted[0].args == {"span": timedelta(minutes=30)}
    assert desk.alert.snoozed_until


@pytest.mark.parametrize("verb", ["escalate", "ack"])
async def test_each_plain_button_does_its_verb(card, desk, slack, verb):
    await slack.tap("ana", ROOM, card.ts, f"desk.{verb}")

    assert [one.verb for one in desk.acted] == [verb]


async def test_a_tap_that_is_stored_too_late_is_told_twice(card, desk, slack, wait):
    desk.slow = 2.5

    seen = await slack.tap("ana", ROOM, card.ts, "desk.ack")

    assert seen.acked
    assert seen.elapsed_ms < 2900
    await seen.wait_ephemeral()
    assert UNSAVED in seen.text
    await wait(lambda: "saved after all" in seen.text)
    assert desk.alert.status is Status.ACKED


async def test_a_tap_that_can_not_be_stored_is_told(card, desk, slack):
    desk.broken = True

    seen = await slack.tap("ana", ROOM, card.ts, "desk.ack")

    assert seen.acked
    await seen.wait_ephemeral()
    assert UNSAVED in seen.text


async def test_a_refusal_reaches_its_person_although_the_response_url_is_dead(card, desk, slack):
    slack.faults.set("500", where="response_url", times=1)
    slack.answering.clear()
    original, slack.new_answering = slack.new_answering, lambda *args: _dead(original(*args))

    seen = await slack.tap("dan", ROOM, card.ts, "desk.ack")

    await seen.wait_ephemeral()
    assert "Your role" in seen.text


def _dead(answering):
    answering.uses = 5
    return answering


# ---------------------------------------------------------------- forms


async def test_reassign_asks_for_a_colleague(card, desk, slack):
    seen = await slack.tap("ana", ROOM, card.ts, "desk.reassign")
    view = await seen.wait_view()
    assert view.body["title"]["text"] == "Reassign D-12"

    done = await slack.submit("ana", view.id, {"answer": "Ben Okafor"})

    assert done.closed
    assert desk.alert.assignee == "ben"
    assert desk.acted[0].kind == "form"
    assert desk.acted[0].room == ROOM


async def test_a_refusal_is_shown_in_the_form_and_the_next_try_counts(card, desk, slack):
    view = await (await slack.tap("ana", ROOM, card.ts, "desk.reassign")).wait_view()

    refused = await slack.submit("ana", view.id, {"answer": "Dan Novak"})
    assert "can't take alerts" in refused.errors["answer"]
    assert not refused.closed

    done = await slack.submit("ana", view.id, {"answer": "Ben Okafor"})
    assert done.closed
    assert desk.alert.assignee == "ben"


async def test_resolve_asks_why(card, desk, slack):
    view = await (await slack.tap("ana", ROOM, card.ts, "desk.resolve")).wait_view()

    empty = await slack.submit("ana", view.id, {})
    assert empty.errors == {"answer": "Choose a reason or write one."}

    done = await slack.submit("ana", view.id, {"quick": "Fixed", "answer": "valve <!channel> replaced"})
    assert done.closed
    assert desk.alert.reason == "Fixed: valve <!channel> replaced"


async def test_a_slow_store_is_told_in_the_form(card, desk, slack):
    view = await (await slack.tap("ana", ROOM, card.ts, "desk.resolve")).wait_view()
    desk.slow = 2.5

    done = await slack.submit("ana", view.id, {"quick": "Fixed"})

    assert done.acked
    assert "Not saved" in done.errors["answer"]


async def test_a_form_for_a_forged_token_stays_shut(card, desk, slack):
    seen = await slack.tap("ana", ROOM, card.ts, "desk.reassign", force={"value": "forged"})

    await seen.wait_ephemeral()
    assert seen.view is None
    assert "not genuine" in seen.text


async def test_somebody_unknown_sees_no_colleagues(card, desk, slack):
    seen = await slack.tap("marco", ROOM, card.ts, "desk.reassign")

    await seen.wait_ephemeral()
    assert seen.view is None
    assert "Who are you?" in seen.text


async def test_a_long_list_of_colleagues_is_searched(card, desk, slack):
    desk.team = [(f"p{n}", f"Person {n}", "") for n in range(150)] + [("ben", "Ben Okafor", "on duty")]
    view = await (await slack.tap("ana", ROOM, card.ts, "desk.reassign")).wait_view()

    found = await slack.suggest("ana", "desk.people", "okaf", view_id=view.id)
    assert [one["value"] for one in found.options] == ["ben"]
    assert len((await slack.suggest("ana", "desk.people", "", view_id=view.id)).options) == 100

    done = await slack.submit("ana", view.id, {"answer": found.options[0]})
    assert done.closed
    assert desk.alert.assignee == "ben"


async def test_without_colleagues_the_form_says_so(card, desk, slack):
    desk.team = []

    view = await (await slack.tap("ana", ROOM, card.ts, "desk.reassign")).wait_view()

    assert "no colleague" in view.body["blocks"][0]["text"]["text"]


async def test_a_form_that_can_not_be_opened_is_told_with_the_command_for_it(card, desk, slack):
    slack.faults.set("fatal_error", where="views.open", times=1)

    seen = await slack.tap("ana", ROOM, card.ts, "desk.reassign")

    await seen.wait_ephemeral()
    assert "/desk reassign D-12" in seen.text


# ---------------------------------------------------------------- commands


async def test_a_command_is_answered_privately(gateway, commands, slack):
    seen = await slack.type("ana", ROOM, "/desk list mine")

    assert seen.acked
    assert "list mine" in seen.text
    line, said = commands.lines[0]
    assert line == "list mine"
    assert (said.platform, said.account, said.workspace, said.room) == ("slack", "U0ANA", "T0SANDBOX", ROOM)
    assert said.key.startswith("slack:")


@pytest.mark.parametrize(
    ("typed", "line"),
    [
        ("/desk", ""),
        ("/case 4711", "case 4711"),
        ("/oncall", "oncall"),
        ("/oncall dispatch", "oncall dispatch"),
        ("/desk reassign D-12 @ben", "reassign D-12 @ben"),
        ("/desk reassign D-12 @lena", "reassign D-12 <@U0LENA|lena>"),
        ("/desk note D-12 a < b & c > d", "note D-12 a < b & c > d"),
        ("/desk note D-12 see #ops", "note D-12 see #ops"),
    ],
)
async def test_what_is_typed_reaches_the_commands_in_plain_words(gateway, commands, slack, typed, line):
    await slack.type("ana", ROOM, typed)

    assert commands.lines[0][0] == line


async def test_a_card_in_an_answer_can_be_tapped_and_answers_there(gateway, desk, slack, wait):
    seen = await slack.type("ana", ROOM, "/desk show D-12")
    shown = seen.ephemerals[0]

    tapped = await slack.tap("ana", ROOM, shown.ts, "desk.ack", changes=False)

    assert tapped.acked
    assert desk.alert.status is Status.ACKED
    assert desk.acted[0].room == ""
    await wait(lambda: "Ana Ruiz acknowledged" in tapped.text)


async def test_a_slow_command_is_answered_later(gateway, commands, slack, wait):
    commands.slow = 2.3

    seen = await slack.type("ana", ROOM, "/desk list")

    assert seen.acked
    assert STILL_WORKING in seen.text
    await wait(lambda: "Heard" in seen.text)


async def test_a_later_answer_is_added(gateway, commands, slack, wait):
    async def later():
        return Reply(lines=("fresh from the source",))

    commands.later = later

    seen = await slack.type("ana", ROOM, "/case 4711")

    await wait(lambda: "fresh from the source" in seen.text)
    assert len(seen.ephemerals) == 2


async def test_nothing_is_added_when_there_is_nothing_new(gateway, commands, slack):
    async def later():
        return None

    commands.later = later

    seen = await slack.type("ana", ROOM, "/case 4711")

    await asyncio.sleep(0.2)
    assert len(seen.ephemerals) == 1


async def test_a_guest_can_not_command(gateway, commands, slack):
    async def guest(fields):
        return await slack.line.command(fields | {"team_id": "T0OTHER"})

    seen = await guest(
        {"command": "/desk", "text": "list", "user_id": "U0MALLORY", "channel_id": ROOM, "trigger_id": "9"}
    )

    assert seen.acked
    assert NOT_OURS in str(seen.payload)
    assert commands.lines == []


# ---------------------------------------------------------------- people


async def test_people_are_linked_by_address_and_the_configuration_wins(gateway, desk):
    assert desk.accounts == {
        "U0ANA": "ana",
        "U0BEN": "ben",
        "U0CARLA": "carla",
        "U0DAN": "dan",
    }


async def test_an_account_that_the_configuration_gives_to_somebody_is_not_given_away(gateway, desk):
    desk.people["evil"] = replace(desk.people["dan"], id="evil", email="carla@example.org")
    desk.accounts.clear()

    await gateway._people.link_people()

    assert desk.accounts["U0CARLA"] == "carla"


async def test_a_person_who_left_is_not_linked(gateway, desk):
    desk.people["olga"] = replace(desk.people["dan"], id="olga", email="olga@example.org")

    await gateway._people.link_people()

    assert "olga" not in desk.accounts.values()


async def test_a_bot_is_not_a_person(card, desk, slack):
    slack.workspace.channel(ROOM).members.add("U0DESKBELL")

    await slack.tap("U0DESKBELL", ROOM, card.ts, "desk.ack")

    assert desk.acted == []


async def test_a_card_posted_by_us_carries_what_the_gateway_reads(channel, gateway, desk, room, identity, slack):
    sent = await channel.post(room, desk.drawn(), identity)
    assert isinstance(sent, Sent)

    await slack.tap("ana", ROOM, sent.ref["ts"], "desk.ack")
    await channel.edit(room, sent.ref, desk.drawn(), identity)

    assert "Acknowledged by Ana Ruiz" in slack.workspace.message(ROOM, sent.ref["ts"]).as_text()


async def test_the_sdk_leaves_our_own_log_alone(gateway):
    """Bolt gives the level of its base logger to a logger of the app's name: were that ours, we would fall silent."""
    assert get_bolt_app_logger(gateway._app.name, base_logger=SDK_LOG).name != "deskbell"
    assert logging.getLogger("deskbell").level == logging.NOTSET
