"""The chats beside Slack, one row each."""

from importlib import import_module

from deskbell.sandbox.chat import Chat
from deskbell.sandbox.clock import Clock, Pulse
from deskbell.sandbox.ledger import Ledger

OTHERS = {"teams": "TeamsStandIn", "telegram": "TelegramStandIn", "discord": "DiscordStandIn"}


def others(clock: Clock, ledger: Ledger, pulse: Pulse) -> dict[str, Chat]:
    found: dict[str, Chat] = {}
    for name, factory in OTHERS.items():
        try:
            module = import_module(f"deskbell.sandbox.{name}.stand_in")
        except ModuleNotFoundError:
            continue
        found[name] = getattr(module, factory)(clock, ledger, pulse)
    return found
