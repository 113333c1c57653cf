"""What is to be simulated: which rule, and its settings as `--set` gives them, read as config.toml is read."""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import timedelta
from difflib import get_close_matches
from typing import Any

from deskbell.config import Settings
from deskbell.config.rules import read_rules
from deskbell.config.strict import Reading, environment
from deskbell.core.rules import RULES, RuleConf
from deskbell.core.rules.explain import thresholds
from deskbell.desk.house import House

_UNITS = ("seconds", "minutes", "hours", "days")
_STAGE = re.compile(r"\s*(\S+)\s*[ :]\s*(P[1-4])\s*", re.IGNORECASE)
_EXAMPLE = "--set minutes=20"
_NEWS = frozenset({"recent", "lasts", "tidying"})  # how long a change is news, and no time at which anything rings


class NoReplay(Exception):
    """What was asked for can't be simulated, and what to do, in words for people."""


@dataclass(frozen=True, slots=True)
class Wish:
    """One rule with other settings: the house as it would be then, and what differs, in words."""

    rule: str
    house: House
    said: str


def rule_named(settings: Settings, text: str) -> str:
    """The rule's full name: `late` is technician_late, as its keys begin with it. Raises NoReplay."""
    known = {**RULES, **settings.house.custom}
    word = text.strip().casefold()
    if word in known or f"custom.{word}" in known:
        return word if word in known else f"custom.{word}"
    meant = [name for name in known if word in aliases(settings, name)]
    if len(meant) == 1:
        return meant[0]
    if meant:
        raise NoReplay(f"{text[:40]!r} may be several rules: {', '.join(meant)}. Which one?")
    close = get_close_matches(word, known, n=3, cutoff=0.5)
    hint = f"Did you mean {' or '.join(close)}?" if close else f"There are: {', '.join(known)}."
    raise NoReplay(f"There is no rule {text[:40]!r}. {hint}")


def aliases(settings: Settings, rule: str) -> frozenset[str]:
    """What people call it for short: the beginning of its keys, and the words of its name."""
    row = settings.house.rule(rule)
    words = set(rule.removeprefix("custom.").split("_")) - {"case", "job", "status", "technician", "added", "by"}
    return frozenset(words | ({row.key.partition(":")[0]} if row else set()))


def wish(settings: Settings, rule: str, sets: Sequence[str]) -> Wish:
    """The rule with these settings (`stages=20m P3, 40m P2`, `late.minutes=20`). Raises NoReplay."""
    if not sets:
        return Wish(rule, settings.house, "")
    table = dict(_table(settings.raw, rule))
    for text in sets:
        key, value = _read(settings, rule, text)
        _put(table, key, _value(settings, rule, key, value))
    reading = Reading(environment(), settings.file.parent)
    confs, own = read_rules(reading, _with(settings.raw, rule, table), settings.sources)
    if reading.problems:
        raise NoReplay("\n".join(_kinder(problem, rule) for problem in reading.problems))
    house = replace(settings.house, rules=confs, custom=own)
    return Wish(rule, house, _said(settings.house.rules[rule], confs[rule]))


def _table(raw: Mapping[str, Any], rule: str) -> Mapping[str, Any]:
    """What the configuration says of the rule."""
    found: Any = raw.get("rules", {})
    for part in _path(rule):
        found = found.get(part, {})
    return dict(found)


def _path(rule: str) -> list[str]:
    return rule.split(".", 1)


def _with(raw: Mapping[str, Any], rule: str, table: Mapping[str, Any]) -> dict[str, Any]:
    rules = dict(raw.get("rules", {}))
    first, *rest = _path(rule)
    rules[first] = {**rules.get(first, {}), rest[0]: table} if rest else table
    return rules


