"""A storm: a thousand things go wrong within a minute, in four regions that each have a room in every chat.

Most are of two kinds and make storms; a few are of a third, too few for one; sixteen can't wait. What became of them is
read off the chats: which message was posted when, and what it says.
"""

import asyncio
import random
from collections.abc import Iterator
from typing import TYPE_CHECKING

from deskbell.sandbox import staff
from deskbell.sandbox.discord.world import Channel as DiscordChannel
from deskbell.sandbox.scenario.storm_verdict import Happened, Message, Pace, Room, verdict
from deskbell.sandbox.slack.workspace import Channel as SlackChannel
from deskbell.sandbox.teams.tenant import Conversation
from deskbell.sandbox.telegram.model import Chat as TelegramChat
from deskbell.sandbox.web import Json

if TYPE_CHECKING:
    from deskbell.sandbox.server import Sandbox

REGIONS = ("north", "east", "south", "west")
MINUTE, HOUR = 60.0, 3600.0
UNKNOWN = (3, 5, 6, 7)  # technicians whom Deskbell can't ask by a message of their own; what rooms get is looked at
URGENT = 4  # in each region
RARE = 3  # in each region: too few for a storm


class Storm:
    def __init__(self, sandbox: "Sandbox", seed: int) -> None:
        self.sandbox = sandbox
        self.chance = random.Random(seed)  # noqa: S311 - the same storm again, not a secret
        self.happened: list[Happened] = []
        self.pace = Pace()
        self._task: asyncio.Task[None] | None = None
        self._rooms: dict[str, dict[str, str]] = {}

    # ------------------------------------------------------------------ where

    async def rooms(self, asked: Json) -> dict[str, dict[str, str]]:  # noqa: ARG002 - one shape for all
        """Opens a room in every chat for each region; their addresses by region and chat."""
        self._rooms = {region: self._opened(number, region) for number, region in enumerate(REGIONS)}
        return self._rooms

    def _opened(self, number: int, region: str) -> dict[str, str]:
        everybody = set(staff.STAFF)
        slack, teams = f"C0{region.upper()}", f"19:{region}@thread.tacv2"
        telegram, discord = -1001000000010 - number, f"90000000000000902{number}"
        workspace = self.sandbox.slack.workspace
        members = {user.id for user in workspace.users.values() if not user.deleted}
        workspace.channels[slack] = SlackChannel(slack, region, members, "Visits")
        self.sandbox.teams.tenant.conversations[teams] = Conversation(teams, region, members=everybody)
        hub = self.sandbox.telegram
        hub.chats[telegram] = TelegramChat(telegram, "supergroup", region.capitalize(), {}, members=set(hub.users))
        self.sandbox.discord.world.channels[discord] = DiscordChannel(discord, region)
        return {"slack": slack, "teams": teams, "telegram": str(telegram), "discord": discord}

    # ------------------------------------------------------------------ what happens

    async def begin(self, asked: Json) -> int:
        """So many `exceptions` within so many `seconds`; `interval` and `wait`: how often Deskbell reads, and how long
        it lets a card wait for others of its kind.
        """
        count, seconds = int(asked["exceptions"]), float(asked["seconds"])
        self.pace = Pace(float(asked["interval"]), float(asked["wait"]))
        self._task = asyncio.create_task(self._blow(count, seconds))
        return count

    async def _blow(self, count: int, seconds: float) -> None:
        clock = self.sandbox.clock
        begun = clock.time()
        for number, (region, kind, urgent) in enumerate(self._mixed(count)):
            await asyncio.sleep(max(0.0, begun + seconds * number / count - clock.time()))
            self._happens(region, kind, urgent=urgent)

    def _mixed(self, count: int) -> list[tuple[str, str, bool]]:
        """The kinds in a made-up order; those that can't wait are spread over all of it."""
        few = [(region, "over", False) for region in REGIONS for _ in range(RARE)]
        urgent = [(region, "late", True) for region in REGIONS for _ in range(URGENT)]
        many = [(region, kind, False) for region in REGIONS for kind in ("late", "unassigned")]
        left = count - len(few) - len(urgent)
        rest = [many[number % len(many)] for number in range(left)] + few
        self.chance.shuffle(rest)
        self.chance.shuffle(urgent)
        for number, one in enumerate(urgent):
            rest.insert(int((number + 0.5) * count / len(urgent)), one)
        return rest

    def _happens(self, region: str, kind: str, *, urgent: bool) -> None:
        fields, now = self.sandbox.fieldservice, self.sandbox.clock.time()
        number = len(self.happened)
        technician = UNKNOWN[number % len(UNKNOWN)]
        if kind == "unassigned":
            job = fields.add(start=now + 20 * HOUR, end=now + 21 * HOUR, technician=None, summary="Service")
        elif kind == "over":
            start = now - 80 * MINUTE
            job = fields.add(start=start, end=now - 20 * MINUTE, technician=technician, status="on_site",
                             checked_in_at=start, summary="Repair")  # fmt: skip
        else:
            start = now - (70 if urgent else 35) * MINUTE
            job = fields.add(start=start, end=start + 2 * HOUR, technician=technician, status="en_route",
                             travel_started_at=start - 40 * MINUTE, summary="Repair")  # fmt: skip
        fields.change(job["id"], region=region)
        self.happened.append(Happened(job["number"], region, kind, now, urgent))

    # ------------------------------------------------------------------ what became of it

    async def judge(self, asked: Json) -> Json:  # noqa: ARG002 - one shape for all
        """What the chats show, held against what happened."""
        throttled = sum(self.sandbox.ledger.count(chat, "ratelimited") for chat in self.sandbox.chats)
        return verdict(self.happened, list(self._seen()), self.pace, throttled)

    def _seen(self) -> Iterator[Room]:
        ledger = self.sandbox.ledger
        for chat in self.sandbox.chats.values():
            posted = [
                (str(entry.what.get("room") or entry.what.get("channel")), _id(entry.what), entry.at)
                for entry in ledger.of(chat.name, "posted")
            ]
            for region, rooms in self._rooms.items():
                room = rooms[chat.name]
                texts = {card.id: card.text for card in chat.cards(room)}
                found = [Message(at, texts.get(ident, "")) for where, ident, at in posted if where == room]
                yield Room(chat.name, region, found)


def _id(what: Json) -> str:
    return str(what.get("id") or what.get("ts") or what.get("message"))
