"""What can be asked of the database: every method one short query, or a few of them."""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from deskbell.core.alert import Alert, Mode, Severity, Status
from deskbell.core.ports import AuditRow, Hint, Opened, OutboxRow, Post, SourceState, StoredRecord
from deskbell.core.records import Record
from deskbell.core.storm import Family
from storage import audit, outbox
from storage.codec import (
    ALERT_COLUMNS,
    POST_COLUMNS,
    alert_of,
    exact_key,
    last_digits,
    loads,
    loose_key,
    micros,
    moment_or_none,
    post_of,
    record_of,
    source_of,
)
from storage.schema import (
    ACCOUNTS,
    ALERTS,
    CHILD,
    CURRENT,
    HINTS,
    INBOX,
    LIVE,
    OPEN,
    POSTS,
    QUARANTINE,
    RECORDS,
    SETTINGS,
    SOURCES,
    STANDING,
    TIES,
)
from storage.sql import Db, Statement, bind, sized, within

_RECORD = (RECORDS.c.data, RECORDS.c.seen_at, RECORDS.c.due_at, RECORDS.c.fingerprint)
_ALERT = tuple(ALERTS.c[name] for name in ALERT_COLUMNS)
_SEVEREST = (ALERTS.c.severity, ALERTS.c.opened_at, ALERTS.c.id)

_SOURCE_ALL = Statement(sa.select(*SOURCES.c).order_by(SOURCES.c.name))
_SOURCE_ONE = Statement(sa.select(*SOURCES.c).where(SOURCES.c.name == bind("name")), held="wait")
_RECORDS_MANY = sized(
    lambda size: (
        sa.select(RECORDS.c.record_id, *_RECORD)
        .where(RECORDS.c.source == bind("source"), within(RECORDS.c.record_id, size))
        .order_by(RECORDS.c.record_id)
    ),
    held="wait",
)
_RECORDS_DUE = Statement(
    sa.select(*_RECORD).where(RECORDS.c.due_at <= bind("now")).order_by(RECORDS.c.due_at).limit(bind("limit")),
    held="skip",
)
_RECORDS_LIVE = Statement(
    sa.select(RECORDS.c.record_id)
    .where(RECORDS.c.source == bind("source"), sa.text(OPEN))
    .order_by(RECORDS.c.record_id)
)
_RELATED = sized(
    lambda size: (
        sa.select(TIES.c.tie, *_RECORD)
        .join(RECORDS, sa.and_(RECORDS.c.source == TIES.c.source, RECORDS.c.record_id == TIES.c.record_id))
        .where(within(TIES.c.tie, size))
        .order_by(TIES.c.tie, TIES.c.source, TIES.c.record_id)
        .limit(bind("limit"))
    )
)
_OPENED = Statement(
    sa.select(ALERTS.c.source, ALERTS.c.record_id, ALERTS.c.team, ALERTS.c.mode, sa.func.count())
    .where(ALERTS.c.rule == bind("rule"), ALERTS.c.opened_at >= bind("since"))
    .group_by(ALERTS.c.source, ALERTS.c.record_id, ALERTS.c.team, ALERTS.c.mode)
)
_CARDS_OF = {
    of: Statement(
        sa.select(sa.func.count()).select_from(
            sa.select(ALERTS.c.id)
            .where(*which, ALERTS.c.mode == Mode.CARD.value, ALERTS.c.opened_at >= bind("since"))
            .limit(bind("most"))
            .subquery()
        )
    )
    for of, which in {
        "source": (ALERTS.c.source == bind("source"),),
        "team": (ALERTS.c.rule == bind("rule"), ALERTS.c.team == bind("team")),
    }.items()
}
_OPENED_BY_KEY = Statement(
    sa.select(sa.func.count()).where(ALERTS.c.key == bind("key"), ALERTS.c.opened_at >= bind("since"))
)
_QUARANTINED = Statement(
    sa.select(sa.func.count())
    .select_from(QUARANTINE)
    .where(sa.or_(bind("source", sa.Text()) == "", QUARANTINE.c.source == bind("source", sa.Text())))
)


def _find(column: Any) -> Statement:
    """Those that are not over first, then those seen last. Empty `kind` is any."""
    return Statement(
        sa.select(RECORDS.c.source, RECORDS.c.record_id, *_RECORD)
        .where(column == bind("key"), sa.or_(bind("kind", sa.Text()) == "", RECORDS.c.kind == bind("kind", sa.Text())))
        .order_by(RECORDS.c.done, RECORDS.c.seen_at.desc())
        .limit(bind("limit"))
    )


