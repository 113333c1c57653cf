"""An incident, case or catalog task as ServiceNow's Table API writes it, and the case that it is here."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from deskbell.core.records import CASE_DONE, Case, CaseStatus, Priority, Sla
from deskbell.vendors import servicenow as vendor
from pollers.rows import ident, line, mapping, moment, number
from pollers.servicenow_conf import Book, ServiceNowConf, by_us, label_of, status_of


def to_record(raw: Any, conf: ServiceNowConf, book: Book) -> Case:
    """A task as a case. Whatever its fields hold, only a row without a sys_id raises (BadRow)."""
    row = mapping(raw)
    record_id = ident(vendor.ref(row.get("sys_id")), "sys_id")
    agent, group_id = (line(vendor.ref(row.get(name)), 100) for name in ("assigned_to", "assignment_group"))
    group = line(book.groups.get(group_id, ""), 200)
    level = number(row.get("escalation")) or 0
    status = CaseStatus(status_of(row, conf, book))
    updated = moment(row.get("sys_updated_on"))
    requester = line(_named(row, conf, "requester_id"), 100)
    return Case(
        source=conf.name,
        id=record_id,
        number=line(row.get("number"), 100) or record_id,
        status=status,
        status_raw=label_of(row, conf, book),
        subject=line(row.get("short_description")),
        requester=line(book.users.get(requester, ""), 200),
        requester_id=requester,
        contact=line(_named(row, conf, "contact"), 200),
        account_id=line(_named(row, conf, "account_id"), 100),
        team=conf.teams.get(group) or conf.teams.get(group_id) or conf.team,
        zone=conf.zone,
        assignee=line(book.users.get(agent, ""), 200),
        assignee_id=agent,
        group=group,
        group_id=group_id,
        priority=vendor.PRIORITIES.get(line(row.get("priority"), 10), Priority.NORMAL),
        escalated=level >= conf.escalated_from,
        escalation_level=min(max(level, 0), 9) if level >= conf.escalated_from else 0,
        slas=_slas(book.slas.get(record_id, ()), done=status in CASE_DONE),
        created_at=moment(row.get("opened_at")) or moment(row.get("sys_created_on")),
        last_activity_at=book.activity(record_id, updated, ours=by_us(row, conf)) if updated else None,
        updated_at=updated,
        url=address(conf, record_id),
        happenings=book.told.get(record_id, ()),
    )


def _named(row: Mapping[str, Any], conf: ServiceNowConf, ours: str) -> str:
    return vendor.ref(row.get(conf.named.get(ours, "")))


def address(conf: ServiceNowConf, record_id: str) -> str:
    """Where people find the row."""
    return f"{(conf.web_url or conf.base_url).rstrip('/')}/{conf.table}.do?sys_id={quote(record_id, safe='')}"


def unmapped(raw: Any, conf: ServiceNowConf, book: Book) -> list[tuple[str, str]]:
    """What of the row no map knows. A state that is not shown is told as well: a right may be missing."""
    found = []
    if status_of(raw, conf, book) == CaseStatus.UNKNOWN:
        found.append(("state", label_of(raw, conf, book) or "(empty or hidden)"))
    priority = line(raw.get("priority"), 10)
    return found if priority in vendor.PRIORITIES or not priority else [*found, ("priority", priority)]


def _slas(clocks: tuple[Sla, ...], *, done: bool) -> tuple[Sla, ...]:
    """A job of the vendor's stops the clocks of a resolved incident some minutes later; here they stop at once."""
    return tuple(replace(sla, met=True) for sla in clocks) if done else clocks
