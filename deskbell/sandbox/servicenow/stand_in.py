"""The HTTP side of ServiceNow: the Table API and the token endpoint."""

import base64
import math
import re
import secrets
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from aiohttp import web

from deskbell.sandbox import credentials
from deskbell.sandbox.clock import Clock, Pulse
from deskbell.sandbox.ledger import Ledger
from deskbell.sandbox.limits import Window
from deskbell.sandbox.servicenow import query
from deskbell.sandbox.servicenow.tables import (
    COLUMNS,
    DISPLAY,
    JOURNALS,
    REFERENCES,
    STAMP,
    TASKS,
    Aborted,
    Tables,
)
from deskbell.sandbox.source import Source, Work
from deskbell.sandbox.web import Json, read_json, reply

STORED_TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")
LIMIT = 10_000  # default of sysparm_limit
TOKEN_SECONDS = 1799
REALM = {"WWW-Authenticate": 'Basic realm="Service-now"'}
NO_RECORD = ("No Record found", "Record doesn't exist or ACL restricts the record retrieval")


class Stop(Exception):
    def __init__(self, status: int, message: str, detail: str | None) -> None:
        super().__init__(message)
        self.answer = failure(status, message, detail)


def failure(status: int, message: str, detail: str | None) -> web.Response:
    headers = REALM if status == 401 else None
    return reply({"error": {"message": message, "detail": detail}, "status": "failure"}, status, headers)


