"""Tickets, agents and groups as Freshdesk keeps them."""

import re
from dataclasses import dataclass, field
from html import unescape
from typing import Any

from deskbell.sandbox.clock import Clock, stamp
from deskbell.sandbox.web import Json

STATUSES = {
    2: ["Open", "Being Processed"],
    3: ["Pending", "Awaiting your Reply"],
    4: ["Resolved", "This ticket has been Resolved"],
    5: ["Closed", "This ticket has been Closed"],
    6: ["Waiting on Customer", "Awaiting your Reply"],
    7: ["Waiting on Third Party", "Being Processed"],
}
PRIORITIES = {1: "Low", 2: "Medium", 3: "High", 4: "Urgent"}
# https://developers.freshdesk.com/api/#ticket_attributes: both are null for some seconds after creation
SLA_FILLED_AFTER = 3.0
SLA_HOURS = {1: (24, 120), 2: (12, 72), 3: (4, 24), 4: (1, 8)}  # first response, resolution

AGENTS = (
    (1000, "Deskbell", "deskbell@example.org"),
    (1001, "Ana Ruiz", "ana@example.org"),
    (1002, "Ben Okafor", "ben@example.org"),
    (1003, "Carla Weiss", "carla@example.org"),
    (1004, "Lena Hoffmann", "lena@example.org"),
    (1005, "Marco Bianchi", "marco@example.org"),
)
GROUPS = ((501, "Service desk", [1001, 1002]), (502, "Field coordination", [1001, 1003]), (503, "Parts", [1005]))
ME = 1000


@dataclass(slots=True)
class Ticket:
    public: Json
    description: str
    requester: Json
    stats: Json = field(default_factory=dict)
    conversations: list[Json] = field(default_factory=list)
    due: tuple[float | None, float | None] = (None, None)  # resolution, first response
    due_from: float = 0.0  # shown from then on
    visible_from: float = 0.0  # lists show what it was before until then
    before: Json | None = None  # None: it was not there

    @property
    def id(self) -> int:
        return int(self.public["id"])

    @property
    def hidden(self) -> bool:
        return bool(self.public["spam"] or self.public.get("deleted"))

    def shown(self, now: float) -> Json:
        """The row. Due times appear without moving updated_at."""
        return self._due(self.public, now)

    def listed(self, now: float) -> Json | None:
        """The row that lists show, late where lists lag behind; None while it is not there for them."""
        if now >= self.visible_from:
            return self.shown(now)
        return None if self.before is None else self._due(self.before, now)

    def _due(self, public: Json, now: float) -> Json:
        if now < self.due_from:
            return dict(public)
        due_by, fr_due_by = (None if moment is None else stamp(moment) for moment in self.due)
        return {**public, "due_by": due_by, "fr_due_by": fr_due_by}


