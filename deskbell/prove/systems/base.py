"""What each system on trial tells of itself."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from deskbell.core.ports import Source
from deskbell.prove.history import Abilities, Facts, History
from deskbell.prove.stage import Stage, System
from deskbell.sandbox import credentials
from deskbell.sandbox.source import Source as StandIn

INTERVAL = timedelta(seconds=30)
OVERLAP = timedelta(seconds=120)
OAUTH: dict[str, Any] = {"client_id": credentials.OAUTH_CLIENT, "client_secret": credentials.OAUTH_SECRET}


@dataclass(frozen=True)
class Trial:
    """One source on trial (deskbell.prove.stage.System)."""

    source: Source
    stand: StandIn
    lay: Callable[[Facts], str]
    change: Callable[[str, Facts, Facts], None]
    remove: Callable[[str], None]


@dataclass(frozen=True)
class Kind:
    """`poller`: the kind of source, as config.toml names it."""

    name: str
    poller: str
    able: Abilities
    make: Callable[[Stage, History], System]


def nothing(_answer: object) -> None:
    """What a stand-in gives back for a change is nobody's business here."""
