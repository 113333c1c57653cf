"""What Meta tells of WhatsApp and Messenger: receipts, words, taps; and how it asks first whether the address is ours.

https://developers.facebook.com/docs/whatsapp/cloud-api/webhooks, https://developers.facebook.com/docs/messenger-platform/webhooks
"""

import hmac
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl

from deskbell.core.heard import Heard, Rank, Receipt, Tap, Words
from deskbell.net.inbound import Call, Hmac
from deskbell.vendors.hears import Thanks, VendorHook
from deskbell.vendors.told import phone, receipt

SIGNED = Hmac("x-hub-signature-256", before="sha256=")
# Not on WhatsApp, said STOP, has no window open, is never to have it.
DEAD = frozenset({"131026", "131047", "131050", "131062"})


def greet(call: Call, hook: VendorHook) -> Thanks | None:
    """https://developers.facebook.com/docs/graph-api/webhooks/getting-started#verification-requests"""
    asked = dict(parse_qsl(call.query))
    token = asked.get("hub.verify_token", "").encode("utf-8", "surrogatepass")
    challenge = asked.get("hub.challenge", "") if call.method == "GET" and asked.get("hub.mode") == "subscribe" else ""
    same = hmac.compare_digest(token, hook.verify.encode())
    return Thanks(body=challenge) if challenge and hook.verify and same else None


def whatsapp(call: Call, _conf: Any) -> list[Heard]:
    changes = [change["value"] for entry in call.data["entry"] for change in entry["changes"]]
    told = [heard for value in changes for heard in _statuses(value)]
    return told + [heard for value in changes for one in value.get("messages", ()) for heard in _written(one)]


def _statuses(value: Mapping[str, Any]) -> Iterator[Heard]:
    for status in value.get("statuses", ()):
        errors = status.get("errors") or [{}]
        yield from receipt(status["id"], status["status"], str(errors[0].get("code", "")), DEAD)


def _written(one: Mapping[str, Any]) -> Iterator[Heard]:
    """Who hides their number has an id of WhatsApp's instead."""
    sender = phone(one["from"]) if one.get("from") else str(one["from_user_id"])
    about = (one.get("context") or {}).get("id", "")
    match one["type"]:
        case "button":
            yield Tap(one["button"]["payload"], about, sender, one["id"])
        case "interactive":
            answer = one["interactive"]
            yield Tap(answer[answer["type"]]["id"], about, sender, one["id"])
        case "text":
            yield Words(sender, one["text"]["body"], one["id"], about)


def messenger(call: Call, _conf: Any) -> list[Heard]:
    return [heard for entry in call.data["entry"] for one in entry.get("messaging", ()) for heard in _event(one)]


def _event(one: Mapping[str, Any]) -> Iterator[Heard]:
    """An echo is what the page itself wrote."""
    sender, wrote = one["sender"]["id"], one.get("message", {})
    if tapped := one.get("postback") or wrote.get("quick_reply"):
        mid = tapped.get("mid") or wrote.get("mid", "")
        yield Tap(tapped["payload"], mid, sender, f"{mid}:{one.get('timestamp', '')}")
    elif "text" in wrote and not wrote.get("is_echo"):
        yield Words(sender, wrote["text"], wrote["mid"], (wrote.get("reply_to") or {}).get("mid", ""))
    for mid in one.get("delivery", {}).get("mids", ()):
        yield Receipt(mid, Rank.DELIVERED)
