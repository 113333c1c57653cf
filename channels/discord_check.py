"""What `deskbell check` can tell of Discord before anything goes wrong: the token, the rooms, the permissions."""

from collections.abc import Mapping, Sequence
from typing import Any

from deskbell.core.ports import Destination, Finding
from deskbell.net.session import Trouble
from deskbell.vendors.discord import ADMINISTRATOR, MENTION_EVERYONE, PERMISSIONS, DiscordConf, Way
from deskbell.vendors.discord_web import DiscordWeb

Json = Mapping[str, Any]
_WRITABLE = (0, 5)  # text and announcements: https://docs.discord.com/developers/resources/channel#channel-object
_EVERYTHING = (1 << 53) - 1


async def check(web: DiscordWeb, destinations: Sequence[Destination]) -> Sequence[Finding]:
    """Whether the token is good, whether it is in each server, and whether each room can be written to."""
    try:
        return await _check(web, destinations)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        return [
            Finding("discord", ok=False, detail=f"the answers can't be read: is base_url Discord's? {error!r}"[:200])
        ]


async def _check(web: DiscordWeb, destinations: Sequence[Destination]) -> Sequence[Finding]:
    try:
        ourselves = await web.ask("GET", "/users/@me")
    except Trouble as trouble:
        return [Finding("discord", ok=False, detail=f"{trouble.why}. Look at token on the application's Bot page.")]
    rows = [Finding("discord", ok=True, detail=f"as {ourselves.get('username')}"), await _way_in(web)]
    guilds: dict[str, _Guild] = {}
    for guild in web.conf.guilds:
        found = await _guild(web, guild, str(ourselves["id"]))
        if isinstance(found, _Guild):
            guilds[guild] = found
            rows += _role(web.conf, found)
        else:
            rows.append(Finding(f"discord server {guild}", ok=False, detail=found))
    return rows + [await _room(web, guilds, destination) for destination in destinations]


async def _way_in(web: DiscordWeb) -> Finding:
    """Whether taps can come back."""
    try:
        application = await web.ask("GET", "/oauth2/applications/@me")
        url = str(application.get("interactions_endpoint_url") or "")
    except Trouble as trouble:
        return Finding("discord taps", ok=False, detail=trouble.why)
    if str(application.get("id")) != web.conf.application_id:
        return Finding("discord taps", ok=False, detail=f"application_id must be {application.get('id')}")
    if web.conf.way is Way.GATEWAY:
        wrong = "the application has an Interactions Endpoint URL, so that no tap comes over the gateway: remove it"
        return Finding("discord taps", ok=not url, detail=wrong if url else "over the gateway")
    if str(application.get("verify_key") or web.conf.public_key) != web.conf.public_key.lower():
        return Finding("discord taps", ok=False, detail="public_key is not the application's: see General Information")
    missing = "the application has no Interactions Endpoint URL yet: enter our public address there"
    return Finding("discord taps", ok=bool(url), detail=f"to {url}" if url else missing)


class _Guild:
    """A server's roles, and those that we have."""

    def __init__(self, id: str, roles: Sequence[Json], ours: Sequence[str], us: str) -> None:
        self.id, self.us = id, us
        self.roles = {str(role["id"]): role for role in roles}
        self.ours = {id, *ours}  # @everyone's role has the server's id

    def permissions(self) -> int:
        held = 0
        for role in self.ours:
            held |= int(self.roles.get(role, {}).get("permissions", 0))
        return _EVERYTHING if held & ADMINISTRATOR else held

    def permissions_in(self, channel: Json) -> int:
        """https://docs.discord.com/developers/topics/permissions#permission-overwrites: everyone, roles, then us."""
        held = self.permissions()
        if held == _EVERYTHING:
            return held
        rules = {
            str(rule["id"]): (int(rule["allow"]), int(rule["deny"]))
            for rule in channel.get("permission_overwrites", ())
        }
        allow, deny = rules.get(self.id, (0, 0))
        held = held & ~deny | allow
        mine = [rules[role] for role in self.ours - {self.id} if role in rules]
        for _, denied in mine:
            held &= ~denied
        for allowed, _ in mine:
            held |= allowed
        allow, deny = rules.get(self.us, (0, 0))
        return held & ~deny | allow


async def _guild(web: DiscordWeb, guild: str, us: str) -> "_Guild | str":
    try:
        roles = await web.call("GET", "/guilds/{guild_id}/roles", guild_id=guild)
        member = await web.ask("GET", "/guilds/{guild_id}/members/{member_id}", guild_id=guild, member_id=us)
    except Trouble as trouble:
        return f"{trouble.why}. Invite the bot: see deskbell manifest discord."
    return _Guild(guild, roles, [str(role) for role in member.get("roles", ())], us)


def _role(conf: DiscordConf, guild: _Guild) -> list[Finding]:
    """Whether the on-call role rings when it is mentioned."""
    role = guild.roles.get(conf.oncall_role)
    if not conf.oncall_role or (role is None and len(conf.guilds) > 1):
        return []
    if role is None:
        return [Finding("discord oncall_role", ok=False, detail="there is no such role in the server")]
    rings = bool(role.get("mentionable")) or bool(guild.permissions() & MENTION_EVERYONE)
    how = f"nobody is notified: let everybody mention @{role.get('name')} in its settings"
    return [Finding("discord oncall_role", ok=rings, detail=f"@{role.get('name')}" if rings else how)]


async def _room(web: DiscordWeb, guilds: Mapping[str, _Guild], to: Destination) -> Finding:
    name = f"discord {to.name}"
    try:
        channel = await web.ask("GET", "/channels/{channel_id}", channel_id=to.address)
    except Trouble as trouble:
        return Finding(name, ok=False, detail=trouble.why)
    called = f"#{channel.get('name')}"
    guild = guilds.get(str(channel.get("guild_id")))
    if guild is None:
        return Finding(name, ok=False, detail=f"{called} is not in a server that guilds names")
    if channel.get("type") not in _WRITABLE:
        return Finding(name, ok=False, detail=f"{called} is no text channel")
    held = guild.permissions_in(channel)
    lacking = ", ".join(words for words, bit in PERMISSIONS.items() if not held & bit)
    return Finding(name, ok=not lacking, detail=f"{called} lacks {lacking}" if lacking else called)
