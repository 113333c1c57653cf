"""How the records that we opened stand over there: one question for many of them, and what its answer says."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from channels.service import Ask, Request, dig
from deskbell.core.heard import Heard, RecordState, RecordStatus, Waiting
from deskbell.net.answers import Reply

Row = Mapping[str, Any]
Stands = Callable[[Row, Any, Waiting], RecordStatus]  # of a row of the answer, the settings, and what was asked


def standing(
    build: Callable[[Waiting, Any], Request],
    stands: Stands,
    *,
    rows: Callable[[Any], Iterable[Row]] | str = "",
    id: str = "id",
    by: str = "",
    name: str = "",
    most: int = 100,
) -> Ask:
    """`rows`: where in the answer they are, or what finds them. `id`, `by` (who did it last) and `name` (of them) are
    places in a row.
    """

    def read(reply: Reply, waiting: Waiting, conf: Any) -> list[Heard]:
        found = rows(reply.data) if callable(rows) else reply.data[rows] if rows else reply.data
        return [
            RecordState(ident, stands(row, conf, waiting), by=_at(row, by), name=_at(row, name))
            for row in found or ()
            if (ident := dig(row, id)) in waiting.ids
        ]

    return Ask(of="records", build=build, read=read, most=most)


def _at(row: Row, place: str) -> str:
    return dig(row, place) if place else ""


def status(value: object, doing: object, done: Iterable[object]) -> RecordStatus:
    """By the vendor's own words for what somebody has, and for what is over."""
    if str(value) in {str(one) for one in done}:
        return "resolved"
    return "acked" if doing and str(value) == str(doing) else "open"


def listed(waiting: Waiting) -> str:
    return ",".join(waiting.ids)
