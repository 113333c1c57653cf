"""What is alive in what people see, chat by chat: whom it mentions, where its links lead, what was refused.

The stand-ins read mentions, links and markup as the vendors do.
"""

import re
from collections.abc import Iterator
from typing import Any

from deskbell.sandbox import credentials
from deskbell.sandbox.staff import STAFF
from deskbell.sandbox.teams.cards import readable, walk
from deskbell.sandbox.teams.tenant import BOT
from deskbell.sandbox.telegram.entities import part
from deskbell.sandbox.telegram.model import BOT_ID
from tests.town import Town

ON_DUTY = [STAFF["ana"], STAFF["ben"]]  # whom the policies mention; no hostile text names them
OURS = ("http://127.0.0.1", "https://t.me/", "https://teams.microsoft.com/", "https://discord.com/")
# Nobody writes these on purpose: control characters, and marks that turn the line around for all that follows.
INVISIBLE = re.compile("[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\ud800-\udfff]")
_ESCAPED = re.compile(r"\\[^0-9A-Za-z\s]")
_DISCORD_ALIVE = re.compile(r"<(@[!&]?\d+|#\d+|/|id:)[^>]*>|@(?:everyone|here)|(?i:\b(?:https?|steam)://\S*)")


def judge(town: Town, *, refusals: bool = True) -> None:
    """Fails for anything alive, unreadable or refused in Teams, Telegram and Discord."""
    found = [*in_teams(town), *in_telegram(town), *in_discord(town)]
    assert not found, found[:5]
    for name in ("teams", "telegram", "discord"):
        for text in seen(town, name):
            assert not INVISIBLE.search(text), (name, text)
            assert "1337" not in text, (name, "a template was carried out", text)
        refused = [entry.what for entry in town.sandbox.ledger.of(name, "rejected", "ratelimited")]
        assert not (refusals and refused), (name, refused[:3])


def seen(town: Town, chat: str) -> list[str]:
    """Everything that Deskbell said there, to all or to one."""
    if chat == "teams":
        said = [one for one in town.sandbox.teams.tenant.all_visible() if one.author == BOT]
        views = [line for one in said for view in one.views.values() for line in readable(view)]
        return [*(one.text for one in said), *views, *(text for _, _, text in town.sandbox.teams.toasts)]
    if chat == "telegram":
        telegram = town.sandbox.telegram
        texts = [one.text for one in telegram.all_messages() if one.sender.id == BOT_ID and one.live]
        return texts + [query.text for query in telegram.queries.values()]
    world = town.sandbox.discord.world
    return [one.text() for one in [*world.all_messages(), *world.ephemerals] if one.author == credentials.DISCORD_APP]


def lawful(url: str) -> bool:
    return url.startswith(OURS) and "evil" not in url


# ---------------------------------------------------------------- Teams


def in_teams(town: Town) -> Iterator[str]:
    known = {account for one in ON_DUTY for account in (one.teams, town.sandbox.teams.account(one.id)["id"])}
    for message in town.sandbox.teams.tenant.all_visible():
        if message.author != BOT:
            continue
        entities = message.activity.get("entities") or []
        for shown in [message.card, *message.views.values()]:
            entities = entities + ((shown or {}).get("msteams") or {}).get("entities", [])
            yield from _in_a_card(shown)
        rung = {str(one["mentioned"]["id"]) for one in entities if one.get("type") == "mention"}
        yield from (f"Teams mentions {one}" for one in rung - known)
        words = str(message.activity.get("text") or "")
        tags = re.findall(r"<(?!at>|/at>|br/?>|b>|/b>|i>|/i>)[^>]*>", words)
        yield from (f"Teams reads {tag}" for tag in tags if message.activity.get("textFormat") == "xml")


def _in_a_card(shown: Any) -> Iterator[str]:
    """Markdown is read in a TextBlock alone; what a TextRun holds is plain to every client."""
    for one in walk(shown or {}):
        if one.get("type") == "TextBlock" and "<at>" not in one["text"] and "Deskbell" not in one["text"]:
            yield from (f"Teams reads markup: {one['text']}" for sign in "[]()*_~`#" if sign in one["text"])
        if one.get("type") == "Action.OpenUrl" and not lawful(one["url"]):
            yield f"Teams links to {one['url']}"


# ---------------------------------------------------------------- Telegram


def in_telegram(town: Town) -> Iterator[str]:
    telegram = town.sandbox.telegram
    commands = {f"/{one['command']}" for every in telegram.commands.values() for one in every}
    known = {one.telegram for one in ON_DUTY}
    for message in telegram.all_messages():
        if message.sender.id != BOT_ID or not message.live:
            continue
        for entity in message.entities:
            words = part(message.text, entity)
            if entity.type == "text_mention" and entity.user not in known:
                yield f"Telegram mentions {entity.user}"
            elif entity.type == "text_link" and not lawful(entity.url):
                yield f"Telegram links to {entity.url}"
            elif entity.type == "url" and not lawful(words):
                yield f"Telegram makes a link of {words}"
            elif entity.type == "bot_command" and words.partition("@")[0] not in commands:
                yield f"Telegram makes a command of {words}"
            elif entity.type in ("mention", "email", "hashtag", "cashtag", "phone_number", "spoiler"):
                yield f"Telegram makes a {entity.type} of {words}"


# ---------------------------------------------------------------- Discord


def in_discord(town: Town) -> Iterator[str]:
    world = town.sandbox.discord.world
    known = {one.discord for one in ON_DUTY}
    for message in [*world.all_messages(), *world.ephemerals]:
        if message.author != credentials.DISCORD_APP or not message.visible:
            continue
        yield from (f"Discord mentions {one}" for one in set(message.users) - known)
        yield from (f"Discord mentions {one}" for one in set(message.roles) - {credentials.DISCORD_ONCALL_ROLE})
        if message.everyone:
            yield "Discord mentions everyone"
        allowed = {f"<@{one}>" for one in known} | {f"<@&{credentials.DISCORD_ONCALL_ROLE}>"}
        for text in _texts([message.content, message.embeds]):
            for found in _DISCORD_ALIVE.finditer(_ESCAPED.sub("\x1a", text)):
                if found[0] not in allowed and not lawful(found[0]):
                    yield f"Discord makes something of {found[0]}"


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
