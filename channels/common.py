"""What all channels decide alike."""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from deskbell.core.outcome import Fault, Outcome, Rejected, Sent
from deskbell.core.ports import LETTER, Identity

AccountOf = Callable[[str], Awaitable[str | None]]  # person id -> the person's account in this chat
SubjectOf = Callable[[str], Awaitable[str]]  # an alert's ref -> the person whom it is about, or ""

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


def _no_link(_message: str) -> tuple[str, str]:
    return "", ""


async def nobody_of_ours(_ref: str) -> str:
    return ""


@dataclass(frozen=True, slots=True)
class Back:
    """How people and the vendor answer. `own`: from a message's name to its own link and the link's code; `hook`: where
    the vendor may call; `hears`: whether what people write back is heard. `subject`: whom an alert is about.
    """

    own: Callable[[str], tuple[str, str]] = _no_link
    hook: str = ""
    hears: bool = False
    subject: SubjectOf = nobody_of_ours


NO_WAY_BACK = Back()


def about_of(identity: Identity) -> str:
    """The same for everything about an alert there; another one once its record has gone."""
    if not identity.alert_ref or identity.kind == LETTER:
        return f"deskbell-{identity.kind}-{identity.number}"
    since = f"-{int(identity.opened_at.timestamp()):x}" if identity.opened_at else ""
    again = f"-{identity.number}" if identity.kind == "card" and identity.number > 1 else ""
    return f"deskbell-{identity.alert_ref.lower()}{since}{again}"


def key_of(identity: Identity) -> str:
    """Of this one message, at each try."""
    return f"{about_of(identity)}-{identity.destination}-{identity.kind}-{identity.number}"
