"""auth.test, conversations.*, users.*, usergroups.*: what an app may look up."""

import base64

from deskbell.sandbox import credentials
from deskbell.sandbox.slack.api import SPECIAL, TIER_2, TIER_4, Args, SlackError, method
from deskbell.sandbox.slack.hub import Slack
from deskbell.sandbox.slack.messages import Message
from deskbell.sandbox.slack.workspace import Channel
from deskbell.sandbox.web import Json

READ = "channels:read groups:read im:read"
HISTORY = "channels:history groups:history im:history"
MOST_ROWS = 999  # https://docs.slack.dev/reference/methods/conversations.history


@method("api.test", rate=SPECIAL)
def api_test(slack: Slack, args: Args) -> Json:  # noqa: ARG001 - one shape for all methods
    return {"args": dict(args.values)}


@method("auth.test", rate=SPECIAL)
def auth_test(slack: Slack, args: Args) -> Json:  # noqa: ARG001 - one shape for all methods
    return {
        "url": f"{slack.url}/",
        "team": "Sandbox Compressed Air",
        "user": "deskbell",
        "team_id": credentials.SLACK_TEAM,
        "user_id": credentials.SLACK_BOT_USER,
        "bot_id": credentials.SLACK_BOT,
        "is_enterprise_install": False,
    }


def known_channel(slack: Slack, args: Args, name: str = "channel") -> Channel:
    channel = slack.workspace.channels.get(args.need(name))
    if channel is None:
        raise SlackError("channel_not_found")
    return channel


def readable(slack: Slack, args: Args) -> Channel:
    channel = known_channel(slack, args)
    if credentials.SLACK_BOT_USER not in channel.members:
        raise SlackError("not_in_channel")
    return channel


# ------------------------------------------------------------------ paging


