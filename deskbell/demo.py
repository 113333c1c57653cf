"""The demo: the stand-ins as a process of their own, the real daemon beside them, and a page to look at.

Headless, scripted people tap and type instead of you, and the stand-ins' own ledger says what was lost or doubled.
"""

import asyncio
import contextlib
import os
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import typer

from deskbell.stand_ins import stand_ins

SETTLE_S = 70.0  # what is still under way when the day ends may arrive within this time: Telegram counts by the minute
BEAT_S = 0.005
SCENARIOS = ("day", "storm", "customers")
DESK_TOKEN = "made-up-token-of-the-demo"  # noqa: S105 - opens nothing but a demo on this machine


@dataclass(frozen=True, slots=True)
class Show:
    config: Path
    port: int
    headless: bool
    seconds: int
    as_json: bool
    sabotage: bool
    scenario: str = "day"  # or another of SCENARIOS


def show(what: Show) -> int:
    """Runs the demo; the exit status is 0 only when nothing was lost or doubled."""
    with contextlib.suppress(KeyboardInterrupt):
        return asyncio.run(_show(what))
    return 0


async def _show(what: Show) -> int:
    with tempfile.TemporaryDirectory(prefix="deskbell-demo-") as folder:
        async with stand_ins(*_wanted(what)) as url:
            os.environ |= environment(url, Path(folder))
            from deskbell.config import load
            from deskbell.daemon import Daemon, tune
            from deskbell.net import logs

            settings = load(await _configured(what, url, Path(folder)))
            logs.set_up(settings.general.log_level)
            daemon = await Daemon.start(settings)
            tune()
            try:
                await _introduce(url, daemon.server.port)
                if not what.headless:
                    return await _watch(what, daemon, url)
                report, ledger = await _headless(what, daemon, url)
            finally:
                begun = time.monotonic()
                await daemon.stop()
            report["stop_s"] = round(time.monotonic() - begun, 2)
    typer.echo(orjson.dumps(report).decode() if what.as_json else _for_people(report, ledger))
    return 0 if _good(report) else 1


def _wanted(what: Show) -> list[str]:
    day = what.scenario == "day"
    people, sabotage = ["--people"] * (what.headless and day), ["--sabotage"] * what.sabotage
    return ["--port", str(what.port), "--scenario", what.scenario, *people, *sabotage]


async def _configured(what: Show, url: str, folder: Path) -> Path:
    """The operator's own file; for a storm, with the rooms of four regions beside it."""
    if what.scenario == "day":
        return what.config
    if what.scenario == "customers":
        from deskbell import demo_customers

        return demo_customers.settings_file(what.config, folder, url)
    from deskbell import demo_storm

    return demo_storm.settings_file(what.config, folder, await demo_storm.rooms(url))


async def _introduce(url: str, port: int) -> None:
    """Tells the stand-ins where Deskbell's own server listens: Teams speaks to it, and the page shows its audit."""
    where = {"do": "desk", "url": f"http://127.0.0.1:{port}", "token": DESK_TOKEN}
    async with aiohttp.ClientSession(url) as client, client.post("/_sandbox/do", json=where) as answer:
        answer.raise_for_status()


