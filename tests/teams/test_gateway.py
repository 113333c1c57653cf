"""What people do in Teams, over real HTTP with signed activities and the real SDK: tap, fill in, type, and see."""

from deskbell.core.alert import Status
from deskbell.sandbox import credentials

ROOM = credentials.TEAMS_ROOMS["dispatch"]


async def test_a_tap_is_done_and_answered_with_the_card_and_undo(card, desk, teams, seen):
    heard = await teams.press("ana", seen(), "Acknowledge")

    assert heard.failed == ""
    assert "D-12: Ana Ruiz acknowledged" in heard.text
    assert desk.alert.status is Status.ACKED
    said = desk.acted[0]
    assert (said.platform, said.room, said.workspace) == ("teams", ROOM, credentials.TEAMS_TENANT)
    assert said.account == "aad00000-0000-4000-8000-000000000001"
    assert said.key.startswith("teams:19:")
    assert said.kind == "button"
    assert "Undo" in [one["title"] for one in card.views["ana"]["actions"]]
    assert "ben" not in card.views
