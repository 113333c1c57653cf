"""Slack as a way in: taps, forms and slash commands, over sockets or as requests to our HTTP server.

An answer is given within Slack's three seconds and only after the desk has stored what was done; what takes longer is
said to be unsaved, and told again when it turns out otherwise.
"""

import asyncio
import logging
import re
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any, TypeVar

import aiohttp
from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncBoltRequest
from slack_bolt.authorization import AuthorizeResult

from bot import slack_http
from bot.commands import Commands
from bot.ports import Front, Hook, Spoken
from bot.slack_people import Directory
from bot.slack_reading import MENTION, Form, Sender, Tap, Typed, read_form, read_tap, read_typed
from bot.slack_say import Say
from bot.slack_socket import Sockets
from deskbell.core.card import Reply
from deskbell.core.ports import Answer, Destination, Interaction, Memory
from deskbell.faces import slack as face
from deskbell.faces import slack_forms as forms
from deskbell.net import metrics
from deskbell.net.faults import point
from deskbell.vendors.slack import PLATFORM, SlackConf, Way
from deskbell.vendors.slack_web import SDK_LOG, SlackWeb, Trouble, web_client

T = TypeVar("T")

# https://docs.slack.dev/interactivity/handling-user-interaction#acknowledgment_response: three seconds in all.
DURABLE_S = 2.0  # for the desk to store what was done
COLLEAGUES_S = 1.0  # of the three seconds in which a form can be opened
ECHO_S = 60.0  # how often auth.test asks whether Slack is there: without it a session may go deaf (bolt-python #1529)
ECHO_LOST_S = 200.0
LINK_S = 3600.0  # how often people are looked up by their e-mail address: somebody may have joined
CLOSE_S = 5.0
MENTIONS = 5
EVENTS = "/slack/events"
BEHIND_S = 0.4  # the first answer travels with the acknowledgement; what is behind it must not overtake it

UNSAVED = "Not saved in time. Please tap again in a moment."
STILL_WORKING = "This takes a little longer. The answer comes here."
NOT_OURS = "Only people of the workspace that Deskbell belongs to can do this."
UNSURE_WHO = "Deskbell can't reach Slack just now to see who you are. Nothing was saved, please try again in a moment."
NOT_LINKED = (
    "Deskbell does not know your Slack account yet, so nothing was done. Ask an administrator to add you to its people,"
    " with the e-mail address that you use in Slack. Then tap again."
)
OFF = "This button is not genuine or too old."

log = logging.getLogger("deskbell.slack")


