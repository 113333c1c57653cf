"""A stand-in of Zendesk Support's API. https://developer.zendesk.com/api-reference/ticketing/introduction/

It holds what is easily got wrong: the export leaves out the last minute, is ordered by a stamp of its own that the
system moves too, has 10 calls a minute, and knows deleted tickets, which nothing else does.
"""

import base64
import math
import secrets
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from deskbell.sandbox import credentials
from deskbell.sandbox.clock import Clock, Pulse, stamp
from deskbell.sandbox.ledger import Ledger
from deskbell.sandbox.limits import Window
from deskbell.sandbox.source import Source, Work
from deskbell.sandbox.web import Json, read_json, reply

RECENT = 60  # seconds that the export leaves out
TOKEN_SECONDS = 1800
MOST_EXPORTED, MOST_LISTED, MOST_MANY = 1000, 100, 100
STATUSES = ("new", "open", "pending", "hold", "solved", "closed")
PRIORITIES = ("urgent", "high", "normal", "low")
ME = 9000
PEOPLE = (
    (ME, "Deskbell", "deskbell@example.org", "admin"),
    (9001, "Ana Ruiz", "ana@example.org", "agent"),
    (9002, "Ben Okafor", "ben@example.org", "agent"),
    (9500, "Erika Sample", "erika@example.com", "end-user"),
)
GROUPS = ((801, "Service desk"), (802, "Parts"))
CUSTOM_STATUSES = ((501, "new", "New"), (502, "open", "Open"), (503, "pending", "Awaiting your reply"),
                   (504, "hold", "On-hold"), (505, "solved", "Solved"), (506, "open", "Waiting on parts"))  # fmt: skip
SIDELOADS = frozenset({"users", "groups", "slas", "organizations", "metric_sets", "last_audits", "comment_count"})


class Stop(Exception):
    def __init__(self, status: int, error: str, description: str, details: Json | None = None) -> None:
        super().__init__(description)
        body: Json = {"error": error, "description": description}
        self.answer = reply(body | ({"details": details} if details else {}), status)


