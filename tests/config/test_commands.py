"""The commands beside the daemon, against a database that a short life of it left behind."""

import asyncio
import json
import re
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from deskbell.sandbox.server import Sandbox
from tests.config.conftest import Cli, Done, inside
from tests.crash.lives import Lives, Town


@pytest.fixture
async def lived(sandbox: Sandbox, tmp_path: Path) -> Town:
    """A day's work in a few seconds; the daemon has ended."""
    town = Town(Lives(sandbox, tmp_path))
    job, ticket = town.late_job(), town.urgent_ticket()
    await town.lives.start()
    await asyncio.gather(*town.people(job, ticket))
    await town.quiet()
    assert await town.lives.stop() == 0
    return town


async def test_each_command_reads_what_was_left(lived: Town, cli: Cli, tmp_path: Path) -> None:
    asked = {
        "alerts": ("alerts", "--json"),
        "every alert": ("alerts", "--json", "--everything"),
        "table": ("alerts",),
        "why": ("why", "D-1", "--json"),
        "whynot": ("whynot", "J-4711"),
        "whynot as json": ("whynot", "4711", "--json"),
        "verify": ("audit", "verify"),
        "verify as json": ("audit", "verify", "--json"),
        "export": ("audit", "export"),
        "export to a file": ("audit", "export", "-o", str(tmp_path / "audit.jsonl")),
        "outbox": ("outbox",),
        "outbox as json": ("outbox", "--json"),
        "upgrade": ("db", "upgrade"),
        "manifest": ("manifest", "slack"),
    }
    config, env = str(lived.lives.config), lived.lives.environ
    said = {name: inside(*words, "-c", config, env=env) for name, words in asked.items()}
    assert {name: one.err for name, one in said.items() if one.status} == {}

    rows = json.loads(said["alerts"].out)
    assert [(row["subject"], row["status"], row["assignee"]) for row in rows] == [("J-4711", "acked", "ana")]
    rows = json.loads(said["every alert"].out)
    assert {row["subject"]: row["status"] for row in rows} == {"J-4711": "acked", "20501": "resolved"}
    assert "J-4711" in said["table"].out
    why = {line["what"]: line["said"] for line in json.loads(said["why"].out)["why"]}
    assert why["Rule"].partition(":")[0] in ("technician_late", "sla_breached")
    assert why["Told"]
    assert "On duty then" in why
    assert "Double booked:" in said["whynot"].out
    rules = {rule["rule"]: rule for rule in json.loads(said["whynot as json"].out)["rules"]}
    assert rules["technician_late"]["rings"] is True
    assert rules["running_over"]["said"]

    count = int(said["verify"].out.split()[1])
    assert said["verify"].out.startswith("ok: ")
    assert json.loads(said["verify as json"].out) == {"ok": True, "entries": count, "where": None, "why": ""}
    exported = said["export"].out.splitlines()
    entries = [json.loads(line)["entry"] for line in exported if "entry" in json.loads(line)]
    assert len(entries) == count > 5
    assert {"open", "ack", "note", "reassign"} <= {entry["verb"] for entry in entries}
    assert (tmp_path / "audit.jsonl").read_text().splitlines() == exported

    assert "empty" in said["outbox"].out
    assert json.loads(said["outbox as json"].out) == []
    assert "revision" in said["upgrade"].out
    commands = json.loads(said["manifest"].out)["features"]["slash_commands"]
    assert {command["command"] for command in commands} == {"/desk", "/case", "/oncall"}
    assert inside("outbox", "retry", "1", "post", "-c", config, env=env).status == 1
    assert (await cli("audit", "verify", "-c", config, env=env)).out == said["verify"].out, (
        "as a process of its own too"
    )


