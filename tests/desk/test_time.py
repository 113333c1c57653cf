"""Clocks, silence and what is broken inside: the bell goes on."""

from dataclasses import replace
from datetime import timedelta

from deskbell.core.alert import Status
from deskbell.core.ports import Bad, Page


class Alone:
    """A source that reads one record by itself."""

    name = "fs"

    def __init__(self, bench):
        self.bench, self.fetched = bench, 0

    async def fetch(self, _record_id):
        self.fetched += 1
        return self.bench.visit(reason="read alone")


async def test_a_clock_set_back_does_not_hammer_the_source(bench):
    await bench.late()
    bench.sources["fs"] = alone = Alone(bench)
    bench.now -= timedelta(hours=1)
    visit = replace(bench.visit(), reason="changed")
    await bench.desk.observe(Page("fs", (visit,), {"at": "x"}, asked_at=bench.now))
    assert alone.fetched == 1


async def test_a_source_that_never_reads_to_the_end_is_silent(bench):
    await bench.late()
    await bench.desk.source_read("fs")
    for _ in range(20):
        await bench.read(complete=False)
        await bench.passes(timedelta(minutes=1))
    assert bench.store.read_now(lambda reader: reader.newest_by_key("stale:fs")).live


async def test_one_part_that_fails_stops_no_other_and_is_seen(bench):
    await bench.people()
    await bench.late()
    await bench.desk.source_read("fs")
    bench.store.write_now(lambda uow: uow.db.connection.execute("UPDATE records SET data = 'broken', due_at = 1"))
    await bench.passes(timedelta(minutes=6))
    assert bench.alert(1).step == 1
    ready, reasons = await bench.desk.ready()
    assert not ready
    assert any("look_again" in reason for reason in reasons)


async def test_the_daily_summary_tells_what_would_have_rung_and_is_over_by_now(bench):
    bench.sit(observe=True)
    await bench.late()
    await bench.read(replace(bench.visit(), arrived_at=bench.now))
    await bench.passes(timedelta(hours=21))
    payloads = [claim.work.payload["text"] for claim in bench.claim() if hasattr(claim.work, "payload")]
    assert len(payloads) == 1
    assert "technician_late" in payloads[0]


async def test_what_vanished_does_not_ring_again(bench):
    await bench.late()
    await bench.desk.vanished("fs", ["1"])
    bench.sit(version="another")
    await bench.desk.source_state("fs")
    await bench.passes(timedelta(minutes=30))
    rows = bench.store.read_now(lambda reader: reader.alerts(statuses=tuple(Status), rule="technician_late"))
    assert [alert.id for alert in rows] == [1]


async def test_a_visit_to_come_that_is_deleted_is_cancelled_and_stays_so_until_it_is_back(bench):
    visit = bench.visit(start=bench.now + timedelta(hours=2), end=bench.now + timedelta(hours=3))
    await bench.read(visit)
    await bench.desk.observe(Page("fs", (), {"at": "2"}, complete=True, gone=("1", "never seen")))
    rows = bench.store.read_now(lambda reader: reader.alerts(rule="cancelled_by_customer"))
    assert ["deleted or hidden" in str(alert.facts) for alert in rows] == [True]
    await bench.desk.vanished("fs", ["1"])
    assert bench.alert(rows[0].id).live, "that it is still gone changes nothing"
    await bench.read(visit)
    assert not bench.alert(rows[0].id).live


async def test_a_visit_that_is_over_and_deleted_is_no_cancellation(bench):
    await bench.read(bench.visit(start=bench.now - timedelta(hours=30), end=bench.now - timedelta(hours=28)))
    await bench.desk.observe(Page("fs", (), {"at": "2"}, complete=True, gone=("1",)))
    assert bench.store.read_now(lambda reader: reader.alerts(rule="cancelled_by_customer")) == []


async def test_a_record_that_cannot_be_read_is_told_until_it_can(bench):
    bad = Bad("7", "status is a list", "{}")
    await bench.desk.observe(Page("fs", (), {"at": "1"}, complete=True, bad=(bad,)))
    told = bench.store.read_now(lambda reader: reader.newest_by_key("bad:fs"))
    assert "record 7 can't be read" in told.summary
    bench.now += timedelta(minutes=1)
    await bench.desk.observe(Page("fs", (replace(bench.visit(), id="7"),), {"at": "2"}, complete=True))
    assert not bench.alert(told.id).live
