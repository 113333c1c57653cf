"""An honest little desk in memory for the commands and the server: the real domain decides, only storage is missing."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.ports import LIVE, Said
from deskbell.core.access import Person, Role
from deskbell.core.alert import Alert, Change, Command, Severity, Verb, decide
from deskbell.core.card import Reply
from deskbell.core.history import Pace, SourceVitals, Vitals
from deskbell.core.ports import Answer, StoredRecord
from deskbell.core.present import View, card_of
from deskbell.core.records import Case, CaseStatus, Sla, Visit, VisitStatus, changed, kind_of
from deskbell.core.rota import Duty
from deskbell.core.silence import Silence

NOON = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)

PEOPLE = {
    person.id: person
    for person in (
        Person("ana", "Ana Ruiz", "ana.ruiz@firm.test", frozenset({Role.DISPATCHER}), accounts={"slack": "UANA"}),
        Person("anna", "Anna Weiß", "aw@firm.test", frozenset({Role.AGENT}), frozenset({"north"})),
        Person("jose", "José Núñez", "jose@firm.test", frozenset({Role.MANAGER}), frozenset({"south"})),
        Person("tom", "Tom Field", "tom@firm.test", frozenset({Role.TECHNICIAN}), accounts={"fieldwork": "T-7"}),
        Person("vera", "Vera Look", "vera@firm.test", frozenset({Role.VIEWER})),
        Person("carl", "Carl Count", "carl@firm.test", frozenset({Role.COMPLIANCE})),
        Person("otto", "Otto Call", "otto@firm.test", frozenset({Role.ONCALL}), frozenset({"north", "south"})),
        Person("root", "Rita Root", "rita@firm.test", frozenset({Role.ADMIN})),
        Person("none", "Nick None", "nick@firm.test", frozenset()),
    )
}


def an_alert(number, **values):
    base = {
        "id": number,
        "key": f"k{number}",
        "rule": "technician_late",
        "source": "fieldwork",
        "record_id": f"r{number}",
        "subject": f"J-{number}",
        "title": "Technician late",
        "summary": f"J-{number} Tom Field 25 min late, Northgate",
        "severity": Severity.P2,
        "opened_at": NOON,
        "updated_at": NOON,
    }
    return Alert(**base | values)


class Desk:
    """Fits bot.ports.Front."""

    command = "/desk"
    sources = ("freshdesk", "fieldwork")

    def __init__(self):
        self.people = dict(PEOPLE)
        self.store = {}
        self.records = []
        self.acted = []
        self.asked = []
        self.raised = {}
        self.hushed = []
        self.at_source = {}
        self.answers = {}
        self.failing = None
        self.is_ready = (True, [])
        self.read_at = NOON - timedelta(seconds=12)
        self.rotas = {"dispatch": PEOPLE["ana"], "night": None}

    def add(self, *alerts):
        self.store |= {alert.id: alert for alert in alerts}

    def now(self):
        return NOON

    async def person(self, platform, account):
        if self.failing:
            raise self.failing
        wanted = {p.accounts.get(platform): p for p in self.people.values()}
        return wanted.get(account) or self.people.get(account.removeprefix("U-"))

    async def link_code(self, person_id):
        return f"code-of-{person_id}"

    async def customer_wrote(self, platform, account, text, key):
        return None  # nobody here is a customer

    async def redeem(self, said, code):
        return Reply(lines=(f"{said.account} said {code}",))

    async def turned_away(self, interaction, code, text):
        pass

    async def act(self, interaction):
        self.acted.append(interaction)
        if interaction.key in self.answers:
            return self.answers[interaction.key]
        answer = self.answers[interaction.key] = await self._act(interaction)
        return answer

    async def _act(self, interaction):
        actor = await self.person(interaction.platform, interaction.account)
        alert = await self.find_alert(interaction.ref)
        if actor is None:
            return Answer(False, "unknown_person", "who?")
        if alert is None:
            return Answer(False, "no_alert", f"There is no alert {interaction.ref}.")
        if interaction.verb in (Verb.UNDO, Verb.REVEAL):  # the true desk has them elsewhere than among the moves
            return Answer(False, "no_undo", f"There is nothing to {interaction.verb} on {alert.ref}.", alert)
        command = Command(Verb(interaction.verb), alert.id, actor, interaction.args)
        result = decide(alert, command, NOON, self.people)
        if not isinstance(result, Change):
            return Answer(False, result.code, result.text, alert)
        self.add(result.after)
        return Answer(True, "done", f"{alert.ref}: {result.said}", result.after)

    async def silence(self, person, matchers, span, reason, key=""):
        self.hushed.append((person.id, dict(matchers), span, reason))
        return Answer(True, "done" if span else "preview", "14 alerts of last week would have matched.")

    async def unsilence(self, person, number):
        return Answer(number == 3, "done" if number == 3 else "none", f"S-{number}: so be it.")

    async def silences(self):
        return [Silence({"team": ("north",)}, "road closed", NOON, NOON + timedelta(hours=2), "ana", id=3)]

    async def raise_manual(self, *, caller, idempotency_key, **asked):
        key = (caller, idempotency_key)
        if key in self.raised:
            alert, before = self.raised[key]
            same = before == asked
            return Answer(same, "repeat" if same else "conflict", "That key was used before.", alert)
        alert = an_alert(
            100 + len(self.raised), title=asked["title"], severity=asked["severity"], url="https://desk.test/a"
        )
        self.add(alert)
        self.raised[key] = (alert, asked)
        return Answer(True, "done", f"{alert.ref} is open and rings.", alert)

    async def arrange(self, person, wish, key):
        self.asked.append((person.id, wish))
        return Answer(True, "done", f"Noted: {wish}")

    async def on_duty(self, rota="", at=None):
        return [
            Duty(name, person.id if person else None, None, None, None)
            for name, person in self.rotas.items()
            if rota.casefold() in {"", name}
        ]

    async def find_alert(self, text):
        digits = text.removeprefix("D-")
        return self.store.get(int(digits)) if digits.isascii() and digits.isdigit() else None

    async def alerts(self, *, statuses=LIVE, assignee=None, team=None, source=None, parent=None, limit=20, offset=0):
        wanted = {"assignee": assignee, "team": team, "source": source, "parent": parent}
        found = [
            alert
            for alert in self.store.values()
            if alert.status in statuses and all(v is None or getattr(alert, k) == v for k, v in wanted.items())
        ]
        found.sort(key=lambda alert: (alert.severity, alert.id))
        return found[offset : offset + limit], len(found)

    async def alerts_on(self, record):
        return [a for a in self.store.values() if (a.source, a.record_id) == (record.source, record.id)]

    async def card(self, alert, *, buttons=True):
        return card_of(alert, View(NOON, self.people, lambda *parts: "-".join(map(str, parts)), buttons=buttons))

    async def find_records(self, text, kind):
        of_kind = [r for r in self.records if kind in {None, kind_of(r.record)}]
        return [r for r in of_kind if r.record.number.casefold().endswith(text.casefold())][:5]

    async def refresh(self, stored):
        if isinstance(self.at_source.get(stored.record.id), Exception):
            raise self.at_source[stored.record.id]
        fresh = self.at_source.get(stored.record.id, stored.record)
        return StoredRecord(fresh, NOON) if fresh else None

    def source_title(self, name):
        return name.capitalize()

    async def freshness(self, _source):
        return self.read_at

    async def audit_tail(self, limit, after):
        row = {
            "seq": after + 1,
            "at": NOON.isoformat(),
            "actor": "ana",
            "verb": "ack",
            "alert": "D-12",
            "text": "\ud800",
        }
        return {"entries": [row][:limit], "count": 1, "verified": True}

    async def vitals(self):
        pace = Pace("freshdesk", 34, *(timedelta(seconds=seconds) for seconds in (3, 9, 200)))
        goal = timedelta(minutes=2)
        sources = (
            SourceVitals("freshdesk", "Freshdesk", self.read_at, "", pace, goal),
            SourceVitals("fieldwork", "Schedule", None, "HTTP 500", None, goal),
        )
        return Vitals(NOON, sources, open=3, waiting=1, dead=2)

    def health(self):
        return {"since": NOON.isoformat()}

    async def ready(self):
        if isinstance(self.is_ready, Exception):
            raise self.is_ready
        return self.is_ready


def a_case(number="4711", **values):
    base = {
        "source": "freshdesk",
        "id": f"c{number}",
        "number": number,
        "status": CaseStatus.OPEN,
        "status_raw": "Pending us",
        "subject": "Compressor leaks oil",
        "requester": "Pat Customer",
        "assignee": "Ana Ruiz",
        "slas": (Sla("resolution", NOON + timedelta(minutes=22)),),
    }
    return StoredRecord(Case(**base | values), NOON - timedelta(minutes=5))


def a_visit(number="J-12", **values):
    base = {
        "source": "fieldwork",
        "id": number.replace("J-", "r"),
        "number": number,
        "status": VisitStatus.EN_ROUTE,
        "title": "Yearly service",
        "customer": "Hansen",
        "site": "Northgate",
        "technician": "Tom Field",
        "technician_id": "T-7",
        "start": NOON - timedelta(minutes=25),
        "end": NOON + timedelta(hours=1),
    }
    return StoredRecord(Visit(**base | values), NOON)


def usual_desk():
    desk = Desk()
    desk.add(an_alert(12), an_alert(13, severity=Severity.P1, team="north"), an_alert(14, assignee="tom", team="south"))
    desk.records += [a_case(), a_visit(), a_visit("J-99", technician_id="T-8", technician="Sue")]
    return desk


@pytest.fixture
def desk():
    return usual_desk()


@pytest.fixture
def said():
    """Where a line comes from, for a person of PEOPLE (accounts are U- and the id) or a stranger."""
    count = iter(range(10_000))
    return lambda who="ana": Said("slack", f"U-{who}", "T1", "C1", f"key-{next(count)}")


@pytest.fixture
def build():
    """The makers, for tests that want more than the usual desk."""
    return {"usual": usual_desk, "alert": an_alert, "case": a_case, "visit": a_visit, "changed": changed, "now": NOON}
