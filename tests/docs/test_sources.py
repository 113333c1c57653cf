"""Each example of the pages about sources is accepted, and every system there has one."""

import re
import tomllib
from pathlib import Path

import pytest

from deskbell.config import load

DOCS = Path(__file__).parents[2] / "docs"
PAGES = {name: (DOCS / name).read_text() for name in ("sources.md", "schedules.md")}
FENCE = re.compile(r"^```toml\n(.*?)^```$", re.MULTILINE | re.DOTALL)
EXAMPLES = [example for page in PAGES.values() for example in FENCE.findall(page)]
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
    environ = dict.fromkeys(re.findall(r'"env:(\w+)"', example), "https://a-value.example.com")
    assert set(load(path, environ).sources) == set(tomllib.loads(example)["sources"])


@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)
def test_every_title_has_an_example(page):
    assert len(FENCE.findall(page)) >= len(re.findall("^## ", page, re.MULTILINE)) > 0
