"""Rules that need other records: they are looked at again when one of those changes."""

from dataclasses import replace
from datetime import timedelta

from deskbell.core.alert import Mode
from deskbell.core.ports import Page
from deskbell.core.records import Account, AccountStatus, Leave, LeaveStatus, Visit, VisitStatus
from deskbell.core.rules.timing import TechnicianLateConf
from deskbell.core.ties import ties_of

MIN, HOUR = timedelta(minutes=1), timedelta(hours=1)


def job(bench, ident, start, hours=1, **more):
    values = {"technician": "Marco Silva", "technician_id": "7", "customer": "Hansen", "updated_at": bench.now} | more
    status = values.pop("status", VisitStatus.SCHEDULED)
    return Visit("fs", ident, f"J-{ident}", status, start=start, end=start + hours * HOUR, **values)


async def read(bench, *records, source="fs"):
    await bench.desk.observe(Page(source, records, {"at": bench.now.isoformat()}, complete=True))


def live(bench, rule):
    return bench.store.read_now(lambda reader: reader.alerts(rule=rule))


async def test_a_leave_looks_at_the_technicians_jobs_again(bench):
    await read(bench)
    await read(bench, source="hr")
    start = bench.now + 28 * HOUR
    await read(bench, job(bench, "1", start), job(bench, "2", start, technician="Lena", technician_id="8"))
    leave = Leave("hr", "9", "9", LeaveStatus.APPROVED, person="Marco Silva", start=start - HOUR, end=start + 9 * HOUR)
    await read(bench, leave, source="hr")
    assert not live(bench, "technician_unavailable")
    await bench.passes(timedelta(seconds=5))
    (alert,) = live(bench, "technician_unavailable")
    assert (alert.key, alert.subject) == (f"absent:7:1:{start:%Y-%m-%dT%H:%M:%SZ}", "J-1")
    await read(bench, replace(leave, status=LeaveStatus.CANCELLED), source="hr")
    await bench.passes(timedelta(seconds=5))
    assert not live(bench, "technician_unavailable")


async def test_two_jobs_at_once_are_one_alert_whichever_is_seen(bench):
    await read(bench)
    start = bench.now + 3 * HOUR
    one, other = job(bench, "1", start), job(bench, "2", start + 30 * MIN)
    await read(bench, one, other)
    (alert,) = live(bench, "double_booked")
    assert alert.key == "overlap:7:1:2"
    elsewhere = other if alert.record_id == "1" else one
    await read(bench, replace(elsewhere, start=elsewhere.start + 5 * HOUR, end=elsewhere.end + 5 * HOUR))
    await bench.passes(timedelta(seconds=5))
    assert not live(bench, "double_booked")


async def test_a_cascade_lives_on_the_job_that_the_technician_is_at(bench):
    await read(bench)
    first = job(bench, "1", bench.now - 2 * HOUR, 2, status=VisitStatus.ON_SITE, arrived_at=bench.now - 2 * HOUR)
    second, third = job(bench, "2", bench.now + 40 * MIN), job(bench, "3", bench.now + 130 * MIN)
    await read(bench, first, second, third)
    assert not live(bench, "cascade_risk")
    await bench.passes(31 * MIN)
    (alert,) = live(bench, "cascade_risk")
    assert (alert.subject, alert.stage) == ("J-1", "2 jobs")
    await read(bench, replace(first, status=VisitStatus.COMPLETED, completed_at=bench.now))
    await read(bench, replace(second, status=VisitStatus.EN_ROUTE))
    assert bench.alert(alert.id).live is bool(live(bench, "cascade_risk"))
    await bench.passes(MIN)
    assert not live(bench, "cascade_risk")  # the day recovered


async def test_an_account_is_suspended_and_a_job_is_near(bench):
    await read(bench)
    await read(bench, source="crm")
    await read(bench, job(bench, "1", bench.now + 40 * HOUR, account_id="A1"))
    await read(bench, Account("crm", "A1", "A-1", AccountStatus.SUSPENDED, name="Hansen GmbH"), source="crm")
    (alert,) = live(bench, "account_suspended")
    assert alert.severity == 1
    assert "do not send a technician" in alert.summary


async def test_what_is_over_has_no_ties_any_more(bench):
    await read(bench)
    visit = job(bench, "1", bench.now + HOUR)
    await read(bench, visit)
    assert {tie for tie, _ in bench.store.read_now(lambda r: r.related(ties_of(visit)))} == ties_of(visit)
    await read(bench, replace(visit, status=VisitStatus.COMPLETED))
    assert not bench.store.read_now(lambda r: r.related(ties_of(visit)))


async def test_new_rules_list_what_was_so_for_long_and_ring_for_the_rest(bench):
    await read(bench)
    bench.sit(rules={"technician_late": TechnicianLateConf(enabled=False)})
    await read(bench, job(bench, "1", bench.now - 5 * HOUR), job(bench, "2", bench.now - 40 * MIN, technician_id="8"))
    assert not live(bench, "technician_late")
    bench.sit(rules={"technician_late": TechnicianLateConf()}, version="other")
    await bench.desk.source_state("fs")
    await bench.passes(timedelta(seconds=5))
    modes = {alert.subject: alert.mode for alert in live(bench, "technician_late")}
    assert modes == {"J-1": Mode.LISTED, "J-2": Mode.CARD}
