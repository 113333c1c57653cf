"""How Discord writes its objects down. https://docs.discord.com/developers/resources"""

from datetime import UTC, datetime
from typing import Any

from deskbell.sandbox import credentials
from deskbell.sandbox.discord.world import (
    DM,
    EPHEMERAL,
    FOREIGN_GUILD,
    HAS_THREAD,
    TEXT,
    THREAD,
    Channel,
    Message,
    World,
)
from deskbell.sandbox.staff import Staff
from deskbell.sandbox.web import Json

_JOINED = "2025-03-01T08:00:00.000000+00:00"
DEFAULT, REPLY, CHAT_INPUT = 0, 19, 20  # kinds of messages


def stamp(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="microseconds")


def user(one: Staff) -> Json:
    return _user(one.discord, one.id, one.name) | {"bot": False}


def bot() -> Json:
    return _user(credentials.DISCORD_APP, "Deskbell", None) | {"bot": True}


def _user(id: str, name: str, shown: str | None) -> Json:
    empty = dict.fromkeys(
        ("avatar", "banner", "accent_color", "avatar_decoration_data", "collectibles", "primary_guild"), None
    )
    named = {"id": id, "username": name, "global_name": shown, "discriminator": "0"}
    return {**named, **empty, "public_flags": 0, "flags": 0, "system": False}


def ourselves() -> Json:
    return bot() | {"mfa_enabled": True, "locale": "en-US", "premium_type": 0, "email": None, "verified": True}


def member(world: World, account: Json, *, permissions: str = "") -> Json:
    empty = dict.fromkeys(("avatar", "banner", "communication_disabled_until", "nick", "premium_since"), None)
    plain = {"flags": 0, "joined_at": _JOINED, "pending": False, "mute": False, "deaf": False}
    out = {**empty, **plain, "roles": world.roles_of(account["id"]), "user": account}
    return out | ({"permissions": permissions} if permissions else {})


def channel(one: Channel) -> Json:
    if one.type == DM:
        return {"id": one.id, "type": DM, "flags": 0, "last_message_id": None, "recipients": []}
    out: Json = {"id": one.id, "type": one.type, "flags": 0, "guild_id": credentials.DISCORD_GUILD, "name": one.name}
    if one.type == THREAD:
        archived = {"archived": one.archived, "locked": one.locked, "auto_archive_duration": 1440}
        counts = dict.fromkeys(("message_count", "total_message_sent"), len(one.messages)) | {"member_count": 1}
        meta = {**archived, "archive_timestamp": _JOINED}
        return out | {"parent_id": one.parent, "owner_id": credentials.DISCORD_APP, "thread_metadata": meta, **counts}
    more = {"topic": None, "nsfw": False, "rate_limit_per_user": 0, "parent_id": None, "last_message_id": None}
    return out | more | {"position": 0, "permission_overwrites": one.overwrites}


def guild(world: World) -> Json:
    """As in GUILD_CREATE: what a bot with the guilds intent alone is told."""
    names = "emojis stickers voice_states presences stage_instances guild_scheduled_events soundboard_sounds features"
    lists: Json = {name: [] for name in names.split()}
    numbers = dict.fromkeys(
        ("verification_level", "default_message_notifications", "explicit_content_filter", "mfa_level", "nsfw_level"), 0
    )
    more = {"premium_tier": 0, "system_channel_flags": 0, "afk_timeout": 300}
    known = [one for one in world.channels.values() if not one.deleted]
    return {
        "id": credentials.DISCORD_GUILD,
        "name": "Northgate Compressed Air",
        "owner_id": next(iter(world.people)),
        "joined_at": _JOINED,
        "large": False,
        "unavailable": False,
        "member_count": len(world.people),
        "preferred_locale": "en-US",
        "roles": list(world.roles.values()),
        "channels": [channel(one) for one in known if one.type == TEXT],
        "threads": [channel(one) for one in known if one.type == THREAD],
        "members": [member(world, bot())],
        **lists,
        **numbers,
        **more,
    }


def message(world: World, one: Message, *, nonce: bool = False) -> Json:
    author = bot() if one.author == credentials.DISCORD_APP else user(world.person(one.author))
    kind = CHAT_INPUT if one.by_command else REPLY if one.reference else DEFAULT
    flags = one.flags | (EPHEMERAL if one.only else 0) | (HAS_THREAD if one.thread else 0)
    out: Json = {
        "id": one.id,
        "channel_id": one.channel,
        "type": kind,
        "author": author,
        "content": one.content,
        "timestamp": stamp(one.at),
        "edited_timestamp": stamp(one.edited[-1]) if one.edited else None,
        "tts": False,
        "mention_everyone": one.everyone,
        "mentions": [user(world.person(account)) for account in one.users],
        "mention_roles": one.roles,
        "attachments": [],
        "embeds": [{"type": "rich", **embed} for embed in one.embeds],
        "components": one.components,
        "pinned": False,
        "flags": flags,
    }
    if author["bot"]:
        out["application_id"] = credentials.DISCORD_APP
    if one.reference:
        out["message_reference"] = {"type": 0, "channel_id": one.channel, "message_id": one.reference}
    if one.thread and one.thread in world.channels:
        out["thread"] = channel(world.channels[one.thread])
    return out | ({"nonce": one.nonce} if nonce and one.nonce is not None else {})


def interaction(world: World, kind: int, who: Staff, place: Channel, data: Json, **more: Any) -> Json:
    """https://docs.discord.com/developers/interactions/receiving-and-responding#interaction-object."""
    private = place.type == DM
    guild_id = credentials.DISCORD_GUILD if who.ours else FOREIGN_GUILD
    out: Json = {
        "application_id": credentials.DISCORD_APP,
        "type": kind,
        "data": data,
        "channel_id": place.id,
        "channel": channel(place) | {"permissions": str(world.permissions(who.discord, place))},
        "version": 1,
        "locale": "en-US",
        "app_permissions": str(world.permissions(credentials.DISCORD_APP, place)),
        "entitlements": [],
        "authorizing_integration_owners": {"0": "0" if private else guild_id},
        "context": 1 if private else 0,
        "attachment_size_limit": 10485760,
        **more,
    }
    if private:
        return out | {"user": user(who)}
    rights = str(world.permissions(who.discord, place))
    home = {"id": guild_id, "locale": "en-US", "features": []}
    inside = {"guild_id": guild_id, "guild_locale": "en-US", "guild": home}
    return out | inside | {"member": member(world, user(who), permissions=rights)}
