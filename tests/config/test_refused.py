"""A configuration with a mistake in it is refused before anything starts: the file, the key, the reason, no secret."""

# ruff: noqa: E501 - a mistake a line

import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from deskbell.config import ConfigError, load
from tests.town import CONFIG, environ

LEAST = """
[deskbell]
secret = "env:DESKBELL_SECRET"
[destinations.desk]
platform = "webhook"
address = "https://example.org/pager"
"""
CANARY = "canary-5f2b9c-must-never-be-seen"
SECRETS = {
    name: f"{CANARY}-{number}" for number, name in enumerate(sorted(environ("", Path()))) if "SANDBOX" not in name
}


@dataclass(frozen=True)
class Bad:
    """A mistake: what is written instead of what (or added at the end), and what is said about which key."""

    key: str
    said: str
    old: str = ""
    new: str = ""
    add: str = ""
    unset: str = ""
    env: dict[str, str] = field(default_factory=dict)
    only: str = ""


def unknown(section: str, key: str = "colour") -> Bad:
    """A setting that a section does not know, with a secret behind it."""
    head = f"[{section}]"
    return Bad(f"{section}.{key}", "is no setting", f"\n{head}", f'\n{head}\n{key} = "{CANARY}"')


BAD: dict[str, Bad] = {
    # ------------------------------------------------------------ a key that no section knows
    "unknown section": Bad("weather", "is no setting", add="[weather]\nrain = true"),
    "unknown in deskbell": unknown("deskbell"),
    "unknown in server": unknown("server"),
    "unknown in a server token": Bad("server.tokens[0].colour", "is no setting", 'name = "desk-page"', 'name = "a"\ncolour = "x"'),
    "unknown in calendar": unknown("calendar"),
    "unknown in a person": unknown("people.ana"),
    "unknown in a rota": unknown("rotas.dispatch"),
    "unknown in a policy": unknown("policies.dispatch"),
    "unknown in a level": Bad("policies.accounts.levels[0].colour", "is no setting", '[{ after = "0m", targets = ["room"] }', '[{ after = "0m", colour = 1, targets = ["room"] }'),
    "unknown in a route": Bad("routes[0].colour", "is no setting", 'kinds = ["case"]', 'kinds = ["case"]\ncolour = "red"'),
    "unknown in a destination": unknown("destinations.dispatch"),
    "unknown in slack": unknown("slack"),
    "unknown in freshdesk": unknown("sources.freshdesk"),
    "unknown in a writeback": unknown("sources.freshdesk.writeback"),
    "unknown in servicenow": unknown("sources.servicenow"),
    "unknown in rest": unknown("sources.fieldservice"),
    "unknown in a paging": Bad("sources.fieldservice.paging.colour", "is no setting", 'paging = { kind = "page"', 'paging = { colour = 1, kind = "page"'),
    "unknown in an auth": Bad("sources.fieldservice.auth.colour", "is no setting", "auth = { kind", f'auth = {{ colour = "{CANARY}", kind'),
    "unknown in a rule": unknown("rules.technician_late"),
    "unknown rule": Bad("rules.technician_early", "is no rule; did you mean technician_late", add="[rules.technician_early]\nenabled = true"),
    "unknown field of a visit": Bad("sources.fieldservice", "colour", 'reason = "cancel_reason"', 'colour = "cancel_reason"'),
    "a slip of the finger": Bad("deskbell.secert", "did you mean secret", "\n[deskbell]", f'\n[deskbell]\nsecert = "{CANARY}"'),
    # ------------------------------------------------------------ secrets
    "no secret in the environment": Bad("deskbell.secret", "DESKBELL_SECRET", unset="DESKBELL_SECRET"),
    "an empty secret": Bad("deskbell.secret", "missing or empty", env={"DESKBELL_SECRET": ""}),
    "no secret at all": Bad("deskbell.secret", "at least 16", 'secret = "env:DESKBELL_SECRET"', ""),
    "a short secret": Bad("deskbell.secret", "at least 16", env={"DESKBELL_SECRET": "canary-short"}),
    "no bot token": Bad("slack.bot_token", "SLACK_BOT_TOKEN", unset="SLACK_BOT_TOKEN"),
    "no key of freshdesk": Bad("sources.freshdesk.key", "FRESHDESK_API_KEY", unset="FRESHDESK_API_KEY"),
    "no password of servicenow": Bad("sources.servicenow.password", "SERVICENOW_PASSWORD", unset="SERVICENOW_PASSWORD"),
    "no token inside an auth": Bad("sources.fieldservice.auth.token", "FIELDSERVICE_TOKEN", unset="FIELDSERVICE_TOKEN"),
    "a secret in a file that is not there": Bad("slack.bot_token", "create the file", '"env:SLACK_BOT_TOKEN"', '"file:nowhere.txt"'),
    "a short token of the API": Bad("server.tokens[0]", "shorter than 16", env={"DESKBELL_API_TOKEN": "canary-short"}),
    "an unknown scope of the API": Bad("server.tokens[0]", "unknown scopes", '"trigger", "read"', '"write", "read"'),
    "a variable without a value": Bad("sources.freshdesk.base_url", "NOT_THERE", '"${DESKBELL_SANDBOX:-http://127.0.0.1:8765}/freshdesk"', '"${NOT_THERE}/freshdesk"'),
    # ------------------------------------------------------------ wrong types
    "a number for a text": Bad("deskbell.zone", "must be a text", 'zone = "UTC"                          # the zone of the house', "zone = 5 #"),
    "a text for a truth": Bad("deskbell.observe", "must be true or false", "observe = false", f'observe = "{CANARY}"'),
    "a text for a number": Bad("server.port", "must be a whole number", "port = 8780", f'port = "{CANARY}"'),
    "a port beyond all ports": Bad("server", "port must be from 0 to 65535", "port = 8780", "port = 87800"),
    "a text for a list": Bad("people.dan.roles", "must be a list", 'roles = ["viewer"]', f'roles = "{CANARY}"'),
    "a text for a table": Bad("people.zoe", "must be a table", "\n[people.ana]", f'\n[people]\nzoe = "{CANARY}"\n[people.ana]'),
    "a text for a section": Bad("slack", "must be a table", only=f'slack = "{CANARY}"' + LEAST),
    "a fraction for a count": Bad("policies.dispatch.repeat", "must be a whole number", "repeat = 3                            # rounds", "repeat = 3.5 # rounds"),
    # ------------------------------------------------------------ words that mean nothing
    "unknown role": Bad("people.dan.roles", "is no role; did you mean viewer", 'roles = ["viewer"]', 'roles = ["viewers"]'),
    "unknown zone of the house": Bad("deskbell.zone", "is no time zone", 'zone = "UTC"                          # the zone', 'zone = "Europe/Atlantis" # the zone'),
    "unknown zone of a rota": Bad("rotas.dispatch", "is no time zone", 'handover = "08:00"\nzone = "UTC"', 'handover = "08:00"\nzone = "Mars"'),
    "unknown zone of the calendar": Bad("calendar", "is no time zone", '[calendar]                            # business hours, in which "4 business hours" are counted\nzone = "UTC"', '[calendar]\nzone = "../etc/passwd"'),
    "a bad span": Bad("deskbell.backfill", "must be a span", 'backfill = "2h"', f'backfill = "{CANARY}"'),
    "a bad span of a source": Bad("sources.freshdesk.interval", "must be a span", 'interval = "2s"                       # demo', 'interval = "soon" # demo'),
    "a bad stage": Bad("rules.technician_late.stages[0]", "", '[["15m", "P3"], ["30m", "P2"]', '[["15m", "P9"], ["30m", "P2"]'),
    "a bad time of day": Bad("deskbell.summary_at", "", 'summary_at = "08:00"', 'summary_at = "25:99"'),
    "a bad hand-over": Bad("rotas.dispatch.handover", "must be a time of day", 'every = "weekly"                      # "daily", "weekly" or a span; left out: the first person, always\nhandover = "08:00"', 'every = "weekly"\nhandover = "late"'),
    "a rota of no rhythm": Bad("rotas.dispatch.every", "", 'every = "weekly"', 'every = "sometimes"'),
    "no day of business": Bad("calendar", "at least one day", "days = [0, 1, 2, 3, 4, 5, 6]", "days = []"),
    "a level before the one before": Bad("policies.dispatch", "later than the one before", 'after = "90s"', 'after = "10s"'),
    "unknown level of the log": Bad("deskbell.log_level", "", 'log_level = "warning"', 'log_level = "loud"'),
    "unknown language": Bad("deskbell.language", "there are: en", 'language = "en"', 'language = "tlh"'),
    "unknown way of slack": Bad("slack.way", "socket", 'way = "socket"', 'way = "pigeon"'),
    "a command without its stroke": Bad("deskbell.command", "", 'command = "/desk" ', 'command = "desk now" '),
    "unknown kind of source": Bad("sources.freshdesk.kind", "is no kind of source", 'kind = "freshdesk"', 'kind = "freshdesc"'),
    "unknown platform": Bad("destinations.pager.platform", "is no platform", 'platform = "webhook"', 'platform = "pigeon"'),
    "a channel by its name": Bad("destinations.dispatch.address", "must be the channel's id", '"C0DISPATCH" ', '"#dispatch" '),
    "an address that is none": Bad("sources.freshdesk", "is not a web address", '"${DESKBELL_SANDBOX:-http://127.0.0.1:8765}/freshdesk"', f'"ftp://{CANARY}@nowhere"'),
    "bad JMESPath": Bad("sources.fieldservice", "", 'title = "summary"', 'title = "summary["'),
    "a status that we do not have": Bad("sources.fieldservice", "", 'on_hold = "paused"', 'on_hold = "waiting for godot"'),
    "an unknown strategy": Bad("sources.fieldservice.strategy", "", 'strategy = "re_anchor"', 'strategy = "hope"'),
    "http without a signing secret": Bad("slack", "signing_secrets", 'way = "socket"', 'way = "http"'),
    # ------------------------------------------------------------ names that lead nowhere
    "a route to nowhere": Bad("routes[0].destinations", "there is no [destinations.cellar]", 'destinations = ["support", ', 'destinations = ["cellar", '),
    "a policy that names nobody": Bad("policies.support.levels[1].targets", "names nobody", 'targets = ["room", "rota:support"]', 'targets = ["room", "rota:nobody"]'),
    "a policy with a bare name": Bad("policies.accounts.levels[0].targets", "names nobody", '[{ after = "0m", targets = ["room"] }', '[{ after = "0m", targets = ["ana"] }'),
    "a policy without an end": Bad("policies.dispatch", "It would never end", "repeat = 3                            # rounds", "repeat = 1000000 # rounds"),
    "a policy without levels": Bad("policies.accounts.levels", "nobody would ever be rung", 'levels = [{ after = "0m", targets = ["room"] }, { after = "1d", targets = ["room", "role:manager"] }]', "levels = []"),
    "a level of nobody": Bad("policies.accounts.levels[0].targets", "it names nobody", '[{ after = "0m", targets = ["room"] }', '[{ after = "0m", targets = [] }'),
    "a role that nobody has": Bad("policies.dispatch.levels[1].targets", "is nobody", '"role:oncall"', '"role:compliance"'),
    "a team that nobody is in": Bad("policies.dispatch.levels[1].targets", "is nobody", '"role:oncall"', '"team:moon"'),
    "a way that there is not": Bad("policies.dispatch.levels[1].targets", "there is no [destinations.pigeon]", '"role:oncall"', '"role:oncall via pigeon"'),
    "a room on a way": Bad("policies.dispatch.levels[1].targets", "only people are told via", '"role:oncall"', '"room via dispatch"'),
    "everyone of nobody": Bad("policies.accounts.levels[0].everyone", "of whom?", '[{ after = "0m", targets = ["room"] }', '[{ after = "0m", targets = ["room"], everyone = true }'),
    "in turns, and everyone": Bad("policies.dispatch.levels[1]", "not both", '{ after = "45s", targets = ["room", "role:oncall"] }', '{ after = "45s", targets = ["room", "role:oncall"], turns = true, everyone = true }'),
    "outside of no hours": Bad("policies.accounts", "outside of what?", "[policies.accounts]", '[policies.accounts]\noutside = [{ after = "0m", targets = ["room"] }]'),
    "hours in no zone": Bad("policies.accounts.hours", "zone", "[policies.accounts]", '[policies.accounts]\nhours = { zone = "Mars" }'),
    "a policy with an unknown role": Bad("policies.dispatch.levels[1].targets", "names nobody", '"role:oncall"', '"role:boss"'),
    "a policy with an unknown destination": Bad("policies.dispatch.levels[3].targets", "names nobody", '"destination:pager"', '"destination:beeper"'),
    "a rota of strangers": Bad("rotas.dispatch.people", "is not in [people]", 'people = ["ana", "ben"]', 'people = ["ana", "zoe"]'),
    "a rule with no such policy": Bad("rules.not_en_route.policy", "there is no [policies.panic]", 'severity = "P3"\n\n[rules.running_over]', 'severity = "P3"\npolicy = "panic"\n\n[rules.running_over]'),
    "a rule with no such route": Bad("rules.not_en_route.route", "there is no [[routes]]", 'severity = "P3"\n\n[rules.running_over]', 'severity = "P3"\nroute = "home"\n\n[rules.running_over]'),
    # ------------------------------------------------------------ rules for some records, and of one's own
    "an override of everybody": Bad("rules.running_over.overrides[0]", "fits every record", add="[[rules.running_over.overrides]]\nenabled = false"),
    "an override with a slip": Bad("rules.running_over.overrides[0].customer", "did you mean customers", add='[[rules.running_over.overrides]]\ncustomer = ["x"]'),
    "an override with a bad stage": Bad("rules.running_over.overrides[0].stages", "", add='[[rules.running_over.overrides]]\nteams = ["x"]\nstages = [["soon", "P1"]]'),
    "an override of a route": Bad("rules.running_over.overrides[0].route", "[[routes]] choose", add='[[rules.running_over.overrides]]\nteams = ["x"]\nroute = "support"'),
    "a calendar that there is not": Bad("rules.priority_raised.calendar", "there is no [calendars.office]", add='[rules.priority_raised]\ncalendar = "office"'),
    "a calendar in no zone": Bad("calendars.office", "There is no time zone", add='[calendars.office]\nzone = "Europe/Nowhere"'),
    "a rule of one's own without words": Bad("rules.custom.x.text", "must be a text in quotes", add='[rules.custom.x]\nrecords = "visit"\ncondition = "status"\ntext = 5'),
    "one that can't be understood": Bad("rules.custom.x", "no JMESPath expression", add='[rules.custom.x]\nrecords = "visit"\ncondition = "=="\ntext = "x"'),
    "one about nothing": Bad("rules.custom.x", "has no field 'colour'", add='[rules.custom.x]\nrecords = "visit"\ncondition = "colour"\ntext = "x"'),
    "one with a strange name": Bad("rules.custom.X-1", "is no name", add='[rules.custom.X-1]\nrecords = "visit"'),
    # ------------------------------------------------------------ no TOML
    "a line that is no TOML": Bad("", "is not valid TOML", add=f'key = "{CANARY}'),
    "a table twice": Bad("", "is not valid TOML", add="[slack]"),
    "hardly anything": Bad("deskbell.secret", "at least 16", only=LEAST.replace("secret", "# secret")),
}  # fmt: skip


