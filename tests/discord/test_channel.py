"""Cards and notes out, through the real SDK over real HTTP, and what becomes of them when Discord says no."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from channels.catalog import CHANNELS
from channels.discord import NONCE, DiscordChannel, nonce, snowflake
from deskbell.core.card import Button, Note
from deskbell.core.outcome import Fault, Rejected, Retry, Sent, Unknown
from deskbell.core.ports import Destination, Identity
from deskbell.net import faults as points
from deskbell.net.session import Trouble
from deskbell.sandbox import credentials
from deskbell.sandbox.discord.world import HISTORY, IN_THREADS, SEND, THREADS
from deskbell.sandbox.staff import STAFF
from deskbell.vendors.discord_web import DiscordWeb

ROOM = credentials.DISCORD_ROOMS["dispatch"]
ROLE = credentials.DISCORD_ONCALL_ROLE
ANA, BEN = STAFF["ana"].discord, STAFF["ben"].discord


@pytest.fixture
def note_id():
    return Identity("note", "D-12", "dispatch", 7)


@pytest.fixture
async def ref(channel, desk, room, identity):
    """Where a card of ours stands."""
    sent = await channel.post(room, desk.drawn(), identity)
    return sent.ref


def messages(discord, channel=ROOM):
    return [one for one in discord.world.channels[channel].messages.values() if one.visible]


# ---------------------------------------------------------------- cards


async def test_a_card_is_posted_and_edited(channel, desk, discord, room, identity):
    sent = await channel.post(room, desk.drawn(mentions=("ben", "nils")), identity)
    assert isinstance(sent, Sent)
    assert sent.ref == {"channel": ROOM, "message": messages(discord)[0].id}
    assert not sent.found
    posted = messages(discord)[0]
    assert posted.users == [BEN]
    assert "Nils Lund" in posted.content

    done = await channel.edit(room, sent.ref, replace(desk.drawn(), state="Acknowledged by Ana Ruiz"), identity)
    assert done == Sent(sent.ref)
    assert "Acknowledged by Ana Ruiz" in posted.text()
    assert len(posted.edited) == 1
    assert discord.ledger.count("discord", "posted") == 1


async def test_the_on_call_role_is_called_once(conf, desk, discord, identity, room, session):
    channel = DiscordChannel(replace(conf, oncall_role=ROLE), desk.account_of, {}, session)
    sent = await channel.post(room, desk.drawn(mentions=("ben",)), identity)
    await channel.edit(room, sent.ref, desk.drawn(mentions=("ben",)), identity)

    assert messages(discord)[0].roles == [ROLE]


async def test_a_card_in_a_room_that_is_not_there(channel, desk, discord, identity):
    for address, code in (("900000000000009999", "10003"), (ROOM, "50001")):
        discord.remove_bot(ROOM)
        gone = await channel.post(Destination("x", "discord", address), desk.drawn(), identity)
        assert gone.fault is Fault.TARGET
        assert code in gone.why


async def test_a_card_without_the_right_to_speak(channel, desk, discord, identity, room):
    discord.world.forbid(ROOM, SEND)

    refused = await channel.post(room, desk.drawn(), identity)

    assert refused == Rejected(Fault.CONFIG, "Discord: Deskbell lacks a permission in the channel (50013)")


async def test_a_token_that_is_no_longer_good(channel, desk, discord, identity, room):
    discord.hub.reset_token()

    assert (await channel.post(room, desk.drawn(), identity)).fault is Fault.AUTH


async def test_an_edit_of_what_was_deleted(channel, desk, discord, identity, ref, room):
    discord.delete_by_hand(discord.cards()[0])

    assert (await channel.edit(room, ref, desk.drawn(), identity)).fault is Fault.GONE


async def test_an_edit_in_a_lost_room(channel, desk, discord, identity, ref, room):
    discord.remove_bot(ROOM)

    assert (await channel.edit(room, ref, desk.drawn(), identity)).fault is Fault.TARGET


async def test_an_old_card_that_takes_no_edit_makes_room_for_a_new_one(channel, desk, discord, identity, ref, room):
    discord.hub.limited = True
    discord.hub.old_edits = 0
    discord.clock.advance(3700)

    assert (await channel.edit(room, ref, desk.drawn(), identity)).fault is Fault.GONE
    assert discord.cards() == []
    again = await channel.post(room, desk.drawn(), replace(identity, number=2))
    assert isinstance(again, Sent)
    assert len(discord.cards()) == 1


async def test_a_card_that_is_refused_goes_out_in_plain_text(channel, desk, discord, identity, room):
    discord.faults.set("50035", where="POST message", times=1)
    sent = await channel.post(room, desk.drawn(), identity)

    card = discord.cards()[0]
    assert card.text.startswith("[P1 act now] D-12 Marco")
    assert card.buttons == ()
    discord.faults.set("50035", where="PATCH message", times=1)
    assert isinstance(await channel.edit(room, sent.ref, desk.drawn(), identity), Sent)
    assert len(discord.cards()) == 1


async def test_a_card_that_is_refused_twice_is_given_up(channel, desk, discord, identity, room):
    discord.faults.set("200000", where="POST message")

    assert (await channel.post(room, desk.drawn(), identity)).fault is Fault.PAYLOAD


# ---------------------------------------------------------------- limits, and answers that never come


async def test_a_rate_limit_is_an_answer_and_no_sleep(channel, desk, discord, identity, room):
    discord.faults.set("429", where="POST message", times=1, retry_after=7)
    limited = await channel.post(room, desk.drawn(), identity)

    assert limited == Retry("Discord: rate limit", timedelta(seconds=7), limited=True)
    assert isinstance(await channel.post(room, desk.drawn(), identity), Sent)


async def test_an_empty_bucket_is_felt_before_the_call(channel, desk, discord, identity, room):
    discord.hub.limited = True
    sent = [await channel.post(room, desk.drawn(), replace(identity, number=n)) for n in range(6)]

    assert [type(one) for one in sent] == [Sent] * 5 + [Retry]
    assert sent[5].limited
    assert timedelta(0) < sent[5].after <= timedelta(seconds=5)
    assert discord.ledger.count("discord", "ratelimited") == 0


@pytest.mark.parametrize("status", ["500", "502", "503", "504"])
async def test_a_server_error_is_asked_once_and_is_unsure(status, channel, desk, discord, identity, room):
    discord.faults.set(status, where="POST message")

    assert isinstance(await channel.post(room, desk.drawn(), identity), Unknown)
    assert discord.ledger.count("discord", "failed_call") == 1


async def test_a_lost_answer_is_found_again(channel, desk, discord, identity, room):
    since = datetime.now(UTC)
    discord.faults.set("lost", where="POST message", times=1)
    assert isinstance(await channel.post(room, desk.drawn(), identity), Unknown)

    found = await channel.find(room, identity, since, {})
    assert found == {"channel": ROOM, "message": messages(discord)[0].id}
    assert await channel.find(room, replace(identity, alert_ref="D-1"), since, {}) is None
    assert discord.duplicates() == []


async def test_what_can_not_be_looked_up_is_sent_again_without_a_second_one(channel, desk, discord, identity, room):
    """The nonce keeps Discord from saying it twice; what it shows then is what it showed the first time."""
    discord.world.forbid(ROOM, HISTORY)
    discord.faults.set("lost", where="POST message", times=1)
    await channel.post(room, desk.drawn(), identity)
    assert await channel.find(room, identity, datetime.now(UTC), {}) is None
    again = await channel.post(room, desk.drawn(), identity)
    changed = await channel.post(room, replace(desk.drawn(), state="P1, still"), identity)

    assert len(messages(discord)) == 1
    assert (again.found, changed.found) == (False, True)


async def test_a_second_try_of_what_was_deleted_is_gone(channel, desk, discord, identity, ref, room):
    discord.delete_by_hand(discord.cards()[0])

    assert (await channel.post(room, desk.drawn(), identity)).fault is Fault.GONE


async def test_a_search_goes_through_all_the_pages(channel, desk, discord, identity, room):
    since = datetime.now(UTC)
    for number in range(130):
        discord.hub.post(ROOM, {"content": f"chatter {number}"})
    sent = await channel.post(room, desk.drawn(), identity)

    assert await channel.find(room, identity, since, {}) == sent.ref
    for number in range(400):
        discord.hub.post(ROOM, {"content": f"chatter {number}"})
    assert isinstance(await channel.find(room, replace(identity, alert_ref="D-1"), since, {}), Rejected)


async def test_a_search_that_fails_is_tried_again(channel, discord, identity, room):
    discord.faults.set("502", where="GET messages", times=1)
    assert isinstance(await channel.find(room, identity, datetime.now(UTC), {}), Retry)
    discord.faults.set("429", where="GET messages", times=1, retry_after=3)
    assert (await channel.find(room, identity, datetime.now(UTC), {})).after == timedelta(seconds=3)


async def test_nobody_there(conf, desk, identity, room):
    channel = DiscordChannel(replace(conf, base_url="http://127.0.0.1:9/api/v10"), desk.account_of, {})

    assert isinstance(await channel.post(room, desk.drawn(), identity), Retry)
    await channel.close()


@pytest.mark.parametrize("kind", ["drop", "html"])
async def test_an_answer_that_is_none(kind, channel, desk, discord, identity, room):
    discord.faults.set(kind, where="POST message", times=1)

    assert isinstance(await channel.post(room, desk.drawn(), identity), Unknown)


async def test_a_slow_answer_is_not_waited_for_for_ever(conf, desk, discord, identity, room, session):
    channel = DiscordChannel(replace(conf, timeout_s=0.2), desk.account_of, {}, session)
    discord.faults.set("slow", where="POST message", times=1, delay=1.0)

    assert isinstance(await channel.post(room, desk.drawn(), identity), Unknown)


async def test_the_network_in_front_of_it_bans_us(channel, desk, discord, identity, room):
    discord.hub.invalid_limit = 0

    banned = await channel.post(room, desk.drawn(), identity)

    assert banned.limited
    assert banned.after == timedelta(seconds=3600)
    seen = len(discord.ledger.entries)
    again = await channel.post(room, desk.drawn(), identity)
    assert again.limited
    assert again.after > timedelta(seconds=3590)
    assert len(discord.ledger.entries) == seen  # nothing was sent: it would only count against us


async def test_the_limit_of_the_whole_bot_is_felt_everywhere(channel, desk, discord, identity, room):
    discord.hub.limited = True
    for _ in range(50):
        discord.hub.take("GET me", "")
    limited = await channel.post(room, desk.drawn(), identity)
    elsewhere = Destination("support", "discord", credentials.DISCORD_ROOMS["support"])
    again = await channel.post(elsewhere, desk.drawn(), identity)

    assert (limited.limited, again.limited) == (True, True)
    assert discord.ledger.count("discord", "ratelimited") == 1


# ---------------------------------------------------------------- notes


async def test_the_story_has_a_thread_that_nobody_is_rung_by(channel, discord, note_id, ref, room):
    for number in (7, 8):
        sent = await channel.note(room, ref, Note(f"line {number}", "D-12"), replace(note_id, number=number))
        assert isinstance(sent, Sent)
    thread = discord.world.channels[ref["message"]]
    said = messages(discord, thread.id)

    assert thread.name == "D-12: the story"
    assert [one.content for one in said] == ["line 7", "line 8"]
    assert all(one.flags & (1 << 12) for one in said)
    assert discord.ledger.count("discord", "thread") == 1


async def test_after_a_restart_the_thread_is_found_again(channel, conf, desk, discord, note_id, ref, room, session):
    await channel.note(room, ref, Note("before", "D-12"), note_id)
    newborn = DiscordChannel(conf, desk.account_of, {}, session)
    await newborn.note(room, ref, Note("after", "D-12"), replace(note_id, number=8))

    assert [one.content for one in messages(discord, ref["message"])] == ["before", "after"]


@pytest.mark.parametrize("right", [THREADS, IN_THREADS])
async def test_without_threads_the_card_has_to_do(right, channel, discord, note_id, ref, room):
    discord.world.forbid(ROOM, right)
    sent = await channel.note(room, ref, Note("line", "D-12"), note_id)

    assert sent == Sent({}, "the card shows it", skipped=True)
    assert len(messages(discord)) == 1


async def test_a_locked_thread_and_a_card_that_is_gone(channel, discord, note_id, ref, room):
    await channel.note(room, ref, Note("line", "D-12"), note_id)
    discord.world.channels[ref["message"]].locked = True
    assert (await channel.note(room, ref, Note("x", "D-12"), replace(note_id, number=8))).skipped
    discord.world.channels[ref["message"]].deleted = True
    discord.delete_by_hand(discord.cards()[0])
    assert (await channel.note(room, ref, Note("x", "D-12"), replace(note_id, number=9))).skipped


async def test_a_ring_replies_to_the_card_in_its_channel(channel, discord, note_id, ref, room):
    sent = await channel.note(room, ref, Note("Escalated", "D-12", ("ben",), broadcast=True), note_id)
    said = messages(discord)[1]

    assert sent.ref["channel"] == ROOM
    assert (said.reference, said.users, said.flags) == (ref["message"], [BEN], 0)


async def test_a_ring_does_not_need_the_card(channel, discord, note_id, ref, room):
    discord.delete_by_hand(discord.cards()[0])

    assert isinstance(await channel.note(room, ref, Note("Escalated", "D-12", ("ben",)), note_id), Sent)
    assert isinstance(await channel.note(room, {}, Note("57 alerts open"), replace(note_id, number=8)), Sent)
    assert [one.content.split("\n")[0] for one in messages(discord)] == ["Escalated", "57 alerts open"]


async def test_a_direct_message_has_buttons_and_the_way_to_the_card(channel, discord, note_id, ref, room):
    button = Button("ack", "Acknowledge", "TOKEN")
    sent = await channel.note(room, ref, Note("P1 D-12", "D-12", direct="ben", buttons=(button,)), note_id)

    said = discord.private("ben")[0]
    assert said.startswith("P1 D-12\n")
    assert f"https://discord.com/channels/{credentials.DISCORD_GUILD}/{ROOM}/{ref['message']}" in said
    assert said.endswith("Acknowledge")
    assert sent.ref["channel"] != ROOM


async def test_who_can_not_be_written_to(channel, discord, note_id, ref, room):
    nobody = await channel.note(room, ref, Note("P1", direct="nils"), note_id)
    assert nobody == Rejected(Fault.TARGET, "Discord: Nils Lund has no account here that is known")
    discord.world.no_dms.add(BEN)
    closed = await channel.note(room, ref, Note("P1", direct="ben"), note_id)
    assert closed.fault is Fault.TARGET
    assert "takes no direct messages" in closed.why


async def test_a_direct_message_whose_answer_was_lost(channel, discord, note_id, ref, room):
    since = datetime.now(UTC)
    discord.faults.set("lost", where="POST message", times=1)
    assert isinstance(await channel.note(room, ref, Note("P1", direct="ben"), note_id), Unknown)

    assert await channel.find(room, note_id, since, {"direct": "ben"}) is None  # Discord does not tell nonces again
    assert isinstance(await channel.note(room, ref, Note("P1", direct="ben"), note_id), Sent)
    assert len(discord.private("ben")) == 1


async def test_slow_mode_is_waited_for(channel, discord, note_id, room):
    discord.faults.set("20016", where="POST message", times=1)

    assert isinstance(await channel.note(room, {}, Note("x"), note_id), Retry)


# ---------------------------------------------------------------- looking before anything goes wrong


def failing(rows):
    return {row.what: row.detail for row in rows if not row.ok}


async def test_all_is_well(channel, discord, room, conf):
    rows = await channel.check([room])

    assert failing(rows) == {}
    assert [row.detail for row in rows] == ["as Deskbell", "over the gateway", "#dispatch"]


async def test_what_is_wrong_with_rooms_is_said(channel, discord, room):
    discord.world.forbid(ROOM, THREADS | HISTORY)
    support = Destination("support", "discord", credentials.DISCORD_ROOMS["support"])
    discord.remove_bot(support.address)
    wrong = failing(await channel.check([room, support, Destination("x", "discord", "900000000000009999")]))

    assert wrong["discord dispatch"] == "#dispatch lacks Read Message History, Create Public Threads"
    assert "add its role" in wrong["discord support"]
    assert "no such channel" in wrong["discord x"]


async def test_what_is_wrong_with_the_bot_is_said(conf, desk, discord, room, session):
    async def wrong(**changes):
        return failing(await DiscordChannel(replace(conf, **changes), desk.account_of, {}, session).check([room]))

    assert "Bot page" in (await wrong(token="nobody"))["discord"]
    assert "must be 9" in (await wrong(application_id="1" * 18))["discord taps"]
    assert "Invite the bot" in (await wrong(guilds=("900000000000009666",)))["discord server 900000000000009666"]
    assert "no such role" in (await wrong(oncall_role="1" * 18))["discord oncall_role"]
    discord.world.roles[ROLE]["mentionable"] = False
    assert "let everybody mention @oncall" in (await wrong(oncall_role=ROLE))["discord oncall_role"]
    discord.hub.endpoint = "https://old.example.org"
    assert "remove it" in (await wrong())["discord taps"]


# ---------------------------------------------------------------- small things


def test_a_nonce_is_of_one_message_alone(identity):
    others = [replace(identity, number=2), replace(identity, destination="x"), replace(identity, kind="note")]

    assert len({nonce(one) for one in (identity, *others)}) == 4
    assert len(nonce(identity)) == NONCE
    assert nonce(identity) == nonce(replace(identity))


def test_a_snowflake_knows_its_time():
    """The example of Discord's own page: 175928847299117063 is of this moment."""
    moment = datetime(2016, 4, 30, 11, 18, 25, 796000, UTC)

    assert int(snowflake(moment)) >> 22 == 175928847299117063 >> 22
    assert snowflake(datetime(2010, 1, 1, tzinfo=UTC)) == "0"


async def test_a_session_of_its_own_is_closed(conf, desk, identity, room):
    channel = DiscordChannel(conf, desk.account_of, {})
    await channel.close()  # nothing was opened yet
    await channel.post(room, desk.drawn(), identity)
    own = channel._web._session._own
    await channel.close()

    assert own.closed


def test_the_catalog_loads_what_it_names():
    assert CHANNELS["discord"].load() is DiscordChannel


async def test_every_point_is_passed(channel, desk, identity, room, ref):
    points.arm("")
    try:
        await channel.post(room, desk.drawn(), replace(identity, number=2))
        await channel.edit(room, ref, desk.drawn(), identity)
        assert points.reached() == [
            "discord.send.before",
            "discord.send.after",
            "discord.edit.before",
            "discord.edit.after",
        ]
    finally:
        points.disarm()


async def test_a_complaint_says_where(conf, discord):
    web = DiscordWeb(conf)
    body = {"embeds": [{"title": "x" * 300}], "content": "x"}
    with pytest.raises(Trouble) as caught:
        await web.call("POST", "/channels/{channel_id}/messages", json=body, channel_id=ROOM)
    assert "embeds.0.title: Must be 256" in caught.value.why
    await web.close()
