"""BambooHR: a row in a table of the employee whom an alert is about. https://documentation.bamboohr.com/reference/add-employee-table-row"""

import re
from dataclasses import dataclass, field

from channels.service import Address, Again, Call, Notice, Request, Role, Service, per_second
from deskbell.net.answers import Reply
from deskbell.net.auth import Basic


@dataclass(frozen=True, slots=True)
class BambooHrConf:
    base_url: str  # https://COMPANY.bamboohr.com
    key: str = field(repr=False)  # of somebody who may change that table
    table: str = "customDeskbell"  # a table of employees, made for Deskbell, with these three columns
    date_field: str = "customDate"  # a date
    text_field: str = "customNote"  # a text
    key_field: str = "customKey"  # a text by which Deskbell knows its rows


def row(notice: Notice, conf: BambooHrConf) -> Request:
    day = {conf.date_field: f"{notice.at:%Y-%m-%d}"} if notice.at else {}
    said = {conf.text_field: notice.line, conf.key_field: notice.about}
    return Request(f"/api/v1/employees/{notice.to}/tables/{conf.table}", day | said)


def rows(notice: Notice, conf: BambooHrConf) -> Request:
    employee = notice.record.get("id") or notice.to
    return Request(f"/api/v1/employees/{employee}/tables/{conf.table}", method="GET")


def number(reply: Reply, notice: Notice) -> str:
    """Of our row: making it does not say."""
    found = [one for one in reply.data if notice.about in one.values()] if isinstance(reply.data, list) else []
    return str(found[0]["id"]) if found else ""


def over(notice: Notice, conf: BambooHrConf) -> Request:
    employee, _, row = notice.record["id"].partition("/")
    path = f"/api/v1/employees/{employee}/tables/{conf.table}/{row}"
    return Request(path, {conf.text_field: f"{notice.line} ({notice.said})"})


SERVICE = Service(
    name="bamboohr",
    title="BambooHR",
    roles=frozenset({Role.RECORD}),
    docs="https://documentation.bamboohr.com/reference/add-employee-table-row",
    conf=BambooHrConf,
    auth=lambda conf: Basic(conf.key, "x"),
    address=Address(
        re.compile(r"(\d{1,12})?"), "is empty: whom an alert is about; or one employee's number, to try it"
    ),
    of_person=True,
    # Its number is asked for when it is wanted: a second call might fail after the row was made, and make another one.
    open=Call(row, plain=True, id=lambda _, notice: notice.to),
    close=Call(rows, id=lambda reply, n: f"{n.record['id']}/{number(reply, n)}", then=Call(over, plain=True)),
    find=Call(rows, id=lambda reply, notice: notice.to if number(reply, notice) else ""),
    again=Again.LOOK_UP,
    reason=lambda reply: reply.headers.get("x-bamboohr-error-message", ""),
    limits=per_second(2, "any"),
)
