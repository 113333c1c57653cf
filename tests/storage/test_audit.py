"""The audit: whatever is done to it behind Deskbell's back is found, and the place is named."""

# ruff: noqa: S608 - intruders write their SQL as they like

import hashlib
import sqlite3
from contextlib import closing

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storage import sqlite
from storage.audit import Chain, canonical
from storage.backend import backend_of
from storage.errors import SchemaError
from storage.sql import Db

COMMITS, EACH = 6, 3
ENTRIES = COMMITS * EACH


SQLITE = pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
POSTGRESQL = pytest.mark.parametrize("kind", ["postgresql"], indirect=True)


def test_an_untouched_audit_is_whole(filled, judge):
    verdict = judge()
    assert (verdict.ok, verdict.count, verdict.where, verdict.why, verdict.erased) == (True, ENTRIES, None, "", 0)


def test_an_empty_audit_is_whole(database, store):
    assert store.verify().ok
    assert store.verify().count == 0
    assert store.trouble == ""


def test_what_was_written_can_be_read(make, filled, read):
    rows = read("audit_rows", 0, 100)
    assert [row.seq for row in rows] == list(range(1, ENTRIES + 1))
    assert rows[0].entry == make.entry(1, phone="+43 660 1")
    assert rows[1].entry == make.entry(2)
    assert rows[0].at == make.NOW
    assert [row.seq for row in read("audit_rows", 5, 3)] == [6, 7, 8]
    assert [row.seq for row in read("story", 2)] == [1, 5, 9, 13, 17]
    assert [row.seq for row in read("story", 2, 2)] == [13, 17]
    assert read("audit_count") == ENTRIES


# ---------------------------------------------------------------- the database refuses


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET data = '{}' WHERE seq = 3",
        "DELETE FROM audit WHERE seq = 18",
        "UPDATE audit_heads SET mac = 'x'",
        "DELETE FROM audit_heads",
        "UPDATE audit_values SET value = 'x'",
        "INSERT INTO audit (seq, at) VALUES (20, 0)",
        "INSERT INTO audit (seq, at) VALUES (0, 0)",
        "INSERT INTO audit_heads (number, seq, at) VALUES (8, 0, 0)",
    ],
)
def test_the_audit_can_only_grow_at_its_end(filled, judge, statement):
    with pytest.raises((sqlite3.IntegrityError, psycopg.errors.RaiseException), match="append-only"):
        filled.sql(statement)
    assert judge().ok


@SQLITE
@pytest.mark.parametrize(
    "statement",
    [
        "INSERT OR REPLACE INTO audit (seq, at, actor) SELECT seq, at, 'eve' FROM audit WHERE seq = 3",
        "INSERT INTO audit (at) VALUES (0)",
        "INSERT OR REPLACE INTO audit_heads (number, seq, at) SELECT number, seq, at FROM audit_heads WHERE number = 2",
        "REPLACE INTO audit_heads (number, seq, at) VALUES (8, 0, 0)",
    ],
)
def test_nothing_is_replaced_in_the_audit(filled, judge, statement):
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        filled.sql(statement)
    assert judge().ok


@POSTGRESQL
@pytest.mark.parametrize(
    "statement",
    [
        "TRUNCATE audit",
        "TRUNCATE audit_heads, audit_values",
        "INSERT INTO audit (seq, at) VALUES (3, 0) ON CONFLICT (seq) DO UPDATE SET at = 0",
        "INSERT INTO audit (seq, at) SELECT seq + 18, at FROM audit WHERE seq <> 2",
    ],
)
def test_there_is_no_way_around_the_triggers(filled, judge, statement):
    with pytest.raises(psycopg.errors.RaiseException, match="append-only"):
        filled.sql(statement)
    assert judge().ok


@pytest.mark.parametrize("trigger", list(sqlite.TRIGGERS))
def test_a_database_that_lost_its_protection_is_not_opened(filled, judge, trigger):
    filled.sql(*filled.drop_triggers([trigger]))
    with pytest.raises(SchemaError, match=trigger):
        filled.open()
    verdict = judge()
    assert (verdict.ok, verdict.count) == (False, ENTRIES)
    assert trigger in verdict.why
    assert f"All {ENTRIES} entries are whole" in verdict.why


@POSTGRESQL
@pytest.mark.parametrize(
    "weakened",
    [
        "ALTER TABLE audit DISABLE TRIGGER audit_no_delete",
        """CREATE OR REPLACE FUNCTION deskbell_append_only() RETURNS trigger LANGUAGE plpgsql
        AS $$BEGIN RETURN OLD; END$$""",
        """DROP TRIGGER audit_no_delete ON audit; CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit FOR EACH ROW
        WHEN (false) EXECUTE FUNCTION deskbell_append_only()""",
    ],
)
def test_a_switched_off_trigger_is_no_protection(filled, judge, weakened):
    filled.sql(weakened)
    with pytest.raises(SchemaError, match="audit_no_delete"):
        filled.open()
    assert "audit_no_delete" in judge().why


