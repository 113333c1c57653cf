"""ActiveCampaign and Responsys: what only they do."""

from dataclasses import replace

import pytest

from deskbell.core.outcome import Fault, Rejected, Sent
from deskbell.sandbox.vendors import activecampaign, responsys
from tests.vendors.conftest import CARD, LINK, identity

CAMPAIGN = pytest.mark.parametrize("name", ["activecampaign"])
RESPONSYS = pytest.mark.parametrize("name", ["responsys"])


@CAMPAIGN
async def test_the_words_are_there_before_the_automation_starts(name, world):
    sent = await world.channel.post(world.room, CARD, identity())
    assert isinstance(sent, Sent), sent
    contact, tag = world.asked
    assert contact.fields["contact"]["email"] == world.room.address
    assert CARD.summary in contact.fields["contact"]["fieldValues"][0]["value"]
    assert tag.fields == {"contactTag": {"contact": world.stand_in.told[0].id, "tag": activecampaign.TAG}}


@CAMPAIGN
async def test_a_tag_that_is_not_there_is_for_people_to_mend(name, world):
    world.channel.conf = replace(world.conf, tag_id="99")
    outcome = await world.channel.post(world.room, CARD, identity())
    assert outcome == Rejected(Fault.CONFIG, outcome.why)


@RESPONSYS
async def test_it_is_called_where_its_login_says(name, world):
    sent = await world.channel.post(world.room, CARD, identity())
    assert isinstance(sent, Sent), sent
    told = world.stand_in.told[0].fields["recipientData"][0]
    assert told["optionalData"][1] == {"name": "LINK", "value": LINK}
    assert [call.path for call in world.stand_in.calls] == [
        "/rest/api/v1.3/auth/token",
        f"/rest/api/v1.3/campaigns/{responsys.CAMPAIGN}/email",
    ]


@RESPONSYS
@pytest.mark.parametrize(
    ("change", "address", "fault"),
    [
        ({}, responsys.STRANGER, Fault.TARGET),  # told within a success
        ({"campaign": "another one? &c."}, "", Fault.CONFIG),
        ({"list": "OTHERS"}, "", Fault.PAYLOAD),
        ({"password": "not-that-one"}, "", Fault.AUTH),
    ],
)
async def test_what_it_refuses(name, change, address, fault, world):
    world.channel.conf = replace(world.conf, **change)
    room = replace(world.room, address=address or world.room.address)
    outcome = await world.channel.post(room, CARD, identity())
    assert outcome == Rejected(fault, outcome.why)
    assert not world.stand_in.told
