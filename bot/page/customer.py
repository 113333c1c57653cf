"""/c/TOKEN: a customer's own page. Without an account, a cookie or a script, in their language.

To look changes nothing, however often mail scanners follow the link. What is chosen comes in a form of this page, which
was given out a moment before.
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta

from aiohttp import web

from bot.page.customer_words import LANGUAGES, MEDIA, WORDS
from bot.page.guard import Guard, read_form
from bot.page.shown import Pages
from bot.page.spoken import language
from bot.ports import Front
from bot.web import Refused
from deskbell.core.customer import Choice, Medium, OwnPage, Purpose
from deskbell.core.store import NotKept
from deskbell.core.text import local
from deskbell.net import metrics

PATH = "/c/"
TRAP = "subject"  # a field that nobody sees: whoever fills it in is no person
QUICKEST = timedelta(seconds=1)

Handler = Callable[[web.Request], Awaitable[web.Response]]


class CustomerPage:
    def __init__(self, front: Front, guard: Guard, pages: Pages) -> None:
        self._front, self._guard, self._pages = front, guard, pages

    def routes(self) -> list[web.RouteDef]:
        path = PATH + "{token}"
        return [web.get(path, self._in_words(self._look)), web.post(path, self._in_words(self._do))]

    def _in_words(self, handle: Handler) -> Handler:
        """Whatever goes wrong below, a person reads it in their own language."""

        async def handled(request: web.Request) -> web.Response:
            try:
                return await handle(request)
            except Refused as refused:
                metrics.refused("customer", str(refused.status))
                return self._said(request, "strange", refused.status)
            except NotKept:
                return self._said(request, "unsaved", 503)

        return handled

    async def _look(self, request: web.Request) -> web.Response:
        return await self._show(request)

    async def _do(self, request: web.Request) -> web.Response:
        token = request.match_info["token"]
        if not self._guard.from_our_page(request, old_browsers=True):
            raise Refused(403, "")
        form = await read_form(request)
        age = self._guard.age(form.get("form", ""), token, self._front.now())
        if form.get(TRAP) or age is None or age < QUICKEST:
            return await self._show(request, "unsaved")
        kept = await self._front.customer_chose(token, _choice(form))
        return await self._show(request, "saved" if kept else "")

    async def _show(self, request: web.Request, became: str = "") -> web.Response:
        token = request.match_info["token"]
        seen = await self._front.customer_page(token)
        if seen is None:
            return self._said(request, "gone", 404)
        stamp = self._guard.stamp(token, self._front.now())
        return self._pages.customer(_values(seen) | {"form": stamp, "trap": TRAP, "became": became})

    def _said(self, request: web.Request, what: str, status: int) -> web.Response:
        found = language(request.headers.get("Accept-Language", ""))
        return self._pages.words(status, WORDS[found][what], found)


def _values(seen: OwnPage) -> dict[str, object]:
    start, _, end = seen.quiet.partition("-")
    told = [(f"{local(one.at, seen.zone):%Y-%m-%d %H:%M}", one) for one in seen.told]
    return {
        "seen": seen,
        "words": WORDS[seen.language],
        "language": seen.language,
        "languages": LANGUAGES,
        "media": MEDIA,
        "purposes": tuple(Purpose),
        "quiet": (start.strip(), end.strip()),
        "told": told,
    }


def _choice(form: Mapping[str, str]) -> Choice:
    """What stands in the form; `nothing` takes everything back, whatever else was ticked."""
    asked = {(medium, purpose) for medium in Medium for purpose in Purpose if f"{medium}.{purpose}" in form}
    start, end = form.get("from", "").strip()[:5], form.get("to", "").strip()[:5]
    return Choice(
        agrees=frozenset() if "nothing" in form else frozenset(asked),
        language=form.get("language", ""),
        first=form.get("first", ""),
        quiet=f"{start}-{end}" if start and end and start != end else "",
    )
