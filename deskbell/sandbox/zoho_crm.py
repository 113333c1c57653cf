"""A stand-in of Zoho CRM's API v8. https://www.zoho.com/crm/developer/docs/api/v8/

It holds what is easily got wrong: a token has a word of its own before it and few are given, nothing is answered with
204 and 304, pages behind the tenth need a token, a note does not move its record, a refusal may come with 200.
"""

import itertools
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from aiohttp import web

from deskbell.sandbox import credentials
from deskbell.sandbox.clock import Clock, Pulse
from deskbell.sandbox.clock import parse as seconds
from deskbell.sandbox.ledger import Ledger
from deskbell.sandbox.source import Source, Work
from deskbell.sandbox.web import Json, read_json, reply

ZONE = timezone(timedelta(hours=1))  # stamps are in the zone of the user
TOKEN_SECONDS, MOST_TOKENS, TOKEN_WINDOW = 3600, 10, 600
MOST_PER_PAGE, MOST_BY_NUMBER, MOST_IDS, MOST_FIELDS = 200, 10, 100, 50
ME = {"id": "5500000000001", "name": "Deskbell", "email": "deskbell@example.org"}
ANA = {"id": "5500000000002", "name": "Ana Ruiz", "email": "ana@example.org"}
BEN = {"id": "5500000000003", "name": "Ben Okafor", "email": "ben@example.org"}
USERS = {user["id"]: user for user in (ME, ANA, BEN)}
COMMON = ("id", "Owner", "Created_Time", "Created_By", "Modified_Time", "Modified_By", "Currency", "Account_Name")
FIELDS: dict[str, tuple[str, ...]] = {
    "Cases": (*COMMON, "Case_Number", "Subject", "Status", "Priority", "Case_Origin", "Related_To", "Reported_By",
              "Email", "Phone", "Type"),
    "Accounts": (*COMMON, "Account_Number", "Phone", "Account_Type", "Account_Status", "Support_Status"),
    "Deals": (*COMMON, "Deal_Name", "Stage", "Amount", "Closing_Date"),
    "Sales_Orders": (*COMMON, "SO_Number", "Subject", "Status", "Grand_Total"),
    "Invoices": (*COMMON, "Invoice_Number", "Status", "Grand_Total", "Invoice_Date", "Due_Date"),
    "Notes": ("id", "Parent_Id", "Note_Title", "Note_Content", "Created_Time", "Created_By", "Modified_Time"),
}  # fmt: skip


class Stop(Exception):
    def __init__(self, status: int, code: str, message: str, **details: Any) -> None:
        super().__init__(message)
        self.answer = reply({"code": code, "details": details, "message": message, "status": "error"}, status)


