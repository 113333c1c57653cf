"""ServiceNow's other tables, its journals, files and words, and the rights that may be missing, over real HTTP."""

import contextlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from deskbell.core.outcome import Rejected, Sent
from deskbell.core.ports import SourceError, WriteBack, WriteKind
from deskbell.core.records import CaseStatus, HappeningKind, VisitStatus, fingerprint
from deskbell.sandbox import credentials
from deskbell.sandbox.limits import Window
from deskbell.sandbox.servicenow.tables import stored
from pollers.happenings import Requests
from pollers.servicenow import ServiceNow, ServiceNowConf

HOUR = 3600


@pytest.fixture
def tables(sb):
    sb.servicenow.dated = True
    return sb.servicenow.tables


@contextlib.asynccontextmanager
async def reads(sb, table="incident", **changes):
    conf = ServiceNowConf(
        f"{sb.url}/servicenow", credentials.SERVICENOW_USER, credentials.SERVICENOW_PASSWORD, table=table, **changes
    )
    source = ServiceNow(conf, now=sb.clock.now)
    yield source
    await source.close()


def incident(sb, tables, **fields):
    return tables.incident("Line 3 stands", opened=sb.clock.time() - HOUR, **fields)["sys_id"]


def complaints(findings):
    return [finding.what for finding in findings if not finding.ok]


# ---------------------------------------------------------------- what was added


async def test_notes_comments_and_files_are_what_they_are(sb, tables, reading):
    one = incident(sb, tables)
    for by, values in (
        ("greta.mill", {"comments": "It still leaks"}),
        ("ana.ruiz", {"comments": "We are on our way"}),
        ("ana.ruiz", {"work_notes": "valve ordered"}),
        ("guest", {"comments": "mailed without an account"}),
        ("olaf.berg", {"comments": "I have it as well"}),
    ):
        tables.change("incident", one, values, by=by)
    tables.attach("incident", one, "leak.pdf", by="greta.mill")
    tables.attach("ZZ_YYincident", one, "logo.png", by="greta.mill")  # a picture within a text
    async with reads(sb) as source:
        held = reading(source)
        await held.poll()
        told = [(found.kind, found.text_hint or found.name, found.author) for found in held.records[one].happenings]
        assert set(told) == {
            (HappeningKind.CUSTOMER_REPLY, "It still leaks", "Greta Mill"),
            (HappeningKind.REPLY, "We are on our way", "Ana Ruiz"),
            (HappeningKind.NOTE, "valve ordered", "Ana Ruiz"),
            (HappeningKind.CUSTOMER_REPLY, "mailed without an account", "guest"),
            (HappeningKind.CUSTOMER_REPLY, "I have it as well", "Olaf Berg"),
            (HappeningKind.DOCUMENT, "leak.pdf", "Greta Mill"),
        }
        assert await source.fetch(one) == held.records[one]


async def test_a_file_is_seen_although_its_task_did_not_move(sb, tables, reading):
    one = incident(sb, tables)
    async with reads(sb) as source:
        held = reading(source)
        await held.poll()
        sb.clock.advance(600)
        tables.attach("incident", one, "offer.pdf", by="ana.ruiz")
        brought = await held.poll()
    assert [found.name for found in brought[one].happenings] == ["offer.pdf"]


async def test_our_own_note_is_no_news(sb, tables, reading):
    one = incident(sb, tables)
    async with reads(sb) as source:
        held = reading(source)
        await held.poll()
        before = held.records[one]
        sb.clock.advance(60)
        await source.write(WriteBack(WriteKind.NOTE, one, "[D-12 #1]", "Ana acknowledged"))
        sb.clock.advance(60)
        await held.poll()
        assert fingerprint(held.records[one]) == fingerprint(before)


async def test_a_request_for_a_document_is_known_by_its_words(sb, tables, reading):
    one = incident(sb, tables)
    tables.change("incident", one, {"comments": "Please attach the log"}, by="ana.ruiz")
    tables.change("incident", one, {"comments": "please attach it yourself"}, by="greta.mill")
    async with reads(sb, documents=Requests(("please attach",), timedelta(days=2))) as source:
        held = reading(source)
        await held.poll()
    (asked,) = [found for found in held.records[one].happenings if found.kind is HappeningKind.DOCUMENT_REQUEST]
    assert (asked.author, asked.due_at - asked.at) == ("Ana Ruiz", timedelta(days=2))


