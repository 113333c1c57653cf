"""A customer's own page, where the link in a letter leads: what they were told, what they agree to, and how."""

import hmac
from dataclasses import replace

from deskbell.core.customer import (
    Address,
    Choice,
    Customer,
    Medium,
    OwnPage,
    OwnWay,
    Purpose,
    Told,
    agrees,
    hint_of,
    read_quiet,
)
from deskbell.core.letters import LETTERS
from deskbell.core.ports import Entry
from deskbell.core.store import Reader
from deskbell.desk import consents
from deskbell.desk.book import Book
from deskbell.desk.house import House, page_token
from deskbell.faces.letter import LANGUAGES, SAMPLE, Frame

_TOLD = 30  # letters, the newest
_LONGEST = 80  # characters of a token


def whose(reader: Reader, house: House, token: str) -> Customer | None:
    """None for a link that is none of ours, or whose customer was erased."""
    number, _, _ = token.partition(".")
    if len(token) > _LONGEST or not token.isascii() or not number or house.customers is None:
        return None
    try:
        customer = reader.customer(int(number, 16)) if len(number) <= 15 else None
    except ValueError:
        return None
    same = customer is not None and hmac.compare_digest(page_token(house.secret, customer), token)
    return customer if same else None


def shown(reader: Reader, house: House, token: str) -> OwnPage | None:
    customer = whose(reader, house, token)
    if customer is None or house.customers is None:
        return None
    conf = house.customers
    order = customer.order or conf.order
    ways = tuple(_way(reader, house, one.medium, one.value, failed=one.failed) for one in _addresses(reader, customer))
    quiet = conf.quiet if customer.quiet is None else customer.quiet
    language = house.letters.language(customer.language, conf.language)
    told = tuple(
        Told(one.created_at, _subject(house, one.name, language, one.number, one.text), one.medium, one.stage)
        for one in reader.letters_to(customer.id, _TOLD)
    )
    first = next((medium for medium in order if any(way.medium is medium for way in ways)), "")
    return OwnPage(conf.firm, language, customer.zone or house.zone, ways, first, quiet, told)


def _addresses(reader: Reader, customer: Customer) -> list[Address]:
    return sorted(reader.addresses_of(customer.id), key=lambda one: list(Medium).index(one.medium))


def _way(reader: Reader, house: House, medium: Medium, value: str, *, failed: bool) -> OwnWay:
    ledger = reader.ledger(consents.who(house, medium, value))
    return OwnWay(
        medium, hint_of(medium, value), frozenset(one for one in Purpose if agrees(ledger, one)), failed=failed
    )


def _subject(house: House, name: str, language: str, number: str, text: str) -> str:
    """As it was sent; of one that had none, or was not sent, what it is called."""
    subject, blank, _ = text.partition("\n\n")
    if blank:
        return subject
    if name not in LETTERS:
        return number
    frame = Frame(house.customers.firm if house.customers else "")
    return house.letters.write(name, language, {**SAMPLE, "number": number}, frame).subject


def choose(book: Book, token: str, choice: Choice) -> bool:
    """Keeps what they chose: the ledger gets a line for each thing that is another one now."""
    customer = whose(book.uow, book.house, token)
    if customer is None:
        return False
    for one in _addresses(book.uow, customer):
        _agree(book, customer, one.medium, one.value, choice)
    first = [medium for medium in Medium if medium == choice.first]
    order = (*first, *(medium for medium in customer.order if medium not in first))
    after = replace(
        customer,
        order=order,
        language=choice.language if choice.language in LANGUAGES else customer.language,
        quiet=choice.quiet if _is_quiet(choice.quiet) else customer.quiet,
    )
    if after != customer:
        book.uow.save_customer(after)
        data = {"customer": customer.id, "said": "a customer changed how they like to be told"}
        book.uow.audit(Entry("customer", "preferences", 0, data), book.now)
    return True


def _agree(book: Book, customer: Customer, medium: Medium, value: str, choice: Choice) -> None:
    ledger = book.uow.ledger(consents.who(book.house, medium, value))
    for purpose in Purpose:
        granted = (medium, purpose) in choice.agrees
        if granted != agrees(ledger, purpose):
            proof = f"page of customer {customer.id}"
            consents.note(
                book, medium, value, granted=granted, origin="page", purpose=purpose, proof=proof, actor="customer"
            )


def _is_quiet(text: str) -> bool:
    try:
        read_quiet(text)
    except ValueError:
        return False
    return True
