"""Taps in Telegram: what they do at once, and the menus and prompts that come first.

Telegram has no forms: a menu takes the place of a card's buttons, for all to see, until somebody chooses, goes back, or
nobody does for a while; what needs words is asked by a message to reply to.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from bot.answers import not_genuine
from bot.telegram_office import Office
from bot.telegram_reading import Tap
from bot.telegram_words import CONNECT, FORWARDED, ONLY_PRIVATE, OPEN, connect, not_asked
from deskbell.core.alert import Alert
from deskbell.core.button import Press
from deskbell.core.card import Button
from deskbell.core.ports import Answer, Interaction
from deskbell.faces import telegram as face
from deskbell.faces import telegram_menus as menus
from deskbell.faces.shared import NO_COLLEAGUE
from deskbell.vendors.telegram import PLATFORM

Place = tuple[int, int]  # chat, message


class Taps:
    def __init__(self, office: Office) -> None:
        self._office = office
        self._open: dict[Place, object] = {}  # the menus that stand below cards now

    async def take(self, tap: Tap, room: str) -> None:
        """Returns when what the tap asks for is durable."""
        office, press = self._office, self._office.front.press(tap.data.token)
        if tap.sender.nobody:
            await office.front.turned_away(_interaction(tap, press, {}, room), tap.sender.nobody, FORWARDED)
            office.behind(office.say.answer(tap.query, FORWARDED, alert=True))
        elif press is None:  # the desk refuses such a token, and notes it
            answer = await office.clerk.act(_interaction(tap, None, {}, room), office.late(tap.sender))
            office.behind(office.say.answer(tap.query, answer.text, alert=True))
        elif tap.data.asks and await office.clerk.may(tap.sender.account, press):
            office.behind(self._ask(tap, press, room))
        else:
            await self._act(tap, press, room)

    # ------------------------------------------------------------ acting

    async def _act(self, tap: Tap, press: Press, room: str, *, asked: bool = False) -> None:
        """A press that would open a menu, of somebody who may not, is refused in the desk's own words."""
        office = self._office
        bare = tap.data.asks or asked
        args = {} if bare else menus.args_of(tap.data, tuple(office.front.people))
        if args is None:
            office.behind(office.say.answer(tap.query, not_genuine(office.front.command), alert=True))
            return
        answer = await office.clerk.act(_interaction(tap, press, args, room), office.late(tap.sender))
        office.behind(self._tell(tap, press, answer))

    async def _tell(self, tap: Tap, press: Press, answer: Answer) -> None:
        """A toast for what was done, a box to close for what was not; nobody else sees either."""
        say, me = self._office.say, await self._office.me()
        if answer.code == "unknown_person":
            url = menus.start_link(me.username, CONNECT)
            await say.answer(tap.query, connect(me.username, self._office.front.command), alert=True, url=url)
            return
        private = answer.reply is None or await self._office.whisper(tap.sender, answer.reply)
        if private:
            await say.answer(tap.query, answer.text, alert=not answer.ok)
        else:
            url = menus.start_link(me.username, OPEN)
            await say.answer(tap.query, ONLY_PRIVATE, alert=True, url=url)
        await self._show(tap, press, answer)

    async def _show(self, tap: Tap, press: Press, answer: Answer) -> None:
        """Cards in rooms are redrawn by the courier, their menus with them; should it fail to, the menu closes in time.
        A private message becomes the card as it is now, with Undo.
        """
        if tap.sender.private and answer.ok:
            if (alert := answer.alert or await self._alert(press)) is not None:
                card = await self._office.front.card(alert)
                card = replace(card, undo=answer.undo or card.undo)
                await self._office.say.redraw(tap.sender.chat, tap.sender.message, face.card(card))
        elif tap.data.code and not answer.ok:
            await self._close(tap, press)

    async def _alert(self, press: Press) -> Alert | None:
        return await self._office.front.find_alert(press.ref)

    # ------------------------------------------------------------ asking

    async def _ask(self, tap: Tap, press: Press, room: str) -> None:
        """Opens a menu, turns its page, closes it, or asks for words."""
        say = self._office.say
        if tap.data.code == "b":
            await say.answer(tap.query)
            await self._close(tap, press)
            return
        if tap.data.code == "t" or press.verb == "note":
            await self._prompt(tap, press)
            return
        rows = await self._menu(tap, press)
        if rows is None:
            await self._act(tap, press, room, asked=True)
        elif not rows:
            await say.answer(tap.query, NO_COLLEAGUE, alert=True)
        elif await say.keyboard(*_place(tap), rows):
            await say.answer(tap.query, menus.question(press.verb))
            self._office.behind(self._close_later(tap, press))
        else:
            await self._not_asked(tap, press)

    async def _menu(self, tap: Tap, press: Press) -> face.Rows | None:
        """None: the card has no such button any more."""
        button = await self._button(press)
        if button is None:
            return None
        if button.choices:
            return menus.spans(tap.data.token, button.choices)
        if press.verb == "reassign":
            people = await self._office.front.colleagues(press.alert_id)
            page = int(tap.data.value) if tap.data.value.isascii() and tap.data.value.isdigit() else 0
            return menus.people(tap.data.token, people, page) if people else []
        return menus.reasons(tap.data.token)

    async def _button(self, press: Press) -> Button | None:
        alert = await self._alert(press)
        card = await self._office.front.card(alert) if alert is not None else None
        return next((button for button in card.buttons if button.verb == press.verb), None) if card else None

    async def _prompt(self, tap: Tap, press: Press) -> None:
        """The card gets its own buttons back; the question is for the one who pressed."""
        me, sender = await self._office.me(), tap.sender
        shown = menus.prompt(press.verb, press.ref, tap.data.token, me.username, sender.account, sender.name)
        if not await self._office.say.send(sender.chat, shown, topic=sender.topic, silent=False):
            await self._not_asked(tap, press)
            return
        await self._office.say.answer(tap.query)
        if tap.data.code == "t":
            await self._close(tap, press)

    async def _not_asked(self, tap: Tap, press: Press) -> None:
        words = not_asked(press.verb, press.ref, self._office.front.command)
        await self._office.say.answer(tap.query, words, alert=True)

    async def _close(self, tap: Tap, press: Press) -> None:
        """The card's own buttons, as they are now."""
        self._open.pop(_place(tap), None)
        if (alert := await self._alert(press)) is not None:
            card = await self._office.front.card(alert)
            await self._office.say.keyboard(*_place(tap), face.keyboard(card))

    async def _close_later(self, tap: Tap, press: Press) -> None:
        """Nobody chose: the card must not be left without its buttons."""
        mine = self._open[_place(tap)] = object()
        await asyncio.sleep(self._office.conf.menu_s)
        if self._open.get(_place(tap)) is mine:
            await self._close(tap, press)


def _place(tap: Tap) -> Place:
    return tap.sender.chat, tap.sender.message


def _interaction(tap: Tap, press: Press | None, args: Mapping[str, Any], room: str) -> Interaction:
    return Interaction(
        key=tap.key,
        platform=PLATFORM,
        account=tap.sender.account,
        verb=press.verb.value if press else "unknown",
        token=tap.data.token,
        args=args,
        room=room,
        kind="form" if args else "button",
    )
