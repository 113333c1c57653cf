"""Zoho Cliq's messages: https://www.zoho.com/cliq/help/restapi/v2/"""

from deskbell.sandbox.vendors.stand_in import Answer, Asked, Login, Vendor, Way

APP = {
    "client_id": "sandbox-cliq-app",
    "client_secret": "sandbox-cliq-secret",
    "refresh_token": "sandbox-cliq-refresh-token",
}
CHANNELS = {"dispatch", "duty"}
COLLEAGUES = {"ben@example.org", "duty@example.org"}


def wrong(asked: Asked) -> str:
    """A channel that is not there, and more buttons than it shows."""
    if asked.parts["to"] not in CHANNELS | COLLEAGUES:
        return "404"
    rings = "{@" in asked.fields["text"]
    return "406" if rings or len(asked.fields.get("buttons", [])) > 5 else ""


def sent(asked: Asked) -> object:
    return {"message_id": asked.id} if asked.fields.get("sync_message") else ""


def error(code: str) -> Answer:
    return int(code), {"message": "made to fail", "code": "operation_failed"}


def way(kind: str) -> Way:
    path = f"/api/v2/{kind}/{{to}}/message"
    return Way(kind, "POST", path, sent, needs=("text",), most={"text": 5000}, refuses=wrong)


VENDOR = Vendor(
    name="zoho_cliq",
    conf=APP | {"accounts_url": "{base}"},
    address="dispatch",
    login=Login("/oauth/v2/token", APP | {"grant_type": "refresh_token"}, "Zoho-oauthtoken"),
    unauthorised=(401, {"message": "invalid_token", "code": "oauthtoken_invalid"}),
    ways=(way("channelsbyname"), way("buddies")),
    new_id=lambda number: f"1600000000000_{number}",
    error=error,
    limits=((429, {}, {"message": "throttled", "code": "too_many_requests"}),),
)