@SQLITE
def test_a_weakened_trigger_is_no_protection(filled):
    filled.sql(
        "DROP TRIGGER audit_no_delete",
        "CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit WHEN 0 BEGIN SELECT RAISE(ABORT, 'no'); END",
    )
    with pytest.raises(SchemaError, match="audit_no_delete"):
        filled.open()


# ---------------------------------------------------------------- and what is done nevertheless is found

CHANGES = {
    "seq": 99,
    "at": 1,
    "actor": "eve",
    "verb": "resolve",
    "alert_id": 77,
    "data": '{"n":0}',
    "personal": '{"x":{}}',
    "prev": "f" * 64,
    "hash": "f" * 64,
}


@pytest.mark.parametrize("seq", [1, 4, 9, ENTRIES])
@pytest.mark.parametrize("column", list(CHANGES))
def test_a_changed_entry_is_named(judge, tamper, column, seq):
    tamper((f"UPDATE audit SET {column} = ? WHERE seq = ?", (CHANGES[column], seq)))
    verdict = judge()
    assert not verdict.ok
    assert verdict.where == seq
    assert str(seq) in verdict.why
    assert verdict.count == seq - 1


@SQLITE
@pytest.mark.parametrize("value", [1.5, b"\xff\xfe", "not JSON", "[]", "null", "\udc80", '{"n":1}\n', b'{"n":1}'])
@pytest.mark.parametrize("column", ["actor", "data", "personal", "verb"])
def test_values_of_the_wrong_kind_are_found_too(filled, judge, tamper, column, value):
    text = value.encode("utf-8", "surrogateescape") if isinstance(value, str) else value
    cast = "CAST(? AS TEXT)" if isinstance(value, str) else "?"
    tamper((f"UPDATE audit SET {column} = {cast} WHERE seq = 5", (text,)))
    assert judge().where == 5


@SQLITE
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_flipped_bit_of_an_entry_is_found(filled, judge, tamper, data):
    """One bit of one byte of one column, as text: put back afterwards, so that one audit serves all examples."""
    seq = data.draw(st.integers(1, ENTRIES), label="seq")
    column = data.draw(st.sampled_from(["actor", "verb", "data", "personal", "prev", "hash"]), label="column")
    ((before,),) = filled.sql((f"SELECT CAST({column} AS BLOB) FROM audit WHERE seq = ?", (seq,)))
    place = data.draw(st.integers(0, len(before) * 8 - 1), label="bit")
    after = bytearray(before)
    after[place // 8] ^= 1 << place % 8
    put = f"UPDATE audit SET {column} = CAST(? AS TEXT) WHERE seq = ?"
    tamper((put, (bytes(after), seq)))
    verdict = judge()
    tamper((put, (before, seq)))
    assert not verdict.ok
    assert verdict.where == seq
    assert judge().ok


@SQLITE
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_bit_flipped_in_the_file_itself_is_found(filled, judge, data):
    """In the bytes of an entry as they lie in the database file, without SQLite."""
    raw = bytearray(filled.path.read_bytes())
    seq = data.draw(st.integers(1, ENTRIES), label="seq")
    mark = f'{{"n":{seq},"nested"'.encode()
    start = raw.index(b'"nested":{"a":null', raw.index(b"person%dack" % seq))
    assert mark[:4] in raw
    place = start + data.draw(st.integers(0, 40), label="byte")
    raw[place] ^= 1 << data.draw(st.integers(0, 7), label="bit")
    before = filled.path.read_bytes()
    filled.path.write_bytes(raw)
    verdict = judge()
    filled.path.write_bytes(before)
    assert not verdict.ok
    assert verdict.where == seq


@pytest.mark.parametrize("seq", [1, 2, 3, 4, 11, ENTRIES])
def test_a_deleted_entry_is_named(judge, tamper, seq):
    tamper(f"DELETE FROM audit WHERE seq = {seq}")
    verdict = judge()
    assert (verdict.ok, verdict.where) == (False, seq)
    assert f"Entry {seq} is missing" in verdict.why


def test_an_entry_deleted_and_the_rest_moved_up_is_found(judge, tamper):
    tamper(
        "DELETE FROM audit WHERE seq = 7",
        "UPDATE audit SET seq = -seq WHERE seq > 7",
        "UPDATE audit SET seq = -seq - 1 WHERE seq < 0",
    )
    assert judge().where == 7


@pytest.mark.parametrize(("one", "other"), [(1, 2), (3, 4), (2, 17), (17, 18)])
def test_swapped_entries_are_found(judge, tamper, one, other):
    tamper(
        f"UPDATE audit SET seq = -1 WHERE seq = {one}",
        f"UPDATE audit SET seq = {one} WHERE seq = {other}",
        f"UPDATE audit SET seq = {other} WHERE seq = -1",
    )
    assert judge().where == one


COLUMNS = "at, actor, verb, alert_id, data, personal, prev, hash"


def test_an_entry_put_in_the_middle_is_found(judge, tamper):
    tamper(
        "UPDATE audit SET seq = -seq WHERE seq > 8",
        "UPDATE audit SET seq = 1 - seq WHERE seq < 0",
        f"INSERT INTO audit (seq, {COLUMNS}) SELECT 9, {COLUMNS} FROM audit WHERE seq = 8",
    )
    assert judge().where == 9


def forged(database, seq):
    """An entry that fits the chain, as everybody can make it."""
    ((prev,),) = database.sql(("SELECT hash FROM audit WHERE seq = ?", (seq - 1,)))
    row = {
        "seq": seq,
        "at": 5,
        "actor": "eve",
        "verb": "ack",
        "alert_id": 1,
        "data": "{}",
        "personal": "{}",
        "prev": prev,
    }
    row["hash"] = hashlib.sha256(canonical(**row)).hexdigest()
    names = ", ".join(row)
    return f"INSERT INTO audit ({names}) VALUES ({', '.join('?' * len(row))})", tuple(row.values())


def test_a_well_made_entry_at_the_end_is_found(filled, judge):
    filled.sql(forged(filled, ENTRIES + 1))
    verdict = judge()
    assert (verdict.ok, verdict.where) == (False, ENTRIES + 1)
    assert "no seal" in verdict.why


def test_a_well_made_entry_is_not_sealed_by_the_next_commit(make, filled, judge):
    filled.sql(forged(filled, ENTRIES + 1))
    store = filled.open()
    store.write_now(lambda uow: uow.audit(make.entry(99), make.NOW))
    store.close()
    assert judge().where == ENTRIES + 1


@pytest.mark.parametrize("number", [1, 3, COMMITS])
@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM audit_heads",
        "UPDATE audit_heads SET mac = 'x'",
        "UPDATE audit_heads SET at = at + 1",
        "UPDATE audit_heads SET seq = seq - 1, count = count - 1",
        "UPDATE audit_heads SET count = 99",
        "UPDATE audit_heads SET hash = 'ff'",
        "UPDATE audit_heads SET number = number + 100",
    ],
)
def test_a_changed_seal_is_found(judge, tamper, change, number):
    tamper(f"{change} WHERE number = {number}")
    verdict = judge()
    assert not verdict.ok
    assert verdict.where is not None
    assert (number - 1) * EACH < verdict.where <= number * EACH + 1


