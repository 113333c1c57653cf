"""Any mixture of what can be done to the outbox leaves it in order: long random walks look for one that does not."""

import random
from datetime import timedelta

import pytest

from deskbell.core.alert import Mode, Severity
from deskbell.core.ports import DispatchKind, Lane, Post

PLACES = ("ops", "night")
STEPS = 250

BROKEN = {
    "what waits or is held has a time, and nothing else has": """
        SELECT id FROM posts WHERE (due_at IS NOT NULL) <> (state IN ('waiting', 'claimed')) UNION ALL
        SELECT id FROM dispatches WHERE (due_at IS NOT NULL) <> (state IN ('waiting', 'claimed'))""",
    "what is at rest shows what is wanted": "SELECT id FROM posts WHERE state = 'shown' AND shown < wanted",
    "what is done says when": """
        SELECT id FROM dispatches WHERE (done_at IS NULL) <> (state IN ('blocked', 'waiting', 'claimed'))""",
    "a card waits only in mode card": """
        SELECT p.id FROM posts p JOIN alerts a ON a.id = p.alert_id WHERE p.state = 'waiting' AND a.mode <> 'card'""",
    "nothing overtakes what is undone before it": """
        SELECT later.id FROM dispatches later JOIN dispatches earlier
        ON earlier.alert_id = later.alert_id AND earlier.destination = later.destination
        AND NOT earlier.direct AND NOT later.direct AND earlier.id < later.id
        WHERE later.state = 'waiting' AND earlier.done_at IS NULL""",
    "no note goes before its card": """
        SELECT d.id FROM dispatches d JOIN posts p ON p.alert_id = d.alert_id AND p.destination = d.destination
        WHERE d.kind = 'note' AND NOT d.direct AND d.state = 'waiting'
        AND p.state NOT IN ('retired', 'dead') AND p.ref = '' AND p.shown = 0""",
    "nothing is blocked without a reason": """
        SELECT d.id FROM dispatches d WHERE d.state = 'blocked'
        AND NOT EXISTS (SELECT 1 FROM dispatches e WHERE e.alert_id = d.alert_id AND e.destination = d.destination
            AND NOT e.direct AND NOT d.direct AND e.id < d.id AND e.done_at IS NULL)
        AND NOT (d.kind = 'note' AND NOT d.direct AND EXISTS (SELECT 1 FROM posts p
            WHERE p.alert_id = d.alert_id AND p.destination = d.destination
            AND p.state NOT IN ('retired', 'dead') AND p.ref = '' AND p.shown = 0))""",
    "one current card an alert and destination": """
        SELECT min(id) FROM posts WHERE state <> 'retired' GROUP BY alert_id, destination HAVING count(*) > 1""",
}


