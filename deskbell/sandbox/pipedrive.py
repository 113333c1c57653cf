"""A stand-in of Pipedrive's API v2. https://developers.pipedrive.com/docs/api/v1

It holds what is easily got wrong: fields of one's own are hashes, their options numbers; pages go by a cursor; deleted
deals are in a list of their own; users are still told by version 1 alone.
"""

import base64
import hashlib
import itertools
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from deskbell.sandbox import credentials
from deskbell.sandbox.clock import Clock, Pulse, stamp
from deskbell.sandbox.clock import parse as seconds
from deskbell.sandbox.ledger import Ledger
from deskbell.sandbox.limits import Buckets, Rate
from deskbell.sandbox.source import Source, Work
from deskbell.sandbox.web import Json, read_json, reply

MOST_PER_PAGE, MOST_IDS = 500, 100
BURST = Rate(10, 20)  # https://pipedrive.readme.io/docs/core-api-concepts-rate-limiting: a window of two seconds
USERS = ((101, "Deskbell", "deskbell@example.org"), (102, "Ana Ruiz", "ana@example.org"),
         (103, "Ben Okafor", "ben@example.org"))  # fmt: skip
STAGES = ((1, "Qualified"), (2, "Proposal Made"), (3, "Negotiations Started"))
OPTIONS = {
    "Account Status": {11: "Prospect", 12: "Customer", 13: "On hold", 14: "Churned"},
    "Support Status": {21: "Waiting", 22: "Done"},
}
STANDARD: dict[str, tuple[str, ...]] = {
    "organizations": ("id", "name", "owner_id", "add_time", "update_time", "is_deleted", "visible_to", "label_ids"),
    "deals": ("id", "title", "owner_id", "org_id", "person_id", "pipeline_id", "stage_id", "value", "currency",
              "status", "add_time", "update_time", "won_time", "lost_time", "is_deleted", "visible_to"),
}  # fmt: skip
SORTS = ("id", "add_time", "update_time")
PARAMETERS = {"limit", "cursor", "sort_by", "sort_direction", "updated_since", "updated_until", "ids", "status",
              "custom_fields", "include_fields", "owner_id", "org_id", "deal_id", "filter_id"}  # fmt: skip


def code(name: str) -> str:
    """The hash of a field of one's own."""
    return hashlib.sha1(name.encode(), usedforsecurity=False).hexdigest()


class Stop(Exception):
    def __init__(self, status: int, error: str, word: str) -> None:
        super().__init__(error)
        self.answer = reply({"success": False, "error": error, "code": word}, status)


