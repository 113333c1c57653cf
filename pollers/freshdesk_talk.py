"""What was said in tickets: read once for each change of a ticket, and kept, so that what rests costs no call."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from deskbell.core.ports import Bad, SourceError, SourceFault
from deskbell.core.records import CASE_DONE, Happening
from pollers.freshdesk_ticket import FreshdeskConf, mapped_status, thrown_away, told_in
from pollers.names import Names
from pollers.rows import flag, line, moment

KEPT = 5000  # tickets
SETTLED = timedelta(seconds=5)  # so long after a ticket's stamp, which has whole seconds, more may come under the same
_NO_WRITER = frozenset({"", "None"})
Read = Callable[[str, int], Awaitable[tuple[list[Any], int]]]


@dataclass(frozen=True, slots=True)
class Said:
    """What was said in a ticket until its change of `updated_at`. `final`: no more can come under that stamp. `page`:
    where the newest of it stands."""

    updated_at: datetime
    told: tuple[Happening, ...] = ()
    final: bool = True
    page: int = 1
    bad: Bad | None = None


class Talk:
    """Asks for the conversations of tickets that are worth it. `told` and `bad` hold what came of it, by ticket.

    `read` gets a ticket's id and a page to begin at, and gives the conversations from there on, with the last page that
    was full (or 1), where the next reading may begin.
    """

    def __init__(self, conf: FreshdeskConf, read: Read, agents: Names, statuses: Names) -> None:
        self._conf, self._read, self._agents, self._statuses = conf, read, agents, statuses
        self._said: dict[str, Said] = {}

    async def look(self, raw: Any, now: datetime) -> Said | None:
        """What was said in a ticket as its row came at `now` by Freshdesk's clock; None where nobody asked."""
        row = raw if isinstance(raw, Mapping) else {}
        ticket, updated = line(row.get("id"), 100), moment(row.get("updated_at"))
        if not ticket or updated is None or not await self._counts(row, updated, now):
            return None
        held = self._said.get(ticket)
        if held is None or not held.final or held.updated_at != updated:
            held = await self._asked(ticket, row, updated, now)
            self._keep(ticket, held)
        return held

    async def knows(self, raw: Any, now: datetime) -> bool:
        """Whether `look` would cost no call."""
        row = raw if isinstance(raw, Mapping) else {}
        updated, held = moment(row.get("updated_at")), self._said.get(line(row.get("id"), 100))
        if updated is None or not await self._counts(row, updated, now):
            return True
        return held is not None and held.final and held.updated_at == updated

    def told(self, tickets: Sequence[str]) -> dict[str, tuple[Happening, ...]]:
        return {one: self._said[one].told for one in tickets if one in self._said}

    def bad(self, tickets: Sequence[str]) -> tuple[Bad, ...]:
        """Tickets that were read but for what was said in them."""
        held = (self._said[one].bad for one in tickets if one in self._said)
        return tuple(bad for bad in held if bad is not None)

    async def _counts(self, row: Mapping[str, Any], updated: datetime, now: datetime) -> bool:
        """Whether its conversations are worth a call: it is open, or changed lately, and it can be read at all."""
        if not self._conf.conversations or thrown_away(row):
            return False
        code = line(row.get("status"))
        label = (await self._statuses.of([code])).get(code, "")
        open_ = mapped_status(code, label, self._conf) not in CASE_DONE
        return open_ or updated >= now - self._conf.conversations_within

    async def _asked(self, ticket: str, row: Mapping[str, Any], updated: datetime, now: datetime) -> Said:
        final, held = updated <= now - SETTLED, self._said.get(ticket)
        try:
            rows, page = await self._read(ticket, held.page if held else 1)
        except SourceError as error:
            if error.fault is not SourceFault.AUTH or error.login:
                raise
            return Said(updated, final=final, bad=Bad(ticket, f"conversations: {error}", ""))
        agents = await self._agents.of(_staff(rows))
        return Said(updated, told_in(rows, row, self._conf, agents), final, page)

    def _keep(self, ticket: str, said: Said) -> None:
        self._said.pop(ticket, None)
        self._said[ticket] = said
        while len(self._said) > KEPT:
            del self._said[next(iter(self._said))]


def _staff(rows: Sequence[Any]) -> set[str]:
    """Who wrote, as far as it must be somebody of ours: a customer's id would have all agents read again."""
    ours = (row for row in rows if isinstance(row, Mapping) and not flag(row.get("incoming")))
    return {line(row.get("user_id"), 100) for row in ours} - _NO_WRITER
