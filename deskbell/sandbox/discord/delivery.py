"""How an interaction reaches the app: over the gateway, or signed to its public address, where bad ones are tried too.

https://docs.discord.com/developers/interactions/receiving-and-responding#security-and-authorization
"""

import asyncio
import secrets
from typing import Any

import aiohttp
import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from deskbell.sandbox import credentials
from deskbell.sandbox.discord.api import DiscordError
from deskbell.sandbox.discord.hub import NAME, Hub
from deskbell.sandbox.discord.interactions import FIRST_SECONDS, PING, Interactions, Live
from deskbell.sandbox.discord.sockets import Sockets
from deskbell.sandbox.web import Json, dumps

KEY = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(credentials.DISCORD_SEED))
PUBLIC_KEY = KEY.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()
ACCEPTED = 202


def sign(body: bytes, timestamp: str, key: Ed25519PrivateKey = KEY) -> str:
    return key.sign(timestamp.encode() + body).hex()


class Delivery:
    def __init__(self, hub: Hub, interactions: Interactions, sockets: Sockets) -> None:
        self.hub, self.interactions, self.sockets = hub, interactions, sockets
        self.public_key = PUBLIC_KEY
        self._session: aiohttp.ClientSession | None = None

    async def send(self, live: Live) -> None:
        """Raises ConnectionError when nobody is there to hear it."""
        if self.hub.endpoint:
            await self._post_to_endpoint(live)
        elif not await self.sockets.dispatch("INTERACTION_CREATE", live.payload):
            await asyncio.sleep(0)
            raise ConnectionError("The application did not respond")

    async def _post_to_endpoint(self, live: Live) -> None:
        status, body = await self.post(dumps(live.payload))
        if status == ACCEPTED:
            return  # the answer comes as a call of its own
        if status != 200 or not isinstance(body, dict):
            raise ConnectionError(f"The endpoint answered {status}")
        try:
            self.interactions.respond(live.id, live.token, body)
        except DiscordError as error:
            self.hub.ledger.note(NAME, "rejected", route="endpoint", error=error.code, text=str(error)[:300])
            raise ConnectionError(str(error)) from error

    async def post(self, raw: bytes, **headers: str) -> tuple[int, Any]:
        """One request to the endpoint, signed as Discord signs unless `headers` say otherwise."""
        timestamp = str(int(self.hub.clock.time()))
        signed = {"X-Signature-Ed25519": sign(raw, timestamp), "X-Signature-Timestamp": timestamp}
        sent = {"Content-Type": "application/json", "User-Agent": "Discord-Interactions/1.0", **signed, **headers}
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=FIRST_SECONDS))
        try:
            async with self._session.post(self.hub.endpoint, data=raw, headers=sent) as answer:
                body = await answer.read()
                return answer.status, orjson.loads(body) if body and answer.status == 200 else None
        except (aiohttp.ClientError, orjson.JSONDecodeError) as error:
            raise ConnectionError(f"The endpoint can't be reached: {type(error).__name__}") from error

    async def register(self, url: str) -> str:
        """Takes an endpoint on as Discord does: it must answer a PING and refuse a forgery. Why not, if so."""
        before, self.hub.endpoint = self.hub.endpoint, url
        ping: Json = {"id": self.hub.world.snowflake(), "application_id": credentials.DISCORD_APP, "type": PING}
        raw = dumps(ping | {"token": secrets.token_urlsafe(16), "version": 1})
        try:
            forged, _ = await self.post(raw, **{"X-Signature-Ed25519": secrets.token_hex(64)})
            status, body = await self.post(raw)
        except ConnectionError as error:
            self.hub.endpoint = before
            return str(error)
        if forged == 401 and status == 200 and body == {"type": PING}:
            return ""
        self.hub.endpoint = before
        return f"the endpoint answered a forgery with {forged} and a PING with {status} {body}"

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
