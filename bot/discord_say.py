"""What people are answered: within three seconds as the answer itself, later as a message behind it."""

import logging
from typing import Any

from bot.discord_reading import Sender
from deskbell.net.faults import point
from deskbell.net.session import Trouble
from deskbell.vendors.discord import TOO_LATE
from deskbell.vendors.discord_web import DiscordWeb

Json = dict[str, Any]

log = logging.getLogger("deskbell.discord")


class Say:
    """Never raises: who could not be told is noted in the log, for what they did is done and audited anyway."""

    def __init__(self, web: DiscordWeb) -> None:
        self._web = web

    async def answer(self, id: str, token: str, answer: Json) -> None:
        """https://docs.discord.com/developers/interactions/receiving-and-responding#create-interaction-response."""
        path = "/interactions/{webhook_id}/{webhook_token}/callback"
        point("discord.answer.before")
        try:
            await self._web.call("POST", path, json=answer, webhook_id=id, webhook_token=token)
        except Trouble as trouble:
            # Another daemon with the same token was faster, or Discord did not wait any longer.
            log.log(
                logging.INFO if trouble.code in TOO_LATE else logging.WARNING,
                "an answer did not reach its person: %s",
                trouble.why,
            )
        point("discord.answer.after")

    async def later(self, sender: Sender, message: Json) -> None:
        """https://docs.discord.com/developers/interactions/receiving-and-responding#create-followup-message."""
        ids = {"webhook_id": self._web.conf.application_id, "webhook_token": sender.token}
        try:
            await self._web.call("POST", "/webhooks/{webhook_id}/{webhook_token}", json=message, **ids)
        except Trouble as trouble:
            log.warning("a later answer did not reach its person: %s", trouble.why)
