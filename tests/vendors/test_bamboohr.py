"""BambooHR: in whose file something is written, and when."""

from dataclasses import replace

import pytest

from channels.common import Back
from channels.engine import VendorChannel
from deskbell.core.card import Tone
from deskbell.core.outcome import Fault, Rejected, Sent, Unknown
from tests.vendors.conftest import CARD, identity
from tests.vendors.test_contract import ACKED, OVER, SINCE

pytestmark = pytest.mark.parametrize("name", ["bamboohr"])


@pytest.fixture
async def aimed(name, world):
    """A destination without an address; the alert is about ben, if anybody."""
    about = {"D-4821": "ben"}

    async def subject(ref):
        return about.get(ref, "")

    async def account_of(person):
        return world.account.get(person)

    made = VendorChannel(name, world.service, world.conf, account_of, {}, lambda _ref: "", Back(subject=subject))
    world.room = replace(world.room, address="")
    yield made
    await made.close()


async def test_nothing_is_written_before_somebody_has_acknowledged_it(name, world, aimed):
    world.account["ben"] = "123"
    waiting = await aimed.post(world.room, CARD, identity())
    assert waiting == Sent({}, waiting.detail, skipped=True)
    over = await aimed.post(world.room, OVER, identity())
    assert over.skipped, "it ended by itself"
    assert not world.asked
    written = await aimed.post(world.room, ACKED, identity())
    assert written.ref["id"] == "123"
    closed = await aimed.edit(world.room, written.ref, replace(OVER, state="Resolved by Ana"), identity())
    assert isinstance(closed, Sent), closed
    row, end = world.stand_in.told
    assert row.fields["customKey"].startswith("deskbell-d-4821")
    assert "Resolved by Ana" in end.fields["customNote"]


async def test_an_alert_about_nobody_whom_it_knows_is_nobodys(name, world, aimed):
    assert (await aimed.post(world.room, ACKED, identity())).skipped, "ben has no number there"
    world.account["ben"] = "123"
    assert (await aimed.post(world.room, replace(ACKED, ref="D-5"), identity(ref="D-5"))).skipped
    assert not world.asked


async def test_a_lost_answer_is_looked_up_in_the_same_file(name, world, aimed):
    world.account["ben"] = "123"
    world.fault("lost")
    assert isinstance(await aimed.post(world.room, ACKED, identity()), Unknown)
    found = await aimed.find(world.room, identity(), SINCE, {})
    assert found["id"] == "123"
    assert len(world.stand_in.told) == 1


async def test_who_is_no_employee_there(name, world, aimed):
    world.account["ben"] = "999"
    outcome = await aimed.post(world.room, replace(CARD, tone=Tone.ACKED), identity())
    assert outcome == Rejected(Fault.TARGET, outcome.why)
