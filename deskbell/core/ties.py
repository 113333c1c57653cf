"""What records have in common: the same technician, the same customer.

A tie is a text; two records that share one have to do with each other. It only helps to find them: `same_person` and
`same_customer` then say whether they are meant, because two people may have one name.
"""

from deskbell.core.records import Account, Case, Leave, Record, Visit

_KEY = 200


def ties_of(record: Record) -> frozenset[str]:
    """The ties by which others find this record."""
    found = {*_people(record), *_customers(record)}
    return frozenset(tie[:_KEY] for tie in found)


def _people(record: Record) -> list[str]:
    name, ident, mail = _person(record)
    pairs = [("person", name), ("mail", mail)]
    if ident and not (name or mail):
        pairs = [("id", f"{record.source}:{ident}")]
    return [f"{kind}:{value.strip().casefold()}" for kind, value in pairs if value.strip()]


def _customers(record: Record) -> list[str]:
    account, name = _customer(record)
    pairs = (("account", account), ("customer", name))
    return [f"{kind}:{value.strip().casefold()}" for kind, value in pairs if value.strip()]


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


def _person(record: Record) -> tuple[str, str, str]:
    """The technician's name, id and address."""
    if isinstance(record, Visit):
        return record.technician, record.technician_id, record.technician_email
    if isinstance(record, Leave):
        return record.person, record.person_id, record.person_email
    return "", "", ""


def _customer(record: Record) -> tuple[str, str]:
    """The account's id, and the customer's name."""
    if isinstance(record, Account):
        return record.id, record.name
    if isinstance(record, Leave):
        return "", ""
    # A case's requester is a person, seldom the customer's own name.
    return record.account_id, "" if isinstance(record, Case) else record.customer
