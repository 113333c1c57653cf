"""From a call to a card: what a hook names is read and rings, without a poll, and through every kind of trouble."""

import asyncio
from pathlib import Path
from typing import Any

from deskbell.config import load
from deskbell.core.store import NotKept
from deskbell.daemon import Daemon
from deskbell.desk.hints import MOST_WAITING
from deskbell.net.inbound import Genuine
from deskbell.sandbox.server import Sandbox
from pollers.hints import TRIES
from tests.hooks.conftest import JSON, NEXT, SECRET, Caller, Headers, hooked, never_read
from tests.town import Town, configured, environ


async def test_a_call_brings_a_card_without_a_poll(town: Town, caller: Caller) -> None:
    sweeps = town.sandbox.fieldservice.sweeps
    town.late_job(4711)
    assert await caller.says({"id": 4711}) == 200
    assert "late" in (await town.card("J-4711")).as_text()
    assert town.sandbox.fieldservice.sweeps == sweeps
    await town.until_async(caller.waiting, 0)
    town.sandbox.fieldservice.change(4711, status="on_site", checked_in_at=town.sandbox.clock.time())
    assert await caller.says({"id": "4711"}) == 200
    await town.shows("J-4711", "Resolved")
    assert town.sandbox.fieldservice.sweeps == sweeps


async def test_the_next_secret_is_taken_as_well(town: Town, caller: Caller) -> None:
    town.late_job(4711)
    assert await caller.says({"id": 4711}, key=NEXT) == 200
    await town.card("J-4711")


async def test_calls_about_one_record_are_one_read(town: Town, caller: Caller) -> None:
    faults = town.sandbox.fieldservice.faults
    faults.set("429", where="GET", retry_after=1, times=1)
    town.late_job(4711)
    for number in range(20):
        assert await caller.says({"id": 4711, "nth": number}) == 200
    await town.card("J-4711")
    await town.until_async(caller.waiting, 0)
    assert caller.reads() <= 4


FORM = {"Content-Type": "application/x-www-form-urlencoded"}
NAMELESS: list[tuple[Any, Headers]] = [
    (b"", {}),
    ({}, JSON),
    ({"ids": []}, JSON),
    ([1, 2], JSON),
    ({"id": {"nested": 1}}, JSON),
    ({"id": "../../secrets"}, JSON),
    ({"id": "1' OR 'a'='a"}, JSON),
    ({"id": True}, JSON),
    ({"id": ["4711", None, {}]}, JSON),
    ({"id": [str(n) for n in range(500)]}, JSON),
    (b"event=changed&of=jobs", FORM),
]


async def test_a_call_that_names_no_id_has_the_source_polled(town: Town, caller: Caller) -> None:
    source = town.sandbox.fieldservice
    for body, headers in NAMELESS:
        sweeps = source.sweeps
        assert await caller.says(body, headers=headers) == 200
        await town.until(lambda sweeps=sweeps: source.sweeps > sweeps)
    town.late_job(4711)
    assert await caller.says({}) == 200
    await town.card("J-4711")
    assert caller.reads() == 0


async def test_a_form_names_its_id(town: Town, caller: Caller) -> None:
    town.late_job(4711)
    assert await caller.says(b"id=4711", headers=FORM) == 200
    await town.card("J-4711")
    assert caller.reads("/jobs/4711")


async def test_more_than_can_be_read_one_by_one_is_polled(town: Town, caller: Caller) -> None:
    town.sandbox.fieldservice.faults.set("500", where="GET", seconds=1.5)
    town.late_job(4711)
    for start in range(0, 2 * MOST_WAITING, 100):
        assert await caller.says({"id": [f"none-{n}" for n in range(start, start + 100)]}) == 200
    assert await caller.waiting() <= MOST_WAITING + 1
    await town.card("J-4711")


async def test_a_repeat_is_answered_and_does_nothing(town: Town, caller: Caller) -> None:
    town.late_job(4711)
    letter = caller.letter({"id": 4711}, off=-10)
    assert await caller.send(letter) == 200
    await town.card("J-4711")
    await town.until_async(caller.waiting, 0)
    reads = caller.reads()
    assert [await caller.send(letter) for _ in range(3)] == [200] * 3
    assert await caller.waiting() == 0
    assert caller.reads() == reads


