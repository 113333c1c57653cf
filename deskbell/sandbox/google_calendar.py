"""A stand-in of the Google Calendar API: calendars with events, and tokens that stand for what was told.

It holds what is easily got wrong: a token goes with no other filter and is forgotten one day (410), it comes with the
last page alone, cancelled events have little but an id, and limits are told with 403.
"""

from typing import Any

from aiohttp import web

from deskbell.sandbox.clock import Clock, Pulse, parse, stamp
from deskbell.sandbox.ledger import Ledger
from deskbell.sandbox.oauth import CLAIM, Tokens, opaque, read
from deskbell.sandbox.source import Source
from deskbell.sandbox.web import Json, reply

SCOPE = "https://www.googleapis.com/auth/calendar.readonly"
MOST_PER_PAGE = 2500
KNOWN = {"singleEvents", "maxResults", "timeMin", "timeMax", "pageToken", "syncToken", "showDeleted", "orderBy"}
NOT_WITH_TOKEN = {"timeMin", "timeMax", "orderBy"}


class GoogleCalendar(Source):
    name = "google_calendar"
    prefix = "/google_calendar"

    def __init__(self, clock: Clock, ledger: Ledger, pulse: Pulse) -> None:
        super().__init__(clock, ledger, pulse)
        self.tokens = Tokens(clock, grants={"refresh_token", CLAIM})
        self.calendars: dict[str, dict[str, Json]] = {"marco@example.org": {}, "lena@example.org": {}}
        self.moved: dict[str, int] = {}  # event -> the number of its last change
        self.changes = 0
        self.forgotten = 0  # tokens up to this change are known no more
        self.kept_back: set[str] = set()  # what a whole reading leaves out, for want of luck
        self._last = 0

    # ------------------------------------------------------------------ what happens

    def add(self, calendar: str, *, start: float, end: float, **more: Any) -> Json:
        self._last += 1
        key = f"ev{self._last:05}"
        event = {
            "kind": "calendar#event", "id": key, "status": "confirmed", "summary": f"J-{4000 + self._last} Pump down",
            "location": "Hafenstr. 1, Kiel", "htmlLink": f"https://calendar.google.com/event?eid={key}",
            "start": {"dateTime": stamp(start), "timeZone": "Europe/Berlin"},
            "end": {"dateTime": stamp(end), "timeZone": "Europe/Berlin"}, "iCalUID": f"{key}@google.com",
        }  # fmt: skip
        self.calendars[calendar][key] = event | more
        return self._moved(calendar, key)

    def change(self, calendar: str, key: str, **fields: Any) -> Json:
        self.calendars[calendar][key] |= fields
        return self._moved(calendar, key)

    def move(self, calendar: str, key: str, start: float, end: float) -> Json:
        zone = "Europe/Berlin"
        times = {
            "start": {"dateTime": stamp(start), "timeZone": zone},
            "end": {"dateTime": stamp(end), "timeZone": zone},
        }
        return self.change(calendar, key, **times)

    def delete(self, calendar: str, key: str) -> None:
        self.change(calendar, key, status="cancelled")

    def _moved(self, calendar: str, key: str) -> Json:
        self.changes += 1
        self.moved[key] = self.changes
        event = self.calendars[calendar][key]
        event |= {"etag": f'"{self.changes}"', "updated": stamp(self.clock.time())}
        self.pulse.beat()
        return event

    # ------------------------------------------------------------------ credentials, errors

    def knows(self, request: web.Request) -> bool:
        return self.tokens.knows(request)

    def unauthorised(self) -> web.Response:
        return refusal(401, "authError", "Invalid Credentials")

    def throttled(self, seconds: int) -> web.Response:  # noqa: ARG002 - it does not say when
        return refusal(403, "rateLimitExceeded", "Rate Limit Exceeded")

    async def token(self, request: web.Request) -> web.Response:
        form = await request.post()
        self.tokens.scope = SCOPE if form.get("grant_type") == CLAIM else ""
        return await self.tokens.give(request)

    # ------------------------------------------------------------------ HTTP

    async def listed(self, request: web.Request) -> web.Response:
        calendar, query = request.match_info["calendar"], request.query
        if calendar not in self.calendars:
            return refusal(404, "notFound", "Not Found")
        token = query.get("syncToken")
        if wrong := sorted(set(query) - KNOWN) or (sorted(set(query) & NOT_WITH_TOKEN) if token else []):
            return refusal(400, "badRequest", f"Invalid parameter: {wrong[0]}")
        if not 1 <= int(query.get("maxResults", 250)) <= MOST_PER_PAGE:
            return refusal(400, "invalidParameter", "Invalid value for: maxResults")
        try:
            since = int(read(token)) if token else 0
        except ValueError:
            return refusal(400, "invalid", "Sync token is invalid")
        if token and since < self.forgotten:
            return refusal(410, "fullSyncRequired", "Sync token is no longer valid, a full sync is required.")
        self.sweeps += 1
        rows = (
            self._news(calendar, since) if token else self._window(calendar, query.get("timeMin"), query.get("timeMax"))
        )
        return self._page(rows, request)

    def _news(self, calendar: str, since: int) -> list[Json]:
        rows = [row for key, row in self.calendars[calendar].items() if self.moved[key] > since]
        return [{name: row[name] for name in ("id", "status", "etag")} if row["status"] == "cancelled" else row
                for row in sorted(rows, key=lambda row: self.moved[row["id"]])]  # fmt: skip

    def _window(self, calendar: str, least: str | None, most: str | None) -> list[Json]:
        begins, ends = parse(least or "2000-01-01"), parse(most or "2999-01-01")
        rows = [row for row in self.calendars[calendar].values() if row["status"] != "cancelled"]
        return [row for row in rows if moment(row, "end") > begins and moment(row, "start") < ends
                and row["id"] not in self.kept_back]  # fmt: skip

    def _page(self, rows: list[Json], request: web.Request) -> web.Response:
        size = int(request.query.get("maxResults", 250))
        first, top = read(request.query["pageToken"]) if "pageToken" in request.query else (0, self.changes)
        body: Json = {"kind": "calendar#events", "items": rows[first : first + size], "timeZone": "Europe/Berlin"}
        if len(rows) > first + size:
            body["nextPageToken"] = opaque([first + size, top])
        else:
            body["nextSyncToken"] = opaque(top)
        return reply(body)

    async def view(self, request: web.Request) -> web.Response:
        event = self.calendars.get(request.match_info["calendar"], {}).get(request.match_info["id"])
        return refusal(404, "notFound", "Not Found") if event is None else reply(event)

    def add_routes(self, router: web.UrlDispatcher) -> None:
        router.add_route("POST", f"{self.prefix}/token", self.route(self.token, public=True))
        router.add_route("GET", f"{self.prefix}/calendars/{{calendar}}/events", self.route(self.listed))
        router.add_route("GET", f"{self.prefix}/calendars/{{calendar}}/events/{{id}}", self.route(self.view))


def moment(row: Json, name: str) -> float:
    return parse(row[name].get("dateTime") or row[name]["date"])


def refusal(status: int, reason: str, message: str) -> web.Response:
    errors = [{"domain": "global", "reason": reason, "message": message}]
    return reply({"error": {"code": status, "message": message, "errors": errors}}, status)
