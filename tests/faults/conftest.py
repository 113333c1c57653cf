"""The daemon as a real process whose disk fills up, fails, or loses its files; the stand-ins' chats are the judges."""

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest

from tests.crash.conftest import changes, lives, nursery, sandbox, town
from tests.crash.lives import Lives
from tests.town import ROOMS

__all__ = ["changes", "lives", "nursery", "sandbox", "town"]
MEGABYTES = 24


@pytest.fixture
def changes() -> dict[str, str]:  # noqa: F811 - shorter spans than a person needs
    return {'unwritable_after = "10s"': 'unwritable_after = "2s"'}


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small file system of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={MEGABYTES}m", "tmpfs", folder], check=False)
    if made.returncode:
        pytest.skip("a file system can be mounted by root only")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


class OnDisk(Lives):
    """What the tests write down themselves stands elsewhere."""

    @property
    def seen(self) -> Path:
        return self.folder.parent / "points"


@pytest.fixture
async def on_disk(sandbox, disk, nursery, changes):
    """A daemon that lives on the small disk."""
    made = OnDisk(sandbox, disk, nursery, changes)
    yield made
    await made.bury()


def filled(disk: Path) -> Path:
    """The file that takes what is left of the disk."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as out:
        try:
            while out.write(b"\0" * 65536):
                pass
        except OSError:
            pass
        try:
            while out.write(b"\0" * 512):
                pass
        except OSError:
            pass
    return filler


def told(lives: Lives, words: str) -> int:
    """How often these words stand in the rooms of all chats."""
    return sum(
        words in text
        for chat, rooms in ROOMS.items()
        for room in rooms.values()
        for text in lives.sandbox.chats[chat].texts(room)
    )


async def asked(lives: Lives, path: str, **kwargs) -> tuple[int, dict]:
    """What the daemon's HTTP server says."""
    port = re.search(r"^port = (\d+)", lives.config.read_text(), re.MULTILINE)[1]
    method = "POST" if "json" in kwargs else "GET"
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, f"http://127.0.0.1:{port}{path}", **kwargs) as answer,
    ):
        return answer.status, await answer.json()


def token() -> dict[str, str]:
    return {"Authorization": "Bearer made-up-token-of-the-tests", "Idempotency-Key": os.urandom(8).hex()}
