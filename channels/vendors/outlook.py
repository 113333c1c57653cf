"""Outlook: mail by Microsoft Graph, as an app. https://learn.microsoft.com/graph/api/user-sendmail"""

from dataclasses import dataclass, field
from datetime import timedelta

from channels import mail, microsoft
from channels.service import Again, Call, Notice, Request, Role, Service, at
from deskbell.core.alert import Severity
from deskbell.core.ports import Limit


@dataclass(frozen=True, slots=True)
class OutlookConf:
    tenant: str  # the directory's id, or its domain
    client_id: str  # of an app with the application permission Mail.Send, best limited to the sender's mailbox
    client_secret: str = field(repr=False)  # its secret
    sender: str  # the mailbox that it is sent from: desk@example.org
    reply_to: str = ""  # where answers go; empty: to the sender
    base_url: str = "https://graph.microsoft.com"  # of another cloud: https://graph.microsoft.us
    login_url: str = microsoft.LOGIN  # of another cloud: https://login.microsoftonline.us
    scope: str = "https://graph.microsoft.com/.default"  # of another cloud: https://graph.microsoft.us/.default


def send(notice: Notice, conf: OutlookConf) -> Request:
    message = {
        "subject": mail.subject(notice),
        "body": {"contentType": "html", "content": mail.body(notice)},
        "toRecipients": [_person(notice.to)],
        "replyTo": [_person(conf.reply_to)] if conf.reply_to else [],
        "importance": "high" if notice.severity is Severity.P1 else "normal",
        "internetMessageHeaders": [{"name": "X-Auto-Response-Suppress", "value": "All"}],
    }
    return Request(f"/v1.0/users/{conf.sender}/sendMail", {"message": message, "saveToSentItems": False})


def _person(address: str) -> dict[str, dict[str, str]]:
    return {"emailAddress": {"address": address}}


SERVICE = Service(
    name="outlook",
    title="Outlook (Microsoft 365)",
    roles=frozenset({Role.NOTIFY}),
    docs="https://learn.microsoft.com/graph/api/user-sendmail",
    conf=OutlookConf,
    auth=microsoft.login,
    address=mail.ADDRESS,
    send=Call(send, plain=True),
    again=Again.NEITHER,  # to look it up, Deskbell would have to read the mailbox
    code=at("error.code"),
    reason=at("error.message"),
    errors=microsoft.ERRORS,
    limits=(Limit("post", "account", 28, timedelta(minutes=1)),),  # of 30 a minute in a mailbox
)
