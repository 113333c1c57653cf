"""Discord's slash commands, made from the table of commands: `/desk ack alert:D-12` is the line `ack D-12`. Pure.

https://docs.discord.com/developers/interactions/application-commands#application-command-object
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.grammar import BY_WORD, COMMANDS, CUSTOMERS, DUTY, MAX_RAISED, SILENCES, Spec
from deskbell.core.alert import MAX_TEXT
from deskbell.core.text import clean, cut
from deskbell.vendors.discord import DiscordConf

Json = dict[str, Any]

DESCRIPTION = 100
SUB_COMMANDS = 25
CHOICES = 25
CHOICE = 100
TOPICS = (
    (DUTY, "Your shifts, and how you are rung"),
    (SILENCES, "Hold what fits for a while"),
    (CUSTOMERS, "What customers are told"),
)
_SUB_COMMAND, _STRING, _INTEGER = 1, 3, 4
_GUILD_ONLY = {"contexts": [0], "integration_types": [0]}


@dataclass(frozen=True, slots=True)
class Option:
    """One word of a command's usage. `prefix`: "team=" where the line wants the name in front of the value."""

    name: str
    help: str
    required: bool = True
    prefix: str = ""
    choices: tuple[str, ...] = ()
    suggests: bool = False
    number: bool = False
    longest: int = 100

    def wire(self) -> Json:
        kind: Json = {"type": _INTEGER, "min_value": 1} if self.number else {"type": _STRING}
        out: Json = {**kind, "name": self.name, "description": cut(self.help, DESCRIPTION), "required": self.required}
        if self.choices:
            return out | {"choices": [{"name": one, "value": one} for one in self.choices[:CHOICES]]}
        longest = {} if self.number else {"max_length": self.longest}
        return out | longest | ({"autocomplete": True} if self.suggests else {})

    def said(self, value: str) -> str:
        """The value as it stands in a typed line."""
        if not self.prefix:
            return value
        return f'{self.prefix}"{value}"' if " " in value else f"{self.prefix}{value}"


# What the words of a usage mean; a word that is not here is a short text.
_WORDS: Mapping[str, Mapping[str, Any]] = {
    "ALERT": {"help": "Which alert, like D-12", "suggests": True},
    "COLLEAGUE": {"help": "Who gets it", "suggests": True},
    "NUMBER": {"help": "Its number", "suggests": True},
    "TIME": {"help": "For how long: 30m, 1h30m, 2d", "suggests": True},
    "REASON": {"help": "Why, in a few words", "longest": MAX_TEXT},
    "TEXT": {"help": "What there is to say", "longest": MAX_TEXT},
    "TITLE": {"help": "What is wrong, in a few words", "longest": MAX_RAISED},
    "PAGE": {"help": "Which page of the list", "number": True},
    "NAME": {"help": "Of a team or of a source"},
    "TEAM": {"help": "Of which team"},
    "COMMAND": {"help": "About which command"},
    "TIMES": {"help": "From when to when: 18:00-22:00, fri 18:00 to sat 8:00"},
    "THEIRS": {"help": "The colleague's times that you take instead"},
    "DAYS": {"help": "2026-12-24 to 2026-12-31, fri to mon, or off"},
    "HOURS": {"help": "22:00-07:00 by your own clock, or off"},
    "LADDER": {"help": "high slack, sms 5m, call 10m; or low and the ways; nothing shows it", "longest": 300},
    "MATCHERS": {"help": 'What is held: team=north severity=P3,P4 site="Plant 4*"', "longest": 300},
    "SILENCE": {"help": "Which one, like S-3"},
    "ROTA": {"help": "Which rota"},
    "WAY": {"help": "A chat or channel that rings you; or the code that it brought"},
    "OFF": {"help": "off: no address leads to your shifts any more"},
    "CODE": {"help": "The code that another chat gave you; without one you get a code for another chat"},
}
_TOKEN = re.compile(r"\[[^\]]+\]|\S+")


def options_of(spec: Spec) -> tuple[Option, ...]:
    """The words of a usage, in their order: `ALERT TIME [REASON]`."""
    return tuple(_option(token) for token in _TOKEN.findall(spec.usage))


def _option(token: str) -> Option:
    required, word = not token.startswith("["), token.strip("[]")
    if "|" in word:
        choices = tuple(word.split("|"))
        name = "severity" if choices[0] == "P1" else "which"
        return Option(name, "One of these", required, choices=choices)
    key, equals, value = word.rpartition("=")
    known = _WORDS.get(value, {"help": value.capitalize()})
    return Option((key or value).lower(), required=required, prefix=key + equals, **known)


def line_of(command: str, verb: str, options: Mapping[str, str], conf: DiscordConf) -> str:
    """The line that somebody would have typed elsewhere."""
    own = {conf.case_command.lstrip("/"): "case", conf.oncall_command.lstrip("/"): "oncall"}
    word = verb or own.get(command, "help")
    spec = BY_WORD.get(word)
    given = [one for one in options_of(spec) if one.name in options] if spec else []
    return " ".join([word, *(one.said(clean(options[one.name], one.longest)) for one in given)])


# ---------------------------------------------------------------- what is registered


def commands(conf: DiscordConf) -> list[Json]:
    """The body of the bulk overwrite: one command with most others below it, two short cuts, and one for each topic."""
    shown = [spec for spec in COMMANDS if not (spec.hidden or spec.topic)][:SUB_COMMANDS]
    desk = _command(conf.command, "Look at alerts and answer them", [_sub(spec) for spec in shown])
    case, oncall = BY_WORD["case"], BY_WORD["oncall"]
    return [
        desk,
        _command(conf.case_command, _sentence(case), _wired(case)),
        _command(conf.oncall_command, _sentence(oncall), _wired(oncall)),
        *(_command(name, about, [_sub(spec) for spec in COMMANDS if spec.topic == name]) for name, about in TOPICS),
    ]


def _command(name: str, description: str, options: Sequence[Json]) -> Json:
    words = {"name": name.lstrip("/").lower(), "description": cut(description, DESCRIPTION)}
    return {"type": 1, **words, "options": list(options), **_GUILD_ONLY}


def _sub(spec: Spec) -> Json:
    words = {"name": spec.verb, "description": cut(_sentence(spec), DESCRIPTION)}
    return {"type": _SUB_COMMAND, **words, "options": _wired(spec)}


def _wired(spec: Spec) -> list[Json]:
    """Discord wants those that are required first."""
    return [option.wire() for option in sorted(options_of(spec), key=lambda option: not option.required)]


def _sentence(spec: Spec) -> str:
    return spec.help[:1].upper() + spec.help[1:]


def choices(found: Sequence[tuple[str, str]]) -> list[Json]:
    """Suggestions: (value, words)."""
    return [{"name": cut(clean(words, CHOICE), CHOICE) or value, "value": value[:CHOICE]} for value, words in found][
        :CHOICES
    ]
