"""The HTTP side of Freshdesk."""

import base64
import math
from collections.abc import Mapping
from urllib.parse import urlencode

from aiohttp import web

from deskbell.sandbox import credentials
from deskbell.sandbox.clock import Clock, Pulse, parse
from deskbell.sandbox.freshdesk.checks import NOTE, REPLY, check_fields, check_ticket, problem
from deskbell.sandbox.freshdesk.tickets import ME, Ticket, Tickets
from deskbell.sandbox.ledger import Ledger
from deskbell.sandbox.limits import Window
from deskbell.sandbox.source import Source, Work
from deskbell.sandbox.web import Json, read_json, reply

PER_PAGE, MOST_PER_PAGE, MOST_PAGES = 30, 100, 300  # https://developers.freshdesk.com/api/#pagination
DAYS_30 = 30 * 86_400
FILTERS = ("new_and_my_open", "watching", "spam", "deleted")
ORDERS = ("created_at", "due_by", "updated_at", "status")
LIST_INCLUDES = {"stats": 2, "requester": 2, "description": 2}
VIEW_INCLUDES = {"conversations": 2, "requester": 1, "company": 1, "stats": 1, "sla_policy": 1}
PLANS = {"trial": (50, 20), "growth": (200, 20), "pro": (400, 100), "enterprise": (700, 200)}  # all calls, lists
COSTS = {"/tickets": LIST_INCLUDES, "/tickets/{id}": VIEW_INCLUDES}
PARAMETERS = {"filter", "requester_id", "email", "unique_external_id", "company_id", "updated_since", "order_by",
              "order_type", "include", "page", "per_page"}  # fmt: skip


class Problems(Exception):
    """400, with the fields that are wrong."""

    def __init__(self, *problems: Json) -> None:
        super().__init__(str(problems))
        self.problems = list(problems)


class Stop(Exception):
    """Any other answer than the one asked for."""

    def __init__(self, answer: web.Response) -> None:
        super().__init__(str(answer.status))
        self.answer = answer


