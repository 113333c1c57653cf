"""The outbox: which work is due where, who holds it, and what became of it.

`due_at` alone says whether a row is work: for a waiting one it is when it may be sent, for a claimed one when its
lease runs out, and it is null for all others. What must wait for something else (an earlier dispatch, the card) is
`blocked` and has no `due_at` either, so that looking for work costs what is due.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from deskbell.core.alert import Alert, Mode, Severity
from deskbell.core.ports import Claim, Dispatch, DispatchKind, Lane, Op, OutboxRow, Post
from deskbell.net.faults import point
from storage import locks
from storage.codec import (
    DISPATCH_COLUMNS,
    POST_COLUMNS,
    dispatch_of,
    dumps,
    loads_or_empty,
    micros,
    moment,
    moment_or_none,
    post_of,
)
from storage.schema import ALERTS, CURRENT, DISPATCHES, DUE, POSTS, UNDONE
from storage.sql import Db, Row, Statement, bind, literally, sized, within

_P, _D = POSTS.c, DISPATCHES.c
_IN_ORDER = ("severity", "lane", "created_at", "id")  # severest first, then the lane, then age


# ---------------------------------------------------------------- what is due


def _next_destination(table: sa.Table) -> Statement:
    return Statement(
        sa.select(sa.func.min(table.c.destination)).where(sa.text(DUE), table.c.destination > bind("destination"))
    )


def _severest(table: sa.Table) -> Statement:
    return Statement(
        sa.select(table.c.severity)
        .where(sa.text(DUE), table.c.destination == bind("destination"), table.c.due_at <= bind("now"))
        .order_by(*(table.c[name] for name in _IN_ORDER))
        .limit(1)
    )


def _next_time(table: sa.Table) -> Statement:
    return Statement(sa.select(sa.func.min(table.c.due_at)).where(sa.text(DUE), table.c.due_at > bind("now")))


def _candidates(table: sa.Table, columns: tuple[str, ...], kinds: Mapping[Op, Any]) -> Statement:
    """`kinds` tells the rows of each Op, which `op_<name>` = 1 asks for."""
    names = (*_IN_ORDER, "fence", *columns)
    asked = sa.or_(*(sa.and_(bind(f"op_{op}") == 1, rows) for op, rows in kinds.items()))
    return Statement(
        sa.select(*(table.c[name] for name in names))
        .where(sa.text(DUE), table.c.destination == bind("destination"), table.c.due_at <= bind("now"), asked)
        .order_by(*(table.c[name] for name in _IN_ORDER))
        .limit(bind("limit"))
        .with_for_update(skip_locked=True)
    )


def _lease(table: sa.Table) -> Statement:
    return Statement(
        sa.update(table)
        .where(table.c.id == bind("row_id"))
        .values(
            state="claimed",
            fence=table.c.fence + 1,
            due_at=bind("until"),
            unsure_since=sa.func.coalesce(table.c.unsure_since, bind("now")),
        )
    )


_TABLES = (POSTS, DISPATCHES)
_NEXT_DESTINATION = [_next_destination(table) for table in _TABLES]
_SEVEREST = [_severest(table) for table in _TABLES]
_NEXT_TIME = [_next_time(table) for table in _TABLES]
_DUE_POSTS = _candidates(
    POSTS,
    POST_COLUMNS,
    {
        Op.POST: _P.ref == "",
        Op.EDIT: sa.and_(_P.ref != "", _P.lane != int(Lane.TIDY)),
        Op.TIDY: sa.and_(_P.ref != "", _P.lane == int(Lane.TIDY)),
    },
)
_DUE_DISPATCHES = _candidates(
    DISPATCHES,
    DISPATCH_COLUMNS,
    {Op.POST: _D.kind != DispatchKind.WRITE.value, Op.WRITE: _D.kind == DispatchKind.WRITE.value},
)
_LEASE_POST, _LEASE_DISPATCH = _lease(POSTS), _lease(DISPATCHES)
_CARD_REFS = sized(
    lambda size: sa.select(_P.alert_id, _P.ref).where(
        within(_P.alert_id, size), _P.destination == bind("destination"), sa.text(CURRENT)
    )
)


def work_due(db: Db, now: datetime) -> tuple[dict[str, Severity], datetime | None]:
    at = micros(now)
    found: dict[str, Severity] = {}
    for following, severest in zip(_NEXT_DESTINATION, _SEVEREST, strict=True):
        # a few look-ups a destination, however long the backlog is
        destination = db.scalar(following, destination="")
        while destination is not None:
            severity = db.scalar(severest, destination=destination, now=at)
            if severity is not None:
                found[destination] = min(Severity(severity), found.get(destination, Severity.P4))
            destination = db.scalar(following, destination=destination)
    times = [db.scalar(statement, now=at) for statement in _NEXT_TIME]
    return found, moment_or_none(min((time for time in times if time is not None), default=None))


def claim(
    db: Db,
    alerts: Callable[[Sequence[int]], Mapping[int, Alert]],
    destination: str,
    now: datetime,
    lease: timedelta,
    limit: int,
    ops: frozenset[Op],
) -> list[Claim]:
    point("outbox.claim.before")
    asked: dict[str, Any] = {"destination": destination, "now": micros(now), "limit": limit}
    asked |= {f"op_{op}": int(op in ops) for op in Op}
    work: list[tuple[Row, Post | Dispatch]] = [(row, post_of(row[5:])) for row in db.all(_DUE_POSTS, **asked)]
    work += [(row, dispatch_of(row[5:])) for row in db.all(_DUE_DISPATCHES, **asked)]
    work.sort(key=lambda pair: (*pair[0][:3], isinstance(pair[1], Dispatch), pair[0][3]))
    claims = _taken(db, alerts, [(row[4], item) for row, item in work[:limit]], micros(now), micros(now + lease))
    point("outbox.claim.after")
    return claims


def _freed(table: sa.Table) -> Statement:
    leased = sa.and_(sa.text(DUE), table.c.state == literally("claimed"))
    return Statement(sa.update(table).where(leased).values(due_at=bind("now")))


_FREED = [_freed(table) for table in _TABLES]


def free(db: Db, now: datetime) -> None:
    """Ends every lease, for a daemon that knows that it is alone. Whether the work was done stays unsure."""
    for statement in _FREED:
        db.run(statement, now=micros(now))


def _taken(
    db: Db,
    alerts: Callable[[Sequence[int]], Mapping[int, Alert]],
    work: Sequence[tuple[int, Post | Dispatch]],
    now: int,
    until: int,
) -> list[Claim]:
    for _, item in work:
        db.later(_LEASE_POST if isinstance(item, Post) else _LEASE_DISPATCH, row_id=item.id, until=until, now=now)
    about = alerts([item.alert_id for _, item in work if item.alert_id])
    threads = [item for _, item in work if isinstance(item, Dispatch) and item.alert_id]
    refs = _card_refs(db, threads) if threads else {}
    return [
        Claim(fence + 1, item, about.get(item.alert_id), {} if isinstance(item, Post) else refs.get(item.alert_id, {}))
        for fence, item in work
    ]


def _card_refs(db: Db, threads: Sequence[Dispatch]) -> dict[int, Mapping[str, Any]]:
    """Of the cards in whose threads they go, by alert."""
    found = db.all_in(_CARD_REFS, [item.alert_id for item in threads], destination=threads[0].destination)
    return {alert_id: loads_or_empty(ref) for alert_id, ref in found}


# ---------------------------------------------------------------- what became of it


def _settle(table: sa.Table, **changes: Any) -> Statement:
    """Only who holds the claim may settle it."""
    held = sa.and_(
        table.c.id == bind("row_id"), table.c.fence == bind("held_fence"), table.c.state == literally("claimed")
    )
    return Statement(sa.update(table).where(held).values(**changes))


# a card goes out in mode card only; what comes back otherwise is held
CARDED = sa.select(ALERTS.c.mode).where(ALERTS.c.id == _P.alert_id).scalar_subquery() == Mode.CARD.value
_NOW = bind("now", sa.BigInteger())
_behind = _P.wanted > bind("version")
_SHOWN = _settle(
    POSTS,
    shown=bind("version"),
    ref=sa.case((bind("new_ref") == "", _P.ref), else_=bind("new_ref")),
    state=sa.case((~_behind, "shown"), (CARDED, "waiting"), else_="held"),
    due_at=sa.case((sa.and_(_behind, CARDED), _NOW), else_=None),
    lane=sa.case((_P.lane < int(Lane.EDIT), int(Lane.EDIT)), else_=_P.lane),
    attempts=0,
    unsure_since=None,
    last_error="",
)
_SENT = _settle(
    DISPATCHES, state="sent", ref=bind("new_ref"), done_at=bind("now"), due_at=None, unsure_since=None, last_error=""
)


def _retry(table: sa.Table, **more: Any) -> Statement:
    return _settle(
        table,
        attempts=table.c.attempts + bind("counted"),
        unsure_since=sa.case((bind("unsure") == 1, table.c.unsure_since), else_=None),
        last_error=bind("error"),
        **more,
    )


WAITING = {
    "state": sa.case((CARDED, "waiting"), else_="held"),
    "due_at": sa.case((CARDED, bind("next", sa.BigInteger())), else_=None),
}
_RETRY_POST = _retry(POSTS, **WAITING)
_RETRY_DISPATCH = _retry(DISPATCHES, state="waiting", due_at=bind("next"), next_try_at=bind("next"))


def _dead(table: sa.Table, **more: Any) -> Statement:
    gone = {"state": "dead", "due_at": None, "unsure_since": None}
    return _settle(table, **gone, attempts=table.c.attempts + 1, last_error=bind("error"), **more)


_DEAD_POST, _DEAD_DISPATCH = _dead(POSTS), _dead(DISPATCHES, done_at=bind("now"))


def settle_sent(db: Db, held: Claim, ref: Mapping[str, str], shown: int, now: datetime) -> bool:
    point("outbox.settle.before")
    work = held.work
    db.hold(locks.ALERT, alert_id=work.alert_id)
    new_ref = dumps(ref) if ref else ""
    who = {"row_id": work.id, "held_fence": held.fence, "now": micros(now), "new_ref": new_ref}
    statement = _SENT if isinstance(work, Dispatch) else _SHOWN
    settled = db.count(statement, **who, version=shown) == 1
    if settled and (isinstance(work, Dispatch) or not work.ref):
        arrange(db, work.alert_id, work.destination)
    point("outbox.settle.after")
    return settled


def settle_retry(db: Db, held: Claim, next_try_at: datetime, error: str, *, unsure: bool, counts: bool) -> bool:
    point("outbox.settle.before")
    db.hold(locks.ALERT, alert_id=held.work.alert_id)
    statement = _RETRY_DISPATCH if isinstance(held.work, Dispatch) else _RETRY_POST
    settled = db.count(
        statement,
        row_id=held.work.id,
        held_fence=held.fence,
        next=micros(next_try_at),
        counted=int(counts),
        unsure=int(unsure),
        error=error,
    )
    if settled and isinstance(held.work, Dispatch):  # while it was away, something may have come before it
        arrange(db, held.work.alert_id, held.work.destination)
    point("outbox.settle.after")
    return settled == 1


def settle_dead(db: Db, held: Claim, error: str, now: datetime) -> bool:
    """Given up. What waited for it goes on without it: a dead card may not silence the notes behind it."""
    point("outbox.settle.before")
    db.hold(locks.ALERT, alert_id=held.work.alert_id)
    statement = _DEAD_DISPATCH if isinstance(held.work, Dispatch) else _DEAD_POST
    settled = db.count(statement, row_id=held.work.id, held_fence=held.fence, error=error, now=micros(now)) == 1
    if settled:
        arrange(db, held.work.alert_id, held.work.destination)
    point("outbox.settle.after")
    return settled


# ---------------------------------------------------------------- who waits for whom

_E = DISPATCHES.alias("earlier").c
_EARLIER = sa.exists().where(
    _E.alert_id == _D.alert_id,
    _E.destination == _D.destination,
    _E.direct == _D.direct,
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
_WAITS = sa.or_(_EARLIER, sa.and_(_D.kind == DispatchKind.NOTE.value, ~_D.direct, _CARD_PENDING))


_HELD_BACK = sa.and_(_D.state == literally("waiting"), _WAITS)
_LET_GO = sa.and_(_D.state == literally("blocked"), ~_WAITS)
_OF_BOTH = (sa.text(UNDONE), _D.alert_id == bind("of_alert"), _D.destination == bind("of_destination"))

_BLOCK = Statement(sa.update(DISPATCHES).where(*_OF_BOTH, _HELD_BACK).values(state="blocked", due_at=None))
_UNBLOCK = Statement(sa.update(DISPATCHES).where(*_OF_BOTH, _LET_GO).values(state="waiting", due_at=_D.next_try_at))


def arrange(db: Db, alert_id: int, destination: str) -> None:
    """Lets go the dispatches of an alert whose turn it is in a destination, and blocks the others.

    Each waits for the one before it, and a note for the card. Direct messages are an order of their own: who is paged
    may not wait for a thread.
    """
    if alert_id:
        db.hold(locks.ALERT, alert_id=alert_id)
        db.later(_BLOCK, of_alert=alert_id, of_destination=destination)
        db.later(_UNBLOCK, of_alert=alert_id, of_destination=destination)


# ---------------------------------------------------------------- what people see of it


def _listed(table: sa.Table, kind: Any, state: str) -> Statement:
    columns = (table.c.id, kind, table.c.destination, table.c.alert_id, table.c.state, table.c.attempts)
    return Statement(
        sa.select(*columns, table.c.due_at, table.c.last_error)
        .where(sa.text(state))
        .order_by(table.c.id)
        .limit(bind("limit"))
    )


def _tally(table: sa.Table, state: str) -> Statement:
    return Statement(sa.select(table.c.state, sa.func.count()).where(sa.text(state)).group_by(table.c.state))


_DEAD = "state = 'dead'"
_KINDS: tuple[tuple[sa.Table, Any], ...] = ((POSTS, sa.literal_column("'post'")), (DISPATCHES, _D.kind))
_LIST_DEAD = [_listed(table, kind, _DEAD) for table, kind in _KINDS]
_LIST_DUE = [_listed(POSTS, _KINDS[0][1], DUE), _listed(DISPATCHES, _KINDS[1][1], UNDONE)]
_TALLIES = [_tally(POSTS, DUE), _tally(DISPATCHES, UNDONE), _tally(POSTS, _DEAD), _tally(DISPATCHES, _DEAD)]


def rows(db: Db, *, dead_only: bool, limit: int) -> list[OutboxRow]:
    """The dead first, then what waits."""
    found = [_outbox_row(row) for statement in _LIST_DEAD for row in db.all(statement, limit=limit)]
    if not dead_only:
        found += [_outbox_row(row) for statement in _LIST_DUE for row in db.all(statement, limit=limit)]
    return found[:limit]


def counts(db: Db) -> dict[str, int]:
    tally = {"waiting": 0, "claimed": 0, "dead": 0}
    for statement in _TALLIES:
        for state, number in db.all(statement):
            tally[_shown(state)] += number
    return tally


def _shown(state: str) -> str:
    return "waiting" if state == "blocked" else state


def _outbox_row(row: Row) -> OutboxRow:
    ident, kind, destination, alert_id, state, attempts, due_at, error = row
    return OutboxRow(
        id=ident,
        kind=kind,
        destination=destination,
        alert_ref=f"D-{alert_id}" if alert_id else "",
        state=_shown(state),
        attempts=attempts,
        next_try_at=None if due_at is None else moment(due_at),
        error=error,
    )
