"""The shape of a vendor's file: requests built without I/O from a Notice and the settings, and a Service that says the
rest. `channels/engine.py` does everything else, the same for all of them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from datetime import datetime, timedelta
from enum import StrEnum
from re import Pattern
from typing import Any, Final, Literal

from deskbell.core.alert import Severity
from deskbell.core.heard import Heard, Waiting
from deskbell.core.outcome import Fault
from deskbell.core.ports import Limit
from deskbell.core.sizes import Size
from deskbell.net.answers import Reply
from deskbell.net.auth import Auth
from deskbell.vendors.hears import Hears


class Role(StrEnum):
    NOTIFY = "N"  # tells people
    RECORD = "R"  # opens a record and keeps it in step with the alert
    TRIGGER = "T"  # something there makes an alert here
    ACKNOWLEDGE = "A"  # people can answer from there


class Again(StrEnum):
    """What happens when the answer was lost, so that nobody knows whether the vendor has it."""

    KEY = "key"  # sent again: the vendor knows our key, and does nothing twice
    LOOK_UP = "look-up"  # looked up first
    NEITHER = "by severity"  # P1 and P2 are sent again; of the others none comes twice


@dataclass(frozen=True, slots=True)
class Notice:
    """What is to be told, as plain text and data. `key` is of this one message and the same at each try; `about` is of
    its alert, and of no other alert ever.
    """

    key: str
    about: str
    ref: str = ""  # what people call the alert: "D-4821"
    severity: Severity = Severity.P3
    line: str = ""  # one line that says it all: "[P1] D-4821 Marco Bianchi is 25 min late at ..."
    title: str = ""
    summary: str = ""
    text: str = ""  # everything, in several lines
    facts: tuple[tuple[str, str], ...] = ()
    url: str = ""  # of the job or ticket, in its source
    link: str = ""  # of the alert's page here, where it is answered
    code: str = ""  # the two digits that `link` asks for, where it is one person's own
    token: str = ""  # of that link: an answer that comes back to an address with it is about the alert
    say: str = ""  # how it is answered by writing back: "Reply ACK 4821"; empty where nobody would hear it
    hook: str = ""  # where the vendor is to tell what becomes of it; empty: nowhere
    said: str = ""  # what happened: a line of the alert's story
    html: str = ""  # of a letter to a customer
    to: str = ""  # a destination's address, or a person's account
    options: Mapping[str, str] = field(default_factory=dict)  # the destination's
    record: Mapping[str, str] = field(default_factory=dict)  # `id` and `url` that opening the record gave
    at: datetime | None = None  # now
    since: datetime | None = None  # for `find`: what is older is another message


@dataclass(frozen=True, slots=True)
class Request:
    """`path` begins with a slash. A body is JSON or a form."""

    path: str
    json: Any = None
    form: Mapping[str, str] | None = None
    method: str = "POST"
    params: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


Pick = str | Callable[[Reply, Notice], str]  # where in an answer a value is: "data.messages.0.id", or whatever finds it
Build = Callable[[Notice, Any], Request]  # the notice and the settings


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a vendor. `then`: a second one follows, whose notice has what the first one gave as its record.

    A `url` that begins with a slash is below the setting `web_url`, or else where the vendor is called.
    """

    build: Build
    id: Pick = ""
    url: Pick = ""
    ok: frozenset[int] = frozenset(range(200, 300))
    plain: bool = False  # its answer need not be JSON
    then: "Call | None" = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What the vendor is asked once a minute, because it does not call us, or might not have.

    Of "messages" (those handed over in the last day of which nothing final is known), of "answers" to them (those of
    open alerts), of "records" (those of live alerts), at most `most` in one request; or the "inbox", what was written
    since it was last asked for. `read` gives what the answer says; it raises KeyError, TypeError or ValueError where it
    says nothing that makes sense.
    `base`, `auth` and `transport` where it is another system than the one that is told. `kept` builds what it is told
    once what it said is durable here, if anything.
    """

    of: Literal["messages", "answers", "records", "inbox"]
    build: Callable[[Waiting, Any], Request]
    read: Callable[[Reply, Waiting, Any], Sequence[Heard]]
    most: int = 1
    base: Callable[[Any, str], str] | None = None
    auth: Callable[[Any], Auth] | None = None
    transport: Callable[..., Any] | None = None
    kept: Callable[[Reply, Any], Request | None] = lambda _reply, _conf: None
    ready: Callable[[Any], bool] = lambda _conf: True  # whether the settings have what it takes
    fits: Callable[[str], bool] = lambda _id: True  # of which ids it can be asked


RETRY: Final = "retry"
LIMITED: Final = "limited"  # as a 429: everybody there is left alone for a while, and it is no failed try
Class = Fault | Literal["retry", "limited"]


@dataclass(frozen=True, slots=True)
class Address:
    """What a destination's `address` must look like. A secret one is hidden wherever text leaves the process."""

    pattern: Pattern[str]
    hint: str
    secret: bool = False


