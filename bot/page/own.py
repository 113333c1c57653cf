"""/p/TOKEN: the link in an SMS, a mail or a push message to one person. Without an account, a cookie or a script.

To look does nothing, however often mail scanners and previews follow the link. One button acknowledges, once: with the
two digits that stand in the message and not on the page, in a form that came from the page a moment before.
"""

from collections.abc import Mapping
from datetime import timedelta

from aiohttp import web

from bot.page.guard import Guard
from bot.page.linked import TRAP, by_hand, in_words
from bot.page.shown import Pages
from bot.page.spoken import WORDS, language
from bot.ports import Front
from deskbell.core import links

QUICKEST = timedelta(seconds=1.5)  # to read a page and type two digits takes a person longer


class OwnLinks:
    def __init__(self, front: Front, guard: Guard, pages: Pages) -> None:
        self._front, self._guard, self._pages = front, guard, pages

    def routes(self) -> list[web.RouteDef]:
        path = links.PATH + "{token}"
        look, do = (in_words(handle, "link", self._said) for handle in (self._look, self._do))
        return [web.get(path, look), web.post(path, do)]

    async def _look(self, request: web.Request) -> web.Response:
        return await self._show(request, request.match_info["token"])

    async def _do(self, request: web.Request) -> web.Response:
        token = request.match_info["token"]
        form = await by_hand(request, self._guard, token, self._front.now(), QUICKEST)
        if form is None:
            return await self._show(request, token, "soon")
        became = await self._front.use_link(token, form.get("code", ""))
        return await self._show(request, token, "wrong" if became == "code" else became)

    async def _show(self, request: web.Request, token: str, became: str = "") -> web.Response:
        seen = await self._front.own_link(token)
        if seen is None:
            return self._said(request, "gone", 404)
        form = self._guard.stamp(token, self._front.now())
        return self._pages.own(seen, _words(request), form, TRAP, became)

    def _said(self, request: web.Request, what: str, status: int) -> web.Response:
        words = _words(request)
        return self._pages.words(status, words[what], words["language"])


def _words(request: web.Request) -> Mapping[str, str]:
    return WORDS[language(request.headers.get("Accept-Language", ""))]
