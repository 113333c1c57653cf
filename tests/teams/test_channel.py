"""Cards, notes and direct messages on their way out, against the stand-in's rules; and every way in which it fails."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from channels.teams import TeamsChannel
from deskbell.core.alert import Severity
from deskbell.core.card import Card, Note, Tone
from deskbell.core.outcome import Fault, Rejected, Retry, Sent, Unknown
from deskbell.core.ports import Destination, Identity
from deskbell.sandbox import credentials
from deskbell.sandbox.staff import STAFF
from deskbell.sandbox.teams.tenant import user_id
from deskbell.vendors.teams import limits

ROOM = credentials.TEAMS_ROOMS["dispatch"]
NOTE = Identity("note", "D-12", "dispatch", 5)


def ref_of(sent):
    assert isinstance(sent, Sent), sent
    return sent.ref


async def posted(channel, room, desk, identity, **more):
    return ref_of(await channel.post(room, replace(desk.drawn(), **more), identity))


# ---------------------------------------------------------------- saying


async def test_a_card_begins_a_thread(channel, room, desk, identity, teams):
    ref = await posted(channel, room, desk, identity, mentions=("ben", "nobody"))

    assert ref["conversation"] == f"{ROOM};messageid={ref['activity']}"
    message = teams.tenant.message(ROOM, ref["activity"])
    assert message.ref == "D-12"
    assert message.mentions == [STAFF["ben"].teams]
    assert "No Teams" in message.text
    assert message.activity["summary"].startswith("🔴 Marco Bianchi is 25 min late at Northgate Dairy, J-4711")
    assert message.activity["channelData"] == {"notification": {"alert": True}}


async def test_an_edit_is_silent(channel, room, desk, identity, teams):
    ref = await posted(channel, room, desk, identity, mentions=("ben",))
    desk.alert = replace(desk.alert, severity=Severity.P2)

    assert await channel.edit(room, ref, replace(desk.drawn(), mentions=("ben",)), identity) == Sent(ref)

    message = teams.tenant.message(ROOM, ref["activity"])
    assert message.edits == 1
    assert "P2 act soon" in message.text
    assert message.mentions == []
    assert "channelData" not in message.activity


async def test_an_edit_of_a_deleted_card_says_so(channel, room, desk, identity, teams):
    ref = await posted(channel, room, desk, identity)
    teams.delete_by_hand(teams.cards(ROOM)[-1])

    outcome = await channel.edit(room, ref, desk.drawn(), identity)
    assert outcome == Rejected(Fault.GONE, outcome.why)


async def test_a_note_replies_in_the_thread(channel, room, desk, identity, teams):
    ref = await posted(channel, room, desk, identity)
    story = ref_of(await channel.note(room, ref, Note("14:03 Ana noted: <b>*hi*</b>"), NOTE))
    ring = ref_of(await channel.note(room, ref, Note("Escalated & <rung>", mentions=("ben",)), NOTE))

    first, second = (teams.tenant.message(ROOM, one["activity"]) for one in (story, ring))
    assert first.root == second.root == ref["activity"]
    assert first.activity == {
        "type": "message",
        "summary": "14:03 Ana noted: <b>*hi*</b>",
        "text": "14:03 Ana noted: <b>*hi*</b>",
        "textFormat": "plain",
    }
    assert second.mentions == [STAFF["ben"].teams]
    assert second.activity["text"] == "<at>Ben Okafor</at> Escalated &amp; &lt;rung&gt;"
    assert second.activity["channelData"] == {"notification": {"alert": True}}


async def test_a_note_whose_card_is_gone_stands_in_the_room(channel, room, desk, identity, teams):
    ref = await posted(channel, room, desk, identity)
    lost = ref | {"conversation": f"{ROOM};messageid=1"}
    sent = ref_of(await channel.note(room, lost, Note("Escalated", mentions=("ben",)), NOTE))

    assert not teams.tenant.message(ROOM, sent["activity"]).is_reply


async def test_a_notice_without_a_card_is_a_post(channel, room, teams):
    sent = ref_of(await channel.note(room, {}, Note("Summary of the day"), NOTE))
    assert teams.tenant.message(ROOM, sent["activity"]).text.endswith("Summary of the day")


async def test_a_group_chat_has_no_threads_and_no_story(channel, desk, identity, teams):
    from deskbell.sandbox.teams.tenant import Conversation

    address = "19:group@thread.v2"
    teams.tenant.conversations[address] = Conversation(address, "group", members={"ana", "ben"})
    room = Destination("group", "teams", address)
    ref = ref_of(await channel.post(room, desk.drawn(), identity))

    assert ref["conversation"] == address
    assert isinstance(await channel.edit(room, ref, desk.drawn(), identity), Sent)
    skipped = await channel.note(room, ref, Note("14:03 Ana noted"), NOTE)
    assert skipped == Sent({}, "the card shows it", skipped=True)
    ring = ref_of(await channel.note(room, ref, Note("Escalated", mentions=("ben",)), NOTE))
    assert teams.tenant.message(address, ring["activity"]).mentions == [STAFF["ben"].teams]


async def test_a_direct_message_has_buttons_and_the_way_to_the_card(channel, room, desk, identity, teams):
    ref = await posted(channel, room, desk, identity)
    note = Note("P1 D-12 Marco is late", "D-12", direct="ben", buttons=desk.drawn().buttons[:1])
    sent = ref_of(await channel.note(room, ref, note, NOTE))

    message = teams.tenant.message(sent["conversation"], sent["activity"])
    assert teams.tenant.private("ben").id == sent["conversation"]
    titles = {one["title"]: one for one in message.card["actions"]}
    assert list(titles) == ["Acknowledge", "Open the card"]
    assert titles["Open the card"]["url"].startswith(
        "https://teams.microsoft.com/l/message/19%3Adispatch%40thread.tacv2/"
    )
    assert message.activity["channelData"] == {"notification": {"alert": True}}


async def test_the_private_chat_is_looked_up_once(channel, room, teams, memory):
    for _ in range(3):
        ref_of(await channel.note(room, {}, Note("Hello", direct="ben"), NOTE))

    asked = [one.what["what"] for one in teams.ledger.of("teams", "call")]
    assert (asked.count("create"), asked.count("members"), asked.count("send")) == (1, 1, 3)
    assert user_id(STAFF["ben"]) in memory.words[f"teams.user.{STAFF['ben'].teams}"]


async def test_who_has_no_account_or_no_app_can_not_be_written_to(channel, room, desk, teams):
    assert (await channel.note(room, {}, Note("x", direct="nobody"), NOTE)).fault is Fault.TARGET
    await desk.link("teams", STAFF["nils"].teams, "dan")
    desk.accounts.pop(STAFF["dan"].teams)
    refused = await channel.note(room, {}, Note("x", direct="dan"), NOTE)
    assert refused == Rejected(Fault.TARGET, refused.why)
    assert "not installed" in refused.why


async def test_who_blocked_us_is_forgotten_and_tried_anew(channel, room, teams, memory):
    ref_of(await channel.note(room, {}, Note("x", direct="ben"), NOTE))
    teams.tenant.private("ben").blocked = True
    refused = await channel.note(room, {}, Note("x", direct="ben"), NOTE)
    assert refused == Rejected(Fault.TARGET, refused.why)
    assert "blocked" in refused.why
    assert '"conversation":""' in memory.words[f"teams.user.{STAFF['ben'].teams}"]


async def test_the_service_is_where_it_was_last_heard(channel, room, desk, identity, memory, conf, teams):
    memory.words[f"teams.service.{ROOM}"] = "https://evil.example/teams/"
    await posted(channel, room, desk, identity)
    assert len(teams.cards(ROOM)) == 1, "an address that we may not call is none"


async def test_a_card_that_is_refused_goes_as_plain_text(channel, room, desk, identity, teams, monkeypatch, oracle):
    monkeypatch.setattr("deskbell.faces.teams_parts.VERSION", "9.9")
    ref = await posted(channel, room, desk, identity)
    message = teams.tenant.message(ROOM, ref["activity"])
    assert message.card is None
    assert message.activity["text"].startswith("[P1 act now] D-12 Marco Bianchi is 25 min late")
    done = await channel.edit(room, ref, desk.drawn(), identity)
    assert isinstance(done, Sent)
    assert oracle.complaints or oracle.check is None, "the description refuses it as well"
    oracle.complaints.clear()


async def test_what_is_too_large_is_cut_to_the_budget(channel, room, identity, teams):
    text = "\U0001f469\u200d\U0001f527" * 3000
    card = Card("D-12", Tone.HIGH, text, text, text, ((text, text),) * 30, (text,) * 30, text, (), "", ())
    ref = ref_of(await channel.post(room, card, identity))
    assert teams.tenant.message(ROOM, ref["activity"]).card


async def test_a_lost_message_is_not_looked_up_but_sent_again(channel, room, identity):
    found = await channel.find(room, identity, datetime.now(UTC), {})
    assert isinstance(found, Rejected)


# ---------------------------------------------------------------- what goes wrong

OUTCOMES = [
    ("429", lambda one: one.limited and one.after.total_seconds() == 3),
    ("412", lambda one: isinstance(one, Retry)),
    ("502", lambda one: isinstance(one, Retry)),
    ("503", lambda one: isinstance(one, Retry)),
    ("504", lambda one: isinstance(one, Retry)),
    ("500", lambda one: isinstance(one, Unknown)),
    ("400", lambda one: one.fault is Fault.PAYLOAD),
    ("401", lambda one: one.fault is Fault.AUTH),
    ("403", lambda one: one.fault is Fault.TARGET),
    ("404", lambda one: one.fault is Fault.TARGET),
    ("413", lambda one: one.fault is Fault.PAYLOAD),
    ("lost", lambda one: isinstance(one, Unknown)),
    ("drop", lambda one: isinstance(one, Unknown)),
]


@pytest.mark.parametrize(("kind", "right"), OUTCOMES, ids=[row[0] for row in OUTCOMES])
async def test_every_answer_is_an_outcome(channel, room, desk, identity, teams, kind, right):
    ref = await posted(channel, room, desk, identity)
    teams.faults.set(kind, retry_after=3)
    outcomes = [
        await channel.post(room, desk.drawn(), identity),
        await channel.edit(room, ref, desk.drawn(), identity),
        await channel.note(room, ref, Note("Escalated", mentions=("ben",)), NOTE),
        await channel.note(room, ref, Note("x", direct="ben"), NOTE),
    ]
    assert all(right(one) for one in outcomes), outcomes
    assert all("sandbox-teams-secret" not in one.why and "sandbox-access" not in one.why for one in outcomes)


async def test_a_page_of_text_is_no_receipt(channel, room, desk, identity, teams):
    await posted(channel, room, desk, identity)
    teams.faults.set("html", where="create")
    outcome = await channel.post(room, desk.drawn(), identity)
    assert isinstance(outcome, Unknown)


async def test_a_page_of_text_is_no_edit(channel, room, desk, identity, teams):
    ref = await posted(channel, room, desk, identity)
    teams.faults.set("html", where="update")
    assert isinstance(await channel.edit(room, ref, desk.drawn(), identity), Unknown)


async def test_slow_is_unknown(conf, desk, session, room, identity, teams):
    channel = TeamsChannel(replace(conf, timeout_s=0.3), desk.account_of, {}, session)
    await posted(channel, room, desk, identity)
    teams.faults.set("slow", delay=0.8, times=1)
    assert isinstance(await channel.post(room, desk.drawn(), identity), Unknown)


async def test_nobody_there_is_a_retry(conf, desk, room, identity):
    channel = TeamsChannel(
        replace(conf, login_url="http://127.0.0.1:1", service_url="http://127.0.0.1:1/"), desk.account_of, {}
    )
    assert isinstance(await channel.post(room, desk.drawn(), identity), Retry)
    await channel.close()


async def test_removed_from_a_room(channel, room, desk, identity, teams):
    teams.remove_bot(ROOM)
    refused = await channel.post(room, desk.drawn(), identity)
    assert refused == Rejected(Fault.TARGET, refused.why)
    assert "not installed there" in refused.why


async def test_a_room_that_is_not_there(channel, desk, identity):
    refused = await channel.post(Destination("x", "teams", "19:nobody@thread.tacv2"), desk.drawn(), identity)
    assert refused == Rejected(Fault.TARGET, refused.why)


async def test_a_service_that_is_none_of_ours_is_never_called(conf, desk, session, room, identity, teams):
    channel = TeamsChannel(
        replace(conf, service_url="https://smba.trafficmanager.net@evil.example/"), desk.account_of, {}, session
    )
    refused = await channel.post(room, desk.drawn(), identity)
    assert refused == Rejected(Fault.CONFIG, refused.why)
    assert teams.ledger.count("teams", "call") == 0


# ---------------------------------------------------------------- the token


async def test_one_token_serves_all_and_is_fetched_once(channel, room, desk, identity, teams):
    await asyncio.gather(*(channel.post(room, desk.drawn(), identity) for _ in range(5)))
    logins = [one for one in teams.ledger.of("teams", "call") if one.what["what"] == "login"]
    assert len(logins) == 1


async def test_a_revoked_token_is_replaced_at_once(channel, room, desk, identity, teams):
    await posted(channel, room, desk, identity)
    teams.tokens.revoke()
    await posted(channel, room, desk, identity)
    assert len(teams.cards(ROOM)) == 2


async def test_a_token_is_renewed_before_it_runs_out(channel, room, desk, identity, teams):
    await posted(channel, room, desk, identity)
    channel._api._good_until = 0.0
    await posted(channel, room, desk, identity)
    logins = [one for one in teams.ledger.of("teams", "call") if one.what["what"] == "login"]
    assert len(logins) == 2


async def test_a_wrong_secret_is_told_as_such(channel, room, desk, identity, teams):
    teams.secret = "rotated"
    refused = await channel.post(room, desk.drawn(), identity)
    assert refused == Rejected(Fault.AUTH, refused.why)
    assert "invalid_client" in refused.why
    assert "sandbox-teams-secret" not in refused.why


@pytest.mark.parametrize("kind", ["500", "429", "drop", "html", "lost"])
async def test_no_token_is_a_retry(channel, room, desk, identity, teams, kind):
    teams.faults.set(kind, where="login")
    assert isinstance(await channel.post(room, desk.drawn(), identity), Retry)
    teams.faults.heal()
    await posted(channel, room, desk, identity)


# ---------------------------------------------------------------- limits and checks


async def test_a_burst_beyond_the_limit_is_answered_with_429(channel, room, desk, identity, conf):
    outcomes = [await channel.post(room, desk.drawn(), identity) for _ in range(9)]

    assert sum(isinstance(one, Sent) for one in outcomes) == 7
    assert all(one.limited for one in outcomes if not isinstance(one, Sent))
    assert limits(conf)[0].count <= 7


async def test_a_check_says_what_is_right(channel, room):
    rows = await channel.check([room])
    assert [(row.what, row.ok) for row in rows] == [("teams", True), ("teams keys", True), ("teams dispatch", True)]


async def test_a_check_says_what_is_wrong(channel, room, teams):
    teams.remove_bot(ROOM)
    teams.faults.set("500", where="openid")
    rows = await channel.check([room, Destination("gone", "teams", "19:gone@thread.tacv2")])
    assert [row.ok for row in rows] == [True, False, False, False]
    teams.secret = "rotated"
    channel._api._token = ""
    [row] = await channel.check([room])
    assert not row.ok
    assert "app_password" in row.detail
