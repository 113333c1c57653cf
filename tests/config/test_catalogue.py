"""What the catalogue says of each source is so: its login, its rules, and a stand-in that passes `deskbell check`."""

import json
import tomllib

import pytest

from channels.catalog import SERVICES
from deskbell import catalogue
from deskbell.checks import checks
from deskbell.config import load
from deskbell.core.records import KINDS as RECORDS
from deskbell.core.rules import RULES
from deskbell.net.inbound import WAYS
from pollers.catalog import KINDS
from tests.config.conftest import Cli, inside

ROWS = {row.name: row for row in catalogue.sources()}
NO_HTTP = {"sql"}
# The fields of a configuration that each way of logging in needs; of keys, one of them.
LOGINS = {
    "API key": {"key", "api_key"},
    "API token": {"token"},
    "password": {"user", "password"},
    "client credentials": {"client_id", "client_secret"},
    "refresh token": {"client_id", "client_secret", "refresh_token"},
    "service account": {"account", "private_key"},
    "as configured": {"auth"},
}


def test_every_source_is_told_of_with_what_it_is_good_for():
    done = inside("catalogue", "sources", "--json", env={})
    told = json.loads(done.out)
    assert [row["name"] for row in told] == list(KINDS)
    for row in told:
        assert row["sandbox"] is True, row["name"]
        assert {"poll", "hooks"} <= set(row["roles"])
        assert row["rules"], row["name"]
        assert row["docs"].startswith("https://")
        assert row["hook"] in WAYS
    shown = inside("catalogue", "sources", env={"COLUMNS": "200"}).out
    assert all(row.title in shown for row in ROWS.values())


def test_every_other_system_is_told_of_with_its_requests():
    done = inside("catalogue", "--json", env={})
    told = {row["name"]: row for row in json.loads(done.out)}
    assert tuple(told) == SERVICES
    for row in told.values():
        assert row["roles"]
        assert set(row["roles"]) <= {"N", "R", "T", "A"}
        assert row["idempotency"] in {"key", "look-up", "by severity"}
        assert row["golden"] > 0, row["name"]
        assert row["docs"].startswith("https://")
        assert row["auth"]
    shown = inside("catalogue", env={"COLUMNS": "200"}).out
    assert all(row["title"] in shown for row in told.values())


@pytest.mark.parametrize("name", ROWS)
def test_a_source_logs_in_by_what_its_configuration_takes(name):
    fields = set(KINDS[name].load_conf().__dataclass_fields__)
    for login in ROWS[name].auth:
        needed = LOGINS.get(login, set())
        assert needed & fields if login == "API key" else needed <= fields, login
        assert login in LOGINS or fields & {"url", "feeds"}


@pytest.mark.parametrize("name", ROWS)
def test_a_rule_is_fed_by_the_sources_that_give_what_it_looks_at(name):
    row = ROWS[name]
    for rule in RULES.values():
        fed = bool({rule.kind, *rule.related} & set(row.records))
        assert (rule.name in row.rules) is fed, rule.name


def test_every_rule_is_fed_and_every_kind_of_record_feeds_one():
    assert {rule for row in ROWS.values() for rule in row.rules} == set(RULES)
    assert {kind for rule in RULES.values() for kind in (rule.kind, *rule.related)} == set(RECORDS)


# ---------------------------------------------------------------- the sandbox's own configuration


@pytest.fixture(scope="module")
def tables():
    return tomllib.loads(catalogue.SANDBOX.read_text())["sources"]


async def test_each_source_has_a_stand_in_with_which_check_is_content(cli: Cli, tables):
    done = await cli("check", "--sandbox", "--json")
    told = json.loads(done.out)
    assert [row for row in told["checks"] if not row["ok"]] == []
    assert (done.status, told["ok"]) == (0, True)
    assert {tables[name].get("kind", name) for name in told["requests"]} == set(KINDS)
    for name, count in told["requests"].items():
        kind = tables[name].get("kind", name)
        assert count["sent"] == count["ledger"], name
        assert bool(count["ledger"]) is (kind not in NO_HTTP), name
        titled = str(tables[name].get("title", KINDS[kind].title))
        assert len([row for row in told["checks"] if row["what"].startswith(titled)]) >= 3, name


async def test_without_its_stand_in_a_source_is_not_said_to_have_one(monkeypatch, tmp_path):
    text = catalogue.SANDBOX.read_text()
    assert "[sources.bamboohr]" in text
    without = tmp_path / "sources.toml"
    without.write_text(text.replace("[sources.bamboohr]", "[bamboohr]"))
    monkeypatch.setattr(catalogue, "SANDBOX", without)
    assert [row.name for row in catalogue.sources() if not row.sandbox] == ["bamboohr"]


async def test_a_stand_in_that_fails_is_counted_and_named(sandbox, tmp_path):
    settings = load(catalogue.SANDBOX, {"DESKBELL_SANDBOX": sandbox.url, "DESKBELL_DATA": str(tmp_path)})
    sandbox.others["bamboohr"].faults.set("401")
    done = await checks(settings, sandbox=sandbox.url)
    assert not done.ok
    wrong = {finding.what for finding in done.findings if not finding.ok}
    assert "BambooHR credentials" in wrong
    assert done.requests["bamboohr"].sent == done.requests["bamboohr"].seen == sandbox.ledger.requests["bamboohr"] > 0
