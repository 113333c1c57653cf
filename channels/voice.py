"""What a voice says on the phone, and how it is written down for those who speak it."""

import re
from functools import partial
from xml.sax.saxutils import escape, quoteattr

from channels import sms
from channels.service import Again, Notice, Role, Service
from deskbell.core.sizes import Size, Unit, fit
from deskbell.vendors.hears import Thanks

KEYS = "Press 1 to acknowledge, or 2 to escalate."
CHOICES = "Press the key of your answer."  # where the message has choices of its own: "1 = 10 minutes"
NO_KEY = "No key was pressed. Goodbye."
_SPOKEN = Size(900, Unit.BYTES)  # about a minute
_CHOICE = re.compile(r"(?<=\b[1-4]) = ")
_NOT_IN_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

# A Service, with what is the same for all that call. Whom we called is who presses the key.
Calls = partial(
    Service,
    roles=frozenset({Role.NOTIFY, Role.ACKNOWLEDGE}),
    address=sms.PHONE,
    again=Again.NEITHER,
    answers=("ack", "escalate", "note"),
    acks="keypad",
    receipts="callback",
)


def words(notice: Notice) -> str:
    """The digits of a ref one by one: [P1] D-4821 is "Priority 1, alert 4 8 2 1:"."""
    said = re.sub(r"^\[P(\d)\] ", r"Priority \1, ", fit(notice.line, _SPOKEN))
    said = re.sub(r"\bD-(\d+):?", lambda ref: f"alert {' '.join(ref[1])}:", said)
    keys = CHOICES if _CHOICE.search(said) else KEYS
    return f"This is Deskbell. {_CHOICE.sub(', ', said)}." + (f" {keys}" if asks_for_keys(notice) else "")


def asks_for_keys(notice: Notice) -> bool:
    return bool(notice.hook and notice.ref)


def document(*elements: str) -> Thanks:
    """What is to be spoken, as both Twilio and Plivo want it."""
    return Thanks(body=element("Response", *elements), kind="text/xml")


def element(name: str, *inside: str, text: str = "", **attributes: str) -> str:
    """One element of XML, around others or around a text."""
    said = "".join(f" {key}={quoteattr(_sound(value))}" for key, value in attributes.items())
    return f"<{name}{said}>{''.join(inside)}{escape(_sound(text))}</{name}>"


def _sound(text: str) -> str:
    return _NOT_IN_XML.sub("", text)
