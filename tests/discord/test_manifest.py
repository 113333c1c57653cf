"""What `deskbell manifest discord` says, and that its commands are such as Discord takes."""

import json
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest

from bot.discord_commands import commands, line_of, options_of
from bot.discord_manifest import discord_manifest, invite, permissions
from bot.grammar import BY_WORD, COMMANDS, Line, read_line
from deskbell.sandbox.discord.registered import check_commands
from deskbell.vendors.discord import DiscordConf, Way

CONF = DiscordConf("token", "9" * 18, ("8" * 18,))


def test_the_invitation_asks_for_what_is_needed_and_no_more():
    query = parse_qs(urlsplit(invite(CONF, "8" * 18)).query)

    assert query["scope"] == ["bot applications.commands"]
    assert query["client_id"] == ["9" * 18]
    assert query["guild_id"] == ["8" * 18]
    assert (
        int(query["permissions"][0]) == permissions(CONF) == 1 << 10 | 1 << 11 | 1 << 14 | 1 << 16 | 1 << 35 | 1 << 38
    )
    assert permissions(replace(CONF, oncall_role="7" * 18)) == permissions(CONF) | 1 << 17


@pytest.mark.parametrize(
    ("conf", "said"),
    [
        (CONF, "Leave the Interactions Endpoint URL empty"),
        (replace(CONF, way=Way.HTTP), "https://your.public.address/discord/interactions"),
        (replace(CONF, oncall_role="7" * 18), "All Roles"),
        (replace(CONF, guilds=()), "/oauth2/authorize?client_id=999"),
    ],
)
def test_the_steps_fit_the_configuration(conf, said):
    text = discord_manifest(conf)

    assert said in text
    assert "token" not in text.replace("Token", "").replace("[discord] token", "")
    assert json.loads(text[text.index("\n[\n") :]) == commands(conf)


def test_discord_takes_the_commands():
    assert list(check_commands(commands(CONF))) == []


def test_every_command_is_there():
    desk, case, oncall, *topics = commands(CONF)

    assert [one["name"] for one in desk["options"]] == [
        spec.verb for spec in COMMANDS if not spec.hidden and not spec.topic
    ]
    for topic in topics:
        assert [one["name"] for one in topic["options"]] == [s.verb for s in COMMANDS if s.topic == topic["name"]]
    assert {topic["name"] for topic in topics} == {spec.topic for spec in COMMANDS} - {""}
    assert (desk["name"], case["name"], oncall["name"]) == ("desk", "case", "oncall")
    assert desk["contexts"] == [0]


@pytest.mark.parametrize("spec", COMMANDS, ids=lambda spec: spec.verb)
def test_what_is_filled_in_is_a_line_that_everybody_could_type(spec):
    """Each example of the table, cut into options, gives a line with the same meaning."""
    values = {"alert": "D-12", "colleague": "ana", "number": "4711", "time": "30m", "page": "2", "which": "mine"}
    values |= {"severity": "P2", "about": "J-4711", "team": "north side"}
    given = {one.name: values.get(one.name, "some words") for one in options_of(spec)}
    line = line_of("desk", spec.verb, given, CONF)

    read = read_line(line, "/desk")
    assert isinstance(read, Line)
    assert read.spec is spec
    assert all(value in read.rest for value in given.values())


def test_the_short_commands():
    assert line_of("case", "", {"number": "4711"}, CONF) == "case 4711"
    assert line_of("oncall", "", {}, CONF) == "oncall"
    assert line_of("desk", "nosuch", {"x": "y"}, CONF) == "nosuch"
    assert line_of("strange", "", {}, CONF) == "help"


def test_an_option_that_is_left_out_is_left_out():
    assert line_of("desk", "snooze", {"alert": "D-12", "time": "30m"}, CONF) == "snooze D-12 30m"
    assert [one.required for one in options_of(BY_WORD["new"])] == [False, False, False, True]
