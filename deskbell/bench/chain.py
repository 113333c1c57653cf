"""The raw chain: hashlib, hmac, orjson and sqlite3 alone, into the same tables; ours can verify what it wrote."""

import hashlib
import hmac
import sqlite3
import time
from typing import Any

import orjson

GROUP = 100
GENESIS = "0" * 64
DATA = {"key": "schedule:4821:technician_late", "said": "Opened as P2: Marco Bianchi 20+ min late", "severity": "P2"}
AT = 1_795_000_000_000_000

_ENTRY = "INSERT INTO audit (seq, at, actor, verb, alert_id, data, personal, prev, hash) VALUES (?,?,?,?,?,?,?,?,?)"
_HEAD = "INSERT INTO audit_heads (number, seq, count, at, hash, prev, mac) VALUES (?,?,?,?,?,?,?)"
_ENTRIES = "SELECT seq, at, actor, verb, alert_id, data, personal, prev, hash FROM audit ORDER BY seq"
_HEADS = "SELECT number, seq, count, at, hash, prev, mac FROM audit_heads ORDER BY number"


def append(path: str, key: bytes, count: int) -> float:
    """So many entries behind those that are there, a hundred a commit, each commit sealed; the seconds it took."""
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA synchronous = FULL")
    db.execute("PRAGMA cache_size = -8000")  # as ours has it
    seq, prev = db.execute("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1").fetchone() or (0, GENESIS)
    newest = db.execute("SELECT number, mac FROM audit_heads ORDER BY number DESC LIMIT 1").fetchone()
    number, mac = newest or (0, GENESIS)
    began = time.perf_counter()
    for begin in range(0, count, GROUP):
        rows = []
        for _ in range(min(GROUP, count - begin)):
            seq += 1
            data = orjson.dumps(DATA, option=orjson.OPT_SORT_KEYS).decode()
            made = _hash(AT, "deskbell", "open", 4821, data, "{}", prev, seq)
            rows.append((seq, AT, "deskbell", "open", 4821, data, "{}", prev, made))
            prev = made
        number += 1
        seal = {"at": AT, "count": len(rows), "hash": prev, "number": number, "prev": mac, "seq": seq}
        before, mac = mac, hmac.new(key, orjson.dumps(seal), hashlib.sha256).hexdigest()
        db.execute("BEGIN IMMEDIATE")
        db.executemany(_ENTRY, rows)
        db.execute(_HEAD, (number, seq, len(rows), AT, prev, before, mac))
        db.execute("COMMIT")
    taken = time.perf_counter() - began
    db.close()
    return taken


def verify(path: str, key: bytes) -> int:
    """How many entries are whole; raises ValueError at the first that is not."""
    db = sqlite3.connect(path)
    prev, count = GENESIS, 0
    for seq, at, actor, verb, alert, data, personal, before, its_hash in db.execute(_ENTRIES):
        if before != prev or its_hash != _hash(at, actor, verb, alert, data, personal, before, seq):
            raise ValueError(f"entry {seq}")
        prev, count = its_hash, count + 1
    for number, seq, many, at, its_hash, before, mac in db.execute(_HEADS):
        seal = {"at": at, "count": many, "hash": its_hash, "number": number, "prev": before, "seq": seq}
        if not hmac.compare_digest(mac, hmac.new(key, orjson.dumps(seal), hashlib.sha256).hexdigest()):
            raise ValueError(f"head {number}")
    db.close()
    return count


def _hash(at: int, actor: str, verb: str, alert: int, data: str, personal: str, prev: str, seq: int) -> str:
    body: dict[str, Any] = {
        "actor": actor,
        "alert": alert,
        "at": at,
        "data": orjson.Fragment(data),
        "personal": orjson.Fragment(personal),
        "prev": prev,
        "seq": seq,
        "verb": verb,
    }
    return hashlib.sha256(orjson.dumps(body)).hexdigest()
