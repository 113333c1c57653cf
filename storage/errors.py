"""What can go wrong with the database as a whole, in words for people."""


class StoreError(Exception):
    """The database can't be opened, read or written."""


class StoreClosed(StoreError):
    """A write or read after `close`."""


class SchemaError(StoreError):
    """The file's schema is not the one this version speaks, or lost its protection."""


class InstanceRunning(StoreError):
    """Another daemon has this database."""
