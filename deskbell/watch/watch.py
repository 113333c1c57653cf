"""All the watching of ourselves, as the daemon wires it."""

from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from deskbell.core.ports import Channel, Destination
from deskbell.watch.conf import WatchConf
from deskbell.watch.database import Database, Store
from deskbell.watch.emergency import Emergency, rooms_of
from deskbell.watch.heartbeat import Heartbeat
from deskbell.watch.pulse import Pulse
from deskbell.watch.stall import StallWatch
from deskbell.watch.systemd import Systemd


class Watch:
    """`check` looks the whole database through, in a thread, and gives what is wrong with it.

    `back` is called when the database takes something again.
    """

    def __init__(
        self,
        conf: WatchConf,
        store: Store,
        destinations: Mapping[str, Destination],
        channels: Mapping[str, Channel],
        pulse: Pulse,
        check: Callable[[], Awaitable[Sequence[str]]],
        now: Callable[[], datetime],
        back: Callable[[], None],
    ) -> None:
        self._pulse = pulse
        self._systemd = Systemd()
        self.emergency = Emergency(rooms_of(conf.rooms, destinations), channels)
        self._database = Database(store, conf, check, self.emergency.report, now, back)
        self._heartbeat = Heartbeat(conf, self.unwell) if conf.heartbeat_url else None
        self._stall = StallWatch(conf.stalled_after.total_seconds(), conf.restart_after.total_seconds(), self._systemd)

    def work(self, zone: str) -> Iterator[tuple[str, Coroutine[Any, Any, None]]]:
        """What runs beside the daemon's other parts, by name."""
        yield "emergency", self.emergency.run()
        yield "database watch", self._database.run()
        yield "nightly check", self._database.check_each_night(zone)
        if self._heartbeat is not None:
            yield "heartbeat", self._heartbeat.run()

    def start(self) -> None:
        self._stall.start()

    def ready(self, status: str) -> None:
        self._systemd.tell(READY=1, STATUS=status)

    def stopping(self, status: str) -> None:
        self._systemd.tell(STOPPING=1, STATUS=status)

    async def unwell(self) -> list[str]:
        """What is wrong with Deskbell itself."""
        return [*self.emergency.reasons, *await self._pulse.reasons()]

    async def close(self) -> None:
        """Last of all: until then systemd must hear that we live."""
        self._stall.close()
        if self._heartbeat is not None:
            await self._heartbeat.close()
