"""Scheduling systems: how the plain facts of a visit are written over there."""

from collections.abc import Mapping
from typing import Any

from deskbell.prove.history import Abilities, Facts, History
from deskbell.prove.stage import Stage
from deskbell.prove.systems.base import INTERVAL, OVERLAP, Kind
from deskbell.sandbox import credentials
from deskbell.sandbox.clock import stamp
from deskbell.sandbox.fieldservice import FieldService
from pollers.rest import AuthConf, Paging, Rest, RestConf

VISIT = frozenset({
    "status", "start", "end", "window_end", "tech", "eta", "travelled", "arrived", "finished", "cancelled", "by",
    "absent", "reason", "sla", "since",
})  # fmt: skip

# What the stand-in has by itself, and what its owner added to it: fields of their own, as such systems let them.
_JOB: Mapping[str, str] = {
    "start": "scheduled_start", "end": "scheduled_end", "window_end": "window_end", "travelled": "travel_started_at",
    "arrived": "checked_in_at", "finished": "completed_at", "cancelled": "cancelled_at", "by": "cancelled_by",
    "reason": "cancel_reason", "eta": "eta", "absent": "absent", "sla": "sla_due",
}  # fmt: skip
_MOMENTS = frozenset({"start", "end", "window_end", "travelled", "arrived", "finished", "cancelled", "eta", "sla"})
_RECORD: Mapping[str, str] = {
    "id": "id", "number": "number", "status": "status", "title": "summary", "zone": "site.timezone",
    "technician": "technician.name", "technician_id": "technician.id", "start": "scheduled_start",
    "end": "scheduled_end", "window_end": "window_end", "travel_started_at": "travel_started_at",
    "arrived_at": "checked_in_at", "completed_at": "completed_at", "cancelled_at": "cancelled_at",
    "cancelled_by": "cancelled_by", "reason": "cancel_reason", "eta": "eta", "absent": "absent", "sla_due": "sla_due",
    "updated_at": "updated_at",
}  # fmt: skip
_WORDS = {"paused": "on_hold"}


class FieldServiceTrial:
    def __init__(self, stage: Stage, history: History) -> None:
        self.stand, self._zone = stage.stand_in(FieldService), history.zone
        conf = RestConf(
            f"{stage.url}/fieldservice", "/api/jobs", _RECORD, name="fieldservice", title="Field service",
            auth=AuthConf("bearer", token=credentials.FIELDSERVICE_TOKEN),
            params={"updated_since": "{since}", "page": "{page}", "per_page": "{size}"},
            paging=Paging("page", size=history.page, pages="meta.pages"), items="data",
            item_path="/api/jobs/{id}", item="data", interval=INTERVAL, overlap=OVERLAP, zone=history.zone,
        )  # fmt: skip
        self.source = Rest(conf, now=stage.hands.now)

    def lay(self, facts: Facts) -> str:
        job = self.stand.add(start=facts["start"], end=facts["end"], site={"timezone": self._zone})
        self.stand.jobs[job["id"]] |= self._row(facts)
        return str(job["id"])

    def change(self, record_id: str, before: Facts, facts: Facts) -> None:  # noqa: ARG002 - one shape for all
        self.stand.change(int(record_id), **self._row(facts))

    def remove(self, record_id: str) -> None:
        del self.stand.jobs[int(record_id)]

    def _row(self, facts: Facts) -> dict[str, Any]:
        row: dict[str, Any] = {name: facts[ours] for ours, name in _JOB.items() if ours not in _MOMENTS}
        row |= {
            name: None if facts[ours] is None else stamp(facts[ours]) for ours, name in _JOB.items() if ours in _MOMENTS
        }
        tech = self.stand.technicians.get(facts["tech"] or 0)
        return row | {"status": _WORDS.get(facts["status"], facts["status"]), "technician": tech}


FIELD_SERVICE = Kind(
    "fieldservice",
    "rest",
    Abilities(
        "visit",
        ("scheduled", "dispatched", "en_route", "on_site", "paused", "completed", "cancelled", "no_show"),
        VISIT - {"since"},
    ),
    FieldServiceTrial,
)