class Zendesk(Source):
    name = "zendesk"
    prefix = "/zendesk/api/v2"
    dated = True

    def __init__(self, clock: Clock, ledger: Ledger, pulse: Pulse) -> None:
        super().__init__(clock, ledger, pulse)
        self.tickets: dict[int, Json] = {}
        self.generated: dict[int, float] = {}  # the export's own stamp of a ticket
        self.comments: dict[int, list[Json]] = {}
        self.slas: dict[int, list[Json]] = {}
        self.slas_in_export = True
        self.users = {row[0]: dict(zip(("id", "name", "email", "role"), row, strict=True)) for row in PEOPLE}
        self.total, self.exports = Window(clock, 700), Window(clock, 10)  # a minute
        self.forgotten: set[str] = set()  # cursors that are known no more
        self.tokens: dict[str, float] = {}  # of OAuth clients, and until when
        self._last = {"ticket": 41_000, "comment": 600_000}

    # ------------------------------------------------------------------ what happens to tickets

    def add(self, subject: str, *, id: int | None = None, created: float | None = None, **fields: Any) -> Json:
        """Lay a ticket down; `slas` among the fields are rows of policy metrics."""
        now = self.clock.time()
        created = now if created is None else created
        number = id or self._number("ticket")
        self.slas[number] = fields.pop("slas", [])
        self.tickets[number] = blank(number, subject) | {"created_at": stamp(created), "updated_at": stamp(created)}
        self.tickets[number] |= fields
        self.generated[number] = created
        self.comments[number] = []
        self.pulse.beat()
        return self.tickets[number]

    def change(self, id: int, *, by_system: bool = False, **fields: Any) -> Json:
        """A change by whoever; one by the system itself is not shown by `updated_at`."""
        now = self.clock.time()
        self.generated[id] = now
        self.tickets[id] |= fields | ({} if by_system else {"updated_at": stamp(now)})
        self.pulse.beat()
        return self.tickets[id]

    def say(self, id: int, body: str, *, author: int, public: bool, files: tuple[str, ...] = ()) -> Json:
        number = self._number("comment")
        attachments = [
            {"id": number * 10 + n, "file_name": name, "content_type": "application/pdf", "size": 1, "inline": False}
            for n, name in enumerate(files)
        ]
        comment = {
            "id": number, "type": "Comment", "author_id": author, "body": body, "plain_body": body, "html_body": body,
            "public": public, "attachments": attachments, "created_at": stamp(self.clock.time()),
            "audit_id": number + 1, "via": {"channel": "api"}, "metadata": {},
        }  # fmt: skip
        self.comments[id].append(comment)
        self.change(id, comment_count=len(self.comments[id]))
        return comment

    def delete(self, id: int) -> None:
        self.change(id, status="deleted")

    def _number(self, kind: str) -> int:
        self._last[kind] += 1
        return self._last[kind]

    # ------------------------------------------------------------------ credentials, limits

    def knows(self, request: web.Request) -> bool:
        scheme, _, code = request.headers.get("Authorization", "").partition(" ")
        if scheme == "Bearer":
            return self.tokens.get(code, 0) > self.clock.time()
        try:
            pair = base64.b64decode(code, validate=True).decode()
        except ValueError:
            return False
        return scheme.lower() == "basic" and pair == f"{credentials.ZENDESK_USER}/token:{credentials.ZENDESK_TOKEN}"

    async def token(self, request: web.Request) -> web.Response:
        """https://developer.zendesk.com/api-reference/ticketing/oauth/grant_type_tokens/"""
        form = await request.post()
        given = (form.get("grant_type"), form.get("client_id"), form.get("client_secret"), form.get("scope"))
        wanted = (credentials.ZENDESK_CLIENT_ID, credentials.ZENDESK_CLIENT_SECRET, "read write")
        if given != ("client_credentials", *wanted):
            return reply({"error": "invalid_client", "error_description": "Client authentication failed"}, 401)
        token = secrets.token_hex(20)
        self.tokens[token] = self.clock.time() + TOKEN_SECONDS
        return reply(
            {"access_token": token, "token_type": "bearer", "scope": "read write", "expires_in": TOKEN_SECONDS}
        )

    def unauthorised(self) -> web.Response:
        return reply({"error": "Couldn't authenticate you"}, 401)

    def throttled(self, seconds: int) -> web.Response:
        body = {"error": "APIRateLimitExceeded", "description": "Number of allowed API requests per minute exceeded"}
        return reply(body, 429, {"Retry-After": str(seconds)})

    def no_limits(self) -> None:
        self.total.total = self.exports.total = 10**9

    def answer(self, value: object, status: int = 200) -> web.Response:
        counted = {"X-Rate-Limit": str(self.total.total), "X-Rate-Limit-Remaining": str(self.total.remaining)}
        return reply(value, status, counted)

    # ------------------------------------------------------------------ the export

    async def export(self, request: web.Request) -> web.Response:
        asked = request.query
        size = positive(asked, "per_page", MOST_EXPORTED, MOST_EXPORTED)
        place = self._place(asked)
        self.sweeps += 1
        until = self.clock.time() - RECENT
        rows = sorted((at, key) for key, at in self.generated.items() if place < (at, key) and at <= until)
        page = rows[:size]
        last = page[-1] if page else place
        body: Json = {
            "tickets": [self._exported(key, asked) for _, key in page],
            "after_cursor": cursor_of(last),
            "after_url": f"{self.url}{self.prefix}/incremental/tickets/cursor.json?cursor={cursor_of(last)}",
            "before_cursor": None,
            "before_url": None,
            "end_of_stream": len(rows) <= size,
        }
        return self.answer(body | self._beside([self.tickets[key] for _, key in page], asked))

    def _place(self, asked: Mapping[str, str]) -> tuple[float, int]:
        if "cursor" in asked:
            if asked["cursor"] in self.forgotten:
                raise Stop(400, "InvalidValue", "Invalid cursor parameter")
            return place_of(asked["cursor"])
        text = asked.get("start_time", "")
        if not text.isdigit():
            raise Stop(400, "InvalidValue", "Invalid start_time parameter")
        if int(text) > self.clock.time() - RECENT:
            raise Stop(422, "StartTimeTooRecent", "Too recent start_time. Use a start_time older than 60 seconds")
        return float(text), -1

    def _exported(self, id: int, asked: Mapping[str, str]) -> Json:
        row = self.tickets[id] | {"generated_timestamp": int(self.generated[id])}
        return self._with_slas(row, asked) if self.slas_in_export else row

    def _with_slas(self, row: Json, asked: Mapping[str, str]) -> Json:
        wanted = "slas" in includes(asked)
        return row | ({"slas": {"policy_metrics": self.slas[row["id"]]}} if wanted else {})

    def _beside(self, rows: list[Json], asked: Mapping[str, str]) -> Json:
        wanted = includes(asked)
        people = {row[name] for row in rows for name in ("requester_id", "assignee_id", "author_id") if row.get(name)}
        groups = {row["group_id"] for row in rows if row.get("group_id")}
        found: Json = {}
        if "users" in wanted:
            found["users"] = [self.users[one] for one in sorted(people) if one in self.users]
        if "groups" in wanted:
            found["groups"] = [{"id": key, "name": name} for key, name in GROUPS if key in groups]
        return found

    # ------------------------------------------------------------------ one ticket, some tickets

    async def view(self, request: web.Request) -> web.Response:
        row = self._find(request)
        body = {"ticket": self._with_slas(row, request.query)}
        return self.answer(body | self._beside([row], request.query))

    async def show_many(self, request: web.Request) -> web.Response:
        ids = [one for one in request.query.get("ids", "").split(",") if one]
        if len(ids) > MOST_MANY or not all(one.isdigit() for one in ids):
            raise Stop(400, "InvalidValue", f"ids must be numbers, {MOST_MANY} at most")
        rows = [self.tickets[int(one)] for one in ids if int(one) in self.tickets]
        alive = [row for row in rows if row["status"] != "deleted"]
        tickets = [self._with_slas(row, request.query) for row in alive]
        return self.answer({"tickets": tickets, "count": len(tickets), "next_page": None, "previous_page": None})

    def _find(self, request: web.Request) -> Json:
        number = request.match_info["id"].removesuffix(".json")
        row = self.tickets.get(int(number)) if number.isdigit() else None
        if row is None or row["status"] == "deleted":
            raise Stop(404, "RecordNotFound", "Not found")
        return row

    async def list_comments(self, request: web.Request) -> web.Response:
        asked = request.query
        size = positive(asked, "page[size]", MOST_LISTED, MOST_LISTED)
        rows = list(self.comments[self._find(request)["id"]])
        if asked.get("sort") == "-created_at":
            rows.reverse()
        meta = {"has_more": len(rows) > size, "after_cursor": None, "before_cursor": None}
        return self.answer({"comments": rows[:size], "meta": meta} | self._beside(rows[:size], asked))

    async def update(self, request: web.Request) -> web.Response:
        row = self._find(request)
        fields = await self._body(request)
        if row["status"] == "closed":
            raise invalid("status", "Status: closed prevents ticket update")
        comment = fields.pop("comment", None)
        self._check(fields, comment)
        known = {name: value for name, value in fields.items() if name in row}  # others are ignored without a word
        if comment is not None:
            self.say(row["id"], str(comment["body"]), author=ME, public=comment.get("public", True) is not False)
        self.change(row["id"], **known)
        return self.answer({"ticket": row, "audit": {"id": self._number("comment"), "ticket_id": row["id"]}})

    def _check(self, fields: Json, comment: Any) -> None:
        if comment is not None and not (isinstance(comment, dict) and str(comment.get("body") or "").strip()):
            raise invalid("comment", "Comment: Description: cannot be blank")
        if fields.get("status", "open") not in STATUSES:
            raise invalid("status", f"Status: {fields['status']} is not valid")
        if fields.get("priority") not in (None, *PRIORITIES):
            raise invalid("priority", "Priority: is not valid")
        agents = {key for key, user in self.users.items() if user["role"] != "end-user"}
        if fields.get("assignee_id") not in (None, *agents):
            raise invalid("assignee", "Assignee: is not valid")

    async def _body(self, request: web.Request) -> Json:
        try:
            body = await read_json(request)
        except ValueError:
            raise Stop(422, "Unprocessable Entity", "Server could not parse JSON") from None
        ticket = body.get("ticket") if isinstance(body, dict) else None
        if not isinstance(ticket, dict):
            raise Stop(400, "Required", "Parameter ticket is required")
        return ticket

    async def me(self, request: web.Request) -> web.Response:
        """Without a login it is nobody who asks, and that is no error."""
        if "Authorization" not in request.headers:
            return self.answer({"user": {"id": None, "name": "Anonymous user", "role": "end-user"}})
        return self.answer({"user": self.users[ME]}) if self.knows(request) else self.unauthorised()

    async def custom_statuses(self, request: web.Request) -> web.Response:  # noqa: ARG002 - one shape for all
        rows = [{"id": key, "status_category": word, "agent_label": label} for key, word, label in CUSTOM_STATUSES]
        return self.answer({"custom_statuses": rows})

    # ------------------------------------------------------------------ routes

    def limited(self, work: Work) -> Work:
        async def careful(request: web.Request) -> web.Response:
            exporting = "/incremental/" in request.path
            wait = max(self.total.take(), self.exports.take() if exporting else 0.0)
            if wait:
                return self.throttled(math.ceil(wait))
            try:
                return await work(request)
            except Stop as stop:
                return stop.answer

        return careful

    def add_routes(self, router: web.UrlDispatcher) -> None:
        for method, path, work in (
            ("GET", "/incremental/tickets/cursor", self.export),
            ("GET", "/tickets/show_many", self.show_many),
            ("GET", "/tickets/{id}", self.view),
            ("PUT", "/tickets/{id}", self.update),
            ("GET", "/tickets/{id}/comments", self.list_comments),
            ("GET", "/custom_statuses", self.custom_statuses),
        ):
            router.add_route(method, self.prefix + path, self.route(self.limited(work)))
        router.add_post("/zendesk/oauth/tokens", self.route(self.token, public=True))
        router.add_get(self.prefix + "/users/me", self.route(self.limited(self.me), public=True))


