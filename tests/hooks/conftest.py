"""A daemon that polls so seldom that only a hook can bring anything, and callers who sign by their own arithmetic."""

import base64
import hmac
import json
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from deskbell.sandbox.server import Sandbox
from tests.crash.lives import QUICK
from tests.town import Town, running

PUBLIC = "https://desk.example.org/bell"
SECRET, NEXT = "hook-of-the-tests:in-use", "hook-of-the-tests:the-next-one"
Headers = dict[str, str]


@dataclass
class Letter:
    """One call before it is sent; a test changes what it likes."""

    path: str
    headers: Headers = field(default_factory=dict)
    body: bytes = b""
    method: str = "POST"


def a_mac(key: str, message: bytes, kind: str = "sha256") -> bytes:
    return hmac.new(key.encode(), message, kind).digest()


def base64_of(digest: bytes) -> str:
    return base64.b64encode(digest).decode()


def iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def by_header(key: str, body: bytes, _at: float, _algorithm: str = "") -> Headers:
    return {"X-Deskbell-Secret": key}


def by_login(key: str, body: bytes, _at: float, _algorithm: str = "") -> Headers:
    return {"Authorization": "Basic " + base64_of(key.encode())}


def by_script(key: str, body: bytes, at: float, algorithm: str = "sha256") -> Headers:
    stamp = str(int(at))
    made = a_mac(key, stamp.encode() + b"." + body, algorithm).hex()
    return {"X-Deskbell-Timestamp": stamp, "X-Deskbell-Signature": made}


def by_zendesk(key: str, body: bytes, at: float, algorithm: str = "sha256") -> Headers:
    made = a_mac(key, iso(at).encode() + body, algorithm)
    return {"X-Zendesk-Webhook-Signature": base64_of(made), "X-Zendesk-Webhook-Signature-Timestamp": iso(at)}


def by_old_zendesk(key: str, body: bytes, at: float, algorithm: str = "sha256") -> Headers:
    made = a_mac(key, body + iso(at).encode(), algorithm)
    return {"X-Zendesk-Webhook-Signature": base64_of(made), "X-Zendesk-Webhook-Signature-Timestamp": iso(at)}


def by_hubspot(key: str, body: bytes, at: float, algorithm: str = "sha256") -> Headers:
    stamp = str(int(at * 1000))
    made = a_mac(key, f"POST{PUBLIC}/hooks/fieldservice".encode() + body + stamp.encode(), algorithm)
    return {"X-HubSpot-Signature-v3": base64_of(made), "X-HubSpot-Request-Timestamp": stamp}


def by_intercom(key: str, body: bytes, _at: float, algorithm: str = "sha1") -> Headers:
    return {"X-Hub-Signature": f"sha1={a_mac(key, body, algorithm).hex()}"}


def by_jobber(key: str, body: bytes, _at: float, algorithm: str = "sha256") -> Headers:
    return {"X-Jobber-Hmac-SHA256": base64_of(a_mac(key, body, algorithm))}


def by_path(key: str, body: bytes, _at: float, _algorithm: str = "") -> Headers:
    return {}


PROOFS: dict[str, Callable[..., Headers]] = {
    "header": by_header,
    "path": by_path,
    "basic": by_login,
    "signed": by_script,
    "zendesk": by_zendesk,
    "zendesk_old": by_old_zendesk,
    "hubspot": by_hubspot,
    "intercom": by_intercom,
    "jobber": by_jobber,
}
JSON = {"Content-Type": "application/json"}


@dataclass
class Caller:
    """Somebody who calls the hook of the field service."""

    town: Town
    session: aiohttp.ClientSession
    way: str

    def letter(
        self,
        body: Any,
        *,
        key: str = SECRET,
        signed: bytes | None = None,
        off: float = 0.0,
        algorithm: str = "",
        headers: Headers = JSON,
    ) -> Letter:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        more = (algorithm,) if algorithm else ()
        proof = PROOFS[self.way](key, raw if signed is None else signed, time.time() + off, *more)
        path = "/hooks/fieldservice" + (f"/{key}" if self.way == "path" else "")
        return Letter(path, {**headers, **proof}, raw)

    async def send(self, letter: Letter) -> int:
        url = f"http://127.0.0.1:{self.town.daemon.server.port}{letter.path}"
        async with self.session.request(letter.method, url, data=letter.body, headers=letter.headers) as answer:
            said = await answer.text()
            assert "Traceback" not in said
            assert SECRET not in said
            return answer.status

    async def says(self, body: Any, **how: Any) -> int:
        return await self.send(self.letter(body, **how))

    def reads(self, path: str = "") -> int:
        """How often the field service was asked for single jobs."""
        entries = self.town.sandbox.ledger.entries
        return sum(e.system == "fieldservice" and e.what.get("path", "").startswith(path or "/jobs/") for e in entries)

    async def waiting(self) -> int:
        return len(await self.town.daemon.store.read(lambda reader: reader.hints("fieldservice", 1000)))


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox(port=0, scenario="empty") as stand_ins:
        for chat in stand_ins.chats.values():
            chat.no_limits()
        yield stand_ins


@pytest.fixture
def way() -> str:
    return "signed"


def hooked(way: str) -> dict[str, str]:
    """Words of config.toml to replace: polls once an hour, and lets the field service call."""
    where = "[sources.fieldservice.write]"
    hook = f'[sources.fieldservice.hook]\nway = "{way}"\nsecrets = ["{SECRET}", "{NEXT}"]\n'
    return {
        **QUICK,
        'interval = "1s"': 'interval = "1h"',
        'public_url = ""': f'public_url = "{PUBLIC}"',
        where: hook + where,
    }


@pytest.fixture
async def town(sandbox: Sandbox, tmp_path: Path, way: str) -> AsyncIterator[Town]:
    async with running(sandbox, tmp_path, **hooked(way)) as made:
        for source in made.daemon.sources:
            await made.until_async(lambda source=source: never_read(made, source), False)
        yield made


async def never_read(town: Town, source: str) -> bool:
    return await town.daemon.desk.freshness(source) is None


@pytest.fixture
async def caller(town: Town, way: str) -> AsyncIterator[Caller]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as session:
        yield Caller(town, session, way)
