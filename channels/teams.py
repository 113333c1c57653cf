"""Teams as a way out: a card begins a thread in a channel and is edited there, notes reply to it, people get messages.

Plain calls of the connector. Nothing here asks the SDK: it comes in where activities come in.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import aiohttp

from channels.common import ON_THE_CARD, AccountOf, no_account, refused_as_such
from deskbell.core.card import Card, Note
from deskbell.core.outcome import Fault, Outcome, Rejected, Sent
from deskbell.core.ports import Destination, Finding, Identity, Limit
from deskbell.core.store import Memory
from deskbell.faces import teams as face
from deskbell.faces.teams_parts import Mention, ringing
from deskbell.net.faults import point
from deskbell.net.session import Trouble
from deskbell.vendors.teams import (
    PLATFORM,
    THREADLESS,
    TeamsConf,
    bot_id,
    has_threads,
    limits,
    message_link,
    root_of,
    thread,
)
from deskbell.vendors.teams_api import TeamsApi
from deskbell.vendors.teams_refs import Refs

Json = dict[str, Any]


class TeamsChannel:
    """Posts as one bot. `account_of` finds a person's Entra object id, `names` what to call a person."""

    edits = True
    platform = PLATFORM

    def __init__(
        self,
        conf: TeamsConf,
        account_of: AccountOf,
        names: Mapping[str, str],
        session: aiohttp.ClientSession | None = None,
        memory: Memory | None = None,
    ) -> None:
        self.conf = conf
        self._api = TeamsApi(conf, session)
        self._refs = Refs(conf, memory)
        self._account_of = account_of
        self._names = names

    @property
    def limits(self) -> Sequence[Limit]:
        return limits(self.conf)

    async def close(self) -> None:
        await self._api.close()

    # ------------------------------------------------------------ saying

    async def post(self, to: Destination, card: Card, identity: Identity) -> Outcome:
        rings = await self._mentions(card.mentions)
        shown = ringing(face.card(card, rings, await self._viewers(card), self.conf.card_bytes))
        sent = await self._begin(to.address, shown)
        return await self._begin(to.address, face.plain_card(card)) if refused_as_such(sent, identity) else sent

    async def edit(
        self,
        to: Destination,  # noqa: ARG002 - the ref says where
        ref: Mapping[str, str],
        card: Card,
        identity: Identity,
    ) -> Outcome:
        """Silent: it mentions nobody, and asks for no place in the activity feed."""
        shown = face.card(card, (), await self._viewers(card), self.conf.card_bytes)
        done = await self._edit(ref, shown)
        return await self._edit(ref, face.plain_card(card)) if refused_as_such(done, identity) else done

    async def note(
        self,
        to: Destination,
        thread: Mapping[str, str],
        note: Note,
        identity: Identity,  # noqa: ARG002 - Teams has no place to keep it
    ) -> Outcome:
        if note.direct:
            return await self._whisper(to, thread, note)
        if not (note.mentions or note.broadcast) and thread and not root_of(thread["conversation"]):
            return ON_THE_CARD  # a group chat has no threads
        shown = face.note(note, await self._mentions(note.mentions), budget=self.conf.card_bytes)
        loud = ringing(shown) if note.mentions or note.broadcast else shown
        if not thread:
            return await self._begin(to.address, loud)
        try:
            return await self._say(thread["conversation"], loud)
        except Trouble as trouble:
            return await self._begin(to.address, loud) if trouble.code in THREADLESS else trouble.outcome

    async def _whisper(self, to: Destination, card: Mapping[str, str], note: Note) -> Outcome:
        account = await self._account_of(note.direct)
        if not account:
            return no_account("Teams", self._names.get(note.direct, note.direct))
        url = message_link(self.conf, card["conversation"], card["activity"]) if card else ""
        shown = ringing(face.note(note, (), url, self.conf.card_bytes))
        try:
            chat = await self._refs.chat(self._api, account, to.address)
            return await self._say(chat.conversation, shown, chat.service)
        except Trouble as trouble:
            await self._refs.forget_chat(account)
            return trouble.outcome

    async def _begin(self, address: str, activity: Json) -> Outcome:
        """A new thread in a channel; in a group chat, a message."""
        try:
            return await (self._thread(address, activity) if has_threads(address) else self._say(address, activity))
        except Trouble as trouble:
            return trouble.outcome

    async def _thread(self, address: str, activity: Json) -> Sent:
        body = {
            "isGroup": True,
            "bot": {"id": bot_id(self.conf)},
            "tenantId": self.conf.tenant,
            "channelData": {"channel": {"id": address}, "tenant": {"id": self.conf.tenant}},
            "activity": activity,
        }
        if "channelData" in activity:
            body["channelData"] |= activity["channelData"]
        service = await self._refs.service(address)
        point("teams.send.before")
        answer = await self._api.create(service, body)
        point("teams.send.after")
        conversation, message = str(answer.get("id") or ""), str(answer.get("activityId") or "")
        message = message or root_of(conversation)
        return Sent({"conversation": conversation or thread(address, message), "activity": message})

    async def _say(self, conversation: str, activity: Json, service: str = "") -> Sent:
        service = service or await self._refs.service(conversation.partition(";")[0])
        point("teams.send.before")
        answer = await self._api.send(service, conversation, activity)
        point("teams.send.after")
        return Sent({"conversation": conversation, "activity": str(answer.get("id") or "")})

    async def _edit(self, ref: Mapping[str, str], activity: Json) -> Outcome:
        conversation, message = ref["conversation"], ref["activity"]
        service = await self._refs.service(conversation.partition(";")[0])
        point("teams.edit.before")
        try:
            await self._api.update(service, conversation, message, activity)
        except Trouble as trouble:
            return trouble.outcome
        point("teams.edit.after")
        return Sent({"conversation": conversation, "activity": message})

    async def _mentions(self, people: Sequence[str]) -> list[Mention]:
        """How to call these people: a mention that rings where their account is known, else their name."""
        return [Mention(self._names.get(one, one), await self._account_of(one) or "") for one in people]

    async def _viewers(self, card: Card) -> list[str]:
        """Whose clients ask for a view of their own: that of the person who may take the last move back."""
        if card.undo is None or not card.undo_for:
            return []
        account = await self._account_of(card.undo_for)
        user = await self._refs.user(account) if account else ""
        return [user] if user else []

    # ------------------------------------------------------------ finding

    async def find(
        self,
        to: Destination,  # noqa: ARG002 - Teams can't be asked about any room
        identity: Identity,  # noqa: ARG002
        since: datetime,  # noqa: ARG002
        thread: Mapping[str, str],  # noqa: ARG002
    ) -> Mapping[str, str] | Outcome | None:
        """A bot can't read what stands in a channel, so that a message whose answer was lost is sent again."""
        return Rejected(Fault.TARGET, "Teams: a bot can't look a message up")

    # ------------------------------------------------------------ checking

    async def check(self, destinations: Sequence[Destination]) -> Sequence[Finding]:
        """Whether we get a token, whether those who call us can be checked, and whether we are let into each room."""
        try:
            await self._api.token()
        except Trouble as trouble:
            return [Finding("teams", ok=False, detail=trouble.why)]
        rows = [Finding("teams", ok=True, detail=f"app {self.conf.app_id}"), await self._check_way_in()]
        return rows + [await self._check_room(destination) for destination in destinations]

    async def _check_way_in(self) -> Finding:
        """Whether taps can come back."""
        try:
            await self._api.metadata()
        except Trouble as trouble:
            return Finding("teams keys", ok=False, detail=f"{trouble.why}: taps and commands can't be let in")
        return Finding("teams keys", ok=True, detail="set the messaging endpoint to https://YOUR.HOST/api/messages")

    async def _check_room(self, to: Destination) -> Finding:
        try:
            await self._api.members(await self._refs.service(to.address), to.address)
        except Trouble as trouble:
            return Finding(f"teams {to.name}", ok=False, detail=trouble.why)
        return Finding(f"teams {to.name}", ok=True)