class ZohoCrm(Source):
    name = "zoho_crm"
    prefix = "/zoho_crm"
    dated = True

    def __init__(self, clock: Clock, ledger: Ledger, pulse: Pulse) -> None:
        super().__init__(clock, ledger, pulse)
        self.rows: dict[str, dict[str, Json]] = {name: {} for name in FIELDS}
        self.deleted: dict[str, list[Json]] = {name: [] for name in FIELDS}
        self.profile = "Administrator"
        self.tokens: dict[str, float] = {}
        self.given: list[float] = []
        self.most_tokens = MOST_TOKENS
        self._ids = itertools.count(5_500_000_100_001)

    # ------------------------------------------------------------------ what happens

    def add(self, what: str, *, at: float | None = None, **fields: Any) -> Json:
        now = written(self.clock.time() if at is None else at)
        key = str(next(self._ids))
        stamps = {"id": key, "Created_Time": now, "Modified_Time": now, "Created_By": ANA}
        row = dict.fromkeys(FIELDS[what]) | stamps | ({"Owner": ANA} if "Owner" in FIELDS[what] else {}) | fields
        self.rows[what][key] = row
        self.pulse.beat()
        return row

    def change(self, what: str, key: str, **fields: Any) -> Json:
        row = self.rows[what][key]
        row |= fields | {"Modified_Time": written(self.clock.time())}
        self.pulse.beat()
        return row

    def delete(self, what: str, key: str) -> None:
        """It is in the bin: in no list but that of the deleted."""
        row = self.rows[what].pop(key)
        gone = {
            "id": key,
            "deleted_time": written(self.clock.time()),
            "type": "recycle",
            "display_name": row.get("Subject"),
        }
        self.deleted[what].append(gone)

    # ------------------------------------------------------------------ credentials

    def knows(self, request: web.Request) -> bool:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        return scheme == "Zoho-oauthtoken" and self.tokens.get(token, 0) > self.clock.time()

    def unauthorised(self) -> web.Response:
        return Stop(401, "INVALID_TOKEN", "invalid oauth token").answer

    def throttled(self, seconds: int) -> web.Response:
        answer = Stop(429, "TOO_MANY_REQUESTS", "concurrency limit is reached").answer
        answer.headers["Retry-After"] = str(seconds)
        return answer

    def no_limits(self) -> None:
        self.most_tokens = 10**9

    def expire_tokens(self) -> None:
        self.tokens.clear()

    async def token(self, request: web.Request) -> web.Response:
        """A refusal comes with 200, or with 400 when tokens are asked for too often."""
        form = await request.post()
        wanted = {
            "grant_type": "refresh_token",
            "client_id": credentials.ZOHO_CLIENT_ID,
            "client_secret": credentials.ZOHO_CLIENT_SECRET,
            "refresh_token": credentials.ZOHO_REFRESH_TOKEN,
        }
        wrong = [name for name, value in wanted.items() if form.get(name) != value]
        if wrong:
            return reply({"error": "invalid_code" if "refresh_token" in wrong else "invalid_client"})
        now = self.clock.time()
        self.given = [at for at in self.given if now - at < TOKEN_WINDOW]
        if len(self.given) >= self.most_tokens:
            return reply({"error_description": "You have made too many requests", "error": "Access Denied"}, 400)
        self.given.append(now)
        token = f"1000.{secrets.token_hex(16)}"
        self.tokens[token] = now + TOKEN_SECONDS
        return reply(
            {"access_token": token, "api_domain": self.url, "token_type": "Bearer", "expires_in": TOKEN_SECONDS}
        )

    # ------------------------------------------------------------------ reading

    async def list_rows(self, request: web.Request) -> web.Response:
        what, asked = self._what(request), request.query
        names = self._fields(asked)
        rows = list(self.rows[what].values())
        if "ids" in asked:
            ids = asked["ids"].split(",")
            if len(ids) > MOST_IDS:
                raise Stop(400, "INVALID_DATA", f"more than {MOST_IDS} ids")
            rows = [row for row in rows if row["id"] in ids]
        since = request.headers.get("If-Modified-Since")
        if since is not None:
            rows = [row for row in rows if seconds(row["Modified_Time"]) > moment(since)]
            if not rows:
                return web.Response(status=304)
        self.sweeps += what == "Cases"
        order = asked.get("sort_by", "id")
        rows.sort(key=lambda row: (str(row.get(order)), row["id"]), reverse=asked.get("sort_order", "desc") == "desc")
        return self._paged([{"id": row["id"]} | {one: row[one] for one in names if one in row} for row in rows], asked)

    def _fields(self, asked: Mapping[str, str]) -> list[str]:
        names = [one for one in asked.get("fields", "").split(",") if one]
        if not names:
            raise Stop(400, "REQUIRED_PARAM_MISSING", "One of the expected parameter is missing", param="fields")
        if len(names) > MOST_FIELDS:
            raise Stop(400, "LIMIT_EXCEEDED", f"only {MOST_FIELDS} fields are allowed")
        return names

    def _paged(self, rows: list[Json], asked: Mapping[str, str]) -> web.Response:
        size, page = positive(asked, "per_page", MOST_PER_PAGE), positive(asked, "page", 10**6)
        if size > MOST_PER_PAGE:
            raise Stop(400, "INVALID_DATA", "per_page is 200 at most", param="per_page")
        if "page_token" in asked:
            if "page" in asked:
                raise Stop(400, "AMBIGUITY_DURING_PROCESSING", "page and page_token can not be given together")
            page = int(asked["page_token"].rpartition("_")[2])
        elif page > MOST_BY_NUMBER:
            raise Stop(400, "DISCRETE_PAGINATION_LIMIT_EXCEEDED", "use page_token for records beyond the tenth page")
        start = (page - 1) * size
        shown = rows[start : start + size]
        if not shown:
            return web.Response(status=204)
        more = start + size < len(rows)
        info = {"per_page": size, "count": len(shown), "page": page, "sort_by": "id", "sort_order": "desc",
                "more_records": more, "next_page_token": f"c8582xx_{page + 1}" if more else None,
                "previous_page_token": None, "page_token_expiry": None}  # fmt: skip
        return reply({"data": shown, "info": info})

    async def list_deleted(self, request: web.Request) -> web.Response:
        what, since = self._what(request), request.headers.get("If-Modified-Since")
        rows = [row for row in self.deleted[what] if since is None or seconds(row["deleted_time"]) > moment(since)]
        if not rows and since is not None:
            return web.Response(status=304)
        return self._paged(rows, request.query)

    async def list_notes(self, request: web.Request) -> web.Response:
        self._row(request)
        key, asked = request.match_info["id"], request.query
        names = self._fields(asked)
        rows = [row for row in self.rows["Notes"].values() if row["Parent_Id"]["id"] == key]
        rows.sort(key=lambda row: (row["Modified_Time"], row["id"]), reverse=asked.get("sort_order", "desc") == "desc")
        return self._paged([{"id": row["id"]} | {one: row[one] for one in names if one in row} for row in rows], asked)

    async def users(self, request: web.Request) -> web.Response:
        if request.query.get("type") != "CurrentUser":
            raise Stop(400, "INVALID_DATA", "invalid type")
        return reply({"users": [ME | {"profile": {"name": self.profile, "id": "1"}, "time_zone": "Europe/Berlin"}]})

    async def settings(self, request: web.Request) -> web.Response:
        what = request.query.get("module", "")
        if what not in FIELDS:
            raise Stop(400, "INVALID_MODULE", "the module name given seems to be invalid")
        return reply({"fields": [{"api_name": name, "id": str(n)} for n, name in enumerate(FIELDS[what])]})

    # ------------------------------------------------------------------ writing

    async def update(self, request: web.Request) -> web.Response:
        row, what = self._row(request), self._what(request)
        fields = (await self._data(request))[0]
        owner = fields.get("Owner")
        if owner is not None:
            user = USERS.get(str(owner.get("id") if isinstance(owner, dict) else owner))
            if user is None:
                return told("INVALID_DATA", "the owner given is not an active user", {"api_name": "Owner"}, 200)
            fields["Owner"] = user
        if unknown := [name for name in fields if name not in FIELDS[what]]:
            return told("INVALID_DATA", "no such field", {"api_name": unknown[0]}, 202)
        self.change(what, row["id"], **fields)
        details = {"Modified_Time": row["Modified_Time"], "id": row["id"], "Modified_By": ME}
        return told("SUCCESS", "record updated", details, 200)

    async def add_note(self, request: web.Request) -> web.Response:
        fields = (await self._data(request))[0]
        parent = fields.get("Parent_Id") or {}
        module = (parent.get("module") or {}).get("api_name")
        if parent.get("id") not in self.rows.get(str(module), {}):
            return told("INVALID_DATA", "the related id given seems to be invalid", {"api_name": "Parent_Id"}, 202)
        note = self.add("Notes", **{name: fields.get(name) for name in ("Parent_Id", "Note_Title", "Note_Content")})
        note["Created_By"] = ME
        return told("SUCCESS", "record added", {"id": note["id"], "Modified_Time": note["Modified_Time"]}, 201)

    async def _data(self, request: web.Request) -> list[Json]:
        try:
            body = await read_json(request)
        except ValueError:
            raise Stop(400, "INVALID_DATA", "invalid JSON") from None
        rows = body.get("data") if isinstance(body, dict) else None
        if not isinstance(rows, list) or not rows or not isinstance(rows[0], dict):
            raise Stop(400, "MANDATORY_NOT_FOUND", "required field not found", api_name="data")
        return rows

    def _what(self, request: web.Request) -> str:
        what = request.match_info["what"]
        if what not in FIELDS:
            raise Stop(400, "INVALID_MODULE", "the module name given seems to be invalid")
        return what

    def _row(self, request: web.Request) -> Json:
        row = self.rows[self._what(request)].get(request.match_info["id"])
        if row is None:
            raise Stop(404, "RECORD_NOT_FOUND", "the id given seems to be invalid")
        return row

    # ------------------------------------------------------------------ routes

    def careful(self, work: Work) -> Work:
        async def handle(request: web.Request) -> web.Response:
            try:
                return await work(request)
            except Stop as stop:
                return stop.answer

        return handle

    def add_routes(self, router: web.UrlDispatcher) -> None:
        base = f"{self.prefix}/crm/v8"
        router.add_post(f"{self.prefix}/oauth/v2/token", self.route(self.token, public=True))
        for method, path, work in (
            ("GET", f"{base}/users", self.users),
            ("GET", f"{base}/settings/fields", self.settings),
            ("POST", f"{base}/Notes", self.add_note),
            ("GET", f"{base}/{{what}}", self.list_rows),
            ("GET", f"{base}/{{what}}/deleted", self.list_deleted),
            ("PUT", f"{base}/{{what}}/{{id}}", self.update),
            ("GET", f"{base}/{{what}}/{{id}}/Notes", self.list_notes),
        ):
            router.add_route(method, path, self.route(self.careful(work)))


def told(code: str, message: str, details: Json, status: int) -> web.Response:
    row = {"code": code, "details": details, "message": message, "status": "success" if code == "SUCCESS" else "error"}
    return reply({"data": [row]}, status)


def positive(asked: Mapping[str, str], name: str, default: int) -> int:
    text = asked.get(name, str(default) if name == "per_page" else "1")
    if not text.isdigit() or int(text) < 1:
        raise Stop(400, "INVALID_DATA", f"invalid {name}", param=name)
    return int(text)


def moment(text: str) -> float:
    try:
        return seconds(text)
    except ValueError:
        raise Stop(400, "INVALID_REQUEST", "If-Modified-Since must be an ISO 8601 moment") from None


def written(at: float) -> str:
    return datetime.fromtimestamp(int(at), UTC).astimezone(ZONE).isoformat()
