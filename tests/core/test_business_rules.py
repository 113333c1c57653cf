"""Rules of accounts, orders, invoices, contracts: stages by the day at the place, keys, what ends them, first run."""

from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from deskbell.core.calendar import WEEKDAYS, Calendar
from deskbell.core.records import (
    Account,
    AccountStatus,
    Case,
    CaseStatus,
    Contract,
    ContractStatus,
    Invoice,
    InvoiceStatus,
    Order,
    OrderStatus,
    Payment,
    Visit,
    VisitStatus,
    changed,
)
from deskbell.core.rules import resolve_reason
from tests.core.asked import DAY, HOUR, MIN, NOON, P1, P2, P3, P4, SECOND, ask, found, holds, one, severity

ACCOUNT = Account("crm", "A1", "A-1", AccountStatus.ACTIVE, name="Hansen", plan="Basic", updated_at=NOON)
JOB = Visit("fs", "1", "J-1", VisitStatus.SCHEDULED, account_id="A1", start=NOON + 3 * DAY)
OFFICE = Calendar("UTC", WEEKDAYS, NOON.time().replace(hour=9), NOON.time().replace(hour=17))
BERLIN = ZoneInfo("Europe/Berlin")


class TestAccount:
    def test_created_and_verified_are_told_once_and_quietly(self):
        new = changed(ACCOUNT, status=AccountStatus.NEW, created_at=NOON)
        seen = one(new, NOON + MIN, "account_created")
        assert (seen.severity, seen.quiet, seen.key) == (P4, True, "acct:crm:A1:created:2026-11-20T12:00:00Z")
        assert not found(new, NOON + MIN, "account_created", baseline=True)
        assert not found(new, NOON + MIN, "account_created", new)
        verified = changed(new, status=AccountStatus.VERIFIED, verified_at=NOON + HOUR)
        seen = one(verified, NOON + HOUR, "account_verified", new)
        assert seen.key == "acct:crm:A1:verified:2026-11-20T13:00:00Z"
        assert holds(verified, NOON + 2 * HOUR, "account_verified", verified)

    @pytest.mark.parametrize(("after", "rings"), [(5 * DAY - SECOND, False), (5 * DAY, True)])
    def test_onboarding_stalls_after_three_business_days(self, after, rings):
        new = changed(ACCOUNT, status=AccountStatus.NEW, created_at=NOON)
        assert bool(found(new, NOON + after, "onboarding_stalled", calendar=OFFICE)) is rings
        assert not found(changed(new, onboarded_at=NOON), NOON + after, "onboarding_stalled", calendar=OFFICE)

    @pytest.mark.parametrize(
        ("now", "job", "rung", "stage"),
        [
            (NOON, None, P2, ""),
            (NOON, JOB, P2, ""),
            (NOON + DAY, JOB, P1, "job planned"),
            (NOON + DAY, changed(JOB, account_id="A2"), P2, ""),
        ],
    )
    def test_suspended_and_a_job_within_two_days(self, now, job, rung, stage):
        gone = changed(ACCOUNT, status=AccountStatus.SUSPENDED, status_since=NOON)
        seen = one(gone, now, "account_suspended", related=(job,) if job else ())
        assert (seen.severity, seen.stage, seen.key) == (rung, stage, "susp:crm:A1:2026-11-20T12:00:00Z")
        assert not found(ACCOUNT, now, "account_suspended", gone)

    def test_plan_changed(self):
        better = changed(ACCOUNT, plan="Gold", plan_from=date(2026, 12, 1))
        seen = one(better, NOON, "plan_changed", ACCOUNT)
        assert seen.key == "plan:crm:A1:2026-11-20T12:00:00Z"
        assert ("In force from", "Tue 01 Dec 2026") in seen.facts
        assert not found(better, NOON, "plan_changed")

    @pytest.mark.parametrize(
        ("related", "balance", "rung", "said"),
        [
            ((), None, P3, ""),
            ((JOB,), None, P2, "1 job"),
            ((Case("fd", "1", "1", CaseStatus.OPEN, account_id="a1"),), Decimal("12.50"), P2, "1 case, 12.50 EUR"),
            ((), Decimal(-3), P3, ""),
        ],
    )
    def test_closed(self, related, balance, rung, said):
        closed = changed(ACCOUNT, status=AccountStatus.CLOSED, closed_at=NOON, balance=balance, currency="EUR")
        seen = one(closed, NOON, "account_closed", ACCOUNT, related=related)
        assert (seen.severity, seen.key) == (rung, "close:crm:A1:2026-11-20T12:00:00Z")
        assert dict(seen.facts).get("Still open", "") == said
        assert holds(closed, NOON, "account_closed", baseline=True)


