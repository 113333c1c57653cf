"""Leases with fences: one holder per name at a time, among all instances.

Who takes a lease gets a fence, a number that grows with each holder. A lease that was not renewed in time may be taken
by another one; who was paused and wakes finds its fence outdated, because each change it makes under the lease asks
for it (`holds_lease`) in the same transaction.
"""

from datetime import datetime, timedelta

import sqlalchemy as sa

from deskbell.core.ports import Lease
from storage.codec import micros, moment
from storage.reader import SqlReader
from storage.schema import LEASES
from storage.sql import Db, Statement, bind, insert

_L = LEASES.c

_new = insert(LEASES)
_TAKE = Statement(
    _new.on_conflict_do_update(
        index_elements=["name"],
        set_={"holder": _new.excluded.holder, "fence": _L.fence + 1, "until": _new.excluded.until},
        where=sa.or_(_L.until <= bind("now"), _L.holder == _new.excluded.holder),
    ).returning(_L.fence),
    ["name", "holder", "fence", "until"],
)
_RENEW = Statement(
    sa.update(LEASES).where(_L.name == bind("of_name"), _L.fence == bind("held_fence")).values(until=bind("then"))
)
_RELEASE = Statement(
    sa.update(LEASES)
    .where(_L.name == bind("of_name"), _L.fence == bind("held_fence"))
    .values(holder="", fence=_L.fence + 1, until=0)
)
_FENCE = Statement(sa.select(_L.fence).where(_L.name == bind("name")), held="wait")
_ALL = Statement(sa.select(_L.name, _L.holder, _L.fence, _L.until).where(_L.holder != "").order_by(_L.name))


_FREE = Statement(sa.update(LEASES).where(_L.holder != "").values(holder="", fence=_L.fence + 1, until=0))


def free(db: Db) -> None:
    """Takes every lease from whoever had it, for an instance that knows that it is alone."""
    db.run(_FREE)


class LeaseReader(SqlReader):
    def leases(self) -> list[Lease]:
        return [Lease(name, holder, fence, moment(until)) for name, holder, fence, until in self.db.all(_ALL)]


class LeaseWork(LeaseReader):
    def take_lease(self, name: str, holder: str, now: datetime, ttl: timedelta) -> int | None:
        until = micros(now + ttl)
        fence: int | None = self.db.scalar(_TAKE, name=name, holder=holder, fence=1, until=until, now=micros(now))
        return fence

    def renew_lease(self, name: str, fence: int, now: datetime, ttl: timedelta) -> bool:
        return self.db.count(_RENEW, of_name=name, held_fence=fence, then=micros(now + ttl)) == 1

    def release_lease(self, name: str, fence: int) -> bool:
        return self.db.count(_RELEASE, of_name=name, held_fence=fence) == 1

    def holds_lease(self, name: str, fence: int) -> bool:
        return bool(self.db.scalar(_FENCE, name=name) == fence)
