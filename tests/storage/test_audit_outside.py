"""The audit's head outside the database, without which a tail that was cut off would go unseen; and the export."""

# ruff: noqa: S608 - intruders write their SQL as they like

import asyncio
import hashlib
import json
import math
import os
import shutil

import pytest

from storage import headfile, verify

COMMITS, EACH = 6, 3
ENTRIES = COMMITS * EACH


@pytest.mark.parametrize("gone", [1, 2, 3, 4, ENTRIES - 1, ENTRIES])
def test_a_tail_that_was_cut_off_is_found_by_the_file_outside(judge, tamper, gone):
    left = ENTRIES - gone
    tamper(f"DELETE FROM audit WHERE seq > {left}", f"DELETE FROM audit_heads WHERE seq > {left}")
    verdict = judge()
    assert not verdict.ok
    assert verdict.where is not None
    assert left - EACH < verdict.where <= left + 1


def test_a_whole_commit_cut_off_is_seen_by_the_file_alone(judge, tamper):
    tamper("DELETE FROM audit WHERE seq > 15", "DELETE FROM audit_heads WHERE seq > 15")
    assert judge(head_file=None).ok
    verdict = judge()
    assert (verdict.where, verdict.count) == (16, 15)
    assert "cut off" in verdict.why


def test_a_cut_tail_stays_evident_while_deskbell_goes_on(make, filled, judge, tamper):
    tamper(*(f"DELETE FROM {table} WHERE seq > 15" for table in ("audit", "audit_heads", "audit_values")))
    store = filled.open()
    assert "ends at entry 15" in store.trouble
    for number in range(5):
        store.write_now(lambda uow, n=number: uow.audit(make.entry(n), make.NOW))
        assert not judge().ok
    store.close()
    assert judge().where == 16, "the file still knows the entry that was cut off"
    again = filled.open()
    assert "entry 18 differs" in again.trouble
    again.anchor()
    assert again.trouble == ""
    assert judge().ok, "an operator who knows why has begun the file anew"


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
def test_a_backup_put_back_is_found(make, filled, judge, tmp_path):
    shutil.copy(filled.path, tmp_path / "backup")
    store = filled.open()
    store.write_now(lambda uow: uow.audit(make.entry(99), make.NOW))
    store.close()
    shutil.copy(tmp_path / "backup", filled.path)
    assert judge().where == ENTRIES + 1


# ---------------------------------------------------------------- the file outside


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff" * 1024, b"[]\n" * 400])
def test_a_damaged_head_file_is_told(filled, judge, content):
    filled.head_file.write_bytes(content)
    assert "is damaged" in judge().why
    assert "is damaged" in filled.open().trouble
    assert filled.head_file.read_bytes() == content, "it is evidence"


def test_a_missing_head_file_is_told(filled, judge, monkeypatch):
    monkeypatch.setattr(headfile, "FRESH_S", 0.0)  # as if it were no longer new
    filled.head_file.unlink()
    assert "is missing" in judge().why
    store = filled.open()
    assert "is missing" in store.trouble
    store.anchor()
    assert judge().ok


def test_of_two_that_begin_together_the_second_has_its_file_too(make, filled, tmp_path, monkeypatch):
    """Somebody else's first entries are there when it looks; nobody took a file away."""
    monkeypatch.setattr(headfile, "FRESH_S", math.inf)
    store = filled.open(head_file=tmp_path / "second.head")
    assert store.trouble == ""
    assert store.verify().ok
    assert headfile.newest(tmp_path / "second.head", make.KEY).seq == ENTRIES


@pytest.mark.parametrize("slot", [0, 1])
def test_a_torn_slot_leaves_the_other(make, filled, judge, slot):
    """A power cut may tear what was being written; the file then lags, and the database is fine."""
    raw = bytearray(filled.head_file.read_bytes())
    raw[slot * 512 + 100 : slot * 512 + 400] = os.urandom(300)
    filled.head_file.write_bytes(raw)
    assert judge().ok
    store = filled.open()
    assert store.trouble == ""
    assert headfile.newest(filled.head_file, make.KEY).seq == ENTRIES, "and it is brought up to date at once"


def test_a_file_that_lags_is_brought_up_to_date(make, filled, judge, tmp_path):
    shutil.copy(filled.head_file, tmp_path / "old")
    store = filled.open()
    for _ in range(3):
        store.write_now(lambda uow: uow.audit(make.entry(1), make.NOW))
    store.close()
    shutil.copy(tmp_path / "old", filled.head_file)
    assert judge().ok
    assert filled.open().trouble == ""
    assert headfile.newest(filled.head_file, make.KEY).seq == ENTRIES + 3


def test_a_head_file_that_can_not_be_written_stops_nothing(make, database, store, monkeypatch):
    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "pwrite", fail)
    store.write_now(make.raised)
    assert "No space left" in store.trouble
    monkeypatch.undo()
    store.write_now(lambda uow: make.raised(uow, 2))
    assert store.trouble == ""
    assert store.verify().ok


async def test_it_can_be_checked_while_it_grows(make, store):

    async def grow():
        for number in range(150):
            await store.write(lambda uow, n=number: uow.audit(make.entry(n, phone=str(n)), make.NOW))

    growing = asyncio.create_task(grow())
    verdicts = [await asyncio.to_thread(store.verify) for _ in range(20)]
    await growing
    assert all(verdict.ok for verdict in verdicts), verdicts
    assert store.verify().count == 150


# ---------------------------------------------------------------- export


def test_the_export_holds_the_chain(filled):
    lines = [json.loads(line) for line in verify.export(filled.url)]
    entries = [line for line in lines if "entry" in line]
    seals = [line["seal"] for line in lines if "seal" in line]
    assert [line["entry"]["seq"] for line in entries] == list(range(1, ENTRIES + 1))
    assert [line["entry"]["prev"] for line in entries[1:]] == [line["hash"] for line in entries[:-1]]
    assert [seal["seq"] for seal in seals] == list(range(EACH, ENTRIES + 1, EACH))
    assert not any("values" in line for line in entries)


def test_an_exported_entry_hashes_to_what_stands_beside_it(filled):

    for line in verify.export(filled.url):
        if line.startswith('{"entry":'):
            body, _, rest = line.removeprefix('{"entry":').rpartition(',"hash":')
            assert hashlib.sha256(body.encode()).hexdigest() == json.loads(rest.removesuffix("}"))


def test_personal_values_are_exported_when_asked_for(filled):
    first = json.loads(next(verify.export(filled.url, personal=True)))
    assert first["values"] == {"phone": "+43 660 1"}
