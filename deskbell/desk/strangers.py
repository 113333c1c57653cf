"""Who writes and is no colleague: customers, and a carrier's own words (STOP, START, HELP), whoever sends them."""

from dataclasses import replace
from datetime import timedelta

from deskbell.core.alert import Alert, Change, Severity
from deskbell.core.customer import Customer, Letter, Medium, Purpose, agrees, keyword
from deskbell.core.heard import Meant, Words
from deskbell.core.ports import Entry
from deskbell.core.text import clean
from deskbell.desk import consents
from deskbell.desk.book import Book
from deskbell.desk.contacts import written
from deskbell.faces.letter import Frame

ANSWERS = timedelta(days=14)  # so long after a letter what they write is an answer to it
_TEXT = 500


def wrote(book: Book, channel: str, said: Words, meant: Meant) -> str:
    """Does what a customer asks; the words of the answer, empty where there is none. What comes from somebody who is
    nobody's customer is noted, and shown to nobody.
    """
    key = f"words:{channel}:{said.id or said.text}"
    body = {"about": said.about, "carrier": meant.carrier}  # nothing that tells who it was: this is not erased
    if not book.uow.take_in(key, channel, book.now, body) or (conf := book.house.customers) is None:
        return ""
    wish = {"stop": False, "start": True}.get(meant.carrier, keyword(said.text))
    for medium in book.house.customer_media(channel):
        address = written(medium, said.sender, conf.region)
        if not address:
            continue
        if wish is not None and not _plain_yes(book, medium, address, said.text):
            return _chose(book, medium, address, said, channel, granted=wish)
        if (customer := consents.whose(book, medium, address)) is not None and meant.carrier != "help":
            text = said.text if meant.verb or meant.carrier else meant.rest or said.text
            _answered(book, customer, medium, said, clean(text, _TEXT))
            return ""
    return ""


def _chose(book: Book, medium: Medium, address: str, said: Words, channel: str, *, granted: bool) -> str:
    """STOP and START count for everything that would come to this address, from the next message on."""
    origin = "start" if granted else "stop"
    consents.note(book, medium, address, granted=granted, origin=origin, proof=f"{channel}:{said.id}", actor="customer")
    customer = consents.whose(book, medium, address)
    if customer is None or said.carrier or book.house.customers is None:
        return ""  # the carrier has answered
    conf, letters = book.house.customers, book.house.letters
    language = letters.language(customer.language, conf.language)
    return letters.write("started" if granted else "stopped", language, {}, Frame(conf.firm)).body


def _plain_yes(book: Book, medium: Medium, address: str, text: str) -> bool:
    """Who gets our letters already and says yes means what the letter asked."""
    ledger = book.uow.ledger(consents.who(book.house, medium, address))
    return keyword(text) is True and "start" not in text.casefold() and any(agrees(ledger, one) for one in Purpose)


def _answered(book: Book, customer: Customer, medium: Medium, said: Words, text: str) -> None:
    """Under the card that it belongs to; where there is none, it gets one of its own."""
    letter = _about(book, customer, said)
    if letter is None:
        return
    shown = "" if book.house.hides_customers else text
    alert = _alert(book, letter)
    if alert is None:
        summary = clean(f"Customer answered about {letter.number}" + (f": {shown}" if shown else ""), 118)
        key = f"answer:{letter.source}:{letter.record_id}:{letter.id}"
        book.about_us(key, "customer_answered", Severity.P3, summary, source=letter.source, subject=letter.number)
        return
    what = f"Customer answered by {medium}"
    change = Change(alert, replace(alert, version=alert.version + 1, updated_at=book.now), what, shown)
    kept = {"text": text} if shown else {"words": text}
    data = {"said": what, "letter": letter.id, "customer": customer.id, "medium": medium.value}
    book.keep(change, Entry("customer", "answer", alert.id, data, kept))


def _about(book: Book, customer: Customer, said: Words) -> Letter | None:
    """The letter that it answers: the one it names, else the newest that they were sent."""
    sent = [one for one in book.uow.letters_to(customer.id) if one.vendor_id and book.now - one.created_at < ANSWERS]
    named = [one for one in sent if said.about and one.vendor_id == said.about]
    return next(iter(named or sent), None)


def _alert(book: Book, letter: Letter) -> Alert | None:
    """The letter's own alert, or one that is live on the same record."""
    live = [one for one in book.uow.alerts_of(letter.source, letter.record_id) if one.live]
    own = book.uow.alert(letter.alert_id) if letter.alert_id else None
    return own if own is not None and (own.live or not live) else next(iter(live), None)
