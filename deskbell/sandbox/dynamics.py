"""A stand-in of Dynamics 365 Field Service on Dataverse: bookings, their statuses, resources, work orders, notes.

It holds what is easily got wrong: unknown columns are refused, pages are named by links, PATCH makes a row that is not
there unless it is told not to, and deleted bookings are in no list.
"""

import re
import uuid
from typing import Any

from aiohttp import web

from deskbell.sandbox.clock import Clock, Pulse, parse, stamp
from deskbell.sandbox.ledger import Ledger
from deskbell.sandbox.oauth import Tokens, opaque, read
from deskbell.sandbox.rows import Rows
from deskbell.sandbox.source import Source, Work
from deskbell.sandbox.web import Json, read_json, reply

TENANT = "7e000000-0000-4000-8000-0000000000aa"
KEYS = {"bookableresourcebookings": "bookableresourcebookingid", "bookingstatuses": "bookingstatusid",
        "bookableresources": "bookableresourceid", "msdyn_workorders": "msdyn_workorderid", "accounts": "accountid",
        "systemusers": "systemuserid", "annotations": "annotationid"}  # fmt: skip
COLUMNS = {
    "bookableresourcebookings": {"bookableresourcebookingid", "name", "starttime", "endtime", "duration", "statecode",
        "msdyn_estimatedarrivaltime", "msdyn_actualarrivaltime", "modifiedon", "createdon", "_bookingstatus_value",
        "_resource_value", "_msdyn_workorder_value"},
    "bookingstatuses": {"bookingstatusid", "name", "status", "msdyn_fieldservicestatus"},
    "bookableresources": {"bookableresourceid", "name", "_userid_value"},
    "msdyn_workorders": {"msdyn_workorderid", "msdyn_name", "msdyn_workordersummary", "msdyn_address1", "msdyn_city",
        "msdyn_latitude", "msdyn_longitude", "_msdyn_serviceaccount_value", "_msdyn_serviceterritory_value"},
    "accounts": {"accountid", "name"},
    "systemusers": {"systemuserid", "internalemailaddress"},
    "annotations": {"annotationid", "subject", "notetext", "createdon", "_objectid_value"},
}  # fmt: skip
# A lookup's name -> the column that holds it, and the set it leads to.
LOOKUPS = {
    "bookableresourcebookings": {"BookingStatus": ("_bookingstatus_value", "bookingstatuses"),
        "Resource": ("_resource_value", "bookableresources"),
        "msdyn_workorder": ("_msdyn_workorder_value", "msdyn_workorders")},
    "bookableresources": {"UserId": ("_userid_value", "systemusers")},
    "msdyn_workorders": {"msdyn_serviceaccount": ("_msdyn_serviceaccount_value", "accounts")},
    "annotations": {"objectid_msdyn_workorder": ("_objectid_value", "msdyn_workorders"),
        "objectid_bookableresourcebooking": ("_objectid_value", "bookableresourcebookings")},
}  # fmt: skip
CODES = ("Scheduled", "Traveling", "On Break", "In Progress", "Completed", "Canceled")
TERM = re.compile(r"(\w+) (eq|ge|gt|le|lt) (\S+)")
BOUND = re.compile(r"/(\w+)\(([0-9a-f-]{36})\)")
OPTIONS = {"$select", "$expand", "$filter", "$orderby", "$top", "$skiptoken"}


class Stop(Exception):
    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.answer = reply({"error": {"code": code, "message": message}}, status)


def guid(kind: int, number: int) -> str:
    return str(uuid.UUID(int=(kind << 96) + number, version=4))