def invalid(field: str, description: str) -> Stop:
    return Stop(422, "RecordInvalid", "Record validation errors", {field: [{"description": description}]})


def cursor_of(place: tuple[float, int]) -> str:
    return base64.urlsafe_b64encode(f"{place[0]!r}||{place[1]}".encode()).decode()


def place_of(cursor: str) -> tuple[float, int]:
    try:
        at, _, number = base64.urlsafe_b64decode(cursor).decode().partition("||")
        return float(at), int(number)
    except ValueError:
        raise Stop(400, "InvalidValue", "Invalid cursor parameter") from None


def includes(asked: Mapping[str, str]) -> list[str]:
    """What is to come beside the rows; a name that Zendesk does not know is ignored."""
    return [one for one in asked.get("include", "").split(",") if one in SIDELOADS]


def positive(asked: Mapping[str, str], name: str, default: int, most: int) -> int:
    text = asked.get(name, str(default))
    if not text.isdigit() or int(text) < 1:
        raise Stop(400, "InvalidValue", f"Invalid {name} parameter")
    return min(int(text), most)


def blank(id: int, subject: str) -> Json:
    return {
        "id": id, "url": f"https://acme.zendesk.com/api/v2/tickets/{id}.json", "external_id": None,
        "via": {"channel": "web", "source": {"from": {}, "to": {}, "rel": None}}, "type": "incident",
        "subject": subject, "raw_subject": subject, "description": subject, "priority": "normal", "status": "open",
        "custom_status_id": 502, "recipient": None, "requester_id": 9500, "submitter_id": 9500, "assignee_id": None,
        "organization_id": None, "group_id": 801, "collaborator_ids": [], "follower_ids": [], "email_cc_ids": [],
        "has_incidents": False, "is_public": True, "due_at": None, "tags": [], "custom_fields": [],
        "satisfaction_rating": None, "sharing_agreement_ids": [], "ticket_form_id": None, "brand_id": 1,
        "comment_count": 0,
    }  # fmt: skip
