"""What the JSON APIs of a firm's own systems have alike: a bearer token, lists that ascend by their time of change and
come in pages, and refusals that name the fields."""

from collections.abc import Iterable, Mapping

from aiohttp import web

from deskbell.sandbox.clock import parse
from deskbell.sandbox.source import Source
from deskbell.sandbox.web import Json, reply

MOST_PER_PAGE = 100


class JsonApi(Source):
    token = ""

    def knows(self, request: web.Request) -> bool:
        return request.headers.get("Authorization") == f"Bearer {self.token}"

    def unauthorised(self) -> web.Response:
        return refusal(401, "unauthorized", "The access token is missing or wrong")

    def broken(self, status: int) -> web.Response:
        return refusal(status, "internal", "Something went wrong on our side")

    def throttled(self, seconds: int) -> web.Response:
        answer = refusal(429, "too_many_requests", "Slow down")
        answer.headers["Retry-After"] = str(seconds)
        return answer


def refusal(status: int, code: str, message: str, fields: Mapping[str, str] | None = None) -> web.Response:
    return reply({"error": {"code": code, "message": message, "fields": fields or {}}}, status)


def listed(rows: Iterable[Json], query: Mapping[str, str]) -> web.Response:
    """One page of the rows that changed since `updated_since`, oldest change first; `status` narrows them."""
    if wrong := check_query(query):
        return refusal(422, "invalid", "Invalid parameters", wrong)
    since = parse(query["updated_since"]) if "updated_since" in query else 0.0
    found = [row for row in rows if parse(row["updated_at"]) >= since]
    if "status" in query:
        found = [row for row in found if row["status"] in query["status"].split(",")]
    found.sort(key=lambda row: (row["updated_at"], row["id"]))
    page, per_page = int(query.get("page", 1)), int(query.get("per_page", 50))
    meta = {"page": page, "per_page": per_page, "pages": -(-len(found) // per_page), "total": len(found)}
    return reply({"data": found[(page - 1) * per_page : page * per_page], "meta": meta})


def check_query(query: Mapping[str, str]) -> dict[str, str]:
    known = {"updated_since", "page", "per_page", "status"}
    wrong = {name: "unknown parameter" for name in query if name not in known}
    for name, most in (("page", 10_000), ("per_page", MOST_PER_PAGE)):
        text = query.get(name, "1")
        if not text.isdigit() or not 1 <= int(text) <= most:
            wrong[name] = f"a number from 1 to {most}"
    try:
        parse(query.get("updated_since", "2026-01-01"))
    except ValueError:
        wrong["updated_since"] = "an ISO 8601 moment"
    return wrong
