"""Which destinations an alert goes to."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from deskbell.core.alert import Alert, Severity

Patterns = tuple[str, ...]
OTHER = "other"  # the kind of an alert that no record's rule found: about ourselves, or rung by hand


@dataclass(frozen=True, slots=True)
class Route:
    """Alerts that fit every matcher go to these destinations. An empty matcher fits all; `sla_*` fits by its beginning.

    `severity`: this severe or more. `stop`: no later route is asked.
    """

    destinations: tuple[str, ...]
    name: str = ""
    rules: Patterns = ()
    kinds: Patterns = ()  # visit, case, account, order, invoice, contract, other
    sources: Patterns = ()
    teams: Patterns = ()
    severity: Severity = Severity.P4
    stop: bool = True


def destinations_for(
    routes: Sequence[Route], alert: Alert, kind: str = OTHER, *, named: str = "", default: Sequence[str] = ()
) -> tuple[str, ...]:
    """The destinations of the routes that fit, in order and each once; `default` when that is none.

    `kind`: of the records that the alert's rule looks at. `named`: the one route that the rule asks for by name,
    instead of the matching.
    """
    chosen = [route for route in routes if named and route.name == named] or _fitting(routes, alert, kind)
    found = dict.fromkeys(name for route in chosen for name in route.destinations)
    return tuple(found) or tuple(dict.fromkeys(default))


def fits(route: Route, alert: Alert, kind: str = OTHER) -> bool:
    asked = ((route.rules, alert.rule), (route.kinds, kind), (route.sources, alert.source), (route.teams, alert.team))
    return alert.severity <= route.severity and all(_one_of(patterns, value) for patterns, value in asked)


def fallback(wanted: Sequence[str], platforms: Mapping[str, str], failing: Collection[str]) -> tuple[str, ...]:
    """Where an alert about a failing destination goes: the wanted ones that work, else one that does.

    `platforms` names every destination's platform: another platform comes first, since trouble is seldom one room's
    alone. When all fail, the wanted ones are tried all the same.
    """
    if working := tuple(name for name in wanted if name not in failing):
        return working
    broken = {platforms.get(name, "") for name in failing}
    spare = sorted((platform in broken, name) for name, platform in platforms.items() if name not in failing)
    return (spare[0][1],) if spare else tuple(wanted)


def _fitting(routes: Sequence[Route], alert: Alert, kind: str) -> list[Route]:
    chosen = []
    for route in routes:
        if fits(route, alert, kind):
            chosen.append(route)
            if route.stop:
                break
    return chosen


def _one_of(patterns: Patterns, value: str) -> bool:
    return not patterns or any(fnmatchcase(value, pattern) for pattern in patterns)
