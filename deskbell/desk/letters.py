"""Letters to customers: written when a record calls for one, sent by the way they agreed to, followed to their end.

A letter is asked about once more when it is sent: who has withdrawn meanwhile is told nothing. A way that fails for
good is followed by the next one. Whatever becomes of a letter is a line of its log, and what people should know of it
a line of the alert's story.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from deskbell.core.alert import Alert, Mode, Severity
from deskbell.core.customer import (
    ARRIVED,
    OPT_IN,
    REQUIRED,
    Address,
    Customer,
    Letter,
    Medium,
    Message,
    Quiet,
    Stage,
    Step,
    Wishes,
    agrees,
    read_quiet,
    rises,
    ways,
)
from deskbell.core.heard import Rank
from deskbell.core.letters import LETTERS, CustomersConf, said_of, wanted
from deskbell.core.outcome import Fault, Outcome, Retry, Sent
from deskbell.core.ports import CUSTOMERS, Dispatch, DispatchKind, Entry, Lane
from deskbell.core.records import Record
from deskbell.core.rules import Found
from deskbell.core.store import Reader
from deskbell.core.text import clean
from deskbell.desk import consents
from deskbell.desk.book import Book
from deskbell.desk.contacts import contact_of
from deskbell.desk.house import House
from deskbell.faces.letter import Frame, LetterError

WITHDRAWN = "the opt-in was withdrawn"
TOO_LATE = "it was no news any more"
ERASED = "the customer was erased"
_OVERDUE = "notice_overdue"
_WORSE = timedelta(hours=24)  # so long after a notice was overdue it is P1
_STAGES = {Rank.DELIVERED: Stage.DELIVERED, Rank.READ: Stage.READ, Rank.FAILED: Stage.FAILED}
KEY = "letter:"  # begins the key of a letter's dispatch, behind it its number and the way
TEMPLATE = "letter."  # and a version: the words of it, kept under that name


# ---------------------------------------------------------------- when a letter is called for


def follow(book: Book, record: Record, before: Record | None, found: Sequence[Found], *, baseline: bool) -> None:
    """Writes what the customer is to hear of a record. History, and what is only tried out, is told to nobody."""
    conf = book.house.customers
    if conf is None or baseline or book.house.observe:
        return
    for wish in wanted(record, before, found, book.now):
        if book.shadowed(wish.rule) or not conf.notice(wish.name).send or book.uow.letter_known(wish.key):
            continue
        alert = book.uow.newest_by_key(wish.found) if wish.found else _alert_on(book, record)
        write(book, record, wish.name, wish.key, alert_id=alert.id if alert else 0)


def _alert_on(book: Book, record: Record) -> Alert | None:
    return next(iter(book.uow.alerts_of(record.source, record.id)), None)


def write(book: Book, record: Record, name: str, key: str, *, alert_id: int = 0, by: str = "") -> Letter | None:
    """Writes one letter and sends it on its way. None where the customer is unknown, or was told this already."""
    conf = conf_of(book)
    contact, notice, kind = contact_of(record, conf), conf.notice(name), LETTERS[name]
    customer = consents.customer_of(book, contact)
    if customer is None and not (notice.required or by):
        return None
    consents.import_from(book, contact, record.source, conf.origin(record.source).proof)
    letter = Letter(
        key=key,
        customer=customer.id if customer else 0,
        name=name,
        purpose=kind.purpose,
        source=record.source,
        record_id=record.id,
        number=clean(record.number or record.id, 40),
        values=said_of(name, record, book.now),
        created_at=book.now,
        alert_id=alert_id,
        required=notice.required,
        by=by,
        language=customer.language if customer else contact.language,
        zone=(customer.zone if customer else "") or contact.zone or book.house.zone,
        until=None if notice.required else book.now + kind.lasts,
        owed_by=book.now + notice.within if notice.required else None,
        updated_at=book.now,
    )
    number = book.uow.new_letter(letter)
    return None if number is None else send_on(book, replace(letter, id=number), contact.addresses)


def conf_of(book: Book) -> CustomersConf:
    conf = book.house.customers
    if conf is None:
        raise LookupError("there is no section [customers] in the configuration")
    return conf


# ---------------------------------------------------------------- by which way


def send_on(book: Book, letter: Letter, known: Mapping[Medium, str] | None = None) -> Letter:
    """By the best way that is left; where none is, that is what became of it. `known`: the record's addresses."""
    conf, customer = conf_of(book), book.uow.customer(letter.customer)
    addresses = _addresses(book, letter, known)
    agreed = consents.agreed(book.uow, book.house, addresses, letter.purpose)
    wishes = Wishes((customer.order if customer else ()) or conf.order, conf.channels, conf.legal)
    left = [way for way in ways(addresses, agreed, wishes, required=letter.required) if way.medium not in letter.tried]
    if not left:
        return _not_told(book, letter, addresses)
    way, quiet = left[0], quiet_until(book.house, customer, letter.zone, book.now)
    letters = book.house.letters
    frame = Frame(conf.firm, conf.call, letter.zone, way.medium, way.basis, book.house.customer_page(customer))
    language = letters.language(letter.language, conf.origin(letter.source).language, conf.language)
    try:
        written = letters.write(letter.name, language, letter.values, frame)
    except LetterError as error:
        return _not_told(book, replace(letter, tried=tuple(Medium), why=clean(error, 200)), addresses)
    text = written.short if way.medium is Medium.SMS else f"{written.subject}\n\n{written.text}"
    if book.uow.value(TEMPLATE + written.version) is None:
        book.uow.put_value(TEMPLATE + written.version, letters.source(letter.name, language))
    why = f"waits until {quiet:%Y-%m-%d %H:%M} UTC, it is quiet now" if quiet else ""
    after = replace(
        letter, language=language, version=written.version, stage=Stage.QUEUED, medium=way.medium, basis=way.basis,
        why=why, text=text, address=way.address,
    )  # fmt: skip
    _keep(book, after)
    key, severity = f"{KEY}{letter.id}:{way.medium}", Severity.P2 if letter.required else Severity.P3
    payload = {"letter": letter.id}
    dispatch = Dispatch(key, CUSTOMERS + way.medium, DispatchKind.LETTER, payload, 0, Lane.STORY, not_before=quiet)
    book.uow.add_dispatch(dispatch, severity, book.now)
    return after


