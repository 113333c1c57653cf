"""Tables beside the one that is read: rows that move without the record they belong to, and rights that are missing."""

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import structlog

from deskbell.core.ports import SourceError, SourceFault
from deskbell.vendors.servicenow import ref, safe
from pollers.servicenow_journal import FILE_COLUMNS
from pollers.servicenow_slas import COLUMNS as SLA_COLUMNS
from pollers.servicenow_slas import Slas

REST_S = 3600.0  # after a refusal, until the table is asked for again
Rows = Sequence[Mapping[str, Any]]
T = TypeVar("T")

log = structlog.get_logger(__name__)


class Rights:
    """A table that we may not read is left alone for an hour; what it would tell is unknown until it is granted."""

    def __init__(self, source: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._source, self._clock = source, clock
        self._rest_until: dict[str, float] = {}

    def may(self, table: str) -> bool:
        return self._clock() >= self._rest_until.get(table, 0.0)

    def refused(self, table: str, error: SourceError) -> None:
        if self.may(table):
            log.warning("table_unreadable", source=self._source, table=table, error=str(error))
        self._rest_until[table] = self._clock() + REST_S

    async def or_nothing(self, table: str, read: Callable[[], Awaitable[list[T]]]) -> list[T]:
        """What is read of it, or nothing without the right. Any other trouble is raised: alerts would end by it."""
        if not self.may(table):
            return []
        try:
            return await read()
        except SourceError as error:
            if error.fault is not SourceFault.AUTH or error.login:
                raise
            self.refused(table, error)
            return []


@dataclass(frozen=True, slots=True)
class Part:
    """Rows of a table whose changes count. `news` gives the ids of the records that they are about; `gone`: those are
    deleted, else they are read again. `kept`: what was told last is stored.
    """

    table: str
    columns: str
    news: Callable[[Rows], set[str]]
    filters: str = ""
    gone: bool = False
    kept: Callable[[], None] = field(default=lambda: None)


def slas() -> Part:
    """Service clocks that were set, stopped or moved, which no time of change of their task shows."""
    clocks = Slas()
    return Part("task_sla", SLA_COLUMNS, clocks.moved, kept=clocks.keep)


def attachments(table: str) -> Part:
    """Files, which leave their task untouched."""
    return Part("sys_attachment", FILE_COLUMNS, lambda rows: _ids(rows, "table_sys_id"), f"table_name={safe(table)}")


def deletions(table: str) -> Part:
    """What was deleted, where deletions are audited."""
    columns = "sys_id,tablename,documentkey,sys_updated_on"
    return Part(
        "sys_audit_delete", columns, lambda rows: _ids(rows, "documentkey"), f"tablename={safe(table)}", gone=True
    )


def _ids(rows: Rows, column: str) -> set[str]:
    return {ref(row.get(column)) for row in rows} - {""}
