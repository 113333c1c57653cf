"""SMS by Twilio: what only it does."""

from datetime import UTC, datetime, timedelta

import pytest

from deskbell.core.outcome import Sent, Unknown
from tests.vendors.conftest import CARD, identity, note

pytestmark = pytest.mark.parametrize("name", ["twilio"])


async def test_a_ring_is_not_taken_for_the_message_before_it(name, world):
    """Both name the alert; the one before is older than the try whose end is not known."""
    await world.channel.post(world.room, CARD, identity())
    world.stand_in.told[0].at -= 600
    tried = datetime.now(UTC)
    ring = identity("note", 7)
    world.fault("drop")
    assert isinstance(await world.channel.note(world.room, {"key": "k"}, note(), ring), Unknown)
    assert await world.channel.find(world.room, ring, tried, {}) is None
    world.fault("lost")
    assert isinstance(await world.channel.note(world.room, {"key": "k"}, note(), ring), Unknown)
    found = await world.channel.find(world.room, ring, tried, {})
    assert found["id"] == world.stand_in.told[1].id
    assert await world.channel.find(world.room, ring, tried + timedelta(hours=1), {}) is None


async def test_another_alert_whose_ref_begins_alike_is_another(name, world):
    assert isinstance(await world.channel.post(world.room, CARD, identity()), Sent)
    shorter = identity(ref="D-482")
    assert await world.channel.find(world.room, shorter, datetime.now(UTC) - timedelta(minutes=5), {}) is None


@pytest.mark.parametrize(("sender", "field"), [("+15005550006", "From"), ("MG0123", "MessagingServiceSid")])
async def test_a_number_or_a_service_sends_it(name, sender, field, world):
    world.channel.conf = type(world.conf)(
        world.conf.account_sid, world.conf.auth_token, sender, base_url=world.conf.base_url
    )
    await world.channel.post(world.room, CARD, identity())
    assert world.stand_in.told[0].fields[field] == sender
