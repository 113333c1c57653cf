"""Messenger's Send API: https://developers.facebook.com/docs/messenger-platform/reference/send-api"""

from deskbell.sandbox.vendors.stand_in import Answer, Asked, Vendor, Way, header

PAGE, TOKEN = "102290129340398", "sandbox-messenger-token"
WROTE = "24000000000000001"  # within 24 hours
WROTE_LONG_AGO, BLOCKED_US = "24000000000000002", "24000000000000003"
CODES = {WROTE: "", WROTE_LONG_AGO: "2018278", BLOCKED_US: "551"}
SUBCODES = {"2018278": 10, "2018001": 100}  # and the codes that they come with
THROTTLED = {"error": {"message": "(#613) Calls to this API have exceeded the rate limit.", "code": 613}}


def sent(asked: Asked) -> object:
    return {"recipient_id": asked.fields["recipient"]["id"], "message_id": asked.id}


def wrong(asked: Asked) -> str:
    message = asked.fields["message"]
    if code := CODES.get(asked.fields["recipient"]["id"], "2018001"):
        return code
    if "attachment" not in message:
        return "" if 0 < len(message["text"]) <= 2000 else "100"
    payload = message["attachment"]["payload"]
    buttons = payload["buttons"]
    fits = 0 < len(payload["text"]) <= 640 and 0 < len(buttons) <= 3
    return "" if fits and all(len(one["title"]) <= 20 for one in buttons) else "100"


def error(code: str) -> Answer:
    status = {"190": 401, "10": 403}.get(code, 400)
    about = {"code": SUBCODES[code], "error_subcode": int(code)} if code in SUBCODES else {"code": int(code)}
    return status, {
        "error": {"message": f"(#{code}) made to fail", "type": "OAuthException", "fbtrace_id": "A1"} | about
    }


VENDOR = Vendor(
    name="messenger",
    conf={"token": TOKEN, "page": PAGE},
    address=WROTE,
    knows=header("Authorization", f"Bearer {TOKEN}"),
    unauthorised=error("190"),
    ways=(
        Way(
            "send",
            "POST",
            f"/v25.0/{PAGE}/messages",
            sent,
            needs=("recipient.id", "messaging_type", "message"),
            refuses=wrong,
        ),
    ),
    new_id=lambda number: f"m_AG5Hz2Uq7tuwNEhXfYYKj8mJEM_{number:08}",
    error=error,
    limits=((400, {}, THROTTLED), (429, {}, THROTTLED)),
)
