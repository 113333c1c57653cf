"""A vendor from a description of it: which calls it knows, who may call, what it answers, and how it refuses.

It refuses what the vendor refuses: another path, another login, a field that is missing or too long, markup that it
does not take. What it took is kept; asked twice under one key, it does nothing twice, where the vendor has such keys.
"""

import base64
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qsl

import orjson
from aiohttp import web

from deskbell.sandbox.clock import Clock
from deskbell.sandbox.faults import Fault, Faults
from deskbell.sandbox.ledger import Ledger
from deskbell.sandbox.web import reply, with_trouble

FORM = "application/x-www-form-urlencoded"
# What text may be marked up with; the rest would be a stranger's.
TAGS = frozenset(
    "b strong i em u s code pre a p br ul ol li table tr td th h1 h2 h3 hr body blockquote".split()  # noqa: SIM905 - a list of 24 is hard to read
)


@dataclass(slots=True)
class Asked:
    """One request as it came. `parts` are the named parts of its path, `fields` its form or JSON."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    fields: Any
    body: str = ""
    url: str = ""  # whole, as the caller has it
    parts: Mapping[str, str] = field(default_factory=dict)
    id: str = ""  # of what this request makes
    told: "list[Told]" = field(default_factory=list)  # what was taken before
    stands: Mapping[str, str] = field(default_factory=dict)  # what people did there: open, acked or resolved, by record

    def records(self, ids: Iterable[str]) -> "list[tuple[str, str]]":
        """Those that are there, each with how it stands."""
        made = {one.id for one in self.told}
        return [(ident, self.stands.get(ident, "open")) for ident in ids if ident in made]


@dataclass(slots=True)
class Told:
    """Something that the vendor took: a message that people got, or a record, or a change of one."""

    way: str
    id: str
    key: str
    fields: Any
    parts: Mapping[str, str] = field(default_factory=dict)
    at: float = 0.0


Answer = tuple[int, Any]  # status and JSON; a text is sent as it is


@dataclass(frozen=True, slots=True)
class Way:
    """One call that the vendor knows. `path` has its variable parts in braces; `needs` and `most` are by place in the
    body ("payload.summary"), `most` in characters, `html` must hold nothing but ordinary markup.
    """

    name: str
    method: str
    path: str
    answer: Callable[[Asked], Any] = lambda _asked: {}
    status: int = 200
    needs: tuple[str, ...] = ()
    most: Mapping[str, int] = field(default_factory=dict)
    html: tuple[str, ...] = ()
    reads: bool = False  # it tells, and makes nothing
    of: str = ""  # which part of the path, or place in the body, names a record that must be there
    refuses: Callable[[Asked], str] = lambda _asked: ""  # the vendor's code for what it has against this one
    gives: Callable[[Asked], Mapping[str, str]] = lambda _asked: {}  # headers of a success
    names: Callable[[Asked], str] = lambda _asked: ""  # the id that the caller wants it to have, if any
    says: str = ""  # where all calls have one path: what stands in the body of this one

    def fits(self, method: str, path: str) -> Mapping[str, str] | None:
        pattern = re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(self.path))
        match = re.fullmatch(pattern, path) if method == self.method else None
        return None if match is None else match.groupdict()


def plain_error(code: str) -> Answer:
    """Where the status is all that the vendor says."""
    return int(code) if code.isdigit() and len(code) == 3 else 400, {"error": code}


@dataclass(frozen=True, slots=True)
class Login:
    """Where tokens are given, for a form that says all of `form` and is `good`, and how one is shown. The answer calls
    it `token`; `more` comes with each.
    """

    path: str
    form: Mapping[str, str] = field(default_factory=dict)
    scheme: str = "Bearer"
    more: Mapping[str, Any] = field(default_factory=dict)
    token: str = "access_token"  # noqa: S105 - what it is called
    good: Callable[[Asked], bool] = lambda _asked: True


@dataclass(frozen=True, slots=True)
class Vendor:
    """`conf` and `address` are settings that fit, as a configuration and a destination would have them, with {base} for
    where the stand-in listens ({place}: the same without http://). `limits` are the forms in which it says that it was
    asked too often: status, headers, body. Who may call is whom it `knows`, or who has a token of its `login`.
    """

    name: str
    ways: tuple[Way, ...]
    knows: Callable[[Asked], bool] | None = None
    login: Login | None = None
    conf: Mapping[str, Any] = field(default_factory=dict)
    address: str = ""
    options: Mapping[str, str] = field(default_factory=dict)
    error: Callable[[str], Answer] = plain_error  # how it words a code of its own
    limits: tuple[tuple[int, Mapping[str, str], Any], ...] = ((429, {"Retry-After": "7"}, {}),)
    key: Callable[[Asked], str] = lambda _asked: ""
    new_id: Callable[[int], str] = str
    unauthorised: Answer = (401, {"error": "unauthorized"})
    missing: Answer = (404, {"error": "not found"})
    reads: Callable[[Any], Any] = lambda fields: fields  # a body that is packed, as people would see it


class StandIn:
    """The vendor at work under /vendors/NAME. `calls` is every request, `told` what it took; tests may set `faults`:
    500, 401, lost, drop, html, slow, 429 (429.1 for its second form), and code.X for an error of its own.
    """

    def __init__(self, vendor: Vendor, clock: Clock, ledger: Ledger) -> None:
        self.vendor, self.clock, self.ledger = vendor, clock, ledger
        self.name = vendor.name
        self.faults = Faults(clock)
        self.calls: list[Asked] = []
        self.told: list[Told] = []
        self.refused: list[str] = []
        self.stands: dict[str, str] = {}
        self.given = 0  # tokens; the newest alone is good
        self.url = ""  # of the server, once it listens
        self.port = 0  # the same of what does not speak HTTP

    @property
    def base(self) -> str:
        return self.url + self.prefix

    def settings(self) -> dict[str, Any]:
        """The vendor's part of a configuration."""
        given = {"base_url": "{base}"} | dict(self.vendor.conf)
        return {name: self._placed(value) for name, value in given.items() if value is not None}

    def address(self) -> str:
        return str(self._placed(self.vendor.address))

    def _placed(self, value: Any) -> Any:
        if value == "{port}":
            return self.port
        if callable(value):  # what takes a while to make, and is not always wanted
            return value()
        if not isinstance(value, str):
            return value
        return value.replace("{base}", self.base).replace("{place}", self.base.partition("//")[2])

    @property
    def prefix(self) -> str:
        return f"/vendors/{self.name}"

    def add_routes(self, router: web.UrlDispatcher) -> None:
        router.add_route("*", self.prefix + "{rest:(/.*)?}", self._receive)

    async def _receive(self, request: web.Request) -> web.StreamResponse:
        asked = await _asked(request, self.vendor.reads)
        self.calls.append(asked)
        way = self._way(asked)
        places = {request.method, way.name if way else "login"}

        async def handle(_request: web.Request) -> web.StreamResponse:
            response = self._sent(self._handle(asked, way))
            if way is not None and response.status < 300:
                response.headers.update(way.gives(asked))
            return response

        return await with_trouble(request, self.faults, places, handle, self._trouble)

    def take(self, asked: Asked) -> Answer:
        """A request that came by another way than HTTP."""
        self.calls.append(asked)
        return self._handle(asked, self._way(asked))

    def _way(self, asked: Asked) -> Way | None:
        for way in self.vendor.ways:
            if (parts := way.fits(asked.method, asked.path)) is not None and way.says in asked.body:
                asked.parts = parts
                return way
        return None

    def _handle(self, asked: Asked, way: Way | None) -> Answer:
        login = self.vendor.login
        if login is not None and (asked.method, asked.path) == ("POST", login.path):
            return self._give(login, asked)
        if not self._knows(asked):
            return self._refuse("login", self.vendor.unauthorised)
        if way is None:
            return self._refuse(f"{asked.method} {asked.path}", self.vendor.missing)
        record = asked.parts.get(way.of) or dig(asked.fields, way.of) if way.of else ""
        if way.of and not any(one.id == record for one in self.told):
            return self._refuse(f"no record {record}", self.vendor.missing)
        if wrong := _wrong(way, asked.fields):
            return self._refuse(wrong, (400, {"error": wrong, "errors": [wrong], "message": wrong}))
        asked.told, asked.stands = self.told, self.stands
        if code := way.refuses(asked):
            return self._refuse(code, self.vendor.error(code))
        if not way.reads:
            asked.id = self._take(way, asked)
        return way.status, way.answer(asked)

    def _knows(self, asked: Asked) -> bool:
        if self.vendor.knows is not None:
            return self.vendor.knows(asked)
        scheme = self.vendor.login.scheme if self.vendor.login else ""
        return self.given > 0 and asked.headers.get("authorization") == f"{scheme} {self._token}".strip()

    @property
    def _token(self) -> str:
        return f"sandbox-{self.name}-token-{self.given}"

    def _give(self, login: Login, asked: Asked) -> Answer:
        if any(dig(asked.fields, name) != value for name, value in login.form.items()) or not login.good(asked):
            return self._refuse("login", (400, {"error": "invalid_client"}))
        self.given += 1
        more = {name: self._placed(value) for name, value in login.more.items()}
        return 200, {login.token: self._token, "token_type": login.scheme, "expires_in": 3600, **more}

    def _take(self, way: Way, asked: Asked) -> str:
        """Keeps it once; the id of what it is kept as."""
        key = self.vendor.key(asked)
        if key and (known := next((one for one in self.told if one.key == key and one.way == way.name), None)):
            self.ledger.note(self.name, "repeated", way=way.name, id=known.id)
            return known.id
        number = way.names(asked) or self.vendor.new_id(len(self.told) + 1)
        self.told.append(Told(way.name, number, key, asked.fields, asked.parts, self.clock.time()))
        self.ledger.note(self.name, "told", way=way.name, id=number)
        return number

    def _refuse(self, why: str, answer: Answer) -> Answer:
        self.refused.append(why)
        self.ledger.note(self.name, "rejected", why=why)
        return answer

    def _trouble(self, fault: Fault) -> web.Response:
        self.ledger.note(self.name, "trouble", fault=fault.kind)
        kind, _, which = fault.kind.partition(".")
        if kind == "code":
            return self._sent(self.vendor.error(which))
        if kind == "429":
            status, headers, body = self.vendor.limits[int(which or 0)]
            response = self._sent((status, body))
            response.headers.update(headers)
            return response
        return self._sent(self.vendor.unauthorised if kind == "401" else (int(kind), {"error": "out of order"}))

    def _sent(self, answer: Answer) -> web.Response:
        status, value = answer
        return web.Response(text=value, status=status) if isinstance(value, str) else reply(value, status)


async def _asked(request: web.Request, reads: Callable[[Any], Any]) -> Asked:
    raw = await request.read()
    headers = {name.lower(): value for name, value in request.headers.items()}
    path = request.match_info["rest"] or "/"
    text = raw.decode("utf-8", "replace")
    fields = reads(_fields(headers, raw))
    return Asked(request.method, path, dict(request.query), headers, fields, text, str(request.url))


def _fields(headers: Mapping[str, str], raw: bytes) -> Any:
    if headers.get("content-type", "").startswith(FORM):
        return dict(parse_qsl(raw.decode(), keep_blank_values=True))
    try:
        return orjson.loads(raw) if raw else {}
    except orjson.JSONDecodeError:
        return {}


def _wrong(way: Way, fields: Any) -> str:
    for place in way.needs:
        if not dig(fields, place):
            return f"{place} is missing"
    for place, most in way.most.items():
        if len(str(dig(fields, place) or "")) > most:
            return f"{place} is longer than {most}"
    for place in way.html:
        if strange := tags(str(dig(fields, place) or "")) - TAGS:
            return f"{place} has markup that is not allowed: {', '.join(sorted(strange))}"
    return ""


def dig(value: Any, place: str) -> Any:
    """What stands at a place like "messages.0.to"; None where there is no such place."""
    for name in place.split("."):
        if isinstance(value, Mapping):
            value = value.get(name)
        elif isinstance(value, list) and name.isdigit() and int(name) < len(value):
            value = value[int(name)]
        else:
            return None
    return value


def tags(text: str) -> set[str]:
    """The markup in a text."""
    found: set[str] = set()
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, attrs: found.add(tag)  # type: ignore[method-assign]  # noqa: ARG005 - its own
    parser.feed(text)
    parser.close()
    return found


# ---------------------------------------------------------------- who may call


def basic(user: str, password: str) -> Callable[[Asked], bool]:
    wanted = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
    return lambda asked: asked.headers.get("authorization") == wanted


def header(name: str, value: str) -> Callable[[Asked], bool]:
    return lambda asked: asked.headers.get(name.lower()) == value


def in_body(place: str, value: str) -> Callable[[Asked], bool]:
    return lambda asked: dig(asked.fields, place) == value
