"""What Deskbell writes into a source never rings when it is read back, however the reading and the writing cross."""

import asyncio

import pytest

from deskbell.core.alert import Status
from deskbell.core.ports import Page
from deskbell.core.store import Guard
from deskbell.desk import Desk
from tests.town import Town

ROOM = "C0SUPPORT"


async def reassign(town: Town, ticket: int) -> None:
    card = await town.card(str(ticket), ROOM)
    tapped = await town.slack.tap("U0ANA", ROOM, card.ts, "desk.reassign", changes=False)
    view = await tapped.wait_view()
    assert (await town.slack.submit("U0ANA", view.id, {"answer": "carla"})).closed


async def test_a_page_that_was_asked_for_before_the_write_back_does_not_undo_it(
    city: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticket = city.urgent_ticket()
    await city.card(str(ticket.id), ROOM)
    await city.until_async(city.daemon.pending, 0)
    observe, held, go = Desk.observe, asyncio.Event(), asyncio.Event()

    async def late(self: Desk, page: Page, guard: Guard | None = None) -> object:
        """The next page with the ticket in it stays on its way until it is old."""
        if page.source == "freshdesk" and page.records and not go.is_set():
            held.set()
            await go.wait()
        return await observe(self, page, guard)

    monkeypatch.setattr(Desk, "observe", late)
    city.sandbox.freshdesk.tickets.change(ticket.id, tags=["page on its way"])
    await asyncio.wait_for(held.wait(), 10)
    await reassign(city, ticket.id)
    await city.until(lambda: ticket.public["responder_id"] == 1003)
    await city.until_async(city.daemon.pending, 0)
    go.set()
    reads = city.sandbox.ledger.count("freshdesk", "read")
    await city.until(lambda: city.sandbox.ledger.count("freshdesk", "read") > reads + 4)
    await city.until_async(city.daemon.pending, 0)
    assert len([card for card in city.slack.cards(ROOM) if str(ticket.id) in card.as_text()]) == 1
    alert = await city.alert(str(ticket.id))
    assert alert.status is Status.RESOLVED
    record = (await city.daemon.desk.find_records(str(ticket.id), None))[0].record
    assert record.assignee_id == "1003"
