"""Cards and notes through the real SDK, over real HTTP, into the stand-in."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest

from channels.slack import SlackChannel
from deskbell.core.alert import Verb
from deskbell.core.card import Note
from deskbell.core.outcome import Fault, Rejected, Retry, Sent, Unknown
from deskbell.core.ports import Destination, Identity
from deskbell.vendors.slack import Way

SINCE = timedelta(seconds=5)


def ago():
    return datetime.now(UTC) - SINCE


async def test_a_card_is_posted_with_its_identity_and_without_mentions(channel, desk, room, identity, slack):
    sent = await channel.post(room, desk.drawn(), identity)

    message = slack.workspace.message(sent.ref["channel"], sent.ref["ts"])
    assert "25 min late" in message.text.split("\n")[0]
    assert message.event == ("deskbell_alert", {"alert": "D-12", "destination": "dispatch", "generation": 1})
    assert message.mentions == []
    assert {"desk.ack", "desk.reassign", "desk.escalate", "desk.snooze", "desk.resolve"} <= set(message.action_ids)


async def test_the_first_posting_rings_whom_it_should_and_names_who_has_no_account(
    channel, desk, room, identity, slack
):
    desk.accounts = {"U0BEN": "ben"}
    card = replace(desk.drawn(), mentions=("ben", "nobody"))

    sent = await channel.post(room, card, identity)

    message = slack.workspace.message(sent.ref["channel"], sent.ref["ts"])
    assert message.mentions == ["@U0BEN"]
    assert "No Slack" in message.as_text()


async def test_an_edit_shows_the_new_state_and_keeps_the_identity(channel, desk, room, identity, slack):
    sent = await channel.post(room, desk.drawn(), identity)
    desk._decide(_press(desk, Verb.ACK), desk.people["ana"])

    done = await channel.edit(room, sent.ref, desk.drawn(), identity)

    message = slack.workspace.message(sent.ref["channel"], sent.ref["ts"])
    assert isinstance(done, Sent)
    assert "Acknowledged by Ana Ruiz" in message.as_text()
    assert message.event[1]["alert"] == "D-12"
    assert "desk.ack" not in message.action_ids


def _press(desk, verb):
    from types import SimpleNamespace

    token = next(b.token for b in desk.drawn().buttons if b.verb == verb)
    return SimpleNamespace(token=token, verb=verb, args={})


async def test_an_edit_of_a_deleted_message_says_gone(channel, desk, room, identity, slack):
    sent = await channel.post(room, desk.drawn(), identity)
    slack.delete_by_hand(sent.ref["channel"], sent.ref["ts"])

    done = await channel.edit(room, sent.ref, desk.drawn(), identity)

    assert isinstance(done, Rejected)
    assert done.fault is Fault.GONE


async def test_a_note_goes_below_its_card(channel, desk, room, identity, slack):
    sent = await channel.post(room, desk.drawn(), identity)

    note = await channel.note(
        room, sent.ref, Note("Ana Ruiz acknowledged", "D-12"), Identity("note", "D-12", "dispatch", 7)
    )

    message = slack.workspace.message(note.ref["channel"], note.ref["ts"])
    assert message.thread_ts == sent.ref["ts"]
    assert not message.broadcast
    assert message.mentions == []
    assert message.event == ("deskbell_note", {"dispatch": 7})


async def test_a_loud_note_rings_and_shows_in_the_room(channel, desk, room, identity, slack):
    desk.accounts = {"U0BEN": "ben"}
    sent = await channel.post(room, desk.drawn(), identity)
    said = Note("Escalated to level 1", "D-12", mentions=("ben",), broadcast=True)

    note = await channel.note(room, sent.ref, said, Identity("note", "D-12", "dispatch", 8))

    message = slack.workspace.message(note.ref["channel"], note.ref["ts"])
    assert message.mentions == ["@U0BEN"]
    assert message.broadcast


async def test_a_direct_note_reaches_its_person(channel, desk, room, slack):
    desk.accounts = {"U0BEN": "ben"}

    note = await channel.note(room, {}, Note("P1 D-12: late", direct="ben"), Identity("note", "D-12", "dispatch", 9))

    assert slack.workspace.channels[note.ref["channel"]].im_user == "U0BEN"


async def test_a_direct_note_leads_to_the_card(channel, desk, room, identity, slack):
    desk.accounts = {"U0BEN": "ben"}
    sent = await channel.post(room, desk.drawn(), identity)
    said, note = Note("P1 D-12: late", direct="ben"), Identity("note", "D-12", "dispatch", 9)

    done = await channel.note(room, sent.ref, said, note)
    slack.faults.set("fatal_error", where="chat.getPermalink", times=1)
    without = await channel.note(room, sent.ref, said, note)

    assert "|Open the card>" in slack.workspace.message(done.ref["channel"], done.ref["ts"]).as_text()
    assert "Open the card" not in slack.workspace.message(without.ref["channel"], without.ref["ts"]).as_text()


async def test_a_direct_note_to_somebody_without_account_is_refused(channel, room):
    note = await channel.note(room, {}, Note("P1", direct="nobody"), Identity("note", "D-12", "dispatch", 9))

    assert isinstance(note, Rejected)
    assert note.fault is Fault.TARGET
    assert "No Slack" in note.why


async def test_a_note_without_a_card_is_a_message_of_its_own(channel, room, slack):
    note = await channel.note(room, {}, Note("The day in numbers"), Identity("note", "", "dispatch", 10))

    assert slack.workspace.message(note.ref["channel"], note.ref["ts"]).thread_ts is None


async def test_a_note_whose_card_was_deleted_is_said_in_the_room(channel, desk, room, identity, slack):
    sent = await channel.post(room, desk.drawn(), identity)
    slack.delete_by_hand(sent.ref["channel"], sent.ref["ts"])

    note = await channel.note(room, sent.ref, Note("Ana acknowledged"), Identity("note", "D-12", "dispatch", 11))

    assert slack.workspace.message(note.ref["channel"], note.ref["ts"]).thread_ts is None


# ---------------------------------------------------------------- finding


async def test_a_card_whose_answer_was_lost_is_found(channel, desk, room, identity, slack):
    slack.faults.set("lost", where="chat.postMessage", times=1)
    sent = await channel.post(room, desk.drawn(), identity)
    assert isinstance(sent, Unknown)

    found = await channel.find(room, identity, ago(), {})

    assert slack.workspace.message(found["channel"], found["ts"]).event[1]["generation"] == 1
    assert await channel.find(room, replace(identity, number=2), ago(), {}) is None


async def test_a_note_whose_answer_was_lost_is_found_also_after_a_restart(
    channel, conf, desk, room, identity, slack, session
):
    sent = await channel.post(room, desk.drawn(), identity)
    note = Identity("note", "D-12", "dispatch", 21)
    slack.faults.set("lost", where="chat.postMessage", times=1)
    assert isinstance(await channel.note(room, sent.ref, Note("Ana acknowledged", "D-12"), note), Unknown)
    restarted = SlackChannel(conf, desk.account_of, {}, session)

    for looking in (channel, restarted):
        found = await looking.find(room, note, ago(), sent.ref)
        assert slack.workspace.message(found["channel"], found["ts"]).thread_ts == sent.ref["ts"]
        assert await looking.find(room, replace(note, number=22), ago(), sent.ref) is None


async def test_a_direct_message_whose_answer_was_lost_is_found(channel, desk, room, slack):
    desk.accounts = {"U0BEN": "ben"}
    note = Identity("note", "D-12", "dispatch", 31)
    slack.faults.set("lost", where="chat.postMessage", times=1)
    assert isinstance(await channel.note(room, {}, Note("P1", direct="ben"), note), Unknown)

    found = await channel.find(room, note, ago(), {})

    assert slack.workspace.channels[found["channel"]].im_user == "U0BEN"


async def test_looking_without_the_permission_says_so(channel, room, identity, slack):
    slack.scopes -= {"channels:history", "groups:history", "im:history"}

    found = await channel.find(room, identity, ago(), {})

    assert isinstance(found, Rejected)
    assert found.fault is Fault.CONFIG


async def test_looking_while_slack_is_away_is_tried_again(channel, room, identity, slack):
    slack.faults.set("500", where="conversations.history", times=1)

    assert isinstance(await channel.find(room, identity, ago(), {}), Retry)


# ---------------------------------------------------------------- trouble


async def test_a_rate_limit_says_when_to_come_back(channel, desk, room, identity, slack):
    slack.faults.set("429", where="chat.postMessage", times=1, retry_after=7)

    sent = await channel.post(room, desk.drawn(), identity)

    assert sent == Retry("Slack: rate limit", timedelta(seconds=7), limited=True)


async def test_one_card_is_one_request_though_the_answer_is_lost(channel, desk, room, identity, slack, oracle):
    slack.faults.set("lost", where="chat.postMessage", times=5)

    assert isinstance(await channel.post(room, desk.drawn(), identity), Unknown)
    assert len([m for m in slack.workspace.all_visible() if m.event[0] == "deskbell_alert"]) == 1


@pytest.mark.parametrize("kind", ["done:fatal_error", "done:internal_error", "done:service_unavailable"])
async def test_an_error_that_may_have_done_it_anyway_is_looked_up(channel, desk, room, identity, slack, kind):
    slack.faults.set(kind, where="chat.postMessage", times=1)

    assert isinstance(await channel.post(room, desk.drawn(), identity), Unknown)
    assert await channel.find(room, identity, ago(), {})


async def test_blocks_that_slack_refuses_are_sent_as_plain_text(channel, desk, room, identity, slack):
    slack.faults.set("invalid_blocks", where="chat.postMessage", times=1)
    sent = await channel.post(room, desk.drawn(), identity)
    slack.faults.set("invalid_blocks", where="chat.update", times=1)
    edited = await channel.edit(room, sent.ref, desk.drawn(), identity)

    message = slack.workspace.message(sent.ref["channel"], sent.ref["ts"])
    assert isinstance(edited, Sent)
    assert message.blocks == []
    assert "D-12" in message.text


async def test_nobody_listens(conf, desk, room, identity, session, unused_port):
    away = SlackChannel(replace(conf, base_url=f"http://127.0.0.1:{unused_port}/api/"), desk.account_of, {}, session)

    assert isinstance(await away.post(room, desk.drawn(), identity), Retry)


@pytest.fixture
def unused_port():
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


async def test_a_proxy_of_the_environment_is_not_used(conf, desk, room, identity, monkeypatch, unused_port):
    for name in ("HTTPS_PROXY", "HTTP_PROXY", "http_proxy", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{unused_port}")
    channel = SlackChannel(conf, desk.account_of, {})

    assert isinstance(await channel.post(room, desk.drawn(), identity), Sent)
    await channel.close()


async def test_slow_answers_are_unknown(conf, desk, room, identity, slack, session):
    slack.faults.set("slow", where="chat.postMessage", times=1, delay=3)
    channel = SlackChannel(replace(conf, timeout_s=0.3), desk.account_of, {}, session)

    assert isinstance(await channel.post(room, desk.drawn(), identity), Unknown)


@pytest.mark.parametrize(
    ("body", "kind"), [("<html>sign in</html>", "text/html"), ("[]", "application/json"), ("ok", "text/plain")]
)
async def test_an_answer_that_is_not_slacks_is_unknown(conf, desk, room, identity, session, body, kind):
    async def answer(_request):
        return aiohttp.web.Response(text=body, content_type=kind)

    app = aiohttp.web.Application()
    app.router.add_post("/api/{method}", answer)
    runner = aiohttp.web.AppRunner(app)
    await runner.setup()
    site = aiohttp.web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    channel = SlackChannel(replace(conf, base_url=f"http://127.0.0.1:{port}/api/"), desk.account_of, {}, session)

    assert isinstance(await channel.post(room, desk.drawn(), identity), Unknown)
    await runner.cleanup()


async def test_a_public_room_is_joined_and_a_private_one_is_asked_for(channel, desk, room, identity, slack):
    slack.remove_bot("C0DISPATCH")
    assert isinstance(await channel.post(room, desk.drawn(), identity), Sent)

    slack.remove_bot("C0DISPATCH")
    slack.workspace.channel("C0DISPATCH").is_private = True
    refused = await channel.post(room, desk.drawn(), identity)
    assert isinstance(refused, Rejected)
    assert refused.fault is Fault.TARGET


# ---------------------------------------------------------------- check


async def test_check_says_what_to_do(channel, slack):
    slack.archive("C0OPS")
    slack.remove_bot("C0SUPPORT")
    rooms = [Destination(name, "slack", f"C0{name.upper()}") for name in ("dispatch", "support", "ops", "lost")]

    findings = {one.what: one for one in await channel.check(rooms)}

    assert findings["slack"].ok
    assert findings["slack permissions"].ok
    assert findings["slack socket"].ok
    assert findings["slack dispatch"].ok
    assert "/invite" in findings["slack support"].detail
    assert "archived" in findings["slack ops"].detail
    assert not findings["slack lost"].ok


async def test_check_names_a_bad_token_and_lacking_permissions(conf, desk, session, slack):
    bad = SlackChannel(replace(conf, bot_token="xoxb-other"), desk.account_of, {}, session)
    assert [one.ok for one in await bad.check([])] == [False]

    lacking = SlackChannel(replace(conf, app_token="xapp-other"), desk.account_of, {}, session)
    assert next(one.detail for one in await lacking.check([]) if not one.ok).endswith("it needs connections:write.")

    deaf = SlackChannel(replace(conf, way=Way.HTTP, signing_secrets=()), desk.account_of, {}, session)
    assert [one.what for one in await deaf.check([]) if not one.ok] == ["slack signing secret"]

    slack.scopes -= {"im:write", "channels:history"}
    findings = {one.what: one for one in await SlackChannel(conf, desk.account_of, {}, session).check([])}
    assert "im:write" in findings["slack permissions"].detail
    assert "channels:history" in findings["slack look-up"].detail


async def test_limits_come_from_the_configuration(conf, desk):
    channel = SlackChannel(replace(conf, posts_per_second=2, edits_per_minute=30), desk.account_of, {})

    assert [(one.op, one.scope, one.count) for one in channel.limits] == [
        ("post", "destination", 2),
        ("edit", "account", 30),
    ]
