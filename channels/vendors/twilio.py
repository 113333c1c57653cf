"""Twilio SMS. https://www.twilio.com/docs/messaging/api/message-resource"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from channels import sms
from channels.service import RETRY, Again, Ask, Call, Class, Notice, Request, Role, Service, at
from deskbell.core.heard import Waiting
from deskbell.core.outcome import Fault
from deskbell.core.ports import Limit
from deskbell.net.auth import Basic
from deskbell.net.proofs import TwilioSigned
from deskbell.vendors import twilio as told
from deskbell.vendors.hears import Hears, Thanks


@dataclass(frozen=True, slots=True)
class TwilioConf:
    account_sid: str  # AC...
    auth_token: str = field(repr=False)  # of the account
    sender: str  # a number of yours, or the SID of a messaging service
    valid_s: int = 1800  # an SMS that is not delivered by then is dropped, for it is old news
    base_url: str = "https://api.twilio.com"


def message(notice: Notice, conf: TwilioConf) -> Request:
    sender = "MessagingServiceSid" if conf.sender.startswith("MG") else "From"
    form = {"To": notice.to, sender: conf.sender, "Body": sms.words(notice)}
    form |= {"ValidityPeriod": str(conf.valid_s), "SmartEncoded": "true"}
    return Request(_messages(conf), form=form | ({"StatusCallback": notice.hook} if notice.hook else {}))


def sent(notice: Notice, conf: TwilioConf) -> Request:
    return Request(_messages(conf), method="GET", params={"To": notice.to, "PageSize": "20"})


def _messages(conf: TwilioConf) -> str:
    return f"/2010-04-01/Accounts/{conf.account_sid}/Messages.json"


def statuses(waiting: Waiting, conf: TwilioConf) -> Request:
    return Request(_messages(conf).removesuffix(".json") + f"/{waiting.ids[0]}.json", method="GET")


def inbox(waiting: Waiting, conf: TwilioConf) -> Request:
    since = {"DateSent>": waiting.since.strftime("%Y-%m-%d")} if waiting.since else {}
    return Request(_messages(conf), method="GET", params={"To": conf.sender, "PageSize": "100"} | since)


# https://www.twilio.com/docs/api/errors
ERRORS: Mapping[str, Class] = {
    "20003": Fault.AUTH,
    "20429": RETRY,
    "205*": RETRY,
    "21211": Fault.TARGET,
    "21408": Fault.CONFIG,  # the country is not enabled
    "2160*": Fault.CONFIG,  # the sender, or a trial account
    "21612": Fault.CONFIG,  # no way from this sender to that number
    "21617": Fault.PAYLOAD,
    "21661": Fault.CONFIG,  # the sender can't send SMS
    "216*": Fault.TARGET,  # 21610 said STOP, 21614 and 21635 no mobile number
    "30001": RETRY,
    "30034": Fault.CONFIG,  # the sender is not registered for the USA
}

SERVICE = Service(
    name="twilio",
    title="Twilio SMS",
    roles=frozenset({Role.NOTIFY, Role.ACKNOWLEDGE}),
    docs="https://www.twilio.com/docs/messaging/api/message-resource",
    conf=TwilioConf,
    auth=lambda conf: Basic(conf.account_sid, conf.auth_token),
    address=sms.PHONE,
    send=Call(message, id="sid"),
    find=Call(sent, id=sms.found("messages", "body", "date_created", "sid")),
    again=Again.LOOK_UP,
    code=lambda reply: "" if reply.ok else at("code")(reply),
    reason=at("message"),
    errors=ERRORS,
    limits=(Limit("post", "account", 3, timedelta(seconds=1)),),
    sizes={"Body": sms.SIZE},
    hears=Hears(
        way=lambda _conf: TwilioSigned(),
        read=told.message,
        secrets="the account's auth token, or a shared key of its Webhooks Configuration",
        thanks=Thanks(body="<Response/>", kind="text/xml"),
    ),
    asks=(
        Ask(of="messages", build=statuses, read=told.state),
        Ask(of="inbox", build=inbox, read=told.inbox, ready=lambda conf: conf.sender.startswith("+")),
    ),
    acks="reply",
    receipts="callback, or asked for",
)
