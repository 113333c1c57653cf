"""A stand-in of Intercom's API. https://developers.intercom.com/docs/references/rest-api/api.intercom.io

It holds what is easily got wrong: searches are queries in JSON with 15 filters a level, pages go by a cursor, nobody is
null, 0 or "0", and what was said is shown by a single conversation only.
"""

import base64
import itertools
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from deskbell.sandbox import credentials
from deskbell.sandbox.clock import Clock, Pulse
from deskbell.sandbox.ledger import Ledger
from deskbell.sandbox.limits import Window
from deskbell.sandbox.source import Source, Work
from deskbell.sandbox.web import Json, read_json, reply

VERSIONS = tuple(f"2.{n}" for n in range(7, 17))
MOST_PER_PAGE, MOST_FILTERS, MOST_DEEP = 150, 15, 2
ME = "814860"
ADMINS = ((ME, "Deskbell", "deskbell@example.org"), ("814861", "Ana Ruiz", "ana@example.org"),
          ("814862", "Ben Okafor", "ben@example.org"))  # fmt: skip
TEAMS = (("501", "Service desk"), ("502", "Parts"))
CONTACT = "6762f0dd1bb69f9f2193bb83"
TICKET_STATES = (("1", "submitted", "Submitted"), ("2", "in_progress", "In progress"),
                 ("3", "waiting_on_customer", "Waiting on you"), ("4", "resolved", "Resolved"))  # fmt: skip
SEARCHED = {
    "conversations": {"id", "created_at", "updated_at", "open", "state", "admin_assignee_id", "team_assignee_id"},
    "tickets": {"id", "created_at", "updated_at", "open", "state", "admin_assignee_id", "team_assignee_id"},
    "contacts": {"id", "email", "name", "external_id"},
}


class Stop(Exception):
    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        errors = [{"code": code, "message": message}]
        self.answer = reply({"type": "error.list", "request_id": "b2f1", "errors": errors}, status)


