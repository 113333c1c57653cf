"""Who finds whom, and at what cost."""

from datetime import UTC, datetime, timedelta

import pytest

from deskbell.core.records import (
    Account,
    AccountStatus,
    Case,
    CaseStatus,
    Contract,
    ContractStatus,
    Leave,
    LeaveStatus,
    Visit,
    VisitStatus,
    changed,
)
from deskbell.core.ties import same_customer, same_person, seeks_of, ties_of

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
START = datetime(2026, 11, 21, 22, tzinfo=UTC)
VISIT = Visit(
    "fs", "1", "J-1", VisitStatus.SCHEDULED, technician="Marco Silva", customer="Hansen", start=START, end=START + HOUR
)
LEAVE = Leave("hr", "1", "1", LeaveStatus.APPROVED, person="marco silva", start=START - DAY, end=START + DAY)
ACCOUNT = Account("crm", "A1", "A-1", AccountStatus.ACTIVE, name="Hansen")
CONTRACT = Contract("erp", "3", "C-3", ContractStatus.ACTIVE, account_id="a1")
CASE = Case("fd", "8", "8", CaseStatus.OPEN, requester="Pat", account_id="A1")


def finds(one, other):
    return bool(seeks_of(one) & ties_of(other))


@pytest.mark.parametrize(
    ("one", "other", "found"),
    [
        (VISIT, changed(VISIT, id="2", start=START - 6 * HOUR), True),
        (VISIT, changed(VISIT, id="2", start=START + DAY, end=None), False),  # another day is another matter
        (VISIT, changed(VISIT, id="2", technician="Lena"), False),
        (changed(VISIT, end=START + 3 * HOUR), changed(VISIT, start=START + 3 * HOUR), True),  # over midnight
        (VISIT, LEAVE, True),
        (LEAVE, VISIT, True),
        (LEAVE, changed(VISIT, start=START + 3 * DAY, end=None), False),
        (ACCOUNT, VISIT, True),
        (VISIT, ACCOUNT, True),
        (ACCOUNT, CASE, True),
        (CONTRACT, changed(VISIT, account_id="A1"), True),
        (CASE, ACCOUNT, False),
        (VISIT, changed(VISIT, technician="Lena", start=START), False),  # one customer's jobs don't find each other
    ],
)
def test_who_finds_whom(one, other, found):
    assert finds(one, other) is found


def test_a_day_is_the_sites():
    early, late = (
        changed(VISIT, zone="America/Los_Angeles", start=START + hours * HOUR, end=None) for hours in (-6, 9)
    )
    assert finds(early, late)  # 08:00 and 23:00 there
    assert not finds(changed(early, zone="UTC"), changed(late, zone="UTC"))


def test_a_leave_without_end_costs_no_more_than_a_long_one():
    endless = changed(LEAVE, end=START + 9000 * DAY)
    assert len(seeks_of(endless)) == 120


def test_two_people_of_one_name():
    mine, theirs = (changed(VISIT, technician_email=mail) for mail in ("a@x.org", "b@x.org"))
    assert not same_person(mine, theirs)
    assert same_person(mine, changed(LEAVE, person_email="A@x.org"))
    assert same_person(mine, LEAVE)  # by name, where one of them tells no address
    assert not same_person(changed(VISIT, technician=""), changed(LEAVE, person=""))
    assert not same_person(changed(VISIT, technician_id="1"), changed(VISIT, technician_id="2"))


def test_one_customer():
    assert same_customer(ACCOUNT, VISIT)
    assert not same_customer(ACCOUNT, changed(VISIT, account_id="A2"))
    assert not same_customer(changed(ACCOUNT, name=""), changed(VISIT, customer=""))
