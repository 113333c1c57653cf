"""A source fails in every way it knows: the others go on, people hear of it, and it mends without a trace."""

import asyncio
import time
from typing import Any

import pytest

from deskbell.core.alert import Alert, Severity, Status
from tests.town import Town

JOBS, TICKETS = "C0DISPATCH", "C0SUPPORT"


async def quiet(town: Town) -> None:
    await town.until_async(town.daemon.pending, 0, 30)


async def alerts(town: Town, rule: str) -> list[Alert]:
    rows = await town.daemon.store.read(lambda reader: reader.alerts(statuses=tuple(Status), limit=500))
    return [alert for alert in rows if alert.rule == rule]


def cards(town: Town, subject: str) -> list[Any]:
    return [card for card in town.slack.cards() if subject in card.as_text()]


async def mended(town: Town, name: str) -> None:
    """Healed, and read as soon as the loop may: its pauses have grown while it was broken."""
    town.sandbox.sources[name].faults.heal()
    loop = next(loop for loop in town.daemon.loops if loop.source.name == name)
    before = town.sandbox.ledger.count(name, "read")
    for _ in range(400):
        loop.poke()
        if town.sandbox.ledger.count(name, "read") > before:
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"{name} is not read again")


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("freshdesk", "html"),
        ("freshdesk", "slow"),
        ("fieldservice", "500"),
        ("fieldservice", "html"),
        ("servicenow", "drop"),
    ],
)
async def test_a_silent_source_rings_and_holds_up_nobody(city: Town, name: str, fault: str) -> None:
    ticket = city.urgent_ticket()
    city.late_job(4711)
    await city.card(str(ticket.id), TICKETS)
    await city.card("J-4711")
    city.sandbox.sources[name].faults.set(fault, delay=8)
    title = city.daemon.desk.source_title(name)
    await city.card(f"{title} has not been read since")
    if name != "fieldservice":
        city.late_job(4712)
        await city.card("J-4712")
    else:
        now = time.time()
        second = city.sandbox.freshdesk.tickets.add("Dryer alarm", created=now - 600, updated=now, priority=4)
        await city.card(str(second.id), TICKETS)
    await quiet(city)
    marked = {"freshdesk": str(ticket.id), "fieldservice": "J-4711"}.get(name)
    for subject in (str(ticket.id), "J-4711"):
        shown = cards(city, subject)[0].as_text()
        assert ("Unverified" in shown) is (subject == marked), shown
    await mended(city, name)
    await city.until(lambda: not any("Unverified" in card.as_text() for card in city.slack.cards()))

    async def over() -> list[tuple[Status, str]]:
        return [(alert.status, alert.resolved_by) for alert in await alerts(city, "source_stale")]

    await city.until_async(over, [(Status.RESOLVED, "deskbell")])
    assert len(cards(city, "J-4711")) == len(cards(city, str(ticket.id))) == 1


async def test_a_refused_login_rings_at_once(city: Town) -> None:
    city.late_job()
    await city.card("J-4711")
    city.sandbox.freshdesk.faults.set("401")
    card = await city.card("refuses Deskbell's login")
    (refused,) = await alerts(city, "source_auth_failed")
    assert refused.severity is Severity.P1
    await mended(city, "freshdesk")
    ticket = city.urgent_ticket()
    await city.card(str(ticket.id), TICKETS)
    await city.until(lambda: "Resolved" in card.as_text() or "is read again" in card.as_text())


async def test_what_happened_while_a_source_was_silent_rings_when_it_is_back(city: Town) -> None:
    city.sandbox.fieldservice.faults.set("500")
    await city.card("Field service has not been read since")
    city.late_job(4711)
    await mended(city, "fieldservice")
    await city.card("J-4711")


async def test_a_source_does_not_take_what_was_done_and_the_card_says_so(city: Town) -> None:
    ticket = city.overdue_ticket()
    card = await city.card(str(ticket.id), TICKETS)
    await quiet(city)
    city.sandbox.freshdesk.faults.set("403", where="POST")
    assert (await city.slack.tap("U0ANA", TICKETS, card.ts, "desk.ack")).acked
    await city.shows(str(ticket.id), "Freshdesk was not told", TICKETS)
    assert "Acknowledged by Ana Ruiz" in city.find_card(str(ticket.id), TICKETS).as_text(), "what was done stays done"
    alert = await city.alert(str(ticket.id))
    rung = await city.card(f"did not take what was done on {alert.ref}")
    assert rung.channel == JOBS
    assert len(await alerts(city, "writeback_failed")) == 1
    assert not ticket.conversations


async def test_a_write_back_whose_answer_was_lost_stands_there_once(city: Town) -> None:
    ticket = city.overdue_ticket()
    card = await city.card(str(ticket.id), TICKETS)
    await quiet(city)
    city.sandbox.freshdesk.faults.set("lost", where="POST", times=1)
    assert (await city.slack.tap("U0ANA", TICKETS, card.ts, "desk.ack")).acked
    await city.shows(str(ticket.id), "Told to the source", TICKETS)
    await quiet(city)
    assert len(ticket.conversations) == 1


async def test_what_we_wrote_ourselves_never_rings_again(city: Town) -> None:
    ticket, job = city.overdue_ticket(), city.late_job()
    for subject, room in ((str(ticket.id), TICKETS), ("J-4711", JOBS)):
        await city.card(subject, room)
        ref = (await city.alert(subject)).ref
        for line in (f"note {ref} called the customer", f"reassign {ref} @lena", f"ack {ref}", f"unack {ref}"):
            assert (await city.slack.type("U0ANA", room, f"/desk {line}")).acked
    await quiet(city)
    assert ticket.public["responder_id"] == 1004
    before = await city.daemon.count_alerts()
    posted = city.sandbox.ledger.count("slack", "posted")
    for name in ("freshdesk", "fieldservice"):
        reads = city.sandbox.sources[name].sweeps
        await city.until(lambda name=name, reads=reads: city.sandbox.sources[name].sweeps >= reads + 4)
    await quiet(city)
    assert await city.daemon.count_alerts() == before
    assert city.sandbox.ledger.count("slack", "posted") == posted, "and nobody was told of it a second time"
    assert len(cards(city, "J-4711")) == len(cards(city, str(ticket.id))) == 1
    assert job["technician"]["id"] == 2


async def test_our_own_note_is_no_sign_of_life(city: Town) -> None:
    """A quiet case stays a quiet case, whatever Deskbell writes into it; a person's word ends it."""
    hour, now = 3600.0, time.time()
    ticket = city.sandbox.freshdesk.tickets.add(
        "Dryer alarm",
        priority=4,
        responder_id=1002,
        created=now - 10 * hour,
        updated=now - 5 * hour,
        due=now + 9 * hour,
    )
    ticket.stats["first_responded_at"] = ticket.public["created_at"]
    await city.card(str(ticket.id), TICKETS)
    alert = await city.alert(str(ticket.id))
    assert alert.rule == "case_inactive"
    await city.slack.type("U0ANA", TICKETS, f"/desk note {alert.ref} parts are on their way")
    await city.until(lambda: ticket.conversations)
    sweeps = city.sandbox.freshdesk.sweeps
    await city.until(lambda: city.sandbox.freshdesk.sweeps >= sweeps + 4)
    assert (await city.alert(str(ticket.id))).status is Status.OPEN
    city.sandbox.clock.advance(60)  # what follows our own write at once may be a rule of the helpdesk's
    city.sandbox.freshdesk.tickets.converse(ticket.id, "The customer called", user=1002, private=True, source=2)
    await city.shows(str(ticket.id), "Over by itself", TICKETS)