class Pipedrive(Source):
    name = "pipedrive"
    prefix = "/pipedrive"
    dated = True

    def __init__(self, clock: Clock, ledger: Ledger, pulse: Pulse) -> None:
        super().__init__(clock, ledger, pulse)
        self.rows: dict[str, dict[int, Json]] = {"organizations": {}, "deals": {}, "activities": {}}
        self.admin = True
        self.limited = True
        self.buckets = Buckets(clock)
        self._ids = itertools.count(3001)

    # ------------------------------------------------------------------ what happens

    def add(self, what: str, *, at: float | None = None, own: Mapping[str, Any] | None = None, **fields: Any) -> Json:
        """`own`: values of fields of one's own by their names; options by their labels."""
        now, key = stamp(self.clock.time() if at is None else at), next(self._ids)
        row: Json = dict.fromkeys(STANDARD[what]) | {
            "id": key,
            "add_time": now,
            "update_time": now,
            "is_deleted": False,
        }
        named = dict.fromkeys(OPTIONS) | dict(own or {})
        custom = {code(name): stored(name, value) for name, value in named.items()}
        row |= {"owner_id": 102, "custom_fields": custom} | fields
        self.rows[what][key] = row
        self.pulse.beat()
        return row

    def change(self, what: str, key: int, **fields: Any) -> Json:
        row = self.rows[what][key]
        row |= fields | {"update_time": stamp(self.clock.time())}
        self.pulse.beat()
        return row

    # ------------------------------------------------------------------ credentials, limits

    def knows(self, request: web.Request) -> bool:
        return request.headers.get("x-api-token") == credentials.PIPEDRIVE_TOKEN

    def unauthorised(self) -> web.Response:
        return Stop(401, "unauthorized access", "ERR_UNAUTHORIZED").answer

    def throttled(self, seconds: int) -> web.Response:
        answer = Stop(429, "request over limit", "ERR_RATE_LIMITED").answer
        answer.headers.update(
            {"Retry-After": str(seconds), "x-ratelimit-remaining": "0", "x-ratelimit-reset": str(seconds)}
        )
        return answer

    def no_limits(self) -> None:
        self.limited = False

    # ------------------------------------------------------------------ reading

    async def list_rows(self, request: web.Request) -> web.Response:
        what, asked = request.match_info["what"], request.query
        check(asked)
        rows = [row for row in self.rows[what].values() if fits(row, asked)]
        order = asked.get("sort_by", "id")
        rows.sort(key=lambda row: (row[order], row["id"]), reverse=asked.get("sort_direction", "asc") == "desc")
        self.sweeps += what == "deals"
        size, start = int(asked.get("limit", 100)), place_of(asked.get("cursor", ""))
        after = cursor_of(start + size) if start + size < len(rows) else None
        return reply({"success": True, "data": rows[start : start + size], "additional_data": {"next_cursor": after}})

    async def view(self, request: web.Request) -> web.Response:
        return reply({"success": True, "data": self._row(request)})

    def _row(self, request: web.Request) -> Json:
        key, what = request.match_info["id"], request.match_info["what"]
        row = self.rows[what].get(int(key)) if key.isdigit() else None
        if row is None:
            raise Stop(404, f"{what[:-1].capitalize()} not found", "ERR_NOT_FOUND")
        return row

    async def list_fields(self, request: web.Request) -> web.Response:
        what = {"organizationFields": "organizations", "dealFields": "deals"}[request.match_info["fields"]]
        standard = [{"field_code": name, "field_name": name.replace("_", " ").title(), "options": None}
                    for name in STANDARD[what]]  # fmt: skip
        own = [
            {"field_code": code(name), "field_name": name, "field_type": "enum", "options": listed(options)}
            for name, options in OPTIONS.items()
        ]
        return reply({"success": True, "data": [*standard, *own], "additional_data": {"next_cursor": None}})

    async def list_users(self, request: web.Request) -> web.Response:  # noqa: ARG002 - one shape for all
        return reply({"success": True, "data": [self._user(*user) for user in USERS]})

    async def me(self, request: web.Request) -> web.Response:  # noqa: ARG002
        return reply({"success": True, "data": self._user(*USERS[0])})

    def _user(self, key: int, name: str, email: str) -> Json:
        return {"id": key, "name": name, "email": email, "is_admin": int(self.admin), "active_flag": True}

    async def list_stages(self, request: web.Request) -> web.Response:  # noqa: ARG002
        rows = [{"id": key, "name": name, "pipeline_id": 1} for key, name in STAGES]
        return reply({"success": True, "data": rows, "additional_data": {"next_cursor": None}})

    # ------------------------------------------------------------------ writing

    async def update(self, request: web.Request) -> web.Response:
        row, what, body = self._row(request), request.match_info["what"], await self._body(request)
        if row["is_deleted"]:
            raise Stop(410, "Entity has been deleted", "ERR_DELETED")
        own = body.pop("custom_fields", {})
        for name in body:
            if name not in STANDARD[what] or name in ("id", "add_time", "update_time"):
                raise Stop(400, f"Validation failed: {name}: unknown field", "ERR_SCHEMA_VALIDATION_FAILED")
        if "owner_id" in body and body["owner_id"] not in {user[0] for user in USERS}:
            raise Stop(400, f"Validation failed: owner_id: no user {body['owner_id']}", "ERR_SCHEMA_VALIDATION_FAILED")
        options = {code(name): known for name, known in OPTIONS.items()}
        for key, value in own.items():
            if key not in options or (value is not None and value not in options[key]):
                raise Stop(400, f"Validation failed: custom_fields.{key}", "ERR_SCHEMA_VALIDATION_FAILED")
        self.change(what, row["id"], custom_fields=row["custom_fields"] | own, **body)
        return reply({"success": True, "data": row})

    async def add_activity(self, request: web.Request) -> web.Response:
        body = await self._body(request)
        links = {"org_id": "organizations", "deal_id": "deals"}
        linked = [(what, int(body[name])) for name, what in links.items() if body.get(name)]
        for what, key in linked:
            if key not in self.rows[what]:
                raise Stop(400, f"Validation failed: no such {what}", "ERR_SCHEMA_VALIDATION_FAILED")
            self.change(what, key)
        if not body.get("subject"):
            raise Stop(400, "Validation failed: subject", "ERR_SCHEMA_VALIDATION_FAILED")
        now = stamp(self.clock.time())
        row: Json = {"id": next(self._ids), "add_time": now, "update_time": now, "is_deleted": False} | body
        self.rows["activities"][row["id"]] = row
        return reply({"success": True, "data": row}, 201)

    async def _body(self, request: web.Request) -> Json:
        try:
            body = await read_json(request)
        except ValueError:
            body = None
        if not isinstance(body, dict):
            raise Stop(400, "Bad request", "ERR_BAD_REQUEST")
        return body

    # ------------------------------------------------------------------ routes

    def careful(self, work: Work) -> Work:
        async def handle(request: web.Request) -> web.Response:
            if self.limited and self.buckets.take("calls", BURST):
                return self.throttled(2)
            try:
                return await work(request)
            except Stop as stop:
                return stop.answer

        return handle

    def add_routes(self, router: web.UrlDispatcher) -> None:
        kept = "{what:organizations|deals}"
        for method, path, work in (
            ("GET", "/api/v1/users", self.list_users),
            ("GET", "/api/v1/users/me", self.me),
            ("GET", "/api/v2/{fields:organizationFields|dealFields}", self.list_fields),
            ("GET", "/api/v2/stages", self.list_stages),
            ("GET", "/api/v2/{what:organizations|deals|activities}", self.list_rows),
            ("POST", "/api/v2/activities", self.add_activity),
            ("GET", f"/api/v2/{kept}/{{id}}", self.view),
            ("PATCH", f"/api/v2/{kept}/{{id}}", self.update),
        ):
            router.add_route(method, self.prefix + path, self.route(self.careful(work)))


