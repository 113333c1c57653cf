"""Customers on the demo's stand-ins: who agreed is told, who said STOP is not, what the law demands arrives; and two of
the staff acknowledge where there are no buttons. The verdict is the stand-ins' own.
"""

import asyncio
import contextlib
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aiohttp

from deskbell.core.rules import RULES
from deskbell.torture.house import as_toml

PUBLIC = "https://desk.example.org"  # what the vendors were told to call
SMS_STAFF, MAIL_STAFF = "+15005550001", "ben@example.org"
RULES_ON = ("technician_late", "unassigned_near_start")
_ANA = {"levels": [{"after": "0m", "targets": ["room"]}, {"after": "1s", "targets": ["person:ana"]}]}
_BEN = {"levels": [{"after": "0m", "targets": ["room"]}, {"after": "1s", "targets": ["person:ben"]}]}


def settings_file(template: Path, folder: Path, url: str) -> Path:
    """The operator's own configuration with the schedule and one room, and with ways to customers and to two of the
    staff who are in no chat.
    """
    raw = tomllib.loads(template.read_text(encoding="utf-8"))
    for section in ("teams", "telegram", "discord", "repeats"):
        raw.pop(section, None)
    raw["server"] = {**raw["server"], "public_url": PUBLIC}
    raw["sources"] = {"fieldservice": raw["sources"]["fieldservice"]}
    roles = ["dispatcher", "oncall", "manager"]
    raw["people"] = {
        "ana": {"name": "Ana Ruiz", "roles": roles, "twilio": SMS_STAFF},
        "ben": {"name": "Ben Okafor", "roles": roles, "mailgun": MAIL_STAFF},
    }
    raw["rotas"] = {}
    raw["policies"] = {"ana": _ANA, "ben": _BEN}
    raw["destinations"] = {
        "dispatch": {"platform": "slack", "address": "C0DISPATCH"},
        "sms": {"platform": "twilio", "address": ""},
        "mail": {"platform": "mailgun", "address": ""},
    }
    raw["routes"] = [{"name": "all", "destinations": ["dispatch", "sms", "mail"]}]
    raw["rules"] = {rule: {**raw["rules"].get(rule, {}), "enabled": rule in RULES_ON} for rule in RULES}
    raw["rules"]["technician_late"] |= {"policy": "ana"}
    raw["rules"]["unassigned_near_start"] |= {"policy": "ben"}
    raw["channels"] = _channels(url)
    raw["customers"] = {
        "firm": "Northgate Air",
        "region": "DE",
        "quiet": "",
        "channels": {"sms": "twilio", "whatsapp": "whatsapp", "mail": "mailgun"},
        "notices": {"visit_cancelled": {"required": True}},
    }
    path = folder / "customers.toml"
    path.write_text(as_toml(raw), encoding="utf-8")
    return path


def _channels(url: str) -> dict[str, Any]:
    """With what the stand-ins know, and what proves their calls."""
    return {
        "twilio": {
            "base_url": f"{url}/vendors/twilio",
            "account_sid": "AC00000000000000000000000000000001",
            "auth_token": "sandbox-twilio-token",
            "sender": "+15005550006",
            "hook": {"secrets": ["sandbox-twilio-token"]},
        },
        "whatsapp": {
            "base_url": f"{url}/vendors/whatsapp",
            "token": "sandbox-whatsapp-token",
            "phone_number_id": "106540352242922",
            "template": "customer_notice",
            "fields": ["said"],
            "buttons": [],
            "hook": {"secrets": ["sandbox-whatsapp-app-secret"]},
        },
        "mailgun": {
            "base_url": f"{url}/vendors/mailgun",
            "key": "sandbox-mailgun-key",
            "sender": "Northgate Air <desk@mg.example.org>",
            "hook": {"secrets": ["sandbox-mailgun-signing-key"]},
        },
    }


async def tell(url: str, daemon: Any, seconds: int) -> dict[str, Any]:
    """Lets the visits change, waits until everybody was told and has answered, or the time is over; the verdict."""
    count = await _ask(url, "customers.lay")
    while not await _read(daemon, count):  # noqa: ASYNC110 - it is asked of the database
        await asyncio.sleep(0.1)
    await _ask(url, "customers.begin")
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while (await _ask(url, "customers.judge"))["wrong"] or await daemon.pending():  # noqa: ASYNC110 - the same
                await asyncio.sleep(0.5)
    verdict: dict[str, Any] = await _ask(url, "customers.judge")
    return verdict


async def _read(daemon: Any, count: int) -> bool:
    state = await daemon.store.read(lambda reader: reader.source("fieldservice"))
    live = await daemon.store.read(lambda reader: reader.live_record_ids("fieldservice"))
    return state is not None and not state.baseline and len(live) >= count


async def report(daemon: Any, told: Mapping[str, Any]) -> dict[str, Any]:
    whole, entries = await daemon.verify_audit()
    return {
        "customers": dict(told),
        "alerts": await daemon.count_alerts(),
        "audit": {"entries": entries, "verified": whole},
        "lost": told["lost"],
        "duplicates": told["duplicates"],
        "unconsented": told["unconsented"],
    }


def for_people(found: Mapping[str, Any]) -> str:
    told, audit = found["customers"], found["audit"]
    by = ", ".join(f"{count} by {system}" for system, count in told["told"].items())
    lines = [
        f"{told['customers']} customers: {by}; {told['stopped']} said STOP",
        f"{told['required']} notice that the law demands arrived; {told['receipts']} receipts were taken",
        f"acknowledged without buttons: {', '.join(told['acknowledged']) or 'nothing'}",
        f"audit: {audit['entries']} entries, {'chain verified' if audit['verified'] else 'NOT whole'}",
        f"lost {told['lost']}, unconsented {told['unconsented']}, duplicates {told['duplicates']}",
    ]
    return "\n".join([*lines, *(f"  wrong: {item}" for item in told["wrong"])])


async def _ask(url: str, verb: str) -> Any:
    async with aiohttp.ClientSession(url) as client, client.post("/_sandbox/do", json={"do": verb}) as answer:
        answer.raise_for_status()
        return (await answer.json())["result"]
