"""Telegram as a way out: cards posted and edited in place, notes in reply to them, direct messages."""

import hashlib
import logging
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import orjson

from channels.common import ON_THE_CARD, AccountOf, no_account, refused_as_such
from deskbell.core.card import Card, Note
from deskbell.core.outcome import Fault, Outcome, Rejected, Sent, Unknown
from deskbell.core.ports import Destination, Finding, Identity, Limit
from deskbell.core.store import Memory
from deskbell.faces import telegram as face
from deskbell.net.faults import point
from deskbell.vendors.telegram import NO_THREAD, NOT_MODIFIED, PLATFORM, TelegramConf, Way, limits, link_to, parts_of
from deskbell.vendors.telegram_api import Rooms, TelegramApi, Trouble

Json = dict[str, Any]

_NO_PREVIEW = {"is_disabled": True}
_SPEAKS = ("member", "administrator", "creator")

log = logging.getLogger("deskbell.telegram")


class TelegramChannel:
    """Posts in the name of one bot. `account_of` finds a person's user id, `names` what to call a person."""

    edits = True
    platform = PLATFORM

    def __init__(
        self,
        conf: TelegramConf,
        account_of: AccountOf,
        names: Mapping[str, str],
        session: aiohttp.ClientSession | None = None,
        memory: Memory | None = None,
    ) -> None:
        self.conf = conf
        self._api = TelegramApi(conf, session)
        self._rooms = Rooms(memory)
        self._account_of = account_of
        self._names = names

    @property
    def limits(self) -> Sequence[Limit]:
        return limits(self.conf)

    async def close(self) -> None:
        await self._api.close()

    # ------------------------------------------------------------ saying

    async def post(self, to: Destination, card: Card, identity: Identity) -> Outcome:
        shown = face.card(card, await self._mention(card.mentions))
        sent = await self._post(to.address, shown)
        return await self._post(to.address, face.plain_card(card)) if refused_as_such(sent, identity) else sent

    async def edit(
        self,
        to: Destination,  # noqa: ARG002 - the ref says where
        ref: Mapping[str, str],
        card: Card,
        identity: Identity,
    ) -> Outcome:
        shown = face.card(card)
        # Asked, Telegram would count it against the group. The ref knows, for another instance may have edited it last.
        if ref.get("shown") == _mark(shown):
            return Sent(ref, "it shows that already", skipped=True)
        done = await self._edit(ref, shown)
        return await self._edit(ref, face.plain_card(card)) if refused_as_such(done, identity) else done

    async def note(self, to: Destination, thread: Mapping[str, str], note: Note, identity: Identity) -> Outcome:
        if note.direct:
            return await self._whisper(note, thread, identity)
        if not note.mentions and not note.broadcast:
            return ON_THE_CARD
        shown = face.note(note, await self._mention(note.mentions))
        sent = await self._post(to.address, shown, thread)
        return await self._post(to.address, face.plain_note(note), thread) if refused_as_such(sent, identity) else sent

    async def _whisper(self, note: Note, card: Mapping[str, str], identity: Identity) -> Outcome:
        account = await self._account_of(note.direct)
        if not account or not account.isdigit():
            return no_account("Telegram", self._names.get(note.direct, note.direct))
        url = link_to(int(card["chat"]), int(card["message"]), int(card.get("topic") or 0)) if card else ""
        sent = await self._post(account, face.note(note, await self._mention(note.mentions), url))
        return await self._post(account, face.plain_note(note)) if refused_as_such(sent, identity) else sent

    async def _post(self, address: str, shown: Json, thread: Mapping[str, str] | None = None) -> Outcome:
        """To where the address leads now. A topic that is gone is left out: better in the group than nowhere."""
        configured, topic = parts_of(address)
        chat = await self._rooms.chat_of(configured)
        while True:
            try:
                return await self._say(chat, topic, shown, thread)
            except Trouble as trouble:
                if trouble.moved_to and trouble.moved_to != chat:
                    chat = trouble.moved_to
                    await self._rooms.moved(configured, chat)
                elif topic and trouble.says(*NO_THREAD):
                    topic = 0
                    log.warning("the Telegram topic %s is gone: its cards stand in the group itself now", address)
                else:
                    return trouble.outcome

    async def _say(self, chat: int, topic: int, shown: Json, thread: Mapping[str, str] | None = None) -> Sent:
        point("telegram.send.before")
        body: Json = {**shown, "chat_id": chat, "link_preview_options": _NO_PREVIEW}
        if topic:
            body["message_thread_id"] = topic
        if thread and thread.get("chat") == str(chat):
            body["reply_parameters"] = {"message_id": int(thread["message"]), "allow_sending_without_reply": True}
        message = await self._api.call("sendMessage", body)
        point("telegram.send.after")
        try:
            ref = {"chat": str(message["chat"]["id"]), "message": str(message["message_id"])}
        except (KeyError, TypeError):
            raise Trouble(Unknown("Telegram's answer can't be read")) from None
        return Sent(ref | ({"topic": str(topic)} if topic else {}))

    async def _edit(self, ref: Mapping[str, str], shown: Json) -> Outcome:
        """An edit notifies nobody."""
        chat = int(ref["chat"])
        if await self._rooms.chat_of(chat) != chat:
            return _moved_on()
        point("telegram.edit.before")
        place = {"chat_id": chat, "message_id": int(ref["message"]), "link_preview_options": _NO_PREVIEW}
        try:
            await self._api.call("editMessageText", {**shown, **place})
        except Trouble as trouble:
            if trouble.says(NOT_MODIFIED):
                return Sent({**ref, "shown": _mark(shown)})
            if trouble.moved_to:
                await self._rooms.moved(chat, trouble.moved_to)
                return _moved_on()
            return trouble.outcome
        point("telegram.edit.after")
        return Sent({**ref, "shown": _mark(shown)})

    async def _mention(self, people: Sequence[str]) -> face.Mention:
        """How to call these people: a mention that rings where their account is known, else their name."""
        accounts = {person: await self._account_of(person) for person in people}
        return lambda person: face.person(accounts.get(person) or "", self._names.get(person, person))

    # ------------------------------------------------------------ finding

    async def find(
        self,
        to: Destination,  # noqa: ARG002 - there is nobody to ask
        identity: Identity,  # noqa: ARG002 - the same
        since: datetime,  # noqa: ARG002 - the same
        thread: Mapping[str, str],  # noqa: ARG002 - the same
    ) -> Mapping[str, str] | Outcome | None:
        """A bot can't read what it said: it is sent again."""
        return Rejected(Fault.CONFIG, "Telegram can't be asked what arrived")

    # ------------------------------------------------------------ checking

    async def check(self, destinations: Sequence[Destination]) -> Sequence[Finding]:
        """Whether the token is good, whether taps can come back, and whether each room can be written to."""
        try:
            me = await self._api.me()
        except Trouble as trouble:
            return [Finding("telegram", ok=False, detail=f"{trouble.why}. Look at token: @BotFather shows it.")]
        rows = [Finding("telegram", ok=True, detail=f"@{me.username}"), await self._check_way_in()]
        return rows + [await self._check_room(destination, me.id) for destination in destinations]

    async def _check_way_in(self) -> Finding:
        try:
            info = await self._api.ask(self._api.bot.get_webhook_info())
        except Trouble as trouble:
            return Finding("telegram way in", ok=False, detail=trouble.why)
        host = urlsplit(info.url).hostname or ""
        if self.conf.way is Way.POLL:
            blocked = (
                f"a webhook to {host} is set, which blocks polling: call deleteWebhook, or use it with way = webhook"
            )
            return Finding("telegram polling", ok=not info.url, detail=blocked if info.url else "")
        wanted = urlsplit(self.conf.webhook_url).hostname
        detail = f"{host}, {info.pending_update_count} waiting" if host else "not set yet; the daemon sets it"
        if host and host != wanted:
            return Finding("telegram webhook", ok=False, detail=f"it is set to {host}, not to {wanted}")
        if info.last_error_message:
            detail += f", last error: {info.last_error_message}"
        return Finding("telegram webhook", ok=not info.last_error_message, detail=detail)

    async def _check_room(self, to: Destination, me: int) -> Finding:
        name = f"telegram {to.name}"
        configured, topic = parts_of(to.address)
        chat_id = await self._rooms.chat_of(configured)
        bot = self._api.bot
        try:
            chat = await self._api.ask(bot.get_chat(chat_id))
            member = await self._api.ask(bot.get_chat_member(chat_id, me)) if chat_id < 0 else None
            if topic:  # nothing else tells whether a topic is there; this shows "typing" for a moment
                await self._api.ask(bot.send_chat_action(chat_id, "typing", message_thread_id=topic))
        except Trouble as trouble:
            if trouble.moved_to:
                return Finding(name, ok=True, detail=f"it is the supergroup {trouble.moved_to} now: change the address")
            return Finding(name, ok=False, detail=trouble.why)
        if member is not None and member.status not in _SPEAKS:
            return Finding(name, ok=False, detail=f"Deskbell is {member.status} in {chat.title}: invite it there")
        return Finding(name, ok=True, detail=chat.title or "direct messages")


def _mark(shown: Json) -> str:
    """Tells two looks of a card apart."""
    return hashlib.blake2b(orjson.dumps(shown), digest_size=8).hexdigest()


def _moved_on() -> Rejected:
    """https://core.telegram.org/bots/api#responseparameters: message ids of the old group mean nothing in the new."""
    return Rejected(Fault.GONE, "Telegram: the group became a supergroup, its old messages can't be changed")
