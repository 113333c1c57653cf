"""The workspace with everything around it: triggers, views, answers, limits, trouble, and the people who act."""

import itertools
import secrets
from dataclasses import dataclass

from deskbell.sandbox import credentials
from deskbell.sandbox.clock import Clock, Pulse
from deskbell.sandbox.faults import Faults
from deskbell.sandbox.ledger import Ledger
from deskbell.sandbox.limits import Buckets, Rate
from deskbell.sandbox.slack.messages import CARD, Key, Message
from deskbell.sandbox.slack.views import View
from deskbell.sandbox.slack.workspace import Workspace
from deskbell.sandbox.web import Json

SCOPES = (
    "chat:write commands users:read users:read.email im:write channels:read groups:read im:read channels:history"
    " groups:history im:history usergroups:read channels:join"
)
SABOTAGED_CARD = 2  # sabotage swallows the second card of the day


@dataclass(slots=True)
class Trigger:
    """One interaction's right to open one view."""

    id: str
    user: str
    at: float
    message: Key | None = None
    view: str | None = None
    ref: str = ""  # the alert that it is about
    used: bool = False
    awaited: bool = False  # the ledger waits for the edit that it brings about


@dataclass(slots=True)
class Answering:
    """A response_url: five uses in thirty minutes."""

    path: str
    user: str
    channel: str
    at: float
    message: Message | None = None
    trigger: Trigger | None = None
    uses: int = 0


