"""One rule, asked of one record."""

from datetime import UTC, datetime, timedelta

from deskbell.core.alert import Severity
from deskbell.core.rules import Context, evaluate

SECOND, MIN, HOUR, DAY = (timedelta(**{unit: 1}) for unit in ("seconds", "minutes", "hours", "days"))
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)  # a Friday
P1, P2, P3, P4 = Severity


def ask(record, now, rule, previous=None, conf=None, **context):
    """What the rule found: (severity, stage, key) each, and whether it holds."""
    verdict = evaluate(record, previous, {rule: conf} if conf else {}, Context(now, **context))
    assert not verdict.errors
    mine = [found for found in verdict.found if found.rule == rule]
    assert all(found.since is not None and found.since <= now for found in mine)
    assert all(len(found.summary) <= 120 for found in mine)
    return mine, rule in verdict.holds


def found(*args, **kwargs):
    return ask(*args, **kwargs)[0]


def one(*args, **kwargs):
    (only,) = found(*args, **kwargs)
    return only


def holds(*args, **kwargs):
    mine, holding = ask(*args, **kwargs)
    return holding and not mine


def severity(*args, **kwargs):
    """Of what was found, None when nothing was."""
    mine = found(*args, **kwargs)
    return min((item.severity for item in mine), default=None)
