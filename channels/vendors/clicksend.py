"""SMS by ClickSend. https://developers.clicksend.com/docs/messaging/sms/other/send-sms"""

from dataclasses import dataclass, field
from datetime import timedelta

from channels import sms
from channels.service import LIMITED, RETRY, Again, Call, Notice, Request, Role, Service, at, dig
from deskbell.core.outcome import Fault
from deskbell.core.ports import Limit
from deskbell.net.answers import Reply
from deskbell.net.auth import Basic


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
    """The envelope is a success whatever became of the message in it."""
    if not reply.ok:
        return ""
    status = dig(reply.data, "data.messages.0.status") or "NO_STATUS"
    return "" if status == "SUCCESS" else status


SERVICE = Service(
    name="clicksend",
    title="ClickSend SMS",
    roles=frozenset({Role.NOTIFY, Role.ACKNOWLEDGE}),
    docs="https://developers.clicksend.com/docs/messaging/sms/other/send-sms",
    conf=ClickSendConf,
    auth=lambda conf: Basic(conf.user, conf.key),
    address=sms.PHONE,
    send=Call(message, id="data.messages.0.message_id"),
    again=Again.NEITHER,
    code=code,
    reason=at("response_msg"),
    errors={
        "INVALID_RECIPIENT": Fault.TARGET,
        "OPT_OUT": Fault.TARGET,
        "BLOCKED": Fault.TARGET,
        "COUNTRY_NOT_ENABLED": Fault.CONFIG,
        "INVALID_SENDER_ID": Fault.CONFIG,
        "INSUFFICIENT_CREDIT": Fault.CONFIG,
        "ACCOUNT_NOT_ACTIVATED": Fault.CONFIG,
        "MISSING_CREDENTIALS": Fault.AUTH,
        "THROTTLED": LIMITED,
        "INTERNAL_ERROR": RETRY,
    },
    limits=(Limit("post", "account", 3, timedelta(seconds=1)),),
    sizes={"messages.*.body": sms.SIZE},
    acks="reply",
    receipts="callback",
)
