"""Who is who, over time: codes that link a chat account to a person, and what a person may see that a room may not."""

import hashlib
import secrets
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from typing import Any

from deskbell.core.access import Person
from deskbell.core.alert import Alert, Change, Command, Status
from deskbell.core.card import Reply
from deskbell.core.policy import VIA
from deskbell.core.ports import Answer, Entry, Interaction
from deskbell.core.records import personal_of
from deskbell.core.text import clean
from deskbell.desk.book import Book
from deskbell.desk.duty import REMOVED, removed
from deskbell.desk.ladder import whom

CODE_LIFE = timedelta(minutes=15)
CODE_BYTES = 20  # 160 bits, 32 letters and digits: nobody guesses it, and it fits into a link
REVEALED = "reveal"


def digest(code: str) -> str:
    return hashlib.sha256(code.strip().casefold().encode()).hexdigest()


def new_code() -> str:
    """A code that phones do not mistype: one case, no sign that looks like another."""
    alphabet = "abcdefghjkmnpqrstuvwxyz23456789"
    return "".join(secrets.choice(alphabet) for _ in range(CODE_BYTES * 8 // 5))


def offer_code(book: Book, person_id: str, code: str) -> None:
    """From now on, and for a quarter of an hour, whoever says the code is this person."""
    book.uow.save_code(digest(code), person_id, book.now + CODE_LIFE)
    book.uow.audit(
        Entry("deskbell", "link_code", 0, {"person": person_id, "said": "a code to link was given"}), book.now
    )


def redeem(book: Book, platform: str, account: str, code: str) -> tuple[Person | None, Interaction | None]:
    """The person whose code it is, and what the account asked for when nobody knew it. (None, None): no such code."""
    person = book.people.get(book.uow.take_code(digest(code)) or "")
    if person is None:
        data = {"platform": platform, "said": "a wrong or old code was refused"}
        book.uow.audit(Entry(f"{platform}:{account}"[:100], "link_refused", 0, data), book.now)
        return None, None
    book.uow.save_account(platform, account, person.id)
    data = {"person": person.id, "platform": platform, "account": account, "said": f"{platform} account linked by code"}
    book.uow.audit(Entry(person.id, "link", 0, data), book.now)
    asked = book.uow.take_asking(platform, account, book.now - CODE_LIFE)
    return person, _asked(asked) if asked else None


def keep_asking(book: Book, said: Interaction) -> None:
    """An unknown account's wish, kept until it is linked: what it tapped is then done without another tap."""
    body = asdict(said)
    args = {k: v.total_seconds() if isinstance(v, timedelta) else v for k, v in said.args.items()}
    book.uow.keep_asking(said.platform, said.account, {**body, "args": args}, book.now - CODE_LIFE)


def _asked(body: Any) -> Interaction:
    args = {
        k: timedelta(seconds=v) if k == "span" and isinstance(v, int | float) else v for k, v in body["args"].items()
    }
    return Interaction(**{**body, "args": args, "key": f"{body['key']}:linked"})


def how_to_link(book: Book) -> str:
    link = f"{book.house.command} link"
    return (
        f"Deskbell does not know you here yet, so nothing was done. Type {link} in a chat where it knows you, or ask an"
        f" administrator for a code; then say {link} CODE here, and what you asked for is done."
    )


@dataclass(frozen=True, slots=True)
class Left:
    """What became of a person who left: accounts unlinked, alerts handed over, and what still names them."""

    accounts: int
    handed: tuple[str, ...]  # refs
    rotas: tuple[str, ...]
    policies: tuple[str, ...]


def remove(book: Book, person: Person, to: Person | None) -> Left:
    """A person leaves: no account is theirs any more, and what they had goes to `to`, or rings anew."""
    accounts = book.uow.forget_accounts(person.id)
    book.uow.put_value(REMOVED, " ".join(sorted({*removed(book.uow), person.id})))
    data = {"person": person.id, "accounts": accounts, "said": f"{person.name} was taken out"}
    book.uow.audit(Entry("deskbell", "person_removed", 0, data), book.now)
    had = book.uow.alerts(assignee=person.id, limit=10_000)
    for alert in had:
        _hand_over(book, alert, person, to)
    rotas = tuple(name for name, rota in book.house.rotas.items() if person.id in rota.everybody)
    aimed = f"person:{person.id}"
    policies = tuple(
        name
        for name, policy in book.house.policies.items()
        if any(target.partition(VIA)[0] == aimed for level in policy.every_level for target in level.targets)
    )
    return Left(accounts, tuple(alert.ref for alert in had), rotas, policies)


def _hand_over(book: Book, alert: Alert, person: Person, to: Person | None) -> None:
    after = replace(alert, assignee=to.id if to else "", version=alert.version + 1, updated_at=book.now)
    if to is None:
        after = book.begin(replace(after, status=Status.OPEN, acked_by="", acked_at=None, level=0, rounds=0))
    said = f"{person.name} left: " + (f"it is with {to.name} now" if to else "nobody has it now")
    ring = (to.id,) if to else whom(book, after)
    entry = Entry("deskbell", "hand_over", alert.id, {"said": said, "assignee": after.assignee})
    book.keep(Change(alert, after, said), entry, ring=ring, loud=True)


def restore(book: Book, person: Person) -> None:
    """Back again: may be linked and given alerts as before. Accounts are linked anew."""
    book.uow.put_value(REMOVED, " ".join(sorted(removed(book.uow) - {person.id})))
    data = {"person": person.id, "said": f"{person.name} is back"}
    book.uow.audit(Entry("deskbell", "person_restored", 0, data), book.now)


def reveal(book: Book, alert: Alert, command: Command) -> Answer:
    """Personal data behind an alert, for this person alone; that somebody looked is written down."""
    stored = book.uow.record(alert.source, alert.record_id) if alert.record_id else None
    facts = personal_of(stored.record) if stored else ()
    said = f"{command.actor.name} looked at personal data"
    entry = Entry(command.actor.id, REVEALED, alert.id, {"said": said, "fields": [label for label, _ in facts]})
    book.uow.audit(entry, book.now)
    lines = tuple(f"{label}: {clean(value, 300)}" for label, value in facts)
    title = f"{alert.ref} · for your eyes only"
    reply = Reply(title=title, lines=lines or ("There is nothing personal behind it.",))
    return Answer(True, "done", f"{alert.ref}: shown to you alone, and noted in the audit.", alert, reply=reply)