def environment(url: str, folder: Path) -> dict[str, str]:
    """What config.toml takes from the environment: where the stand-ins are, and their made-up credentials."""
    return {
        "DESKBELL_SANDBOX": url,
        "DESKBELL_DATA": str(folder),
        "DESKBELL_SECRET": "a-secret-of-the-demo-and-no-other-use",
        "DESKBELL_API_TOKEN": DESK_TOKEN,
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


async def _watch(what: Show, daemon: Any, url: str) -> int:
    storm = asyncio.create_task(_storm(what, daemon, url)) if what.scenario == "storm" else None
    typer.echo(f"\n  Deskbell's demo day is running. Open {url}/ in your browser.\n  Ctrl-C ends it.\n")
    with contextlib.suppress(Exception):
        if os.environ.get("DISPLAY") or sys.platform == "darwin":
            import webbrowser

            webbrowser.open(url)
    await (storm or asyncio.sleep(0))
    await asyncio.Event().wait()
    return 0


async def _storm(what: Show, daemon: Any, url: str) -> dict[str, Any]:
    from deskbell import demo_storm

    return await demo_storm.blow(url, daemon, what.seconds)


async def _told(what: Show, daemon: Any, url: str) -> dict[str, Any]:
    from deskbell import demo_customers

    return await demo_customers.report(daemon, await demo_customers.tell(url, daemon, what.seconds))


async def _headless(what: Show, daemon: Any, url: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The report, and the whole ledger that it was made of."""
    if what.scenario == "customers":
        return await _told(what, daemon, url), {}
    stalls = Stalls()
    heart = asyncio.create_task(stalls.beat())
    storm = await _storm(what, daemon, url) if what.scenario == "storm" else None
    if storm is None:
        await _pass_time(what)
    async with aiohttp.ClientSession(url) as client:
        await client.post("/_sandbox/do", json={"do": "end_of_day"})
        ledger = await _settled(client, daemon)
    heart.cancel()
    report = await (_report(daemon, ledger) if storm is None else _of_storm(daemon, ledger, storm))
    return report | {"loop_stall_max_ms": round(stalls.longest_s * 1000, 1)}, ledger


class Stalls:
    """A heart that beats in the daemon's own loop: how much too late it ever was is what a call there blocked."""

    def __init__(self) -> None:
        self.longest_s = 0.0

    async def beat(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + BEAT_S
            await asyncio.sleep(BEAT_S)
            self.longest_s = max(self.longest_s, loop.time() - due)


def _good(report: Mapping[str, Any]) -> bool:
    whole = not report["lost"] and not report["duplicates"] and report["audit"]["verified"]
    judged = report.get("storm") or report.get("customers")
    return whole and (not judged["wrong"] if judged else _all_counted(report))


async def _pass_time(what: Show) -> None:
    if what.as_json:
        await asyncio.sleep(what.seconds)
        return
    from rich.progress import track

    for _ in track(range(what.seconds), description="The day goes by", transient=True):
        await asyncio.sleep(1)


async def _settled(client: aiohttp.ClientSession, daemon: Any) -> dict[str, Any]:
    """The ledger once nothing is under way any more, or when the time for that is over."""
    loop = asyncio.get_running_loop()
    end = loop.time() + SETTLE_S
    while loop.time() < end and (await daemon.pending()):  # noqa: ASYNC110 - it is asked of the database
        await asyncio.sleep(0.5)
    async with client.get("/_sandbox/ledger") as answer:
        ledger: dict[str, Any] = await answer.json()
        return ledger


async def _report(daemon: Any, ledger: Mapping[str, Any]) -> dict[str, Any]:
    whole, entries = await daemon.verify_audit()
    told = ("posted", "edited", "taps", "commands")
    return {
        "alerts": await daemon.count_alerts(),
        "chats": {name: {key: ledger["chats"][name][key] for key in told} for name in daemon.gateways},
        "sources": {name: {key: row[key] for key in ("reads", "writes")} for name, row in ledger["sources"].items()},
        "writebacks": ledger["writebacks"],
        "audit": {"entries": entries, "verified": whole},
        "lost": ledger["lost"],
        "duplicates": ledger["duplicates"],
        "tap_to_edit_ms": {key: ledger["tap_to_edit_ms"][key] for key in ("p50", "p99")},
        "converge_ms": {key: ledger["converge_ms"][key] for key in ("p50", "p95", "n")},
    }


async def _of_storm(daemon: Any, ledger: Mapping[str, Any], storm: Mapping[str, Any]) -> dict[str, Any]:
    whole, entries = await daemon.verify_audit()
    posted = {name: {key: ledger["chats"][name][key] for key in ("posted", "edited")} for name in daemon.gateways}
    told = {"alerts": await daemon.count_alerts(), "chats": posted, "audit": {"entries": entries, "verified": whole}}
    return {"storm": dict(storm), **told, "lost": storm["lost"], "duplicates": ledger["duplicates"]}


def _all_counted(report: Mapping[str, Any]) -> bool:
    """A day in which nothing happened proves nothing."""
    counts = [report["alerts"], report["writebacks"], report["audit"]["entries"]]
    counts += [count for kind in ("chats", "sources") for row in report[kind].values() for count in row.values()]
    return all(counts)


def _for_people(report: Mapping[str, Any], ledger: Mapping[str, Any]) -> str:
    if "storm" in report:
        return _of_storm_for_people(report)
    if "customers" in report:
        from deskbell import demo_customers

        return demo_customers.for_people(report)
    audit, spread = report["audit"], report["converge_ms"]
    lines = [
        f"{report['alerts']} alerts, {report['writebacks']} write-backs",
        *(f"{name}: " + ", ".join(f"{n} {what}" for what, n in row.items()) for name, row in report["chats"].items()),
        f"a tap is seen in all chats after {spread['p50']} ms (half of them), {spread['p95']} ms (19 of 20)",
        f"longest stall {report['loop_stall_max_ms']} ms, stopped in {report['stop_s']} s",
        f"audit: {audit['entries']} entries, {'chain verified' if audit['verified'] else 'NOT whole'}",
        f"lost {report['lost']}, duplicates {report['duplicates']}",
    ]
    lines += [f"  lost: {item}" for item in ledger.get("lost_items", [])]
    lines += [f"  doubled: {item}" for item in ledger.get("duplicate_items", [])]
    return "\n".join(lines)


def _of_storm_for_people(report: Mapping[str, Any]) -> str:
    storm = report["storm"]
    lines = [
        f"{storm['exceptions']} exceptions, {report['alerts']} alerts, {storm['lost']} lost",
        f"{storm['p1']} cards of P1, 99 of 100 within {storm['p1_p99_ms']} ms",
        f"people knew within {storm['known_p99_ms']} ms (99 of 100); the limits force {storm['limit_bound_ms']} ms",
        f"at most {storm['messages_a_minute']} messages a minute in a room, {storm['throttled']} answers were 429",
        *(f"  wrong: {what}" for what in storm["wrong"]),
    ]
    return "\n".join(lines)
