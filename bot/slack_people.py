"""Who is who in Slack: which workspace is ours, and which account is which of our people."""

import asyncio
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.ports import Front
from bot.slack_reading import Sender
from deskbell.core.access import Person
from deskbell.core.outcome import Retry
from deskbell.net.session import Trouble
from deskbell.vendors.slack import PLATFORM
from deskbell.vendors.slack_web import SlackWeb

# users.lookupByEmail is tier 3, fifty a minute with short bursts: https://docs.slack.dev/apis/web-api/rate-limits
BURST = 20
PACE_S = 1.3
AGAIN_S = 60.0  # how soon an account that nobody knew is asked for again

log = logging.getLogger("deskbell.slack")


@dataclass(frozen=True, slots=True)
class Ourselves:
    """What auth.test says of us."""

    team: str
    user: str
    bot: str
    enterprise: str = ""


class Directory:
    """Links people to their Slack accounts by e-mail. An account named in the configuration wins over a look-up."""

    def __init__(self, web: SlackWeb, front: Front) -> None:
        self._web, self._front = web, front
        self._ourselves: Ourselves | None = None
        self._asked: dict[str, float] = {}  # account -> when it was last looked up in vain
        self._met: set[str] = set()  # accounts that were linked when we last looked

    async def ourselves(self) -> Ourselves:
        """Asked once. Raises Trouble as long as Slack can't be asked."""
        if self._ourselves is None:
            await self.hello()
        assert self._ourselves is not None  # noqa: S101 - hello() sets it or raises
        return self._ourselves

    async def hello(self) -> None:
        """Asks Slack who we are: also the sign of life that keeps a Socket Mode connection from going deaf."""
        answer = await self._web.ask(self._web.client.auth_test())
        self._ourselves = Ourselves(
            team=str(answer["team_id"]),
            user=str(answer["user_id"]),
            bot=str(answer.get("bot_id") or ""),
            enterprise=str(answer.get("enterprise_id") or ""),
        )

    async def admits(self, sender: Sender) -> bool:
        """Whether this comes from a person of our own workspace: not a guest of a shared channel, not a bot."""
        ours = await self.ourselves()
        same = sender.workspace == ours.team or bool(ours.enterprise and sender.enterprise == ours.enterprise)
        return same and not sender.bot and sender.account not in {ours.user, ours.bot, ""}

    async def meet(self, account: str) -> None:
        """Somebody not yet linked is looked up in Slack, at most once a minute. Who it is, the desk decides."""
        if account in self._met or time.monotonic() - self._asked.get(account, -AGAIN_S) < AGAIN_S:
            return
        if await self._front.person(PLATFORM, account) is not None:
            self._met.add(account)
            return
        self._asked[account] = time.monotonic()
        try:
            answer = await self._web.ask(self._web.client.users_info(user=account))
        except Trouble as trouble:
            log.warning("an unknown account could not be looked up in Slack: %s", trouble.why)
            return
        await self._link(account, answer["user"])

    async def link_people(self) -> int:
        """Links everybody whose account the configuration names or whose e-mail Slack knows; how many that are."""
        found = 0
        self._met.clear()  # somebody may have left
        for number, person in enumerate(self._front.people.values()):
            account = person.accounts.get(PLATFORM) or await self._account_of(person)
            if account:
                await self._front.link(PLATFORM, account, person.id)
                found += 1
            await asyncio.sleep(PACE_S if number >= BURST and not person.accounts.get(PLATFORM) else 0)
        return found

    async def _account_of(self, person: Person) -> str:
        if not person.email:
            return ""
        try:
            answer = await self._web.ask(self._web.client.users_lookupByEmail(email=person.email))
        except Trouble as trouble:
            return await self._wait_and_ask(person, trouble)
        account = str(answer["user"]["id"])
        return "" if _is_taken(account, person, self._front.people) else account

    async def _wait_and_ask(self, person: Person, trouble: Trouble) -> str:
        if isinstance(trouble.outcome, Retry) and trouble.outcome.limited and trouble.outcome.after:
            await asyncio.sleep(trouble.outcome.after.total_seconds())
            return await self._account_of(person)
        log.info("%s is not linked to Slack: %s", person.id, trouble.why)
        return ""

    async def _link(self, account: str, user: Mapping[str, Any]) -> None:
        email = str((user.get("profile") or {}).get("email") or "").casefold()
        if not email or user.get("deleted") or user.get("is_bot"):
            return
        person = next((one for one in self._front.people.values() if one.email.casefold() == email), None)
        if person is None or person.accounts.get(PLATFORM) or _is_taken(account, person, self._front.people):
            return
        await self._front.link(PLATFORM, account, person.id)


def _is_taken(account: str, person: Person, people: Mapping[str, Person]) -> bool:
    """Whether the configuration gives this account to somebody else."""
    return any(one.accounts.get(PLATFORM) == account for one in people.values() if one.id != person.id)
