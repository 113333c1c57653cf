"""Both replays of a simulation, and what is said where there is nothing to replay."""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta

from deskbell.config import Settings
from deskbell.core.alert import Mode, Status
from deskbell.core.records.masked import HIDDEN
from deskbell.core.rules import Rule
from deskbell.core.rules.custom import CustomConf
from deskbell.desk import past
from deskbell.desk.house import House
from deskbell.simulate.outcome import Outcome, in_days, pairs, utc
from deskbell.simulate.replay import replay
from deskbell.simulate.tape import Tape
from deskbell.simulate.wish import NoReplay, rule_named, wish
from storage.store import SqlStore

_MOST = 100_000


def simulate(
    settings: Settings, store: SqlStore, rule: str, sets: Sequence[str], days: float, now: datetime
) -> Outcome:
    """What the rule would have rung in the last days. Raises NoReplay, with what to do."""
    name = rule_named(settings, rule)
    wished = wish(settings, name, sets)
    since, begin = _window(settings, store, days, now)
    tape = Tape(store, kinds(wished.house, name), settings.house.secret, begin)
    if not len(tape):
        raise NoReplay(f"Since {utc(since)} no source has brought anything that {name} looks at. Is `deskbell run` on?")
    was = replay(tape, settings.house, [name], begin, now)
    would = replay(tape, wished.house, [name], begin, now) if wished.said else was
    every = store.read_now(lambda reader: reader.alerts(rule=name, statuses=tuple(Status), limit=_MOST))
    row = wished.house.rule(name)
    return Outcome(
        rule=name,
        title=row.title if row else name,
        settings=wished.said,
        begin=begin,
        end=now,
        since=since,
        readings=len(tape),
        now=tuple(was),
        then=tuple(would),
        held=tuple(one for one in every if one.mode is Mode.HELD and begin < one.opened_at <= now),
        notes=tuple(_notes(wished.house, name, days, begin, since, now)) + _unchanged(sets, wished.said),
        zone=settings.house.zone,
        pairs=tuple(pairs(was, would)),
    )


def kinds(house: House, name: str) -> frozenset[str]:
    """The records that the rule needs: those of its kind, and whatever may have to do with them."""
    row: Rule | None = house.rule(name)
    if row is None:
        return frozenset()
    return frozenset({row.kind, *row.related})


def _window(settings: Settings, store: SqlStore, days: float, now: datetime) -> tuple[datetime, datetime]:
    """Since when there is a past, and from when on it is looked at."""
    if not settings.house.recording.keep:
        raise NoReplay('Nothing is recorded: [history] keep is 0s. Set it, like keep = "35d", and restart Deskbell.')
    since = store.read_now(past.since)
    if since is None:
        raise NoReplay("Nothing has been recorded yet. Deskbell records while it runs: start it with `deskbell run`.")
    if not 0 < days <= 400:
        raise NoReplay("--days must be more than 0 and at most 400.")
    return since, max(since, now - timedelta(days=days))


def _notes(house: House, name: str, days: float, begin: datetime, since: datetime, now: datetime) -> list[str]:
    notes = []
    if begin == since and now - since < timedelta(days=days) - timedelta(minutes=1):
        kept = f"{in_days(now - begin)} of the {days:g} days asked for"
        notes.append(f"Deskbell has recorded since {utc(since)}: {kept}.")
    conf = house.rules[name]
    if isinstance(conf, CustomConf) and (asked := _names_in(conf.condition)):
        notes.append(
            f"The condition asks for {', '.join(asked)}; on record these are masked, and equal nothing you write."
        )
    if conf.shadow:
        notes.append("The rule is only tried out (shadow = true): it is recorded, and rings nowhere.")
    if not conf.enabled:
        notes.append("The rule is switched off (enabled = false).")
    return notes


def _names_in(condition: str) -> list[str]:
    return sorted(set(re.findall(r"[a-z_]+", condition)) & set(HIDDEN))


def _unchanged(sets: Sequence[str], said: str) -> tuple[str, ...]:
    return ("These settings are the ones that hold now.",) if sets and not said else ()
