"""The chats, one row each: what the configuration must know of them. No SDK is imported here."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from re import Pattern
from typing import Any

from deskbell.vendors import discord, slack, teams, telegram


@dataclass(frozen=True, slots=True)
class Chat:
    """`conf` reads the section of config.toml; `problems` says what is wrong with it; `address` is a room's."""

    title: str
    conf: type[Any]
    problems: Callable[[Any], Iterable[tuple[str, str]]]
    address: Pattern[str]
    address_hint: str
    account: str = ""  # the key in [people] that gives a person's account there; empty: the chat's own name


CHATS: Mapping[str, Chat] = {
    "slack": Chat("Slack", slack.SlackConf, slack.problems, slack.ADDRESS, slack.ADDRESS_HINT),
    "teams": Chat("Microsoft Teams", teams.TeamsConf, teams.problems, teams.ADDRESS, teams.ADDRESS_HINT, "entra"),
    "telegram": Chat("Telegram", telegram.TelegramConf, telegram.problems, telegram.ADDRESS, telegram.ADDRESS_HINT),
    "discord": Chat("Discord", discord.DiscordConf, discord.problems, discord.ADDRESS, discord.ADDRESS_HINT),
}
