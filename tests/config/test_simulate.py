"""`deskbell simulate` as people ask it: rules by their short names, settings in words, and kind answers to slips."""

import json
import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from deskbell.config import load
from deskbell.core.ports import Page
from deskbell.core.records import Visit, VisitStatus, changed
from deskbell.desk import past
from deskbell.desk.book import Book
from deskbell.desk.observe import observe
from deskbell.parts import open_store
from deskbell.simulate.outcome import Change
from deskbell.simulate.picture import svg
from deskbell.simulate.run import simulate
from deskbell.simulate.wish import NoReplay, rule_named, wish
from tests.config.conftest import inside
from tests.town import configured, environ

MIN = timedelta(minutes=1)
NOW = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0) - timedelta(days=1)  # no night is near


class Firm:
    """A configuration, and a database in which technicians came so many minutes late, one a day."""

    def __init__(self, folder, **changes):
        self.config, self.env = (
            configured("http://127.0.0.1:9", folder, **changes),
            environ("http://127.0.0.1:9", folder),
        )
        self.settings = load(self.config, self.env)
        self.store = open_store(self.settings)

    def at(self, when, change):
        self.store.write_now(lambda uow: change(Book(uow, self.settings.house, when)))

    def lived(self, *delays):
        begun = NOW - timedelta(days=len(delays) + 1)
        self.at(begun, past.begin)
        self.at(begun, lambda book: observe(book, Page("fieldservice", (), {"at": 1}, complete=True)))
        for number, delay in enumerate(delays, 1):
            start = begun + timedelta(days=number)
            there = {"status": VisitStatus.ON_SITE, "arrived_at": start + delay * MIN}
            job = Visit(
                "fieldservice", str(number), f"J-{number}", VisitStatus.SCHEDULED, technician="Marco", start=start
            )
            for when, reading in ((start - 60 * MIN, job), (start + delay * MIN, changed(job, **there))):
                page = Page("fieldservice", (changed(reading, updated_at=when),), {"at": 1}, complete=True)
                self.at(when, lambda book, page=page: observe(book, page))
        return self

    def simulate(self, rule="late", *sets, days=30):
        return simulate(self.settings, self.store, rule, sets, days, NOW)

    def close(self):
        self.store.close()


@pytest.fixture
def firm(tmp_path):
    made = Firm(tmp_path)
    yield made
    made.close()


def test_minutes_move_the_stages(firm):
    outcome = firm.lived(5, 17, 40).simulate("late", "late.minutes=20")
    assert outcome.settings == "stages 20 min P3, 35 min P2, 1 h 05 min P1 instead of 15 min P3, 30 min P2, 1 h P1"
    assert [(pair.bell.subject, pair.change) for pair in outcome.pairs] == [
        ("J-2", Change.MISSED),
        ("J-3", Change.OTHER),
    ]
    assert outcome.said == "technician_late would ring once in 4 days, instead of 2 times: 1 missed, 1 changed."
    (moved,) = [pair.then for pair in outcome.pairs if pair.then]
    assert moved.rooms == ("dispatch", "dispatch_teams", "dispatch_telegram", "dispatch_discord")
    assert moved.told in ("Ana Ruiz", "Ben Okafor")
    assert f"dispatch: {moved.told}" in moved.on_duty


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("stages=20m P3, 40m P2", "stages 20 min P3, 40 min P2 instead of"),
        ('technician_late.stages=[["20m", "P1"]]', "stages 20 min P1 instead of"),
        ("rules.technician_late.anchor=window_end", "anchor window_end instead of start"),
        ("enabled=false", "enabled False instead of True"),
        ("hours=0.5", "stages 30 min P3, 45 min P2, 1 h 15 min P1 instead of"),
    ],
)
def test_settings_may_be_written_as_people_write_them(firm, given, said):
    assert wish(firm.settings, "technician_late", [given]).said.startswith(said)


def test_a_table_of_a_rule_is_set_by_its_entries(firm):
    after = wish(firm.settings, "case_unassigned", ["after.urgent=2m"]).house.rules["case_unassigned"].after
    assert after["urgent"] == 2 * MIN
    assert len(after) == 4


@pytest.mark.parametrize(
    ("said", "meant"), [("late", "technician_late"), ("enroute", "not_en_route"), ("sla_breached", None)]
)
def test_short_names(firm, said, meant):
    assert rule_named(firm.settings, said) == (meant or said)


