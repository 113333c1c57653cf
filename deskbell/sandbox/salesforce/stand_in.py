"""The HTTP side of an org. https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/"""

import secrets
from typing import Any

from aiohttp import web

from deskbell.sandbox import credentials
from deskbell.sandbox.clock import Clock, Pulse
from deskbell.sandbox.ledger import Ledger
from deskbell.sandbox.salesforce import soql
from deskbell.sandbox.salesforce.org import CHILDREN, FIELDS, ME, PARENTS, SYSTEM, Org
from deskbell.sandbox.source import Source, Work
from deskbell.sandbox.web import Json, read_json, reply

VERSIONS = range(31, 68)
DAY_LIMIT = 100_000
TOKEN_SECONDS = 7200
COMMENT_MOST = 4000
_CREW = ("Appointment", "Resource")


class Stop(Exception):
    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.answer = refusal(status, code, message)


def refusal(status: int, code: str, message: str) -> web.Response:
    return reply([{"message": message, "errorCode": code}], status)


class Salesforce(Source):
    name = "salesforce"
    prefix = "/salesforce"
    dated = True

    def __init__(self, clock: Clock, ledger: Ledger, pulse: Pulse) -> None:
        super().__init__(clock, ledger, pulse)
        self.org = Org(clock)
        self.tokens: dict[str, float] = {}
        self.batch = 2000  # rows of one answer; a query of wide rows gets fewer
        self.cursors: dict[str, tuple[list[Json], int]] = {}
        self.calls, self.most_calls = 0, DAY_LIMIT

    # ------------------------------------------------------------------ credentials, limits

    def knows(self, request: web.Request) -> bool:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        return scheme == "Bearer" and self.tokens.get(token, 0) > self.clock.time()

    def unauthorised(self) -> web.Response:
        return refusal(401, "INVALID_SESSION_ID", "Session expired or invalid")

    def throttled(self, seconds: int) -> web.Response:  # noqa: ARG002 - it does not say when
        return refusal(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")

    def no_limits(self) -> None:
        self.most_calls = 10**9

    def expire_tokens(self) -> None:
        self.tokens.clear()

    async def token(self, request: web.Request) -> web.Response:
        form = await request.post()
        given = (form.get("grant_type"), form.get("client_id"), form.get("client_secret"))
        if given != ("client_credentials", credentials.SALESFORCE_CLIENT_ID, credentials.SALESFORCE_CLIENT_SECRET):
            return reply({"error": "invalid_client", "error_description": "invalid client credentials"}, 400)
        token = secrets.token_hex(20)
        self.tokens[token] = self.clock.time() + TOKEN_SECONDS
        return reply({
            "access_token": token, "instance_url": self.url + self.prefix, "id": f"{self.url}/id/00D/{ME}",
            "token_type": "Bearer", "issued_at": str(int(self.clock.time() * 1000)), "scope": "api",
        })  # fmt: skip

    # ------------------------------------------------------------------ reading

    async def query(self, request: web.Request) -> web.Response:
        deleted = request.match_info["kind"] == "queryAll"
        asked = self._parsed(request.query.get("q", ""))
        rows = asked.rows(self.org.visible(asked.what, deleted=deleted), self.org.value)
        self.sweeps += deleted and asked.what == "Case"
        shown = [self._shown(asked, row) for row in rows]
        return self._batched(shown, len(shown))

    async def more(self, request: web.Request) -> web.Response:
        held = self.cursors.pop(request.match_info["cursor"], None)
        if held is None:
            raise Stop(400, "INVALID_QUERY_LOCATOR", "invalid query locator")
        return self._batched(*held)

    def _batched(self, rows: list[Json], total: int) -> web.Response:
        now, later = rows[: self.batch], rows[self.batch :]
        body: Json = {"totalSize": total, "done": not later, "records": now}
        if later:
            cursor = f"01g{secrets.token_hex(6)}-{self.batch}"
            self.cursors[cursor] = (later, total)
            body["nextRecordsUrl"] = f"/services/data/v67.0/query/{cursor}"
        return self.answer(body)

    def _parsed(self, text: str) -> soql.Query:
        try:
            asked = soql.parse(text)
        except soql.Malformed as wrong:
            raise Stop(400, wrong.code, str(wrong)) from None
        if asked.what not in FIELDS:
            raise Stop(400, "INVALID_TYPE", f"sObject type '{asked.what}' is not supported.")
        self._check_names(asked, asked.what)
        for name, child in asked.children.items():
            if name not in CHILDREN:
                raise Stop(400, "INVALID_FIELD", f"Didn't understand relationship '{name}' in field path.")
            self._check_names(child, CHILDREN[name][0])
        return asked

    def _check_names(self, asked: soql.Query, what: str) -> None:
        for name in (*asked.fields, *asked.named):
            if not self.org.known(what, name):
                raise Stop(400, "INVALID_FIELD", f"No such column '{name}' on entity '{what}'.")

    def _shown(self, asked: soql.Query, row: Json, what: str = "") -> Json:
        shown: Json = {
            "attributes": {"type": what or asked.what, "url": f"/services/data/v67.0/sobjects/x/{row['Id']}"}
        }
        for name in asked.fields:
            first, _, rest = name.partition(".")
            if not rest:
                shown[first] = row.get(first)
            elif row.get(PARENTS[first][0]) is None:
                shown[first] = None
            else:
                self._nest(shown, name, self.org.at(row, name))
        return shown | {name: self._below(child, name, row) for name, child in asked.children.items()}

    def _nest(self, shown: Json, name: str, value: Any) -> None:
        """What is asked for by a path comes as objects in objects."""
        *above, last = name.split(".")
        for one in above:
            shown = shown.setdefault(one, {"attributes": {"type": PARENTS[one][1]}})
        shown[last] = value

    def _below(self, asked: soql.Query, name: str, row: Json) -> Json | None:
        what, parent = CHILDREN[name]
        mine = [one for one in self.org.visible(what, deleted=False) if one[parent] == row["Id"]]
        rows = asked.rows(mine, self.org.value)
        shown = [self._shown(asked, one, what) for one in rows]
        return {"totalSize": len(shown), "done": True, "records": shown} if shown else None

    async def me(self, request: web.Request) -> web.Response:  # noqa: ARG002 - one shape for all
        return reply({"user_id": ME, "organization_id": "00D000000000001AAA", "zoneinfo": "Europe/Berlin"})

    async def limits(self, request: web.Request) -> web.Response:  # noqa: ARG002
        return self.answer({"DailyApiRequests": {"Max": self.most_calls, "Remaining": self.most_calls - self.calls}})

    # ------------------------------------------------------------------ writing

    async def create(self, request: web.Request) -> web.Response:
        what = self._what(request)
        body = await self._body(request, what)
        if "ParentId" in FIELDS[what] and not self._exists(str(body.get("ParentId"))):
            raise Stop(400, "INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
        if len(str(body.get("CommentBody") or "")) > COMMENT_MOST:
            raise Stop(400, "STRING_TOO_LONG", f"Comment Body: data value too large (max length={COMMENT_MOST})")
        if what == "AssignedResource" and not all(self._exists(str(body.get(f"Service{one}Id"))) for one in _CREW):
            raise Stop(400, "INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
        row = self.org.add(what, by=ME, **body)
        return reply({"id": row["Id"], "success": True, "errors": []}, 201)

    async def update(self, request: web.Request) -> web.Response:
        what, key = self._what(request), request.match_info["id"]
        row = self.org.rows[what].get(key)
        if row is None or row["IsDeleted"]:
            code = "ENTITY_IS_DELETED" if row else "NOT_FOUND"
            raise Stop(404, code, "entity is deleted" if row else "The requested resource does not exist")
        body = await self._body(request, what)
        owner = body.get("OwnerId")
        if owner is not None and owner not in self.org.rows["User"]:
            raise Stop(400, "MALFORMED_ID", f"Owner ID: id value of incorrect type: {owner}")
        if "ServiceResourceId" in body and not self._exists(str(body["ServiceResourceId"])):
            raise Stop(400, "INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
        self.org.change(what, key, by=ME, **body)
        return web.Response(status=204)

    def _what(self, request: web.Request) -> str:
        what = request.match_info["what"]
        if what not in FIELDS:
            raise Stop(404, "NOT_FOUND", "The requested resource does not exist")
        return what

    def _exists(self, key: str) -> bool:
        return any(key in rows and not rows[key].get("IsDeleted") for rows in self.org.rows.values())

    async def _body(self, request: web.Request, what: str) -> Json:
        try:
            body: Any = await read_json(request)
        except ValueError:
            raise Stop(400, "JSON_PARSER_ERROR", "Unexpected character") from None
        for name in body if isinstance(body, dict) else ("",):
            if name not in FIELDS[what]:
                raise Stop(400, "INVALID_FIELD", f"No such column '{name}' on sobject of type {what}")
            if name in SYSTEM:
                raise Stop(400, "INVALID_FIELD_FOR_INSERT_UPDATE", f"Unable to create/update fields: {name}.")
        return dict(body)

    # ------------------------------------------------------------------ routes

    def answer(self, value: object, status: int = 200) -> web.Response:
        return reply(value, status, {"Sforce-Limit-Info": f"api-usage={self.calls}/{self.most_calls}"})

    def careful(self, work: Work) -> Work:
        async def handle(request: web.Request) -> web.Response:
            self.calls += 1
            if self.calls > self.most_calls:
                return self.throttled(0)
            if "version" in request.match_info and not self._version(request.match_info["version"]):
                return refusal(404, "NOT_FOUND", "The requested resource does not exist")
            try:
                return await work(request)
            except Stop as stop:
                return stop.answer

        return handle

    def _version(self, text: str) -> bool:
        number, _, rest = text.partition(".")
        return number.isdigit() and int(number) in VERSIONS and rest == "0"

    def add_routes(self, router: web.UrlDispatcher) -> None:
        base = f"{self.prefix}/services"
        router.add_post(f"{base}/oauth2/token", self.route(self.token, public=True))
        data = f"{base}/data/v{{version}}"
        for method, path, work in (
            ("GET", f"{base}/oauth2/userinfo", self.me),
            ("GET", f"{data}/{{kind:query|queryAll}}", self.query),
            ("GET", f"{data}/query/{{cursor}}", self.more),
            ("GET", f"{data}/limits", self.limits),
            ("POST", f"{data}/sobjects/{{what}}", self.create),
            ("PATCH", f"{data}/sobjects/{{what}}/{{id}}", self.update),
        ):
            router.add_route(method, path, self.route(self.careful(work)))
