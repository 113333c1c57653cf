"""Incidents and their clocks as ServiceNow writes them, and as nobody should."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from deskbell.core.ports import SourceError, SourceFault
from deskbell.core.records import CaseStatus, Priority, Sla
from deskbell.vendors import servicenow as vendor
from pollers import servicenow_slas
from pollers.happenings import Requests
from pollers.rows import BadRow
from pollers.servicenow_case import to_record, unmapped
from pollers.servicenow_conf import Book, ServiceNowConf
from pollers.servicenow_journal import Authors, told_in
from pollers.servicenow_parts import REST_S, Rights
from pollers.servicenow_visit import to_visit

CONF = ServiceNowConf("https://acme.service-now.com", "deskbell", "pw-12345")
BOOK = Book(
    {"baf1eecf4e19b77cd25e8c7e714f99df": "Ana Ruiz", "77ad3c3e50e7b0f1a35f2f1c6a3f8d11": "Greta Mill"},
    {"3ca89e61fd8a861f15b8d225e453f6e3": "Compressor Support"},
)


def test_an_incident_becomes_a_case(recorded):
    case = to_record(recorded("servicenow_incidents")[0], CONF, BOOK)
    assert (case.number, case.status, case.priority) == ("INC0010004", CaseStatus.OPEN, Priority.URGENT)
    assert (case.assignee, case.requester, case.group) == ("Ana Ruiz", "Greta Mill", "Compressor Support")
    assert (case.escalated, case.escalation_level) == (True, 2)
    assert case.created_at == datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
    assert case.url == "https://acme.service-now.com/incident.do?sys_id=cafac41a53f2f399c7cd6aa6cc7e9320"


def test_on_hold_for_the_caller_waits_and_for_others_is_paused(recorded):
    rows = recorded("servicenow_incidents")
    assert to_record(rows[1], CONF, BOOK).status is CaseStatus.WAITING
    assert to_record(rows[2], CONF, BOOK).status is CaseStatus.PAUSED


def test_references_come_plain_or_as_link_and_value(recorded):
    assert to_record(recorded("servicenow_incidents")[1], CONF, BOOK).assignee_id == "u1"


def test_a_moderate_escalation_is_none_and_unknown_words_are_told(recorded):
    rows = recorded("servicenow_incidents")
    assert not to_record(rows[2], CONF, BOOK).escalated
    case = to_record(rows[3], CONF, BOOK)
    assert case.status is CaseStatus.UNKNOWN
    assert unmapped(rows[3], CONF, BOOK) == [("state", "-5"), ("priority", "9")]
    assert to_record(rows[3], replace(CONF, status_map={"-5": CaseStatus.NEW}), BOOK).status is CaseStatus.NEW


def test_one_clock_of_each_kind_the_first_to_run_out(recorded):
    clocks = servicenow_slas.slas_of(recorded("servicenow_task_slas"))
    assert [(sla.metric, sla.due_at.hour, sla.met) for sla in clocks] == [
        ("first_response", 8, True),
        ("resolution", 12, False),
    ]


def test_the_clocks_of_a_resolved_incident_stand_still(recorded):
    row = recorded("servicenow_incidents")[0]
    due = (Sla("resolution", datetime(2026, 11, 20, 9, 0, tzinfo=UTC)),)
    book = replace(BOOK, slas={row["sys_id"]: due})
    assert not to_record(row, CONF, book).slas[0].met
    assert to_record(row | {"state": "6"}, CONF, book).slas[0].met


def test_a_moved_clock_is_told_until_it_is_kept(recorded):
    rows, slas = recorded("servicenow_task_slas"), servicenow_slas.Slas()
    assert slas.moved(rows) == {"cafac4"}
    assert slas.moved(rows) == {"cafac4"}, "the page was not kept"
    slas.keep()
    refreshed = [row | {"percentage": "51", "sys_updated_on": "2026-11-20 10:00:00"} for row in rows]
    assert slas.moved(refreshed) == set(), "a refreshed percentage is no change"
    assert slas.moved([rows[0] | {"planned_end_time": "2026-11-20 18:00:00"}]) == {"cafac4"}


def test_a_refused_table_is_left_alone_for_an_hour():
    now = [0.0]
    rights = Rights("servicenow", lambda: now[0])
    rights.refused("task_sla", SourceError(SourceFault.AUTH, "403"))
    assert not rights.may("task_sla")
    assert rights.may("sys_attachment")
    now[0] = REST_S
    assert rights.may("task_sla")


def test_hostile_fields_never_raise(recorded, hostile, sound):
    good = recorded("servicenow_incidents")[0]
    for name in set(good) - {"sys_id"}:
        for value in hostile:
            sound(to_record(good | {name: value}, CONF, BOOK))
    clock = recorded("servicenow_task_slas")[0]
    for name in clock:
        for value in hostile:
            servicenow_slas.slas_of([clock | {name: value}])
            servicenow_slas.Slas().moved([clock | {name: value}])


def test_hostile_columns_of_a_visit_never_raise(hostile, sound):
    conf = replace(CONF, table="wm_task")
    good = dict.fromkeys(conf.asked.split(","), "2026-11-20 08:00:00") | {"sys_id": "7", "state": "17"}
    sound(to_visit(good, conf, BOOK))
    for value in hostile:
        for name in set(good) - {"sys_id"}:
            sound(to_visit(good | {name: value}, conf, BOOK))


def test_hostile_journals_and_files_never_raise(recorded, hostile, sound):
    row = recorded("servicenow_incidents")[0]
    entry = {"sys_id": "j1", "element": "comments", "value": "please send it", "sys_created_on": "2026-11-20 08:00:00",
             "sys_created_by": "ana.ruiz"}  # fmt: skip
    file = {"sys_id": "f1", "file_name": "a.pdf", "sys_created_on": "2026-11-20 08:00:00", "sys_created_by": "x"}
    asks, authors = Requests(("send",)), Authors({"ana.ruiz": "Ana Ruiz"}, {})
    assert len(told_in([entry], [file], "greta", authors, asks)) == 3
    for value in hostile:
        for name in entry:
            told = told_in([entry | {name: value}], [file | {name: value}], "greta", authors, asks)
            sound(to_record(row, CONF, replace(BOOK, told={row["sys_id"]: told})))
        vendor.labels(
            [{"name": "incident", "element": "state", "value": value, "label": value}, value], "incident", "en"
        )


@pytest.mark.parametrize("never", ["9999-12-31 23:59:59", "0001-01-01 00:00:00", "20.11.2026 08:00", "-00:30:00", ""])
def test_a_time_that_means_never_is_none(never):
    conf = replace(CONF, table="wm_task")
    visit = to_visit({"sys_id": "7", "expected_start": never, "work_end": never, "state": "3"}, conf, BOOK)
    assert visit.start is None
    assert visit.completed_at is None


@pytest.mark.parametrize("raw", [None, [], {}, {"sys_id": ""}, {"sys_id": 7}, {"sys_id": {"value": 3}}])
def test_what_is_no_incident_is_a_bad_row(raw):
    with pytest.raises(BadRow):
        to_record(raw, CONF, BOOK)


# ---------------------------------------------------------------- the vendor's own query language


@pytest.mark.parametrize(
    ("query", "row", "holds"),
    [
        ("active=true", {"active": "true"}, True),
        ("active=true", {"active": "false"}, False),
        ("priorityIN1,2", {"priority": "3"}, False),
        ("priorityNOT IN1,2", {"priority": "3"}, True),
        ("assigned_toISEMPTY", {"assigned_to": {"value": "u1"}}, False),
        ("assigned_toISNOTEMPTY", {"assigned_to": "u1"}, True),
        ("numberSTARTSWITHINC", {"number": "CS1"}, False),
        ("state!=7", {"state": "7"}, False),
        ("company.name=ACME", {"state": "7"}, True),
    ],
)
def test_a_filter_is_checked_on_our_side_too(query, row, holds):
    assert all(term.holds(row) for term in vendor.terms(query)) is holds


@pytest.mark.parametrize("query", ["a=1^ORb=2", "a=1^NQb=2", "priority<3", "javascript:gs.x()", "=x", "ORDERBYnumber"])
def test_a_filter_that_can_not_be_checked_is_refused_at_the_start(query):
    with pytest.raises(ValueError, match="no condition like"):
        replace(CONF, query=query)


@pytest.mark.parametrize("query", ["a=1", "a!=1", "aIN1,2", "aNOT IN1,2", "aISEMPTY", "aISNOTEMPTY", "aSTARTSWITHx"])
def test_a_condition_and_its_opposite_exclude_each_other(query):
    (term,) = vendor.terms(query)
    (other,) = vendor.terms(term.opposite())
    for value in ("", "1", "2", "3", "xy"):
        assert not (term.holds({"a": value}) and other.holds({"a": value}))


def test_nothing_can_be_put_into_a_query():
    assert vendor.safe("x^ORactive=true javascript:gs.die()") == "xORactive=true gs.die()"


def test_configuration_needs_one_way_to_log_in():
    with pytest.raises(ValueError, match="user and password"):
        ServiceNowConf("https://acme.service-now.com", "deskbell")
    assert "pw-12345" not in repr(CONF)


async def test_a_refused_login_is_no_missing_right(sb, servicenow, reading):
    """Once refused altogether, the service clocks are asked for again: an alert about them may not end by that."""
    now = sb.clock.time()
    row = sb.servicenow.tables.incident("Compressor down", sla_end=now + 600)
    held = reading(servicenow)
    sb.servicenow.faults.set("401", where="/api/now/table/task_sla", times=1)
    with pytest.raises(SourceError) as refused:
        await held.poll()
    assert (refused.value.fault, refused.value.login) == (SourceFault.AUTH, True)
    assert [clock.metric for clock in (await held.poll())[row["sys_id"]].slas] == ["resolution"]
