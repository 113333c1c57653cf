"""What people type in Telegram: commands, replies to prompts, Start, and the code that connects an account."""

import re
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from datetime import timedelta

from bot import answers
from bot.allowance import Allowance
from bot.grammar import BY_WORD
from bot.ports import Said
from bot.telegram_office import Office
from bot.telegram_reading import Me, Typed, line_of, start_of, with_names, with_ref
from bot.telegram_words import (
    CONNECT,
    EMPTY,
    IN_PRIVATE,
    NOBODY,
    ONLY_PRIVATE,
    OPEN,
    STALE,
    already,
    greeting,
    how_to_connect,
)
from deskbell.core.alert import MAX_TEXT, Verb
from deskbell.core.button import Press
from deskbell.core.card import Reply
from deskbell.core.ports import Interaction
from deskbell.core.text import clean
from deskbell.faces import telegram as face
from deskbell.faces import telegram_menus as menus
from deskbell.vendors.telegram import PLATFORM

STALE_S = 3600.0  # what was typed longer ago is not carried out any more: nobody expects it now
KEPT = 1000  # lines already answered, by key
POLITE = timedelta(minutes=1)  # how often one group is told the same refusal
HELD = 50  # answers that wait until their person presses Start
MENTIONS = 5

_CODE = re.compile(r"(?=\S*[0-9]|\S{10})[A-Za-z0-9_-]{6,64}")  # what may be a code, and is hardly a word


