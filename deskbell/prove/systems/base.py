"""What each system on trial tells of itself."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from deskbell.prove.history import Abilities, History
from deskbell.prove.stage import Stage, System

INTERVAL = timedelta(seconds=30)
OVERLAP = timedelta(seconds=120)


@dataclass(frozen=True)
class Kind:
    """`poller`: the kind of source, as config.toml names it."""

    name: str
    poller: str
    able: Abilities
    make: Callable[[Stage, History], System]
