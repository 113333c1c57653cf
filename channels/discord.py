"""Discord as a way out: cards posted and edited, their story in a thread, rings as replies, and direct messages.

https://docs.discord.com/developers/resources/message
"""

import base64
import hashlib
import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp

from channels.common import ON_THE_CARD, AccountOf, no_account, refused_as_such
from channels.discord_check import check
from deskbell.core.card import Card, Note
from deskbell.core.outcome import Fault, Outcome, Rejected, Retry, Sent, Unknown
from deskbell.core.ports import Destination, Finding, Identity, Limit
from deskbell.core.store import Memory
from deskbell.core.text import clean, cut
from deskbell.faces import discord as face
from deskbell.net.faults import point
from deskbell.net.session import Trouble
from deskbell.vendors.discord import (
    EDITED_TOO_OFTEN,
    LINKS,
    PLATFORM,
    THREAD_EXISTS,
    THREADLESS,
    UNKNOWN_MESSAGE,
    DiscordConf,
    limits,
)
from deskbell.vendors.discord_web import DiscordWeb

log = logging.getLogger(__name__)

Json = dict[str, Any]

NONCE = 25
MESSAGES = "/channels/{channel_id}/messages"
MESSAGE = MESSAGES + "/{message_id}"
THREAD_NAME = 100
ARCHIVE_MINUTES = 1440  # a thread nobody writes in for a day leaves the list; the next line brings it back
_LOOK_BACK = timedelta(seconds=60)  # Discord's clock and ours may differ by as much
_PAGE = 100
_PAGES = 5
_EPOCH_MS = 1_420_070_400_000


