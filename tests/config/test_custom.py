"""Rules by configuration alone: what they say, and what is refused before anything starts."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from deskbell.config import custom
from deskbell.config.custom import Unusable, compiled
from deskbell.core.alert import Severity
from deskbell.core.records import Case, CaseStatus, Invoice, InvoiceStatus, Visit, VisitStatus, changed
from deskbell.core.rules import Context, evaluate
from deskbell.core.rules.custom import CustomConf, custom_rule

NOW = datetime(2026, 11, 21, 14, tzinfo=UTC)
MIN = timedelta(minutes=1)
INVOICE = Invoice(
    "erp", "7", "R-7", InvoiceStatus.ISSUED, customer="Hansen", balance=Decimal("12000.50"), issued_at=NOW
)


def rule(name="big", **values):
    conf = CustomConf(**{"records": "invoice", "condition": "balance > `10000`", "text": "Big: {{ number }}"} | values)
    return custom_rule(name, conf, compiled(conf)), conf


def look(record, made, previous=None, now=NOW):
    row, conf = made
    verdict = evaluate(record, previous, {row.name: conf}, Context(now), [row])
    assert not verdict.errors
    return [found for found in verdict.found if found.rule == row.name], verdict


def test_it_rings_while_its_condition_holds():
    big = rule(severity=Severity.P2)
    (found,), _ = look(INVOICE, big)
    assert (found.key, found.severity, found.summary) == ("big:erp:7", Severity.P2, "Big: R-7")
    assert look(changed(INVOICE, balance=Decimal("9.00")), big)[0] == []


def test_an_edge_rings_when_its_condition_comes_true():
    closed = rule("closed", condition="status == 'paid'", edge=True, key="{{ id }}")
    paid = changed(INVOICE, status=InvoiceStatus.PAID)
    (found,), _ = look(paid, closed, INVOICE)
    assert found.key == "closed:7"
    found, verdict = look(paid, closed, paid)
    assert found == []
    assert "custom.closed" in verdict.holds


def test_stages_count_from_a_moment():
    slow = rule("slow", since="issued_at", stages=((timedelta(0), Severity.P4), (60 * MIN, Severity.P2)))
    assert look(INVOICE, slow)[0][0].severity is Severity.P4
    found, verdict = look(INVOICE, slow, now=NOW + 59 * MIN)
    assert (found[0].severity, verdict.due_at) == (Severity.P4, NOW + 60 * MIN)
    assert look(INVOICE, slow, now=NOW + 60 * MIN)[0][0].severity is Severity.P2


def test_a_condition_may_ask_the_time_and_the_reading_before():
    visit = Visit("fs", "1", "J-1", VisitStatus.ON_SITE, site="Bremen, Am Wall 1", arrived_at=NOW)
    long = rule(
        "long",
        records="visit",
        condition="minutes_since(arrived_at) > `120` && like(site, 'bremen*') && previous.status == 'on_site'",
        text="{{ number }} takes long",
    )
    found, verdict = look(visit, long, visit)
    assert found == []
    assert verdict.due_at == NOW + MIN
    assert look(visit, long, visit, NOW + 121 * MIN)[0][0].summary == "J-1 takes long"


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"condition": "balance >"}, "is no JMESPath expression"),
        ({"condition": "ballance > `1`"}, "has no field 'ballance'"),
        ({"condition": "frobnicate(id)"}, "frobnicate"),
        ({"condition": "x" * 2000}, "at most"),
        ({"text": "{{ numbr }}"}, "numbr"),
        ({"text": "{% for %}"}, "text:"),
        ({"key": ""}, "key:"),
        ({"records": "planet"}, "is none of visit"),
        ({"text": "{{ ().__class__.__bases__ }}"}, "unsafe"),
    ],
)
def test_what_can_not_be_used_is_refused_with_the_reason(values, why):
    with pytest.raises(Unusable, match=why):
        rule(**values)


def test_no_condition_takes_for_ever(monkeypatch):
    row, conf = rule(records="case", condition="&&".join(["!escalated"] * 80), text="x")
    case = Case("fd", "1", "1", CaseStatus.OPEN)
    monkeypatch.setattr(custom, "STEPS", 100)
    verdict = evaluate(case, None, {row.name: conf}, Context(NOW), [row])
    (error,) = verdict.errors
    assert "steps" in error[1]
    assert row.name in verdict.holds  # a rule that can't be asked ends no alert