ORDER = Order("erp", "5", "O-5", OrderStatus.APPROVED, customer="Hansen", approved_at=NOON, updated_at=NOON)


class TestOrder:
    @pytest.mark.parametrize(
        ("after", "rung", "stage"),
        [(0 * MIN, P4, "approved"), (3 * DAY - SECOND, P4, "approved"), (3 * DAY, P3, "not scheduled")],
    )
    def test_approved_and_not_scheduled(self, after, rung, stage):
        """Friday noon and a business day is Monday noon."""
        seen = one(ORDER, NOON + after, "order_approved", calendar=OFFICE)
        assert (seen.severity, seen.stage, seen.key) == (rung, stage, "oappr:erp:5")
        assert seen.quiet is (rung == P4)

    @pytest.mark.parametrize("values", [{"slot": NOON}, {"job": "J-1"}, {"status": OrderStatus.CANCELLED}])
    def test_over(self, values):
        assert not found(changed(ORDER, **values), NOON + 9 * DAY, "order_approved")

    def test_scheduled(self):
        booked = changed(ORDER, status=OrderStatus.SCHEDULED, slot=NOON + DAY)
        assert one(booked, NOON, "order_scheduled", ORDER).key == "osched:erp:5:2026-11-21T12:00:00Z"
        assert holds(booked, NOON, "order_scheduled", booked)
        assert not found(booked, NOON, "order_scheduled", baseline=True)


INVOICE = Invoice(
    "erp",
    "7",
    "R-7",
    InvoiceStatus.ISSUED,
    customer="Hansen",
    total=Decimal("100.00"),
    balance=Decimal("100.00"),
    currency="EUR",
    issued_at=NOON,
    due_on=date(2026, 10, 24),
    zone="Europe/Berlin",
    updated_at=NOON,
)


class TestInvoice:
    def test_issued(self):
        first = changed(INVOICE, first=True)
        seen = one(first, NOON, "invoice_issued")
        assert (seen.key, seen.title, seen.severity) == ("inv:erp:7:issued", "First invoice issued", P4)
        assert not found(first, NOON, "invoice_issued", baseline=True)
        assert found(INVOICE, NOON, "invoice_issued", changed(INVOICE, status=InvoiceStatus.DRAFT))
        assert not found(changed(INVOICE, status=InvoiceStatus.DRAFT), NOON, "invoice_issued")

    def test_each_payment_once(self):
        paid = changed(INVOICE, status=InvoiceStatus.PARTIAL, payments=(Payment("p1", NOON, Decimal("40.00")),))
        seen = one(paid, NOON, "invoice_paid", INVOICE)
        assert (seen.key, seen.title) == ("inv:erp:7:paid:p1", "Paid in part")
        more = changed(paid, status=InvoiceStatus.PAID, payments=(*paid.payments, Payment("p2", NOON + HOUR)))
        assert one(more, NOON + HOUR, "invoice_paid", paid).key == "inv:erp:7:paid:p2"
        assert not found(more, NOON, "invoice_paid", baseline=True)

    def test_a_failed_payment_stays_until_one_comes_in(self):
        failed = changed(INVOICE, payments=(Payment("p1", NOON, failed=True, reason="no funds"),))
        seen = one(failed, NOON, "payment_failed", INVOICE)
        assert (seen.key, seen.severity) == ("payf:erp:p1", P3)
        assert holds(failed, NOON + 9 * DAY, "payment_failed", failed)
        paid = changed(failed, payments=(*failed.payments, Payment("p2", NOON + HOUR)))
        assert ask(paid, NOON + HOUR, "payment_failed", failed) == ([], False)
        assert not found(failed, NOON, "invoice_paid", INVOICE)

    @pytest.mark.parametrize(
        ("day", "rung", "stage"),
        [
            (date(2026, 10, 25), P4, "1 d"),  # the clocks went back in that night
            (date(2026, 10, 31), P4, "7 d"),
            (date(2026, 11, 7), P3, "14 d"),
            (date(2026, 11, 23), P2, "30 d"),
        ],
    )
    def test_overdue_at_nine_by_the_clock_of_the_place(self, day, rung, stage):
        nine = datetime(day.year, day.month, day.day, 9, tzinfo=BERLIN).astimezone(UTC)
        seen = one(INVOICE, nine, "invoice_overdue")
        assert (seen.severity, seen.stage, seen.key, seen.since) == (rung, stage, "inv:erp:7:overdue", nine)
        before = found(INVOICE, nine - SECOND, "invoice_overdue")
        assert [item.stage for item in before] != [stage]

    @pytest.mark.parametrize(
        "values",
        [
            {"status": InvoiceStatus.DISPUTED},
            {"status": InvoiceStatus.PAID},
            {"balance": Decimal(0)},
            {"promised_on": date(2026, 11, 25)},
            {"due_on": None},
        ],
    )
    def test_not_overdue(self, values):
        assert not found(changed(INVOICE, **values), NOON, "invoice_overdue")

    def test_a_broken_promise_rings(self):
        promised = changed(INVOICE, promised_on=date(2026, 11, 18))
        assert severity(promised, NOON, "invoice_overdue") == P3
        assert not found(promised, datetime(2026, 11, 19, 7, 59, tzinfo=UTC), "invoice_overdue")


