"""Each source makes of its recorded answers what it made of them before, asks for all of them and for nothing else."""

import json
import re
import shutil

import pytest
import yaml
from vcr.errors import CannotOverwriteExistingCassetteException

from deskbell.sandbox import credentials
from pollers import catalog
from tests.recording import tape

TAPES = sorted(tape.FOLDER.rglob("*.yaml"))
NOT_OVER_HTTP = {"sql"}
MADE_UP = {value for name, value in vars(credentials).items() if re.search("TOKEN|SECRET|KEY|PASSWORD|REFRESH", name)}
# Who lives in the sandbox. Some words of theirs may stand in a longer one.
PEOPLE = r"\b(?:erika|bianchi|okafor|ruiz|hoffmann|weiss|northgate|hafenstr|marco@|lena@|ana@|ben@)"


def named(file):
    return f"{file.parent.name}/{file.stem}"


@pytest.mark.parametrize("file", TAPES, ids=map(named, TAPES))
async def test_a_source_makes_the_same_of_what_was_recorded(file, tmp_path):
    golden, told, left = await tape.replay(file, tmp_path)
    assert told == golden
    assert left == []
    assert told["first"]["records"], "something was read"
    assert not told["first"]["bad"]


@pytest.mark.parametrize("file", TAPES, ids=map(named, TAPES))
def test_a_tape_says_what_it_is_and_holds_no_secret(file):
    text = file.read_text() + file.with_suffix(".json").read_text()
    about = text.partition("\nversion:")[0]
    assert about.startswith(("# synthetic: ", "# recorded from a live account "))
    assert ("No live account was used" in about) is about.startswith("# synthetic")
    assert file.with_suffix(".json").exists()
    assert re.search("127.0.0.1|localhost|authorization|cookie|api-?token: ", text, re.IGNORECASE) is None
    assert [secret for secret in MADE_UP if isinstance(secret, str) and secret in text] == []
    assert re.search(PEOPLE, text, re.IGNORECASE) is None


def test_every_source_that_speaks_http_is_on_tape():
    assert {file.parent.name for file in TAPES} == set(catalog.KINDS) - NOT_OVER_HTTP


# ---------------------------------------------------------------- the test itself


@pytest.fixture
def copy(tmp_path):
    """A tape of which one may cut out what one likes."""
    folder = tape.FOLDER / "bamboohr"
    for suffix in ("yaml", "json"):
        shutil.copy(folder / f"synthetic.{suffix}", tmp_path / f"cut.{suffix}")
    return tmp_path / "cut.yaml"


def cut(file, change):
    data = yaml.safe_load(file.read_text())
    change(data["interactions"])
    file.write_text(yaml.dump(data))


async def test_a_request_that_is_not_on_the_tape_fails(copy, tmp_path):
    cut(copy, lambda takes: takes.pop())
    with pytest.raises(CannotOverwriteExistingCassetteException):
        await tape.replay(copy, tmp_path)


async def test_an_answer_that_nobody_asks_for_is_named(copy, tmp_path):
    cut(copy, lambda takes: takes.append(json.loads(json.dumps(takes[0]))))
    _, _, left = await tape.replay(copy, tmp_path)
    assert len(left) == 1
    assert "bamboohr.example" in left[0]


async def test_another_answer_makes_another_record(copy, tmp_path):
    cut(copy, lambda takes: takes[0]["response"]["body"].update(string="[]"))
    golden, told, _ = await tape.replay(copy, tmp_path)
    assert told != golden