class Freshdesk(Source):
    name = "freshdesk"
    prefix = "/freshdesk/api/v2"

    def __init__(self, clock: Clock, ledger: Ledger, pulse: Pulse) -> None:
        super().__init__(clock, ledger, pulse)
        self.tickets = Tickets(clock)
        self.url = ""
        # https://developers.freshdesk.com/api/#ratelimit: Enterprise; tests and the page may set others
        self.total = Window(clock, 700)
        self.lists = Window(clock, 200)
        self.forbidden: set[str] = set()  # routes that the key's agent has no right to, like "/agents"

    # ------------------------------------------------------------------ credentials, limits

    def knows(self, request: web.Request) -> bool:
        scheme, _, code = request.headers.get("Authorization", "").partition(" ")
        try:
            user = base64.b64decode(code, validate=True).decode().partition(":")[0]
        except ValueError:
            return False
        return scheme.lower() == "basic" and user == credentials.FRESHDESK_KEY

    def unauthorised(self) -> web.Response:
        return reply(
            {"code": "invalid_credentials", "message": "You have to be logged in to perform this action."}, 401
        )

    def plan(self, name: str) -> None:
        """https://developers.freshdesk.com/api/#ratelimit"""
        self.total.total, self.lists.total = PLANS[name]

    def throttled(self, seconds: int) -> web.Response:
        body = {"message": "You have exceeded the limit of requests per minute"}
        return reply(body, 429, {"Retry-After": str(seconds)})

    def answer(
        self, value: object, status: int = 200, headers: Mapping[str, str] | None = None, cost: int = 1
    ) -> web.Response:
        counted = {
            "X-Freshdesk-API-Version": "latest=v2; requested=v2",
            "X-RateLimit-Total": str(self.total.total),
            "X-RateLimit-Remaining": str(self.total.remaining),
            "X-RateLimit-Used-CurrentRequest": str(cost),
        }
        return reply(value, status, counted | dict(headers or {}))

    # ------------------------------------------------------------------ reading

    async def list_tickets(self, request: web.Request) -> web.Response:
        query = request.query
        page, per_page = check_list(query)
        rows = self._rows(query)
        self.sweeps += 1
        start = (page - 1) * per_page
        shown = [self._with(ticket, includes(query), row) for row, ticket in rows[start : start + per_page]]
        more = {"Link": self._next_link(query, page)} if start + per_page < len(rows) and page < MOST_PAGES else {}
        return self.answer(shown, headers=more, cost=cost_of(query, LIST_INCLUDES))

    def _rows(self, query: Mapping[str, str]) -> list[tuple[Json, Ticket]]:
        now = self.clock.time()
        seen = ((row, ticket) for ticket in self.tickets.rows.values() if (row := ticket.listed(now)) is not None)
        rows = [(row, ticket) for row, ticket in seen if self._may_see(row) and filtered(row, ticket, query)]
        column, since = ("updated_at", parse(query["updated_since"])) if "updated_since" in query else (
            "created_at", now - DAYS_30)  # fmt: skip
        rows = [(row, ticket) for row, ticket in rows if parse(row[column]) >= since]
        order = query.get("order_by", "created_at")
        # Rows of one second come in no promised order; newest id first in both directions shows who relies on it.
        rows.sort(key=lambda pair: pair[1].id, reverse=True)
        rows.sort(key=lambda pair: str(pair[0][order] or ""), reverse=query.get("order_type", "desc") == "desc")
        return rows

    def _may_see(self, row: Json) -> bool:
        """https://developers.freshdesk.com/api/#agents: what is out of an agent's scope is left out without a word."""
        groups = [key for key, group in self.tickets.groups.items() if ME in group["agent_ids"]]
        match self.tickets.agents[ME]["ticket_scope"]:
            case 2:
                return row["group_id"] in groups or row["responder_id"] == ME
            case 3:
                return bool(row["responder_id"] == ME)
        return True

    def _next_link(self, query: Mapping[str, str], page: int) -> str:
        params = urlencode({**query, "page": page + 1})
        return f'<{self.url}{self.prefix}/tickets?{params}>; rel="next"'

    def _with(self, ticket: Ticket, wanted: list[str], listed: Json | None = None) -> Json:
        """The row as a list shows it, or as a look at the ticket does."""
        row = ticket.shown(self.clock.time()) if listed is None else listed
        if "stats" in wanted:
            row["stats"] = ticket.stats
        if "requester" in wanted:
            row["requester"] = ticket.requester
        if "company" in wanted:
            row["company"] = {}
        if "conversations" in wanted:
            row["conversations"] = ticket.conversations[:10]
        if listed is None or "description" in wanted:
            row |= {"description": f"<div>{ticket.description}</div>", "description_text": ticket.description}
        return row

    async def view_ticket(self, request: web.Request) -> web.Response:
        wanted = includes(request.query)
        if unknown := [one for one in wanted if one not in VIEW_INCLUDES]:
            raise Problems(problem("include", f"It should be one of these values: {unknown}", "invalid_value"))
        shown = self._with(self._find(request), wanted)
        return self.answer(shown, cost=cost_of(request.query, VIEW_INCLUDES))

    def _find(self, request: web.Request, *, to_write: str = "") -> Ticket:
        """The ticket of the path; 404 with an empty body without, 405 when it is spam or deleted and to be written."""
        number = request.match_info["id"]
        ticket = self.tickets.rows.get(int(number)) if number.isdigit() else None
        if ticket is None:
            raise Stop(web.Response(status=404))
        if not self._may_see(ticket.public):
            raise Stop(self._denied())
        if to_write and ticket.hidden:
            message = f"{to_write} method is not allowed. It should be one of these method(s): GET"
            raise Stop(self.answer({"message": message}, 405, {"Allow": "GET"}))
        return ticket

    def _denied(self) -> web.Response:
        body = {"code": "access_denied", "message": "You are not authorized to perform this action."}
        return self.answer(body, 403)

    async def list_conversations(self, request: web.Request) -> web.Response:
        ticket = self._find(request)
        return self._paged(request, ticket.conversations)

    async def list_agents(self, request: web.Request) -> web.Response:
        email = request.query.get("email")
        agents = [one for one in self.tickets.agents.values() if email in (None, one["contact"]["email"])]
        return self._paged(request, agents)

    def _paged(self, request: web.Request, rows: list[Json]) -> web.Response:
        page, per_page = paging(request.query)
        return self.answer(rows[(page - 1) * per_page : page * per_page])

    async def me(self, request: web.Request) -> web.Response:  # noqa: ARG002 - one shape for all
        return self.answer(self.tickets.agents[ME])

    async def list_groups(self, request: web.Request) -> web.Response:
        return self._paged(request, list(self.tickets.groups.values()))

    async def ticket_fields(self, request: web.Request) -> web.Response:
        wanted = request.query.get("type")
        fields = [status_field(self.tickets.statuses), priority_field()]
        return self.answer([one for one in fields if wanted in (None, one["type"])])

    # ------------------------------------------------------------------ writing

    async def create_ticket(self, request: web.Request) -> web.Response:
        body = await self._body(request)
        if wrong := check_ticket(self.tickets, body, new=True):
            raise Problems(*wrong)
        person = (body.get("name") or body.get("email") or "Requester", body.get("email") or "")
        kept = {name: body[name] for name in STORED if name != "subject" and body.get(name) is not None}
        ticket = self.tickets.add(
            body["subject"], description=body["description"], requester=person, filled=False, **kept
        )
        shown = self._with(ticket, [])
        return self.answer(shown, 201, {"Location": f"{self.url}{self.prefix}/tickets/{ticket.id}"})

    async def update_ticket(self, request: web.Request) -> web.Response:
        ticket = self._find(request, to_write="PUT")
        body = await self._body(request)
        if wrong := check_ticket(self.tickets, body, new=False):
            raise Problems(*wrong)
        kept = {name: value for name, value in body.items() if name in STORED}
        self.tickets.change(ticket.id, **kept)
        return self.answer(self._with(ticket, []))

    async def delete_ticket(self, request: web.Request) -> web.Response:
        ticket = self._find(request, to_write="DELETE")
        self.tickets.change(ticket.id, deleted=True)
        return web.Response(status=204)

    async def create_note(self, request: web.Request) -> web.Response:
        return await self._converse(request, NOTE, private=True, source=2)

    async def create_reply(self, request: web.Request) -> web.Response:
        return await self._converse(request, REPLY, private=False, source=0)

    async def _converse(
        self, request: web.Request, known: dict[str, type], *, private: bool, source: int
    ) -> web.Response:
        ticket = self._find(request)
        body = await self._body(request)
        if wrong := check_fields(body, known, ("body",)):
            raise Problems(*wrong)
        user = body.get("user_id") or ME
        if user not in self.tickets.agents:
            raise Problems(problem("user_id", "There is no contact matching the given user_id", "invalid_value"))
        entry = self.tickets.converse(
            ticket.id, body["body"], user=user, private=body.get("private", private), source=source
        )
        return self.answer(entry, 201)

    async def _body(self, request: web.Request) -> Json:
        if request.content_type != "application/json":
            message = (
                f"Content-Type header is set to {request.content_type}. It should be one of these: application/json"
            )
            raise Stop(self.answer({"code": "invalid_content_type", "message": message}, 415))
        try:
            body = await read_json(request)
        except ValueError:
            body = None
        if not isinstance(body, dict):
            raise Stop(self.answer({"code": "invalid_json", "message": "Request body has invalid json format"}, 400))
        return body

    # ------------------------------------------------------------------ routes

    def no_limits(self) -> None:
        self.total.total = self.lists.total = 10**9

    def limited(self, work: Work, method: str, path: str) -> Work:
        """Count first, since invalid requests count too; then the work, and its refusals in Freshdesk's words."""
        costs = COSTS.get(path, {}) if method == "GET" else {}
        listing = (method, path) == ("GET", "/tickets")

        async def careful(request: web.Request) -> web.Response:
            wait = max(self.total.take(cost_of(request.query, costs)), self.lists.take() if listing else 0.0)
            if wait:
                return self.throttled(math.ceil(wait))
            if path in self.forbidden:
                return self._denied()
            try:
                return await work(request)
            except Problems as wrong:
                return self.answer({"description": "Validation failed", "errors": wrong.problems}, 400)
            except Stop as stop:
                return stop.answer

        return careful

    def add_routes(self, router: web.UrlDispatcher) -> None:
        for method, path, work in (
            ("GET", "/tickets", self.list_tickets),
            ("GET", "/tickets/{id}", self.view_ticket),
            ("POST", "/tickets", self.create_ticket),
            ("PUT", "/tickets/{id}", self.update_ticket),
            ("DELETE", "/tickets/{id}", self.delete_ticket),
            ("POST", "/tickets/{id}/notes", self.create_note),
            ("POST", "/tickets/{id}/reply", self.create_reply),
            ("GET", "/tickets/{id}/conversations", self.list_conversations),
            ("GET", "/agents", self.list_agents),
            ("GET", "/agents/me", self.me),
            ("GET", "/groups", self.list_groups),
            ("GET", "/ticket_fields", self.ticket_fields),
        ):
            router.add_route(method, self.prefix + path, self.route(self.limited(work, method, path)))


