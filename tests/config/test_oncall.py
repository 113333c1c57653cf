"""`deskbell oncall` at the command line, in the nights in which clocks are turned too."""

import json

import pytest

from tests.config.conftest import inside
from tests.town import configured, environ

NOWHERE = "http://127.0.0.1:1"


@pytest.fixture
def oncall(tmp_path):
    config, env = str(configured(NOWHERE, tmp_path)), environ(NOWHERE, tmp_path) | {"COLUMNS": "200"}
    return lambda *words: inside("oncall", *words, "-c", config, env=env)


def test_who_is_on_duty_in_an_hour_that_there_is_not(oncall):
    told = json.loads(oncall("--at", "2027-03-28T02:30", "--zone", "Europe/Rome", "--json").out)
    assert told["at"] == "2027-03-28T03:30:00+02:00"
    assert "03:30 is meant" in told["note"]
    dispatch, support = told["rotas"]
    assert (dispatch["rota"], dispatch["person"], dispatch["next"]["person"]) == ("dispatch", "ben", "ana")
    # Eight o'clock in UTC, on both sides of the night.
    assert (support["since"], support["until"]) == ("2027-03-27T09:00:00+01:00", "2027-03-28T10:00:00+02:00")


def test_one_rota_as_a_table(oncall):
    shown = oncall("support", "--at", "2027-10-31T02:30", "--zone", "Europe/Rome").out
    assert "the first is meant" in shown
    assert "Ben Okafor" in shown
    assert "dispatch" not in shown


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("nope",), "there are: dispatch, support"),
        (("--at", "25:99"), "is no moment"),
        (("--zone", "Mars/Phobos"), "no time zone"),
    ],
)
def test_what_it_does_not_know(oncall, words, said):
    done = oncall(*words)
    assert done.status == 2
    assert said in done.err
