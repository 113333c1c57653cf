"""A stand-in of ServiceTitan's API v2: appointments, jobs, who is assigned, customers and sites of one tenant.

It holds what is easily got wrong: an app key beside the token, at most 50 ids in a question, an assignment that moves
without its appointment, and deleted appointments that are in no list.
"""

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from deskbell.sandbox import credentials
from deskbell.sandbox.clock import Clock, Pulse, parse, stamp
from deskbell.sandbox.ledger import Ledger
from deskbell.sandbox.limits import Buckets, Rate
from deskbell.sandbox.oauth import Tokens
from deskbell.sandbox.rows import Rows
from deskbell.sandbox.source import Source, Work
from deskbell.sandbox.web import Handler, Json, read_json, reply

MOST_PER_PAGE, MOST_IDS = 5000, 50
STATUSES = ("Scheduled", "Dispatched", "Working", "Hold", "Done", "Canceled")
TECHNICIANS = {31: "Marco Bianchi", 32: "Lena Hoffmann", 33: "Priya Nair"}
_PAGING = {"page", "pageSize", "includeTotal", "sort", "modifiedOnOrAfter", "modifiedBefore"}
KNOWN: Mapping[str, set[str]] = {
    "appointments": _PAGING | {"ids", "jobId", "number", "status", "startsOnOrAfter", "startsBefore", "technicianId"},
    "appointment-assignments": _PAGING | {"ids", "appointmentIds", "jobId", "active"},
    "jobs": _PAGING | {"ids", "number", "jobStatus"},
    "customers": _PAGING | {"ids", "name"},
    "locations": _PAGING | {"ids", "name"},
}


class ServiceTitan(Source):
    name = "servicetitan"
    prefix = "/servicetitan"

    def __init__(self, clock: Clock, ledger: Ledger, pulse: Pulse) -> None:
        super().__init__(clock, ledger, pulse)
        self.tokens = Tokens(clock, grants={"client_credentials"}, life=900)
        self.buckets = Buckets(clock)
        self.rate: Rate | None = Rate(per_second=60, burst=60)
        self.tables = {what: Rows(clock) for what in KNOWN}
        self.notes: dict[str, list[Json]] = {}
        self._last = 70_000

    def no_limits(self) -> None:
        self.rate = None

    # ------------------------------------------------------------------ what happens

    def add(
        self, *, start: float, end: float, technician: int | None = None, id: int | None = None,
        modified: float | None = None, **more: Any,
    ) -> Json:  # fmt: skip
        """An appointment of a job of its own; moments are seconds since the epoch."""
        now = self.clock.time() if modified is None else modified
        self._last += id is None
        number = id or self._last
        job, customer, site = number + 1_000_000, 500, 600
        self.tables["customers"].put(customer, {"id": customer, "name": "Erika Sample", "modifiedOn": stamp(now)})
        address = {"street": "Hafenstr. 1", "unit": "", "city": "Kiel", "state": "SH", "zip": "24103"}
        self.tables["locations"].put(
            site, {"id": site, "name": "Harbour", "address": address, "modifiedOn": stamp(now)}
        )
        self.tables["jobs"].put(job, {
            "id": job, "jobNumber": str(job), "customerId": customer, "locationId": site, "jobStatus": "Scheduled",
            "summary": "Pump down", "businessUnitId": 7, "priority": "Normal", "modifiedOn": stamp(now),
        }, now)  # fmt: skip
        row = {
            "id": number, "jobId": job, "appointmentNumber": f"{job}-1", "start": stamp(start), "end": stamp(end),
            "arrivalWindowStart": stamp(start), "arrivalWindowEnd": stamp(start + 7200), "status": "Scheduled",
            "specialInstructions": "", "createdOn": stamp(now), "modifiedOn": stamp(now), "customerId": customer,
            "unused": False, "createdById": 1, "isConfirmed": False}  # fmt: skip
        self.tables["appointments"].put(number, row | more, now)
        if technician:
            self.assign(number, technician)
        self.pulse.beat()
        return self.tables["appointments"][number]

    def change(self, id: int, **fields: Any) -> Json:
        moments = {name: stamp(value) if isinstance(value, float) else value for name, value in fields.items()}
        self.pulse.beat()
        return self.tables["appointments"].change(id, **moments, modifiedOn=stamp(self.clock.time()))

    def change_job(self, id: int, **fields: Any) -> Json:
        return self.tables["jobs"].change(self.tables["appointments"][id]["jobId"], **fields)

    def delete(self, id: int) -> None:
        self.tables["appointments"].drop(id)
        self.pulse.beat()

    def assign(self, appointment: int, technician: int, *, active: bool = True) -> None:
        """The appointment itself does not move by it."""
        rows = self.tables["appointment-assignments"]
        key = f"{appointment}{technician}"
        rows.put(key, {
            "id": int(key), "technicianId": technician, "technicianName": TECHNICIANS[technician], "assignedById": 1,
            "assignedOn": stamp(self.clock.time()), "status": "Scheduled", "isPaused": False,
            "jobId": self.tables["appointments"][appointment]["jobId"], "appointmentId": appointment,
            "createdOn": stamp(self.clock.time()), "modifiedOn": stamp(self.clock.time()), "active": active,
        })  # fmt: skip
        self.pulse.beat()

    # ------------------------------------------------------------------ credentials, errors

    def knows(self, request: web.Request) -> bool:
        return self.tokens.knows(request) and request.headers.get("ST-App-Key") == credentials.SERVICETITAN_APP

    def unauthorised(self) -> web.Response:
        return problem(401, "Unauthorized")

    def limited(self, work: Work) -> Handler:
        async def count(request: web.Request) -> web.Response:
            wait = self.buckets.take("app", self.rate) if self.rate else 0.0
            return self.throttled(max(1, round(wait))) if wait else await work(request)

        return self.route(count)

    # ------------------------------------------------------------------ HTTP

    async def listed(self, request: web.Request) -> web.Response:
        what, query = request.match_info["what"], request.query
        if what not in KNOWN:
            return problem(404, "Resource not found")
        if wrong := check(what, query):
            return problem(400, "One or more validation errors occurred.", wrong)
        self.sweeps += what == "appointments" and "ids" not in query
        rows = [row for at, row in self.tables[what].seen() if fits(row, at, query)]
        if query.get("sort", "").lower() in ("+id", ""):
            rows.sort(key=lambda row: int(row["id"]))
        page, size = int(query.get("page", 1)), int(query.get("pageSize", 50))
        shown = rows[(page - 1) * size : page * size]
        more = len(rows) > page * size
        return reply({"page": page, "pageSize": size, "hasMore": more, "totalCount": None, "data": shown})

    async def view(self, request: web.Request) -> web.Response:
        what = request.match_info["what"]
        row = self.tables[what].find(request.match_info["id"]) if what in KNOWN else None
        return problem(404, "Resource not found") if row is None else reply(row)

    async def list_notes(self, request: web.Request) -> web.Response:
        return reply(
            {"page": 1, "pageSize": 50, "hasMore": False, "data": self.notes.get(request.match_info["id"], [])}
        )

    async def add_note(self, request: web.Request) -> web.Response:
        job, body = request.match_info["id"], await read_json(request)
        if job not in self.tables["jobs"]:
            return problem(404, "Resource not found")
        if not isinstance(body, dict) or not body.get("text") or set(body) - {"text", "pinToTop"}:
            return problem(400, "One or more validation errors occurred.", {"text": "is required"})
        note = {"text": body["text"], "isPinned": bool(body.get("pinToTop")), "createdOn": stamp(self.clock.time())}
        self.notes.setdefault(job, []).append(note)
        return reply(note)

    async def crew(self, request: web.Request) -> web.Response:
        body, joins = await read_json(request), request.path.endswith("/assign-technicians")
        if not isinstance(body, dict) or set(body) != {"jobAppointmentId", "technicianIds"}:
            return problem(400, "One or more validation errors occurred.", {"technicianIds": "is required"})
        if body["jobAppointmentId"] not in self.tables["appointments"]:
            return problem(404, "Resource not found")
        if unknown := [one for one in body["technicianIds"] if one not in TECHNICIANS]:
            return problem(400, "One or more validation errors occurred.", {"technicianIds": f"{unknown} do not exist"})
        for one in body["technicianIds"]:
            self.assign(body["jobAppointmentId"], one, active=joins)
        return reply(self.tables["appointments"][body["jobAppointmentId"]])

    def add_routes(self, router: web.UrlDispatcher) -> None:
        tenant = f"/v2/tenant/{credentials.SERVICETITAN_TENANT}"
        router.add_route("POST", self.prefix + "/connect/token", self.route(self.tokens.give, public=True))
        for module in ("jpm", "crm", "dispatch"):
            router.add_route("GET", f"{self.prefix}/{module}{tenant}/{{what}}", self.limited(self.listed))
        router.add_route("GET", f"{self.prefix}/jpm{tenant}/{{what}}/{{id}}", self.limited(self.view))
        for method, work in (("GET", self.list_notes), ("POST", self.add_note)):
            router.add_route(method, f"{self.prefix}/jpm{tenant}/jobs/{{id}}/notes", self.limited(work))
        for verb in ("assign", "unassign"):
            path = f"{self.prefix}/dispatch{tenant}/appointment-assignments/{verb}-technicians"
            router.add_route("POST", path, self.limited(self.crew))


