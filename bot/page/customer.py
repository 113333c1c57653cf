"""/c/TOKEN: a customer's own page. Without an account, a cookie or a script, in their language.

To look changes nothing, however often mail scanners follow the link. What is chosen comes in a form of this page, which
was given out a moment before.
"""

from collections.abc import Mapping
from datetime import timedelta

from aiohttp import web

from bot.page.customer_words import LANGUAGES, MEDIA, WORDS
from bot.page.guard import Guard
from bot.page.linked import TRAP, by_hand, in_words
from bot.page.shown import Pages
from bot.page.spoken import language
from bot.ports import Front
from deskbell.core.customer import Choice, Medium, OwnPage, Purpose
from deskbell.core.text import local

PATH = "/c/"
QUICKEST = timedelta(seconds=1)


class CustomerPage:
    def __init__(self, front: Front, guard: Guard, pages: Pages) -> None:
        self._front, self._guard, self._pages = front, guard, pages

    def routes(self) -> list[web.RouteDef]:
        path = PATH + "{token}"
        look, do = (in_words(handle, "customer", self._said) for handle in (self._look, self._do))
        return [web.get(path, look), web.post(path, do)]

    async def _look(self, request: web.Request) -> web.Response:
        return await self._show(request)

    async def _do(self, request: web.Request) -> web.Response:
        token = request.match_info["token"]
        form = await by_hand(request, self._guard, token, self._front.now(), QUICKEST)
        if form is None:
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
