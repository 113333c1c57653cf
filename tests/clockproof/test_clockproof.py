"""A short form of `deskbell clockproof`, and that its judge finds what is wrong."""

import subprocess
import sys

import pytest

from deskbell.clockproof.oracle import judge
from deskbell.clockproof.planted import PLANTED, shifts_of_24_hours
from deskbell.clockproof.run import prove
from deskbell.clockproof.script import AT, DAY, MINUTE, SCRIPT, Set, Sleep

SHORT = ((Set(AT, -10 * MINUTE), Set(AT + MINUTE, 10 * MINUTE), Set(AT + 2 * MINUTE, DAY), Sleep(AT + 200, 600.0)),)


async def test_clocks_that_are_set_and_nights_on_which_they_change() -> None:
    report = await prove(script=SHORT, zones=("America/Havana",), years=(2027,))
    told = report.as_json()
    assert report.ok, told["wrong"]
    assert (told["steps"], told["nights"], told["rings"] > 30) == (1, 2, True)


@pytest.mark.parametrize("plant", PLANTED, ids=lambda plant: plant.__name__)
async def test_a_planted_mistake_is_found(plant) -> None:
    night = plant is shifts_of_24_hours
    with plant():
        report = await prove(script=() if night else SHORT, zones=("Europe/Rome",) * night, years=(2027,))
    assert not report.ok


@pytest.mark.parametrize(
    ("heard", "kind"),
    [
        ([(60.0, "ben"), (155.1, "carla")], "late"),
        ([(59.9, "ben"), (150.0, "carla")], "early"),
        ([(60.0, "ben")], "skipped"),
        ([(60.0, "ben"), (60.0, "ben"), (150.0, "carla")], "doubled"),
        ([(60.0, "ben"), (150.0, "carla"), (300.0, "dora")], "doubled"),
    ],
)
def test_the_judge(heard: list[tuple[float, str]], kind: str) -> None:
    expected = [(60.0, "ben"), (150.0, "carla")]
    assert judge(expected, expected, "a scene").good
    verdict = judge(expected, heard, "a scene")
    assert len(getattr(verdict, kind)) == 1
    assert not verdict.good


def test_there_are_forty_steps() -> None:
    assert len(SCRIPT) == 40
    assert len(set(SCRIPT)) == 40


def test_the_oracle_imports_nothing_of_ours() -> None:
    code = "import sys, deskbell.clockproof.oracle; print('\\n'.join(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    ours = {name for name in loaded if name.startswith(("deskbell.", "storage", "bot", "pollers", "channels"))}
    assert ours == {"deskbell.clockproof", "deskbell.clockproof.oracle"}
