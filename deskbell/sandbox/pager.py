"""A plain webhook receiver: whatever rings people when the chat cannot."""

from aiohttp import web

from deskbell.sandbox.ledger import Ledger
from deskbell.sandbox.web import Json, read_json, reply


class Pager:
    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.calls: list[Json] = []
        self.status = 202  # tests may break it

    async def receive(self, request: web.Request) -> web.Response:
        try:
            body = await read_json(request)
        except ValueError:
            return reply({"error": "not JSON"}, 400)
        name = request.match_info["name"]
        if self.status >= 400:
            self.ledger.note("pager", "rejected", name=name, status=self.status)
            return reply({"error": "out of order"}, self.status)
        self.calls.append({"name": name, "headers": dict(request.headers), "body": body})
        self.ledger.note("pager", "called", name=name)
        return reply({"accepted": True}, self.status)

    def add_routes(self, router: web.UrlDispatcher) -> None:
        router.add_post("/pager/{name}", self.receive)
