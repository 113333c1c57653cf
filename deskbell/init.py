"""`deskbell init`: a few questions, and a commented config.toml to begin with, in observe-only mode."""

from dataclasses import dataclass
from pathlib import Path
from zoneinfo import available_timezones

import typer


@dataclass(frozen=True, slots=True)
class Answers:
    zone: str
    name: str
    email: str
    chat: str
    room: str
    freshdesk: str
    servicenow: str
    schedule: str


def interview(output: Path) -> None:
    """Asks, writes, and says what to do next. An existing file is never overwritten."""
    if output.exists():
        typer.echo(f"{output} is there already. Move it away, or name another file: deskbell init other.toml", err=True)
        raise SystemExit(2)
    answers = _ask()
    output.write_text(written(answers), encoding="utf-8")
    output.chmod(0o600)
    typer.echo(f"\nWrote {output}. It only observes: nothing is posted but a daily summary. Next:")
    typer.echo("  1. Put the secrets that it names into the environment.")
    typer.echo(
        f"  2. deskbell manifest {answers.chat} -c {output}   tells how to make the app or bot; add it to the room"
    )
    typer.echo(f"  3. deskbell check -c {output}")
    typer.echo(f"  4. deskbell run -c {output}")
    if answers.chat != "slack":
        typer.echo(
            f"  5. deskbell link me -c {output}   gives a code: say it to Deskbell in the chat, and it knows you"
        )


def _ask() -> Answers:
    zone = typer.prompt("Time zone of the house", default="UTC")
    while zone not in available_timezones():
        zone = typer.prompt("That is no time zone; write it like Europe/Berlin", default="UTC")
    chat = typer.prompt(f"Which chat ({', '.join(ROOMS)})", default="slack")
    while chat not in ROOMS:
        chat = typer.prompt(f"One of {', '.join(ROOMS)}", default="slack")
    return Answers(
        zone=zone,
        name=typer.prompt("Your name", default="Ana Ruiz"),
        email=typer.prompt("Your e-mail address there", default="ana@example.org"),
        chat=chat,
        room=typer.prompt(*ROOMS[chat]),
        freshdesk=typer.prompt("Freshdesk address (empty: none)", default="", show_default=False),
        servicenow=typer.prompt("ServiceNow address (empty: none)", default="", show_default=False),
        schedule=typer.prompt(
            "Address of your scheduling system's JSON API (empty: none)", default="", show_default=False
        ),
    )


# What the room to ring is called there, and an example.
ROOMS = {
    "slack": ("Id of the Slack channel to ring (at the end of the channel's link)", "C0123456789"),
    "teams": ("Id of the Teams channel to ring (in the channel's link)", "19:0123456789abcdef@thread.tacv2"),
    "telegram": ("Id of the Telegram group to ring (add the bot, then see /getUpdates)", "-1001234567890"),
    "discord": ("Id of the Discord channel to ring (Developer Mode, Copy Channel ID)", "123456789012345678"),
}
SECTIONS = {
    "slack": """\
[slack]
bot_token = "env:SLACK_BOT_TOKEN"
app_token = "env:SLACK_APP_TOKEN"
""",
    "teams": """\
[teams]
app_id = "${TEAMS_APP_ID}"
app_password = "env:TEAMS_APP_PASSWORD"
tenant = "${TEAMS_TENANT}"
""",
    "telegram": """\
[telegram]
token = "env:TELEGRAM_TOKEN"
""",
    "discord": """\
[discord]
token = "env:DISCORD_TOKEN"
application_id = "${DISCORD_APPLICATION_ID}"
guilds = ["${DISCORD_SERVER_ID}"]
""",
}


def text(value: str) -> str:
    """A TOML string; what a person typed can't break out of it."""
    safe = "".join(char for char in value if char.isprintable())
    return '"' + safe.replace("\\", "\\\\").replace('"', '\\"') + '"'


def written(answers: Answers) -> str:
    """The configuration for these answers."""
    return "\n".join(part for part in (_base(answers), _sources(answers)) if part)


def _base(a: Answers) -> str:
    return f"""\
# Deskbell. Every setting is explained in the config.toml of the distribution; `deskbell check` tries this one out.

[deskbell]
database = "sqlite:///deskbell.db"
secret = "env:DESKBELL_SECRET"   # make one: python3 -c 'import secrets; print(secrets.token_urlsafe(32))'
zone = {text(a.zone)}
observe = true                   # the first week: detect and record, post a daily summary. Then set it to false.

[calendar]                       # business hours
zone = {text(a.zone)}
days = [0, 1, 2, 3, 4]           # Monday is 0
opens = "08:00"
closes = "18:00"

[people.me]
name = {text(a.name)}
email = {text(a.email)}
roles = ["dispatcher", "manager", "admin"]

[rotas.dispatch]
people = ["me"]

[policies.dispatch]
levels = [
    {{ after = "0m", targets = ["room", "rota:dispatch"] }},
    {{ after = "5m", targets = ["room", "role:manager"] }},
]

[policies.support]
levels = [{{ after = "0m", targets = ["room", "assignee"] }}, {{ after = "15m", targets = ["room", "role:manager"] }}]

[[routes]]
destinations = ["desk"]

[destinations.desk]
platform = "{a.chat}"
address = {text(a.room)}

{SECTIONS[a.chat]}"""


def _sources(a: Answers) -> str:
    parts = []
    if a.freshdesk:
        parts.append(f"""\
[sources.freshdesk]
kind = "freshdesk"
base_url = {text(a.freshdesk)}
key = "env:FRESHDESK_API_KEY"
interval = "30s"
""")
    if a.servicenow:
        parts.append(f"""\
[sources.servicenow]
kind = "servicenow"
base_url = {text(a.servicenow)}
user = "deskbell"
password = "env:SERVICENOW_PASSWORD"
interval = "30s"
""")
    if a.schedule:
        parts.append(SCHEDULE.replace("@url@", text(a.schedule)))
    return "\n".join(parts)


SCHEDULE = """\
[sources.fieldservice]           # expressions are JMESPath; `deskbell check` shows whether the rows fit
kind = "rest"
title = "Field service"
base_url = @url@
auth = { kind = "bearer", token = "env:FIELDSERVICE_TOKEN" }
path = "/api/jobs"
params = { updated_since = "{since}", page = "{page}", per_page = "{size}" }
paging = { kind = "page", size = 100 }
items = "data"
item_path = "/api/jobs/{id}"      # one row, to refresh it and to see whether it is gone
item = "data"
[sources.fieldservice.fields]    # ours = where it stands in a row of theirs
id = "id"
number = "number"
status = "status"
customer = "customer.name"
site = "site.address"
technician = "technician.name"
technician_id = "technician.id"
start = "scheduled_start"
end = "scheduled_end"
travel_started_at = "travel_started_at"
arrived_at = "checked_in_at"
cancelled_at = "cancelled_at"
cancelled_by = "cancelled_by"
updated_at = "updated_at"
[sources.fieldservice.status_map]  # theirs = ours
scheduled = "scheduled"
en_route = "en_route"
on_site = "on_site"
completed = "completed"
cancelled = "cancelled"
no_show = "no_show"
"""
