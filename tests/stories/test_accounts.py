"""Accounts, invoices and contracts of a billing system: who hears of what, and what ends by itself."""

import time

import pytest

from deskbell.core.alert import Severity, Status
from deskbell.core.records import Invoice
from deskbell.vendors.chats import CHATS
from tests.town import MINUTE, Town

BAKERY = "Kranz Bakery"


@pytest.fixture
async def bakery(town: Town) -> Town:
    """A customer with everything in order, and a job in two hours."""
    billing, start = town.sandbox.billing, time.time() + 120 * MINUTE
    billing.add_account(1011, BAKERY)
    billing.add_invoice(1011, "318.40", due=4, id=3111)
    billing.add_contract(1011, "Annual inspection", ends=90, id=711)
    town.sandbox.fieldservice.add(
        start=start, end=start + 60 * MINUTE, technician=1, id=4711, customer={"name": BAKERY, "phone": ""}
    )
    await town.settled()
    return town


async def test_a_payment_that_fails_rings_until_the_money_is_there(bakery: Town) -> None:
    bakery.sandbox.billing.attempt("INV-3111", failed="Card declined by the bank")
    for chat in CHATS:
        shown = await bakery.shows_in(chat, "INV-3111", "Card declined by the bank", bakery.rooms(chat)["accounts"])
        assert "P3 have a look" in shown
    await bakery.until_async(bakery.daemon.pending, 0)
    assert not any(bakery.find_card_in(chat, "INV-3111", bakery.rooms(chat)["dispatch"]) for chat in CHATS)
    record = (await bakery.daemon.desk.find_records("INV-3111", "invoice"))[0].record
    assert isinstance(record, Invoice)
    assert [(one.failed, one.reason) for one in record.payments] == [(True, "Card declined by the bank")]

    bakery.sandbox.billing.attempt("INV-3111")
    assert "it was paid" in await bakery.shows("INV-3111", "Resolved by Deskbell", "C0ACCOUNTS")


async def test_nobody_is_sent_to_who_is_suspended(bakery: Town) -> None:
    bakery.sandbox.billing.stand("A-1011", "suspended", "Two invoices unpaid")
    for room in ("C0ACCOUNTS", "C0DISPATCH"):
        shown = await bakery.shows("A-1011", "P1 act now", room)
        assert "do not send a technician" in shown
        assert "J-4711" in shown
    card = await bakery.card("A-1011", "C0ACCOUNTS")
    ref = f"D-{(await bakery.alert('A-1011')).id}"
    refused = await bakery.chats["slack"].say("ana", "C0ACCOUNTS", f"ack {ref}")
    assert (await bakery.alert("A-1011")).status is Status.OPEN, refused.text
    await bakery.chats["slack"].say("carla", "C0ACCOUNTS", f"ack {ref}")
    await bakery.shows("A-1011", "Acknowledged by Carla Weiss", "C0DISPATCH")
    await bakery.until(lambda: bakery.sandbox.billing.find("A-1011")["notes"])
    assert "Carla Weiss" in bakery.sandbox.billing.find("A-1011")["notes"][0]["text"]

    bakery.sandbox.billing.stand("A-1011", "active")
    await bakery.shows("A-1011", "Resolved by Deskbell", "C0DISPATCH")
    assert (await bakery.card("A-1011", "C0ACCOUNTS")).ts == card.ts


async def test_what_is_still_open_of_a_closed_account(bakery: Town) -> None:
    bakery.sandbox.billing.stand("A-1011", "closed", "Sold")
    shown = await bakery.shows("A-1011", "still open", "C0ACCOUNTS")
    assert "1 job" in shown
    assert "318.40 EUR" in shown
    assert (await bakery.alert("A-1011")).severity is Severity.P2


async def test_a_contract_that_ran_out_and_is_renewed(bakery: Town) -> None:
    billing = bakery.sandbox.billing
    billing.change("C-711", status="expired", ends_on=billing.day(-1))
    await bakery.shows("C-711", "P2 act soon", "C0DISPATCH")
    assert "J-4711" in await bakery.shows("C-711", "1 job planned", "C0ACCOUNTS")
    billing.change("C-711", status="active", ends_on=billing.day(364))
    await bakery.shows("C-711", "Resolved by Deskbell", "C0ACCOUNTS")
