"""The ways in, one row a chat. Nothing is imported until a configuration has the chat's section."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import cast

from bot.ports import Gateway


@dataclass(frozen=True, slots=True)
class Row:
    """Where the gateway's class is. Its arguments: conf, front, commands, session, memory, rooms (see the daemon)."""

    module: str
    factory: str

    def load(self) -> Callable[..., Gateway]:
        return cast("Callable[..., Gateway]", getattr(import_module(self.module), self.factory))


GATEWAYS: Mapping[str, Row] = {
    "slack": Row("bot.slack", "SlackGateway"),
    "teams": Row("bot.teams", "TeamsGateway"),
    "telegram": Row("bot.telegram", "TelegramGateway"),
    "discord": Row("bot.discord", "DiscordGateway"),
}
