"""GET /duty/SECRET.ics: a person's shifts for the calendar of their phone. Whoever has the address may read it."""

import re

from aiohttp import web

from bot.ports import Front

PATH = "/duty/{name}"
_NAME = re.compile(r"([A-Za-z0-9_-]{32})\.ics")
_HEADERS = {"Cache-Control": "private, max-age=300", "Content-Disposition": 'inline; filename="shifts.ics"'}


class Feed:
    """An address that was closed, and one that never was, are answered alike."""

    def __init__(self, front: Front) -> None:
        self._front = front

    def routes(self) -> list[web.RouteDef]:
        return [web.get(PATH, self._shown)]

    async def _shown(self, request: web.Request) -> web.Response:
        match = _NAME.fullmatch(request.match_info["name"])
        text = await self._front.shifts_feed(match[1]) if match else None
        if text is None:
            raise web.HTTPNotFound
        return web.Response(text=text, content_type="text/calendar", charset="utf-8", headers=_HEADERS)
