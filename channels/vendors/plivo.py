"""SMS by Plivo. https://www.plivo.com/docs/messaging/api/message"""

from dataclasses import dataclass

from channels import plivo, sms
from channels.service import Again, Call, Notice, Request, at
from deskbell.vendors import plivo as told


@dataclass(frozen=True, slots=True)
class PlivoConf(plivo.Account):
    valid_s: int = 1800  # an SMS that is not delivered by then is dropped, for it is old news


def message(notice: Notice, conf: PlivoConf) -> Request:
    sender = "powerpack_uuid" if "-" in conf.sender else "src"
    body = {sender: conf.sender.lstrip("+"), "dst": sms.digits(notice), "text": sms.words(notice)}
    told_at = {"url": notice.hook, "method": "POST"} if notice.hook else {}
    return Request(conf.path("Message"), body | told_at | {"type": "sms", "message_expiry": conf.valid_s})


SERVICE = sms.Sms(
    name="plivo",
    title="Plivo SMS",
    docs="https://www.plivo.com/docs/messaging/api/message",
    conf=PlivoConf,
    auth=plivo.login,
    send=Call(message, id="message_uuid.0"),
    again=Again.NEITHER,
    code=plivo.code,
    reason=at("error"),
    errors=plivo.ERRORS,
    limits=plivo.LIMITS,
    sizes={"text": sms.SIZE},
    hears=plivo.hears(read=told.message),
)
