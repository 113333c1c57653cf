"""Who watches the watcher: a stalled loop, a database that takes nothing, silence itself."""

from deskbell.watch.conf import WatchConf
from deskbell.watch.emergency import tell_once
from deskbell.watch.memory import LastKnown
from deskbell.watch.pulse import Pulse
from deskbell.watch.watch import Watch

__all__ = ["LastKnown", "Pulse", "Watch", "WatchConf", "tell_once"]