class SlackGateway:
    """The way in of one workspace. The daemon calls `start` and `close`; `handle_http` is for its server."""

    def __init__(
        self,
        conf: SlackConf,
        front: Front,
        commands: Commands,
        session: aiohttp.ClientSession | None = None,
        _memory: Memory | None = None,
        _rooms: Mapping[str, Destination] | None = None,
    ) -> None:
        self.conf = conf
        self._front, self._commands = front, commands
        self._web = SlackWeb(conf, session)
        self._people = Directory(self._web, front)
        self._say = Say(self._web)
        self._tasks: set[asyncio.Task[Any]] = set()
        self._echoed_at = 0.0
        self._why = ""
        self._app: AsyncApp | None = None
        self._sockets: Sockets | None = None

    # ------------------------------------------------------------ life

    async def start(self) -> None:
        """Returns at once; connecting, and linking people to their accounts, goes on behind it."""
        self._app = self._build()
        if self.conf.way is Way.SOCKET:
            self._sockets = Sockets(self._app, self.conf, self._web.session)
            self._sockets.start()
        self._spawn(self._keep_in_touch())

    async def close(self) -> None:
        """Within a few seconds, whatever state the connections are in."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._close(), CLOSE_S * 2)

    async def _close(self) -> None:
        if self._sockets is not None:
            await self._sockets.stop()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._web.close()

    @property
    def hooks(self) -> Mapping[str, Hook]:
        return {EVENTS: self.handle_http} if self.conf.way is Way.HTTP else {}

    async def link_people(self) -> int:
        """Links every person to the Slack account with their e-mail address; how many are linked then."""
        return await self._people.link_people()

    def healthy(self) -> bool:
        """Whether taps can come in: Slack has answered lately, and in Socket Mode at least one connection hears."""
        return not self.trouble

    @property
    def trouble(self) -> str:
        """What is wrong, in words; nothing when all is well."""
        if not self._echoed_at or time.monotonic() - self._echoed_at > ECHO_LOST_S:
            return f"Slack does not answer{self._why}"
        if self._sockets is not None and not self._sockets.alive:
            return "no Socket Mode connection to Slack"
        return ""

    async def _keep_in_touch(self) -> None:
        linked_at = -LINK_S
        while True:
            try:
                await self._people.hello()
                self._echoed_at, self._why = time.monotonic(), ""
                if self._echoed_at - linked_at > LINK_S:
                    linked_at = self._echoed_at
                    self._spawn(self._people.link_people())
            except Trouble as trouble:
                self._why = f": {trouble.why}"
                log.warning("Slack does not answer%s", self._why)
            await asyncio.sleep(ECHO_S if self._echoed_at else ECHO_S / 12)

    def _spawn(self, work: Coroutine[Any, Any, Any]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.error("something behind a Slack answer failed", exc_info=error)

    # ------------------------------------------------------------ bolt

    def _build(self) -> AsyncApp:
        # No token on this client: bolt takes it from `authorize`, and would warn about a second one.
        app = AsyncApp(
            name="deskbell",
            client=web_client(self.conf, None, self._web.session),
            authorize=_authorized(self.conf.bot_token),
            logger=SDK_LOG,
            signing_secret="",  # the raw bytes were checked before bolt sees them; a socket needs no signature
            request_verification_enabled=False,
        )
        app.action(re.compile(rf"^{re.escape(face.ACTION_PREFIX)}"))(self._guarded(self._on_tap))
        app.view(re.compile(rf"^{re.escape(forms.CALLBACK_PREFIX)}"))(self._guarded(self._on_form))
        app.options(forms.PEOPLE)(self._guarded(self._on_options))
        for command in (self.conf.command, self.conf.case_command, self.conf.oncall_command):
            app.command(command)(self._guarded(self._on_command))
        return app

    @staticmethod
    def _guarded(
        handle: Callable[[AsyncAck, Mapping[str, Any]], Awaitable[None]],
    ) -> Callable[[AsyncAck, Mapping[str, Any]], Awaitable[None]]:
        """An error of ours never leaves Slack without an acknowledgement, or HTTP with a 500."""

        async def guarded(ack: AsyncAck, body: Mapping[str, Any]) -> None:
            try:
                await handle(ack, body)
            except Exception:
                log.exception("what came from Slack could not be handled")
                if ack.response is None:
                    await ack()

        return guarded

    async def handle_http(self, headers: Mapping[str, str], body: bytes) -> slack_http.Answered:
        """What our HTTP server got from Slack, or from somebody who would like to be Slack."""
        refused = slack_http.refusal(self.conf, headers, body)
        if refused is not None:
            metrics.refused("slack", str(refused[0]))
            return refused
        if self._app is None:
            return 404, slack_http.PLAIN, b""
        request = AsyncBoltRequest(body=body.decode(), headers={name.lower(): value for name, value in headers.items()})
        answer = await self._app.async_dispatch(request)
        status = answer.status if answer.status < 500 else slack_http.NOT_READABLE[0]
        return status, answer.first_headers_without_set_cookie(), (answer.body or "").encode()

    # ------------------------------------------------------------ taps

    async def _on_tap(self, ack: AsyncAck, body: Mapping[str, Any]) -> None:
        tap = read_tap(body)
        if tap is None:
            await ack()
        elif tap.verb in forms.FORM_VERBS:
            await ack()
            await self._open_form(tap)
        else:
            answer = await self._within(self._act(tap.sender, tap.interaction), self._late(tap.sender))
            await ack()
            await self._tell(tap, answer)

    async def _tell(self, tap: Tap, answer: Answer | None) -> None:
        """A refusal is for the person alone. A success shows on the card, unless that is a card for them alone."""
        if answer is None:
            await self._say.whisper(tap.sender, UNSAVED)
        elif not answer.ok or tap.ephemeral:
            await self._say.whisper(tap.sender, answer.text)

    async def _act(self, sender: Sender, interaction: Interaction) -> Answer:
        """Who is it, and then the desk: what it answers is stored."""
        started = time.perf_counter()
        refused = await self._stranger(sender)
        if refused:
            if refused is NOT_OURS:
                await self._front.turned_away(interaction, "outsider", refused)
            return Answer(ok=False, code="outsider", text=refused)
        await self._people.person(sender.account)
        point("slack.tap.before")
        answer = await self._front.act(interaction)
        point("slack.tap.after")
        metrics.answered(interaction.kind, interaction.verb, answer.code, time.perf_counter() - started)
        return replace(answer, text=NOT_LINKED) if answer.code == "unknown_person" else answer

    async def _stranger(self, sender: Sender) -> str:
        """Why somebody is not even asked who they are; nothing for people of our own workspace."""
        try:
            if await self._people.admits(sender):
                return ""
        except Trouble as trouble:
            log.warning("it can't be told which workspace is ours: %s", trouble.why)
            return UNSURE_WHO
        metrics.refused("slack", "outsider")
        log.warning("a tap or command came from another workspace: %s in %s", sender.account, sender.workspace)
        return NOT_OURS

    # ------------------------------------------------------------ in time

    async def _within(self, work: Coroutine[Any, Any, T], late: Callable[[T], Awaitable[None]]) -> T | None:
        """What the work gives in time; None when it fails, or takes longer: then `late` hears how it ended."""
        task = asyncio.create_task(work)
        done, _ = await asyncio.wait({task}, timeout=DURABLE_S)
        if not done:
            self._spawn(self._follow(task, late))
            return None
        if error := task.exception():
            log.error("what was done in Slack could not be stored", exc_info=error)
            return None
        return task.result()

    async def _follow(self, task: asyncio.Task[T], late: Callable[[T], Awaitable[None]]) -> None:
        await late(await task)

    def _late(self, sender: Sender) -> Callable[[Answer], Awaitable[None]]:
        async def tell(answer: Answer) -> None:
            await self._say.whisper(sender, f"It was saved after all: {answer.text}" if answer.ok else answer.text)

        return tell

    # ------------------------------------------------------------ forms

    async def _open_form(self, tap: Tap) -> None:
        """Nothing slow before it: what allows a form to be opened lasts three seconds."""
        press = self._front.press(tap.token)
        refused = OFF if press is None else await self._stranger(tap.sender)
        if press is None or refused:
            await self._say.whisper(tap.sender, refused)
        elif await self._people.person(tap.sender.account) is None:
            answer = await self._act(tap.sender, tap.interaction)  # which refuses, and notes that somebody tried
            await self._tell(tap, answer)
        else:
            await self._show_form(tap, press.alert_id)

    async def _show_form(self, tap: Tap, alert_id: int) -> None:
        try:
            view = await asyncio.wait_for(self._form(tap, alert_id), COLLEAGUES_S)
            await self._web.ask(self._web.client.views_open(trigger_id=tap.trigger, view=view))
        except (Trouble, TimeoutError) as error:
            log.warning("a form could not be opened: %s", getattr(error, "why", "too slow"))
            typed = f"{self.conf.command} {tap.verb} D-{alert_id}"
            await self._say.whisper(tap.sender, f"The form could not be opened. Tap again, or type {typed} …")

    async def _form(self, tap: Tap, alert_id: int) -> face.Json:
        ref = f"D-{alert_id}"
        if tap.verb in forms.TEXT_FORMS:
            return forms.TEXT_FORMS[tap.verb](ref, tap.origin)
        people = await self._front.colleagues(alert_id)
        return forms.reassign(ref, tap.origin, people) if people else forms.nobody(ref, tap.origin)

    async def _on_form(self, ack: AsyncAck, body: Mapping[str, Any]) -> None:
        form = read_form(body)
        if form is None:
            await ack()
            return
        complaint = await self._submit(form)
        if complaint:
            await ack(response_action="errors", errors={forms.ANSWER: complaint[: forms.ERROR]})
        else:
            await ack()

    async def _submit(self, form: Form) -> str:
        """What to say inside the form; nothing when it was done and may close."""
        args = forms.args_of(form.verb, form.values)
        if args is None:
            return forms.missing(form.verb)
        answer = await self._within(self._act(form.sender, form.interaction(args)), self._late(form.sender))
        if answer is None:
            return UNSAVED.replace("tap", "send it")
        return "" if answer.ok else answer.text

    async def _on_options(self, ack: AsyncAck, body: Mapping[str, Any]) -> None:
        """Suggestions while somebody types a colleague's name, where a menu would be too long."""
        origin = forms.origin_of(str((body.get("view") or {}).get("private_metadata") or ""))
        press = self._front.press(origin.token) if origin else None
        people = await self._front.colleagues(press.alert_id) if press else []
        await ack(options=forms.suggestions(people, str(body.get("value") or "")))

    # ------------------------------------------------------------ commands

    async def _on_command(self, ack: AsyncAck, body: Mapping[str, Any]) -> None:
        typed = read_typed(body)
        if typed is None:
            await ack()
            return
        spoken = await self._within(self._run(typed), self._speak_late(typed.sender))
        if spoken is None:
            await ack(_as_ack(Reply(lines=(STILL_WORKING,))))
            return
        await ack(_as_ack(spoken.reply))
        await self._speak_on(typed.sender, spoken)

    async def _run(self, typed: Typed) -> Spoken:
        refused = await self._stranger(typed.sender)
        if refused:
            if refused is NOT_OURS:
                said = typed.said
                await self._front.turned_away(
                    Interaction(said.key, PLATFORM, said.account, typed.command, room=said.room, kind="command"),
                    "outsider",
                    refused,
                )
            return Spoken(Reply(lines=(refused,)))
        await self._people.person(typed.sender.account)
        own = {self.conf.case_command: "case ", self.conf.oncall_command: "oncall "}
        line = own.get(typed.command, "") + await self._with_names(typed.text)
        return await self._commands.run(line.strip(), typed.said)

    async def _with_names(self, text: str) -> str:
        """Mentions of colleagues as `@id`; those of nobody we know stay as they are, and are answered as such."""
        for account in list(dict.fromkeys(MENTION.findall(text)))[:MENTIONS]:
            person = await self._front.person(PLATFORM, account)
            if person is not None:
                text = re.sub(rf"<@{account}(?:\|[^>]*)?>", f"@{person.id}", text)
        return text

    async def _speak_on(self, sender: Sender, spoken: Spoken) -> None:
        """What a slower source adds, as a message of its own below the first."""
        if spoken.later is not None:
            more = await spoken.later()
            if more is not None:
                await asyncio.sleep(BEHIND_S)
                await self._say.reply(sender, more)

    def _speak_late(self, sender: Sender) -> Callable[[Spoken], Awaitable[None]]:
        async def speak(spoken: Spoken) -> None:
            await self._say.reply(sender, spoken.reply)
            await self._speak_on(sender, spoken)

        return speak


def _authorized(token: str) -> Callable[[], Awaitable[AuthorizeResult]]:
    """One token for all; asking Slack about it at every tap would cost the time in which it must be answered."""

    # A function and no method: bolt passes by name whatever a signature shows, `self` among it.
    async def authorize() -> AuthorizeResult:
        return AuthorizeResult(enterprise_id=None, team_id=None, bot_token=token)

    return authorize


def _as_ack(reply: Reply) -> dict[str, Any]:
    return face.reply(reply) | {"response_type": "in_channel" if reply.public else "ephemeral"}
