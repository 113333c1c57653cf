"""SMS by ClickSend. https://developers.clicksend.com/docs/messaging/sms/other/send-sms"""

from dataclasses import dataclass, field

from channels import sms
from channels.service import LIMITED, RETRY, Again, Ask, Call, Notice, Request, at, dig, per_second
from deskbell.core.outcome import Fault
from deskbell.net.answers import Reply
from deskbell.net.auth import Basic
from deskbell.net.inbound import InPath
from deskbell.vendors import clicksend as told
from deskbell.vendors.hears import Hears


@dataclass(frozen=True, slots=True)
class ClickSendConf:
    user: str  # whose API key it is
    key: str = field(repr=False)  # of the API
    sender: str = ""  # a number of yours; empty: one that ClickSend shares out, and to which answers find back
    base_url: str = "https://rest.clicksend.com"


def message(notice: Notice, conf: ClickSendConf) -> Request:
    sender = {"from": conf.sender} if conf.sender else {}
    one = {"source": "deskbell", "to": notice.to, "body": sms.words(notice), "custom_string": notice.key} | sender
    return Request("/v3/sms/send", {"messages": [one]})


def code(reply: Reply) -> str:
    """The envelope of what was sent is a success whatever became of the message in it."""
    status = dig(reply.data, "data.messages.0.status") or ("NO_STATUS" if dig(reply.data, "data.queued_count") else "")
    return status if reply.ok and status != "SUCCESS" else ""


TARGET = dict.fromkeys(("INVALID_RECIPIENT", "OPT_OUT", "BLOCKED"), Fault.TARGET)
CONFIG = ("COUNTRY_NOT_ENABLED", "INVALID_SENDER_ID", "INSUFFICIENT_CREDIT", "ACCOUNT_NOT_ACTIVATED")

SERVICE = sms.Sms(
    name="clicksend",
    title="ClickSend SMS",
    docs="https://developers.clicksend.com/docs/messaging/sms/other/send-sms",
    conf=ClickSendConf,
    auth=lambda conf: Basic(conf.user, conf.key),
    send=Call(message, id="data.messages.0.message_id"),
    again=Again.NEITHER,
    code=code,
    reason=at("response_msg"),
    errors=TARGET
    | dict.fromkeys(CONFIG, Fault.CONFIG)
    | {"MISSING_CREDENTIALS": Fault.AUTH, "THROTTLED": LIMITED, "INTERNAL_ERROR": RETRY},
    limits=per_second(3),
    sizes={"messages.*.body": sms.SIZE},
    hears=Hears(way=lambda _conf: InPath()),  # nothing proves its calls: each only has us ask
    asks=(
        Ask(of="messages", build=lambda w, _: Request(f"/v3/sms/receipts/{w.ids[0]}", method="GET"), read=told.state),
        Ask(of="inbox", build=lambda _w, _: Request("/v3/sms/inbound", method="GET"), read=told.inbox),
    ),
    receipts="asked for",
)
