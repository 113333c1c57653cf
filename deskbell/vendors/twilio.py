"""What Twilio tells of messages and calls. https://www.twilio.com/docs/messaging/guides/webhook-request"""

from typing import Any

from deskbell.core.heard import Heard, Tap, Waiting, Words
from deskbell.net.answers import Reply, http_date
from deskbell.net.inbound import Call
from deskbell.vendors.told import phone, receipt

# Blocked, no such number, a landline, said STOP.
DEAD = frozenset({"21610", "21614", "21635", "30004", "30005", "30006"})


def message(call: Call, _conf: Any) -> list[Heard]:
    """A message that came in, or what became of one of ours."""
    form = dict(call.form)
    if "Body" in form and form.get("SmsStatus", "received") == "received":
        return [Words(form["From"], form["Body"], form["MessageSid"], carrier=form.get("OptOutType", "").lower())]
    return receipt(form["MessageSid"], form["MessageStatus"], form.get("ErrorCode", ""), DEAD)


def state(reply: Reply, _waiting: Waiting, _conf: Any) -> list[Heard]:
    one = reply.data
    return receipt(one["sid"], one["status"], str(one.get("error_code") or ""), DEAD)


def inbox(reply: Reply, waiting: Waiting, _conf: Any) -> list[Heard]:
    rows = [row for row in reply.data["messages"] if row["direction"] == "inbound"]
    return [
        Words(row["from"], row["body"], row["sid"], at=at)
        for row in rows
        if (at := http_date(row["date_created"])) and waiting.since and at >= waiting.since
    ]


def spoken(call: Call, _conf: Any) -> list[Heard]:
    """A key that somebody pressed, or how the call stands. A machine that answers is nobody."""
    form = dict(call.form)
    sid = form["CallSid"]
    if keys := form.get("Digits", ""):
        return [Tap(keys, sid, phone(form["To"]), f"{sid}:{keys}")]
    if form.get("AnsweredBy", "").startswith("machine"):
        return receipt(sid, "no-answer", "a machine answered")
    return receipt(sid, form["CallStatus"], form.get("ErrorCode", ""))
