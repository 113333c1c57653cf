"""HubSpot: a ticket an alert, known by a property of its own.

https://developers.hubspot.com/docs/api-reference/crm-tickets-v3/guide
"""

import re
from dataclasses import dataclass, field
from datetime import timedelta

from channels.markup import short_html
from channels.service import RETRY, Address, Again, Call, Notice, Request, Role, Service, at
from channels.standing import standing, status
from deskbell.core.alert import Severity
from deskbell.core.heard import Waiting
from deskbell.core.outcome import Fault
from deskbell.core.ports import Limit
from deskbell.core.sizes import Size
from deskbell.net.answers import Reply
from deskbell.net.auth import Bearer
from deskbell.vendors.hubspot import BASE, NOTE_TYPES, VERSION, path_of, reason

PRIORITIES = {Severity.P1: "HIGH", Severity.P2: "HIGH", Severity.P3: "MEDIUM", Severity.P4: "LOW"}


@dataclass(frozen=True, slots=True)
class HubSpotConf:
    token: str = field(repr=False)  # a service key, with the scope tickets
    key_property: str = "alert_key"  # a property of tickets with unique values, made for Deskbell
    new: str = "1"  # the stage of what nobody has yet
    doing: str = "3"  # the stage of what somebody has
    done: str = "4"  # the stage of what is over
    version: str = VERSION  # of the API
    base_url: str = BASE


def ticket(notice: Notice, conf: HubSpotConf) -> Request:
    properties = {
        "subject": notice.line,
        "content": notice.text,
        "hs_pipeline": notice.to,
        "hs_pipeline_stage": conf.new,
        "hs_ticket_priority": PRIORITIES[notice.severity],
        conf.key_property: notice.about,
    }
    known = {"idProperty": conf.key_property, "id": notice.about}
    path = path_of(conf.version, "objects/tickets/batch/upsert")
    return Request(path, {"inputs": [{**known, "properties": properties}]})


def note(notice: Notice, conf: HubSpotConf) -> Request:
    kind = {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": NOTE_TYPES["tickets"]}
    when = f"{notice.at:%Y-%m-%dT%H:%M:%SZ}"
    body = {
        "properties": {"hs_note_body": short_html(notice.said, notice), "hs_timestamp": when},
        "associations": [{"to": {"id": notice.record["id"]}, "types": [kind]}],
    }
    return Request(path_of(conf.version, "objects/notes"), body)


def move(notice: Notice, conf: HubSpotConf, stage: str) -> Request:
    path = path_of(conf.version, f"objects/tickets/{notice.record['id']}")
    return Request(path, {"properties": {"hs_pipeline_stage": stage}}, method="PATCH")


def stand(waiting: Waiting, conf: HubSpotConf) -> Request:
    asked = {"properties": ["hs_pipeline_stage", "hubspot_owner_id"], "inputs": [{"id": one} for one in waiting.ids]}
    return Request(path_of(conf.version, "objects/tickets/batch/read"), asked)


def code(reply: Reply) -> str:
    """A batch of which something failed is a success: 207."""
    return at("errors.0.category")(reply) or ("" if reply.ok else at("category")(reply))


SERVICE = Service(
    name="hubspot",
    title="HubSpot",
    roles=frozenset({Role.RECORD}),
    docs="https://developers.hubspot.com/docs/api-reference/crm-tickets-v3/guide",
    conf=HubSpotConf,
    auth=lambda conf: Bearer(conf.token),
    address=Address(re.compile(r"\d{1,20}"), "is the id of a pipeline of tickets: 0 is the usual one"),
    open=Call(ticket, id="results.0.id", url="results.0.url"),
    note=Call(note),
    progress=Call(lambda notice, conf: move(notice, conf, conf.doing)),
    reopen=Call(lambda notice, conf: move(notice, conf, conf.new)),
    close=Call(lambda notice, conf: move(notice, conf, conf.done)),
    asks=(
        standing(
            stand,
            lambda row, conf, _: status(row["properties"]["hs_pipeline_stage"], conf.doing, (conf.done,)),
            rows="results",
            by="properties.hubspot_owner_id",
        ),
    ),
    again=Again.KEY,
    code=code,
    reason=reason,
    errors={
        "INVALID_AUTHENTICATION": Fault.AUTH,
        "MISSING_SCOPES": Fault.CONFIG,
        "OBJECT_NOT_FOUND": Fault.TARGET,
        "RATE_LIMITS": RETRY,
        "VALIDATION_ERROR": Fault.CONFIG,  # a property or a stage that is not there, or a rule of the account's
    },
    limits=(Limit("any", "account", 9, timedelta(seconds=1)),),  # of 100 in 10 s
    sizes={"inputs.*.properties.subject": Size(255)},
)
