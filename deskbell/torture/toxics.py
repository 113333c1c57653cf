"""What may happen to a request on its way, and how often: the network's own troubles, and the vendors' refusals.

A refusal is answered here instead of by the stand-in, in the vendor's own words, and the stand-in never hears of the
request. What is done to an answer is done after the stand-in has accepted: these are the answers that get lost.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from enum import StrEnum

import orjson


class Toxic(StrEnum):
    NONE = "none"
    # before the vendor saw it
    REFUSED = "refused"  # the vendor says no, in one of its ways
    RESET = "reset"  # RST instead of a connection
    DROPPED = "dropped"  # nobody answers, until the caller gives up
    # after the vendor accepted
    CUT = "cut"  # RST instead of the answer
    HALF = "half"  # the first half of the answer, and the end of the connection
    GARBLED = "garbled"  # an answer that is no JSON any more
    SILENT = "silent"  # the answer never comes, the connection stays
    # a nuisance, and no more
    DELAYED = "delayed"
    DRIBBLED = "dribbled"  # byte after byte: a slow loris


LOST = frozenset({Toxic.CUT, Toxic.HALF, Toxic.GARBLED, Toxic.SILENT})  # accepted, and the caller can't know
# Shares of all faults. What makes a lane wait for a whole timeout is rare: there are 20000 answers in a run.
SHARES: Mapping[Toxic, float] = {
    Toxic.REFUSED: 0.60,
    Toxic.RESET: 0.08,
    Toxic.CUT: 0.10,
    Toxic.HALF: 0.05,
    Toxic.GARBLED: 0.05,
    Toxic.DELAYED: 0.09,
    Toxic.DRIBBLED: 0.02,
    Toxic.DROPPED: 0.005,
    Toxic.SILENT: 0.005,
}
LIMITED_SHARE = 0.2  # of the refusals: each makes a whole room wait
DELAYS_S = (0.05, 1.0)
DRIBBLE_S = 0.002  # a byte
TLS_SHARE = 0.1  # of the connections, times the rate of faults


@dataclass
class Dice:
    """One vendor's share of the plan: the same seed throws the same faults in the same order of requests."""

    vendor: str
    rate: float
    seed: str
    on: bool = True
    thrown: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.chance = random.Random(f"{self.seed} {self.vendor}")  # noqa: S311 - a plan, not a secret

    def throw(self) -> Toxic:
        toxic = Toxic.NONE
        if self.on and self.chance.random() < self.rate:
            toxic = self.chance.choices(list(SHARES), list(SHARES.values()))[0]
        self.thrown[str(toxic)] = self.thrown.get(toxic, 0) + 1
        return toxic

    def paper(self, bad: Sequence[str]) -> str:
        """Which certificate a new connection is shown; "" for the good one."""
        if not (self.on and self.chance.random() < self.rate * TLS_SHARE):
            return ""
        name = self.chance.choice(bad)
        self.thrown[name] = self.thrown.get(name, 0) + 1
        return name

    def delay(self) -> float:
        return self.chance.uniform(*DELAYS_S)

    def refusal(self, now: datetime) -> bytes:
        """A whole answer in which the vendor says no."""
        if self.chance.random() < LIMITED_SHARE:
            return limited(self.vendor, self.chance.choice(FORMS), now)
        return self.chance.choice(BROKEN)(self.vendor)


# ---------------------------------------------------------------- the vendors' refusals

FORMS = ("seconds", "date", "absent", "fraction")  # of Retry-After
_PAGE = b"<!DOCTYPE html><html><head><title>Error 1015</title></head><body>You are being rate limited</body></html>"
_REASONS = {200: "OK", 429: "Too Many Requests", 500: "Internal Server Error", 503: "Service Unavailable"}


def answer(status: int, body: bytes, kind: str = "application/json", **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} {_REASONS[status]}", f"Content-Type: {kind}", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def limited(vendor: str, form: str, now: datetime) -> bytes:
    """429, with Retry-After in one of its forms."""
    after = {
        "seconds": "1",
        "date": format_datetime((now + timedelta(seconds=1)).astimezone(UTC), usegmt=True),
        "absent": "",
        "fraction": "0.5",
    }[form]
    body = orjson.dumps(_LIMITED.get(vendor, {"error": "too many requests"}))
    return answer(429, body, **({"Retry_After": after} if after else {}))


_LIMITED: Mapping[str, Mapping[str, object]] = {
    "slack": {"ok": False, "error": "ratelimited"},
    "teams": {"error": {"code": "429", "message": "Too many requests"}},
    "telegram": {
        "ok": False,
        "error_code": 429,
        "description": "Too Many Requests: retry after 1",
        "parameters": {"retry_after": 1},
    },
    "discord": {"message": "You are being rate limited.", "retry_after": 0.5, "global": False},
}
_SAYS_NO: Mapping[str, Mapping[str, object]] = {
    "slack": {"ok": False, "error": "internal_error"},
    "telegram": {"ok": False, "error_code": 500, "description": "Internal Server Error"},
}


def _internal(_vendor: str) -> bytes:
    return answer(500, b'{"error": "internal"}')


def _unavailable(_vendor: str) -> bytes:
    return answer(503, b"upstream connect error", "text/plain", Retry_After="1")


def _page(_vendor: str) -> bytes:
    return answer(200, _PAGE, "text/html")


def _says_no(vendor: str) -> bytes:
    return answer(200 if vendor in _SAYS_NO else 500, orjson.dumps(_SAYS_NO.get(vendor, {"error": "no"})))


def _truncated(_vendor: str) -> bytes:
    return answer(200, b'{"ok": true, "result": {"message_')


BROKEN = (_internal, _unavailable, _page, _says_no, _truncated)


def garbled(data: bytes) -> bytes:
    """The same length, and no JSON any more."""
    head, gap, body = data.partition(b"\r\n\r\n")
    return head + gap + bytes(byte ^ 0x5A for byte in body)
