"""Shifts and rings as people meet them: typed and tapped in the four chats, through the real daemon and real SDKs."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from icalendar import Calendar

from deskbell.core.alert import Status
from deskbell.core.duty import COVER, HANDOVER
from deskbell.sandbox import credentials
from deskbell.sandbox.server import Sandbox
from deskbell.vendors.chats import CHATS
from tests.town import Town, running

DISPATCH = {
    "slack": "C0DISPATCH",
    "teams": credentials.TEAMS_ROOMS["dispatch"],
    "telegram": credentials.TELEGRAM_ROOMS["dispatch"],
    "discord": credentials.DISCORD_ROOMS["dispatch"],
}
ANA_IS_ON = '[[rotas.dispatch.overrides]]\nperson = "ana"\nstart = 2020-01-01T00:00:00Z\nend = 2099-01-01T00:00:00Z\n\n'
HOUR = timedelta(hours=1)
NUMBER = "+15005550002"


@pytest.fixture
async def town(sandbox: Sandbox, tmp_path: Path) -> AsyncIterator[Town]:
    changes = {"[rotas.support]": f"{ANA_IS_ON}[rotas.support]", 'public_url = ""': 'public_url = "http://127.0.0.1:1"'}
    async with running(sandbox, tmp_path, **changes) as made:
        yield made


def soon(start: timedelta = HOUR, length: timedelta = HOUR) -> str:
    """A stretch from now on, as one types it; the rota's clock is UTC."""
    begins = datetime.now(UTC).replace(second=0, microsecond=0) + start
    return f"{begins:%Y-%m-%dT%H:%M}/{begins + length:%Y-%m-%dT%H:%M}"


async def on_duty(town: Town, at: datetime | None = None) -> str | None:
    (found,) = await town.daemon.desk.on_duty("dispatch", at)
    return found.person


async def about(town: Town, rule: str) -> list[Any]:
    every = tuple(Status)
    return await town.daemon.store.read(lambda reader: reader.alerts(statuses=every, rule=rule))


@pytest.fixture
async def with_phones(sandbox: Sandbox, tmp_path: Path) -> AsyncIterator[Town]:
    """Where people can be told by SMS, too: Ben has a number, and no route leads to the phones."""
    settings = "".join(f"{key} = {json.dumps(value)}\n" for key, value in sandbox.vendors["twilio"].settings().items())
    phones = f'[channels.twilio]\n{settings}\n[destinations.phones]\nplatform = "twilio"\naddress = ""\n\n'
    changes = {
        "[destinations.dispatch]\n": f"{phones}[destinations.dispatch]\n",
        'name = "Ben Okafor"': f'name = "Ben Okafor"\ntwilio = "{NUMBER}"',
    }
    async with running(sandbox, tmp_path, **changes) as made:
        yield made


async def test_a_phone_is_a_rung_of_the_ladder_and_proven_by_its_code(with_phones: Town) -> None:
    town = with_phones
    told = town.sandbox.vendors["twilio"].told
    slack = town.chats["slack"]
    shown = await slack.say("ben", DISPATCH["slack"], "prefs")
    assert "slack at once, then twilio after 5 min" in shown.text
    await slack.say("ben", DISPATCH["slack"], "test twilio")
    text = await town.until(lambda: next((one.fields["Body"] for one in told if one.fields["To"] == NUMBER), ""))
    code = text.rpartition("test ")[2][:6]
    proven = await slack.say("ben", DISPATCH["slack"], f"test {code}")
    assert "twilio works" in proven.text
    await slack.say("ben", DISPATCH["slack"], "prefs high twilio, slack 10m")
    raised = await slack.say("carla", DISPATCH["slack"], "new P2 boiler cold")
    await slack.say("carla", DISPATCH["slack"], f"reassign {raised.text.split()[0]} @ben")
    await town.until(lambda: any("boiler cold" in one.fields["Body"] for one in told if one.fields["To"] == NUMBER))
    assert not any("boiler cold" in one for one in slack.private("ben"))


