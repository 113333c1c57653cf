"""Tickets as Freshdesk writes them, and as nobody should."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from deskbell.core.records import CaseStatus, Priority
from deskbell.vendors import freshdesk as vendor
from pollers.freshdesk import Book, FreshdeskConf, to_record, unmapped
from pollers.rows import BadRow

CONF = FreshdeskConf(
    "https://acme.freshdesk.com", "key-1234", teams={"Service desk": "berlin"}, team="all", zone="Europe/Berlin"
)
BOOK = Book(
    {"1001": "Ana Ruiz", "1002": "Ben Okafor"}, {"501": "Service desk"}, {"2": "Open", "12": "Waiting on parts"}
)


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_a_ticket_becomes_a_case(recorded):
    case = to_record(recorded("freshdesk_tickets")[0], CONF, BOOK)
    assert (case.id, case.number, case.source) == ("20414", "20414", "freshdesk")
    assert (case.status, case.status_raw, case.priority) == (CaseStatus.OPEN, "Open", Priority.URGENT)
    assert (case.assignee, case.assignee_id, case.group, case.team) == ("Ben Okafor", "1002", "Service desk", "berlin")
    assert (case.requester, case.subject) == ("Mia Imhof", "Booster blows off at 42 bar")
    assert case.url == "https://acme.freshdesk.com/a/tickets/20414"
    assert case.last_activity_at == case.updated_at == at("2026-11-20T08:40:12")
    slas = {sla.metric: sla for sla in case.slas}
    assert set(slas) == {"first_response", "resolution"}
    assert slas["first_response"].met
    assert not slas["resolution"].met
    assert slas["resolution"].due_at == at("2026-11-20T16:00:00")
    assert slas["resolution"].started_at == at("2026-11-20T08:00:00")


def test_a_null_due_date_is_no_clock_yet_and_one_that_is_filled_later_is(recorded):
    row = recorded("freshdesk_tickets")[1]
    assert "resolution" not in {sla.metric for sla in to_record(row, CONF, BOOK).slas}
    filled = row | {"due_by": "2026-11-21T06:00:00Z"}
    assert "resolution" in {sla.metric for sla in to_record(filled, CONF, BOOK).slas}
    from pollers.rows import version

    assert version(row) != version(filled), "the same updated_at, but not the same reading"


def test_without_stats_a_first_response_is_owed_only_when_freshdesk_says_it_is_late(recorded):
    late, fine = recorded("freshdesk_tickets")[1:]
    assert not first_response(to_record(late, CONF, BOOK)).met
    assert first_response(to_record(fine, CONF, BOOK)).met


def first_response(case):
    return next(sla for sla in case.slas if sla.metric == "first_response")


def test_unknown_status_code_is_told_and_not_guessed(recorded):
    row = recorded("freshdesk_tickets")[1]
    case = to_record(row, CONF, BOOK)
    assert case.status is CaseStatus.UNKNOWN
    assert case.status_raw == "Waiting on parts"
    assert unmapped(row, case) == [("status", "Waiting on parts")]


@pytest.mark.parametrize("key", ["12", "waiting on PARTS"])
def test_a_custom_status_is_mapped_by_code_or_label(recorded, key):
    conf = replace(CONF, status_map={key: CaseStatus.PAUSED})
    case = to_record(recorded("freshdesk_tickets")[1], conf, BOOK)
    assert case.status is CaseStatus.PAUSED
    assert all(sla.paused for sla in case.slas)


def test_escalated_is_what_freshdesk_says(recorded):
    case = to_record(recorded("freshdesk_tickets")[1], CONF, BOOK)
    assert (case.escalated, case.escalation_level) == (True, 1)


def test_a_ticket_in_the_bin_or_in_spam_is_closed(recorded):
    row = recorded("freshdesk_tickets")[0]
    assert to_record(row | {"deleted": True}, CONF, BOOK).status is CaseStatus.CLOSED
    assert to_record(row | {"spam": True}, CONF, BOOK).status is CaseStatus.CLOSED


def test_hostile_fields_never_raise(recorded, hostile, sound):
    good = recorded("freshdesk_tickets")[0]
    for name in set(good) - {"id"}:
        for value in hostile:
            sound(to_record(good | {name: value}, CONF, BOOK))
    for value in hostile:
        for name in ("requester", "stats"):
            sound(to_record(good | {name: {"name": value, "first_responded_at": value}}, CONF, BOOK))
        sound(to_record(good, CONF, replace(BOOK, agents={"1002": str(value)})))


@pytest.mark.parametrize("raw", [None, [], "row", {}, {"id": None}, {"id": True}, {"id": {}}])
def test_what_is_no_ticket_is_a_bad_row(raw):
    with pytest.raises(BadRow):
        to_record(raw, CONF, BOOK)


def test_statuses_in_both_shapes_of_ticket_fields():
    older = [{"type": "default_status", "choices": {"2": ["Open", "Being Processed"], "12": ["On trip", "On trip"]}}]
    newer = [{"type": "default_status", "choices": [{"id": 2, "label": "Open"}, {"value": 12, "label": "On trip"}]}]
    assert vendor.status_choices(older) == vendor.status_choices(newer) == {"2": "Open", "12": "On trip"}
    assert vendor.status_choices(None) == vendor.status_choices([{"type": "x"}, 3]) == {}


def test_a_note_is_escaped_because_its_body_is_html():
    assert vendor.as_html("<b>\n&") == "&lt;b&gt;<br>&amp;"


def test_the_key_shows_in_no_repr():
    assert "key-1234" not in repr(CONF)
