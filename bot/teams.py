"""Teams as a way in: taps on cards, commands by mention or in private, and word of where Deskbell was added or removed.

An answer is given within two seconds and only after the desk has stored what was done. A tap is answered to its person
alone: with their own view of the card, or with a few words. What is typed in a channel can't be: there, an answer of
one line stands in the thread, and all else goes to the private chat.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

import aiohttp
import orjson

from bot.allowance import Allowance
from bot.clerk import Clerk
from bot.commands import Commands
from bot.hooks import PLAIN, Answered
from bot.ports import Front, Hook
from bot.teams_gone import Gone
from bot.teams_guard import Guard, Keys, TurnedAway
from bot.teams_reading import (
    Sender,
    Typed,
    plain,
    read_action,
    read_key,
    read_search,
    read_sender,
    read_submit,
    read_typed,
)
from bot.teams_say import Say
from bot.teams_sdk import Turns
from bot.teams_taps import NOT_READABLE, Taps, not_linked
from deskbell.core.card import Reply
from deskbell.core.ports import Destination, Interaction
from deskbell.core.store import Memory
from deskbell.faces import teams as face
from deskbell.faces import teams_forms as forms
from deskbell.faces.teams_parts import CARD_TYPE, inert, message, text_message
from deskbell.net import metrics
from deskbell.vendors.teams import PLATFORM, TeamsConf, tenants
from deskbell.vendors.teams_api import TeamsApi
from deskbell.vendors.teams_refs import Refs

Json = dict[str, Any]

MESSAGES = "/api/messages"
# https://learn.microsoft.com/microsoftteams/platform/task-modules-and-cards/cards/universal-actions-for-adaptive-cards/work-with-universal-actions-for-adaptive-cards
TOAST = "application/vnd.microsoft.activity.message"
SEARCHED = "application/vnd.microsoft.search.searchResponse"
KEYS_S = 60.0  # how soon the keys are asked for again after that failed
WARM_S = 12 * 3600.0  # and how often otherwise, so that no tap waits for them
SEEN = 5000  # messages that were taken in, to know a repeat
NOTED = 10  # refusals of one outsider that are written down in an hour; anybody may add a bot to a tenant of theirs
MENTIONS = 5
SHORT = 250  # an answer of one line that may stand in a channel
CLOSE_S = 5.0
AS_JSON = {"content-type": "application/json; charset=utf-8"}

NOT_OURS = "Only people of the organisation that Deskbell belongs to can do this."
NOT_A_ROOM = "This is none of the rooms that Deskbell answers in, so nothing was done. Ask an administrator to add it."
WRONG = "Something went wrong on my side, and I can't say whether that was saved. Look at the card in a moment."
TOLD_PRIVATELY = "I have answered you in our private chat."
CANT_TELL = "I can't write to you in private yet. Add Deskbell in Teams under Apps, and ask me there."
NO_FORM = "Use the buttons of the card."

log = logging.getLogger("deskbell.teams")


class TeamsGateway:
    """The way in of one bot. It decides nothing: what is genuine goes to the clerk, and what comes back is shown."""

    alone = None  # Teams calls whichever instance is behind the address

    def __init__(
        self,
        conf: TeamsConf,
        front: Front,
        commands: Commands,
        session: aiohttp.ClientSession | None = None,
        memory: Memory | None = None,
        rooms: Mapping[str, Destination] | None = None,
    ) -> None:
        self.conf = conf
        self._front = front
        self._clerk = Clerk(PLATFORM, front, commands)
        self._api = TeamsApi(conf, session)
        self._refs = Refs(conf, memory)
        self._say = Say(self._api, self._refs)
        self._taps = Taps(conf, front, self._clerk, self._say)
        self._rooms = {room.address: name for name, room in (rooms or {}).items()}
        self._gone = Gone(self._rooms, memory)
        self._noted = Allowance(NOTED, timedelta(hours=1))
        self._seen: OrderedDict[str, None] = OrderedDict()
        self._turns = Turns(conf.app_id, self)
        self._keys: Keys | None = None
        self._guard: Guard | None = None

    # ------------------------------------------------------------ life

    async def start(self) -> None:
        """Returns at once; fetching the keys goes on behind it."""
        self._keys = Keys(self.conf, self._api.session)
        self._guard = Guard(self.conf, self._keys)
        self._clerk.spawn(self._keep_keys(self._keys))
        self._clerk.spawn(self._gone.keep_looking())

    async def close(self) -> None:
        """Within a few seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_S):
                await self._clerk.close()
                if self._keys is not None:
                    await self._keys.close()
                await self._api.close()

    @property
    def hooks(self) -> Mapping[str, Hook]:
        return {MESSAGES: self.handle}

    @property
    def trouble(self) -> str:
        """What is wrong, in words; nothing when all is well."""
        if self._keys is not None and self._keys.trouble:
            return f"Teams can't be let in: {self._keys.trouble}"
        if rooms := self._gone.names:
            return f"Deskbell was removed from Teams in: {', '.join(rooms)}"
        return ""

    async def _keep_keys(self, keys: Keys) -> None:
        while True:
            await keys.warm()
            await asyncio.sleep(KEYS_S if keys.failure else WARM_S)

    # ------------------------------------------------------------ the hook

    async def handle(self, headers: Mapping[str, str], body: bytes) -> Answered:
        """What our HTTP server got from Teams, or from somebody who would like to be Teams."""
        if self._guard is None:
            return 503, PLAIN, b""
        try:
            activity = await self._guard.admit(headers, body)
        except TurnedAway as turned:
            metrics.refused(PLATFORM, str(turned.status))
            log.info("a call was not let in: %s", turned.why)
            return turned.status, PLAIN, b""
        try:
            status, answer = await self._turns.take(activity)
        except Exception:
            log.exception("what came from Teams could not be handled")
            status, answer = 200, self._failed(activity)
        if answer is None:
            return status, PLAIN, b""
        return status, AS_JSON, orjson.dumps(answer)

    def _failed(self, activity: Json) -> Json | None:
        """Nobody of ours waits for an answer that never comes."""
        if activity["type"] == "invoke":
            return toast(WRONG)
        sender = read_sender(activity)
        if activity["type"] == "message" and sender.workspace in tenants(self.conf):
            self._clerk.spawn(self._say.here(sender, text_message(WRONG)))
        return None

    # ------------------------------------------------------------ taps

    async def on_action(self, activity: Json) -> Json:
        tap = read_action(activity)
        if tap is None:
            return toast(NOT_READABLE)
        refused = await self._stranger(tap.sender, tap.interaction({}))
        if refused:
            return toast(refused)
        await self._hear(tap.sender)
        shown = await self._taps.answer(tap)
        return toast(shown) if isinstance(shown, str) else {"statusCode": 200, "type": CARD_TYPE, "value": shown}

    # ------------------------------------------------------------ who

    async def _stranger(self, sender: Sender, interaction: Interaction) -> str:
        """Why somebody is not even asked who they are; nothing for people of our own tenants, in our rooms."""
        if sender.workspace not in tenants(self.conf) or not sender.account or sender.bot:
            why, code = NOT_OURS, "outsider"
        elif not sender.private and sender.room not in self._rooms:
            why, code = NOT_A_ROOM, "room"
        else:
            return ""
        metrics.refused(PLATFORM, code)
        if self._noted.take(f"{sender.workspace} {sender.account}", interaction.key, self._front.now()) is None:
            log.warning("something came from outside: %s in %s of %s", sender.account, sender.room, sender.workspace)
            await self._front.turned_away(interaction, code, why)
        return why

    async def _hear(self, sender: Sender) -> None:
        """Remembers where the conversation is; whatever comes from a room shows that we are in it."""
        await self._refs.heard(sender.service, sender.room, sender.user, sender.account, private=sender.private)
        if sender.team and not sender.private:
            await self._refs.heard_team(sender.team, sender.room)
        await self._gone.discard(sender.room)

    # ------------------------------------------------------------ messages

    async def on_message(self, activity: Json) -> None:
        if self._is_repeat(activity):
            return
        if isinstance(activity.get("value"), dict) and not activity.get("text"):
            await self._submitted(activity)
        elif typed := read_typed(activity):
            await self._typed(typed)

    def _is_repeat(self, activity: Json) -> bool:
        """A message is delivered again when the first answer was lost, and may be replayed; it is answered once."""
        key = read_key(activity)
        if key in self._seen:
            return True
        self._seen[key] = None
        if len(self._seen) > SEEN:
            self._seen.popitem(last=False)
        return False

    async def _submitted(self, activity: Json) -> None:
        """A button of a client that knows no Action.Execute: no answer travels back with it, so a message does."""
        tap = read_submit(activity)
        if tap is None:
            return
        refused = await self._stranger(tap.sender, tap.interaction({}))
        if refused:
            self._told_where(tap.sender, refused)
            return
        await self._hear(tap.sender)
        if tap.verb == face.REFRESH:
            return
        shown = await self._taps.answer(tap)
        told = text_message(shown) if isinstance(shown, str) else message(shown, shown["fallbackText"])
        self._clerk.spawn(self._say.privately(tap.sender, told))

    async def _typed(self, typed: Typed) -> None:
        said = typed.said
        interaction = Interaction(said.key, PLATFORM, said.account, "typed", room=said.room, kind="command")
        refused = await self._stranger(typed.sender, replace(interaction, workspace=said.workspace))
        if refused:
            self._told_where(typed.sender, refused)
            return
        await self._hear(typed.sender)
        line = plain(await self._with_names(typed))
        first = asyncio.Event()

        async def late(reply: Reply) -> None:
            await first.wait()  # what a slower source adds must not overtake the answer
            await self._reply(typed.sender, reply)

        async def at_once(reply: Reply) -> None:
            await self._reply(typed.sender, reply)
            first.set()

        self._clerk.spawn(at_once(await self._clerk.run(line, said, late)))

    def _told_where(self, sender: Sender, refused: str) -> None:
        """People of ours hear that it is the wrong room; strangers hear nothing."""
        if refused is NOT_A_ROOM:
            self._clerk.spawn(self._say.here(sender, text_message(refused)))

    async def _with_names(self, typed: Typed) -> str:
        """Mentions of colleagues as `@id`; those of nobody we know stay as they are, and are answered as such."""
        text = typed.text
        for words, user in list(typed.mentions.items())[:MENTIONS]:
            account = await self._say.name(typed.sender, user)
            person = await self._front.person(PLATFORM, account) if account else None
            text = text.replace(words, f"@{person.id}" if person else f"@{plain(words)}")
        return text

    async def _reply(self, sender: Sender, reply: Reply) -> None:
        """In private all of it. In a channel a line without personal data; the rest goes to the private chat."""
        if sender.private:
            await self._say.here(sender, face.reply(reply, self.conf.card_bytes))
        elif is_short(reply):
            await self._say.here(sender, text_message(reply.lines[0]))
        else:
            told = await self._say.privately(sender, face.reply(reply, self.conf.card_bytes))
            words = TOLD_PRIVATELY if told else f"{gist(reply)} {CANT_TELL}".strip()
            await self._say.here(sender, text_message(words))

    # ------------------------------------------------------------ searches, dialogs

    async def on_search(self, activity: Json) -> Json:
        """Colleagues whose name is being typed, where there are too many for the form to hold."""
        data_set, typed, most = read_search(activity)
        sender = read_sender(activity)
        found: list[Json] = []
        press = self._front.press(data_set.removeprefix(forms.PEOPLE))
        ours = sender.workspace in tenants(self.conf) and await self._taps.is_known(sender)
        if ours and press is not None and data_set.startswith(forms.PEOPLE):
            found = forms.suggestions(await self._front.colleagues(press.alert_id), typed, most)
        return {"statusCode": 200, "type": SEARCHED, "value": {"results": found}}

    async def on_dialog(self, activity: Json) -> Json:  # noqa: ARG002 - no card of ours opens one
        return {"task": {"type": "message", "value": NO_FORM}}

    # ------------------------------------------------------------ where we are

    async def on_members(self, activity: Json) -> None:
        await self._place(activity)

    async def on_installed(self, activity: Json) -> None:
        sender = await self._place(activity)
        for room in await self._rooms_meant(sender):
            await self._gone.discard(room)
        if sender is not None and sender.private and not await self._taps.is_known(sender):
            shown = forms.connect(not_linked(self.conf.command))
            self._clerk.spawn(self._say.here(sender, message(shown, shown["fallbackText"])))

    async def on_removed(self, activity: Json) -> None:
        sender = read_sender(activity)
        if sender.workspace not in tenants(self.conf):
            return
        if sender.private:
            await self._refs.forget_chat(sender.account)
            return
        for room in await self._rooms_meant(sender):
            await self._gone.add(room)
            log.error("Deskbell was removed from Teams in %s", self._rooms[room])

    async def _place(self, activity: Json) -> Sender | None:
        """Keeps the conversation reference, if it is one of our tenants'."""
        sender = read_sender(activity)
        if sender.workspace not in tenants(self.conf):
            return None
        if sender.private or sender.room in self._rooms:
            await self._hear(sender)
        return sender

    async def _rooms_meant(self, sender: Sender | None) -> list[str]:
        """Our rooms that an installation is about: this one, or those of the team that it names."""
        if sender is None or sender.private:
            return []
        meant = {sender.room, *(await self._refs.rooms_of(sender.team) if sender.team else ())}
        return sorted(meant & set(self._rooms))


def is_short(reply: Reply) -> bool:
    """An answer that may stand in a channel: one line, like what became of a command."""
    return len(reply.lines) == 1 and len(reply.lines[0]) <= SHORT and not (reply.card or reply.title or reply.footer)


def gist(reply: Reply) -> str:
    """What became of a command, without what it may show: an answer with a title or a card is about somebody."""
    return reply.lines[0][:SHORT] if reply.lines and not (reply.card or reply.title or reply.footer) else ""


def toast(text: str) -> Json:
    """A few words that pass, for the one who tapped."""
    return {"statusCode": 200, "type": TOAST, "value": inert(text)}
