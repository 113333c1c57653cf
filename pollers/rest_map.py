"""A row of any JSON API as a record of any kind, by the expressions of its configuration."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from functools import partial
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

import jmespath
from jmespath.exceptions import JMESPathError

from deskbell.core.records import (
    CASE_CLOCK_STOPPED,
    CASE_DONE,
    KINDS,
    STATUSES,
    Payment,
    Priority,
    Record,
    Sla,
    amounts_of,
    days_of,
    moments_of,
)
from pollers.rest_conf import SLA_FIELDS, Described, filled
from pollers.rows import amount, day, flag, ident, known_zone, line, mapping, measure, moment, number

# Words that many systems use; the configuration's own map goes before them.
_WORDS: Mapping[str, str] = {
    "canceled": "cancelled",
    "customer_not_home": "no_show",
    "customer_no_show": "no_show",
    "missed": "no_show",
    "noshow": "no_show",
    "missed_in": "no_show",
    "closed_incomplete": "cannot_complete",
    "rejected": "cannot_complete",
    "on_route": "en_route",
    "traveling": "en_route",
    "travelling": "en_route",
    "on_my_way": "en_route",
    "arrived": "on_site",
    "working": "on_site",
    "in_progress": "on_site",
    "work_in_progress": "on_site",
    "hold": "paused",
    "on_hold": "paused",
    "on_break": "paused",
    "done": "completed",
    "complete": "completed",
    "closed_complete": "completed",
    "assigned": "scheduled",
    "upcoming": "scheduled",
    "needs_scheduling": "unscheduled",
}
_PRIORITY_WORDS: Mapping[str, Priority] = {
    "critical": Priority.URGENT,
    "emergency": Priority.URGENT,
    "medium": Priority.NORMAL,
    "moderate": Priority.NORMAL,
}
_CUSTOMER = frozenset({"customer", "client", "requester", "caller", "user", "tenant"})
_COMPANY = frozenset({"company", "staff", "office", "dispatcher", "system", "pro", "admin", "technician", "agent"})
_PLAIN_PATH = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", re.ASCII)
_WORD_LIMITS = {"title": 500, "subject": 500, "reason": 500, "url": 1000}
_PAYMENTS = 30  # the newest of an invoice; no rule asks for older ones


def same_activity(_record_id: str, changed_at: datetime) -> datetime:
    return changed_at


@dataclass(frozen=True, slots=True)
class Plan:
    """A configuration with its expressions compiled, once. `items` and `item`: where rows are in an answer."""

    conf: Described
    expressions: Mapping[str, Any]
    items: Any
    item: Any
    convert: Mapping[str, Callable[[Any], Any]]  # what makes a field's value of an expression's
    statuses: Mapping[str, str]
    priorities: Mapping[str, str]
    zone: ZoneInfo

    def value(self, raw: Any, name: str) -> Any:
        """What the row has for a field; nothing where its shape is not what the expression expects."""
        return found(self.expressions.get(name), raw)


def plan_of(conf: Described, items: str = "@", item: str = "@") -> Plan:
    return Plan(
        conf=conf,
        expressions={name: _expression(text) for name, text in conf.fields.items()},
        items=jmespath.compile(items),
        item=jmespath.compile(item),
        convert=_converters(KINDS[conf.records], ZoneInfo(conf.zone)),
        statuses={**_WORDS} | {word(key): value for key, value in conf.status_map.items()},
        priorities={**_PRIORITY_WORDS} | {word(key): value for key, value in conf.priority_map.items()},
        zone=ZoneInfo(conf.zone),
    )


@dataclass(frozen=True, slots=True)
class _Path:
    """`site.address`, as most expressions are: what jmespath finds there, in a tenth of its time."""

    names: tuple[str, ...]

    def search(self, raw: Any) -> Any:
        for name in self.names:
            if not isinstance(raw, dict):
                return None
            raw = raw.get(name)
        return raw


def _expression(text: str) -> Any:
    compiled = jmespath.compile(text)
    return _Path(tuple(text.split("."))) if _PLAIN_PATH.fullmatch(text) else compiled


def found(expression: Any, raw: Any) -> Any:
    if expression is None:
        return None
    try:
        return expression.search(raw)
    except (JMESPathError, TypeError, ValueError, RecursionError):
        return None


def to_record(raw: Any, plan: Plan, activity: Callable[[str, datetime], datetime] = same_activity) -> Record:
    """A row as a record. Whatever its fields hold, only a row without an id raises (BadRow)."""
    row, conf = mapping(raw), plan.conf
    record_id = ident(plan.value(row, "id"))
    team = line(plan.value(row, "team"), 100)
    values = {name: plan.convert[name](plan.value(row, name)) for name in conf.fields if name not in _SPECIAL}
    values |= {
        "source": conf.name,
        "id": record_id,
        "number": line(plan.value(row, "number"), 100) or record_id,
        "status": status_of(row, plan),
        "status_raw": line(plan.value(row, "status_raw") or plan.value(row, "status"), 100),
        "zone": known_zone(plan.value(row, "zone"), conf.zone),
        "team": conf.teams.get(team) or team or conf.team,
    }
    values["url"] = _url(values, conf)
    if conf.records in ("visit", "case"):
        values["priority"] = priority_of(row, plan) or Priority.NORMAL
    if conf.records == "visit":
        values = _visit(values)
    if conf.records == "case":
        values = _case(values, row, plan, activity)
    record: Record = KINDS[conf.records](**values)
    return record


_SPECIAL = frozenset({"id", "number", "status", "status_raw", "priority", "zone", "team", *SLA_FIELDS})


def unmapped(raw: Any, plan: Plan) -> list[tuple[str, str]]:
    """What of the row no map knows."""
    status = [] if status_of(raw, plan) != "unknown" else [("status", line(plan.value(raw, "status"), 100))]
    unknown_priority = plan.value(raw, "priority") is not None and priority_of(raw, plan) is None
    return status + ([("priority", line(plan.value(raw, "priority"), 100))] if unknown_priority else [])


def word(raw: Any) -> str:
    """`In Progress`, `in-progress` and `in_progress` are one word."""
    return re.sub(r"[\s_-]+", "_", line(raw, 100).strip().lower())


def status_of(row: Any, plan: Plan) -> StrEnum:
    raw = word(plan.value(row, "status"))
    mapped = plan.statuses.get(raw, raw)
    words = STATUSES[plan.conf.records]
    return words(mapped) if mapped in set(words) else words("unknown")


def priority_of(row: Any, plan: Plan) -> Priority | None:
    raw = word(plan.value(row, "priority"))
    try:
        return Priority(plan.priorities.get(raw, raw))
    except ValueError:
        return None


def _converters(cls: type[Record], zone: ZoneInfo) -> dict[str, Callable[[Any], Any]]:
    by_type: dict[Any, Callable[[Any], Any]] = {bool: flag, int: _count, float | None: measure}
    made = {f.name: by_type.get(f.type) or _text(f.name) for f in fields(cls)}
    made |= dict.fromkeys(moments_of(cls), lambda value: moment(value, zone))
    made |= {f.name: partial(_payments, zone) for f in fields(cls) if f.name == "payments"}
    return made | dict.fromkeys(days_of(cls), day) | dict.fromkeys(amounts_of(cls), amount)


def _payments(zone: ZoneInfo, value: Any) -> tuple[Payment, ...]:
    """The newest of them, oldest first, each once."""
    once = {one.id: one for one in _each_payment(value if isinstance(value, list) else [], zone)}
    return tuple(sorted(once.values(), key=lambda one: (one.at, one.id))[-_PAYMENTS:])


def _each_payment(rows: list[Any], zone: ZoneInfo) -> Iterator[Payment]:
    """What has an id and a time; anything else can't be told from the next one."""
    for row in rows:
        if not isinstance(row, Mapping):
            continue
        payment_id, at = line(row.get("id"), 100), moment(row.get("at"), zone)
        if payment_id and at is not None:
            reason = line(row.get("reason"), _WORD_LIMITS["reason"])
            yield Payment(payment_id, at, amount(row.get("amount")), flag(row.get("failed")), reason)


