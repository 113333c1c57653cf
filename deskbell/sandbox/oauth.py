"""OAuth 2 as vendors have it: client credentials, a refresh token that may change with each use, a signed claim."""

import base64
from collections.abc import Collection
from typing import Any

import jwt
import orjson
from aiohttp import web

from deskbell.sandbox import credentials
from deskbell.sandbox.clock import Clock
from deskbell.sandbox.web import reply

CLAIM = "urn:ietf:params:oauth:grant-type:jwt-bearer"


class Tokens:
    """Gives tokens, and knows which are good. `rotates`: a refresh token is good once, and brings the next one."""

    def __init__(self, clock: Clock, *, grants: Collection[str], life: int = 3600, rotates: bool = False) -> None:
        self.clock, self.grants, self.life, self.rotates = clock, grants, life, rotates
        self.given = 0
        self.refresh = credentials.OAUTH_REFRESH
        self.asked: list[dict[str, str]] = []
        self.scope = ""  # that must be asked for
        self._good: dict[str, float] = {}

    def revoke(self) -> None:
        self._good.clear()

    def knows(self, request: web.Request) -> bool:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        return scheme == "Bearer" and self._good.get(token, 0.0) > self.clock.time()

    async def give(self, request: web.Request) -> web.Response:
        form = {name: str(value) for name, value in (await request.post()).items()}
        self.asked.append(form)
        if wrong := self._wrong(form):
            return reply({"error": wrong, "error_description": f"{wrong} (sandbox)"}, 400)
        self.given += 1
        token = f"sandbox-token-{self.given}"
        self._good[token] = self.clock.time() + self.life
        answer = {"access_token": token, "token_type": "Bearer", "expires_in": self.life}
        if self.rotates:
            self.refresh = f"sandbox-refresh-{self.given}"
            answer["refresh_token"] = self.refresh
        return reply(answer)

    def _wrong(self, form: dict[str, str]) -> str:
        grant = form.get("grant_type", "")
        if grant not in self.grants:
            return "unsupported_grant_type"
        if grant == CLAIM:
            return self._wrong_claim(form.get("assertion", ""))
        if (form.get("client_id"), form.get("client_secret")) != (credentials.OAUTH_CLIENT, credentials.OAUTH_SECRET):
            return "invalid_client"
        if grant == "refresh_token" and form.get("refresh_token") != self.refresh:
            return "invalid_grant"
        return "invalid_scope" if form.get("scope", "") != self.scope else ""

    def _wrong_claim(self, assertion: str) -> str:
        try:
            said = jwt.decode(assertion, options={"verify_signature": False})
        except jwt.PyJWTError:
            return "invalid_grant"
        now = self.clock.time()
        early, late = said.get("iat", 0) > now + 60, said.get("exp", 0) < now
        return "invalid_grant" if early or late or said.get("scope", "") != self.scope else ""


def opaque(value: object) -> str:
    """A token that nobody should read."""
    return base64.urlsafe_b64encode(orjson.dumps(value)).decode().rstrip("=")


def read(token: str) -> Any:
    """What `opaque` was made of. ValueError when it was not."""
    return orjson.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
