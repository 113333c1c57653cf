"""[rules] as the program uses them: overrides, calendars by name, rules of one's own."""

from datetime import timedelta

import pytest

from deskbell.config import load
from deskbell.config.strict import Placeholders
from deskbell.core.alert import Severity
from deskbell.core.records import Visit, VisitStatus, changed
from tests.crash.lives import ROOT

VISIT = Visit("fieldservice", "1", "J-1", VisitStatus.SCHEDULED, customer="Hansen Bakery", team="north")
MORE = """
[calendars.office]
zone = "site"
opens = "09:00"
closes = "17:00"
holidays = [2026-12-25]

[[rules.technician_late.overrides]]
customers = ["hansen*"]
stages = [["5m", "P1"]]
calendar = "office"

[rules.custom.parts]
records = "visit"
condition = "contains(lower(reason), 'parts')"
text = "{{ number }} waits for parts"
route = "support"
"""


def read(folder, more):
    path = folder / "config.toml"
    path.write_text((ROOT / "config.toml").read_text() + more)
    return load(path, Placeholders()).house


@pytest.fixture
def house(tmp_path):
    return read(tmp_path, MORE)


def test_an_override_is_the_rule_with_a_few_other_values(house):
    conf = house.rules["technician_late"]
    mine, other = conf.of(VISIT), conf.of(changed(VISIT, customer="Olsen"))
    assert mine.stages == ((timedelta(minutes=5), Severity.P1),)
    assert mine.anchor == other.anchor == "start"
    assert len(other.stages) == 3
    assert house.calendars[mine.calendar].zone == "site"


def test_a_rule_of_ones_own_is_one_of_the_rules(house):
    assert house.rules["custom.parts"].severity is Severity.P3
    assert house.kind("custom.parts") == "visit"
    assert "parts" in house.rule("custom.parts").key


def test_another_override_is_another_version(house, tmp_path):
    other = read(tmp_path, MORE.replace('["5m", "P1"]', '["6m", "P1"]'))
    assert other.version != house.version
