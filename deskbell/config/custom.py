"""The conditions and words of [rules.custom.NAME], compiled and tried out before anything starts.

A condition is JMESPath (https://jmespath.org) with a few functions of ours, bounded in steps, so that no condition can
hold up a page. Words are Jinja2 in its sandbox.
"""

from collections.abc import Mapping
from dataclasses import fields
from datetime import UTC, datetime
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import Any

import jmespath
from jinja2 import StrictUndefined, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jmespath import functions
from jmespath.exceptions import JMESPathError
from jmespath.visitor import TreeInterpreter

from deskbell.core.records import KINDS, STATUSES, Record, to_data
from deskbell.core.rules.custom import Compiled, CustomConf, Values

STEPS = 20_000  # of one evaluation: some milliseconds
LONGEST = 1000  # characters of a condition or a template
_TIMED = ("now", "minutes_since", "minutes_until")


class Unusable(Exception):
    """A rule that can't be used, and why."""


class _Functions(functions.Functions):
    """What conditions need besides JMESPath's own: `minutes_since(start)`, `like(site, 'Bremen*')`, `lower(status)`."""

    def __init__(self, now: str) -> None:
        self._now = datetime.fromisoformat(now)

    @functions.signature({"types": ["string", "null"]})
    def _func_minutes_since(self, moment: str | None) -> float | None:
        return (self._now - datetime.fromisoformat(moment)).total_seconds() / 60 if moment else None

    @functions.signature({"types": ["string", "null"]})
    def _func_minutes_until(self, moment: str | None) -> float | None:
        return (datetime.fromisoformat(moment) - self._now).total_seconds() / 60 if moment else None

    @functions.signature({"types": ["string", "null"]}, {"types": ["string"]})
    def _func_like(self, value: str | None, pattern: str) -> bool:
        return fnmatchcase((value or "").casefold(), pattern.casefold())

    @functions.signature({"types": ["string", "null"]})
    def _func_lower(self, value: str | None) -> str:
        return (value or "").casefold()


class _Bounded(TreeInterpreter):
    """Stops after so many steps."""

    def __init__(self, now: str) -> None:
        super().__init__(jmespath.Options(custom_functions=_Functions(now)))
        self._left = STEPS

    def visit(self, node: Any, *args: Any, **kwargs: Any) -> Any:
        self._left -= 1
        if self._left < 0:
            raise Unusable(f"the condition takes more than {STEPS} steps")
        return super().visit(node, *args, **kwargs)


def compiled(conf: CustomConf) -> Compiled:
    """The rule ready to be asked. Raises Unusable, with the reason in words."""
    if conf.records not in KINDS:
        raise Unusable(f"records: {conf.records[:20]!r} is none of {', '.join(KINDS)}")
    condition, since = _expression("condition", conf.condition), _expression("since", conf.since or "`null`")
    key, text = _template("key", conf.key), _template("text", conf.text)
    made = Compiled(
        condition=lambda values: bool(_ask(condition, values)),
        since=lambda values: _moment(_ask(since, values)),
        key=lambda values: str(key.render(values)),
        text=lambda values: str(text.render(values)),
        timed=any(word in conf.condition for word in _TIMED),
        values=_values,
    )
    _try_out(made, conf)
    return made


def _expression(name: str, text: str) -> Any:
    if not text.strip() or len(text) > LONGEST:
        raise Unusable(f"{name}: write an expression of at most {LONGEST} characters")
    try:
        return jmespath.compile(text)
    except (JMESPathError, RecursionError) as error:
        raise Unusable(f"{name}: {text[:60]!r} is no JMESPath expression: {str(error).splitlines()[0]}") from error


_WORDS = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False)


def _template(name: str, text: str) -> Any:
    if not text.strip() or len(text) > LONGEST:
        raise Unusable(f"{name}: write a template of at most {LONGEST} characters")
    try:
        return _WORDS.from_string(text)
    except TemplateError as error:
        raise Unusable(f"{name}: {error}") from error


def _ask(expression: Any, values: Values) -> Any:
    return _Bounded(values["now"]).visit(expression.parsed, values)


def _moment(value: Any) -> datetime | None:
    if value is None:
        return None
    at = datetime.fromisoformat(str(value))
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _values(record: Record, previous: Record | None, now: datetime) -> Values:
    """Every field by its name, also those that are blank; amounts as numbers."""
    return {**_plain(record), "previous": _plain(previous) if previous is not None else None, "now": now.isoformat()}


def _plain(record: Record) -> dict[str, Any]:
    known = {f.name: getattr(record, f.name) for f in fields(record)}
    blank = {name: None if value is None else value for name, value in known.items() if not value}
    amounts = {name: float(value) for name, value in known.items() if isinstance(value, Decimal)}
    return {**blank, **to_data(record), **amounts}


def _try_out(made: Compiled, conf: CustomConf) -> None:
    """On an empty record: a name that there is not, or a function that is not known, is found now."""
    cls: Any = KINDS[conf.records]
    unknown = STATUSES[conf.records]("unknown")
    sample = _values(cls("source", "1", "1", unknown), None, datetime(2026, 1, 1, tzinfo=UTC))
    for name, ask in (("condition", made.condition), ("since", made.since), ("key", made.key), ("text", made.text)):
        try:
            ask(sample)
        except (JMESPathError, TemplateError, TypeError, ValueError, ArithmeticError) as error:
            if not isinstance(error, _OF_DATA):
                raise Unusable(f"{name}: {str(error).splitlines()[0]}") from error
    _known_fields(conf, sample)


_OF_DATA = (jmespath.exceptions.JMESPathTypeError,)  # an empty field where a filled one would do


def _known_fields(conf: CustomConf, sample: Mapping[str, Any]) -> None:
    """JMESPath takes a name that there is not for null: a slip of the pen would be silence."""
    for name, text in (("condition", conf.condition), ("since", conf.since)):
        for field in _fields_of(jmespath.compile(text).parsed if text else {}):
            if field not in sample:
                raise Unusable(
                    f"{name}: a {conf.records} has no field {field[:40]!r}; it has {', '.join(sorted(sample))}"
                )


def _fields_of(node: Mapping[str, Any], *, inner: bool = False) -> set[str]:
    """The names that are looked up on the record itself, not on what one of its fields holds."""
    kind, children = node.get("type"), node.get("children", ())
    if kind == "field":
        return set() if inner else {node["value"]}
    if kind in ("subexpression", "index_expression", "projection", "filter_projection", "value_projection", "pipe"):
        first, *rest = children
        return _fields_of(first, inner=inner) | {name for one in rest for name in _fields_of(one, inner=True)}
    found: set[str] = set()
    for child in children:
        if isinstance(child, Mapping):
            found |= _fields_of(child, inner=inner or kind == "expref")
    return found
