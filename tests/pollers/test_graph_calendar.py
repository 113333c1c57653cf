"""Events as Microsoft Graph writes them, and as nobody should."""

from datetime import UTC, datetime

import pytest

from deskbell.core.ports import SourceError
from deskbell.core.records import VisitStatus
from pollers.calendars import Calendar
from pollers.graph_calendar import GraphCalendarConf, id_of, to_record
from pollers.rows import BadRow
from tests.pollers.schedules import HOUR, graph_calendar

# The shape of https://learn.microsoft.com/graph/api/event-delta
ROW = {
    "@odata.type": "#microsoft.graph.event", "@odata.etag": 'W/"x"', "id": "AAMk" + "A" * 140 + "=", "changeKey": "x",
    "type": "singleInstance", "seriesMasterId": None, "subject": "J-4711 Booster blows off",
    "location": {"displayName": "Hafenstr. 1, Kiel", "locationType": "default"}, "isAllDay": False,
    "isCancelled": False, "showAs": "busy", "originalStartTimeZone": "W. Europe Standard Time",
    "start": {"dateTime": "2026-11-20T08:00:00.0000000", "timeZone": "UTC"},
    "end": {"dateTime": "2026-11-20T10:00:00.0000000", "timeZone": "UTC"},
    "lastModifiedDateTime": "2026-11-20T07:40:12.1234567Z", "webLink": "https://outlook.office365.com/owa/?itemid=x",
}  # fmt: skip
CONF = GraphCalendarConf(
    {"marco": Calendar("marco@example.org", "Marco Bianchi", "marco@example.org", "north")}, "t", "us", "s3cret",
    zone="Europe/Berlin",
)  # fmt: skip


def test_an_event_becomes_a_visit():
    visit = to_record(ROW, CONF, "marco")
    assert (visit.number, visit.status, visit.status_raw) == ("J-4711", VisitStatus.SCHEDULED, "busy")
    assert (visit.technician, visit.team, visit.site) == ("Marco Bianchi", "north", "Hafenstr. 1, Kiel")
    assert visit.zone == "Europe/Berlin", "Windows' own names of zones are none of ours"
    assert visit.start == datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
    assert visit.updated_at is not None
    assert len(visit.id) < 40
    assert "s3cret" not in repr(CONF)


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({}, "scheduled"),
        ({"showAs": "tentative"}, "unscheduled"),
        ({"isCancelled": True}, "cancelled"),
        ({"showAs": "oof"}, "scheduled"),
    ],
)
def test_the_status_of_an_event(change, status):
    assert to_record(ROW | change, CONF, "marco").status == status


def test_ids_that_differ_at_their_end_stay_apart():
    assert id_of("marco", "A" * 150 + "B") != id_of("marco", "A" * 150 + "C")


def test_hostile_fields_never_raise(hostile, sound):
    for name in set(ROW) - {"id", "start"}:
        for value in hostile:
            sound(to_record(ROW | {name: value}, CONF, "marco"))
    for value in hostile:
        for raw in (ROW | {"id": value}, ROW | {"start": value}, ROW | {"start": {"dateTime": value}}):
            try:
                sound(to_record(raw, CONF, "marco"))
            except BadRow:
                continue


@pytest.fixture
async def trial(sb):
    one = graph_calendar(sb)
    yield one
    await one.source.close()


async def test_an_occurrence_has_what_its_series_says(sb, trial, reading):
    start = sb.clock.time() + HOUR
    trial.stand.series("marco@example.org", [start + n * 86400 for n in range(3)])
    held = reading(trial.source)
    records = await held.poll()
    assert {visit.number for visit in records.values()} == {"J-4001"}
    assert {visit.site for visit in records.values()} == {"Hafenstr. 1, Kiel"}
    assert len(records) == 3
    again = trial.opened(sb.clock.now)
    held.source = again
    occurrence = next(
        key for key, one in trial.stand.mailboxes["marco@example.org"].items() if one["type"] == "occurrence"
    )
    trial.stand.move("marco@example.org", occurrence, start + 1800, start + 5400)
    (moved,) = (await held.poll()).values()
    assert moved.number == "J-4001", "after a restart the series is read by itself"
    await again.close()


async def test_an_id_that_was_never_read_is_not_called_gone(trial):
    with pytest.raises(SourceError, match="was not read yet"):
        await trial.source.fetch("marco:0123")