class DiscordChannel:
    """Posts to the channels of one application's servers. `names`: what to call a person whose account is unknown."""

    edits = True
    platform = PLATFORM

    def __init__(
        self,
        conf: DiscordConf,
        account_of: AccountOf,
        names: Mapping[str, str],
        session: aiohttp.ClientSession | None = None,
        _memory: Memory | None = None,  # Discord's ids never change
    ) -> None:
        self.conf = conf
        self._web = DiscordWeb(conf, session)
        self._account_of = account_of
        self._names = names
        self._direct: dict[str, str] = {}  # account -> channel of the direct messages
        self._guilds: dict[str, str] = {}  # channel -> its server
        self._threads: set[str] = set()  # those that are known to be there
        self._tried: dict[int, str] = {}  # dispatch -> the channel its note was last sent to, until Discord said yes

    @property
    def limits(self) -> Sequence[Limit]:
        return limits(self.conf)

    async def close(self) -> None:
        await self._web.close()

    async def check(self, destinations: Sequence[Destination]) -> Sequence[Finding]:
        return await check(self._web, destinations)

    # ------------------------------------------------------------ cards

    async def post(self, to: Destination, card: Card, identity: Identity) -> Outcome:
        account = await self._accounts(card.mentions)
        shown = face.card(card, account, self._name, role=self.conf.oncall_role, rings=True)
        try:
            sent = await self._say(to.address, shown, identity)
        except Trouble as trouble:
            if not refused_as_such(trouble.outcome, identity):
                return _of_a_post(trouble)
        else:
            return sent
        return await self._post_plain(to, card, identity)

    async def _post_plain(self, to: Destination, card: Card, identity: Identity) -> Outcome:
        try:
            return await self._say(to.address, face.plain_card(card), identity)
        except Trouble as trouble:
            return _of_a_post(trouble)

    async def edit(self, to: Destination, ref: Mapping[str, str], card: Card, identity: Identity) -> Outcome:  # noqa: ARG002 - the ref says where
        account = await self._accounts(card.mentions)
        shown = face.card(card, account, self._name, role=self.conf.oncall_role)
        done = await self._edit(ref, shown)
        if isinstance(done, Trouble) and refused_as_such(done.outcome, identity):
            done = await self._edit(ref, face.plain_card(card))
        if isinstance(done, Sent):
            return done
        if done.code == EDITED_TOO_OFTEN:
            await self._take_away(ref)  # a card that nobody can change any more must not stand beside its successor
        return done.outcome

    async def _edit(self, ref: Mapping[str, str], shown: Json) -> Sent | Trouble:
        point("discord.edit.before")
        try:
            await self._web.ask("PATCH", MESSAGE, json=shown, channel_id=ref["channel"], message_id=ref["message"])
        except Trouble as trouble:
            return trouble
        point("discord.edit.after")
        return Sent(dict(ref))

    async def _take_away(self, ref: Mapping[str, str]) -> None:
        try:
            await self._web.call("DELETE", MESSAGE, channel_id=ref["channel"], message_id=ref["message"])
        except Trouble as trouble:
            log.warning("an old card could not be taken away: %s", trouble.why)

    # ------------------------------------------------------------ notes

    async def note(self, to: Destination, thread: Mapping[str, str], note: Note, identity: Identity) -> Outcome:
        """A direct message; a ring, as a reply to the card in its channel; or a line of the card's thread."""
        try:
            if note.direct:
                sent = await self._whisper(thread, note, identity)
            elif thread.get("message") and not note.mentions and not note.broadcast:
                sent = await self._tell(thread, note, identity)
            else:
                sent = await self._ring(thread, to, note, identity)
        except Trouble as trouble:
            return _of_a_post(trouble)
        if isinstance(sent, Sent):
            self._tried.pop(identity.number, None)
        return sent

    async def _ring(self, card: Mapping[str, str], to: Destination, note: Note, identity: Identity) -> Outcome:
        message = face.note(note, await self._accounts(note.mentions), self._name, role=self.conf.oncall_role)
        if card.get("message"):
            message["message_reference"] = {"message_id": card["message"], "fail_if_not_exists": False}
        return await self._say(card.get("channel") or to.address, message, identity)

    async def _tell(self, card: Mapping[str, str], note: Note, identity: Identity) -> Outcome:
        """A thread that begins at a message has the message's id. Where there can be none, the card has to do."""
        message = face.note(note, await self._accounts(()), self._name) | {"flags": face.SILENT}
        try:
            await self._open_thread(card, note)
            return await self._say(card["message"], message, identity)
        except Trouble as trouble:
            self._threads.discard(card["message"])
            if trouble.code in THREADLESS:
                return ON_THE_CARD
            raise

    async def _open_thread(self, card: Mapping[str, str], note: Note) -> None:
        if card["message"] in self._threads:
            return
        name = cut(clean(f"{note.ref or 'Alert'}: the story", THREAD_NAME), THREAD_NAME)
        body = {"name": name, "auto_archive_duration": ARCHIVE_MINUTES}
        ids = {"channel_id": card["channel"], "message_id": card["message"]}
        try:
            await self._web.ask("POST", MESSAGE + "/threads", json=body, **ids)
        except Trouble as trouble:
            if trouble.code != THREAD_EXISTS:
                raise
        self._threads.add(card["message"])

    async def _whisper(self, card: Mapping[str, str], note: Note, identity: Identity) -> Outcome:
        account = await self._account_of(note.direct)
        if not account:
            return no_account("Discord", self._name(note.direct))
        message = face.note(note, await self._accounts(note.mentions), self._name, card_url=await self._card_url(card))
        try:
            return await self._say(await self._direct_channel(account), message, identity)
        except Trouble:
            self._direct.pop(account, None)
            raise

    async def _direct_channel(self, account: str) -> str:
        if account not in self._direct:
            answer = await self._web.ask("POST", "/users/@me/channels", json={"recipient_id": account})
            if not answer.get("id"):
                raise Trouble(Unknown("Discord's answer can't be read: there is no channel in it"))
            self._direct[account] = str(answer["id"])
        return self._direct[account]

    async def _card_url(self, card: Mapping[str, str]) -> str:
        """The address of the card, so that who is woken by a direct message is one tap away from its buttons."""
        if not card.get("message"):
            return ""
        channel = card["channel"]
        try:
            if channel not in self._guilds:
                found = await self._web.ask("GET", "/channels/{channel_id}", channel_id=channel)
                self._guilds[channel] = str(found.get("guild_id") or "@me")
        except Trouble:
            return ""  # the message matters more than the way to the card
        return f"{LINKS}/{self._guilds[channel]}/{channel}/{card['message']}"

    # ------------------------------------------------------------ saying

    async def _say(self, channel: str, message: Json, identity: Identity) -> Sent:
        """With a nonce that is always the same for the same thing: a second try within minutes makes no second one."""
        if identity.kind == "note":
            self._tried[identity.number] = channel
        body = message | {"nonce": nonce(identity), "enforce_nonce": True}
        point("discord.send.before")
        answer = await self._web.ask("POST", MESSAGES, json=body, channel_id=channel)
        point("discord.send.after")
        if not answer.get("id"):
            raise Trouble(Unknown("Discord's answer can't be read: there is no id in it"))
        # Discord gave an earlier message back when it says something else: it shows what it showed then.
        found = str(answer.get("content", "")).strip() != str(message["content"]).strip()
        return Sent({"channel": str(answer.get("channel_id") or channel), "message": str(answer["id"])}, found=found)

    async def _accounts(self, people: Sequence[str]) -> face.Account:
        accounts = {person: await self._account_of(person) or "" for person in people}
        return lambda person: accounts.get(person, "")

    def _name(self, person: str) -> str:
        return self._names.get(person, person)

    # ------------------------------------------------------------ finding

    async def find(
        self, to: Destination, identity: Identity, since: datetime, thread: Mapping[str, str]
    ) -> Mapping[str, str] | Outcome | None:
        """By our own words in the messages since then; what is not found may be sent again, for the nonce guards it."""
        try:
            channel = await self._where(to, identity, thread)
            return await self._find_in(channel, identity, since) if channel else None
        except Trouble as trouble:
            why = trouble.outcome
            if isinstance(why, Rejected):
                return None if trouble.code in THREADLESS else why
            return Retry(trouble.why, getattr(why, "after", None))

    async def _where(self, to: Destination, identity: Identity, thread: Mapping[str, str]) -> str:
        if identity.kind != "note":
            return to.address
        if tried := self._tried.get(identity.number):
            return tried
        if thread.get("direct"):
            account = await self._account_of(thread["direct"])
            return await self._direct_channel(account) if account else ""
        return ""  # it may stand in the channel or in the thread; the nonce decides

    async def _find_in(self, channel: str, identity: Identity, since: datetime) -> Mapping[str, str] | None:
        wanted, after = nonce(identity), snowflake(since - _LOOK_BACK)
        for _ in range(_PAGES):
            query = {"limit": str(_PAGE), "after": after}
            page = _read_page(await self._web.call("GET", MESSAGES, query=query, channel_id=channel))
            for message in page:
                if _is(message, identity, wanted, self.conf.application_id):
                    return {"channel": channel, "message": str(message["id"])}
            if len(page) < _PAGE:
                return None
            after = str(max(int(message["id"]) for message in page))
        raise Trouble(Rejected(Fault.TARGET, "Discord: there are too many messages to look through"))