def test_an_audit_stamped_anew_without_the_key_is_found(make, filled, judge, tamper):
    """The whole chain and all seals are made again, as Deskbell makes them, but with another key."""
    tamper("DELETE FROM audit WHERE seq > 6", "DELETE FROM audit_heads WHERE seq > 6")
    backend = backend_of(filled.url)
    with closing(backend.connect_writing()) as connection:
        for commit in range(2, COMMITS):
            connection.execute(backend.begin_writing)
            chain = Chain(Db(connection, backend), b"a guess")
            for number in range(EACH):
                chain.append(make.entry(commit * EACH + number + 1), make.NOW)
            chain.seal(make.NOW)
            connection.execute("COMMIT")
    verdict = judge()
    assert (verdict.where, verdict.count) == (7, 6)
    assert "not genuine" in verdict.why


def test_another_key_is_told(judge):
    verdict = judge(audit_key=b"another")
    assert (verdict.ok, verdict.where) == (False, 1)
    assert "another key" in verdict.why


# ---------------------------------------------------------------- personal values


def test_personal_values_are_not_in_the_chain(filled):
    texts = filled.sql("SELECT data || personal FROM audit")
    assert "+43" not in str(texts)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE audit_values SET value = '+43 1' WHERE seq = 5",
        "UPDATE audit_values SET salt = '' WHERE seq = 5",
        "UPDATE audit_values SET name = 'mail' WHERE seq = 5",
        "UPDATE audit_values SET value = '' WHERE seq = 5",
        "INSERT INTO audit_values (ref, seq, name, value) VALUES ('x', 5, 'mail', 'eve@example.org')",
        "UPDATE audit_values SET ref = 'x' WHERE seq = 5",
    ],
)
def test_a_changed_personal_value_is_named(judge, tamper, change):
    tamper(change)
    verdict = judge()
    assert (verdict.ok, verdict.where) == (False, 5)
    assert "personal value" in verdict.why


def test_personal_values_can_be_erased_and_the_chain_stays_whole(filled, judge, read):
    filled.sql("DELETE FROM audit_values WHERE seq IN (1, 5)")
    verdict = judge()
    assert (verdict.ok, verdict.erased) == (True, 2)
    assert read("audit_rows", 0, 1)[0].entry.personal == {}
