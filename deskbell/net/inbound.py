"""Is it really them? How those who call us prove it: each vendor's way as data, checked over the raw bytes.

Every comparison takes the same time wherever the difference is, and every secret is tried, so that two can be valid
while one takes the other's place.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import inf
from typing import Any, Literal, Protocol
from urllib.parse import parse_qsl

import orjson

WINDOW_S = 300.0  # a signed time may be off by so much, either way
TWINS_S = 2.0  # so long after its time a repeat may be another change, told in the same words in the same second
REMEMBERED_S = 3600.0  # so long a signed call is told from its repeat; longer than the window is wide
MOST_FIELDS = 200  # of a form
MOST_SHOWN = 5  # signatures in one header
_DIGITS = re.compile(r"[0-9]{1,16}")


@dataclass(frozen=True, slots=True)
class Call:
    """One call as it came. `address` is where the caller was told to call, from our configuration and never from the
    Host header; `secret` is what stood in the path where the way of proving it wants something there, `query` what came
    behind the question mark, as it came.
    """

    method: str
    address: str
    headers: Mapping[str, str]
    body: bytes
    secret: str = ""
    query: str = ""

    def header(self, name: str) -> str:
        """By its name in lower case; the first one, should there be several."""
        return next((value for key, value in self.headers.items() if key.lower() == name), "")

    @property
    def url(self) -> str:
        """The whole address, with what came behind the question mark."""
        return f"{self.address}?{self.query}" if self.query else self.address

    @property
    def form(self) -> list[tuple[str, str]]:
        """The fields of a form, in order. Raises ValueError where the body is none."""
        return parse_qsl(self.body.decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS)

    @property
    def data(self) -> Any:
        """The body's JSON. Raises ValueError where it is none."""
        return orjson.loads(self.body)


@dataclass(frozen=True, slots=True)
class Genuine:
    """`proof` tells the call from all others, so that a repeat is seen; empty where nothing in it could.

    `young`: it is of this very second, in which another change may be told in the same words.
    """

    proof: str = ""
    young: bool = False


class Way(Protocol):
    """One way of proving it."""

    @property
    def header(self) -> str:
        """The header, in lower case, that the proof is in; empty where it is none."""
        ...

    def check(self, call: Call, secrets: Sequence[str], now: float) -> Genuine | None:
        """None when it is not genuine. `now` is in seconds since 1970."""
        ...


@dataclass(frozen=True, slots=True)
class Stamp:
    """The header with the time of the call: seconds or milliseconds since 1970, or as ISO 8601 has it."""

    header: str
    unit: Literal["s", "ms", "iso"]

    def age(self, text: str, now: float) -> float:
        """How far it is from now, either way, in seconds; endless when it is no such time."""
        if self.unit == "iso":
            return _age(text, now)
        return abs(now - int(text) / (1000 if self.unit == "ms" else 1)) if _DIGITS.fullmatch(text) else inf


def _age(text: str, now: float) -> float:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return inf
    return abs(now - moment.timestamp()) if moment.tzinfo is not None and 1970 < moment.year < 9999 else inf


