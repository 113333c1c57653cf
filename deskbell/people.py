"""`deskbell link` and `deskbell people`: who is who, for an administrator at the command line."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

from deskbell.config import Settings
from deskbell.core.access import ACTORS, Person, Role, holds
from deskbell.desk import people as use
from deskbell.desk.book import Book
from deskbell.desk.duty import removed
from deskbell.parts import open_store

T = TypeVar("T")


class UnknownPerson(Exception):
    """The configuration has nobody of that name, or nobody of whom that can be done; in words for an administrator."""


def link_code(settings: Settings, person_id: str) -> str:
    """The code, and what to do with it."""
    person = _known(settings, person_id)
    code = use.new_code()
    _write(settings, lambda book: use.offer_code(book, _still_here(book, person).id, code))
    bot = "In Telegram, say /start and the code to the bot." if "telegram" in settings.chats else ""
    lines = (
        f"A code for {person.name}, good once, for 15 minutes:",
        code,
        f"In the chat to be linked, {person.name} types: {settings.house.command} link {code}",
        bot,
    )
    return "\n".join(line for line in lines if line)


def listing(settings: Settings) -> list[dict[str, Any]]:
    store = open_store(settings)
    try:
        gone = store.read_now(removed)
        linked = store.read_now(lambda reader: {key: dict(reader.accounts_of(key)) for key in settings.house.people})
        return [
            {
                "id": person.id,
                "name": person.name,
                "roles": [role for role in Role if role in person.roles],
                "accounts": linked[person.id],
                "note": "removed: take them out of the configuration" if person.id in gone else "",
            }
            for person in settings.house.people.values()
        ]
    finally:
        store.close()


def remove(settings: Settings, person_id: str, to: str) -> str:
    """What was done, and what is left for a person to do."""
    person = _known(settings, person_id)
    heir = _heir(_known(settings, to), person) if to else None
    left = _write(settings, lambda book: use.remove(book, person, _still_here(book, heir) if heir else None))
    where = f"are with {heir.name} now" if heir else "ring anew"
    lines = [
        f"{person.name} is out: {left.accounts} chat accounts unlinked, all codes worthless.",
        f"{', '.join(left.handed)} {where}." if left.handed else "No alert was theirs.",
        *(f"The rota {name} still names them: take them out of [rotas.{name}]." for name in left.rotas),
        *(f"The policy {name} still rings them: change [policies.{name}]." for name in left.policies),
        f"Then delete [people.{person.id}] from {settings.file.name}, and restart Deskbell.",
    ]
    return "\n".join(lines)


def restore(settings: Settings, person_id: str) -> str:
    person = _known(settings, person_id)
    _write(settings, lambda book: use.restore(book, person))
    return f"{person.name} is back. `deskbell link {person.id}` gives a code that links a chat account."


def _known(settings: Settings, person_id: str) -> Person:
    people = settings.house.people
    if person_id not in people:
        raise UnknownPerson(f"{settings.file} has no [people.{person_id[:40]}]. There are: {', '.join(people)}.")
    return people[person_id]


def _still_here(book: Book, person: Person) -> Person:
    if person.id not in book.people:
        raise UnknownPerson(f"{person.name} was removed. `deskbell people restore {person.id}` takes them in again.")
    return person


def _heir(heir: Person, person: Person) -> Person:
    """Who can have alerts: what is given to anybody else rings nobody."""
    if heir.id == person.id:
        raise UnknownPerson(f"{person.name} leaves, and can't have the alerts: name somebody else behind --to.")
    if not holds(heir, ACTORS | {Role.TECHNICIAN}):
        raise UnknownPerson(f"{heir.name} can't have alerts: the role is {', '.join(sorted(heir.roles)) or 'none'}.")
    return heir


def _write(settings: Settings, change: Callable[[Book], T]) -> T:
    store = open_store(settings)
    try:
        return store.write_now(lambda uow: change(Book(uow, settings.house, datetime.now(UTC))))
    finally:
        store.close()
