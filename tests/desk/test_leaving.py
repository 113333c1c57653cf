"""Somebody leaves: no account is theirs any more, what they had is handed over, and nothing brings them back."""

from datetime import timedelta

from deskbell.core.alert import Status
from deskbell.core.outcome import Sent
from deskbell.core.policy import Level, Policy
from deskbell.core.ports import Said
from deskbell.core.rota import Rota
from deskbell.desk import people
from deskbell.desk.book import Book


async def ready(bench):
    await bench.people()
    await bench.late()
    await bench.settle_all(Sent({"channel": "C1", "ts": "1"}))


def leave(bench, who="ana", to=None):
    house = bench.desk.house
    return bench.store.write_now(
        lambda uow: people.remove(Book(uow, house, bench.now), house.people[who], house.people.get(to or ""))
    )


async def test_what_they_had_goes_to_the_heir(bench):
    await ready(bench)
    await bench.say("ana", "ack")
    left = leave(bench, to="carla")
    assert (left.accounts, left.handed) == (1, ("D-1",))
    alert = bench.alert(1)
    assert (alert.assignee, alert.status) == ("carla", Status.ACKED)
    assert any("Ana Ruiz left: it is with Carla Weiss now" in said for said in bench.rung())


async def test_without_an_heir_it_rings_anew(bench):
    await ready(bench)
    await bench.say("ana", "ack")
    leave(bench)
    alert = bench.alert(1)
    assert (alert.assignee, alert.status, alert.acked_by) == ("", Status.OPEN, "")
    assert alert.escalate_at is not None


async def test_who_left_is_nobody_here(bench):
    await ready(bench)
    leave(bench)
    answer = await bench.say("ana", "ack")
    assert (answer.ok, answer.code) == (False, "unknown_person")
    assert await bench.desk.person("slack", "ANA") is None
    assert "ana" not in [person for person, _, _ in await bench.desk.colleagues(1)]
    assert (await bench.say("ben", "reassign", person="ana")).code == "person"


async def test_neither_a_look_up_nor_an_old_code_brings_them_back(bench):
    await ready(bench)
    code = await bench.desk.link_code("ana")
    leave(bench)
    await bench.desk.link("slack", "ANA", "ana")
    assert await bench.desk.person("slack", "ANA") is None
    await bench.desk.redeem(Said("telegram", "7", key="k"), code)
    assert await bench.desk.person("telegram", "7") is None


async def test_a_manager_can(bench):
    await ready(bench)
    leave(bench)
    house = bench.desk.house
    bench.store.write_now(lambda uow: people.restore(Book(uow, house, bench.now), house.people["ana"]))
    await bench.desk.link("slack", "ANA", "ana")
    assert (await bench.say("ana", "ack")).ok


async def test_rotas_and_policies_that_still_name_them_are_told(bench):
    start = bench.now.date()
    bench.sit(
        rotas={"day": Rota("day", ("ana", "ben"), start=start)},
        policies={"dispatch": Policy("dispatch", (Level(timedelta(0), ("room", "person:ana")),))},
    )
    await ready(bench)
    left = leave(bench)
    assert (left.rotas, left.policies) == (("day",), ("dispatch",))
