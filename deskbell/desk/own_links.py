"""The link in a message to one person: what it shows, and the one time that it acknowledges."""

from dataclasses import dataclass
from datetime import datetime

from deskbell.core import links
from deskbell.core.access import Person
from deskbell.core.alert import Alert, Command, Status, Verb, name_of
from deskbell.core.heard import Link
from deskbell.core.ports import Entry
from deskbell.core.present import REFUSED
from deskbell.core.store import Reader
from deskbell.desk import act
from deskbell.desk.book import Book
from deskbell.desk.duty import removed
from deskbell.desk.house import House

PLATFORM = "link"


@dataclass(frozen=True, slots=True)
class Shown:
    """Whom a link was sent to, and the alert as it is now. `works`: whether it still acknowledges."""

    person: Person
    alert: Alert
    with_whom: str
    works: bool


def shown(reader: Reader, house: House, token: str, now: datetime) -> Shown | None:
    """None for a link that is none of ours, or has expired."""
    link = reader.link(links.digest_of(token)) if links.TOKEN.fullmatch(token) else None
    alert = reader.alert(link.alert_id) if link else None
    person = house.people.get(link.person) if link else None
    if link is None or alert is None or person is None or link.expires_at <= now or person.id in removed(reader):
        return None
    whom = alert.assignee or alert.acked_by or alert.resolved_by
    return Shown(person, alert, name_of(whom, house.people) if whom else "", _works(link, alert))


def _works(link: Link, alert: Alert) -> bool:
    return link.state == "open" and link.tries < links.TRIES and alert.status is Status.OPEN


def spend(book: Book, token: str, code: str) -> str:
    """Acknowledges as the person that it was sent to, once. What became of it: done, code (it was another one), locked
    (that too often), over (the link, or the alert, is not what it was), refused, gone.
    """
    seen = shown(book.uow, book.house, token, book.now)
    link = book.uow.link(links.digest_of(token)) if seen else None
    if seen is None or link is None:
        return "gone"
    if link.tries >= links.TRIES:
        return "locked"
    if not seen.works:
        return "over"
    if not links.is_code(book.house.secret, token, code):
        book.uow.link_tried(link.digest)
        _refused(book, seen)
        return "code" if link.tries + 1 < links.TRIES else "locked"
    book.uow.spend_link(link.digest)
    answer = act.learn(book, seen.alert, Command(Verb.ACK, seen.alert.id, seen.person, {}, {"platform": PLATFORM}))
    return "done" if answer.ok else "refused"


def _refused(book: Book, seen: Shown) -> None:
    data = {"verb": "ack", "code": "code", "platform": PLATFORM, "said": "a link with a wrong code was refused"}
    book.uow.audit(Entry(f"{PLATFORM}:{seen.person.id}", REFUSED, seen.alert.id, data), book.now)
