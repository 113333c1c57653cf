"""Twilio SMS. https://www.twilio.com/docs/messaging/api/message-resource"""

from dataclasses import dataclass

from channels import sms, twilio
from channels.service import Again, Ask, Call, Notice, Request, at, per_second
from deskbell.core.heard import Waiting
from deskbell.vendors import twilio as told
from deskbell.vendors.hears import Thanks


@dataclass(frozen=True, slots=True)
class TwilioConf(twilio.Account):
    valid_s: int = 1800  # an SMS that is not delivered by then is dropped, for it is old news


def message(notice: Notice, conf: TwilioConf) -> Request:
    sender = "MessagingServiceSid" if conf.sender.startswith("MG") else "From"
    form = {"To": notice.to, sender: conf.sender, "Body": sms.words(notice)}
    form |= {"ValidityPeriod": str(conf.valid_s), "SmartEncoded": "true"}
    return Request(conf.path("Messages"), form=form | ({"StatusCallback": notice.hook} if notice.hook else {}))


def sent(notice: Notice, conf: TwilioConf) -> Request:
    return Request(conf.path("Messages"), method="GET", params={"To": notice.to, "PageSize": "20"})


def state(waiting: Waiting, conf: TwilioConf) -> Request:
    return Request(conf.path(f"Messages/{waiting.ids[0]}"), method="GET")


def inbox(waiting: Waiting, conf: TwilioConf) -> Request:
    since = {"DateSent>": waiting.since.strftime("%Y-%m-%d")} if waiting.since else {}
    return Request(conf.path("Messages"), method="GET", params={"To": conf.sender, "PageSize": "100"} | since)


SERVICE = sms.Sms(
    name="twilio",
    title="Twilio SMS",
    docs="https://www.twilio.com/docs/messaging/api/message-resource",
    conf=TwilioConf,
    auth=twilio.login,
    send=Call(message, id="sid"),
    find=Call(sent, id=sms.found("messages", "body", "date_created", "sid")),
    again=Again.LOOK_UP,
    code=twilio.code,
    reason=at("message"),
    errors=twilio.ERRORS,
    limits=per_second(3),
    sizes={"Body": sms.SIZE},
    hears=twilio.hears(read=told.message, thanks=Thanks(body="<Response/>", kind="text/xml")),
    asks=(
        Ask(of="messages", build=state, read=told.state),
        Ask(of="inbox", build=inbox, read=told.inbox, ready=lambda conf: conf.sender.startswith("+")),
    ),
    receipts="callback, or asked for",
)
