"""ServiceNow's service clocks: rows of `task_sla`, several to an incident, one of each kind that counts."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from deskbell.core.records import Sla
from deskbell.vendors.servicenow import ref
from pollers.rows import flag, line, moment

COLUMNS = (
    "sys_id,task,stage,active,has_breached,start_time,planned_end_time,sys_updated_on,sla.target,sla.name,sys_mod_count"
)
KEPT = 20_000  # clocks
_GONE = frozenset({"cancelled", "canceled"})


def slas_of(rows: Iterable[Mapping[str, Any]]) -> tuple[Sla, ...]:
    """One clock of each kind: the first to run out of those that run, else the last that was met."""
    found: dict[str, Sla] = {}
    for sla in filter(None, (_sla(row) for row in rows)):
        held = found.get(sla.metric)
        if held is None or _counts_more(sla, held):
            found[sla.metric] = sla
    return tuple(found[metric] for metric in sorted(found))


def _counts_more(one: Sla, other: Sla) -> bool:
    if one.met != other.met:
        return other.met
    return one.due_at > other.due_at if one.met else one.due_at < other.due_at


def _sla(row: Mapping[str, Any]) -> Sla | None:
    stage = line(row.get("stage"), 50).lower()
    due = moment(row.get("planned_end_time"))  # already moved on for the times it was paused
    if due is None or stage in _GONE:
        return None
    met = stage in {"completed", "achieved"} or (not flag(row.get("active")) and stage != "paused")
    return Sla(_metric(row), due, met, stage == "paused", moment(row.get("start_time")))


def _metric(row: Mapping[str, Any]) -> str:
    target = line(row.get("sla.target"), 50).lower() or line(row.get("sla.name"), 200).lower()
    return "first_response" if "respon" in target else "resolution"


def by_task(ids: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> dict[str, tuple[Sla, ...]]:
    """The clocks of each incident."""
    found: dict[str, list[Mapping[str, Any]]] = {one: [] for one in ids}
    for row in rows:
        found.setdefault(ref(row.get("task")), []).append(row)
    return {task: slas_of(clocks) for task, clocks in found.items()}


class Slas:
    """What the clocks looked like, to tell which incidents are to be read again when rows of theirs were touched.

    A scheduled job of the vendor touches all of them every few minutes to refresh a percentage, which is no change.
    """

    def __init__(self) -> None:
        self._faces: dict[str, tuple[str, ...]] = {}
        self._fresh: dict[str, tuple[str, ...]] = {}

    def moved(self, rows: Sequence[Mapping[str, Any]]) -> set[str]:
        """The incidents whose clocks look different from what was last kept."""
        fresh = {ref(row.get("sys_id")): (ref(row.get("task")), _face(row)) for row in rows}
        different = {key: seen for key, seen in fresh.items() if key and self._faces.get(key) != seen[1]}
        self._fresh = {key: face for key, (_, face) in different.items()}
        return {task for task, _ in different.values()} - {""}

    def keep(self) -> None:
        """What `moved` last told is stored; until then it must be told again."""
        self._faces |= self._fresh
        self._fresh = {}
        while len(self._faces) > KEPT:
            del self._faces[next(iter(self._faces))]


def _face(row: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(line(row.get(name), 50) for name in ("stage", "active", "planned_end_time", "has_breached"))