def per_second(count: int, op: str = "post") -> tuple[Limit, ...]:
    """So many messages of the account; with "any", whatever else it is asked counts too."""
    return (Limit(op, "account", count, timedelta(seconds=1)),)


def no_code(_reply: Reply) -> str:
    return ""


def base_url(conf: Any, _to: str) -> str:
    return str(conf.base_url)


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A vendor. Its settings are a dataclass: a field without a value must be given, one without a repr is a secret.

    Of the calls, `send` tells people; `open`, `note`, `progress` (somebody has it), `reopen` and `close` are of a
    record, and `find` gives the id of a message or record whose answer was lost.
    """

    name: str
    title: str
    roles: frozenset[Role]
    docs: str
    conf: type[Any]
    auth: Callable[[Any], Auth]
    address: Address
    base: Callable[[Any, str], str] = base_url  # of the settings and a destination's address
    options: Mapping[str, str] = field(default_factory=dict)  # that a destination may have, and what they mean

    send: Call | None = None
    # It is opened for whom the alert is about, once somebody has acknowledged it; unless a destination has an address.
    of_person: bool = False
    open: Call | None = None
    note: Call | None = None
    progress: Call | None = None
    reopen: Call | None = None
    close: Call | None = None
    find: Call | None = None

    again: Again
    keyed: Pattern[str] | None = None  # addresses that know a key, where the others do not
    code: Callable[[Reply], str] = no_code  # the vendor's word for what is wrong, also inside a success; else nothing
    errors: Mapping[str, Class] = field(default_factory=dict)  # by code, by "213*", or by status where there is no code
    reason: Callable[[Reply], str] = no_code  # the vendor's own explanation
    resets: tuple[str, ...] = ()  # headers that say when a limit ends, beside Retry-After
    limits: tuple[Limit, ...] = ()
    sizes: Mapping[str, Size] = field(
        default_factory=dict
    )  # by place in the body: "payload.summary", "messages.*.body"
    transport: Callable[..., Any] | None = None  # instead of HTTP

    hush: Call | None = None  # what still rings is quiet, once somebody has the alert; of a message, as its record
    rings: Callable[[str], bool] = lambda _id: True  # which messages ring on by themselves
    hears: Hears | None = None  # how it calls us, and what its calls say
    asks: tuple[Ask, ...] = ()  # what it is asked instead, or as well

    answers: tuple[str, ...] = ("ack", "note")  # what answers may do unless the settings say otherwise
    acks: str = ""  # how people answer from there
    receipts: str = ""  # how the vendor says what became of a message

    def means(self, code: str) -> Class | None:
        """By the code itself, else by the longest beginning of it that is known."""
        known = [code] + [f"{code[:n]}*" for n in range(len(code), 0, -1)]
        return next((self.errors[name] for name in known if name in self.errors), None)

    def needed(self) -> tuple[str, ...]:
        """The settings that have no usual value."""
        return tuple(f.name for f in fields(self.conf) if f.default is MISSING and f.default_factory is MISSING)


def dig(data: Any, path: str) -> str:
    """What stands in an answer at a path like "data.messages.0.id"; nothing where there is no such place."""
    for name in path.split("."):
        if isinstance(data, Mapping):
            data = data.get(name)
        elif isinstance(data, list) and name.isdigit() and int(name) < len(data):
            data = data[int(name)]
        else:
            return ""
    return str(data) if isinstance(data, str | int) and not isinstance(data, bool) else ""


def picked(pick: Pick, reply: Reply, notice: Notice) -> str:
    return dig(reply.data, pick) if isinstance(pick, str) else pick(reply, notice)


def at(path: str) -> Callable[[Reply], str]:
    """For `code` and `reason`: what stands at a path of the answer's JSON."""
    return lambda reply: dig(reply.data, path)