class Lines:
    def __init__(self, office: Office) -> None:
        self._office = office
        self._done: OrderedDict[str, None] = OrderedDict()
        self._held: OrderedDict[str, Reply] = OrderedDict()
        self._polite = Allowance(1, POLITE)

    async def take(self, typed: Typed, room: str) -> None:
        """Returns when what the line asks for is durable. A line that comes again is not answered again."""
        me, front = await self._office.me(), self._office.front
        private = typed.sender.private
        start = start_of(typed.text, me.username)
        line = line_of(typed.text, me.username, front.command, private=private)
        press = front.press(typed.own_token) if typed.own_token else None
        prompted = press is not None and press.verb in menus.TEXT_VERBS and not typed.text.startswith("/")
        if typed.key in self._done or (line is None and not prompted and not (private and start is not None)):
            return
        if typed.sender.nobody:
            await self._refuse(typed, typed.sender.nobody, room)
        elif front.now().timestamp() - typed.at > STALE_S:
            self._office.behind(self._say(typed, Reply(lines=(STALE,))))
        elif prompted and press is not None:
            await self._fill_in(typed, press, room)
        elif private and start is not None:
            await self._start(typed, start)
        else:
            await self._run(typed, line or "", room, me)
        self._done[typed.key] = None
        if len(self._done) > KEPT:
            self._done.popitem(last=False)

    async def _refuse(self, typed: Typed, why: str, room: str) -> None:
        """Somebody who can't be told from others; politely, and once in a while."""
        if self._polite.take(f"{typed.sender.chat} {why}", typed.key, self._office.front.now()) is not None:
            return
        said = Interaction(typed.key, PLATFORM, typed.sender.account, "command", room=room, kind="command")
        await self._office.front.turned_away(said, why, NOBODY[why])
        self._office.behind(self._say(typed, Reply(lines=(NOBODY[why],))))

    async def _say(self, typed: Typed, reply: Reply) -> None:
        sender = typed.sender
        await self._office.say.reply(sender.chat, reply, topic=sender.topic, to=0 if sender.private else sender.message)

    # ------------------------------------------------------------ commands

    async def _run(self, typed: Typed, line: str, room: str, me: Me) -> None:
        said = Said(PLATFORM, typed.sender.account, "", room, typed.key)
        if typed.sender.private and not await self._known(typed):
            heard = await self._office.front.customer_wrote(PLATFORM, typed.sender.account, line, typed.key)
            if heard is not None:
                if heard:
                    self._office.behind(self._say(typed, Reply(lines=(heard,))))
                return
        if typed.sender.private and _CODE.fullmatch(line) and not await self._known(typed) and not _is_command(line):
            reply = await self._office.front.redeem(said, line)
            self._office.behind(self._say(typed, reply))
            return
        line = with_ref(await self._named(typed, line), typed.own_ref)
        reply = await self._office.clerk.run(line, said, self._late(typed))
        self._office.behind(self._answer(typed, line, reply, me))

    async def _known(self, typed: Typed) -> bool:
        return await self._office.front.person(PLATFORM, typed.sender.account) is not None

    async def _named(self, typed: Typed, line: str) -> str:
        """Mentions of colleagues as `@id`; those of nobody we know stay as they are, and are answered as such."""
        names = {}
        for offset, length, account in typed.mentions[:MENTIONS]:
            person = await self._office.front.person(PLATFORM, account)
            if person is not None:
                names[offset, length] = f"@{person.id}"
        if not names:
            return line
        me = await self._office.me()
        text = with_names(typed.text, names)
        return line_of(text, me.username, self._office.front.command, private=typed.sender.private) or line

    async def _answer(self, typed: Typed, line: str, reply: Reply, me: Me) -> None:
        """In private as it is. In a group the answer goes to its person, and the group sees that there was one."""
        if typed.sender.private:
            await self._say(typed, reply)
        elif await self._office.whisper(typed.sender, reply):
            await self._in_group(typed, IN_PRIVATE, f"https://t.me/{me.username}")
        elif _is_move(line):  # a sentence without personal data, which the card shows as well
            await self._say(typed, reply)
        else:
            self._hold(typed.sender.account, reply)
            await self._in_group(typed, ONLY_PRIVATE, menus.start_link(me.username, OPEN))

    async def _in_group(self, typed: Typed, words: str, url: str) -> None:
        shown = face.reply(Reply(lines=(words,)))
        shown["reply_markup"] = {"inline_keyboard": [[{"text": "Open our chat", "url": url}]]}
        await self._office.say.send(typed.sender.chat, shown, topic=typed.sender.topic, to=typed.sender.message)

    def _hold(self, account: str, reply: Reply) -> None:
        self._held[account] = reply
        if len(self._held) > HELD:
            self._held.popitem(last=False)

    def _late(self, typed: Typed) -> Callable[[Reply], Awaitable[None]]:
        async def tell(reply: Reply) -> None:
            if not await self._office.whisper(typed.sender, reply):
                self._hold(typed.sender.account, reply)

        return tell

    # ------------------------------------------------------------ prompts

    async def _fill_in(self, typed: Typed, press: Press, room: str) -> None:
        """Words in reply to a prompt; they are taken from whoever wrote them, and the desk knows who may."""
        words = clean(typed.text, MAX_TEXT)
        if not words:
            self._office.behind(self._say(typed, Reply(lines=(EMPTY,))))
            return
        said = Interaction(
            key=typed.key,
            platform=PLATFORM,
            account=typed.sender.account,
            verb=press.verb.value,
            token=typed.own_token,
            args={menus.TEXT_VERBS[press.verb]: words},
            room=room,
            kind="form",
        )
        answer = await self._office.clerk.act(said, self._office.late(typed.sender))
        self._office.behind(self._filled_in(typed, answers.of(answer), ok=answer.ok))

    async def _filled_in(self, typed: Typed, reply: Reply, *, ok: bool) -> None:
        """In a group a question that was answered goes away, and the card says the rest."""
        sender = typed.sender
        if sender.private:
            await self._say(typed, reply)
        elif ok:
            await self._office.say.delete(sender.chat, typed.own_message)
        elif not await self._office.whisper(sender, reply):
            await self._say(typed, reply)

    # ------------------------------------------------------------ Start

    async def _start(self, typed: Typed, payload: str) -> None:
        """Start, perhaps behind a link: to connect, to a card, to an answer that waits, or with a code."""
        front, account = self._office.front, typed.sender.account
        press = front.press(payload) if payload else None
        person = await front.person(PLATFORM, account)
        if press is not None and person is not None:
            said = Said(PLATFORM, account, "", "", typed.key)
            reply = await self._office.clerk.run(f"show {press.ref}", said, self._late(typed))
        elif payload not in ("", CONNECT, OPEN) and press is None and person is not None:
            reply = already(person.name, front.command)
        elif payload not in ("", CONNECT, OPEN) and press is None:
            reply = await front.redeem(Said(PLATFORM, account, "", "", typed.key), payload)
        elif account in self._held:
            reply = self._held.pop(account)
        else:
            reply = greeting(person, front.command) if person else how_to_connect(account, front.command)
        self._office.behind(self._say(typed, reply))


def _is_command(line: str) -> bool:
    return line.partition(" ")[0].casefold() in BY_WORD


def _is_move(line: str) -> bool:
    """What is said about these is on the card as well; what Reveal shows never is."""
    spec = BY_WORD.get(line.partition(" ")[0].casefold())
    return spec is not None and spec.move not in (None, Verb.REVEAL)
