"""Google Calendar as a source of visits. https://developers.google.com/workspace/calendar/api/guides/sync"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, ClassVar
from urllib.parse import quote
from zoneinfo import ZoneInfo

from deskbell.core.ports import SourceError, SourceFault
from deskbell.core.records import Visit, VisitStatus
from deskbell.net.answers import Dialect, Reply, by_status, source_error_of
from deskbell.net.auth import OAuth, RefreshToken, SignedClaim
from deskbell.net.egress import checked_base
from deskbell.net.http import Http
from pollers import checks
from pollers.calendars import Calendar, Calendars, Changes, Expired, number_of, problem
from pollers.conf import Writeback
from pollers.cursor import Row
from pollers.rows import BadRow, as_row, child, ident, known_zone, line, mapping, moment

BASE = "https://www.googleapis.com/calendar/v3"
TOKEN = "https://oauth2.googleapis.com/token"  # noqa: S105 - an address
SCOPE = "https://www.googleapis.com/auth/calendar.readonly"
_MOST_PER_PAGE = 2500
# https://developers.google.com/workspace/calendar/api/guides/errors: told with 403 as well as with 429
_LIMITS = frozenset({"rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded", "calendarUsageLimitsExceeded"})


@dataclass(frozen=True, slots=True)
class GoogleCalendarConf:
    """Calendars of people, one table each. Either a service account (`account`, `private_key`, and `subject` with
    domain-wide delegation), or `client_id`, `client_secret` and `refresh_token` of somebody who may see them.
    """

    calendars: Mapping[str, Calendar]
    account: str = ""  # the service account's address
    private_key: str = field(default="", repr=False)  # its private key, in PEM
    subject: str = ""  # on whose behalf it reads, where calendars are not shared with it
    client_id: str = ""
    client_secret: str = field(default="", repr=False)
    refresh_token: str = field(default="", repr=False)
    base_url: str = BASE
    token_url: str = TOKEN
    name: str = "google_calendar"
    title: str = "Google Calendar"
    interval: timedelta = timedelta(seconds=60)
    window_back: timedelta = timedelta(days=2)
    window_ahead: timedelta = timedelta(days=30)
    full_every: timedelta = timedelta(days=1)
    page_size: int = 250
    number: str = r"[A-Z]{1,4}-?\d{3,}"  # a regular expression that finds the job's number in an event's title
    all_day: bool = False  # true: events without a time of day are visits too
    free: bool = False  # true: events that leave their time free are visits too
    team: str = ""
    zone: str = "UTC"
    allow_http: bool = False
    writeback: Writeback = field(default_factory=lambda: Writeback(enabled=False))

    write: ClassVar[Mapping[str, Any]] = {}
    tells_travel: ClassVar[bool] = False

    def __post_init__(self) -> None:
        checked_base(self.base_url, allow_http=self.allow_http)
        checked_base(self.token_url, allow_http=self.allow_http)
        if wrong := problem(self.calendars, self.number):
            raise ValueError(wrong)
        if not 1 <= self.page_size <= _MOST_PER_PAGE:
            raise ValueError(f"page_size: from 1 to {_MOST_PER_PAGE}")
        self.login()

    def login(self) -> OAuth:
        if self.account and self.private_key:
            return SignedClaim(self.token_url, self.account, self.private_key, self.subject, SCOPE)
        if self.client_id and self.client_secret and self.refresh_token:
            return RefreshToken(self.token_url, self.client_id, self.client_secret, self.refresh_token)
        raise ValueError("give account and private_key, or client_id, client_secret and refresh_token")


def to_record(raw: Any, conf: GoogleCalendarConf, name: str) -> Visit:
    """An event as a visit. Whatever its fields hold, only one without an id or a start raises (BadRow)."""
    row, calendar = mapping(raw), conf.calendars[name]
    record_id = id_of(name, ident(row.get("id")))
    start = _time(row, "start", conf.zone)
    if start is None:
        raise BadRow("an event has no usable start")
    title = line(row.get("summary"))
    url = line(row.get("htmlLink"), 1000)
    return Visit(
        source=conf.name,
        id=record_id,
        number=number_of(title, record_id, conf.number),
        status=_status(row),
        status_raw=line(row.get("status"), 100),
        title=title,
        site=line(row.get("location"), 200),
        zone=known_zone(child(row, "start").get("timeZone"), conf.zone),
        team=calendar.team or conf.team,
        technician=calendar.technician,
        technician_email=calendar.technician_email,
        start=start,
        end=_time(row, "end", conf.zone),
        updated_at=moment(row.get("updated")),
        url=url if url.startswith("https://") else "",
    )


def _status(row: Mapping[str, Any]) -> VisitStatus:
    said = line(row.get("status"), 50)
    known = {"": VisitStatus.SCHEDULED, "confirmed": VisitStatus.SCHEDULED, "tentative": VisitStatus.UNSCHEDULED}
    return VisitStatus.CANCELLED if said == "cancelled" else known.get(said, VisitStatus.UNKNOWN)


def _time(row: Mapping[str, Any], name: str, zone: str) -> datetime | None:
    at = child(row, name)
    return moment(at.get("dateTime")) or moment(at.get("date"), ZoneInfo(zone))


def id_of(name: str, event_id: str) -> str:
    return f"{name}:{event_id}"


class GoogleCalendar(Calendars[GoogleCalendarConf]):
    """The source."""

    def connected(self) -> Http:
        conf = self.conf
        return Http(conf.title, conf.base_url, conf.login(), dialect=DIALECT, allow_http=conf.allow_http)

    async def ask(self, name: str, token: str, after: str, now: datetime) -> Changes:
        conf = self.conf
        params: dict[str, Any] = {"singleEvents": "true", "maxResults": conf.page_size}
        if token:
            params["syncToken"] = token
        else:
            params["timeMin"] = _stamp(now - conf.window_back)
            params["timeMax"] = _stamp(now + conf.window_ahead)
        if after:
            params["pageToken"] = after
        reply = await self.http.read(f"{self._at(name)}/events", params, missing_ok=True)
        if reply.status == 410:
            raise Expired
        if not reply.ok:
            raise source_error_of(reply, f"{self.title} {name}", DIALECT)
        data = reply.data if isinstance(reply.data, Mapping) else {}
        raws = checks.listed(data.get("items"), self.title, f"{name} events")
        rows = [_row(name, raw) for raw in raws if self._wanted(raw)]
        there = {row.id for row in rows}
        gone = {id_of(name, line(raw.get("id"), 100)) for raw in raws if isinstance(raw, Mapping)} - there
        return Changes(
            rows, sorted(gone), line(data.get("nextPageToken"), 2000), line(data.get("nextSyncToken"), 2000), reply.date
        )

    def _wanted(self, raw: Any) -> bool:
        """What is set aside is wanted too, so that people hear of it."""
        if not isinstance(raw, Mapping):
            return True
        if raw.get("status") == "cancelled":
            return False
        whole_day = "dateTime" not in child(raw, "start") and "date" in child(raw, "start")
        return (self.conf.all_day or not whole_day) and (self.conf.free or raw.get("transparency") != "transparent")

    async def event(self, name: str, record_id: str) -> Row | None:
        event_id = record_id.partition(":")[2]
        if not event_id:
            return None
        reply = await self.http.read(f"{self._at(name)}/events/{quote(event_id, safe='')}", missing_ok=True)
        if not reply.ok:
            return None
        if not isinstance(reply.data, Mapping):
            raise SourceError(SourceFault.ANSWER, f"{self.title} {name} gave no event")
        return _row(name, reply.data) if self._wanted(reply.data) else None

    def record_of(self, raw: Any, name: str) -> tuple[Visit, list[tuple[str, str]]]:
        visit = to_record(raw, self.conf, name)
        return visit, [("status", visit.status_raw)] if visit.status is VisitStatus.UNKNOWN else []

    def _at(self, name: str) -> str:
        return f"/calendars/{quote(self.conf.calendars[name].address, safe='')}"


def _row(name: str, raw: Any) -> Row:
    held = raw if isinstance(raw, Mapping) else {}
    made = as_row(raw, held.get("id"), None)
    tag = line(held.get("etag"), 200)
    version = hashlib.blake2b(tag.encode(), digest_size=8).hexdigest() if tag else made.version
    return Row(id_of(name, made.id) if held.get("id") else made.id, None, version, raw)


def _stamp(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


def _errors(reply: Reply) -> list[Mapping[str, Any]]:
    error = reply.data.get("error") if isinstance(reply.data, Mapping) else None
    rows = error.get("errors") if isinstance(error, Mapping) else None
    return [row for row in rows if isinstance(row, Mapping)] if isinstance(rows, list) else []


def reason(reply: Reply) -> str:
    """Its own words: `notFound: Not Found`."""
    return "; ".join(f"{row.get('reason', '?')}: {row.get('message', '')}" for row in _errors(reply)[:3])


def limited(reply: Reply) -> bool:
    return by_status(reply) or (reply.status == 403 and any(row.get("reason") in _LIMITS for row in _errors(reply)))


DIALECT = Dialect(explain=reason, limited=limited)
