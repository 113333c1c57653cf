"""Is it really Teams, and can it be read? All of it is settled here, over what came in, before any SDK sees a byte.

https://learn.microsoft.com/azure/bot-service/rest-api/bot-framework-rest-connector-authentication
"""

import asyncio
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import jwt
import orjson

from bot.web import BODY_LIMIT
from deskbell.net.egress import is_loopback
from deskbell.net.redact import redact
from deskbell.vendors.teams import CHANNEL_ID, TeamsConf, may_call

Json = dict[str, Any]

TOKEN_LIMIT = 16 * 1024
SKEW_S = 300  # the industry's five minutes, says the page
ALGORITHM = "RS256"
FETCH_S = 5.0
MOST_KEYS = 1024 * 1024
OLD_S = 24 * 3600.0  # how long the keys are good without being asked for again
AGAIN_S = 300.0  # how often an unknown key may make us ask
FAILED_S = 10.0  # how soon after a failure
_FORWARDED = frozenset({"forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via"})
_LONGEST_ID = 512

log = logging.getLogger("deskbell.teams")


class TurnedAway(Exception):
    """Not let in: the status to answer with, and why, for the metrics and for nobody outside."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status
        self.why = why


@dataclass(frozen=True, slots=True)
class Key:
    """One public key of the connector, and for which channels it speaks."""

    key: Any
    endorsements: frozenset[str]


class Keys:
    """The connector's public keys, fetched beside the other work and kept; one fetch at a time, for all who wait.

    Old keys go on being good while new ones are fetched, and when that fails.
    """

    def __init__(self, conf: TeamsConf, session: aiohttp.ClientSession) -> None:
        self._conf, self._session = conf, session
        self._keys: Mapping[str, Key] = {}
        self._fetched_at = self._tried_at = float("-inf")
        self._task: asyncio.Task[None] | None = None
        self.failure = ""  # why the last fetch failed; nothing when it did not

    @property
    def trouble(self) -> str:
        """Why nobody can be let in; nothing as long as there are keys, be they old ones."""
        return "" if self._keys else self.failure

    async def warm(self) -> None:
        """Fetches the keys, so that the first tap need not wait for them."""
        await self._fetch()

    async def get(self, kid: str) -> Key | None:
        now = time.monotonic()
        if kid in self._keys:
            if now - self._fetched_at > OLD_S and now - self._tried_at > AGAIN_S:
                self._begin()
            return self._keys[kid]
        if self._task is not None or now - self._tried_at > (AGAIN_S if self._keys else FAILED_S):
            await self._fetch()
        return self._keys.get(kid)

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _fetch(self) -> None:
        """Shielded: that one caller is gone does not leave the others without."""
        await asyncio.wait({self._begin()})

    def _begin(self) -> asyncio.Task[None]:
        if self._task is None:
            self._tried_at = time.monotonic()
            self._task = asyncio.create_task(self._read())
            self._task.add_done_callback(self._ended)
        return self._task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._task = None
        if not task.cancelled() and (error := task.exception()):
            log.error("the keys of the Bot Framework could not be read", exc_info=error)

    async def _read(self) -> None:
        try:
            async with asyncio.timeout(FETCH_S):
                document = await self._get(self._conf.openid_url)
                found = await self._get(_jwks_uri(self._conf, document))
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            why = redact(f"{type(error).__name__} {error}")[:200]
            self.failure = f"the Bot Framework's keys can't be fetched: {why}"
            log.warning("%s", self.failure)
            return
        keys = read_keys(found)
        if not keys:
            self.failure = "the Bot Framework names no key that we can use"
            return
        self._keys, self._fetched_at, self.failure = keys, time.monotonic(), ""

    async def _get(self, url: str) -> Json:
        async with self._session.get(url, allow_redirects=False, proxy=self._conf.proxy or None) as answer:
            if answer.status != 200:
                raise ValueError(f"status {answer.status}")
            data = orjson.loads(await answer.content.read(MOST_KEYS))
        if not isinstance(data, dict):
            raise ValueError("no JSON object")  # noqa: TRY004 - one kind of error for all that a server may answer
        return data


def _jwks_uri(conf: TeamsConf, document: Json) -> str:
    """Where the keys are, as the document says, if that is https, or the same machine as the document's."""
    uri = str(document.get("jwks_uri") or "")
    parts, ours = urlsplit(uri), urlsplit(conf.openid_url)
    if parts.scheme == "https" or (parts.scheme, parts.netloc) == (ours.scheme, ours.netloc):
        return uri
    raise ValueError("the document names no address of keys")


