"""The recorded past played again: what happened is what the replay says, and other settings change what they should."""

import random
import sqlite3
from dataclasses import replace
from datetime import timedelta

from deskbell.core.alert import Mode, Severity, Status
from deskbell.core.history import Recording
from deskbell.core.outcome import Sent
from deskbell.core.ports import Page
from deskbell.core.records import (
    Account,
    AccountStatus,
    Case,
    CaseStatus,
    Leave,
    LeaveStatus,
    Priority,
    Visit,
    VisitStatus,
    changed,
)
from deskbell.core.rules import RULES, Matcher, Override
from deskbell.core.rules.timing import TechnicianLateConf
from deskbell.desk import past
from deskbell.simulate.outcome import Change, pairs
from deskbell.simulate.replay import replay
from deskbell.simulate.tape import Tape
from tests.desk.conftest import house

MIN, HOUR = timedelta(minutes=1), timedelta(hours=1)
KINDS = ("visit", "case", "account", "leave")
NAMES = ("Marco Bianchi", "Lena Hoffmann", "Priya Nair")
QUIET = {"own": replace(house().own, storm=10_000, flaps=10_000)}


def job(number, start, who=0, **more):
    values = {
        "title": "Pressure drops at night",
        "customer": f"Hansen Bakery {number % 3}",
        "contact": "+49 171 5550199",
        "site": "Milk Lane 3",
        "technician": NAMES[who],
        "technician_id": str(who + 1),
        "technician_email": f"{NAMES[who].split()[0].lower()}@example.org",
        "start": start,
        "end": start + HOUR,
    }
    return Visit("fs", str(number), f"J-{number}", VisitStatus.SCHEDULED, **(values | more))


def case(number, at, **more):
    values = {
        "subject": "Compressor trips on start",
        "requester": "Olga Petrenko",
        "contact": "olga@example.net",
        "created_at": at,
        "priority": Priority.URGENT,
    }
    return Case("hd", str(number), f"#{number}", CaseStatus.NEW, **(values | more))


async def passing(bench, span, step=MIN):
    """Time goes by as it does, a tick a minute."""
    end = bench.now + span
    while bench.now < end:
        await bench.passes(min(step, end - bench.now))


async def read(bench, *records):
    for source in {record.source for record in records}:
        mine = tuple(changed(one, updated_at=bench.now) for one in records if one.source == source)
        await bench.desk.observe(Page(source, mine, {"at": bench.now.isoformat()}, complete=True))
    await bench.desk.tick()


async def begin(bench, **changes):
    """A desk that keeps the past, after the first sweep of each source."""
    bench.sit(**(QUIET | changes))
    await bench.desk.adopt()
    await passing(bench, MIN)
    for source in ("fs", "hd", "crm", "hr"):
        await bench.desk.observe(Page(source, (), {"at": 1}, complete=True))
    await passing(bench, MIN)


def played(bench, names=tuple(RULES), **changes):
    """What the rules ring on the tape, with some settings of the house changed."""
    set_up = house(**(QUIET | changes))
    since = bench.store.read_now(past.since)
    tape = Tape(bench.store, KINDS, set_up.secret, since)
    return replay(tape, set_up, names, since, bench.now)


def happened(bench, mode=None):
    """The alerts that there were on records, oldest first."""
    rows = bench.store.read_now(lambda reader: reader.alerts(statuses=tuple(Status), limit=10_000))
    return [one for one in rows if one.rule in RULES and (mode is None or one.mode is mode)]


async def day(bench, seed):
    """Some hours at a firm: jobs are late, moved, cancelled, given to others; tickets wait, are taken, and close."""
    rng = random.Random(seed)
    start = bench.now
    jobs = [job(n, start + rng.randrange(20, 300) * MIN, rng.randrange(3)) for n in range(1, 13)]
    tickets = [case(n, start) for n in range(20, 25)]
    await read(bench, *jobs, *tickets, Account("crm", "A1", "A1", AccountStatus.ACTIVE, name="Hansen Bakery 1"))
    known = {record.id: record for record in (*jobs, *tickets)}
    for _ in range(30):
        await passing(bench, rng.randrange(3, 12) * MIN)
        one = known[rng.choice(sorted(known))]
        after = happens(rng, bench.now, one)
        known[one.id] = after
        await read(bench, after)
    await read(
        bench, Leave("hr", "L1", "L1", LeaveStatus.APPROVED, person=NAMES[1], start=bench.now, end=bench.now + HOUR)
    )
    await passing(bench, MIN)
    await bench.desk.vanished("fs", ["1", "2"])
    await passing(bench, 30 * MIN)


