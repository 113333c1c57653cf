"""Conversations and tickets of Intercom as cases, and what is its own: whose turn it is, parts, its way to write."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from deskbell.core.outcome import Rejected
from deskbell.core.ports import SourceError, SourceFault, WriteBack, WriteKind
from deskbell.core.records import CaseStatus, HappeningKind, Priority
from pollers.intercom import Intercom, IntercomConf
from pollers.intercom_rows import flat, happened
from pollers.rows import BadRow
from tests.pollers.trials import HOUR, on_trial

CONF = IntercomConf(
    token="token-1234", team="all", web_url="https://app.intercom.com/a/inbox/abc123/inbox/conversation/{id}"
)


@pytest.fixture
async def trial(sb):
    async with on_trial("intercom", sb) as one:
        yield one


@pytest.fixture
async def tickets(sb):
    async with on_trial("intercom_tickets", sb) as one:
        yield one


@pytest.fixture
async def offline():
    source = Intercom(CONF)
    yield source
    await source.close()


@pytest.fixture
def raw(recorded):
    return recorded("intercom_conversation")


def named(raw):
    return flat(raw) | {"assignee": "Ben Okafor", "group": "Service desk"}


# ---------------------------------------------------------------- the mapping


async def test_a_conversation_becomes_a_case(raw, offline):
    case = offline.record_of(named(raw), {})
    assert (case.id, case.number, case.source) == ("215470001", "215470001", "intercom")
    assert (case.status, case.status_raw, case.priority) == (CaseStatus.OPEN, "open", Priority.HIGH)
    assert (case.assignee, case.assignee_id, case.group, case.group_id) == (
        "Ben Okafor",
        "814862",
        "Service desk",
        "501",
    )
    assert (case.subject, case.requester, case.contact) == (
        "Booster blows off at 42 bar",
        "Mia Imhof",
        "mia@example.com",
    )
    assert (case.escalated, case.escalation_level, case.slas) == (True, 1, ())
    assert case.updated_at == datetime.fromtimestamp(1795164012, UTC)
    assert case.url.endswith("/215470001")


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"waiting_since": None}, CaseStatus.WAITING),
        ({"statistics": None}, CaseStatus.NEW),
        ({"state": "snoozed"}, CaseStatus.PAUSED),
        ({"state": "closed"}, CaseStatus.CLOSED),
        ({"state": "on the moon"}, CaseStatus.UNKNOWN),
    ],
)
async def test_whose_turn_it_is_decides_the_status(raw, offline, more, status):
    row = flat(raw | more)
    assert offline.record_of(row, {}).status is status
    assert bool(offline.unmapped(row)) is (status is CaseStatus.UNKNOWN)


@pytest.mark.parametrize("nobody", [None, 0, "0", ""])
async def test_nobody_is_nobody_however_it_is_written(raw, offline, nobody):
    assert offline.record_of(flat(raw | {"admin_assignee_id": nobody}), {}).assignee_id == ""


def test_parts_are_happenings_and_ours_are_none(raw):
    assert [(one.kind, one.id, one.author) for one in happened(raw)] == [
        (HappeningKind.REPLY, "11", "Ben Okafor"),
        (HappeningKind.CUSTOMER_REPLY, "13", "Mia Imhof"),
        (HappeningKind.DOCUMENT, "13/valve.jpg", "Mia Imhof"),
        (HappeningKind.NOTE, "14", "Ana Ruiz"),
    ]


async def test_hostile_fields_never_raise(raw, offline, hostile, sound):
    for value in hostile:
        for name in set(raw) - {"id", "type"}:
            row = raw | {name: value}
            sound(offline.record_of(flat(row), {"215470001": happened(row)}))
        for name in raw["conversation_parts"]["conversation_parts"][2]:
            part = raw["conversation_parts"]["conversation_parts"][2] | {name: value}
            row = raw | {"conversation_parts": {"conversation_parts": [part, value]}}
            sound(offline.record_of(flat(row), {"215470001": happened(row)}))


@pytest.mark.parametrize("row", [None, [], "row", {}, {"id": None}, {"id": True}, {"id": {}}])
async def test_what_is_no_row_is_a_bad_row(offline, row):
    with pytest.raises(BadRow):
        offline.record_of(flat(row), {})


@pytest.mark.parametrize(
    ("given", "said"), [({"token": ""}, "token"), ({"object": "calls"}, "conversations"), ({"page_size": 151}, "150")]
)
def test_what_is_wrong_with_the_settings_is_said(given, said):
    with pytest.raises(ValueError, match=said):
        replace(CONF, **given)


def test_no_secret_shows_in_a_repr():
    assert "token-1234" not in repr(CONF)


# ---------------------------------------------------------------- tickets


async def test_a_ticket_has_a_state_a_company_and_a_customer(sb, tickets, reading):
    row = tickets.stand.open_ticket("Pump down", at=sb.clock.time() - HOUR, team_assignee_id="502")
    held = reading(tickets.source)
    await held.poll()
    case = held.records[row["id"]]
    assert (case.status, case.status_raw, case.number) == (CaseStatus.NEW, "Submitted", row["ticket_id"])
    assert (case.requester, case.contact, case.account_id) == ("Erika Sample", "erika@example.com", "acc-1")
    assert (case.assignee_id, case.group) == ("", "Parts")


async def test_a_state_of_ones_own_is_mapped_by_its_label(sb, tickets, reading):
    own = {"type": "ticket_state", "id": "9", "category": "in_progress", "internal_label": "Waiting on parts"}
    row = tickets.stand.open_ticket("x", at=sb.clock.time() - HOUR, ticket_state=own)
    conf = replace(tickets.source.conf, fields={"status": "label"}, status_map={"Waiting on parts": "paused"})
    source = Intercom(conf, now=sb.clock.now)
    held = reading(source)
    await held.poll()
    assert held.records[row["id"]].status is CaseStatus.PAUSED
    await source.close()


async def test_attributes_of_ones_own_can_be_read(sb, tickets, reading):
    own = {"_default_title_": "Pump", "Contract": "C-77"}
    row = tickets.stand.open_ticket("x", at=sb.clock.time() - HOUR, ticket_attributes=own)
    source = Intercom(replace(tickets.source.conf, fields={"account_id": "custom.Contract"}), now=sb.clock.now)
    held = reading(source)
    await held.poll()
    assert held.records[row["id"]].account_id == "C-77"
    await source.close()


async def test_a_ticket_is_resolved_by_the_state_that_the_workspace_has_for_it(sb, tickets):
    record_id = tickets.lay("x", sb.clock.time() - HOUR)
    await tickets.source.write(WriteBack(WriteKind.RESOLVE, record_id, "[D-12 #4]", ""))
    row = tickets.stand.rows["tickets"][record_id]
    assert (row["ticket_state"]["category"], row["open"]) == ("resolved", False)


# ---------------------------------------------------------------- reading


async def test_a_customers_answer_is_a_happening(sb, trial, reading):
    record_id = trial.lay("x", sb.clock.time() - HOUR)
    held = reading(trial.source)
    await held.poll()
    sb.clock.advance(60)
    trial.stand.say("conversations", record_id, "<p>Here it is</p>", files=("invoice.pdf",))
    case = (await held.poll())[record_id]
    assert [one.kind for one in case.happenings] == [HappeningKind.CUSTOMER_REPLY, HappeningKind.DOCUMENT]
    assert case.happenings[0].text_hint == "Here it is"


async def test_an_admins_answer_leaves_the_turn_to_the_customer(sb, trial, reading):
    record_id = trial.lay("x", sb.clock.time() - HOUR)
    held = reading(trial.source)
    await held.poll()
    assert held.records[record_id].status is CaseStatus.NEW
    sb.clock.advance(60)
    trial.stand.say("conversations", record_id, "We look", by="814861")
    assert (await held.poll())[record_id].status is CaseStatus.WAITING


async def test_closed_conversations_of_long_ago_are_not_read(sb, trial, reading):
    long_ago = sb.clock.time() - 400 * 24 * HOUR
    opened = trial.lay("x", long_ago)
    trial.stand.converse("y", at=long_ago, open=False, state="closed")
    held = reading(trial.source)
    await held.poll()
    assert set(held.records) == {opened}


async def test_without_parts_no_call_is_spent_on_them(sb, trial, reading):
    record_id = trial.lay("x", sb.clock.time() - HOUR)
    source = Intercom(replace(trial.source.conf, parts_within=timedelta()), now=sb.clock.now)
    await reading(source).poll()
    assert not [one for one in sb.ledger.entries if f"/conversations/{record_id}" in str(one)]
    await source.close()


async def test_the_calls_nearly_used_up_are_asked_for_half_as_often(sb, trial, reading):
    trial.stand.calls.total, trial.stand.calls.used, trial.stand.calls.since = 100, 90, sb.clock.time()
    normal = trial.source.interval
    await reading(trial.source).poll()
    assert trial.source.interval == 2 * normal


async def test_a_version_that_is_none_is_told(sb, trial, reading):
    source = Intercom(replace(trial.source.conf, version="1.0"), now=sb.clock.now)
    with pytest.raises(SourceError, match="intercom_version_invalid") as raised:
        await reading(source).poll()
    assert raised.value.fault is SourceFault.ANSWER
    await source.close()


# ---------------------------------------------------------------- writing


async def test_a_note_is_internal_and_no_markup(sb, trial):
    record_id = trial.lay("x", sb.clock.time() - HOUR)
    await trial.source.write(WriteBack(WriteKind.NOTE, record_id, "[D-12 #1]", "<script>x</script>"))
    (part,) = trial.stand.rows["conversations"][record_id]["conversation_parts"]["conversation_parts"]
    assert part["part_type"] == "note"
    assert "<script>" not in part["body"]


async def test_a_write_waits_when_we_can_not_tell_who_we_are(sb, trial):
    record_id = trial.lay("x", sb.clock.time() - HOUR)
    trial.stand.faults.set("401", where="/me", times=1)
    outcome = await trial.source.write(WriteBack(WriteKind.NOTE, record_id, "[D-12 #1]", "x"))
    assert isinstance(outcome, Rejected)
