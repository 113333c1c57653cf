"""What the tests of the four chats share: an ear on every request, and a desk in memory with an alert on it."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime

import aiohttp

from bot.ports import Spoken
from deskbell.core import button
from deskbell.core.access import Person, Role
from deskbell.core.alert import Alert, Change, Command, Severity, Verb, decide
from deskbell.core.card import Button, Reply
from deskbell.core.ports import Answer
from deskbell.core.present import View, card_of
from deskbell.instance import Held

_listening = set()


async def begin(gateway):
    """Starts a gateway as a daemon does that is the only one: what one may do alone is ours."""
    await gateway.start()
    if gateway.alone is not None:
        task = asyncio.create_task(gateway.alone.listen(Held(gateway.alone.lease)))
        _listening.add(task)
        task.add_done_callback(_listening.discard)


def person(id, name, role, **more):
    return Person(id, name, f"{id}@example.org", frozenset({role}), **more)


def an_alert(at, **values):
    base = {
        "key": "late:J-4711",
        "rule": "technician_late",
        "source": "fieldservice",
        "record_id": "4711",
        "subject": "J-4711",
        "title": "Technician late",
        "summary": "Marco Bianchi is 25 min late at Northgate Dairy, J-4711",
        "severity": Severity.P1,
        "opened_at": at,
        "updated_at": at,
        "id": 12,
        "facts": (("Customer", "Northgate Dairy"), ("Site", "Hall 3, Milk Lane"), ("Window", "13:00 to 14:00")),
        "url": "https://fieldservice.example.org/jobs/4711",
    }
    return Alert(**(base | values))


def staff(*more):
    """Those whom every chat knows, and some more."""
    return {
        one.id: one
        for one in (
            person("ana", "Ana Ruiz", Role.DISPATCHER),
            person("ben", "Ben Okafor", Role.ONCALL),
            person("carla", "Carla Weiss", Role.MANAGER),
            person("dan", "Dan Novak", Role.VIEWER),
            *more,
        )
    }


@asynccontextmanager
async def overheard(oracle, part="", *, unanswered=True):
    """A session whose requests the oracle looks at, those with this part in their address; also those `unanswered`."""

    async def started(_session, context, params):
        context.body = b""
        context.seen = (params.method, str(params.url))

    async def chunk(_session, context, params):
        context.body += params.chunk

    async def ended(_session, context, params):
        method, url = context.seen
        if part in url:
            oracle.look(method, url, params.headers, context.body)

    async def failed(_session, context, params):
        if context.body:  # else nothing was sent, and nobody can judge it
            await ended(_session, context, params)

    trace = aiohttp.TraceConfig()
    trace.on_request_start.append(started)
    trace.on_request_chunk_sent.append(chunk)
    trace.on_request_end.append(ended)
    if unanswered:
        trace.on_request_exception.append(failed)
    timeout = aiohttp.ClientTimeout(total=20, sock_connect=2)
    async with aiohttp.ClientSession(trace_configs=[trace], timeout=timeout) as session:
        yield session


# ---------------------------------------------------------------- the desk

SECRET = b"a secret of the tests"


class TinyDesk:
    """Decides with the real domain, keeps everything in memory, answers a repeat as the real desk does.

    `accounts`: whose account it is, of one chat. `undo`: what the person who moved may press to take it back.
    """

    command = "/desk"
    sources = ("fieldservice",)

    def __init__(self, people, accounts, *, now=lambda: datetime.now(UTC), undo=Verb.UNACK):
        self.people, self.accounts, self.now, self.undo = dict(people), dict(accounts), now, undo
        self.alert = an_alert(now())
        self.moved_by = ""
        self.answers = {}
        self.acted = []
        self.turned = []  # (what somebody did, why it was refused)
        self.codes = {}
        self.redeemed = []
        self.waiting = {}
        self.memory = {}
        self.records = []
        self.slow = 0.0
        self.broken = False
        self.team = None
        self.revealed = None

    @property
    def strangers(self):
        """Whose taps and lines were turned away, and why."""
        return [(one.account, why) for one, why in self.turned]

    async def recall(self, name):
        return self.memory.get(name)

    async def remember(self, name, value, _guard=None):
        self.memory[name] = value

    async def person(self, platform, account):
        return self.people.get(self.accounts.get(account, ""))

    async def account_of(self, person_id):
        return next((account for account, one in self.accounts.items() if one == person_id), None)

    async def link(self, platform, account, person_id):
        self.accounts[account] = person_id

    def press(self, token):
        return button.read(SECRET, token)

    async def colleagues(self, alert_id):
        return self.team if self.team is not None else [(p.id, p.name, "on duty") for p in self.people.values()]

    async def turned_away(self, interaction, code, text):
        self.turned.append((interaction, code))

    async def find_alert(self, text):
        return self.alert if text == self.alert.ref else None

    async def alerts(self, **wanted):
        return [self.alert], 1

    async def find_records(self, text, kind):
        return self.records

    async def customer_wrote(self, platform, account, text, key):
        return None  # nobody here is a customer

    async def redeem(self, said, code):
        self.redeemed.append((said, code))
        person_id = self.codes.pop(code, None)
        if person_id is None:
            return Reply(lines=("That code is wrong.",))
        await self.link(said.platform, said.account, person_id)
        kept = self.waiting.pop(said.account, None)
        done = (await self.act(replace(kept, key=f"{kept.key}:linked"))).text if kept else ""
        return Reply(title=f"Connected as {self.people[person_id].name}", lines=(done,) if done else ())

    async def act(self, interaction):
        if self.broken:
            raise RuntimeError("no disk")
        await asyncio.sleep(self.slow)
        if interaction.key in self.answers:
            return replace(self.answers[interaction.key], code="repeat")
        self.acted.append(interaction)
        answer = self._decide(interaction, await self.person(interaction.platform, interaction.account))
        self.answers[interaction.key] = answer
        return answer

    def _decide(self, said, who):
        if who is None:
            self.waiting[said.account] = said
            return Answer(False, "unknown_person", "Who are you? A code connects you.")
        press = self.press(said.token)
        if press is None or press.verb != said.verb:
            return Answer(False, "token", "This button is not genuine or too old.")
        if self.revealed is not None:
            return Answer(True, "done", "Shown to you alone.", self.alert, reply=self.revealed)
        result = decide(self.alert, Command(Verb(said.verb), press.alert_id, who, said.args), self.now(), self.people)
        if not isinstance(result, Change):
            return Answer(False, result.code, result.text, self.alert)
        self.alert, self.moved_by = result.after, who.id
        undo = Button(self.undo, "Undo", self.sign(self.undo, 12, 0)) if self.undo else None
        return Answer(True, "done", f"{self.alert.ref}: {result.said}", self.alert, undo=undo)

    @staticmethod
    def sign(verb, alert_id, mark):
        return button.sign(SECRET, verb, alert_id, mark)

    async def card(self, alert, *, buttons=True):
        return self.drawn(alert, buttons=buttons)

    def drawn(self, alert=None, **view):
        """The card as it is now."""
        if self.undo is Verb.UNDO:
            view["undo"] = self.moved_by
        return card_of(alert or self.alert, View(self.now(), self.people, self.sign, **view))


class TinyCommands:
    """Says back what it was asked; the real commands have tests of their own."""

    def __init__(self, desk):
        self.desk = desk
        self.lines = []
        self.slow = 0.0
        self.later = None

    async def run(self, line, said):
        await asyncio.sleep(self.slow)
        self.lines.append((line, said))
        if line == f"show {self.desk.alert.ref}":
            return Spoken(Reply(card=self.desk.drawn()))
        return Spoken(Reply(title="Heard", lines=(line or "help",), footer="as of 14:02"), self.later)
