"""What the page draws of Slack."""

from typing import Any

from deskbell.sandbox.slack.messages import Message
from deskbell.sandbox.slack.stand_in import SlackStandIn
from deskbell.sandbox.slack.workspace import Channel, User
from deskbell.sandbox.web import Json

SHOWN = 80  # messages of a channel
WHISPERS = 60


def state(slack: SlackStandIn) -> Json:
    channels = slack.workspace.channels.values()
    return {
        "users": [user_row(user) for user in slack.workspace.users.values() if not user.deleted],
        "channels": [channel_row(channel) for channel in channels],
        "messages": {channel.id: messages(slack, channel) for channel in channels},
        "ephemerals": [message_row(m) for m in slack.workspace.ephemerals[-WHISPERS:] if m.live],
        "views": [view.wire() | {"user": view.user} for view in slack.views.values() if view.open],
        "commands": sorted(slack.commands),
        "sockets": len(slack.sockets.connections),
    }


def messages(slack: SlackStandIn, channel: Channel) -> list[Json]:
    live = [message for message in channel.messages.values() if slack.workspace.visible(message)]
    threads: dict[str, list[Json]] = {}
    for message in live:
        if message.is_reply:
            threads.setdefault(message.thread_ts or "", []).append(message_row(message))
    top = [message for message in live if not message.is_reply or message.broadcast][-SHOWN:]
    return [message_row(message) | {"replies": threads.get(message.ts, [])} for message in top]


def user_row(user: User) -> Json:
    wire = user.wire()
    row = {name: wire[name] for name in ("id", "name", "real_name", "is_bot")}
    return row | {"title": user.title, "stranger": wire["is_stranger"]}


def channel_row(channel: Channel) -> Json:
    members: list[Any] = sorted(channel.members)
    return {
        "id": channel.id,
        "name": channel.name,
        "topic": channel.topic,
        "archived": channel.is_archived,
        "im": channel.im_user,
        "members": members,
    }


def message_row(message: Message) -> Json:
    return {
        "channel": message.channel,
        "ts": message.ts,
        "user": message.user,
        "text": message.text,
        "blocks": message.blocks,
        "attachments": message.attachments,
        "edited": len(message.edits),
        "thread_ts": message.thread_ts,
        "bot": message.by_bot,
        "only": message.ephemeral_for,
    }
