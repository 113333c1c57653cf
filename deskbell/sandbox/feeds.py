"""Calendars as feeds, as providers publish them: an address that nobody should know, an ETag, and DTSTAMPs that change
with every fetch. A feed may lag behind what is in the calendar.
"""

import hashlib
from datetime import UTC, datetime

from aiohttp import web

from deskbell.sandbox import credentials
from deskbell.sandbox.clock import Clock, Pulse
from deskbell.sandbox.ledger import Ledger
from deskbell.sandbox.source import Source
from deskbell.sandbox.web import Json


class Feeds(Source):
    name = "feeds"
    prefix = "/feeds"

    def __init__(self, clock: Clock, ledger: Ledger, pulse: Pulse) -> None:
        super().__init__(clock, ledger, pulse)
        self.calendars: dict[str, dict[str, Json]] = {"marco": {}}  # calendar -> event by its key -> its lines
        self.published: dict[str, str] = {}
        self.lag = False  # nothing is published until it is over
        self.text = ""  # what is served instead of a calendar

    # ------------------------------------------------------------------ what happens to events

    def put(self, calendar: str, key: str, **lines: str | float) -> None:
        """An event by its properties; moments are seconds since the epoch. `UID` is the key, unless it is given."""
        texts = {
            property_of(name): moment(value) if isinstance(value, float) else value for name, value in lines.items()
        }
        self.calendars.setdefault(calendar, {}).setdefault(key, {"UID": key}).update(texts)
        self.pulse.beat()

    def drop(self, calendar: str, key: str) -> None:
        del self.calendars[calendar][key]
        self.pulse.beat()

    # ------------------------------------------------------------------ HTTP

    def knows(self, request: web.Request) -> bool:
        return request.match_info["secret"] == credentials.FEED_SECRET

    def unauthorised(self) -> web.Response:
        return web.Response(status=404, text="Not Found")

    async def serve(self, request: web.Request) -> web.Response:
        name = request.match_info["calendar"]
        if name not in self.calendars:
            return self.unauthorised()
        self.sweeps += 1
        body = self._body(name)
        tag = f'"{hashlib.sha1(body.encode(), usedforsecurity=False).hexdigest()}"'
        if request.headers.get("If-None-Match") == tag:
            return web.Response(status=304, headers={"ETag": tag})
        stamped = self.text or body.replace("\r\nDTSTAMP:\r\n", f"\r\nDTSTAMP:{moment(self.clock.time())}\r\n")
        return web.Response(text=stamped, content_type="text/calendar", charset="utf-8", headers={"ETag": tag})

    def _body(self, name: str) -> str:
        if not self.lag or name not in self.published:
            self.published[name] = written(self.calendars[name])
        return self.published[name]

    def add_routes(self, router: web.UrlDispatcher) -> None:
        router.add_route("GET", self.prefix + "/{secret}/{calendar}.ics", self.route(self.serve))


def moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y%m%dT%H%M%SZ")


def written(events: dict[str, Json]) -> str:
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//sandbox//EN"]
    for event in events.values():
        lines += ["BEGIN:VEVENT", "DTSTAMP:"]
        lines += [f"{name}:{value}" for name, value in event.items()]
        lines.append("END:VEVENT")
    return "\r\n".join([*lines, "END:VCALENDAR", ""])


def property_of(name: str) -> str:
    """`RECURRENCE_ID` is RECURRENCE-ID; `DTSTART_in_Europe/Berlin` is a time in a zone, `DTSTART_day` a day."""
    base, _, zone = name.partition("_in_")
    if zone:
        return f"{property_of(base)};TZID={zone}"
    base, day, _ = name.partition("_day")
    return f"{base.replace('_', '-')}{';VALUE=DATE' if day else ''}"
