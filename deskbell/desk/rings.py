"""By which ways a person is rung, one after the other, and when: their own choice, or the sane one."""

from collections.abc import Mapping
from datetime import datetime

from deskbell.core.access import Person
from deskbell.core.prefs import Prefs, from_data
from deskbell.core.store import Reader
from deskbell.desk.house import House

USUAL = Prefs()


def prefs_of(reader: Reader) -> Mapping[str, Prefs]:
    """Of those who have chosen anything."""
    return {person: from_data(data) for person, data in reader.prefs().items()}


def ways(reader: Reader, house: House, person: str, rooms: tuple[str, ...] = ()) -> dict[str, str]:
    """Each chat or channel that reaches the person, with a destination that it goes through.

    Those of `rooms` come first, in their order: a message about an alert goes where its card is.
    """
    found: dict[str, str] = {}
    for name in (*(room for room in rooms if room not in house.silent), *house.bells):
        platform = house.destinations[name].platform
        if platform not in found and reader.account_of(platform, person):
            found[platform] = name
    return found


def asleep(people: Mapping[str, Person], chosen: Mapping[str, Prefs], now: datetime) -> frozenset[str]:
    """Those whose quiet hours it is now, by their own clocks."""
    quiet = ((people[who], one.quiet) for who, one in chosen.items() if who in people and one.quiet)
    return frozenset(person.id for person, hours in quiet if hours.over_at(now, person.zone))
