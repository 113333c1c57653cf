"""What is printed, and what is kept for the documentation."""

import json
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import orjson
import pytest
from rich.console import Console
from typer.testing import CliRunner

from deskbell.bench.figures import GOALS, Report
from deskbell.bench.page import KNOWN, markdown
from deskbell.bench.plot import svg
from deskbell.bench.show import short, write
from deskbell.cli import app

ROOT = Path(__file__).parents[2]


@pytest.fixture
def kept():
    return Report.of_json(json.loads((ROOT / "benchmarks/results/bench.json").read_text()))


def test_a_report_survives_json(report):
    again = Report.of_json(orjson.loads(orjson.dumps(report.as_json())))
    assert again.as_json() == report.as_json()
    assert [row.met for row in again.rows] == [row.met for row in report.rows]


def test_the_table_has_every_row(report):
    console = Console(record=True, width=300, file=open("/dev/null", "w"))  # noqa: PTH123, SIM115
    write(report, console)
    text = console.export_text()
    for row in report.rows:
        assert row.what[:40] in text


def test_the_page_has_every_row_and_what_is_known_of_others(report):
    text = markdown(report)
    for row in report.rows:
        assert row.what in text
    for name, *_ in KNOWN:
        assert name in text


def test_the_plot_has_a_line_for_each_goal(report):
    root = ET.fromstring(svg(report))  # noqa: S314 - our own
    words = " ".join(root.itertext())
    assert all(row.what[:40] in words for row in report.rows if row.goal)


def test_the_documentation_shows_the_run_that_is_kept(kept):
    assert markdown(kept) in (ROOT / "docs/performance.md").read_text(), "run: python docs/generate.py"
    assert svg(kept) == (ROOT / "docs/performance.svg").read_text(), "run: python docs/generate.py"


def test_the_run_that_is_kept_answers_every_goal(kept):
    """Of the full sizes, not of --quick."""
    assert set(GOALS) <= {row.key for row in kept.rows}


def test_the_command_knows_its_measures():
    said = CliRunner().invoke(app, ["bench", "warp"])
    assert said.exit_code == 2
    assert "There is no measure 'warp'" in said.output


def test_the_command_prints_json():
    command = [sys.executable, "-m", "deskbell", "bench", "render", "--quick", "--json"]
    data = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    assert {row["key"] for row in data["rows"]} == {"render"}
    assert all(row["ratio"]["median"] > 0 for row in data["rows"])


def test_figures_are_short():
    assert [short(value) for value in (None, 0.1234, 12.345, 1234.5)] == ["", "0.123", "12.3", "1,234"]
