"""The staff tell a customer something: which notices there are with what each would say, and the one that they chose.

What is sent is always a letter of ours. Nothing that anybody types here reaches a customer.
"""

from deskbell.core import button
from deskbell.core.alert import Alert, Command, Refusal, Verb
from deskbell.core.card import Button, Reply
from deskbell.core.customer import OPT_IN, REQUIRED, Letter, Medium, Stage
from deskbell.core.letters import Kind, by_hand, said_of
from deskbell.core.ports import Answer, Entry
from deskbell.core.records import Record
from deskbell.core.text import clean, cut
from deskbell.desk import letters
from deskbell.desk.book import Book
from deskbell.desk.contacts import contact_of
from deskbell.faces.letter import Frame

_SAID = 300  # of what was sent, so much is shown again
NO_CUSTOMERS = "Customers are told nothing here: the configuration has no [customers]."


def tell(book: Book, alert: Alert, command: Command) -> Answer | Refusal:
    """Without a notice: what each would say, with a button to send it. With one: it is sent."""
    if book.house.customers is None:
        return Refusal("customers", NO_CUSTOMERS)
    stored = book.uow.record(alert.source, alert.record_id) if alert.record_id else None
    kinds = by_hand(stored.record) if stored else ()
    if stored is None or not kinds:
        return Refusal("customers", f"There is no customer behind {alert.ref}, so that nobody can be told.")
    wanted = str(command.args.get("notice", "")) or _chosen(command, kinds)
    if not wanted:
        return _previews(book, alert, stored.record, kinds)
    kind = _named(wanted, kinds)
    if kind is None:
        known = ", ".join(one.name for one in kinds)
        return Refusal("notice", f"There is no notice “{clean(wanted, 40)}” for this. There are: {known}.")
    return _send(book, alert, stored.record, kind, command)


def _chosen(command: Command, kinds: tuple[Kind, ...]) -> str:
    """The buttons below the previews are numbered; the one on the card is not."""
    number = str(command.args.get("choice", "0"))
    return kinds[int(number) - 1].name if number.isdecimal() and 0 < int(number) <= len(kinds) else ""


def _named(wanted: str, kinds: tuple[Kind, ...]) -> Kind | None:
    """`visit_late`, or `late`."""
    word = wanted.casefold().replace(" ", "_").replace("-", "_")
    found = [one for one in kinds if word == one.name] or [one for one in kinds if one.name.endswith(f"_{word}")]
    return found[0] if len(found) == 1 else None


def _previews(book: Book, alert: Alert, record: Record, kinds: tuple[Kind, ...]) -> Answer:
    """For this person alone, in the customer's language."""
    lines = [f"{kind.title}: {_preview(book, record, kind)}" for kind in kinds]
    secret = book.house.secret
    buttons = tuple(
        Button(Verb.TELL, f"Send: {kind.title}"[:75], button.sign(secret, Verb.TELL, alert.id, number))
        for number, kind in enumerate(kinds, 1)
    )
    title = f"{alert.ref} \u00b7 what the customer would read"
    reply = Reply(title=title, lines=tuple(lines), buttons=buttons)
    return Answer(True, "done", "Nothing is sent yet: choose what to send.", alert, reply=reply)


def _preview(book: Book, record: Record, kind: Kind) -> str:
    conf = letters.conf_of(book)
    contact, words = contact_of(record, conf), book.house.letters
    basis = REQUIRED if conf.notice(kind.name).required else OPT_IN
    frame = Frame(conf.firm, conf.call, contact.zone or book.house.zone, Medium.SMS, basis)
    language = words.language(contact.language, conf.language)
    return words.write(kind.name, language, said_of(kind.name, record, book.now), frame).body


def _send(book: Book, alert: Alert, record: Record, kind: Kind, command: Command) -> Answer:
    actor = command.actor
    key = f"hand:{alert.id}:{kind.name}:{book.now.isoformat()}"
    said = f"{actor.name} sent the customer “{kind.title}”"
    data = {"said": said, "name": kind.name, **dict(command.origin)}
    book.uow.audit(Entry(actor.id, Verb.TELL, alert.id, data), book.now)
    letter = letters.write(book, record, kind.name, key, alert_id=alert.id, by=actor.id)
    if letter is None or letter.stage is Stage.WITHHELD:
        why = letter.why if letter else "they were told just now"
        return Answer(False, "withheld", f"{alert.ref}: the customer was told nothing, because {why}.", alert)
    return Answer(True, "done", f"{alert.ref}: {_on_its_way(letter)}", alert)


def _on_its_way(letter: Letter) -> str:
    waits = f" It {letter.why}." if letter.why else ""
    return f"the customer is told by {letter.medium}.{waits} They read: {cut(letter.text, _SAID)}"
