"""Tickets as Freshdesk writes them, and as nobody should."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from deskbell.core.records import CaseStatus, Priority
from deskbell.vendors import freshdesk as vendor
from pollers.freshdesk import Book, FreshdeskConf, to_record, unmapped
from pollers.freshdesk_ticket import told_in
from pollers.happenings import Requests
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


def test_hostile_words_never_raise(recorded, hostile, sound):
    ticket = recorded("freshdesk_tickets")[0]
    asking = replace(CONF, documents=Requests(("send",)))
    good = {
        "id": 1, "body_text": "please send it", "incoming": False, "private": False, "source": 0, "user_id": 1001,
        "created_at": "2026-11-20T08:40:12Z", "attachments": [{"id": 2, "name": "a.pdf"}],
    }  # fmt: skip
    assert len(told_in([good], ticket, asking, BOOK.agents)) == 3
    for value in hostile:
        for name in good:
            rows = [good | {name: value}, value]
            told = told_in(rows, ticket | {"requester": value}, asking, BOOK.agents)
            sound(to_record(ticket, asking, replace(BOOK, told={"20414": told})))
        for name in ("id", "name"):
            attached = [{"id": 2, "name": "a.pdf"} | {name: value}, value]
            told = told_in([good | {"attachments": attached}], ticket, asking, BOOK.agents)
            sound(to_record(ticket, asking, replace(BOOK, told={"20414": told})))


@pytest.mark.parametrize(
    "stamp", ["2026-11-20T08:40:12Z", "2026-11-20T09:40:12+01:00", "2026-11-20 08:40:12", 1_795_164_012]
)
def test_a_stamp_in_any_usual_form_is_the_same_moment(recorded, stamp):
    row = recorded("freshdesk_tickets")[0] | {"updated_at": stamp, "due_by": stamp}
    case = to_record(row, CONF, BOOK)
    assert case.updated_at == at("2026-11-20T08:40:12")
    assert {sla.due_at for sla in case.slas if sla.metric == "resolution"} == {case.updated_at}


@pytest.mark.parametrize("never", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "20.11.2026", "NaN", float("nan")])
def test_a_due_time_that_can_not_be_is_no_clock(recorded, never):
    row = recorded("freshdesk_tickets")[0] | {"due_by": never}
    assert "resolution" not in {sla.metric for sla in to_record(row, CONF, BOOK).slas}


def test_a_next_reply_is_owed_until_an_agent_wrote_after_the_customer(recorded):
    row = recorded("freshdesk_tickets")[0] | {"nr_due_by": "2026-11-20T12:00:00Z"}

    def owed(**stats):
        slas = to_record(row | {"stats": row["stats"] | stats}, CONF, BOOK).slas
        return [not sla.met for sla in slas if sla.metric == "next_reply"]

    assert owed(requester_responded_at="2026-11-20T10:00:00Z") == [True]
    assert owed(requester_responded_at="2026-11-20T08:00:00Z") == [False]


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