def happens(rng, now, one):
    if isinstance(one, Case):
        return rng.choice(
            (
                changed(one, assignee="Ben Okafor", assignee_id="7", status=CaseStatus.OPEN),
                changed(one, escalated=not one.escalated, escalation_level=one.escalation_level + 1),
                changed(one, status=CaseStatus.RESOLVED, status_since=now),
                changed(one, priority=Priority.LOW),
            )
        )
    who = rng.randrange(3)
    return rng.choice(
        (
            changed(one, status=VisitStatus.ON_SITE, arrived_at=now),
            changed(one, status=VisitStatus.COMPLETED, completed_at=now),
            changed(one, start=one.start + 45 * MIN, end=one.end + 45 * MIN),
            changed(
                one, status=VisitStatus.CANCELLED, cancelled_at=now, cancelled_by="customer", reason="went elsewhere"
            ),
            changed(one, technician=NAMES[who], technician_id=str(who + 1)),
            changed(one, technician="", technician_id="", technician_email=""),
            changed(one, status=VisitStatus.NO_SHOW, absent="customer"),
        )
    )


# ---------------------------------------------------------------- what was is what is played


async def test_the_replay_of_a_day_is_that_day(bench):
    await begin(bench)
    await day(bench, 2)
    there, here = happened(bench), played(bench)
    assert len({one.rule for one in there}) >= 10
    told = sorted((one.key, one.opened_at, one.mode, one.severity, one.status is Status.RESOLVED) for one in there)
    again = sorted((bell.key, bell.opened_at, bell.mode, bell.worst, bell.ended_at is not None) for bell in here)
    assert again == told
    for rule in ("technician_late", "double_booked", "case_unassigned"):  # alone as among all the others
        mine = {one.key for one in there if one.rule == rule}
        assert set(played(bench, [rule])) == {bell for bell in here if bell.key in mine}


async def test_a_storm_is_one_in_the_replay_as_well(bench):
    storm = {"own": replace(house().own, storm=4)}
    await begin(bench, **storm)
    bench.desk.patience = 24 * 60 * MIN  # nobody polls here, and a source that is silent is a storm of its own
    jobs = [job(n, bench.now + 20 * MIN) for n in range(1, 9)]
    await read(bench, *jobs)

    def modes():
        there = sorted((one.key, one.mode) for one in happened(bench) if one.rule == "technician_late")
        here = sorted((bell.key, bell.mode) for bell in played(bench, ["technician_late"], **storm))
        assert here == there
        return [mode for _, mode in here]

    await passing(bench, 36 * MIN)
    assert modes() == [Mode.LISTED] * 8  # none was posted before the storm began
    await read(bench, *(changed(one, status=VisitStatus.ON_SITE, arrived_at=bench.now) for one in jobs[:-1]))
    await passing(bench, 9 * MIN)
    assert sorted(modes()) == [Mode.CARD] + [Mode.LISTED] * 7  # what outlived it has its card


async def test_what_we_wrote_ourselves_is_no_news_in_the_replay(bench):
    await begin(bench, sources={"hd": replace(house().sources["fs"], title="Helpdesk")})
    await bench.people()
    people = {key: replace(one, accounts={"hd": key.upper()}) for key, one in house().people.items()}
    bench.sit(**QUIET, people=people, sources={"hd": replace(house().sources["fs"], title="Helpdesk")})
    await read(bench, case(1, bench.now))
    await passing(bench, 6 * MIN)
    (alert,) = happened(bench)
    await bench.say("ben", "take", alert.ref)
    await bench.settle_all(Sent({}), "source:hd")
    await passing(bench, MIN)
    assert bench.store.read_now(lambda reader: reader.record("hd", "1")).record.assignee == "Ben Okafor"
    assert [bell.key for bell in played(bench)] == [one.key for one in happened(bench)] == [alert.key]


# ---------------------------------------------------------------- other settings


async def late_jobs(bench, *delays):
    """Jobs whose technicians come so many minutes late, one after the other."""
    for number, delay in enumerate(delays, 1):
        start = bench.now + 30 * MIN
        planned = job(number, start)
        await read(bench, planned)
        await passing(bench, 30 * MIN + delay * MIN)
        await read(bench, changed(planned, status=VisitStatus.ON_SITE, arrived_at=bench.now))
        await read(bench, changed(planned, status=VisitStatus.COMPLETED, arrived_at=bench.now, completed_at=bench.now))
        await passing(bench, MIN)


def later(minutes):
    by = timedelta(minutes=minutes) - 15 * MIN
    stages = tuple((at + by, severity) for at, severity in TechnicianLateConf().stages)
    return {"technician_late": TechnicianLateConf(stages=stages)}


async def test_another_threshold_misses_what_it_should(bench):
    await begin(bench)
    await late_jobs(bench, 5, 16, 19, 22, 40)
    now, then = played(bench, ["technician_late"]), played(bench, ["technician_late"], rules=later(20))
    found = pairs(now, then)
    assert [(pair.bell.subject, pair.change) for pair in found] == [
        ("J-2", Change.MISSED),
        ("J-3", Change.MISSED),
        ("J-4", Change.OTHER),
        ("J-5", Change.OTHER),
    ]
    assert [pair.said for pair in found][:3] == ["missed", "missed", "5 min later"]
    five = found[3]
    assert five.then.opened_at - five.now.opened_at == 5 * MIN
    assert five.now.worst == five.then.worst == Severity.P2
    sooner = pairs(now, played(bench, ["technician_late"], rules=later(4)))
    first, *others = [(pair.bell.subject, pair.change) for pair in sooner]
    assert first == ("J-1", Change.NEW)
    assert {change for _, change in others} == {Change.OTHER}


