"""What `deskbell consent` and `deskbell notice` do: beside a running daemon, through the same unit of work."""

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from deskbell.config import Settings
from deskbell.core.customer import OPT_IN, REQUIRED, Consent, Letter, Medium, Purpose, agrees
from deskbell.core.letters import LETTERS, CustomersConf
from deskbell.core.ports import Entry
from deskbell.core.store import Reader
from deskbell.desk import consents
from deskbell.desk.book import Book
from deskbell.desk.contacts import written
from deskbell.faces.letter import LANGUAGES, SAMPLE, Frame
from deskbell.net.clock import wall
from deskbell.parts import open_store

T = TypeVar("T")
BATCH = 1000


class NoCustomers(Exception):
    """The words for whoever asked."""


def conf_of(settings: Settings) -> CustomersConf:
    """Raises NoCustomers where there is none."""
    if settings.house.customers is None:
        raise NoCustomers("There is no section [customers] in the configuration, so that nobody is told anything.")
    return settings.house.customers


def _changed(settings: Settings, what: Callable[[Book], T]) -> T:
    with closing(open_store(settings)) as store:
        return store.write_now(lambda uow: what(Book(uow, settings.house, wall())))


def _read(settings: Settings, what: Callable[[Reader], T]) -> T:
    with closing(open_store(settings)) as store:
        return store.read_now(what)


def address_of(settings: Settings, text: str, medium: str = "") -> tuple[Medium, str]:
    """`sms:+49 30 5550201`, `mail:erika@example.org`, or an address that tells what it is. Raises NoCustomers."""
    conf = conf_of(settings)
    label, colon, value = text.partition(":")
    if colon and label.casefold() in tuple(Medium):
        medium, text = label.casefold(), value
    if medium and medium not in tuple(Medium):
        raise NoCustomers(f"{medium!r} is none of {', '.join(Medium)}.")
    meant = Medium(medium) if medium else Medium.MAIL if "@" in text else Medium.SMS
    found = written(meant, text, conf.region)
    if not found:
        raise NoCustomers(f"{text!r} is no address for {meant}. Say which: sms:+49305550201, mail:erika@example.org.")
    return meant, found


def choose(settings: Settings, text: str, *, granted: bool, purpose: str, proof: str, by: str) -> str:
    """One line more in the ledger; the words for who asked."""
    medium, value = address_of(settings, text)
    if purpose and purpose not in tuple(Purpose):
        raise NoCustomers(f"{purpose!r} is none of {', '.join(Purpose)}.")
    if granted and not proof.strip():
        raise NoCustomers("Say where it can be looked up that they agreed: --proof 'form 7, 2026-11-20'.")
    say = partial(consents.note, granted=granted, origin="staff", purpose=purpose, proof=proof, actor=by)
    _changed(settings, lambda book: say(book, medium, value))
    return f"{value} {'agreed to' if granted else 'withdrew'} {purpose or 'everything'} by {medium}."


def imported(settings: Settings, file: Path, by: str) -> tuple[int, list[str]]:
    """Opt-ins from a CSV file (address, medium, purpose, proof): how many there were, and what was wrong with others.
    Who said STOP is not brought back by a list.
    """
    rows = list(csv.DictReader(io.StringIO(file.read_text(encoding="utf-8-sig"))))
    wrong: list[str] = []

    def work(book: Book) -> int:
        wrong.clear()
        return sum(_import_one(book, settings, row, n, by, wrong) for n, row in enumerate(rows, 2))

    return _changed(settings, work), wrong


def _import_one(
    book: Book, settings: Settings, row: Mapping[str, str | None], line: int, by: str, wrong: list[str]
) -> bool:
    given = {str(key or "").strip().casefold(): str(value or "").strip() for key, value in row.items()}
    try:
        medium, value = address_of(settings, given.get("address", ""), given.get("medium", "").casefold())
    except NoCustomers as error:
        wrong.append(f"line {line}: {error}")
        return False
    purpose, proof = given.get("purpose", "").casefold(), given.get("proof", "")
    if (purpose and purpose not in tuple(Purpose)) or not proof:
        wrong.append(f"line {line}: purpose is service, account or empty; proof says where it can be looked up")
        return False
    if not _may_import(book, medium, value):
        wrong.append(f"line {line}: {medium} was withdrawn by themselves; only they bring it back")
        return False
    consents.note(book, medium, value, granted=True, origin="import", purpose=purpose, proof=proof, actor=by)
    return True


def _may_import(book: Book, medium: Medium, value: str) -> bool:
    ledger = book.uow.ledger(consents.who(book.house, medium, value))
    return not ledger or ledger[-1].granted


def ledger(settings: Settings, text: str = "") -> list[dict[str, Any]]:
    """Every line, or those of one address; with the address where it is still known."""
    wanted = consents.who(settings.house, *address_of(settings, text)) if text else ""
    conf_of(settings)

    def query(reader: Reader) -> list[dict[str, Any]]:
        known = {consents.who(settings.house, one.medium, one.value): one for one in reader.every_address(100_000)}
        rows = reader.ledger(wanted) if wanted else list(_every(reader.whole_ledger))
        return [_row(row, known[row.who].value if row.who in known else "") for row in rows]

    return _read(settings, query)


