"""The installation under torture: the operator's own configuration, every vendor behind a proxy, and in a hurry."""

import json
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

from deskbell.core.rules import RULES

CHATS = ("slack", "teams", "telegram", "discord")
SOURCES = ("freshdesk", "servicenow", "fieldservice")
VENDORS = (*CHATS, *SOURCES)
API_TOKEN = "made-up-token-of-the-torture"  # noqa: S105 - opens nothing but a trial on this machine
SECRET = "a-secret-of-the-torture-and-no-other-use"  # noqa: S105 - the same
RINGING = ("technician_late", "case_unassigned")  # what the stand-ins bring about; an alert is one record's alone here
_SANDBOX = re.compile(r"^\$\{DESKBELL_SANDBOX[^}]*\}")
_SECRETS = {
    "DESKBELL_SECRET": SECRET,
    "DESKBELL_API_TOKEN": API_TOKEN,
    "SLACK_BOT_TOKEN": "xoxb-sandbox",
    "SLACK_APP_TOKEN": "xapp-sandbox",
    "SLACK_SIGNING_SECRET": "sandbox-signing-secret",
    "TEAMS_APP_PASSWORD": "sandbox-teams-secret",
    "TELEGRAM_TOKEN": "7000000:sandbox-telegram-token",
    "DISCORD_TOKEN": "sandbox.discord.token",
    "FRESHDESK_API_KEY": "sandbox-freshdesk-key",
    "SERVICENOW_PASSWORD": "sandbox-servicenow",
    "FIELDSERVICE_TOKEN": "sandbox-fieldservice",
    "BILLING_TOKEN": "sandbox-billing",
}
# As many messages as this machine can carry: the vendors' limits are tried elsewhere.
_MANY = 100_000
_NO_LIMITS: Mapping[str, Mapping[str, Any]] = {
    "slack": {"posts_per_second": _MANY, "edits_per_minute": _MANY},
    "teams": {
        "per_second_in_conversation": _MANY,
        "per_half_minute_in_conversation": _MANY,
        "per_hour_in_conversation": _MANY,
        "per_second": _MANY,
    },
    "telegram": {"per_second_in_chat": _MANY, "per_minute_in_chat": _MANY, "per_second": _MANY},
    "discord": {"posts_per_second": _MANY, "per_second": _MANY},
}


@dataclass(frozen=True, slots=True)
class House:
    """Where everything is: `proxies` by vendor, the sandbox itself for what has none."""

    template: Path
    folder: Path
    database: str
    sandbox: str
    proxies: Mapping[str, str]
    authority: Path
    interval_s: float = 1.0
    patience_s: float = 4.0  # for a vendor's answer, so that a lost one does not hold a room for long
    stale_after: int = 3  # missed polls until people are told

    def config(self, name: str, port: int, database: str = "") -> Path:
        """The file of one instance. Instances share a database; each has a port and an audit head of its own."""
        raw = tomllib.loads(self.template.read_text(encoding="utf-8"))
        raw = {section: self._addressed(value, section) for section, value in raw.items()}
        raw["deskbell"] |= {
            "database": database or self.database,
            "head_file": str(self.folder / f"{name}.head"),
            "log_level": "info",
            "tick": "1s",
            "stale_after": self.stale_after,
        }
        raw["server"] |= {"host": "127.0.0.1", "port": port, "public_url": ""}
        for chat in CHATS:
            raw[chat] |= {**_NO_LIMITS[chat], "timeout_s": self.patience_s}
        for source in SOURCES:
            raw["sources"][source] |= {"interval": f"{self.interval_s:g}s", "overlap": "30s"}
        rules = {rule: {"enabled": rule in RINGING} for rule in RULES}
        raw["rules"] = {rule: {**raw["rules"].get(rule, {}), **table} for rule, table in rules.items()}
        raw["own_rules"] = {**raw.get("own_rules", {}), "storm": _MANY, "flaps": _MANY, "group_wait": "0s"}
        path = self.folder / f"{name}.toml"
        path.write_text(as_toml(raw), encoding="utf-8")
        return path

    def environ(self) -> dict[str, str]:
        """Of a daemon: the secrets, and whose certificates it trusts."""
        return {**os.environ, **_SECRETS, "SSL_CERT_FILE": str(self.authority), "DESKBELL_SANDBOX": self.sandbox}

    def _addressed(self, value: Any, vendor: str) -> Any:
        """Every address that led to the stand-ins leads to the proxy of its vendor."""
        if isinstance(value, dict):
            inner = {key: key if key in self.proxies else vendor for key in value}
            return {key: self._addressed(item, inner[key]) for key, item in value.items()}
        if isinstance(value, list):
            return [self._addressed(item, vendor) for item in value]
        if isinstance(value, str):
            return _SANDBOX.sub(self.proxies.get(vendor, self.sandbox), value)
        return value


def as_toml(data: Mapping[str, Any]) -> str:
    """The tables as TOML that nobody needs to like."""
    return "".join(f"{json.dumps(key)} = {_inline(value)}\n" for key, value in data.items())


def _inline(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{json.dumps(key)} = {_inline(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_inline, value)) + "]"
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    return json.dumps(value, ensure_ascii=False)  # TOML's strings, numbers and truth values are JSON's
