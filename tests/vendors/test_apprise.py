"""Apprise: where it is not installed, and what it does not know."""

import logging
from dataclasses import replace

import pytest

from deskbell.core.outcome import Fault, Rejected, Sent
from deskbell.net import apprise
from tests.vendors.conftest import CARD, LINK, identity

pytestmark = [
    pytest.mark.parametrize("name", ["apprise"]),
    pytest.mark.filterwarnings("ignore:'imghdr' is deprecated"),  # the library's own affair
]


async def test_it_is_told_in_words_where_it_is_not_installed(name, world, monkeypatch):
    monkeypatch.setattr(apprise, "find_spec", lambda _name: None)
    (finding,) = await world.channel.check([world.room])
    assert not finding.ok
    assert "pip install '.[apprise]'" in finding.detail
    outcome = await world.channel.post(world.room, CARD, identity())
    assert outcome == Rejected(Fault.CONFIG, outcome.why)


@pytest.mark.parametrize("address", ["nosuch://somewhere", "slack://no"])
async def test_an_address_that_it_does_not_know(name, address, world):
    outcome = await world.channel.post(replace(world.room, address=address), CARD, identity())
    assert outcome == Rejected(Fault.TARGET, outcome.why)


async def test_what_it_logs_stays_in_the_house(name, world):
    """At its lowest level it writes down addresses and texts."""
    heard, root = apprise._Lines(), logging.getLogger()
    root.addHandler(heard)
    assert isinstance(await world.channel.post(world.room, CARD, identity()), Sent)
    assert LINK in world.stand_in.told[0].fields["message"]
    root.removeHandler(heard)
    assert not [line for line in heard.kept if LINK in line]
