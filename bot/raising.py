"""An alert that a program raises: what it may say, and how many in an hour. One rule for the API and vendors' calls."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from bot.allowance import Allowance
from bot.grammar import MAX_RAISED
from bot.ports import Front
from bot.questions import teams_of
from bot.web import Refused
from deskbell.core.alert import Alert, Severity
from deskbell.core.card import FIRST_LINE
from deskbell.core.text import clean, clean_lines

# The fields of POST /api/v1/alerts and their longest value. What is longer is refused: a cut text may mislead.
FIELDS = {"title": FIRST_LINE, "text": MAX_RAISED, "severity": 2, "subject": 60, "team": 60}
ALERTS_PER_HOUR = 120  # for each caller, unless the configuration says otherwise
_STATUS_OF = {"done": 201, "repeat": 200, "conflict": 409, "limit": 429, "role": 403, "scope": 403}


class Raising:
    """`alerts_per_hour` is for each caller."""

    def __init__(self, front: Front, alerts_per_hour: int) -> None:
        self._front = front
        self._allowance = Allowance(alerts_per_hour, timedelta(hours=1))

    async def take(self, caller: str, key: str, data: Mapping[str, Any]) -> tuple[Alert, int]:
        """The alert, and the status of the answer: 200 for a repeat under the same key. Raises Refused."""
        fields = _fields(data)
        self._known_team(fields["team"])
        if wait := self._allowance.take(caller, key, self._front.now()):
            seconds = str(int(wait.total_seconds()) + 1)
            raise Refused(429, "Too many alerts from this caller in an hour.", {"Retry-After": seconds})
        result = await self._front.raise_manual(caller=caller, person=None, idempotency_key=key, **fields)
        status = _STATUS_OF.get(result.code, 422)
        if result.alert is None or status >= 400:
            raise Refused(status if status >= 400 else 422, result.text)
        return result.alert, status

    def _known_team(self, team: str) -> None:
        known = teams_of(self._front)
        if team and known and team not in known:
            raise Refused(422, f"Unknown team {team!r}. Known: {', '.join(known)}.")


def known_key(key: str) -> str:
    """The caller's own id of an alert. Raises Refused for what is none."""
    if not (0 < len(key) <= 200 and key.isascii() and key.isprintable() and " " not in key):
        raise Refused(400, "Send the header Idempotency-Key: your own id of this alert, up to 200 characters.")
    return key


def _fields(data: Mapping[str, Any]) -> dict[str, Any]:
    """The body's fields, each checked; what is wrong is named."""
    for name, value in data.items():
        if name not in FIELDS:
            raise Refused(422, f"Unknown field {clean(name, 40)!r}. Known: {', '.join(FIELDS)}.")
        if not isinstance(value, str):
            raise Refused(422, f"{name} must be text.")
        if len(value) > FIELDS[name]:
            raise Refused(422, f"{name} is over {FIELDS[name]} characters.")
    texts = {name: clean(data.get(name, ""), limit) for name, limit in FIELDS.items()}
    if not texts["title"]:
        raise Refused(422, "title is missing: say in a few words what is wrong.")
    severity = texts["severity"].upper() or "P3"
    if severity not in Severity.__members__:
        raise Refused(422, f"severity must be one of {', '.join(Severity.__members__)}.")
    text = clean_lines(data.get("text", ""), FIELDS["text"])
    return {**texts, "text": text, "severity": Severity[severity]}
