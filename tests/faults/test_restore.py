"""Going back to a backup: what is known is not told twice, what may be a repeat says so, the audit tells of the cut."""

import json

import pytest

from storage.backup import back_up, restore
from storage.errors import InstanceRunning, StoreError
from storage.verify import verify
from tests.crash.lives import Lives, Town
from tests.faults.conftest import told

KEY = b"a-secret-for-the-tests-only"


def url(lives: Lives) -> str:
    return f"sqlite:///{lives.folder}/deskbell.db"


def went_back(lives: Lives, copy, **more):
    return restore(url(lives), copy, audit_key=KEY, head_file=lives.folder / "deskbell.head", **more)


async def command(lives: Lives, *words: str) -> tuple[int, str]:
    """A command beside the daemon, by a process of its own; what it said last."""
    running, before = lives.process, lives.log.stat().st_size
    await lives.start(command=words)
    status = await lives.done()
    lives.process = running
    with lives.log.open(encoding="utf-8") as log:
        log.seek(before)
        return status, log.read()


async def test_back_to_a_backup_that_was_taken_while_it_ran(lives: Lives, town: Town):
    await lives.start()
    seen = town.late_job()
    await town.until(lambda: town.cards(seen, "slack"), "the first card")
    await town.until(lambda: not lives.left(), "an empty outbox")
    copy = lives.folder / "copy.db"
    status, said = await command(lives, "backup", str(copy))
    assert status == 0, said
    assert "1 alerts" in said
    assert copy.stat().st_mode & 0o077 == 0

    await town.acknowledge(seen, "slack")  # after the backup: it will be forgotten
    after = town.urgent_ticket()
    await town.until(lambda: all(town.cards(after, chat) for chat in lives.sandbox.chats), "a card of what came after")
    ref = town.cards(after, "slack")[0].ref
    assert await lives.stop() == 0
    ended = verify(url(lives), audit_key=KEY, head_file=lives.folder / "deskbell.head").count

    status, said = await command(lives, "restore", str(copy), "--json")
    done = json.loads(said.splitlines()[-1])
    assert (status, done["alerts"], done["entries"] - 1 + done["cut"]) == (0, 1, ended)
    found = verify(url(lives), audit_key=KEY, head_file=lives.folder / "deskbell.head")
    assert found.ok, found
    restored = lives.ask("SELECT data FROM audit WHERE verb = 'restored'")
    assert json.loads(restored[0][0])["cut"] == done["cut"]

    await lives.start()
    await town.until(lambda: len(town.cards(after, "slack")) == 2, "what came after the backup, read again")
    repeat = next(card for card in town.cards(after, "slack") if card.ref != ref)
    assert "Perhaps a repeat" in repeat.text
    assert int(repeat.ref.removeprefix("D-")) > int(ref.removeprefix("D-")), "no number is given twice"
    await town.until(lambda: not town.shows(seen, "Acknowledged", "slack"), "the card as the backup knows it")
    assert len(town.cards(seen, "slack")) == 1, "a card that the backup knows is found again"
    await town.acknowledge(seen, "slack")
    assert (await command(lives, "audit", "verify"))[0] == 0
    assert told(lives, "can't be trusted") == 0


async def test_what_was_waiting_is_looked_up_before_it_is_sent_again(lives: Lives, town: Town):
    """The backup has a card that was not sent yet. It was, afterwards."""
    lives.sandbox.chats["slack"].faults.set("500")
    lives.sandbox.chats["discord"].faults.set("500")
    await lives.start()
    job = town.late_job()
    await town.until(lambda: town.cards(job, "teams"), "a card where it could be told")
    back_up(url(lives), lives.folder / "copy.db", audit_key=KEY)
    for chat in ("slack", "discord"):
        lives.sandbox.chats[chat].faults.heal()
    await town.until(lambda: town.cards(job, "slack") and town.cards(job, "discord"), "the other cards", 60)
    assert await lives.stop() == 0
    went_back(lives, lives.folder / "copy.db")
    await lives.start()
    await town.acknowledge(job, "slack")
    await town.until(lambda: not lives.left(), "an empty outbox")
    assert [len(town.cards(job, chat)) for chat in ("slack", "discord")] == [1, 1]


async def test_what_can_not_be_restored_changes_nothing(lives: Lives, town: Town):
    await lives.start()
    job = town.late_job()
    await town.until(lambda: town.cards(job, "slack"), "the first card")
    copy, path = lives.folder / "copy.db", lives.folder / "deskbell.db"
    back_up(url(lives), copy, audit_key=KEY)
    with pytest.raises(StoreError, match="is there already"):
        back_up(url(lives), copy, audit_key=KEY)
    with pytest.raises(InstanceRunning):
        went_back(lives, copy)
    await town.until(lambda: not lives.left(), "an empty outbox")
    assert await lives.stop() == 0

    before = path.read_bytes()
    with pytest.raises(StoreError, match="There is no backup"):
        went_back(lives, lives.folder / "nothing.db")
    (lives.folder / "diary.db").write_text("Dear diary, " * 1000)
    with pytest.raises(StoreError, match="file is not a database"):
        went_back(lives, lives.folder / "diary.db")
    with pytest.raises(StoreError, match="audit"):
        restore(url(lives), copy, audit_key=b"another key, as of another house", head_file=lives.folder / "x.head")
    data = bytearray(copy.read_bytes())
    data[4096 * 3 : 4096 * 4] = bytes(range(256)) * 16
    (lives.folder / "bad.db").write_bytes(data)
    with pytest.raises(StoreError, match="is damaged"):
        went_back(lives, lives.folder / "bad.db")
    went_back(lives, copy, drill=True)
    assert path.read_bytes() == before
    assert not list(lives.folder.glob("*.restoring*"))
    await lives.start()
    await town.acknowledge(job, "slack")
    await town.quiet()
    town.verdict()
