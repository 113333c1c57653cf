"""The command's face: reads what was asked for, and shows the plan as a table, as JSON or as a picture."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import typer

from deskbell.config import Settings
from deskbell.config.sense import OWN_RULES
from deskbell.core.alert import Severity
from deskbell.core.calendar import check_zone
from deskbell.core.policy import Policy
from deskbell.core.rules import RULES
from deskbell.core.text import clock, local, span
from deskbell.core.wall import moment
from deskbell.dryrun.plan import Example, Plan, plan

if TYPE_CHECKING:
    from rich.table import Table


def asked(settings: Settings, policy: str, alert: str, at: str, zone: str, team: str) -> Plan:
    """Raises typer.BadParameter for a policy, rule, severity, moment or zone that there is not."""
    zone = zone or settings.general.zone
    try:
        check_zone(zone)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    meant = moment(at, zone, datetime.now(UTC))
    if meant is None:
        raise typer.BadParameter(f"{at!r} is no moment; write 2027-03-28T02:30, 18:00, tomorrow 8:00 or fri 18:00")
    rule, severity = _alert(settings, alert)
    return plan(settings, _policy(settings, policy), Example(rule, severity, meant.at, team), zone)


def _policy(settings: Settings, name: str) -> Policy:
    policies = settings.house.policies
    if name not in policies:
        raise typer.BadParameter(f"there is no [policies.{name}]; there are: {', '.join(policies)}")
    return policies[name]


def _alert(settings: Settings, text: str) -> tuple[str, Severity]:
    """`technician_late:P1`; without a severity it is a P2."""
    rule, _, severity = text.partition(":")
    known = (*RULES, *settings.house.custom, *OWN_RULES)
    if rule not in known:
        raise typer.BadParameter(f"there is no rule {rule!r}; there are: {', '.join(known)}")
    if severity and severity.upper() not in Severity.__members__:
        raise typer.BadParameter(f"{severity!r} is no severity; write P1, P2, P3 or P4")
    return rule, Severity[severity.upper()] if severity else Severity.P2


def table(found: Plan) -> "Table":
    from rich.table import Table
    from rich.text import Text

    example, zone = found.example, found.zone
    begin = local(example.at, zone)
    title = f"{found.policy}: a {example.severity} of {example.rule} at {begin:%a %d %B %Y, %H:%M}, {zone}"
    rows = Table("When", "After", "Level", "Who is rung, and how", "Rooms", box=None, title=title)
    day = None
    for row in found.rows:
        here = local(row.at, zone)
        if day is not None and here.date() != day:
            rows.add_section()
        day = here.date()
        level = str(row.level) + (f", round {row.round + 1}" if row.round else "")
        words = (clock(row.at, zone, example.at), span(row.after), level, found.said(row), ", ".join(row.rooms))
        rows.add_row(*map(Text, words))
        for warning in row.warnings:
            rows.add_row("", "", "", Text(warning, style="yellow"), "")
    return rows