async def test_a_journal_longer_than_one_answer_keeps_its_newest(sb, tables, reading, monkeypatch):
    monkeypatch.setattr("pollers.servicenow_api._MANY", 20)
    ids = [incident(sb, tables) for _ in range(3)]
    for n in range(50):
        sb.clock.advance(1)
        tables.change("incident", ids[n % 3], {"work_notes": f"note {n}"}, by="ana.ruiz")
    async with reads(sb) as source:
        held = reading(source)
        await held.poll()
    assert {held.records[one].happenings[-1].text_hint for one in ids} == {"note 47", "note 48", "note 49"}


async def test_a_display_value_is_never_read_as_a_time(sb, tables, reading):
    """What a form shows is in the zone of our user; what is stored is in UTC, whatever that zone is."""
    one = incident(sb, tables)
    tables.rows["sys_user"][tables.user("deskbell")]["time_zone"] = "Pacific/Auckland"
    sb.clock.advance(60)
    tables.change("incident", one, {"comments": "When do you come?"}, by="greta.mill")
    written = sb.clock.time()
    async with reads(sb) as source:
        held = reading(source)
        await held.poll()
        assert held.records[one].happenings[0].at.timestamp() == pytest.approx(written, abs=1)
        assert complaints(await source.check()) == ["ServiceNow user"]


# ---------------------------------------------------------------- words


async def test_a_state_is_known_by_its_label(sb, tables, reading):
    tables.choice("incident", "state", "42", "resolved")
    tables.choice("incident", "state", "43", "Waiting for parts")
    known, unknown = incident(sb, tables, state="42"), incident(sb, tables, state="43")
    async with reads(sb) as source:
        held = reading(source)
        await held.poll()
        assert held.records[known].status is CaseStatus.RESOLVED
        assert held.records[unknown].status is CaseStatus.UNKNOWN
        assert {word for page in held.pages for word in page.unmapped} == {("state", "Waiting for parts")}
        (finding,) = [finding for finding in await source.check() if not finding.ok]
        assert finding.detail == "not in status_map: Waiting for parts"
    async with reads(sb, status_map={"waiting for PARTS": "paused"}) as source:
        assert (await source.fetch(unknown)).status is CaseStatus.PAUSED
        assert complaints(await source.check()) == []


async def test_words_of_another_language_go_by_their_code(sb, tables, reading):
    for code, label in (("1", "Neu"), ("2", "In Bearbeitung")):
        tables.choice("incident", "state", code, label, language="de")
    one = incident(sb, tables, state="2")
    async with reads(sb, language="de") as source:
        case = await source.fetch(one)
        assert (case.status, case.status_raw) == (CaseStatus.OPEN, "In Bearbeitung")
        assert complaints(await source.check()) == []


async def test_a_table_without_words_of_its_own_has_those_of_task(sb, tables, reading):
    tables.choice("task", "state", "-7", "Pending")
    one = tables.task("sc_task", "Order a valve", opened=sb.clock.time() - HOUR, state="-7")["sys_id"]
    async with reads(sb, "sc_task") as source:
        case = await source.fetch(one)
    assert (case.status, case.status_raw) == (CaseStatus.PAUSED, "Pending")


async def test_a_state_that_is_not_shown_is_told(sb, tables, reading):
    one = incident(sb, tables)
    sb.servicenow.hidden_columns = {("incident", "state"), ("incident", "priority")}
    async with reads(sb) as source:
        held = reading(source)
        await held.poll()
        assert held.records[one].status is CaseStatus.UNKNOWN
        assert ("state", "(empty or hidden)") in [word for page in held.pages for word in page.unmapped]
        (finding,) = [finding for finding in await source.check() if not finding.ok]
        assert finding.what == "ServiceNow columns"
        assert "state, priority" in finding.detail


# ---------------------------------------------------------------- tables


async def test_a_case_of_customer_service(sb, tables, reading):
    contact = tables.user("olaf@example.com")
    at = sb.clock.time() - HOUR
    one = tables.task("sn_customerservice_case", "Wrong invoice", opened=at, state="18", contact=contact,
                      account=tables.company("Hansen"), priority="1", sla_end=at + 4 * HOUR)["sys_id"]  # fmt: skip
    tables.change("sn_customerservice_case", one, {"comments": "Here you are"}, by="olaf.berg")
    async with reads(sb, "sn_customerservice_case", close_code="Solved") as source:
        held = reading(source)
        await held.poll()
        case = held.records[one]
        assert (case.status, case.status_raw) == (CaseStatus.WAITING, "Awaiting Info")
        assert (case.requester, case.contact) == ("Olaf Berg", "olaf@example.com")
        assert case.number.startswith("CS")
        assert [found.kind for found in case.happenings] == [HappeningKind.CUSTOMER_REPLY]
        assert case.slas[0].due_at.timestamp() == pytest.approx(at + 4 * HOUR, abs=1)
        assert case.url.endswith(f"/sn_customerservice_case.do?sys_id={one}")
        assert complaints(await source.check()) == []
        assert isinstance(await source.write(WriteBack(WriteKind.RESOLVE, one, "[D-1 #1]", "paid back")), Sent)
        row = tables.rows["sn_customerservice_case"][one]
        assert (row["state"], row["resolution_code"]) == ("6", "Solved")
        assert row["close_notes"].startswith("paid back")


