"""chat.*: what is said, changed and taken back."""

from dataclasses import dataclass
from typing import Any

from deskbell.sandbox import credentials
from deskbell.sandbox.slack.api import POST, SPECIAL, TIER_3, TIER_4, Args, SlackError, invalid, method
from deskbell.sandbox.slack.blocks import check_blocks, with_ids
from deskbell.sandbox.slack.hub import Slack
from deskbell.sandbox.slack.messages import Message
from deskbell.sandbox.slack.workspace import Channel, NotFound
from deskbell.sandbox.web import Json, dumps

# https://docs.slack.dev/reference/methods/chat.postMessage and .../chat.update
POSTED_TEXT = 40_000  # longer is cut
UPDATED_TEXT = 4_000  # longer is refused
MARKDOWN_TEXT = 12_000
ATTACHMENTS = 100
METADATA_BYTES = 16_000  # the page names the error, not the size


@dataclass(frozen=True, slots=True)
class Content:
    text: str
    blocks: list[Json] | None
    attachments: list[Json] | None
    metadata: Json | None
    parse_words: bool

    @property
    def empty(self) -> bool:
        return not (self.text.strip() or self.blocks or self.attachments)

    def given(self) -> Json:
        """Only what was sent: an update keeps the rest."""
        parts = {"blocks": self.blocks, "attachments": self.attachments, "metadata": self.metadata}
        return {name: part for name, part in parts.items() if part is not None}


def read_blocks(slack: Slack, value: Any, at: str = "/blocks") -> list[Json] | None:
    if value is None:
        return None
    if not isinstance(value, list):
        raise SlackError("invalid_blocks_format")
    if found := check_blocks(value, at):
        raise invalid("invalid_blocks", found)
    return with_ids(value, slack.fresh_ids)


def read_attachments(slack: Slack, value: Any) -> list[Json] | None:
    if value is None:
        return None
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise SlackError("invalid_attachments")
    if len(value) > ATTACHMENTS:
        raise SlackError("too_many_attachments")
    named = [read_blocks(slack, one.get("blocks"), f"/attachments/{i}/blocks") for i, one in enumerate(value)]
    return [{**one, "id": i + 1} | ({"blocks": named[i]} if named[i] else {}) for i, one in enumerate(value)]


def read_metadata(args: Args) -> Json | None:
    """https://docs.slack.dev/messaging/message-metadata: event_type and event_payload, nothing else."""
    value = args.nested("metadata", "invalid_metadata_format")
    if value is None:
        return None
    shape_ok = isinstance(value, dict) and set(value) == {"event_type", "event_payload"}
    if not shape_ok or not isinstance(value["event_type"], str) or not value["event_type"]:
        raise SlackError("invalid_metadata_format")
    if not isinstance(value["event_payload"], dict):
        raise SlackError("invalid_metadata_format")
    if len(dumps(value)) > METADATA_BYTES:
        raise SlackError("metadata_too_large")
    return dict(value)


def read_content(slack: Slack, args: Args) -> Content:
    text, markdown = args.text("text"), args.text("markdown_text")
    if markdown and (text or "blocks" in args):
        raise SlackError("markdown_text_conflict")
    if len(markdown) > MARKDOWN_TEXT:
        raise SlackError("msg_too_long")
    return Content(
        text or markdown,
        read_blocks(slack, args.nested("blocks", "invalid_blocks_format")),
        read_attachments(slack, args.nested("attachments", "invalid_attachments")),
        read_metadata(args),
        args.text("parse") == "full" or args.flag("link_names"),
    )


def target(slack: Slack, args: Args) -> Channel:
    """The channel to write to: it exists, is open, and the bot is in it. A person's id means the direct messages."""
    wanted = args.need("channel")
    workspace = slack.workspace
    if wanted in workspace.users:
        return workspace.direct(wanted)
    try:
        channel = workspace.channel(wanted)
    except NotFound:
        raise SlackError("channel_not_found") from None
    if channel.is_archived:
        raise SlackError("is_archived")
    outside = credentials.SLACK_BOT_USER not in channel.members
    if outside and channel.is_private:
        raise SlackError("channel_not_found")
    if outside and "chat:write.public" not in slack.scopes:
        raise SlackError("not_in_channel")
    return channel


