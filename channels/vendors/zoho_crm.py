"""Zoho CRM: a case an alert, known by a field of its own. https://www.zoho.com/crm/developer/docs/api/v8/upsert-records.html"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from channels.service import RETRY, Address, Again, Call, Notice, Request, Role, Service, at
from channels.standing import listed, standing, status
from deskbell.core.alert import Severity
from deskbell.core.outcome import Fault
from deskbell.core.sizes import Size
from deskbell.net.answers import Reply
from deskbell.vendors.zoho_crm import ACCOUNTS, API, BASE, FAULTS, LIMITS, login, reason

CASES = f"{API}/Cases"
PRIORITIES = {Severity.P1: "High", Severity.P2: "High", Severity.P3: "Medium", Severity.P4: "Low"}
SEEN = "Status,Modified_By"
STRANGE_ID = "INVALID_DATA id"


@dataclass(frozen=True, slots=True)
class ZohoCrmConf:
    client_id: str  # of a self client
    client_secret: str = field(repr=False)  # its secret
    refresh_token: str = field(repr=False)  # with the scope ZohoCRM.modules.ALL
    key_field: str = "Alert_Key"  # a field of cases without duplicates, made for Deskbell
    new: str = "New"  # the status of what nobody has yet
    doing: str = "On Hold"  # the status of what somebody has
    done: str = "Closed"  # the status of what is over
    origin: str = "Web"  # where cases say they are from: one of the account's words
    base_url: str = BASE  # of the data centre: https://www.zohoapis.eu ...
    accounts_url: str = ACCOUNTS  # where tokens come from, of the same data centre
    web_url: str = "https://crm.zoho.com"  # where people see cases: https://crm.zoho.eu ...


def case(notice: Notice, conf: ZohoCrmConf) -> Request:
    row: dict[str, Any] = {
        "Subject": notice.line,
        "Description": notice.text,
        "Status": conf.new,
        "Case_Origin": conf.origin,
        "Priority": PRIORITIES[notice.severity],
        conf.key_field: notice.about,
    }
    row |= {"Owner": {"id": notice.to}} if notice.to else {}
    return Request(f"{CASES}/upsert", {**_rows(row), "duplicate_check_fields": [conf.key_field]})


def note(notice: Notice, _conf: ZohoCrmConf) -> Request:
    parent = {"module": {"api_name": "Cases"}, "id": notice.record["id"]}
    return Request(f"{API}/Notes", _rows({"Parent_Id": parent, "Note_Title": "Deskbell", "Note_Content": notice.said}))


def change(notice: Notice, status: str) -> Request:
    return Request(f"{CASES}/{notice.record['id']}", _rows({"Status": status}), method="PUT")


def _rows(row: Mapping[str, Any]) -> dict[str, Any]:
    """Without its workflows: what Deskbell writes must set off nothing."""
    return {"data": [row], "trigger": []}


def code(reply: Reply) -> str:
    """Of the one record that was sent: a success may hold its failure."""
    if at("data.0.status")(reply) != "error":
        return "" if reply.ok else at("code")(reply)
    said = at("data.0.code")(reply)
    return STRANGE_ID if (said, at("data.0.details.api_name")(reply)) == ("INVALID_DATA", "id") else said


SERVICE = Service(
    name="zoho_crm",
    title="Zoho CRM",
    roles=frozenset({Role.RECORD}),
    docs="https://www.zoho.com/crm/developer/docs/api/v8/upsert-records.html",
    conf=ZohoCrmConf,
    auth=lambda conf: login(conf.accounts_url, conf.client_id, conf.client_secret, conf.refresh_token),
    address=Address(re.compile(r"(\d{1,25})?"), "is the id of the user who gets the cases, or empty"),
    open=Call(case, id="data.0.details.id", url=lambda reply, _: f"/crm/tab/Cases/{at('data.0.details.id')(reply)}"),
    note=Call(note),
    progress=Call(lambda notice, conf: change(notice, conf.doing)),
    reopen=Call(lambda notice, conf: change(notice, conf.new)),
    close=Call(lambda notice, conf: change(notice, conf.done)),
    asks=(
        standing(
            lambda waiting, _: Request(CASES, method="GET", params={"ids": listed(waiting), "fields": SEEN}),
            lambda row, conf, _: status(row["Status"], conf.doing, (conf.done,)),
            rows="data",
            by="Modified_By.id",
            name="Modified_By.name",
        ),
    ),
    again=Again.KEY,
    code=code,
    reason=reason,
    errors={**FAULTS, **dict.fromkeys(LIMITS, RETRY), STRANGE_ID: Fault.TARGET},
    sizes={"data.*.Subject": Size(255), "data.*.Description": Size(32_000), "data.*.Note_Content": Size(32_000)},
)