CONTRACT = Contract(
    "erp", "3", "C-3", ContractStatus.ACTIVE, customer="Hansen", ends_on=date(2027, 3, 31), zone="Europe/Berlin"
)


class TestContract:
    @pytest.mark.parametrize(
        ("day", "rung", "stage"),
        [
            (date(2027, 1, 30), P4, "60 days"),
            (date(2027, 3, 1), P4, "30 days"),
            (date(2027, 3, 24), P3, "7 days"),
            (date(2027, 3, 30), P3, "1 days"),  # in summer time by now
        ],
    )
    def test_renewal(self, day, rung, stage):
        nine = datetime(day.year, day.month, day.day, 9, tzinfo=BERLIN).astimezone(UTC)
        seen = one(CONTRACT, nine, "renewal_due")
        assert (seen.severity, seen.stage, seen.key) == (rung, stage, "renew:erp:3:2027-03-31")
        assert [item.stage for item in found(CONTRACT, nine - SECOND, "renewal_due")] != [stage]

    def test_a_week_before_notice_can_no_longer_be_given(self):
        renews = changed(CONTRACT, auto_renew=True, notice_by=date(2026, 12, 31))
        at = datetime(2026, 12, 24, 9, tzinfo=BERLIN).astimezone(UTC)
        seen = one(renews, at, "renewal_due")
        assert (seen.severity, seen.stage, seen.title) == (P3, "notice", "Contract renews itself")
        assert severity(renews, datetime(2027, 2, 1, tzinfo=UTC), "renewal_due") == P3  # and never calms down again

    @pytest.mark.parametrize("status", [ContractStatus.RENEWED, ContractStatus.CANCELLED, ContractStatus.DRAFT])
    def test_quiet(self, status):
        other = changed(CONTRACT, status=status)
        for rule in ("renewal_due", "contract_expired"):
            assert not found(other, datetime(2027, 4, 5, tzinfo=UTC), rule)

    def test_expired(self):
        midnight = datetime(2027, 4, 1, tzinfo=BERLIN).astimezone(UTC)
        assert not found(CONTRACT, midnight - SECOND, "contract_expired")
        assert not found(CONTRACT, midnight, "renewal_due")
        seen = one(CONTRACT, midnight, "contract_expired")
        assert (seen.severity, seen.key) == (P3, "expd:erp:3:2027-03-31")
        job = changed(JOB, account_id="", customer="hansen")
        assert severity(CONTRACT, midnight, "contract_expired", related=(job,)) == P2


@pytest.mark.parametrize(
    ("rule", "record", "words"),
    [
        ("invoice_overdue", changed(INVOICE, status=InvoiceStatus.PAID), "it was paid"),
        ("invoice_overdue", changed(INVOICE, promised_on=NOON.date()), "payment was promised for Fri 20 Nov 2026"),
        ("invoice_overdue", changed(INVOICE, status=InvoiceStatus.DISPUTED), "the status is Disputed now"),
        ("order_approved", changed(ORDER, job="J-1"), "it was scheduled"),
        ("account_suspended", ACCOUNT, "the status is Active now"),
        ("plan_changed", ACCOUNT, "it is old news by now"),
    ],
)
def test_why_it_is_over(rule, record, words):
    assert resolve_reason(rule, record) == words