def nonce(identity: Identity) -> str:
    """25 signs that are the same for the same message, and for no other."""
    text = "\n".join((identity.kind, identity.alert_ref, identity.destination, str(identity.number)))
    return base64.b32encode(hashlib.sha256(text.encode()).digest()).decode()[:NONCE]


def snowflake(moment: datetime) -> str:
    """The smallest id of that moment: https://docs.discord.com/developers/reference#snowflakes."""
    milliseconds = int(moment.astimezone(UTC).timestamp() * 1000) - _EPOCH_MS
    return str(max(0, milliseconds) << 22)


def _read_page(answer: Any) -> Sequence[Mapping[str, Any]]:
    if not isinstance(answer, list) or not all(isinstance(one, Mapping) and _is_id(one.get("id")) for one in answer):
        raise Trouble(Unknown("Discord's answer can't be read: it is no list of messages"))
    return answer


def _is_id(value: Any) -> bool:
    return isinstance(value, str) and value.isascii() and value.isdigit()


def _is(message: Mapping[str, Any], identity: Identity, wanted: str, application: str) -> bool:
    """By the nonce where Discord tells it again; a card also by its foot, for a room has one card of an alert."""
    if str(message.get("nonce") or "") == wanted:
        return True
    ours = application in (message.get("application_id"), _part(message, "author").get("id"))
    embeds = message.get("embeds")
    shown = embeds if isinstance(embeds, list) else ()
    feet = [str(_part(embed, "footer").get("text", "")) for embed in shown]
    return identity.kind == "card" and ours and any(foot.startswith(f"{identity.alert_ref} ") for foot in feet)


def _part(data: Any, name: str) -> Mapping[str, Any]:
    part = data.get(name) if isinstance(data, Mapping) else None
    return part if isinstance(part, Mapping) else {}


def _of_a_post(trouble: Trouble) -> Outcome:
    """A second try under the nonce of a message that was deleted meanwhile is told as an unknown message."""
    if trouble.code == UNKNOWN_MESSAGE:
        return Rejected(Fault.GONE, trouble.why)
    return trouble.outcome
