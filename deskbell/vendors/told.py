"""What vendors of messages tell by callbacks, as the core wants it: small parts that their readers share."""

from collections.abc import Container, Mapping

from deskbell.core.heard import Heard, Rank, Receipt
from deskbell.core.outcome import Fault

# The words that nearly all of them have. What is accepted is not sent yet, and what was called off never will be.
RANKS: Mapping[str, Rank] = {
    **dict.fromkeys(("accepted", "queued", "initiated", "scheduled", "processing", "sending", "buffered"), Rank.QUEUED),
    **dict.fromkeys(("sent", "ringing"), Rank.SENT),
    **dict.fromkeys(("failed", "undelivered", "rejected", "expired", "canceled", "deleted"), Rank.FAILED),
    **dict.fromkeys(("sending_failed", "delivery_failed", "skipped"), Rank.FAILED),
    **dict.fromkeys(("busy", "no-answer", "timeout", "cancel"), Rank.FAILED),
    **dict.fromkeys(("delivered", "in-progress", "answered", "completed"), Rank.DELIVERED),
    "read": Rank.READ,
}


def receipt(message: str, status: str, why: str = "", dead: Container[str] = ()) -> list[Heard]:
    """`why`: the vendor's code, which is in `dead` where nothing will ever arrive at that address. Nothing for a status
    that is in no table: it says nothing of how far the message is.
    """
    rank = RANKS.get(status.lower())
    if not message or rank is None:
        return []
    if rank is not Rank.FAILED:
        return [Receipt(message, rank)]
    return [Receipt(message, rank, why or status, Fault.TARGET if why in dead else None)]


def phone(number: str) -> str:
    """As [people] has it: +4930123456. A name stays a name."""
    digits = number.strip().removeprefix("+")
    return f"+{digits}" if digits.isdigit() else number.strip()
