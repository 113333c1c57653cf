"""What people do in Discord: taps, menus, forms, slash commands. One answer each, within Discord's three seconds.

The answer is given after the desk has stored what was done. The words are for that person alone, with a way to take it
back; what a tap opened for them alone gives way to what became of it.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from bot import answers
from bot.clerk import UNSAVED, Clerk
from bot.discord_commands import choices, line_of
from bot.discord_reading import (
    AUTOCOMPLETE,
    CHOICES,
    DEFER_UPDATE,
    MODAL,
    SAY,
    UPDATE,
    Asked,
    Connecting,
    Form,
    Read,
    Sender,
    Tap,
    Typed,
    read,
)
from bot.discord_say import Say
from bot.discord_suggest import Suggestions
from deskbell.core.alert import Verb
from deskbell.core.button import Press
from deskbell.core.card import Reply
from deskbell.core.ports import Answer, Interaction
from deskbell.core.present import SNOOZES
from deskbell.core.text import parse_span
from deskbell.faces import discord as face
from deskbell.faces import discord_forms as forms
from deskbell.faces.shared import missing
from deskbell.net import metrics
from deskbell.vendors.discord import PLATFORM, DiscordConf

Json = dict[str, Any]
Body = Mapping[str, Any]
T = TypeVar("T")

LOOK_S = 1.5  # of the three seconds, for what is only looked up
BEHIND_S = 0.4  # the first answer is on its way; what is behind it must not overtake it

NOT_OURS = "Only people of the server that Deskbell belongs to can do this."
NOT_KNOWN = "Deskbell does not know that colleague here yet: their account must be connected first. Choose another one."
BROKEN = "Something went wrong on my side, and I can't say whether that was saved. Look at the card in a moment."

log = logging.getLogger("deskbell.discord")


class Acts:
    """Turns one interaction into the one answer that Discord waits for."""

    def __init__(self, conf: DiscordConf, clerk: Clerk, say: Say) -> None:
        self.conf = conf
        self._clerk, self._front, self._say = clerk, clerk.front, say
        self._suggestions = Suggestions(clerk.front)

    async def answer(self, body: Body) -> Json:
        """Never raises."""
        kind = body.get("type")
        try:
            said = read(body)
            if said is not None:
                return await self._answer(said)
        except Exception:
            log.exception("what came from Discord could not be handled")
            return _choices([]) if kind == AUTOCOMPLETE else _say(face.whisper(BROKEN))
        return _choices([]) if kind == AUTOCOMPLETE else {"type": DEFER_UPDATE}

    async def _answer(self, said: Read) -> Json:
        match said:
            case Asked():
                return _choices(await self._suggest(said))
            case Typed():
                return _say(await self._run(said))
            case Connecting():
                return await self._connect(said)
            case Form():
                return await self._submit(said)
            case Tap():
                return await self._tap(said)

    # ------------------------------------------------------------ who

    async def _refusal(self, sender: Sender, interaction: Interaction) -> str:
        """Why somebody is not even listened to; nothing for people of our own server, and for those we know."""
        if not sender.bot and sender.guild in self.conf.guilds:
            return ""
        if not sender.bot and not sender.guild and await self._front.person(PLATFORM, sender.account):
            return ""
        metrics.refused(PLATFORM, "outsider")
        log.warning("a tap or command came from outside: %s in %s", sender.account, sender.guild or "private")
        await self._front.turned_away(interaction, "outsider", NOT_OURS)
        return NOT_OURS

    async def _act(self, sender: Sender, interaction: Interaction) -> Answer:
        async def late(answer: Answer) -> None:
            await self._say.later(sender, in_private(answer))

        return await self._clerk.act(interaction, late)

    # ------------------------------------------------------------ taps

    async def _tap(self, tap: Tap) -> Json:
        press = self._front.press(tap.pressed.token)
        verb = press.verb.value if press else "unknown"  # the desk refuses such a token, and notes it
        if refused := await self._refusal(tap.sender, tap.interaction(verb)):
            return _say(face.whisper(refused))
        chosen = bool(tap.pressed.where)
        if press and not chosen and (question := await self._question(tap, press)):
            return question
        args = await self._args(tap, verb)
        if args is None:
            return _say(face.whisper(NOT_KNOWN))
        answer = await self._act(tap.sender, tap.interaction(verb, args))
        # What was only asked of one person has had its answer; Undo stands under the words that it takes back.
        instead = tap.private and (chosen or verb == Verb.UNDO)
        return _say(in_private(answer), instead=instead)

    async def _question(self, tap: Tap, press: Press) -> Json | None:
        """What has to be asked first, of people who may do it; nothing where the tap says it all."""
        asks = press.verb in (Verb.SNOOZE, Verb.REASSIGN) or press.verb.value in forms.TEXT_FORMS
        if not asks or not await self._clerk.may(tap.sender.account, press):
            return None
        ref, token = press.ref, tap.pressed.token
        if press.verb is Verb.SNOOZE:
            return _say(forms.menu(ref, token, tap.where, SNOOZES))
        if press.verb is Verb.REASSIGN:
            people = await _in_time(self._front.colleagues(press.alert_id), [])
            return _say(forms.picker(ref, token, tap.where, people))
        return {"type": MODAL, "data": forms.TEXT_FORMS[press.verb.value](ref, token)}

    async def _args(self, tap: Tap, verb: str) -> Mapping[str, Any] | None:
        """What was chosen, as the desk wants it; None for a colleague whom nobody knows."""
        what, values = tap.pressed.what, tap.values
        if verb == Verb.SNOOZE and what:
            return {"span": parse_span(what)}
        if verb != Verb.REASSIGN or not values:
            return {}
        if what != forms.USER:
            return {"person": values[0]}
        person = await self._front.person(PLATFORM, values[0])
        return {"person": person.id} if person else None

    # ------------------------------------------------------------ forms

    async def _submit(self, form: Form) -> Json:
        tap = form.tap
        press = self._front.press(tap.pressed.token)
        verb = press.verb.value if press else "unknown"
        args = forms.args_of(verb, form.fields)
        interaction = tap.interaction(verb, args, kind="form")
        if refused := await self._refusal(tap.sender, interaction):
            return _say(face.whisper(refused))
        if args is None:
            return _say(face.whisper(f"Nothing was saved. {missing(verb)}"))
        return _say(in_private(await self._act(tap.sender, interaction)))

    # ------------------------------------------------------------ who are you?

    async def _connect(self, said: Connecting) -> Json:
        """A code makes the account a person's, and does what the account last asked for."""
        sender = said.sender
        interaction = Interaction(sender.key, PLATFORM, sender.account, "link", workspace=sender.guild, kind="form")
        if refused := await self._refusal(sender, interaction):
            return _say(face.whisper(refused))
        if said.code is None:
            return {"type": MODAL, "data": forms.code(self.conf.command)}
        code = (said.code.split() or [""])[-1]  # people paste "/desk link CODE", too
        work = self._front.redeem(sender.said(), code)
        reply = await self._clerk.within(work, self._later(sender)) or Reply(lines=(UNSAVED,))
        return _say(await self._shown(sender, reply))

    # ------------------------------------------------------------ commands

    async def _run(self, typed: Typed) -> Json:
        sender = typed.sender
        said = sender.said()
        interaction = Interaction(
            said.key, PLATFORM, said.account, typed.verb or typed.command, workspace=said.workspace, kind="command"
        )
        if refused := await self._refusal(sender, interaction):
            return face.whisper(refused)
        line = line_of(typed.command, typed.verb, typed.options, self.conf)
        return await self._shown(sender, await self._clerk.run(line, said, self._later(sender)))

    async def _shown(self, sender: Sender, reply: Reply) -> Json:
        """The reply; with the way to connect for somebody who is still not known."""
        if await self._front.person(PLATFORM, sender.account):
            return face.reply(reply)
        return face.reply(reply, forms.connect())

    def _later(self, sender: Sender) -> Callable[[Reply], Awaitable[None]]:
        async def speak(reply: Reply) -> None:
            await asyncio.sleep(BEHIND_S)
            await self._say.later(sender, face.reply(reply))

        return speak

    async def _suggest(self, asked: Asked) -> list[tuple[str, str]]:
        if asked.sender.bot or asked.sender.guild not in self.conf.guilds:
            return []
        person = await self._front.person(PLATFORM, asked.sender.account)
        if person is None:
            return []
        return await _in_time(self._suggestions.find(person, asked.verb, asked.option, asked.typed), [])


async def _in_time(work: Awaitable[T], otherwise: T) -> T:
    try:
        async with asyncio.timeout(LOOK_S):
            return await work
    except TimeoutError:
        return otherwise


def in_private(answer: Answer) -> Json:
    """The answer; with the way to connect for somebody who is not known."""
    return face.reply(answers.of(answer), *([forms.connect()] if answer.code == "unknown_person" else []))


def _say(message: Json, *, instead: bool = False) -> Json:
    """A message of its own, or in the place of the one that was tapped."""
    return {"type": UPDATE if instead else SAY, "data": message}


def _choices(found: list[tuple[str, str]]) -> Json:
    return {"type": CHOICES, "data": {"choices": choices(found)}}
