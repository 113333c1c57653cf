"""Zoho Cliq and Pusher: what only they do."""

import json
from dataclasses import replace

import pytest

from deskbell.core.card import Card, Tone
from deskbell.core.outcome import Fault, Rejected, Sent
from deskbell.sandbox.vendors.stand_in import Login
from tests.vendors.conftest import CARD, identity, note

CLIQ = pytest.mark.parametrize("name", ["zoho_cliq"])
PUSHER = pytest.mark.parametrize("name", ["pusher"])
BOTH = pytest.mark.parametrize("name", ["pusher", "pusher_beams"])


@CLIQ
async def test_a_webhook_token_will_do_instead_of_an_app(name, world):
    knows = {"login": None, "knows": lambda asked: asked.query.get("zapikey") == "1001.key"}
    world.stand_in.vendor = replace(world.stand_in.vendor, **knows)
    world.channel.conf = replace(world.conf, key="1001.key", bot="bell")
    assert isinstance(await world.channel.post(world.room, CARD, identity()), Sent)
    assert world.asked[-1].query["bot_unique_name"] == "bell"


@CLIQ
async def test_a_colleague_is_told_by_mail_address_and_nobody_rings_a_whole_channel(name, world):
    world.account["ben"] = "ben@example.org"
    direct = replace(note("{@all} look"), direct="ben")
    assert isinstance(await world.channel.note(world.room, {}, direct, identity("note", 7)), Sent)
    assert world.asked[-1].path == "/api/v2/buddies/ben@example.org/message"
    assert "{ @all} look" in world.stand_in.told[0].fields["text"]


@CLIQ
async def test_a_channel_that_is_not_there(name, world):
    outcome = await world.channel.post(replace(world.room, address="nowhere"), CARD, identity())
    assert outcome == Rejected(Fault.CONFIG, outcome.why)


@CLIQ
async def test_an_app_that_nobody_allowed(name, world):
    world.stand_in.vendor = replace(world.stand_in.vendor, login=Login("/oauth/v2/token", {"refresh_token": "another"}))
    outcome = await world.channel.post(world.room, CARD, identity())
    assert outcome == Rejected(Fault.AUTH, outcome.why)


@PUSHER
async def test_a_signature_with_another_secret_is_refused(name, world):
    world.channel.conf = replace(world.conf, secret="not-that-one")
    outcome = await world.channel.post(world.room, CARD, identity())
    assert outcome == Rejected(Fault.AUTH, outcome.why)
    assert not world.stand_in.told


@BOTH
async def test_other_scripts_are_within_what_one_event_may_have(name, world):
    """The stand-ins count bytes; Pusher's JSON writes each of these characters as twelve."""
    text = "\U0001f514\u4e2d" * 2000
    sent = await world.channel.post(world.room, Card("D-4821", Tone.CRITICAL, "P1", text, text), identity())
    assert isinstance(sent, Sent), sent
    assert "D-4821" in json.dumps(world.stand_in.told[0].fields)
