"""/p/TOKEN: the link in an SMS, a mail or a push message to one person. Without an account, a cookie or a script.

To look does nothing, however often mail scanners and previews follow the link. One button acknowledges, once: with the
two digits that stand in the message and not on the page, in a form that came from the page a moment before.
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta

from aiohttp import web

from bot.page.guard import Guard, read_form
from bot.page.shown import Pages
from bot.page.spoken import WORDS, language
from bot.ports import Front
from bot.web import Refused
from deskbell.core import links
from deskbell.core.store import NotKept
from deskbell.net import metrics

TRAP = "subject"  # a field that nobody sees: whoever fills it in is no person
QUICKEST = timedelta(seconds=1.5)  # to read a page and type two digits takes a person longer


class OwnLinks:
    def __init__(self, front: Front, guard: Guard, pages: Pages) -> None:
        self._front, self._guard, self._pages = front, guard, pages

    def routes(self) -> list[web.RouteDef]:
        path = links.PATH + "{token}"
        return [web.get(path, self._in_words(self._look)), web.post(path, self._in_words(self._do))]

    def _in_words(
        self, handle: Callable[[web.Request], Awaitable[web.Response]]
    ) -> Callable[[web.Request], Awaitable[web.Response]]:
        """Whatever goes wrong below, a person reads it in their own language."""

        async def handled(request: web.Request) -> web.Response:
            try:
                return await handle(request)
            except Refused as refused:
                metrics.refused("link", str(refused.status))
                return self._said(request, "strange", refused.status)
            except NotKept:
                return self._said(request, "unsaved", 503)

        return handled

    async def _look(self, request: web.Request) -> web.Response:
        return await self._show(request, request.match_info["token"])

    async def _do(self, request: web.Request) -> web.Response:
        token = request.match_info["token"]
        if not self._guard.from_our_page(request, old_browsers=True):
            raise Refused(403, "")
        form = await read_form(request)
        age = self._guard.age(form.get("form", ""), token, self._front.now())
        if form.get(TRAP) or age is None or age < QUICKEST:
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
