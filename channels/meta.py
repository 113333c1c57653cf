"""What WhatsApp and Messenger share: Meta's Graph API, its errors, and the buttons that we give people there.

https://developers.facebook.com/docs/graph-api/guides/error-handling
"""

from collections.abc import Mapping

from channels.service import LIMITED, RETRY, Class, Notice, dig
from deskbell.core.outcome import Fault
from deskbell.net.answers import Reply

BASE = "https://graph.facebook.com"
VERSION = "v25.0"
BUTTONS = {"ack": "Acknowledge", "escalate": "Escalate"}
ANSWERS = ("ack", "escalate", "note")  # nobody can write in another's name there
ERRORS: Mapping[str, Class] = {
    "1": RETRY,
    "2": RETRY,
    "2*": Fault.CONFIG,  # 200 to 299: what the token may not do
    "4": LIMITED,
    "10": Fault.CONFIG,
    "100": Fault.PAYLOAD,
    "190": Fault.AUTH,
    "80007": LIMITED,
}


def code(reply: Reply) -> str:
    return dig(reply.data, "error.code")


def reason(reply: Reply) -> str:
    return dig(reply.data, "error.error_data.details") or dig(reply.data, "error.message")


def said_by(button: str, notice: Notice) -> str:
    """What a tap says to us: what its finger might have typed."""
    return f"{button} {notice.ref}"
