"""Zoho CRM's cases: https://www.zoho.com/crm/developer/docs/api/v8/upsert-records.html"""

from deskbell.sandbox.vendors.stand_in import Answer, Asked, Login, Vendor, Way, dig

CLIENT = {"client_id": "sandbox-zoho", "client_secret": "sandbox-zoho-secret", "refresh_token": "sandbox-zoho-refresh"}
CASES = "/crm/v8/Cases"


def done(asked: Asked) -> object:
    return {"data": [{"code": "SUCCESS", "status": "success", "message": "done", "details": {"id": asked.id}}]}


def stands(asked: Asked) -> object:
    words = {"open": "New", "acked": "On Hold", "resolved": "Closed"}
    who = {"Modified_By": {"id": "500", "name": "Rita Record"}}
    rows = asked.records(asked.query["ids"].split(","))
    return {"data": [{"id": ident, "Status": words[state], **who} for ident, state in rows]}


def failed(code: str, **details: str) -> object:
    """Of one record, which is told inside whatever status."""
    return {"data": [{"code": code, "status": "error", "message": "made to fail", "details": details}]}


def error(code: str) -> Answer:
    if code == "INVALID_DATA id":
        return 202, failed("INVALID_DATA", api_name="id")
    if code in {"NO_PERMISSION", "RECORD_NOT_FOUND"}:
        return 207, failed(code)
    return 400, {"code": code, "status": "error", "message": "made to fail", "details": {}}


VENDOR = Vendor(
    name="zoho_crm",
    conf={**CLIENT, "accounts_url": "{base}", "web_url": "https://zoho.example"},
    address="5000000000001",
    login=Login("/oauth/v2/token", {"grant_type": "refresh_token", **CLIENT}, "Zoho-oauthtoken"),
    unauthorised=(401, {"code": "INVALID_TOKEN", "status": "error", "message": "invalid oauth token", "details": {}}),
    missing=(200, failed("INVALID_DATA", api_name="id")),
    ways=(
        Way(
            "open",
            "POST",
            f"{CASES}/upsert",
            done,
            needs=("data.0.Subject", "data.0.Status", "data.0.Case_Origin", "duplicate_check_fields.0"),
            most={"data.0.Subject": 255, "data.0.Description": 32_000},
        ),
        Way("stands", "GET", CASES, stands, reads=True),
        Way("note", "POST", "/crm/v8/Notes", done, 201, needs=("data.0.Parent_Id.id", "data.0.Note_Content")),
        Way("change", "PUT", f"{CASES}/{{case}}", done, needs=("data.0.Status",), of="case"),
    ),
    key=lambda asked: str(dig(asked.fields, "data.0.Alert_Key") or ""),
    new_id=lambda number: f"4000000{number:06}",
    error=error,
    limits=((429, {}, {"code": "TOO_MANY_REQUESTS", "status": "error", "message": "too many", "details": {}}),),
)
