"""A JSON API by its description, and what a wrong description is told."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from deskbell.core.records import CaseStatus, Priority, VisitStatus
from pollers.rest_conf import AuthConf, Paging, RestConf, WriteRule, filled, written
from pollers.rest_map import plan_of, to_record, unmapped
from pollers.rows import BadRow

FIELDS = {
    "id": "id",
    "number": "number",
    "status": "status",
    "title": "summary",
    "customer": "customer.name",
    "site": "site.name",
    "zone": "site.timezone",
    "technician": "technician.name",
    "technician_id": "technician.id",
    "technician_email": "technician.email",
    "priority": "priority",
    "start": "scheduled_start",
    "end": "scheduled_end",
    "travel_started_at": "travel_started_at",
    "arrived_at": "checked_in_at",
    "cancelled_at": "cancelled_at",
    "cancelled_by": "cancelled_by",
    "reason": "cancel_reason",
    "updated_at": "updated_at",
}
CONF = RestConf(
    "https://fsm.example.com", "/jobs", FIELDS, name="fsm", items="data", web_url="https://fsm.example.com/j/{number}"
)
PLAN = plan_of(CONF)


def jobs(recorded):
    return recorded("fieldservice_jobs")["data"]


def test_a_job_becomes_a_visit(recorded):
    visit = to_record(jobs(recorded)[0], PLAN)
    assert (visit.id, visit.number, visit.status) == ("4711", "J-4711", VisitStatus.EN_ROUTE)
    assert (visit.technician, visit.technician_id, visit.technician_email) == (
        "Marco Bianchi",
        "1",
        "marco@example.org",
    )
    assert (visit.zone, visit.priority) == ("Europe/Berlin", Priority.HIGH)
    assert visit.start == datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
    assert visit.url == "https://fsm.example.com/j/J-4711"


def test_nobody_assigned_is_empty_and_never_the_word_null(recorded):
    visit = to_record(jobs(recorded)[1], PLAN)
    assert (visit.technician, visit.technician_id) == ("", "")
    assert (visit.cancelled_by, visit.reason, visit.zone) == ("customer", "Machine sold", "UTC")


def test_unknown_status_is_told_and_not_guessed(recorded):
    row = jobs(recorded)[2]
    assert to_record(row, PLAN).status is VisitStatus.UNKNOWN
    assert unmapped(row, PLAN) == [("status", "Parked on the moon")]
    mapped = plan_of(replace(CONF, status_map={"PARKED-ON-THE moon": "paused"}))
    assert to_record(row, mapped).status is VisitStatus.PAUSED


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        ("In Progress", "on_site"),
        ("on-hold", "paused"),
        ("Canceled", "cancelled"),
        ("NO SHOW", "no_show"),
        ("Closed Incomplete", "cannot_complete"),
        ("TRAVELING", "en_route"),
    ],
)
def test_words_that_many_systems_use_need_no_map(raw, status):
    assert to_record({"id": 1, "status": raw}, PLAN).status == status


def test_a_helpdesk_becomes_cases_with_their_clocks():
    fields = {"id": "key", "status": "state", "updated_at": "upd", "sla_resolution": "due", "escalated": "hot"}
    plan = plan_of(replace(CONF, records="case", fields=fields, status_map={"done": "resolved"}))
    row = {"key": "A-1", "state": "open", "upd": "2026-11-20T08:00:00Z", "due": "2026-11-20T09:00:00Z", "hot": True}
    case = to_record(row, plan)
    assert case.slas[0].metric == "resolution"
    assert case.escalated
    assert case.last_activity_at == datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
    assert to_record(row | {"state": "done"}, plan).slas[0].met
    assert to_record(row, plan).status is CaseStatus.OPEN


INVOICES = replace(
    CONF,
    records="invoice",
    fields={
        "id": "id",
        "status": "status",
        "balance": "open",
        "payments": "tries[].{id: no, at: at, amount: sum, failed: outcome == 'failed', reason: message}",
        "updated_at": "updated_at",
    },
)


def test_an_invoice_has_its_payments_each_once_and_in_order():
    tries = [
        {"no": 2, "at": "2026-11-20T09:00:00Z", "sum": "40.10", "outcome": "paid"},
        {"no": 1, "at": "2026-11-20T08:00:00Z", "sum": 40.1, "outcome": "failed", "message": "No funds"},
        {"no": 1, "at": "2026-11-20T08:00:00Z", "sum": 40.1, "outcome": "failed", "message": "No funds"},
        {"no": 3, "at": "soon"},
        {"at": "2026-11-20T09:00:00Z"},
    ]
    invoice = to_record({"id": 7, "status": "issued", "open": "0.00", "tries": tries}, plan_of(INVOICES))
    assert [(one.id, one.amount, one.failed, one.reason) for one in invoice.payments] == [
        ("1", Decimal("40.1"), True, "No funds"),
        ("2", Decimal("40.10"), False, ""),
    ]


def test_only_the_newest_payments_are_kept(hostile, sound):
    plan = plan_of(INVOICES)
    tries = [{"no": n, "at": 1_800_000_000 + n} for n in range(500)]
    assert [one.id for one in to_record({"id": 7, "tries": tries}, plan).payments] == [str(n) for n in range(470, 500)]
    for value in hostile:
        sound(to_record({"id": 7, "tries": value}, plan))
        sound(to_record({"id": 7, "tries": [value, {"no": value, "at": value, "sum": value, "outcome": value}]}, plan))


def test_naive_stamps_are_in_the_configured_zone():
    plan = plan_of(replace(CONF, zone="Europe/Berlin"))
    visit = to_record({"id": 1, "scheduled_start": "2026-07-01 10:00:00"}, plan)
    assert visit.start == datetime(2026, 7, 1, 8, 0, tzinfo=UTC)


def test_hostile_fields_never_raise(recorded, hostile, sound):
    good = jobs(recorded)[0]
    for name in set(good) - {"id"}:
        for value in hostile:
            sound(to_record(good | {name: value}, PLAN))
    functions = plan_of(replace(CONF, fields=FIELDS | {"title": "join(', ', sort(notes[].text))", "url": "link"}))
    for value in hostile:
        row = {"id": 1, "notes": value, "link": value}
        sound(to_record(row, functions))


def test_a_link_from_a_row_must_be_one():
    plan = plan_of(replace(CONF, web_url="", fields=FIELDS | {"url": "link"}))
    assert to_record({"id": 1, "link": "javascript:alert(1)"}, plan).url == ""
    assert to_record({"id": 1, "link": "https://x.example/1"}, plan).url == "https://x.example/1"


@pytest.mark.parametrize("raw", [None, [], {}, {"id": None}, {"id": []}])
def test_what_is_no_row_is_a_bad_row(raw):
    with pytest.raises(BadRow):
        to_record(raw, PLAN)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"fields": FIELDS | {"colour": "x"}}, "colour is no field of a visit"),
        ({"fields": {"id": "id", "status": "s"}}, "updated_at is missing"),
        ({"fields": FIELDS | {"title": "a["}}, "no JMESPath expression"),
        ({"params": {"x": "{sinse}"}}, "{sinse} is no placeholder"),
        ({"write": {"shout": WriteRule("/x")}}, "shout is not one of note, assign, resolve"),
        ({"status_map": {"parked": "resting"}}, "status_map: 'parked' is mapped to 'resting'; use one of: unscheduled"),
        ({"priority_map": {"hot": "hottest"}}, "priority_map: 'hot' is mapped to 'hottest'"),
        ({"auth": AuthConf("bearer")}, "token is missing"),
        ({"base_url": "http://fsm.example.com"}, "not encrypted"),
    ],
)
def test_a_wrong_description_is_told_when_it_is_read(change, said):
    with pytest.raises(ValueError, match=said.replace("{", r"\{")):
        replace(CONF, **change)


def test_placeholders_fill_texts_and_nothing_else():
    values = {"id": "7", "text": "{marker} {0} {text.__class__}", "assignee": "3"}
    body = {"a": ["{text}", {"n": "{assignee:int}", "keep": 5}], "t": "x-{id}"}
    assert filled(body, values) == {"a": [values["text"], {"n": 3, "keep": 5}], "t": "x-7"}
    with pytest.raises(ValueError, match="invalid literal"):
        filled("{assignee:int}", {"assignee": "ana"})


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("iso_z", "2026-11-20T12:00:00Z"),
        ("iso_offset", "2026-11-20T12:00:00+00:00"),
        ("epoch_s", "1795176000"),
        ("epoch_ms", "1795176000000"),
        ("date", "2026-11-20"),
        ("%d.%m.%Y", "20.11.2026"),
    ],
)
def test_moments_as_an_api_wants_them(kind, text):
    assert written(datetime(2026, 11, 20, 12, 0, 0, 999, tzinfo=UTC), kind) == text


def test_a_login_by_a_refresh_token_or_a_signed_claim():
    client = {"token_url": "https://x.example/token", "client_id": "us", "client_secret": "s3cret"}
    made = AuthConf("oauth2_refresh_token", **client, refresh_token="r-0", kept_in="/tmp/r").made()
    assert (made.refresh_token, made.kept_in, made.scheme) == ("r-0", "/tmp/r", "Bearer")
    signed = AuthConf("oauth2_jwt", token_url=client["token_url"], issuer="us", private_key="pem-key").made()
    assert (signed.issuer, signed.subject) == ("us", "")
    assert "pem-key" not in repr(AuthConf(private_key="pem-key", refresh_token="r-0"))


def test_paging_kinds_are_known():
    assert Paging("page").first == 1
