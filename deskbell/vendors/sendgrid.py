"""How SendGrid proves its calls, and what its events say.

https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/getting-started-event-webhook-security-features
"""

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from deskbell.core.heard import Heard, Rank, Receipt
from deskbell.core.outcome import Fault
from deskbell.net.inbound import WINDOW_S, Call, Genuine, Stamp

RANKS: Mapping[str, Rank] = {
    "processed": Rank.SENT,
    "deferred": Rank.SENT,
    "delivered": Rank.DELIVERED,
    "open": Rank.READ,
    "click": Rank.READ,
    "bounce": Rank.FAILED,
    "dropped": Rank.FAILED,
}
_STAMP = Stamp("x-twilio-email-event-webhook-timestamp", "s")
_BEHIND = re.compile(r"\.(filter|recv)")  # an event's id of a message has more behind the one that sending it gave


@dataclass(frozen=True, slots=True)
class SendGridSigned:
    """ECDSA over the time and the body. The secret is no secret: it is the public key, as SendGrid's page shows it."""

    header: str = "x-twilio-email-event-webhook-signature"

    def check(self, call: Call, secrets: Sequence[str], now: float) -> Genuine | None:
        stamp, shown = call.header(_STAMP.header), call.header(self.header)
        if _STAMP.age(stamp, now) > WINDOW_S:
            return None
        signed = stamp.encode() + call.body
        if not any([_signed_by(key, shown, signed) for key in secrets]):  # noqa: C419 - every key is tried
            return None
        return Genuine(hashlib.sha256(signed).hexdigest())


def _signed_by(key: str, shown: str, signed: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    try:
        public = load_der_public_key(base64.b64decode(key, validate=True))
        if not isinstance(public, ec.EllipticCurvePublicKey):
            return False
        public.verify(base64.b64decode(shown, validate=True), signed, ec.ECDSA(SHA256()))
    except (InvalidSignature, ValueError):
        return False
    return True


def events(call: Call, _conf: object) -> Sequence[Heard]:
    """Several at once, in any order."""
    return [_receipt(row) for row in call.data if row.get("event") in RANKS and row.get("sg_message_id")]


def _receipt(row: Mapping[str, str]) -> Receipt:
    message, rank = _BEHIND.split(row["sg_message_id"])[0], RANKS[row["event"]]
    if rank is not Rank.FAILED:
        return Receipt(message, rank)
    # What was blocked may get through another time; a mailbox that is not there, or has had enough, stays so.
    fault = None if row.get("type") == "blocked" else Fault.TARGET
    return Receipt(message, rank, str(row.get("reason") or row["event"]), fault)
