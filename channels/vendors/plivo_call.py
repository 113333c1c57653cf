"""A call by Plivo: a voice says what is the matter, and hears a key. https://www.plivo.com/docs/voice/api/call"""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode

from channels import plivo, sms, voice
from channels.service import Call, Notice, Request, at
from channels.voice import element
from deskbell.net.inbound import Call as Inbound
from deskbell.net.seal import seal, unseal
from deskbell.vendors import plivo as told
from deskbell.vendors.hears import Thanks


@dataclass(frozen=True, slots=True)
class PlivoCallConf(plivo.Account):
    rings_s: int = 30  # for so long; then it is as if nobody were there
    language: str = "en-GB"  # in which it is read out


def call(notice: Notice, conf: PlivoCallConf) -> Request:
    """Once somebody answers, Plivo asks us what to say; the address has it, sealed."""
    said = {"say": seal(conf.auth_token, voice.words(notice))} | ({"keys": "1"} if notice.ref else {})
    body = {"from": conf.sender.lstrip("+"), "to": sms.digits(notice), "ring_timeout": conf.rings_s}
    urls = {"answer_url": f"{notice.hook}?{urlencode(said)}", "hangup_url": notice.hook}
    return Request(conf.path("Call"), body | urls | {"answer_method": "POST", "hangup_method": "POST"})


def spoken(call: Inbound, conf: PlivoCallConf, said: Sequence[str]) -> Thanks:
    """The alert, once somebody answers; what became of the key, once one was pressed; then nothing."""
    query, language = dict(parse_qsl(call.query)), conf.language
    if "say" not in query:
        return voice.document(*(element("Speak", text=text, language=language) for text in said))
    alert = element("Speak", text=unseal(conf.auth_token, query["say"]), language=language, loop="2")
    if "keys" not in query:
        return voice.document(alert)
    keys = {"action": call.address, "method": "POST", "numDigits": "1", "validDigits": "1234", "timeout": "10"}
    return voice.document(element("GetDigits", alert, **keys), element("Speak", text=voice.NO_KEY, language=language))


SERVICE = voice.Calls(
    name="plivo_call",
    title="Call by Plivo",
    docs="https://www.plivo.com/docs/voice/api/call",
    conf=PlivoCallConf,
    auth=plivo.login,
    send=Call(call, id="request_uuid"),
    code=plivo.code,
    reason=at("error"),
    errors=plivo.ERRORS,
    limits=plivo.LIMITS,
    hears=plivo.hears(read=told.spoken, answer=spoken, needed=True),  # it asks us what to say
)
