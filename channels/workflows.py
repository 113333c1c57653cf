"""Teams by a Workflows webhook: one way. Cards are posted and rings are; nothing is edited, nobody answers here.

Whoever wants to answer follows the link on the card to our own page. The address of the flow is a secret: it is called,
and shown nowhere.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from channels.common import AccountOf
from deskbell.core.card import Card, Note
from deskbell.core.outcome import Fault, Outcome, Rejected, Sent
from deskbell.core.ports import Destination, Finding, Identity, Limit
from deskbell.faces import workflows as face
from deskbell.faces.teams_parts import Json, Mention
from deskbell.net.answers import CallFailed, outcome_of_failure
from deskbell.net.egress import Forbidden
from deskbell.net.faults import point
from deskbell.net.http import Http, Timeouts
from deskbell.net.redact import learn
from deskbell.vendors.workflows import ADDRESS_HINT, DIALECT, LIMITS, MESSAGE_BYTES, PLATFORM, outcome, secrets_of

Link = Callable[[str], str]

RUN = "x-ms-workflow-run-id"
_TIMEOUTS = Timeouts(connect=5, read=15, write=10, whole=25)


class WorkflowsChannel:
    """Posts to each destination's flow. `link`: an alert's ref -> the address of its page ("" where there is none);
    `account_of`: a person's Entra object id, so that a card rings them; `names`: what to call a person.
    """

    platform = PLATFORM
    edits = False

    def __init__(self, link: Link, account_of: AccountOf, names: Mapping[str, str]) -> None:
        self._link, self._account_of, self._names = link, account_of, names
        self._clients: dict[str, Http] = {}

    @property
    def limits(self) -> Sequence[Limit]:
        return LIMITS

    async def close(self) -> None:
        for client in self._clients.values():
            await client.close()

    async def post(self, to: Destination, card: Card, identity: Identity) -> Outcome:
        mentions = await self._mentions(card.mentions)
        return await self._send(to, face.card(card, self._link(card.ref), mentions, MESSAGE_BYTES), identity)

    async def edit(self, to: Destination, ref: Mapping[str, str], card: Card, identity: Identity) -> Outcome:  # noqa: ARG002
        return Rejected(Fault.CONFIG, "what a Workflows webhook has posted can't be changed")

    async def note(self, to: Destination, thread: Mapping[str, str], note: Note, identity: Identity) -> Outcome:  # noqa: ARG002
        if note.direct:
            return Rejected(Fault.TARGET, "a Workflows webhook can't write to one person")
        if identity.alert_ref and not (note.mentions or note.broadcast):
            return Sent({}, "the alert's page shows it", skipped=True)
        mentions = await self._mentions(note.mentions)
        url = self._link(identity.alert_ref) if identity.alert_ref else ""
        return await self._send(to, face.note(note, url, mentions), identity)

    async def find(
        self,
        to: Destination,  # noqa: ARG002
        identity: Identity,  # noqa: ARG002
        since: datetime,  # noqa: ARG002
        thread: Mapping[str, str],  # noqa: ARG002
    ) -> Mapping[str, str] | Outcome | None:
        return Rejected(Fault.CONFIG, "what a Workflows webhook has posted can't be looked up")

    async def check(self, destinations: Sequence[Destination]) -> Sequence[Finding]:
        """Whether the addresses may be called. Nothing is sent: that would ring somebody."""
        rows = [self._checked(to) for to in destinations if to.platform == self.platform]
        if rows and not self._link("D-1"):
            why = "server.public_url is not set, so that the cards carry no link, and nobody can answer from Teams"
            rows.append(Finding("workflows page", ok=False, detail=why))
        return rows

    def _checked(self, to: Destination) -> Finding:
        try:
            self._client(to)
        except Forbidden:
            return Finding(f"workflows {to.name}", ok=False, detail=f"the address {ADDRESS_HINT}")
        return Finding(f"workflows {to.name}", ok=True, detail=f"`deskbell ring {to.name}` tries it")

    # ------------------------------------------------------------ sending

    async def _send(self, to: Destination, message: Json, identity: Identity) -> Outcome:
        """202 says that the flow began. Whether it then posted, nobody tells us."""
        try:
            client = self._client(to)
        except Forbidden:
            return Rejected(Fault.CONFIG, f"workflows {to.name}: the address {ADDRESS_HINT}")
        point("workflows.send.before")
        try:
            reply = await client.call("POST", "", json=message, expect_json=False)
        except CallFailed as failed:
            return outcome_of_failure(failed)
        if not reply.ok:
            return outcome(reply, f"workflows {to.name}")
        point("workflows.send.after")
        return Sent({"run": reply.headers.get(RUN, "") or f"{identity.kind}-{identity.number}"})

    def _client(self, to: Destination) -> Http:
        if to.address not in self._clients:
            learn(*secrets_of(to.address))
            self._clients[to.address] = Http(f"workflows {to.name}", to.address, dialect=DIALECT, timeouts=_TIMEOUTS)
        return self._clients[to.address]

    async def _mentions(self, people: Sequence[str]) -> list[Mention]:
        return [Mention(self._names.get(one, one), await self._account_of(one) or "") for one in people]
