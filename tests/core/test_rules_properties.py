"""What holds for every rule and any record: none raises, and the clock is looked at exactly when it matters."""

import json
from dataclasses import dataclass, fields, replace
from datetime import UTC, date, datetime, timedelta
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from deskbell.core.alert import Severity
from deskbell.core.records import (
    KINDS,
    STATUSES,
    Account,
    AccountStatus,
    Case,
    CaseStatus,
    Contract,
    ContractStatus,
    Happening,
    HappeningKind,
    Leave,
    LeaveStatus,
    Payment,
    Priority,
    Sla,
    Visit,
    VisitStatus,
    amounts_of,
    changed,
    days_of,
    moments_of,
)
from deskbell.core.rules import RULES, Context, Rule, RuleConf, Sight, evaluate, resolve_reason, table

NOW = datetime(2026, 11, 21, 14, tzinfo=UTC)
MIN = timedelta(minutes=1)

text = st.text(max_size=20) | st.sampled_from(
    ["", "customer", "technician", "<!channel>", "\ud800", "{{7*7}}", "x" * 500]
)
zone = st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kathmandu", "", "No/Where", "../etc", "Europe"])
near = (st.integers(-200, 200) | st.integers(-3000, 3000)).map(lambda minutes: NOW + minutes * MIN)
anywhen = st.datetimes(timezones=st.just(UTC))


OF_TYPE = {float | None: st.none() | st.floats(-200, 200), int: st.integers(0, 9), bool: st.booleans()}


def happenings(when):
    return st.builds(Happening, st.sampled_from(HappeningKind), text, when, text, text, st.booleans(), text, text)


def payments(when):
    return st.builds(Payment, text, when, st.none() | st.decimals(0, 10**6, places=2), st.booleans(), text)


def clocks(when):
    metric = st.sampled_from(["first_response", "resolution", "odd: one"])
    rarely = st.sampled_from([False, False, True])
    return st.builds(Sla, metric=metric, due_at=when, met=rarely, paused=rarely, started_at=st.none() | when)


def records(cls, when):
    moment = st.none() | when
    special = {
        "zone": zone,
        "slas": st.lists(clocks(when), max_size=3, unique_by=lambda sla: (sla.metric, sla.due_at)).map(tuple),
        "escalation_level": st.integers(-1, 5),
        "escalated": st.booleans(),
        "priority": st.sampled_from(Priority),
        "status": st.sampled_from(STATUSES[next(kind for kind, found in KINDS.items() if found is cls)]),
        "happenings": st.lists(happenings(when), max_size=3).map(tuple),
        "payments": st.lists(payments(when), max_size=3).map(tuple),
    }
    plain = {f.name: OF_TYPE.get(f.type, text) for f in fields(cls)}
    plain |= dict.fromkeys(moments_of(cls), moment)
    plain |= dict.fromkeys(days_of(cls), st.none() | when.map(lambda at: at.date()))
    plain |= dict.fromkeys(amounts_of(cls), st.none() | st.decimals(-(10**6), 10**6, places=2))
    return st.builds(cls, **(plain | {name: values for name, values in special.items() if name in plain}))


any_record = st.sampled_from(list(KINDS.values())).flatmap(lambda cls: records(cls, anywhen))
under_way = st.sampled_from([VisitStatus.SCHEDULED, VisitStatus.DISPATCHED, VisitStatus.ON_SITE])
waiting = st.builds(  # the visits and cases that the clock is about, which chance alone seldom makes
    Visit,
    source=st.just("fs"),
    id=st.just("1"),
    number=text,
    status=under_way,
    technician=st.sampled_from(["", "Marco Silva"]),
    start=near,
    end=near,
    eta=st.none() | near,
    window_end=st.none() | near,
) | st.builds(
    Case,
    source=st.just("fd"),
    id=st.just("1"),
    number=text,
    status=st.just(CaseStatus.OPEN),
    priority=st.sampled_from(Priority),
    slas=st.lists(clocks(near), max_size=2, unique_by=lambda sla: (sla.metric, sla.due_at)).map(tuple),
    created_at=st.none() | near,
    last_activity_at=st.none() | near,
)
likely_record = waiting | st.sampled_from([Visit, Case]).flatmap(lambda cls: records(cls, near))


def state(verdict):
    return {(f.key, f.severity, f.stage) for f in verdict.found}, verdict.holds, verdict.asks


