"""What systemd is told of us: that we are ready, that we live, what we do, that we stop (sd_notify(3)).

Without $NOTIFY_SOCKET nothing is sent anywhere.
"""

import os
import socket
from collections.abc import Mapping


class Systemd:
    """The service manager that started us, if one did."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        self._address = environ.get("NOTIFY_SOCKET", "")
        ours = environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        #: Seconds within which it wants to hear from us; 0 where it does not wait.
        self.watchdog_s = int(environ.get("WATCHDOG_USEC", "0")) / 1e6 if ours and self._address else 0.0

    def tell(self, **states: str | int) -> None:
        """`tell(READY=1, STATUS="...")`. Never raises: a supervisor that can't be reached is no reason to end."""
        if not self._address:
            return
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        text = "\n".join(f"{name}={' '.join(str(value).split())}" for name, value in states.items())
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK) as peer:
                peer.sendto(text.encode(), address)
        except OSError:
            return
