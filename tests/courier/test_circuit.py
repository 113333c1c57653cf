"""When nothing comes through: one piece at a time, told once in another room, and all at once when it is over."""

import asyncio

from deskbell.core.outcome import Fault, Rejected, Retry, Sent, Unknown
from deskbell.courier.circuit import LONGEST_PAUSE_S, PATIENCE, Circuit, State


def failed(circuit, times, now=0.0):
    for _ in range(times):
        circuit.begin()
        circuit.end(Unknown("no answer"), now)
    return circuit


def test_it_opens_after_some_failures_in_a_row_and_one_probe_at_a_time_goes():
    circuit = failed(Circuit(lambda: 1.0), PATIENCE - 1)
    circuit.end(Sent({}), 0.0)
    failed(circuit, PATIENCE - 1)
    assert (circuit.state, circuit.room(0.0, 16)) == (State.CLOSED, 16)
    failed(circuit, 1)
    assert (circuit.state, circuit.room(0.0, 16), circuit.wait(0.0)) == (State.OPEN, 0, 1.0)
    assert circuit.room(1.0, 16) == 1
    circuit.begin()
    assert circuit.state is State.HALF_OPEN
    circuit.end(Unknown("still"), 1.0)
    assert circuit.wait(1.0) == 2.0
    circuit.begin()
    circuit.end(Rejected(Fault.TARGET, "an answer is an answer"), 3.0)
    assert (circuit.state, circuit.why, circuit.room(3.0, 16)) == (State.CLOSED, "", 16)


def test_its_pause_grows_to_a_limit_and_late_failures_do_not_prolong_it():
    circuit = failed(Circuit(lambda: 1.0), PATIENCE)
    circuit.end(Unknown("was on its way before"), 0.5)
    assert circuit.wait(0.5) == 0.5
    for _ in range(10):
        now = circuit._until
        circuit.begin()
        circuit.end(Unknown("no answer"), now)
    assert circuit.wait(now) == LONGEST_PAUSE_S


def test_a_rate_limit_and_what_was_not_sent_say_nothing_about_the_way():
    circuit = Circuit(lambda: 1.0)
    for _ in range(PATIENCE * 2):
        circuit.end(Retry("slowly", None, limited=True), 0.0)
    assert circuit.state is State.CLOSED
    failed(circuit, PATIENCE)
    for nothing in (Retry("slowly", None, limited=True), Sent(skipped=True)):
        circuit.begin()
        circuit.end(nothing, 5.0)
        assert circuit.state is State.OPEN


async def test_a_chat_that_is_down_is_told_of_once_elsewhere_and_costs_few_tries(found):
    office = found()
    chat, radio = office.chats["chat"], office.chats["radio"]
    down = [True]
    chat.answer = lambda *_: Unknown("no answer") if down[0] else Sent({"id": str(len(chat.said))})
    await office.raised(*range(1, 101), rooms=("chat",))
    office.go()

    def about_it():
        return [said for said in radio.shown if "can't reach the room chat" in said]

    await office.until(about_it)
    await asyncio.sleep(1.5)
    assert len(chat.said) < 50, "a hundred wait, and few of them tried"
    assert office.courier.troubles() == ["chat can't be reached: no answer"]
    down[0] = False
    await office.until(lambda: not office.courier.troubles())
    await office.until_idle()
    assert len(about_it()) == 1
    assert {row.state for row in await office.store.read(lambda r: r.outbox())} == set()
    alert = await office.store.read(lambda r: r.newest_by_key("chan:chat"))
    assert not alert.condition
    posts = [await office.store.read(lambda r, n=n: r.posts_of(n)) for n in range(1, 101)]
    assert all(one[0].ref for one in posts)
    assert office.store.verify().ok
