"""Between our dataclasses and rows: the one place that turns times into integers and data into JSON, and back."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from deskbell.core.alert import Alert, Mode, Severity, Status
from deskbell.core.ports import Dispatch, DispatchKind, Lane, Post, SourceState, StoredRecord
from deskbell.core.records import from_data, kind_of, to_data
from storage.sql import Row, storable

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DIGITS = "0123456789"
_KEY = 200  # of a number that goes on for ever, so much is searched for


# ---------------------------------------------------------------- times and JSON


def micros(at: datetime) -> int:
    """Microseconds since 1970. A time without a zone is refused (TypeError), because nobody knows when it is."""
    span = at - _EPOCH
    return (span.days * 86_400 + span.seconds) * 1_000_000 + span.microseconds


def micros_or_none(at: datetime | None) -> int | None:
    return None if at is None else micros(at)


def moment(value: int) -> datetime:
    return _EPOCH + timedelta(microseconds=value)


def moment_or_none(value: int | None) -> datetime | None:
    return None if value is None else _EPOCH + timedelta(microseconds=value)


def dumps(data: Any) -> str:
    """Canonical JSON: sorted keys, no spaces, UTF-8. What orjson refuses (lone surrogates, huge numbers) is mended."""
    try:
        return orjson.dumps(data, option=orjson.OPT_SORT_KEYS).decode()
    except TypeError:
        return orjson.dumps(_mended(data), option=orjson.OPT_SORT_KEYS).decode()


def loads(text: str) -> Any:
    return orjson.loads(text)


def loads_or_empty(text: str) -> Mapping[str, Any]:
    """For columns in which an empty text stands for an empty object."""
    return orjson.loads(text) if text else {}


def _mended(data: Any) -> Any:
    if isinstance(data, Mapping):
        return {storable(str(key)): _mended(value) for key, value in data.items()}
    if isinstance(data, list | tuple | set | frozenset):
        return [_mended(item) for item in data]
    if isinstance(data, int) and not isinstance(data, bool):
        return int(data) if -(2**63) <= data < 2**64 else str(data)
    if data is None or isinstance(data, float | bool | datetime):
        return data
    return storable(str(data))


# ---------------------------------------------------------------- sources and records


def source_values(state: SourceState) -> dict[str, Any]:
    return {
        "name": state.name,
        "cursor": dumps(state.cursor),
        "baseline": state.baseline,
        "rules_hash": state.rules_hash,
        "last_ok_at": micros_or_none(state.last_ok_at),
        "failing_since": micros_or_none(state.failing_since),
        "failures": state.failures,
        "error": state.error,
        "skew_s": state.skew_s,
    }


def source_of(row: Row) -> SourceState:
    name, cursor, baseline, rules_hash, last_ok_at, failing_since, failures, error, skew_s = row
    return SourceState(
        name=name,
        cursor=loads_or_empty(cursor),
        baseline=bool(baseline),
        rules_hash=rules_hash,
        last_ok_at=moment_or_none(last_ok_at),
        failing_since=moment_or_none(failing_since),
        failures=failures,
        error=error,
        skew_s=skew_s,
    )


# `to_data` leaves blanks out, and these have no default to come back by
BLANK = {"source": "", "id": "", "number": "", "status": ""}


def record_values(row: StoredRecord) -> dict[str, Any]:
    record = row.record
    return {
        "source": record.source,
        "record_id": record.id,
        "kind": kind_of(record),
        "number_key": exact_key(record.number),
        "id_key": exact_key(record.id),
        "loose_key": loose_key(record.number),
        "digits": last_digits(record.number),
        "fingerprint": row.fingerprint,
        "data": dumps(to_data(record)),
        "seen_at": micros(row.seen_at),
        "due_at": micros_or_none(row.due_at),
        "done": record.done,
    }


def record_of(row: Row) -> StoredRecord:
    data, seen_at, due_at, fingerprint = row
    return StoredRecord(from_data(BLANK | loads(data)), moment(seen_at), moment_or_none(due_at), fingerprint)


def exact_key(text: str) -> str:
    return text[:_KEY].strip().casefold()


def last_digits(text: str) -> str:
    """`J-4711` and `INC0004711` are both 4711; empty when the text does not end in a digit."""
    whole = text[:_KEY].strip()
    tail = whole[len(whole.rstrip(_DIGITS)) :]
    return tail.lstrip("0") or tail[:1]


def loose_key(text: str) -> str:
    """`INC0004711`, `inc-4711` and `INC 4711` are all inc4711."""
    head = exact_key(text).rstrip(_DIGITS)
    return "".join(char for char in head if char.isalnum()) + last_digits(text)


# ---------------------------------------------------------------- alerts

# The columns in the order of `alert_of`; the id leads.
ALERT_COLUMNS = (
    "id", "key", "rule", "source", "record_id", "subject", "title", "summary", "severity", "opened_at", "updated_at",
    "version", "status", "mode", "stage", "facts", "url", "team", "zone", "policy", "condition", "level", "rounds",
    "escalate_at", "assignee", "acked_by", "acked_at", "snoozed_until", "resolved_by", "resolved_at", "reason",
    "writeback", "parent", "named", "waits",
)  # fmt: skip

_LISTS = ("named", "waits")
_TIMES = frozenset({"opened_at", "updated_at", "escalate_at", "acked_at", "snoozed_until", "resolved_at"})
_ODD = _TIMES | {"id", "facts", "severity", "status", "mode", *_LISTS}
_PLAIN = tuple(name for name in ALERT_COLUMNS if name not in _ODD)


def alert_values(alert: Alert) -> dict[str, Any]:
    """All columns but the id."""
    values = {name: getattr(alert, name) for name in _PLAIN}
    for name in _TIMES:
        values[name] = micros_or_none(getattr(alert, name))
    values["severity"] = int(alert.severity)
    values["status"] = alert.status.value
    values["mode"] = alert.mode.value
    values["facts"] = dumps(alert.facts) if alert.facts else ""
    for name in _LISTS:
        values[name] = dumps(getattr(alert, name)) if getattr(alert, name) else ""
    return values


def alert_of(row: Row) -> Alert:
    values = dict(zip(ALERT_COLUMNS, row, strict=True))
    for name in _TIMES:
        if values[name] is not None:
            values[name] = moment(values[name])
    values["severity"] = Severity(values["severity"])
    values["status"] = Status(values["status"])
    values["mode"] = Mode(values["mode"])
    values["condition"] = bool(values["condition"])
    values["facts"] = tuple((label, value) for label, value in loads(values["facts"])) if values["facts"] else ()
    for name in _LISTS:
        values[name] = tuple(loads(values[name])) if values[name] else ()
    return Alert(**values)


def with_id(alert: Alert, alert_id: int) -> Alert:
    return replace(alert, id=alert_id)


# ---------------------------------------------------------------- outbox

POST_COLUMNS = ("id", "alert_id", "destination", "generation", "wanted", "shown", "ref", "attempts", "unsure_since")
DISPATCH_COLUMNS = (
    "id", "key", "destination", "kind", "payload", "alert_id", "lane", "next_try_at", "attempts", "unsure_since",
)  # fmt: skip


def post_of(row: Row) -> Post:
    ident, alert_id, destination, generation, wanted, shown, ref, attempts, unsure_since = row
    return Post(
        id=ident,
        alert_id=alert_id,
        destination=destination,
        generation=generation,
        wanted=wanted,
        shown=shown,
        ref=loads_or_empty(ref),
        attempts=attempts,
        unsure_since=moment_or_none(unsure_since),
    )


def dispatch_of(row: Row) -> Dispatch:
    ident, key, destination, kind, payload, alert_id, lane, next_try_at, attempts, unsure_since = row
    return Dispatch(
        key=key,
        destination=destination,
        kind=DispatchKind(kind),
        payload=loads(payload),
        alert_id=alert_id or 0,
        lane=Lane(lane),
        not_before=moment(next_try_at),
        id=ident,
        attempts=attempts,
        unsure_since=moment_or_none(unsure_since),
    )
