"""The commands that only ask: lists, one alert, cases and jobs, who is on duty, who am I, help. They change nothing."""

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from bot import answers
from bot.grammar import BY_WORD, Filter, Line, Problem, nearest, read_filter, read_ref
from bot.ports import LIVE, Front, Spoken
from deskbell.core.access import ACTORS, Person, Role, holds, in_scope
from deskbell.core.alert import Alert, Status
from deskbell.core.card import Reply
from deskbell.core.ports import SourceError, StoredRecord
from deskbell.core.records import Case, Record, Visit, fingerprint
from deskbell.core.text import clean, clock
from deskbell.core.wall import moment

_BATCH = 200  # alerts read at a time where they have to be sifted here by a person's teams
_SIFTED = 2000  # and how far down at most
_NUMBER = 100
_KNOWS_CUSTOMERS = ACTORS | {Role.TECHNICIAN, Role.COMPLIANCE}  # who sees a requester's or customer's name

log = logging.getLogger("deskbell.commands")


class Questions:
    """Answers for one Front. Every method takes who asks and the line, and gives what to show."""

    def __init__(self, front: Front) -> None:
        self._front = front
        self.answers: Mapping[str, Callable[[Person, Line], Awaitable[Spoken]]] = {
            "list": self._list,
            "show": self._show,
            "case": partial(self._record, "case"),
            "job": partial(self._record, "visit"),
            "why": self._why,
            "whynot": self._whynot,
            "sent": self._sent,
            "silences": self._silences,
            "oncall": self._oncall,
            "health": self._health,
            "whoami": self._whoami,
            "help": self._help,
        }

    def _problem(self, text: str, verb: str = "") -> Spoken:
        return Spoken(answers.problem(Problem(text, BY_WORD.get(verb)), self._front.command))

    # ------------------------------------------------------------ alerts

    async def _list(self, person: Person, line: Line) -> Spoken:
        front = self._front
        wanted = read_filter(line.rest, front.sources, teams_of(front))
        if isinstance(wanted, Problem):
            return Spoken(answers.problem(wanted, front.command))
        if wanted.of and await self._front.find_alert(wanted.of) is None:
            return self._problem(f"There is no alert {wanted.of} that you can see.", "list")
        if only_own(person):
            wanted = replace(wanted, mine=True)
        alerts, total = await self._stretch(person, wanted)
        return Spoken(answers.alert_list(alerts, total, wanted, front.command, front.people, front.now()))

    async def _stretch(self, person: Person, wanted: Filter) -> tuple[list[Alert], int]:
        """The wanted page of what this person may see, and how much there is in all."""
        offset = (wanted.page - 1) * answers.PAGE
        if _sees_all_teams(person) and not (wanted.own_teams and person.teams):
            return await self._read(person, wanted, answers.PAGE, offset)
        seen: list[Alert] = []
        for start in range(0, _SIFTED, _BATCH):
            batch, total = await self._read(person, wanted, _BATCH, start)
            seen += [alert for alert in batch if _wanted(alert, person, wanted)]
            if start + _BATCH >= total:
                break
        return seen[offset : offset + answers.PAGE], len(seen)

    async def _read(self, person: Person, wanted: Filter, limit: int, offset: int) -> tuple[list[Alert], int]:
        return await self._front.alerts(
            statuses=(Status.OPEN,) if wanted.open else LIVE,
            assignee=person.id if wanted.mine else None,
            team=wanted.team or None,
            source=wanted.source or None,
            parent=int(wanted.of.removeprefix("D-")) if wanted.of else None,
            limit=limit,
            offset=offset,
        )

    async def _show(self, person: Person, line: Line) -> Spoken:
        alert = await self._asked(person, line)
        if isinstance(alert, Spoken):
            return alert
        return Spoken(Reply(card=answers.own(await self._front.card(alert), person)))

    async def _why(self, person: Person, line: Line) -> Spoken:
        alert = await self._asked(person, line)
        if isinstance(alert, Spoken):
            return alert
        return Spoken(answers.reasons(alert, await self._front.why(alert)))

    async def _asked(self, person: Person, line: Line) -> Alert | Spoken:
        """The alert that is meant, if this person may see it; else what to say."""
        ref, rest = read_ref(line.rest)
        if not ref or rest:
            return self._problem("Which alert? One number, please.", line.spec.verb)
        alert = await self._front.find_alert(ref)
        if alert is None or not await self._may_see(person, alert):
            number, command = ref.removeprefix("D-"), self._front.command
            hint = f"For a ticket: {command} case {number}. For a job: {command} job {number}."
            return Spoken(answers.plain(f"There is no alert {ref} that you can see.", hint))
        return alert

    async def _may_see(self, person: Person, alert: Alert) -> bool:
        if not in_scope(person, alert.team):
            return False
        if not only_own(person) or alert.assignee == person.id:
            return True
        about = await self._front.find_records(alert.subject, None) if alert.subject else []
        mine = [item.record for item in about if _is_theirs(person, item.record)]
        return any((record.source, record.id) == (alert.source, alert.record_id) for record in mine)

    # ------------------------------------------------------------ cases and jobs

    async def _record(self, kind: str, person: Person, line: Line) -> Spoken:
        stored = await self._meant(kind, person, line)
        if isinstance(stored, Spoken):
            return stored
        return Spoken(await self._stored(person, stored), partial(self._later, person, stored))

    async def _whynot(self, person: Person, line: Line) -> Spoken:
        stored = await self._meant(None, person, line)
        if isinstance(stored, Spoken):
            return stored
        read_at = await self._front.freshness(stored.record.source) or stored.seen_at
        as_of = answers.as_of(read_at, person.zone, self._front.now())
        return Spoken(answers.stands(stored.record, await self._front.whynot(stored.record), as_of))

    async def _sent(self, person: Person, line: Line) -> Spoken:
        stored = await self._meant(None, person, line)
        if isinstance(stored, Spoken):
            return stored
        told = await self._front.sent(stored.record)
        return Spoken(answers.sent(stored.record, told, person.zone, self._front.now()))

    async def _meant(self, kind: str | None, person: Person, line: Line) -> StoredRecord | Spoken:
        """The record whose number was given; else what to say."""
        number = clean(line.rest, _NUMBER).strip("#\"'“”")
        if not number:
            return self._problem("Which one? Its number, please.", line.spec.verb)
        found = await self._visible(person, number, kind) or await self._visible(person, number, None)
        if not found:
            what = "job or case" if kind is None else line.spec.verb
            return self._problem(f"I find no {what} “{clean(number, 40)}” that you can see.")
        exact = [item for item in found if number.casefold() in _names(item.record)]
        if len(found) > 1 and len(exact) != 1:
            titles = {name: self._front.source_title(name) for name in {item.record.source for item in found}}
            return Spoken(answers.which(found, titles, self._front.command))
        return (exact or found)[0]

    async def _visible(self, person: Person, number: str, kind: str | None) -> list[StoredRecord]:
        found = await self._front.find_records(number, kind)
        return [item for item in found if await self._may_see_record(person, item.record)]

    async def _may_see_record(self, person: Person, record: Record) -> bool:
        if not in_scope(person, record.team):
            return False
        if not only_own(person) or _is_theirs(person, record):
            return True
        return any(alert.assignee == person.id for alert in await self._front.alerts_on(record))

    async def _stored(self, person: Person, stored: StoredRecord) -> Reply:
        read_at = await self._front.freshness(stored.record.source) or stored.seen_at
        return await self._told(person, stored, answers.as_of(read_at, person.zone, self._front.now()))

    async def _later(self, person: Person, stored: StoredRecord) -> Reply | None:
        """Runs on its own when the first answer is out already, so that nobody is left to catch what breaks."""
        try:
            return await self._fresh(person, stored)
        except Exception:
            log.exception("a record of %s could not be refreshed", stored.record.source)
            return None

    async def _fresh(self, person: Person, stored: StoredRecord) -> Reply | None:
        """The record from its source as it is now; where that fails, what is stored, and why there is nothing newer."""
        front, title = self._front, self._front.source_title(stored.record.source)
        try:
            now_there = await front.refresh(stored)
        except SourceError as trouble:
            old = await self._stored(person, stored)
            return replace(old, footer=f"{title} can't be read just now: {clean(trouble, 200)}. {old.footer}")
        number = clean(stored.record.number or stored.record.id, 60)
        if now_there is None or not await self._may_see_record(person, now_there.record):
            return answers.plain(f"{number} is no longer in {title}: deleted there, or hidden from Deskbell.")
        same = fingerprint(now_there.record) == fingerprint(stored.record)
        said = f"Fresh from {title} {clock(front.now(), person.zone, front.now())}."
        if same:  # the first answer stands; a second copy of it would only be in the way
            return answers.plain(f"{said} Nothing has changed.")
        return await self._told(person, now_there, said)

    async def _told(self, person: Person, stored: StoredRecord, footer: str) -> Reply:
        front, record = self._front, stored.record
        alerts = [answers.alert_line(alert, front.people, front.now()) for alert in await front.alerts_on(record)]
        return answers.record_reply(
            record,
            person,
            personal=holds(person, _KNOWS_CUSTOMERS),
            alerts=alerts,
            title=front.source_title(record.source),
            footer=footer,
            now=front.now(),
        )

    # ------------------------------------------------------------ people and help

    async def _oncall(self, person: Person, line: Line) -> Spoken:
        words, now = clean(line.rest, _NUMBER), self._front.now()
        known = [found.rota for found in await self._front.on_duty()]
        if not known:
            return Spoken(answers.plain("No rota is set up, so that nobody is on duty by plan."))
        first, _, rest = words.partition(" ")
        rota = first if first.casefold() in {name.casefold() for name in known} else ""
        meant = moment(rest if rota else words, person.zone, now)
        if meant is None:
            there = ", ".join(known)
            what = f"“{clean(words, 40)}” is neither a rota nor a moment. Rotas: {there}. Moments: 18:00, fri 18:00."
            return self._problem(what, "oncall")
        rows = await self._front.on_duty(rota, meant.at)
        return Spoken(answers.duty(rows, self._front.people, person.zone, meant, now))

    async def _silences(self, person: Person, _line: Line) -> Spoken:
        found, front = await self._front.silences(), self._front
        return Spoken(answers.silences(found, front.people, person.zone, front.now(), front.command))

    async def _health(self, _person: Person, _line: Line) -> Spoken:
        return Spoken(answers.health(await self._front.vitals()))

    async def _whoami(self, person: Person, _line: Line) -> Spoken:
        return Spoken(answers.who(person))

    async def _help(self, person: Person, line: Line) -> Spoken:
        word = line.rest.split()[0].casefold().lstrip("/") if line.rest.split() else ""
        if not word:
            return Spoken(answers.help_for(person, self._front.command))
        guess = word if word in BY_WORD else nearest(word, BY_WORD)
        if guess:
            return Spoken(answers.help_about(BY_WORD[guess], person, self._front.command))
        return self._problem(f"I don't know the command “{clean(word, 40)}”.")


def only_own(person: Person) -> bool:
    """Technicians see what is theirs."""
    return Role.TECHNICIAN in person.roles and person.roles <= {Role.TECHNICIAN, Role.VIEWER}


def teams_of(front: Front) -> Sequence[str]:
    return sorted({team for person in front.people.values() for team in person.teams})


def _sees_all_teams(person: Person) -> bool:
    return not person.teams or bool(person.roles & {Role.ADMIN, Role.MANAGER})


def _wanted(alert: Alert, person: Person, wanted: Filter) -> bool:
    return in_scope(person, alert.team) and (not wanted.own_teams or alert.team in person.teams)


def _names(record: Record) -> set[str]:
    return {record.number.casefold(), record.id.casefold()}


def _is_theirs(person: Person, record: Record) -> bool:
    if not isinstance(record, Visit | Case):
        return False
    has, mail = (
        (record.technician_id, record.technician_email) if isinstance(record, Visit) else (record.assignee_id, "")
    )
    by_account = bool(has) and has == person.accounts.get(record.source)
    return by_account or bool(mail and mail.casefold() == person.email.casefold())
