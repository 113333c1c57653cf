"""Every outcome of what we send, over real HTTP through the real SDK."""

import asyncio
import logging
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest
from aiohttp import web

from channels.telegram import TelegramChannel
from deskbell.core.card import Note
from deskbell.core.outcome import Fault, Rejected, Retry, Sent, Unknown
from deskbell.core.ports import Destination, Identity
from deskbell.net import faults
from deskbell.sandbox import credentials
from deskbell.vendors.telegram import Way

ROOM = "-1001000000001"
TOPIC = "-1001000000002/5"
NOTE = Identity("note", "D-12", "dispatch", 5)


async def test_a_card_is_posted_rings_and_is_edited_silently(channel, desk, room, identity, telegram):
    card = replace(desk.drawn(), mentions=("ben",))
    sent = await channel.post(room, card, identity)
    edited = await channel.edit(room, sent.ref, replace(card, state="changed"), identity)

    message = telegram.chats[int(ROOM)].messages[int(sent.ref["message"])]
    assert sent == Sent({"chat": ROOM, "message": str(message.id)})
    assert edited == Sent({**sent.ref, "shown": edited.ref["shown"]})
    assert not message.silent
    assert "changed" in message.text
    assert not any(entity.type == "text_mention" for entity in message.entities)
    assert len(telegram.cards()) == 1


async def test_a_new_card_mentions_who_it_rings(channel, desk, room, identity, telegram):
    await channel.post(room, replace(desk.drawn(), mentions=("ben", "nils")), identity)

    message = list(telegram.chats[int(ROOM)].messages.values())[-1]
    assert [entity.user for entity in message.entities if entity.type == "text_mention"] == [700_000_002]
    assert "Nils Lund" in message.text


async def test_an_edit_that_changes_nothing_is_done(channel, desk, room, identity):
    sent = await channel.post(room, desk.drawn(), identity)

    edited = await channel.edit(room, sent.ref, desk.drawn(), identity)

    assert isinstance(edited, Sent)
    assert edited.ref["message"] == sent.ref["message"]


async def test_what_a_card_shows_already_is_not_sent_again(channel, desk, room, identity, telegram):
    sent = await channel.post(room, desk.drawn(), identity)
    first = await channel.edit(room, sent.ref, desk.drawn(), identity)
    calls = telegram.ledger.count("telegram", "call")

    again = await channel.edit(room, first.ref, desk.drawn(), identity)

    assert isinstance(again, Sent)
    assert again.skipped
    assert telegram.ledger.count("telegram", "call") == calls
    changed = await channel.edit(room, again.ref, replace(desk.drawn(), state="changed"), identity)
    assert not changed.skipped


async def test_what_another_instance_has_shown_since_is_edited_again(
    channel, conf, desk, room, identity, session, telegram
):
    sent = await channel.post(room, desk.drawn(), identity)
    first = await channel.edit(room, sent.ref, desk.drawn(), identity)
    other = TelegramChannel(conf, desk.account_of, {}, session, desk)
    theirs = await other.edit(room, first.ref, replace(desk.drawn(), state="changed"), identity)

    back = await channel.edit(room, theirs.ref, desk.drawn(), identity)

    assert not back.skipped
    assert "changed" not in telegram.texts(ROOM)[-1]


async def test_a_topic_is_posted_to(channel, desk, topic, identity, telegram):
    sent = await channel.post(topic, desk.drawn(), identity)

    assert sent.ref["topic"] == "5"
    assert len(telegram.cards(TOPIC)) == 1


async def test_a_topic_that_is_gone_is_left_out(channel, desk, topic, identity, telegram, caplog):
    telegram.chats[-1001000000002].topics = {7: "Another"}

    sent = await channel.post(topic, desk.drawn(), identity)

    assert isinstance(sent, Sent)
    assert len(telegram.cards("-1001000000002")) == 1
    assert "is gone" in caplog.text


async def test_a_closed_topic_is_no_target(channel, desk, topic, identity, telegram):
    telegram.chats[-1001000000002].closed_topics = {5}

    assert (await channel.post(topic, desk.drawn(), identity)).fault is Fault.TARGET


# ---------------------------------------------------------------- notes


