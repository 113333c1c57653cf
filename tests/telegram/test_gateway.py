"""What people do in Telegram, through the real SDK: tap, choose, reply, type, and see. Polled and by webhook."""

from deskbell.core.alert import Status

ROOM = "-1001000000001"


async def test_a_tap_is_done_and_answered_privately(card, gateway, desk, telegram):
    heard = await telegram.press("ana", card, "Acknowledge")

    assert heard.failed == ""
    assert desk.alert.status is Status.ACKED
    assert heard.private == ["D-12: Ana Ruiz acknowledged"]
    assert heard.public == []
    said = desk.acted[0]
    assert (said.platform, said.account, said.workspace, said.room) == ("telegram", "700000001", "", ROOM)
    assert said.key.startswith("telegram:")
    assert said.kind == "button"
