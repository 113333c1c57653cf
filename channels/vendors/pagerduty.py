"""PagerDuty, Events API v2: an alert there opens, is acknowledged and is resolved with ours.

https://developer.pagerduty.com/docs/send-alert-event
"""

import re
from dataclasses import dataclass
from datetime import timedelta

from channels.service import RETRY, Address, Again, Call, Notice, Request, Role, Service, at
from deskbell.core.alert import Severity
from deskbell.core.outcome import Fault
from deskbell.core.ports import Limit
from deskbell.core.sizes import Size
from deskbell.net.auth import InRequest

SEVERITIES = {Severity.P1: "critical", Severity.P2: "error", Severity.P3: "warning", Severity.P4: "info"}


@dataclass(frozen=True, slots=True)
class PagerDutyConf:
    base_url: str = "https://events.pagerduty.com"  # in the EU: https://events.eu.pagerduty.com


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
    again=Again.KEY,
    reason=at("errors.0"),
    errors={"400": Fault.PAYLOAD, "403": RETRY},
    limits=(Limit("any", "destination", 110, timedelta(minutes=1)),),  # of about 120 an integration key
    sizes={"payload.summary": Size(1024)},
    acks="acknowledged there",
)
