"""Who may do what. Checked when a command is carried out, from the configuration, never from what a card shows."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Role(StrEnum):
    VIEWER = "viewer"
    TECHNICIAN = "technician"
    AGENT = "agent"
    DISPATCHER = "dispatcher"
    ONCALL = "oncall"
    MANAGER = "manager"
    COMPLIANCE = "compliance"
    ADMIN = "admin"


# What `may act` means in the rule tables, and who may merely look.
ACTORS = frozenset({Role.AGENT, Role.DISPATCHER, Role.ONCALL, Role.MANAGER, Role.ADMIN})
ANYONE = frozenset(Role)


@dataclass(frozen=True, slots=True)
class Person:
    """A member of staff. `id` is the key in config.toml; `accounts`: platform or source -> the person's id there."""

    id: str
    name: str
    email: str = ""
    roles: frozenset[Role] = frozenset({Role.VIEWER})
    teams: frozenset[str] = frozenset()
    zone: str = "UTC"
    accounts: Mapping[str, str] = field(default_factory=dict)
    skills: frozenset[str] = frozenset()
    home: tuple[float, float] | None = None  # latitude and longitude: from where a technician sets out


# Deskbell acting by itself (rules, timers), and another program through the API.
SYSTEM = Person(id="deskbell", name="Deskbell", roles=frozenset({Role.ADMIN}))


def holds(person: Person, roles: frozenset[Role]) -> bool:
    """Whether the person has one of the roles; an admin has them all."""
    return Role.ADMIN in person.roles or bool(person.roles & roles)


def in_scope(person: Person, team: str) -> bool:
    """A person without teams sees all of them; an alert without a team is everybody's."""
    return not person.teams or not team or team in person.teams or bool(person.roles & {Role.ADMIN, Role.MANAGER})
