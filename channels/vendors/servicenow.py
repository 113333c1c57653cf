"""ServiceNow: an incident an alert. https://www.servicenow.com/docs/r/api-reference/rest-apis/c_TableAPI.html"""

import re
from dataclasses import dataclass, field

from channels.service import Address, Again, Call, Notice, Request, Role, Service, dig
from channels.standing import listed, standing, status
from deskbell.core.alert import Severity
from deskbell.core.heard import Waiting
from deskbell.core.sizes import Size
from deskbell.net.answers import Reply
from deskbell.net.auth import Basic
from deskbell.vendors.servicenow import TABLES, joined, reason, safe

INCIDENTS = f"{TABLES}/incident"
SHOWN = {"sysparm_fields": "sys_id,number"}
# Impact and urgency; the priority is computed from both.
GRADES = {Severity.P1: "1", Severity.P2: "2", Severity.P3: "3", Severity.P4: "3"}


@dataclass(frozen=True, slots=True)
class ServiceNowConf:
    base_url: str  # https://INSTANCE.service-now.com
    user: str  # with the role itil
    password: str = field(repr=False)  # of that user
    doing: str = "2"  # the state of what somebody has
    done: str = "6"  # the state of what is over
    close_code: str = "Solution provided"  # releases differ in what it is called
    web_url: str = ""  # where people see incidents, if that is not base_url


def incident(notice: Notice, _conf: ServiceNowConf) -> Request:
    grade = GRADES[notice.severity]
    body = {"short_description": notice.line, "description": notice.text, "impact": grade, "urgency": grade}
    marks = {"correlation_id": notice.about, "correlation_display": "Deskbell"}
    group = {"assignment_group": notice.to} if notice.to else {}
    return Request(INCIDENTS, body | marks | group, params=SHOWN)


def change(notice: Notice, **fields: str) -> Request:
    return Request(f"{INCIDENTS}/{notice.record['id']}", fields, method="PATCH", params=SHOWN)


def done(notice: Notice, conf: ServiceNowConf) -> Request:
    return change(notice, state=conf.done, close_code=conf.close_code, close_notes=journal(notice.said))


def same(notice: Notice, _conf: ServiceNowConf) -> Request:
    query = joined(f"correlation_id={safe(notice.about)}", "active=true")
    return Request(INCIDENTS, method="GET", params=SHOWN | {"sysparm_query": query, "sysparm_limit": "1"})


def stand(waiting: Waiting, _conf: ServiceNowConf) -> Request:
    shown = {"sysparm_fields": "sys_id,state,sys_updated_by", "sysparm_limit": str(len(waiting.ids))}
    return Request(INCIDENTS, method="GET", params=shown | {"sysparm_query": f"sys_idIN{safe(listed(waiting))}"})


def page(reply: Reply, _notice: Notice) -> str:
    sys_id = dig(reply.data, "result.sys_id") or dig(reply.data, "result.0.sys_id")
    return f"/nav_to.do?uri=incident.do?sys_id={sys_id}" if sys_id else ""


def journal(text: str) -> str:
    """Between [code] and [/code] a journal takes HTML."""
    return re.sub(r"\[(/?code)]", r"(\1)", text, flags=re.IGNORECASE)


SERVICE = Service(
    name="servicenow",
    title="ServiceNow",
    roles=frozenset({Role.RECORD}),
    docs="https://www.servicenow.com/docs/r/api-reference/rest-apis/c_TableAPI.html",
    conf=ServiceNowConf,
    auth=lambda conf: Basic(conf.user, conf.password),
    address=Address(re.compile(r"([0-9a-f]{32})?"), "is the sys_id of an assignment group, or empty"),
    open=Call(incident, id="result.sys_id", url=page),
    note=Call(lambda notice, _: change(notice, work_notes=journal(notice.said))),
    progress=Call(lambda notice, conf: change(notice, state=conf.doing)),
    close=Call(done),
    find=Call(same, id="result.0.sys_id", url=page),
    asks=(
        standing(
            stand,
            lambda row, conf, _: status(row["state"], conf.doing, (conf.done, "7", "8")),
            rows="result",
            id="sys_id",
            name="sys_updated_by",
        ),
    ),
    again=Again.LOOK_UP,
    reason=reason,
    resets=("x-ratelimit-reset",),
    sizes={
        "short_description": Size(160),
        "description": Size(4000),
        "work_notes": Size(4000),
        "close_notes": Size(1000),
    },
)
