"""Zendesk Support: a ticket an alert. https://developer.zendesk.com/api-reference/ticketing/tickets/tickets/"""

import re
from dataclasses import dataclass, field
from typing import Any

from channels.markup import short_html
from channels.service import RETRY, Address, Again, Call, Notice, Request, Role, Service, dig
from channels.standing import listed, standing, status
from deskbell.core.alert import Severity
from deskbell.core.sizes import Size
from deskbell.net.answers import Reply
from deskbell.vendors.zendesk import API, login, reason

TICKETS = f"{API}/tickets"
PRIORITIES = {Severity.P1: "urgent", Severity.P2: "high", Severity.P3: "normal", Severity.P4: "low"}


@dataclass(frozen=True, slots=True)
class ZendeskConf:
    base_url: str  # https://SUBDOMAIN.zendesk.com
    user: str  # the e-mail address that the API token belongs to
    token: str = field(repr=False)  # the API token
    doing: str = "open"  # the status of what somebody has
    done: str = "solved"  # the status of what is over
    web_url: str = ""  # where agents see tickets, if that is not base_url


def ticket(notice: Notice, _conf: ZendeskConf) -> Request:
    fields = {
        "subject": notice.line,
        "comment": internal(notice.text, notice),
        "type": "incident",
        "priority": PRIORITIES[notice.severity],
        "external_id": notice.about,
        "tags": ["deskbell"],
    }
    group = {"group_id": int(notice.to)} if notice.to else {}
    return Request(TICKETS, {"ticket": fields | group}, headers={"Idempotency-Key": notice.key})


def internal(text: str, notice: Notice) -> dict[str, Any]:
    return {"html_body": short_html(text, notice), "public": False}


def change(notice: Notice, **fields: Any) -> Request:
    return Request(f"{TICKETS}/{notice.record['id']}", {"ticket": fields}, method="PUT")


def page(reply: Reply, _notice: Notice) -> str:
    number = dig(reply.data, "ticket.id") or dig(reply.data, "tickets.0.id")
    return f"/agent/tickets/{number}" if number else ""


SERVICE = Service(
    name="zendesk",
    title="Zendesk",
    roles=frozenset({Role.RECORD}),
    docs="https://developer.zendesk.com/api-reference/ticketing/tickets/tickets/",
    conf=ZendeskConf,
    auth=lambda conf: login(conf.base_url, conf.user, conf.token, "", ""),
    address=Address(re.compile(r"(\d{1,20})?"), "is the number of a group, or empty"),
    open=Call(ticket, id="ticket.id", url=page),
    note=Call(lambda notice, _: change(notice, comment=internal(notice.said, notice))),
    progress=Call(lambda notice, conf: change(notice, status=conf.doing)),
    reopen=Call(lambda notice, _: change(notice, status="open")),
    close=Call(lambda notice, conf: change(notice, status=conf.done)),
    find=Call(
        lambda notice, _: Request(TICKETS, method="GET", params={"external_id": notice.about}),
        id="tickets.0.id",
        url=page,
    ),
    asks=(
        standing(
            lambda waiting, _: Request(f"{TICKETS}/show_many", method="GET", params={"ids": listed(waiting)}),
            lambda row, conf, _: status(row["status"], conf.doing.replace("open", ""), ("solved", "closed")),
            rows="tickets",
            by="assignee_id",
        ),
    ),
    again=Again.LOOK_UP,  # its own key is forgotten after two hours
    reason=reason,
    errors={"409": RETRY},  # somebody else was changing it
    sizes={"ticket.subject": Size(150)},
)
