"""What may be set about watching ourselves."""

from dataclasses import dataclass, field
from datetime import time, timedelta
from typing import Literal

from deskbell.net.egress import checked_base

_SHORTEST = timedelta(milliseconds=100)


@dataclass(frozen=True, slots=True)
class WatchConf:
    """How Deskbell notices that it is in trouble itself, and who hears of it."""

    rooms: tuple[
        str, ...
    ] = ()  # destinations told without the database; empty: the first of each chat, until one takes it
    unwritable_after: timedelta = timedelta(seconds=10)  # the database takes nothing for so long: the rooms are told
    check_at: time = time(3, 30)  # when the whole database is looked through each night, in the zone of the house
    stalled_after: timedelta = timedelta(seconds=1)  # the event loop answers nothing for so long: its stack is logged
    restart_after: timedelta = timedelta(seconds=60)  # and for so long: systemd is no longer told that we live
    heartbeat_url: str = field(default="", repr=False)  # called while all is well; whoever is behind it notices silence
    heartbeat_every: timedelta = timedelta(seconds=60)
    heartbeat_method: Literal["GET", "POST"] = "POST"
    heartbeat_fail: str = "/fail"  # added to the URL's path while something is wrong; empty: nothing is called then

    def __post_init__(self) -> None:
        for name in ("unwritable_after", "stalled_after", "restart_after", "heartbeat_every"):
            if getattr(self, name) < _SHORTEST:
                raise ValueError(f"{name} must be 100 ms or longer")
        if self.restart_after < self.stalled_after:
            raise ValueError("restart_after must be longer than stalled_after")
        if self.heartbeat_url:
            checked_base(self.heartbeat_url)
