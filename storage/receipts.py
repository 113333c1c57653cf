"""What vendors have of ours and what became of it, and the links by which people may answer."""

from collections.abc import Mapping
from datetime import datetime

import sqlalchemy as sa

from deskbell.core.heard import Link, Message, Rank
from deskbell.core.ports import Dispatch, Post
from storage.codec import (
    DISPATCH_COLUMNS,
    POST_COLUMNS,
    dispatch_of,
    dumps,
    micros,
    micros_or_none,
    moment,
    moment_or_none,
    post_of,
)
from storage.reader import SqlReader
from storage.schema import ALERTS, DISPATCHES, LINKS, LIVE, POSTS, RECEIPTS, UNDELIVERED
from storage.sql import Row, Statement, bind, insert, insert_new, literally

_R, _P, _D, _L = RECEIPTS.c, POSTS.c, DISPATCHES.c, LINKS.c
_COLUMNS = (
    _R.channel, _R.id, _R.alert_id, _R.destination, _R.person_id, _R.work, _R.rank, _R.at, _R.why, _R.told_at, _R.due_at
)  # fmt: skip
_MESSAGE = Statement(sa.select(*_COLUMNS).where(_R.channel == bind("channel"), _R.id == bind("id")), held="wait")
_OF_ALERT = Statement(sa.select(*_COLUMNS).where(_R.alert_id == bind("alert_id")).order_by(_R.at, _R.id))
_WAITING = Statement(
    sa.select(*_COLUMNS)
    .where(_R.channel == bind("channel"), sa.text(UNDELIVERED), _R.at > bind("since"))
    .order_by(_R.at.desc())
    .limit(bind("limit"))
)
_OPEN = Statement(
    sa.select(*_COLUMNS)
    .join(ALERTS, ALERTS.c.id == _R.alert_id)
    .where(_R.channel == bind("channel"), _R.at > bind("since"), ALERTS.c.status == literally("open"))
    .order_by(_R.at.desc())
    .limit(bind("limit"))
)
_LATE = Statement(
    sa.select(*_COLUMNS)
    .where(_R.due_at.is_not(None), _R.due_at <= bind("now"))
    .order_by(_R.due_at)
    .limit(bind("limit"))
)
_SENT_TO = Statement(
    sa.select(_R.alert_id)
    .join(ALERTS, ALERTS.c.id == _R.alert_id)
    .where(
        _R.channel == bind("channel"),
        _R.person_id == bind("person"),
        _R.at > bind("since"),
        ALERTS.c.status == literally("open"),
    )
    .distinct()
)
_new = insert(RECEIPTS)
# A vendor's own word may be there before we have settled: what it said stays.
_SAVE = Statement(
    _new.on_conflict_do_update(
        index_elements=["channel", "id"],
        set_={name: _new.excluded[name] for name in ("alert_id", "destination", "person_id", "work", "at", "due_at")},
    ),
    [column.name for column in RECEIPTS.columns],
)
_RANKED = Statement(
    sa.update(RECEIPTS)
    .where(_R.channel == bind("of_channel"), _R.id == bind("of_id"), _R.rank < bind("new_rank"))
    .values(rank=bind("new_rank"), why=bind("said", sa.Text()), told_at=bind("now"))
)
_IN_TIME = Statement(
    sa.update(RECEIPTS).where(_R.channel == bind("of_channel"), _R.id == bind("of_id")).values(due_at=None)
)
_RECORDS = Statement(
    sa.select(*(_P[name] for name in POST_COLUMNS))
    .join(ALERTS, ALERTS.c.id == _P.alert_id)
    .where(
        _P.destination == bind("destination"),
        _P.state == literally("shown"),
        _P.ref != "",
        sa.text(LIVE.replace("status", "alerts.status")),
    )
    .order_by(_P.id)
    .limit(bind("limit"))
)
_FORGET = Statement(sa.delete(RECEIPTS).where(_R.at < bind("before")))
_SAVE_REF = Statement(sa.update(POSTS).where(_P.id == bind("row_id")).values(ref=bind("given")))
_DISPATCH = Statement(sa.select(*(_D[name] for name in DISPATCH_COLUMNS)).where(_D.key == bind("key")))
_LINK = Statement(
    sa.select(_L.digest, _L.alert_id, _L.person_id, _L.expires_at, _L.state, _L.tries).where(
        _L.digest == bind("digest")
    ),
    held="wait",
)
_NEW_LINK = insert_new(LINKS, each=("digest",))
_OLD_LINKS = Statement(sa.delete(LINKS).where(_L.expires_at <= bind("now")))
_LINK_STATE = Statement(sa.update(LINKS).where(_L.digest == bind("of_digest")).values(state=bind("new_state")))
_LINK_TRIED = Statement(sa.update(LINKS).where(_L.digest == bind("of_digest")).values(tries=_L.tries + 1))
_LINKS_OVER = Statement(
    sa.update(LINKS)
    .where(_L.alert_id == bind("of_alert"), _L.state == literally("open"))
    .values(state=literally("over"))
)


