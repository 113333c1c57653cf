"""Intercom: a ticket an alert. https://developers.intercom.com/docs/references/rest-api/api.intercom.io/tickets"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from channels.markup import short_html
from channels.service import Address, Again, Call, Notice, Request, Role, Service
from channels.standing import standing, status
from deskbell.core.heard import RecordStatus, Waiting
from deskbell.core.sizes import Size
from deskbell.net.answers import Reply
from deskbell.net.auth import Bearer
from deskbell.vendors.intercom import BASE, MOST_PER_PAGE, VERSION, reason

TITLE, DESCRIPTION = "_default_title_", "_default_description_"


@dataclass(frozen=True, slots=True)
class IntercomConf:
    token: str = field(repr=False)  # the access token of an app
    contact: str  # the id of the contact whose tickets they are: a ticket must be somebody's
    admin: str  # the id of the admin who changes them and writes their notes
    version: str = VERSION  # of the API
    base_url: str = BASE  # in the EU https://api.eu.intercom.io, in Australia https://api.au.intercom.io


def ticket(notice: Notice, conf: IntercomConf) -> Request:
    words = {TITLE: notice.line, DESCRIPTION: f"{notice.about}\n\n{notice.text}"}
    body = {"ticket_type_id": notice.to, "contacts": [{"id": conf.contact}], "ticket_attributes": words}
    return _request("/tickets", conf, body)


def note(notice: Notice, conf: IntercomConf) -> Request:
    body = {"message_type": "note", "type": "admin", "admin_id": conf.admin, "body": short_html(notice.said, notice)}
    return _request(f"/tickets/{notice.record['id']}/reply", conf, body)


def change(notice: Notice, conf: IntercomConf, state: str, *, is_open: bool) -> Request:
    """A state's id where the destination names one; open or closed anyway."""
    named = {"ticket_state_id": notice.options[state]} if state in notice.options else {}
    body = {"open": is_open, "admin_id": conf.admin, **named}
    return _request(f"/tickets/{notice.record['id']}", conf, body, method="PUT")


def newest(notice: Notice, conf: IntercomConf) -> Request:
    since = int(notice.since.timestamp()) if notice.since else 0
    parts = [
        {"field": "ticket_type_id", "operator": "=", "value": notice.to},
        {"field": "created_at", "operator": ">", "value": str(since)},
    ]
    body = {"query": {"operator": "AND", "value": parts}, "pagination": {"per_page": MOST_PER_PAGE}}
    return _request("/tickets/search", conf, body)


def stand(waiting: Waiting, conf: IntercomConf) -> Request:
    which = {"field": "id", "operator": "IN", "value": list(waiting.ids)}
    return _request("/tickets/search", conf, {"query": which, "pagination": {"per_page": MOST_PER_PAGE}})


def stands(row: Mapping[str, Any], _conf: IntercomConf, waiting: Waiting) -> RecordStatus:
    state = row.get("ticket_state") or {}
    if not row["open"] or state.get("category") == "resolved":
        return "resolved"
    return status(state.get("id", ""), waiting.options.get("doing", ""), ())


def found(reply: Reply, notice: Notice) -> str:
    """The one whose description begins with our mark."""
    rows: list[Any] = reply.data.get("tickets", []) if isinstance(reply.data, Mapping) else []
    return next((str(row["id"]) for row in rows if _first_line(row) == notice.about), "")


def _first_line(row: Mapping[str, Any]) -> str:
    return str((row.get("ticket_attributes") or {}).get(DESCRIPTION)).partition("\n")[0]


def _request(path: str, conf: IntercomConf, body: Any, method: str = "POST") -> Request:
    return Request(path, body, method=method, headers={"Intercom-Version": conf.version})


SERVICE = Service(
    name="intercom",
    title="Intercom",
    roles=frozenset({Role.RECORD}),
    docs="https://developers.intercom.com/docs/references/rest-api/api.intercom.io/tickets",
    conf=IntercomConf,
    auth=lambda conf: Bearer(conf.token),
    address=Address(re.compile(r"\d{1,20}"), "is the id of a type of tickets"),
    options={"doing": "the id of the state of what somebody has", "done": "the same of what is over"},
    open=Call(ticket, id="id"),
    note=Call(note),
    progress=Call(lambda notice, conf: change(notice, conf, "doing", is_open=True)),
    reopen=Call(lambda notice, conf: change(notice, conf, "doing", is_open=True)),
    close=Call(lambda notice, conf: change(notice, conf, "done", is_open=False)),
    find=Call(newest, id=found),
    asks=(standing(stand, stands, rows="tickets", by="admin_assignee_id"),),
    again=Again.LOOK_UP,
    reason=reason,
    resets=("x-ratelimit-reset",),
    sizes={f"ticket_attributes.{TITLE}": Size(255), f"ticket_attributes.{DESCRIPTION}": Size(8000)},
)
