"""A rule by configuration alone: a condition over the record, its key and its words.

What evaluates conditions and fills in words is handed in, compiled; here is only what a rule makes of the answers.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from deskbell.core.alert import Severity
from deskbell.core.card import FIRST_LINE
from deskbell.core.records import Record, about, kind_of
from deskbell.core.rules import words
from deskbell.core.rules.base import (
    NOTHING,
    Context,
    Found,
    Rule,
    RuleConf,
    Sight,
    Stages,
    after,
    by_then,
    climb,
    is_new,
)
from deskbell.core.text import clean, span

PREFIX = "custom."
_KEY = 200

Values = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class CustomConf(RuleConf):
    """`condition` and `since` are JMESPath over the record's fields, with `previous` (the reading before) and `now`.

    `stages` count from `since`, a moment; without them it has its one `severity`. `edge`: it rings when the condition
    comes true rather than while it is. `key` and `text` are Jinja2 templates over the record's fields.
    """

    records: str  # visit, case, account, order, invoice, contract or leave
    condition: str
    text: str  # the first line
    title: str = ""
    key: str = "{{ source }}:{{ id }}"  # one alert for each; the rule's own name goes before it
    severity: Severity = Severity.P3
    since: str = ""
    stages: Stages = ()
    edge: bool = False
    every: timedelta = timedelta(minutes=1)  # how often it is looked at when nothing changes, if it asks the time


@dataclass(frozen=True, slots=True)
class Compiled:
    """The conditions and words of one rule, ready to be asked. They may raise; the rule is then reported, not obeyed.

    `timed`: whether the answer depends on the clock.
    """

    condition: Callable[[Values], bool]
    since: Callable[[Values], datetime | None]
    key: Callable[[Values], str]
    text: Callable[[Values], str]
    timed: bool
    values: Callable[[Record, Record | None, datetime], Values]


def custom_rule(name: str, conf: CustomConf, compiled: Compiled) -> Rule:
    """The row of the table that this rule is."""

    def look(record: Record, previous: Record | None, given: RuleConf, ctx: Context) -> Sight:
        """As its condition says."""
        conf_now = given if isinstance(given, CustomConf) else conf
        return _look(PREFIX + name, compiled, record, previous, conf_now, ctx)

    title = conf.title or name.replace("_", " ").capitalize()
    return Rule(PREFIX + name, conf.records, title, type(conf), look, conf.edge, f"{name}:{conf.key}", "by its route")


def _look(
    rule: str, compiled: Compiled, record: Record, previous: Record | None, conf: CustomConf, ctx: Context
) -> Sight:
    values = compiled.values(record, previous, ctx.now)
    again = ctx.now + conf.every if compiled.timed else None
    if not compiled.condition(values):
        return Sight(due_at=again)
    since = compiled.since(values)
    if conf.edge:
        was = previous is not None and compiled.condition(compiled.values(previous, None, ctx.now))
        differs = previous is not None and previous != record and not was
        if not is_new(previous, ctx, since or record.updated_at, timedelta(hours=2), differs=differs):
            return Sight(holds=True, due_at=again)
    severity, stage, due_at, begun = conf.severity, "", again, since or record.updated_at
    if conf.stages and since is not None:
        rung, following = climb(after(since, conf.stages), ctx.now)
        due_at = min(filter(None, (again, following)), default=None)
        if rung is None:
            return Sight(due_at=due_at)
        severity, stage, begun = rung.severity, span(rung.offset), rung.at
    key = clean(compiled.key(values), _KEY)
    if not key:
        return NOTHING
    found = Found(
        rule=rule,
        key=f"{rule.removeprefix(PREFIX)}:{key}",
        severity=severity,
        title=clean(conf.title or rule.removeprefix(PREFIX).replace("_", " ").capitalize(), 100),
        summary=clean(compiled.text(values), FIRST_LINE) or words.first_line(words.number(record), about(record)),
        stage=stage,
        facts=(("What", kind_of(record).capitalize()), ("Status", words.status(record))),
        since=by_then(begun, ctx.now),
    )
    return Sight((found,), due_at=due_at)
