"""Jobber's visits: points, a token that is good once, and a status that the clock changes."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from graphql import parse

from deskbell.core.outcome import Retry
from deskbell.core.ports import SourceError, SourceFault, WriteBack, WriteKind
from deskbell.core.records import VisitStatus
from pollers import jobber as module
from pollers.jobber import JobberConf, row, to_record
from pollers.rows import BadRow
from tests.pollers.schedules import HOUR, jobber

# The shape of https://developer.getjobber.com/docs/using_jobbers_api/api_queries_and_mutations
CREW = {"id": "VTE=", "name": {"full": "Marco Bianchi"}, "email": {"raw": "marco@example.org"}}
ROW = {
    "id": "Z2lkOi8vSm9iYmVyL1Zpc2l0LzE=", "title": "Erika Sample - Pump", "startAt": "2026-11-20T08:00:00Z",
    "endAt": "2026-11-20T10:00:00Z", "allDay": False, "visitStatus": "LATE", "completedAt": None,
    "assignedUsers": {"nodes": [CREW]},
    "client": {"id": "QzE=", "name": "Erika Sample"}, "job": {"id": "SjE=", "jobNumber": 4711},
    "property": {"address": {"street": "Hafenstr. 1", "city": "Kiel"}}, "timeSheetEntries": {"nodes": []},
}  # fmt: skip
CONF = JobberConf("us", "s3cret", "refresh-0", zone="America/Denver", team="north")


def test_a_visit():
    visit = to_record(ROW, CONF)
    assert (visit.number, visit.status, visit.status_raw) == ("#4711", VisitStatus.SCHEDULED, "LATE")
    assert (visit.customer, visit.site, visit.team) == ("Erika Sample", "Hafenstr. 1, Kiel", "north")
    assert (visit.technician, visit.technician_id, visit.technician_email) == (
        "Marco Bianchi",
        "VTE=",
        "marco@example.org",
    )
    assert visit.start == datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
    assert "s3cret" not in repr(CONF)
    assert "refresh-0" not in repr(CONF)


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        ("UPCOMING", "scheduled"),
        ("TODAY", "scheduled"),
        ("ACTIVE", "scheduled"),
        ("LATE", "scheduled"),
        ("UNSCHEDULED", "unscheduled"),
        ("COMPLETED", "completed"),
        ("PARKED", "unknown"),
    ],
)
def test_the_status_of_a_visit(raw, status):
    assert to_record(ROW | {"visitStatus": raw}, CONF).status == status


def test_a_time_sheet_is_the_arrival():
    sheets = {"nodes": [{"startAt": "2026-11-20T08:12:00Z", "ticking": True}, {"startAt": "2026-11-20T08:40:00Z"}]}
    visit = to_record(ROW | {"timeSheetEntries": sheets}, CONF)
    assert visit.status is VisitStatus.ON_SITE
    assert visit.arrived_at == datetime(2026, 11, 20, 8, 12, tzinfo=UTC)
    done = to_record(ROW | {"timeSheetEntries": sheets, "visitStatus": "COMPLETED"}, CONF)
    assert done.status is VisitStatus.COMPLETED


def test_what_the_clock_makes_of_a_visit_is_no_other_reading():
    same = {row(ROW | {"visitStatus": raw}).version for raw in ("UPCOMING", "TODAY", "LATE", "ACTIVE")}
    assert len(same) == 1
    assert row(ROW | {"visitStatus": "COMPLETED"}).version not in same


def test_hostile_fields_never_raise(hostile, sound):
    for name in set(ROW) - {"id"}:
        for value in hostile:
            sound(to_record(ROW | {name: value}, CONF))
            sound(
                to_record(ROW | {name: {"nodes": [value, {"name": value, "startAt": value}], "address": value}}, CONF)
            )
    for raw in (None, [], {}, {"id": None}):
        with pytest.raises(BadRow):
            to_record(raw, CONF)


def test_every_query_is_graphql():
    queries = {name: text for name, text in vars(module).items() if str(text).startswith(("query", "mutation"))}
    assert len(queries) == 7
    for text in queries.values():
        parse(text % (module._VISIT % module._TIMES) if "%s" in text else text)


@pytest.fixture
async def trial(sb):
    one = jobber(sb)
    yield one
    await one.source.close()


async def test_each_new_refresh_token_is_kept_and_used_after_a_restart(sb, trial, reading):
    trial.lay(sb.clock.time() + HOUR)
    await reading(trial.source).poll()
    kept = Path(trial.source.conf.token_file)
    assert kept.read_text() == "sandbox-refresh-1"
    again = trial.opened(sb.clock.now)
    await reading(again).poll()
    assert [form["refresh_token"] for form in trial.stand.tokens.asked] == ["sandbox-refresh-0", "sandbox-refresh-1"]
    await again.close()


async def test_a_token_file_that_can_not_be_written_is_told_and_does_not_end_the_reading(sb, trial, reading, tmp_path):
    trial.lay(sb.clock.time() + HOUR)
    source = trial.opened(sb.clock.now, token_file=str(tmp_path / "no" / "such" / "token"))
    held = reading(source)
    await held.poll()
    trial.revoke()
    await held.poll()
    assert held.complete
    (bad,) = [finding for finding in await source.check() if not finding.ok]
    assert bad.what == "Jobber token file"
    await source.close()


async def test_a_refresh_token_that_is_used_up_is_told_as_a_refused_login(trial, reading):
    trial.stand.tokens.refresh = "sandbox-refresh-of-another"
    with pytest.raises(SourceError) as caught:
        await reading(trial.source).poll()
    assert caught.value.fault is SourceFault.AUTH


async def test_a_reading_waits_for_points_and_goes_on(sb, trial, reading):
    ids = {trial.lay(sb.clock.time() + HOUR + n) for n in range(35)}
    trial.stand.most_points = trial.stand.points = 200.0  # a page of 10 costs 130
    waits = []

    async def pause(seconds):
        waits.append(seconds)
        sb.clock.advance(seconds)

    trial.source.pause = pause
    trial.stand.restored = 20.0
    held = reading(trial.source)
    await held.poll()
    assert set(held.records) == ids
    assert held.complete
    assert len(waits) == 3
    assert all(1 < one < 7 for one in waits)


async def test_want_of_points_is_a_limit_in_the_end_and_judges_nothing(sb, trial, reading):
    one = trial.lay(sb.clock.time() + HOUR)
    held = reading(trial.source)
    await held.poll()
    trial.stand.most_points = trial.stand.points = 20.0
    trial.stand.restored = 0.0001

    async def pause(_seconds):
        pass

    trial.source.pause = pause
    with pytest.raises(SourceError) as caught:
        await held.poll()
    assert caught.value.fault is SourceFault.LIMITED
    assert caught.value.after >= timedelta(seconds=1)
    trial.stand.points = 5.5
    outcome = await trial.source.write(WriteBack(WriteKind.NOTE, one, "[D-1 #1]", "hello"))
    assert isinstance(outcome, Retry)
    assert outcome.limited


async def test_a_visit_that_is_taken_off_the_calendar_is_unscheduled_and_not_gone(sb, trial, reading):
    ids = [trial.lay(sb.clock.time() + HOUR + n) for n in range(5)]
    held = reading(trial.source)
    await held.poll()
    trial.stand.change(ids[2], startAt=None, endAt=None)
    await held.poll()
    brought = await held.poll()
    assert brought[ids[2]].status is VisitStatus.UNSCHEDULED
    assert not [page.gone for page in held.pages if page.gone]


async def test_a_visit_that_becomes_late_brings_nothing_new(sb, trial, reading):
    trial.lay(sb.clock.time() + HOUR)
    held = reading(trial.source)
    await held.poll()
    sb.clock.advance(2 * HOUR)
    assert await held.poll() == {}


async def test_a_schema_that_is_no_more_is_told(sb, trial, reading):
    old = trial.opened(sb.clock.now, version="2019-01-01")
    with pytest.raises(SourceError) as caught:
        await reading(old).poll()
    assert caught.value.fault is SourceFault.ANSWER
    await old.close()


@pytest.mark.parametrize("size", [0, 101])
def test_a_page_has_its_limits(size):
    with pytest.raises(ValueError, match="page_size"):
        replace(CONF, page_size=size)
