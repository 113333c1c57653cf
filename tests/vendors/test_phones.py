"""Those who send to phones: numbers that something is wrong with, and SMS within their two parts."""

from dataclasses import replace

import pytest

from deskbell.core.outcome import Fault
from deskbell.core.sizes import parts
from deskbell.sandbox.phones import ABROAD, LANDLINE, NOBODY, SAID_STOP
from tests.vendors.conftest import CARD, LINK, identity, note

TEXT = {
    "bird": lambda fields: fields["body"]["text"]["text"],
    "messagebird": lambda fields: fields["body"],
    "clicksend": lambda fields: fields["messages"][0]["body"],
    "plivo": lambda fields: fields["text"],
    "twilio": lambda fields: fields["Body"],
}
TARGET, CONFIG = Fault.TARGET, Fault.CONFIG
WRONG = [
    ("bird", NOBODY, Fault.PAYLOAD),
    ("bird", ABROAD, CONFIG),
    ("messagebird", NOBODY, TARGET),
    ("messagebird", SAID_STOP, TARGET),
    ("clicksend", NOBODY, TARGET),
    ("clicksend", SAID_STOP, TARGET),
    ("clicksend", ABROAD, CONFIG),
    ("plivo", NOBODY, TARGET),
    ("plivo", ABROAD, CONFIG),
    ("twilio", NOBODY, TARGET),
    ("twilio", SAID_STOP, TARGET),
    ("twilio", LANDLINE, TARGET),
    ("twilio", ABROAD, CONFIG),
]


@pytest.mark.parametrize(("name", "number", "fault"), WRONG)
async def test_a_number_that_will_never_do_is_given_up(name, number, fault, world):
    outcome = await world.channel.post(replace(world.room, address=number), CARD, identity())
    assert outcome.fault is fault
    assert not world.stand_in.told


@pytest.mark.parametrize("name", TEXT)
async def test_an_sms_has_two_parts_at_most_and_its_link(name, world):
    await world.channel.note(world.room, {"key": "k"}, note("x \u4e2d" * 400), identity("note", 7))
    text = TEXT[name](world.stand_in.told[0].fields)
    assert parts(text) == 2
    assert text.startswith("[P1] D-4821: x ")
    assert text.endswith(LINK)