async def test_what_was_given_up_is_listed_and_tried_again(lived: Town) -> None:
    at, env = ("-c", str(lived.lives.config)), lived.lives.environ
    lived.slack.archive("C0DISPATCH")
    lived.sandbox.pager.status = 410
    lived.late_job()
    await lived.lives.start()
    await lived.until(lambda: lived.lives.ask("SELECT 1 FROM posts WHERE state = 'dead'"), "a card that is given up")
    await lived.lives.stop()
    rows = json.loads(inside("outbox", *at, "--json", "--dead", env=env).out)
    dead = next(row for row in rows if row["destination"] == "dispatch")
    assert "archived" in dead["error"]
    assert "archived" in inside("outbox", *at, "--dead", env=env).out
    done = inside("outbox", "retry", str(dead["id"]), "post", *at, env=env)
    assert done.status == 0
    assert "will be tried again" in done.out
    lived.slack.workspace.channel("C0DISPATCH").is_archived = False
    await lived.lives.start()
    await lived.until(lambda: lived.cards(lived.made[-1], "slack"), "the card after all")
    assert await lived.lives.stop() == 0


async def test_two_daemons_do_not_share_a_database(lived: Town, cli: Cli) -> None:
    await lived.lives.start()
    await lived.until(lambda: lived.slack.sockets.connections, "a running daemon")
    done = await cli("run", "-c", str(lived.lives.config), env=lived.lives.environ)
    assert done.status == 2
    assert "already running" in done.err
    beside = await cli("alerts", "-c", str(lived.lives.config), "--json", env=lived.lives.environ)
    assert json.loads(beside.out), "but to look is allowed"
    assert (await cli("audit", "verify", "-c", str(lived.lives.config), env=lived.lives.environ)).status == 0
    assert await lived.lives.stop() == 0


# ---------------------------------------------------------------- the audit was tampered with

SWAP = """UPDATE audit SET seq = -1 WHERE seq = 4; UPDATE audit SET seq = 4 WHERE seq = 5;
UPDATE audit SET seq = 5 WHERE seq = -1"""
SCARS: dict[str, tuple[str, int | None]] = {
    "a byte changed": ("UPDATE audit SET data = replace(data, 'Opened', 'opened') WHERE verb = 'open'", None),
    "an actor changed": ("UPDATE audit SET actor = 'eve' WHERE seq = 4", 4),
    "a time changed": ("UPDATE audit SET at = at + 1 WHERE seq = 4", 4),
    "an entry deleted": ("DELETE FROM audit WHERE seq = 4", 4),
    "two entries swapped": (SWAP, 4),
    "the end cut off": ("DELETE FROM audit WHERE seq > 4; DELETE FROM audit_heads WHERE seq > 4", None),
    "the last entry cut off": ("DELETE FROM audit WHERE seq = (SELECT max(seq) FROM audit)", None),
    "all of it gone": ("DELETE FROM audit; DELETE FROM audit_heads", None),
    "what was typed changed": ("UPDATE audit_values SET value = 'nothing of the kind'", None),
}  # fmt: skip


def scarred(folder: Path, scar: str) -> None:
    """As somebody with the file in hand does it, who knows of the triggers."""
    with closing(sqlite3.connect(folder / "deskbell.db")) as db:
        triggers: list[Any] = db.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for name, _ in triggers:
            db.execute(f"DROP TRIGGER {name}")
        db.executescript(scar)
        for _, sql in triggers:
            db.execute(sql)
        db.commit()


def verified(lived: Town, folder: Path, scar: str) -> Done:
    folder.mkdir()
    for file in ("deskbell.db", "deskbell.head", "config.toml"):
        shutil.copy(lived.lives.folder / file, folder / file)
    if scar:
        scarred(folder, scar)
    env = lived.lives.environ | {"DESKBELL_DATA": str(folder)}
    return inside("audit", "verify", "-c", str(folder / "config.toml"), env=env)


async def test_audit_verify_names_the_place(lived: Town, cli: Cli, tmp_path: Path) -> None:
    """Each on a copy of its own."""
    assert verified(lived, tmp_path / "untouched", "").status == 0
    for name, (scar, place) in SCARS.items():
        done = verified(lived, tmp_path / name, scar)
        assert (done.status, done.out) == (1, ""), name
        told = re.match(r"NOT whole: entry (\d+): (.{10,})", done.err)
        assert told, (name, done.err)
        assert place in (None, int(told[1])), (name, done.err)
    env = lived.lives.environ | {"DESKBELL_SECRET": "another-secret-of-somebody-else"}
    assert (await cli("audit", "verify", "-c", str(lived.lives.config), env=env)).status == 1, "another key"
