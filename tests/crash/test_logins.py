"""A chat lets us in no more, a room throws us out, a person blocks us: told once elsewhere, and never a loop."""

import asyncio
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing

import pytest

from bot import telegram_poll
from deskbell.core.alert import Alert, Severity, Status
from deskbell.courier import lanes
from deskbell.vendors.chats import CHATS
from tests.crash.lives import CANNOT_BE_ASKED
from tests.town import Town

LOGINS = [
    ("slack", "token_revoked", ""),
    ("teams", "401", ""),
    ("teams", "401", "login"),
    ("telegram", "401", ""),
    ("discord", "401", ""),
]
ROUTE = ["dispatch", "dispatch_teams", "dispatch_telegram", "dispatch_discord"]


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits minutes waits a second."""
    monkeypatch.setattr(telegram_poll, "REFUSED_PAUSE_S", 1.0)
    monkeypatch.setattr(lanes, "LOCKED_S", 1.0)


async def quiet(town: Town) -> None:
    await town.until_async(town.daemon.pending, 0, 30)


async def troubles(town: Town, rule: str = "channel_unreachable") -> list[Alert]:
    rows = await town.daemon.store.read(lambda reader: reader.alerts(statuses=tuple(Status), limit=500))
    return [alert for alert in rows if alert.rule == rule]


def refused(town: Town, chat: str, where: str = "") -> int:
    """How many requests were in vain; `where`: those for a token."""
    calls = [entry for entry in town.sandbox.ledger.of(chat, "call") if where and entry.what.get("what") == where]
    return len(calls) if where else town.sandbox.ledger.count(chat, "rejected", "failed_call")


async def at_rest(count: Callable[[], int]) -> int:
    """The count once it has stood still for a second: what was already on its way has come back."""
    seen, since = count(), time.monotonic()
    while time.monotonic() - since < 1.0:
        await asyncio.sleep(0.05)
        if (now := count()) != seen:
            seen, since = now, time.monotonic()
    return seen


def others(chat: str) -> list[str]:
    return [name for name in CHATS if name != chat]


def due_now(town: Town) -> None:
    """What waits for its time is due."""
    with closing(sqlite3.connect(town.daemon.store.path, timeout=10)) as connection, connection:
        for table in ("posts", "dispatches"):
            connection.execute(f"UPDATE {table} SET due_at = 0 WHERE state = 'waiting'")  # noqa: S608 - our own names
    town.daemon.courier.wake()


async def rings(town: Town, chat: str, numbers: range) -> None:
    """Late jobs, whose cards come in all chats but one."""
    for number in numbers:
        town.late_job(number)
    for name in others(chat):
        for number in numbers:
            await town.card_in(name, f"J-{number}")


@pytest.mark.parametrize(("chat", "fault", "where"), LOGINS)
async def test_a_refused_login_is_told_once_and_asked_seldom(city: Town, chat: str, fault: str, where: str) -> None:
    city.chats[chat].faults.set(fault, where=where)
    city.urgent_ticket()
    await rings(city, chat, range(4711, 4718))
    words = f"{chat.title()} refuses Deskbell's login"
    for name in others(chat):
        await city.card_in(name, words)
    asked = await at_rest(lambda: refused(city, chat, where))
    assert 1 <= asked <= 20, "what was on its way when the first was refused, and the way in"
    await asyncio.sleep(2.0)
    assert refused(city, chat, where) <= asked + 2, "and then it is left alone"
    (told,) = await troubles(city)
    assert (told.severity, told.status) == (Severity.P1, Status.OPEN)
    assert not city.find_card_in(chat, "J-")


@pytest.mark.parametrize(("chat", "fault", "where"), LOGINS)
async def test_it_is_over_when_the_login_is_taken_again(
    impatient: None, city: Town, chat: str, fault: str, where: str
) -> None:
    city.chats[chat].faults.set(fault, where=where)
    await rings(city, chat, range(4711, 4713))
    await city.card_in(others(chat)[0], "refuses Deskbell's login")
    city.chats[chat].faults.heal()
    await asyncio.sleep(1.1)
    due_now(city)
    await city.card_in(chat, "J-4712")
    card = await city.card_in(chat, "J-4711")
    await city.shows_in(others(chat)[0], "refuses Deskbell's login", "Resolved by Deskbell")
    await quiet(city)
    await city.until(lambda: not city.daemon.gateways[chat].trouble)
    await city.chats[chat].press("ana", card, "Acknowledge")
    for name in CHATS:
        await city.shows_in(name, "J-4711", "Acknowledged by Ana Ruiz")
    assert not city.chats[chat].duplicates()


@pytest.mark.parametrize("chat", CHATS)
async def test_thrown_out_of_a_room_and_asked_in_again(city: Town, chat: str) -> None:
    place, room = city.chats[chat], city.rooms(chat)["dispatch"]
    if chat == "slack":
        city.slack.archive(room)  # merely removed, it would join again
    else:
        place.remove_bot(room)
    await rings(city, chat, range(4711, 4714))
    await city.card_in(others(chat)[0], f"can't reach the room {room_name(chat)}")
    for number in range(4711, 4714):
        await city.card_in(chat, f"J-{number}", city.rooms(chat)["support"])  # where people of this chat see it as well
    await quiet(city)
    asked = refused(city, chat)
    assert asked <= 8, "once for each card"
    await asyncio.sleep(1.5)
    assert refused(city, chat) == asked
    (told,) = await troubles(city)
    assert (told.severity, told.status) == (Severity.P1, Status.OPEN)
    if chat == "slack":
        city.slack.workspace.channel(room).is_archived = False
    else:
        place.add_bot(room)
    city.late_job(4714)
    for number in range(4711, 4715):
        await city.card_in(chat, f"J-{number}", room)
    await quiet(city)
    (told,) = await troubles(city)
    assert told.status is Status.RESOLVED


def room_name(chat: str) -> str:
    return "dispatch" if chat == "slack" else f"dispatch_{chat}"


# ---------------------------------------------------------------- one person


def first(chat: str) -> dict[str, str]:
    """A route in which direct messages go by this chat."""
    name = room_name(chat)
    old, new = (str(rooms).replace("'", '"') for rooms in (ROUTE, [name, *(one for one in ROUTE if one != name)]))
    return {old: new}


def block(town: Town, chat: str, *, on: bool) -> None:
    if chat == "telegram":
        (town.sandbox.telegram.block if on else town.sandbox.telegram.unblock)("carla")
    elif chat == "teams":
        town.sandbox.teams.tenant.private("carla").blocked = on
    else:
        world = town.sandbox.discord.world
        (world.no_dms.add if on else world.no_dms.discard)(world.person("carla").discord)


@pytest.mark.parametrize(("chat", "changes"), [(chat, first(chat)) for chat in CHATS if chat != "slack"])
async def test_blocked_by_a_person_who_is_rung_in_another_chat(city: Town, chat: str, changes: dict[str, str]) -> None:
    block(city, chat, on=True)
    city.late_job()
    ref = (await city.card_in("slack", "J-4711")).ref

    async def reassign(to: str) -> None:
        await city.slack.type("U0ANA", "C0DISPATCH", f"/desk reassign {ref} @{to}")
        await quiet(city)

    for to in ("carla", "ben", "carla"):
        await reassign(to)
    await city.card_in("slack", f"Carla Weiss can't be rung through {room_name(chat)}")
    assert len([text for text in city.chats["slack"].private("carla") if ref in text]) == 2
    assert not [text for text in city.chats[chat].private("carla") if ref in text]
    assert refused(city, chat) <= 3, "one request a ring"
    (told,) = await troubles(city, "oncall_unreachable")
    assert told.status is Status.OPEN
    block(city, chat, on=False)
    await reassign("ben")
    await reassign("carla")
    await city.until(lambda: [text for text in city.chats[chat].private("carla") if ref in text])
    await quiet(city)
    (told,) = await troubles(city, "oncall_unreachable")
    assert told.status is Status.RESOLVED


def test_who_can_be_asked_what_arrived() -> None:
    """Else the judge of the kills allows too much."""
    assert set(CANNOT_BE_ASKED) < set(CHATS)
