"""What the page shows, drawn from its templates: every value escaped, no script, and a policy that allows none."""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from deskbell.core.alert import Alert
from deskbell.core.card import Button, Card, Reply
from deskbell.core.present import tone_of
from deskbell.core.text import clean
from deskbell.faces.shared import ICONS, REASONS

_FOLDER = Path(__file__).parent / "templates"
_STYLE = (_FOLDER / "page.css").read_text(encoding="utf-8")
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": _POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "same-origin",  # with no-referrer, browsers would send our own forms without their origin
    "X-Robots-Tag": "noindex, nofollow, noarchive",
}

Colleague = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Notice:
    """What became of what was just done."""

    ok: bool
    text: str
    undo: Button | None = None
    reply: Reply | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """What a person who is known sees. `form`: the value that every form must bring back; `why`: label, words."""

    card: Card
    who: str
    form: str
    colleagues: Sequence[Colleague] = ()
    why: Sequence[tuple[str, str]] = ()
    notice: Notice | None = None


class Pages:
    def __init__(self) -> None:
        self._templates = Environment(
            loader=FileSystemLoader(_FOLDER),
            autoescape=True,
            undefined=StrictUndefined,
            auto_reload=False,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.globals |= {"style": _STYLE, "icons": ICONS, "reasons": REASONS}

    def alert(self, seen: Seen) -> web.Response:
        return self._page("alert.html", seen=seen, card=seen.card, notice=seen.notice, source=source_of(seen.card.url))

    def connect(self, alert: Alert, form: str, command: str, notice: Notice | None = None) -> web.Response:
        """For a browser that nobody is known by: no more of the alert than its title."""
        title = clean(alert.title, 150)
        return self._page("connect.html", ref=alert.ref, title=title, form=form, command=command, notice=notice)

    def again(self) -> web.Response:
        """Leads back here from a page of our own, so that the browser brings its cookie along."""
        return self._page("again.html")

    def own(self, seen: Any, words: Mapping[str, str], form: str, trap: str, became: str) -> web.Response:
        """What the link in a person's own message shows: `seen` as the desk has it, `became` is a key of `words`."""
        alert = seen.alert
        tone = tone_of(alert, alert.updated_at)
        return self._page(
            "own.html",
            seen=seen,
            words=words,
            form=form,
            trap=trap,
            became=became,
            tone=tone.value,
            icon=ICONS[tone],
            language=words["language"],
            title=clean(alert.title, 150),
            summary=clean(alert.summary, 300),
        )

    def customer(self, values: Mapping[str, Any]) -> web.Response:
        """A customer's own page."""
        return self._page("customer.html", **values)

    def words(self, status: int, text: str, language: str = "en") -> web.Response:
        return self._page("words.html", status, text=text, language=language)

    def _page(self, name: str, status: int = 200, **values: Any) -> web.Response:
        text = self._templates.get_template(name).render(values)
        return web.Response(
            body=text.encode("utf-8", "replace"),
            status=status,
            headers=_HEADERS,
            content_type="text/html",
            charset="utf-8",
        )


def source_of(url: str) -> tuple[str, str] | None:
    """The address of the record in its own system, and its host for all to see; only what the web calls an address."""
    try:
        parts = urlsplit(clean(url, 2000))
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return None
    return parts.geturl(), parts.hostname
