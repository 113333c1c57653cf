"""The short form of `deskbell torture --black-hole`: a chat and a source vanish, others do not notice."""

from pathlib import Path

import pytest

from deskbell.torture.black_hole import Holes, dependencies, run

CONFIG = Path(__file__).parents[2] / "config.toml"
SHORT = {"seconds": 9.0, "interval_s": 2.0, "before_s": 3.0, "patience_s": 0.7}


@pytest.mark.parametrize("name", ["telegram", "servicenow"])
async def test_vanishes_for_a_while(name: str) -> None:
    report = await run(Holes(CONFIG, [name], **SHORT))
    hole = report["holes"][name]
    assert not [item for item in hole["wrong"] if "p99" not in item and "after" not in item], (
        hole
    )  # no time is asserted
    assert hole["told_after_s"], hole


def test_a_file_can_not_vanish() -> None:
    assert "database" not in dependencies("sqlite")
    assert "database" in dependencies("postgres")
