"""WhatsApp and Messenger: what may be written to whom, and the buttons."""

from dataclasses import replace

import pytest

from deskbell.core.outcome import Fault, Sent
from deskbell.sandbox.phones import NOBODY, SAID_STOP
from deskbell.sandbox.vendors.messenger import BLOCKED_US, WROTE_LONG_AGO
from tests.vendors.conftest import CARD, LINK, identity, note, settings_of

WHATSAPP = pytest.mark.parametrize("name", ["whatsapp"])
OTHERS = [
    ("whatsapp", NOBODY),
    ("whatsapp", SAID_STOP),
    ("messenger", WROTE_LONG_AGO),
    ("messenger", BLOCKED_US),
    ("messenger", "24000000000009999"),
]


@pytest.mark.parametrize(("name", "address"), OTHERS)
async def test_who_may_not_be_written_to_is_told_by_another_way(name, address, world):
    outcome = await world.channel.post(replace(world.room, address=address), CARD, identity())
    assert outcome.fault is Fault.TARGET
    assert not world.stand_in.told


@WHATSAPP
async def test_whoever_wrote_gets_everything_and_buttons(name, world):
    world.channel.conf = replace(world.conf, window="open")
    assert isinstance(await world.channel.post(world.room, CARD, identity()), Sent)
    said = world.stand_in.told[0].fields["interactive"]
    assert said["body"]["text"].endswith(LINK)
    assert [button["reply"]["id"] for button in said["action"]["buttons"]] == ["ack D-4821", "escalate D-4821"]
    long = await world.channel.note(world.room, {"key": "k"}, note("x" * 3000), identity("note", 7))
    assert isinstance(long, Sent)
    emergency = replace(note("the database can't be written"), ref="", mentions=())
    await world.channel.note(world.room, {}, emergency, identity("note", 8, ref=""))
    assert world.stand_in.told[-1].fields["text"]["body"].endswith("the database can't be written")


@WHATSAPP
async def test_whoever_did_not_write_gets_nothing_but_the_template(name, world):
    world.channel.conf = replace(world.conf, window="open")
    outcome = await world.channel.post(replace(world.room, address="+15005550008"), CARD, identity())
    assert outcome.fault is Fault.TARGET
    assert "131047" in outcome.why


@WHATSAPP
async def test_who_hides_their_number_is_reached_by_their_id(name, world):
    room = replace(world.room, address="DE.1A2b3C")
    assert isinstance(await world.channel.post(room, CARD, identity()), Sent)
    assert world.stand_in.told[0].fields["recipient"] == "DE.1A2b3C"
    assert "to" not in world.stand_in.told[0].fields


@WHATSAPP
@pytest.mark.parametrize(
    ("change", "code"),
    [({"template": "other"}, "132001"), ({"fields": ("ref",)}, "132000"), ({"buttons": ("ack",)}, "132018")],
)
async def test_a_template_that_is_another_one_over_there(name, change, code, world):
    world.channel.conf = replace(world.conf, **change)
    outcome = await world.channel.post(world.room, CARD, identity())
    assert outcome.fault is Fault.CONFIG
    assert code in outcome.why


@WHATSAPP
def test_a_word_that_no_template_can_have(name):
    given = {"token": "t", "phone_number_id": "1", "fields": ["ref", "password"]}
    _, reading = settings_of(name, given)
    assert "password" in reading.problems[0]
