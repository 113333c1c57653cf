"""Helpdesks: how the plain facts of a case are written over there."""

from datetime import timedelta
from typing import Any

from deskbell.prove.history import Abilities, Facts, History
from deskbell.prove.stage import Stage
from deskbell.prove.systems.base import INTERVAL, OVERLAP, Kind
from deskbell.sandbox import credentials
from deskbell.sandbox.clock import stamp
from deskbell.sandbox.freshdesk import stand_in as freshdesk
from pollers.freshdesk import Freshdesk, FreshdeskConf

_STATUS = {"open": 2, "paused": 3, "resolved": 4, "closed": 5, "waiting": 6}
_PRIORITY = {"low": 1, "normal": 2, "high": 3, "urgent": 4}


class FreshdeskTrial:
    def __init__(self, stage: Stage, history: History) -> None:
        self.stand = stage.stand_in(freshdesk.Freshdesk)
        conf = FreshdeskConf(
            f"{stage.url}/freshdesk", credentials.FRESHDESK_KEY, page_size=history.page, interval=INTERVAL,
            overlap=OVERLAP, zone=history.zone, bins_every=timedelta(minutes=2),
        )  # fmt: skip
        self.source = Freshdesk(conf, now=stage.hands.now)

    def lay(self, facts: Facts) -> str:
        ticket = self.stand.tickets.add("Compressor down", **self._row(facts))
        self._clocks(ticket, facts)
        return str(ticket.id)

    def change(self, record_id: str, before: Facts, facts: Facts) -> None:  # noqa: ARG002 - one shape for all
        ticket = self.stand.tickets.change(int(record_id), **self._row(facts))
        self._clocks(ticket, facts)

    def remove(self, record_id: str) -> None:
        self.stand.tickets.change(int(record_id), deleted=True)

    def _row(self, facts: Facts) -> dict[str, Any]:
        return {
            "status": _STATUS[facts["status"]],
            "priority": _PRIORITY[facts["priority"]],
            "responder_id": int(facts["agent"]) if facts["agent"] else None,
            "is_escalated": bool(facts["level"]),
        }

    def _clocks(self, ticket: Any, facts: Facts) -> None:
        ticket.due = (facts["resolution"], facts["first_response"])
        ticket.stats["first_responded_at"] = stamp(self.stand.clock.time()) if facts["answered"] else None


FRESHDESK = Kind(
    "freshdesk",
    "freshdesk",
    Abilities(
        "case",
        ("open", "paused", "waiting", "resolved", "closed"),
        frozenset({"first_response", "resolution", "answered", "agent", "level", "since"}),
        gone="compared",
    ),
    FreshdeskTrial,
)
