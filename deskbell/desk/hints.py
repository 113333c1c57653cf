"""What hooks of sources say has changed: kept until it was read, told apart from what was said before."""

import secrets
from collections.abc import Sequence
from datetime import timedelta

from deskbell.core.ports import Hint
from deskbell.desk.book import Book
from deskbell.net.inbound import REMEMBERED_S, Genuine

POLL = ""  # the id of a hint that names no record
MOST_WAITING = 200  # of a source; beyond it a poll, which reads a hundred in one call, is faster


def new_mark() -> str:
    return secrets.token_hex(8)


def take(book: Book, source: str, ids: Sequence[str], call: Genuine, mark: str) -> bool:
    """Keeps the hints of one call; False when the call was taken before."""
    since = book.now - timedelta(seconds=REMEMBERED_S)
    new = not call.proof or book.uow.first_call(f"{source}:{call.proof}", book.now, since)
    if not new and not call.young:
        return False
    room = MOST_WAITING - book.uow.count_hints(source)
    for record_id in ids if ids and len(ids) <= room else (POLL,):
        book.uow.hint(Hint(source, record_id, mark), book.now)
    return True
