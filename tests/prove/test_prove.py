"""The proof in small: some histories of each system, and each planted mistake is found."""

import json
import subprocess
import sys
from contextlib import nullcontext
from dataclasses import replace

import pytest

from deskbell.prove import run
from deskbell.prove.plan import made
from deskbell.prove.planted import PLANTED, Planted
from deskbell.prove.play import Play
from deskbell.prove.run import EACH, Ordered, compare, ground, prove, replay, system_of
from deskbell.prove.systems import SYSTEMS

SEED = 7


def seeds_of(system, count):
    return [seed for seed in range(SEED * EACH, SEED * EACH + count * len(SYSTEMS)) if system_of(seed) == system]


@pytest.mark.parametrize("system", SYSTEMS)
async def test_what_rings_is_what_had_to_ring(system):
    async with ground() as place:
        verdicts = [await place.play(seed) for seed in seeds_of(system, 3)]
    assert [(one.history.seed, one.missed, one.spurious) for one in verdicts if not one.good] == []
    assert sum(one.told for one in verdicts) > 0, "there was something to ring about"


@pytest.mark.parametrize("planted", PLANTED, ids=lambda planted: planted.name)
async def test_each_planted_mistake_is_found(planted):
    async with ground() as place:
        assert await place.finds(planted, SEED * EACH) is not None


async def test_a_mistake_that_is_not_found_fails_the_proof(monkeypatch):
    monkeypatch.setattr(run, "TRIES", 2)
    no_mistake = Planted("nothing at all", nullcontext, ("fieldservice",))
    report = await prove(Ordered(histories=1, seed=SEED), planted=(no_mistake,))
    assert (report["planted_found"], report["wrong"], report["ok"]) == ("0 of 1", [], False)


async def test_the_judge_is_no_yes_man():
    (seed,) = seeds_of("fieldservice", 1)
    history = made(seed, "fieldservice", SYSTEMS["fieldservice"].able)
    async with ground() as place:
        log, told = await Play(history, place.blank, place.session).go()
    assert compare(history, log, told).good
    key, outcome = next(iter(told.items()))
    worse = replace(outcome, severity=outcome.severity - 1)
    for twisted, (missed, spurious) in (
        ({one: what for one, what in told.items() if one != key}, (1, 0)),
        (told | {key: replace(outcome, severity=outcome.severity + 1)}, (1, 0)),
        (told | {key: worse}, (0, 1)),
        (told | {"late:fieldservice:1:2026-11-21T14:00:00Z": outcome}, (0, 1)),
    ):
        verdict = compare(history, log, twisted)
        assert (len(verdict.missed), len(verdict.spurious)) == (missed, spurious), verdict


def test_one_history_again_from_the_command_line():
    command = [sys.executable, "-m", "deskbell", "prove", "--only", str(SEED * EACH + 1), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=110)
    assert json.loads(done.stdout)["ok"]


async def test_a_history_is_the_same_whenever_it_is_played():
    first, again = await replay(SEED * EACH + 1), await replay(SEED * EACH + 1)
    assert first == again
    assert first["source"] == system_of(SEED * EACH + 1)
    assert first["story"]


def test_the_judge_knows_nothing_of_what_is_on_trial():
    """import-linter asks for it; here it is asked what is there once the judge is."""
    ours = ("deskbell.core", "deskbell.desk", "deskbell.net", "pollers", "storage", "bot", "channels")
    code = "import sys, deskbell.prove.oracle; print('\\n'.join(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "deskbell.prove.rulebook" in loaded
    assert [name for name in loaded if name.startswith(ours)] == []