@given(any_record, any_record, st.booleans(), anywhen)
def test_no_rule_ever_raises(record, other, baseline, now):
    for previous in (None, record, other if type(other) is type(record) else record):
        verdict = evaluate(record, previous, {}, Context(now, baseline=baseline))
        assert verdict.errors == ()


@given(likely_record)
def test_what_is_found_is_fit_to_show(record):
    verdict = evaluate(record, None, {}, Context(NOW))
    assert not verdict.errors
    for found in verdict.found:
        assert RULES[found.rule].title
        assert 0 < len(found.summary) <= 120
        assert "\n" not in found.summary
        assert found.summary.encode()
        assert all(label and value and len(value) <= 200 for label, value in found.facts)
        assert found.since is not None
        assert found.since <= NOW
    assert len({found.key for found in verdict.found}) == len(verdict.found)


@given(likely_record, st.floats(0, 0.999))
def test_the_clock_changes_the_answer_at_due_at_and_not_before(record, share):
    verdict = evaluate(record, record, {}, Context(NOW))
    if verdict.due_at is None:
        later = evaluate(record, record, {}, Context(NOW + timedelta(days=3000)))
        assert state(later) == state(verdict)
        return
    assert verdict.due_at > NOW
    between = evaluate(record, record, {}, Context(NOW + share * (verdict.due_at - NOW)))
    assert (state(between), between.due_at) == (state(verdict), verdict.due_at)
    assert state(evaluate(record, record, {}, Context(verdict.due_at))) != state(verdict)


@given(likely_record)
def test_a_severity_only_rises_with_time(record):
    """One key rings louder and louder until it ends; it never calms down while the condition goes on."""
    worst, now = {}, NOW
    for _ in range(12):
        verdict = evaluate(record, record, {}, Context(now))
        for found in verdict.found:
            assert found.severity <= worst.get(found.key, Severity.P4)
            worst[found.key] = found.severity
        if verdict.due_at is None:
            break
        now = verdict.due_at


@given(likely_record, text)
def test_there_are_always_words_for_why_it_is_over(record, key):
    for rule in (*RULES, "no_such_rule"):
        for at in (None, NOW):
            assert resolve_reason(rule, record, key, at)


@dataclass(frozen=True, kw_only=True, slots=True)
class BrokenConf(RuleConf):
    word: ClassVar[str] = "broken"


def _broken(_record, _previous, _conf, _context) -> Sight:
    raise RuntimeError("out of order")


def test_a_rule_that_raises_is_reported_and_stops_no_other(monkeypatch):
    broken = Rule("broken", "visit", "Broken", BrokenConf, _broken)
    monkeypatch.setitem(table._BY_KIND, "visit", (broken, *table._BY_KIND["visit"]))
    monkeypatch.setitem(table._DEFAULTS, "broken", BrokenConf())
    visit = Visit("fs", "1", "J-1", VisitStatus.SCHEDULED, technician="Marco", start=NOW - 60 * MIN)
    verdict = evaluate(visit, visit, {}, Context(NOW))
    assert verdict.errors == (("broken", "RuntimeError: out of order"),)
    assert "broken" in verdict.holds  # our own fault ends no alert
    assert [found.rule for found in verdict.found] == ["technician_late"]


def test_every_rule_can_be_switched_off():
    visit = Visit("fs", "1", "J-1", VisitStatus.SCHEDULED, technician="Marco", start=NOW - 60 * MIN)
    case = Case("fd", "1", "1", CaseStatus.OPEN, slas=(Sla("resolution", NOW),), created_at=NOW - timedelta(days=30))
    off = {name: replace(rule.conf_class(), enabled=False) for name, rule in RULES.items()}
    for record in (visit, case):
        assert evaluate(record, None, {}, Context(NOW)).found
        assert evaluate(record, None, off, Context(NOW)) == evaluate(
            Account("b", "1", "1", AccountStatus.ACTIVE), None, {}, Context(NOW)
        )


OFF = {"checkin_far_from_site"}  # it looks at where people are, and waits for their consent


@pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: rule.name)
class TestTable:
    def test_kind_and_defaults(self, rule):
        assert rule.kind in KINDS
        conf = rule.conf_class()
        assert conf.enabled == (rule.name not in OFF)
        assert rule.key
        assert rule.told
        assert (conf.policy, conf.route) == ("", "")

    def test_the_configuration_is_plain_data(self, rule):
        """What config.toml holds can be read into it, and written out of it."""
        adapter = TypeAdapter(rule.conf_class)
        data = json.loads(adapter.dump_json(rule.conf_class()))
        assert adapter.validate_python(data) == rule.conf_class()


class TestReasons:
    VISIT = Visit(
        "fs",
        "1",
        "J-1",
        VisitStatus.SCHEDULED,
        technician="Marco Silva",
        technician_id="1",
        start=NOW,
        end=NOW + 60 * MIN,
    )
    LATE = "late:fs:1:2026-11-21T14:00:00Z"

    @pytest.mark.parametrize(
        ("rule", "values", "words"),
        [
            ("technician_late", {"arrived_at": NOW + 3 * MIN}, "Marco Silva checked in at 14:03"),
            ("technician_late", {"status": VisitStatus.ON_SITE}, "Marco Silva is on site"),
            ("technician_late", {"status": VisitStatus.COMPLETED}, "the job was completed"),
            ("technician_late", {"status": VisitStatus.CANCELLED}, "the job was cancelled"),
            ("technician_late", {"status": VisitStatus.PAUSED}, "the job was put on hold"),
            ("technician_late", {"start": NOW + 43 * 60 * MIN}, "the start was moved to Mon 09:00"),
            ("technician_late", {"start": None}, "it has no start now"),
            ("technician_late", {"eta": NOW + 40 * MIN}, "Marco Silva promised to be there at 14:40"),
            ("technician_late", {"technician": "", "technician_id": ""}, "no technician is assigned any more"),
            ("not_en_route", {"travel_started_at": NOW - 5 * MIN}, "Marco Silva set out at 13:55"),
            ("not_en_route", {"status": VisitStatus.EN_ROUTE}, "Marco Silva is on the way"),
            ("not_en_route", {}, "the start has passed, and the technician is watched for being late"),
            ("running_over", {"status": VisitStatus.COMPLETED}, "the job was completed"),
            ("running_over", {"end": NOW + 90 * MIN}, "the end was moved to Sat 15:30"),
            ("unassigned_near_start", {}, "it got a technician: Marco Silva"),
            ("status_no_show", {"status_raw": "Done"}, "the status is Done now"),
            ("cancelled_by_customer", {}, "the status is Scheduled now"),
            ("reschedule_short_notice", {"start": NOW + 43 * 60 * MIN}, "the start was moved to Mon 09:00"),
            ("reschedule_short_notice", {"arrived_at": NOW}, "Marco Silva checked in at 14:00"),
            ("cascade_risk", {}, "the technician's day has recovered"),
            ("double_booked", {"status": VisitStatus.CANCELLED}, "the job was cancelled"),
            ("job_sla_risk", {"sla_due": NOW + 43 * 60 * MIN}, "it is due Mon 09:00 now"),
        ],
    )
    def test_of_a_visit(self, rule, values, words):
        assert resolve_reason(rule, changed(self.VISIT, **values), self.LATE, NOW + 20 * MIN) == words

    CASE = Case("fd", "8", "8", CaseStatus.OPEN, assignee="Ana", slas=(Sla("resolution", NOW),))
    CLOCK = "sla:fd:8:resolution:2026-11-21T14:00:00Z"

    @pytest.mark.parametrize(
        ("rule", "values", "words"),
        [
            ("case_unassigned", {}, "it got an assignee: Ana"),
            ("case_unassigned", {"assignee": "", "status": CaseStatus.CLOSED}, "the case was closed"),
            ("case_inactive", {"last_activity_at": NOW + MIN}, "there was activity at Sat 14:01"),
            ("case_inactive", {"status": CaseStatus.WAITING}, "the status is Waiting now"),
            ("case_escalated", {}, "the escalation was taken back"),
            ("case_escalated", {"escalated": True}, "it was escalated further, which has an alert of its own"),
            ("sla_approaching", {"status": CaseStatus.RESOLVED}, "the case was resolved"),
            ("sla_approaching", {"status": CaseStatus.PAUSED}, "its clock is stopped, the status is Paused"),
            ("sla_approaching", {"slas": (Sla("resolution", NOW, met=True),)}, "it was resolved"),
            (
                "sla_approaching",
                {"slas": (Sla("resolution", NOW, paused=True),)},
                "the clock of the resolution is paused",
            ),
            ("sla_approaching", {}, "the resolution is overdue now, which has an alert of its own"),
            ("sla_approaching", {"slas": ()}, "it has no such service clock any more"),
            ("sla_breached", {"slas": (Sla("resolution", NOW + 60 * MIN),)}, "the resolution is due Sat 15:00 now"),
            ("customer_replied", {"happenings": (Happening(HappeningKind.REPLY, "1", NOW),)}, "it was answered"),
            ("document_requested", {"happenings": (Happening(HappeningKind.DOCUMENT, "1", NOW),)}, "the document came"),
            ("note_added", {}, "it is old news by now"),
            ("note_added", {"status": CaseStatus.CLOSED}, "the case was closed"),
        ],
    )
    def test_of_a_case(self, rule, values, words):
        assert resolve_reason(rule, changed(self.CASE, **values), self.CLOCK, NOW + 20 * MIN) == words


