"""One transaction's view of the database: everything a reader can ask, and every change."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from deskbell.core.alert import Mode, Severity
from deskbell.core.ports import LANE, AuditRow, Claim, Dispatch, DispatchKind, Entry, Lane, Op, OutboxRow
from storage import locks, outbox
from storage.alerts import AlertWork
from storage.audit import Chain, Head
from storage.codec import (
    dumps,
    micros,
)
from storage.people import PeopleWork
from storage.records import RecordWork
from storage.schema import (
    ALERTS,
    CURRENT,
    DISPATCHES,
    INBOX,
    LIVE,
    POSTS,
    SETTINGS,
    STANDING,
    UNDONE,
)
from storage.settling import CARDED, WAITING, Settling
from storage.sql import Db, Statement, bind, insert, insert_new, literally, upsert

_P, _D, _A = POSTS.c, DISPATCHES.c, ALERTS.c


_INT, _TIME = sa.Integer(), sa.BigInteger()
_CARDED = _A.mode == Mode.CARD.value
_THERE = (_P.alert_id == bind("of_alert"), _P.destination == bind("destination", sa.Text()))
_WANT_POST = Statement(
    insert(POSTS)
    .from_select(
        ["alert_id", "destination", "generation", "wanted", "lane", "severity", "created_at", "state", "due_at"],
        sa.select(
            _A.id, bind("destination", sa.Text()),
            sa.select(sa.func.coalesce(sa.func.max(_P.generation), 0) + 1).where(*_THERE).scalar_subquery(),
            bind("wanted", _INT), bind("lane", _INT), bind("severity", _INT), bind("now", _TIME),
            sa.case((_CARDED, "waiting"), else_="held"), sa.case((_CARDED, bind("due", _TIME)), else_=None),
        ).where(_A.id == bind("of_alert"), ~sa.exists().where(*_THERE, sa.text(CURRENT))),
    )
    .on_conflict_do_nothing(),
    each=("of_alert", "destination"),
)  # fmt: skip


def _bump(chosen: Any) -> Statement:
    """What a chat shows is no longer what should be seen. What is under way or dead keeps its state."""
    shown = _P.state == literally("shown")
    severity = sa.select(_A.severity).where(_A.id == _P.alert_id).scalar_subquery()
    # what waits for others of its kind does not wait any more once it is a P1
    new = sa.and_(_P.state == literally("waiting"), _P.ref == "", _P.attempts == 0, _P.unsure_since.is_(None))
    at_once = sa.and_(new, severity == int(Severity.P1))
    # A card that still has to be posted is not an edit, and an edit that people wait for is not held up by a tidier.
    sooner = sa.or_(_P.ref == "", sa.and_(~shown, _P.lane < bind("edit", _INT)))
    return Statement(
        sa.update(POSTS)
        .where(chosen, sa.text(CURRENT))
        .values(
            wanted=_P.wanted + 1,
            severity=severity,
            lane=sa.case((sooner, _P.lane), else_=bind("edit", _INT)),
            due_at=sa.case((sa.and_(shown, CARDED), bind("now")), (at_once, bind("now")), else_=_P.due_at),
            state=sa.case((~shown, _P.state), (CARDED, "waiting"), else_="held"),
        )
    )


_BUMP_ALERT = _bump(_P.alert_id == bind("of_alert"))
_LIVE_OF_SOURCE = sa.select(_A.id).where(_A.source == bind("of_source"), sa.text(f"({STANDING})"), sa.text(LIVE))
_BUMP_SOURCE = _bump(_P.alert_id.in_(_LIVE_OF_SOURCE))
_RETIRE = {"state": "retired", "due_at": None, "fence": _P.fence + 1}  # a fence nobody holds: a late settle is refused
_RETIRE_POST = Statement(
    sa.update(POSTS)
    .where(_P.id == bind("row_id"), sa.text(CURRENT))
    .values(_RETIRE)
    .returning(_P.alert_id, _P.destination, _P.wanted, _P.severity)
)
# What is on its way has `unsure_since`: only once that has come to an end it can be told whether it arrived.
_TO_COME = (_P.state == literally("waiting"), _P.ref == "", _P.shown == 0, _P.unsure_since.is_(None))
_WITHDRAW_POSTS = Statement(sa.update(POSTS).where(_P.alert_id == bind("of_alert"), *_TO_COME).values(_RETIRE))
_OF_THOSE = sa.exists().where(_P.alert_id == _D.alert_id, _P.destination == _D.destination, *_TO_COME)
_WITHDRAW_NOTES = Statement(
    sa.update(DISPATCHES)
    .where(_D.alert_id == bind("of_alert"), ~_D.direct, sa.text(UNDONE), _D.state != literally("claimed"), _OF_THOSE)
    .values(state="retired", due_at=None, done_at=bind("now"), fence=_D.fence + 1)
)
_RETIRE_POSTS = Statement(
    sa.update(POSTS).where(_P.destination == bind("of_destination"), sa.text(CURRENT)).values(_RETIRE)
)
_RETIRE_DISPATCHES = Statement(
    sa.update(DISPATCHES)
    .where(_D.destination == bind("of_destination"), sa.text(UNDONE))
    .values(state="retired", due_at=None, done_at=bind("now"), fence=_D.fence + 1)
)
_ADD_DISPATCH = insert_new(
    DISPATCHES,
    [
        "key", "destination", "kind", "payload", "alert_id", "direct", "state", "lane", "severity", "created_at",
        "next_try_at", "due_at",
    ],
    each=("key",),
)  # fmt: skip
_REVIVE_POST = Statement(
    sa.update(POSTS)
    .where(_P.id == bind("row_id"), _P.state == literally("dead"))
    .values(WAITING | {"attempts": 0})
    .returning(_P.alert_id, _P.destination)
)
_REVIVE_DISPATCH = Statement(
    sa.update(DISPATCHES)
    .where(_D.id == bind("row_id"), _D.kind == bind("of_kind"), _D.state == literally("dead"))
    .values(state="waiting", attempts=0, due_at=bind("next"), next_try_at=bind("next"), done_at=None)
    .returning(_D.alert_id, _D.destination)
)
_TAKE_IN = insert_new(INBOX, ["key", "platform", "at", "body"])
_ANSWERED = Statement(sa.update(INBOX).where(INBOX.c.key == bind("of_key")).values(answer=bind("given")))
_PUT_VALUE = upsert(SETTINGS, "name")


class SqlWork(AlertWork, PeopleWork, RecordWork):
    """core.ports.UnitOfWork over the writer's connection, inside a transaction that the writer opens and ends."""

    def __init__(self, db: Db, data_version: Callable[[], int], chain: Chain, now: datetime) -> None:
        super().__init__(db, data_version)
        db.begin()
        self._chain = chain
        self._settling = Settling(db)
        self._now = now  # when the transaction began; for book-keeping that no caller decides on

    # ------------------------------------------------------------ posts

    def want_post(
        self,
        alert_id: int,
        destination: str,
        lane: Lane,
        severity: Severity,
        now: datetime,
        due: datetime | None = None,
    ) -> None:
        """A card for the alert in the destination; nothing if there is one. Where all were retired, a new one."""
        self._insert_post(alert_id, destination, 1, lane, severity, now, due)

    def withdraw_posts(self, alert_id: int) -> bool:
        """Nothing of it is posted any more but what is under way. Whether something was, or may be."""
        self.db.hold(locks.ALERT, alert_id=alert_id)
        for statement in (_WITHDRAW_NOTES, _WITHDRAW_POSTS):
            self.db.run(statement, of_alert=alert_id, now=micros(self._now))
        return bool(self.posts_of(alert_id))

    @property
    def news(self) -> bool:
        """Whether there may be work in the outbox, now or later, that there was not before."""
        return self._settling.news

    def _insert_post(
        self,
        alert_id: int,
        destination: str,
        wanted: int,
        lane: int,
        severity: int,
        now: datetime,
        due: datetime | None = None,
    ) -> None:
        self._settling.news = True
        self.db.hold(locks.ALERT, alert_id=alert_id)
        self.db.later(
            _WANT_POST,
            of_alert=alert_id,
            destination=destination,
            wanted=wanted,
            lane=int(lane),
            severity=int(severity),
            now=micros(now),
            due=micros(due or now),
        )
        self._settling.arrange(alert_id, destination)

    def bump_posts(self, alert_id: int, now: datetime, lane: Lane = Lane.EDIT) -> None:
        """Something that the cards show has changed: wanted_version + 1 on each post of the alert."""
        self._settling.news = True
        self.db.hold(locks.ALERT, alert_id=alert_id)
        self.db.later(_BUMP_ALERT, of_alert=alert_id, now=micros(now), edit=int(lane))

    def bump_source_posts(self, source: str, now: datetime) -> None:
        """The same for every live alert on records of one source (its data became stale, or fresh again)."""
        self._settling.news = True
        self.db.later(_BUMP_SOURCE, of_source=source, now=micros(now), edit=int(Lane.TIDY))

    def set_mode(self, alert_id: int, mode: Mode) -> None:
        self._settling.news = True
        super().set_mode(alert_id, mode)

    def repost(self, post_id: int, now: datetime) -> None:
        """The message is gone: a new generation of the post, in a row of its own. Who holds the old one loses it."""
        self._settling.forget()
        row = self.db.one(_RETIRE_POST, row_id=post_id)
        if row is None:
            return
        alert_id, destination, wanted, severity = row
        self._insert_post(alert_id, destination, wanted, Lane.PAGE, severity, now)

    def retire_destination(self, destination: str) -> int:
        """Nothing more goes there. How many cards and undone dispatches that ends."""
        self._settling.forget()
        gone = self.db.count(_RETIRE_POSTS, of_destination=destination)
        return gone + self.db.count(_RETIRE_DISPATCHES, of_destination=destination, now=micros(self._now))

    # ------------------------------------------------------------ dispatches and claims

    def add_dispatch(self, dispatch: Dispatch, severity: Severity, now: datetime) -> None:
        """Nothing where its key is already there."""
        self._settling.news = True
        start = micros(dispatch.not_before or now)
        if dispatch.alert_id:
            self.db.hold(locks.ALERT, alert_id=dispatch.alert_id)
        self.db.later(
            _ADD_DISPATCH,
            key=dispatch.key,
            destination=dispatch.destination,
            kind=dispatch.kind.value,
            payload=dumps(dispatch.payload),
            alert_id=dispatch.alert_id or None,
            direct=dispatch.kind is DispatchKind.NOTE and bool(dispatch.payload.get("direct")),
            state="waiting",
            lane=int(dispatch.lane),
            severity=int(severity),
            created_at=micros(now),
            next_try_at=start,
            due_at=start,
        )
        self._settling.arrange(dispatch.alert_id, dispatch.destination)

    def claim(
        self,
        destination: str,
        now: datetime,
        lease: timedelta,
        limit: int = 1,
        ops: Mapping[Op, int] | None = None,
    ) -> list[Claim]:
        """See core.ports; which work is due, and who waits for whom, is kept up in storage.settling."""
        self._settling.decide()
        self._settling.forget()
        return outbox.claim(self.db, destination, now, lease, limit, ops)

    def hold_lane(self, destination: str, holder: str, fence: int, now: datetime, ttl: timedelta) -> int | None:
        """See core.ports. Where there is one daemon only, all lanes are its own."""
        if not self.db.several:
            return 1
        name = LANE + destination
        if fence and self.renew_lease(name, fence, now, ttl):
            return fence
        taken = self.take_lease(name, holder, now, ttl)
        if taken is not None:
            self._settling.news = True
            outbox.free_in(self.db, destination, now)
        return taken

    def release_lease(self, name: str, fence: int) -> bool:
        """Others may go on with what its holder did."""
        self._settling.news = True
        return super().release_lease(name, fence)

    def expect_settled(self, claims: Sequence[Claim]) -> None:
        """These are settled next: a database far away is asked once whether they are still held."""
        self._settling.expect(claims)

    def settle_sent(self, claim: Claim, ref: Mapping[str, str], shown: int, now: datetime) -> bool:
        """The work is done (a post shows version `shown`). False when the lease was lost to another holder."""
        return self._settling.sent(claim, ref, shown, now)

    def settle_retry(
        self,
        claim: Claim,
        next_try_at: datetime,
        error: str,
        *,
        unsure: bool,
        counts: bool,
        now: datetime,  # noqa: ARG002 - in the contract; nothing here needs it
    ) -> bool:
        return self._settling.retry(claim, next_try_at, error, unsure=unsure, counts=counts)

    def settle_dead(self, claim: Claim, error: str, now: datetime) -> bool:
        return self._settling.dead(claim, error, now)

    def hurry(self, destination: str, now: datetime) -> None:
        """What waits for another try there is due at once, for the way is open again."""
        self._settling.news = True
        for statement in outbox.HURRY:
            self.db.later(statement, of_destination=destination, now=micros(now))

    def revive(self, outbox_id: int, kind: str, now: datetime) -> bool:
        """A dead row is tried again. False when there is no such dead row."""
        statement = _REVIVE_POST if kind == "post" else _REVIVE_DISPATCH
        row = self.db.one(statement, row_id=outbox_id, of_kind=kind, next=micros(now))
        if row is not None:
            self._settling.news = True
            self._settling.arrange(row[0] or 0, row[1])
        return row is not None

    # ------------------------------------------------------------ what has to be settled before others look

    def work_due(self, now: datetime) -> tuple[dict[str, Severity], datetime | None]:
        self._settling.decide()
        return super().work_due(now)

    def outbox(self, *, dead_only: bool = False, limit: int = 100) -> list[OutboxRow]:
        self._settling.decide()
        return super().outbox(dead_only=dead_only, limit=limit)

    def seal(self, now: datetime) -> Head | None:
        """The end of the transaction, but for its commit: what was put off is done, and the audit gets its head."""
        self._settling.decide()
        head = self._chain.seal(now)
        self.db.flush()
        return head

    # ------------------------------------------------------------ audit

    def audit(self, entry: Entry, at: datetime) -> None:
        """Appends to the chain; it is sealed at the commit."""
        self._chain.append(entry, at)

    def story(self, alert_id: int, limit: int = 20) -> list[AuditRow]:
        self._chain.flush()
        return super().story(alert_id, limit)

    def stories(self, alert_ids: Sequence[int], limit: int = 20) -> Mapping[int, Sequence[AuditRow]]:
        self._chain.flush()
        return super().stories(alert_ids, limit)

    def audit_rows(self, after: int = 0, limit: int = 1000) -> list[AuditRow]:
        self._chain.flush()
        return super().audit_rows(after, limit)

    def audit_count(self) -> int:
        self._chain.flush()
        return super().audit_count()

    # ------------------------------------------------------------ people and the rest

    def taken_in(self, key: str) -> Mapping[str, Any] | None:
        """The same interaction may come to two instances: the second waits for what the first makes of it."""
        self.db.hold(locks.NAME, name=key)
        return super().taken_in(key)

    def take_in(self, key: str, platform: str, at: datetime, body: Mapping[str, Any]) -> bool:
        """Notes an interaction under the platform's own unique id. False when it was there already (a repeat)."""
        return self.db.count(_TAKE_IN, key=key, platform=platform, at=micros(at), body=dumps(body)) == 1

    def answered(self, key: str, answer: Mapping[str, Any]) -> None:
        self.db.later(_ANSWERED, of_key=key, given=dumps(answer))

    def put_value(self, name: str, value: str) -> None:
        self.db.later(_PUT_VALUE, name=name, value=value)
