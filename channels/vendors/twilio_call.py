"""A call by Twilio: a voice says what is the matter, and hears a key. https://www.twilio.com/docs/voice/api/call-resource"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from channels import sms, voice
from channels.service import Again, Call, Class, Notice, Request, Role, Service, at
from channels.vendors import twilio
from channels.voice import element
from deskbell.core.outcome import Fault
from deskbell.core.ports import Limit
from deskbell.net.auth import Basic
from deskbell.net.inbound import Call as Inbound
from deskbell.net.proofs import TwilioSigned
from deskbell.vendors import twilio as told
from deskbell.vendors.hears import Hears, Thanks

# https://www.twilio.com/docs/api/errors
ERRORS: Mapping[str, Class] = {
    **twilio.ERRORS,
    "21210": Fault.CONFIG,  # the caller's number is none of ours
    "21212": Fault.CONFIG,
    "21214": Fault.TARGET,
    "21215": Fault.CONFIG,  # the country is not enabled
    "21216": Fault.CONFIG,
    "21217": Fault.TARGET,
    "21219": Fault.CONFIG,  # a trial account
}


@dataclass(frozen=True, slots=True)
class TwilioCallConf:
    account_sid: str  # AC...
    auth_token: str = field(repr=False)  # of the account
    sender: str  # a number of yours, which is shown to whom it calls
    rings_s: int = 30  # for so long; then it is as if nobody were there
    language: str = "en-GB"  # in which it is read out
    machines: bool = False  # whether answering machines are told from people; the voice then begins 4 s later
    base_url: str = "https://api.twilio.com"


def call(notice: Notice, conf: TwilioCallConf) -> Request:
    form = {"To": notice.to, "From": conf.sender, "Twiml": twiml(notice, conf), "Timeout": str(conf.rings_s)}
    told = {"StatusCallback": notice.hook} if notice.hook else {}
    machines = {"MachineDetection": "Enable"} if conf.machines else {}
    return Request(f"/2010-04-01/Accounts/{conf.account_sid}/Calls.json", form=form | told | machines)


def twiml(notice: Notice, conf: TwilioCallConf) -> str:
    said = element("Say", text=voice.words(notice), language=conf.language, loop="2")
    if not voice.asks_for_keys(notice):
        return element("Response", said)
    heard = element("Gather", said, input="dtmf", numDigits="1", timeout="10", action=notice.hook)
    return element("Response", heard, element("Say", text=voice.NO_KEY, language=conf.language))


def goodbye(_call: Inbound, conf: TwilioCallConf, said: Sequence[str]) -> Thanks:
    """What became of the key; nothing is left to be said where the call has ended."""
    return voice.document(*(element("Say", text=text, language=conf.language) for text in said))


SERVICE = Service(
    name="twilio_call",
    title="Call by Twilio",
    roles=frozenset({Role.NOTIFY, Role.ACKNOWLEDGE}),
    docs="https://www.twilio.com/docs/voice/api/call-resource",
    conf=TwilioCallConf,
    auth=lambda conf: Basic(conf.account_sid, conf.auth_token),
    address=sms.PHONE,
    send=Call(call, id="sid"),
    again=Again.NEITHER,
    code=lambda reply: "" if reply.ok else at("code")(reply),
    reason=at("message"),
    errors=ERRORS,
    limits=(Limit("post", "account", 1, timedelta(seconds=1)),),
    answers=voice.ANSWERS,
    hears=Hears(
        way=lambda _conf: TwilioSigned(),
        read=told.spoken,
        secrets="the account's auth token, or a shared key of its Webhooks Configuration",
        answer=goodbye,
    ),
    acks="keypad",
    receipts="callback",
)
