"""The methods about the bot itself, its updates, its commands, and the chats it is in."""

import re
from urllib.parse import urlsplit

from deskbell.sandbox.telegram.api import Args, bad, method
from deskbell.sandbox.telegram.hub import Hub
from deskbell.sandbox.telegram.model import BOT_ID, member_wire
from deskbell.sandbox.web import Json, dumps

# https://core.telegram.org/bots/api#setwebhook, #setmycommands
PORTS = (443, 80, 88, 8443)
SECRET = re.compile(r"[A-Za-z0-9_-]{1,256}")
COMMANDS = 100
COMMAND = re.compile(r"[a-z0-9_]{1,32}")
DESCRIPTION = 256
SCOPES = ("default", "all_private_chats", "all_group_chats", "all_chat_administrators", "chat", "chat_administrators",
          "chat_member")  # fmt: skip


@method("getMe")
def get_me(hub: Hub, args: Args) -> Json:  # noqa: ARG001 - one shape for all
    return hub.bot.wire() | {
        "can_join_groups": True,
        "can_read_all_group_messages": hub.reads_all,
        "supports_inline_queries": False,
        "can_connect_to_business": False,
        "has_main_web_app": False,
    }


@method("getUpdates")
async def get_updates(hub: Hub, args: Args) -> list[Json]:
    limit = args.number("limit", 100)
    if not 1 <= limit <= 100:
        limit = 100
    return await hub.updates.poll(args.number("offset"), limit, args.number("timeout"), _allowed(args))


def _allowed(args: Args) -> list[str] | None:
    found = args.nested("allowed_updates")
    return None if found is None else [str(one) for one in found]


@method("setWebhook")
def set_webhook(hub: Hub, args: Args) -> bool:
    url, secret = args.text("url"), args.text("secret_token")
    if url:
        parts = urlsplit(url)
        loopback = parts.hostname in ("127.0.0.1", "localhost")  # the one thing that only a stand-in allows
        if parts.scheme != "https" and not loopback:
            raise bad("bad webhook: An HTTPS URL must be provided for webhook")
        if (parts.port or 443) not in PORTS and not loopback:
            raise bad("bad webhook: Webhook can be set up only on ports 80, 88, 443 or 8443")
    if secret and not SECRET.fullmatch(secret):
        raise bad("bad webhook: secret token contains unallowed characters")
    connections = args.number("max_connections", 40)
    if not 1 <= connections <= 100:
        raise bad("bad webhook: max_connections must be between 1 and 100")
    hub.updates.set_hook(url, secret, connections, _allowed(args), drop=args.flag("drop_pending_updates"))
    return True


@method("deleteWebhook")
def delete_webhook(hub: Hub, args: Args) -> bool:
    hub.updates.set_hook("", "", 40, None, drop=args.flag("drop_pending_updates"))
    return True


@method("getWebhookInfo")
def webhook_info(hub: Hub, args: Args) -> Json:  # noqa: ARG001 - one shape for all
    return hub.updates.info()


@method("setMyCommands")
def set_my_commands(hub: Hub, args: Args) -> bool:
    commands = args.nested("commands", "can't parse commands JSON object") or []
    scope = args.nested("scope") or {"type": "default"}
    if scope.get("type") not in SCOPES:
        raise bad("BotCommandScope type is not supported")
    if len(commands) > COMMANDS:
        raise bad("BOT_COMMANDS_TOO_MUCH")
    for command in commands:
        if not COMMAND.fullmatch(str(command.get("command", "")).lstrip("/")):
            raise bad("BOT_COMMAND_INVALID")
        if not 1 <= len(str(command.get("description", "")).strip()) <= DESCRIPTION:
            raise bad("BOT_COMMAND_DESCRIPTION_INVALID")
    hub.commands[dumps(scope).decode()] = list(commands)
    hub.ledger.note("telegram", "commands_set", scope=scope["type"], count=len(commands))
    return True


@method("getMyCommands")
def get_my_commands(hub: Hub, args: Args) -> list[Json]:
    return hub.commands.get(dumps(args.nested("scope") or {"type": "default"}).decode(), [])


@method("getChat")
def get_chat(hub: Hub, args: Args) -> Json:
    chat = hub.target(args.values.get("chat_id"))
    gifts = ("unlimited_gifts", "limited_gifts", "unique_gifts", "premium_subscription", "gifts_from_channels")
    more = {"accent_color_id": 1, "max_reaction_count": 11, "accepted_gift_types": dict.fromkeys(gifts, False)}
    return chat.wire() | more


@method("getChatMember")
def get_chat_member(hub: Hub, args: Args) -> Json:
    chat, number = hub.target(args.values.get("chat_id")), args.number("user_id")
    user = hub.users.get(number)
    if user is None:
        raise bad("PARTICIPANT_ID_INVALID")
    if number == BOT_ID:
        return member_wire(user, chat.bot)
    return member_wire(user, "member" if number in chat.members else "left")