def _addresses(book: Book, letter: Letter, known: Mapping[Medium, str] | None) -> dict[Medium, str]:
    """As the record has them now; those that were refused for good are left out."""
    if known is None:
        stored = book.uow.record(letter.source, letter.record_id)
        known = contact_of(stored.record, conf_of(book)).addresses if stored else {}
    found = dict(known)
    for one in book.uow.addresses_of(letter.customer):
        found.setdefault(one.medium, one.value)
    return {medium: value for medium, value in found.items() if not _refused(book, medium, value)}


def _refused(book: Book, medium: Medium, value: str) -> bool:
    known = book.uow.address(medium, value)
    return known is not None and known.failed


def quiet_until(house: House, customer: Customer | None, zone: str, now: datetime) -> datetime | None:
    """When they may be told something, if it is quiet there now."""
    own = customer.quiet if customer and customer.quiet is not None else None
    quiet = _quiet(own if own is not None else house.customers.quiet if house.customers else "")
    return quiet.over_at(now, zone) if quiet else None


def _quiet(text: str) -> Quiet | None:
    try:
        return read_quiet(text)
    except ValueError:
        return None


def _not_told(book: Book, letter: Letter, addresses: Mapping[Medium, str]) -> Letter:
    if letter.tried:
        stage, why = Stage.FAILED, letter.why or "no way to them worked"
    elif not addresses:
        stage, why = Stage.WITHHELD, "no address of theirs is known"
    else:
        stage, why = Stage.WITHHELD, "they have not agreed to be told"
    after = replace(letter, stage=stage, why=why)
    _keep(book, after)
    _tell(book, after, f"Customer not told “{LETTERS[letter.name].title}”: {why}")
    return after


# ---------------------------------------------------------------- at the moment of sending


def at_send(reader: Reader, house: House, letter_id: int, now: datetime) -> Message | Outcome:
    """The letter as it goes out, if it still may."""
    letter = reader.letter(letter_id)
    if letter is None or letter.medium is None or house.customers is None or not letter.text:
        return Sent(detail=ERASED, skipped=True)
    if letter.until is not None and letter.until < now:
        return Sent(detail=TOO_LATE, skipped=True)
    ledger = reader.ledger(consents.who(house, letter.medium, letter.address))
    if letter.basis == OPT_IN and not agrees(ledger, letter.purpose):
        return Sent(detail=WITHDRAWN, skipped=True)
    customer = reader.customer(letter.customer)
    if (quiet := quiet_until(house, customer, letter.zone, now)) is not None:
        return Retry("it is quiet there now", quiet - now)
    subject, _, body = letter.text.partition("\n\n") if letter.medium is not Medium.SMS else ("", "", letter.text)
    html = _html(house, letter, customer) if letter.medium is Medium.MAIL else ""
    return Message(letter.address, subject, body, html, letter.number, letter.language, required=letter.required)


def _html(house: House, letter: Letter, customer: Customer | None) -> str:
    conf = house.customers
    frame = Frame(
        conf.firm if conf else "", conf.call if conf else "", letter.zone, Medium.MAIL, letter.basis,
        house.customer_page(customer),
    )  # fmt: skip
    return house.letters.html(house.letters.write(letter.name, letter.language, letter.values, frame))


# ---------------------------------------------------------------- what became of it


def handed_over(book: Book, work: Dispatch, outcome: Sent) -> None:
    letter = _of(book, work)
    if letter is None or letter.medium is None:
        return
    if outcome.skipped:
        _withheld(book, letter, outcome.detail)
        return
    vendor_id = outcome.ref.get("id") or outcome.ref.get("ts") or outcome.ref.get("key", "")
    platform = book.platform(work.destination)
    after = replace(letter, stage=Stage.SENT, why=clean(outcome.detail, 200), platform=platform, vendor_id=vendor_id)
    _keep(book, after)
    law = f", {REQUIRED}" if letter.basis == REQUIRED else ""
    who = f" ({letter.by})" if letter.by else ""
    _tell(book, after, f"Customer told by {letter.medium}{law}: {LETTERS[letter.name].title}{who}")
    known = book.uow.message(platform, outcome.ref.get("id", "")) if outcome.ref.get("id") else None
    if known is not None and known.rank in _STAGES:  # the vendor was faster than we
        heard(book, after, known.rank, known.why, None)


