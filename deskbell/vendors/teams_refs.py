"""What is remembered of Teams' conversations and people: where their service is, and how to reach somebody in private.

Every activity that comes in brings it; what is not yet known is taken from the settings, or asked of the connector.
"""

from dataclasses import dataclass
from typing import Any

import orjson

from deskbell.core.outcome import Fault, Rejected
from deskbell.core.store import Memory
from deskbell.net.session import Trouble
from deskbell.vendors.teams import TeamsConf, account_key, bot_id, may_call, service_key, team_key, user_key
from deskbell.vendors.teams_api import TeamsApi

Json = dict[str, Any]
KEPT = 2000  # what was written lately, so that it is not written again with every message


@dataclass(frozen=True, slots=True)
class Chat:
    """A private conversation with one person, and where its service is."""

    conversation: str
    service: str


class Refs:
    """`memory` may be missing: then everything is known until the process ends, and asked for again after it."""

    def __init__(self, conf: TeamsConf, memory: Memory | None) -> None:
        self.conf = conf
        self._memory = memory
        self._known: dict[str, str] = {}

    # ------------------------------------------------------------ what was heard

    async def heard(self, service: str, room: str, user: str = "", account: str = "", *, private: bool = False) -> None:
        """Something genuine came from there. Only an address that we may call is kept."""
        if not may_call(self.conf, service):
            return
        await self._remember(service_key(room), service)
        if not (user and account):
            return
        await self._remember(account_key(user), account)
        await self._tell(account, {"id": user} | ({"conversation": room} if private else {}))

    async def heard_team(self, team: str, room: str) -> None:
        rooms = set((await self._recall(team_key(team))).split())
        if room not in rooms:
            await self._remember(team_key(team), " ".join(sorted({*rooms, room})))

    async def forget_chat(self, account: str) -> None:
        if (await self._user(account)).get("conversation"):
            await self._tell(account, {"conversation": ""})

    # ------------------------------------------------------------ what is known

    async def service(self, room: str) -> str:
        """As last heard there, else as configured."""
        known = await self._recall(service_key(room))
        return known if known and may_call(self.conf, known) else self.conf.service_url

    async def rooms_of(self, team: str) -> list[str]:
        return (await self._recall(team_key(team))).split()

    async def user(self, account: str) -> str:
        """The connector's own id of a person, 29:...; nothing when the person was never heard."""
        return str((await self._user(account)).get("id") or "")

    async def account(self, user: str) -> str:
        return await self._recall(account_key(user))

    async def chat(self, api: TeamsApi, account: str, room: str = "") -> Chat:
        """The private conversation with a person, made when there is none yet. Raises Trouble.

        `room`: where somebody who was never heard may be looked up by the Entra object id.

        https://learn.microsoft.com/microsoftteams/platform/bots/how-to/conversations/send-proactive-messages
        """
        known = await self._user(account)
        conversation = str(known.get("conversation") or "")
        if conversation:
            return Chat(conversation, await self.service(conversation))
        service = self.conf.service_url
        body = {
            "bot": {"id": bot_id(self.conf)},
            "members": [{"id": await self.user(account) or await self._look_up(api, account, room)}],
            "tenantId": self.conf.tenant,
            "channelData": {"tenant": {"id": self.conf.tenant}},
        }
        answer = await api.create(service, body)
        conversation = str(answer.get("id") or "")
        if not conversation:
            raise Trouble(Rejected(Fault.TARGET, "Teams: no private conversation was made"))
        await self._tell(account, {"conversation": conversation})
        return Chat(conversation, service)

    async def _look_up(self, api: TeamsApi, account: str, room: str) -> str:
        """What the connector calls a person; else the Entra object id, which it mostly takes too."""
        if not room:
            return account
        try:
            user = str((await api.member(await self.service(room), room, account)).get("id") or "")
        except Trouble:
            return account
        if user:
            await self._tell(account, {"id": user})
        return user or account

    # ------------------------------------------------------------ the memory

    async def _tell(self, account: str, news: Json) -> None:
        told = {**await self._user(account), **news}
        await self._remember(user_key(account), orjson.dumps(told, option=orjson.OPT_SORT_KEYS).decode())

    async def _user(self, account: str) -> Json:
        try:
            told = orjson.loads(await self._recall(user_key(account)) or "{}")
        except orjson.JSONDecodeError:
            return {}
        return told if isinstance(told, dict) else {}

    async def _recall(self, name: str) -> str:
        if self._memory is None:
            return self._known.get(name, "")
        return await self._memory.recall(name) or ""

    async def _remember(self, name: str, value: str) -> None:
        """Written only when it is news: nearly every message says what is known already."""
        if self._known.get(name) == value:
            return
        if self._memory is not None and await self._memory.recall(name) != value:
            await self._memory.remember(name, value)
        if len(self._known) >= KEPT and self._memory is not None:
            self._known.clear()
        self._known[name] = value
