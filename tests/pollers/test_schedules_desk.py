"""From a scheduling system to an alert, through the loop and the real desk and database."""

import pytest

from deskbell.core.records import VisitStatus
from deskbell.desk import SourceFacts
from deskbell.instance import Held
from deskbell.net.inbound import Genuine
from pollers.loop import Loop, Surroundings
from tests.desk.conftest import Bench
from tests.pollers.schedules import ALL, HOUR


@pytest.fixture(params=ALL)
async def house(request, sb, tmp_path):
    """(trial, loop, bench) of one system; the desk's clock is the sandbox's."""
    trial = ALL[request.param](sb)
    facts = SourceFacts(trial.source.title, trial.source.interval, writes=trial.notes)
    bench = Bench(tmp_path, sources={trial.source.name: facts})
    bench.now, bench.sources[trial.source.name] = sb.clock.now(), trial.source
    yield trial, loop_of(sb, trial.source, bench), bench
    await trial.source.close()
    bench.close()


def loop_of(sb, source, bench):
    return Loop(source, bench.desk, Surroundings(now=sb.clock.now))


async def poll(sb, loop, bench, *, times=1, later=1000):
    for _ in range(times):
        sb.clock.advance(later)
        bench.now = sb.clock.now()
        await loop.poll_once()
        assert loop.failures == 0


def alerts(bench, rule):
    return bench.store.read_now(lambda reader: reader.alerts(rule=rule))


async def test_a_visit_that_is_deleted_rings_as_cancelled_once_and_history_does_not(sb, house):
    trial, loop, bench = house
    start = int(sb.clock.time())
    ids = [trial.lay(start + HOUR * (n + 4)) for n in range(6)]
    await poll(sb, loop, bench, times=2)
    assert alerts(bench, "cancelled_by_customer") == []
    trial.remove(ids[3])
    await poll(sb, loop, bench, times=3)
    (alert,) = alerts(bench, "cancelled_by_customer")
    assert alert.record_id == ids[3]
    assert "deleted or hidden" in str(alert.facts)
    await poll(sb, loop, bench, times=3)
    assert len(alerts(bench, "cancelled_by_customer")) == 1


async def test_a_visit_that_is_moved_at_short_notice_rings(sb, house):
    trial, loop, bench = house
    start = int(sb.clock.time())
    (one,) = [trial.lay(start + 3 * HOUR)]
    await poll(sb, loop, bench, times=2)
    trial.move(one, start + 6 * HOUR)
    await poll(sb, loop, bench, times=2)
    (alert,) = alerts(bench, "reschedule_short_notice")
    assert alert.record_id == one


async def test_a_restart_reads_on_and_rings_nothing_twice(sb, house):
    trial, loop, bench = house
    start = int(sb.clock.time())
    ids = [trial.lay(start + HOUR * (n + 4)) for n in range(6)]
    await poll(sb, loop, bench, times=2)
    again = trial.opened(sb.clock.now)
    other = loop_of(sb, again, bench)
    trial.remove(ids[2])
    await poll(sb, other, bench, times=4)
    assert [alert.record_id for alert in alerts(bench, "cancelled_by_customer")] == [ids[2]]
    await again.close()


async def test_what_is_as_it_was_is_read_again_after_a_call_in_between(sb, tmp_path):
    """A source without a time of change: a visit is done, we are called and read it, and then it is undone."""
    trial = ALL["jobber"](sb)
    facts = SourceFacts(trial.source.title, trial.source.interval)
    bench = Bench(tmp_path, sources={trial.source.name: facts})
    bench.now, bench.sources[trial.source.name] = sb.clock.now(), trial.source
    loop = loop_of(sb, trial.source, bench)
    one = trial.lay(int(sb.clock.time()) + 30 * HOUR)
    await poll(sb, loop, bench, times=2)

    def status():
        found = bench.store.read_now(lambda reader: reader.records(trial.source.name, [one]))
        return found[one].record.status

    trial.stand.change(one, completedAt="2026-11-21T10:00:00Z")
    await bench.desk.take_hint(trial.source.name, [one], Genuine())
    await loop.hints.follow(Held("").guard)
    assert status() is VisitStatus.COMPLETED
    trial.stand.change(one, completedAt=None)
    await poll(sb, loop, bench)
    assert status() is VisitStatus.SCHEDULED
    await trial.source.close()
    bench.close()
