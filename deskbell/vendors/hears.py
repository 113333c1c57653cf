"""How a vendor that is no chat calls us: how it proves itself, and what its calls say. Data, and pure functions."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote

from deskbell.core.heard import Heard, Passed, Raise
from deskbell.net.inbound import Call, InPath, Way
from deskbell.vendors.hooks import MOST_SECRETS, SHORTEST

ROOT = "/inbound"


@dataclass(frozen=True, slots=True)
class VendorHook:
    """Lets a vendor call `POST /inbound/NAME`, NAME being that of its channel."""

    secrets: tuple[str, ...] = field(default=(), repr=False)
    verify: str = field(default="", repr=False)  # what it must say that first asks whether the address is ours
    raises: str = ""  # the team of alerts that the vendor's calls may raise; empty: they raise none

    def __post_init__(self) -> None:
        if len(self.secrets) > MOST_SECRETS:
            raise ValueError(
                f"secrets must be at most {MOST_SECRETS}: the one in use, and the next while you change it"
            )
        if any(len(secret) < SHORTEST for secret in (*self.secrets, *filter(None, [self.verify]))):
            raise ValueError(f"each of the secrets, and verify, must be at least {SHORTEST} characters")


@dataclass(frozen=True, slots=True)
class Thanks:
    """What the vendor is answered, once what it said is kept."""

    status: int = 200
    body: str = ""
    kind: str = "text/plain"


def nothing_asked(_call: Call, _hook: VendorHook) -> Thanks | None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Hears:
    """What is declared of a vendor that calls us.

    `way` is made of the channel's settings; `read` gives what a proven call says, and raises KeyError, TypeError or
    ValueError for a body that is none of the vendor's. Where nothing but a secret in the path proves a call, `read` is
    left out: the call only has us ask at once (`Service.asks`), and what it said itself counts for nothing.
    """

    way: Callable[[Any], Way]
    read: Callable[[Call, Any], Sequence[Heard]] | None = None
    secrets: str = "16 characters of chance"  # what belongs into the hook's secrets; empty: it needs none
    greet: Callable[[Call, VendorHook], Thanks | None] = nothing_asked  # what asks first whether the address is ours
    # Of a proven call: an address of the vendor's own that has to be called before it tells us anything.
    confirm: Callable[[Call, Any], str] = lambda _call, _conf: ""
    thanks: Thanks = Thanks()
    # Instead of `thanks`, where it depends on the call: the settings, and what somebody is to be told of their tap.
    answer: Callable[[Call, Any, Sequence[str]], Thanks] | None = None
    needed: bool = False  # whether nothing can be sent where it may not call us
    words: bool = True  # whether what people write comes this way


@dataclass(frozen=True, slots=True)
class Ear:
    """The hook of one channel, ready to be called."""

    channel: str
    address: str  # as the vendor was told; signatures may be over it
    hears: Hears
    conf: Any
    hook: VendorHook
    way: Way

    @classmethod
    def of(cls, channel: str, hears: Hears, conf: Any, hook: VendorHook, public_url: str) -> "Ear":
        address = f"{public_url.rstrip('/')}{ROOT}/{quote(channel, safe='')}"
        return cls(channel, address, hears, conf, hook, hears.way(conf))

    @property
    def in_path(self) -> bool:
        """Whether the secret is the end of the address."""
        return isinstance(self.way, InPath)

    def read(self, call: Call) -> Sequence[Heard]:
        """What the call says; of the team that the hook names, where it would raise an alert and names none itself."""
        said = self.hears.read(call, self.conf) if self.hears.read else ()
        if not self.hook.raises:
            return [one for one in said if not isinstance(one, Raise | Passed)]
        team = {"team": self.hook.raises}
        return [replace(one, fields=team | dict(one.fields)) if isinstance(one, Raise) else one for one in said]

    def thanks(self, call: Call, told: Sequence[str]) -> Thanks:
        return self.hears.answer(call, self.conf, told) if self.hears.answer else self.hears.thanks

    @property
    def shown(self) -> str:
        """How it is called, for the person who sets it up over there; without the secret."""
        return f"POST {self.address}/SECRET" if self.in_path else f"POST {self.address}"
