"""What Mailgun's webhooks and routes say. https://documentation.mailgun.com/docs/mailgun/user-manual/webhooks/webhooks

They are signed by a time and a token alone, so that they are believed about what we know already, and nothing else.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from deskbell.core.heard import Heard, Rank, Receipt, Words
from deskbell.core.outcome import Fault
from deskbell.net.answers import Reply
from deskbell.net.inbound import Call

RANKS: Mapping[str, Rank] = {"accepted": Rank.SENT, "delivered": Rank.DELIVERED, "opened": Rank.READ}


def message_id(reply: Reply) -> str:
    """Of a mail that was looked up among the events, as sending it gave it; these leave the brackets out."""
    rows = reply.data.get("items") if isinstance(reply.data, Mapping) else None
    return f"<{rows[0]['message']['headers']['message-id']}>" if rows else ""


def said(call: Call, _conf: object) -> Sequence[Heard]:
    """An event has a JSON body; a mail that somebody wrote comes as a form."""
    return (
        _event(call.data["event-data"]) if call.header("content-type").startswith("application/json") else _mail(call)
    )


def _event(event: Mapping[str, Any]) -> list[Heard]:
    ident, what = f"<{event['message']['headers']['message-id']}>", str(event["event"])
    if what in RANKS:
        return [Receipt(ident, RANKS[what])]
    if what != "failed" or event.get("severity") != "permanent":
        return []  # it is tried again there, or says nothing of this message
    return [Receipt(ident, Rank.FAILED, str(event.get("reason") or "failed"), Fault.TARGET)]


def _mail(call: Call) -> list[Heard]:
    mail = dict(call.form)
    return [Words(mail["sender"], mail["stripped-text"], mail["Message-Id"], mail.get("In-Reply-To", ""))]
