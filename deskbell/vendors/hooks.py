"""How each system calls us when something changed there: how it proves itself, and where the ids are in the body."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, Literal
from urllib.parse import quote

import jmespath
from jmespath.exceptions import JMESPathError
from jmespath.parser import ParsedResult

from deskbell.net.inbound import WAYS, Way

SHORTEST = 16  # characters of a secret
MOST_SECRETS = 3
ROOT = "/hooks"
# Stands in Zendesk's documentation, for webhooks that are tried out before they are made.
_PUBLIC_SECRET = "dGhpc19zZWNyZXRfaXNfZm9yX3Rlc3Rpbmdfb25seQ=="  # noqa: S105

WayName = Literal[
    "header", "path", "basic", "signed", "zendesk", "zendesk_old", "hubspot", "intercom", "jobber"
]  # the keys of deskbell.net.inbound.WAYS


@dataclass(frozen=True, slots=True)
class HookConf:
    """Lets a source call `POST /hooks/NAME`. What it says is only a hint: the records are read from the source."""

    secrets: tuple[str, ...] = field(repr=False)
    way: WayName | Literal[""] = ""
    header: str = ""
    ids: str = ""

    def __post_init__(self) -> None:
        if not 1 <= len(self.secrets) <= MOST_SECRETS:
            raise ValueError(f"secrets must be 1 to {MOST_SECRETS}: the one in use, and the next while you change it")
        if any(len(secret) < SHORTEST for secret in self.secrets):
            raise ValueError(f"each of the secrets must be at least {SHORTEST} characters")
        if _PUBLIC_SECRET in self.secrets:
            raise ValueError("secrets holds the one of Zendesk's documentation, which everybody knows")
        if self.header and self.way not in ("", "header", "signed"):
            raise ValueError(f"header can't be chosen where way is {self.way}")
        compiled(self.ids or "id")


@dataclass(frozen=True, slots=True)
class Usual:
    """What a system's hooks are like, as long as the configuration says nothing else."""

    way: str = "header"
    ids: str = "id || ids"


# By kind of source. Not listed: a plain webhook, with the secret in a header and the id as `id`.
USUAL: Mapping[str, Usual] = {
    "freshdesk": Usual(ids="ticket_id || freshdesk_webhook.ticket_id || id"),
    "servicenow": Usual(ids="sys_id || id"),
    "zendesk": Usual("zendesk", "detail.id || ticket_id || id"),
    "salesforce": Usual(ids="Id || id || ids"),
    "salesforce_field": Usual(ids="Id || id || ids"),
    "dynamics": Usual(ids="PrimaryEntityId || bookableresourcebookingid || id"),
    "hubspot": Usual("hubspot", "[].objectId || objectId || hs_object_id"),
    "zoho_crm": Usual("path", "ids || id"),
    "intercom": Usual("intercom", "data.item.id"),
    "pipedrive": Usual("basic", "meta.entity_id"),
    "jobber": Usual("jobber", "data.webHookEvent.itemId"),
}
_PLAIN = Usual()


def usual(kind: str) -> Usual:
    """What hooks of a kind of source are like."""
    return USUAL.get(kind, _PLAIN)


@dataclass(frozen=True, slots=True)
class Door:
    """One source's hook: where it is called, how callers prove themselves, where the ids are."""

    source: str
    address: str  # as the caller was told; signatures may be over it
    way_name: str
    way: Way
    secrets: tuple[str, ...] = field(repr=False)
    ids: str = "id"

    @classmethod
    def of(cls, source: str, kind: str, conf: HookConf, public_url: str) -> "Door":
        known = usual(kind)
        name = conf.way or known.way
        way: Any = WAYS[name]
        if conf.header:
            way = replace(way, header=conf.header.casefold())
        address = f"{public_url.rstrip('/')}{ROOT}/{quote(source, safe='')}"
        return cls(source, address, name, way, conf.secrets, conf.ids or known.ids)

    def problems(self, public_url: str) -> list[tuple[str, str]]:
        """What the hook's own section alone can't know."""
        out = []
        if self.way_name == "hubspot" and not public_url:
            out.append(("way", "the signature is over the address that is called: set server.public_url"))
        if self.way_name == "basic" and any(":" not in secret for secret in self.secrets):
            out.append(("secrets", "must be user:password each, where callers log in"))
        return out

    @property
    def shown(self) -> str:
        """How it is called, for the person who sets it up over there; without the secret."""
        address = f"{self.address}/SECRET" if self.way_name == "path" else self.address
        return f"POST {address}" + (f", proven in the header {self.way.header}" if self.way.header else "")


@lru_cache(maxsize=64)
def compiled(path: str) -> ParsedResult:
    """Raises ValueError, in words."""
    try:
        return jmespath.compile(path)
    except JMESPathError as error:
        raise ValueError(f"ids is no JMESPath expression: {str(error).splitlines()[0]}") from error
