"""What /api/v1 takes and gives, as OpenAPI 3.1: for generators of clients, for tests, and for whoever reads it."""

from collections.abc import Mapping, Sequence
from typing import Any

from bot.api import AUDIT, READ, STATUSES, TRIGGER
from bot.raising import FIELDS
from deskbell.core.alert import Severity, Status

PATH = "/api/v1/openapi.json"
Schema = dict[str, Any]

_TEXT: Schema = {"type": "string"}
_MOMENT: Schema = {"type": "string", "format": "date-time"}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_REFUSALS: Mapping[str, str] = {
    "400": "Not to be read: no Idempotency-Key, or no JSON.",
    "401": "No token of ours.",
    "403": "The token does not have the scope.",
    "404": "There is no such alert.",
    "408": "The body took too long.",
    "409": "Something else was sent under this Idempotency-Key before.",
    "413": "The body is over 256 KiB.",
    "415": "Not JSON, or packed.",
    "422": "A field or parameter that is unknown, missing, too long or of the wrong type; it is named.",
    "429": "Too many alerts from this caller in an hour; Retry-After says when to come back.",
    "503": "Nothing of it was saved; Retry-After says when to come back.",
}
_ALWAYS = ("401", "403", "503")


def document(version: str = "1") -> Schema:
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Deskbell",
            "version": version,
            "description": "Raise alerts, list them, read the audit. Each caller has a token with scopes.",
        },
        "paths": {
            "/api/v1/alerts": {"post": _raise(), "get": _list()},
            "/api/v1/alerts/{ref}/why": {"get": _why()},
            "/api/v1/audit": {"get": _audit()},
        },
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": {
                "Error": _object({"error": _TEXT}),
                "Raised": _object({"ref": {"type": "string", "pattern": r"^D-\d+$"}, "url": _TEXT}, needed=["ref"]),
                "Alert": _alert(),
                "Entry": _object(
                    {"seq": _COUNT, "at": _MOMENT, **dict.fromkeys(("actor", "verb", "alert", "text"), _TEXT)}
                ),
            },
        },
        "security": [{"token": []}],
    }


def _raise() -> Schema:
    said: Schema = {name: {"type": "string", "maxLength": longest} for name, longest in FIELDS.items()}
    said["title"] |= {"minLength": 1, "pattern": r"\S", "description": "In a few words, what is wrong."}
    said["text"] |= {"description": "More of it; line breaks stay."}
    said["severity"] = {
        "type": "string",
        "pattern": "^([Pp][1-4])?$",
        "description": f"{', '.join(Severity.__members__)}: act now, to for information. Left out: P3.",
    }
    said["subject"] |= {"description": "What it is about, like the number of a job."}
    said["team"] |= {"description": "Who is to see to it; one of the configured teams."}
    key = {
        "name": "Idempotency-Key",
        "in": "header",
        "required": True,
        "description": "Your own id of this alert: sent again, it raises nothing new.",
        "schema": {"type": "string", "pattern": "^[!-~]{1,200}$"},
    }
    return {
        "operationId": "raiseAlert",
        "summary": "Raise an alert",
        "description": f"Needs the scope {TRIGGER}.",
        "parameters": [key],
        "requestBody": {"required": True, "content": _json(_object(said, needed=["title"]))},
        "responses": {
            "201": _answer("Raised, and kept.", _ref("Raised")),
            "200": _answer("It was raised before, by the same call.", _ref("Raised")),
            **_refused("400", "408", "409", "413", "415", "422", "429"),
        },
    }


def _list() -> Schema:
    words = dict.fromkeys(("assignee", "team", "source"), _TEXT)
    numbers = {"limit": _whole(50, 1, 200), "offset": _whole(0, 0, 1_000_000)}
    status = {"status": {"type": "string", "enum": list(STATUSES), "default": "live"}}
    return {
        "operationId": "listAlerts",
        "summary": "List alerts, most severe first",
        "description": f"Needs the scope {READ}.",
        "parameters": _query({**status, **words, **numbers}),
        "responses": {
            "200": _answer("A stretch of them.", _object({"alerts": _many("Alert"), "count": _COUNT})),
            **_refused("422"),
        },
    }


def _why() -> Schema:
    ref = {
        "name": "ref",
        "in": "path",
        "required": True,
        "description": "As cards show it, like D-4821.",
        "schema": {"type": "string", "pattern": r"^D-\d{1,12}$"},
    }
    reason = _object({"what": _TEXT, "said": _TEXT})
    return {
        "operationId": "explainAlert",
        "summary": "Why an alert rang",
        "description": f"Rule, what it saw, thresholds, clock, way to people, who was on duty. Needs the scope {READ}.",
        "parameters": [ref],
        "responses": {
            "200": _answer(
                "The reasons, in words.", _object({"ref": _TEXT, "why": {"type": "array", "items": reason}})
            ),
            **_refused("404", "422"),
        },
    }


def _audit() -> Schema:
    return {
        "operationId": "readAudit",
        "summary": "Read the audit",
        "description": f"Needs the scope {AUDIT}. Without `after`, the end of it.",
        "parameters": _query({"limit": _whole(100, 1, 1000), "after": _whole(0, 0, 10**14)}),
        "responses": {
            "200": _answer(
                "Entries, oldest first, and whether the whole chain is unbroken.",
                _object({"entries": _many("Entry"), "count": _COUNT, "verified": {"type": "boolean"}}),
            ),
            **_refused("422"),
        },
    }


def _alert() -> Schema:
    texts = ("rule", "title", "summary", "subject", "source", "team", "assignee", "url")
    return _object(
        {
            "ref": {"type": "string", "pattern": r"^D-\d+$"},
            "severity": {"type": "string", "enum": list(Severity.__members__)},
            "status": {"type": "string", "enum": [str(status) for status in Status]},
            **dict.fromkeys(texts, _TEXT),
            "level": _COUNT,
            "opened_at": _MOMENT,
            "updated_at": _MOMENT,
        }
    )


# ---------------------------------------------------------------- the words of OpenAPI


def _object(properties: Mapping[str, Schema], needed: Sequence[str] | None = None) -> Schema:
    """Nothing beside the properties; all of them, unless `needed` names which."""
    required = list(properties if needed is None else needed)
    return {
        "type": "object",
        "properties": dict(properties),
        "required": required,
        "additionalProperties": False,
    }


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _many(name: str) -> Schema:
    return {"type": "array", "items": _ref(name)}


def _whole(default: int, low: int, high: int) -> Schema:
    return {"type": "integer", "default": default, "minimum": low, "maximum": high}


def _query(schemas: Mapping[str, Schema]) -> list[Schema]:
    return [{"name": name, "in": "query", "schema": schema} for name, schema in schemas.items()]


def _json(schema: Schema) -> Schema:
    return {"application/json": {"schema": schema}}


def _answer(description: str, schema: Schema) -> Schema:
    return {"description": description, "content": _json(schema)}


def _refused(*statuses: str) -> Schema:
    return {status: _answer(_REFUSALS[status], _ref("Error")) for status in sorted({*statuses, *_ALWAYS})}