def _message(row: Row) -> Message:
    channel, ident, alert_id, destination, person, work, rank, at, why, told_at, due_at = row
    times = moment_or_none(told_at), moment_or_none(due_at)
    return Message(channel, ident, alert_id or 0, destination, person, work, Rank(rank), moment(at), why, *times)


class ReceiptReader(SqlReader):
    def message(self, channel: str, ident: str) -> Message | None:
        row = self.db.one(_MESSAGE, channel=channel, id=ident)
        return _message(row) if row else None

    def messages_of(self, alert_id: int) -> list[Message]:
        return [_message(row) for row in self.db.all(_OF_ALERT, alert_id=alert_id)]

    def messages_waiting(self, channel: str, since: datetime, limit: int) -> list[Message]:
        return [_message(row) for row in self.db.all(_WAITING, channel=channel, since=micros(since), limit=limit)]

    def messages_open(self, channel: str, since: datetime, limit: int) -> list[Message]:
        return [_message(row) for row in self.db.all(_OPEN, channel=channel, since=micros(since), limit=limit)]

    def late_messages(self, now: datetime, limit: int) -> list[Message]:
        return [_message(row) for row in self.db.all(_LATE, now=micros(now), limit=limit)]

    def sent_to(self, channel: str, person: str, since: datetime) -> list[int]:
        rows = self.db.all(_SENT_TO, channel=channel, person=person, since=micros(since))
        return sorted(row[0] for row in rows)

    def records_in(self, destination: str, limit: int) -> list[Post]:
        return [post_of(row) for row in self.db.all(_RECORDS, destination=destination, limit=limit)]

    def dispatch(self, key: str) -> Dispatch | None:
        row = self.db.one(_DISPATCH, key=key)
        return dispatch_of(row) if row else None

    def link(self, digest: str) -> Link | None:
        row = self.db.one(_LINK, digest=digest)
        return Link(row[0], row[1], row[2], moment(row[3]), row[4], row[5]) if row else None


class ReceiptWork(ReceiptReader):
    """The writing half."""

    def save_message(self, message: Message) -> None:
        self.db.later(
            _SAVE,
            channel=message.channel,
            id=message.id,
            alert_id=message.alert_id or None,
            destination=message.destination,
            person_id=message.person,
            work=message.work,
            rank=int(message.rank),
            why=message.why,
            at=micros(message.at),
            told_at=micros_or_none(message.told_at),
            due_at=micros_or_none(message.due_at),
        )

    def rank_message(self, channel: str, ident: str, rank: Rank, why: str, now: datetime) -> bool:
        """False where as much was known already, or the message is not ours."""
        values = {"new_rank": int(rank), "said": why, "now": micros(now)}
        return self.db.count(_RANKED, of_channel=channel, of_id=ident, **values) == 1

    def message_in_time(self, channel: str, ident: str) -> None:
        """Nobody waits for it any more."""
        self.db.later(_IN_TIME, of_channel=channel, of_id=ident)

    def forget_messages(self, before: datetime) -> None:
        self.db.later(_FORGET, before=micros(before))

    def save_ref(self, post_id: int, ref: Mapping[str, str]) -> None:
        self.db.later(_SAVE_REF, row_id=post_id, given=dumps(ref))

    def save_link(self, link: Link, now: datetime) -> None:
        self.db.later(_OLD_LINKS, now=micros(now))
        values = {"digest": link.digest, "alert_id": link.alert_id, "person_id": link.person}
        self.db.later(_NEW_LINK, **values, expires_at=micros(link.expires_at), state=link.state, tries=link.tries)

    def spend_link(self, digest: str) -> None:
        self.db.later(_LINK_STATE, of_digest=digest, new_state="used")

    def link_tried(self, digest: str) -> None:
        self.db.later(_LINK_TRIED, of_digest=digest)

    def end_links(self, alert_id: int) -> None:
        """The alert has moved on."""
        self.db.later(_LINKS_OVER, of_alert=alert_id)
