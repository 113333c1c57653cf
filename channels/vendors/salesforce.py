"""Salesforce: a case an alert, known by a field of its own.

https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/dome_upsert.htm
"""

import re
from dataclasses import dataclass, field

from channels.service import RETRY, Address, Again, Call, Notice, Request, Role, Service, at
from channels.standing import standing, status
from deskbell.core.alert import Severity
from deskbell.core.heard import Waiting
from deskbell.core.outcome import Fault
from deskbell.core.sizes import Size
from deskbell.vendors.salesforce import API, COMMENT_MOST, VERSION, is_name, login, reason

PRIORITIES = {Severity.P1: "High", Severity.P2: "High", Severity.P3: "Medium", Severity.P4: "Low"}


@dataclass(frozen=True, slots=True)
class SalesforceConf:
    base_url: str  # https://MYDOMAIN.my.salesforce.com
    client_id: str  # the consumer key of an External Client App
    client_secret: str = field(repr=False)  # its consumer secret
    key_field: str = "Alert_Key__c"  # a text field of cases, unique and an external id, made for Deskbell
    new: str = "New"  # the status of what nobody has yet
    doing: str = "Working"  # the status of what somebody has
    done: str = "Closed"  # the status of what is over
    version: str = VERSION  # of the API
    web_url: str = ""  # where people see cases, if that is not base_url

    def __post_init__(self) -> None:
        if not is_name(self.key_field):
            raise ValueError(f"key_field: {self.key_field!r} can be no field's name")


def case(notice: Notice, conf: SalesforceConf) -> Request:
    fields = {
        "Subject": notice.line,
        "Description": notice.text,
        "Origin": "Deskbell",
        "Status": conf.new,
        "Priority": PRIORITIES[notice.severity],
    }
    owner = {"OwnerId": notice.to} if notice.to else {}
    return Request(_sobjects(conf, f"Case/{conf.key_field}/{notice.about}"), fields | owner, method="PATCH")


def comment(notice: Notice, conf: SalesforceConf) -> Request:
    body = {"ParentId": notice.record["id"], "CommentBody": notice.said, "IsPublished": False}
    return Request(_sobjects(conf, "CaseComment"), body)


def change(notice: Notice, conf: SalesforceConf, status: str) -> Request:
    return Request(_sobjects(conf, f"Case/{notice.record['id']}"), {"Status": status}, method="PATCH")


def stand(waiting: Waiting, conf: SalesforceConf) -> Request:
    ids = ", ".join(f"'{ident}'" for ident in waiting.ids if ident.isalnum())
    query = f"SELECT Id, Status, IsClosed, LastModifiedById, LastModifiedBy.Name FROM Case WHERE Id IN ({ids})"  # noqa: S608 - letters and digits
    return Request(f"{API}/v{conf.version}/query", method="GET", params={"q": query})


def _sobjects(conf: SalesforceConf, what: str) -> str:
    return f"{API}/v{conf.version}/sobjects/{what}"


SERVICE = Service(
    name="salesforce",
    title="Salesforce",
    roles=frozenset({Role.RECORD}),
    docs="https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/dome_upsert.htm",
    conf=SalesforceConf,
    auth=lambda conf: login(conf.base_url, conf.client_id, conf.client_secret),
    address=Address(re.compile(r"([A-Za-z0-9]{15}|[A-Za-z0-9]{18})?"), "is the id of an owner or queue, or empty"),
    open=Call(case, id="id", url=lambda reply, _: f"/lightning/r/Case/{at('id')(reply)}/view"),
    note=Call(comment),
    progress=Call(lambda notice, conf: change(notice, conf, conf.doing), plain=True),
    reopen=Call(lambda notice, conf: change(notice, conf, conf.new), plain=True),
    close=Call(lambda notice, conf: change(notice, conf, conf.done), plain=True),
    asks=(
        standing(
            stand,
            lambda row, conf, _: "resolved" if row["IsClosed"] else status(row["Status"], conf.doing, (conf.done,)),
            rows="records",
            id="Id",
            by="LastModifiedById",
            name="LastModifiedBy.Name",
        ),
    ),
    again=Again.KEY,
    code=lambda reply: "" if reply.ok else at("0.errorCode")(reply),
    reason=reason,
    errors={
        "INVALID_SESSION_ID": Fault.AUTH,
        "REQUEST_LIMIT_EXCEEDED": RETRY,
        "SERVER_UNAVAILABLE": RETRY,
        "UNABLE_TO_LOCK_ROW": RETRY,
        "INSUFFICIENT_ACCESS*": Fault.CONFIG,
        "INVALID_FIELD*": Fault.CONFIG,
        "NOT_FOUND": Fault.TARGET,
        "ENTITY_IS_DELETED": Fault.TARGET,
    },
    sizes={"Subject": Size(255), "Description": Size(32_000), "CommentBody": Size(COMMENT_MOST)},
)
