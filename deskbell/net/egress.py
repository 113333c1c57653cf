"""Where we may call: https, or plain http to this machine; never a host that a vendor's answer names, and no private
network unless the configuration names it.
"""

import ipaddress
from collections.abc import Iterable
from urllib.parse import SplitResult, urlsplit

_PORTS = {"http": 80, "https": 443}
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_private: list[Network] = []  # networks that may be called although they are private


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


def networks(written: Iterable[str]) -> list[Network]:
    """As people write them: "10.20.0.0/16". Raises ValueError with words for people."""
    found: list[Network] = []
    for one in written:
        try:
            found.append(ipaddress.ip_network(one))
        except ValueError as error:
            raise ValueError(f'private_networks: {error}; write it like "10.20.0.0/16"') from None
    return found


def allow(written: Iterable[str]) -> None:
    """Private networks that may be called from now on, by the whole process; all others may not. Raises ValueError."""
    _private[:] = networks(written)


def may_reach(host: str, address: str) -> bool:
    """Whether an address that a host's name stands for may be connected to."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    ip = getattr(ip, "ipv4_mapped", None) or ip
    if ip.is_loopback and is_loopback(host):
        return True
    return (ip.is_global and not ip.is_multicast) or any(ip in network for network in _private)


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
