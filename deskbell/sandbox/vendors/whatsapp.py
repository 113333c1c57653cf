"""WhatsApp's Cloud API: https://developers.facebook.com/docs/whatsapp/cloud-api/reference/messages"""

import re
from typing import Any

from deskbell.sandbox.phones import NOBODY, SAID_STOP, wrong_with
from deskbell.sandbox.vendors.stand_in import Answer, Asked, Vendor, Way, dig, header

NUMBER, TOKEN = "106540352242922", "sandbox-whatsapp-token"
WROTE = frozenset({"15005550009"})  # within 24 hours; nobody else may be written to without a template
# The templates that are approved: their languages, and how many parameters and quick replies each has.
TEMPLATES = {"deskbell_alert": (("en",), 2, 2), "customer_notice": (("en", "it", "de", "fr", "es"), 1, 0)}
CODES = {NOBODY: "131026", SAID_STOP: "131050"}
MOST = {"text": ("text.body", 4096), "interactive": ("interactive.body.text", 1024)}
THROTTLED = {"error": {"message": "(#130429) Rate limit hit", "type": "OAuthException", "code": 130429}}


def accepted(asked: Asked) -> object:
    to = asked.fields.get("to") or asked.fields["recipient"]
    contacts, messages = [{"input": to, "wa_id": to}], [{"id": asked.id, "message_status": "accepted"}]
    return {"messaging_product": "whatsapp", "contacts": contacts, "messages": messages}


def wrong(asked: Asked) -> str:
    to, kind = str(asked.fields.get("to", "")), asked.fields["type"]
    if not to and not asked.fields.get("recipient"):
        return "131008"
    if code := wrong_with(to, CODES):
        return code
    if kind == "template":
        return wrong_template(asked.fields["template"])
    if to not in WROTE:
        return "131047"
    place, most = MOST[kind]
    buttons = dig(asked.fields, "interactive.action.buttons") or []
    long = any(len(one["reply"]["title"]) > 20 or len(one["reply"]["id"]) > 256 for one in buttons)
    return "131009" if long or len(buttons) > 3 or not 0 < len(str(dig(asked.fields, place))) <= most else ""


def wrong_template(template: dict[str, Any]) -> str:
    languages, parameters, replies = TEMPLATES.get(template["name"], ((), 0, 0))
    if template["language"]["code"] not in languages:
        return "132001"
    body = [one for part in template["components"] if part["type"] == "body" for one in part["parameters"]]
    if len(body) != parameters:
        return "132000"
    if any(not one["text"] or re.search(r"[\n\t]| {5}", one["text"]) for one in body):
        return "132018"
    if sum(len(one["text"]) for one in body) > 1024:
        return "132005"
    places = [part["index"] for part in template["components"] if part["type"] == "button"]
    return "" if places in ([], [str(n) for n in range(replies)]) else "132018"


def error(code: str) -> Answer:
    if code == "paused":
        return 200, {"messages": [{"id": "wamid.0", "message_status": "paused"}]}
    status = {"190": 401, "10": 403}.get(code, 400)
    said = {"message": f"(#{code}) made to fail", "type": "OAuthException", "code": int(code), "fbtrace_id": "A1"}
    return status, {"error": said | {"error_data": {"messaging_product": "whatsapp", "details": "made to fail"}}}


VENDOR = Vendor(
    name="whatsapp",
    conf={"token": TOKEN, "phone_number_id": NUMBER},
    address="+15005550009",
    knows=header("Authorization", f"Bearer {TOKEN}"),
    unauthorised=error("190"),
    ways=(
        Way("send", "POST", f"/v25.0/{NUMBER}/messages", accepted, needs=("messaging_product", "type"), refuses=wrong),
    ),
    new_id=lambda number: f"wamid.HBgLMTUwMDU1NTAwMDkVAgARGBI{number:08}",
    error=error,
    limits=((400, {}, THROTTLED), (429, {}, THROTTLED)),
)