class Slack:
    """The state of the stand-in; `web` and `socket` serve it, `people` acts on it."""

    def __init__(self, clock: Clock, ledger: Ledger, pulse: Pulse) -> None:
        self.clock, self.ledger, self.pulse = clock, ledger, pulse
        self.url = ""  # known once the server listens
        self.workspace = Workspace(clock)
        self.buckets = Buckets(clock)
        self.faults = Faults(clock)
        self.rates: dict[str, Rate | None] = {}  # method -> its rate instead of the tier's; None: no limit
        self.scopes = set(SCOPES.split())
        self.commands = {"/desk", "/case", "/oncall"}
        self.triggers: dict[str, Trigger] = {}
        self.views: dict[str, View] = {}
        self.homes: dict[str, View] = {}
        self.answering: dict[str, Answering] = {}
        self.tickets: dict[str, float] = {}  # Socket Mode addresses handed out, not yet used
        self.sabotage = False
        self._numbers = itertools.count(1)
        self._cards = 0

    @property
    def fresh_ids(self) -> "_Fresh":
        return _Fresh(self._numbers)

    def number(self) -> int:
        return next(self._numbers)

    def new_ticket(self) -> str:
        ticket = f"{self.number():04d}-{secrets.token_hex(8)}"
        self.tickets[ticket] = self.clock.time()
        return ticket

    def no_limits(self) -> None:
        """For tests of other things than limits."""
        self.rates = {"*": None}

    def permalink(self, channel: str, ts: str) -> str:
        return f"{self.url}/archives/{channel}/p{ts.replace('.', '')}"

    def messages(self, channel: str, *, thread: str | None = None, replies: bool = False) -> list[Message]:
        """What is live in a channel, oldest first: top level, or one thread, or everything."""
        found = self.workspace.channel(channel)
        live = [message for message in found.messages.values() if self.workspace.visible(message)]
        if thread is not None:
            return [message for message in live if message.thread_ts == thread and message.is_reply]
        return [message for message in live if replies or not message.is_reply]

    def cards(self, channel: str | None = None) -> list[Message]:
        """The live alert cards, of one channel or of all."""
        where = None if channel is None else self.workspace.channel(channel).id
        live = (m for m in self.workspace.all_visible() if where in (None, m.channel))
        return [message for message in live if message.card_ref]

    def ephemerals(self, user: str | None = None) -> list[Message]:
        who = None if user is None else self.workspace.user(user).id
        return [m for m in self.workspace.ephemerals if m.live and who in (None, m.ephemeral_for)]

    # ------------------------------------------------------------------ what happened, for the ledger

    def was_posted(self, message: Message) -> None:
        event, payload = message.event
        self._cards += event == CARD
        if self.sabotage and event == CARD and self._cards == SABOTAGED_CARD:
            message.dropped, self.sabotage = True, False
        self._watch(message)
        self.ledger.note("slack", "posted", channel=message.channel, ts=message.ts, event=event, payload=payload)

    def was_edited(self, message: Message) -> None:
        self._watch(message)
        self.ledger.edited(message.key)
        self._redrawn(message)
        self.ledger.note("slack", "edited", channel=message.channel, ts=message.ts, text=message.text[:200])

    def was_whispered(self, message: Message, via: str) -> None:
        self.ledger.note(
            "slack", "ephemeral", channel=message.channel, to=message.ephemeral_for, via=via, text=message.text[:200]
        )

    def was_deleted(self, message: Message, kind: str) -> None:
        message.deleted = True
        self._redrawn(message)
        self.ledger.note("slack", kind, channel=message.channel, ts=message.ts)

    def _redrawn(self, message: Message) -> None:
        if ref := message.card_ref:
            self.ledger.redrawn(("slack", *message.key), ref)

    def expect_edit(self, trigger: Trigger) -> None:
        """What was done with this trigger is to change a card."""
        trigger.awaited = True
        if trigger.message is not None:
            self.ledger.tapped(trigger.message, trigger.id)
        if trigger.ref:
            self.ledger.pressed(trigger.ref)

    def expect_none(self, trigger: Trigger) -> None:
        """It failed, was refused, or only opened a form."""
        if not trigger.awaited:
            return
        trigger.awaited = False
        if trigger.message is not None:
            self.ledger.forget_tap(trigger.message, trigger.id)
        if trigger.ref:
            self.ledger.unpressed(trigger.ref)

    def _watch(self, message: Message) -> None:
        """An expectation is met by any message people can see that names its subject."""
        if self.workspace.visible(message):
            self.ledger.seen(message.as_text())

    # ------------------------------------------------------------------ triggers, views, response URLs

    def new_trigger(self, user: str, *, message: Key | None = None, view: str | None = None, ref: str = "") -> Trigger:
        trigger_id = f"{self.number()}.{int(self.clock.time() * 1000)}.{user.lower()}"
        trigger = Trigger(trigger_id, user, self.clock.time(), message, view, ref)
        self.triggers[trigger_id] = trigger
        return trigger

    def make_view(self, user: str, body: Json) -> View:
        view_id = f"V0{self.number():08d}"
        return View(view_id, user, body, f"{self.clock.time():.6f}.{self.number()}", view_id)

    def show(self, body: Json, trigger: Trigger, below: View | None = None) -> View:
        view = self.make_view(trigger.user, body)
        view.trigger, view.opened_from, view.ref = trigger.id, trigger.message, trigger.ref
        if below is not None:
            view.root, view.previous, view.opened_from, view.ref = below.root, below.id, below.opened_from, below.ref
        self.views[view.id] = view
        self.expect_none(trigger)  # a form was opened; its submission is what counts
        self.ledger.note("slack", "view", user=view.user, view=view.id, callback=body.get("callback_id", ""))
        return view

    def replace_view(self, view: View, body: Json) -> None:
        view.body, view.hash = body, f"{self.clock.time():.6f}.{self.number()}"
        view.values = {}
        self.pulse.beat()

    def close_views(self, root: str) -> None:
        for view in self.views.values():
            if view.root == root:
                view.open = False
        self.pulse.beat()

    def open_views(self, user: str) -> list[View]:
        return [view for view in self.views.values() if view.open and view.user == user]

    def new_answering(self, kind: str, user: str, channel: str, message: Message | None = None) -> Answering:
        path = f"/slack/{kind}/{credentials.SLACK_TEAM}/{self.number()}/{int(self.clock.time() * 1_000_000):x}"
        self.answering[path] = Answering(path, user, channel, self.clock.time(), message)
        return self.answering[path]

    # ------------------------------------------------------------------ trouble

    def archive(self, channel: str) -> None:
        self.workspace.channel(channel).is_archived = True

    def remove_bot(self, channel: str) -> None:
        self.workspace.channel(channel).members.discard(credentials.SLACK_BOT_USER)
        self.pulse.beat()

    def invite_bot(self, channel: str) -> None:
        self.workspace.channel(channel).members.add(credentials.SLACK_BOT_USER)
        self.pulse.beat()

    def delete_by_hand(self, channel: str, ts: str) -> None:
        """A person with the right to do so takes a message away."""
        message = self.workspace.message(self.workspace.channel(channel).id, ts)
        if message is not None:
            self.was_deleted(message, "deleted_by_hand")


class _Fresh:
    """Names for what the app left unnamed."""

    def __init__(self, numbers: "itertools.count[int]") -> None:
        self._numbers = numbers

    def __iter__(self) -> "_Fresh":
        return self

    def __next__(self) -> str:
        return f"b{next(self._numbers):04x}"
