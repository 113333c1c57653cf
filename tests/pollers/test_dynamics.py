"""Bookings as Dynamics 365 writes them, and as nobody should."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from deskbell.core.outcome import Rejected
from deskbell.core.ports import SourceError, SourceFault, WriteBack, WriteKind
from deskbell.core.records import VisitStatus
from pollers.dynamics import DynamicsConf, to_record
from pollers.rows import BadRow
from tests.pollers.schedules import HOUR, dynamics

# The shape of https://learn.microsoft.com/power-apps/developer/data-platform/webapi/query/join-tables
ROW = {
    "bookableresourcebookingid": "6b000000-0000-4000-8000-000000000001", "name": "Erika Sample",
    "starttime": "2026-11-20T08:00:00Z", "endtime": "2026-11-20T10:00:00Z", "statecode": 0,
    "msdyn_estimatedarrivaltime": "2026-11-20T08:20:00Z", "msdyn_actualarrivaltime": None,
    "modifiedon": "2026-11-20T07:40:12Z", "_bookingstatus_value": "1b", "_resource_value": "3b",
    "_msdyn_workorder_value": "5b000000-0000-4000-8000-000000000001",
    "BookingStatus": {"name": "On the road", "status": 2, "msdyn_fieldservicestatus": 690970001},
    "Resource": {"name": "Marco Bianchi", "UserId": {"internalemailaddress": "marco@example.org"}},
    "msdyn_workorder": {
        "msdyn_name": "00042", "msdyn_workordersummary": "Booster blows off", "msdyn_address1": "Hafenstr. 1",
        "msdyn_city": "Kiel", "msdyn_latitude": 54.32, "msdyn_longitude": 10.13, "_msdyn_serviceaccount_value": "4b",
        "_msdyn_serviceterritory_value": "9b", "msdyn_serviceaccount": {"name": "Erika Sample"},
    },
}  # fmt: skip
CONF = DynamicsConf("https://acme.crm.dynamics.com", "t", "us", "s3cret", teams={"9b": "north"})


def test_a_booking_becomes_a_visit():
    visit = to_record(ROW, CONF)
    assert (visit.number, visit.status, visit.status_raw) == ("00042", VisitStatus.EN_ROUTE, "On the road")
    assert (visit.customer, visit.site, visit.title) == ("Erika Sample", "Hafenstr. 1, Kiel", "Booster blows off")
    assert (visit.technician, visit.technician_id, visit.technician_email) == (
        "Marco Bianchi",
        "3b",
        "marco@example.org",
    )
    assert visit.eta == datetime(2026, 11, 20, 8, 20, tzinfo=UTC)
    assert (visit.arrived_at, visit.team, visit.account_id) == (None, "north", "4b")
    assert visit.url.endswith("&id=6b000000-0000-4000-8000-000000000001")
    assert "s3cret" not in repr(CONF)


@pytest.mark.parametrize(
    ("code", "kind", "status"),
    [
        (690970000, 2, "scheduled"),
        (690970001, 2, "en_route"),
        (690970002, 2, "paused"),
        (690970003, 2, "on_site"),
        (690970004, 2, "completed"),
        (690970005, 3, "cancelled"),
        (690970099, 2, "unknown"),
        (None, 1, "unscheduled"),
        (None, 2, "scheduled"),
        (None, 3, "cancelled"),
        (None, None, "unknown"),
    ],
)
def test_a_status_counts_by_its_code_whatever_it_is_called(code, kind, status):
    said = {"name": "Whatever", "status": kind, "msdyn_fieldservicestatus": code}
    assert to_record(ROW | {"BookingStatus": said}, CONF).status == status
    conf = replace(CONF, status_map={"whatEVER": VisitStatus.NO_SHOW})
    assert to_record(ROW | {"BookingStatus": said}, conf).status is VisitStatus.NO_SHOW


def test_a_booking_without_a_work_order_has_its_own_name():
    visit = to_record(ROW | {"msdyn_workorder": None, "_msdyn_workorder_value": None}, CONF)
    assert (visit.number, visit.customer) == ("Erika Sample", "")


def test_hostile_fields_never_raise(hostile, sound):
    for name in set(ROW) - {"bookableresourcebookingid"}:
        for value in hostile:
            sound(to_record(ROW | {name: value}, CONF))
    for value in hostile:
        inner = {name: dict.fromkeys(ROW[name], value) for name in ("BookingStatus", "Resource", "msdyn_workorder")}
        sound(to_record(ROW | inner, CONF))
    for raw in (None, [], {}, {"bookableresourcebookingid": None}):
        with pytest.raises(BadRow):
            to_record(raw, CONF)


@pytest.fixture
async def trial(sb):
    one = dynamics(sb)
    yield one
    await one.source.close()


async def test_a_link_to_another_host_is_not_followed(sb, trial, reading):
    for n in range(12):
        trial.lay(sb.clock.time() + HOUR + n)
    trial.stand.url = "https://elsewhere.example"
    trial.stand.tokens.scope = f"{sb.url}/dynamics/.default"
    trial.stand.token = trial.stand.tokens.give
    token = trial.source.http._tokens
    token.value, token.until = "sandbox-token-x", float("inf")
    trial.stand.tokens._good["sandbox-token-x"] = float("inf")
    with pytest.raises(SourceError, match="another host") as caught:
        await reading(trial.source).poll()
    assert caught.value.fault is SourceFault.ANSWER


async def test_writing_to_a_booking_that_was_deleted_makes_no_new_one(sb, trial, monkeypatch):
    one = trial.lay(sb.clock.time() + HOUR)
    raw = await trial.source.one(one)
    trial.remove(one)

    async def still_there(_record_id):
        return raw

    monkeypatch.setattr(trial.source, "one", still_there)
    outcome = await trial.source.write(WriteBack(WriteKind.ASSIGN, one, "[D-1 #1]", "", trial.people[0]))
    assert isinstance(outcome, Rejected)
    assert one not in trial.stand.sets["bookableresourcebookings"]


async def test_a_note_hangs_on_the_work_order_or_else_on_the_booking(sb, trial):
    with_order = trial.lay(sb.clock.time() + HOUR)
    without = trial.lay(sb.clock.time() + HOUR)
    trial.stand.change(without, _msdyn_workorder_value=None)
    for number, one in enumerate((with_order, without)):
        item = WriteBack(WriteKind.NOTE, one, f"[D-{number} #1]", "hello")
        await trial.source.write(item)
        assert await trial.source.find(item)
    notes = [row for _, row in trial.stand.sets["annotations"].seen()]
    assert [row["_objectid_value"] == without for row in notes] == [False, True]


async def test_check_names_a_status_that_nobody_knows(sb, trial):
    trial.lay(sb.clock.time() + HOUR)
    trial.stand._lay("bookingstatuses", "1b000000-0000-4000-8000-000000000099", name="Parked", status=None)
    (bad,) = [finding for finding in await trial.source.check() if not finding.ok]
    assert "Parked" in bad.detail
