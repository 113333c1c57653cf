"""SMS by Plivo. https://www.plivo.com/docs/messaging/api/message"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from channels import sms
from channels.service import Again, Call, Class, Notice, Request, Role, Service, at
from deskbell.core.outcome import Fault
from deskbell.core.ports import Limit
from deskbell.net.answers import Reply
from deskbell.net.auth import Basic
from deskbell.net.proofs import PlivoSigned
from deskbell.vendors import plivo as told
from deskbell.vendors.hears import Hears

# Of about 300 in 5 s an account, calls and messages together.
LIMITS = (Limit("any", "account", 50, timedelta(seconds=1)),)
ERRORS: Mapping[str, Class] = {"number": Fault.TARGET}


@dataclass(frozen=True, slots=True)
class PlivoConf:
    auth_id: str  # MA...
    auth_token: str = field(repr=False)  # of the account
    sender: str  # a number of yours, or the UUID of a powerpack
    valid_s: int = 1800  # an SMS that is not delivered by then is dropped, for it is old news
    base_url: str = "https://api.plivo.com"


def message(notice: Notice, conf: PlivoConf) -> Request:
    sender = "powerpack_uuid" if "-" in conf.sender else "src"
    body = {sender: conf.sender.lstrip("+"), "dst": sms.digits(notice), "text": sms.words(notice)}
    told_at = {"url": notice.hook, "method": "POST"} if notice.hook else {}
    path = f"/v1/Account/{conf.auth_id}/Message/"
    return Request(path, body | told_at | {"type": "sms", "message_expiry": conf.valid_s})


def code(reply: Reply) -> str:
    """There are no codes: a number that can't be one is told from other mistakes by its parameter's name."""
    return "number" if reply.status == 400 and re.search(r"\b(dst|to)\b", at("error")(reply)) else ""


SERVICE = Service(
    name="plivo",
    title="Plivo SMS",
    roles=frozenset({Role.NOTIFY, Role.ACKNOWLEDGE}),
    docs="https://www.plivo.com/docs/messaging/api/message",
    conf=PlivoConf,
    auth=lambda conf: Basic(conf.auth_id, conf.auth_token),
    address=sms.PHONE,
    send=Call(message, id="message_uuid.0"),
    again=Again.NEITHER,
    code=code,
    reason=at("error"),
    errors=ERRORS,
    limits=LIMITS,
    sizes={"text": sms.SIZE},
    hears=Hears(way=lambda _conf: PlivoSigned(), read=told.message, secrets="the account's auth token"),
    acks="reply",
    receipts="callback",
)