@pytest.mark.parametrize("chat", CHATS)
async def test_a_cover_is_asked_for_by_a_line_and_accepted_with_a_tap(town: Town, chat: str) -> None:
    then = datetime.now(UTC) + 1.5 * HOUR
    said = await town.chats[chat].say("ana", DISPATCH[chat], f"cover me {soon()}")
    assert "still your shift" in said.text, said
    card = await town.card_in(chat, "asks for cover", DISPATCH[chat])
    assert card.buttons[:1] == ("I take it",)
    assert await on_duty(town, then) == "ana"
    await town.until_async(town.daemon.pending, 0)
    heard = await town.chats[chat].press("ben", await town.card_in(chat, "asks for cover", DISPATCH[chat]), "I take it")
    assert "covers for Ana Ruiz" in heard.text, heard
    assert await on_duty(town, then) == "ben"
    for other in CHATS:
        await town.shows_in(other, "asks for cover", "Ben Okafor", DISPATCH[other])
    await town.until(lambda: any("not your shift any more" in text for text in town.chats["slack"].private("ana")))
    assert [row.entry.actor for row in await town.audit() if "covers for" in str(row.entry.data.get("said"))] == ["ben"]


async def test_of_two_who_tap_one_has_it_and_the_other_hears_who(town: Town) -> None:
    await town.chats["slack"].say("ana", DISPATCH["slack"], f"cover me {soon()}")
    cards = {chat: await town.card_in(chat, "asks for cover", DISPATCH[chat]) for chat in ("slack", "telegram")}
    await town.until_async(town.daemon.pending, 0)
    first = await town.chats["telegram"].press("carla", cards["telegram"], "I take it")
    late = await town.chats["slack"].say("ben", DISPATCH["slack"], f"ack {cards['slack'].ref}")
    assert "covers for Ana Ruiz" in first.text
    assert "Carla Weiss was faster" in late.text
    assert await on_duty(town, datetime.now(UTC) + 1.5 * HOUR) == "carla"


async def test_a_handover_rings_both_until_it_is_accepted_with_one_tap(town: Town) -> None:
    """An override begins a shift of Ben's; what Ana has is his once he has tapped, and both are rung until then."""
    ticket = town.overdue_ticket()
    ref = (await town.card_in("slack", str(ticket.id))).ref
    await town.until_async(town.daemon.pending, 0)
    await town.chats["slack"].say("ana", "C0SUPPORT", f"ack {ref}")
    begins = datetime.now(UTC) - timedelta(minutes=1)
    times = f"{begins:%Y-%m-%dT%H:%M}/{begins + 3 * HOUR:%Y-%m-%dT%H:%M}"
    said = await town.chats["slack"].say("carla", DISPATCH["slack"], f"override dispatch @ben {times}")
    assert "Ben Okafor is on duty" in said.text
    shown = await town.shows_in("slack", "Handover of dispatch", "with Ana Ruiz", DISPATCH["slack"])
    assert ref in shown
    targets = town.daemon.settings.house.policies["dispatch"].levels[0].targets
    rung = town.daemon.store.read_now(lambda reader: _rung(town, reader, targets))
    assert rung == ("ben", "ana")
    (card,) = await about(town, HANDOVER)
    refused = await town.chats["slack"].say("ana", DISPATCH["slack"], f"ack {card.ref}")
    assert "Ben Okafor has to accept" in refused.text
    await town.until(lambda: any("of dispatch over to" in text for text in town.chats["slack"].private("ben")))
    heard = await town.chats["slack"].press_private("ben", "Accept all")
    assert "accepted the handover" in heard.text
    assert (await town.alert(str(ticket.id))).assignee == "ben"
    assert town.daemon.store.read_now(lambda reader: _rung(town, reader, targets)) == ("ben",)
    await town.until(lambda: any("off duty in dispatch" in text for text in town.chats["slack"].private("ana")))


