"""What became of letters: receipts in any order, another way after a failure, and what had to be told and was not."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.letterbox import Letterbox
from deskbell.core.customer import Stage
from deskbell.core.heard import Rank, Receipt
from deskbell.core.outcome import Fault
from tests.customers.conftest import opened

PHONE, MAIL, E164 = "+49 30 5550 201", "erika@example.org", "+49305550201"


@pytest.fixture
async def told(firm):
    """Somebody was told by SMS, and could be told by mail."""
    firm.job(f"{PHONE}; {MAIL}; opt-in:sms mail")
    await firm.known()
    firm.sandbox.fieldservice.change(4711, status="en_route")
    await firm.stage(Stage.SENT)
    return firm


async def hears(firm, *receipts):
    (letter,) = await firm.letters()
    said = [Receipt(letter.vendor_id, rank, why, fault) for rank, why, fault in receipts]
    await Letterbox(firm.desk).take("twilio", said)
    return (await firm.letters())[0]


async def test_receipts_rise_and_what_comes_late_takes_nothing_back(told):
    letter = await hears(told, (Rank.DELIVERED, "", None), (Rank.SENT, "", None), (Rank.FAILED, "30008", None))
    assert letter.stage is Stage.DELIVERED
    assert (await hears(told, (Rank.READ, "", None))).stage is Stage.READ
    steps = await told.read(lambda reader: reader.letter_steps(1))
    assert [step.stage for step in steps] == ["queued", "sent", "delivered", "read"]
    assert not told.mails()


async def test_what_was_not_delivered_goes_the_next_way_and_that_address_is_not_tried_again(told):
    await hears(told, (Rank.FAILED, "30005", Fault.TARGET))
    letter = await told.stage(Stage.SENT)
    assert (letter.medium, letter.tried) == ("mail", ("sms",))
    assert len(told.mails(MAIL)) == 1
    told.sandbox.fieldservice.change(4711, status="cancelled")
    assert (await told.stage(Stage.SENT, "visit_cancelled")).medium == "mail"
    assert len(told.sms(E164)) == 1


async def test_a_required_notice_that_does_not_arrive_rings_until_it_has(sandbox, tmp_path):
    more = '\n[customers.notices.visit_cancelled]\nrequired = true\nwithin = "1s"\n'
    async with opened(sandbox, tmp_path, more=more) as firm:
        firm.job(f"{PHONE}; opt-in:sms")
        await firm.known()
        firm.sandbox.fieldservice.change(4711, status="cancelled")
        await firm.stage(Stage.SENT, "visit_cancelled")
        shown = await firm.until(lambda: firm.card("J-4711", "Customer not told in time"))
        assert "was sent, and nobody knows whether it arrived" in shown
        await hears(firm, (Rank.DELIVERED, "", None))
        await firm.until(lambda: firm.card("J-4711, was sent", "the customer has it"))


async def test_where_no_address_is_known_a_required_notice_rings_too(sandbox, tmp_path):
    more = '\n[customers.notices.visit_cancelled]\nrequired = true\nwithin = "1s"\n'
    async with opened(sandbox, tmp_path, more=more) as firm:
        firm.job("ring the bell")
        await firm.known()
        firm.sandbox.fieldservice.change(4711, status="cancelled")
        await firm.until(lambda: firm.card("J-4711", "withheld: no address of theirs is known"))


async def test_it_waits_while_it_is_quiet_there(sandbox, tmp_path):
    """By the clock of Berlin, where the customer is."""
    there = datetime.now(UTC) + timedelta(hours=1)
    quiet = f"{there - timedelta(hours=2):%H:%M}-{there + timedelta(hours=2):%H:%M}"
    async with opened(sandbox, tmp_path, **{'quiet = ""': f'quiet = "{quiet}"'}) as firm:
        firm.job(f"{PHONE}; zone:Etc/GMT-1; opt-in:sms")
        await firm.known()
        firm.sandbox.fieldservice.change(4711, status="en_route")
        letter = await firm.stage(Stage.QUEUED)
        assert "it is quiet now" in letter.why
        assert not firm.sms()
