"""A small storm into four chats with the vendors' limits on; and one tap that acknowledges all of it."""

import asyncio
import re
from contextlib import asynccontextmanager

from deskbell import demo_storm
from deskbell.config import load
from deskbell.core.alert import Severity, Status
from deskbell.daemon import Daemon
from deskbell.sandbox.server import Sandbox
from tests.town import CONFIG, Town, environ

CHATS = ("slack", "teams", "telegram", "discord")


@asynccontextmanager
async def a_storm(folder, sabotage=""):
    """The stand-ins after a storm that has blown for two seconds, their rooms, and the daemon."""
    async with Sandbox(scenario="storm", sabotage=sabotage) as sandbox:
        rooms = await demo_storm.rooms(sandbox.url)
        file = demo_storm.settings_file(CONFIG, folder, rooms)
        text = file.read_text().replace('"group_wait" = "20s"', '"group_wait" = "3s"').replace("8780", "0")
        file.write_text(re.sub(r'"interval" = "2s"', '"interval" = "1s"', text))
        daemon = await Daemon.start(load(file, environ(sandbox.url, folder)))
        try:
            sandbox.introduce(f"http://127.0.0.1:{daemon.server.port}")
            await demo_storm.blow(sandbox.url, daemon, 2, exceptions=140, settle_s=0)
            yield Town(sandbox, daemon), rooms
        finally:
            await daemon.stop()


async def judged(town, so_far):
    """The verdict once nothing is to come any more: in a burst the last cards wait for the vendors' limits."""
    while so_far(verdict := await town.sandbox.storm.judge({})):
        await asyncio.sleep(0.2)
    return verdict


async def test_a_storm_is_one_card_in_each_room_and_one_tap_answers_all_of_it(tmp_path):
    async with a_storm(tmp_path) as (town, rooms), asyncio.timeout(120):
        verdict = await judged(town, lambda found: found["lost"])
        assert (verdict["exceptions"], verdict["p1"]) == (140, 64)
        assert (verdict["after_storm"], verdict["throttled"]) == (0, 0), verdict["wrong"]
        room = rooms["north"]["telegram"]
        (card,) = [one for one in town.chats["telegram"].cards(room) if "Storm in north: Technician late" in one.text]
        heard = await town.chats["telegram"].press("ana", card, "Acknowledge all")
        assert "alerts of it." in heard.text
        for chat in CHATS:
            await town.until(lambda chat=chat: shown(town, chat, rooms["north"][chat], card.ref), 20)
        alerts = await town.daemon.store.read(lambda reader: reader.alerts(rule="technician_late", limit=500))
        north = [one for one in alerts if one.team == "north"]
        assert {one.status for one in north if one.severity is not Severity.P1} == {Status.ACKED}
        assert {one.status for one in north if one.severity is Severity.P1} == {Status.OPEN}
        child = next(one for one in north if one.severity is not Severity.P1)
        for chat in CHATS:
            (card,) = [one for one in town.chats[chat].cards(rooms["north"][chat]) if one.ref == card.ref]
            await town.chats[chat].press("ana", card, "Note to all", f"said in {chat}")

        async def noted():
            story = await town.daemon.store.read(lambda reader: reader.story(child.id))
            return {row.entry.personal.get("text") for row in story if row.entry.verb == "note"}

        await town.until_async(noted, {f"said in {chat}" for chat in CHATS}, 60)


def shown(town, chat, room, ref):
    cards = [one for one in town.chats[chat].cards(room) if one.ref == ref]
    return cards and "Acknowledged by Ana Ruiz" in cards[0].text


async def test_a_card_that_a_chat_swallowed_is_found(tmp_path):
    async with a_storm(tmp_path, sabotage="discord") as (town, _), asyncio.timeout(120):
        (gone,) = town.chats["discord"].dropped()
        subject = re.search(r"J-\d+", gone.text)[0]
        verdict = await judged(town, lambda found: found["lost"] > 1)
        assert verdict["lost"] == 1
        assert verdict["wrong"][0].startswith(f"lost: {subject} in ")
        assert verdict["wrong"][0].endswith("of discord")
