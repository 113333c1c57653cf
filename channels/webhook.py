"""A way out for whatever takes a JSON POST: the place that rings when the chats themselves can't.

One way: nothing is edited, nobody answers here. The receiver can tell a repeat by its Idempotency-Key.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from deskbell.core.card import Card, Note, Tone, as_text
from deskbell.core.outcome import Fault, Outcome, Rejected, Sent
from deskbell.core.ports import Destination, Finding, Identity, Limit
from deskbell.net.answers import Reply
from deskbell.net.egress import Forbidden, checked_base, shown
from deskbell.net.http import Http, Timeouts
from deskbell.net.redact import learn

_SEVERITY = {Tone.CRITICAL: "P1", Tone.HIGH: "P2", Tone.MEDIUM: "P3", Tone.LOW: "P4"}
_TIMEOUTS = Timeouts(connect=5, read=10, write=10, whole=20)


@dataclass(frozen=True, slots=True)
class WebhookConf:
    """`secret` goes out as `Authorization: Bearer ...`; a destination's option `secret` goes before it."""

    secret: str = field(default="", repr=False)
    allow_http: bool = False
    per_minute: int = 60


class WebhookChannel:
    """Posts to each destination's address. The first version of a card is all that is sent of it."""

    platform = "webhook"
    edits = False

    def __init__(self, conf: WebhookConf | None = None) -> None:
        self.conf = conf or WebhookConf()
        self._clients: dict[str, Http] = {}

    @property
    def limits(self) -> Sequence[Limit]:
        return (Limit("post", "destination", self.conf.per_minute, timedelta(minutes=1)),)

    async def close(self) -> None:
        for client in self._clients.values():
            await client.close()

    async def post(self, to: Destination, card: Card, identity: Identity) -> Outcome:
        body = {
            "kind": "card",
            "text": as_text(card),
            "title": card.title,
            "summary": card.summary,
            "ref": card.ref,
            "severity": _SEVERITY.get(card.tone, ""),
            "state": card.state,
            "facts": dict(card.facts),
            "warning": card.warning,
            "url": card.url,
        }
        return await self._send(to, body, identity)

    async def edit(self, to: Destination, ref: Mapping[str, str], card: Card, identity: Identity) -> Outcome:  # noqa: ARG002
        return Rejected(Fault.CONFIG, "a webhook's messages can't be changed")

    async def note(self, to: Destination, thread: Mapping[str, str], note: Note, identity: Identity) -> Outcome:  # noqa: ARG002
        body = {"kind": "note", "text": note.text, "ref": note.ref, "rings": bool(note.mentions or note.direct)}
        return await self._send(to, body, identity)

    async def find(
        self,
        to: Destination,  # noqa: ARG002
        identity: Identity,  # noqa: ARG002
        since: datetime,  # noqa: ARG002
        thread: Mapping[str, str],  # noqa: ARG002
    ) -> Mapping[str, str] | Outcome | None:
        return Rejected(Fault.CONFIG, "a webhook can't be searched; its receiver knows repeats by the Idempotency-Key")

    async def check(self, destinations: Sequence[Destination]) -> Sequence[Finding]:
        """Whether the addresses may be called. Nothing is sent: that would ring somebody."""
        return [self._checked(to) for to in destinations if to.platform == self.platform]

    def _checked(self, to: Destination) -> Finding:
        what = f"webhook {to.name}"
        try:
            url = checked_base(to.address, allow_http=self.conf.allow_http)
        except Forbidden as error:
            return Finding(what, ok=False, detail=str(error))
        return Finding(what, ok=True, detail=f"{_place(url)} would be called; `deskbell ring {to.name}` tries it")

    async def _send(self, to: Destination, body: Mapping[str, Any], identity: Identity) -> Outcome:
        try:
            client = self._client(to)
        except Forbidden as error:
            return Rejected(Fault.CONFIG, str(error))
        key = f"deskbell-{identity.destination}-{identity.alert_ref}-{identity.kind}-{identity.number}"
        secret = to.options.get("secret", self.conf.secret)
        headers = {"Idempotency-Key": key} | ({"Authorization": f"Bearer {secret}"} if secret else {})
        reply = await client.send("POST", "", body, headers=headers, expect_json=False)
        return Sent({"key": key}) if isinstance(reply, Reply) else reply

    def _client(self, to: Destination) -> Http:
        if to.address not in self._clients:
            learn(to.options.get("secret", self.conf.secret))
            name, allow = f"webhook {to.name}", self.conf.allow_http
            self._clients[to.address] = Http(name, to.address, allow_http=allow, timeouts=_TIMEOUTS)
        return self._clients[to.address]


def _place(url: str) -> str:
    """The host alone: the path of such an address is often its secret."""
    scheme, _, rest = shown(url).partition("://")
    return f"{scheme}://{rest.partition('/')[0]}/..."