class Dynamics(Source):
    name = "dynamics"
    prefix = "/dynamics"

    def __init__(self, clock: Clock, ledger: Ledger, pulse: Pulse) -> None:
        super().__init__(clock, ledger, pulse)
        self.tokens = Tokens(clock, grants={"client_credentials"})
        self.sets = {name: Rows(clock) for name in KEYS}
        self.most_per_page = 5000
        self._last = 0
        for code, name in enumerate(CODES):
            self._lay("bookingstatuses", guid(1, code), name=name, status=3 if code == 5 else 2,
                      msdyn_fieldservicestatus=690970000 + code)  # fmt: skip
        for number, (name, mail) in enumerate((("Marco Bianchi", "marco@example.org"),
                                               ("Lena Hoffmann", "lena@example.org"))):  # fmt: skip
            self._lay("systemusers", guid(2, number), internalemailaddress=mail)
            self._lay("bookableresources", guid(3, number), name=name, _userid_value=guid(2, number))
        self._lay("accounts", guid(4, 0), name="Erika Sample")

    def _lay(self, what: str, key: str, at: float | None = None, **fields: Any) -> Json:
        return self.sets[what].put(key, dict.fromkeys(COLUMNS[what]) | {KEYS[what]: key} | fields, at)

    # ------------------------------------------------------------------ what happens

    def add(self, *, start: float, end: float, resource: int = 0, modified: float | None = None, **more: Any) -> Json:
        """A booking of a work order of its own; moments are seconds since the epoch."""
        self._last += 1
        now = self.clock.time() if modified is None else modified
        order = guid(5, self._last)
        self._lay("msdyn_workorders", order, msdyn_name=f"{self._last:05}", msdyn_workordersummary="Pump down",
                  msdyn_address1="Hafenstr. 1", msdyn_city="Kiel", _msdyn_serviceaccount_value=guid(4, 0))  # fmt: skip
        booking = {
            "name": "Erika Sample", "starttime": stamp(start), "endtime": stamp(end), "statecode": 0,
            "modifiedon": stamp(now), "createdon": stamp(now), "_bookingstatus_value": guid(1, 0),
            "_resource_value": guid(3, resource), "_msdyn_workorder_value": order}  # fmt: skip
        self.pulse.beat()
        return self._lay("bookableresourcebookings", guid(6, self._last), now, **booking | more)

    def change(self, key: str, **fields: Any) -> Json:
        moments = {name: stamp(value) if isinstance(value, float) else value for name, value in fields.items()}
        self.pulse.beat()
        return self.sets["bookableresourcebookings"].change(key, **moments, modifiedon=stamp(self.clock.time()))

    def delete(self, key: str) -> None:
        self.sets["bookableresourcebookings"].drop(key)
        self.pulse.beat()

    # ------------------------------------------------------------------ credentials, errors

    def knows(self, request: web.Request) -> bool:
        return self.tokens.knows(request)

    def unauthorised(self) -> web.Response:
        return web.Response(status=401, headers={"WWW-Authenticate": "Bearer"})

    def throttled(self, seconds: int) -> web.Response:
        body = {"error": {"code": "0x80072322", "message": "Number of requests exceeded the limit of 6000"}}
        return reply(body, 429, {"Retry-After": str(seconds)})

    async def token(self, request: web.Request) -> web.Response:
        self.tokens.scope = f"{self.url}{self.prefix}/.default"
        return await self.tokens.give(request)

    # ------------------------------------------------------------------ HTTP

    async def listed(self, request: web.Request) -> web.Response:
        what, query = self._what(request), request.query
        if unknown := [name for name in query if name not in OPTIONS]:
            raise Stop(400, "0x0", f"The query parameter {unknown[0]} is not supported")
        terms = [self._term(what, part) for part in query.get("$filter", "").split(" and ") if part]
        rows = [row for _, row in self.sets[what].seen() if all(holds(row, term) for term in terms)]
        for part in reversed(query.get("$orderby", KEYS[what]).split(",")):
            column, _, way = part.strip().partition(" ")
            self._check(what, column)
            rows.sort(key=lambda row, column=column: str(row[column] or ""), reverse=way == "desc")  # type: ignore[misc]
        self.sweeps += what == "bookableresourcebookings"
        return self._page(request, what, rows)

    def _page(self, request: web.Request, what: str, rows: list[Json]) -> web.Response:
        wanted = re.search(r"odata\.maxpagesize=(\d+)", request.headers.get("Prefer", ""))
        size = min(int(wanted[1]) if wanted else self.most_per_page, self.most_per_page)
        try:
            first = int(str(read(request.query["$skiptoken"]))) if "$skiptoken" in request.query else 0
        except ValueError:
            raise Stop(400, "0x80060888", "Malformed skip token") from None
        body: Json = {
            "@odata.context": f"$metadata#{what}",
            "value": [self._shown(what, row, request.query) for row in rows[first : first + size]],
        }
        if len(rows) > first + size:
            link = request.url.update_query({"$skiptoken": opaque(first + size)})
            body["@odata.nextLink"] = f"{self.url}{link.raw_path_qs}"
        return reply(body)

    async def view(self, request: web.Request) -> web.Response:
        what = self._what(request)
        row = self.sets[what].find(request.match_info["key"].lower())
        if row is None:
            raise Stop(404, "0x80040217", f"{what} With Id = {request.match_info['key']} Does Not Exist")
        return reply(self._shown(what, row, request.query))

    async def patch(self, request: web.Request) -> web.Response:
        what, key = self._what(request), request.match_info["key"]
        if key not in self.sets[what]:
            if request.headers.get("If-Match") == "*":
                raise Stop(404, "0x80040217", f"{what} With Id = {key} Does Not Exist")
            self._lay(what, key)
        self.change(key, **self._values(what, await read_json(request)))
        return web.Response(status=204, headers={"OData-EntityId": f"{self.url}{request.path}"})

    async def create(self, request: web.Request) -> web.Response:
        what = self._what(request)
        self._last += 1
        key = guid(7, self._last)
        self._lay(what, key, **self._values(what, await read_json(request)), createdon=stamp(self.clock.time()))
        return web.Response(status=204, headers={"OData-EntityId": f"{self.url}{request.path}({key})"})

    async def me(self, request: web.Request) -> web.Response:  # noqa: ARG002 - one shape for all
        return reply({"BusinessUnitId": guid(8, 0), "UserId": guid(2, 9), "OrganizationId": guid(8, 1)})

    # ------------------------------------------------------------------ OData, a subset

    def _what(self, request: web.Request) -> str:
        what = request.match_info["what"]
        if what not in KEYS:
            raise Stop(404, "0x8006088a", f"Resource not found for the segment '{what}'.")
        return what

    def _check(self, what: str, column: str) -> None:
        if column not in COLUMNS[what]:
            raise Stop(400, "0x0", f"Could not find a property named '{column}' on type 'mscrm.{what}'.")

    def _term(self, what: str, text: str) -> tuple[str, str, str]:
        match = TERM.fullmatch(text.strip())
        if match is None:
            raise Stop(400, "0x0", f"Syntax error in '{text}'.")
        self._check(what, match[1])
        return match[1], match[2], match[3]

    def _shown(self, what: str, row: Json, asked: Any) -> Json:
        columns = [one for one in asked.get("$select", "").split(",") if one] or list(COLUMNS[what])
        for column in columns:
            self._check(what, column)
        shown = {"@odata.etag": f'W/"{abs(hash(str(row)))}"', KEYS[what]: row[KEYS[what]]}
        shown |= {column: row[column] for column in columns}
        for part in split(asked.get("$expand", ""), ","):
            name, _, inner = part.partition("(")
            if name not in LOOKUPS.get(what, {}):
                raise Stop(400, "0x0", f"Could not find a property named '{name}' on type 'mscrm.{what}'.")
            column, target = LOOKUPS[what][name]
            below = self.sets[target].find(row[column]) if row[column] else None
            options = dict(one.split("=", 1) for one in split(inner.removesuffix(")"), ";"))
            shown[name] = None if below is None else self._shown(target, below, options)
        return shown

    def _values(self, what: str, body: Any) -> Json:
        values: Json = {}
        for name, value in body.items() if isinstance(body, dict) else ():
            base, bind, _ = name.partition("@odata.bind")
            if not bind:
                self._check(what, name)
                values[name] = value
                continue
            column, target = LOOKUPS[what].get(base, ("", ""))
            match = BOUND.fullmatch(str(value))
            if not column or match is None or match[1] != target:
                raise Stop(400, "0x80048d19", f"Error identified in Payload provided by the user for '{base}'")
            if match[2] not in self.sets[target]:
                raise Stop(404, "0x80040217", f"{target} With Id = {match[2]} Does Not Exist")
            values[column] = match[2]
        return values

    def careful(self, work: Work) -> Work:
        async def handle(request: web.Request) -> web.Response:
            try:
                return await work(request)
            except Stop as stop:
                return stop.answer

        return handle

    def add_routes(self, router: web.UrlDispatcher) -> None:
        base = f"{self.prefix}/api/data/v9.2"
        router.add_route("POST", f"{self.prefix}/{TENANT}/oauth2/v2.0/token", self.route(self.token, public=True))
        for method, path, work in (
            ("GET", f"{base}/WhoAmI", self.me),
            ("GET", f"{base}/{{what:\\w+}}", self.listed),
            ("POST", f"{base}/{{what:\\w+}}", self.create),
            ("GET", f"{base}/{{what:\\w+}}({{key}})", self.view),
            ("PATCH", f"{base}/{{what:\\w+}}({{key}})", self.patch),
        ):
            router.add_route(method, path, self.route(self.careful(work)))


def holds(row: Json, term: tuple[str, str, str]) -> bool:
    column, sign, wanted = term
    have = row[column]
    if have is None:
        return False
    left, right = (parse(have), parse(wanted)) if re.fullmatch(r"\d{4}-.*", wanted) else (str(have), wanted)
    order = (left > right) - (left < right)  # type: ignore[operator]
    return {"eq": order == 0, "ge": order >= 0, "gt": order > 0, "le": order <= 0, "lt": order < 0}[sign]


def split(text: str, sign: str) -> list[str]:
    """At the signs that stand in no brackets."""
    parts, depth = [""], 0
    for letter in text:
        depth += (letter == "(") - (letter == ")")
        if letter == sign and not depth:
            parts.append("")
        else:
            parts[-1] += letter
    return [part for part in parts if part]