class Intercom(Source):
    name = "intercom"
    prefix = "/intercom"
    dated = True

    def __init__(self, clock: Clock, ledger: Ledger, pulse: Pulse) -> None:
        super().__init__(clock, ledger, pulse)
        self.rows: dict[str, dict[str, Json]] = {"conversations": {}, "tickets": {}}
        self.contacts = {
            CONTACT: {"type": "contact", "id": CONTACT, "name": "Erika Sample", "email": "erika@example.com"}
        }
        self.calls = Window(clock, 10_000)
        self._ids = itertools.count(215_470_001)

    # ------------------------------------------------------------------ what happens

    def converse(self, subject: str, *, at: float | None = None, **fields: Any) -> Json:
        """A customer begins a conversation."""
        now = int(self.clock.time() if at is None else at)
        row = conversation(str(next(self._ids)), subject, now) | fields
        self.rows["conversations"][row["id"]] = row
        self.pulse.beat()
        return row

    def open_ticket(self, title: str, *, at: float | None = None, **fields: Any) -> Json:
        now = int(self.clock.time() if at is None else at)
        row = ticket(str(next(self._ids)), title, now) | fields
        self.rows["tickets"][row["id"]] = row
        self.pulse.beat()
        return row

    def change(self, what: str, key: str, **fields: Any) -> Json:
        row = self.rows[what][key]
        row |= fields | {"updated_at": int(self.clock.time())}
        self.pulse.beat()
        return row

    def say(
        self, what: str, key: str, body: str, *, kind: str = "comment", by: str = CONTACT, files: tuple[str, ...] = ()
    ) -> Json:
        """A part; one by a customer has the customer wait, one by an admin ends that."""
        now, staff = int(self.clock.time()), by in {one[0] for one in ADMINS}
        names = {one[0]: one[1] for one in ADMINS}
        part = {
            "type": "conversation_part", "id": str(next(self._ids)), "part_type": kind, "body": body, "created_at": now,
            "author": {"type": "admin" if staff else "user", "id": by, "name": names.get(by, "Erika Sample")},
            "attachments": [{"type": "upload", "name": name, "url": "https://example.com/x"} for name in files],
        }  # fmt: skip
        row = self.change(what, key)
        name = "ticket_parts" if what == "tickets" else "conversation_parts"
        row[name][name].append(part)
        if kind == "comment" and what == "conversations":
            row["waiting_since"] = None if staff else now
            if staff:
                row["statistics"]["first_admin_reply_at"] = row["statistics"]["first_admin_reply_at"] or now
        return part

    def delete(self, what: str, key: str) -> None:
        del self.rows[what][key]

    # ------------------------------------------------------------------ credentials, limits

    def knows(self, request: web.Request) -> bool:
        return request.headers.get("Authorization") == f"Bearer {credentials.INTERCOM_TOKEN}"

    def unauthorised(self) -> web.Response:
        return Stop(401, "unauthorized", "Access Token Invalid").answer

    def throttled(self, seconds: int) -> web.Response:
        answer = Stop(429, "rate_limit_exceeded", "Exceeded rate limit").answer
        answer.headers["X-RateLimit-Reset"] = str(int(self.clock.time()) + seconds)
        answer.headers["Retry-After"] = str(seconds)
        return answer

    def no_limits(self) -> None:
        self.calls.total = 10**9

    # ------------------------------------------------------------------ reading

    async def search(self, request: web.Request) -> web.Response:
        what, body = request.match_info["what"], await self._body(request)
        paging = body.get("pagination") or {}
        size, order = int(paging.get("per_page", 20)), body.get("sort") or {}
        if not 1 <= size <= MOST_PER_PAGE:
            raise Stop(400, "parameter_invalid", f"per_page must be from 1 to {MOST_PER_PAGE}")
        query = body.get("query") or {}
        check_query(query, what, MOST_DEEP)
        rows = [row for row in (self.contacts if what == "contacts" else self.rows[what]).values() if fits(row, query)]
        name = order.get("field", "updated_at" if what != "contacts" else "id")
        rows.sort(key=lambda row: (row.get(name), row["id"]), reverse=order.get("order", "descending") == "descending")
        start = place_of(str(paging.get("starting_after") or ""))
        self.sweeps += what == "conversations"
        page = [brief(row) for row in rows[start : start + size]]
        pages: Json = {
            "type": "pages",
            "page": start // size + 1,
            "per_page": size,
            "total_pages": -(-len(rows) // size),
        }
        if start + size < len(rows):
            pages["next"] = {"page": start // size + 2, "starting_after": cursor_of(start + size)}
        listed = {"conversations": "conversations", "tickets": "tickets", "contacts": "data"}[what]
        kind = "list" if what == "contacts" else f"{what[:-1]}.list"
        return self.answer({"type": kind, listed: page, "total_count": len(rows), "pages": pages})

    async def view(self, request: web.Request) -> web.Response:
        return self.answer(self._row(request))

    async def me(self, request: web.Request) -> web.Response:  # noqa: ARG002 - one shape for all
        app = {"type": "app", "id_code": "abc123", "name": "Acme", "timezone": "Europe/Berlin"}
        return self.answer({"type": "admin", "id": ME, "name": "Deskbell", "email": "deskbell@example.org", "app": app})

    async def list_admins(self, request: web.Request) -> web.Response:  # noqa: ARG002
        rows = [{"type": "admin", "id": key, "name": name, "email": email} for key, name, email in ADMINS]
        return self.answer({"type": "admin.list", "admins": rows})

    async def list_teams(self, request: web.Request) -> web.Response:  # noqa: ARG002
        return self.answer(
            {"type": "team.list", "teams": [{"type": "team", "id": key, "name": name} for key, name in TEAMS]}
        )

    async def list_states(self, request: web.Request) -> web.Response:  # noqa: ARG002
        return self.answer({"type": "list", "data": [state(key) for key, _, _ in TICKET_STATES]})

    def _row(self, request: web.Request) -> Json:
        row = self.rows[request.match_info["what"]].get(request.match_info["id"])
        if row is None:
            raise Stop(404, "not_found", "Resource Not Found")
        return row

    # ------------------------------------------------------------------ writing

    async def add_reply(self, request: web.Request) -> web.Response:
        row, body = self._row(request), await self._body(request)
        self._check_admin(body.get("admin_id"), "admin_id")
        if body.get("message_type") not in ("comment", "note") or not body.get("body"):
            raise Stop(400, "parameter_invalid", "message_type or body is invalid")
        self.say(
            request.match_info["what"], row["id"], body["body"], kind=body["message_type"], by=str(body["admin_id"])
        )
        return self.answer(row)

    async def add_part(self, request: web.Request) -> web.Response:
        row, body = self._row(request), await self._body(request)
        self._check_admin(body.get("admin_id"), "admin_id")
        match body.get("message_type"):
            case "close":
                self.change("conversations", row["id"], open=False, state="closed")
            case "assignment":
                self._check_admin(body.get("assignee_id"), "assignee_id")
                self.change("conversations", row["id"], admin_assignee_id=int(body["assignee_id"]))
            case _:
                raise Stop(400, "parameter_invalid", "message_type is invalid")
        return self.answer(row)

    async def change_ticket(self, request: web.Request) -> web.Response:
        row, body = self._row(request), await self._body(request)
        if "assignee_id" in body:
            self._check_admin(body.get("admin_id"), "admin_id")
            self._check_admin(body["assignee_id"], "assignee_id")
            self.change("tickets", row["id"], admin_assignee_id=str(body["assignee_id"]))
        if "ticket_state_id" in body:
            if str(body["ticket_state_id"]) not in {one[0] for one in TICKET_STATES}:
                raise Stop(400, "parameter_invalid", "ticket_state_id is invalid")
            self.change("tickets", row["id"], ticket_state=state(str(body["ticket_state_id"])))
        if "open" in body:
            self.change("tickets", row["id"], open=body["open"])
        return self.answer(row)

    def _check_admin(self, key: Any, name: str) -> None:
        if str(key) not in {one[0] for one in ADMINS}:
            raise Stop(404, "admin_not_found", f"{name}: no admin {key}")

    async def _body(self, request: web.Request) -> Json:
        try:
            body = await read_json(request)
        except ValueError:
            body = None
        if not isinstance(body, dict):
            raise Stop(400, "bad_request", "Invalid JSON")
        return body

    # ------------------------------------------------------------------ routes

    def answer(self, value: object, status: int = 200) -> web.Response:
        counted = {"X-RateLimit-Limit": str(self.calls.total), "X-RateLimit-Remaining": str(self.calls.remaining)}
        return reply(value, status, counted)

    def careful(self, work: Work) -> Work:
        async def handle(request: web.Request) -> web.Response:
            if self.calls.take():
                return self.throttled(10)
            if request.headers.get("Intercom-Version", VERSIONS[-1]) not in VERSIONS:
                return Stop(400, "intercom_version_invalid", "The requested version could not be found").answer
            try:
                return await work(request)
            except Stop as stop:
                return stop.answer

        return handle

    def add_routes(self, router: web.UrlDispatcher) -> None:
        spoken = "{what:conversations|tickets}"
        for method, path, work in (
            ("GET", "/me", self.me),
            ("GET", "/admins", self.list_admins),
            ("GET", "/teams", self.list_teams),
            ("GET", "/ticket_states", self.list_states),
            ("POST", "/{what:conversations|tickets|contacts}/search", self.search),
            ("GET", f"/{spoken}/{{id}}", self.view),
            ("POST", f"/{spoken}/{{id}}/reply", self.add_reply),
            ("POST", "/{what:conversations}/{id}/parts", self.add_part),
            ("PUT", "/{what:tickets}/{id}", self.change_ticket),
        ):
            router.add_route(method, self.prefix + path, self.route(self.careful(work)))


def check_query(query: Json, what: str, deep: int) -> None:
    if query.get("operator") in ("AND", "OR"):
        inner = query.get("value")
        if not isinstance(inner, list) or len(inner) > MOST_FILTERS or deep <= 0:
            raise Stop(400, "invalid_query", f"{MOST_FILTERS} filters on {MOST_DEEP} levels at most")
        for one in inner:
            check_query(one, what, deep - 1)
    elif query.get("field") not in SEARCHED[what] or query.get("operator") not in ("=", "!=", "<", ">", "IN", "NIN"):
        raise Stop(400, "invalid_field", f"unknown field or operator: {query.get('field')} {query.get('operator')}")


def fits(row: Mapping[str, Any], query: Json) -> bool:
    operator, wanted = query["operator"], query["value"]
    if operator in ("AND", "OR"):
        return (all if operator == "AND" else any)(fits(row, one) for one in wanted)
    have = row.get(query["field"])
    match operator:
        case "=":
            return bool(have == wanted)
        case "!=":
            return bool(have != wanted)
        case "IN":
            return have in wanted
        case "NIN":
            return have not in wanted
        case "<":
            return have is not None and bool(have < wanted)
    return have is not None and bool(have > wanted)


def brief(row: Json) -> Json:
    """As a search shows it: without what was said."""
    return {name: value for name, value in row.items() if name not in ("conversation_parts", "ticket_parts")}


def cursor_of(place: int) -> str:
    return base64.b64encode(f"[{place}]".encode()).decode()


def place_of(cursor: str) -> int:
    try:
        return int(base64.b64decode(cursor).decode().strip("[]")) if cursor else 0
    except ValueError:
        raise Stop(400, "parameter_invalid", "starting_after is invalid") from None


def state(key: str) -> Json:
    _, category, label = next(one for one in TICKET_STATES if one[0] == key)
    return {"type": "ticket_state", "id": key, "category": category, "internal_label": label, "external_label": label}


def conversation(key: str, subject: str, at: int) -> Json:
    author = {"type": "user", "id": CONTACT, "name": "Erika Sample", "email": "erika@example.com"}
    return {
        "type": "conversation", "id": key, "created_at": at, "updated_at": at, "waiting_since": at,
        "snoozed_until": None,
        "source": {"type": "email", "id": "1", "delivered_as": "customer_initiated", "subject": f"<p>{subject}</p>",
                   "body": f"<p>{subject}</p>", "author": author, "attachments": []},
        "contacts": {"type": "contact.list", "contacts": [{"type": "contact", "id": CONTACT, "external_id": "70"}]},
        "admin_assignee_id": 814861, "team_assignee_id": "501", "open": True, "state": "open", "read": False,
        "tags": {"type": "tag.list", "tags": []}, "priority": "not_priority", "sla_applied": None, "title": subject,
        "statistics": {"type": "conversation_statistics", "first_admin_reply_at": None, "last_contact_reply_at": at},
        "custom_attributes": {},
        "conversation_parts": {"type": "conversation_part.list", "conversation_parts": [], "total_count": 0},
    }  # fmt: skip


def ticket(key: str, title: str, at: int) -> Json:
    return {
        "type": "ticket", "id": key, "ticket_id": key[-4:], "category": "Customer", "created_at": at, "updated_at": at,
        "ticket_attributes": {"_default_title_": title, "_default_description_": title},
        "ticket_state": state("1"), "ticket_type": {"type": "ticket_type", "id": "1", "name": "Repair"},
        "contacts": {"type": "contact.list", "contacts": [{"type": "contact", "id": CONTACT, "external_id": "70"}]},
        "admin_assignee_id": "0", "team_assignee_id": "0", "open": True, "snoozed_until": None, "company_id": "acc-1",
        "is_shared": True,
        "ticket_parts": {"type": "ticket_part.list", "ticket_parts": [], "total_count": 0},
    }  # fmt: skip
