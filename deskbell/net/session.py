"""The connections that all chats share: one session, few connections a host, nothing taken from the environment.

And what it means for a chat when one of them breaks: a `Trouble`, with the Outcome in it.
"""

import aiohttp

from deskbell.core.outcome import Fault, Outcome, Rejected, Retry, Unknown
from deskbell.net.redact import redact

CONNECT_S = 5.0
_PER_HOST = 20
_IDLE_S = 60.0


def open_session() -> aiohttp.ClientSession:
    """A session for the chats' ways in and out. Whoever opens it closes it, inside a running loop."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, limit_per_host=_PER_HOST, keepalive_timeout=_IDLE_S),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S),
        trust_env=False,
        cookie_jar=aiohttp.DummyCookieJar(),
    )


class SharedSession:
    """The session that others share, or else one of our own, opened when it is first needed."""

    def __init__(self, shared: aiohttp.ClientSession | None = None) -> None:
        self._shared = shared
        self._own: aiohttp.ClientSession | None = None

    def get(self) -> aiohttp.ClientSession:
        if self._shared is not None:
            return self._shared
        if self._own is None or self._own.closed:
            self._own = open_session()
        return self._own

    async def close(self) -> None:
        """Ours alone; whoever opened the shared one closes it."""
        if self._own is not None:
            await self._own.close()


class Trouble(Exception):
    """A call did not succeed: what that means for what was to be done, and the chat's own word or number for it."""

    def __init__(self, outcome: Outcome, code: str | int = "") -> None:
        super().__init__(code or str(outcome))
        self.outcome, self.code = outcome, code

    @property
    def why(self) -> str:
        return getattr(self.outcome, "why", "")


# A call to which nobody answered; `unanswered` says what that means.
LOST = (aiohttp.ClientError, TimeoutError, OSError)
# Nothing left this machine but the wish to connect: the name, the address, the handshake.
_NOT_SENT = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)


def unanswered(chat: str, error: Exception, words: str = "") -> Outcome:
    """`words` stand for the error's own, where those may hold a secret."""
    said = words or words_of(error)
    if isinstance(error, _NOT_SENT):
        return Retry(f"{chat} can't be reached: {said}")
    if isinstance(error, ValueError):  # an InvalidURL is one, too
        return Rejected(Fault.CONFIG, f"{chat}: the address can't be used: {said}")
    return Unknown(f"{chat} did not answer: {said}")


def words_of(error: BaseException) -> str:
    return redact(f"{type(error).__name__} {error}".strip())[:200]
