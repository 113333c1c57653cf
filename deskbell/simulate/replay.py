"""The tape played through the real desk, on a database and with a clock of its own: nobody is told anything."""

import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from functools import partial
from itertools import islice

from deskbell.core.access import Person
from deskbell.core.alert import Alert, Mode, Severity, Status, name_of
from deskbell.core.history import Ended, Recording
from deskbell.core.ports import AuditRow, Page
from deskbell.core.records.masked import mask_id, mask_name
from deskbell.core.rules import Override, RuleConf
from deskbell.core.store import UnitOfWork
from deskbell.core.text import clean
from deskbell.desk import ladder, reasons, weather
from deskbell.desk.book import Book
from deskbell.desk.house import House
from deskbell.desk.observe import Tally, observe, take_one
from deskbell.desk.tick import look_again
from deskbell.simulate.tape import Moment, Tape
from storage.store import SqlStore

_TOGETHER = 200  # moments of one transaction
_STORM_STEP = timedelta(minutes=1)
_MOST = 1_000_000
_STORY = 200


@dataclass(frozen=True, slots=True)
class Bell:
    """One alert of a replay: when it would have rung and how severely, in which rooms, and when it was over.

    `rises`: when it became more severe. `told`: whom its policy names first, who were these people then; `on_duty`: who
    was in each rota. `standing`: it was so already when the time looked at began.
    """

    key: str
    source: str
    subject: str
    title: str
    severity: Severity
    opened_at: datetime
    ended_at: datetime | None
    mode: Mode
    zone: str
    rises: tuple[tuple[datetime, Severity], ...] = ()
    rooms: tuple[str, ...] = ()
    told: str = ""
    on_duty: str = ""
    standing: bool = False

    @property
    def rings(self) -> bool:
        return self.mode is Mode.CARD and not self.standing

    @property
    def worst(self) -> Severity:
        return min([self.severity, *(severity for _, severity in self.rises)])


def replay(tape: Tape, house: House, rules: Iterable[str], begin: datetime, end: datetime) -> list[Bell]:
    """What these rules ring between the two, under the settings of the house, oldest first.

    Due times come at their time, also between two polls. What people did is not played: an alert ends when its cause
    does.
    """
    names = frozenset(rules)
    stage = _staged(house, names, tape)
    with tempfile.TemporaryDirectory(prefix="deskbell-simulate-") as folder:
        store = SqlStore.open(f"sqlite:///{folder}/replay.db", audit_key=b"of a replay, kept nowhere")
        try:
            player = _Player(stage, begin)
            moments = tape.moments(end)
            while part := list(islice(moments, _TOGETHER)):
                store.write_now(partial(player.play, moments=part))
            store.write_now(lambda uow: player.wait(uow, end))
            return store.write_now(lambda uow: _bells(Book(uow, house, end), names, begin))
        finally:
            store.close()


# ---------------------------------------------------------------- the house as it is on this stage


def _staged(house: House, rules: frozenset[str], tape: Tape) -> House:
    """Only these rules look; names stand in it as they do on the tape."""
    wanted = {name: conf for name, conf in house.rules.items() if name in rules}
    if any(_asks_for_names(conf) for conf in wanted.values()):
        names = tape.names()
        wanted = {name: _masked(conf, house.secret, names) for name, conf in wanted.items()}
    others = {name: replace(conf, enabled=False, overrides=()) for name, conf in house.rules.items()}
    return replace(
        house,
        observe=False,
        restored_at=None,
        recording=Recording(timedelta(0)),
        rules=others | wanted,
        custom={name: rule for name, rule in house.custom.items() if name in rules},
        people={key: _known(person, house.secret) for key, person in house.people.items()},
    )


def _known(person: Person, secret: bytes) -> Person:
    return replace(person, accounts={name: mask_id(secret, account) for name, account in person.accounts.items()})


def _asks_for_names(conf: RuleConf) -> bool:
    return any(one.when.customers or one.when.sites for one in conf.overrides)


def _masked(conf: RuleConf, secret: bytes, names: frozenset[str]) -> RuleConf:
    """Its overrides by the masks of those that are meant."""

    def masks(patterns: tuple[str, ...]) -> tuple[str, ...]:
        plain = [one for one in patterns if not set(one) & set("*?[")]
        meant = [name for name in names if _fits(patterns, name)]
        return tuple(dict.fromkeys(mask_name(secret, name) for name in (*plain, *meant)))

    def veiled(one: Override) -> Override:
        found = {name: masks(getattr(one.when, name)) for name in ("customers", "sites") if getattr(one.when, name)}
        # none of those that are known: it has to fit nobody, and not everybody
        return replace(one, when=replace(one.when, **{name: value or ("-",) for name, value in found.items()}))

    return replace(conf, overrides=tuple(map(veiled, conf.overrides)))


