"""Secrets, hosts and people out of what came over the wire, before it is on any disk.

Of headers only those stay that are known to matter. JSON is masked field by field, calendars property by property;
what is neither is masked as a whole. At last everything is looked through for what may stand nowhere.
"""

import base64
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, quote, quote_plus, urlencode, urlsplit

from tests.recording.masks import HIDDEN, Class, Masks, class_of
from tests.recording.tape import Take

_REQUEST_HEADERS = re.compile(
    r"accept|content-type|prefer|if-none-match|if-modified-since|x-[\w-]*version|[\w-]+-version"
)
_RESPONSE_HEADERS = re.compile(
    r"content-type|date|etag|link|retry-after|x-total-count|x-(?:freshdesk|rate|ratelimit)[\w-]*|ratelimit[\w-]*|"
    r"sforce-limit-info|[\w-]*api-version"
)
# Answers about the system itself: what its fields, stages and statuses are called.
_ABOUT = re.compile(
    r"/(?:[\w-]*fields|properties|pipelines|[\w-]*statuses|ticket_states|sys_choice|bookingstatuses|settings|describe)"
    r"(?:[/(?.]|$)",
    re.IGNORECASE,
)
_ABOUT_KEPT = frozenset({"name", "label", "title", "agent_label", "end_user_label", "display_label", "field_name"})
_CALENDAR_KEPT = re.compile(
    r"BEGIN|END|VERSION|PRODID|UID|DTSTAMP|DTSTART|DTEND|DURATION|RRULE|EXDATE|RDATE|RECURRENCE-ID|STATUS|SEQUENCE|"
    r"TRANSP|CREATED|LAST-MODIFIED|TZID|TZNAME|TZOFFSETFROM|TZOFFSETTO|CALSCALE|METHOD|CLASS|REFRESH-INTERVAL"
)
_PEOPLE_OF_CONF = frozenset({"technician", "technician_email", "address", "user", "subject", "account"})
_URL = re.compile(r"https?://[^\s\"'<>\\]+")
_SHORTEST = 4  # characters of a host's first part that can name a firm


class Leak(Exception):
    """Something that must not be shown still stands on the tape."""


