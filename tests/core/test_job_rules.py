"""Rules of a job and of a technician's day: each stage, what silences it, its key, the site's zone."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from deskbell.core.records import Leave, LeaveStatus, Priority, Visit, VisitStatus, changed
from deskbell.core.rules.changes import CancelledByCompanyConf, RescheduleShortNoticeConf
from deskbell.core.rules.jobs import CheckinFarFromSiteConf, JobSlaRiskConf
from tests.core.asked import DAY, HOUR, MIN, NOON, P1, P2, P3, P4, SECOND, ask, found, holds, one, severity

START = NOON
VISIT = Visit(
    source="fs",
    id="4711",
    number="J-4711",
    status=VisitStatus.SCHEDULED,
    customer="Hansen",
    technician="Marco Silva",
    technician_id="7",
    start=START,
    end=START + HOUR,
    updated_at=START - 2 * DAY,
)
STAMP = "2026-11-20T12:00:00Z"


def job(ident, start, hours=1.0, **values):
    return changed(VISIT, **{"id": ident, "number": f"J-{ident}", "start": start, "end": start + hours * HOUR} | values)


class TestCannotComplete:
    RULE = "status_cannot_complete"
    ENDED = changed(VISIT, status=VisitStatus.CANNOT_COMPLETE, status_since=START + HOUR, reason="no power")

    def test_an_edge(self):
        rung = one(self.ENDED, START + HOUR, self.RULE, VISIT)
        assert (rung.severity, rung.key) == (P2, "cannot:fs:4711:2026-11-20T13:00:00Z")
        assert rung.summary.endswith("no power")
        assert holds(self.ENDED, START + 2 * HOUR, self.RULE, self.ENDED)
        assert not ask(VISIT, START, self.RULE, self.ENDED)[1]  # taken back

    def test_first_run_is_no_news(self):
        assert holds(self.ENDED, START + HOUR, self.RULE, baseline=True)
        assert found(self.ENDED, START + HOUR, self.RULE)

    @pytest.mark.parametrize(
        ("reason", "after", "rung"), [("", 0 * MIN, P3), ("parts", DAY - SECOND, None), ("parts", DAY, P3)]
    )
    def test_on_hold(self, reason, after, rung):
        held = changed(VISIT, status=VisitStatus.PAUSED, status_since=START, reason=reason)
        assert severity(held, START + after, self.RULE) == rung


class TestJobSla:
    DUE = changed(VISIT, sla_due=START + 6 * HOUR)

    @pytest.mark.parametrize(
        ("left", "rule", "rung", "stage"),
        [
            (4 * HOUR, "job_sla_risk", P3, "4 h"),
            (HOUR, "job_sla_risk", P2, "1 h"),
            (SECOND, "job_sla_risk", P2, "1 h"),
            (0 * MIN, "job_sla_breach", P1, "missed"),
            (-5 * HOUR, "job_sla_breach", P1, "missed"),
        ],
    )
    def test_stages_and_breach_share_one_card(self, left, rule, rung, stage):
        seen = one(self.DUE, START + 6 * HOUR - left, rule)
        assert (seen.severity, seen.stage, seen.key) == (rung, stage, "jobsla:fs:4711:2026-11-20T18:00:00Z")

    def test_quiet(self):
        for rule in ("job_sla_risk", "job_sla_breach"):
            assert not found(VISIT, START + DAY, rule)
            assert not found(changed(self.DUE, status=VisitStatus.COMPLETED), START + DAY, rule)
        assert not found(self.DUE, START + 2 * HOUR - SECOND, "job_sla_risk")

    def test_the_window_counts_where_that_is_set(self):
        visit, conf = changed(VISIT, window_end=START + HOUR), JobSlaRiskConf(window=True)
        assert severity(visit, START + 30 * MIN, "job_sla_risk", conf=conf) == P2
        assert not found(visit, START + 30 * MIN, "job_sla_risk")
        there = changed(visit, status=VisitStatus.ON_SITE, arrived_at=START)
        assert not found(there, START + 30 * MIN, "job_sla_risk", conf=conf)


class TestCheckin:
    RULE, ON = "checkin_far_from_site", CheckinFarFromSiteConf(enabled=True)
    THERE = changed(VISIT, arrived_at=START, site_lat=53.08, site_lon=8.80, checkin_lat=53.08, checkin_lon=8.81)

    def test_off_by_default_and_by_distance(self):
        assert not found(self.THERE, START, self.RULE)
        far = one(self.THERE, START, self.RULE, conf=self.ON)
        assert (far.severity, far.key) == (P4, f"geo:fs:4711:{STAMP}")
        assert ("Distance", "668 m") in far.facts
        assert not found(changed(self.THERE, checkin_lon=8.805), START, self.RULE, conf=self.ON)
        assert not found(changed(self.THERE, checkin_lat=None), START, self.RULE, conf=self.ON)


class TestCancelledByCompany:
    RULE = "cancelled_by_company"

    @pytest.mark.parametrize(
        ("notice", "rung"), [(25 * HOUR, P4), (24 * HOUR, P4), (24 * HOUR - SECOND, P2), (MIN, P2)]
    )
    def test_notice(self, notice, rung):
        at = START - notice
        gone = changed(VISIT, status=VisitStatus.CANCELLED, cancelled_by="company", cancelled_at=at, updated_at=at)
        seen = one(gone, at, self.RULE, VISIT)
        assert seen.severity == rung
        assert seen.key == f"cancel:fs:4711:{at:%Y-%m-%dT%H:%M:%SZ}"
        assert not found(gone, at, "cancelled_by_customer", VISIT)
        assert holds(gone, at, self.RULE, gone)
        assert holds(gone, at, self.RULE, baseline=True)

    def test_under_way(self):
        on_way = changed(VISIT, status=VisitStatus.EN_ROUTE)
        gone = changed(VISIT, status=VisitStatus.CANCELLED, cancelled_by="company", cancelled_at=START - 5 * DAY)
        assert severity(gone, START, self.RULE, on_way) == P2
        assert severity(gone, START, self.RULE, on_way, CancelledByCompanyConf(under_way=P1)) == P1


def test_a_job_that_was_moved_too_often_is_told_whatever_the_notice():
    rule, at = "reschedule_short_notice", START - 10 * DAY
    moved = changed(VISIT, start=START + DAY, updated_at=at)
    assert not found(changed(moved, moves=2), at, rule, VISIT)
    assert severity(changed(moved, moves=3), at, rule, VISIT) == P3
    assert not found(changed(moved, moves=3), at, rule, VISIT, RescheduleShortNoticeConf(most=9))


class TestRunningOver:
    RULE = "running_over"
    THERE = changed(VISIT, status=VisitStatus.ON_SITE, arrived_at=START)

    @pytest.mark.parametrize(
        ("over", "gap", "rung", "stage"),
        [
            (15 * MIN, None, P3, "15 min"),
            (60 * MIN, None, P2, "1 h"),
            (15 * MIN, 46 * MIN, P3, "15 min"),
            (16 * MIN, 46 * MIN, P2, "15 min, next job"),
            (15 * MIN, 20 * MIN, P2, "15 min, next job"),  # not before the first stage
        ],
    )
    def test_the_next_job_makes_it_worse(self, over, gap, rung, stage):
        end = START + HOUR
        related = (job("2", end + gap),) if gap else ()
        seen = one(self.THERE, end + over, self.RULE, related=related)
        assert (seen.severity, seen.stage) == (rung, stage)

    def test_somebody_elses_job_is_no_matter(self):
        other = job("2", START + 80 * MIN, technician="Lena", technician_id="8")
        assert severity(self.THERE, START + HOUR + 20 * MIN, self.RULE, related=(other,)) == P3


class TestUnavailable:
    RULE = "technician_unavailable"
    LEAVE = Leave("hr", "1", "1", LeaveStatus.APPROVED, person="marco silva", start=START - HOUR, end=START + 8 * HOUR)

    @pytest.mark.parametrize(("before", "rung"), [(25 * HOUR, P3), (24 * HOUR, P2), (0 * MIN, P2), (-HOUR, None)])
    def test_stages(self, before, rung):
        assert severity(VISIT, START - before, self.RULE, related=(self.LEAVE,)) == rung

    def test_key_and_what_is_shown(self):
        sick = changed(self.LEAVE, what="sick")
        seen = one(VISIT, START - DAY, self.RULE, related=(sick,))
        assert seen.key == f"absent:7:4711:{STAMP}"
        assert "sick" not in repr(seen)  # why somebody is away is nobody's business

    @pytest.mark.parametrize(
        "values",
        [
            {"status": LeaveStatus.REQUESTED},
            {"person": "Lena"},
            {"start": START + HOUR},
            {"end": START},
        ],
    )
    def test_quiet(self, values):
        assert not found(VISIT, START - DAY, self.RULE, related=(changed(self.LEAVE, **values),))

    def test_an_address_tells_two_people_of_one_name_apart(self):
        mine = changed(VISIT, technician_email="marco@x.org")
        other = changed(self.LEAVE, person_email="marco2@x.org")
        assert not found(mine, START - DAY, self.RULE, related=(other,))
        assert found(mine, START - DAY, self.RULE, related=(changed(other, person_email="Marco@x.org"),))


class TestDoubleBooked:
    RULE = "double_booked"

    @pytest.mark.parametrize(
        ("shift", "now", "rings"),
        [
            (30 * MIN, START - DAY, True),
            (45 * MIN, START - DAY, False),  # a quarter of an hour is no exception
            (44 * MIN, START - DAY, True),
            (30 * MIN, START - 48 * HOUR, True),
            (30 * MIN, START - 48 * HOUR + 29 * MIN, True),
            (30 * MIN, START + HOUR, False),
        ],
    )
    def test_overlap(self, shift, now, rings):
        other = job("12", START + shift)
        for first, second in ((VISIT, other), (other, VISIT)):
            seen = found(first, now, self.RULE, related=(second,))
            expected = rings and now >= START + shift - 48 * HOUR
            assert bool(seen) is expected
            assert all(item.key == "overlap:7:12:4711" for item in seen)

    @pytest.mark.parametrize("values", [{"status": VisitStatus.COMPLETED}, {"technician_id": "8"}, {"source": "x"}])
    def test_quiet(self, values):
        assert not found(VISIT, START, self.RULE, related=(job("2", START, **values),))


class TestCascade:
    RULE = "cascade_risk"
    NOW_AT = changed(VISIT, status=VisitStatus.ON_SITE, arrived_at=START)  # ends 13:00
    NEXT, LAST = job("2", START + 2 * HOUR), job("3", START + 3.75 * HOUR)

    def look(self, late, record=None, **context):
        first = changed(self.NOW_AT, **context)
        day = (first, self.NEXT, self.LAST)
        asked = record or first
        related = tuple(one for one in day if one.id != asked.id)
        return found(asked, START + HOUR + late, self.RULE, related=related)

    def test_later_jobs_move_as_the_first_runs_over(self):
        assert not self.look(49 * MIN)  # 13:49 + 30 travel = 14:19, within twenty minutes
        (seen,) = self.look(50 * MIN)
        assert (seen.severity, seen.stage) == (P3, "1 job")
        assert seen.key == "cascade:fs:7:2026-11-20"
        assert "worst +20 min" in seen.summary
        (worse,) = self.look(50 * MIN + 30 * MIN)
        assert worse.stage == "2 jobs"
        assert worse.facts[0] == ("J-2", "14:50 instead of 14:00, +50 min Hansen")

    def test_each_job_of_the_day_shows_the_same_at_home_with_the_first(self):
        (mine,), (theirs,) = self.look(HOUR), self.look(HOUR, record=self.LAST)
        assert mine.key == theirs.key
        assert mine.home == theirs.home == ("4711", "J-4711")

    def test_it_moves_on_when_the_first_is_done(self):
        done = changed(self.NOW_AT, status=VisitStatus.COMPLETED)
        late = changed(self.NEXT, end=START + 6 * HOUR, status=VisitStatus.ON_SITE, arrived_at=START + 2 * HOUR)
        (seen,) = found(done, START + 4 * HOUR, self.RULE, related=(late, self.LAST))
        assert seen.home == ("2", "J-2")

    def test_a_promise_makes_it_worse(self):
        urgent = changed(self.NEXT, priority=Priority.URGENT)
        assert severity(self.NOW_AT, START + 2 * HOUR, self.RULE, related=(urgent,)) == P2
        due = changed(self.NEXT, sla_due=START + 3 * HOUR)
        assert severity(self.NOW_AT, START + 2 * HOUR, self.RULE, related=(due,)) == P2

    def test_a_window_is_the_limit(self):
        wide = changed(self.NEXT, window_end=START + 4 * HOUR)
        assert not found(self.NOW_AT, START + 2 * HOUR, self.RULE, related=(wide,))

    @pytest.mark.parametrize("zone", ["Europe/Berlin", "America/Los_Angeles"])
    def test_a_day_is_the_sites_day_over_a_change_of_the_clocks(self, zone):
        """25 October 2026 has 25 hours in Berlin: 23:30 that day is still that day."""
        tz = ZoneInfo(zone)
        start = datetime(2026, 10, 25, 22, 30, tzinfo=tz).astimezone(UTC)
        first = job("1", start, status=VisitStatus.ON_SITE, arrived_at=start, zone=zone)
        same, next_day = job("2", start + 80 * MIN, zone=zone), job("3", start + 100 * MIN, zone=zone)
        (seen,) = found(first, start + 2 * HOUR, self.RULE, related=(same, next_day))
        assert (seen.key, seen.stage) == ("cascade:fs:7:2026-10-25", "1 job")
