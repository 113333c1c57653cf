"""Oracle Responsys: https://docs.oracle.com/en/cloud/saas/marketing/responsys-rest-api/. A login says where to call."""

from deskbell.sandbox.vendors.stand_in import Answer, Asked, Login, Vendor, Way, dig

USER = {"user_name": "deskbell", "password": "sandbox-responsys-password", "auth_type": "password"}
CAMPAIGN, LIST = "Visit notices", {"folderName": "Service", "objectName": "CUSTOMERS"}
STRANGER = "stranger@example.org"
STATUS = {"INVALID_TOKEN": 401, "TOKEN_EXPIRED": 401, "API_BLOCKED": 403, "API_LIMIT_EXCEEDED": 429}
STATUS |= {"UNEXPECTED_EXCEPTION": 500}
ROW = "recipientData.0.recipient"


def wrong(asked: Asked) -> str:
    """Another campaign, another list, somebody who is not in it."""
    if asked.parts["campaign"] != CAMPAIGN:
        return "CAMPAIGN_NOT_FOUND"
    if dig(asked.fields, f"{ROW}.listName") != LIST:
        return "INVALID_PARAMETER"
    return "RECIPIENT_NOT_FOUND" if dig(asked.fields, f"{ROW}.emailAddress") == STRANGER else ""


def sent(asked: Asked) -> object:
    return [{"success": True, "errorMessage": None, "recipientId": int(asked.id)}]


def error(code: str) -> Answer:
    if code.startswith(("RECIPIENT", "NO_RECIPIENT", "CAMPAIGN")):
        return 200, [{"success": False, "errorMessage": code, "recipientId": -1}]
    said = {"type": "", "title": "made to fail", "errorCode": code, "detail": "made to fail", "errorDetails": []}
    return STATUS.get(code, 400), said


VENDOR = Vendor(
    name="responsys",
    conf={
        "user": USER["user_name"],
        "password": USER["password"],
        "campaign": CAMPAIGN,
        "folder": LIST["folderName"],
        "list": LIST["objectName"],
    },
    address="customer@example.org",
    login=Login("/rest/api/v1.3/auth/token", USER, "", {"endPoint": "{base}", "issuedAt": 1}, "authToken"),
    unauthorised=error("INVALID_TOKEN"),
    ways=(
        Way(
            "send",
            "POST",
            "/rest/api/v1.3/campaigns/{campaign}/email",
            sent,
            needs=(f"{ROW}.emailAddress", "recipientData.0.optionalData.0.value"),
            refuses=wrong,
        ),
    ),
    new_id=lambda number: str(1000 + number),
    error=error,
    limits=((429, {}, error("API_LIMIT_EXCEEDED")[1]),),
)