@dataclass
class Scrubber:
    """`places`: the beginning of an address -> what stands for it. `secrets`: (what it is, value)."""

    places: Mapping[str, str]
    secrets: list[tuple[str, str]]
    masks: Masks
    keep: frozenset[str] = frozenset()  # names of fields that hold words of the system
    hosts: frozenset[str] = frozenset()  # of the account: neither they nor their first part may stand anywhere

    def takes(self, takes: Iterable[Take]) -> list[Take]:
        """Each request and answer twice: what is a person's in one place is looked for in all others."""
        once = [self._take(take) for take in takes]
        clean, clean_link = self._cleaner(), self._cleaner(links=True)
        return [
            Take(
                _walked(take.request, clean),
                {
                    "status": take.response["status"],
                    "headers": _walked(take.response["headers"], lambda text: _links(clean(text), clean_link)),
                    "body": {"string": _links(clean(take.response["body"]["string"]), clean_link)},
                },
            )
            for take in once
        ]

    def asked_anew(self, takes: Iterable[Take]) -> list[Take]:
        """Requests of a rehearsal, with answers that are masked already: only the secrets of a login are to go."""
        return [Take(self._request(take.request), _text_again(take.response)) for take in takes]

    def conf(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """The configuration as it may stand beside the tape: its secrets went before."""
        people = {name: self._of_people(name, value) for name, value in data.items()}
        return _walked(people, lambda text: self._cleaner()(self.masks.within(text)))

    def _of_people(self, name: str, value: Any) -> Any:
        """Whose calendars they are, and as whom Deskbell logs in."""
        if name in {"calendars", "feeds"}:
            return {
                key: {inner: self._of_people(inner, one) for inner, one in table.items()}
                for key, table in value.items()
            }
        personal = isinstance(value, str) and name in _PEOPLE_OF_CONF
        return self.masks.value(value, Class.NAME) if personal else value

    # ------------------------------------------------------------ one request, one answer

    def _take(self, take: Take) -> Take:
        path = urlsplit(take.request["uri"]).path
        body = take.response["body"]["string"]
        kind = str(next(iter(_header(take.response, "content-type")), ""))
        return Take(
            self._request(take.request),
            {
                "status": take.response["status"],
                "headers": self._headers(take.response["headers"], _RESPONSE_HEADERS),
                "body": {"string": self._answered(_decoded(body), kind, about=bool(_ABOUT.search(path)))},
            },
        )

    def _request(self, request: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "method": request["method"],
            "uri": self._address(request["uri"]),
            "body": self._asked(request.get("body")),
            "headers": self._headers(request["headers"], _REQUEST_HEADERS),
        }

    def _headers(self, headers: Mapping[str, Any], kept: re.Pattern[str]) -> dict[str, list[str]]:
        listed = {name.lower(): [value] if isinstance(value, str) else list(value) for name, value in headers.items()}
        return {
            name: [self.masks.within(one) for one in listed[name]] for name in sorted(listed) if kept.fullmatch(name)
        }

    def _address(self, url: str) -> str:
        head, mark, query = url.partition("?")
        return self.masks.within(head) + mark + self._query(query)

    def _query(self, query: str) -> str:
        """As it was written, but for values of secrets and addresses of people."""
        parts = [part.partition("=") for part in query.split("&")] if query else []
        secret = lambda name: class_of(name) is Class.SECRET  # noqa: E731
        return "&".join(
            name + sign + (HIDDEN if value and secret(name) else self.masks.within(value))
            for name, sign, value in parts
        )

    def _asked(self, body: Any) -> str | None:
        """What we say ourselves is full of the vendor's words: only secrets and what else is found everywhere go."""
        text = _decoded(body)
        if not text:
            return None
        data = _json(text)
        if data is not None:
            return _dumped(_keyed(data, self._secret_of))
        pairs = parse_qsl(text, keep_blank_values=True)
        return urlencode(
            [(name, value if name in {"grant_type", "scope"} else self._hide(value)) for name, value in pairs]
        )

    def _hide(self, value: str) -> str:
        return self.masks.value(value, Class.SECRET)

    def _secret_of(self, key: str, value: Any) -> Any:
        return self.masks.value(value, Class.SECRET) if class_of(key) is Class.SECRET else value

    def _answered(self, text: str, kind: str, *, about: bool) -> str:
        if not text.strip():
            return text
        data = _json(text)
        if data is not None:
            return _dumped(self._masked(data, "", Class.UNKNOWN, about=about), indent=1)
        if "calendar" in kind or text.startswith("BEGIN:VCALENDAR"):
            return self._calendar(text)
        return self.masks.text(text)

    # ------------------------------------------------------------ JSON

    def _masked(self, value: Any, key: str, cls: Class, *, about: bool) -> Any:
        if isinstance(value, Mapping):
            return {
                self.masks.within(name): self._masked(inner, name, self._class(name, cls, about=about), about=about)
                for name, inner in value.items()
            }
        if isinstance(value, list):
            return [self._masked(one, key, cls, about=about) for one in value]
        if isinstance(value, str) and _URL.fullmatch(value):
            return self._link(value)
        return self.masks.value(value, cls)

    def _class(self, name: str, above: Class, *, about: bool) -> Class:
        return Class.CHOICE if name in self.keep or (about and name in _ABOUT_KEPT) else class_of(name, above)

    def _link(self, url: str) -> str:
        """One into the system itself stays; of any other only that it was one."""
        own = any(url.startswith(place) for place in self.places)
        return self._address(url) if own else "https://elsewhere.example/"

    # ------------------------------------------------------------ calendars

    def _calendar(self, text: str) -> str:
        lines = re.sub(r"\r?\n[ \t]", "", text).splitlines()
        return "\r\n".join(self._property(line) for line in lines) + "\r\n"

    def _property(self, line: str) -> str:
        name, sign, value = line.partition(":")
        if name.upper() == "UID":
            return line  # often looks like an address, and is none
        if not sign or _CALENDAR_KEPT.fullmatch(name.partition(";")[0].upper()):
            return self.masks.within(line)
        return f"{name.partition(';')[0]}:{self.masks.text(value)}"

    # ------------------------------------------------------------ everywhere

    def _cleaner(self, *, links: bool = False) -> Callable[[str], str]:
        """What is known to be secret, an address of the account or a person's, out of any text."""
        named = self.masks.everywhere(links=links)
        table = {form: HIDDEN for value in self._known() for form in (value, quote(value, safe=""), quote_plus(value))}
        for place, instead in self.places.items():
            table |= {place: instead, quote(place, safe=""): quote(instead, safe="")}
        pattern = re.compile("|".join(map(re.escape, sorted(table, key=len, reverse=True))))
        account = self._account()
        firm = (lambda text: account.sub("example", text)) if account else str
        return lambda text: firm(named(pattern.sub(lambda found: table[found[0]], text)))

    def _known(self) -> list[str]:
        found = [value for _, value in self.secrets] + list(self.masks.hidden)
        return [value for value in found if len(value) >= _SHORTEST and value != HIDDEN]

    def search(self, text: str) -> None:
        """Raises Leak, with what it is and not how it reads, when anything known still stands in the text."""
        lower = text.lower()
        for what, value in self._forbidden():
            if value.lower() in lower:
                raise Leak(f"{what} still stands in it")
        for host in self.hosts:
            if host in lower:
                raise Leak("the account's host still stands in it")
        if (named := self._account()) and (found := named.search(text)):
            raise Leak(f"{found[0]}, which names the account, still stands in it")

    def _account(self) -> re.Pattern[str] | None:
        """The first parts of its hosts, which often name the firm; one that is a word of the system too can be kept."""
        parts = (host.split(".") for host in self.hosts)
        firsts = {first for first, *more in parts if len(more) > 1 and len(first) >= _SHORTEST} - self.keep
        either = "|".join(map(re.escape, sorted(firsts)))
        return re.compile(rf"(?<![a-z0-9])(?:{either})(?![a-z0-9])", re.IGNORECASE) if firsts else None

    def _forbidden(self) -> Iterable[tuple[str, str]]:
        named = [*self.secrets, *(("a token that the vendor gave", value) for value in self.masks.hidden)]
        for what, value in named:
            if len(value) >= _SHORTEST and value != HIDDEN:
                yield from ((what, form) for form in _forms(value))
        for value in self.masks.personal():
            yield "a person's name, address or number", value


def _forms(value: str) -> set[str]:
    """A value as it may be written: plain, in an address, in JSON, in base64 at any of its three beginnings."""
    raw = value.encode()
    coded = {base64.b64encode(b"\0" * cut + raw).decode()[4 if cut else 0 : -4] for cut in range(3)}
    texts = {value, quote(value, safe=""), quote_plus(value), json.dumps(value)[1:-1]}
    return texts | {one for one in coded if len(one) >= 2 * _SHORTEST}


def _links(text: str, clean: Callable[[str], str]) -> str:
    """The text with what its addresses ask for made clean; a path is the system's own, and may hold any word."""

    def cleaned(found: re.Match[str]) -> str:
        head, mark, query = found[0].partition("?")
        return head + mark + clean(query)

    return _URL.sub(cleaned, text)


def _text_again(response: Mapping[str, Any]) -> dict[str, Any]:
    return {**response, "body": {"string": _decoded(response["body"]["string"])}}


def _header(response: Mapping[str, Any], wanted: str) -> list[str]:
    return [one for name, values in response["headers"].items() if name.lower() == wanted for one in values]


def _decoded(body: Any) -> str:
    return body.decode("utf-8", "replace") if isinstance(body, bytes) else str(body or "")


def _json(text: str) -> Any:
    """What it says in JSON; None for what is none."""
    try:
        data = json.loads(text)
    except ValueError:
        return None
    return data if isinstance(data, dict | list) else None


def _dumped(data: Any, **how: Any) -> str:
    """As people read it; half a character, which no file can hold, as its escape."""
    text = json.dumps(data, ensure_ascii=False, **how)
    return text if text.isascii() or text == text.encode(errors="replace").decode() else json.dumps(data, **how)


def _keyed(value: Any, change: Callable[[str, Any], Any], key: str = "") -> Any:
    if isinstance(value, Mapping):
        return {name: _keyed(inner, change, name) for name, inner in value.items()}
    if isinstance(value, list):
        return [_keyed(one, change, key) for one in value]
    return change(key, value)


def _walked(value: Any, change: Callable[[str], str]) -> Any:
    """Every text in it, those that name a field too."""
    if isinstance(value, Mapping):
        return {change(name): _walked(inner, change) for name, inner in value.items()}
    if isinstance(value, list):
        return [_walked(one, change) for one in value]
    return change(value) if isinstance(value, str) else value