async def test_a_rule_that_is_tried_out_is_recorded_and_rings_nowhere(bench):
    shadow = {"technician_late": TechnicianLateConf(shadow=True)}
    await begin(bench, rules=shadow)
    await late_jobs(bench, 16)
    (held,) = happened(bench, Mode.HELD)
    now, then = played(bench, ["technician_late"], rules=shadow), played(bench, ["technician_late"])
    assert [(bell.key, bell.mode, bell.rings) for bell in now] == [(held.key, Mode.HELD, False)]
    (pair,) = pairs(now, then)
    assert (pair.change, pair.said, pair.then.rooms) == (Change.NEW, "new: only tried out now", ("room",))


async def test_overrides_for_some_customers_hold_though_names_are_masked(bench):
    await begin(bench)
    await late_jobs(bench, 16, 16, 16)  # of Hansen Bakery 1, 2 and 0
    for pattern, left in (
        ("hansen bakery 1", {"J-2", "J-3"}),
        ("Hansen*", set()),
        ("Nobody*", {"J-1", "J-2", "J-3"}),
    ):
        off = Override(Matcher(customers=(pattern,)), TechnicianLateConf(enabled=False))
        here = played(bench, ["technician_late"], rules={"technician_late": TechnicianLateConf(overrides=(off,))})
        assert {bell.subject for bell in here} == left


async def test_a_window_that_begins_later_counts_only_what_rings_in_it(bench):
    await begin(bench)
    early, late = job(1, bench.now + 10 * MIN), job(2, bench.now + 5 * HOUR)
    await read(bench, early, late)
    await passing(bench, 2 * HOUR)
    start = bench.now
    await passing(bench, 4 * HOUR)
    set_up = house(**QUIET)
    tape = Tape(bench.store, KINDS, set_up.secret, start)
    here = replay(tape, set_up, ["technician_late"], start, bench.now)
    assert [(bell.subject, bell.rings) for bell in here] == [("J-1", False), ("J-2", True)]
    assert here[1].opened_at == late.start + 15 * MIN


# ---------------------------------------------------------------- what is kept, and what is not

PLANTED = (
    "Marco Bianchi", "marco@example.org", "Hansen Bakery", "5550199", "Milk Lane", "Pressure drops", "Olga", "petrenko",
    "went elsewhere", "Compressor trips",
)  # fmt: skip


async def test_no_name_number_or_text_is_in_what_is_kept(bench):
    await begin(bench)
    await day(bench, 4)
    bench.store.close()
    with sqlite3.connect(bench.folder / "desk.db") as connection:
        rows = connection.execute("SELECT * FROM history").fetchall()
    assert len(rows) >= 30
    kept = repr(rows).casefold()
    assert [word for word in PLANTED if word.casefold() in kept] == []
    assert '"number":"j-3"' in kept
    with sqlite3.connect(bench.folder / "alone.db") as connection:  # the same in the bytes of a file of its own
        connection.execute("CREATE TABLE history (id, source, record_id, kind, seen_at, until, ended, data)")
        connection.executemany("INSERT INTO history VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
    stored = (bench.folder / "alone.db").read_bytes().lower()
    assert b"j-3" in stored
    assert [word for word in PLANTED if word.casefold().encode() in stored] == []


def readings(bench):
    return bench.store.read_now(lambda reader: [one for one in reader.readings(bench.now - 400 * 24 * HOUR) if one.row])


async def test_what_is_old_is_forgotten_and_the_rest_can_still_be_played(bench):
    keep = {"recording": Recording(timedelta(hours=3))}
    await begin(bench, **keep)
    began = bench.store.read_now(past.since)
    await late_jobs(bench, 16, 16, 16, 16, 16)
    oldest = min(one.until for one in readings(bench))
    assert bench.now - oldest <= timedelta(hours=3) + MIN
    since = bench.store.read_now(past.since)
    assert began < since <= oldest
    here = [bell.key for bell in played(bench, ["technician_late"], **keep) if bell.rings]
    there = [one.key for one in happened(bench) if one.rule == "technician_late" and one.opened_at > since]
    assert here == there
    assert 0 < len(here) < 5


async def test_no_more_than_so_many_are_kept(bench):
    await begin(bench, recording=Recording(rows=100))
    one = job(1, bench.now + HOUR)
    for number in range(150):
        page = Page("fs", (changed(one, reason=f"reason {number}"),), {"at": number}, complete=True)
        await bench.desk.observe(page)
        bench.now += timedelta(seconds=1)
    await passing(bench, 2 * MIN)
    assert len(readings(bench)) == 100
    assert bench.store.read_now(past.since) == min(one.seen_at for one in readings(bench))


async def test_nothing_is_kept_where_nothing_is_to_be(bench):
    await begin(bench, recording=Recording(timedelta(0)))
    await late_jobs(bench, 16)
    assert readings(bench) == []
    assert bench.store.read_now(past.since) is None
