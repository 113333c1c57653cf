"""A work order task of ServiceNow's field service, and the visit that it is here.

https://www.servicenow.com/docs/bundle/zurich-field-service-management/page/product/planning-and-policy/concept/work-order-tasks.html
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from deskbell.core.records import VISIT_DONE, Priority, Visit, VisitStatus
from deskbell.vendors import servicenow as vendor
from pollers.rows import ident, known_zone, line, mapping, measure, moment
from pollers.servicenow_case import address
from pollers.servicenow_conf import Book, ServiceNowConf, label_of, status_of

Column = Callable[[str], Any]


def to_visit(raw: Any, conf: ServiceNowConf, book: Book) -> Visit:
    """A work order task as a visit. Whatever its fields hold, only a row without a sys_id raises (BadRow)."""
    row = mapping(raw)
    record_id = ident(vendor.ref(row.get("sys_id")), "sys_id")
    technician, group_id = (line(vendor.ref(row.get(name)), 100) for name in ("assigned_to", "assignment_group"))
    group = line(book.groups.get(group_id, ""), 200)

    def column(ours: str) -> Any:
        value = row.get(conf.named.get(ours, ""))
        return vendor.ref(value) if isinstance(value, Mapping) else value

    status = _status(VisitStatus(status_of(row, conf, book)), column)
    done = status in VISIT_DONE
    place = (line(column(name), 150) for name in ("site", "street", "city"))
    return Visit(
        source=conf.name,
        id=record_id,
        number=line(row.get("number"), 100) or record_id,
        status=status,
        status_raw=label_of(row, conf, book),
        title=line(row.get("short_description")),
        customer=line(column("customer"), 200),
        contact=line(column("contact"), 200),
        site=", ".join(filter(None, place)),
        zone=known_zone(column("zone"), conf.zone),
        team=conf.teams.get(group) or conf.teams.get(group_id) or conf.team or group,
        technician=line(book.users.get(technician, ""), 200),
        technician_id=technician,
        technician_email=line(column("technician_email"), 200),
        priority=vendor.PRIORITIES.get(line(row.get("priority"), 10), Priority.NORMAL),
        start=moment(column("start")),
        end=moment(column("end")),
        window_start=moment(column("window_start")),
        window_end=moment(column("window_end")),
        eta=moment(column("eta")),
        travel_started_at=moment(column("travel_started_at")),
        arrived_at=moment(column("arrived_at")),
        completed_at=moment(column("completed_at")) if done else None,
        cancelled_at=moment(column("cancelled_at")) if status is VisitStatus.CANCELLED else None,
        cancelled_by=line(column("cancelled_by"), 50).lower(),
        reason=line(column("reason"), 200),
        absent=line(column("absent"), 50).lower(),
        account_id=line(column("account_id"), 100),
        sla_due=None if done else _due(book, record_id),
        site_lat=measure(column("site_lat")),
        site_lon=measure(column("site_lon")),
        updated_at=moment(row.get("sys_updated_on")),
        url=address(conf, record_id),
    )


def _status(status: VisitStatus, column: Column) -> VisitStatus:
    """Who has accepted and set out is on the way, which has no state of its own."""
    on_the_way = moment(column("travel_started_at")) and not moment(column("arrived_at"))
    return VisitStatus.EN_ROUTE if on_the_way and status is VisitStatus.DISPATCHED else status


def _due(book: Book, record_id: str) -> datetime | None:
    """The first of its service clocks that runs out."""
    return min((sla.due_at for sla in book.slas.get(record_id, ()) if not sla.met and not sla.paused), default=None)