async def test_a_case_without_a_resolution_code_says_what_is_missing(sb, tables):
    one = tables.task("sn_customerservice_case", "Wrong invoice")["sys_id"]
    async with reads(sb, "sn_customerservice_case") as source:
        outcome = await source.write(WriteBack(WriteKind.RESOLVE, one, "[D-1 #1]", "paid back"))
    assert isinstance(outcome, Rejected)
    assert "Resolution code" in outcome.why


async def test_a_catalog_task_is_its_requesters(sb, tables, reading):
    request = tables.request("REQ0010001", "greta@example.com")
    one = tables.task("sc_task", "Order a valve", opened=sb.clock.time() - HOUR, request=request)["sys_id"]
    async with reads(sb, "sc_task") as source:
        case = await source.fetch(one)
        assert (case.requester, case.status) == ("Greta Mill", CaseStatus.OPEN)
        assert isinstance(await source.write(WriteBack(WriteKind.RESOLVE, one, "[D-1 #1]", "here")), Sent)
        assert (await source.fetch(one)).done
        assert complaints(await source.check()) == []
    (entry,) = tables.journal(one)
    assert (entry["element"], entry["value"]) == ("work_notes", "here\n[D-1 #1]")


async def test_a_table_that_is_not_there_is_told_by_its_name(sb, tables, reading):
    async with reads(sb, "u_nosuch") as source:
        with pytest.raises(SourceError, match="u_nosuch"):
            await reading(source).poll()
        (finding,) = await source.check()
        assert not finding.ok


# ---------------------------------------------------------------- work order tasks


def work_order(sb, tables, **fields):
    start = int(sb.clock.time()) + 2 * HOUR
    place = tables.place("Hansen Kiel", street="Hafenstr. 1", city="Kiel", latitude="54.3", longitude="10.1",
                         time_zone="Europe/Berlin")  # fmt: skip
    values = {
        "state": "16", "assigned_to": tables.user("priya@example.org"), "location": place,
        "company": tables.company("Hansen"), "expected_start": stored(start), "estimated_end": stored(start + HOUR),
        "window_start": stored(start), "window_end": stored(start + 2 * HOUR),
    } | fields  # fmt: skip
    return tables.task("wm_task", "Exchange the valve", opened=sb.clock.time() - HOUR, **values)["sys_id"], start


async def test_a_work_order_task_is_a_visit(sb, tables, reading):
    one, start = work_order(sb, tables, sla_end=sb.clock.time() + 5 * HOUR)
    async with reads(sb, "wm_task") as source:
        held = reading(source)
        await held.poll()
        visit = held.records[one]
        assert (visit.status, visit.status_raw) == (VisitStatus.SCHEDULED, "Assigned")
        assert (visit.technician, visit.technician_email) == ("Priya Nair", "priya@example.org")
        assert (visit.customer, visit.site) == ("Hansen", "Hansen Kiel, Hafenstr. 1, Kiel")
        assert (visit.zone, visit.site_lat) == ("Europe/Berlin", 54.3)
        assert visit.start == datetime.fromtimestamp(start, UTC)
        assert visit.window_end - visit.start == timedelta(hours=2)
        assert visit.sla_due is not None
        assert complaints(await source.check()) == []


@pytest.mark.parametrize(
    ("state", "more", "status"),
    [
        ("10", {}, VisitStatus.UNSCHEDULED),
        ("17", {}, VisitStatus.DISPATCHED),
        ("17", {"travel_start": "2026-11-20 08:00:00"}, VisitStatus.EN_ROUTE),
        ("18", {"travel_start": "2026-11-20 08:00:00", "work_start": "2026-11-20 08:30:00"}, VisitStatus.ON_SITE),
        ("3", {}, VisitStatus.COMPLETED),
        ("4", {}, VisitStatus.CANNOT_COMPLETE),
        ("7", {}, VisitStatus.CANCELLED),
        ("99", {}, VisitStatus.UNKNOWN),
    ],
)
async def test_each_state_of_a_work_order_task(sb, tables, state, more, status):
    one, _ = work_order(sb, tables, state=state, **more)
    async with reads(sb, "wm_task") as source:
        assert (await source.fetch(one)).status is status


