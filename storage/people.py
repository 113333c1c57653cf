"""People in the database: which account is whose, one-time codes, what the unknown asked for, second thoughts."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from deskbell.core.alert import Verb
from deskbell.core.undo import Undo
from storage.asked import AskedReader, AskedWork
from storage.codec import dumps, loads, micros, moment
from storage.customers import CustomerReader, CustomerWork
from storage.history import HistoryReader, HistoryWork
from storage.leases import LeaseReader, LeaseWork
from storage.receipts import ReceiptReader, ReceiptWork
from storage.roster import RosterReader, RosterWork
from storage.schema import ACCOUNTS, ASKINGS, LINK_CODES, UNDOS
from storage.silences import SilenceReader, SilenceWork
from storage.sql import Statement, bind, sized, upsert, within

_SAVE_ACCOUNT = upsert(ACCOUNTS, "platform", "account")
_ACCOUNTS_OF = Statement(
    sa.select(ACCOUNTS.c.platform, ACCOUNTS.c.account)
    .where(ACCOUNTS.c.person_id == bind("person_id"))
    .order_by(ACCOUNTS.c.platform, ACCOUNTS.c.account)
)
_FORGET_ACCOUNTS = Statement(sa.delete(ACCOUNTS).where(ACCOUNTS.c.person_id == bind("person_id")))

_SAVE_CODE = upsert(LINK_CODES, "digest")
_CODE = Statement(
    sa.select(LINK_CODES.c.person_id, LINK_CODES.c.expires_at).where(LINK_CODES.c.digest == bind("digest"))
)
_FORGET_CODE = Statement(sa.delete(LINK_CODES).where(LINK_CODES.c.digest == bind("digest")))
_FORGET_CODES = Statement(sa.delete(LINK_CODES).where(LINK_CODES.c.person_id == bind("person_id")))
_FORGET_OLD_CODES = Statement(sa.delete(LINK_CODES).where(LINK_CODES.c.expires_at <= bind("now")))

_KEEP_ASKING = upsert(ASKINGS, "platform", "account")
_ASKING = Statement(
    sa.select(ASKINGS.c.at, ASKINGS.c.body).where(
        ASKINGS.c.platform == bind("platform"), ASKINGS.c.account == bind("account")
    )
)
_FORGET_ASKING = Statement(
    sa.delete(ASKINGS).where(ASKINGS.c.platform == bind("platform"), ASKINGS.c.account == bind("account"))
)
_FORGET_OLD_ASKINGS = Statement(sa.delete(ASKINGS).where(ASKINGS.c.at <= bind("since")))

_SAVE_UNDO = upsert(UNDOS, "alert_id")
_UNDOS_OF = sized(lambda size: sa.select(*UNDOS.c).where(within(UNDOS.c.alert_id, size)))
_FORGET_UNDO = Statement(sa.delete(UNDOS).where(UNDOS.c.alert_id == bind("alert_id")))


class PeopleReader(LeaseReader, HistoryReader, RosterReader, AskedReader, ReceiptReader, CustomerReader, SilenceReader):
    def accounts_of(self, person_id: str) -> list[tuple[str, str]]:
        return [(platform, account) for platform, account in self.db.all(_ACCOUNTS_OF, person_id=person_id)]

    def undo_of(self, alert_id: int) -> Undo | None:
        return self.undos_of([alert_id]).get(alert_id)

    def undos_of(self, alert_ids: Sequence[int]) -> dict[int, Undo]:
        """Of those that have one."""
        rows = self.db.all_in(_UNDOS_OF, alert_ids)
        return {row[0]: Undo(row[1], Verb(row[2]), moment(row[3]), loads(row[4])) for row in rows}


class PeopleWork(LeaseWork, HistoryWork, RosterWork, AskedWork, ReceiptWork, CustomerWork, SilenceWork, PeopleReader):
    """The writing half; `_now` is the transaction's moment."""

    _now: datetime

    def save_account(self, platform: str, account: str, person_id: str) -> None:
        self.db.run(_SAVE_ACCOUNT, platform=platform, account=account, person_id=person_id, linked_at=micros(self._now))

    def forget_accounts(self, person_id: str) -> int:
        self.db.run(_FORGET_CODES, person_id=person_id)
        return int(self.db.run(_FORGET_ACCOUNTS, person_id=person_id).rowcount)

    def save_code(self, digest: str, person_id: str, expires_at: datetime) -> None:
        self.db.run(_FORGET_OLD_CODES, now=micros(self._now))
        self.db.run(_SAVE_CODE, digest=digest, person_id=person_id, expires_at=micros(expires_at))

    def take_code(self, digest: str) -> str | None:
        row = self.db.one(_CODE, digest=digest)
        if row is None or not self.db.count(_FORGET_CODE, digest=digest):
            return None
        person_id, expires_at = row
        return str(person_id) if expires_at > micros(self._now) else None

    def keep_asking(self, platform: str, account: str, body: Mapping[str, Any], since: datetime) -> None:
        self.db.run(_FORGET_OLD_ASKINGS, since=micros(since))
        self.db.run(_KEEP_ASKING, platform=platform, account=account, at=micros(self._now), body=dumps(body))

    def take_asking(self, platform: str, account: str, since: datetime) -> Mapping[str, Any] | None:
        row = self.db.one(_ASKING, platform=platform, account=account)
        if row is None or not self.db.count(_FORGET_ASKING, platform=platform, account=account):
            return None
        at, body = row
        asked: Mapping[str, Any] = loads(body)
        return asked if at > micros(since) else None

    def save_undo(self, alert_id: int, undo: Undo | None) -> None:
        if undo is None:
            self.db.later(_FORGET_UNDO, alert_id=alert_id)
            return
        values = {
            "person_id": undo.person,
            "verb": undo.verb.value,
            "at": micros(undo.at),
            "before": dumps(undo.before),
        }
        self.db.later(_SAVE_UNDO, alert_id=alert_id, **values)
