"""Secrets out of every text that leaves the process: logs, errors, the outbox, `deskbell check`.

Two nets: the configured values themselves, learned when a client is built, and the shapes of well-known tokens, for
those that reach us by another way.
"""

import base64
import logging
import re
import traceback
from collections.abc import Iterable, Mapping, MutableMapping
from typing import Any
from urllib.parse import quote, quote_plus

HIDDEN = "[hidden]"
_SHORTEST = 4  # a shorter value would blacken ordinary words, and protects nothing
_DEEPEST = 6  # levels of an event's nested values that are looked through
_NOISY = ("httpx", "httpcore", "aiohttp.access", "hpack")  # they log whole addresses, which may hold a token

_SHAPES = re.compile(
    r"""xox[a-z]-[\w-]{4,}                                  # Slack tokens
      | xapp-[\w-]{4,}
      | \bbot\d{6,}:[\w-]{20,}                              # Telegram, in the address itself
      | (?<=Bearer\ )[\w.~+/=-]{4,}
      | (?<=Basic\ )[\w+/=]{4,}
      | (?<=//)[^\s/@:]+:[^\s/@]+(?=@)                      # user:password@ in an address
      | (?<=hooks\.slack\.com/)[\w/-]+
      | (?<=/api/webhooks/)\d+/[\w-]+                       # Discord
      | (?<=/webhookb2/)[^\s"']+                            # Teams
      | (?<=[?&](?:sig|key)=)[^\s&"']+
      | (?<=[?&](?:token)=)[^\s&"']+
    """,
    re.VERBOSE | re.IGNORECASE,
)


class Secrets:
    """The values that may not be shown."""

    def __init__(self) -> None:
        self._values: set[str] = set()
        self._pattern: re.Pattern[str] | None = None

    def learn(self, values: Iterable[str]) -> None:
        """Hides these from now on, in their percent-encoded forms too."""
        for value in values:
            if len(value) >= _SHORTEST:
                self._values |= {value, quote(value, safe=""), quote_plus(value)}
        longest_first = sorted(self._values, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    def forget(self) -> None:
        self._values.clear()
        self._pattern = None

    def hide(self, text: str) -> str:
        if self._pattern is not None:
            text = self._pattern.sub(HIDDEN, text)
        return _SHAPES.sub(HIDDEN, text)


_secrets = Secrets()


def learn(*values: str) -> None:
    """Adds configured secrets to those that `redact` hides."""
    _secrets.learn(values)


def learn_login(user: str, password: str) -> None:
    """The same for a login: its password, and the pair as Basic authentication writes it."""
    _secrets.learn([password, basic_pair(user, password)])


def basic_pair(user: str, password: str) -> str:
    """The two as the Authorization header carries them (RFC 7617)."""
    return base64.b64encode(f"{user}:{password}".encode()).decode()


def redact(text: object) -> str:
    """The text without any secret."""
    return _secrets.hide(str(text))


class RedactFilter(logging.Filter):
    """For the handlers of `logging`: what libraries log is cleaned as well, tracebacks included."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = redact(record.getMessage()), ()
        if record.exc_info and record.exc_info[0] is not None:
            record.exc_text = redact("".join(traceback.format_exception(*record.exc_info))).rstrip()
            record.exc_info = None
        return True


def redact_event(_logger: Any, _name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """The same as a structlog processor; it stands behind the one that formats exceptions."""
    for key, value in event.items():
        event[key] = _redacted(value, _DEEPEST)
    return event


def quiet_libraries() -> None:
    """The HTTP libraries say at INFO which address they call; only their warnings are wanted."""
    for name in _NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)


def _redacted(value: Any, depth: int) -> Any:
    if isinstance(value, bool | int | float) or value is None:
        return value
    if depth and isinstance(value, Mapping):
        return {key: _redacted(item, depth - 1) for key, item in value.items()}
    if depth and isinstance(value, list | tuple):
        return [_redacted(item, depth - 1) for item in value]
    return redact(value)