async def test_a_record_that_is_gone_ends_its_alert(town: Town, caller: Caller) -> None:
    town.late_job(4711, by_minutes=120)
    assert await caller.says({"id": 4711}) == 200
    await town.card("J-4711")
    del town.sandbox.fieldservice.jobs[4711]
    assert await caller.says({"id": 4711}) == 200
    await town.shows("J-4711", "gone from Field service")
    assert caller.reads("/jobs/4711") == 1 + TRIES
    await town.until_async(caller.waiting, 0)


async def test_a_record_that_shows_late_is_asked_for_again(town: Town, caller: Caller) -> None:
    assert await caller.says({"id": 4711}) == 200
    await town.until(caller.reads)
    town.late_job(4711)
    await town.card("J-4711")


async def test_a_source_in_trouble_is_not_hurried_and_nothing_is_lost(town: Town, caller: Caller) -> None:
    town.sandbox.fieldservice.faults.set("500", where="/jobs/4711", times=2)
    town.late_job(4711)
    town.late_job(4712)
    assert await caller.says({"ids": [4711, 4712]}) == 200
    await town.card("J-4712")
    await town.card("J-4711")
    await town.until_async(caller.waiting, 0)


async def test_what_can_not_be_kept_is_not_taken(town: Town, caller: Caller, monkeypatch) -> None:
    real = town.daemon.store.write

    async def full(*args: object) -> None:
        raise NotKept("the disk is full")

    monkeypatch.setattr(town.daemon.store, "write", full)
    letter = caller.letter({"id": 4711})
    assert await caller.send(letter) == 503
    monkeypatch.setattr(town.daemon.store, "write", real)
    town.late_job(4711)
    assert await caller.send(letter) == 200
    await town.card("J-4711")


async def test_what_was_taken_outlives_the_daemon(sandbox: Sandbox, tmp_path: Path) -> None:
    """The next one can't poll for long: only the kept hint can bring the card."""
    changes = hooked("signed")
    path = configured(sandbox.url, tmp_path, **changes)
    settings = load(path, environ(sandbox.url, tmp_path))
    first = await Daemon.start(settings)
    sandbox.introduce(f"http://127.0.0.1:{first.server.port}")
    town = Town(sandbox, first)
    await town.until_async(lambda: never_read(town, "fieldservice"), False)
    town.late_job(4711)
    assert await first.desk.take_hint("fieldservice", ["4711"], Genuine())
    await first.stop()
    assert not town.find_card("J-4711")
    sandbox.fieldservice.faults.set("500", where="/jobs", seconds=60)
    second = await Daemon.start(settings)
    try:
        sandbox.introduce(f"http://127.0.0.1:{second.server.port}")
        await Town(sandbox, second).card("J-4711")
    finally:
        await second.stop()


async def test_a_call_during_the_read_is_not_taken_for_read(town: Town, caller: Caller) -> None:
    town.sandbox.fieldservice.faults.set("slow", where="/jobs/4711", times=1, delay=1.0)
    town.sandbox.fieldservice.add(start=town.sandbox.clock.time() + 9e4, end=town.sandbox.clock.time() + 9.5e4, id=4711)
    assert await caller.says({"id": 4711, "nth": 1}) == 200
    await asyncio.sleep(0.3)
    town.late_job(4711)
    assert await caller.says({"id": 4711, "nth": 2}) == 200
    await town.card("J-4711")
    await town.until_async(caller.waiting, 0)


def test_secrets_are_never_shown(tmp_path: Path) -> None:
    settings = load(
        configured("http://127.0.0.1:1", tmp_path, **hooked("path")), environ("http://127.0.0.1:1", tmp_path)
    )
    assert SECRET not in repr(settings)
    assert SECRET not in str(settings.redacted())
    door = settings.doors["fieldservice"]
    assert door.shown == "POST https://desk.example.org/bell/hooks/fieldservice/SECRET"
