"""What people do in Slack: taps, forms, slash commands.

Each is answered within Slack's three seconds, after the desk has stored what was done. The words are for that person
alone, with a way to take it back.
"""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any, Protocol

from bot import answers
from bot.clerk import UNSAVED, Clerk
from bot.slack_people import Directory
from bot.slack_reading import MENTION, Form, Sender, Tap, Typed, read_form, read_tap, read_typed
from bot.slack_say import Say
from deskbell.core.alert import Verb
from deskbell.core.button import Press
from deskbell.core.card import Button, Reply, Style
from deskbell.core.ports import Answer, Interaction
from deskbell.core.store import NotKept
from deskbell.faces import slack as face
from deskbell.faces import slack_forms as forms
from deskbell.faces.shared import missing
from deskbell.net import metrics
from deskbell.net.session import Trouble
from deskbell.vendors.slack import PLATFORM
from deskbell.vendors.slack_web import SlackWeb

# https://docs.slack.dev/interactivity/handling-user-interaction#acknowledgment_response: three seconds in all, of which
# the desk has two.
WHO_S = 0.8  # to ask Slack who somebody is
COLLEAGUES_S = 1.0  # of the three seconds in which a form can be opened
MENTIONS = 5
BEHIND_S = 0.4  # the first answer travels with the acknowledgement; what is behind it must not overtake it

NOT_OURS = "Only people of the workspace that Deskbell belongs to can do this."
UNSURE_WHO = "Deskbell can't reach Slack just now to see who you are. Nothing was saved, please try again in a moment."
CONNECT = Button(forms.CONNECT, "Connect", forms.CONNECT, Style.PRIMARY, form=True)

log = logging.getLogger("deskbell.slack")


class Ack(Protocol):
    """Tells Slack that something has come in, with what it should show."""

    async def __call__(self, *said: Any, **answer: Any) -> None: ...


