"""Events as Google writes them, and as nobody should."""

from dataclasses import replace
from datetime import UTC, datetime

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from deskbell.core.records import VisitStatus
from pollers.calendars import Calendar
from pollers.google_calendar import GoogleCalendarConf, to_record
from pollers.rows import BadRow
from tests.pollers.schedules import HOUR, google_calendar

# The shape of https://developers.google.com/workspace/calendar/api/v3/reference/events
ROW = {
    "kind": "calendar#event", "etag": '"3500"', "id": "ev1_20261120T080000Z", "status": "confirmed",
    "htmlLink": "https://www.google.com/calendar/event?eid=x", "updated": "2026-11-20T07:40:12.345Z",
    "summary": "J-4711 Booster blows off", "location": "Hafenstr. 1, Kiel",
    "start": {"dateTime": "2026-11-20T09:00:00+01:00", "timeZone": "Europe/Berlin"},
    "end": {"dateTime": "2026-11-20T11:00:00+01:00", "timeZone": "Europe/Berlin"},
    "recurringEventId": "ev1", "iCalUID": "ev1@google.com", "eventType": "default",
}  # fmt: skip
CONF = GoogleCalendarConf(
    {"marco": Calendar("marco@example.org", "Marco Bianchi", "marco@example.org", "north")},
    account="us@x", private_key="a-key", zone="America/Denver",
)  # fmt: skip


def test_an_event_becomes_a_visit():
    visit = to_record(ROW, CONF, "marco")
    assert (visit.id, visit.number) == ("marco:ev1_20261120T080000Z", "J-4711")
    assert (visit.status, visit.zone, visit.team) == (VisitStatus.SCHEDULED, "Europe/Berlin", "north")
    assert (visit.technician, visit.technician_email) == ("Marco Bianchi", "marco@example.org")
    assert visit.start == datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
    assert visit.url.startswith("https://www.google.com/")
    assert "a-key" not in repr(CONF)


@pytest.mark.parametrize(
    ("raw", "status"),
    [("confirmed", "scheduled"), ("tentative", "unscheduled"), ("cancelled", "cancelled"), ("odd", "unknown")],
)
def test_the_status_of_an_event(raw, status):
    assert to_record(ROW | {"status": raw}, CONF, "marco").status == status


def test_a_day_begins_at_midnight_of_the_site():
    visit = to_record(ROW | {"start": {"date": "2026-11-20"}, "end": {"date": "2026-11-21"}}, CONF, "marco")
    assert visit.start == datetime(2026, 11, 20, 7, 0, tzinfo=UTC)


def test_hostile_fields_never_raise(hostile, sound):
    for name in set(ROW) - {"id", "start"}:
        for value in hostile:
            sound(to_record(ROW | {name: value}, CONF, "marco"))
    for value in hostile:
        for raw in ({"id": value, "start": ROW["start"]}, ROW | {"start": value}, ROW | {"start": {"dateTime": value}}):
            try:
                sound(to_record(raw, CONF, "marco"))
            except BadRow:
                continue


@pytest.fixture
async def trial(sb):
    one = google_calendar(sb)
    yield one
    await one.source.close()


async def test_whole_days_and_free_time_are_no_visits_unless_wanted(sb, trial, reading):
    start = sb.clock.time() + HOUR
    day = {"date": sb.clock.now().date().isoformat()}
    whole = trial.stand.add("marco@example.org", start=start, end=start)
    trial.stand.change("marco@example.org", whole["id"], start=day, end=day)
    trial.stand.add("marco@example.org", start=start, end=start + HOUR, transparency="transparent")
    one = trial.lay(start)
    held = reading(trial.source)
    assert set(await held.poll()) == {one}
    trial.stand.change("marco@example.org", one.partition(":")[2], transparency="transparent")
    await held.poll()
    assert [page.gone for page in held.pages if page.gone] == [(one,)]
    wanted = trial.opened(sb.clock.now, all_day=True, free=True)
    assert len(await reading(wanted).poll()) == 3
    await wanted.close()


async def test_a_service_account_signs_who_it_is_and_for_whom(sb, trial, reading):
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    source = trial.opened(
        sb.clock.now, account="us@project.iam.gserviceaccount.com", private_key=pem, subject="boss@example.org"
    )
    trial.lay(sb.clock.time() + HOUR)
    assert len(await reading(source).poll()) == 1
    said = jwt.decode(
        trial.stand.tokens.asked[-1]["assertion"], key.public_key(), ["RS256"], audience=source.conf.token_url
    )
    assert (said["iss"], said["sub"]) == ("us@project.iam.gserviceaccount.com", "boss@example.org")
    assert said["scope"].endswith("calendar.readonly")
    await source.close()


def test_a_login_is_needed():
    with pytest.raises(ValueError, match="give account and private_key"):
        replace(CONF, private_key="")
