"""What all CRMs have alike as sources: an object each, read by its time of change, and whole every now and then.

A vendor's own file says how its pages are asked for, and how a record is read, changed and given a note.
"""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, TypeVar

from deskbell.core.outcome import Fault, Outcome, Rejected, Sent
from deskbell.core.ports import Finding, Page, SourceError, SourceFault, WriteBack, WriteKind
from deskbell.core.records import Case, Happening, Record
from deskbell.net.answers import Reply
from deskbell.net.http import Http
from pollers import checks
from pollers.chain import Chain
from pollers.crm_conf import CrmConf, Description
from pollers.cursor import Fetched, Pace, Row
from pollers.mapped import Mapped, map_each
from pollers.own import OwnWrites, opened_here
from pollers.rest_map import plan_of, to_record, unmapped
from pollers.rows import BadRow, as_row, line, moment, note_text
from pollers.sweeper import FullSweep, Poll, pages
from pollers.writing import failed_read

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Conf = TypeVar("Conf", bound=CrmConf)


class Crm(ABC, Generic[Conf]):
    """The source. Rows are what `ask` gives; `fields` of the description are expressions on them."""

    def __init__(
        self, conf: Conf, http: Http | None = None, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self.conf = conf
        self.described: Description = conf.described()
        self.plan = plan_of(self.described)
        self.http = http or self.connected()
        self.own = OwnWrites()
        self._now = now

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

    # ------------------------------------------------------------ what a vendor says

    @abstractmethod
    def connected(self) -> Http:
        """A client with the vendor's address and login."""

    @abstractmethod
    async def ask(self, since: datetime, key: str) -> tuple[Fetched, str]:
        """A page of rows changed since, oldest first, and the key of the next one ("" for none)."""

    @abstractmethod
    async def one(self, record_id: str) -> Mapping[str, Any] | None:
        """The row of one record; None when it is gone."""

    @abstractmethod
    async def put(self, record_id: str, values: Mapping[str, Any]) -> Reply | Outcome:
        """Sets some fields of a record."""

    @abstractmethod
    async def add_note(self, record_id: str, text: str) -> Reply | Outcome:
        """Adds an internal note."""

    @abstractmethod
    async def notes(self, record_id: str) -> Sequence[str]:
        """The texts of a record's newest notes."""

    @abstractmethod
    async def who(self) -> Sequence[checks.Tried]:
        """`deskbell check`: who we are over there and what we may do. It ends at the first that failed."""

    async def open_rows(self, since: datetime, key: str) -> tuple[Fetched, str]:
        """A page of what is read whole now and then; a vendor may leave out what is closed."""
        return await self.ask(since, key)

    async def happenings(self, raws: Sequence[Mapping[str, Any]]) -> Mapping[str, tuple[Happening, ...]]:  # noqa: ARG002
        """What was added to the cases of these rows, by their id."""
        return {}

    def assignee(self, text: str) -> Any:
        """A colleague's id as the vendor wants it. ValueError when it can be none."""
        return text

    # ------------------------------------------------------------ reading

    def changes(self, cursor: Mapping[str, Any]) -> AsyncIterator[Page]:
        now, conf = self._now(), self.conf
        return pages(
            cursor,
            Poll(
                source=conf.name,
                fetch=Chain(self.ask).fetch,
                start=now - conf.lookback,
                pace=Pace(overlap=conf.overlap, max_pages=conf.max_pages),
                map_rows=self.map_rows,
                now=now,
                own=self.own,
                full=FullSweep(Chain(self.open_rows).fetch, EPOCH, conf.full_every, first=True),
            ),
        )

    async def fetch(self, record_id: str) -> Record | None:
        raw = await self.one(record_id)
        if raw is None or opened_here(raw, self.described.key_field):
            return None
        told = await self.happenings([raw]) if self.described.records == "case" else {}
        try:
            return self.record_of(raw, told)
        except BadRow as error:
            why = f"{self.title} {self.conf.object} {record_id}: {error}"
            raise SourceError(SourceFault.ANSWER, why) from error

    async def missing(self, ids: Sequence[str]) -> list[str]:
        """Those of the records that are gone."""
        return [one for one in ids if await self.one(one) is None]

    async def map_rows(self, rows: Sequence[Row]) -> Mapped:
        gone = [row.id for row in rows if self.is_gone(row.raw)]
        kept = [row for row in rows if not (self.is_gone(row.raw) or opened_here(row.raw, self.described.key_field))]
        raws = [row.raw for row in kept if isinstance(row.raw, Mapping)]
        told = await self.happenings(raws) if self.described.records == "case" else {}
        mapped = map_each(kept, lambda raw: (self.record_of(raw, told), self.unmapped(raw)))
        return replace(mapped, gone=tuple(gone))

    def is_gone(self, raw: Any) -> bool:  # noqa: ARG002 - most vendors just leave a deleted row out
        """Whether the row says of itself that it was deleted."""
        return False

    def record_of(self, raw: Any, told: Mapping[str, tuple[Happening, ...]]) -> Record:
        record = to_record(raw, self.plan, self.own.activity)
        if isinstance(record, Case) and (added := told.get(record.id)):
            return replace(record, happenings=added)
        return record

    def unmapped(self, raw: Any) -> list[tuple[str, str]]:
        return unmapped(raw, self.plan)

    def row(self, raw: Any) -> Row:
        return as_row(raw, self.plan.value(raw, "id"), self.changed_at(raw) if isinstance(raw, Mapping) else None)

    def changed_at(self, raw: Mapping[str, Any]) -> datetime | None:
        return moment(self.plan.value(raw, "updated_at"), self.plan.zone)

    # ------------------------------------------------------------ writing

    async def write(self, item: WriteBack) -> Outcome:
        try:
            raw = await self.one(item.record_id)
        except SourceError as error:
            return failed_read(error)
        if raw is None:
            what = self.conf.object or self.described.records
            return Rejected(Fault.TARGET, f"{self.title}: {what} {item.record_id} is gone or hidden from us")
        if (before := self.changed_at(raw)) is not None:
            self.own.begin(item.record_id, before)
        match item.kind:
            case WriteKind.NOTE:
                return await self._done(item, await self.add_note(item.record_id, note_text(item.text, item.marker)))
            case WriteKind.ASSIGN:
                return await self._assign(item, raw)
            case WriteKind.RESOLVE:
                return await self._resolve(item, raw)

    async def find(self, item: WriteBack) -> bool:
        """A note by its marker, an assignment or a resolution by what the record says now."""
        raw = await self.one(item.record_id)
        if raw is None:
            return False
        if item.kind is WriteKind.ASSIGN:
            return self._assigned(raw) == item.assignee
        noted = not item.text or any(item.marker in text for text in await self.notes(item.record_id))
        if noted and item.text and (after := self.changed_at(raw)) is not None:
            self.own.done(item.record_id, after)
        if item.kind is WriteKind.NOTE:
            return noted
        return noted and self._resolved(raw)

    async def _assign(self, item: WriteBack, raw: Mapping[str, Any]) -> Outcome:
        name = self.described.assignee_field
        if not name:
            return Rejected(
                Fault.CONFIG, f"{self.title}: set assignee_field, so that {self.conf.object} can be assigned"
            )
        if self._assigned(raw) == item.assignee:
            return Sent({}, "was assigned already")
        try:
            value = self.assignee(item.assignee)
        except ValueError:
            return Rejected(Fault.CONFIG, f"{self.title}: {item.assignee!r} is no colleague's id here")
        return await self._done(item, await self.put(item.record_id, {name: value}))

    async def _resolve(self, item: WriteBack, raw: Mapping[str, Any]) -> Outcome:
        """The fields first: they can be set twice without harm, the note can't."""
        if not self.described.on_resolve:
            why = f"{self.title}: set on_resolve to the values that resolve {self.conf.object or 'a record'}"
            return Rejected(Fault.CONFIG, why)
        if not self._resolved(raw):
            outcome = await self._done(item, await self.put(item.record_id, dict(self.described.on_resolve)))
            if not isinstance(outcome, Sent):
                return outcome
        if not item.text:
            return Sent()
        return await self._done(item, await self.add_note(item.record_id, note_text(item.text, item.marker)))

    async def _done(self, item: WriteBack, answer: Reply | Outcome) -> Outcome:
        """Our own change, remembered by the time that it left behind; not knowing that is no failure."""
        if not isinstance(answer, Reply):
            return answer
        try:
            raw = await self.one(item.record_id)
        except SourceError:
            raw = None
        if raw is not None and (after := self.changed_at(raw)) is not None:
            self.own.done(item.record_id, after)
        return Sent({"id": item.record_id})

    def _assigned(self, raw: Mapping[str, Any]) -> str:
        value = raw.get(self.described.assignee_field)
        return line(value.get("id") if isinstance(value, Mapping) else value, 100)

    def _resolved(self, raw: Mapping[str, Any]) -> bool:
        return all(line(raw.get(name)) == value for name, value in self.described.on_resolve.items())

    # ------------------------------------------------------------ checking

    async def check(self) -> Sequence[Finding]:
        known = await self.who()
        if not all(one.finding.ok for one in known):
            return [next(one.finding for one in known if not one.finding.ok)]
        what = f"{self.title} {self.conf.object}".rstrip()
        try:
            got, _ = await self.ask(self._now() - self.conf.lookback, "")
        except SourceError as error:
            return [*(one.finding for one in known), Finding(what, ok=False, detail=str(error))]
        return [
            *(one.finding for one in known),
            checks.clock(self.title, got.date, self._now()),
            await self._rows_fit(what, got.rows),
            await self._time_filter(),
        ]

    async def _rows_fit(self, what: str, rows: Sequence[Row]) -> Finding:
        mapped = await self.map_rows(rows)
        if mapped.bad:
            return Finding(what, ok=False, detail=f"{len(mapped.bad)} of {len(rows)} rows: {mapped.bad[0].error}")
        if mapped.unmapped:
            words = ", ".join(f"{name} {value!r}" for name, value in mapped.unmapped[:5])
            return Finding(what, ok=False, detail=f"not in status_map or priority_map: {words}")
        return Finding(what, ok=True, detail=f"{len(rows)} rows of the first page fit")

    async def _time_filter(self) -> Finding:
        """What will change tomorrow must be nothing; if it is not, the filter is not obeyed."""
        what = f"{self.title} time filter"
        try:
            got, _ = await self.ask(self._now() + timedelta(days=1), "")
        except SourceError as error:
            return Finding(what, ok=False, detail=str(error))
        if got.rows:
            return Finding(what, ok=False, detail="the time of change is ignored; is there a proxy that drops it?")
        return Finding(what, ok=True, detail="the time of change is obeyed")
