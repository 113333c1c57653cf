"""How soon a card follows what happened in a source: counted, told, and rung when it takes too long."""

from dataclasses import replace
from datetime import timedelta

import pytest

from deskbell.core.alert import Mode, Severity, Status
from deskbell.core.history import pace
from deskbell.core.outcome import Retry, Sent
from deskbell.core.records import VisitStatus
from deskbell.desk import SourceFacts
from deskbell.desk.vitals import vitals
from deskbell.net import metrics
from tests.desk.conftest import MINUTE, START, house

SECOND = timedelta(seconds=1)
EVERY = 30 * SECOND  # the interval of the source of these tests


async def cancelled(bench, number, after):
    """A job that was cancelled now, and that is read so long after."""
    visit = replace(bench.visit(start=bench.now + 60 * MINUTE), id=str(number), number=f"J-{number}")
    await bench.read(visit)
    fact = bench.now
    gone = replace(visit, status=VisitStatus.CANCELLED, cancelled_by="customer", cancelled_at=fact, updated_at=fact)
    bench.now += after
    await bench.read(gone)


async def tells(bench, number, after, posted):
    """The same, and its card comes so long after that again."""
    await cancelled(bench, number, after)
    bench.now += posted
    await bench.settle_all(Sent({"ts": str(number)}))


def seen(bench):
    (found,) = bench.store.read_now(lambda reader: vitals(reader, bench.desk.house, bench.now)).sources
    return found


def counted():
    names = ("deskbell_detection_seconds_count", "deskbell_detection_seconds_sum")
    return [metrics.REGISTRY.get_sample_value(name, {"source": "fs"}) or 0 for name in names]


def slow(bench):
    every = tuple(Status)
    return bench.store.read_now(lambda reader: reader.alerts(rule="detection_slow", statuses=every))


@pytest.fixture
async def quick(bench):
    """After the first sweep; half a minute is soon enough."""
    bench.sit(own=replace(house().own, detection_goal=MINUTE))
    await bench.read()
    bench.now += MINUTE
    return bench


@pytest.mark.parametrize(
    ("count", "shares"), [(1, (1, 1, 1)), (2, (1, 2, 2)), (20, (10, 19, 20)), (200, (100, 190, 198))]
)
def test_of_so_many_so_large_a_share_came_within(count, shares):
    found = pace("fs", [number * SECOND for number in range(count, 0, -1)])
    assert (found.count, found.p50, found.p95, found.p99) == (count, *(number * SECOND for number in shares))


async def test_from_the_change_in_the_source_to_the_first_card(quick):
    for number, (after, posted) in enumerate(((4, 1), (10, 2), (20, 3), (30, 4)), 1):
        await tells(quick, number, after * SECOND, posted * SECOND)
    told = seen(quick).pace
    assert (told.count, told.p50, told.p95, told.p99) == (4, 12 * SECOND, 34 * SECOND, 34 * SECOND)


async def test_of_several_rooms_the_first_counts_and_no_edit_after_it(quick):
    both = replace(house().routes[0], destinations=("room", "spare"))
    quick.sit(routes=(both,), own=quick.desk.house.own)
    await tells(quick, 1, 4 * SECOND, SECOND)
    quick.now += MINUTE
    await quick.settle_all(Sent({"ts": "2"}), "spare")
    await quick.people()
    await quick.say("ana", "ack")
    quick.now += MINUTE
    await quick.settle_all(Sent({"ts": "1"}))
    assert seen(quick).pace.p99 == 5 * SECOND


async def test_what_the_clock_brings_counts_from_when_it_was_due(quick):
    await quick.read(quick.visit(start=quick.now))
    quick.now += 15 * MINUTE
    quick.now += 7 * SECOND
    await quick.desk.tick()
    quick.now += 2 * SECOND
    await quick.settle_all(Sent({"ts": "1"}))
    assert seen(quick).pace.p50 == 9 * SECOND


async def test_a_job_entered_with_a_start_long_past_is_late_from_then_on(quick):
    entered = quick.visit(start=quick.now - 20 * MINUTE)  # its stage began five minutes ago, the job was made now
    quick.now += 8 * SECOND
    await quick.read(entered)
    await quick.settle_all(Sent({"ts": "1"}))
    assert seen(quick).pace.p50 == 8 * SECOND


async def test_history_of_a_first_read_and_what_is_only_listed_are_not_counted(bench):
    await bench.read(bench.visit(), complete=False)
    bench.sit(observe=True)
    await bench.read(complete=True)
    await bench.read(replace(bench.visit(), id="2", number="J-2"))
    assert bench.alert(2).mode is Mode.HELD
    bench.now += MINUTE
    await bench.settle_all(Sent({"ts": "1"}))
    assert seen(bench).pace is None


async def test_the_metrics_have_each_card_once_also_after_a_restart(quick):
    quick.desk.begin_watch()
    count, total = counted()
    await tells(quick, 1, 4 * SECOND, SECOND)
    await tells(quick, 2, 10 * SECOND, SECOND)
    await quick.passes(MINUTE)
    await quick.passes(MINUTE)
    assert counted() == [count + 2, total + 16]
    quick.sit(own=quick.desk.house.own)
    await quick.passes(MINUTE)
    assert counted() == [count + 2, total + 16]
    assert seen(quick).pace.count == 2  # this comes from the database


async def test_too_slow_rings_once_and_ends_by_itself(quick):
    await tells(quick, 1, 50 * SECOND, 45 * SECOND)  # a minute and a half is wanted: three intervals
    for _ in range(4):
        await quick.passes(MINUTE)
    (alert,) = slow(quick)
    assert (alert.key, alert.severity, alert.status, alert.source) == ("lag:fs", Severity.P3, Status.OPEN, "fs")
    assert alert.summary == "Cards about Field service came after 95 s in the last hour; the goal is 90 s"
    assert seen(quick).pace.p95 > seen(quick).goal == 3 * EVERY
    quick.sit(own=quick.desk.house.own)  # a restart changes nothing
    await quick.passes(MINUTE)
    assert [one.id for one in slow(quick)] == [alert.id]
    await quick.passes(56 * MINUTE)
    (over,) = slow(quick)
    assert over.status is Status.RESOLVED
    assert seen(quick).pace.count == 1  # of the day


async def test_a_card_that_does_not_arrive_counts_while_it_waits(quick):
    await cancelled(quick, 1, 5 * SECOND)
    await quick.settle_all(Retry("HTTP 500"))
    await quick.passes(MINUTE)
    assert slow(quick) == []
    await quick.passes(MINUTE)
    assert [one.key for one in slow(quick)] == ["lag:fs"]


async def test_the_goal_of_a_source_goes_before_that_of_the_house(quick):
    own = replace(quick.desk.house.own, detection_goals={"fs": 3 * MINUTE})
    quick.sit(own=own)
    await tells(quick, 1, 100 * SECOND, SECOND)
    await quick.passes(MINUTE)
    assert slow(quick) == []
    seldom = {"fs": SourceFacts("Field service", 10 * MINUTE)}
    quick.sit(sources=seldom)
    assert seen(quick).goal == 30 * MINUTE


async def test_what_is_old_is_forgotten(quick):
    await tells(quick, 1, 4 * SECOND, SECOND)
    assert quick.now - START < 5 * MINUTE
    quick.now += timedelta(days=36)
    await quick.desk.tick()
    rows = quick.store.read_now(lambda reader: reader.shown_since(START))
    assert rows == []
