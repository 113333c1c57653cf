"""A Deskbell to be measured: its configuration, and the daemon as `deskbell run` starts it, a process of its own."""

import asyncio
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import orjson

from deskbell.bench import made_up
from deskbell.bench.machine import Ended, Program, free_port
from deskbell.bench.wire import Broken, Line, request
from deskbell.core.rules import RULES

CHATS = ("slack", "teams", "telegram", "discord")
READY_S = 60.0
RULE = "technician_late"  # the one rule that is on: a late job is one alert, and many of them are no storm
FREE = 1_000_000  # a limit that nobody meets

_CONFIG = """
[deskbell]
database = "{database}"
head_file = "{head_file}"
secret = "{secret}"
zone = "UTC"
tick = "1s"
backfill = "2h"
log_level = "error"

[server]
port = {port}
alerts_per_hour = 100000000

[[server.tokens]]
name = "bench"
secret = "{token}"
scopes = ["trigger", "read", "audit"]

[people.ana]
name = "Ana Ruiz"
email = "ana@example.org"
roles = ["dispatcher"]
slack = "U0ANA"
entra = "aad00000-0000-4000-8000-000000000001"
telegram = "700000001"
discord = "900000000000000001"

[people.teams]
name = "The teams of the house"
roles = ["viewer"]
teams = ["slack", "four"]

[policies.dispatch]
levels = [{{ after = "0m", targets = ["room"] }}]

[[routes]]
name = "slack alone"
teams = ["slack"]
destinations = ["slack"]

[[routes]]
name = "everything else"
destinations = [{rooms}]

[destinations.slack]
platform = "slack"
address = "C0DISPATCH"

[destinations.teams]
platform = "teams"
address = "19:dispatch@thread.tacv2"

[destinations.telegram]
platform = "telegram"
address = "-1001000000001"

[destinations.discord]
platform = "discord"
address = "900000000000009001"

[slack]
bot_token = "{slack_bot}"
way = "http"
signing_secrets = ["{slack_signing}"]
base_url = "{sink}/slack/api/"
{slack_limits}

[teams]
app_id = "{teams_app}"
app_password = "{teams_secret}"
tenant = "{teams_tenant}"
service_url = "{sink}/teams/"
login_url = "{sink}/teams/login"
openid_url = "{sink}/teams/openid"
{teams_limits}

[telegram]
token = "{telegram_token}"
way = "webhook"
webhook_url = "http://127.0.0.1:{port}"
webhook_secret = "{telegram_hook}"
base_url = "{sink}/telegram"
{telegram_limits}

[discord]
token = "{discord_token}"
application_id = "{discord_app}"
guilds = ["{discord_guild}"]
way = "http"
public_key = "{discord_key}"
base_url = "{sink}/discord/api/v10"
{discord_limits}

[sources.schedule]
kind = "rest"
records = "visit"
base_url = "{sink}/source"
path = "/api/jobs"
params = {{ updated_since = "{{since}}", page = "{{page}}", per_page = "{{size}}" }}
date_format = "iso_z"
paging = {{ kind = "page", size = 100, first = 1, pages = "meta.pages" }}
items = "data"
strategy = "re_anchor"
interval = "{interval}"
overlap = "1s"
{hook}
[sources.schedule.fields]
id = "id"
number = "number"
title = "summary"
status = "status"
customer = "customer.name"
contact = "customer.phone"
site = "site.address"
zone = "site.timezone"
technician = "technician.name"
technician_id = "technician.id"
technician_email = "technician.email"
start = "scheduled_start"
end = "scheduled_end"
window_start = "window_start"
window_end = "window_end"
updated_at = "updated_at"
[sources.schedule.status_map]
dispatched = "dispatched"

[own_rules]
storm = {free}
group_wait = "0s"

{rules}
"""