def _read(settings: Settings, rule: str, text: str) -> tuple[list[str], str]:
    """The path of the setting within its rule, and what it is to be."""
    name, sign, value = text.partition("=")
    if not sign or not name.strip():
        raise NoReplay(f"{text[:60]!r} sets nothing. Write a setting, = and its value, like {_EXAMPLE}.")
    path = name.strip().removeprefix("rules.").removeprefix(f"{rule}.").split(".")
    if len(path) > 1 and path[0] in aliases(settings, rule) and path[0] not in _settable(settings, rule):
        path = path[1:]
    if path[0] not in {*_settable(settings, rule), *_UNITS}:
        known = ", ".join(_settable(settings, rule))
        raise NoReplay(f"The rule {rule} has no setting {path[0][:40]!r}. It has: {known}. Or in short: {_EXAMPLE}.")
    return path, value.strip()


def _settable(settings: Settings, rule: str) -> list[str]:
    return [f.name for f in fields(settings.house.rules[rule]) if f.name != "overrides"]


def _value(settings: Settings, rule: str, path: list[str], text: str) -> Any:
    """As TOML has it; a bare word is a text, `20m P3, 40m P2` are stages."""
    if path[0] in _UNITS:
        return _shifted(settings.house.rules[rule], path, text)
    try:
        return tomllib.loads(f"x = {text}")["x"]
    except tomllib.TOMLDecodeError:
        stages = [_STAGE.fullmatch(part) for part in text.split(",")]
        return [[stage[1], stage[2].upper()] for stage in stages if stage] if all(stages) else text


def _shifted(conf: RuleConf, path: list[str], text: str) -> Any:
    """`minutes=20`: the first stage begins then, and the others keep their distance from it; or the rule's one span."""
    unit = path[0]
    try:
        amount = timedelta(**{unit: float(text)})
    except (ValueError, OverflowError):
        raise NoReplay(f"{unit}={text[:20]} is no number. Write it like {_EXAMPLE}.") from None
    name, value = _clock_of(conf)
    path[:] = [name]
    if isinstance(value, timedelta):
        return _span(amount)
    by = amount - value[0][0]
    stages = [(offset + by, severity) for offset, severity in value]
    if min(offset for offset, _ in stages) < timedelta(0):
        raise NoReplay(f"With {unit}={text} a stage would begin before all the others. Name them: --set {_plain(conf)}")
    return [[_span(offset), str(severity)] for offset, severity in stages]


def _clock_of(conf: RuleConf) -> tuple[str, Any]:
    """The setting that says when it rings: its stages, else the only span that it has."""
    stages = getattr(conf, "stages", ())
    if stages:
        return "stages", stages
    spans = [f.name for f in fields(conf) if isinstance(getattr(conf, f.name), timedelta) and f.name not in _NEWS]
    if len(spans) == 1:
        return spans[0], getattr(conf, spans[0])
    if spans:
        raise NoReplay(f"Which one of its spans? Name it: {', '.join(f'--set {name}=20m' for name in spans)}.")
    known = ", ".join(f"{name} = {value}" for name, value in thresholds(conf))
    raise NoReplay(f"This rule goes by no clock. It has: {known or 'nothing to set'}.")


def _plain(conf: RuleConf) -> str:
    return f"stages='{', '.join(f'{_span(at)} {severity}' for at, severity in getattr(conf, 'stages', ()))}'"


def _span(amount: timedelta) -> str:
    seconds = int(amount.total_seconds())
    return f"{seconds // 60}m" if seconds % 60 == 0 else f"{seconds}s"


def _put(table: dict[str, Any], path: Sequence[str], value: Any) -> None:
    for part in path[:-1]:
        inner = table.get(part)
        table[part] = table = dict(inner) if isinstance(inner, Mapping) else {}
    table[path[-1]] = value


def _kinder(problem: str, rule: str) -> str:
    return problem.replace(f"rules.{rule}.", "")


def _said(before: RuleConf, after: RuleConf) -> str:
    """What differs: `stages 20 min P3, 30 min P2`."""
    was, now = dict(_all(before)), dict(_all(after))
    return "; ".join(f"{name} {now[name]} instead of {was[name]}" for name in now if was[name] != now[name])


def _all(conf: RuleConf) -> list[tuple[str, str]]:
    known = dict(thresholds(conf))
    return [(f.name, known.get(f.name, str(getattr(conf, f.name)))) for f in fields(conf) if f.name != "overrides"]
