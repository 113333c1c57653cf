"""Service appointments as Salesforce writes them, and as nobody should."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from deskbell.core.records import VisitStatus
from pollers.rows import BadRow
from pollers.salesforce_field import SalesforceFieldConf, to_record
from tests.pollers.schedules import HOUR, salesforce_field

# The shape of https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/dome_query.htm
CREW = {
    "attributes": {"type": "AssignedResource"}, "Id": "03r000000000001AAA", "ServiceResourceId": "0Hn000000000001AAA",
    "ServiceResource": {"Name": "Marco Bianchi", "RelatedRecord": {"Email": "marco@example.org"}},
}  # fmt: skip
ROW = {
    "attributes": {"type": "ServiceAppointment"}, "Id": "08p000000000001AAA", "AppointmentNumber": "SA-0042",
    "Subject": "Booster blows off", "Status": "On its way", "StatusCategory": "Dispatched", "IsDeleted": False,
    "SchedStartTime": "2026-11-20T08:00:00.000+0000", "SchedEndTime": "2026-11-20T10:00:00.000+0000",
    "ArrivalWindowStartTime": "2026-11-20T08:00:00.000+0000", "ArrivalWindowEndTime": "2026-11-20T09:00:00.000+0000",
    "ActualStartTime": None, "ActualEndTime": None, "DueDate": "2026-11-22T00:00:00.000+0000", "AccountId": "001A",
    "Street": "Hafenstr. 1", "City": "Kiel", "Latitude": 54.32, "Longitude": 10.13, "Why__c": "Customer not there",
    "Account": {"Name": "Erika Sample"}, "ServiceTerritory": {"Name": "North"},
    "ServiceResources": {"totalSize": 1, "done": True, "records": [CREW]},
    "SystemModstamp": "2026-11-20T07:40:12.000+0000",
}  # fmt: skip
CONF = SalesforceFieldConf("https://acme.my.salesforce.com", "us", "s3cret", teams={"North": "nord"})


def test_an_appointment_becomes_a_visit():
    visit = to_record(ROW, CONF)
    assert (visit.id, visit.number, visit.status) == ("08p000000000001AAA", "SA-0042", VisitStatus.DISPATCHED)
    assert (visit.status_raw, visit.customer, visit.site) == ("On its way", "Erika Sample", "Hafenstr. 1, Kiel")
    assert (visit.technician, visit.technician_id) == ("Marco Bianchi", "0Hn000000000001AAA")
    assert (visit.technician_email, visit.team) == ("marco@example.org", "nord")
    assert visit.window_end == datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
    assert (visit.site_lat, visit.site_lon) == (54.32, 10.13)
    assert visit.url.startswith("https://acme.my.salesforce.com/lightning/r/ServiceAppointment/")
    assert "s3cret" not in repr(CONF)


@pytest.mark.parametrize(
    ("category", "status"),
    [
        ("None", "unscheduled"),
        ("Scheduled", "scheduled"),
        ("Dispatched", "dispatched"),
        ("In Progress", "on_site"),
        ("InProgress", "on_site"),
        ("Cannot Complete", "cannot_complete"),
        ("CannotComplete", "cannot_complete"),
        ("Completed", "completed"),
        ("Canceled", "cancelled"),
        ("", "unknown"),
        (None, "unknown"),
    ],
)
def test_a_status_counts_as_its_category(category, status):
    assert to_record(ROW | {"StatusCategory": category}, CONF).status == status


def test_a_label_that_says_more_goes_before_its_category_and_own_fields_are_read():
    conf = replace(CONF, status_map={"on its WAY": VisitStatus.EN_ROUTE}, extra={"reason": "Why__c"})
    visit = to_record(ROW, conf)
    assert (visit.status, visit.reason) == (VisitStatus.EN_ROUTE, "Customer not there")


def test_hostile_fields_never_raise(hostile, sound):
    for name in set(ROW) - {"Id"}:
        for value in hostile:
            sound(to_record(ROW | {name: value}, CONF))
    for value in hostile:
        for crew in (CREW | dict.fromkeys(CREW, value), value):
            sound(to_record(ROW | {"ServiceResources": {"records": [crew]}}, CONF))
    for raw in (None, [], {}, {"Id": None}):
        with pytest.raises(BadRow):
            to_record(raw, CONF)


@pytest.mark.parametrize("extra", [{"status": "X__c"}, {"reason": "X__c FROM User--"}])
def test_own_fields_must_be_names(extra):
    with pytest.raises(ValueError, match="extra"):
        replace(CONF, extra=extra)


@pytest.fixture
async def trial(sb):
    one = salesforce_field(sb)
    yield one
    await one.source.close()


async def test_a_long_transaction_is_not_lost(sb, trial, reading):
    held = reading(trial.source)
    ids = [trial.lay(sb.clock.time() + HOUR * n) for n in (1, 2)]
    await held.poll()
    trial.stand.org.lag = 40.0
    trial.move(ids[0], sb.clock.time() + 9 * HOUR)
    trial.stand.org.lag = 0.0
    sb.clock.advance(20)
    trial.move(ids[1], sb.clock.time() + 9 * HOUR)
    assert set(await held.poll()) == {ids[1]}
    sb.clock.advance(30)
    assert set(await held.poll()) == {ids[0]}


async def test_an_answer_in_small_batches_is_read_whole(sb, trial, reading):
    ids = {trial.lay(sb.clock.time() + HOUR + n) for n in range(25)}
    trial.stand.batch = 4
    held = reading(trial.source)
    for _ in range(2):
        await held.poll()
    assert set(held.records) == ids


async def test_an_appointment_that_nobody_has_is_given_to_the_colleague(sb, trial):
    from deskbell.core.outcome import Sent
    from deskbell.core.ports import WriteBack, WriteKind

    one = trial.lay(sb.clock.time() + HOUR)
    (crew,) = trial.stand.org.rows["AssignedResource"].values()
    trial.stand.org.change("AssignedResource", crew["Id"], IsDeleted=True)
    assert (await trial.source.fetch(one)).technician == ""
    item = WriteBack(WriteKind.ASSIGN, one, "[D-1 #1]", "", trial.people[0])
    assert isinstance(await trial.source.write(item), Sent)
    assert (await trial.source.fetch(one)).technician == "Lena Hoffmann"


async def test_no_request_breaks_the_vendors_description(sb, trial, reading, oracle_module):
    from deskbell.core.ports import WriteBack, WriteKind

    if oracle_module is None:
        pytest.skip("the vendors' descriptions are not beside this checkout; DESKBELL_SPECS may name their folder")
    one, asked = trial.lay(sb.clock.time() + HOUR), []

    async def listen(request):
        url = str(request.url).replace("/salesforce", "", 1)
        asked.append({"method": request.method, "url": url, "headers": dict(request.headers), "body": request.content})

    trial.source.http._client.event_hooks = {"request": [listen]}
    await reading(trial.source).poll()
    for kind in WriteKind:
        await trial.source.write(WriteBack(kind, one, "[D-1 #1]", "hello", trial.people[0]))
    await trial.source.check()
    # queryAll, the login and updates of the objects of Field Service are in no description.
    described = [one for one in asked if "/query?" in one["url"] or one["url"].endswith("/sobjects/FeedItem")]
    found = [oracle_module.check({**request, "system": "salesforce"}, strict=True) for request in described]
    assert [one for one in found if one] == []
    assert len(described) >= 5
