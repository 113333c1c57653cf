"""HubSpot's tickets: https://developers.hubspot.com/docs/api-reference/crm-tickets-v3/guide"""

from deskbell.sandbox.vendors.stand_in import Answer, Asked, Vendor, Way, dig, header

TOKEN = "sandbox-hubspot-key"  # noqa: S105 - made up, on purpose
OBJECTS = "/crm/objects/2026-09"


def upserted(asked: Asked) -> object:
    url = f"https://hubspot.example/tickets/{asked.id}"
    return {"status": "COMPLETE", "results": [{"id": asked.id, "url": url, "new": True}]}


def stands(asked: Asked) -> object:
    words = {"open": "1", "acked": "3", "resolved": "4"}
    rows = asked.records([one["id"] for one in asked.fields["inputs"]])
    return {"results": [{"id": ident, "properties": {"hs_pipeline_stage": words[state]}} for ident, state in rows]}


def refusal(category: str) -> object:
    return {"status": "error", "message": "made to fail", "correlationId": "c", "category": category}


def error(code: str) -> Answer:
    """A rule of the account's fails one row of a batch, inside a success."""
    if code == "VALIDATION_ERROR":
        return 207, {"status": "COMPLETE", "results": [], "numErrors": 1, "errors": [refusal(code)]}
    return 400, refusal(code)


VENDOR = Vendor(
    name="hubspot",
    conf={"token": TOKEN},
    address="0",
    knows=header("Authorization", f"Bearer {TOKEN}"),
    unauthorised=(401, refusal("INVALID_AUTHENTICATION")),
    missing=(404, refusal("OBJECT_NOT_FOUND")),
    ways=(
        Way(
            "open",
            "POST",
            f"{OBJECTS}/tickets/batch/upsert",
            upserted,
            needs=(
                "inputs.0.idProperty",
                "inputs.0.id",
                "inputs.0.properties.subject",
                "inputs.0.properties.hs_pipeline_stage",
            ),
            most={"inputs.0.properties.content": 65_536},
        ),
        Way("stands", "POST", f"{OBJECTS}/tickets/batch/read", stands, needs=("inputs",), reads=True),
        Way(
            "note",
            "POST",
            f"{OBJECTS}/notes",
            status=201,
            needs=("properties.hs_timestamp", "associations.0.to.id"),
            most={"properties.hs_note_body": 65_536},
            html=("properties.hs_note_body",),
        ),
        Way("change", "PATCH", f"{OBJECTS}/tickets/{{ticket}}", needs=("properties",), of="ticket"),
    ),
    key=lambda asked: str(dig(asked.fields, "inputs.0.id") or ""),
    error=error,
    limits=((429, {}, {"status": "error", "errorType": "RATE_LIMIT", "policyName": "TEN_SECONDLY_ROLLING"}),),
)
