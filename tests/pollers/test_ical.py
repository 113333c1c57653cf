"""Calendars as feeds: occurrences, moves and cancellations, and what providers get wrong."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from deskbell.core.outcome import Rejected
from deskbell.core.ports import SourceError, SourceFault, WriteBack, WriteKind
from deskbell.core.records import LeaveStatus, VisitStatus
from deskbell.sandbox import credentials
from pollers.ical import Feed, Ical, IcalConf, id_of, to_record
from pollers.rows import BadRow

HOUR, DAY = 3600.0, 86400.0
ROW = {
    "uid": "a@x",
    "again": "",
    "start": "2026-11-20T08:00:00+00:00",
    "end": "2026-11-20T09:00:00+00:00",
    "all_day": False,
    "zone": "Europe/Berlin",
    "status": "CONFIRMED",
    "free": False,
    "summary": "J-4711 Booster blows off",
    "location": "Hafenstr. 1, Kiel",
    "url": "https://calendar.example.com/a",
}
CONF = IcalConf({"marco": Feed("https://x.example/m.ics", "Marco Bianchi", "marco@example.org")}, name="cal")


@pytest.fixture
def conf(sb):
    address = f"{sb.url}/feeds/{credentials.FEED_SECRET}"
    feeds = {
        "marco": Feed(f"{address}/marco.ics", "Marco Bianchi", "marco@example.org", zone="Europe/Berlin"),
        "lena": Feed(f"{address}/lena.ics", "Lena Hoffmann"),
    }
    return IcalConf(feeds, name="cal")


@pytest.fixture
async def source(sb, conf):
    source = Ical(conf, now=sb.clock.now)
    yield source
    await source.close()


@pytest.fixture
def feeds(sb):
    stand = sb.others["feeds"]
    now = sb.clock.time()
    for n in range(6):
        stand.put("marco", f"m{n}@x", DTSTART=now + n * HOUR, DTEND=now + (n + 1) * HOUR, SUMMARY=f"J-10{n}0 Round")
    stand.put("lena", "l0@x", DTSTART=now + HOUR, DTEND=now + 2 * HOUR, SUMMARY="Lunch, no number")
    return stand


def test_an_occurrence_becomes_a_visit():
    visit = to_record(ROW, CONF, "marco")
    assert (visit.id, visit.number, visit.title) == ("marco:a@x", "J-4711", "J-4711 Booster blows off")
    assert (visit.status, visit.status_raw, visit.zone) == (VisitStatus.SCHEDULED, "CONFIRMED", "Europe/Berlin")
    assert (visit.technician, visit.technician_email) == ("Marco Bianchi", "marco@example.org")
    assert visit.start == datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
    assert visit.url == "https://calendar.example.com/a"
    assert to_record(ROW | {"url": "javascript:alert(1)"}, CONF, "marco").url == ""


@pytest.mark.parametrize(
    ("raw", "status"),
    [("", "scheduled"), ("TENTATIVE", "unscheduled"), ("Cancelled", "cancelled"), ("DONE", "unknown")],
)
def test_the_status_of_an_event(raw, status):
    assert to_record(ROW | {"status": raw}, CONF, "marco").status == status
    mapped = replace(CONF, status_map={"done": VisitStatus.COMPLETED})
    assert to_record(ROW | {"status": "DONE"}, mapped, "marco").status is VisitStatus.COMPLETED


@pytest.mark.parametrize(
    ("feed", "person", "mail"),
    [
        (Feed("https://x.example/l.ics", means="leave"), "Marco Bianchi", ""),
        (Feed("https://x.example/l.ics", "Lena Hoffmann", means="leave"), "Lena Hoffmann", ""),
        (Feed("https://x.example/l.ics", technician_email="lena@example.org", means="leave"), "", "lena@example.org"),
    ],
)
def test_a_feed_of_leave_says_who_is_away_and_not_why(feed, person, mail):
    leave = to_record(ROW | {"summary": "Marco Bianchi", "all_day": True}, IcalConf({"off": feed}, name="cal"), "off")
    assert (leave.person, leave.person_email, leave.status) == (person, mail, LeaveStatus.APPROVED)
    assert (leave.what, leave.start.hour, leave.end.hour) == ("", 8, 9)
    gone = to_record(ROW | {"status": "CANCELLED"}, IcalConf({"off": feed}, name="cal"), "off")
    assert gone.status is LeaveStatus.CANCELLED


def test_an_id_names_the_feed_and_the_occurrence_and_is_never_cut():
    again = ROW | {"again": "2026-11-20T08:00:00+00:00"}
    assert id_of(again, "marco") == "marco:a@x/20261120T0800Z"
    long = [id_of(ROW | {"uid": "0" * 112 + last}, "marco") for last in "ab"]
    assert long[0] != long[1]
    assert max(map(len, long)) < 60


def test_hostile_fields_never_raise(hostile, sound):
    for name in set(ROW) - {"uid", "start"}:
        for value in hostile:
            if name != "again" or isinstance(value, str):
                sound(to_record(ROW | {name: value}, CONF, "marco")) if name != "wrong" else None
    for raw in ({}, None, {"uid": "a", "start": None}, {"uid": "a", "wrong": "no DTSTART"}):
        with pytest.raises(BadRow):
            to_record(raw, CONF, "marco")


async def test_several_feeds_are_one_source(feeds, source, reading):
    held = reading(source)
    assert len(await held.poll()) == 7
    assert held.complete
    assert held.records["marco:m2@x"].number == "J-1020"
    assert held.records["lena:l0@x"].number == "Lunch, no number"
    assert await held.poll() == {}


async def test_what_did_not_change_is_asked_for_by_its_etag_and_a_new_dtstamp_is_no_change(sb, feeds, source, reading):
    held = reading(source)
    await held.poll()
    await held.poll()
    assert [entry.what["status"] for entry in sb.ledger.of("feeds")][-2:] == [304, 304]
    sb.clock.advance(60)
    for reader in source.feeds.values():
        reader._headers = {}
    assert await held.poll() == {}


async def test_a_move_a_cancellation_and_a_deletion(sb, feeds, source, reading):
    held = reading(source)
    await held.poll()
    before = held.records["marco:m3@x"].start
    feeds.put("marco", "m3@x", DTSTART=sb.clock.time() + 8 * HOUR)
    feeds.put("marco", "m4@x", STATUS="CANCELLED")
    feeds.drop("marco", "m5@x")
    brought = await held.poll()
    assert set(brought) == {"marco:m3@x", "marco:m4@x"}
    assert brought["marco:m3@x"].start > before
    assert brought["marco:m4@x"].status is VisitStatus.CANCELLED
    assert not any(page.gone for page in held.pages)
    await held.poll()
    assert [page.gone for page in held.pages if page.gone] == [("marco:m5@x",)]


async def test_a_move_far_beyond_the_window_is_a_move_and_no_deletion(sb, feeds, source, reading):
    held = reading(source)
    await held.poll()
    feeds.put("marco", "m3@x", DTSTART=sb.clock.time() + 90 * DAY, DTEND=sb.clock.time() + 90 * DAY + HOUR)
    assert set(await held.poll()) == {"marco:m3@x"}
    await held.poll()
    await held.poll()
    assert not any(page.gone for page in held.pages)


async def test_a_series_across_the_end_of_summer_time_with_one_left_out_and_one_moved(sb, feeds, source, reading):
    sb.clock.advance(datetime(2026, 10, 24, 6, 0, tzinfo=UTC).timestamp() - sb.clock.time())
    zone = {"DTSTART_in_Europe/Berlin": "20261023T090000", "DTEND_in_Europe/Berlin": "20261023T100000"}
    feeds.put("marco", "s", UID="s@x", RRULE="FREQ=DAILY;COUNT=5", SUMMARY="Round", **zone)
    feeds.put("marco", "s", **{"EXDATE_in_Europe/Berlin": "20261024T090000"})
    moved = {"DTSTART_in_Europe/Berlin": "20261026T150000", "RECURRENCE_ID_in_Europe/Berlin": "20261026T090000"}
    feeds.put("marco", "s+", UID="s@x", SUMMARY="Round, later", **moved)
    held = reading(source)
    await held.poll()
    starts = {one: visit.start.strftime("%d %H:%M") for one, visit in held.records.items() if ":s@x" in one}
    assert starts == {
        "marco:s@x/20261023T0700Z": "23 07:00",
        "marco:s@x/20261025T0800Z": "25 08:00",
        "marco:s@x/20261026T0800Z": "26 14:00",
        "marco:s@x/20261027T0800Z": "27 08:00",
    }
    assert held.records["marco:s@x/20261025T0800Z"].zone == "Europe/Berlin"


async def test_an_occurrence_that_is_moved_far_beyond_the_window_is_no_deletion(sb, feeds, source, reading):
    start = sb.clock.time() + HOUR
    feeds.put("marco", "s", UID="s@x", RRULE="FREQ=DAILY;COUNT=5", SUMMARY="Round", DTSTART=start, DTEND=start + HOUR)
    held = reading(source)
    await held.poll()
    far = {"DTSTART": start + 90 * DAY, "DTEND": start + 90 * DAY + HOUR}
    feeds.put("marco", "s+", UID="s@x", SUMMARY="Round", RECURRENCE_ID=start + DAY, **far)
    (moved,) = (await held.poll()).values()
    assert moved.start.timestamp() == int(start + 90 * DAY)
    for _ in range(3):
        await held.poll()
    assert not any(page.gone for page in held.pages)


async def test_a_day_and_time_that_is_left_free_are_no_visits_unless_wanted(sb, feeds, source, conf, reading):
    feeds.put("marco", "d@x", DTSTART_day="20261120" if sb.clock.now().year == 2026 else "20301120", SUMMARY="Fair")
    feeds.put("marco", "f@x", DTSTART=sb.clock.time(), TRANSP="TRANSPARENT", SUMMARY="Home")
    held = reading(source)
    assert len(await held.poll()) == 7
    wanted = Ical(replace(conf, all_day=True, free=True, window_back=timedelta(days=400)), now=sb.clock.now)
    records = await reading(wanted).poll()
    assert len(records) == 9
    assert records["marco:d@x"].start.hour == 23
    await wanted.close()


async def test_a_broken_event_is_set_aside_and_the_others_go_on(feeds, source, reading):
    feeds.put("marco", "bad@x", DTSTART="2026", SUMMARY="Bad")
    feeds.put("marco", "worse@x", DTSTART="20261120T090000Z", RRULE="FREQ=SECONDLY", SUMMARY="Worse")
    feeds.put("marco", "first@x", DTSTART="00010101T000000Z", RRULE="FREQ=DAILY", SUMMARY="Old")
    held = reading(source)
    assert len(await held.poll()) == 7
    told = [bad.error for page in held.pages for bad in page.bad]
    assert len(told) == 3
    assert any("secondly" in one for one in told)
    assert await held.poll() == {}


@pytest.mark.parametrize("text", ["<html>Sign in</html>", "", "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:m", "{}"])
async def test_what_is_no_feed_is_told_and_judges_nothing(feeds, source, reading, text):
    held = reading(source)
    await held.poll()
    feeds.put("marco", "m0@x", SUMMARY="changed")
    feeds.text = text or " "
    for _ in range(3):
        with pytest.raises(SourceError) as caught:
            await held.poll()
        assert caught.value.fault is SourceFault.ANSWER
    feeds.text = ""
    assert set(await held.poll()) == {"marco:m0@x"}
    assert not any(page.gone for page in held.pages)


async def test_a_feed_that_is_suddenly_empty_is_not_believed_at_once(feeds, source, reading):
    held = reading(source)
    await held.poll()
    feeds.calendars["marco"].clear()
    for _ in range(3):
        with pytest.raises(SourceError, match="marco shows less than half of the 6 rows"):
            await held.poll()
    assert not any(page.gone for page in held.pages)


async def test_a_provider_that_renews_its_feed_late_is_believed_when_it_does(feeds, source, reading):
    held = reading(source)
    await held.poll()
    feeds.lag = True
    feeds.put("marco", "m1@x", STATUS="CANCELLED")
    assert await held.poll() == {}
    feeds.lag = False
    assert set(await held.poll()) == {"marco:m1@x"}


async def test_one_feed_that_can_not_be_read_delays_no_other(sb, feeds, source, reading):
    del feeds.calendars["marco"]
    held = reading(source)
    with pytest.raises(SourceError, match="404"):
        await held.poll()
    assert [record.id for page in held.pages for record in page.records] == ["lena:l0@x"]
    assert not held.complete


async def test_one_record_by_its_id_and_nothing_to_write(feeds, source):
    assert (await source.fetch("marco:m2@x")).number == "J-1020"
    assert await source.fetch("marco:gone") is None
    assert await source.fetch("nobody:m2@x") is None
    assert isinstance(await source.write(WriteBack(WriteKind.NOTE, "marco:m2@x", "[D-1 #1]", "hello")), Rejected)


async def test_check_is_content_and_names_what_is_wrong_without_the_address(feeds, source):
    assert [finding for finding in await source.check() if not finding.ok] == []
    feeds.put("marco", "m1@x", STATUS="DONE")
    feeds.faults.set("500", times=1, where=f"GET /{credentials.FEED_SECRET}/lena.ics")
    bad = [finding for finding in await source.check() if not finding.ok]
    assert len(bad) == 2
    assert credentials.FEED_SECRET not in repr(bad)


def test_addresses_are_checked_and_hidden():
    assert "m.ics" not in repr(CONF)
    IcalConf({"a": Feed("webcal://x.example/a.ics")})
    for url in ("http://x.example/a.ics", "ftp://x.example/a.ics", "a.ics"):
        with pytest.raises(ValueError, match=r"feeds\.a\.url"):
            IcalConf({"a": Feed(url)})
    with pytest.raises(ValueError, match="there is none"):
        IcalConf({})