class Acts:
    """What to do with each kind of thing that people do."""

    def __init__(self, clerk: Clerk, web: SlackWeb, people: Directory) -> None:
        self._clerk, self._front, self._web, self._people = clerk, clerk.front, web, people
        self._say = Say(web)

    # ------------------------------------------------------------ who

    async def _refusal(self, sender: Sender) -> str:
        """Why somebody is not even listened to; nothing for people of our own workspace, who are looked up if new."""
        try:
            async with asyncio.timeout(WHO_S):
                if await self._people.admits(sender):
                    await self._people.meet(sender.account)
                    return ""
        except (Trouble, TimeoutError) as trouble:
            log.warning("it can't be told who somebody is: %s", getattr(trouble, "why", "too slow"))
            return UNSURE_WHO
        except NotKept as error:
            log.warning("the database can't say who somebody is: %s", error)
            return UNSAVED
        metrics.refused("slack", "outsider")
        log.warning("a tap or command came from another workspace: %s in %s", sender.account, sender.workspace)
        return NOT_OURS

    async def _act(self, sender: Sender, interaction: Interaction) -> Answer:
        """Who is it, and then the desk: what it answers is stored."""
        refused = await self._refusal(sender)
        if refused is NOT_OURS:
            await self._front.turned_away(interaction, "outsider", refused)
        if refused:
            return Answer(ok=False, code="outsider", text=refused)
        return await self._clerk.act(interaction, lambda late: self._tell(sender, late))

    async def _tell(self, sender: Sender, answer: Answer, *, instead: bool = False) -> None:
        await self._say.reply(sender, in_private(answer), instead=instead)

    # ------------------------------------------------------------ taps

    async def on_tap(self, ack: Ack, body: Mapping[str, Any]) -> None:
        tap = read_tap(body)
        if tap is None:
            await ack()
        elif tap.verb in forms.FORM_VERBS:
            await ack()
            await self._open_form(tap)
        else:
            answer = await self._act(tap.sender, tap.interaction)
            await ack()
            # Undo stands under the words that it takes back, and its own words take their place.
            await self._tell(tap.sender, answer, instead=tap.ephemeral and tap.verb == Verb.UNDO)

    # ------------------------------------------------------------ forms

    async def _open_form(self, tap: Tap) -> None:
        """Nothing slow before it: what allows a form to be opened lasts three seconds."""
        press = self._front.press(tap.token)
        refused = await self._refusal(tap.sender)
        if press is None and tap.verb != forms.CONNECT:
            refused = answers.not_genuine(self._web.conf.command)
        if refused:
            await self._say.whisper(tap.sender, refused)
        elif press and not await self._clerk.may(tap.sender.account, press):
            await self._tell(tap.sender, await self._act(tap.sender, tap.interaction))  # which notes that they asked
        else:
            await self._show_form(tap, press)

    async def _show_form(self, tap: Tap, press: Press | None) -> None:
        try:
            view = await asyncio.wait_for(self._form(tap, press), COLLEAGUES_S)
            await self._web.ask(self._web.client.views_open(trigger_id=tap.trigger, view=view))
        except (Trouble, TimeoutError) as error:
            log.warning("a form could not be opened: %s", getattr(error, "why", "too slow"))
            typed = f"{tap.verb} {press.ref} \u2026" if press else "link CODE"
            words = f"The form could not be opened. Tap again, or type {self._web.conf.command} {typed}"
            await self._say.whisper(tap.sender, words)

    async def _form(self, tap: Tap, press: Press | None) -> face.Json:
        if press is None:
            return forms.connect(tap.origin, self._web.conf.command)
        if tap.verb in forms.TEXT_FORMS:
            return forms.TEXT_FORMS[tap.verb](press.ref, tap.origin)
        people = await self._front.colleagues(press.alert_id)
        return forms.reassign(press.ref, tap.origin, people) if people else forms.nobody(press.ref, tap.origin)

    async def on_form(self, ack: Ack, body: Mapping[str, Any]) -> None:
        form = read_form(body)
        if form is None:
            await ack()
            return
        args = forms.args_of(form.verb, form.values)
        if args is None:
            done: Reply | str = missing(form.verb)
        elif form.verb == forms.CONNECT:
            done = await self._redeem(form, args["code"])
        else:
            done = await self._submit(form, args)
        if isinstance(done, str):
            await ack(response_action="errors", errors={forms.ANSWER: done[: forms.ERROR]})
        else:
            await ack()
            await self._say.reply(form.sender, done)

    async def _submit(self, form: Form, args: Mapping[str, str]) -> Reply | str:
        """What to say when it is done and the form closes; or why it stays open."""
        answer = await self._act(form.sender, form.interaction(args))
        return in_private(answer) if answer.ok else _sent_again(answer.text)

    async def _redeem(self, form: Form, code: str) -> Reply | str:
        """A code makes the account a person's, and does what the account last asked for."""
        if refused := await self._refusal(form.sender):
            return refused
        work = self._front.redeem(form.said, code.rsplit(maxsplit=1)[-1])  # people paste "/desk link CODE", too
        reply = await self._clerk.within(work, lambda late: self._say.reply(form.sender, late))
        if reply is None:
            return _sent_again(UNSAVED)
        known = await self._front.person(PLATFORM, form.sender.account)
        return reply if known else " ".join(reply.lines)

    async def on_options(self, ack: Ack, body: Mapping[str, Any]) -> None:
        """Suggestions while somebody types a colleague's name, where a menu would be too long."""
        origin = forms.origin_of(str((body.get("view") or {}).get("private_metadata") or ""))
        press = self._front.press(origin.token) if origin else None
        people = await self._front.colleagues(press.alert_id) if press else []
        await ack(options=forms.suggestions(people, str(body.get("value") or "")))

    # ------------------------------------------------------------ commands

    async def on_command(self, ack: Ack, body: Mapping[str, Any]) -> None:
        typed = read_typed(body)
        if typed is None:
            await ack()
        else:
            reply = await self._run(typed)
            await ack(face.reply(reply) | {"response_type": "ephemeral"})

    async def _run(self, typed: Typed) -> Reply:
        refused = await self._refusal(typed.sender)
        if refused is NOT_OURS:
            await self._front.turned_away(typed.interaction, "outsider", refused)
        if refused:
            return Reply(lines=(refused,))
        conf = self._web.conf
        own = {conf.case_command: "case ", conf.oncall_command: "oncall "}
        line = own.get(typed.command, "") + await self._with_names(typed.text)
        reply = await self._clerk.run(line.strip(), typed.said, self._later(typed.sender))
        known = await self._front.person(PLATFORM, typed.sender.account)
        return reply if known else replace(reply, buttons=(*reply.buttons, CONNECT))

    async def _with_names(self, text: str) -> str:
        """Mentions of colleagues as `@id`; those of nobody we know stay as they are, and are answered as such."""
        for account in list(dict.fromkeys(MENTION.findall(text)))[:MENTIONS]:
            person = await self._front.person(PLATFORM, account)
            if person is not None:
                text = re.sub(rf"<@{account}(?:\|[^>]*)?>", f"@{person.id}", text)
        return text

    def _later(self, sender: Sender) -> Callable[[Reply], Awaitable[None]]:
        """What comes after the first answer, as a message of its own below it."""

        async def speak(reply: Reply) -> None:
            await asyncio.sleep(BEHIND_S)
            await self._say.reply(sender, reply)

        return speak


def in_private(answer: Answer) -> Reply:
    """The answer; with the way to connect for somebody who is not known."""
    reply = answers.of(answer)
    return replace(reply, buttons=(CONNECT,)) if answer.code == "unknown_person" else reply


def _sent_again(text: str) -> str:
    """A form is sent, where a button is tapped."""
    return text.replace("tap again", "send it again")
