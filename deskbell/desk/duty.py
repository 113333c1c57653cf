"""Who is on duty as things stand: the rotas with what was agreed since they were written down."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from deskbell.core.access import Person
from deskbell.core.duty import Agreed, changed, staying
from deskbell.core.policy import VIA, people_for
from deskbell.core.rota import Override, Rota
from deskbell.core.store import Reader
from deskbell.desk.house import House

REMOVED = "people.removed"  # the name under which those are kept who left
BACK = timedelta(days=60)  # a shift that runs is looked at from its beginning
_EVER = (datetime(1970, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC))


def removed(reader: Reader) -> frozenset[str]:
    """The ids of those who left, though config.toml may still name them."""
    return frozenset((reader.value(REMOVED) or "").split())


@dataclass(frozen=True, slots=True)
class Roster:
    """The rotas of a house as they are by now."""

    rotas: Mapping[str, Rota]
    agreed: Sequence[Agreed]
    people: Mapping[str, Person]  # who still works here

    def on_call(self, targets: Sequence[str], now: datetime, team: str = "", assignee: str = "") -> tuple[str, ...]:
        """The people behind the targets of a policy; beside who is on duty, who has not handed over yet."""
        found = people_for(targets, self.people, self.rotas, now, team, assignee)
        named = [target.partition(VIA)[0] for target in targets]
        rotas = [target.removeprefix("rota:") for target in named if target.startswith("rota:")]
        beside = [who for rota in rotas for who in staying(rota, self.agreed, now) if who in self.people]
        return tuple(dict.fromkeys((*found, *beside)))


def roster(reader: Reader, house: House, now: datetime, back: timedelta = timedelta()) -> Roster:
    """`back`: what was agreed is needed from so long ago on."""
    gone = removed(reader)
    people = {key: one for key, one in house.people.items() if key not in gone} if gone else house.people
    if not house.rotas:
        return Roster({}, (), people)
    agreed = reader.agreed(now - back)
    rotas = {name: _without(changed(rota, agreed), gone) for name, rota in house.rotas.items()}
    return Roster(rotas, agreed, people)


def _without(rota: Rota, gone: frozenset[str]) -> Rota:
    """Who left has no shift, as who is away has none."""
    named = [who for who in rota.everybody if who in gone]
    if not named:
        return rota
    kept = tuple(one for one in rota.overrides if one.person not in gone)
    return replace(rota, overrides=kept, away=(*rota.away, *(Override(who, *_EVER) for who in named)))