# ---------------------------------------------------------------- with what has to do with the record

days = near.map(lambda at: at.date())
crew = st.builds(
    Visit,
    source=st.just("fs"),
    id=st.sampled_from(["1", "2", "3", "4"]),
    number=text,
    status=under_way | st.sampled_from([VisitStatus.COMPLETED, VisitStatus.PAUSED]),
    technician=st.sampled_from(["Marco", "Lena"]),
    customer=st.just("Hansen"),
    start=near,
    end=st.none() | near,
    window_end=st.none() | near,
    arrived_at=st.none() | near,
    sla_due=st.none() | near,
)
leaves = st.builds(
    Leave,
    source=st.just("hr"),
    id=st.just("9"),
    number=text,
    status=st.sampled_from(LeaveStatus),
    person=st.just("Marco"),
    start=st.none() | near,
    end=st.none() | near,
    updated_at=st.none() | near,
)
papers = st.builds(
    Contract, source=st.just("erp"), id=st.just("5"), number=text, customer=st.just("Hansen"), ends_on=days,
    status=st.sampled_from(ContractStatus),
) | st.builds(
    Account, source=st.just("crm"), id=st.just("6"), number=text, name=st.just("Hansen"), status_since=st.none() | near,
    status=st.sampled_from(AccountStatus),
)  # fmt: skip
kin = st.lists(crew | leaves, max_size=5, unique_by=lambda one: (one.source, one.id)).map(tuple)


@given(crew | papers, kin, st.floats(0, 0.999))
def test_the_clock_is_looked_at_when_it_matters_also_where_others_matter(record, related, share):
    related = tuple(one for one in related if one.id != record.id)

    def at(now):
        verdict = evaluate(record, record, {}, Context(now, related=related))
        assert verdict.errors == ()
        return verdict

    verdict = at(NOW)
    for found in verdict.found:
        assert found.since is not None
        assert found.since <= NOW
        assert 0 < len(found.summary) <= 120
    if verdict.due_at is None:
        assert state(at(NOW + timedelta(days=3000))) == state(verdict)
        return
    assert verdict.due_at > NOW
    between = at(NOW + share * (verdict.due_at - NOW))
    assert (state(between), between.due_at) == (state(verdict), verdict.due_at)
    assert state(at(verdict.due_at)) != state(verdict)


@given(st.lists(crew, min_size=2, max_size=5, unique_by=lambda one: one.id))
def test_jobs_of_one_day_agree_on_what_is_wrong_with_it(day):
    """Whichever of them is looked at, the same keys with the same severity: they are one exception."""
    told = {}
    for record in day:
        related = tuple(one for one in day if one is not record)
        for found in evaluate(record, record, {}, Context(NOW, related=related)).found:
            if found.rule in ("cascade_risk", "double_booked"):
                told.setdefault(found.key, set()).add((found.severity, found.stage, found.summary, found.home))
    assert all(len(said) == 1 for said in told.values()), told


@pytest.mark.parametrize("day", [date.min, date.max])
@pytest.mark.parametrize("now", [datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)])
def test_a_contract_of_the_first_or_last_year_there_is(day, now):
    contract = Contract("crm", "1", "C-1", ContractStatus.ACTIVE, ends_on=day, notice_by=day)
    assert evaluate(contract, None, {}, Context(now, baseline=False)).errors == ()
