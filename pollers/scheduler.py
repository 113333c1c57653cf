"""What sources of visits have in common that are read over HTTP and told with notes, assignments and the like."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, Protocol, TypeVar

from deskbell.core.outcome import Fault, Outcome, Rejected, Sent
from deskbell.core.ports import Finding, Page, SourceError, WriteBack, WriteKind
from deskbell.core.records import Record
from deskbell.net.answers import Reply
from deskbell.net.http import Http
from pollers import checks
from pollers.cursor import Fetched, FetchPage, Pace, Row, from_json, sweep, to_json
from pollers.mapped import Mapped, map_each
from pollers.own import OwnWrites
from pollers.rows import as_row
from pollers.snapshot import Window
from pollers.writing import failed_read

MOST_OF_A_WINDOW = 100  # pages: a window that is not read whole can't tell what is gone


class Conf(Protocol):
    """What the configurations of all of them hold."""

    @property
    def name(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def interval(self) -> timedelta: ...
    @property
    def overlap(self) -> timedelta: ...
    @property
    def max_pages(self) -> int: ...


FetchWhole = Callable[[int], Awaitable[Fetched]]  # by the number of the page, from 0
C = TypeVar("C", bound=Conf)
Words = list[tuple[str, str]]


class Scheduler(ABC, Generic[C]):
    """A source. A vendor says how its rows are asked for, what they mean, and what may be written."""

    def __init__(
        self, conf: C, http: Http | None = None, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self.conf = conf
        self.own = OwnWrites()
        self._now = now
        self.http = http or self.connected()

    @property
    def name(self) -> str:
        return self.conf.name

    @property
    def title(self) -> str:
        return self.conf.title

    @property
    def interval(self) -> timedelta:
        return self.conf.interval

    async def close(self) -> None:
        await self.http.close()

    # ------------------------------------------------------------ what each vendor has its own way

    @abstractmethod
    def connected(self) -> Http: ...

    @abstractmethod
    def changes(self, cursor: Mapping[str, Any]) -> AsyncIterator[Page]: ...

    @abstractmethod
    async def one(self, record_id: str) -> Mapping[str, Any] | None:
        """The row as it is now; None when it is gone."""

    @abstractmethod
    def record_of(self, raw: Any, book: Any) -> tuple[Record, Words]:
        """A row as a record, with the words that no map knows. Raises for a row that can't be one."""

    def is_gone(self, raw: Any) -> bool:  # noqa: ARG002 - most vendors just leave a deleted row out
        """Whether the row says of itself that it was deleted."""
        return False

    async def book(self, raws: Sequence[Mapping[str, Any]]) -> Any:  # noqa: ARG002 - most rows say all themselves
        """What the rows do not say themselves."""
        return None

    async def note(self, item: WriteBack, raw: Mapping[str, Any]) -> Outcome:  # noqa: ARG002
        return self.unable("notes")

    async def assign(self, item: WriteBack, raw: Mapping[str, Any]) -> Outcome:  # noqa: ARG002
        return self.unable("assignments")

    async def resolve(self, item: WriteBack, raw: Mapping[str, Any]) -> Outcome:  # noqa: ARG002
        return self.unable("completions")

    async def is_so(self, item: WriteBack, raw: Mapping[str, Any]) -> bool:  # noqa: ARG002
        """Whether what the item wants is so already."""
        return False

    # ------------------------------------------------------------ reading

    async def map_rows(self, rows: Sequence[Row]) -> Mapped:
        kept = [row for row in rows if not self.is_gone(row.raw)]
        raws = [row.raw for row in kept if isinstance(row.raw, Mapping)]
        book = await self.book(raws) if raws else None
        gone = tuple(row.id for row in rows if self.is_gone(row.raw))
        return replace(map_each(kept, lambda raw: self.record_of(raw, book)), gone=gone)

    async def fetch(self, record_id: str) -> Record | None:
        raw = await self.one(record_id)
        return None if raw is None else self.record_of(raw, await self.book([raw]))[0]

    async def missing(self, ids: Sequence[str]) -> list[str]:
        """Those of the rows that are gone."""
        return [one for one in ids if await self.one(one) is None]

    async def look(self, ids: Sequence[str]) -> Mapping[str, Row | None]:
        raws = {one: await self.one(one) for one in ids}
        return {one: None if raw is None else as_row(raw, one, None) for one, raw in raws.items()}

    def whole(self, fetch: FetchWhole, begins: datetime, ends: datetime, mark: str) -> Window:
        """The window, read whole."""
        return Window(
            fetch=fetch,
            map_rows=self.map_rows,
            begins=begins,
            ends=ends,
            look=self.look,
            mark=mark,
            max_pages=max(self.conf.max_pages, MOST_OF_A_WINDOW),
        )

    async def beside(self, last: Page, stored: Mapping[str, Any], beside: "Beside") -> AsyncIterator[Page]:
        """Pages of the records to which rows that move without them belong, after the last page of a poll."""
        pace = Pace(overlap=self.conf.overlap, max_pages=self.conf.max_pages)
        async for batch in sweep(from_json(stored), beside.fetch, beside.start, pace):
            ids = sorted({one for row in batch.rows if (one := beside.belongs_to(row.raw))})
            mapped = await self.map_rows([as_row(raw, "?", None) for raw in await beside.read(ids)] if ids else [])
            last = replace(
                last,
                records=mapped.records,
                bad=mapped.bad,
                unmapped=mapped.unmapped,
                gone=mapped.gone,
                cursor={**last.cursor, beside.what: to_json(batch.cursor)},
                read_at=batch.date or last.read_at,
            )
            yield last

    # ------------------------------------------------------------ writing

    async def write(self, item: WriteBack) -> Outcome:
        try:
            raw = await self.one(item.record_id)
            if raw is None:
                return Rejected(Fault.TARGET, f"{self.title}: {item.record_id} is gone (deleted or hidden from us)")
            if item.kind is not WriteKind.NOTE and await self.is_so(item, raw):
                return Sent({}, "was so already")
        except SourceError as error:
            return failed_read(error)
        match item.kind:
            case WriteKind.NOTE:
                return await self.note(item, raw)
            case WriteKind.ASSIGN:
                return await self.assign(item, raw)
            case WriteKind.RESOLVE:
                return await self.resolve(item, raw)

    async def find(self, item: WriteBack) -> bool:
        raw = await self.one(item.record_id)
        return raw is not None and await self.is_so(item, raw)

    async def done(self, item: WriteBack, method: str, path: str, body: Any) -> Outcome:
        reply = await self.http.send(method, path, body, expect_json=False)
        return Sent({"id": item.record_id}) if isinstance(reply, Reply) else reply

    def unable(self, what: str) -> Outcome:
        return Rejected(Fault.CONFIG, f"{self.title} takes no {what} from other systems")

    # ------------------------------------------------------------ checking

    async def mapping(self, rows: Sequence[Row]) -> Finding:
        """Whether the rows of a first page fit."""
        mapped, what = await self.map_rows(rows), f"{self.title} fields"
        if mapped.bad:
            return Finding(what, ok=False, detail=f"{len(mapped.bad)} of {len(rows)} rows: {mapped.bad[0].error}")
        if mapped.unmapped:
            words = ", ".join(f"{name} {value!r}" for name, value in mapped.unmapped[:5])
            return Finding(what, ok=False, detail=f"not in status_map: {words}")
        return Finding(what, ok=True, detail=f"{len(rows)} rows fit")

    async def obeyed(self, ask: Callable[[], Any], what: str = "time filter") -> Finding:
        """A question to which the answer must be empty."""
        what = f"{self.title} {what}"
        try:
            rows = await ask()
        except SourceError as error:
            return Finding(what, ok=False, detail=str(error))
        if rows:
            return Finding(what, ok=False, detail="is ignored: rows came for a time that is still to come")
        return Finding(what, ok=True, detail="is obeyed")

    def clock(self, date: datetime | None) -> Finding:
        return checks.clock(self.title, date, self._now())


@dataclass(frozen=True, slots=True)
class Beside:
    """Rows of another kind whose changes count: where they are kept in the cursor, how they are asked for, which record
    each belongs to, and how those records are read."""

    what: str
    fetch: FetchPage
    start: datetime
    belongs_to: Callable[[Any], str]
    read: Callable[[Sequence[str]], Any]


__all__ = ["Beside", "Scheduler", "Words"]
