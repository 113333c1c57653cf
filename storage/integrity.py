"""Whether a database is whole, as far as it can tell itself. The audit's chain is looked at in storage/verify.py."""

from storage.backend import Backend
from storage.errors import Damaged, StoreError

_SHOWN = 3


def wrong(backend: Backend) -> list[str]:
    """What is wrong with the database, for people; nothing when it is whole. It reads all of it."""
    try:
        connection = backend.connect_checking()
    except StoreError as error:
        return [str(error)]
    try:
        return backend.wrong(connection)
    except backend.errors as error:
        return [str(error)]
    finally:
        connection.close()


def refuse(place: str, found: list[str]) -> None:
    """Raises Damaged, with what to do, when something was found."""
    if found:
        more = f"; and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        raise Damaged(place, "; ".join(found[:_SHOWN]) + more)
