"""Slash commands as Discord takes them. https://docs.discord.com/developers/interactions/application-commands"""

import re
from collections.abc import Iterator
from typing import Any

from deskbell.sandbox.discord.api import Complaint
from deskbell.sandbox.discord.checks import size, too_long
from deskbell.sandbox.web import Json

COMMANDS = 100
OPTIONS = 25
CHOICES = 25
TOTAL = 8000
SUB_COMMAND, GROUP, STRING, INTEGER = 1, 2, 3, 4
NAME = re.compile(r"[-_'\w]{1,32}")


def check_commands(commands: Any) -> Iterator[Complaint]:
    if not isinstance(commands, list):
        yield "_", "LIST_TYPE_CONVERT", "Only iterables may be used in a ListType"
        return
    if len(commands) > COMMANDS:
        yield "_", "APPLICATION_COMMANDS_TOO_MANY", f"Maximum number of application commands reached ({COMMANDS})."
    names = [command.get("name") for command in commands]
    if len(set(names)) != len(names):
        yield "_", "APPLICATION_COMMANDS_DUPLICATE_NAME", "Application command names must be unique"
    for number, command in enumerate(commands):
        yield from _check_named(str(number), command)
        yield from _check_options(f"{number}.options", command.get("options") or [])
        if sum(size(text) for text in _texts(command)) > TOTAL:
            yield f"{number}", "APPLICATION_COMMAND_TOO_LARGE", f"Command exceeds maximum size ({TOTAL})"


def _check_named(at: str, one: Json) -> Iterator[Complaint]:
    name = str(one.get("name") or "")
    if not NAME.fullmatch(name) or name != name.lower():
        yield f"{at}.name", "APPLICATION_COMMAND_INVALID_NAME", "Command name is invalid"
    yield from too_long(f"{at}.description", one.get("description") or "", 100, 1)


def _check_options(at: str, options: list[Json], depth: int = 0) -> Iterator[Complaint]:
    if len(options) > OPTIONS:
        yield at, "BASE_TYPE_BAD_LENGTH", f"Must be between 0 and {OPTIONS} in length."
    kinds = {option.get("type") in (SUB_COMMAND, GROUP) for option in options}
    if len(kinds) > 1:
        yield at, "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID", "Sub-command and parameter types cannot be mixed"
    needed = [bool(option.get("required")) for option in options]
    if needed != sorted(needed, reverse=True):
        yield at, "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID", "Required options must be before non-required options"
    names = [option.get("name") for option in options]
    if len(set(names)) != len(names):
        yield at, "APPLICATION_COMMAND_OPTIONS_NAME_ALREADY_EXISTS", "Option names must be unique"
    for number, option in enumerate(options):
        here = f"{at}.{number}"
        yield from _check_named(here, option)
        yield from _check_choices(here, option)
        if option.get("type") in (SUB_COMMAND, GROUP) and depth > 1:
            yield f"{here}.type", "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID", "Nested too deeply"
        yield from _check_options(f"{here}.options", option.get("options") or [], depth + 1)


def _check_choices(at: str, option: Json) -> Iterator[Complaint]:
    choices = option.get("choices") or []
    if len(choices) > CHOICES:
        yield f"{at}.choices", "BASE_TYPE_BAD_LENGTH", f"Must be between 0 and {CHOICES} in length."
    if choices and option.get("autocomplete"):
        yield f"{at}.autocomplete", "APPLICATION_COMMAND_OPTIONS_AUTOCOMPLETE_INVALID", "choices and autocomplete"
    for number, choice in enumerate(choices):
        yield from too_long(f"{at}.choices.{number}.name", choice.get("name") or "", 100, 1)
        if option.get("type") == STRING:
            yield from too_long(f"{at}.choices.{number}.value", choice.get("value") or "", 100, 1)
    if not 1 <= option.get("max_length", 6000) <= 6000:
        yield f"{at}.max_length", "NUMBER_TYPE_MAX", "int value should be less than or equal to 6000."


def _texts(one: Json) -> Iterator[str]:
    yield from (str(one.get("name") or ""), str(one.get("description") or ""))
    for choice in one.get("choices") or ():
        yield from (str(choice.get("name")), str(choice.get("value")))
    for option in one.get("options") or ():
        yield from _texts(option)
