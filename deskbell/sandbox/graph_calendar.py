"""A stand-in of Microsoft Graph's calendars: mailboxes with events, read by calendarView/delta.

It holds what is easily got wrong: links stand for pages and for what was told, a link is forgotten one day (410), what
leaves the window is told as removed, and an occurrence has nothing but its times.
"""

from typing import Any

from aiohttp import web

from deskbell.sandbox.clock import Clock, Pulse, parse, stamp
from deskbell.sandbox.ledger import Ledger
from deskbell.sandbox.oauth import Tokens, opaque, read
from deskbell.sandbox.source import Source
from deskbell.sandbox.web import Json, reply

TENANT = "7e000000-0000-4000-8000-0000000000aa"
SCOPE = "https://graph.microsoft.com/.default"
KNOWN = {"startDateTime", "endDateTime", "$skiptoken", "$deltatoken"}


class GraphCalendar(Source):
    name = "graph_calendar"
    prefix = "/graph_calendar"

    def __init__(self, clock: Clock, ledger: Ledger, pulse: Pulse) -> None:
        super().__init__(clock, ledger, pulse)
        self.tokens = Tokens(clock, grants={"client_credentials"})
        self.tokens.scope = SCOPE
        self.mailboxes: dict[str, dict[str, Json]] = {"marco@example.org": {}, "lena@example.org": {}}
        self.moved: dict[str, int] = {}  # event -> the number of its last change
        self.gone: dict[str, int] = {}
        self.changes = 0
        self.forgotten = 0  # links up to this change are known no more
        self.kept_back: set[str] = set()  # what a whole reading leaves out, for want of luck
        self._last = 0

    # ------------------------------------------------------------------ what happens

    def add(self, mailbox: str, *, start: float, end: float, **more: Any) -> Json:
        self._last += 1
        key = f"AAkALg{'A' * 130}{self._last:05}="
        event = {
            "@odata.etag": "", "id": key, "type": "singleInstance", "seriesMasterId": None,
            "subject": f"J-{4000 + self._last} Pump down", "location": {"displayName": "Hafenstr. 1, Kiel"},
            "isAllDay": False, "isCancelled": False, "showAs": "busy", "start": at(start), "end": at(end),
            "originalStartTimeZone": "Europe/Berlin", "webLink": f"https://outlook.office365.com/?itemid={self._last}",
        }  # fmt: skip
        self.mailboxes[mailbox][key] = event | more
        return self._moved(mailbox, key)

    def series(self, mailbox: str, starts: list[float]) -> list[Json]:
        """A series with an hour's occurrences at these times."""
        master = self.add(mailbox, start=starts[0], end=starts[0] + 3600, type="seriesMaster")
        return [self.add(mailbox, start=one, end=one + 3600, type="occurrence", seriesMasterId=master["id"])
                for one in starts]  # fmt: skip

    def change(self, mailbox: str, key: str, **fields: Any) -> Json:
        self.mailboxes[mailbox][key] |= fields
        return self._moved(mailbox, key)

    def move(self, mailbox: str, key: str, start: float, end: float) -> Json:
        return self.change(mailbox, key, start=at(start), end=at(end))

    def delete(self, mailbox: str, key: str) -> None:
        self.changes += 1
        self.gone[key] = self.changes
        del self.mailboxes[mailbox][key]
        self.pulse.beat()

    def _moved(self, mailbox: str, key: str) -> Json:
        self.changes += 1
        self.moved[key] = self.changes
        event = self.mailboxes[mailbox][key]
        event |= {"@odata.etag": f'W/"{self.changes}"', "changeKey": str(self.changes)}
        event["lastModifiedDateTime"] = stamp(self.clock.time())
        self.pulse.beat()
        return event

    # ------------------------------------------------------------------ credentials, errors

    def knows(self, request: web.Request) -> bool:
        return self.tokens.knows(request)

    def unauthorised(self) -> web.Response:
        return refusal(401, "InvalidAuthenticationToken", "Access token has expired or is not yet valid.")

    def throttled(self, seconds: int) -> web.Response:
        answer = refusal(429, "ApplicationThrottled", "Application is over its MailboxConcurrency limit.")
        answer.headers["Retry-After"] = str(seconds)
        return answer

    # ------------------------------------------------------------------ HTTP

    async def delta(self, request: web.Request) -> web.Response:
        mailbox, query = request.match_info["mailbox"], request.query
        if mailbox not in self.mailboxes:
            return refusal(404, "ErrorInvalidUser", f"The requested user '{mailbox}' is invalid.")
        if unknown := sorted(set(query) - KNOWN):
            return refusal(400, "ErrorInvalidRequest", f"The parameter {unknown[0]} is not supported")
        try:
            link = read(query.get("$skiptoken") or query.get("$deltatoken") or opaque(None))
        except ValueError:
            return refusal(400, "SyncStateInvalid", "The sync state is invalid")
        if link is None and not {"startDateTime", "endDateTime"} <= set(query):
            return refusal(400, "ErrorInvalidParameter", "startDateTime and endDateTime are needed")
        begins, ends, since, top, first = link or [
            parse(query["startDateTime"]), parse(query["endDateTime"]), 0, self.changes, 0]  # fmt: skip
        if "$deltatoken" in query:
            since, top, first = top, self.changes, 0
        if since and since < self.forgotten:
            return refusal(410, "SyncStateNotFound", "The sync state generation is not found")
        self.sweeps += 1
        rows = self._rows(mailbox, begins, ends, since)
        return self._page(request, rows, [begins, ends, since, top], first)

    def _rows(self, mailbox: str, begins: float, ends: float, since: int) -> list[Json]:
        def inside(event: Json) -> bool:
            return when(event, "end") > begins and when(event, "start") < ends

        events = [one for one in self.mailboxes[mailbox].values() if self.moved[one["id"]] > since]
        told = [shown(one) for one in events if inside(one) and (since or one["id"] not in self.kept_back)]
        left = [one["id"] for one in events if since and not inside(one)]
        left += [key for key, number in self.gone.items() if since and number > since]
        return told + [{"id": key, "@removed": {"reason": "deleted"}} for key in left]

    def _page(self, request: web.Request, rows: list[Json], link: list[Any], first: int) -> web.Response:
        prefer = request.headers.get("Prefer", "")
        if 'outlook.timezone="UTC"' not in prefer:
            return refusal(400, "Sandbox", "Without outlook.timezone times come in the mailbox's own zone")
        size = int(prefer.partition("odata.maxpagesize=")[2].partition(",")[0] or 10)
        body: Json = {"@odata.context": "$metadata#Collection(event)", "value": rows[first : first + size]}
        base = f"{self.url}{request.path}"
        if len(rows) > first + size:
            body["@odata.nextLink"] = f"{base}?$skiptoken={opaque([*link, first + size])}"
        else:
            body["@odata.deltaLink"] = f"{base}?$deltatoken={opaque([*link, 0])}"
        return reply(body)

    async def view(self, request: web.Request) -> web.Response:
        event = self.mailboxes.get(request.match_info["mailbox"], {}).get(request.match_info["id"])
        if event is None:
            return refusal(404, "ErrorItemNotFound", "The specified object was not found in the store.")
        return reply(event)

    def add_routes(self, router: web.UrlDispatcher) -> None:
        router.add_route("POST", f"{self.prefix}/{TENANT}/oauth2/v2.0/token", self.route(self.tokens.give, public=True))
        users = f"{self.prefix}/v1.0/users/{{mailbox}}"
        router.add_route("GET", f"{users}/calendarView/delta", self.route(self.delta))
        router.add_route("GET", f"{users}/events/{{id}}", self.route(self.view))


def at(moment: float) -> Json:
    return {"dateTime": stamp(moment).removesuffix("Z") + ".0000000", "timeZone": "UTC"}


def when(event: Json, name: str) -> float:
    return parse(event[name]["dateTime"])


def shown(event: Json) -> Json:
    """An occurrence has nothing but its times: the rest stands in its series."""
    few = ("@odata.etag", "id", "type", "seriesMasterId", "start", "end")
    return {name: event[name] for name in few} if event["type"] == "occurrence" else event


def refusal(status: int, code: str, message: str) -> web.Response:
    return reply({"error": {"code": code, "message": message, "innerError": {}}}, status)