class Tickets:
    """`lag`: so many seconds until lists show what happens from now on. `statuses` may get codes of their own."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.lag = 0.0
        self.statuses = {code: list(names) for code, names in STATUSES.items()}
        self.rows: dict[int, Ticket] = {}
        self.agents = {row[0]: agent(*row) for row in AGENTS}
        self.groups = {row[0]: group(*row) for row in GROUPS}
        self._next = {"ticket": 20_500, "conversation": 90_000}

    def _number(self, kind: str) -> int:
        self._next[kind] += 1
        return self._next[kind]

    def add(  # noqa: PLR0913 - a ticket has this many sides
        self,
        subject: str,
        *,
        id: int | None = None,
        description: str = "",
        requester: tuple[str, str] = ("Erika Sample", "erika@example.com"),
        created: float | None = None,
        updated: float | None = None,
        due: float | None = None,
        fr_due: float | None = None,
        filled: bool = True,
        **fields: Any,
    ) -> Ticket:
        """Lay a ticket down. `filled=False`: it is brand new, and its due times are not worked out yet."""
        now = self.clock.time()
        created = now if created is None else created
        number = id or self._number("ticket")
        public = blank(number, subject) | {
            "created_at": stamp(created),
            "updated_at": stamp(created if updated is None else updated),
            "requester_id": 7000 + number % 1000,
        }
        public |= fields
        first, whole = SLA_HOURS[public["priority"]]
        due = created + whole * 3600 if due is None else due
        fr_due = created + first * 3600 if fr_due is None else fr_due
        person = {
            "id": public["requester_id"],
            "name": requester[0],
            "email": requester[1],
            "mobile": None,
            "phone": None,
        }
        ticket = Ticket(public, description or subject, person, blank_stats(created), due=(due, fr_due))
        ticket.due_from = 0.0 if filled else now + SLA_FILLED_AFTER
        ticket.visible_from = now + self.lag if self.lag else 0.0
        self.rows[number] = ticket
        return ticket

    def change(self, id: int, **fields: Any) -> Ticket:
        """A change by whoever: moves updated_at, and the stats that follow a status."""
        ticket = self.rows[id]
        if self.lag:
            ticket.before = ticket.listed(self.clock.time())
            ticket.visible_from = self.clock.time() + self.lag
        now = stamp(self.clock.time())
        status = fields.get("status", ticket.public["status"])
        if status != ticket.public["status"]:
            ticket.stats["status_updated_at"] = now
            ticket.stats["resolved_at"] = now if status in (4, 5) else None
            ticket.stats["closed_at"] = now if status == 5 else None
        ticket.public |= fields | {"updated_at": now}
        return ticket

    def converse(self, id: int, body: str, *, user: int, private: bool, source: int, **more: Any) -> Json:
        """A note or a reply."""
        now = stamp(self.clock.time())
        entry = {
            "id": self._number("conversation"),
            "body": body,
            "body_text": plain(body),
            "incoming": False,
            "private": private,
            "source": source,
            "user_id": user,
            "support_email": None,
            "ticket_id": id,
            "created_at": now,
            "updated_at": now,
            "to_emails": [],
            "attachments": [],
            **more,
        }
        ticket = self.rows[id]
        ticket.conversations.append(entry)
        if not private and not entry["incoming"]:
            ticket.stats["agent_responded_at"] = now
            ticket.stats["first_responded_at"] = ticket.stats["first_responded_at"] or now
        self.change(id)
        return entry

    def answer(self, id: int, body: str, files: tuple[str, ...] = ()) -> Json:
        """The customer writes."""
        ticket = self.rows[id]
        entry = self.converse(
            id, body, user=ticket.requester["id"], private=False, source=0, incoming=True, attachments=self.files(files)
        )
        ticket.stats["requester_responded_at"] = entry["created_at"]
        return entry

    def files(self, names: tuple[str, ...]) -> list[Json]:
        return [
            {"id": self._number("conversation"), "name": name, "content_type": "application/pdf", "size": 1}
            for name in names
        ]

    def merge(self, id: int, *others: int) -> None:
        """The others are closed, and both sides say so in a note."""
        for other in others:
            self.converse(other, f"This ticket is closed and merged into ticket {id}", user=ME, private=True, source=2)
            self.change(other, status=5)
            self.converse(id, f"Ticket {other} was merged into this ticket", user=ME, private=True, source=2)

    def forget(self, id: int) -> None:
        """Gone for good: 404 from now on."""
        self.rows.pop(id, None)


def plain(body: str) -> str:
    return unescape(re.sub(r"<[^>]*>", " ", body)).strip()


def blank(id: int, subject: str) -> Json:
    empty: list[str] = []
    return {
        "cc_emails": empty.copy(),
        "fwd_emails": empty.copy(),
        "reply_cc_emails": empty.copy(),
        "ticket_cc_emails": empty.copy(),
        "fr_escalated": False,
        "spam": False,
        "email_config_id": None,
        "group_id": None,
        "priority": 1,
        "requester_id": None,
        "responder_id": None,
        "source": 2,
        "company_id": None,
        "status": 2,
        "subject": subject,
        "association_type": None,
        "support_email": None,
        "to_emails": None,
        "product_id": None,
        "id": id,
        "type": None,
        "due_by": None,
        "fr_due_by": None,
        "is_escalated": False,
        "custom_fields": {},
        "tags": empty.copy(),
    }


def blank_stats(created: float) -> Json:
    names = ("agent_responded_at", "requester_responded_at", "first_responded_at", "reopened_at", "resolved_at",
             "closed_at", "pending_since")  # fmt: skip
    return dict.fromkeys(names) | {"status_updated_at": stamp(created)}


def agent(id: int, name: str, email: str) -> Json:
    then = "2026-01-05T08:00:00Z"
    contact = {
        "active": True,
        "email": email,
        "job_title": None,
        "language": "en",
        "last_login_at": None,
        "mobile": None,
        "name": name,
        "phone": None,
        "time_zone": "Berlin",
        "created_at": then,
        "updated_at": then,
    }
    return {
        "id": id,
        "available": True,
        "occasional": False,
        "signature": None,
        "ticket_scope": 1,
        "type": "support_agent",
        "created_at": then,
        "updated_at": then,
        "contact": contact,
    }


def group(id: int, name: str, agents: list[int]) -> Json:
    then = "2026-01-05T08:00:00Z"
    return {
        "id": id,
        "name": name,
        "description": name,
        "escalate_to": None,
        "unassigned_for": None,
        "agent_ids": agents,
        "business_hour_id": None,
        "group_type": "support_agent_group",
        "created_at": then,
        "updated_at": then,
    }