def cursor_of(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def place_of(cursor: str) -> str:
    try:
        return base64.b64decode(cursor, validate=True).decode()
    except ValueError:
        raise SlackError("invalid_cursor") from None


def limit_of(args: Args, default: int, most: int = MOST_ROWS) -> int:
    limit = args.number("limit", default)
    if not 1 <= limit <= most:
        raise SlackError("invalid_limit")
    return limit


def page(rows: list[Json], args: Args, default: int = 100, most: int = MOST_ROWS) -> tuple[list[Json], Json]:
    """Rows from the cursor on, and the metadata with the next one."""
    start = int(place_of(args.text("cursor")) or 0) if "cursor" in args else 0
    end = start + limit_of(args, default, most)
    following = cursor_of(str(end)) if end < len(rows) else ""
    return rows[start:end], {"response_metadata": {"next_cursor": following}}


# ------------------------------------------------------------------ conversations


def in_range(message: Message, args: Args) -> bool:
    oldest, latest, ts = args.text("oldest", "0"), args.text("latest"), float(message.ts)
    if args.flag("inclusive"):
        return ts >= float(oldest or 0) and (not latest or ts <= float(latest))
    return ts > float(oldest or 0) and (not latest or ts < float(latest))


def shown(slack: Slack, message: Message, args: Args) -> Json:
    return message.wire(metadata=args.flag("include_all_metadata")) | slack.workspace.thread_facts(message)


def rows_in_range(messages: list[Message], args: Args) -> list[Message]:
    try:
        return [message for message in messages if in_range(message, args)]
    except ValueError:
        raise SlackError("invalid_ts_oldest") from None


@method("conversations.history", scope=HISTORY)
def history(slack: Slack, args: Args) -> Json:
    """Newest first; replies stay in their thread unless they were broadcast."""
    channel = readable(slack, args)
    top = [m for m in channel.messages.values() if m.live and (not m.is_reply or m.broadcast)]
    rows = sorted(rows_in_range(top, args), key=lambda m: m.ts, reverse=True)
    messages, more = page([shown(slack, m, args) for m in rows], args)
    return {"messages": messages, "has_more": bool(more["response_metadata"]["next_cursor"]), "pin_count": 0, **more}


@method("conversations.replies", scope=HISTORY)
def replies(slack: Slack, args: Args) -> Json:
    """The parent and its replies, oldest first."""
    channel = readable(slack, args)
    parent = channel.messages.get(args.need("ts"))
    if parent is None or not parent.live:
        raise SlackError("thread_not_found")
    thread = rows_in_range(slack.workspace.replies(channel.id, parent.thread_ts or parent.ts), args)
    rows = [shown(slack, parent, args)] + [m.wire(metadata=args.flag("include_all_metadata")) for m in thread]
    messages, more = page(rows, args, 1000, 1000)
    return {"messages": messages, "has_more": bool(more["response_metadata"]["next_cursor"]), **more}


@method("conversations.info", scope=READ)
def info(slack: Slack, args: Args) -> Json:
    channel = known_channel(slack, args).wire()
    if not args.flag("include_num_members"):
        channel.pop("num_members", None)
    return {"channel": channel}


@method("conversations.list", scope=READ, rate=TIER_2)
def list_channels(slack: Slack, args: Args) -> Json:
    types = args.text("types", "public_channel").split(",")
    rows = [channel.wire() for channel in slack.workspace.channels.values() if kind_of(channel) in types]
    if args.flag("exclude_archived"):
        rows = [row for row in rows if not row["is_archived"]]
    channels, more = page(rows, args)
    return {"channels": channels, **more}


def kind_of(channel: Channel) -> str:
    if channel.is_im:
        return "im"
    return "private_channel" if channel.is_private else "public_channel"


@method("conversations.members", scope=READ, rate=TIER_4)
def members(slack: Slack, args: Args) -> Json:
    everyone = [{"id": user} for user in sorted(known_channel(slack, args).members)]
    rows, more = page(everyone, args)
    return {"members": [row["id"] for row in rows], **more}


@method("conversations.open", scope="im:write mpim:write")
def open_direct(slack: Slack, args: Args) -> Json:
    user = slack.workspace.users.get(args.need("users").split(",")[0])
    if user is None or user.is_bot:
        raise SlackError("user_not_found")
    if user.deleted:
        raise SlackError("user_disabled")
    known = "D" + user.id[1:] in slack.workspace.channels
    channel = slack.workspace.direct(user.id)
    body = channel.wire() if args.flag("return_im") else {"id": channel.id}
    return {"no_op": known, "already_open": known, "channel": body}


@method("conversations.join", scope="channels:join")
def join(slack: Slack, args: Args) -> Json:
    channel = known_channel(slack, args)
    if channel.is_private or channel.is_im:
        raise SlackError("method_not_supported_for_channel_type")
    if channel.is_archived:
        raise SlackError("is_archived")
    channel.members.add(credentials.SLACK_BOT_USER)
    return {"channel": channel.wire()}


# ------------------------------------------------------------------ people


@method("users.lookupByEmail", scope="users:read.email")
def lookup_by_email(slack: Slack, args: Args) -> Json:
    wanted = args.need("email").lower()
    for user in slack.workspace.users.values():
        if user.email.lower() == wanted and not user.deleted and not user.is_bot:
            return {"user": user.wire()}
    raise SlackError("users_not_found")


@method("users.info", scope="users:read", rate=TIER_4)
def user_info(slack: Slack, args: Args) -> Json:
    user = slack.workspace.users.get(args.need("user"))
    if user is None:
        raise SlackError("user_not_found")
    return {"user": user.wire()}


@method("users.list", scope="users:read", rate=TIER_2)
def list_users(slack: Slack, args: Args) -> Json:
    rows, more = page([user.wire() for user in slack.workspace.users.values()], args)
    return {"members": rows, "cache_ts": int(slack.clock.time()), **more}


@method("usergroups.users.list", scope="usergroups:read", rate=TIER_2)
def usergroup_users(slack: Slack, args: Args) -> Json:
    users = slack.workspace.usergroups.get(args.need("usergroup"))
    if users is None:
        raise SlackError("no_such_subteam")
    return {"users": list(users)}
