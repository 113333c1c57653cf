"""Gmail: mail out of a mailbox of your own. https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.messages/send"""

from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from datetime import timedelta
from email.utils import parseaddr

from channels import google, mail
from channels.service import LIMITED, Again, Call, Notice, Request, Role, Service
from deskbell.core.outcome import Fault
from deskbell.core.ports import Limit
from deskbell.net.auth import OAuth, RefreshToken


@dataclass(frozen=True, slots=True)
class GmailConf:
    sender: str  # Deskbell <desk@example.org>: the mailbox it is sent from
    account: str = ""  # a service account that may act for the mailbox (domain-wide delegation, scope gmail.send)
    private_key: str = field(default="", repr=False)  # its private key, in PEM
    client_id: str = ""  # or else an app that the mailbox has allowed, with client_secret and refresh_token
    client_secret: str = field(default="", repr=False)  # of that app
    refresh_token: str = field(default="", repr=False)  # with the scope gmail.send
    reply_to: str = ""  # where answers go; empty: to the sender
    base_url: str = "https://gmail.googleapis.com"
    token_url: str = google.TOKENS

    def __post_init__(self) -> None:
        if self.sender and not (self.private_key or self.refresh_token):
            raise ValueError("give account and private_key, or client_id, client_secret and refresh_token")


def login(conf: GmailConf) -> OAuth:
    if conf.account:
        return google.login(conf, "gmail.send", parseaddr(conf.sender)[1])
    return RefreshToken(conf.token_url, conf.client_id, conf.client_secret, conf.refresh_token)


def send(notice: Notice, conf: GmailConf) -> Request:
    packed = mail.mime(notice, conf.sender, conf.reply_to).as_string().encode("utf-8", "replace")
    return Request("/gmail/v1/users/me/messages/send", {"raw": urlsafe_b64encode(packed).decode()})


SERVICE = Service(
    name="gmail",
    title="Gmail",
    roles=frozenset({Role.NOTIFY}),
    docs="https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.messages/send",
    conf=GmailConf,
    auth=login,
    address=mail.ADDRESS,
    send=Call(send, id="id"),
    again=Again.NEITHER,  # to look it up, Deskbell would have to read the mailbox
    code=google.code,
    reason=google.reason,
    errors={**google.ERRORS, "failedPrecondition": Fault.CONFIG, "dailyLimitExceeded": LIMITED},
    limits=(Limit("post", "account", 1, timedelta(seconds=1)),),  # of 60 a minute in projects since May 2026
)
