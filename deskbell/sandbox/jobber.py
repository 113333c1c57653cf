"""A stand-in of Jobber's GraphQL API: visits, jobs with notes, people.

It holds what is easily got wrong: a version in a header, a refresh token that is good once, points that a query costs,
refusals with a 200, deleted visits that are nowhere, and a status that the clock changes.
"""

import base64
import re
from typing import Any

from aiohttp import web

from deskbell.sandbox.clock import Clock, Pulse, parse, stamp
from deskbell.sandbox.ledger import Ledger
from deskbell.sandbox.oauth import Tokens, opaque, read
from deskbell.sandbox.source import Source
from deskbell.sandbox.web import Json, read_json, reply

VERSIONS = {"2025-04-16", "2026-04-16"}
MOST_POINTS, RESTORED = 10_000.0, 500.0  # at most, and a second
MOST_PER_PAGE = 100
PEOPLE = {1: ("Marco Bianchi", "marco@example.org"), 2: ("Lena Hoffmann", "lena@example.org")}
TOKEN = re.compile(r"\.\.\.|[{}()]|[\w$!:]+|\"[^\"]*\"")
Selection = dict[str, Any]  # a field -> what is asked of it


class Refused(Exception):
    """Told in `errors`, with a 200."""


def encoded(what: str, number: int) -> str:
    return base64.b64encode(f"gid://Jobber/{what}/{number}".encode()).decode()


class Jobber(Source):
    name = "jobber"
    prefix = "/jobber"

    def __init__(self, clock: Clock, ledger: Ledger, pulse: Pulse) -> None:
        super().__init__(clock, ledger, pulse)
        self.tokens = Tokens(clock, grants={"refresh_token"}, rotates=True)
        self.visits: dict[str, Json] = {}
        self.notes: dict[str, list[Json]] = {}
        self.points, self.filled_at, self.restored = MOST_POINTS, clock.time(), RESTORED
        self.most_points = MOST_POINTS
        self._last = 0
        self.users = {
            encoded("User", key): {"id": encoded("User", key), "name": {"full": name}, "email": {"raw": mail}}
            for key, (name, mail) in PEOPLE.items()
        }

    # ------------------------------------------------------------------ what happens

    def add(self, *, start: float, end: float, user: int = 1, **more: Any) -> Json:
        self._last += 1
        visit = {
            "id": encoded("Visit", self._last), "title": "Erika Sample - Pump", "startAt": stamp(start),
            "endAt": stamp(end), "allDay": False, "completedAt": None,
            "assignedUsers": [self.users[encoded("User", user)]], "timeSheetEntries": [],
            "client": {"id": encoded("Client", 1), "name": "Erika Sample"},
            "property": {"address": {"street": "Hafenstr. 1", "city": "Kiel"}},
            "job": {"id": encoded("Job", self._last), "jobNumber": 100 + self._last},
        }  # fmt: skip
        self.visits[str(visit["id"])] = visit | more
        self.pulse.beat()
        return self.visits[str(visit["id"])]

    def change(self, key: str, **fields: Any) -> Json:
        moments = {name: stamp(value) if isinstance(value, float) else value for name, value in fields.items()}
        self.visits[key] = self.visits[key] | moments
        self.pulse.beat()
        return self.visits[key]

    def assign(self, key: str, user: str) -> None:
        self.change(key, assignedUsers=[self.users[user]])

    def delete(self, key: str) -> None:
        del self.visits[key]
        self.pulse.beat()

    def status(self, visit: Json) -> str:
        """What the clock makes of it."""
        if visit["completedAt"]:
            return "COMPLETED"
        if not visit["startAt"]:
            return "UNSCHEDULED"
        start, now = parse(visit["startAt"]), self.clock.time()
        return "UPCOMING" if start > now + 86400 else "TODAY" if start > now else "LATE"

    # ------------------------------------------------------------------ credentials, points

    def knows(self, request: web.Request) -> bool:
        return self.tokens.knows(request)

    def unauthorised(self) -> web.Response:
        return reply({"message": "Access token is invalid or expired"}, 401)

    def no_limits(self) -> None:
        self.most_points = self.points = 1e12

    def _cost(self, query: str, values: Json) -> float:
        return 10.0 + 12.0 * int(values.get("first") or 1) if "visits(" in query else 5.0

    def _spend(self, cost: float) -> bool:
        now = self.clock.time()
        self.points = min(self.most_points, self.points + (now - self.filled_at) * self.restored)
        self.filled_at = now
        if cost > self.points:
            return False
        self.points -= cost
        return True

    # ------------------------------------------------------------------ HTTP

    async def graphql(self, request: web.Request) -> web.Response:
        if request.headers.get("X-JOBBER-GRAPHQL-VERSION") not in VERSIONS:
            return reply({"message": "The GraphQL version is missing or no longer supported"}, 400)
        body = await read_json(request)
        query, values = str(body.get("query")), body.get("variables") or {}
        cost = self._cost(query, values)
        told = self._spend(cost)
        status = {"maximumAvailable": self.most_points, "currentlyAvailable": self.points, "restoreRate": self.restored}
        extensions = {"cost": {"requestedQueryCost": cost, "actualQueryCost": cost, "throttleStatus": status}}
        if not told:
            self.ledger.note(self.name, "throttled", cost=cost)
            errors = [{"message": "Throttled", "extensions": {"code": "THROTTLED"}}]
            return reply({"errors": errors, "extensions": extensions})
        try:
            asked = parsed(query)
            data = {name: shaped(name, self._root(name, values), inner) for name, inner in asked.items()}
        except Refused as error:
            return reply({"errors": [{"message": str(error)}], "data": None, "extensions": extensions})
        return reply({"data": data, "extensions": extensions})

    def _root(self, name: str, values: Json) -> Any:
        work = {
            "visits": self._visits, "visit": self._visit, "job": self._job, "account": self._account,
            "jobCreateNote": self._add_note, "visitEditAssignedUsers": self._crew, "visitComplete": self._complete,
        }.get(name)  # fmt: skip
        if work is None:
            raise Refused(f"Field '{name}' doesn't exist on type 'Query'")
        return work(values)

    def _visits(self, values: Json) -> Json:
        self.sweeps += 1
        size = int(values.get("first") or 20)
        if size > MOST_PER_PAGE:
            raise Refused(f"`first` must be at most {MOST_PER_PAGE}")
        wanted = (values.get("filter") or {}).get("startAt") or {}
        after, before = parse(wanted.get("after", "2000-01-01")), parse(wanted.get("before", "2999-01-01"))
        rows = [one for one in self.visits.values() if one["startAt"] and after < parse(one["startAt"]) < before]
        rows.sort(key=lambda one: (one["startAt"], one["id"]))
        first = int(str(read(values["after"]))) if values.get("after") else 0
        shown = [self._shown(one) for one in rows[first : first + size]]
        more = len(rows) > first + size
        return {"nodes": shown, "pageInfo": {"hasNextPage": more, "endCursor": opaque(first + size) if shown else None}}

    def _visit(self, values: Json) -> Json | None:
        visit = self.visits.get(values["id"])
        return None if visit is None else self._shown(visit)

    def _shown(self, visit: Json) -> Json:
        nodes = {name: {"nodes": visit[name]} for name in ("assignedUsers", "timeSheetEntries")}
        return visit | nodes | {"visitStatus": self.status(visit)}

    def _account(self, _values: Json) -> Json:
        return {"id": encoded("Account", 1), "name": "Sandbox"}

    def _job(self, values: Json) -> Json | None:
        jobs = {visit["job"]["id"]: visit["job"] for visit in self.visits.values()}
        job = jobs.get(values["id"])
        return None if job is None else job | {"notes": {"nodes": self.notes.get(values["id"], [])}}

    def _add_note(self, values: Json) -> Json:
        if self._job(values) is None:
            return {"jobNote": None, "userErrors": [{"message": "Job not found", "path": ["jobId"]}]}
        note = {"id": encoded("JobNote", len(self.notes)), "message": str(values["input"]["message"])}
        self.notes.setdefault(values["id"], []).insert(0, note)
        return {"jobNote": note, "userErrors": []}

    def _crew(self, values: Json) -> Json:
        wanted = values["input"]["assignedUserIds"]
        if values["id"] not in self.visits or any(one not in self.users for one in wanted):
            return {"visit": None, "userErrors": [{"message": "User not found", "path": ["assignedUserIds"]}]}
        return {"visit": self.change(values["id"], assignedUsers=[self.users[one] for one in wanted]), "userErrors": []}

    def _complete(self, values: Json) -> Json:
        if values["id"] not in self.visits:
            return {"visit": None, "userErrors": [{"message": "Visit not found", "path": ["visitId"]}]}
        return {"visit": self.change(values["id"], completedAt=float(self.clock.time())), "userErrors": []}

    def add_routes(self, router: web.UrlDispatcher) -> None:
        router.add_route("POST", f"{self.prefix}/api/oauth/token", self.route(self.tokens.give, public=True))
        router.add_route("POST", f"{self.prefix}/api/graphql", self.route(self.graphql))


