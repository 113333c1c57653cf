"""A code said twice, a fall in between, and what an old button may not do."""

import contextlib

import pytest

from deskbell.core.alert import Status
from deskbell.core.outcome import Sent
from deskbell.core.ports import Interaction, Said
from deskbell.net import faults


@pytest.fixture(autouse=True)
def unarmed():
    yield
    faults.disarm()


async def ready(bench, **more):
    await bench.people()
    await bench.late(**more)
    await bench.settle_all(Sent({"channel": "C1", "ts": "1"}))


def here(account="7", key="telegram:9"):
    return Said("telegram", account, key=key)


async def test_what_was_revealed_is_shown_when_the_link_carries_it_out(bench):
    bench.sit(hides_customers=True)
    await ready(bench, customer="Hansen, Vera")
    token = (await bench.buttons())["reveal"].token
    await bench.desk.act(Interaction("telegram:1", "telegram", "7", "reveal", token))
    said = await bench.desk.redeem(here(), await bench.desk.link_code("ana"))
    assert "Hansen, Vera" in str(said)


async def test_a_fall_between_the_link_and_the_wish_does_not_lose_the_wish(bench):
    await ready(bench)
    token = (await bench.buttons())["ack"].token
    await bench.desk.act(Interaction("telegram:1", "telegram", "7", "ack", token))
    code = await bench.desk.link_code("ben")
    faults.arm("desk.act.before:raise")
    with contextlib.suppress(BaseException):
        await bench.desk.redeem(here(), code)
    faults.disarm()
    bench.sit()
    said = await bench.desk.redeem(here(), code)  # the vendor brings the message again
    assert bench.alert(1).acked_by == "ben", said


async def test_a_code_that_comes_again_with_the_same_message_is_answered_the_same(bench):
    await ready(bench)
    code = await bench.desk.link_code("ben")
    first = await bench.desk.redeem(here(), code)
    assert (await bench.desk.redeem(here(), code)).lines[0] == first.lines[0]


async def test_an_old_undo_does_not_take_back_something_else(bench):
    """It stands under "acknowledged", and would take the reopening back."""
    await ready(bench)
    first = await bench.say("ana", "ack")
    await bench.say("ana", "resolve", reason="called back")
    said = await bench.tap("ana", first.undo)
    assert not said.ok, said.text
    assert bench.alert(1).status is Status.RESOLVED


async def test_a_repeat_for_somebody_unknown_still_says_that_they_are_unknown(bench):
    await ready(bench)
    token = (await bench.buttons())["ack"].token
    said = Interaction("telegram:1", "telegram", "7", "ack", token)
    await bench.desk.act(said)
    assert (await bench.desk.act(said)).code == "unknown_person"
