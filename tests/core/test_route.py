"""Routes: which destinations an alert goes to, and where instead when one fails."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from deskbell.core.alert import Alert, Severity
from deskbell.core.route import Route, destinations_for, fallback, fits

NOW = datetime(2026, 11, 21, 14, tzinfo=UTC)
ALERT = Alert("k", "technician_late", "fs", "1", "J-1", "t", "s", Severity.P2, NOW, NOW, team="north")


@pytest.mark.parametrize(
    ("route", "fit"),
    [
        (Route(()), True),
        (Route((), rules=("technician_late",)), True),
        (Route((), rules=("technician_*", "sla_*")), True),
        (Route((), rules=("sla_*",)), False),
        (Route((), kinds=("visit",)), True),
        (Route((), kinds=("case", "other")), False),
        (Route((), sources=("fs",)), True),
        (Route((), sources=("fd",)), False),
        (Route((), teams=("north", "south")), True),
        (Route((), teams=("south",)), False),
        (Route((), severity=Severity.P2), True),
        (Route((), severity=Severity.P1), False),
        (Route((), rules=("technician_late",), teams=("south",)), False),
    ],
)
def test_matchers(route, fit):
    assert fits(route, ALERT, "visit") is fit


def test_what_no_record_told_is_of_another_kind():
    assert fits(Route((), kinds=("other",)), replace(ALERT, rule="source_stale"))
    assert fits(Route((), kinds=("case",)), replace(ALERT, rule="sla_breached"), "case")


ROUTES = (
    Route(("log",), stop=False),
    Route(("north", "log"), "north", teams=("north",)),
    Route(("rest",), "rest"),
)


def test_the_first_fit_ends_it_unless_it_goes_on():
    assert destinations_for(ROUTES, ALERT) == ("log", "north")
    assert destinations_for(ROUTES, replace(ALERT, team="south")) == ("log", "rest")


def test_a_route_asked_for_by_name():
    assert destinations_for(ROUTES, ALERT, named="rest") == ("rest",)
    assert destinations_for(ROUTES, ALERT, named="no such route") == ("log", "north")


def test_the_default_when_nothing_fits():
    routes = (Route(("south",), teams=("south",)), Route((), sources=("fs",)))
    assert destinations_for(routes, ALERT) == ()
    assert destinations_for(routes, ALERT, default=("ops", "ops")) == ("ops",)


PLATFORMS = {"a-slack": "slack", "b-slack": "slack", "z-mail": "mail"}


@pytest.mark.parametrize(
    ("wanted", "failing", "expected"),
    [
        (("a-slack", "b-slack"), {"a-slack"}, ("b-slack",)),
        (("a-slack",), {"a-slack"}, ("z-mail",)),  # another platform first
        (("a-slack",), {"a-slack", "z-mail"}, ("b-slack",)),
        (("a-slack",), set(PLATFORMS), ("a-slack",)),  # better tried than silent
        (("z-mail",), {"a-slack"}, ("z-mail",)),
        ((), {"a-slack"}, ("z-mail",)),
    ],
)
def test_fallback(wanted, failing, expected):
    assert fallback(wanted, PLATFORMS, failing) == expected