_FIND_NUMBER, _FIND_ID = _find(RECORDS.c.number_key), _find(RECORDS.c.id_key)
_FIND_LOOSE, _FIND_DIGITS = _find(RECORDS.c.loose_key), _find(RECORDS.c.digits)

_ALERT_ONE = Statement(sa.select(*_ALERT).where(ALERTS.c.id == bind("id")), held="wait")
_ALERT_BY_KEY = Statement(
    sa.select(*_ALERT).where(ALERTS.c.key == bind("key")).order_by(ALERTS.c.id.desc()).limit(1), held="wait"
)
NEWEST_BY_KEYS = sized(
    lambda size: (
        sa.select(*_ALERT)
        .where(
            ALERTS.c.id.in_(
                sa.select(sa.func.max(ALERTS.c.id)).where(within(ALERTS.c.key, size)).group_by(ALERTS.c.key)
            )
        )
        .order_by(ALERTS.c.id)
    ),
    held="wait",
)
_LASTING = sized(
    lambda size: sa.select(ALERTS.c.key).where(within(ALERTS.c.key, size), sa.text(f"({STANDING})"), ALERTS.c.condition)
)
_ALERTS_OF = sized(
    lambda size: (
        sa.select(*_ALERT)
        .where(ALERTS.c.source == bind("source"), within(ALERTS.c.record_id, size), sa.text(f"({STANDING})"))
        .order_by(ALERTS.c.id)
    ),
    held="wait",
)
_ALERTS_DUE = Statement(
    sa.select(*_ALERT)
    .where(sa.text(LIVE), ALERTS.c.escalate_at <= bind("now"))
    .order_by(*_SEVEREST)
    .limit(bind("limit")),
    held="skip",
)
_FAMILY = Statement(
    sa.select(ALERTS.c.status, ALERTS.c.severity, sa.func.count(), sa.func.max(ALERTS.c.opened_at))
    .where(ALERTS.c.parent == bind("parent"), sa.text(CHILD))
    .group_by(ALERTS.c.status, ALERTS.c.severity)
)
_COUNT_ALERTS = sized(lambda size: sa.select(sa.func.count()).select_from(ALERTS).where(within(ALERTS.c.status, size)))
_POSTS_OF = Statement(
    sa.select(*(POSTS.c[name] for name in POST_COLUMNS))
    .where(POSTS.c.alert_id == bind("alert_id"), sa.text(CURRENT))
    .order_by(POSTS.c.id)
)
_PERSON_FOR = Statement(
    sa.select(ACCOUNTS.c.person_id).where(
        ACCOUNTS.c.platform == bind("platform"), ACCOUNTS.c.account == bind("account")
    )
)
_ACCOUNT_OF = Statement(
    sa.select(ACCOUNTS.c.account)
    .where(ACCOUNTS.c.platform == bind("platform"), ACCOUNTS.c.person_id == bind("person_id"))
    .order_by(ACCOUNTS.c.linked_at.desc(), ACCOUNTS.c.account)
    .limit(1)
)
_HINTS = Statement(
    sa.select(HINTS.c.source, HINTS.c.record_id, HINTS.c.mark)
    .where(HINTS.c.source == bind("source"))
    .order_by(HINTS.c.at)
    .limit(bind("limit"))
)
_TAKEN_IN = Statement(sa.select(INBOX.c.answer).where(INBOX.c.key == bind("key")))
_VALUE = Statement(sa.select(SETTINGS.c.value).where(SETTINGS.c.name == bind("name")), held="wait")


@lru_cache(maxsize=64)
def _listing(filters: tuple[str, ...], size: int) -> Statement:
    wanted: list[Any] = [ALERTS.c[name] == bind(name) for name in filters]
    wanted += [sa.text(CHILD)] if "parent" in filters else []
    return Statement(
        sa.select(*_ALERT)
        .where(within(ALERTS.c.status, size), *wanted)
        .order_by(*_SEVEREST)
        .limit(bind("limit"))
        .offset(bind("offset"))
    )


