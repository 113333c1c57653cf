"""A field of Pipedrive's deals: https://developers.pipedrive.com/docs/api/v1/Deals"""

from deskbell.sandbox.vendors.stand_in import Answer, Vendor, Way, header

TOKEN = "sandbox-pipedrive-token"  # noqa: S105 - made up, on purpose
FIELD = "0123456789abcdef0123456789abcdef01234567"


def refusal(status: int, code: str) -> Answer:
    return status, {"success": False, "error": "made to fail", "code": code}


VENDOR = Vendor(
    name="pipedrive_deal",
    conf={"token": TOKEN, "field_key": FIELD},
    address="7",
    knows=header("x-api-token", TOKEN),
    unauthorised=refusal(401, "ERR_UNAUTHORIZED"),
    missing=refusal(404, "ERR_NOT_FOUND"),
    ways=(
        Way(
            "change",
            "PATCH",
            "/api/v2/deals/{deal}",
            lambda asked: {"success": True, "data": {"id": int(asked.parts["deal"])}},
            needs=("custom_fields",),
            most={f"custom_fields.{FIELD}": 255},
        ),
    ),
    key=lambda asked: asked.body,
    limits=((429, {"Retry-After": "2"}, refusal(429, "ERR_RATE_LIMIT")[1]),),
)