def fits(row: Json, at: float, query: Mapping[str, str]) -> bool:
    listed = {"ids": "id", "appointmentIds": "appointmentId", "jobId": "jobId"}
    if any(name in query and str(row[column]) not in query[name].split(",") for name, column in listed.items()):
        return False
    if "modifiedOnOrAfter" in query and int(at) < parse(query["modifiedOnOrAfter"]):
        return False
    if "startsOnOrAfter" in query and parse(row["start"]) < parse(query["startsOnOrAfter"]):
        return False
    return "startsBefore" not in query or parse(row["start"]) < parse(query["startsBefore"])


def check(what: str, query: Mapping[str, str]) -> dict[str, str]:
    wrong = {name: "is not a parameter" for name in query if name not in KNOWN[what]}
    for name in ("page", "pageSize"):
        if not query.get(name, "1").isdigit() or not 1 <= int(query.get(name, "1")) <= MOST_PER_PAGE:
            wrong[name] = f"must be from 1 to {MOST_PER_PAGE}"
    for name in ("ids", "appointmentIds"):
        if len(query.get(name, "").split(",")) > MOST_IDS:
            wrong[name] = f"at most {MOST_IDS}"
    for name in ("modifiedOnOrAfter", "startsOnOrAfter", "startsBefore"):
        try:
            parse(query.get(name, "2026-01-01"))
        except ValueError:
            wrong[name] = "is not a date"
    if query.get("sort", "+Id").lstrip("+-").lower() not in {"id", "modifiedon", "createdon"}:
        wrong["sort"] = "must be +Id, +ModifiedOn or +CreatedOn"
    return wrong


def problem(status: int, title: str, errors: Json | None = None) -> web.Response:
    return reply({"type": "about:blank", "title": title, "status": status, "errors": errors or {}}, status)