@dataclass(frozen=True, slots=True)
class House:
    """What a Deskbell to be measured is told. `limited`: the vendors' own limits hold; else they are switched off."""

    database: str
    sink: int  # the sink's port
    who: str = "ours"  # the name under which the sink knows it
    limited: bool = False
    interval: str = "1s"
    rooms: Sequence[str] = CHATS
    pushed: bool = False  # the source calls when something changes

    def text(self, port: int, head_file: str = "") -> str:
        """The configuration of an instance that listens there."""
        return _CONFIG.format(
            database=self.database,
            head_file=head_file,
            secret=made_up.HOUSE,
            token=made_up.API_TOKEN,
            port=port,
            sink=f"http://127.0.0.1:{self.sink}/{self.who}",
            interval=self.interval,
            hook=_HOOK if self.pushed else "",
            free=FREE,
            rules="\n".join(f"[rules.{name}]\nenabled = {str(name == RULE).lower()}" for name in RULES),
            rooms=", ".join(f'"{room}"' for room in self.rooms),
            slack_bot=made_up.SLACK_BOT_TOKEN,
            slack_signing=made_up.SLACK_SIGNING,
            teams_app=made_up.TEAMS_APP,
            teams_secret=made_up.TEAMS_PASSWORD,
            teams_tenant=made_up.TEAMS_TENANT,
            telegram_token=made_up.TELEGRAM_TOKEN,
            telegram_hook=made_up.TELEGRAM_HOOK,
            discord_token=made_up.DISCORD_TOKEN,
            discord_app=made_up.DISCORD_APP,
            discord_guild=made_up.DISCORD_GUILD,
            discord_key=made_up.DISCORD_KEY,
            **{f"{chat}_limits": self._limits(*keys) for chat, keys in _LIMITS.items()},
        )

    def _limits(self, *keys: str) -> str:
        return "" if self.limited else "\n".join(f"{key} = {FREE}" for key in keys)


_HOOK = f"""item_path = "/api/jobs/{{id}}"
item = "data"
[sources.schedule.hook]
secrets = ["{made_up.SOURCE_HOOK}"]"""
_LIMITS = {
    "slack": ("posts_per_second", "edits_per_minute"),
    "teams": (
        "per_second_in_conversation",
        "per_half_minute_in_conversation",
        "per_hour_in_conversation",
        "per_second",
    ),
    "telegram": ("per_second_in_chat", "per_minute_in_chat", "per_second"),
    "discord": ("posts_per_second", "per_second"),
}


class Desk:
    """A running Deskbell, as the bench sees it from outside."""

    def __init__(self, program: Program, port: int) -> None:
        self.program, self.port = program, port

    async def ready(self) -> "Desk":
        """Until it answers and hears every chat. Raises Ended."""
        end = time.monotonic() + READY_S
        said: object = "nothing"
        while time.monotonic() < end:
            if self.program.process.poll() is not None:
                self.program.line()  # tells what its last words were
            try:
                line = await Line.to(self.port)
                status, said = await line.send(request("GET", "/readyz"))
                line.close()
                if status == 200:
                    return self
            except (OSError, Broken):
                pass
            await asyncio.sleep(0.02)
        raise Ended(f"Deskbell was not ready within {READY_S:.0f} s: {said!r}")


@contextmanager
def desk(house: House, folder: Path, *, core: int | None = None) -> Iterator[Desk]:
    """The daemon while it is needed; it is not asked whether it is ready."""
    port = free_port()
    config = folder / f"{house.who}-{port}.toml"
    name = house.database.rpartition("/")[2].partition("?")[0]
    config.write_text(house.text(port, str(folder / f"{Path(name).stem}.head")))
    program = Program(
        sys.executable, "-m", "deskbell", "run", "--config", str(config), core=core, log=folder / f"{config.stem}.log"
    )
    try:
        yield Desk(program, port)
    finally:
        program.stop()


def alert(number: int, team: str) -> bytes:
    """One request to POST /api/v1/alerts; the number is in its title, by which the sink knows it again."""
    body = {
        "title": f"N{number:08d} Compressor 3 trips on start",
        "text": "Hall B stands still since 06:40. Marco is there, spare part 4711-2 is missing.",
        "severity": "P3",
        "team": team,
    }
    headers = {"Authorization": f"Bearer {made_up.API_TOKEN}", "Idempotency-Key": f"bench-{number}"}
    return request("POST", "/api/v1/alerts", orjson.dumps(body), headers)
