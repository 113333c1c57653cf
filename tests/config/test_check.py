"""`deskbell check` and `deskbell ring` say in plain words what does not work; `deskbell init` writes what does."""

import json
import re
import tomllib
from pathlib import Path

import pytest

from deskbell.config import load
from deskbell.sandbox.server import Sandbox
from tests.config.conftest import Cli
from tests.town import configured, environ

SECRETS = (
    "a-secret-for-the-tests-only",
    "made-up-token-of-the-tests",
    "xoxb-sandbox",
    "xapp-sandbox",
    "sandbox-freshdesk-key",
    "sandbox-fieldservice",
)
TITLES = {"freshdesk": "Freshdesk", "servicenow": "ServiceNow", "fieldservice": "Field service", "slack": "slack"}


def quiet_about_secrets(*said: str) -> None:
    for secret in SECRETS:
        assert all(secret not in text for text in said), secret


@pytest.fixture
def at(sandbox: Sandbox, tmp_path: Path) -> dict[str, str]:
    configured(sandbox.url, tmp_path)
    return environ(sandbox.url, tmp_path)


async def test_all_is_well(cli: Cli, at: dict[str, str]) -> None:
    done = await cli("check", "-c", "config.toml", "--json", env=at)
    told = json.loads(done.out)
    assert (done.status, told["ok"]) == (0, True), [row for row in told["checks"] if not row["ok"]]
    seen = " ".join(row["what"] for row in told["checks"])
    assert all(title in seen for title in TITLES.values())
    quiet_about_secrets(done.out, done.err)
    done = await cli("check", "-c", "config.toml", env=at)
    assert done.status == 0
    assert "WRONG" not in done.out


TROUBLE = {
    "html": "web page",
    "500": "500",
    "401": "",
    "drop": "",
}


@pytest.mark.parametrize("fault", TROUBLE)
@pytest.mark.parametrize("name", ["freshdesk", "fieldservice"])
async def test_a_source_that_does_not_answer_as_it_should(
    cli: Cli, at: dict[str, str], sandbox: Sandbox, name: str, fault: str
) -> None:
    sandbox.sources[name].faults.set(fault)
    done = await cli("check", "-c", "config.toml", "--json", env=at)
    assert done.status == 1
    wrong = [row for row in json.loads(done.out)["checks"] if not row["ok"]]
    assert wrong
    assert all(row["what"].startswith(TITLES[name]) for row in wrong), wrong
    assert all(len(row["detail"].split()) >= 4 for row in wrong), "in words"
    assert TROUBLE[fault] in " ".join(row["detail"] for row in wrong)
    quiet_about_secrets(done.out, done.err)


async def test_nobody_is_there_at_all(cli: Cli, at: dict[str, str], sandbox: Sandbox) -> None:
    await sandbox.stop()
    done = await cli("check", "-c", "config.toml", env=at)
    assert done.status == 1
    wrong = [line.removeprefix("WRONG ") for line in done.out.splitlines() if line.startswith("WRONG")]
    assert all(any(line.startswith(title) for line in wrong) for title in TITLES.values()), wrong
    quiet_about_secrets(done.out, done.err)
    done = await cli("check", "-c", "config.toml", "--offline", env=at)
    assert done.status == 0


async def test_a_bot_that_was_not_invited(cli: Cli, at: dict[str, str], sandbox: Sandbox) -> None:
    sandbox.slack.remove_bot("C0SUPPORT")
    sandbox.slack.archive("C0DISPATCH")
    done = await cli("check", "-c", "config.toml", "--json", env=at)
    wrong = {row["what"]: row["detail"] for row in json.loads(done.out)["checks"] if not row["ok"]}
    assert done.status == 1
    assert "/invite" in str(wrong)
    assert "archived" in str(wrong)
    assert len(wrong) == 2


async def test_a_bad_token_of_slack(cli: Cli, at: dict[str, str]) -> None:
    done = await cli("check", "-c", "config.toml", "--json", env=at | {"SLACK_BOT_TOKEN": "xoxb-canary-of-the-test"})
    wrong = [row for row in json.loads(done.out)["checks"] if not row["ok"]]
    assert done.status == 1
    assert any("the bot token is not valid" in row["detail"] for row in wrong)
    assert "canary" not in done.out + done.err


async def test_ring(cli: Cli, at: dict[str, str], sandbox: Sandbox) -> None:
    done = await cli("ring", "dispatch", "-c", "config.toml", env=at)
    assert done.status == 0
    assert "Rang dispatch" in done.out
    assert "Test" in sandbox.slack.messages("C0DISPATCH")[0].as_text()
    done = await cli("ring", "pager", "-c", "config.toml", env=at)
    assert (done.status, len(sandbox.pager.calls)) == (0, 1)
    done = await cli("ring", "cellar", "-c", "config.toml", env=at)
    assert done.status == 1
    assert "dispatch, support, dispatch_teams" in done.err
    sandbox.slack.archive("C0DISPATCH")
    done = await cli("ring", "dispatch", "-c", "config.toml", env=at)
    assert done.status == 1
    assert "archived" in done.err


# ---------------------------------------------------------------- init

ANSWERS = {
    "all defaults": "\n" * 12,
    "everything": 'Europe/Berlin\nslack\nÁna "the bell" Ruiz\\\nana@example.org\nC0DESK\nhttps://a.freshdesk.com\nhttps://b.service-now.com\nhttps://c.example.org\n',
    "a zone at the second try": "Middle Earth\nEurope/Vienna\nslack\nAna\nana@example.org\nC0DESK\n\n\n\n",
    "Teams": "UTC\nteams\nAna\nana@example.org\n19:abc@thread.tacv2\n\n\n\n",
    "Telegram, at the second try": "UTC\npigeon\ntelegram\nAna\nana@example.org\n-1001234567890\n\n\n\n",
    "Discord": "UTC\ndiscord\nAna\nana@example.org\n123456789012345678\n\n\n\n",
    "hostile": 'UTC\nslack\n"]\\n[evil]\\nx = "\nana@example.org"\nC0DESK\n\n\n\n',
}


@pytest.mark.parametrize("name", ANSWERS)
async def test_init_writes_what_can_be_loaded(cli: Cli, tmp_path: Path, name: str) -> None:
    done = await cli("init", "fresh.toml", typed=ANSWERS[name])
    assert done.status == 0, done.err
    path = tmp_path / "fresh.toml"
    text = path.read_text()
    assert path.stat().st_mode & 0o077 == 0
    assert "#" in text
    assert "evil" not in tomllib.loads(text)
    values = dict.fromkeys(re.findall(r"(?:env:|\$\{)(\w+)", text), "1" * 18)
    settings = load(path, values)
    assert settings.house.observe, "the first week only looks"
    if name == "everything":
        assert set(settings.sources) == {"freshdesk", "servicenow", "fieldservice"}
        assert settings.house.people["me"].name.startswith("Ána")
    again = await cli("init", "fresh.toml", typed=ANSWERS[name])
    assert again.status == 2
    assert "is there already" in again.err
    assert path.read_text() == text
    offline = await cli("check", "-c", "fresh.toml", "--offline", env=values)
    assert "fresh.toml is valid" in offline.out


async def test_no_configuration_says_how_to_get_one(cli: Cli) -> None:
    done = await cli("run", "-c", "nowhere.toml")
    assert done.status == 2
    assert "deskbell init nowhere.toml" in done.err
