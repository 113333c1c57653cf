"""What Plivo tells of messages and calls. https://www.plivo.com/docs/messaging/api/message/message-object"""

from typing import Any

from deskbell.core.heard import Heard, Tap, Words
from deskbell.net.inbound import Call
from deskbell.vendors.told import phone, receipt

DEAD = frozenset({"50", "60", "70", "200"})  # no such number, unreachable for good; 200: said STOP


def message(call: Call, _conf: Any) -> list[Heard]:
    """A message that came in, or what became of one of ours; of a long one, each part is told."""
    form = dict(call.form)
    if "Status" not in form:
        return [Words(phone(form["From"]), form["Text"], form["MessageUUID"])]
    uuid = form.get("ParentMessageUUID") or form["MessageUUID"]
    return receipt(uuid, form["Status"], form.get("ErrorCode", ""), DEAD)


def spoken(call: Call, _conf: Any) -> list[Heard]:
    """A key that somebody pressed, or how the call stands."""
    form = dict(call.form)
    uuid = form["RequestUUID"]
    if keys := form.get("Digits", ""):
        return [Tap(keys, uuid, phone(form["To"]), f"{form['CallUUID']}:{keys}")]
    return receipt(uuid, form["CallStatus"], form.get("HangupCause", ""))
