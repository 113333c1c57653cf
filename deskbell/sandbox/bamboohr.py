"""A stand-in of BambooHR: employees, and their requests for time off.

It holds what is easily got wrong: JSON must be asked for, days are needed, and the reason of a refusal is in a header.
"""

import base64
from datetime import date
from typing import Any

from aiohttp import web

from deskbell.sandbox import credentials
from deskbell.sandbox.clock import Clock, Pulse
from deskbell.sandbox.ledger import Ledger
from deskbell.sandbox.source import Source
from deskbell.sandbox.web import Json, reply

PEOPLE = {31: ("Marco Bianchi", "marco@example.org"), 32: ("Lena Hoffmann", "lena@example.org")}
KNOWN = {"start", "end", "id", "action", "employeeId", "type", "status", "excludeNote"}


class BambooHr(Source):
    name = "bamboohr"
    prefix = "/bamboohr"

    def __init__(self, clock: Clock, ledger: Ledger, pulse: Pulse) -> None:
        super().__init__(clock, ledger, pulse)
        self.requests: dict[int, Json] = {}
        self._last = 1400

    # ------------------------------------------------------------------ what happens

    def add(self, employee: int, *, start: str, end: str, status: str = "approved", **more: Any) -> Json:
        """Days as BambooHR writes them: 2026-11-20."""
        self._last += 1
        today = self.clock.now().date().isoformat()
        self.requests[self._last] = {
            "id": self._last, "employeeId": employee, "name": PEOPLE[employee][0], "start": start, "end": end,
            "created": today, "status": {"status": status, "lastChanged": today, "lastChangedByUserId": 2},
            "type": {"id": 78, "name": "Sick", "icon": "medical"}, "amount": {"unit": "days", "amount": 1},
            "actions": {"view": True, "edit": True, "cancel": False, "approve": False, "deny": False, "bypass": False},
            "dates": {start: 1}, "notes": {"employee": "private matters"},
        } | more  # fmt: skip
        self.pulse.beat()
        return self.requests[self._last]

    def decide(self, number: int, status: str) -> None:
        self.requests[number]["status"] |= {"status": status}
        self.pulse.beat()

    def delete(self, number: int) -> None:
        del self.requests[number]
        self.pulse.beat()

    # ------------------------------------------------------------------ credentials, errors

    def knows(self, request: web.Request) -> bool:
        given = base64.b64encode(f"{credentials.BAMBOOHR_KEY}:x".encode()).decode()
        return request.headers.get("Authorization") == f"Basic {given}"

    def unauthorised(self) -> web.Response:
        return refusal(401, "Invalid API key")

    # ------------------------------------------------------------------ HTTP

    async def listed(self, request: web.Request) -> web.Response:
        query = request.query
        if wrong := self._wrong(request):
            return wrong
        self.sweeps += 1
        rows = [row for row in self._between(query) if query.get("id", str(row["id"])) == str(row["id"])]
        if "status" in query:
            rows = [row for row in rows if row["status"]["status"] in query["status"].split(",")]
        private = {"notes"} if "excludeNote" in query else set()
        return reply([{name: value for name, value in row.items() if name not in private} for row in rows])

    async def out(self, request: web.Request) -> web.Response:
        if wrong := self._wrong(request):
            return wrong
        rows = [row for row in self._between(request.query) if row["status"]["status"] == "approved"]
        few = ("id", "employeeId", "name", "start", "end")
        shown = [{"type": "timeOff"} | {name: row[name] for name in few} for row in rows]
        holiday = {"id": 1, "type": "holiday", "name": "Founders' day", "start": "2026-11-20", "end": "2026-11-20"}
        return reply([*shown, holiday])

    def _between(self, query: Any) -> list[Json]:
        return [row for row in self.requests.values() if row["end"] >= query["start"] and row["start"] <= query["end"]]

    def _wrong(self, request: web.Request) -> web.Response | None:
        if "application/json" not in request.headers.get("Accept", ""):
            return web.Response(text="<requests/>", content_type="application/xml")
        if unknown := sorted(set(request.query) - KNOWN):
            return refusal(400, f"Unknown parameter {unknown[0]}")
        try:
            days = [date.fromisoformat(request.query[name]) for name in ("start", "end")]
        except (KeyError, ValueError):
            return refusal(400, "Invalid start or end date")
        return refusal(400, "End date is before start date") if days[0] > days[1] else None

    async def directory(self, request: web.Request) -> web.Response:  # noqa: ARG002 - one shape for all
        fields = [
            {"id": name, "type": kind, "name": name} for name, kind in (("displayName", "text"), ("workEmail", "email"))
        ]
        people = [{"id": str(key), "displayName": name, "workEmail": mail} for key, (name, mail) in PEOPLE.items()]
        return reply({"fields": fields, "employees": people})

    def add_routes(self, router: web.UrlDispatcher) -> None:
        base = f"{self.prefix}/api/v1"
        router.add_route("GET", f"{base}/time_off/requests", self.route(self.listed))
        router.add_route("GET", f"{base}/time_off/whos_out", self.route(self.out))
        router.add_route("GET", f"{base}/employees/directory", self.route(self.directory))


def refusal(status: int, why: str) -> web.Response:
    return web.Response(status=status, headers={"X-BambooHR-Error-Message": why})