async def test_a_note_that_rings_answers_its_card(channel, desk, room, identity, telegram):
    sent = await channel.post(room, desk.drawn(), identity)
    noted = await channel.note(room, sent.ref, Note("Nobody has it", "D-12", mentions=("ben",)), NOTE)

    message = telegram.chats[int(ROOM)].messages[int(noted.ref["message"])]
    assert message.reply_to == int(sent.ref["message"])
    assert message.text == "\U0001f514 Ben Okafor\nNobody has it"
    assert not message.silent
    assert len(telegram.cards()) == 1


async def test_a_line_of_the_story_is_not_sent(channel, room, telegram):
    assert await channel.note(room, {}, Note("Ana Ruiz acknowledged", "D-12"), NOTE) == Sent(
        {}, "the card shows it", skipped=True
    )
    assert telegram.all_messages() == []


async def test_a_note_on_a_deleted_card_stands_alone(channel, desk, room, identity, telegram):
    sent = await channel.post(room, desk.drawn(), identity)
    telegram.delete_by_hand(telegram.cards()[0])

    noted = await channel.note(room, sent.ref, Note("Nobody has it", "D-12", broadcast=True), NOTE)

    assert isinstance(noted, Sent)


async def test_a_direct_message_has_buttons_and_leads_to_the_card(channel, desk, room, identity, telegram):
    sent = await channel.post(room, desk.drawn(), identity)
    buttons = tuple(button for button in desk.drawn().buttons if button.verb == "ack")
    note = Note("P1 D-12: look at it", "D-12", mentions=("ben",), direct="ben", buttons=buttons)

    await channel.note(room, sent.ref, note, NOTE)

    message = list(telegram.private_chat(telegram.who("ben")).messages.values())[-1]
    assert not message.silent
    assert [button["text"] for button in message.buttons] == ["Acknowledge", "Open the card"]
    assert message.buttons[1]["url"] == f"https://t.me/c/1000000001/{sent.ref['message']}"


@pytest.mark.parametrize(
    ("who", "words"),
    [("carla", "has no account here"), ("nils", "has not pressed Start"), ("ben", "has stopped the bot")],
)
async def test_who_can_not_be_written_to_is_no_target(channel, desk, room, telegram, who, words):
    desk.accounts = {"700000002": "ben", "700000012": "nils"}
    telegram.block("ben")

    outcome = await channel.note(room, {}, Note("P1", direct=who), NOTE)

    assert outcome.fault is Fault.TARGET
    assert words in outcome.why


# ---------------------------------------------------------------- outcomes

OUTCOMES = {
    "401": (Rejected, Fault.AUTH),
    "404": (Rejected, Fault.AUTH),
    "403": (Rejected, Fault.TARGET),
    "blocked": (Rejected, Fault.TARGET),
    "deactivated": (Rejected, Fault.TARGET),
    "chat not found": (Rejected, Fault.TARGET),
    "rights": (Rejected, Fault.TARGET),
    "forbidden": (Rejected, Fault.TARGET),
    "409": (Rejected, Fault.CONFIG),
    "gone": (Rejected, Fault.GONE),
    "uneditable": (Rejected, Fault.GONE),
    "strange": (Rejected, Fault.PAYLOAD),
    "500": (Unknown, None),
    "502": (Unknown, None),
    "html": (Unknown, None),
    "drop": (Unknown, None),
    "lost": (Unknown, None),
    "429": (Retry, None),
}


@pytest.mark.parametrize("kind", OUTCOMES)
async def test_what_telegram_says_is_one_outcome(channel, desk, room, identity, telegram, kind, caplog):
    sent = await channel.post(room, desk.drawn(), identity)
    telegram.faults.set(kind, retry_after=7)
    with caplog.at_level(logging.DEBUG):
        posted = await channel.post(room, desk.drawn(), replace(identity, number=2))
        edited = await channel.edit(room, sent.ref, replace(desk.drawn(), state=kind), identity)

    wanted, fault = OUTCOMES[kind]
    for outcome in (posted, edited):
        assert isinstance(outcome, wanted)
        assert getattr(outcome, "fault", None) is fault
        assert "sandbox-telegram-token" not in str(outcome)
        if wanted is Retry:
            assert outcome == Retry("Telegram: rate limit", timedelta(seconds=7), limited=True)
    assert "sandbox-telegram-token" not in caplog.text


