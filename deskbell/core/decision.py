"""Who else could go to a job: the free, qualified, nearest technicians, when each would be there, and what that does to
their own day. Distances are straight lines, drawn out and driven at a speed of the configuration.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from math import asin, cos, radians, sin, sqrt
from zlib import crc32

from deskbell.core.access import Person, Role, in_scope
from deskbell.core.records import Leave, Visit
from deskbell.core.records.work import EARTH
from deskbell.core.text import clean, clock, span

RULES = frozenset(
    {
        "technician_late",
        "technician_cannot_come",
        "status_no_show",
        "technician_unavailable",
        "unassigned_near_start",
    }
)
_MINUTE = timedelta(minutes=1)
_NAMED = 2  # jobs of the own day that are named


@dataclass(frozen=True, kw_only=True, slots=True)
class DecisionConf:
    """[decision]: what a card about a job without its technician offers."""

    enabled: bool = True
    most: int = 3
    speed_kmh: float = 40.0
    detour: float = 1.3  # so much longer than the straight line is the way
    travel: timedelta = 30 * _MINUTE  # where it is not known how far it is
    ready: timedelta = 5 * _MINUTE  # to set out
    length: timedelta = timedelta(hours=1)  # of a job whose end is not known
    skills: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # skill -> jobs that need it, by their titles

    def __post_init__(self) -> None:
        if self.speed_kmh <= 0 or self.detour < 1 or not 0 <= self.most <= 5:
            raise ValueError("speed_kmh is above 0, detour 1 or more, most from 0 to 5")


@dataclass(frozen=True, slots=True)
class Offer:
    """One who could go. `km`: None where it is not known from where. `harm`: how late their own jobs begin then."""

    person: str
    name: str
    there: datetime
    km: float | None
    harm: timedelta
    effect: str

    @property
    def mark(self) -> int:
        """Three bytes that tell the button of one person from that of another."""
        return mark_of(self.person)

    def said(self, zone: str, now: datetime) -> str:
        way = f", {self.km:.0f} km" if self.km is not None else ", distance not known"
        return f"there at {clock(self.there, zone, now)}{way}; {self.effect}"


def mark_of(person: str) -> int:
    return crc32(person.encode()) & 0xFFFFFF


def offers(
    job: Visit,
    days: Mapping[str, Sequence[Visit]],
    people: Mapping[str, Person],
    conf: DecisionConf,
    now: datetime,
    leaves: Mapping[str, Sequence[Leave]],
) -> tuple[Offer, ...]:
    """The best few: soonest there, with the least harm. `days`, `leaves`: what each of them has that day."""
    able = (people[one] for one in days if one in people and qualified(people[one], job, conf))
    found = [_offer(job, one, days[one.id], conf, now) for one in able if not _away(leaves.get(one.id, ()), now)]
    found.sort(key=lambda one: (one.there + one.harm, one.name))
    return tuple(found[: conf.most])


def qualified(person: Person, job: Visit, conf: DecisionConf) -> bool:
    """A technician of the team, known in the scheduling system, with what the job asks for; not whoever has it now."""
    account = person.accounts.get(job.source, "")
    has_it = account == job.technician_id or person.name.casefold() == job.technician.strip().casefold()
    title = job.title.casefold()
    needs = {skill for skill, jobs in conf.skills.items() if any(fnmatchcase(title, one.casefold()) for one in jobs)}
    return (
        Role.TECHNICIAN in person.roles
        and bool(account)
        and not has_it
        and in_scope(person, job.team)
        and needs <= person.skills
    )


def _away(leaves: Sequence[Leave], now: datetime) -> bool:
    return any(one.start is not None and one.end is not None and one.start <= now < one.end for one in leaves)


def _offer(job: Visit, person: Person, day: Sequence[Visit], conf: DecisionConf, now: datetime) -> Offer:
    mine = sorted((one for one in day if not one.done and one.start), key=lambda one: (one.start, one.id))
    here = next((one for one in mine if one.arrived_at and one.completed_at is None), None)
    free = max(now, _end(here, conf)) if here else now
    home = here or next((one for one in reversed(mine) if one.start and one.start <= now), None)
    km = _km(home, job) if home else _from_home(person, job)
    way = conf.travel if km is None else timedelta(hours=km * conf.detour / conf.speed_kmh)
    there = free + conf.ready + way
    later = [one for one in mine if one is not here and one.start and one.start >= now]
    harm, effect = _effect(later, there + _lasts(job, conf), conf)
    return Offer(person.id, person.name, there, km, harm, effect)


def _effect(later: Sequence[Visit], free: datetime, conf: DecisionConf) -> tuple[timedelta, str]:
    """How late the later jobs of the day begin, in all, and in words."""
    harm, named = timedelta(), []
    for visit in later:
        start = visit.start or free
        begins = max(start, free + conf.travel)
        if (late := begins - start) >= _MINUTE:
            harm += late
            named.append(f"{clean(visit.number, 24)} +{span(late)}")
        free = begins + _lasts(visit, conf)
    if not named:
        return harm, "no effect on the own day"
    more = f" and {len(named) - _NAMED} more" if len(named) > _NAMED else ""
    return harm, "own day: " + ", ".join(named[:_NAMED]) + more


def _end(visit: Visit, conf: DecisionConf) -> datetime:
    begun = visit.arrived_at or visit.start
    planned = visit.end or (visit.start + conf.length if visit.start else None)
    return max(filter(None, (planned, begun)))


def _lasts(visit: Visit, conf: DecisionConf) -> timedelta:
    planned = visit.end - visit.start if visit.end and visit.start else timedelta()
    return planned if planned > timedelta() else conf.length


def _km(one: Visit, other: Visit) -> float | None:
    return _between(one.site_lat, one.site_lon, other.site_lat, other.site_lon)


def _from_home(person: Person, job: Visit) -> float | None:
    return _between(*person.home, job.site_lat, job.site_lon) if person.home else None


def _between(*at: float | None) -> float | None:
    """Kilometres as the crow flies."""
    known = [radians(value) for value in at if value is not None]
    if len(known) < len(at):
        return None
    lat_a, lon_a, lat_b, lon_b = known
    half = sin((lat_b - lat_a) / 2) ** 2 + cos(lat_a) * cos(lat_b) * sin((lon_b - lon_a) / 2) ** 2
    return 2 * EARTH / 1000 * asin(min(1.0, sqrt(max(half, 0.0))))
