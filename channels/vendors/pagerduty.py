"""PagerDuty, Events API v2: an alert there opens, is acknowledged and is resolved with ours.

https://developer.pagerduty.com/docs/send-alert-event
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from channels.service import RETRY, Address, Again, Ask, Call, Notice, Request, Role, Service, at
from deskbell.core.alert import Severity
from deskbell.core.heard import Heard, RecordState, RecordStatus, Waiting
from deskbell.core.outcome import Fault
from deskbell.core.ports import Limit
from deskbell.core.sizes import Size
from deskbell.net.answers import Reply
from deskbell.net.auth import HeaderKey, InRequest
from deskbell.net.inbound import Call as Inbound
from deskbell.net.inbound import Hmac
from deskbell.vendors.hears import Hears

SEVERITIES = {Severity.P1: "critical", Severity.P2: "error", Severity.P3: "warning", Severity.P4: "info"}


@dataclass(frozen=True, slots=True)
class PagerDutyConf:
    base_url: str = "https://events.pagerduty.com"  # in the EU: https://events.eu.pagerduty.com
    token: str = field(default="", repr=False)  # of its REST API, to be asked who has an incident; empty: it is not
    api_url: str = "https://api.pagerduty.com"  # of that API; in the EU: https://api.eu.pagerduty.com


def trigger(notice: Notice, _conf: PagerDutyConf) -> Request:
    payload = {
        "summary": notice.line,
        "source": "Deskbell",
        "severity": SEVERITIES[notice.severity],
        "custom_details": dict(notice.facts),
    }
    links = [{"href": url, "text": text} for url, text in ((notice.link, "Answer"), (notice.url, "The job")) if url]
    return _event("trigger", notice, client="Deskbell", payload=payload, links=links)


def acknowledge(notice: Notice, _conf: PagerDutyConf) -> Request:
    return _event("acknowledge", notice)


def resolve(notice: Notice, _conf: PagerDutyConf) -> Request:
    return _event("resolve", notice)


def _event(action: str, notice: Notice, **more: object) -> Request:
    return Request("/v2/enqueue", {"routing_key": notice.to, "event_action": action, "dedup_key": notice.about} | more)


STATES: Mapping[str, RecordStatus] = {"triggered": "open", "acknowledged": "acked", "resolved": "resolved"}


def incidents(waiting: Waiting, _conf: PagerDutyConf) -> Request:
    params = {"incident_key": waiting.ids[0], "sort_by": "created_at:desc", "limit": "1", "date_range": "all"}
    return Request("/incidents", method="GET", params=params)


def newest(reply: Reply, waiting: Waiting, _conf: PagerDutyConf) -> list[Heard]:
    return [
        RecordState(waiting.ids[0], STATES[row["status"]], **person(row["last_status_change_by"]))
        for row in reply.data["incidents"][:1]
        if row["incident_key"] == waiting.ids[0] and row["last_status_change_by"]["type"].startswith("user")
    ]


def told(call: Inbound, _conf: PagerDutyConf) -> list[Heard]:
    """What people did; what our own events did is told as well, and has no person in it."""
    event = call.data["event"]
    kind, who, data = event["event_type"].removeprefix("incident."), event["agent"], event["data"]
    if kind not in ("acknowledged", "resolved") or not who or not who["type"].startswith("user"):
        return []
    return [RecordState(data["incident_key"], STATES[kind], id=event["id"], **person(who))]


def person(who: Mapping[str, str]) -> dict[str, str]:
    return {"by": who["id"], "name": who.get("summary") or ""}


SERVICE = Service(
    name="pagerduty",
    title="PagerDuty",
    roles=frozenset({Role.NOTIFY, Role.RECORD, Role.ACKNOWLEDGE}),
    docs="https://developer.pagerduty.com/docs/send-alert-event",
    conf=PagerDutyConf,
    auth=lambda _conf: InRequest(""),
    address=Address(re.compile(r"[0-9A-Za-z]{32}"), "is the integration key: 32 letters and digits", secret=True),
    open=Call(trigger, id="dedup_key"),
    progress=Call(acknowledge),
    close=Call(resolve),
    hears=Hears(
        way=lambda _conf: Hmac("x-pagerduty-signature", before="v1=", several=True, unique=True),
        read=told,
        secrets="the secret of its webhook subscription",
        words=False,
    ),
    asks=(
        Ask(
            of="records",
            build=incidents,
            read=newest,
            base=lambda conf, _to: str(conf.api_url),
            auth=lambda conf: HeaderKey("Authorization", f"Token token={conf.token}"),
            ready=lambda conf: bool(conf.token),
        ),
    ),
    again=Again.KEY,
    reason=at("errors.0"),
    errors={"400": Fault.PAYLOAD, "403": RETRY},
    limits=(Limit("any", "destination", 110, timedelta(minutes=1)),),  # of about 120 an integration key
    sizes={"payload.summary": Size(1024)},
    acks="acknowledged there",
)
