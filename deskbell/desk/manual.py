"""What people and programs start themselves: alerts of their own, links between a chat account and a person."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from deskbell.core.access import ACTORS, Person, Role, holds, in_scope
from deskbell.core.alert import Alert, Severity, Status
from deskbell.core.heard import Passed
from deskbell.core.ports import Answer, Entry
from deskbell.core.rota import on_duty
from deskbell.core.store import Reader
from deskbell.core.text import clean, clean_lines
from deskbell.desk.book import Book
from deskbell.desk.duty import roster
from deskbell.desk.house import House

PER_HOUR = 10  # alerts that one person may raise by hand
POLICY = "dispatch"


@dataclass(frozen=True, slots=True)
class Ask:
    caller: str
    person: Person | None
    idempotency_key: str
    title: str
    text: str
    severity: Severity
    team: str
    subject: str


def raise_manual(book: Book, ask: Ask) -> Answer:
    """Opens the alert; the same key with the same words gives the first one again, with other words a conflict."""
    key = f"man:{ask.caller}:{ask.idempotency_key}"
    held = book.uow.newest_by_key(key)
    alert = _alert(book, ask, key)
    if held is not None:
        if _asks(held) == _asks(alert):
            return Answer(True, "repeat", f"{held.ref} was opened by this request before.", held)
        return Answer(False, "conflict", f"This key was used before, for something else ({held.ref}).", held)
    if ask.person is not None and _too_many(book, ask):
        return Answer(False, "limit", f"{PER_HOUR} alerts an hour are the limit for one person. Call a manager.")
    if not alert.title:
        return Answer(
            False, "text", f"Say what it is about, like {book.house.command} new P2 Compressor down at Hansen"
        )
    opened = book.open(book.begin(alert), {"caller": ask.caller, "by": ask.person.id if ask.person else ask.caller})
    return Answer(True, "done", f"{opened.ref} is open and rings.", opened)


def passed(book: Book, caller: str, said: Passed) -> None:
    """What this caller raised about a thing is over. What was opened later than it passed is another matter."""
    began = f"man:{caller}:{said.thing}."
    for held in book.uow.alerts(rule="manual_trigger", limit=10_000):
        if held.key.startswith(began) and held.opened_at <= said.at:
            book.over(held.key, f"{said.why} ({caller})")


def _alert(book: Book, ask: Ask, key: str) -> Alert:
    title, text = clean(ask.title, 120), clean_lines(ask.text, 1000)
    facts = (("Details", text),) if text else ()
    by = ask.person.name if ask.person else ask.caller
    return Alert(
        key=key,
        rule="manual_trigger",
        source="",
        record_id="",
        subject=clean(ask.subject, 60),
        title=title,
        summary=title,
        severity=ask.severity,
        facts=(*facts, ("Raised by", by)),
        team=ask.team,
        zone=book.house.zone,
        policy=POLICY,
        opened_at=book.now,
        updated_at=book.now,
    )


def _asks(alert: Alert) -> tuple[object, ...]:
    return alert.title, alert.facts, alert.severity, alert.team, alert.subject


def _too_many(book: Book, ask: Ask) -> bool:
    since = book.now - timedelta(hours=1)
    recent = book.uow.alerts(statuses=tuple(Status), rule="manual_trigger", limit=10_000)
    mine = [a for a in recent if a.opened_at > since and a.key.startswith(f"man:{ask.caller}:")]
    return len(mine) >= PER_HOUR


def link(book: Book, platform: str, account: str, person_id: str) -> None:
    """From now on this account is this person. Ids only; a name or an address in a message is never an identity."""
    if person_id not in book.people:
        return
    book.uow.save_account(platform, account, person_id)
    said = f"{platform} account linked"
    book.uow.audit(Entry("deskbell", "link", 0, {"person": person_id, "platform": platform, "said": said}), book.now)


def link_configured(book: Book) -> None:
    """The accounts in chats that config.toml names: they win over what was linked before."""
    for person in book.people.values():
        for platform, account in person.accounts.items():
            if platform not in book.house.sources and book.uow.person_for(platform, account) != person.id:
                link(book, platform, account, person.id)


def colleagues(reader: Reader, house: House, alert_id: int, now: datetime) -> list[tuple[str, str, str]]:
    """Who may be given the alert: on duty first, then by name, with how much they already have."""
    alert = reader.alert(alert_id)
    team = alert.team if alert else ""
    known = roster(reader, house, now)
    duty = {on_duty(rota, now) for rota in known.rotas.values()}
    load: dict[str, int] = {}
    for live in reader.alerts(limit=1000):
        load[live.assignee] = load.get(live.assignee, 0) + 1
    able = [p for p in known.people.values() if holds(p, ACTORS | {Role.TECHNICIAN}) and in_scope(p, team)]
    able.sort(key=lambda p: (p.id not in duty, Role.TECHNICIAN in p.roles, p.name))
    return [(p.id, p.name, _note(p, duty, load)) for p in able]


def _note(person: Person, duty: set[str | None], load: dict[str, int]) -> str:
    notes = ["on duty"] if person.id in duty else []
    if count := load.get(person.id):
        notes.append(f"{count} open")
    return ", ".join(notes)
