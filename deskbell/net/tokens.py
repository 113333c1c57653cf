"""OAuth 2 tokens: which form asks for one, until when it is good, and where a refresh token that changes is kept."""

import os
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from deskbell.net.answers import CallFailed, Gap
from deskbell.net.auth import ClientCredentials, OAuth, RefreshToken, Session, SignedClaim
from deskbell.net.redact import learn as hide

_EARLY = 60.0  # seconds before its end that a token is renewed
_LIFE = 1800.0  # where the vendor does not say
_CLAIM_LIFE = 300  # seconds; Google allows an hour, Salesforce five minutes
_CLAIM_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"  # RFC 7523

log = structlog.get_logger(__name__)
Ask = Callable[[str, Mapping[str, str]], Awaitable[Mapping[str, Any]]]


@dataclass(slots=True)
class Tokens:
    """The token of one client. `ask` sends a form to an address and gives the answer's data, which has a token."""

    auth: OAuth
    ask: Ask
    value: str = ""
    until: float = 0.0
    newest: str = ""  # refresh token, also where it could not be written down
    base: str = ""  # where to call with it, when the vendor says so

    async def header(self) -> str:
        """What the Authorization header has to say."""
        scheme = self.auth.scheme if isinstance(self.auth, RefreshToken | Session) else "Bearer"
        return f"{scheme} {await self.valid()}".strip()

    async def valid(self) -> str:
        if not self.value or self.until <= time.monotonic():
            form = grant(self.auth, int(time.time()))
            form |= {"refresh_token": self.newest} if self.newest else {}
            given = await self.ask(self.auth.token_url, form)
            self.value = str(given[token_of(self.auth)])
            self.base = str(given.get(self.auth.base, "")).rstrip("/") if isinstance(self.auth, Session) else ""
            self.until = time.monotonic() + life(given.get("expires_in"))
            hide(self.value)
            self._keep(given.get("refresh_token"))
        return self.value

    def forget(self) -> None:
        """It ran out early, or was taken back."""
        self.until = 0.0

    def _keep(self, newer: Any) -> None:
        if not isinstance(self.auth, RefreshToken) or not isinstance(newer, str) or not newer:
            return
        hide(newer)
        self.newest = newer
        if not self.auth.kept_in:
            return
        try:
            keep(Path(self.auth.kept_in), newer)
        except OSError:  # it is good until we end; then somebody has to allow us once more
            log.exception("refresh_token_not_kept", file=self.auth.kept_in)


def grant(auth: OAuth, now: int) -> dict[str, str]:
    """The form that asks for a token. `now`: seconds since the epoch."""
    match auth:
        case ClientCredentials():
            form = {"grant_type": "client_credentials"} | _client(auth)
            return form | ({"scope": auth.scope} if auth.scope else {})
        case RefreshToken():
            return {"grant_type": "refresh_token", "refresh_token": newest(auth)} | _client(auth)
        case SignedClaim():
            return {"grant_type": _CLAIM_GRANT, "assertion": claim(auth, now)}
        case Session():
            return dict(auth.form)


def token_of(auth: OAuth) -> str:
    """Where in an answer the token is."""
    return auth.token if isinstance(auth, Session) else "access_token"


def claim(auth: SignedClaim, now: int) -> str:
    """What we say we are, signed with our key (RS256). CallFailed where the key is none."""
    import jwt

    said = {"iss": auth.issuer, "aud": auth.audience or auth.token_url, "iat": now, "exp": now + _CLAIM_LIFE}
    more = {"sub": auth.subject, "scope": auth.scope}
    said |= {name: text for name, text in more.items() if text}
    try:
        return jwt.encode(said, auth.private_key, algorithm="RS256")
    except (ValueError, TypeError, jwt.PyJWTError) as error:
        why = f"the private key of {auth.issuer} can't be used; it must be PEM, without a password"
        raise CallFailed(Gap.NOT_SENT, why, refused=True) from error


def newest(auth: RefreshToken) -> str:
    """The refresh token that counts now: the kept one, once there is one."""
    try:
        kept = Path(auth.kept_in).read_text().strip() if auth.kept_in else ""
    except OSError:
        kept = ""
    if kept:
        hide(kept)
    return kept or auth.refresh_token


def can_keep(path: Path) -> bool:
    """Whether the file can be written, and replaced by a newer one."""
    return os.access(path.parent, os.W_OK | os.X_OK) and (not path.exists() or os.access(path, os.R_OK | os.W_OK))


def keep(path: Path, token: str) -> None:
    """Writes it so that a crash leaves the old one or the new one, for our eyes only."""
    beside = path.with_name(path.name + ".new")
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(token)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def life(expires_in: Any) -> float:
    """Seconds that a token is used for."""
    seconds = float(expires_in) if isinstance(expires_in, int | float) else _LIFE
    return max(seconds - _EARLY, seconds / 2)


def _client(auth: ClientCredentials | RefreshToken) -> dict[str, str]:
    given = {"client_id": auth.client_id, "client_secret": auth.client_secret}
    return {name: text for name, text in given.items() if text}
