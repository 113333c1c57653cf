"""What all who send SMS share: the number, the words, how many messages they may be, and which one was ours."""

import re
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial

from channels.service import Address, Notice, Role, Service, dig
from deskbell.core.sizes import Size, Unit
from deskbell.net.answers import Reply, http_date

PHONE = Address(re.compile(r"(\+[1-9]\d{6,14})?"), "is a phone number like +4930123456, or empty: for people only")
SIZE = Size(2, Unit.PARTS)

# A Service, with what is the same for all of them.
Sms = partial(
    Service, roles=frozenset({Role.NOTIFY, Role.ACKNOWLEDGE}), address=PHONE, acks="reply", receipts="callback"
)


def words(notice: Notice) -> str:
    return " ".join(filter(None, (notice.line, notice.say, notice.link)))


def digits(notice: Notice) -> str:
    """The number as those want it who have no plus before it."""
    return notice.to.removeprefix("+")


def found(rows: str, text: str, made: str, id: str, to: str = "") -> Callable[[Reply, Notice], str]:
    """For `find`, where in a list of messages things are: the one that names the alert, to the same number, and was not
    there before the try that had no answer. `to` is left out where the list is of that number alone.
    """

    def pick(reply: Reply, notice: Notice) -> str:
        listed = reply.data.get(rows) if isinstance(reply.data, dict) else None
        names = re.compile(rf"(?<![\w-]){re.escape(notice.ref)}(?!\w)")
        for row in listed if isinstance(listed, list) else ():
            theirs = bool(to) and dig(row, to).lstrip("+") != digits(notice)
            if not theirs and names.search(dig(row, text)) and _recent(dig(row, made), notice.since):
                return dig(row, id)
        return ""

    return pick


def _recent(made: str, since: datetime | None) -> bool:
    at = http_date(made)
    with suppress(ValueError):
        at = at or datetime.fromisoformat(made)
    return since is None or (at is not None and (at if at.tzinfo else at.replace(tzinfo=UTC)) >= since)
