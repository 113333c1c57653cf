"""The ways a vendor wants to know who we are. Values are resolved secrets; none of them shows in a repr."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from deskbell.net import redact


@dataclass(frozen=True, slots=True)
class NoAuth:
    kind = "none"


@dataclass(frozen=True, slots=True)
class Basic:
    kind = "basic"
    user: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Bearer:
    kind = "bearer"
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class HeaderKey:
    """A key in a header of the vendor's own: `x-sn-apikey`, `X-Api-Key`."""

    kind = "header"
    header: str
    value: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class InRequest:
    """The secret stands in the body or the address, where whoever builds the request puts it."""

    kind = "in_request"
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class AwsKey:
    """Each request is signed as Amazon has it (Signature Version 4)."""

    kind = "aws_sigv4"
    key_id: str
    secret: str = field(repr=False)
    region: str
    service: str


@dataclass(frozen=True, slots=True)
class PusherKey:
    """Each request is signed as Pusher Channels has it: in its query."""

    kind = "pusher"
    key: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ClientCredentials:
    """OAuth 2 client credentials; the token is fetched when needed and renewed before it runs out."""

    kind = "oauth2_client_credentials"
    token_url: str
    client_id: str
    client_secret: str = field(repr=False)
    scope: str = ""


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """OAuth 2 with a refresh token that somebody allowed us once. `scheme` is the vendor's word before the token (Zoho
    has its own). Where the vendor gives a new refresh token with each use, `kept_in` names the file that keeps it.
    """

    kind = "oauth2_refresh_token"
    token_url: str
    client_id: str
    client_secret: str = field(repr=False)
    refresh_token: str = field(repr=False)
    scheme: str = "Bearer"
    kept_in: str = ""


@dataclass(frozen=True, slots=True)
class SignedClaim:
    """OAuth 2 by a claim that we sign (RFC 7523): a Google service account, a Salesforce connected app.

    `private_key` is PEM; `subject` whom we act for; `audience` is the token's address where nothing else is said.
    """

    kind = "oauth2_jwt"
    token_url: str
    issuer: str
    private_key: str = field(repr=False)
    subject: str = ""
    scope: str = ""
    audience: str = ""


@dataclass(frozen=True, slots=True)
class Session:
    """A login of the vendor's own: `form` is sent to `token_url`, and in its answer are a token, and where to call with
    it. That must be on one of `hosts` (endings of a name), or where we asked: a stranger is not given the token.
    """

    kind = "session"
    token_url: str
    form: Mapping[str, str] = field(repr=False)
    token: str = "access_token"  # noqa: S105 - where in the answer it is
    base: str = ""  # the same of the address
    scheme: str = ""
    hosts: tuple[str, ...] = ()


OAuth = ClientCredentials | RefreshToken | SignedClaim | Session
Auth = NoAuth | Basic | Bearer | HeaderKey | InRequest | AwsKey | PusherKey | OAuth
# What a configuration may ask for by name; the others are their vendors' own.
KINDS: Mapping[str, type[Any]] = {
    "none": NoAuth,
    "basic": Basic,
    "bearer": Bearer,
    "header": HeaderKey,
    "oauth2_client_credentials": ClientCredentials,
    "oauth2_refresh_token": RefreshToken,
    "oauth2_jwt": SignedClaim,
}
_OPTIONAL = frozenset({"scope", "scheme", "kept_in", "subject", "audience"})


def make(kind: str, values: Mapping[str, str]) -> Auth:
    """The authentication that a configuration describes. ValueError says in words what is wrong with it."""
    if kind not in KINDS:
        raise ValueError(f"auth kind {kind!r} is not known; use one of: {', '.join(KINDS)}")
    cls = KINDS[kind]
    known = {f.name for f in fields(cls)}
    needed = known - _OPTIONAL
    if unknown := set(values) - known:
        raise ValueError(f"auth kind {kind}: {', '.join(sorted(unknown))} is not known; it takes {_listed(known)}")
    if missing := {name for name in needed if not values.get(name)}:
        raise ValueError(f"auth kind {kind}: {', '.join(sorted(missing))} is missing")
    made: Auth = cls(**values)
    return made


def learn(auth: Auth) -> None:
    """Has the secrets of this authentication hidden wherever text leaves the process."""
    match auth:
        case Basic(user, password):
            redact.learn_login(user, password)
            if len(password) < len(user) and len(password) <= 1:  # a key in the user's place, as Freshdesk has it
                redact.learn(user)
        case Bearer(token):
            redact.learn(token)
        case HeaderKey(_, value):
            redact.learn(value)
        case ClientCredentials(client_secret=secret) | SignedClaim(private_key=secret):
            redact.learn(secret)
        case InRequest(secret=secret) | AwsKey(secret=secret) | PusherKey(secret=secret):
            redact.learn(secret)
        case RefreshToken(client_secret=secret, refresh_token=token):
            redact.learn(secret)
            redact.learn(token)
        case Session(form=form):
            redact.learn(*form.values())
        case NoAuth():
            pass


def _listed(names: set[str]) -> str:
    return ", ".join(sorted(names)) or "nothing"
