"""Each example of docs/sources.md is accepted, and every helpdesk and CRM has one."""

import re
import tomllib
from pathlib import Path

import pytest

from deskbell.config import load

PAGE = (Path(__file__).parents[2] / "docs" / "sources.md").read_text()
EXAMPLES = re.findall(r"^```toml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
BASE = """
[deskbell]
secret = "a-secret-for-the-tests-only"
[slack]
bot_token = "xoxb-1"
app_token = "xapp-1"
[destinations.desk]
platform = "slack"
address = "C0DESK"
[people.me]
name = "Me"
"""


@pytest.mark.parametrize("example", EXAMPLES, ids=[one.partition("\n")[0] for one in EXAMPLES])
def test_an_example_is_accepted(example, tmp_path):
    path = tmp_path / "config.toml"
    path.write_text(BASE + example)
    environ = dict.fromkeys(re.findall(r'"env:(\w+)"', example), "a-value-of-the-environment")
    assert set(load(path, environ).sources) == set(tomllib.loads(example)["sources"])


def test_every_title_has_an_example():
    assert len(EXAMPLES) >= len(re.findall("^## ", PAGE, re.MULTILINE)) > 0
