"""The rules: pure functions from a record, the reading before it and the time to what is wrong with it."""

from deskbell.core.rules.base import Context, Found, Matcher, Override, Rule, RuleConf, Sight, stamp
from deskbell.core.rules.over import resolve_reason
from deskbell.core.rules.table import AFFECTED, AFFECTS, RULES, Verdict, evaluate

__all__ = [
    "AFFECTED",
    "AFFECTS",
    "RULES",
    "Context",
    "Found",
    "Matcher",
    "Override",
    "Rule",
    "RuleConf",
    "Sight",
    "Verdict",
    "evaluate",
    "resolve_reason",
    "stamp",
]
