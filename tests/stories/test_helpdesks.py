"""What happens in Freshdesk and ServiceNow, each kind of thing once, from there through the daemon to a card."""

import time
from pathlib import Path
from typing import Any

import pytest

from deskbell.core.alert import Status
from deskbell.sandbox.server import Sandbox
from deskbell.sandbox.servicenow.tables import stored
from tests.town import Town, running

HOUR = 3600
ROOM = "C0SUPPORT"
ANA = 1001
# Most of this is routine, which is listed and not posted; here everything has a card, so that it can be seen.
LOUD = """
[rules.note_added]
severity = "P2"
[rules.reply_added]
severity = "P2"
[rules.document_added]
severity = "P2"
names = true
[rules.document_requested]
asked = "P2"
[rules.user_action_required]
stages = [["1s", "P2"]]

"""
CHANGES = {
    "[own_rules]\n": f"{LOUD}[own_rules]\n",
    'to = { waiting = "P4", resolved = "P4", closed = "P4" }': 'to = { paused = "P2" }',
    "status_map = {}": 'status_map = { "Waiting for parts" = "paused" }',
    "words = []": 'words = ["please send us"]',
}
WORDS = {
    "says": "Customer replied",
    "is told": "Reply by Ana Ruiz",
    "is noted": "Note by Ana Ruiz",
    "sends": "machine.pdf by",
    "is asked": "Document requested",
    "must act": "Waits for the customer",
    "is late": "overdue, due",
    "has parts": "Now Waiting for parts",
}


class FreshdeskDay:
    """A ticket for each thing, and how it happens there."""

    source = "freshdesk"

    def __init__(self, sandbox: Sandbox) -> None:
        self.tickets = sandbox.freshdesk.tickets
        self.tickets.statuses[12] = ["Waiting for parts", "In progress"]
        quiet = {"created": time.time() - HOUR, "responder_id": ANA}
        self.ids = {what: self.tickets.add(f"Ticket that {what}", **quiet).id for what in WORDS}

    def happen(self) -> None:
        def ours(what: str, text: str, *, private: bool = False) -> None:
            self.tickets.converse(self.ids[what], text, user=ANA, private=private, source=2 if private else 0)

        self.tickets.answer(self.ids["says"], "It leaks again")
        ours("is told", "We come at noon")
        ours("is noted", "valve ordered", private=True)
        self.tickets.answer(self.ids["sends"], "here", files=("machine.pdf",))
        ours("is asked", "Please send us the log")
        self.tickets.change(self.ids["must act"], status=6)
        late = self.tickets.change(self.ids["is late"], subject="Ticket that is late")
        late.due = (time.time() - 60, time.time() + HOUR)
        self.tickets.change(self.ids["has parts"], status=12)


class ServiceNowDay:
    """The same of incidents."""

    source = "servicenow"

    def __init__(self, sandbox: Sandbox) -> None:
        self.tables = sandbox.servicenow.tables
        self.tables.choice("incident", "state", "42", "Waiting for parts")
        at = time.time() - HOUR
        self.ids = {
            what: self.tables.incident(f"Incident that {what}", opened=at, assigned="Ana Ruiz")["sys_id"]
            for what in WORDS
        }
        self.clock = self.tables.sla(self.tables.rows["incident"][self.ids["is late"]], at, time.time() + 9 * HOUR)

    def happen(self) -> None:
        def change(what: str, by: str, **values: str) -> None:
            self.tables.change("incident", self.ids[what], values, by=by)

        change("says", "greta.mill", comments="It leaks again")
        change("is told", "ana.ruiz", comments="We come at noon")
        change("is noted", "ana.ruiz", work_notes="valve ordered")
        self.tables.attach("incident", self.ids["sends"], "machine.pdf", by="greta.mill")
        change("is asked", "ana.ruiz", comments="Please send us the log")
        change("must act", "ana.ruiz", state="3", hold_reason="1")
        due = {"planned_end_time": stored(time.time() - 60)}
        self.tables.change("task_sla", self.clock["sys_id"], due, by="system")
        change("has parts", "ana.ruiz", state="42")


@pytest.mark.parametrize("day", [FreshdeskDay, ServiceNowDay])
async def test_each_thing_that_happens_has_its_card(sandbox: Sandbox, tmp_path: Path, day: Any) -> None:
    laid = day(sandbox)
    async with running(sandbox, tmp_path, **CHANGES) as town:
        await town.settled()
        assert await alerts(town, laid.source) == {}, "what was there before is no news"
        laid.happen()
        for what, words in WORDS.items():
            await town.until(lambda what=what, words=words: card_of(town, f"that {what}", words), 30)


async def test_a_ticket_that_is_thrown_away_takes_its_alert_along(sandbox: Sandbox, tmp_path: Path) -> None:
    async with running(sandbox, tmp_path, **{'bins_every = "1m"': 'bins_every = "1s"'}) as town:
        ticket = town.overdue_ticket()
        await town.card(str(ticket.id), ROOM)
        sandbox.freshdesk.tickets.change(ticket.id, spam=True)
        await town.shows(str(ticket.id), "gone from Freshdesk", ROOM)


def card_of(town: Town, subject: str, words: str) -> Any:
    shown = (message.as_text() for message in town.slack.messages(ROOM) if not message.thread_ts)
    return next((text for text in shown if subject in text and words in text), None)


async def alerts(town: Town, source: str) -> dict[str, str]:
    rows = await town.daemon.store.read(lambda reader: reader.alerts(statuses=tuple(Status), limit=500))
    return {alert.key: alert.summary for alert in rows if alert.source == source}
