"""All kinds of records, and what is asked of any of them."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeVar

from deskbell.core.records.business import Account, Contract, Invoice, Order
from deskbell.core.records.work import Case, Leave, Visit

Record = Visit | Case | Account | Order | Invoice | Contract | Leave
KINDS: Mapping[str, type[Record]] = {
    "visit": Visit,
    "case": Case,
    "account": Account,
    "order": Order,
    "invoice": Invoice,
    "contract": Contract,
    "leave": Leave,
}
KIND_OF: Mapping[type[Record], str] = {cls: kind for kind, cls in KINDS.items()}


def kind_of(record: Record) -> str:
    return KIND_OF[type(record)]


def about(record: Record) -> str:
    """What it is about, as its system has it: a case's subject, a job's title, else whom it is about."""
    names = ("subject", "title", "name", "customer", "person")
    return next((value for name in names if (value := getattr(record, name, ""))), "")


# What may tell who a customer is. `site` is shown in rooms all the same: without it nobody could be sent there.
_CUSTOMER = {"customer": "Customer", "contact": "Contact"}
_PERSONAL: Mapping[str, Mapping[str, str]] = {
    "visit": {**_CUSTOMER, "site": "Site"},
    "case": {"requester": "Requester", "contact": "Contact"},
    "account": {"name": "Name", "contact": "Contact"},
    "order": _CUSTOMER,
    "invoice": _CUSTOMER,
    "contract": _CUSTOMER,
    "leave": {},
}


def personal_of(record: Record) -> tuple[tuple[str, str], ...]:
    """The (label, value) pairs that may tell who somebody is."""
    names = _PERSONAL[kind_of(record)]
    return tuple((label, value) for name, label in names.items() if (value := str(getattr(record, name))))


def unnamed(record: Record) -> Record:
    """The record for rooms that may not know who the customer is."""
    return changed(record, **dict.fromkeys(_PERSONAL[kind_of(record)].keys() - {"site"}, ""))


R = TypeVar("R", bound=Record)


def changed(record: R, **values: Any) -> R:
    return replace(record, **values)
