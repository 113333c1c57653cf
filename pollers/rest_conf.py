"""How a JSON API is described in the configuration, checked when it is read."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Literal, Protocol

import jmespath
from jmespath.exceptions import JMESPathError

from deskbell.core.ports import WriteKind
from deskbell.core.records import KINDS, STATUSES, Priority
from deskbell.net import auth
from deskbell.net.egress import checked_base
from pollers.conf import Writeback
from pollers.cursor import OVERLAP

PLACEHOLDER = re.compile(r"\{(\w+)(:int)?\}")
SLA_FIELDS: Mapping[str, str] = {
    "sla_first_response": "first_response",
    "sla_next_reply": "next_reply",
    "sla_resolution": "resolution",
}
_PARAMS = frozenset({"since", "page", "offset", "size", "cursor", "window_start", "window_end"})
_WRITES = frozenset({"id", "text", "marker", "assignee"})
_NOT_MAPPED = frozenset({"source", "slas", "happenings"})


@dataclass(frozen=True, slots=True)
class AuthConf:
    """`kind` says which of the others are needed: basic (user, password), bearer (token), header (header, value),
    oauth2_client_credentials (token_url, client_id, client_secret, scope), oauth2_refresh_token (token_url, client_id,
    client_secret, refresh_token, kept_in), or oauth2_jwt (token_url, issuer, private_key, subject, scope, audience).
    """

    kind: str = "none"
    user: str = ""
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    header: str = ""
    value: str = field(default="", repr=False)
    token_url: str = ""
    client_id: str = ""
    client_secret: str = field(default="", repr=False)
    scope: str = ""
    refresh_token: str = field(default="", repr=False)
    kept_in: str = ""
    scheme: str = ""
    issuer: str = ""
    private_key: str = field(default="", repr=False)
    subject: str = ""
    audience: str = ""

    def made(self) -> auth.Auth:
        given = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "kind" and getattr(self, f.name)}
        return auth.make(self.kind, given)


@dataclass(frozen=True, slots=True)
class Paging:
    """How the API goes on. `page` and `offset` put {page} or {offset} into the params; `cursor` puts the value at
    `cursor` of the last answer into {cursor}; `link_header` and `next_url` (the address at `next`) name the next page.

    `pages` or `total` are paths to how many there are; without them a full page means that more may come.
    """

    kind: Literal["none", "page", "offset", "cursor", "link_header", "next_url"] = "none"
    size: int = 100
    first: int = 1
    cursor: str = ""
    next: str = ""
    pages: str = ""
    total: str = ""


@dataclass(frozen=True, slots=True)
class WriteRule:
    """One way of telling the system. `path` and `body` may hold {id}, {text}, {marker}, {assignee}; a text that is
    nothing but {assignee:int} becomes a number."""

    path: str
    method: str = "POST"
    body: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RestConf:
    """A scheduling system or helpdesk with a JSON API. All expressions are JMESPath (https://jmespath.org).

    strategy `re_anchor`: rows come sorted by their time of change, ascending, and {since} narrows them (the best);
    `sweep`: they are narrowed, but not sorted; `snapshot`: every poll reads all rows of the window.
    `fields` maps names of the kind of record (a Visit, a Case, an Invoice ...) to expressions on a row;
    sla_first_response, sla_next_reply and sla_resolution are due times of a case; the payments of an invoice are a list
    of {id, at, amount, failed, reason}.
    """

    base_url: str
    path: str
    fields: Mapping[str, str]
    name: str = "rest"
    title: str = "Schedule"
    records: Literal["visit", "case", "account", "order", "invoice", "contract", "leave"] = "visit"
    auth: AuthConf = field(default_factory=AuthConf)
    params: Mapping[str, str] = field(default_factory=dict)
    date_format: str = "iso_z"  # or iso_offset, epoch_s, epoch_ms, date, or a strftime pattern
    paging: Paging = field(default_factory=Paging)
    items: str = "@"
    item_path: str = ""  # one row: "/jobs/{id}"; needed to refresh a record and to find a lost note
    item: str = "@"
    strategy: Literal["re_anchor", "sweep", "snapshot"] = "re_anchor"
    status_map: Mapping[str, str] = field(default_factory=dict)
    priority_map: Mapping[str, str] = field(default_factory=dict)
    write: Mapping[str, WriteRule] = field(default_factory=dict)
    writeback: Writeback = field(default_factory=Writeback)
    web_url: str = ""  # for people: "https://app.example.com/jobs/{id}"
    zone: str = "UTC"  # of stamps without an offset, and of sites whose zone is not told
    teams: Mapping[str, str] = field(default_factory=dict)
    team: str = ""
    interval: timedelta = timedelta(seconds=30)
    overlap: timedelta = OVERLAP
    lookback: timedelta = timedelta(days=30)
    full_every: timedelta = timedelta(hours=6)
    window_back: timedelta = timedelta(days=2)
    window_ahead: timedelta = timedelta(days=14)
    max_pages: int = 20
    allow_http: bool = False

    def __post_init__(self) -> None:
        checked_base(self.base_url, allow_http=self.allow_http)
        self.auth.made()
        for problem in self._problems():
            raise ValueError(problem)

    def _problems(self) -> Iterator[str]:
        yield from mapping_problems(self)
        needed = {"id", "status"} | ({"updated_at"} if self.strategy != "snapshot" else set())
        yield from (f"fields: {name} is missing" for name in sorted(needed - set(self.fields)))
        texts = [*self.params.values(), self.item_path, self.web_url, *(rule.path for rule in self.write.values())]
        known_words = _PARAMS | _WRITES | {"number"}
        used = {match[1] for text in texts for match in PLACEHOLDER.finditer(text)}
        yield from (f"{{{word}}} is no placeholder" for word in sorted(used - known_words))
        yield from (f"write: {kind} is not one of {', '.join(WriteKind)}" for kind in self.write if kind not in _KINDS)
        expressions = [*self.fields.values(), self.items, self.item, self.paging.cursor, self.paging.next]
        yield from filter(None, map(_wrong_expression, [*expressions, self.paging.pages, self.paging.total]))


_KINDS = frozenset(kind.value for kind in WriteKind)


class Described(Protocol):
    """What of a configuration decides how a row becomes a record."""

    @property
    def name(self) -> str: ...
    @property
    def records(self) -> str: ...
    @property
    def fields(self) -> Mapping[str, str]: ...
    @property
    def status_map(self) -> Mapping[str, str]: ...
    @property
    def priority_map(self) -> Mapping[str, str]: ...
    @property
    def zone(self) -> str: ...
    @property
    def teams(self) -> Mapping[str, str]: ...
    @property
    def team(self) -> str: ...
    @property
    def web_url(self) -> str: ...


def fields_of(kind: str) -> frozenset[str]:
    """The names that `fields` may map for a kind of record."""
    known = {f.name for f in fields(KINDS[kind])} - _NOT_MAPPED
    return frozenset(known | (set(SLA_FIELDS) if kind == "case" else set()))


def mapping_problems(conf: Described) -> Iterator[str]:
    known = fields_of(conf.records)
    yield from (f"fields: {name} is no field of a {conf.records}" for name in conf.fields if name not in known)
    yield from _unknown_values("status_map", conf.status_map, STATUSES[conf.records])
    yield from _unknown_values("priority_map", conf.priority_map, Priority)


def _unknown_values(name: str, mapped: Mapping[str, str], words: type[StrEnum]) -> Iterator[str]:
    for key, value in mapped.items():
        if value not in set(words):
            yield f"{name}: {key!r} is mapped to {value!r}; use one of: {', '.join(words)}"


def _wrong_expression(text: str) -> str:
    try:
        if text:
            jmespath.compile(text)
    except JMESPathError as error:
        return f"{text!r} is no JMESPath expression: {str(error).splitlines()[0]}"
    return ""


def filled(template: Any, values: Mapping[str, str]) -> Any:
    """The template, a text or nested data, with its placeholders replaced. ValueError when {x:int} is no number."""
    if isinstance(template, str):
        whole = PLACEHOLDER.fullmatch(template)
        if whole and whole[2]:
            return int(values.get(whole[1], ""))
        return PLACEHOLDER.sub(lambda match: values.get(match[1], ""), template)
    if isinstance(template, Mapping):
        return {key: filled(value, values) for key, value in template.items()}
    if isinstance(template, list | tuple):
        return [filled(value, values) for value in template]
    return template


def written(at: datetime, date_format: str) -> str:
    """A moment as the API wants it in a parameter."""
    at = at.astimezone(UTC)
    match date_format:
        case "iso_z":
            return f"{at:%Y-%m-%dT%H:%M:%SZ}"
        case "iso_offset":
            return at.replace(microsecond=0).isoformat()
        case "epoch_s":
            return str(int(at.timestamp()))
        case "epoch_ms":
            return str(int(at.timestamp()) * 1000)
        case "date":
            return f"{at:%Y-%m-%d}"
    return at.strftime(date_format)
