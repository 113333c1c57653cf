"""Where we may call: https, or plain http to this machine; and never to a host that a vendor's answer names."""

import ipaddress
from collections.abc import Iterable
from urllib.parse import SplitResult, urlsplit

_PORTS = {"http": 80, "https": 443}


class Forbidden(ValueError):
    """An address that we do not call, with what to do about it."""


def checked_base(url: str, *, allow_http: bool = False) -> str:
    """The address without a slash at its end, if it may be called; Forbidden otherwise."""
    parts = _split(url)
    if parts.scheme not in _PORTS or not parts.hostname:
        raise Forbidden(f"{shown(url)} is not a web address; it must look like https://host/path")
    if parts.username or parts.password:
        raise Forbidden(f"{shown(url)} holds a login; put it into `auth` instead")
    if parts.scheme == "http" and not (allow_http or is_loopback(parts.hostname)):
        raise Forbidden(f"{shown(url)} is not encrypted; use https, or set allow_http = true if that is meant")
    return url.rstrip("/")


def is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def same_origin(base: str, url: str) -> bool:
    """Whether the address stays on the scheme, host and port of `base`."""
    try:
        return _origin(_split(base)) == _origin(_split(url))
    except (Forbidden, ValueError):
        return False


def on_host(url: str, endings: Iterable[str]) -> bool:
    """Whether the address is encrypted, and on a host whose name ends with one of these."""
    try:
        parts = _split(checked_base(url))
    except Forbidden:
        return False
    host = parts.hostname or ""
    return parts.scheme == "https" and any(host == ending or host.endswith(f".{ending}") for ending in endings)


def shown(url: str) -> str:
    """The address as it may be shown: no login, no query."""
    parts = urlsplit(url) if _fits(url) else SplitResult("", "", url[:80], "", "")
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}" if host else parts.path or "an empty address"


def _split(url: str) -> SplitResult:
    if not _fits(url):
        raise Forbidden(f"{url[:80]!r} is not a web address")
    return urlsplit(url)


def _fits(url: str) -> bool:
    try:
        _ = urlsplit(url).port
    except ValueError:
        return False
    return url.isprintable() and " " not in url and "\\" not in url


def _origin(parts: SplitResult) -> tuple[str, str | None, int | None]:
    return parts.scheme, parts.hostname, parts.port or _PORTS.get(parts.scheme)
