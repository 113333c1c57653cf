"""What customers agreed to: who they are by their addresses, the ledger, and STOP and START."""

import hmac
import secrets
from collections.abc import Mapping
from dataclasses import replace

from deskbell.core.customer import Address, Consent, Contact, Customer, Medium, Purpose, agrees
from deskbell.core.ports import Entry
from deskbell.core.store import Reader
from deskbell.desk.book import Book
from deskbell.desk.house import House

_BY = (Medium.MAIL, Medium.TELEGRAM, Medium.PUSH, Medium.WHATSAPP, Medium.SMS)  # the most personal address first


def who(house: House, medium: Medium, address: str) -> str:
    """What the ledger calls an address. It tells nobody the address, and is the same after that was erased."""
    text = f"customer:{medium}:{address}".encode("utf-8", "replace")
    return hmac.digest(house.secret, text, "sha256").hex()[:32]


def agreed(reader: Reader, house: House, addresses: Mapping[Medium, str], purpose: Purpose) -> frozenset[Medium]:
    """The ways that there is a live opt-in for."""
    return frozenset(
        medium for medium, value in addresses.items() if agrees(reader.ledger(who(house, medium, value)), purpose)
    )


# ---------------------------------------------------------------- who it is


def customer_of(book: Book, contact: Contact) -> Customer | None:
    """Whose addresses these are; somebody new where nobody's. None where there are none."""
    if not contact.addresses:
        return None
    known = _known(book, contact)
    if known is None:
        zone, language = contact.zone, contact.language
        known = book.uow.new_customer(Customer(0, language, zone, mark=secrets.token_urlsafe(12)))
    for medium, value in contact.addresses.items():
        if book.uow.address(medium, value) is None:
            book.uow.save_address(Address(known.id, medium, value))
    if contact.language and not known.language:
        known = replace(known, language=contact.language)
        book.uow.save_customer(known)
    return known


def _known(book: Book, contact: Contact) -> Customer | None:
    for medium in _BY:
        value = contact.addresses.get(medium)
        found = book.uow.address(medium, value) if value else None
        customer = book.uow.customer(found.customer) if found else None
        if customer is not None and not _somebody_else(book, customer, contact):
            return customer
    return None


def _somebody_else(book: Book, customer: Customer, contact: Contact) -> bool:
    """Who shares a telephone with somebody is not them: their mail addresses differ."""
    mail = contact.addresses.get(Medium.MAIL)
    theirs = {one.value for one in book.uow.addresses_of(customer.id) if one.medium is Medium.MAIL}
    return bool(mail and theirs and mail not in theirs)


def whose(book: Book, medium: Medium, value: str) -> Customer | None:
    found = book.uow.address(medium, value)
    return book.uow.customer(found.customer) if found else None


# ---------------------------------------------------------------- the ledger


def note(
    book: Book,
    medium: Medium,
    value: str,
    *,
    granted: bool,
    origin: str,
    purpose: str = "",
    proof: str = "",
    actor: str = "deskbell",
) -> Consent:
    """One line more in the ledger, and one in the audit. The address stands in neither."""
    conf = book.house.customers
    entry = Consent(
        who=who(book.house, medium, value),
        medium=medium,
        granted=granted,
        at=book.now,
        purpose=purpose,
        version=conf.version if conf else "",
        origin=origin,
        proof=proof,
        actor=actor,
    )
    book.uow.consent(entry)
    data = {"who": entry.who, "medium": medium.value, "purpose": purpose, "origin": origin, "version": entry.version}
    said = f"{'agreed to' if granted else 'withdrew'} {purpose or 'everything'} by {medium}"
    book.uow.audit(Entry(actor, "consent" if granted else "withdrawal", 0, {**data, "said": said}), book.now)
    return entry


def import_from(book: Book, contact: Contact, source: str, proof: str) -> None:
    """Where a source says that its customers agreed. What they said themselves since then counts more."""
    for medium in contact.opted & contact.addresses.keys():
        value = contact.addresses[medium]
        if not book.uow.ledger(who(book.house, medium, value)):
            note(book, medium, value, granted=True, origin="source", proof=proof or source)
