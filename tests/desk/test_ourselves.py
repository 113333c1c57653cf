"""Deskbell watching its own house: rotas, people, clocks, what was acknowledged and forgotten, the audit."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from deskbell.core.access import Person, Role
from deskbell.core.alert import Severity, Status
from deskbell.core.ports import SourceError, SourceFault
from deskbell.core.records import VisitStatus
from deskbell.core.rota import Override, Rota, shifts
from tests.desk.conftest import PEOPLE

MIN, HOUR = timedelta(minutes=1), timedelta(hours=1)
START = datetime(2026, 11, 21, 12, tzinfo=UTC)


def on(bench, rule):
    return bench.store.read_now(lambda reader: reader.alerts(rule=rule))


class TestRotas:
    async def test_nobody_on_call_soon_then_now_is_one_alert(self, bench):
        away = Override("", START + 48 * HOUR, START + 50 * HOUR)
        bench.sit(rotas={"dispatch": Rota("dispatch", ("ana",), overrides=(away,))})
        await bench.people()
        await bench.passes(MIN)
        (soon,) = on(bench, "nobody_on_call")
        assert (soon.severity, soon.key) == (Severity.P3, "gap:dispatch:2026-11-23T12:00:00Z")
        await bench.passes(49 * HOUR)
        (now,) = on(bench, "nobody_on_call")
        assert (now.id, now.severity) == (soon.id, Severity.P1)
        await bench.passes(2 * HOUR)
        assert not on(bench, "nobody_on_call")

    async def test_a_rota_without_a_gap_is_quiet(self, bench):
        bench.sit(rotas={"dispatch": Rota("dispatch", ("ana", "ben"), every="daily")})
        await bench.people()
        await bench.passes(MIN)
        assert not on(bench, "nobody_on_call")
        assert not on(bench, "oncall_unreachable")

    async def test_who_is_on_duty_by_tomorrow_must_be_known_in_a_chat(self, bench):
        bench.sit(rotas={"dispatch": Rota("dispatch", ("ana", "ben"), every="daily", start=date(2026, 11, 21))})
        await bench.desk.link("slack", "ANA", "ana")
        await bench.passes(MIN)
        (lost,) = on(bench, "oncall_unreachable")
        assert (lost.key, lost.subject) == ("reach:ben:dispatch", "ben")
        await bench.desk.link("slack", "BEN", "ben")
        await bench.passes(2 * MIN)
        assert not on(bench, "oncall_unreachable")


class TestSources:
    async def test_clocks_that_differ(self, bench):
        await bench.late()
        await bench.desk.source_read("fs", -45.0)
        await bench.passes(MIN)
        (skew,) = on(bench, "clock_skew")
        assert (skew.key, skew.severity, skew.summary) == (
            "skew:fs",
            Severity.P3,
            "The clock of Field service is 45 s behind ours",
        )
        await bench.desk.source_read("fs", 2.0)
        await bench.passes(MIN)
        assert not on(bench, "clock_skew")

    async def test_a_source_that_slows_us_down_for_long(self, bench):
        await bench.late()
        await bench.desk.source_failed("fs", SourceError(SourceFault.LIMITED, "429"))
        assert not on(bench, "source_rate_limited")
        bench.now += 6 * MIN
        await bench.desk.source_failed("fs", SourceError(SourceFault.LIMITED, "429"))
        (slow,) = on(bench, "source_rate_limited")
        assert slow.key == "rl:fs"
        await bench.desk.source_read("fs")
        assert not on(bench, "source_rate_limited")


async def test_only_compliance_ends_what_breaks_the_audit(bench, monkeypatch):
    people = {
        **PEOPLE,
        "root": Person("root", "Root", roles=frozenset({Role.ADMIN})),
        "cora": Person("cora", "Cora", roles=frozenset({Role.COMPLIANCE})),
    }
    bench.sit(people=people)
    for name in people:
        await bench.desk.link("slack", name.upper(), name)

    async def broken():
        return False, 17

    monkeypatch.setattr(bench.desk, "_verify", broken)
    for _ in range(2):
        await bench.desk.audit_tail(5, 0)
    (alert,) = on(bench, "audit_chain_broken")
    assert (alert.key, alert.severity) == ("audit:main:17", Severity.P1)
    refused = await bench.say("root", "resolve", alert.ref, reason="looks fine")
    assert (refused.ok, refused.code) == (False, "role")
    assert (await bench.say("cora", "resolve", alert.ref, reason="restored from the copy")).ok
    assert bench.alert(alert.id).status is Status.RESOLVED


async def test_who_has_it_go_wrong_again_and_again_is_told_to_managers_once_a_week(bench):
    await bench.people()
    await bench.read()
    for number in range(3):
        visit = replace(bench.visit(technician="Marco", site="Am Wall 1"), id=str(number), number=f"J-{number}")
        await bench.read(replace(visit, status=VisitStatus.NO_SHOW, start=bench.now))
        bench.now += MIN
    await bench.passes(7 * 24 * HOUR)
    found = {one.key: one for one in on(bench, "repeat_exceptions")}
    assert {key.rsplit(":", 1)[0] for key in found} == {"repeat:technician:Marco", "repeat:site:Am Wall 1"}
    await bench.passes(MIN)
    assert len(on(bench, "repeat_exceptions")) == 2
    said = next(iter(found.values()))
    assert not (await bench.say("ana", "ack", said.ref)).ok  # managers only
    assert (await bench.say("carla", "ack", said.ref)).ok


@pytest.mark.parametrize("every", [None, "daily", timedelta(hours=1)])
def test_shifts_end(every):
    rota = Rota("r", ("ana", "ben"), every=every)
    assert 1 <= len(list(shifts(rota, START, START + timedelta(hours=72)))) <= 74
