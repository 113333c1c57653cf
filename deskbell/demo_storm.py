"""A storm on the demo's stand-ins: a thousand exceptions within a minute, into four chats with their real limits.

The verdict is the stand-ins' own: who could know what when, which message came after its storm, and whether a vendor
had to refuse anything.
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

EXCEPTIONS_A_MINUTE = 1000
LAST_S = 5.0  # after the last card may have gone
SETTLE_S = 100.0  # and edits may take so long
RULES_ON = ("technician_late", "unassigned_near_start", "running_over")  # what the storm is made of
POLICY = {"levels": [{"after": "0m", "targets": ["room"]}, {"after": "5m", "targets": ["room", "role:oncall"]}]}


def settings_file(template: Path, folder: Path, rooms: Mapping[str, Mapping[str, str]]) -> Path:
    """The operator's own configuration, with a room in every chat for each region, and nothing to read but the
    schedule. Limits, storms and waits stay as they are.
    """
    raw = tomllib.loads(template.read_text(encoding="utf-8"))
    schedule = raw["sources"]["fieldservice"]
    schedule["fields"] = {**schedule["fields"], "team": "region"}
    raw["sources"] = {"fieldservice": schedule}
    for section in raw["people"].values():
        section.pop("freshdesk", None), section.pop("servicenow", None)
    names = {(region, chat): f"{region}_{chat}" for region, chats in rooms.items() for chat in chats}
    raw["destinations"] |= {
        name: {"platform": chat, "address": rooms[region][chat]} for (region, chat), name in names.items()
    }
    raw["routes"] = [
        {"name": region, "teams": [region], "destinations": [names[region, chat] for chat in chats]}
        for region, chats in rooms.items()
    ] + raw["routes"]
    raw["rules"] = {rule: {**raw["rules"].get(rule, {}), "enabled": rule in RULES_ON} for rule in RULES}
    raw["policies"] = {**raw["policies"], "dispatch": POLICY}
    path = folder / "storm.toml"
    path.write_text(as_toml(raw), encoding="utf-8")
    return path


async def rooms(url: str) -> Mapping[str, Mapping[str, str]]:
    found: Mapping[str, Mapping[str, str]] = await _ask(url, "storm.rooms")
    return found


async def blow(url: str, daemon: Any, seconds: int, exceptions: int = 0, settle_s: float = SETTLE_S) -> dict[str, Any]:
    """Lets so many `exceptions` happen (a thousand a minute, unless that is said), waits until whatever may be posted
    is, and gives the stand-ins' verdict.
    """
    while await daemon.desk.freshness("fieldservice") is None:  # noqa: ASYNC110 - it is asked of the database
        await asyncio.sleep(0.1)
    own, facts = daemon.desk.house.own, daemon.desk.house.sources["fieldservice"]
    wait = own.group_wait.total_seconds()
    about = {"interval": facts.interval.total_seconds(), "wait": wait, "seconds": seconds}
    await _ask(url, "storm.begin", exceptions=exceptions or EXCEPTIONS_A_MINUTE * seconds // 60, **about)
    await asyncio.sleep(seconds + wait + facts.interval.total_seconds() + LAST_S)
    # Only the counts on the cards are behind now, for edits leave most of what a vendor allows to what people do.
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(settle_s):
            while await daemon.pending():  # noqa: ASYNC110 - it is asked of the database
                await asyncio.sleep(0.5)
    verdict: dict[str, Any] = await _ask(url, "storm.judge")
    return verdict


async def _ask(url: str, verb: str, **asked: Any) -> Any:
    async with aiohttp.ClientSession(url) as client, client.post("/_sandbox/do", json={"do": verb, **asked}) as answer:
        answer.raise_for_status()
        return (await answer.json())["result"]