class Walk:
    """The outbox of three alerts, and what is known of it from outside: the claims held, the last fence of each row."""

    def __init__(self, make, store, seed):
        self.make, self.store, self.chance = make, store, random.Random(seed)
        self.now = make.NOW
        self.held, self.fences, self.trail = [], {}, []
        for number in (1, 2, 3):
            mode = Mode.HELD if number == 3 else Mode.CARD
            self.write(lambda uow, n=number, m=mode: make.raised(uow, n, PLACES[: 3 - n], mode=m))

    def write(self, change):
        return self.store.write_now(change)

    def sql(self, query):
        return self.store._writer._connection.execute(query).fetchall()

    def step(self):
        moves = (self.want, self.bump, self.add, self.add, self.claim, self.deliver, self.settle, self.settle)
        trouble = (self.mode, self.repost, self.revive, self.retire, self.wait)
        move = self.chance.choice(moves if self.chance.random() < 0.85 else trouble)
        self.trail.append(move.__name__)
        move()
        self.check()

    def alert(self):
        return self.chance.choice((1, 1, 2, 3))

    def place(self):
        return self.chance.choice(PLACES)

    def want(self):
        alert, place = self.alert(), self.place()
        self.write(lambda uow: uow.want_post(alert, place, Lane.PAGE, Severity.P2, self.now))

    def bump(self):
        alert = self.alert()
        self.write(lambda uow: uow.bump_posts(alert, self.now))

    def add(self):
        chance = self.chance
        after = self.now + timedelta(minutes=chance.randint(1, 3)) if chance.random() < 0.2 else None
        alert = self.alert() if chance.random() < 0.9 else 0
        payload = {"direct": "ana" if chance.random() < 0.2 else ""}
        kind = chance.choice((DispatchKind.NOTE, DispatchKind.NOTE, DispatchKind.WRITE, DispatchKind.NOTICE))
        note = self.make.note(f"k{len(self.trail)}", alert, self.place(), kind, payload, not_before=after)
        self.write(lambda uow: uow.add_dispatch(note, Severity.P2, self.now))

    def claim(self):
        place = self.place()
        due, _ = self.store.read_now(lambda reader: reader.work_due(self.now))
        claims = self.write(lambda uow: uow.claim(place, self.now, self.make.LEASE, self.chance.randint(1, 3)))
        assert bool(claims) == (place in due), "work is told exactly where there is some"
        for claim in claims:
            key = (isinstance(claim.work, Post), claim.work.id)
            assert claim.alert is None or claim.alert.id == claim.work.alert_id
            assert claim.fence > self.fences.get(key, 0)
            assert not [held for held, until, _ in self.held if held == key and until > self.now], "held twice"
            self.fences[key] = claim.fence
            self.held.append((key, self.now + self.make.LEASE, claim))

    def deliver(self):
        self.claim()
        while self.held:
            self.settle("sent")

    def settle(self, how=""):
        if not self.held:
            return
        key, _, claim = self.held.pop(self.chance.randrange(len(self.held)))
        table = "posts" if key[0] else "dispatches"
        ((state, fence),) = self.sql(f"SELECT state, fence FROM {table} WHERE id = {key[1]}")  # noqa: S608
        rightful = self.fences[key] == claim.fence and state != "retired"
        assert rightful == (state == "claimed" and fence == claim.fence)
        assert self._settle(claim, how or self.chance.choice(("sent", "blind", "retry", "unsure", "dead"))) == rightful

    def _settle(self, claim, how):
        shown = getattr(claim.work, "wanted", 0)
        if how in {"sent", "blind"}:
            ref = {"ts": "1"} if how == "sent" else {}
            return self.write(lambda uow: uow.settle_sent(claim, ref, shown, self.now))
        if how == "dead":
            return self.write(lambda uow: uow.settle_dead(claim, "no", self.now))
        then, unsure = self.now + timedelta(seconds=30), how == "unsure"
        return self.write(lambda uow: uow.settle_retry(claim, then, "no", unsure=unsure, counts=True, now=self.now))

    def wait(self):
        self.now += timedelta(seconds=self.chance.randint(1, 100))

    def mode(self):
        alert, mode = self.alert(), self.chance.choice(list(Mode))
        self.write(lambda uow: uow.set_mode(alert, mode))

    def repost(self):
        post = self.chance.randint(1, 8)
        self.write(lambda uow: uow.repost(post, self.now))

    def revive(self):
        rows = self.sql("SELECT id, 'post' FROM posts WHERE state = 'dead' UNION ALL "
                        "SELECT id, kind FROM dispatches WHERE state = 'dead'")  # fmt: skip
        for row, kind in rows:
            assert self.write(lambda uow, r=row, k=kind: uow.revive(r, k, self.now))

    def retire(self):
        place = self.place()
        self.write(lambda uow: uow.retire_destination(place))

    def check(self):
        for law, query in BROKEN.items():
            assert self.sql(query) == [], (law, self.trail[-8:])
        rows, counts = self.store.read_now(lambda reader: (reader.outbox(limit=1000), reader.count_outbox()))
        assert len(rows) == sum(counts.values())
        assert sum(row.state == "dead" for row in rows) == counts["dead"]


@pytest.mark.parametrize("seed", range(8))
def test_the_outbox_stays_in_order(make, store, seed):
    walk = Walk(make, store, seed)
    for _ in range(STEPS):
        walk.step()
    assert len(walk.fences) > 3, "the walk did get somewhere"
