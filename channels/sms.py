"""What all who send SMS share: the number, the words, how many messages they may be, and which one was ours."""

import re
from datetime import datetime

from channels.service import Address, Notice
from deskbell.core.sizes import Size, Unit

PHONE = Address(re.compile(r"(\+[1-9]\d{6,14})?"), "is a phone number like +4930123456, or empty: for people only")
SIZE = Size(2, Unit.PARTS)


def words(notice: Notice) -> str:
    return f"{notice.line} {notice.link}".strip()


def digits(notice: Notice) -> str:
    """The number as those want it who have no plus before it."""
    return notice.to.removeprefix("+")


def is_ours(text: str, made: datetime | None, notice: Notice) -> bool:
    """Whether a message to the same number names the alert, and was not there before the try that had no answer."""
    recent = notice.since is None or (made is not None and made >= notice.since)
    return recent and re.search(rf"(?<![\w-]){re.escape(notice.ref)}(?!\w)", text) is not None
