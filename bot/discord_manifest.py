"""What to enter in Discord's Developer Portal, step by step, and the address that invites the bot.

https://discord.com/developers/applications
"""

import json
from collections.abc import Iterable
from urllib.parse import urlencode

from bot.discord_commands import commands
from deskbell.vendors.discord import HOOK, MENTION_EVERYONE, PERMISSIONS, DiscordConf, Way

_INVITE = "https://discord.com/oauth2/authorize"
_SCOPES = "bot applications.commands"


def discord_manifest(conf: DiscordConf) -> str:
    """Steps for a person, and the commands, which Deskbell registers itself when it starts."""
    numbered = [f"{number}. {step}" for number, step in enumerate(_steps(conf), 1)]
    invitations = [f"  {invite(conf, guild)}" for guild in conf.guilds or ("",)]
    body = json.dumps(commands(conf), indent=2, ensure_ascii=False)
    parts = ["The invitation:", "", *invitations, "", "The commands, as they are registered:", "", body, ""]
    return "\n".join([*numbered, "", *parts])


def invite(conf: DiscordConf, guild: str = "") -> str:
    """Takes whoever may manage the server to Discord's own page, with the permissions that Deskbell needs ticked."""
    query = {"client_id": conf.application_id, "scope": _SCOPES, "permissions": permissions(conf)}
    chosen = {"guild_id": guild, "disable_guild_select": "true"} if guild else {}
    return f"{_INVITE}?{urlencode(query | chosen)}"


def permissions(conf: DiscordConf) -> int:
    """To mention a role that not everybody may mention needs one more, and only where that is configured."""
    return sum(PERMISSIONS.values()) | (MENTION_EVERYONE if conf.oncall_role else 0)


def _steps(conf: DiscordConf) -> Iterable[str]:
    yield (
        "At https://discord.com/developers/applications: New Application. From General Information put the Application"
        " ID into config.toml, [discord] application_id"
        + (", and the Public Key, public_key." if conf.way is Way.HTTP else ".")
    )
    yield "On the page Bot: Reset Token, and put it into [discord] token. Switch Public Bot off: nobody else needs it."
    yield "Leave all three Privileged Gateway Intents off: Deskbell reads no messages and no member list."
    yield (
        "In Discord: Settings, Advanced, Developer Mode on. Right click the server, Copy Server ID: [discord] guilds."
        ' Right click each channel, Copy Channel ID: the address of a destination with platform = "discord".'
    )
    yield f"Open the invitation below and add the bot. It asks for: {', '.join(_asked(conf))}."
    yield "Add the bot's role to every private channel that is to be a room."
    if conf.way is Way.HTTP:
        yield (
            f"Start Deskbell, then enter https://your.public.address{HOOK} as Interactions Endpoint URL under General"
            " Information. Discord tries it at once, with a good signature and with a bad one."
        )
    else:
        yield "Leave the Interactions Endpoint URL empty: with one, no tap would come over the gateway."
    if conf.oncall_role:
        yield "In the server's settings of the on-call role: let everybody mention it, or keep the permission above."
    yield "deskbell check says whether the bot can write to every room."


def _asked(conf: DiscordConf) -> list[str]:
    return [*PERMISSIONS, *(["Mention @everyone, @here and All Roles"] if conf.oncall_role else [])]
