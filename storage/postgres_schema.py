"""What PostgreSQL has besides tables and indexes: the triggers that keep the audit append-only, and comments."""

from collections.abc import Iterator

import sqlalchemy as sa
from psycopg import errors
from sqlalchemy.schema import SetColumnComment, SetTableComment

from storage.customer_schema import METADATA
from storage.libpq import Session

_APPEND_ONLY = "BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END"


def _in_order(table: str, key: str) -> str:
    return (
        f"BEGIN IF NEW.{key} IS DISTINCT FROM (SELECT coalesce(max({key}), 0) + 1 FROM {table}) THEN "  # noqa: S608 - the names are our own
        f"RAISE EXCEPTION '{table} is append-only, and without gaps'; END IF; RETURN NEW; END"
    )


FUNCTIONS = {
    "deskbell_append_only": _APPEND_ONLY,
    "deskbell_audit_in_order": _in_order("audit", "seq"),
    "deskbell_audit_heads_in_order": _in_order("audit_heads", "number"),
}


def _trigger(table: str, act: str, function: str, name: str = "") -> tuple[str, str]:
    name = name or f"{table}_no_{act.lower()}"
    each = "STATEMENT" if act == "TRUNCATE" else "ROW"
    return name, f"CREATE TRIGGER {name} BEFORE {act} ON {table} FOR EACH {each} EXECUTE FUNCTION {function}()"


# As pg_get_triggerdef tells them. Personal values may be deleted (that is how they are erased), but never changed.
TRIGGERS = dict(
    [
        *(
            _trigger(table, act, "deskbell_append_only")
            for table in ("audit", "audit_heads", "consents")
            for act in ("UPDATE", "DELETE", "TRUNCATE")
        ),
        _trigger("audit_values", "UPDATE", "deskbell_append_only"),
        _trigger("audit", "INSERT", "deskbell_audit_in_order", "audit_in_order"),
        _trigger("audit_heads", "INSERT", "deskbell_audit_heads_in_order", "audit_heads_in_order"),
    ]
)


def protection() -> Iterator[str]:
    """The SQL that makes the functions and the triggers."""
    for name, body in FUNCTIONS.items():
        yield f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $${body}$$"
    yield from TRIGGERS.values()


_ANY_TABLE = """
SELECT 1 FROM pg_class c WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p')
AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e') LIMIT 1
"""

BTREES = """
    SELECT i.indexrelid::bigint, c.relname
    FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am a ON a.oid = c.relam
    WHERE a.amname = 'btree' AND i.indisvalid AND c.relnamespace = 'public'::regnamespace ORDER BY 2"""
_FIND_TRIGGERS = """
SELECT t.tgname, pg_get_triggerdef(t.oid, true), p.prosrc, t.tgenabled IN ('O', 'A')
FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid JOIN pg_class c ON c.oid = t.tgrelid
WHERE NOT t.tgisinternal AND c.relnamespace = current_schema()::regnamespace
"""


def comments(dialect: sa.Dialect) -> Iterator[str]:
    """What storage/schema.py says of tables and columns, for who looks with the database's own tools."""
    for table in METADATA.sorted_tables:
        if table.comment:
            yield str(SetTableComment(table).compile(dialect=dialect)).replace("%%", "%")
        for column in table.columns:
            if column.comment:
                yield str(SetColumnComment(column).compile(dialect=dialect)).replace("%%", "%")


def is_empty(session: Session) -> bool:
    """Of tables; those that an extension brought do not count."""
    return not session.execute(_ANY_TABLE).fetchone()


def revision(session: Session) -> str | None:
    try:
        row = session.execute("SELECT version_num FROM alembic_version").fetchone()
    except errors.UndefinedTable:
        return None
    return None if row is None else str(row[0])


def missing_triggers(session: Session) -> list[str]:
    """Those that are not there, changed, switched off, or run something else than they should."""
    found = {row[0]: row[1:] for row in session.execute(_FIND_TRIGGERS).fetchall()}
    missing = []
    for name, sql in TRIGGERS.items():
        body = FUNCTIONS[sql.removesuffix("()").rpartition(" ")[2]]
        if found.get(name) != (sql, body, True):
            missing.append(name)
    return missing