def _withheld(book: Book, letter: Letter, why: str) -> None:
    """Nobody was told by this way: by another one that they still agree to, or not at all."""
    if why == WITHDRAWN and letter.medium is not None:
        send_on(book, replace(letter, tried=(*letter.tried, letter.medium), why=why))
        return
    after = replace(letter, stage=Stage.WITHHELD, why=why)
    _keep(book, after)
    _tell(book, after, f"Customer not told “{LETTERS[letter.name].title}”: {why}")


def failed(book: Book, work: Dispatch, why: str, fault: Fault | None) -> None:
    letter = _of(book, work)
    if letter is not None:
        _lost(book, letter, why, fault)


def heard(book: Book, letter: Letter, rank: Rank, why: str, fault: Fault | None) -> None:
    """A receipt. What arrived after all has arrived, whatever was said before."""
    stage = _STAGES.get(rank)
    if stage is Stage.FAILED and letter.stage is Stage.SENT:
        _lost(book, letter, why or "its vendor does not say why", fault)
    elif stage in ARRIVED and rises(letter.stage, stage):
        after = replace(letter, stage=stage, why="", owed_by=None)
        _keep(book, after)
        book.over(f"told:{letter.id}", "the customer has it")


def receipt(book: Book, work: str, rank: Rank, why: str, fault: Fault | None) -> None:
    """For a message that was a letter: `work` is the key of its dispatch."""
    number, _, medium = work.removeprefix(KEY).partition(":")
    letter = book.uow.letter(int(number)) if number.isdecimal() else None
    if letter is not None and (letter.medium == medium or rank >= Rank.DELIVERED):
        heard(book, letter, rank, why, fault)


def _lost(book: Book, letter: Letter, why: str, fault: Fault | None) -> None:
    medium = letter.medium
    if medium is None:
        return
    why = clean(why, 200)
    if fault is Fault.TARGET:
        book.uow.save_address(Address(letter.customer, medium, letter.address, failed=True), book.now)
    _step(book, replace(letter, stage=Stage.FAILED, why=why))
    send_on(book, replace(letter, tried=(*letter.tried, medium), why=f"{medium}: {why}"))


def _of(book: Book, work: Dispatch) -> Letter | None:
    return book.uow.letter(int(work.payload["letter"]))


# ---------------------------------------------------------------- what had to be told, and was not


def owed(book: Book) -> int:
    """What the law demands and has not arrived in time rings: for compliance, and whoever has the case."""
    found = book.uow.letters_owed(book.now)
    for letter in found:
        first = book.uow.newest_by_key(f"told:{letter.id}") is None
        severity = Severity.P2 if first else Severity.P1
        _ring(book, letter, severity)
        book.uow.save_letter(replace(letter, owed_by=book.now + _WORSE if first else None))
    return len(found)


def _ring(book: Book, letter: Letter, severity: Severity) -> None:
    stood = {Stage.QUEUED: "still waits", Stage.SENT: "was sent, and nobody knows whether it arrived"}
    how = stood.get(letter.stage, f"{letter.stage}: {letter.why}")
    title = LETTERS[letter.name].title
    summary = clean(f"Customer not told in time ({title}): {letter.number}, {how}", 118)
    stored = book.uow.record(letter.source, letter.record_id)
    book.about_us(
        f"told:{letter.id}", _OVERDUE, severity, summary, source=letter.source, subject=letter.number,
        team=getattr(stored.record, "team", "") if stored else "",
    )  # fmt: skip


# ---------------------------------------------------------------- its log


def _keep(book: Book, letter: Letter) -> None:
    book.uow.save_letter(replace(letter, updated_at=book.now))
    _step(book, letter)
    for alert in _shown_on(book, letter):
        book.uow.bump_posts(alert, book.now, Lane.TIDY)


def _step(book: Book, letter: Letter) -> None:
    book.uow.letter_step(Step(letter.id, book.now, letter.stage, letter.medium, letter.why))


def _shown_on(book: Book, letter: Letter) -> set[int]:
    """The alerts whose cards show it."""
    found = book.uow.alerts_of(letter.source, letter.record_id)
    return {alert.id for alert in found if alert.mode is Mode.CARD}


def _tell(book: Book, letter: Letter, said: str) -> None:
    data = {
        "said": said, "letter": letter.id, "customer": letter.customer, "name": letter.name, "version": letter.version,
        "medium": letter.medium or "", "basis": letter.basis, "stage": letter.stage.value,
    }  # fmt: skip
    book.uow.audit(Entry(letter.by or "deskbell", "letter", letter.alert_id, data), book.now)
