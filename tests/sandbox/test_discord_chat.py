"""What the page, the verdict and the scripted people see of Discord's stand-in."""

import json

import pytest

from deskbell.sandbox import credentials
from deskbell.sandbox.chat import Refused
from deskbell.sandbox.clock import Clock, Pulse
from deskbell.sandbox.discord.stand_in import DiscordStandIn
from deskbell.sandbox.ledger import Ledger
from deskbell.sandbox.staff import STAFF

ROOM = credentials.DISCORD_ROOMS["dispatch"]


@pytest.fixture
def discord():
    clock, pulse = Clock(), Pulse()
    return DiscordStandIn(clock, Ledger(clock, pulse), pulse)


def card(ref="D-12", nonce=None):
    row = {"type": 1, "components": [{"type": 2, "style": 1, "label": "Acknowledge", "custom_id": "ack"}]}
    shown = {"content": "Marco is late, J-4711", "embeds": [{"title": "P1", "footer": {"text": f"{ref} late"}}]}
    return shown | {"components": [row]} | ({"nonce": nonce} if nonce else {})


def test_a_card_is_a_card_and_a_line_is_none(discord):
    discord.ledger.expect("J-4711", "late")
    discord.hub.post(ROOM, card())
    discord.hub.post(ROOM, {"content": "[P1 act now] D-13 Marco is late"})
    discord.hub.post(ROOM, {"content": "D-12: escalated"})

    assert [one.ref for one in discord.cards()] == ["D-12", "D-13"]
    assert discord.cards()[0].buttons == ("Acknowledge",)
    assert discord.cards(credentials.DISCORD_ROOMS["support"]) == []
    assert len(discord.texts(ROOM)) == 3
    assert discord.ledger.expectations[0].seen


def test_sabotage_hides_the_second_card(discord):
    discord.sabotage = True
    for ref in ("D-1", "D-2", "D-3"):
        discord.hub.post(ROOM, card(ref))

    assert [one.ref for one in discord.dropped()] == ["D-2"]
    assert [one.ref for one in discord.cards()] == ["D-1", "D-3"]
    assert not discord.sabotage


def test_what_is_there_twice_is_found(discord):
    discord.hub.post(ROOM, card())
    assert discord.duplicates() == []
    discord.hub.post(ROOM, card())
    for _ in range(2):
        discord.hub.post(ROOM, {"content": "escalated", "nonce": "n"})

    assert sorted(one["identity"][0] for one in discord.duplicates()) == ["card", "note"]
    discord.delete_by_hand(discord.cards()[1])
    assert len(discord.duplicates()) == 1


def test_a_deleted_card_is_no_longer_waited_for(discord):
    discord.ledger.cards_of = lambda ref: {("discord", one.room, one.id) for one in discord.cards() if one.ref == ref}
    message = discord.hub.post(ROOM, card())
    discord.ledger.pressed("D-12")
    discord.hub.edit(message, {"content": "Acknowledged"})
    discord.ledger.pressed("D-12")
    discord.hub.delete(message)

    assert len(discord.ledger.converge_ms) == 2


def test_the_page_gets_one_document(discord):
    message = discord.hub.post(ROOM, card())
    discord.hub.open_thread(discord.world.channels[ROOM], message, {"name": "the story"})
    discord.world.direct(STAFF["ben"].discord)
    state = json.loads(json.dumps(discord.state()))

    assert [one["name"] for one in state["channels"][:3]] == list(credentials.DISCORD_ROOMS)
    shown = state["channels"][0]["messages"][0]
    assert (shown["content"], shown["thread"]) == ("Marco is late, J-4711", message.id)
    assert not state["connected"]


async def test_the_page_is_told_what_can_not_be_done(discord):
    message = discord.hub.post(ROOM, card())
    with pytest.raises(Refused):
        await discord.verbs["tap"]({"who": "ana", "channel": ROOM, "message": "1", "custom_id": "ack"})
    with pytest.raises(Refused):
        await discord.verbs["submit"]({"form": "1", "fields": {}})
    with pytest.raises(Refused):
        await discord.verbs["type"]({"who": "ana", "channel": ROOM, "text": "/desk list"})
    await discord.verbs["close"]({"form": "1"})
    told = await discord.verbs["tap"]({"who": "ana", "channel": ROOM, "message": message.id, "custom_id": "ack"})
    assert not told["acked"]
    assert told["error"]


def test_a_lost_room_is_lost(discord):
    discord.remove_bot(ROOM)

    with pytest.raises(Exception, match="50001 Missing Access"):
        discord.hub.post(ROOM, card())
