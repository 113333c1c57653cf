"""Calls to the Bot Framework connector: one shared session, our own token, no retries, every failure a `Trouble`.

https://learn.microsoft.com/azure/bot-service/rest-api/bot-framework-rest-connector-api-reference
"""

import asyncio
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import aiohttp
import orjson
from yarl import URL

from deskbell.core.outcome import Fault, Rejected, Retry, Unknown
from deskbell.net import redact
from deskbell.net.session import LOST, SharedSession, Trouble, unanswered
from deskbell.vendors.teams import TeamsConf, login_outcome, may_call, outcome

Json = dict[str, Any]

SPARE_S = 300.0  # a token is renewed so long before it runs out
SHORTEST_S = 30.0  # a token that lives shorter is not asked for again at every call
MOST_ANSWER = 1024 * 1024
PAGE = 50  # the fewest members that a page may have


class TeamsApi:
    """The connector as one bot. Takes a session that others share, or makes one of its own at the first call."""

    def __init__(self, conf: TeamsConf, session: aiohttp.ClientSession | None = None) -> None:
        self.conf = conf
        self._session = SharedSession(session)
        self._token = ""
        self._good_until = 0.0
        self._asking = asyncio.Lock()
        redact.learn(conf.app_password)

    @property
    def session(self) -> aiohttp.ClientSession:
        return self._session.get()

    async def close(self) -> None:
        await self._session.close()

    # ------------------------------------------------------------ the calls

    async def create(self, service: str, body: Json) -> Json:
        """A thread in a channel, or the chat with one person (which exists but once). Raises Trouble, as all do."""
        return await self._call("POST", service, "v3/conversations", body)

    async def send(self, service: str, conversation: str, activity: Json) -> Json:
        return await self._call("POST", service, f"v3/conversations/{_quoted(conversation)}/activities", activity)

    async def update(self, service: str, conversation: str, message: str, activity: Json) -> Json:
        path = f"v3/conversations/{_quoted(conversation)}/activities/{_quoted(message)}"
        return await self._call("PUT", service, path, activity)

    async def member(self, service: str, conversation: str, who: str) -> Json:
        return await self._call("GET", service, f"v3/conversations/{_quoted(conversation)}/members/{_quoted(who)}")

    async def members(self, service: str, conversation: str) -> Json:
        """The first page of them: whether we are let in at all."""
        path = f"v3/conversations/{_quoted(conversation)}/pagedmembers?pageSize={PAGE}"
        return await self._call("GET", service, path)

    async def _call(self, method: str, service: str, path: str, body: Json | None = None) -> Json:
        if not may_call(self.conf, service):
            raise Trouble(Rejected(Fault.CONFIG, "Teams: that service address is none of service_hosts"))
        url = f"{service.rstrip('/')}/{path}"
        token, fresh = await self._bearer()
        status, headers, data = await self._request(method, url, body, {"Authorization": f"Bearer {token}"})
        if status == 401 and not fresh:  # revoked before its time: refused as such, so that nothing was done
            self._forget(token)
            token, _ = await self._bearer()
            status, headers, data = await self._request(method, url, body, {"Authorization": f"Bearer {token}"})
        if 200 <= status < 300:
            return _receipt(method, data)
        if status == 401:
            self._forget(token)
        code = _code(data or {})
        raise Trouble(outcome(status, code, headers.get("Retry-After", "")), code)

    # ------------------------------------------------------------ the token

    async def token(self) -> str:
        """One that is good for some minutes yet. Raises Trouble when Microsoft gives none."""
        return (await self._bearer())[0]

    async def _bearer(self) -> tuple[str, bool]:
        """The token, and whether it was fetched just now; whoever comes meanwhile waits for the one request."""
        if self._token and time.monotonic() < self._good_until:
            return self._token, False
        async with self._asking:
            if self._token and time.monotonic() < self._good_until:
                return self._token, True
            self._token, lives_s = await self._login()
            redact.learn(self._token)
            self._good_until = time.monotonic() + max(SHORTEST_S, lives_s - SPARE_S)
            return self._token, True

    def _forget(self, token: str) -> None:
        if self._token == token:
            self._token = ""

    async def _login(self) -> tuple[str, float]:
        """https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow"""
        conf = self.conf
        url = f"{conf.login_url.rstrip('/')}/{quote(conf.tenant, safe='')}/oauth2/v2.0/token"
        form = {
            "grant_type": "client_credentials",
            "client_id": conf.app_id,
            "client_secret": conf.app_password,
            "scope": conf.scope,
        }
        try:
            status, headers, data = await self._request("POST", url, None, {}, form)
        except Trouble as trouble:  # the message itself has not left: it may be tried again
            raise Trouble(Retry(f"no token could be fetched: {trouble.why}")) from trouble
        said = data or {}
        token = said.get("access_token")
        if status == 200 and isinstance(token, str) and token:
            return token, _number(said.get("expires_in"))
        error = str(said.get("error") or "")
        raise Trouble(login_outcome(status, error, headers.get("Retry-After", "")), error)

    # ------------------------------------------------------------ HTTP

    async def _request(
        self,
        method: str,
        url: str,
        body: Json | None,
        headers: Mapping[str, str],
        form: Mapping[str, str] | None = None,
    ) -> tuple[int, Mapping[str, str], Json | None]:
        data: Any = form
        if body is not None:
            data, headers = orjson.dumps(body), {**headers, "Content-Type": "application/json"}
        try:
            async with (
                asyncio.timeout(self.conf.timeout_s),
                self.session.request(
                    method,
                    URL(url, encoded=True),
                    data=data,
                    headers=headers,
                    proxy=self.conf.proxy or None,
                    allow_redirects=False,
                ) as answer,
            ):
                return answer.status, answer.headers, _object(await answer.content.read(MOST_ANSWER))
        except (*LOST, ValueError) as error:
            raise Trouble(unanswered("Teams", error)) from error

    async def metadata(self) -> Json:
        """The document that names the connector's keys: whether those who call us can be checked."""
        status, _, data = await self._request("GET", self.conf.openid_url, None, {})
        if status != 200 or data is None or not isinstance(data.get("jwks_uri"), str):
            raise Trouble(Retry(f"the connector's keys can't be found ({status})"))
        return data


def _receipt(method: str, data: Json | None) -> Json:
    """What was sent has an id; without one somebody stands between us, and nobody can tell how far it came."""
    if data is None or (method == "POST" and not data.get("id")):
        raise Trouble(Unknown("Teams said yes, and gave no receipt"))
    return data


def _object(raw: bytes) -> Json | None:
    """An answer's JSON object, empty where PUT and DELETE answer with nothing; None for a proxy's page of text."""
    try:
        data = orjson.loads(raw) if raw else {}
    except orjson.JSONDecodeError:
        return None
    return data if isinstance(data, dict) else None


def _code(data: Json) -> str:
    """`{"error": {"code", "message"}}`; some refusals have their true reason in a sub code."""
    error = data.get("error")
    if not isinstance(error, dict):
        return ""
    inner = error.get("innerHttpError") or {}
    sub = data.get("subCode") or error.get("subCode") or (inner.get("subCode") if isinstance(inner, dict) else "")
    return str(sub or error.get("code") or "")[:80]


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return 0.0


def _quoted(part: str) -> str:
    return quote(part, safe="")
