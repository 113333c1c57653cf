"""The outbox: which work is due where, who holds it, and what became of it.

`due_at` alone says whether a row is work: for a waiting one it is when it may be sent, for a claimed one when its
lease runs out, and it is null for all others. What must wait for something else (an earlier dispatch, the card) is
`blocked` and has no `due_at` either, so that looking for work costs what is due.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from deskbell.core.alert import Severity
from deskbell.core.ports import LANE, Claim, Dispatch, DispatchKind, Lane, Op, OutboxRow, Post
from deskbell.net.faults import point
from storage.codec import (
    ALERT_COLUMNS,
    DISPATCH_COLUMNS,
    POST_COLUMNS,
    alert_of,
    dispatch_of,
    loads_or_empty,
    micros,
    moment,
    moment_or_none,
    post_of,
)
from storage.schema import ALERTS, CURRENT, DISPATCHES, DUE, LEASES, POSTS, UNDONE
from storage.sql import Db, Row, Statement, bind, in_parts, literally, sized, within

_P, _D = POSTS.c, DISPATCHES.c
_TIME, _INT = sa.BigInteger(), sa.Integer()
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
            due_at=bind("until", _TIME),
            unsure_since=sa.func.coalesce(table.c.unsure_since, bind("now", _TIME)),
        ),
        each=("row_id",),
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
# As they are, and others may change them meanwhile.
_ALERTS = sized(lambda size: sa.select(*(ALERTS.c[name] for name in ALERT_COLUMNS)).where(within(ALERTS.c.id, size)))
_CARD_REFS = sized(
    lambda size: sa.select(_P.alert_id, _P.ref).where(
        within(_P.alert_id, size), _P.destination == bind("destination"), sa.text(CURRENT)
    )
)


def _any_claimed(table: sa.Table) -> Statement:
    leased = (sa.text(DUE), table.c.destination == bind("destination"), table.c.state == literally("claimed"))
    return Statement(sa.select(table.c.id).where(*leased).limit(1))


_ANY_CLAIMED = [_any_claimed(table) for table in _TABLES]
_EXPIRED_LANES = Statement(
    sa.select(LEASES.c.name)
    .where(LEASES.c.name.like(f"{LANE}%"), LEASES.c.holder != "", LEASES.c.until <= bind("now"))
    .order_by(LEASES.c.name)
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


def left_behind(db: Db, now: datetime) -> list[str]:
    names = [name.removeprefix(LANE) for (name,) in db.all(_EXPIRED_LANES, now=micros(now))]
    questions = [(statement, {"destination": name}) for name in names for statement in _ANY_CLAIMED]
    answers = db.ask(*questions)
    return [name for name, *found in zip(names, answers[::2], answers[1::2], strict=True) if any(found)]


def claim(
    db: Db,
    destination: str,
    now: datetime,
    lease: timedelta,
    limit: int,
    ops: Mapping[Op, int] | None,
) -> list[Claim]:
    point("outbox.claim.before")
    asked: dict[str, Any] = {"destination": destination, "now": micros(now), "limit": limit}
    left = dict.fromkeys(Op, limit) if ops is None else dict(ops)
    asked |= {f"op_{op}": int(left.get(op, 0) > 0) for op in Op}
    posts, dispatches = db.ask((_DUE_POSTS, asked), (_DUE_DISPATCHES, asked))
    work: list[tuple[Row, Post | Dispatch]] = [(row, post_of(row[5:])) for row in posts]
    work += [(row, dispatch_of(row[5:])) for row in dispatches]
    work.sort(key=lambda pair: (*pair[0][:3], isinstance(pair[1], Dispatch), pair[0][3]))
    chosen = _chosen(work, left, limit)
    claims = _taken(db, destination, chosen, micros(now), micros(now + lease))
    point("outbox.claim.after")
    return claims


def _chosen(
    work: Sequence[tuple[Row, Post | Dispatch]], left: dict[Op, int], limit: int
) -> list[tuple[int, Post | Dispatch]]:
    """The first of them, of each kind no more than there may be."""
    chosen: list[tuple[int, Post | Dispatch]] = []
    for row, item in work:
        op = _op_of(item, row[1])
        if len(chosen) < limit and left.get(op, 0) > 0:
            left[op] -= 1
            chosen.append((row[4], item))
    return chosen


def _op_of(item: Post | Dispatch, lane: int) -> Op:
    if isinstance(item, Dispatch):
        return Op.WRITE if item.kind is DispatchKind.WRITE else Op.POST
    if not item.ref:
        return Op.POST
    return Op.TIDY if lane == Lane.TIDY else Op.EDIT


def _freed(table: sa.Table) -> Statement:
    leased = sa.and_(sa.text(DUE), table.c.state == literally("claimed"))
    return Statement(sa.update(table).where(leased).values(due_at=bind("now")))


def _freed_in(table: sa.Table) -> Statement:
    leased = sa.and_(sa.text(DUE), table.c.destination == bind("of_destination"), table.c.state == literally("claimed"))
    return Statement(sa.update(table).where(leased).values(due_at=bind("now")))


def _hurry(table: sa.Table, **more: Any) -> Statement:
    tried = (sa.text(DUE), table.c.destination == bind("of_destination"), table.c.state == literally("waiting"))
    late = (table.c.due_at > bind("now", _TIME), table.c.last_error != "")
    return Statement(sa.update(table).where(*tried, *late).values(due_at=bind("now", _TIME), **more))


HURRY = [_hurry(POSTS), _hurry(DISPATCHES, next_try_at=bind("now", _TIME))]
_FREED = [_freed(table) for table in _TABLES]
_FREED_IN = [_freed_in(table) for table in _TABLES]


def free(db: Db, now: datetime) -> None:
    """Ends every lease, for a daemon that knows that it is alone. Whether the work was done stays unsure."""
    for statement in _FREED:
        db.run(statement, now=micros(now))


def free_in(db: Db, destination: str, now: datetime) -> None:
    """The same in one destination, for who took it over."""
    for statement in _FREED_IN:
        db.later(statement, of_destination=destination, now=micros(now))


def _taken(db: Db, destination: str, work: Sequence[tuple[int, Post | Dispatch]], now: int, until: int) -> list[Claim]:
    for _, item in work:
        db.later(_LEASE_POST if isinstance(item, Post) else _LEASE_DISPATCH, row_id=item.id, until=until, now=now)
    threads = [item.alert_id for _, item in work if isinstance(item, Dispatch) and item.alert_id]
    about = in_parts(_ALERTS, [item.alert_id for _, item in work if item.alert_id])
    answers = db.ask(*about, *in_parts(_CARD_REFS, threads, destination=destination))
    alerts = {row[0]: alert_of(row) for rows in answers[: len(about)] for row in rows}
    refs = {alert_id: loads_or_empty(ref) for rows in answers[len(about) :] for alert_id, ref in rows}
    return [
        Claim(fence + 1, item, alerts.get(item.alert_id), {} if isinstance(item, Post) else refs.get(item.alert_id, {}))
        for fence, item in work
    ]


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
