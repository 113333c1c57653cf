"""What was given up is tried again because somebody asked for it; the audit says what and where."""

from datetime import datetime

from deskbell.core.ports import Entry
from deskbell.core.store import UnitOfWork

MOST = 10_000  # rows at a time


def again(uow: UnitOfWork, now: datetime, *, row: int = 0, kind: str = "", destination: str = "") -> int:
    """Revives the dead rows that fit all that is given, or all of them; how many those were."""
    count = 0
    for dead in uow.outbox(dead_only=True, limit=MOST):
        if (
            (row and dead.id != row)
            or (kind and dead.kind != kind)
            or (destination and dead.destination != destination)
        ):
            continue
        if uow.revive(dead.id, dead.kind, now):
            alert_id = int(dead.alert_ref.removeprefix("D-") or 0)
            data = {"row": dead.id, "kind": dead.kind, "destination": dead.destination, "why_dead": dead.error}
            uow.audit(Entry("operator", "retry", alert_id, data), now)
            count += 1
    return count