async def test_markup_that_is_refused_goes_out_plain_once(channel, desk, room, identity, telegram, caplog):
    telegram.faults.set("parse", times=1)
    sent = await channel.post(room, desk.drawn(), identity)
    telegram.faults.set("parse", times=1)
    edited = await channel.edit(room, sent.ref, replace(desk.drawn(), state="changed"), identity)
    telegram.faults.set("parse", times=1)
    noted = await channel.note(room, sent.ref, Note("x", broadcast=True), NOTE)

    assert all(isinstance(one, Sent) for one in (sent, edited, noted))
    assert telegram.cards()[0].text.startswith("[changed] D-12 Marco")
    assert "Acknowledge" in telegram.cards()[0].buttons
    assert "sent as plain text" in caplog.text


async def test_a_deleted_card_is_gone(channel, desk, room, identity, telegram):
    sent = await channel.post(room, desk.drawn(), identity)
    telegram.delete_by_hand(telegram.cards()[0])

    assert (await channel.edit(room, sent.ref, desk.drawn(), identity)).fault is Fault.GONE


@pytest.mark.parametrize("status", ["kicked", "left", "restricted"])
async def test_a_room_that_was_lost_is_no_target(channel, desk, room, identity, telegram, status):
    telegram.set_bot(ROOM, status)

    assert (await channel.post(room, desk.drawn(), identity)).fault is Fault.TARGET


async def test_slow_is_unknown(conf, desk, session, room, identity, telegram):
    channel = TelegramChannel(replace(conf, timeout_s=0.2), desk.account_of, {}, session, desk)
    telegram.faults.set("slow", delay=0.6)

    assert isinstance(await channel.post(room, desk.drawn(), identity), Unknown)


async def test_what_never_left_is_tried_again(conf, desk, room, identity):
    channel = TelegramChannel(replace(conf, base_url="http://127.0.0.1:1/telegram"), desk.account_of, {})

    outcome = await channel.post(room, desk.drawn(), identity)

    assert isinstance(outcome, Retry)
    assert "sandbox" not in outcome.why
    await channel.close()