def check(asked: Mapping[str, str]) -> None:
    wrong = [name for name in asked if name not in PARAMETERS]
    size = asked.get("limit", "100")
    if not size.isdigit() or not 1 <= int(size) <= MOST_PER_PAGE:
        wrong.append("limit")
    if asked.get("sort_by", "id") not in SORTS or asked.get("sort_direction", "asc") not in ("asc", "desc"):
        wrong.append("sort_by")
    if len(asked.get("ids", "").split(",")) > MOST_IDS:
        wrong.append("ids")
    try:
        seconds(asked.get("updated_since", "2026-01-01"))
    except ValueError:
        wrong.append("updated_since")
    if wrong:
        raise Stop(400, f"Validation failed: {', '.join(wrong)}", "ERR_SCHEMA_VALIDATION_FAILED")


def fits(row: Json, asked: Mapping[str, str]) -> bool:
    """Deleted ones are shown to who asks for them alone."""
    if bool(row["is_deleted"]) is not (asked.get("status") == "deleted"):
        return False
    if "ids" in asked and str(row["id"]) not in asked["ids"].split(","):
        return False
    if "updated_since" in asked and seconds(row["update_time"]) < seconds(asked["updated_since"]):
        return False
    return all(str(row.get(name)) == asked[name] for name in ("org_id", "deal_id", "owner_id") if name in asked)


def stored(name: str, value: Any) -> Any:
    return next((key for key, label in OPTIONS.get(name, {}).items() if label == value), value)


def listed(options: Mapping[int, str]) -> list[Json]:
    return [{"id": key, "label": label} for key, label in options.items()]


def cursor_of(place: int) -> str:
    return base64.b64encode(f'{{"place":{place}}}'.encode()).decode()


def place_of(cursor: str) -> int:
    try:
        return int(base64.b64decode(cursor).decode().strip('{}"place:')) if cursor else 0
    except ValueError:
        raise Stop(400, "Validation failed: cursor", "ERR_SCHEMA_VALIDATION_FAILED") from None
