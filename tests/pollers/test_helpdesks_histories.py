"""Random histories of what is said in two helpdesks, with crashes, restarts and trouble, end with every word known."""

import contextlib
import json
import random

import pytest

from deskbell.core.ports import SourceError
from deskbell.core.records import CaseStatus
from tests.pollers.trials import on_trial

TROUBLE = ("500", "drop", "html")


class Freshdesk:
    """What may be said and done over there, and what is true of it."""

    def __init__(self, sb, trial):
        self.tickets, self.trial = trial.stand.tickets, trial

    def lay(self, at):
        return str(self.tickets.add("Pump down", created=at, requester_id=7500).id)

    def say(self, one, text, chance):
        match chance.choice(["customer", "note", "reply"]):
            case "customer":
                self.tickets.answer(int(one), text, files=chance.choice([(), ("a.pdf",)]))
            case "note":
                self.tickets.converse(int(one), text, user=1001, private=True, source=2)
            case "reply":
                self.tickets.converse(int(one), text, user=1001, private=False, source=0)

    def end(self, one, chance):
        how = chance.choice(["deleted", "spam", "solved"])
        self.tickets.change(int(one), **({"status": 4} if how == "solved" else {how: True}))
        return how != "solved"

    def truth(self, one):
        ticket = self.tickets.rows[int(one)]
        said = {str(entry["id"]) for entry in ticket.conversations}
        files = {str(file["id"]) for entry in ticket.conversations for file in entry["attachments"]}
        return said | files, ticket.public["status"] == 4


class ServiceNow:
    """The same of incidents."""

    def __init__(self, sb, trial):
        self.tables, self.trial = trial.stand.tables, trial

    def lay(self, at):
        return self.tables.incident("Pump down", opened=at)["sys_id"]

    def say(self, one, text, chance):
        match chance.choice(["customer", "note", "reply", "file"]):
            case "customer":
                self.tables.change("incident", one, {"comments": text}, by="greta.mill")
            case "note":
                self.tables.change("incident", one, {"work_notes": text}, by="ana.ruiz")
            case "reply":
                self.tables.change("incident", one, {"comments": text}, by="ana.ruiz")
            case "file":
                self.tables.attach("incident", one, f"{text}.pdf", by="ana.ruiz")

    def end(self, one, chance):
        if chance.random() < 0.5:
            self.tables.remove("incident", one)
            return True
        done = {"state": "6", "close_code": "Solved (Permanently)", "close_notes": "x"}
        self.tables.change("incident", one, done, by="ana.ruiz")
        return False

    def truth(self, one):
        files = (row for row in self.tables.rows["sys_attachment"].values() if row["table_sys_id"] == one)
        said = {row["sys_id"] for row in [*self.tables.journal(one), *files]}
        return said, self.tables.rows["incident"][one]["state"] == "6"


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("name", ["freshdesk", "servicenow"])
async def test_in_the_end_every_word_is_known(sb, reading, name, seed):
    async with on_trial(name, sb) as trial:
        await play(sb, trial, {"freshdesk": Freshdesk, "servicenow": ServiceNow}[name](sb, trial), reading, seed)


async def play(sb, trial, there, reading, seed):
    chance, held, alive, gone = random.Random(seed), reading(trial.source), [], set()
    works = ("lay", "say", "say", "say", "say", "end", "poll", "poll", "poll", "crash", "trouble", "restart")
    for n in range(60):
        sb.clock.advance(chance.choice([0, 0, 0.3, 1, 4, 20, 70]))
        work = chance.choice(works)
        if work == "lay" or not alive:
            alive.append(there.lay(sb.clock.time()))
        elif work == "say":
            there.say(chance.choice(alive), f"word {n}", chance)
        elif work == "end":
            one = chance.choice(alive)
            if there.end(one, chance):
                alive.remove(one)
                gone.add(one)
        elif work == "restart":
            held.source = type(trial.source)(trial.source.conf, trial.source.http, now=sb.clock.now)
        else:
            await poll(held, trial, work, chance)
    trial.stand.faults.heal()
    for _ in range(4):
        sb.clock.advance(61)
        await held.poll()
    told = {one for page in held.pages for one in page.gone}
    assert {one for one in held.records if one in gone} <= told, "what was known and is gone is told"
    assert not told & set(alive)
    for one in alive:
        case = held.records[one]
        assert ({found.id for found in case.happenings}, case.status is CaseStatus.RESOLVED) == there.truth(one)


async def poll(held, trial, work, chance):
    if work == "trouble":
        trial.stand.faults.set(chance.choice(TROUBLE), times=chance.choice([1, 2]))
    if work != "crash":
        with contextlib.suppress(SourceError):
            await held.poll()
        trial.stand.faults.heal()
        return
    pages = held.source.changes(json.loads(json.dumps(held.cursor)))
    page = await anext(pages)
    await pages.aclose()
    held.cursor = page.cursor
    held.records |= {record.id: record for record in page.records}
    held.pages.append(page)
