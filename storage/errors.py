"""What can go wrong with the database as a whole, in words for people."""

from enum import StrEnum

from deskbell.core.store import NotKept


class Trouble(StrEnum):
    """What an error of the database's driver means to who writes."""

    CONFLICT = "conflict"  # another writer was in the way: the same change may pass in a moment
    BUSY = "busy"  # another writer was in the way for as long as we wait
    LOST = "lost"  # the connection is gone, and with it what was not committed
    UNKNOWN = "unknown"  # the connection went with the answer to a commit
    FULL = "full"
    DAMAGED = "damaged"
    OTHER = "other"


class StoreError(NotKept):
    """The database can't be opened, read or written. `trouble` says why where it could not be written."""

    trouble: Trouble = Trouble.OTHER


class Unreachable(StoreError):
    """Nobody answers where the database should be."""

    trouble = Trouble.LOST


class CommitUnknown(StoreError):
    """A commit was under way when the connection was lost, and the database can't be asked what became of it."""

    trouble = Trouble.UNKNOWN


class Damaged(StoreError):
    """The database is not whole, and nothing may be built on it."""

    trouble = Trouble.DAMAGED

    def __init__(self, place: str, found: str) -> None:
        super().__init__(
            f"The database {place} is damaged: {found}. Keep its files as they are for whoever may rescue more, "
            "and go back to a backup: deskbell restore FILE"
        )


class StoreClosed(StoreError):
    """A write or read after `close`."""


class SchemaError(StoreError):
    """The file's schema is not the one this version speaks, or lost its protection."""


class Emptied(SchemaError):
    """There is nothing in the database, and there should be."""

    def __init__(self, place: str, head_file: object, entries: int) -> None:
        super().__init__(
            f"The database {place} is empty, but {head_file} knows of {entries} entries of its audit: it was replaced, "
            "or its journal was deleted after a crash. Go back to a backup (deskbell restore FILE), or move that file "
            "away to begin anew."
        )


class InstanceRunning(StoreError):
    """Another daemon has this database."""