STORED = ("subject", "type", "status", "priority", "source", "responder_id", "group_id", "company_id", "product_id",
          "tags", "custom_fields", "email_config_id", "cc_emails")  # fmt: skip


def cost_of(query: Mapping[str, str], costs: Mapping[str, int]) -> int:
    return 1 + sum(costs.get(one, 0) for one in includes(query))


def includes(query: Mapping[str, str]) -> list[str]:
    return [one for one in query.get("include", "").split(",") if one]


def paging(query: Mapping[str, str]) -> tuple[int, int]:
    wrong = [
        problem(name, "It should be a Positive Integer", "datatype_mismatch")
        for name in ("page", "per_page")
        if name in query and (not query[name].isdigit() or not int(query[name]))
    ]
    if wrong:
        raise Problems(*wrong)
    page, per_page = int(query.get("page", 1)), int(query.get("per_page", PER_PAGE))
    if per_page > MOST_PER_PAGE:
        raise Problems(
            problem("per_page", "It should be a Positive Integer less than or equal to 100", "invalid_value")
        )
    if page > MOST_PAGES:
        raise Problems(problem("page", "You cannot access tickets beyond the 300th page", "invalid_value"))
    return page, per_page


def check_list(query: Mapping[str, str]) -> tuple[int, int]:
    """Refuse what Freshdesk refuses; the page and its size."""
    wrong = [
        problem(name, "Unexpected/invalid field in request", "invalid_field")
        for name in query
        if name not in PARAMETERS
    ]
    offered = {"filter": FILTERS, "order_by": ORDERS, "order_type": ("asc", "desc")}
    for name, values in offered.items():
        if query.get(name, values[0]) not in values:
            wrong.append(problem(name, f"It should be one of these values: '{','.join(values)}'", "invalid_value"))
    if unknown := [one for one in includes(query) if one not in LIST_INCLUDES]:
        wrong.append(problem("include", f"It should be one of these values: {unknown}", "invalid_value"))
    if not is_moment(query.get("updated_since", "2026-01-01")):
        wrong.append(
            problem("updated_since", "It should be in the 'combined date and time ISO8601' format", "invalid_date")
        )
    if wrong:
        raise Problems(*wrong)
    return paging(query)


def is_moment(text: str) -> bool:
    try:
        parse(text)
    except ValueError:
        return False
    return True


def filtered(row: Json, ticket: Ticket, query: Mapping[str, str]) -> bool:
    wanted = query.get("filter", "")
    if wanted in ("spam", "deleted"):
        return bool(row.get(wanted))
    if row["spam"] or row.get("deleted"):
        return False
    if wanted == "new_and_my_open" and (row["status"] != 2 or row["responder_id"] not in (None, ME)):
        return False
    same = (("requester_id", row["requester_id"]), ("email", ticket.requester["email"]))
    return all(name not in query or query[name] == str(value) for name, value in same)


def status_field(statuses: Mapping[int, list[str]]) -> Json:
    return {
        "id": 11, "name": "status", "label": "Status", "type": "default_status", "position": 4, "default": True,
        "choices": {str(code): names for code, names in statuses.items()},
    }  # fmt: skip


def priority_field() -> Json:
    return {
        "id": 12,
        "name": "priority",
        "label": "Priority",
        "type": "default_priority",
        "position": 5,
        "default": True,
        "choices": {"Low": 1, "Medium": 2, "High": 3, "Urgent": 4},
    }