@dataclass(frozen=True, slots=True)
class Hmac:
    """A keyed digest of the parts: method, address, stamp and body, in the vendor's order, with `between` them."""

    header: str
    parts: tuple[Literal["method", "address", "stamp", "body"], ...] = ("body",)
    stamp: Stamp | None = None
    algorithm: Literal["sha1", "sha256"] = "sha256"
    written: Literal["hex", "base64"] = "hex"
    before: str = ""  # what stands before the digest in its header
    between: bytes = b""
    unique: bool = False  # no two bodies are alike, since each has an id of its own
    several: bool = False  # the header may have more than one, with commas between: any may fit

    def check(self, call: Call, secrets: Sequence[str], now: float) -> Genuine | None:
        stamp = call.header(self.stamp.header) if self.stamp else ""
        age = self.stamp.age(stamp, now) if self.stamp else 0.0
        if age > WINDOW_S:
            return None
        given = call.header(self.header).encode("utf-8", "surrogatepass")
        shown = [one.strip() for one in given.split(b",")[:MOST_SHOWN]] if self.several else [given]
        made = [self.sign(call, secret, stamp).encode() for secret in secrets]
        fits = [hmac.compare_digest(one, other) for one in made for other in shown]
        if not any(fits):
            return None
        if self.unique or self.stamp:
            return Genuine(hashlib.sha256(given).hexdigest(), young=self.stamp is not None and age <= TWINS_S)
        return Genuine()  # several changes may be told in the same words

    def sign(self, call: Call, secret: str, stamp: str = "") -> str:
        """What the header has to say."""
        said = {
            "method": call.method.encode(),
            "address": call.address.encode(),
            "stamp": stamp.encode("utf-8", "surrogatepass"),
            "body": call.body,
        }
        made = hmac.new(secret.encode(), self.between.join(said[part] for part in self.parts), self.algorithm)
        return self.before + (made.hexdigest() if self.written == "hex" else base64.b64encode(made.digest()).decode())


@dataclass(frozen=True, slots=True)
class InHeader:
    """The secret itself, in a header."""

    header: str

    def check(self, call: Call, secrets: Sequence[str], now: float) -> Genuine | None:  # noqa: ARG002
        return _same(call.header(self.header), secrets)


@dataclass(frozen=True, slots=True)
class InPath:
    """The secret itself, at the end of the address."""

    header: str = ""

    def check(self, call: Call, secrets: Sequence[str], now: float) -> Genuine | None:  # noqa: ARG002
        return _same(call.secret, secrets)


@dataclass(frozen=True, slots=True)
class Login:
    """HTTP basic authentication; the secret is `user:password`."""

    header: str = "authorization"

    def check(self, call: Call, secrets: Sequence[str], now: float) -> Genuine | None:  # noqa: ARG002
        scheme, _, coded = call.header(self.header).partition(" ")
        try:
            pair = base64.b64decode(coded.strip(), validate=True).decode()
        except (binascii.Error, ValueError):
            return None
        return _same(pair, secrets) if scheme.casefold() == "basic" else None


def _same(given: str, secrets: Sequence[str]) -> Genuine | None:
    """Digests are compared, so that not even the length of a secret shows."""
    asked = hashlib.sha256(given.encode("utf-8", "surrogatepass")).digest()
    fits = [hmac.compare_digest(hashlib.sha256(secret.encode()).digest(), asked) for secret in secrets]
    return Genuine() if any(fits) else None


_ZENDESK = "x-zendesk-webhook-signature"
_ZENDESK_STAMP = Stamp("x-zendesk-webhook-signature-timestamp", "iso")

WAYS: Mapping[str, Way] = {
    "header": InHeader("x-deskbell-secret"),
    "path": InPath(),
    "basic": Login(),
    # Whoever can run a script signs like this: hex HMAC-SHA256 of "<seconds since 1970>.<body>".
    "signed": Hmac("x-deskbell-signature", ("stamp", "body"), Stamp("x-deskbell-timestamp", "s"), between=b"."),
    # https://developer.zendesk.com/documentation/webhooks/verifying/
    "zendesk": Hmac(_ZENDESK, ("stamp", "body"), _ZENDESK_STAMP, written="base64"),
    # As an older edition of that page had it.
    "zendesk_old": Hmac(_ZENDESK, ("body", "stamp"), _ZENDESK_STAMP, written="base64"),
    # https://developers.hubspot.com/docs/api/webhooks/validating-requests
    "hubspot": Hmac(
        "x-hubspot-signature-v3",
        ("method", "address", "body", "stamp"),
        Stamp("x-hubspot-request-timestamp", "ms"),
        written="base64",
    ),
    # https://developers.intercom.com/docs/references/webhooks/webhook-models
    "intercom": Hmac("x-hub-signature", algorithm="sha1", before="sha1=", unique=True),
    # https://developer.getjobber.com/docs/using_jobbers_api/setting_up_webhooks/
    "jobber": Hmac("x-jobber-hmac-sha256", written="base64"),
}
