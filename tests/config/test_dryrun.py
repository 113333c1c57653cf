"""`deskbell dryrun` at the command line: what it says is what the desk does."""

import json
from datetime import datetime
from xml.etree import ElementTree as ET

import pytest

from tests.config.conftest import inside
from tests.town import configured, environ

NOWHERE = "http://127.0.0.1:1"
FRIDAY = ("--at", "2026-11-27T18:00", "--zone", "Europe/Rome")


@pytest.fixture
def dryrun(tmp_path):
    config, env = configured(NOWHERE, tmp_path), environ(NOWHERE, tmp_path) | {"COLUMNS": "200"}

    def run(*words, **changes):
        text = config.read_text(encoding="utf-8")
        for old, new in changes.pop("edits", ()):
            assert old in text
            text = text.replace(old, new)
        config.write_text(text, encoding="utf-8")
        return inside("dryrun", *words, "-c", str(config), env=env)

    return run


def steps(done):
    return json.loads(done.out)["steps"]


def test_the_whole_ladder_with_its_rounds(dryrun):
    edits = (('after = "45s"', 'after = "5m"'), ('after = "90s"', 'after = "15m"'), ("repeat = 3 ", "repeat = 1 "))
    rows = steps(dryrun("dispatch", *FRIDAY, "--json", edits=edits))
    begun = datetime.fromisoformat("2026-11-27T18:00:00+01:00")
    assert datetime.fromisoformat(rows[0]["at"]) == begun
    assert [row["after_s"] // 60 for row in rows] == [0, 5, 15, 30, 60, 65, 75, 90, 120]
    assert [row["level"] for row in rows] == [0, 1, 2, 3, 0, 1, 2, 3, 3]
    assert [[one["person"] for one in row["people"]] for row in rows[:4]] == [["ana"], ["ben"], ["carla"], ["carla"]]
    assert (rows[3]["rooms"][-1], rows[-1]["exhausted"]) == ("pager", True)
    assert rows[1]["people"][0]["by"][0] in {"slack", "teams", "telegram", "discord"}


def test_what_is_not_severe_is_the_card_alone(dryrun):
    (row,) = steps(dryrun("dispatch", "--alert", "technician_late:P3", *FRIDAY, "--json"))
    assert (row["level"], row["people"]) == (0, [])


def test_a_level_that_reaches_nobody_says_so(dryrun):
    hours = 'people = ["ana", "ben"]\nhours = { opens = "09:00", closes = "10:00" }'
    edits = (('people = ["ana", "ben"]', hours), ('["room", "role:oncall"]', '["room", "rota:dispatch"]'))
    shown = dryrun("dispatch", *FRIDAY, edits=edits).out
    assert "reaches nobody (room, rota:dispatch)" in shown


def test_a_table_and_a_picture(dryrun, tmp_path):
    shown = dryrun("dispatch", *FRIDAY, "--picture", str(tmp_path / "plan.svg")).out
    assert "Carla Weiss" in shown
    assert "escalation_exhausted" in shown
    picture = ET.fromstring((tmp_path / "plan.svg").read_text(encoding="utf-8"))  # noqa: S314 - we wrote it
    words = {node.text for node in picture.iter("{http://www.w3.org/2000/svg}text")}
    assert {"Ana Ruiz", "Ben Okafor", "Carla Weiss", "nobody answered"} <= words
    assert len(list(picture.iter("{http://www.w3.org/2000/svg}circle"))) > 10


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("nope",), "there is no [policies.nope]; there are: dispatch, support"),
        (("dispatch", "--alert", "nope"), "there is no rule 'nope'"),
        (("dispatch", "--alert", "technician_late:P9"), "is no severity"),
        (("dispatch", "--at", "25:99"), "is no moment"),
        (("dispatch", "--zone", "Mars/Phobos"), "no time zone"),
    ],
)
def test_what_it_does_not_know(dryrun, words, said):
    done = dryrun(*words)
    assert done.status == 2
    assert said in " ".join(done.err.replace("│", " ").split())
