"""The manifest that people paste into Slack: made from the table of commands, within Slack's limits."""

import json

import pytest

from bot import manifest
from bot.grammar import COMMANDS
from bot.slack import EVENTS
from deskbell.vendors.slack import SlackConf, Way

CONF = SlackConf(bot_token="xoxb-1", command="/bell")


@pytest.mark.parametrize("way", list(Way))
def test_it_fits(way):
    made = manifest.slack_manifest(SlackConf("xoxb-1", way=way), "https://desk.example.org/", "Deskbell " * 20)

    assert len(made["display_information"]["name"]) <= 35
    assert len(made["features"]["bot_user"]["display_name"]) <= 80
    for command in made["features"]["slash_commands"]:
        assert len(command["command"]) <= 32
        assert len(command["description"]) <= 2000
        assert 0 < len(command["usage_hint"]) <= 1000
        assert command["should_escape"] is True


def test_in_socket_mode_nothing_has_an_address():
    made = manifest.slack_manifest(CONF)

    assert made["settings"]["socket_mode_enabled"] is True
    assert "request_url" not in made["settings"]["interactivity"]
    assert all("url" not in command for command in made["features"]["slash_commands"])


def test_in_http_mode_everything_comes_to_our_server():
    made = manifest.slack_manifest(SlackConf("xoxb-1", way=Way.HTTP), "https://desk.example.org/")
    url = f"https://desk.example.org{EVENTS}"

    assert made["settings"]["socket_mode_enabled"] is False
    assert made["settings"]["interactivity"] == {
        "is_enabled": True,
        "request_url": url,
        "message_menu_options_url": url,
    }
    assert {command["url"] for command in made["features"]["slash_commands"]} == {url}


def test_it_names_the_commands_of_the_configuration_and_all_verbs():
    made = manifest.slack_manifest(CONF)
    commands = {command["command"]: command for command in made["features"]["slash_commands"]}

    assert list(commands) == ["/bell", "/case", "/oncall"]
    for spec in COMMANDS:
        assert spec.hidden or spec.verb in commands["/bell"]["usage_hint"]


def test_it_asks_for_what_the_channel_needs():
    scopes = manifest.slack_manifest(CONF)["oauth_config"]["scopes"]["bot"]

    assert {"chat:write", "commands", "users:read.email", "im:write", "channels:history"} <= set(scopes)


def test_it_holds_no_secret():
    assert "xoxb" not in manifest.slack_manifest_json(CONF)
    assert json.loads(manifest.slack_manifest_json(CONF)) == manifest.slack_manifest(CONF)
