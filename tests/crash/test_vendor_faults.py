"""Slack fails in every way it knows: nothing is lost, nothing comes twice, and people hear of it elsewhere."""

import asyncio
import sqlite3
from contextlib import closing
from typing import Any

import pytest

from deskbell.core.alert import Alert, Status
from tests.town import Town

ROOM = "C0DISPATCH"


async def quiet(town: Town) -> None:
    await town.until_async(town.daemon.pending, 0, 30)


def cards(town: Town, subject: str, room: str | None = None) -> list[Any]:
    return [card for card in town.slack.cards(room) if subject in card.as_text()]


async def alerts(town: Town, rule: str) -> list[Alert]:
    rows = await town.daemon.store.read(lambda reader: reader.alerts(statuses=tuple(Status), limit=500))
    return [alert for alert in rows if alert.rule == rule]


def posted(town: Town, room: str = ROOM) -> list[Any]:
    return [entry for entry in town.sandbox.ledger.of("slack", "posted") if entry.what["channel"] == room]


def calls(town: Town, method: str) -> int:
    return sum(entry.what["method"] == method for entry in town.sandbox.ledger.of("slack", "call"))


async def half_a_minute_later(town: Town) -> None:
    """What waits for its time is due now."""
    with closing(sqlite3.connect(town.daemon.store.path, timeout=10)) as connection, connection:
        for table in ("posts", "dispatches"):
            connection.execute(f"UPDATE {table} SET due_at = 0 WHERE state = 'waiting'")  # noqa: S608 - our own names
    town.daemon.courier.wake()


# ---------------------------------------------------------------- Slack does not take it


async def test_slack_says_wait_and_is_obeyed(city: Town) -> None:
    town, wait = city, 3
    town.slack.faults.set("429", where=f"chat.postMessage {ROOM}", times=1, retry_after=wait)
    town.late_job(4711)
    refused = await town.until(lambda: town.sandbox.ledger.of("slack", "ratelimited"))
    town.late_job(4712)
    ticket = town.urgent_ticket()
    await town.card(str(ticket.id), "C0SUPPORT")
    assert not posted(town), "another room is not held up, and this one is"
    await town.card("J-4711")
    await town.card("J-4712")
    await quiet(town)
    assert posted(town)[0].at - refused[0].at >= wait
    assert len(town.sandbox.ledger.of("slack", "ratelimited")) == 1, "asked once, told once"
    assert len(cards(town, "J-4711")) == len(cards(town, "J-4712")) == len(cards(town, str(ticket.id))) == 1


async def test_slack_breaks_and_mends(city: Town) -> None:
    city.slack.faults.set("500", where="chat.postMessage", times=2)
    city.late_job()
    await city.card("J-4711")
    await quiet(city)
    assert len(cards(city, "J-4711")) == 1
    assert len(city.sandbox.ledger.of("slack", "failed_call")) == 2


@pytest.mark.parametrize("fault", ["lost", "done:fatal_error"])
async def test_slack_takes_a_card_and_its_answer_is_lost(city: Town, fault: str) -> None:
    city.slack.faults.set(fault, where="chat.postMessage", times=1)
    city.late_job()
    await city.card("J-4711")
    await quiet(city)
    assert len(posted(city)) == 1, "found by its metadata, not posted again"
    assert calls(city, "conversations.history") >= 1
    assert len(cards(city, "J-4711")[0].edits) == 1, "and brought up to date"


async def test_a_note_whose_answer_was_lost_is_said_once(city: Town) -> None:
    city.late_job()
    await city.card("J-4711")
    await quiet(city)
    city.slack.faults.set("lost", where="chat.postMessage", times=1)
    alert = await city.alert("J-4711")
    await city.slack.type("U0ANA", ROOM, f"/desk note {alert.ref} called the customer")
    await quiet(city)
    assert sum("called the customer" in line for line in city.thread("J-4711")) == 1


async def test_a_direct_message_whose_answer_was_lost_is_said_once(city: Town) -> None:
    city.late_job()
    await city.card("J-4711")
    await quiet(city)
    room = city.slack.workspace.direct("U0CARLA").id
    city.slack.faults.set("lost", where=f"chat.postMessage {room}", times=1)
    alert = await city.alert("J-4711")
    await city.slack.type("U0ANA", ROOM, f"/desk reassign {alert.ref} @carla")
    await city.until(lambda: city.slack.messages(room))
    await quiet(city)
    assert len(city.slack.messages(room)) == 1


async def test_the_room_is_archived_and_the_card_appears_in_another_room_of_the_same_chat(city: Town) -> None:
    city.slack.archive(ROOM)
    city.late_job()
    await city.card("J-4711", "C0SUPPORT")
    told = await city.card_in("discord", "can't reach the room dispatch")
    await quiet(city)
    assert "archived" in told.text
    assert (await city.slack.tap("U0ANA", "C0SUPPORT", city.find_card("J-4711", "C0SUPPORT").ts, "desk.ack")).acked
    await city.shows("J-4711", "Acknowledged by Ana Ruiz", "C0SUPPORT")
    assert len(await alerts(city, "channel_unreachable")) == 1


async def test_a_card_deleted_in_slack_comes_back_while_its_alert_is_open(city: Town) -> None:
    city.late_job()
    first = await city.card("J-4711")
    await quiet(city)
    alert = await city.alert("J-4711")
    city.slack.delete_by_hand(ROOM, first.ts)
    await city.slack.type("U0ANA", ROOM, f"/desk ack {alert.ref}")
    await city.shows("J-4711", "Acknowledged by Ana Ruiz")
    await quiet(city)
    second = city.find_card("J-4711")
    assert second.ts != first.ts
    assert len(cards(city, "J-4711")) == 1
    city.slack.delete_by_hand(ROOM, second.ts)
    await city.slack.type("U0ANA", ROOM, f"/desk resolve {alert.ref} customer called back")
    await quiet(city)
    assert not cards(city, "J-4711"), "what is over is not posted anew"


async def test_taps_go_through_while_slack_refreshes_its_connections(city: Town) -> None:
    city.late_job()
    card = await city.card("J-4711")
    await quiet(city)
    alert = await city.alert("J-4711")
    opened = city.slack.sockets.opened
    assert await city.slack.sockets.disconnect(close_after=1.0) == 2
    for _ in range(12):
        tapped = await city.slack.tap("U0ANA", ROOM, card.ts, "desk.ack")
        assert tapped.acked
        back = await city.slack.type("U0ANA", ROOM, f"/desk unack {alert.ref}")
        assert back.acked
        assert "open again" in (back.text or str(back.payload))
        await asyncio.sleep(0.15)
    assert city.slack.sockets.opened >= opened + 2, "both were opened anew"
    entries = [row.entry.verb for row in await city.audit() if row.entry.actor == "ana"]
    assert entries.count("ack") == entries.count("unack") == 12, "each was carried out once"
