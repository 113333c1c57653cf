"""Leave as BambooHR writes it: read whole, without what is private."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from deskbell.core.outcome import Rejected
from deskbell.core.ports import SourceError, SourceFault, WriteBack, WriteKind
from deskbell.core.records import LeaveStatus
from deskbell.sandbox import credentials
from pollers.bamboohr import BambooHr, BambooHrConf, to_record
from pollers.rows import BadRow

# The shape of https://documentation.bamboohr.com/reference/list-time-off-requests
ROW = {
    "id": 1477, "employeeId": 31, "name": "Marco Bianchi", "start": "2026-10-25", "end": "2026-10-26",
    "created": "2026-09-01", "status": {"status": "approved", "lastChanged": "2026-09-02", "lastChangedByUserId": 2},
    "type": {"id": 78, "name": "Sick", "icon": "medical"}, "amount": {"unit": "days", "amount": 2},
    "dates": {"2026-10-25": 1, "2026-10-26": 1},
}  # fmt: skip
CONF = BambooHrConf("https://acme.bamboohr.com", "a-key", zone="Europe/Berlin", team="north")


def test_a_request_becomes_leave_for_whole_days_of_the_company_also_when_the_clock_is_put_back():
    leave = to_record(ROW, CONF, {"31": "marco@example.org"})
    assert (leave.id, leave.person, leave.person_id, leave.person_email) == (
        "1477",
        "Marco Bianchi",
        "31",
        "marco@example.org",
    )
    assert (leave.status, leave.team) == (LeaveStatus.APPROVED, "north")
    assert leave.start == datetime(2026, 10, 24, 22, 0, tzinfo=UTC)
    assert leave.end == datetime(2026, 10, 26, 23, 0, tzinfo=UTC)
    assert leave.what == "Sick"
    assert "Sick" not in repr(leave)
    assert "a-key" not in repr(CONF)


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        ("requested", "requested"),
        ("approved", "approved"),
        ("denied", "denied"),
        ("canceled", "cancelled"),
        ("superceded", "cancelled"),
        ("Parked", "unknown"),
        ("", "unknown"),
    ],
)
def test_the_status_of_a_request(raw, status):
    assert to_record(ROW | {"status": {"status": raw}}, CONF, {}).status == status


def test_hostile_fields_never_raise(hostile, sound):
    for name in set(ROW) - {"id", "start", "end"}:
        for value in hostile:
            sound(to_record(ROW | {name: value}, CONF, {}))
    for name in ("id", "start", "end"):
        for value in hostile:
            try:
                sound(to_record(ROW | {name: value}, CONF, {}))
            except BadRow:
                continue


@pytest.fixture
def stand(sb):
    return sb.others["bamboohr"]


@pytest.fixture
def today(sb):
    return sb.clock.now().date()


@pytest.fixture
async def opened(sb):
    made = []

    def build(**changes):
        conf = BambooHrConf(f"{sb.url}/bamboohr", credentials.BAMBOOHR_KEY, **changes)
        made.append(BambooHr(conf, now=sb.clock.now))
        return made[-1]

    yield build
    for source in made:
        await source.close()


def off(stand, today, employee=31, first=1, last=2, status="approved"):
    start, end = ((today + timedelta(days=n)).isoformat() for n in (first, last))
    return stand.add(employee, start=start, end=end, status=status)["id"]


async def test_leave_comes_once_and_again_when_it_changes(stand, today, opened, reading):
    one, two = off(stand, today), off(stand, today, 32, status="requested")
    held = reading(opened())
    await held.poll()
    assert held.complete
    assert held.records[str(one)].person_email == "marco@example.org"
    assert held.records[str(two)].status is LeaveStatus.REQUESTED
    assert await held.poll() == {}
    stand.decide(two, "approved")
    assert (await held.poll())[str(two)].status is LeaveStatus.APPROVED


async def test_deleted_leave_is_gone_at_the_second_reading_and_leave_that_is_over_is_not(
    sb, stand, today, opened, reading
):
    ids = [off(stand, today), off(stand, today, 32), off(stand, today, last=0, first=-1)]
    held = reading(opened())
    await held.poll()
    stand.delete(ids[0])
    await held.poll()
    await held.poll()
    assert [page.gone for page in held.pages if page.gone] == [(str(ids[0]),)]
    sb.clock.advance(4 * 86400)
    off(stand, sb.clock.now().date())
    for _ in range(3):
        await held.poll()
    assert [page.gone for page in held.pages if page.gone] == [(str(ids[0]),)]


async def test_leave_that_is_moved_out_of_the_window_is_not_gone(stand, today, opened, reading):
    ids = [off(stand, today), off(stand, today, 32)]
    held = reading(opened())
    await held.poll()
    start = (today + timedelta(days=300)).isoformat()
    stand.requests[ids[0]] |= {"start": start, "end": start}
    await held.poll()
    assert set(await held.poll()) == {str(ids[0])}
    assert not [page.gone for page in held.pages if page.gone]


async def test_what_is_private_is_neither_asked_for_nor_kept(stand, today, opened, reading):
    off(stand, today)
    bad = off(stand, today)
    stand.requests[bad]["start"] = ""
    stand.requests[bad]["notes"] = {"employee": "private matters"}
    held = reading(opened())
    await held.poll()
    (told,) = (one for page in held.pages for one in page.bad)
    assert "first or last day" in told.error
    assert "private" not in told.raw


async def test_who_is_out_is_approved_leave_and_no_holiday(stand, today, opened, reading):
    one = off(stand, today)
    off(stand, today, 32, status="requested")
    source = opened(read="whos_out")
    held = reading(source)
    await held.poll()
    assert set(held.records) == {str(one)}
    assert held.records[str(one)].status is LeaveStatus.APPROVED
    assert (await source.fetch(str(one))).person == "Marco Bianchi"
    assert await source.missing([str(one), "999"]) == ["999"]


@pytest.mark.parametrize(
    ("kind", "fault"),
    [
        ("401", SourceFault.AUTH),
        ("429", SourceFault.LIMITED),
        ("html", SourceFault.ANSWER),
        ("500", SourceFault.UNREACHABLE),
    ],
)
async def test_trouble_is_told(stand, opened, reading, kind, fault):
    stand.faults.set(kind, times=2)
    with pytest.raises(SourceError) as caught:
        await reading(opened()).poll()
    assert caught.value.fault is fault
    assert credentials.BAMBOOHR_KEY not in str(caught.value)


async def test_a_directory_that_is_not_shared_stops_no_leave(stand, today, opened, reading):
    one = off(stand, today)
    stand.faults.set("401", where="/api/v1/employees/directory")
    source = opened()
    records = await reading(source).poll()
    assert records[str(one)].person_email == ""
    (bad,) = [finding for finding in await source.check() if not finding.ok]
    assert "emails = false" in bad.detail


async def test_leave_is_never_written(stand, today, opened):
    one = off(stand, today)
    for kind in WriteKind:
        assert isinstance(await opened().write(WriteBack(kind, str(one), "[D-1 #1]", "hello", "32")), Rejected)
    assert stand.ledger.of("bamboohr", "write") == []


async def test_check_is_content_with_a_healthy_source(stand, today, opened):
    off(stand, today)
    for source in (opened(), opened(read="whos_out"), opened(emails=False)):
        assert [finding for finding in await source.check() if not finding.ok] == []
    wrong = opened()
    wrong.conf = replace(wrong.conf, key="no-such-key")
    wrong.http = wrong.connected()
    findings = await wrong.check()
    assert len(findings) == 1
    assert "Invalid API key" in findings[0].detail


async def test_no_request_breaks_the_vendors_description(stand, today, opened, reading, oracle_module):
    if oracle_module is None:
        pytest.skip("the vendors' descriptions are not beside this checkout; DESKBELL_SPECS may name their folder")
    one, asked = off(stand, today), []

    async def listen(request):
        url = str(request.url).replace("/bamboohr", "", 1)
        asked.append({"method": request.method, "url": url, "headers": dict(request.headers), "body": request.content})

    for source in (opened(), opened(read="whos_out")):
        source.http._client.event_hooks = {"request": [listen]}
        await reading(source).poll()
        await source.fetch(str(one))
        await source.check()
    found = [oracle_module.check({**request, "system": "bamboohr"}, strict=True) for request in asked]
    assert [one for one in found if one] == []
    assert len(asked) >= 8
