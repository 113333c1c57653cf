"""What a tap in Teams leads to: the desk acts, and the one who tapped sees a card of their own, or a few words."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

from bot import answers
from bot.clerk import UNSAVED, Clerk
from bot.ports import Front, Said
from bot.teams_reading import Sender, Tap
from bot.teams_say import Say
from deskbell.core.alert import Alert
from deskbell.core.card import Card, Reply
from deskbell.core.ports import Answer
from deskbell.faces import teams as face
from deskbell.faces import teams_forms as forms
from deskbell.faces.shared import missing
from deskbell.faces.teams_parts import Json, message
from deskbell.net.faults import point
from deskbell.vendors.teams import PLATFORM, TeamsConf

DRAW_S = 1.0  # to draw a card for the answer of a tap; a few words do when that takes longer

NOT_READABLE = "Deskbell can't read that button. Open the card again, or type a command."
NO_CODE = "Type the code first."


class Taps:
    """For people of our own tenants, in our rooms: the gateway has looked."""

    def __init__(self, conf: TeamsConf, front: Front, clerk: Clerk, say: Say) -> None:
        self.conf = conf
        self._front, self._clerk, self._say = front, clerk, say

    async def answer(self, tap: Tap) -> Json | str:
        """A card for the one who tapped, or a few words."""
        if tap.verb == face.REFRESH:
            return await self._view(tap)
        if tap.verb == forms.LINK:
            return await self._redeem(tap)
        press = self._front.press(tap.token)
        may = press is not None and await self._clerk.may(tap.sender.account, press)
        if tap.verb == "reassign" and "input" not in tap.data and may:
            return await self._form(tap)
        args = forms.args_of(tap.verb, tap.data)
        if args is None and may:
            return missing(tap.verb)
        point("teams.tap.before")
        answer = await self._clerk.act(tap.interaction(args or {}), self._late(tap))
        point("teams.tap.after")
        return await self._told(tap, answer)

    async def is_known(self, sender: Sender) -> bool:
        return await self._front.person(PLATFORM, sender.account) is not None

    async def _told(self, tap: Tap, answer: Answer) -> Json | str:
        if answer.code == "unknown_person":
            return forms.connect(not_linked(self.conf.command), tap.token, await self._card(tap, answer.alert))
        if answer.reply is not None:
            return forms.with_back(face.reply_card(answers.of(answer)), tap.token)
        card = await self._card(tap, answer.alert) if answer.ok else None
        if card is None:
            return answer.text
        mine = replace(card, undo=answer.undo)
        if tap.sender.private and tap.message:
            shown = message(face.personal(mine, budget=self.conf.card_bytes), face.first_line(card))
            self._clerk.spawn(self._say.redraw(tap.sender, tap.message, shown))
        return face.personal(mine, answer.text, self.conf.card_bytes, [tap.sender.user] if answer.undo else ())

    async def _view(self, tap: Tap) -> Json | str:
        """The card as this person sees it now: with Undo for the one whose move it takes back."""
        person = await self._front.person(PLATFORM, tap.sender.account)
        if person is None and tap.sender.private:  # in a room it stands for all to see
            return forms.connect(not_linked(self.conf.command), tap.token)
        card = await self._card(tap, None)
        if card is None:
            return NOT_READABLE
        if person is not None and card.undo is not None and person.id == card.undo_for:
            return face.personal(card, "", self.conf.card_bytes, [tap.sender.user])
        return face.live(card)

    async def _card(self, tap: Tap, alert: Alert | None) -> Card | None:
        """The card of the alert that a tap was about, as of now; None when it can't be drawn in time."""
        try:
            async with asyncio.timeout(DRAW_S):
                if alert is None:
                    press = self._front.press(tap.token)
                    alert = await self._front.find_alert(press.ref) if press else None
                return await self._front.card(alert) if alert else None
        except TimeoutError:
            return None

    async def _form(self, tap: Tap) -> Json | str:
        """Whom to give it to, in place of the card."""
        press = self._front.press(tap.token)
        card = await self._card(tap, None)
        if press is None or card is None:
            return NOT_READABLE
        return forms.reassign(card, tap.token, await self._front.colleagues(press.alert_id))

    async def _redeem(self, tap: Tap) -> Json | str:
        code = forms.typed_code(tap.data)
        if not code:
            return NO_CODE
        who = tap.sender
        said = Said(PLATFORM, who.account, who.workspace, "" if who.private else who.room, tap.key)
        reply = await self._clerk.within(self._front.redeem(said, code), self._later(tap))
        if reply is None:
            return UNSAVED
        shown = face.reply_card(reply)
        return forms.with_back(shown, tap.token) if tap.token else shown

    def _later(self, tap: Tap) -> Callable[[Reply], Awaitable[None]]:
        async def tell(reply: Reply) -> None:
            await self._say.privately(tap.sender, face.reply(reply, self.conf.card_bytes))

        return tell

    def _late(self, tap: Tap) -> Callable[[Answer], Awaitable[None]]:
        async def tell(answer: Answer) -> None:
            await self._say.privately(tap.sender, face.reply(answers.of(answer), self.conf.card_bytes))

        return tell


def not_linked(command: str) -> str:
    return (
        f"Deskbell does not know your Teams account yet. In a chat that knows you, type {command} link; or ask an"
        " administrator for a code. Put the code in here: what you tapped is then done."
    )
