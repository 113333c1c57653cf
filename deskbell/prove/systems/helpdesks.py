"""Helpdesks: how the plain facts of a case are written over there."""

from datetime import timedelta
from typing import Any

from deskbell.prove.history import Abilities, Facts, History
from deskbell.prove.stage import Stage
from deskbell.prove.systems.base import INTERVAL, OVERLAP, Kind, Trial
from deskbell.sandbox import credentials
from deskbell.sandbox.clock import stamp
from deskbell.sandbox.freshdesk import stand_in as freshdesk
from deskbell.sandbox.servicenow import stand_in as servicenow
from deskbell.sandbox.servicenow.tables import stored, sys_id
from deskbell.sandbox.zendesk import Zendesk as ZendeskStandIn
from pollers.freshdesk import Freshdesk, FreshdeskConf
from pollers.servicenow import ServiceNow, ServiceNowConf
from pollers.zendesk import Zendesk, ZendeskConf

_CLOCKS = frozenset({"first_response", "resolution"})


def _freshdesk(stage: Stage, history: History) -> Trial:
    stand = stage.stand_in(freshdesk.Freshdesk)
    conf = FreshdeskConf(
        f"{stage.url}/freshdesk", credentials.FRESHDESK_KEY, page_size=history.page, interval=INTERVAL,
        overlap=OVERLAP, zone=history.zone, bins_every=timedelta(minutes=2),
    )  # fmt: skip
    words = {"open": 2, "paused": 3, "resolved": 4, "closed": 5, "waiting": 6}

    def row(facts: Facts) -> dict[str, Any]:
        return {
            "status": words[facts["status"]],
            "priority": ("low", "normal", "high", "urgent").index(facts["priority"]) + 1,
            "responder_id": int(facts["agent"]) if facts["agent"] else None,
            "is_escalated": bool(facts["level"]),
        }

    def clocks(ticket: Any, facts: Facts) -> None:
        ticket.due = (facts["resolution"], facts["first_response"])
        ticket.stats["first_responded_at"] = stamp(stand.clock.time()) if facts["answered"] else None

    def lay(facts: Facts) -> str:
        ticket = stand.tickets.add("Compressor down", **row(facts))
        clocks(ticket, facts)
        return str(ticket.id)

    def change(record_id: str, _before: Facts, facts: Facts) -> None:
        clocks(stand.tickets.change(int(record_id), **row(facts)), facts)

    def remove(record_id: str) -> None:
        stand.tickets.change(int(record_id), deleted=True)

    return Trial(Freshdesk(conf, now=stage.hands.now), stand, lay, change, remove)


def _servicenow(stage: Stage, history: History) -> Trial:
    stand = stage.stand_in(servicenow.ServiceNow)
    tables = stand.tables
    conf = ServiceNowConf(
        f"{stage.url}/servicenow", credentials.SERVICENOW_USER, credentials.SERVICENOW_PASSWORD,
        page_size=history.page, interval=INTERVAL, overlap=OVERLAP, zone=history.zone, journal=False,
        attachments=False,
    )  # fmt: skip
    states = {
        "open": ("2", ""),
        "paused": ("3", "4"),
        "waiting": ("3", "1"),
        "resolved": ("6", ""),
        "closed": ("7", ""),
    }
    touched = iter(range(10**9))

    def row(facts: Facts) -> dict[str, Any]:
        state, reason = states[facts["status"]]
        return {
            "state": state, "hold_reason": reason, "close_code": "Solved (Permanently)", "close_notes": "done",
            "priority": ("urgent", "high", "normal", "low").index(facts["priority"]) + 1,
            "assigned_to": facts["agent"], "escalation": facts["level"], "short_description": f"down {next(touched)}",
        }  # fmt: skip

    def clocks(incident: Any, facts: Facts) -> None:
        key = sys_id("sla", incident["number"])
        if facts["resolution"] is None:
            return
        if key not in tables.rows["task_sla"]:
            tables.sla(incident, facts["created"], facts["resolution"])
        tables.change("task_sla", key, {"planned_end_time": stored(facts["resolution"])}, by="system")

    def lay(facts: Facts) -> str:
        incident = tables.incident(**row(facts))
        clocks(incident, facts)
        return str(incident["sys_id"])

    def change(record_id: str, _before: Facts, facts: Facts) -> None:
        clocks(tables.change("incident", record_id, row(facts), by="ana.ruiz"), facts)

    return Trial(ServiceNow(conf, now=stage.hands.now), stand, lay, change, lambda one: tables.remove("incident", one))


def _zendesk(stage: Stage, history: History) -> Trial:
    stand = stage.stand_in(ZendeskStandIn)
    conf = ZendeskConf(
        f"{stage.url}/zendesk", credentials.ZENDESK_USER, credentials.ZENDESK_TOKEN, page_size=history.page,
        interval=INTERVAL, overlap=OVERLAP, zone=history.zone, comments_within=timedelta(), max_pages=20,
    )  # fmt: skip
    words = {"open": "open", "waiting": "pending", "paused": "hold", "resolved": "solved", "closed": "closed"}
    metrics = {"first_response": "first_reply_time", "resolution": "requester_wait_time"}

    def row(facts: Facts) -> dict[str, Any]:
        return {
            "status": words[facts["status"]],
            "priority": facts["priority"],
            "assignee_id": int(facts["agent"]) if facts["agent"] else None,
            "tags": ["escalated"] if facts["level"] else [],
        }

    def clocks(record_id: int, facts: Facts) -> None:
        stand.slas[record_id] = [
            {"metric": metric, "stage": "achieved" if facts["answered"] and ours == "first_response" else "active",
             "breach_at": stamp(facts[ours])}
            for ours, metric in metrics.items() if facts[ours] is not None
        ]  # fmt: skip

    def lay(facts: Facts) -> str:
        ticket = stand.add("Compressor down", **row(facts))
        clocks(ticket["id"], facts)
        return str(ticket["id"])

    def change(record_id: str, _before: Facts, facts: Facts) -> None:
        clocks(int(record_id), facts)
        stand.change(int(record_id), **row(facts))

    return Trial(Zendesk(conf, now=stage.hands.now), stand, lay, change, lambda one: stand.delete(int(one)))


_STATES = ("open", "paused", "waiting", "resolved", "closed")
_NOW_PEOPLE = tuple(sys_id("user", name) for name in ("ana.ruiz", "ben.okafor", "carla.weiss"))
HELPDESKS = (
    Kind(
        "freshdesk", "freshdesk",
        Abilities("case", _STATES, _CLOCKS | {"answered", "agent", "level", "since"}, gone="compared", within=120),
        _freshdesk,
    ),
    Kind(
        "servicenow", "servicenow",
        Abilities("case", _STATES, frozenset({"resolution", "agent", "level"}), gone="compared", within=3600,
                  levels=(0, 2), agents=_NOW_PEOPLE),
        _servicenow,
    ),
    Kind(
        "zendesk", "zendesk",
        Abilities("case", _STATES, _CLOCKS | {"answered", "agent", "level"}, hidden=60, lags=False, removes=False,
                  agents=("9001", "9002")),
        _zendesk,
    ),
)  # fmt: skip