def parent(slack: Slack, channel: Channel, args: Args) -> str | None:
    if "thread_ts" not in args:
        return None
    found = slack.workspace.message(channel.id, args.text("thread_ts"))
    if found is None or found.is_reply:
        raise SlackError("cannot_reply_to_message")
    return found.ts


@method("chat.postMessage", scope="chat:write", rate=POST, per_channel=True)
def post_message(slack: Slack, args: Args) -> Json:
    channel = target(slack, args)
    content = read_content(slack, args)
    if content.empty:
        raise SlackError("no_text")
    thread_ts = parent(slack, channel, args)
    message = slack.workspace.say(
        channel.id,
        credentials.SLACK_BOT_USER,
        content.text[:POSTED_TEXT],
        **{"blocks": [], "attachments": []} | content.given(),
        thread_ts=thread_ts,
        broadcast=args.flag("reply_broadcast"),
        parse_words=content.parse_words,
    )
    slack.was_posted(message)
    return {"channel": channel.id, "ts": message.ts, "message": message.wire(metadata=True)}


def own_message(slack: Slack, args: Args, refused: str) -> Message:
    """A message of ours by channel id and ts. A name instead of an id is not taken here."""
    channel, ts = args.need("channel"), args.need("ts")
    if channel not in slack.workspace.channels:
        raise SlackError("channel_not_found")
    message = slack.workspace.message(channel, ts)
    if message is None:
        raise SlackError("message_not_found")
    if not message.by_bot:
        raise SlackError(refused)
    return message


@method("chat.update", scope="chat:write", rate=TIER_3)
def update(slack: Slack, args: Args) -> Json:
    message = own_message(slack, args, "cant_update_message")
    if slack.workspace.channels[message.channel].is_archived:
        raise SlackError("is_archived")
    if len(args.text("text")) > UPDATED_TEXT:
        raise SlackError("msg_too_long")
    content = read_content(slack, args)
    if content.empty and content.blocks is None:
        raise SlackError("no_text")
    text = content.text if "text" in args or "markdown_text" in args else message.text
    message.change(slack.clock.time(), text=text, **content.given())
    slack.was_edited(message)
    return {"channel": message.channel, "ts": message.ts, "text": message.text, "message": message.wire(metadata=True)}


@method("chat.delete", scope="chat:write", rate=TIER_3)
def delete(slack: Slack, args: Args) -> Json:
    message = own_message(slack, args, "cant_delete_message")
    slack.was_deleted(message, "deleted")
    return {"channel": message.channel, "ts": message.ts}


@method("chat.postEphemeral", scope="chat:write", rate=TIER_4)
def post_ephemeral(slack: Slack, args: Args) -> Json:
    channel = target(slack, args)
    user = args.need("user")
    if user not in slack.workspace.users:
        raise SlackError("user_not_found")
    if user not in channel.members:
        raise SlackError("user_not_in_channel")
    content = read_content(slack, args)
    if content.empty:
        raise SlackError("no_text")
    thread_ts = parent(slack, channel, args)
    message = slack.workspace.whisper(
        channel.id, user, content.text, **{"blocks": [], "attachments": []} | content.given(), thread_ts=thread_ts
    )
    slack.was_whispered(message, "postEphemeral")
    return {"message_ts": message.ts}


@method("chat.getPermalink", rate=SPECIAL)
def get_permalink(slack: Slack, args: Args) -> Json:
    channel, ts = args.need("channel"), args.need("message_ts")
    if channel not in slack.workspace.channels:
        raise SlackError("channel_not_found")
    if slack.workspace.message(channel, ts) is None:
        raise SlackError("message_not_found")
    return {"channel": channel, "permalink": slack.permalink(channel, ts)}
