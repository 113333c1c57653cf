"""What WhatsApp and Messenger share: Meta's Graph API, its errors, and the buttons that we give people there.

https://developers.facebook.com/docs/graph-api/guides/error-handling
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial

from channels.service import LIMITED, RETRY, Again, Class, Notice, Role, Service, dig
from deskbell.core.outcome import Fault
from deskbell.net.answers import Reply
from deskbell.net.auth import Bearer
from deskbell.vendors import meta as told
from deskbell.vendors.hears import Hears

BUTTONS = {"ack": "Acknowledge", "escalate": "Escalate"}
ERRORS: Mapping[str, Class] = {
    "1": RETRY,
    "2": RETRY,
    "2*": Fault.CONFIG,  # 200 to 299: what the token may not do
    "4": LIMITED,
    "10": Fault.CONFIG,
    "100": Fault.PAYLOAD,
    "190": Fault.AUTH,
    "551": Fault.TARGET,  # has blocked the page, or is gone
    "613": LIMITED,
    "80006": LIMITED,
    "80007": LIMITED,
    "130429": LIMITED,
    "130472": Fault.TARGET,  # Meta tries out what happens without
    "131000": RETRY,
    "131008": Fault.PAYLOAD,
    "131009": Fault.PAYLOAD,
    "131016": RETRY,
    "131026": Fault.TARGET,  # not on WhatsApp
    "131047": Fault.TARGET,  # has not written within 24 hours, and it was no template
    "131048": RETRY,
    "131049": Fault.TARGET,  # has had enough of such messages, Meta says
    "131050": Fault.TARGET,  # said STOP
    "131056": RETRY,  # too many to this one person
    "131062": Fault.TARGET,
    "13*": Fault.CONFIG,  # the account, its payment, the number, the template
    "2018001": Fault.TARGET,  # nobody of this page
    "2018278": Fault.TARGET,  # has not written within 24 hours
}


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    token: str = field(repr=False)  # of a system user, or of the page
    version: str = "v25.0"  # of the Graph API; each lives for about two years
    base_url: str = "https://graph.facebook.com"


def code(reply: Reply) -> str:
    """Messenger tells some things by the code behind the code alone."""
    subcode = dig(reply.data, "error.error_subcode")
    return subcode if subcode in ERRORS else dig(reply.data, "error.code")


def reason(reply: Reply) -> str:
    return dig(reply.data, "error.error_data.details") or dig(reply.data, "error.message")


def taps(notice: Notice, names: Iterable[str] = BUTTONS) -> list[tuple[str, str]]:
    """The buttons of an alert: what a tap says to us, which is what its finger might have typed, and the title."""
    return [(f"{name} {notice.ref}", BUTTONS[name]) for name in names] if notice.ref else []


# A Service, with what is the same for both. Nobody can write in another's name there.
Meta = partial(
    Service,
    roles=frozenset({Role.NOTIFY, Role.ACKNOWLEDGE}),
    auth=lambda conf: Bearer(conf.token),
    again=Again.NEITHER,
    reason=reason,
    answers=("ack", "escalate", "note"),
    receipts="callback",
)
hears = partial(Hears, way=lambda _conf: told.SIGNED, greet=told.greet, secrets="the app's secret")
