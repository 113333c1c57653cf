"""The schema as a new database gets it, and whether the one that is there can be used."""

from collections.abc import Iterator

import sqlalchemy as sa
from sqlalchemy.schema import CreateIndex, CreateTable

from storage.customer_schema import METADATA
from storage.errors import SchemaError
from storage.schema import REVISIONS


def statements(dialect: sa.Dialect) -> Iterator[str]:
    """The SQL that makes all tables and indexes, at the newest revision."""
    for table in METADATA.sorted_tables:
        yield str(CreateTable(table).compile(dialect=dialect))
        for index in sorted(table.indexes, key=lambda index: str(index.name)):
            yield str(CreateIndex(index).compile(dialect=dialect))
    yield (
        "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, "
        "CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
    )
    yield f"INSERT INTO alembic_version VALUES ('{REVISIONS[-1]}')"  # noqa: S608 - the number is our own


def check(found: str | None, place: str) -> None:
    """Raises SchemaError, with what to do, unless the revision found is the one that this version speaks."""
    if found == REVISIONS[-1]:
        return
    if found is None:
        raise SchemaError(
            f"{place} is a database, but not one of Deskbell's. Name another one in the setting deskbell.database."
        )
    if found in REVISIONS:
        raise SchemaError(f"{place} is of an older version (schema {found}). Run: deskbell db upgrade")
    raise SchemaError(
        f"{place} was written by a newer version of Deskbell (schema {found}; this one knows {REVISIONS[-1]}). "
        "Install that version, or go back to a backup."
    )


def unprotected(missing: list[str], place: str) -> SchemaError:
    return SchemaError(
        f"{place}: the audit is not protected any more, because triggers are missing or changed: "
        f"{', '.join(missing)}. Somebody removed them. Run: deskbell audit verify"
    )
