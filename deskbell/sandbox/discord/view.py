"""What the page draws of the server, as one JSON document."""

from typing import TYPE_CHECKING

from deskbell.sandbox.discord.world import DM, THREAD, Message
from deskbell.sandbox.web import Json

if TYPE_CHECKING:
    from deskbell.sandbox.discord.stand_in import DiscordStandIn

SHOWN = 60  # messages of a channel
WHISPERS = 40


def state(stand_in: "DiscordStandIn") -> Json:
    world = stand_in.world
    live = [channel for channel in world.channels.values() if not channel.deleted]
    people = [{"id": one.discord, "short": one.id, "name": one.name, "ours": one.ours} for one in world.people.values()]
    return {
        "people": people,
        "roles": {id: role["name"] for id, role in world.roles.items()},  # noqa: A001 - as Discord calls it
        "channels": [
            {
                "id": channel.id,
                "name": channel.name,
                "type": channel.type,
                "parent": channel.parent,
                "who": channel.recipient,
                "messages": [row(one) for one in list(channel.messages.values())[-SHOWN:] if one.visible],
            }
            for channel in live
            if channel.type in (0, DM, THREAD)
        ],
        "whispers": [row(one) for one in world.ephemerals[-WHISPERS:] if one.visible],
        "forms": [{"id": one.id, "who": one.who.discord, **one.body} for one in stand_in.interactions.modals.values()],
        "commands": [
            {"name": command["name"], "description": command["description"], "options": command.get("options") or []}
            for commands in stand_in.hub.commands.values()
            for command in commands
        ],
        "connected": bool(stand_in.sockets.ready or stand_in.hub.endpoint),
    }


def row(one: Message) -> Json:
    return {
        "id": one.id,
        "channel": one.channel,
        "author": one.author,
        "at": one.at,
        "content": one.content,
        "embeds": one.embeds,
        "components": one.components,
        "edited": len(one.edited),
        "reference": one.reference,
        "rang": [*one.users, *one.roles],
        "everyone": one.everyone,
        "only": one.only,
        "thread": one.thread,
        "silent": bool(one.flags & (1 << 12)),
    }
