"""`deskbell oncall` at the command line, in the nights in which clocks are turned too."""

import json
from datetime import UTC, datetime

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


CALENDAR = """BEGIN:VCALENDAR\r
VERSION:2.0\r
PRODID:-//elsewhere//EN\r
BEGIN:VEVENT\r
UID:1@x\r
DTSTART:20301101T080000Z\r
DTEND:20301101T200000Z\r
RRULE:FREQ=DAILY;COUNT=3\r
SUMMARY:On call: Carla Weiss\r
END:VEVENT\r
BEGIN:VEVENT\r
UID:2@x\r
DTSTART:20301101T200000Z\r
DTEND:20301102T080000Z\r
SUMMARY:The cat\r
END:VEVENT\r
END:VCALENDAR\r
"""


@pytest.fixture
def rota(tmp_path):
    config, env = str(configured(NOWHERE, tmp_path)), environ(NOWHERE, tmp_path) | {"COLUMNS": "200"}

    def run(text, rota="dispatch"):
        (tmp_path / "shifts.ics").write_text(text)
        return inside("rota", "import", rota, str(tmp_path / "shifts.ics"), "--json", "-c", config, env=env)

    return run


@pytest.fixture
def soon():
    """The calendar, its year made the next one: a series is unrolled for some four hundred days."""
    year = datetime.now(UTC).year + 1
    return year, CALENDAR.replace("2030", str(year)).replace(f"{year}11", f"{year}01")


def test_a_calendar_becomes_shifts_and_is_renewed_as_a_whole(rota, oncall, soon):
    year, calendar = soon
    told = json.loads(rota(calendar).out)
    assert told == {"rota": "dispatch", "shifts": 3, "strangers": ["The cat"]}
    for hour, who in (("12:00", "carla"), ("20:30", None)):
        (row,) = json.loads(oncall("dispatch", "--at", f"{year}-01-02T{hour}", "--zone", "UTC", "--json").out)["rotas"]
        assert (row["person"] == "carla") is (who == "carla")
    assert json.loads(rota(calendar.replace("COUNT=3", "COUNT=1")).out)["shifts"] == 1
    (row,) = json.loads(oncall("dispatch", "--at", f"{year}-01-02T12:00", "--zone", "UTC", "--json").out)["rotas"]
    assert row["person"] != "carla"


@pytest.mark.parametrize(
    ("text", "name", "said"),
    [
        ("<html>", "dispatch", "it is no calendar"),
        (CALENDAR, "nosuch", "there are: dispatch, support"),
        ("BEGIN:VCALENDAR" + " " * (10 * 1024 * 1024) + "END:VCALENDAR", "dispatch", "larger than 10 MiB"),
    ],
)
def test_what_is_no_calendar_is_refused_in_words(rota, text, name, said):
    done = rota(text, name)
    assert done.status == 2
    assert said in " ".join(done.err.split())