def read_keys(found: Json) -> Mapping[str, Key]:
    """The RSA keys of a key set by their id; what can't be read is left out."""
    keys: dict[str, Key] = {}
    rows = found.get("keys")
    for row in rows if isinstance(rows, list) else []:
        if not isinstance(row, dict) or row.get("kty") != "RSA" or not isinstance(row.get("kid"), str):
            continue
        try:
            key = jwt.PyJWK(row, ALGORITHM).key
        except (jwt.PyJWTError, ValueError, TypeError):
            continue
        endorsed = row.get("endorsements")
        keys[row["kid"]] = Key(key, frozenset(map(str, endorsed if isinstance(endorsed, list) else ())))
    return keys


class Guard:
    """Lets in what the connector sent to this bot, and nothing else."""

    def __init__(self, conf: TeamsConf, keys: Keys) -> None:
        self._conf, self._keys = conf, keys

    async def admit(self, headers: Mapping[str, str], body: bytes) -> Json:
        """The activity. Raises TurnedAway with 400, 401 or 413, and never anything else."""
        if len(body) > BODY_LIMIT:
            raise TurnedAway(413, "too large")
        given = {name.lower(): value for name, value in headers.items()}
        if "authorization" not in given and self._conf.allow_anonymous:
            return _anonymous(given, _read(body))
        key, claims = await self._genuine(given.get("authorization", ""))
        activity = _read(body)
        _match(self._conf, key, claims, activity)
        return activity

    async def _genuine(self, authorization: str) -> tuple[Key, Json]:
        """Who signed the token, and what it says."""
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token or len(token) > TOKEN_LIMIT:
            raise TurnedAway(401, "no token")
        try:
            header = jwt.get_unverified_header(token)
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError) as error:
            raise TurnedAway(401, "not a token") from error
        kid = header.get("kid")
        if header.get("alg") != ALGORITHM or not isinstance(kid, str) or len(kid) > _LONGEST_ID:
            raise TurnedAway(401, "not signed as it must be")
        key = await self._keys.get(kid)
        if key is None:
            raise TurnedAway(401, "unknown key")
        return key, _claims(self._conf, key, token)


def _claims(conf: TeamsConf, key: Key, token: str) -> Json:
    try:
        return jwt.decode(
            token,
            key.key,
            algorithms=[ALGORITHM],
            audience=conf.app_id,
            issuer=conf.issuer,
            leeway=SKEW_S,
            options={"require": ["exp", "iss", "aud"], "strict_aud": True},
        )
    except (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError) as error:
        raise TurnedAway(401, type(error).__name__) from error


def _read(body: bytes) -> Json:
    try:
        activity = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise TurnedAway(400, "no JSON") from error
    if not isinstance(activity, dict) or not isinstance(activity.get("type"), str):
        raise TurnedAway(400, "no activity")
    if not is_shaped(activity):
        raise TurnedAway(400, "not of an activity's shape")
    return activity


def _match(conf: TeamsConf, key: Key, claims: Json, activity: Json) -> None:
    """What the token says must fit what the activity says: a token is bound to one service, and a key to channels."""
    claim = claims.get("serviceurl") or claims.get("serviceUrl")
    service = activity.get("serviceUrl")
    if not isinstance(service, str) or not service or claim != service:
        raise TurnedAway(401, "another service")
    if not may_call(conf, service):
        raise TurnedAway(401, "a service that is none of service_hosts")
    if activity.get("channelId") != CHANNEL_ID or CHANNEL_ID not in key.endorsements:
        raise TurnedAway(401, "not endorsed for Teams")


def _anonymous(headers: Mapping[str, str], activity: Json) -> Json:
    """A test client on this machine, with a setting that is off by default: it was called by a loopback name, nobody
    stands between, and our answers stay on this machine too."""
    try:
        host = urlsplit(f"//{headers.get('host', '')}").hostname or ""
        service = urlsplit(str(activity.get("serviceUrl") or "")).hostname or ""
    except ValueError:
        raise TurnedAway(401, "no token") from None
    if _FORWARDED & set(headers) or not is_loopback(host) or not is_loopback(service):
        raise TurnedAway(401, "no token")
    return activity


# What an activity holds, as far as it is read by anybody. A wrong type there would break the SDK.
_TEXTS = ("id", "serviceUrl", "channelId", "text", "name", "replyToId", "locale", "timestamp", "textFormat", "action")
_TABLES = ("from", "recipient", "conversation", "channelData")
_LISTS = ("entities", "attachments", "membersAdded", "membersRemoved")


def is_shaped(activity: Json) -> bool:
    """Whether every part that is there is of the kind that the schema gives it.

    https://github.com/microsoft/botframework-sdk/blob/main/specs/botframework-activity/botframework-activity.md
    """
    parts = [(_TEXTS, str), (_TABLES, dict), (_LISTS, list)]
    return all(
        isinstance(activity[name], kind) for names, kind in parts for name in names if activity.get(name) is not None
    ) and all(isinstance(row, dict) for name in _LISTS for row in activity.get(name) or ())
