"""Salesforce's cases: https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/"""

import re

from deskbell.sandbox.vendors.stand_in import Answer, Asked, Login, Vendor, Way

SOBJECTS = "/services/data/v67.0/sobjects"
CLIENT = {"grant_type": "client_credentials", "client_id": "sandbox-app", "client_secret": "sandbox-app-secret"}


def refusal(status: int, code: str) -> Answer:
    return status, [{"message": "made to fail", "errorCode": code, "fields": []}]


def stands(asked: Asked) -> object:
    words = {"open": "New", "acked": "Working", "resolved": "Closed"}
    rows = asked.records(re.findall(r"'(\w+)'", asked.query["q"]))
    who = {"LastModifiedById": "005RITA", "LastModifiedBy": {"Name": "Rita Record"}}
    cases = [{"Id": ident, "Status": words[state], "IsClosed": state == "resolved", **who} for ident, state in rows]
    return {"totalSize": len(cases), "done": True, "records": cases}


def error(code: str) -> Answer:
    return 403 if code in {"REQUEST_LIMIT_EXCEEDED", "INSUFFICIENT_ACCESS99"} else 400, refusal(400, code)[1]


VENDOR = Vendor(
    name="salesforce",
    conf={
        "client_id": CLIENT["client_id"],
        "client_secret": CLIENT["client_secret"],
        "web_url": "https://salesforce.example",
    },
    address="00G000000000001AAA",
    login=Login("/services/oauth2/token", CLIENT),
    unauthorised=refusal(401, "INVALID_SESSION_ID"),
    missing=refusal(404, "NOT_FOUND"),
    ways=(
        Way(
            "open",
            "PATCH",
            f"{SOBJECTS}/Case/Alert_Key__c/{{key}}",
            lambda asked: {"id": asked.id, "success": True, "created": True, "errors": []},
            201,
            needs=("Subject", "Status"),
            most={"Subject": 255, "Description": 32_000},
        ),
        Way("stands", "GET", "/services/data/v67.0/query", stands, reads=True),
        Way("note", "POST", f"{SOBJECTS}/CaseComment", status=201, needs=("ParentId",), most={"CommentBody": 4000}),
        Way("change", "PATCH", f"{SOBJECTS}/Case/{{case}}", lambda _asked: "", 204, needs=("Status",), of="case"),
    ),
    key=lambda asked: asked.parts.get("key", ""),
    new_id=lambda number: f"500{number:012}AAA",
    error=error,
)