def _fits(patterns: tuple[str, ...], name: str) -> bool:
    return any(fnmatchcase(name.casefold(), pattern.casefold()) for pattern in patterns)


# ---------------------------------------------------------------- the play


class _Player:
    """Where the play has come to."""

    def __init__(self, house: House, begin: datetime) -> None:
        self._house, self._now = house, begin
        self._calm_at: datetime | None = None  # when to look next whether a storm is over

    def play(self, uow: UnitOfWork, moments: Iterable[Moment]) -> None:
        for moment in moments:
            self.wait(uow, moment.at)
            _take(Book(uow, self._house, moment.at), moment)
            self._look_at_the_sky(uow)

    def wait(self, uow: UnitOfWork, until: datetime) -> None:
        """Until then, whatever is due comes at its time."""
        while (at := self._next(uow, until)) is not None:
            self._now = max(self._now, at)
            book = Book(uow, self._house, self._now)
            look_again(book)
            if self._calm_at is not None and self._calm_at <= self._now:
                weather.watch(book)
                self._calm_at = None
            self._look_at_the_sky(uow)
        self._now = max(self._now, until)

    def _look_at_the_sky(self, uow: UnitOfWork) -> None:
        if self._calm_at is None and weather.storms(uow):
            self._calm_at = self._now + _STORM_STEP

    def _next(self, uow: UnitOfWork, until: datetime) -> datetime | None:
        due = uow.due_records(until, 1)
        moments = [one.due_at for one in due if one.due_at is not None]
        if self._calm_at is not None and self._calm_at <= until:
            moments.append(self._calm_at)
        return min(moments, default=None)


def _take(book: Book, moment: Moment) -> None:
    if moment.how is Ended.OURS:
        for record in moment.records:
            stored = book.uow.record(record.source, record.id)
            if stored is not None:
                take_one(book, record, stored.record, Tally(), news=False)
        return
    observe(book, Page(moment.source, moment.records, {"at": 1}, complete=moment.complete, gone=moment.gone))


# ---------------------------------------------------------------- what rang


def _bells(book: Book, rules: frozenset[str], begin: datetime) -> list[Bell]:
    alerts = [one for rule in sorted(rules) for one in book.uow.alerts(rule=rule, statuses=tuple(Status), limit=_MOST)]
    stories: Mapping[int, Iterable[AuditRow]] = book.uow.stories([one.id for one in alerts], _STORY)
    bells = [_bell(book, alert, stories.get(alert.id, ()), begin) for alert in alerts]
    return sorted(bells, key=lambda bell: (bell.opened_at, bell.key))


def _bell(book: Book, alert: Alert, story: Iterable[AuditRow], begin: datetime) -> Bell:
    first, rises = _severities(alert, story)
    return Bell(
        key=alert.key,
        source=alert.source,
        subject=clean(alert.subject or alert.record_id, 60),
        title=clean(alert.title, 60),
        severity=first,
        opened_at=alert.opened_at,
        ended_at=alert.resolved_at if alert.status is Status.RESOLVED else None,
        mode=alert.mode,
        zone=alert.zone,
        rises=tuple(rises),
        rooms=book.rooms(alert) if alert.mode is Mode.CARD else (),
        told=", ".join(name_of(person, book.house.people) for person in _first(book, alert)),
        on_duty=reasons.duty(book.uow, book.house, alert.opened_at),
        standing=alert.opened_at <= begin,
    )


def _first(book: Book, alert: Alert) -> tuple[str, ...]:
    return ladder.whom(replace(book, now=alert.opened_at), alert) if alert.mode is Mode.CARD else ()


def _severities(alert: Alert, story: Iterable[AuditRow]) -> tuple[Severity, list[tuple[datetime, Severity]]]:
    """How severe it was at first, and what it became when."""
    told: list[tuple[datetime, Severity]] = list(_told(story))
    return (told[0][1], told[1:]) if told else (alert.severity, [])


def _told(story: Iterable[AuditRow]) -> Iterator[tuple[datetime, Severity]]:
    names = {"open": "severity", "severity": "to"}
    for row in story:
        if row.entry.verb in names:
            yield row.at, Severity[str(row.entry.data[names[row.entry.verb]])]
