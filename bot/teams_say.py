"""What is said to people in Teams besides the answer of a tap: replies in a thread, and messages to one person."""

import logging

from bot.teams_reading import Sender
from deskbell.faces.teams_parts import Json
from deskbell.net.session import Trouble
from deskbell.vendors.teams_api import TeamsApi
from deskbell.vendors.teams_refs import Refs

log = logging.getLogger("deskbell.teams")


class Say:
    """Never raises: who could not be told is noted in the log, for what they did is done and audited anyway."""

    def __init__(self, api: TeamsApi, refs: Refs) -> None:
        self._api, self._refs = api, refs

    async def here(self, sender: Sender, message: Json) -> bool:
        """In the thread, or in the private chat, where it was asked."""
        return await self._send(sender.service, sender.conversation, message)

    async def privately(self, sender: Sender, message: Json) -> bool:
        """To the person alone; False when Deskbell is not installed for this person."""
        if sender.private:
            return await self.here(sender, message)
        try:
            chat = await self._refs.chat(self._api, sender.account, sender.room)
        except Trouble as trouble:
            log.info("somebody can't be written to in private: %s", trouble.why)
            return False
        if await self._send(chat.service, chat.conversation, message):
            return True
        await self._refs.forget_chat(sender.account)
        return False

    async def redraw(self, sender: Sender, message: str, shown: Json) -> None:
        """Changes a message of ours in a private chat: what the answer of a tap shows there does not last."""
        try:
            await self._api.update(sender.service, sender.conversation, message, shown)
        except Trouble as trouble:
            log.info("a private message could not be changed: %s", trouble.why)

    async def name(self, sender: Sender, user: str) -> str:
        """The Entra object id of somebody mentioned; nothing when it can't be told."""
        known = await self._refs.account(user)
        if known:
            return known
        try:
            member = await self._api.member(sender.service, sender.room, user)
        except Trouble:
            return ""
        return str(member.get("aadObjectId") or member.get("objectId") or "")

    async def _send(self, service: str, conversation: str, message: Json) -> bool:
        try:
            await self._api.send(service, conversation, message)
        except Trouble as trouble:
            log.warning("an answer did not reach its person: %s", trouble.why)
            return False
        return True
