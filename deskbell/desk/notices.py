"""Notices that belong to no card: what the first read of a source found."""

from deskbell.core.alert import Severity
from deskbell.core.ports import Dispatch, DispatchKind, Lane
from deskbell.desk.book import Book


def baseline_notice(book: Book, source: str, count: int) -> None:
    """History is told once, as a number with a way to see it; it does not ring."""
    title = book.house.source_title(source)
    text = book.house.words.say("first_read", source=title, count=count, command=book.house.command)
    for name in book.house.bells[:1]:
        dispatch = Dispatch(f"baseline:{source}:{name}", name, DispatchKind.NOTICE, {"text": text}, 0, Lane.DIGEST)
        book.uow.add_dispatch(dispatch, Severity.P4, book.now)