# ---------------------------------------------------------------- GraphQL, as much of it as is asked here


def parsed(query: str) -> Selection:
    """The fields of the one operation. Refused when it is no such query."""
    tokens = TOKEN.findall(query)
    if not tokens or tokens[0] not in ("query", "mutation") or tokens.count("{") != tokens.count("}"):
        raise Refused("syntax error, unexpected end of file")
    at = skipped(tokens, 1)
    found, _ = selection(tokens, at + 1)
    return found


def skipped(tokens: list[str], at: int) -> int:
    """Behind the arguments, if there are any."""
    if tokens[at] != "(":
        return at
    depth = 0
    while True:
        depth += (tokens[at] == "(") - (tokens[at] == ")")
        at += 1
        if not depth:
            return at


def selection(tokens: list[str], at: int) -> tuple[Selection, int]:
    found: Selection = {}
    while tokens[at] != "}":
        name = tokens[at]
        if name == "...":  # on a type; what it holds is asked of the thing itself
            inner, at = selection(tokens, at + 4)
            found |= inner
            continue
        at = skipped(tokens, at + 1)
        found[name] = {}
        if tokens[at] == "{":
            found[name], at = selection(tokens, at + 1)
    return found, at + 1


def shaped(name: str, value: Any, asked: Selection) -> Any:
    """Only what was asked for; a field that there is not is refused."""
    if isinstance(value, list):
        return [shaped(name, one, asked) for one in value]
    if not isinstance(value, dict):
        return value
    if not asked:
        raise Refused(f"Field must have selections (field '{name}' returns an object but has no selections)")
    if unknown := [one for one in asked if one not in value]:
        raise Refused(f"Field '{unknown[0]}' doesn't exist on type '{name}'")
    return {one: shaped(one, value[one], inner) for one, inner in asked.items()}
