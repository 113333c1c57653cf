"""Anything that takes a JSON body by HTTP, described in the configuration instead of here."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from channels.service import Address, Again, Call, Notice, Request, Role, Service
from deskbell.net.auth import Auth, Basic, Bearer, HeaderKey, NoAuth

# What a text of `body` may name, in braces: "{line}"
WORDS = ("key", "about", "ref", "severity", "line", "title", "summary", "text", "url", "link", "said", "to", "id")
_WORD = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class HttpConf:
    base_url: str
    body: Mapping[str, Any]  # texts in it may name {line}, {text}, {ref}, {severity}, {link}, {url}, {to}, {key} ...
    path: str = ""  # behind base_url
    method: Literal["POST", "PUT"] = "POST"  # how it is called
    user: str = ""  # with a password: basic authentication
    password: str = field(default="", repr=False)  # of that user
    token: str = field(default="", repr=False)  # alone: a bearer token
    header: str = ""  # with a token: the header that it goes into instead
    key_header: str = "Idempotency-Key"  # the same value at each try; "" where that would disturb
    allow_http: bool = False

    def __post_init__(self) -> None:
        names = {name for text in _texts(self.body) for name in _WORD.findall(text)}
        if strange := sorted(names - {*WORDS}):
            raise ValueError(f"body names {{{strange[0]}}}, which is none of: {', '.join(WORDS)}")


def login(conf: HttpConf) -> Auth:
    if conf.user:
        return Basic(conf.user, conf.password)
    if conf.token:
        return HeaderKey(conf.header, conf.token) if conf.header else Bearer(conf.token)
    return NoAuth()


def described(notice: Notice, conf: HttpConf) -> Request:
    words = {name: str(getattr(notice, name, notice.record.get(name, ""))) for name in WORDS}
    headers = {conf.key_header: notice.key} if conf.key_header else {}
    return Request(conf.path, _filled(conf.body, words), method=conf.method, headers=headers)


def _filled(value: Any, words: Mapping[str, str]) -> Any:
    """Only whole texts are filled in, never a template of JSON: nothing that a stranger writes can break out of it."""
    if isinstance(value, Mapping):
        return {name: _filled(item, words) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_filled(item, words) for item in value]
    return _WORD.sub(lambda match: words[match[1]], value) if isinstance(value, str) else value


def _texts(value: Any) -> list[str]:
    if isinstance(value, Mapping):
        return [text for item in value.values() for text in _texts(item)]
    if isinstance(value, list | tuple):
        return [text for item in value for text in _texts(item)]
    return [value] if isinstance(value, str) else []


SERVICE = Service(
    name="http",
    title="HTTP",
    roles=frozenset({Role.NOTIFY}),
    docs="https://www.rfc-editor.org/rfc/rfc9110",
    conf=HttpConf,
    auth=login,
    address=Address(re.compile(r"[^\n]*"), "is one line; the body may name it as {to}"),
    send=Call(described, plain=True),
    again=Again.KEY,  # that of `key_header`
)
