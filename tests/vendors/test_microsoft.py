"""Outlook and Power Automate: what only they do."""

from dataclasses import replace

import pytest

from deskbell.core.outcome import Fault, Rejected, Sent
from deskbell.sandbox.vendors.stand_in import Login
from tests.vendors.conftest import CARD, identity

MAIL = pytest.mark.parametrize("name", ["outlook"])
FLOW = pytest.mark.parametrize("name", ["power_automate"])


@MAIL
@pytest.mark.parametrize(
    ("change", "fault"),
    [({"client_secret": "not-that-one"}, Fault.AUTH), ({"sender": "boss@example.org"}, Fault.CONFIG)],
)
async def test_only_our_app_from_its_own_mailbox(name, change, fault, world):
    world.channel.conf = replace(world.conf, **change)
    outcome = await world.channel.post(world.room, CARD, identity())
    assert outcome == Rejected(fault, outcome.why)
    assert not world.stand_in.told


@FLOW
async def test_a_flow_with_another_signature_does_not_silence_the_others(name, world):
    other = replace(world.room, address=world.room.address + "-of-last-year")
    outcome = await world.channel.post(other, CARD, identity())
    assert outcome == Rejected(Fault.TARGET, outcome.why)
    assert "sandbox-signature" not in outcome.why
    sent = await world.channel.post(world.room, CARD, identity())
    assert sent.ref["id"] == world.stand_in.told[0].id


@FLOW
async def test_a_flow_for_users_of_the_tenant_alone(name, world):
    app = {"client_id": "app", "client_secret": "app-secret"}
    asked = {"grant_type": "client_credentials", "scope": "https://service.flow.microsoft.com//.default"}
    login = Login("/tenant-1/oauth2/v2.0/token", app | asked)
    world.stand_in.vendor = replace(world.stand_in.vendor, login=login, knows=None)
    world.channel.conf = replace(world.conf, tenant="tenant-1", login_url=world.conf.base_url, **app)
    unsigned = replace(world.room, address=world.room.address.partition("&sp=")[0])
    assert isinstance(await world.channel.post(unsigned, CARD, identity()), Sent)
