"""ServiceTitan's appointments: what stands in other rows, and what moves without them."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from deskbell.core.records import VisitStatus
from pollers.rows import BadRow
from pollers.servicetitan import Book, ServiceTitanConf, to_record
from tests.pollers.schedules import HOUR, servicetitan

# The shape of https://developer.servicetitan.io/api-details/#api=tenant-jpm-v2&operation=Appointments_Get
ROW = {
    "id": 80814704, "jobId": 80814703, "appointmentNumber": "80814703-1", "start": "2026-11-20T08:00:00Z",
    "end": "2026-11-20T10:00:00Z", "arrivalWindowStart": "2026-11-20T08:00:00Z",
    "arrivalWindowEnd": "2026-11-20T09:00:00Z", "status": "Dispatched", "specialInstructions": "Ring twice",
    "createdOn": "2026-11-19T08:00:00.1234567Z", "modifiedOn": "2026-11-20T07:40:12.7654321Z", "customerId": 71,
    "unused": False, "createdById": 12, "isConfirmed": True,
}  # fmt: skip
JOB = {"id": 80814703, "locationId": 81, "businessUnitId": 7, "jobStatus": "Scheduled", "summary": "Booster blows off"}
CREW = [
    {"technicianId": 31, "technicianName": "Marco Bianchi", "active": True, "appointmentId": 80814704},
    {"technicianId": 32, "technicianName": "Lena Hoffmann", "active": False, "appointmentId": 80814704},
]
BOOK = Book({"80814703": JOB}, {"80814704": CREW}, {"71": "Erika Sample"}, {"81": "Hafenstr. 1, Kiel"})
CONF = ServiceTitanConf("1000017", "us", "s3cret", "ak1.key", teams={"7": "north"}, zone="America/Phoenix")


def test_an_appointment_becomes_a_visit():
    visit = to_record(ROW, CONF, BOOK)
    assert (visit.id, visit.number, visit.status) == ("80814704", "80814703-1", VisitStatus.EN_ROUTE)
    assert (visit.customer, visit.site, visit.title) == ("Erika Sample", "Hafenstr. 1, Kiel", "Booster blows off")
    assert (visit.technician, visit.technician_id) == ("Marco Bianchi", "31"), "who was taken off is not there"
    assert (visit.team, visit.zone, visit.account_id) == ("north", "America/Phoenix", "71")
    assert visit.window_end == datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
    assert visit.url == "https://go.servicetitan.com/#/Job/Index/80814703"
    assert "s3cret" not in repr(CONF)
    assert "ak1.key" not in repr(CONF)


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        ("Scheduled", "scheduled"),
        ("Dispatched", "en_route"),
        ("Working", "on_site"),
        ("Hold", "paused"),
        ("Done", "completed"),
        ("Canceled", "cancelled"),
        ("Parked", "unknown"),
    ],
)
def test_the_status_of_an_appointment(raw, status):
    assert to_record(ROW | {"status": raw}, CONF, BOOK).status == status
    mapped = replace(CONF, status_map={"PARKED": VisitStatus.PAUSED})
    assert to_record(ROW | {"status": "Parked"}, mapped, BOOK).status is VisitStatus.PAUSED


def test_a_job_that_was_called_off_calls_off_its_appointments_but_those_that_are_done():
    off = replace(BOOK, jobs={"80814703": JOB | {"jobStatus": "Canceled"}})
    assert to_record(ROW, CONF, off).status is VisitStatus.CANCELLED
    assert to_record(ROW | {"status": "Done"}, CONF, off).status is VisitStatus.COMPLETED


def test_hostile_fields_never_raise(hostile, sound):
    for name in set(ROW) - {"id"}:
        for value in hostile:
            sound(to_record(ROW | {name: value}, CONF, BOOK))
    for value in hostile:
        job = {"80814703": JOB | dict.fromkeys(JOB, value)}
        crew = {"80814704": [dict.fromkeys(CREW[0], value) | {"active": True}]}
        sound(to_record(ROW, CONF, replace(BOOK, jobs=job, crews=crew)))
    for raw in (None, [], {}, {"id": None}):
        with pytest.raises(BadRow):
            to_record(raw, CONF, BOOK)


@pytest.mark.parametrize(("change", "said"), [({"tenant": "acme"}, "a number"), ({"page_size": 51}, "page_size")])
def test_a_wrong_configuration_is_told(change, said):
    with pytest.raises(ValueError, match=said):
        replace(CONF, **change)


@pytest.fixture
async def trial(sb):
    one = servicetitan(sb)
    yield one
    await one.source.close()


async def test_an_appointment_that_becomes_visible_late_is_not_lost(sb, trial, reading):
    held = reading(trial.source)
    trial.lay(sb.clock.time() + HOUR)
    await held.poll()
    trial.stand.tables["appointments"].lag = 40.0
    late = trial.lay(sb.clock.time() + HOUR)
    sb.clock.advance(20)
    trial.stand.tables["appointments"].lag = 0.0
    seen = trial.lay(sb.clock.time() + 2 * HOUR)
    assert set(await held.poll()) == {seen}
    sb.clock.advance(30)
    assert late in await held.poll()


async def test_an_appointment_that_is_deleted_before_the_window_was_read_is_gone_all_the_same(sb, trial, reading):
    held = reading(trial.source)
    await held.poll()
    one = trial.lay(sb.clock.time() + HOUR)
    assert one in await held.poll()
    trial.remove(one)
    for _ in range(3):
        sb.clock.advance(1000)
        trial.lay(sb.clock.time() + HOUR)
        await held.poll()
    assert [page.gone for page in held.pages if page.gone] == [(one,)]


async def test_a_crew_that_changes_without_its_appointment_is_read_with_few_calls(sb, trial, reading):
    ids = [trial.lay(sb.clock.time() + HOUR + n) for n in range(25)]
    source = trial.opened(sb.clock.now, page_size=50)
    held = reading(source)
    for _ in range(2):
        await held.poll()
    sb.clock.advance(300)
    trial.stand.assign(int(ids[3]), 33)
    trial.stand.assign(int(ids[3]), 31, active=False)
    before = len(sb.ledger.of("servicetitan"))
    brought = await held.poll()
    assert brought[ids[3]].technician == "Priya Nair"
    assert set(brought) == {ids[3]}
    assert len(sb.ledger.of("servicetitan")) - before <= 6
    await source.close()


async def test_reassign_takes_the_others_off_after_the_new_one_is_on(sb, trial):
    from deskbell.core.outcome import Sent
    from deskbell.core.ports import WriteBack, WriteKind

    one = trial.lay(sb.clock.time() + HOUR)
    trial.stand.assign(int(one), 33)
    item = WriteBack(WriteKind.ASSIGN, one, "[D-1 #1]", "", "32")
    assert isinstance(await trial.source.write(item), Sent)
    assert (await trial.source.fetch(one)).technician == "Lena Hoffmann"
    paths = [entry.what["path"].rpartition("/")[2] for entry in sb.ledger.of("servicetitan", "write")]
    assert paths[-2:] == ["assign-technicians", "unassign-technicians"]


async def test_the_limit_of_the_app_is_kept_to(sb, trial, reading):
    from deskbell.core.ports import SourceError, SourceFault
    from deskbell.sandbox.limits import Rate

    trial.lay(sb.clock.time() + HOUR)
    trial.stand.rate = Rate(per_second=0.1, burst=1)
    with pytest.raises(SourceError) as caught:
        await reading(trial.source).poll()
    assert caught.value.fault is SourceFault.LIMITED
    assert caught.value.after.total_seconds() >= 1