class SqlReader:
    """core.ports.Reader over one connection. `data_version` tells whether another process wrote."""

    def __init__(self, db: Db, data_version: Callable[[], int]) -> None:
        self.db = db
        self._data_version = data_version

    # ------------------------------------------------------------ sources and records

    def source(self, name: str) -> SourceState | None:
        row = self.db.one(_SOURCE_ONE, name=name)
        return source_of(row) if row else None

    def sources(self) -> list[SourceState]:
        return [source_of(row) for row in self.db.all(_SOURCE_ALL)]

    def record(self, source: str, record_id: str) -> StoredRecord | None:
        return self.records(source, [record_id]).get(record_id)

    def records(self, source: str, ids: Sequence[str]) -> dict[str, StoredRecord]:
        rows = self.db.all_in(_RECORDS_MANY, ids, source=source)
        return {row[0]: record_of(row[1:]) for row in rows}

    def find_records(self, text: str, kind: str | None = None, limit: int = 5) -> list[StoredRecord]:
        """By number or id, without regard to case; `4711` also finds `J-4711` and `INC0004711`; exact matches first."""
        exact = exact_key(text.strip().lstrip("#"))
        asked = [(_FIND_NUMBER, exact), (_FIND_ID, exact), (_FIND_LOOSE, loose_key(text))]
        if exact.isdecimal():
            asked.append((_FIND_DIGITS, last_digits(exact)))
        found: dict[tuple[str, str], StoredRecord] = {}
        for statement, key in asked:
            if key and len(found) < limit:
                for row in self.db.all(statement, key=key, kind=kind or "", limit=limit):
                    found.setdefault((row[0], row[1]), record_of(row[2:]))
        return list(found.values())[:limit]

    def related(self, ties: Collection[str], limit: int = 2000) -> list[tuple[str, Record]]:
        """The records that are found by these ties, each with the tie."""
        rows = self.db.all_in(_RELATED, sorted(ties), limit=limit)
        return [(row[0], record_of(row[1:]).record) for row in rows]

    def opened(self, rule: str, since: datetime) -> list[Opened]:
        """How many alerts of the rule (of any, when none is named) were opened since, by record, team and mode."""
        rows = self.db.all(_OPENED, rule=rule, since=micros(since))
        return [Opened(source, ident, team, Mode(mode), count) for source, ident, team, mode, count in rows]

    def count_cards(self, rule: str, team: str, source: str, since: datetime, most: int) -> int:
        which: dict[str, Any] = {"source": source} if source else {"rule": rule, "team": team}
        statement = _CARDS_OF["source" if source else "team"]
        return int(self.db.scalar(statement, **which, since=micros(since), most=most))

    def count_opened(self, key: str, since: datetime) -> int:
        return int(self.db.scalar(_OPENED_BY_KEY, key=key, since=micros(since)))

    def due_records(self, now: datetime, limit: int) -> list[StoredRecord]:
        return [record_of(row) for row in self.db.all(_RECORDS_DUE, now=micros(now), limit=limit)]

    def live_record_ids(self, source: str) -> list[str]:
        """Those that are not over in their source."""
        return [row[0] for row in self.db.all(_RECORDS_LIVE, source=source)]

    def count_quarantined(self, source: str | None = None) -> int:
        return int(self.db.scalar(_QUARANTINED, source=source or ""))

    # ------------------------------------------------------------ alerts

    def alert(self, alert_id: int) -> Alert | None:
        row = self.db.one(_ALERT_ONE, id=alert_id)
        return alert_of(row) if row else None

    def newest_by_key(self, key: str) -> Alert | None:
        row = self.db.one(_ALERT_BY_KEY, key=key)
        return alert_of(row) if row else None

    def lasting(self, keys: Sequence[str]) -> frozenset[str]:
        """Those of the keys under which something is wrong: the condition of the alert with the key holds."""
        return frozenset(row[0] for row in self.db.all_in(_LASTING, keys))

    def alerts_of(self, source: str, record_id: str) -> list[Alert]:
        """The alerts on a record that are live, or resolved while their condition still holds."""
        return [alert_of(row) for row in self.db.all_in(_ALERTS_OF, [record_id], source=source)]

    def alerts_of_many(self, source: str, record_ids: Sequence[str]) -> dict[str, list[Alert]]:
        """The same for many records; those without alerts are left out."""
        found: dict[str, list[Alert]] = defaultdict(list)
        for row in self.db.all_in(_ALERTS_OF, record_ids, source=source):
            alert = alert_of(row)
            found[alert.record_id].append(alert)
        return dict(found)

    def alerts(
        self,
        *,
        statuses: Sequence[Status] = (Status.OPEN, Status.ACKED),
        assignee: str | None = None,
        team: str | None = None,
        source: str | None = None,
        rule: str | None = None,
        parent: int | None = None,
        limit: int = 50,
        offset: int = 0,
    ) -> list[Alert]:
        """Most severe first, then oldest."""
        if not statuses:
            return []
        wanted = {"assignee": assignee, "team": team, "source": source, "rule": rule, "parent": parent}
        given = {name: value for name, value in wanted.items() if value is not None}
        rows = self.db.all(
            _listing(tuple(given), len(statuses)),
            **given,
            **{f"item_{i}": status.value for i, status in enumerate(statuses)},
            limit=limit,
            offset=offset,
        )
        return [alert_of(row) for row in rows]

    def family(self, parent: int) -> Family:
        """How the alerts stand that this one stands for."""
        counts, newest = {}, None
        for status, severity, count, opened_at in self.db.all(_FAMILY, parent=parent):
            counts[Status(status), Severity(severity)] = count
            newest = max(opened_at, newest or opened_at)
        return Family(counts, moment_or_none(newest))

    def count_alerts(self, statuses: Sequence[Status] = (Status.OPEN, Status.ACKED)) -> int:
        rows = self.db.all_in(_COUNT_ALERTS, [status.value for status in statuses])
        return sum(row[0] for row in rows)

    def due_alerts(self, now: datetime, limit: int) -> list[Alert]:
        """Live alerts whose `escalate_at` has passed, most severe first."""
        return [alert_of(row) for row in self.db.all(_ALERTS_DUE, now=micros(now), limit=limit)]

    # ------------------------------------------------------------ outbox

    def posts_of(self, alert_id: int) -> list[Post]:
        return [post_of(row) for row in self.db.all(_POSTS_OF, alert_id=alert_id)]

    def work_due(self, now: datetime) -> tuple[dict[str, Severity], datetime | None]:
        """The destinations that have work now (with the severest piece), and when the next piece falls due."""
        return outbox.work_due(self.db, now)

    def left_behind(self, now: datetime) -> list[str]:
        """The destinations whose lane's lease ran out with claims in it: who held it can't go on."""
        return outbox.left_behind(self.db, now)

    def outbox(self, *, dead_only: bool = False, limit: int = 100) -> list[OutboxRow]:
        return outbox.rows(self.db, dead_only=dead_only, limit=limit)

    def count_outbox(self) -> dict[str, int]:
        """Rows not yet done by state: {"waiting": n, "claimed": n, "dead": n}."""
        return outbox.counts(self.db)

    # ------------------------------------------------------------ audit

    def story(self, alert_id: int, limit: int = 20) -> list[AuditRow]:
        """The audit of one alert, oldest first, the last `limit` of it."""
        return audit.story(self.db, alert_id, limit)

    def stories(self, alert_ids: Sequence[int], limit: int = 20) -> Mapping[int, Sequence[AuditRow]]:
        """The same for several alerts."""
        return audit.stories(self.db, alert_ids, limit)

    def audit_rows(self, after: int = 0, limit: int = 1000) -> list[AuditRow]:
        return audit.rows(self.db, after, limit)

    def audit_count(self) -> int:
        return audit.count(self.db)

    # ------------------------------------------------------------ people and the rest

    def person_for(self, platform: str, account: str) -> str | None:
        person: str | None = self.db.scalar(_PERSON_FOR, platform=platform, account=account)
        return person

    def account_of(self, platform: str, person_id: str) -> str | None:
        """The account linked last, where a person has several."""
        account: str | None = self.db.scalar(_ACCOUNT_OF, platform=platform, person_id=person_id)
        return account

    def taken_in(self, key: str) -> Mapping[str, Any] | None:
        """The answer kept for an interaction already seen (empty while there is none yet); None when it is new."""
        row = self.db.one(_TAKEN_IN, key=key)
        if row is None:
            return None
        answer: Mapping[str, Any] = loads(row[0]) if row[0] else {}
        return answer

    def hints(self, source: str, limit: int) -> list[Hint]:
        return [Hint(*row) for row in self.db.all(_HINTS, source=source, limit=limit)]

    def value(self, name: str) -> str | None:
        value: str | None = self.db.scalar(_VALUE, name=name)
        return value

    def now_data_version(self) -> int:
        """Changes when another process wrote."""
        return self._data_version()
