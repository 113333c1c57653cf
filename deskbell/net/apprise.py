"""Whatever the library Apprise knows to tell, called as `Http` is. https://github.com/caronc/apprise

It says no more than whether it worked, so what happened is read off its log. The library waits, so it does in a thread
of its own; one, for that log is one for the whole process.
"""

import asyncio
import logging
import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from typing import Any

from deskbell.net.answers import PLAIN, CallFailed, Dialect, Gap, Reply
from deskbell.net.egress import Forbidden
from deskbell.net.http import Limits, Timeouts

NO_ADDRESS = 404  # it knows no such kind of address
NO_STATUS = 502  # it failed, and did not say how
_STATUS = re.compile(r"\berror=(\d{3})\b")
_NOT_SENT = re.compile(r"NewConnectionError|NameResolutionError|ConnectTimeout|Name or service not known")
_BROKE_OFF = re.compile(r"Connection error|Socket Exception")


class Apprise:
    """`call` wants its `json` to have `to` (an address as Apprise has them), `title` and `body`."""

    def __init__(
        self,
        name: str,
        _base_url: str,
        _auth: Any = None,
        *,
        dialect: Dialect = PLAIN,
        allow_http: bool = False,  # noqa: ARG002 - the address alone says how it is called
        timeouts: Timeouts | None = None,
        limits: Limits | None = None,  # noqa: ARG002 - its answers are not read
    ) -> None:
        if find_spec("apprise") is None:
            raise Forbidden("Apprise is not installed; in Deskbell's folder: .venv/bin/pip install '.[apprise]'")
        self.name, self.dialect = name, dialect
        self._whole = (timeouts or Timeouts()).whole
        self._thread = ThreadPoolExecutor(1, "apprise")

    async def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def call(self, method: str, path: str, *, json: Mapping[str, str], **_: Any) -> Reply:  # noqa: ARG002 - as of HTTP
        """Raises CallFailed, as Http."""
        try:
            async with asyncio.timeout(self._whole):
                status, log = await asyncio.get_running_loop().run_in_executor(self._thread, _tell, json)
        except TimeoutError as error:
            raise CallFailed(Gap.NO_ANSWER, f"{self.name} did not come to an end in time") from error
        if status == NO_STATUS and _BROKE_OFF.search(log):
            gap = Gap.NOT_SENT if _NOT_SENT.search(log) else Gap.NO_ANSWER
            raise CallFailed(gap, f"{self.name} could not get through")
        return Reply(status, {})


def _tell(what: Mapping[str, str]) -> tuple[int, str]:
    """What became of it, as HTTP would say it, and what the library logged meanwhile."""
    import apprise

    lines = _Lines()
    log = logging.getLogger("apprise")
    log.propagate = False  # it shows addresses and texts
    log.setLevel(logging.DEBUG)
    log.addHandler(lines)
    try:
        status = _status(apprise.Apprise(), what, apprise.NotifyFormat.TEXT)
    finally:
        log.removeHandler(lines)
    said = "\n".join(lines.kept)
    named = _STATUS.search(said) if status == NO_STATUS else None
    return int(named[1]) if named else status, said


def _status(bell: Any, what: Mapping[str, str], plain: Any) -> int:
    if not bell.add(what["to"]):
        return NO_ADDRESS
    return 200 if bell.notify(title=what["title"], body=what["body"], body_format=plain) else NO_STATUS


class _Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.kept: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.kept.append(record.getMessage())
