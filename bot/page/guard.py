"""Who a browser is, and whether a form was sent by a person who had our page before them.

A browser is an account like any other: a random id in a cookie that we signed. It says who somebody is only after the
id was linked to a person with a code. A form carries a value that is bound to the browser, to its link and to the
moment, so that no other site and no mail scanner can send it.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from urllib.parse import parse_qsl, urlsplit

from aiohttp import web

from bot.web import Refused, read_body

STRANGE = "That did not come from this page, so nothing was done. Open the link again, in your own browser."
_FIELDS = 20
FORM_LIFE = timedelta(hours=12)
COOKIE_LIFE = timedelta(days=180)
_AT = re.compile(r"[0-9a-f]{1,12}")
_ID = re.compile(r"[A-Za-z0-9_-]{22}")  # 128 bits
_VALUE = re.compile(r"([0-9a-f]{1,12})\.[A-Za-z0-9_-]{22}\.[0-9a-f]{64}")


class Guard:
    """`public_url` is configuration: what a request says of itself (Host) is not asked."""

    def __init__(self, secret: bytes, public_url: str) -> None:
        self._key = hmac.new(secret, b"the page behind a link", hashlib.sha256).digest()
        self._origin = origin_of(public_url)
        self._secure = self._origin.startswith("https:")
        # The prefix makes browsers refuse the cookie from anybody but this very host, over TLS.
        self._cookie = "__Host-deskbell" if self._secure else "deskbell"

    # ------------------------------------------------------------ the browser

    def browser(self, request: web.Request) -> str:
        """The id of the browser; nothing when it brings none of ours."""
        value = request.cookies.get(self._cookie, "")
        found, _, mac = value.partition(".")
        return found if _ID.fullmatch(found) and self._genuine(mac, "browser", found) else ""

    def remember(self, response: web.Response, browser: str) -> None:
        response.set_cookie(
            self._cookie,
            f"{browser}.{self._mac('browser', browser)}",
            max_age=int(COOKIE_LIFE.total_seconds()),
            path="/",
            httponly=True,
            secure=self._secure,
            samesite="Strict",
        )

    def strayed(self, request: web.Request) -> bool:
        """Whether another site led here, so that the browser kept its cookie (SameSite=Strict) from us."""
        return self._cookie not in request.cookies and request.headers.get("Sec-Fetch-Site") == "cross-site"

    # ------------------------------------------------------------ the form

    def form_value(self, browser: str, link: str, now: datetime) -> str:
        once = f"{int(now.timestamp()):x}.{secrets.token_urlsafe(16)}"
        return f"{once}.{self._mac('form', browser, link, once)}"

    def once(self, value: str, browser: str, link: str, now: datetime) -> str:
        """What makes this form one of its own; nothing when it is not from this browser's page, or too old."""
        match = _VALUE.fullmatch(value)
        if match is None:
            return ""
        once, _, mac = value.rpartition(".")
        fresh = abs(now.timestamp() - int(match[1], 16)) < FORM_LIFE.total_seconds()
        return once if fresh and self._genuine(mac, "form", browser, link, once) else ""

    def from_our_page(self, request: web.Request, *, old_browsers: bool = False) -> bool:
        """Whether a page of ours sent it. Every browser of today says so; `old_browsers` told it in the Referer."""
        site = request.headers.get("Sec-Fetch-Site", "same-origin")
        said = request.headers.get("Origin", "").casefold()
        if old_browsers and not said:
            referer = request.headers.get("Referer", "").casefold()
            said = self._origin if referer.startswith(f"{self._origin}/") else ""
        return said == self._origin and site == "same-origin"

    # ------------------------------------------------------------ a form without a browser that we know

    def stamp(self, link: str, now: datetime) -> str:
        """The value of a form behind a link that itself says who somebody is."""
        at = f"{int(now.timestamp() * 1000):x}"
        return f"{at}.{self._mac('stamp', link, at)}"

    def age(self, value: str, link: str, now: datetime) -> timedelta | None:
        """How long ago the form was shown; None when it is none of ours, or too old."""
        at, _, mac = value.partition(".")
        if not _AT.fullmatch(at) or not self._genuine(mac, "stamp", link, at):
            return None
        age = timedelta(milliseconds=now.timestamp() * 1000 - int(at, 16))
        return age if -FORM_LIFE < age < FORM_LIFE else None

    # ------------------------------------------------------------ signing

    def _mac(self, *parts: str) -> str:
        return hmac.new(self._key, "\n".join(parts).encode(), hashlib.sha256).hexdigest()

    def _genuine(self, mac: str, *parts: str) -> bool:
        return hmac.compare_digest(mac.encode("utf-8", "replace"), self._mac(*parts).encode())


async def read_form(request: web.Request) -> Mapping[str, str]:
    """The fields of a form. Of a repeated one the last counts."""
    if request.content_type != "application/x-www-form-urlencoded":
        raise Refused(415, STRANGE)
    try:
        return dict(parse_qsl((await read_body(request)).decode(), keep_blank_values=True, max_num_fields=_FIELDS))
    except ValueError as error:
        raise Refused(400, STRANGE) from error


def origin_of(url: str) -> str:
    """As browsers write it: small letters, no port that goes without saying, no sign beyond ASCII."""
    parts = urlsplit(url.casefold())
    netloc = parts.netloc.removesuffix({"https": ":443", "http": ":80"}.get(parts.scheme, ""))
    return f"{parts.scheme}://{netloc.encode('idna').decode()}"


def new_browser() -> str:
    return secrets.token_urlsafe(16)
