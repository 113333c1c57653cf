"""Words for one person: through the response URL that came with what they did, else as an ephemeral message."""

import logging
from urllib.parse import urlsplit

from bot.slack_reading import Sender
from deskbell.core.card import Reply
from deskbell.faces import slack as face
from deskbell.net.session import Trouble
from deskbell.vendors.slack import RESPONSE_HOST, SlackConf
from deskbell.vendors.slack_web import SlackWeb

log = logging.getLogger("deskbell.slack")


class Say:
    """Never raises: who could not be told is noted in the log, for what they did is done and audited anyway."""

    def __init__(self, web: SlackWeb) -> None:
        self._web = web

    async def whisper(self, sender: Sender, text: str) -> None:
        await self.reply(sender, Reply(lines=(text,)))

    async def reply(self, sender: Sender, reply: Reply, *, instead: bool = False) -> None:
        """`instead`: in the place of the message that was tapped, which only this person sees."""
        shown = face.reply(reply)
        message = shown | {"response_type": "ephemeral", "replace_original": instead}
        if not await self._respond(sender.response_url, message):
            await self._ephemeral(sender, shown)

    async def _respond(self, url: str, body: face.Json) -> bool:
        if not is_response_url(url, self._web.conf):
            return False
        try:
            status, _, _ = await self._web.send(url, body)
        except Trouble as trouble:
            log.info("Slack did not take an answer: %s", trouble.why)
            return False
        return status == 200

    async def _ephemeral(self, sender: Sender, shown: face.Json) -> None:
        if not sender.channel:
            return
        message = shown | {"channel": sender.channel, "user": sender.account, "parse": "none", "link_names": False}
        try:
            await self._web.call("chat.postEphemeral", message)
        except Trouble as trouble:
            log.warning("an answer did not reach its person: %s", trouble.why)


def is_response_url(url: str, conf: SlackConf) -> bool:
    """Only Slack's own, or the stand-in's that the base URL names: nobody sends our answers anywhere else."""
    try:
        given, base = urlsplit(url), urlsplit(conf.base_url)
    except ValueError:
        return False
    if given.scheme == "https" and given.netloc == RESPONSE_HOST:
        return True
    return bool(given.netloc) and (given.scheme, given.netloc) == (base.scheme, base.netloc)
