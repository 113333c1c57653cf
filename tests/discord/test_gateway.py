"""What people do in Discord, through the real SDK over its gateway, and signed to our HTTP server."""

from deskbell.core.alert import Status
from deskbell.sandbox import credentials
from deskbell.sandbox.staff import STAFF

ROOM = credentials.DISCORD_ROOMS["dispatch"]


async def test_a_tap_is_done_and_told_privately_with_undo(card, desk, discord):
    heard = await discord.press("ana", card, "Acknowledge")

    assert heard.failed == ""
    assert heard.public == []
    assert "D-12: Ana Ruiz acknowledged" in heard.private[0]
    assert "Undo" in heard.private[0]
    assert desk.alert.acked_by == "ana"
    said = desk.acted[0]
    assert (said.platform, said.account, said.workspace) == ("discord", STAFF["ana"].discord, credentials.DISCORD_GUILD)
    assert (said.room, said.kind, said.key[:8]) == (ROOM, "button", "discord:")


async def test_undo_takes_the_place_of_the_words_it_takes_back(card, desk, discord):
    await discord.press("ana", card, "Acknowledge")
    heard = await discord.press_private("ana", "Undo")

    assert desk.alert.status is Status.OPEN
    assert desk.acted[1].room == ""
    assert len(heard.private) == 1