def _rung(town: Town, reader: Any, targets: tuple[str, ...]) -> tuple[str, ...]:
    from deskbell.desk.duty import roster

    now = datetime.now(UTC)
    return roster(reader, town.daemon.settings.house, now).on_call(targets, now)


async def test_quiet_hours_hold_a_ring_back_and_a_p1_passes(town: Town) -> None:
    now = datetime.now(UTC)
    hours = f"{now - HOUR:%H:%M}-{now + 2 * HOUR:%H:%M}"
    said = await town.chats["slack"].say("ben", DISPATCH["slack"], f"quiet {hours}")
    assert "Saved." in said.text
    for severity, rings in (("P2", False), ("P1", True)):
        raised = await town.chats["slack"].say("carla", DISPATCH["slack"], f"new {severity} compressor {severity}")
        ref = raised.text.split()[0]
        await town.card_in("slack", f"compressor {severity}")
        await town.chats["slack"].say("carla", DISPATCH["slack"], f"reassign {ref} @ben")
        if rings:
            await town.until(lambda: any("compressor P1" in text for text in town.chats["slack"].private("ben")))
    assert not any("compressor P2" in text for text in town.chats["slack"].private("ben"))
    rows = await town.daemon.store.read(lambda reader: reader.outbox(limit=100))
    assert [row.state for row in rows if row.next_try_at and row.next_try_at > now + HOUR] == ["waiting"]


async def test_ones_own_ladder_is_rung_and_proven_with_a_tap(town: Town) -> None:
    telegram = town.chats["telegram"]
    said = await telegram.say("ben", DISPATCH["telegram"], "prefs high telegram, slack 5m")
    assert "telegram at once, then slack after 5 min" in "\n".join([said.text, *telegram.private("ben")])
    await telegram.say("ben", "", "test")
    for chat in ("telegram", "slack"):
        await town.until(lambda chat=chat: any("test of your own ladder" in t for t in town.chats[chat].private("ben")))
    heard = await town.chats["slack"].press_private("ben", "I see this")
    assert "still to tap: Telegram" in heard.text
    assert "every chat" not in heard.text
    raised = await town.chats["slack"].say("carla", DISPATCH["slack"], "new P2 boiler cold")
    await town.card_in("telegram", "boiler cold")
    await town.chats["slack"].say("carla", DISPATCH["slack"], f"reassign {raised.text.split()[0]} @ben")
    await town.until(lambda: any("boiler cold" in text for text in telegram.private("ben")))
    assert not any("boiler cold" in text for text in town.chats["slack"].private("ben")), "five minutes later"


async def test_a_feed_of_shifts_is_there_until_it_is_revoked(town: Town) -> None:
    await town.chats["slack"].say("ana", DISPATCH["slack"], f"cover me {soon()} @ben")
    (asked,) = await about(town, COVER)
    await town.chats["slack"].say("ben", DISPATCH["slack"], f"ack {asked.ref}")
    said = await town.chats["slack"].say("ben", DISPATCH["slack"], "feed")
    address = next(word for word in said.text.split() if "/duty/" in word)
    here = address.replace("http://127.0.0.1:1", f"http://127.0.0.1:{town.daemon.server.port}")
    async with aiohttp.ClientSession() as session:
        async with session.get(here) as answer:
            assert (answer.status, answer.content_type) == (200, "text/calendar")
            events = Calendar.from_ical(await answer.text()).walk("VEVENT")
            assert len([event for event in events if event["dtstart"].dt.date() >= datetime.now(UTC).date()]) >= 1
        await town.chats["slack"].say("ben", DISPATCH["slack"], "feed off")
        async with session.get(here) as answer:
            assert answer.status == 404
    assert not any(address.rpartition("/")[2] in str(row) for row in await town.audit()), "a secret in the audit"
