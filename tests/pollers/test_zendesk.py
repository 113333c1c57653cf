"""Tickets as Zendesk exports them, and what is its own: the export, service clocks, comments."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from deskbell.core.outcome import Rejected
from deskbell.core.ports import SourceError, SourceFault, WriteBack, WriteKind
from deskbell.core.records import CaseStatus, HappeningKind, Priority, fingerprint
from deskbell.sandbox import credentials
from deskbell.vendors import zendesk as vendor
from pollers.rows import BadRow
from pollers.zendesk import Zendesk
from pollers.zendesk_ticket import Book, ZendeskConf, to_record, unmapped
from tests.pollers.trials import HOUR, on_trial

CONF = ZendeskConf(
    "https://acme.zendesk.com", "us@example.org", "token-1234", teams={"Service desk": "berlin"}, zone="Europe/Berlin"
)
COMMENTS = [
    {"id": 3, "author_id": 9002, "body": "Done\n[D-12 #7]", "public": False, "created_at": "2026-11-20T08:45:00Z"},
    {"id": 2, "author_id": 9002, "body": "We look", "public": True, "created_at": "2026-11-20T08:40:00Z"},
    {"id": 1, "author_id": 9500, "body": "It leaks " * 99, "public": True, "created_at": "2026-11-20T08:00:00Z",
     "attachments": [{"id": 11, "file_name": "leak.pdf"}, {"id": 12, "file_name": "logo.png", "inline": True}]},
]  # fmt: skip


@pytest.fixture
async def trial(sb):
    async with on_trial("zendesk", sb) as one:
        yield one


@pytest.fixture
def export(recorded):
    return recorded("zendesk_export")


@pytest.fixture
def book(export):
    return Book(
        users={str(user["id"]): user for user in export["users"]},
        groups={"801": "Service desk"},
        statuses={"506": "Waiting on parts"},
        clocks={"35436": export["tickets"][0]["slas"]},
        comments={"35436": COMMENTS},
    )


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


# ---------------------------------------------------------------- the mapping


def test_a_ticket_becomes_a_case(export, book):
    case = to_record(export["tickets"][0], CONF, book)
    assert (case.id, case.number, case.source) == ("35436", "35436", "zendesk")
    assert (case.status, case.status_raw, case.priority) == (CaseStatus.OPEN, "Waiting on parts", Priority.URGENT)
    assert (case.assignee, case.assignee_id, case.group, case.team) == ("Ben Okafor", "9002", "Service desk", "berlin")
    assert (case.requester, case.contact, case.account_id) == ("Mia Imhof", "mia@example.com", "3300")
    assert (case.escalated, case.escalation_level) == (True, 1)
    assert case.url == "https://acme.zendesk.com/agent/tickets/35436"
    assert case.last_activity_at == case.updated_at == at("2026-11-20T08:40:12")


def test_service_clocks_are_one_of_each_kind_the_first_to_run_out(export, book):
    slas = {sla.metric: sla for sla in to_record(export["tickets"][0], CONF, book).slas}
    assert set(slas) == {"first_response", "next_reply", "resolution"}
    assert slas["first_response"].met
    assert slas["next_reply"].due_at == at("2026-11-20T12:00:00")
    assert slas["resolution"].due_at == at("2026-11-20T16:00:00")
    assert not slas["resolution"].met


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("new", CaseStatus.NEW),
        ("pending", CaseStatus.WAITING),
        ("hold", CaseStatus.PAUSED),
        ("solved", CaseStatus.RESOLVED),
        ("closed", CaseStatus.CLOSED),
        ("deleted", CaseStatus.CLOSED),
        ("on the moon", CaseStatus.UNKNOWN),
    ],
)
def test_each_status(export, word, status):
    row = export["tickets"][0] | {"status": word, "custom_status_id": None}
    case = to_record(row, CONF, Book())
    assert case.status is status
    assert unmapped(row, case) == ([("status", word)] if status is CaseStatus.UNKNOWN else [])


@pytest.mark.parametrize("key", ["506", "waiting on PARTS"])
def test_a_custom_status_is_mapped_by_its_name_or_id_and_stops_the_clock(export, book, key):
    case = to_record(export["tickets"][0], replace(CONF, status_map={key: CaseStatus.PAUSED}), book)
    assert case.status is CaseStatus.PAUSED
    assert {sla.metric: sla.paused for sla in case.slas}["resolution"]


def test_comments_are_happenings_oldest_first_and_ours_are_none(export, book):
    told = to_record(export["tickets"][0], CONF, book).happenings
    kinds = [one.kind for one in told]
    assert kinds == [HappeningKind.CUSTOMER_REPLY, HappeningKind.DOCUMENT, HappeningKind.REPLY]
    assert [one.id for one in told] == ["1", "11", "2"]
    assert (told[0].author, told[1].name, told[2].author) == ("Mia Imhof", "leak.pdf", "Ben Okafor")
    assert len(told[0].text_hint) <= 120


def test_hostile_fields_never_raise(export, book, hostile, sound):
    good = export["tickets"][0]
    for value in hostile:
        for name in set(good) - {"id"}:
            sound(to_record(good | {name: value}, CONF, book))
        for name in ("metric", "breach_at", "stage"):
            clock = {"metric": "first_reply_time", "breach_at": "2026-11-20T09:00:00Z"} | {name: value}
            sound(to_record(good, CONF, replace(book, clocks={"35436": {"policy_metrics": [clock, value]}})))
        for name in ("id", "author_id", "body", "public", "attachments", "created_at"):
            sound(to_record(good, CONF, replace(book, comments={"35436": [COMMENTS[2] | {name: value}, value]})))
        sound(to_record(good, CONF, replace(book, clocks={"35436": value}, users={"9002": {"name": value}})))


@pytest.mark.parametrize("raw", [None, [], "row", {}, {"id": None}, {"id": True}, {"id": {}}])
def test_what_is_no_ticket_is_a_bad_row(raw):
    with pytest.raises(BadRow):
        to_record(raw, CONF, Book())


def test_no_secret_shows_in_a_repr_and_none_may_be_missing():
    assert "token-1234" not in repr(CONF)
    with pytest.raises(ValueError, match="user and token"):
        ZendeskConf("https://acme.zendesk.com", "us@example.org")


def test_a_refusal_in_both_of_its_shapes():
    from deskbell.net.answers import Reply

    record = {
        "error": "RecordInvalid",
        "description": "Record validation errors",
        "details": {"base": [{"description": "Status: closed"}]},
    }
    assert vendor.reason(Reply(422, {}, record)) == "RecordInvalid: Record validation errors: Status: closed"
    titled = {"error": {"title": "Forbidden", "message": "You do not have access"}}
    assert vendor.reason(Reply(403, {}, titled)) == "Forbidden: You do not have access"
    assert vendor.reason(Reply(500, {}, None)) == ""


# ---------------------------------------------------------------- the export


async def test_what_changed_in_the_last_minute_comes_a_minute_later(sb, trial, reading):
    trial.lay("just now", sb.clock.time() - 5)
    held = reading(trial.source)
    assert await held.poll() == {}
    sb.clock.advance(61)
    assert len(await held.poll()) == 1


async def test_a_change_by_the_system_itself_is_seen(sb, trial, reading):
    record_id = trial.lay("x", sb.clock.time() - HOUR)
    held = reading(trial.source)
    await held.poll()
    trial.stand.change(int(record_id), by_system=True, status="closed")
    sb.clock.advance(61)
    assert (await held.poll())[record_id].status is CaseStatus.CLOSED


async def test_a_deleted_ticket_comes_as_closed(sb, trial, reading):
    record_id = trial.lay("x", sb.clock.time() - HOUR)
    held = reading(trial.source)
    await held.poll()
    trial.remove(record_id)
    sb.clock.advance(61)
    assert (await held.poll())[record_id].done


async def test_a_forgotten_cursor_is_replaced_by_the_time_behind_it(sb, trial, reading):
    trial.lay("old", sb.clock.time() - 20 * HOUR)
    newer = trial.lay("newer", sb.clock.time() - HOUR)
    held = reading(trial.source)
    await held.poll()
    trial.stand.forgotten.add(held.cursor["news"][0])
    trial.stand.change(int(newer), subject="changed", raw_subject="changed")
    sb.clock.advance(61)
    brought = await held.poll()
    assert set(brought) == {newer}
    assert brought[newer].subject == "changed"
    assert await held.poll() == {}


async def test_where_a_cursor_stood_that_was_refused_is_no_end(sb, trial, reading):
    """The page that the time leads to instead may be the very one behind which the cursor stood; there is more."""
    source = trial.source = type(trial.source)(replace(trial.source.conf, page_size=2), now=sb.clock.now)
    for n in range(2):
        trial.lay(f"old {n}", sb.clock.time() - HOUR)
    held = reading(source)
    await held.poll()
    newer = trial.lay("newer", sb.clock.time() - HOUR + 1)
    trial.stand.faults.set("html", times=1)
    assert newer in await held.poll()


async def test_everything_is_read_again_once_a_day(sb, trial, reading):
    ids = {trial.lay(f"T{n}", sb.clock.time() - HOUR + n) for n in range(25)}
    held = reading(trial.source)
    await held.poll()
    sb.clock.advance(25 * HOUR)
    again = {}
    for _ in range(4):
        again |= await held.poll()
    assert set(again) == ids
    assert await held.poll() == {}


async def test_ten_exports_a_minute_are_enough_for_a_poll_every_half_minute(sb, trial, reading):
    trial.stand.exports.total = 10
    held = reading(trial.source)
    for n in range(8):
        trial.lay(f"T{n}", sb.clock.time() - HOUR)
        await held.poll()
        sb.clock.advance(30)


async def test_the_limit_is_told_with_when_it_ends(sb, trial, reading):
    trial.stand.exports.total = 0
    with pytest.raises(SourceError) as raised:
        await reading(trial.source).poll()
    assert raised.value.fault is SourceFault.LIMITED
    assert timedelta(0) < raised.value.after <= timedelta(minutes=1)


async def test_an_oauth_client_whose_token_ends_in_mid_sweep(sb, trial):
    for n in range(25):
        trial.lay(f"T{n}", sb.clock.time() - HOUR + n)
    conf = replace(
        trial.source.conf,
        user="",
        token="",
        client_id=credentials.ZENDESK_CLIENT_ID,
        client_secret=credentials.ZENDESK_CLIENT_SECRET,
    )
    source, records = Zendesk(conf, now=sb.clock.now), {}
    async for page in source.changes({}):
        records |= {record.id: record for record in page.records}
        trial.stand.tokens.clear()
    assert len(records) == 25
    assert [finding for finding in await source.check() if not finding.ok] == []
    await source.close()


# ---------------------------------------------------------------- clocks, comments


@pytest.mark.parametrize("beside", [True, False])
async def test_service_clocks_come_also_where_the_export_tells_none(sb, trial, reading, beside):
    trial.stand.slas_in_export = beside
    clock = {"metric": "first_reply_time", "stage": "active", "breach_at": "2030-01-01T00:00:00Z"}
    record_id = str(trial.stand.add("x", created=sb.clock.time() - HOUR, slas=[clock])["id"])
    held = reading(trial.source)
    await held.poll()
    assert [sla.metric for sla in held.records[record_id].slas] == ["first_response"]
    assert (await trial.source.fetch(record_id)).slas == held.records[record_id].slas


async def test_a_customers_answer_is_a_happening_and_our_note_is_none(sb, trial, reading):
    record_id = trial.lay("x", sb.clock.time() - HOUR)
    held = reading(trial.source)
    await held.poll()
    trial.stand.say(int(record_id), "Here it is", author=9500, public=True, files=("invoice.pdf",))
    sb.clock.advance(61)
    case = (await held.poll())[record_id]
    assert [one.kind for one in case.happenings] == [HappeningKind.CUSTOMER_REPLY, HappeningKind.DOCUMENT]
    assert case.happenings[0].author == "Erika Sample"
    await trial.source.write(WriteBack(WriteKind.NOTE, record_id, "[D-12 #1]", "Ana acknowledged"))
    sb.clock.advance(61)
    assert fingerprint((await held.poll())[record_id]) == fingerprint(case)


async def test_without_comments_no_call_is_spent_on_them(sb, trial, reading):
    trial.lay("x", sb.clock.time() - HOUR)
    source = Zendesk(replace(trial.source.conf, comments_within=timedelta()), now=sb.clock.now)
    await reading(source).poll()
    assert not [line for line in sb.ledger.entries if "comments" in str(line)]
    await source.close()


async def test_a_note_is_internal(sb, trial):
    record_id = trial.lay("x", sb.clock.time() - HOUR)
    await trial.source.write(WriteBack(WriteKind.NOTE, record_id, "[D-12 #1]", "not for the customer"))
    (comment,) = trial.stand.comments[int(record_id)]
    assert comment["public"] is False


async def test_a_closed_ticket_says_why_it_takes_no_note(sb, trial):
    record_id = trial.lay("x", sb.clock.time() - HOUR)
    trial.stand.change(int(record_id), status="closed")
    outcome = await trial.source.write(WriteBack(WriteKind.NOTE, record_id, "[D-12 #1]", "x"))
    assert isinstance(outcome, Rejected)
    assert "closed prevents ticket update" in outcome.why


# ---------------------------------------------------------------- check


async def test_nobody_is_not_somebody(sb, trial, monkeypatch):
    monkeypatch.setattr(trial.source.http, "_sign", _unsigned)
    (finding,) = await trial.source.check()
    assert not finding.ok
    assert "anonymous" in finding.detail


async def _unsigned(_request):
    return None


async def test_check_sees_an_account_that_is_no_admin(trial):
    trial.stand.users[9000]["role"] = "agent"
    bad = [finding for finding in await trial.source.check() if not finding.ok]
    assert ["admin" in finding.detail for finding in bad] == [True]