def written(bad: Bad, folder: Path) -> tuple[Path, dict[str, str]]:
    text = bad.only or CONFIG.read_text()
    if bad.old:
        assert text.count(bad.old) >= 1, f"config.toml has no {bad.old!r} any more"
        text = text.replace(bad.old, bad.new, 1)
    path = folder / "desk.toml"
    path.write_text(text + "\n" + bad.add)
    values = {**SECRETS, "DESKBELL_DATA": str(folder), **bad.env}
    values.pop(bad.unset, None)
    return path, values


def test_the_table_is_about_a_good_file(tmp_path: Path) -> None:
    path, values = written(Bad("", "", add="# nothing wrong"), tmp_path)
    assert load(path, values).house.people
    path, values = written(Bad("", "", only=LEAST), tmp_path)
    assert load(path, values).destinations


@pytest.mark.parametrize("name", BAD)
def test_refused(name: str, tmp_path: Path) -> None:
    bad = BAD[name]
    path, values = written(bad, tmp_path)
    with pytest.raises(ConfigError) as refused:
        load(path, values)
    said = str(refused.value)
    assert "canary" not in said
    assert re.search(rf"^\S*desk\.toml: {re.escape(bad.key)}", said), said
    assert bad.said in said
    assert len(refused.value.problems) == 1, f"one mistake, one complaint:\n{said}"
    assert len(refused.value.problems[0].partition(": ")[2]) > 10 or bad.key == "", "the reason is said"


@pytest.mark.parametrize(
    "name", ["unknown in deskbell", "no bot token", "a line that is no TOML", "a port beyond all ports"]
)
@pytest.mark.parametrize("command", [["run"], ["check"], ["alerts"]])
def test_no_command_starts_with_it(name: str, command: list[str], tmp_path: Path) -> None:
    path, values = written(BAD[name], tmp_path)
    done = subprocess.run(
        [sys.executable, "-m", "deskbell", *command, "-c", str(path)],
        env=values,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 2
    assert BAD[name].said in done.stderr
    assert not done.stdout
    assert "Traceback" not in done.stderr
    assert "canary" not in done.stderr
    assert {file.name for file in tmp_path.iterdir()} == {"desk.toml"}, "nothing was begun"


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    path, values = written(BAD["unknown role"], tmp_path)
    path.write_text(
        path.read_text().replace('backfill = "2h"', 'backfill = "soon"').replace("port = 8780", "port = true")
    )
    with pytest.raises(ConfigError) as refused:
        load(path, values)
    assert len(refused.value.problems) == 3