@pytest.mark.parametrize(
    ("rule", "sets", "why"),
    [
        ("technician_lat", (), "There is no rule 'technician_lat'. Did you mean technician_late"),
        (
            "sla",
            (),
            "'sla' may be several rules: job_sla_risk, job_sla_breach, sla_approaching, sla_breached. Which one?",
        ),
        ("late", ("late.minuets=20",), "has no setting 'minuets'. It has: enabled, shadow,"),
        ("late", ("minutes",), "'minutes' sets nothing. Write a setting, = and its value, like --set minutes=20."),
        ("late", ("minutes=soon",), "minutes=soon is no number."),
        ("late", ("stages=never",), "stages: must be a list in [ ]"),
        ("late", ("stages=[]", "anchor=tomorrow"), "anchor"),
        ("unassigned_near_start", ("minutes=5",), "Name them: --set stages='1440m P3, 120m P1'"),
        ("double_booked", ("minutes=5",), "Which one of its spans? Name it: --set overlap=20m"),
        ("late", ("overrides=[]",), "has no setting 'overrides'"),
        ("late", ("minutes=nan",), "minutes=nan is no number."),
        ("late", ("minutes=1e300",), "minutes=1e300 is no number."),
        ("late", ("stages=",), "stages: must be a list in [ ]"),
        ("case_escalated", ("minutes=5",), "This rule goes by no clock. It has: severity = P2, critical = P1"),
    ],
)
def test_slips_are_answered_kindly(firm, rule, sets, why):
    firm.lived(17)
    with pytest.raises(NoReplay) as told:
        firm.simulate(rule, *sets)
    assert why in str(told.value)


def test_where_there_is_no_past_people_hear_why(firm, tmp_path):
    with pytest.raises(NoReplay, match="Nothing has been recorded yet"):
        firm.simulate()
    firm.at(NOW - timedelta(days=1), past.begin)
    with pytest.raises(NoReplay, match="no source has brought anything that technician_late looks at"):
        firm.simulate()
    with pytest.raises(NoReplay, match="--days must be more than 0"):
        firm.simulate(days=0)
    firm.close()
    off = Firm(tmp_path, **{'keep = "35d"': 'keep = "0s"'})
    with pytest.raises(NoReplay, match="Nothing is recorded: "):
        off.simulate()
    off.close()


def test_what_is_shorter_than_asked_for_is_told(firm):
    outcome = firm.lived(17).simulate(days=30)
    assert any("2 days of the 30 days asked for" in note for note in outcome.notes)
    assert outcome.settings == ""
    assert outcome.said == "technician_late rings once in 2 days."
    same = firm.simulate("late", "minutes=15")
    assert "These settings are the ones that hold now." in same.notes


async def test_the_command_tells_it_draws_it_and_refuses_in_words(firm, cli, tmp_path):
    firm.lived(5, 17, 40).close()
    picture = tmp_path / "late.svg"
    words = ("simulate", "late", "--set", "minutes=20", "--days", "30", "-c", str(firm.config))
    told = inside(*words, "--picture", str(picture), env=firm.env)
    assert told.status == 0
    assert re.search(r"would ring once in [\d.]+ days, instead of 2 times: 1 missed, 1 changed\.", told.out)
    assert "J-2" in told.out
    data = json.loads(inside(*words, "--json", env=firm.env).out)
    assert (data["rule"], data["missed"], data["new"], data["changed"], data["same"]) == ("technician_late", 1, 0, 1, 0)
    assert (data["now"]["rang"], data["then"]["rang"]) == (2, 1)
    assert [(one["subject"], one["change"]) for one in data["alerts"]] == [("J-2", "missed"), ("J-3", "changed")]
    assert "Marco" not in told.out + json.dumps(data)
    drawn = ET.fromstring(picture.read_text())  # noqa: S314 - we drew it ourselves
    titles = [node.text for node in drawn.iter("{http://www.w3.org/2000/svg}title")]
    assert sum("J-2" in title for title in titles) == 1
    assert sum("J-3" in title for title in titles) == 2
    nowhere = inside(*words, "--picture", str(tmp_path / "no" / "such.svg"), env=firm.env)
    assert (nowhere.status, "The picture can't be written" in nowhere.err) == (2, True)
    refused = await cli("simulate", "lateness", "-c", str(firm.config), env=firm.env)
    assert (refused.status, refused.out) == (2, "")
    assert refused.err.startswith("There is no rule 'lateness'.")


def test_what_strangers_wrote_is_no_markup(firm):
    firm.lived(17)
    evil = Visit("fieldservice", "9", "<b>&\x00\u202e]]>", VisitStatus.SCHEDULED, technician="x", start=NOW - 60 * MIN)
    firm.at(NOW - 50 * MIN, lambda book: observe(book, Page("fieldservice", (evil,), {"at": 1}, complete=True)))
    drawn = ET.fromstring(svg(firm.simulate("late", "minutes=20")))  # noqa: S314 - we drew it ourselves
    titles = [node.text for node in drawn.iter("{http://www.w3.org/2000/svg}title")]
    assert any("<b>& ]]>" in title for title in titles)


def test_a_picture_of_much_stays_on_its_paper(firm):
    outcome = firm.lived(*([17] * 3)).simulate("late", "minutes=20")
    drawn = ET.fromstring(svg(replace(outcome, pairs=outcome.pairs * 400)))  # noqa: S314 - likewise
    height = float(drawn.attrib["height"])
    spots = [float(node.attrib["y"]) for node in drawn.iter("{http://www.w3.org/2000/svg}rect") if "y" in node.attrib]
    assert spots
    assert 0 <= min(spots) <= max(spots) <= height
