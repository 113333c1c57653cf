"""A call by Twilio: a voice says what is the matter, and hears a key. https://www.twilio.com/docs/voice/api/call-resource"""

from collections.abc import Sequence
from dataclasses import dataclass

from channels import twilio, voice
from channels.service import Call, Notice, Request, at, per_second
from channels.voice import element
from deskbell.net.inbound import Call as Inbound
from deskbell.vendors import twilio as told
from deskbell.vendors.hears import Thanks


@dataclass(frozen=True, slots=True)
class TwilioCallConf(twilio.Account):
    rings_s: int = 30  # for so long; then it is as if nobody were there
    language: str = "en-GB"  # in which it is read out
    machines: bool = False  # whether answering machines are told from people; the voice then begins 4 s later


def call(notice: Notice, conf: TwilioCallConf) -> Request:
    form = {"To": notice.to, "From": conf.sender, "Twiml": twiml(notice, conf), "Timeout": str(conf.rings_s)}
    told_at = {"StatusCallback": notice.hook} if notice.hook else {}
    return Request(conf.path("Calls"), form=form | told_at | ({"MachineDetection": "Enable"} if conf.machines else {}))


def twiml(notice: Notice, conf: TwilioCallConf) -> str:
    said = element("Say", text=voice.words(notice), language=conf.language, loop="2")
    if not voice.asks_for_keys(notice):
        return element("Response", said)
    heard = element("Gather", said, input="dtmf", numDigits="1", timeout="10", action=notice.hook)
    return element("Response", heard, element("Say", text=voice.NO_KEY, language=conf.language))


def goodbye(_call: Inbound, conf: TwilioCallConf, said: Sequence[str]) -> Thanks:
    """What became of the key; nothing is left to be said where the call has ended."""
    return voice.document(*(element("Say", text=text, language=conf.language) for text in said))


SERVICE = voice.Calls(
    name="twilio_call",
    title="Call by Twilio",
    docs="https://www.twilio.com/docs/voice/api/call-resource",
    conf=TwilioCallConf,
    auth=twilio.login,
    send=Call(call, id="sid"),
    code=twilio.code,
    reason=at("message"),
    errors=twilio.ERRORS,
    limits=per_second(1),
    hears=twilio.hears(read=told.spoken, answer=goodbye),
)
