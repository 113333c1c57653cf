"""What records have to do with each other: the same technician on the same day, the same customer.

A tie is a text. A record is found by its own ties (`ties_of`), and looks for others by what it seeks (`seeks_of`). That
only helps to find them, at a cost that does not grow with all that is open: `same_person` and `same_customer` then say
whether they are meant, because two people may have one name.
"""

from collections.abc import Iterable
from datetime import date, datetime, timedelta

from deskbell.core.records import Account, Case, Contract, Invoice, Leave, Order, Record, Visit
from deskbell.core.text import local

_KEY = 200
_DAY = timedelta(days=1)
_LONGEST_JOB, _LONGEST_LEAVE = 7, 120  # days; what lasts longer is found by its first ones


def ties_of(record: Record) -> frozenset[str]:
    """By these others find the record."""
    if isinstance(record, Visit):
        return _made(_days(record, record.start, record.end, _LONGEST_JOB), _named("of", record))
    if isinstance(record, Leave):
        return _made(_people("leave", record))
    return _made(_named("account" if isinstance(record, Account | Contract) else "of", record))


def seeks_of(record: Record) -> frozenset[str]:
    """By these it looks for others: a job for the technician's others that day, their leave and its customer's account;
    an account or a contract for what is open of it; a leave for the jobs in that time.
    """
    if isinstance(record, Visit):
        days = _days(record, record.start, record.end, _LONGEST_JOB)
        return _made(days, _people("leave", record), _named("account", record))
    if isinstance(record, Leave):
        return _made(_days(record, record.start, record.end, _LONGEST_LEAVE))
    return _made(_named("of", record)) if isinstance(record, Account | Contract) else frozenset()


def _made(*ties: Iterable[str]) -> frozenset[str]:
    return frozenset(tie[:_KEY] for some in ties for tie in some)


def _days(record: Visit | Leave, start: datetime | None, end: datetime | None, most: int) -> list[str]:
    """The person on each day of the site that it touches."""
    if start is None:
        return []
    first = local(start, record.zone).date()
    last = max(first, local(end, record.zone).date()) if end else first
    days = [first + number * _DAY for number in range(min((last - first).days + 1, most))]
    return [f"{who}@{day}" for who in _people("on", record) for day in map(date.isoformat, days)]


def _people(kind: str, record: Visit | Leave) -> list[str]:
    name, ident, mail = _person(record)
    if ident and not (name or mail):
        return [f"{kind}:id:{record.source}:{ident}"]
    return [
        f"{kind}:{what}:{said.strip().casefold()}" for what, said in (("name", name), ("mail", mail)) if said.strip()
    ]


def _named(kind: str, record: Record) -> list[str]:
    account, name = _customer(record)
    return [
        f"{kind}:{what}:{said.strip().casefold()}" for what, said in (("id", account), ("name", name)) if said.strip()
    ]


def same_person(one: Visit | Leave, other: Visit | Leave) -> bool:
    """By address, else by the id in one system, else by name: whatever both of them tell."""
    (name_a, id_a, mail_a), (name_b, id_b, mail_b) = _person(one), _person(other)
    if mail_a and mail_b:
        return mail_a.casefold() == mail_b.casefold()
    if id_a and id_b and one.source == other.source:
        return id_a == id_b
    return bool(name_a) and name_a.strip().casefold() == name_b.strip().casefold()


def same_customer(one: Record, other: Record) -> bool:
    """By the account's id where both tell it, else by name."""
    (account_a, name_a), (account_b, name_b) = _customer(one), _customer(other)
    if account_a and account_b:
        return account_a.casefold() == account_b.casefold()
    return bool(name_a) and name_a.strip().casefold() == name_b.strip().casefold()


def _person(record: Visit | Leave) -> tuple[str, str, str]:
    """The technician's name, id and address."""
    if isinstance(record, Visit):
        return record.technician, record.technician_id, record.technician_email
    return record.person, record.person_id, record.person_email


def _customer(record: Record) -> tuple[str, str]:
    """The account's id, and the customer's name."""
    if isinstance(record, Account):
        return record.id, record.name
    if isinstance(record, Case):  # its requester is a person, seldom the customer's own name
        return record.account_id, ""
    if isinstance(record, Visit | Order | Invoice | Contract):
        return record.account_id, record.customer
    return "", ""