def _count(value: Any) -> int:
    return min(max(number(value) or 0, 0), 9)


def _text(name: str) -> Callable[[Any], str]:
    limit = _WORD_LIMITS.get(name, 200)
    return lambda value: line(value, limit)


def _visit(values: dict[str, Any]) -> dict[str, Any]:
    for name in ("cancelled_by", "absent"):
        values[name] = _side(values.get(name, ""), "company" if name == "cancelled_by" else "technician")
    return values


def _side(raw: str, ours: str) -> str:
    said = word(raw)
    if said in _CUSTOMER:
        return "customer"
    return ours if said in _COMPANY else ""


def _case(
    values: dict[str, Any], row: Any, plan: Plan, activity: Callable[[str, datetime], datetime]
) -> dict[str, Any]:
    status = values["status"]
    done, paused = status in CASE_DONE, status in CASE_CLOCK_STOPPED - CASE_DONE
    due = ((metric, moment(plan.value(row, name), plan.zone)) for name, metric in SLA_FIELDS.items())
    values["slas"] = tuple(
        Sla(metric, at, done, paused, values.get("created_at")) for metric, at in due if at is not None
    )
    if "last_activity_at" not in plan.conf.fields and (updated := values.get("updated_at")) is not None:
        values["last_activity_at"] = activity(values["id"], updated)
    return values


def _url(values: Mapping[str, Any], conf: Described) -> str:
    if conf.web_url:
        return str(filled(conf.web_url, {name: quote(values[name], safe="") for name in ("id", "number")}))
    given = str(values.get("url", ""))
    return given if given.startswith(("https://", "http://")) else ""
