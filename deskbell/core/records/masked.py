"""A record without what tells who anybody is: as it is kept for a replay long after.

The same name always gets the same mask, so that rules still see whether two records are of one customer or technician.
Masks are keyed: without the secret nobody can try names out. Numbers, ids, statuses, teams and amounts stay.
"""

import hmac
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from functools import cache, lru_cache
from math import degrees
from typing import Any

from deskbell.core.records.kinds import Record
from deskbell.core.records.work import EARTH, Case, Visit, checkin_metres

MASKED = "someone-"
_PURPOSE = b"masks of what is kept for a replay"
_LENGTH = 12  # of a mask, in hex: two names of ten thousand share one once in millions of houses


@lru_cache(maxsize=64)
def _key(secret: bytes) -> bytes:
    return hmac.digest(secret, _PURPOSE, "sha256")


def _token(key: bytes, text: str) -> str:
    return hmac.digest(key, text.encode("utf-8", "replace"), "sha256").hex()[:_LENGTH]


_known = lru_cache(maxsize=8192)  # from one reading of a record to the next hardly a name or text is another


def _alike(text: str) -> str:
    """Names are the same whatever their case: rules compare them so."""
    return text.strip().casefold()


@_known
def mask_name(secret: bytes, text: str) -> str:
    return f"{MASKED}{_token(_key(secret), _alike(text))}" if text.strip() else ""


@_known
def _mail(secret: bytes, text: str) -> str:
    return f"{_token(_key(secret), _alike(text))}@masked.invalid" if text.strip() else ""


@_known
def _text(secret: bytes, text: str) -> str:
    """A rule asks whether somebody is mentioned."""
    token = f"text-{_token(_key(secret), text)}" if text.strip() else ""
    return f"@{token}" if "@" in text else token


def mask_id(secret: bytes, text: str) -> str:
    """A person's id in a system is a number there; where it is an address, it is masked as one."""
    return _mail(secret, text) if "@" in text or " " in text.strip() else text


def _nothing(_secret: bytes, _text: str) -> str:
    return ""


# Each text of each kind of record is in one of these: a test sees to it.
KEPT = frozenset(
    {
        "source", "id", "number", "account_id", "job", "status_raw", "zone", "team", "group", "group_id",
        "cancelled_by", "absent", "plan", "support_status", "currency", "metric",
    }
)  # fmt: skip
_NAMES = ("customer", "contact", "site", "requester", "technician", "assignee", "author", "owner", "approved_by")
_MAILS = ("technician_email", "owner_email", "person_email")
_IDS = ("technician_id", "assignee_id", "author_id", "requester_id", "person_id")
_TEXTS = ("title", "subject", "reason", "text_hint")
HIDDEN: Mapping[str, Callable[[bytes, str], str]] = {
    **dict.fromkeys((*_NAMES, "name", "person"), mask_name),
    **dict.fromkeys(_MAILS, _mail),
    **dict.fromkeys(_IDS, mask_id),
    **dict.fromkeys(_TEXTS, _text),
    **dict.fromkeys(("url", "what"), _nothing),  # no rule asks for them
}


def masked(record: Record, secret: bytes) -> Record:
    """The record as it is kept. A mask of a mask is another one: do it once."""
    found = _hidden(record, secret)
    if isinstance(record, Case) and record.happenings:
        found["happenings"] = tuple(replace(one, **_hidden(one, secret)) for one in record.happenings)
    elif payments := getattr(record, "payments", ()):
        found["payments"] = tuple(replace(one, **_hidden(one, secret)) for one in payments)
    if isinstance(record, Visit):
        found |= _nowhere(record)
    made: Record = replace(record, **found)
    return made


def _hidden(item: Any, secret: bytes) -> dict[str, Any]:
    return {name: mask(secret, value) for name, mask in _masks(item.__class__) if (value := getattr(item, name))}


@cache
def _masks(cls: Any) -> tuple[tuple[str, Callable[[bytes, str], str]], ...]:
    """Those of its fields that are hidden, and how."""
    return tuple((f.name, HIDDEN[f.name]) for f in fields(cls) if f.name in HIDDEN)


def _nowhere(visit: Visit) -> dict[str, float | None]:
    """Of two places on earth, only how far apart they are."""
    try:
        away = checkin_metres(visit)
    except ValueError:  # a place that is nowhere on earth
        away = None
    if away is None:
        return dict.fromkeys(("site_lat", "site_lon", "checkin_lat", "checkin_lon"))
    return {"site_lat": 0.0, "site_lon": 0.0, "checkin_lat": degrees(away / EARTH), "checkin_lon": 0.0}
