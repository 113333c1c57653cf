"""The people's side of the stand-in: tap, submit, type. Tests, the page and the scripted people come through here."""

import re
from collections.abc import Mapping
from typing import Any

from deskbell.sandbox.clock import Clock, Pulse
from deskbell.sandbox.ledger import Ledger
from deskbell.sandbox.slack import forms, payloads
from deskbell.sandbox.slack.answers import said
from deskbell.sandbox.slack.api import SlackError
from deskbell.sandbox.slack.delivery import Ack, Line
from deskbell.sandbox.slack.hub import Answering, Slack, Trigger
from deskbell.sandbox.slack.messages import Message
from deskbell.sandbox.slack.results import Outcome, Refused, Submitted, Suggested, source_key
from deskbell.sandbox.slack.views import View, check_options
from deskbell.sandbox.slack.workspace import Channel, User
from deskbell.sandbox.web import Json


class SlackStandIn(Slack):
    """One Slack workspace on the loopback."""

    def __init__(self, clock: Clock, ledger: Ledger, pulse: Pulse) -> None:
        super().__init__(clock, ledger, pulse)
        self.line = Line(self)

    @property
    def sockets(self) -> Any:
        """The Socket Mode connections: disconnect, drop, deafen."""
        return self.line.sockets

    def use_http(self, url: str | None) -> None:
        """Send interactions to a request URL instead of the sockets; None goes back."""
        self.line.request_url = url

    # ------------------------------------------------------------------ tapping

    async def tap(
        self,
        user: str,
        channel: str,
        ts: str,
        action_id: str,
        *,
        selected: Any = None,
        block_id: str | None = None,
        force: Mapping[str, Any] | None = None,
        changes: bool = True,
    ) -> Outcome:
        """Press what is on a message. `force` lays other values over the action, as a forger or a stale client would;
        `changes=False` says that no edit is expected, so that the ledger does not time one."""
        who, where = self._member(user, channel)
        message = self._readable(who, where, ts)
        action = self._action(message, action_id, block_id, selected, force)
        trigger = self.new_trigger(who.id, message=source_key(message), ref=message.about)
        url = self.new_answering("actions", who.id, where.id, message)
        url.trigger = trigger
        payload = payloads.block_actions(self, who, message, action, trigger, url)
        outcome = self._outcome(who, where, trigger, url, message)
        if changes:
            self.expect_edit(trigger)
        outcome.ack = await self.line.interactive(payload)
        self._note("tap", outcome, action=action_id, ts=ts)
        return outcome

    def _action(
        self, message: Message, action_id: str, block_id: str | None, selected: Any, force: Mapping[str, Any] | None
    ) -> Json:
        found = message.find(action_id, block_id)
        if found is None and force is None:
            raise Refused(f"there is no {action_id} on {message.ts}; there are {message.action_ids}")
        block, element = found or ({"block_id": "forged"}, {"type": "button", "action_id": action_id})
        action = payloads.action_of(self, block, element, selected)
        if action is None:
            raise Refused(f"{selected!r} is not on offer in {action_id}")
        return {**action, **(force or {})}

    async def tap_in_view(self, user: str, view_id: str, action_id: str, *, selected: Any = None) -> Outcome:
        """Press what is in an open form."""
        who, view = self._own_view(user, view_id)
        found = view.find(action_id)
        action = payloads.action_of(self, *found, selected) if found else None
        if action is None:
            raise Refused(f"there is no such choice in {action_id}")
        trigger = self.new_trigger(who.id, view=view.id)
        outcome = self._outcome(who, None, trigger, None, None)
        outcome.ack = await self.line.interactive(payloads.view_actions(who, view, action, trigger))
        self._note("view_tap", outcome, action=action_id)
        return outcome

    # ------------------------------------------------------------------ forms

    async def submit(
        self, user: str, view_id: str, values: Mapping[str, Any] | None = None, *, careful: bool = True
    ) -> Submitted:
        """Send a form. Values by action id or block id; a select by its option's value or words. `careful=False`
        sends what Slack's client would have refused."""
        who, view = self._own_view(user, view_id)
        view.values = forms.fill(view, values or {}, careful=careful)
        trigger = self.new_trigger(who.id, message=view.opened_from, view=view.id, ref=view.ref)
        source = self._source_of(view)
        done = Submitted(
            **vars(self._outcome(who, self._place_of(view), trigger, None, source)),
        )
        self.expect_edit(trigger)
        done.ack = await self.line.interactive(payloads.view_submission(who, view, trigger))
        if done.acked:
            self._settle(view, done)
        if done.errors:
            self.expect_none(trigger)
        self._note("submit", done, view=view.id, errors=done.errors)
        return done

    def _settle(self, view: View, done: Submitted) -> None:
        try:
            forms.settle(self, view, done.ack, done)
        except SlackError as error:
            done.ack = Ack(acked=False, payload=done.ack.payload, error=error.error)

    def _source_of(self, view: View) -> Message | None:
        return self.workspace.message(*view.opened_from) if view.opened_from else None

    def _place_of(self, view: View) -> Channel | None:
        return self.workspace.channels[view.opened_from[0]] if view.opened_from else None

    async def close(self, user: str, view_id: str) -> Ack | None:
        """Press Cancel; the app hears of it only when it asked to."""
        who, view = self._own_view(user, view_id)
        view.open = False
        self.pulse.beat()
        if not view.body.get("notify_on_close"):
            return None
        trigger = self.new_trigger(who.id)
        return await self.line.interactive(payloads.view_closed(who, view, trigger, cleared=False))

    async def suggest(
        self, user: str, action_id: str, typed: str, *, view_id: str = "", channel: str = "", ts: str = ""
    ) -> Suggested:
        """Type into an external_select of a form or a message."""
        who = self.workspace.user(user)
        where: Json
        if view_id:
            _, view = self._own_view(user, view_id)
            found, where = (
                view.find(action_id),
                {"container": {"type": "view", "view_id": view_id}, "view": view.wire()},
            )
        else:
            message = self._readable(who, self.workspace.channel(channel), ts)
            found, where = (
                message.find(action_id),
                {"container": payloads.container(message), "message": message.wire()},
            )
        if found is None or found[1]["type"] not in ("external_select", "multi_external_select"):
            raise Refused(f"{action_id} takes no typing")
        if len(typed) < found[1].get("min_query_length", 3):
            return Suggested(acked=True, options=[])
        block_id = str(found[0].get("block_id", ""))
        payload = payloads.suggestion(who, where, action_id, block_id, typed, self.new_trigger(who.id))
        return _suggested(await self.line.interactive(payload))

    # ------------------------------------------------------------------ typing

    async def type(self, user: str, channel: str, text: str) -> Outcome:
        """A slash command, or plain words in the channel."""
        who, where = self._member(user, channel)
        if not text.startswith("/"):
            message = self.workspace.say(where.id, who.id, escaped(self, text), by_bot=False)
            self.ledger.note("slack", "said", user=who.id, channel=where.id)
            return self._outcome(who, where, self.new_trigger(who.id), None, message)
        command, _, rest = text.partition(" ")
        if command not in self.commands:
            raise Refused(f"{command} is not a valid command")
        trigger = self.new_trigger(who.id)
        url = self.new_answering("commands", who.id, where.id)
        fields = payloads.slash_command(self, who, where, command, escaped(self, rest.strip()), trigger, url)
        outcome = self._outcome(who, where, trigger, url, None)
        outcome.ack = await self.line.command(fields)
        if outcome.acked and outcome.payload:
            outcome.ack = self._answered(url, outcome.ack)
        self._note("command", outcome, text=text)
        return outcome

    def _answered(self, url: Answering, ack: Ack) -> Ack:
        """The acknowledgement carried the answer. A malformed one shows the person an error."""
        body = ack.payload if isinstance(ack.payload, dict) else {"text": str(ack.payload)}
        try:
            said(self, url, body, "ack")
        except SlackError as error:
            self.ledger.note("slack", "rejected", method="command response", error=error.error)
            return Ack(acked=False, payload=ack.payload, elapsed_ms=ack.elapsed_ms, error="invalid_command_response")
        return ack

    async def event(self, event: Json) -> Ack:
        """Something happened that the app subscribed to: channel_archive, app_uninstalled ..."""
        return await self.line.event(payloads.event_callback(self, event))

    # ------------------------------------------------------------------ helpers

    def _member(self, user: str, channel: str) -> tuple[User, Channel]:
        who, where = self.workspace.user(user), self.workspace.channel(channel)
        if who.id not in where.members:
            raise Refused(f"{who.name} is not in {where.name or where.id}")
        return who, where

    def _readable(self, who: User, where: Channel, ts: str) -> Message:
        message = self.workspace.message(where.id, ts) or self.workspace.ephemeral(where.id, ts)
        if message is None or message.ephemeral_for not in (None, who.id) or not self.workspace.visible(message):
            raise Refused(f"{who.name} sees no message {ts} in {where.id}")
        return message

    def _own_view(self, user: str, view_id: str) -> tuple[User, View]:
        who, view = self.workspace.user(user), self.views.get(view_id)
        if view is None or not view.open or view.user != who.id:
            raise Refused(f"{who.name} has no open form {view_id}")
        return who, view

    def _outcome(
        self, who: User, where: Channel | None, trigger: Trigger, url: Answering | None, message: Message | None
    ) -> Outcome:
        return Outcome(
            self,
            who.id,
            where.id if where else "",
            Ack(acked=not url),
            trigger.id,
            trigger.at,
            self.url + url.path if url else "",
            len(message.edits) if message else 0,
            message,
        )

    def _note(self, kind: str, outcome: Outcome, **what: Any) -> None:
        told = {"user": outcome.user, "channel": outcome.channel, "acked": outcome.acked}
        self.ledger.note("slack", kind, **told, ms=round(outcome.elapsed_ms, 1), error=outcome.ack.error, **what)
        if not outcome.acked:
            self.ledger.note("slack", "failed", what=kind, error=outcome.ack.error)
            self.expect_none(self.triggers[outcome.trigger_id])


def escaped(slack: Slack, text: str) -> str:
    """What Slack does to typed words: entities, and names to ids where the app asked for that (should_escape)."""
    out = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    for user in slack.workspace.users.values():
        out = re.sub(rf"(?<!\w)@{re.escape(user.name)}\b", f"<@{user.id}|{user.name}>", out)
    for channel in slack.workspace.channels.values():
        if channel.name:
            out = re.sub(rf"(?<!\w)#{re.escape(channel.name)}\b", f"<#{channel.id}|{channel.name}>", out)
    return out


def _suggested(ack: Ack) -> Suggested:
    if not ack.acked:
        return Suggested(acked=False, options=[], error=ack.error)
    if check_options(ack.payload):
        return Suggested(acked=False, options=[], error="invalid_options")
    return Suggested(acked=True, options=payloads.options_of(ack.payload))
