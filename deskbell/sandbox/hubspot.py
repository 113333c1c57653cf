"""A stand-in of HubSpot's CRM API. https://developers.hubspot.com/docs/api-reference

It holds what is easily got wrong: the search knows a change some seconds late, gives 10,000 rows at most and five
answers a second; names that are no property are left out without a word.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from deskbell.sandbox import credentials
from deskbell.sandbox.clock import Clock, Pulse
from deskbell.sandbox.clock import parse as seconds
from deskbell.sandbox.ledger import Ledger
from deskbell.sandbox.limits import Buckets, Rate
from deskbell.sandbox.source import Source, Work
from deskbell.sandbox.web import Json, read_json, reply

VERSIONS = ("2025-09", "2026-03", "2026-09")
MOST_PER_PAGE, MOST_FOUND, MOST_GROUPS, BATCH = 200, 10_000, 5, 100
SEARCHES, CALLS = Rate(5, 5), Rate(19, 190)  # https://developers.hubspot.com/docs/guides/apps/api-usage/usage-details
OWNERS = ((71, "Ana", "Ruiz", "ana@example.org"), (72, "Ben", "Okafor", "ben@example.org"))
STAGES = {
    "tickets": (("1", "New", "OPEN"), ("2", "Waiting on contact", "OPEN"), ("3", "Waiting on us", "OPEN"),
                ("4", "Closed", "CLOSED"), ("5", "Waiting on parts", "OPEN")),
    "deals": (("appointmentscheduled", "Appointment Scheduled", "OPEN"), ("contractsent", "Contract Sent", "OPEN"),
              ("closedwon", "Closed Won", "CLOSED"), ("closedlost", "Closed Lost", "CLOSED")),
}  # fmt: skip
COMMON = ("createdate", "hs_lastmodifieddate", "hs_object_id", "hubspot_owner_id")
PROPERTIES: dict[str, tuple[str, ...]] = {
    "tickets": (*COMMON, "subject", "content", "hs_pipeline", "hs_pipeline_stage", "hs_ticket_priority", "source_type",
                "hs_time_to_first_response_sla_at", "hs_time_to_first_response_sla_status",
                "hs_time_to_next_response_sla_at", "hs_time_to_next_response_sla_status", "hs_time_to_close_sla_at",
                "hs_time_to_close_sla_status", "hs_last_message_sent_at", "hs_last_message_received_at"),
    "companies": (*COMMON, "name", "domain", "phone", "type", "account_status", "support_status"),
    "deals": (*COMMON, "dealname", "dealstage", "pipeline", "amount", "deal_currency_code", "closedate"),
    "invoices": (*COMMON, "hs_number", "hs_invoice_status", "hs_amount_billed", "hs_balance_due", "hs_currency",
                 "hs_invoice_date", "hs_due_date"),
    "notes": (*COMMON, "hs_note_body", "hs_timestamp"),
}  # fmt: skip
PRIORITIES = ("LOW", "MEDIUM", "HIGH", "URGENT")
NOTE_TYPES = {190: "companies", 214: "deals", 228: "tickets"}


@dataclass(slots=True)
class Thing:
    """One object, and what the search knows of it until it has caught up."""

    id: str
    properties: dict[str, str | None]
    archived: bool = False
    indexed: "dict[str, str | None] | None" = None
    indexed_from: float = 0.0
    notes: list[str] = field(default_factory=list)


class Stop(Exception):
    def __init__(self, status: int, category: str, message: str) -> None:
        super().__init__(message)
        body = {"status": "error", "message": message, "correlationId": "5f2a", "category": category}
        self.answer = reply(body, status)


class HubSpot(Source):
    name = "hubspot"
    prefix = "/hubspot"
    dated = True

    def __init__(self, clock: Clock, ledger: Ledger, pulse: Pulse) -> None:
        super().__init__(clock, ledger, pulse)
        self.things: dict[str, dict[str, Thing]] = {name: {} for name in PROPERTIES}
        self.lag = 3.0  # seconds until the search knows
        self.limited_to: tuple[Rate, Rate] | None = (CALLS, SEARCHES)
        self.buckets = Buckets(clock)
        self._ids = itertools.count(9_000_001)

    # ------------------------------------------------------------------ what happens

    def add(self, what: str, *, at: float | None = None, **properties: str | None) -> Thing:
        now = self.clock.time() if at is None else at
        key = str(next(self._ids))
        stamps = {"createdate": written(now), "hs_lastmodifieddate": written(now), "hs_object_id": key}
        thing = Thing(key, {**dict.fromkeys(PROPERTIES[what]), **stamps, **properties})
        thing.indexed_from = now + self.lag
        self.things[what][key] = thing
        self.pulse.beat()
        return thing

    def change(self, what: str, key: str, **properties: str | None) -> Thing:
        thing, now = self.things[what][key], self.clock.time()
        if now >= thing.indexed_from:
            thing.indexed = dict(thing.properties)
        thing.indexed_from = now + self.lag
        thing.properties |= properties | {"hs_lastmodifieddate": written(now)}
        self.pulse.beat()
        return thing

    def archive(self, what: str, key: str) -> None:
        self.things[what][key].archived = True

    # ------------------------------------------------------------------ credentials, limits

    def knows(self, request: web.Request) -> bool:
        return request.headers.get("Authorization") == f"Bearer {credentials.HUBSPOT_TOKEN}"

    def unauthorised(self) -> web.Response:
        return Stop(401, "INVALID_AUTHENTICATION", "Authentication credentials not found.").answer

    def throttled(self, seconds: int) -> web.Response:
        body = {"status": "error", "message": "You have reached your secondly limit.", "errorType": "RATE_LIMIT",
                "correlationId": "5f2a", "policyName": "TEN_SECONDLY_ROLLING"}  # fmt: skip
        return reply(body, 429, {"Retry-After": str(seconds)})

    def no_limits(self) -> None:
        self.limited_to = None

    # ------------------------------------------------------------------ the search

    async def search(self, request: web.Request) -> web.Response:
        what, body = self._what(request), await self._body(request)
        limit, after = int(body.get("limit", 10)), int(str(body.get("after") or 0))
        groups, sorts = body.get("filterGroups", []), body.get("sorts", [])
        if not 1 <= limit <= MOST_PER_PAGE:
            raise Stop(400, "VALIDATION_ERROR", f"limit must be from 1 to {MOST_PER_PAGE}")
        if after + limit > MOST_FOUND:
            raise Stop(400, "VALIDATION_ERROR", "The request is out of the 10000 results that a search gives")
        if len(groups) > MOST_GROUPS or len(sorts) > 1:
            raise Stop(400, "VALIDATION_ERROR", "too many filterGroups or sorts")
        self.sweeps += what == "tickets"
        rows = [(thing, known) for thing, known in self._indexed(what) if fits(known, groups)]
        for sort in sorts:
            name = self._property(what, sort["propertyName"])
            rows.sort(key=lambda row: str(row[1].get(name) or ""), reverse=sort.get("direction") == "DESCENDING")
        page = rows[after : after + limit]
        answer: Json = {"total": len(rows), "results": [shown(one, known, body) for one, known in page]}
        if after + limit < min(len(rows), MOST_FOUND):
            answer["paging"] = {"next": {"after": str(after + limit), "link": f"?after={after + limit}"}}
        return reply(answer)

    def _indexed(self, what: str) -> list[tuple[Thing, Mapping[str, Any]]]:
        now = self.clock.time()
        found: list[tuple[Thing, Mapping[str, Any]]] = []
        for thing in self.things[what].values():
            known = thing.properties if now >= thing.indexed_from else thing.indexed
            if known is not None and not thing.archived:
                found.append((thing, known))
        return found

    def _property(self, what: str, name: str) -> str:
        if name not in PROPERTIES[what]:
            raise Stop(400, "VALIDATION_ERROR", f"There was a problem with the request: no property {name}")
        return name

    # ------------------------------------------------------------------ single objects

    async def view(self, request: web.Request) -> web.Response:
        thing = self._thing(request)
        asked = {"properties": [one for one in request.query.get("properties", "").split(",") if one]}
        body = shown(thing, thing.properties, asked)
        if "notes" in request.query.get("associations", "") and thing.notes:
            rows = [{"id": one, "type": "note_to_object"} for one in thing.notes]
            body["associations"] = {"notes": {"results": rows}}
        return reply(body)

    async def update(self, request: web.Request) -> web.Response:
        what, thing, body = self._what(request), self._thing(request), await self._body(request)
        values = body.get("properties")
        if not isinstance(values, dict):
            raise Stop(400, "VALIDATION_ERROR", "properties are needed")
        self._check(what, values)
        self.change(what, thing.id, **values)
        return reply(shown(thing, thing.properties, {"properties": list(values)}))

    def _check(self, what: str, values: Mapping[str, Any]) -> None:
        owners = {str(owner[0]) for owner in OWNERS}
        allowed = {"hubspot_owner_id": owners, "hs_ticket_priority": set(PRIORITIES)}
        if what in STAGES:
            allowed["hs_pipeline_stage" if what == "tickets" else "dealstage"] = {one[0] for one in STAGES[what]}
        for name, value in values.items():
            if name not in PROPERTIES[what]:
                raise Stop(400, "VALIDATION_ERROR", f'Property values were not valid: Property "{name}" does not exist')
            if name in allowed and value and str(value) not in allowed[name]:
                raise Stop(400, "VALIDATION_ERROR", f"Property values were not valid: {value} is no {name}")

    async def add_note(self, request: web.Request) -> web.Response:
        body = await self._body(request)
        values = body.get("properties") or {}
        if not values.get("hs_timestamp"):
            raise Stop(400, "VALIDATION_ERROR", "Property values were not valid: hs_timestamp is required")
        to = self._to(body.get("associations") or [])
        note = self.add("notes", **{name: values.get(name) for name in ("hs_note_body", "hs_timestamp")})
        for what, key in to:
            self.things[what][key].notes.append(note.id)
            self.change(what, key)
        return reply(shown(note, note.properties, {}), 201)

    def _to(self, associations: Sequence[Json]) -> list[tuple[str, str]]:
        found = []
        for one in associations:
            key, kinds = str(one["to"]["id"]), [kind["associationTypeId"] for kind in one["types"]]
            what = NOTE_TYPES.get(kinds[0], "")
            if key not in self.things.get(what, {}):
                raise Stop(400, "VALIDATION_ERROR", f"invalid association {kinds} to {key}")
            found.append((what, key))
        return found

    async def read_many(self, request: web.Request) -> web.Response:
        what, body = self._what(request), await self._body(request)
        inputs = body.get("inputs") or []
        if not 1 <= len(inputs) <= BATCH:
            raise Stop(400, "VALIDATION_ERROR", f"from 1 to {BATCH} inputs")
        things = [self.things[what][one["id"]] for one in inputs if one["id"] in self.things[what]]
        return reply({"status": "COMPLETE", "results": [shown(one, one.properties, body) for one in things]})

    async def list_owners(self, request: web.Request) -> web.Response:  # noqa: ARG002 - one shape for all
        rows = [{"id": str(key), "firstName": first, "lastName": last, "email": email, "archived": False}
                for key, first, last, email in OWNERS]  # fmt: skip
        return reply({"results": rows})

    async def list_stages(self, request: web.Request) -> web.Response:
        what = self._what(request)
        stages = [{"id": key, "label": label, "metadata": meta(what, state)} for key, label, state in STAGES[what]]
        return reply({"results": [{"id": "0", "label": "Support", "stages": stages}]})

    async def list_properties(self, request: web.Request) -> web.Response:
        return reply({"results": [{"name": name, "type": "string"} for name in PROPERTIES[self._what(request)]]})

    def _what(self, request: web.Request) -> str:
        what = request.match_info["what"]
        if what not in PROPERTIES or request.match_info["version"] not in VERSIONS:
            raise Stop(404, "OBJECT_NOT_FOUND", "Unable to infer object type")
        return what

    def _thing(self, request: web.Request) -> Thing:
        thing = self.things[self._what(request)].get(request.match_info["id"])
        if thing is None or thing.archived:
            raise Stop(404, "OBJECT_NOT_FOUND", "Object not found")
        return thing

    async def _body(self, request: web.Request) -> Json:
        try:
            body = await read_json(request)
        except ValueError:
            body = None
        if not isinstance(body, dict):
            raise Stop(400, "VALIDATION_ERROR", "Invalid input JSON")
        return body

    # ------------------------------------------------------------------ routes

    def careful(self, work: Work) -> Work:
        async def handle(request: web.Request) -> web.Response:
            if self.limited_to is not None:
                calls, searches = self.limited_to
                searching = request.path.endswith("/search")
                if self.buckets.take("calls", calls) or (searching and self.buckets.take("search", searches)):
                    return self.throttled(1)
            try:
                return await work(request)
            except Stop as stop:
                return stop.answer

        return handle

    def add_routes(self, router: web.UrlDispatcher) -> None:
        base = f"{self.prefix}/crm"
        objects = f"{base}/objects/{{version}}"
        for method, path, work in (
            ("POST", f"{objects}/{{what}}/search", self.search),
            ("POST", f"{objects}/notes", self.add_note),
            ("POST", f"{objects}/{{what}}/batch/read", self.read_many),
            ("GET", f"{objects}/{{what}}/{{id}}", self.view),
            ("PATCH", f"{objects}/{{what}}/{{id}}", self.update),
            ("GET", f"{base}/owners/{{version}}", self.list_owners),
            ("GET", f"{base}/pipelines/{{version}}/{{what}}", self.list_stages),
            ("GET", f"{base}/properties/{{version}}/{{what}}", self.list_properties),
        ):
            router.add_route(method, path, self.route(self.careful(work)))


def fits(known: Mapping[str, Any], groups: Sequence[Json]) -> bool:
    return not groups or any(all(holds(known, one) for one in group.get("filters", [])) for group in groups)


def holds(known: Mapping[str, Any], one: Json) -> bool:
    have, operator = known.get(one["propertyName"]), one["operator"]
    wanted = {str(value) for value in one.get("values", [])}
    if operator in ("IN", "NOT_IN"):
        return (str(have) in wanted) is (operator == "IN")
    if have is None:
        return False
    left, right = millis(have), millis(str(one.get("value")))
    tests = {"EQ": left == right, "NEQ": left != right, "GTE": left >= right, "GT": left > right,
             "LTE": left <= right, "LT": left < right}  # fmt: skip
    if operator not in tests:
        raise Stop(400, "VALIDATION_ERROR", f"Invalid operator {operator}")
    return tests[operator]


def millis(text: str) -> float:
    """Moments as milliseconds: they are asked for as such, and answered as text."""
    try:
        return float(text) if text.replace(".", "", 1).isdigit() else round(seconds(text) * 1000)
    except ValueError:
        return float("nan")


def shown(thing: Thing, known: Mapping[str, Any], asked: Mapping[str, Any]) -> Json:
    names = [name for name in asked.get("properties", ()) if name in known]
    values = {name: known[name] for name in (*names, "createdate", "hs_lastmodifieddate", "hs_object_id")}
    stamps = {"createdAt": known["createdate"], "updatedAt": known["hs_lastmodifieddate"]}
    return {"id": thing.id, "properties": values, **stamps, "archived": thing.archived}


def meta(what: str, state: str) -> Json:
    return {"ticketState": state, "isClosed": "true" if state == "CLOSED" else "false"} if what == "tickets" else {
        "isClosed": "true" if state == "CLOSED" else "false", "probability": "1.0"
    }  # fmt: skip


def written(at: float) -> str:
    when = datetime.fromtimestamp(at, UTC)
    return f"{when:%Y-%m-%dT%H:%M:%S}.{when.microsecond // 1000:03}Z"
