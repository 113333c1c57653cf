"""A call by Plivo: a voice says what is the matter, and hears a key. https://www.plivo.com/docs/voice/api/call"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlencode

from channels import sms, voice
from channels.service import Again, Call, Notice, Request, Role, Service, at
from channels.vendors import plivo
from channels.voice import element
from deskbell.net.auth import Basic
from deskbell.net.inbound import Call as Inbound
from deskbell.net.proofs import PlivoSigned
from deskbell.net.seal import seal, unseal
from deskbell.vendors import plivo as told
from deskbell.vendors.hears import Hears, Thanks


@dataclass(frozen=True, slots=True)
class PlivoCallConf:
    auth_id: str  # MA...
    auth_token: str = field(repr=False)  # of the account
    sender: str  # a number of yours, which is shown to whom it calls
    rings_s: int = 30  # for so long; then it is as if nobody were there
    language: str = "en-GB"  # in which it is read out
    base_url: str = "https://api.plivo.com"


def call(notice: Notice, conf: PlivoCallConf) -> Request:
    """Once somebody answers, Plivo asks us what to say; the address has it, sealed."""
    said = {"say": seal(conf.auth_token, voice.words(notice))} | ({"keys": "1"} if notice.ref else {})
    body = {"from": conf.sender.lstrip("+"), "to": sms.digits(notice), "ring_timeout": conf.rings_s}
    urls = {"answer_url": f"{notice.hook}?{urlencode(said)}", "hangup_url": notice.hook}
    methods = {"answer_method": "POST", "hangup_method": "POST"}
    return Request(f"/v1/Account/{conf.auth_id}/Call/", body | urls | methods)


def spoken(call: Inbound, conf: PlivoCallConf, said: Sequence[str]) -> Thanks:
    """The alert, once somebody answers; what became of the key, once one was pressed; then nothing."""
    query, language = dict(parse_qsl(call.query)), conf.language
    if "say" not in query:
        return voice.document(*(element("Speak", text=text, language=language) for text in said))
    alert = element("Speak", text=unseal(conf.auth_token, query["say"]), language=language, loop="2")
    if "keys" not in query:
        return voice.document(alert)
    keys = {"action": call.address, "method": "POST", "numDigits": "1", "validDigits": "12", "timeout": "10"}
    return voice.document(element("GetDigits", alert, **keys), element("Speak", text=voice.NO_KEY, language=language))


SERVICE = Service(
    name="plivo_call",
    title="Call by Plivo",
    roles=frozenset({Role.NOTIFY, Role.ACKNOWLEDGE}),
    docs="https://www.plivo.com/docs/voice/api/call",
    conf=PlivoCallConf,
    auth=lambda conf: Basic(conf.auth_id, conf.auth_token),
    address=sms.PHONE,
    send=Call(call, id="request_uuid"),
    again=Again.NEITHER,
    code=plivo.code,
    reason=at("error"),
    errors=plivo.ERRORS,
    limits=plivo.LIMITS,
    answers=voice.ANSWERS,
    hears=Hears(
        way=lambda _conf: PlivoSigned(),
        read=told.spoken,
        secrets="the account's auth token",
        answer=spoken,
        needed=True,  # it asks us what to say
    ),
    acks="keypad",
    receipts="callback",
)
