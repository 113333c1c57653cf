"""A town in which stories happen: the stand-ins, and the real daemon on the real config.toml beside them."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deskbell.config import load
from deskbell.core.alert import Alert
from deskbell.core.alert import Status as AlertStatus
from deskbell.daemon import Daemon
from deskbell.sandbox import credentials
from deskbell.sandbox.chat import Card, Chat
from deskbell.sandbox.server import Sandbox

CONFIG = Path(__file__).parents[1] / "config.toml"
MINUTE = 60.0
ROOMS = {
    "slack": {"dispatch": "C0DISPATCH", "support": "C0SUPPORT", "accounts": "C0ACCOUNTS"},
    "teams": credentials.TEAMS_ROOMS,
    "telegram": credentials.TELEGRAM_ROOMS,
    "discord": credentials.DISCORD_ROOMS,
}


def environ(url: str, folder: Path) -> dict[str, str]:
    return {
        "DESKBELL_SANDBOX": url,
        "DESKBELL_DATA": str(folder),
        "DESKBELL_SECRET": "a-secret-for-the-tests-only",
        "DESKBELL_API_TOKEN": "made-up-token-of-the-tests",
        "SLACK_BOT_TOKEN": "xoxb-sandbox",
        "SLACK_APP_TOKEN": "xapp-sandbox",
        "SLACK_SIGNING_SECRET": "sandbox-signing-secret",
        "TEAMS_APP_PASSWORD": credentials.TEAMS_SECRET,
        "TELEGRAM_TOKEN": credentials.TELEGRAM_TOKEN,
        "DISCORD_TOKEN": credentials.DISCORD_TOKEN,
        "FRESHDESK_API_KEY": "sandbox-freshdesk-key",
        "SERVICENOW_PASSWORD": "sandbox-servicenow",
        "FIELDSERVICE_TOKEN": "sandbox-fieldservice",
        "BILLING_TOKEN": "sandbox-billing",
    }


def configured(url: str, folder: Path, **changes: str) -> Path:
    """The repository's own config.toml, on a free port, with some words replaced; a job is one job's alert here,
    however many there are.
    """
    text = CONFIG.read_text().replace("port = 8780", "port = 0").replace('interval = "2s"', 'interval = "1s"')
    text = re.sub(r"^\[rules\.(cascade_risk|double_booked)\].*$", r"\g<0>\nenabled = false", text, flags=re.MULTILINE)
    text = text.replace("storm = 10 ", "storm = 10000 ").replace('group_wait = "20s"', 'group_wait = "0s"')
    text = text.replace("digest = true ", "digest = false ")
    text = text.replace('detection_goal = "10m"', 'detection_goal = "1d"')
    for old, new in changes.items():
        assert old in text, f"config.toml no longer says {old!r}"
        text = text.replace(old, new)
    path = folder / "config.toml"
    path.write_text(text)
    return path


@dataclass
class Town:
    """The stand-ins and the daemon, and what tests ask of them."""

    sandbox: Sandbox
    daemon: Daemon

    @property
    def slack(self) -> Any:
        return self.sandbox.slack

    @property
    def chats(self) -> Mapping[str, Chat]:
        return self.sandbox.chats

    def rooms(self, chat: str) -> Mapping[str, str]:
        """The chat's own ids of the rooms that config.toml names."""
        return ROOMS[chat]

    async def until(self, what: Callable[[], Any], seconds: float = 15.0) -> Any:
        """Waits for something to become true, and returns it."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if value := what():
                return value
            await asyncio.sleep(0.02)
        raise AssertionError(f"not within {seconds} s")

    async def until_async(self, what: Callable[[], Awaitable[Any]], wanted: Any, seconds: float = 15.0) -> None:
        end = time.monotonic() + seconds
        while await what() != wanted:
            assert time.monotonic() < end, f"not {wanted!r} within {seconds} s"
            await asyncio.sleep(0.05)

    async def card(self, subject: str, channel: str = "C0DISPATCH") -> Any:
        """The live card about a job or ticket, once it is there."""
        return await self.until(lambda: self.find_card(subject, channel))

    def find_card(self, subject: str, channel: str = "C0DISPATCH") -> Any:
        cards = [m for m in self.slack.messages(channel) if not m.thread_ts and subject in m.as_text()]
        return cards[0] if cards else None

    async def shows(self, subject: str, words: str, channel: str = "C0DISPATCH") -> str:
        """The card's text once it contains the words."""

        def text() -> str:
            card = self.find_card(subject, channel)
            shown = card.as_text() if card else ""
            return shown if words in shown else ""

        return str(await self.until(text))

    async def card_in(self, chat: str, subject: str, room: str = "", seconds: float = 15.0) -> Card:
        """The live card about a job or ticket in one chat, once it is there."""
        return await self.until(lambda: self.find_card_in(chat, subject, room), seconds)

    def find_card_in(self, chat: str, subject: str, room: str = "") -> Card | None:
        return next((card for card in self.chats[chat].cards(room) if subject in card.text), None)

    async def shows_in(self, chat: str, subject: str, words: str, room: str = "", seconds: float = 15.0) -> str:
        """The card's text in one chat, once it contains the words."""

        def text() -> str:
            card = self.find_card_in(chat, subject, room)
            return card.text if card and words in card.text else ""

        return str(await self.until(text, seconds))

    async def alert(self, subject: str) -> Alert:
        every = tuple(AlertStatus)
        rows = await self.daemon.store.read(lambda reader: reader.alerts(statuses=every, limit=500))
        return next(a for a in rows if a.subject == subject)

    async def audit(self) -> list[Any]:
        return await self.daemon.store.read(lambda reader: reader.audit_rows(0, 5000))

    async def settled(self) -> None:
        """Until each source was read once more and the outbox is empty."""
        before = {name: await self.daemon.desk.freshness(name) for name in self.daemon.sources}
        for name, at in before.items():
            await self.until_async(lambda name=name, at=at: self._read_since(name, at), True)
        await self.until_async(self.daemon.pending, 0)

    async def _read_since(self, name: str, at: Any) -> bool:
        now = await self.daemon.desk.freshness(name)
        return now is not None and (at is None or now > at)

    def thread(self, subject: str, channel: str = "C0DISPATCH") -> list[str]:
        card = self.find_card(subject, channel)
        return [m.as_text() for m in self.slack.messages(channel, thread=card.ts)]

    def late_job(self, number: int = 4711, *, by_minutes: float = 16, technician: int = 1) -> dict[str, Any]:
        """A job whose technician should have been there that long ago."""
        start = time.time() - by_minutes * MINUTE
        return self.sandbox.fieldservice.add(
            start=start, end=start + 90 * MINUTE, technician=technician, id=number, summary="No pressure"
        )

    def overdue_ticket(self, subject: str = "Compressor trips on start") -> Any:
        """A ticket of Ben's whose resolution was due some minutes ago: P2, and nothing that people say ends it."""
        now = time.time()
        times = {"created": now - 120 * MINUTE, "updated": now, "due": now - 5 * MINUTE, "fr_due": now + 3600}
        return self.sandbox.freshdesk.tickets.add(subject, priority=2, responder_id=1002, **times)

    def urgent_ticket(self, subject: str = "Compressor trips on start") -> Any:
        """An unassigned ticket of the highest priority, older than it should be: P2, over once somebody has it."""
        return self.sandbox.freshdesk.tickets.add(subject, created=time.time() - 10 * MINUTE, priority=4)


@asynccontextmanager
async def running(sandbox: Sandbox, folder: Path, **changes: str) -> AsyncIterator[Town]:
    settings = load(configured(sandbox.url, folder, **changes), environ(sandbox.url, folder))
    daemon = await Daemon.start(settings)
    try:
        sandbox.introduce(f"http://127.0.0.1:{daemon.server.port}")
        town = Town(sandbox, daemon)
        await town.until(lambda: not any(gateway.trouble for gateway in daemon.gateways.values()))
        yield town
    finally:
        await daemon.stop()
