"""What happens to an alert without anybody touching it: it rises, ends, comes back, loses its record."""

import time

import pytest

from deskbell.core.alert import Status
from deskbell.core.records import Visit
from pollers import loop
from tests.town import MINUTE, Town


async def test_a_technician_who_checks_in_ends_the_alert(town: Town) -> None:
    job = town.late_job()
    shown = await town.shows("4711", "P3 have a look")
    assert "Marco Bianchi 15+ min late" in shown
    town.sandbox.fieldservice.change(job["id"], status="on_site", checked_in_at=time.time())
    shown = await town.shows("4711", "Resolved by Deskbell")
    assert "checked in" in shown
    alert = await town.alert("J-4711")
    assert (alert.status, alert.condition) == (Status.RESOLVED, False)


async def test_later_is_worse_and_rings_louder(town: Town) -> None:
    start = time.time() - 29 * MINUTE - 56
    town.sandbox.fieldservice.add(start=start, end=start + 90 * MINUTE, technician=1, id=4711)
    await town.shows("4711", "P3 have a look")
    shown = await town.shows("4711", "P2 act soon")
    assert "30+ min late" in shown
    said = await town.until(lambda: town.thread("4711"))
    assert "Now P2" in said[0]
    assert (await town.alert("J-4711")).escalate_at is not None


async def test_resolved_by_a_person_it_stays_so_until_the_condition_ends(town: Town) -> None:
    job = town.late_job()
    card = await town.card("4711")
    await town.slack.type("U0ANA", "C0DISPATCH", "/desk resolve 1 customer informed")
    await town.shows("4711", "Resolved by Ana Ruiz")
    town.sandbox.fieldservice.change(job["id"], summary="a change that is none of the rule's")
    await town.settled()
    assert (await town.alert("J-4711")).status is Status.RESOLVED
    assert [m.ts for m in town.slack.messages("C0DISPATCH")] == [card.ts]


async def test_a_deleted_record_ends_its_alerts(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "VANISHED_EVERY_S", 0.5)
    ticket = town.urgent_ticket()
    await town.card(str(ticket.id), "C0SUPPORT")
    town.sandbox.freshdesk.tickets.forget(ticket.id)
    shown = await town.shows(str(ticket.id), "Resolved by Deskbell", "C0SUPPORT")
    assert "gone from Freshdesk" in shown


async def test_a_record_of_the_schedule_is_read_whole(town: Town) -> None:
    town.late_job()
    await town.card("4711")
    stored = (await town.daemon.desk.find_records("4711", "visit"))[0].record
    assert isinstance(stored, Visit)
    assert (stored.technician, stored.technician_email) == ("Marco Bianchi", "marco@example.org")
    assert stored.zone != "UTC"
    assert stored.start is not None
    assert stored.title
