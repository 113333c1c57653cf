"""The app manifest to paste into Slack (api.slack.com/apps, "From a manifest"): made from the table of commands.

https://docs.slack.dev/reference/app-manifest
"""

import json
from collections.abc import Mapping
from typing import Any

from bot.grammar import BY_WORD, COMMANDS, Spec
from deskbell.core.text import cut
from deskbell.vendors.slack import HISTORY_SCOPES, JOIN_SCOPE, SCOPES, SlackConf, Way

NAME = 35
DISPLAY_NAME = 80
COMMAND = 32
DESCRIPTION = 2000
USAGE_HINT = 1000
EVENTS_PATH = "/slack/events"  # where our HTTP server listens for Slack


def slack_manifest(conf: SlackConf, public_url: str = "", name: str = "Deskbell") -> dict[str, Any]:
    """`public_url` is our HTTP server's address as Slack reaches it; needed in HTTP mode alone."""
    url = public_url.rstrip("/") + EVENTS_PATH if conf.way is Way.HTTP else ""
    return {
        "_metadata": {"major_version": 1, "minor_version": 1},
        "display_information": {
            "name": cut(name, NAME),
            "description": "Rings when a job or ticket goes wrong, and takes the answer.",
            "background_color": "#1d3557",
        },
        "features": {
            "bot_user": {"display_name": cut(name, DISPLAY_NAME), "always_online": True},
            "slash_commands": [_command(*row, url) for row in _rows(conf)],
        },
        "oauth_config": {"scopes": {"bot": sorted({*SCOPES, *HISTORY_SCOPES, JOIN_SCOPE})}},
        "settings": {
            "interactivity": {"is_enabled": True, **_urls(url)},
            "org_deploy_enabled": False,
            "socket_mode_enabled": conf.way is Way.SOCKET,
            "token_rotation_enabled": False,
        },
    }


def slack_manifest_json(conf: SlackConf, public_url: str = "", name: str = "Deskbell") -> str:
    return json.dumps(slack_manifest(conf, public_url, name), indent=2)


def _rows(conf: SlackConf) -> list[tuple[str, str, str]]:
    """Command, description, usage hint."""
    verbs = " | ".join(f"{spec.verb} {spec.usage}".strip() for spec in COMMANDS if not spec.hidden)
    alone = ((conf.case_command, BY_WORD["case"]), (conf.oncall_command, BY_WORD["oncall"]))
    rows = [(conf.command, "Look at alerts and answer them", verbs)]
    return rows + [(command, _sentence(spec), spec.usage) for command, spec in alone]


def _sentence(spec: Spec) -> str:
    return spec.help[:1].upper() + spec.help[1:]


def _command(command: str, description: str, usage: str, url: str) -> Mapping[str, Any]:
    out: dict[str, Any] = {
        "command": cut(command, COMMAND),
        "description": cut(description, DESCRIPTION),
        "usage_hint": cut(usage, USAGE_HINT),
        "should_escape": True,  # people and channels come as ids, which nobody can fake by a name
    }
    return out | ({"url": url} if url else {})


def _urls(url: str) -> Mapping[str, str]:
    return {"request_url": url, "message_menu_options_url": url} if url else {}
