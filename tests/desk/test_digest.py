"""The digest: once a day, in each room, what came and made no card there."""

from dataclasses import replace
from datetime import timedelta

from deskbell.core.outcome import Sent
from deskbell.core.ports import Destination
from deskbell.core.records import VisitStatus
from deskbell.core.route import Route
from tests.desk.conftest import PEOPLE, house

HOUR = timedelta(hours=1)
NORTH = {"team": ("north",)}


async def digests(bench, room="room"):
    return [claim.work.payload["text"] for claim in await bench.settle_all(Sent({}), room) if not claim.alert]


def late(bench, number, team="north"):
    return replace(bench.visit(team=team, technician_id=str(number)), id=str(number), number=f"J-{number}")


async def test_what_was_held_is_told_once_a_day_in_its_room(bench):
    south = Destination("south", "slack", "C2")
    routes = (Route(("south",), teams=("south",)), Route(("room",)))
    bench.sit(routes=routes, destinations={**house().destinations, "south": south})
    await bench.people()
    await bench.read()
    await bench.passes(HOUR)  # the first day that is seen has no digest
    assert await digests(bench) == []
    await bench.desk.silence(PEOPLE["ana"], NORTH, 3 * HOUR, "road closed")
    await bench.read(late(bench, 1), late(bench, 2), late(bench, 3, "south"))
    await bench.read(replace(late(bench, 1), status=VisitStatus.ON_SITE, arrived_at=bench.now))
    bench.now += timedelta(hours=18, minutes=59)
    assert await digests(bench) == []
    await bench.passes(2 * HOUR)
    (told,) = await digests(bench)
    assert told.startswith("Since yesterday, without a card of its own: 1, 0 of them still so (1 x Technician late).")
    assert "late: J-1, " in told
    assert told.endswith("(over)")
    assert await digests(bench, "south") == []
    await bench.passes(HOUR)
    assert await digests(bench) == []


async def test_a_restart_posts_no_second_one(bench):
    await bench.people()
    await bench.read()
    await bench.passes(HOUR)
    bench.now += 20 * HOUR
    await bench.desk.silence(PEOPLE["ana"], NORTH, HOUR, "road closed")
    await bench.read(late(bench, 7))
    for _ in range(3):
        bench.sit()
        await bench.passes(timedelta(minutes=1))
    assert len(await digests(bench)) == 1
    bench.now += 23 * HOUR
    bench.sit()
    await bench.desk.tick()
    assert await digests(bench) == []  # nothing came since


async def test_none_where_the_house_wants_none(bench):
    bench.sit(digest=False)
    await bench.read()
    await bench.desk.silence(PEOPLE["ana"], NORTH, HOUR, "road closed")
    await bench.read(late(bench, 1))
    bench.now += timedelta(hours=23)
    await bench.desk.tick()
    assert await digests(bench) == []