def _row(row: Consent, address: str) -> dict[str, Any]:
    return {
        "at": row.at.isoformat(), "address": address, "medium": row.medium.value, "purpose": row.purpose or "all",
        "said": "agreed" if row.granted else "withdrew", "version": row.version, "origin": row.origin,
        "proof": row.proof, "by": row.actor, "who": row.who,
    }  # fmt: skip


def _every(page: Callable[[int, int], Sequence[Any]]) -> Iterator[Any]:
    after, rows = 0, page(0, BATCH)
    while rows:
        yield from rows
        after = rows[-1].id
        rows = page(after, BATCH)


def standing(settings: Settings) -> list[dict[str, Any]]:
    """Each address that is known, and what its customer agrees to now."""
    conf_of(settings)

    def query(reader: Reader) -> list[dict[str, Any]]:
        out = []
        for one in reader.every_address(100_000):
            said = reader.ledger(consents.who(settings.house, one.medium, one.value))
            to = [purpose.value for purpose in Purpose if agrees(said, purpose)]
            out.append({
                "customer": one.customer, "medium": one.medium.value, "address": one.value, "agrees_to": to,
                "since": said[-1].at.isoformat() if said else "", "failed": one.failed,
            })  # fmt: skip
        return out

    return _read(settings, query)


def erase(settings: Settings, text: str, by: str) -> str:
    """Forgets the customer behind an address. The ledger's digests, the log and the audit stay whole."""
    medium, value = address_of(settings, text)

    def work(book: Book) -> str:
        customer = consents.whose(book, medium, value)
        if customer is None:
            raise NoCustomers(f"{value} is no customer's address here.")
        letters = book.uow.letters_to(customer.id, limit=10_000)
        gone = book.uow.erase_customer(customer.id)
        data = {"customer": customer.id, "letters": len(letters), "said": "erased a customer's data"}
        book.uow.audit(Entry(by, "erase", 0, data), book.now)
        return f"Customer {customer.id} is erased: {len(letters)} letters, {gone} answers. The audit stays whole."

    return _changed(settings, work)


# ---------------------------------------------------------------- notices


def preview(settings: Settings, name: str, language: str, medium: str) -> dict[str, Any]:
    """The letter with values to look at: as text, as HTML, and how many SMS it is. Raises NoCustomers."""
    conf = conf_of(settings)
    if name not in LETTERS:
        raise NoCustomers(f"There is no notice {name!r}. There are: {', '.join(LETTERS)}.")
    if language not in LANGUAGES:
        raise NoCustomers(f"There are no notices in {language!r}. There are: {', '.join(LANGUAGES)}.")
    basis = REQUIRED if conf.notice(name).required else OPT_IN
    link = f"{settings.server.public_url.rstrip('/')}/c/..." if settings.server.public_url else ""
    meant = Medium(medium) if medium in tuple(Medium) else Medium.MAIL
    letters = settings.house.letters
    mail, sms = (
        letters.write(name, language, SAMPLE, Frame(conf.firm, conf.call, settings.general.zone, to, basis, link))
        for to in (meant, Medium.SMS)
    )
    return {
        "name": name, "language": language, "version": mail.version, "subject": mail.subject, "text": mail.text,
        "html": letters.html(mail), "sms": sms.short, "sms_parts": sms.sms_parts,
    }  # fmt: skip


def log(settings: Settings, number: str = "") -> list[dict[str, Any]]:
    """What customers were told, each letter with its steps; of one case or job, or of all."""

    def query(reader: Reader) -> list[dict[str, Any]]:
        rows: Sequence[Letter] = list(_every(reader.letters))
        wanted = [one for one in rows if not number or one.number.casefold() == number.casefold()]
        return [_logged(reader, one) for one in wanted]

    return _read(settings, query)


def _logged(reader: Reader, letter: Letter) -> dict[str, Any]:
    steps = [
        {**asdict(step), "at": step.at.isoformat(), "stage": step.stage.value, "medium": step.medium or ""}
        for step in reader.letter_steps(letter.id)
    ]
    return {
        "letter": letter.id, "at": letter.created_at.isoformat(), "notice": letter.name, "version": letter.version,
        "about": letter.number, "source": letter.source, "customer": letter.customer, "required": letter.required,
        "by": letter.by or "deskbell", "medium": letter.medium or "", "basis": letter.basis,
        "stage": letter.stage.value, "why": letter.why, "channel": letter.platform, "id": letter.vendor_id,
        "steps": [{key: value for key, value in step.items() if key != "letter"} for step in steps],
    }  # fmt: skip


def as_csv(rows: Sequence[Mapping[str, Any]]) -> str:
    """For a spreadsheet: nothing in it is a formula, whoever wrote it."""
    out = io.StringIO()
    names = [name for name in rows[0] if name != "steps"] if rows else []
    writer = csv.writer(out)
    writer.writerow(names)
    writer.writerows([_cell(row[name]) for name in names] for row in rows)
    return out.getvalue()


def _cell(value: Any) -> str:
    text = " ".join(map(str, value)) if isinstance(value, list) else str(value)
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
