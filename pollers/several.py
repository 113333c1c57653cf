"""A source of several parts, each read by itself: calendars, feeds. One that can't be read delays no other."""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from deskbell.core.ports import Page, SourceError
from pollers.mapped import Mapped


@dataclass(frozen=True, slots=True)
class Step:
    """Some of one part's reading. `state` is kept with it; None leaves what was kept."""

    mapped: Mapped
    gone: tuple[str, ...] = ()
    date: datetime | None = None
    state: Mapping[str, Any] | None = None


Read = Callable[[str, Mapping[str, Any]], AsyncIterator[Step]]  # a part's name and what is kept of it -> its steps


async def pages(cursor: Mapping[str, Any], source: str, names: Iterable[str], read: Read) -> AsyncIterator[Page]:
    """One poll. When all parts were read, a last page says that it is complete; else the first trouble is raised."""
    kept: Mapping[str, Any] = cursor.get("parts", {})
    parts = {name: kept.get(name, {}) for name in names}
    trouble: SourceError | None = None
    date = None
    for name, state in list(parts.items()):
        try:
            async for step in read(name, state):
                if step.state is not None:
                    parts[name] = step.state
                date = step.date or date
                yield _page(source, step, parts)
        except SourceError as error:
            trouble = trouble or error
    if trouble is not None:
        raise trouble
    yield Page(source, (), {"parts": dict(parts)}, complete=True, read_at=date)


def _page(source: str, step: Step, parts: Mapping[str, Any]) -> Page:
    mapped = step.mapped
    return Page(
        source=source,
        records=mapped.records,
        cursor={"parts": dict(parts)},
        bad=mapped.bad,
        unmapped=mapped.unmapped,
        gone=step.gone,
        read_at=step.date,
    )