async def test_columns_that_are_called_otherwise(sb, tables):
    one, start = work_order(sb, tables, due_date="2026-12-01 10:00:00")
    async with reads(sb, "wm_task", columns={"eta": "due_date", "customer": "", "arrived_at": "u_arrived"}) as source:
        visit = await source.fetch(one)
        assert visit.eta == datetime(2026, 12, 1, 10, tzinfo=UTC)
        assert visit.customer == ""
        assert visit.start.timestamp() == start
        assert complaints(await source.check()) == ["ServiceNow columns"], "u_arrived is not there"


# ---------------------------------------------------------------- gone, hidden, forbidden


async def test_what_was_deleted_is_gone_with_the_next_poll(sb, tables, reading):
    kept, gone = incident(sb, tables), incident(sb, tables)
    async with reads(sb) as source:
        held = reading(source)
        await held.poll()
        sb.clock.advance(600)
        tables.remove("incident", gone)
        tables.remove("sys_user_group", next(iter(tables.rows["sys_user_group"])))
        await held.poll()
        await held.poll()
        assert [one for page in held.pages for one in page.gone] == [gone]
        assert await source.missing([kept, gone]) == [gone]


@pytest.mark.parametrize(
    ("table", "lost"),
    [
        ("task_sla", "slas"),
        ("sys_journal_field", "happenings"),
        ("sys_attachment", ""),
        ("sys_audit_delete", ""),
        ("sys_choice", ""),
        ("sys_user", "assignee"),
        ("sys_user_group", "group"),
    ],
)
async def test_a_right_that_is_missing_is_named_and_the_rest_goes_on(sb, tables, reading, table, lost):
    one = incident(sb, tables, assigned="Ana Ruiz", sla_end=sb.clock.time() + HOUR)
    tables.change("incident", one, {"comments": "hello"}, by="greta.mill")
    sb.servicenow.forbidden.add(table)
    async with reads(sb) as source:
        held = reading(source)
        await held.poll()
        await held.poll()
        assert held.records[one].status is CaseStatus.NEW
        assert not lost or not getattr(held.records[one], lost)
        told = [finding for finding in await source.check() if not finding.ok]
        assert all("Until then" in finding.detail for finding in told if finding.what != "ServiceNow user")
        names = {"sys_choice": {"ServiceNow states"}, "sys_user": {"ServiceNow user", "ServiceNow sys_user"}}
        assert {finding.what for finding in told} == names.get(table, {f"ServiceNow {table}"})


async def test_rows_that_are_hidden_are_counted_by_check(sb, tables):
    rows = [incident(sb, tables) for _ in range(5)]
    sb.servicenow.hidden = set(rows[:2])
    async with reads(sb) as source:
        (finding,) = [finding for finding in await source.check() if not finding.ok]
    assert finding.detail.startswith("2 of the first 5 are hidden")


@pytest.mark.parametrize("refuses", [False, True])
async def test_a_filter_of_an_unknown_column_is_found_either_way(sb, tables, refuses):
    """By default it is dropped, and everything comes; with glide.invalid_query.returns_no_rows nothing does."""
    incident(sb, tables)
    sb.servicenow.refuses_invalid = refuses
    async with reads(sb, query="u_nosuch=1") as source:
        assert complaints(await source.check())


async def test_a_limit_of_the_instance_is_told_with_when_it_ends(sb, tables, reading):
    incident(sb, tables)
    sb.servicenow.rule = Window(sb.clock, 3)
    async with reads(sb) as source:
        with pytest.raises(SourceError) as raised:
            await reading(source).poll()
        assert raised.value.after is not None


async def test_what_is_not_wanted_costs_no_call(sb, tables, reading):
    incident(sb, tables)
    async with reads(sb, slas=False, journal=False, attachments=False, deletions=False) as source:
        held = reading(source)
        await held.poll()
        before = len(sb.ledger.entries)
        sb.clock.advance(300)
        await held.poll()
        assert len(sb.ledger.entries) - before == 1


@pytest.mark.parametrize(
    ("table", "changes", "said"),
    [
        ("incident^x", {}, "no name of a table"),
        ("wm_task", {"columns": {"nose": "u_nose"}}, "nose"),
        ("wm_task", {"columns": {"start": "x^y"}}, "start"),
        ("incident", {"columns": {"start": "x"}}, "start"),
        ("incident", {"status_map": {"9": "en_route"}}, "en_route"),
        ("wm_task", {"status_map": {"9": "open"}}, "open"),
    ],
)
def test_settings_that_can_not_be_are_refused(table, changes, said):
    conf = ServiceNowConf("https://acme.service-now.com", "deskbell", "pw-12345")
    with pytest.raises(ValueError, match=said):
        replace(conf, table=table, **changes)