class ServiceNow(Source):
    name = "servicenow"
    prefix = "/servicenow"

    def __init__(self, clock: Clock, ledger: Ledger, pulse: Pulse) -> None:
        super().__init__(clock, ledger, pulse)
        self.tables = Tables(clock)
        self.url = ""
        self.hidden: set[str] = set()  # sys_ids the API user may not read
        self.hidden_columns: set[tuple[str, str]] = set()  # (table, column): left out of every row
        self.forbidden: set[str] = set()  # tables it may not read at all
        self.refuses_invalid = False  # the property glide.invalid_query.returns_no_rows; unset on most instances
        self.rule: Window | None = None  # a rate limit rule, if an admin made one
        self.tokens: dict[str, float] = {}  # token -> expires

    # ------------------------------------------------------------------ credentials

    def knows(self, request: web.Request) -> bool:
        scheme, _, code = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return self.tokens.get(code, 0) > self.clock.time()
        try:
            pair = base64.b64decode(code, validate=True).decode()
        except ValueError:
            return False
        return scheme.lower() == "basic" and pair == f"{credentials.SERVICENOW_USER}:{credentials.SERVICENOW_PASSWORD}"

    def unauthorised(self) -> web.Response:
        return failure(401, "User Not Authenticated", "Required to provide Auth information")

    def throttled(self, seconds: int) -> web.Response:
        answer = failure(429, "Rate limit exceeded", "Transaction rate limit exceeded")
        answer.headers["Retry-After"] = str(seconds)
        return answer

    def expire_tokens(self) -> None:
        self.tokens.clear()

    async def token(self, request: web.Request) -> web.Response:
        form = await request.post()
        if not grant_ok({name: str(value) for name, value in form.items()}):
            return reply({"error_description": "access_denied", "error": "server_error"}, 401)
        token = secrets.token_hex(20)
        self.tokens[token] = self.clock.time() + TOKEN_SECONDS
        answer = {"access_token": token, "scope": "useraccount", "token_type": "Bearer", "expires_in": TOKEN_SECONDS}
        return reply(answer)

    # ------------------------------------------------------------------ reading

    async def list_rows(self, request: web.Request) -> web.Response:
        table, asked = self._table(request), request.query
        self.sweeps += table in TASKS
        wanted = query.parse(asked.get("sysparm_query", ""), lambda name: self.known(table, name))
        value = self.valuer(table)
        rows = [row for row in self.tables.listed(table) if wanted.matches(row, value)]
        if wanted.dropped and self.refuses_invalid:
            rows = []
        rows = wanted.sort(rows, value)
        limit, offset = number(asked, "sysparm_limit", LIMIT), number(asked, "sysparm_offset", 0)
        # Rows nobody may see are taken away after the limit: a short page is not the last one.
        page = [row for row in rows[offset : offset + limit] if row["sys_id"] not in self.hidden]
        if not rows and "/v1/" in request.path:
            raise Stop(404, *NO_RECORD)
        return reply(
            {"result": [self.shown(table, row, asked) for row in page]}, headers=self._paging(request, len(rows))
        )

    def _paging(self, request: web.Request, total: int) -> dict[str, str]:
        asked = request.query
        headers = {} if asked.get("sysparm_no_count") == "true" else {"X-Total-Count": str(total)}
        if asked.get("sysparm_suppress_pagination_header") == "true":
            return headers
        limit, offset = number(asked, "sysparm_limit", LIMIT), number(asked, "sysparm_offset", 0)
        places = {
            "first": 0,
            "prev": offset - limit,
            "next": offset + limit,
            "last": (max(total - 1, 0) // limit) * limit,
        }
        links = [
            f'<{self.url}{request.path}?{urlencode({**asked, "sysparm_offset": place})}>;rel="{name}"'
            for name, place in places.items()
            if 0 <= place < max(total, 1)
        ]
        return headers | {"Link": ",".join(links)}

    async def view_row(self, request: web.Request) -> web.Response:
        table, row = self._row(request)
        return reply({"result": self.shown(table, row, request.query)})

    def _table(self, request: web.Request) -> str:
        table = request.match_info["table"]
        if table not in COLUMNS:
            raise Stop(400, f"Invalid table {table}", None)
        if table in self.forbidden:
            why = "ACL Exception Query Failed due to security constraints"
            raise Stop(403, "Operation Failed", why)
        return table

    def _row(self, request: web.Request) -> tuple[str, Json]:
        table, key = self._table(request), request.match_info["sys_id"]
        row = self.tables.find(table, key)
        if row is None or key in self.hidden:
            raise Stop(404, *NO_RECORD)
        return table, row

    # ------------------------------------------------------------------ values

    def known(self, table: str, name: str) -> bool:
        first, _, rest = name.partition(".")
        if first not in COLUMNS[table]:
            return False
        return not rest or (first in REFERENCES and self.known(REFERENCES[first], rest))

    def valuer(self, table: str) -> query.Value:
        def value(row: Json, name: str) -> str | None:
            return self.walk(table, row, name)[1]

        return value

    def walk(self, table: str, row: Json, name: str) -> tuple[str, str | None, Json, str]:
        """Follow a dotted name: (table, stored value, row, column) at its end."""
        first, _, rest = name.partition(".")
        if not rest:
            return table, row.get(first), row, first
        below = REFERENCES.get(first, "")
        target = self.tables.find(below, row.get(first, "")) if below else None
        return (below, "", {}, rest) if target is None else self.walk(below, target, rest)

    def shown(self, table: str, row: Json, asked: Mapping[str, str]) -> Json:
        names = [name for name in asked.get("sysparm_fields", "").split(",") if name]
        names = [name for name in names if self.known(table, name)] if names else list(COLUMNS[table])
        names = [name for name in names if (table, name) not in self.hidden_columns]
        return {name: self.cell(table, row, name, asked) for name in names}

    def cell(self, table: str, row: Json, name: str, asked: Mapping[str, str]) -> Any:
        at, value, owner, column = self.walk(table, row, name)
        value = value or ""
        mode = asked.get("sysparm_display_value", "false")
        text = self.display(at, owner, column, value)
        link = (
            f"{self.url}/servicenow/api/now/table/{REFERENCES[column]}/{value}"
            if column in REFERENCES and value
            else ""
        )
        plain = asked.get("sysparm_exclude_reference_link") == "true" or not link
        if mode == "all":
            return {"display_value": text, "value": value} | ({} if plain else {"link": link})
        if mode == "true":
            return text if plain else {"display_value": text, "link": link}
        return value if plain else {"link": link, "value": value}

    def display(self, table: str, row: Json, column: str, value: str) -> str:
        """What a form shows: a person's name, a choice's label, the journal as one text, times in the user's zone."""
        if column in JOURNALS and table in TASKS and row:
            return "".join(self.journal_text(entry) for entry in self.tables.journal(row["sys_id"], column))
        if column in REFERENCES:
            target = self.tables.find(REFERENCES[column], value) or {}
            return str(target.get(DISPLAY[REFERENCES[column]], ""))
        if STORED_TIME.fullmatch(value):
            return self.local(value)
        return self.tables.label(table, column, value) if table in TASKS else value

    def local(self, value: str) -> str:
        """A stored time, which is in UTC, as the API's user reads it."""
        zone = self.tables.rows["sys_user"][self.tables.user(self.tables.api_user)]["time_zone"]
        at = datetime.strptime(value, STAMP).replace(tzinfo=UTC)
        return at.astimezone(ZoneInfo(zone)).strftime(STAMP)

    def journal_text(self, entry: Json) -> str:
        kind = "Work notes" if entry["element"] == "work_notes" else "Additional comments"
        at = self.local(entry["sys_created_on"])
        return f"{at} - {entry['sys_created_by']} ({kind})\n{entry['value']}\n\n"

    # ------------------------------------------------------------------ writing

    async def create_row(self, request: web.Request) -> web.Response:
        table, body = self._table(request), await self._body(request)
        opened = table == "incident"
        row = self.tables.opened(body) if opened else self.tables.insert(table, body, by=self.tables.api_user)
        location = {"Location": f"{self.url}{request.path}/{row['sys_id']}"}
        return reply({"result": self.shown(table, row, request.query)}, 201, location)

    async def change_row(self, request: web.Request) -> web.Response:
        table, row = self._row(request)
        body = await self._body(request)
        for name in (name for name in body if name in REFERENCES and body[name]):
            body[name] = self._reference(REFERENCES[name], str(body[name]))
        try:
            row = self.tables.change(table, row["sys_id"], body, by=self.tables.api_user)
        except Aborted as error:
            raise Stop(403, "Operation Failed", str(error)) from None
        return reply({"result": self.shown(table, row, request.query)})

    def _reference(self, table: str, value: str) -> str:
        """A sys_id, or what the row is called; anything else empties the field."""
        rows = {row["sys_id"]: row for row in self.tables.all(table)}
        named = (key for key, row in rows.items() if row.get(DISPLAY[table]) == value)
        return value if value in rows else next(named, "")

    async def delete_row(self, request: web.Request) -> web.Response:
        table, row = self._row(request)
        self.tables.remove(table, row["sys_id"])
        return web.Response(status=204)

    async def _body(self, request: web.Request) -> Json:
        try:
            body = await read_json(request)
        except ValueError:
            raise Stop(400, "Exception while reading request", "The payload is not valid JSON") from None
        if not isinstance(body, dict):
            raise Stop(400, "Exception while reading request", "A JSON object is needed")
        return body

    # ------------------------------------------------------------------ routes

    def careful(self, work: Work) -> Work:
        async def handle(request: web.Request) -> web.Response:
            accept = request.headers.get("Accept", "")
            if "application/json" not in accept and "*/*" not in accept:
                return failure(
                    400, "Invalid Accept header", f"{accept or 'none'} is not supported, use application/json"
                )
            if self.rule is not None and (wait := self.rule.take()):
                return self.throttled(math.ceil(wait))
            if request.method in ("POST", "PUT", "PATCH") and request.content_type != "application/json":
                return failure(400, "Invalid Content-Type header", "use application/json")
            try:
                answer = await work(request)
            except Stop as stop:
                answer = stop.answer
            if self.rule is not None:
                answer.headers["X-RateLimit-Limit"] = str(self.rule.total)
                answer.headers["X-RateLimit-Reset"] = str(int(self.rule.since + 60))
            return answer

        return handle

    def add_routes(self, router: web.UrlDispatcher) -> None:
        router.add_post(f"{self.prefix}/oauth_token.do", self.route(self.token, public=True))
        one: tuple[tuple[str, Callable[[web.Request], Any]], ...] = (
            ("GET", self.view_row), ("PUT", self.change_row), ("PATCH", self.change_row), ("DELETE", self.delete_row),
        )  # fmt: skip
        for version in ("", "/v1", "/v2"):
            base = f"{self.prefix}/api/now{version}/table/{{table}}"
            router.add_route("GET", base, self.route(self.careful(self.list_rows)))
            router.add_route("POST", base, self.route(self.careful(self.create_row)))
            for method, work in one:
                router.add_route(method, f"{base}/{{sys_id}}", self.route(self.careful(work)))


def number(asked: Mapping[str, str], name: str, default: int) -> int:
    """A value that is no number is ignored."""
    text = asked.get(name, "")
    return max(int(text), 1 if name == "sysparm_limit" else 0) if text.isdigit() else default


def grant_ok(form: Mapping[str, str]) -> bool:
    client = (form.get("client_id"), form.get("client_secret"))
    if client != (credentials.SERVICENOW_CLIENT_ID, credentials.SERVICENOW_CLIENT_SECRET):
        return False
    if form.get("grant_type") == "password":
        return (form.get("username"), form.get("password")) == (
            credentials.SERVICENOW_USER,
            credentials.SERVICENOW_PASSWORD,
        )
    return form.get("grant_type") == "client_credentials"
