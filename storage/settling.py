"""What became of work that was claimed, and whose turn it is then."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from deskbell.core.alert import Mode
from deskbell.core.ports import Claim, Dispatch, DispatchKind, Lane
from deskbell.net.faults import point
from storage import locks
from storage.codec import dumps, micros
from storage.schema import ALERTS, CURRENT, DISPATCHES, POSTS, UNDONE
from storage.sql import Db, Statement, bind, in_parts, literally, sized, within

_P, _D = POSTS.c, DISPATCHES.c
_TIME, _INT = sa.BigInteger(), sa.Integer()


def _held(table: sa.Table, **changes: Any) -> Any:
    """Only who holds the claim may settle it."""
    held = sa.and_(
        table.c.id == bind("row_id"), table.c.fence == bind("held_fence"), table.c.state == literally("claimed")
    )
    return sa.update(table).where(held).values(**changes)


def _settle(table: sa.Table, **changes: Any) -> Statement:
    return Statement(_held(table, **changes), each=("row_id",))


# a card goes out in mode card only; what comes back otherwise is held
CARDED = sa.select(ALERTS.c.mode).where(ALERTS.c.id == _P.alert_id).scalar_subquery() == Mode.CARD.value
_NOW, _NEXT = bind("now", _TIME), bind("next", _TIME)
_VERSION, _REF = bind("version", _INT), bind("new_ref", sa.Text())
_behind = _P.wanted > _VERSION
_SHOWING = _held(
    POSTS,
    shown=_VERSION,
    ref=sa.case((_REF == "", _P.ref), else_=_REF),
    state=sa.case((~_behind, "shown"), (CARDED, "waiting"), else_="held"),
    due_at=sa.case((sa.and_(_behind, CARDED), _NOW), else_=None),
    lane=sa.case((_P.lane < int(Lane.EDIT), int(Lane.EDIT)), else_=_P.lane),
    attempts=0,
    unsure_since=None,
    last_error="",
)
_SHOWN, _SHOWN_NEXT = Statement(_SHOWING, each=("row_id",)), Statement(_SHOWING.returning(_P.due_at))
_SENT = _settle(DISPATCHES, state="sent", ref=_REF, done_at=_NOW, due_at=None, unsure_since=None, last_error="")


def _retry(table: sa.Table, **more: Any) -> Statement:
    return _settle(
        table,
        attempts=table.c.attempts + bind("counted", _INT),
        unsure_since=sa.case((bind("unsure", _INT) == 1, table.c.unsure_since), else_=None),
        last_error=bind("error", sa.Text()),
        **more,
    )


WAITING = {
    "state": sa.case((CARDED, "waiting"), else_="held"),
    "due_at": sa.case((CARDED, _NEXT), else_=None),
}
_RETRY_POST = _retry(POSTS, **WAITING)
_RETRY_DISPATCH = _retry(DISPATCHES, state="waiting", due_at=_NEXT, next_try_at=_NEXT)


def _dead(table: sa.Table, **more: Any) -> Statement:
    gone = {"state": "dead", "due_at": None, "unsure_since": None}
    return _settle(table, **gone, attempts=table.c.attempts + 1, last_error=bind("error", sa.Text()), **more)


_DEAD_POST, _DEAD_DISPATCH = _dead(POSTS), _dead(DISPATCHES, done_at=_NOW)


def _fences(table: sa.Table) -> Callable[[int], Statement]:
    """Those of rows that are claimed; nobody changes them before the commit."""
    return sized(
        lambda size: (
            sa.select(table.c.id, table.c.fence)
            .where(within(table.c.id, size), table.c.state == literally("claimed"))
            .order_by(table.c.id)
            .with_for_update(key_share=True)
        )
    )


_POST_FENCES, _DISPATCH_FENCES = _fences(POSTS), _fences(DISPATCHES)


# ---------------------------------------------------------------- who waits for whom

_E = DISPATCHES.alias("earlier").c
_EARLIER = sa.exists().where(
    _E.alert_id == _D.alert_id,
    _E.destination == _D.destination,
    ~_E.direct,
    _E.id < _D.id,
    _E.done_at.is_(None),
)
_CARD_PENDING = sa.exists().where(
    _P.alert_id == _D.alert_id,
    _P.destination == _D.destination,
    sa.text(CURRENT),
    _P.ref == "",
    _P.shown == 0,
    _P.state != literally("dead"),
)
# A direct message waits for nothing: what one person can't be told must not keep the next one from hearing it.
_WAITS = sa.and_(~_D.direct, sa.or_(_EARLIER, sa.and_(_D.kind == DispatchKind.NOTE.value, _CARD_PENDING)))


_HELD_BACK = sa.and_(_D.state == literally("waiting"), _WAITS)
_LET_GO = sa.and_(_D.state == literally("blocked"), ~_WAITS)
_OF_BOTH = (sa.text(UNDONE), _D.alert_id == bind("of_alert"), _D.destination == bind("of_destination"))


def _arrange(rows: Any, **changes: Any) -> Statement:
    return Statement(
        sa.update(DISPATCHES).where(*_OF_BOTH, rows).values(**changes), each=("of_alert", "of_destination")
    )


_BLOCK = _arrange(_HELD_BACK, state="blocked", due_at=None)
_UNBLOCK = _arrange(_LET_GO, state="waiting", due_at=_D.next_try_at)


_UNDONE_OF = sized(
    lambda size: sa.select(_D.alert_id, _D.destination).where(within(_D.alert_id, size), sa.text(UNDONE))
)


class Settling:
    """One transaction's settlements. `decide` belongs before its end, and before anybody looks for work in it."""

    def __init__(self, db: Db) -> None:
        self._db = db
        self.news = False  # whether there may be work now, or at another time, that nobody has been told of
        self._fences: dict[tuple[bool, int], int | None] = {}  # what `expect` saw: None is held by nobody
        self._turns: dict[tuple[int, str], None] = {}  # where it is open whose turn it is

    def expect(self, claims: Iterable[Claim]) -> None:
        """These will be settled: where each question is a journey, all are looked at in one."""
        if not self._db.several:
            return
        works = [claim.work for claim in claims]
        for work in works:
            self._db.hold(locks.ALERT, alert_id=work.alert_id)
        posts = sorted({work.id for work in works if not isinstance(work, Dispatch)})
        dispatches = sorted({work.id for work in works if isinstance(work, Dispatch)})
        self._fences = dict.fromkeys([*((False, ident) for ident in posts), *((True, ident) for ident in dispatches)])
        asked = in_parts(_POST_FENCES, posts)
        answers = self._db.ask(*asked, *in_parts(_DISPATCH_FENCES, dispatches))
        for number, rows in enumerate(answers):
            self._fences |= {(number >= len(asked), ident): fence for ident, fence in rows}

    def forget(self) -> None:
        """Claims were ended otherwise: what `expect` saw may not be so any more."""
        self._fences.clear()

    def sent(self, claim: Claim, ref: Mapping[str, str], shown: int, now: datetime) -> bool:
        work = claim.work
        values = {"now": micros(now), "new_ref": dumps(ref) if ref else "", "version": shown}
        settled = self._settle(_SENT, claim, **values) if isinstance(work, Dispatch) else self._shown(claim, values)
        if settled and (isinstance(work, Dispatch) or not work.ref):
            self.arrange(work.alert_id, work.destination)
        return settled

    def _shown(self, claim: Claim, values: Mapping[str, Any]) -> bool:
        """What has changed while it was on its way is to be shown next."""
        if self._db.several:
            self.news = True
            return self._settle(_SHOWN, claim, **values)
        point("outbox.settle.before")
        rows = self._db.all(_SHOWN_NEXT, **values, row_id=claim.work.id, held_fence=claim.fence)
        self.news |= any(due_at is not None for (due_at,) in rows)
        point("outbox.settle.after")
        return bool(rows)

    def retry(self, claim: Claim, next_try_at: datetime, error: str, *, unsure: bool, counts: bool) -> bool:
        work = claim.work
        statement = _RETRY_DISPATCH if isinstance(work, Dispatch) else _RETRY_POST
        values = {"next": micros(next_try_at), "counted": int(counts), "unsure": int(unsure), "error": error}
        settled = self._settle(statement, claim, **values)
        self.news = True
        if settled and isinstance(work, Dispatch):  # while it was away, something may have come before it
            self.arrange(work.alert_id, work.destination)
        return settled

    def dead(self, claim: Claim, error: str, now: datetime) -> bool:
        """Given up. What waited for it goes on without it: a dead card may not silence the notes behind it."""
        statement = _DEAD_DISPATCH if isinstance(claim.work, Dispatch) else _DEAD_POST
        settled = self._settle(statement, claim, error=error, now=micros(now))
        self.news = True
        if settled:
            self.arrange(claim.work.alert_id, claim.work.destination)
        return settled

    def _settle(self, statement: Statement, claim: Claim, **values: Any) -> bool:
        point("outbox.settle.before")
        work = claim.work
        self._db.hold(locks.ALERT, alert_id=work.alert_id)
        values |= {"row_id": work.id, "held_fence": claim.fence}
        who = (isinstance(work, Dispatch), work.id)
        if who in self._fences:
            settled = self._fences.pop(who) == claim.fence
            if settled:
                self._db.later(statement, **values)
        else:
            settled = self._db.count(statement, **values) == 1
        point("outbox.settle.after")
        return settled

    def arrange(self, alert_id: int, destination: str) -> None:
        """Something of this alert has changed in the destination: it must be decided anew whose turn it is there."""
        if alert_id:
            self._db.hold(locks.ALERT, alert_id=alert_id)
            self._turns[alert_id, destination] = None

    def decide(self) -> None:
        """Lets go the dispatches whose turn it is, and blocks the others.

        Each waits for the one before it of its alert and destination, and a note for the card. Direct messages are an
        order of their own: who is paged may not wait for a thread.
        """
        turns = self._turns if self._db.several else self._open()
        self.news |= bool(turns)
        for statement in (_BLOCK, _UNBLOCK):
            for alert_id, destination in turns:
                self._db.later(statement, of_alert=alert_id, of_destination=destination)
        self._turns.clear()

    def _open(self) -> list[tuple[int, str]]:
        """Where there is anything to decide; asked only where that costs no journey."""
        rows = self._db.all_in(_UNDONE_OF, [alert_id for alert_id, _ in self._turns]) if self._turns else []
        return [turn for turn in dict.fromkeys((row[0], row[1]) for row in rows) if turn in self._turns]