@pytest.mark.parametrize("base", ["http://[::1", "not an address", "http://exa mple/"])
async def test_an_address_that_is_none_says_so(conf, desk, room, identity, base):
    channel = TelegramChannel(replace(conf, base_url=base), desk.account_of, {})

    outcome = await channel.post(room, desk.drawn(), identity)

    assert not isinstance(outcome, Sent)
    assert "sandbox" not in str(outcome)
    await channel.close()


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"null", b'{"ok":true}', b'{"ok":true,"result":7}', b"\xff"])
async def test_a_page_that_is_not_telegrams_is_unknown(conf, desk, room, identity, body):
    async def answer(_request):
        return web.Response(body=body)

    app = web.Application()
    app.router.add_post("/{rest:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    channel = TelegramChannel(replace(conf, base_url=f"http://127.0.0.1:{runner.addresses[0][1]}"), desk.account_of, {})

    assert isinstance(await channel.post(room, desk.drawn(), identity), Unknown)
    await channel.close()
    await runner.cleanup()


async def test_what_was_said_can_not_be_looked_up(channel, room, identity):
    assert isinstance(await channel.find(room, identity, datetime.now(UTC), {}), Rejected)


async def test_one_fault_point_before_and_one_after(channel, desk, room, identity):
    faults.arm("")
    sent = await channel.post(room, desk.drawn(), identity)
    await channel.edit(room, sent.ref, replace(desk.drawn(), state="x"), identity)
    reached = faults.reached()
    faults.disarm()

    assert reached == [
        "telegram.send.before",
        "telegram.send.after",
        "telegram.edit.before",
        "telegram.edit.after",
    ]


# ---------------------------------------------------------------- a group moves


async def test_a_group_that_moved_is_followed_at_once_and_for_good(
    channel, conf, desk, room, identity, session, telegram
):
    sent = await channel.post(room, desk.drawn(), identity)
    new = telegram.migrate(ROOM)

    edited = await channel.edit(room, sent.ref, desk.drawn(), identity)
    posted = await channel.post(room, desk.drawn(), identity)
    after = TelegramChannel(conf, desk.account_of, {}, session, desk)  # a restart
    again = await after.post(room, desk.drawn(), identity)

    assert edited.fault is Fault.GONE
    assert posted.ref["chat"] == again.ref["chat"] == str(new.id)
    assert telegram.ledger.count("telegram", "rejected") == 1


async def test_a_note_follows_its_room(channel, desk, room, identity, telegram):
    sent = await channel.post(room, desk.drawn(), identity)
    new = telegram.migrate(ROOM)

    noted = await channel.note(room, sent.ref, Note("Nobody has it", broadcast=True), NOTE)

    assert noted.ref["chat"] == str(new.id)


# ---------------------------------------------------------------- checking


async def test_a_check_says_that_all_is_well(channel, room, topic):
    rows = await channel.check([room, topic, Destination("me", "telegram", "700000001")])

    assert [(row.what, row.ok, row.detail) for row in rows] == [
        ("telegram", True, "@deskbell_bot"),
        ("telegram polling", True, ""),
        ("telegram dispatch", True, "Dispatch"),
        ("telegram support", True, "Northgate"),
        ("telegram me", True, "direct messages"),
    ]


async def test_a_check_finds_what_is_wrong(channel, conf, desk, session, room, topic, telegram):
    telegram.updates.set_hook("https://old.example.org/hook", "", 40, None, drop=False)
    telegram.set_bot(ROOM, "kicked")
    telegram.chats[-1001000000002].topics = {7: "Another"}
    rows = await channel.check([room, topic, Destination("gone", "telegram", "-77")])

    assert [row.ok for row in rows] == [True, False, False, False, False]
    assert "a webhook to old.example.org is set" in rows[1].detail
    assert "removed from the group" in rows[2].detail
    assert "message thread not found" in rows[3].detail
    assert "there is no such chat" in rows[4].detail

    telegram.token = "7000000:another"
    stranger = TelegramChannel(conf, desk.account_of, {}, session, desk)
    rows = await stranger.check([room])
    assert len(rows) == 1
    assert "the token is not valid any more" in rows[0].detail


async def test_a_check_of_the_webhook(conf, desk, session, telegram):
    hooked = replace(conf, way=Way.WEBHOOK, webhook_url="https://desk.example.org", webhook_secret="s" * 20)
    channel = TelegramChannel(hooked, desk.account_of, {}, session, desk)

    assert "the daemon sets it" in (await channel.check([]))[1].detail
    telegram.updates.set_hook("https://other.example.org/x", "", 40, None, drop=False)
    assert not (await channel.check([]))[1].ok
    telegram.updates.set_hook("https://desk.example.org/x", "", 40, None, drop=False)
    assert (await channel.check([]))[1].ok
    telegram.updates.hook.last_error = "Wrong response from the webhook: 401"
    assert not (await channel.check([]))[1].ok


async def test_a_session_of_our_own_is_closed(conf, desk, room, identity):
    channel = TelegramChannel(conf, desk.account_of, {})
    await channel.post(room, desk.drawn(), identity)
    session = channel._api.session
    await channel.close()

    assert isinstance(session, aiohttp.ClientSession)
    assert session.closed


# ---------------------------------------------------------------- limits


async def test_our_limits_stay_below_telegrams(channel, desk, room, identity, telegram):
    """What the courier obeys: a second between two messages of a chat, and so many a minute with the edits."""
    counts = {(limit.op, limit.scope, limit.per.total_seconds()): limit.count for limit in channel.limits}
    assert counts == {("any", "destination", 1.0): 1, ("any", "destination", 60.0): 18, ("any", "account", 1.0): 25}


async def test_a_storm_beyond_them_is_refused_with_a_time(channel, desk, room, identity, telegram):
    from deskbell.sandbox.telegram.hub import RATES

    telegram.rates = dict(RATES)
    outcomes = [await channel.post(room, desk.drawn(), replace(identity, number=n)) for n in range(8)]

    assert [type(one) for one in outcomes] == [Sent] * 5 + [Retry] * 3
    assert outcomes[-1].limited
    assert outcomes[-1].after >= timedelta(seconds=1)


async def test_many_at_once_share_one_session(channel, desk, room, identity, telegram):
    outcomes = await asyncio.gather(*(channel.post(room, desk.drawn(), replace(identity, number=n)) for n in range(40)))

    assert all(isinstance(one, Sent) for one in outcomes)
    assert len({one.ref["message"] for one in outcomes}) == 40


def test_the_token_is_in_no_representation(conf):
    assert credentials.TELEGRAM_TOKEN not in repr(conf)
