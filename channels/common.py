"""What all channels decide alike."""

import logging
from collections.abc import Awaitable, Callable

from deskbell.core.outcome import Fault, Outcome, Rejected, Sent
from deskbell.core.ports import Identity

AccountOf = Callable[[str], Awaitable[str | None]]  # person id -> the person's account in this chat

# A line of the story, where there is no thread for it.
ON_THE_CARD = Sent({}, "the card shows it", skipped=True)

log = logging.getLogger(__name__)


def no_account(chat: str, name: str) -> Rejected:
    """Nobody can be written to whose account is not known."""
    return Rejected(Fault.TARGET, f"{chat}: {name} has no account here that is known")


def refused_as_such(outcome: Outcome, identity: Identity) -> bool:
    """Whether it is the form of our message that the chat does not take; plain text is better than nothing."""
    if not isinstance(outcome, Rejected) or outcome.fault is not Fault.PAYLOAD:
        return False
    log.warning("the form of %s was refused, it is sent as plain text instead: %s", identity.alert_ref, outcome.why)
    return True
