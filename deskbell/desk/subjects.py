"""Whom an alert is about, where it is one of us: the technician of its job."""

from collections.abc import Collection

from deskbell.core.access import Person
from deskbell.core.records import Visit
from deskbell.core.store import Reader
from deskbell.desk.act import ref_number
from deskbell.desk.house import House


def subject_of(reader: Reader, house: House, ref: str) -> str:
    """Their id in [people]; empty where nobody of ours is meant."""
    alert = reader.alert(number) if (number := ref_number(ref)) else None
    stored = reader.record(alert.source, alert.record_id) if alert else None
    if stored is None or not isinstance(stored.record, Visit):
        return ""
    return next(iter(_theirs(house.people.values(), stored.record)), "")


def _theirs(people: Collection[Person], visit: Visit) -> list[str]:
    """By their account in the source; else by their address, which is theirs alone. A name may be two people's."""
    known = [one.id for one in people if visit.technician_id and one.accounts.get(visit.source) == visit.technician_id]
    mail = visit.technician_email.casefold()
    return known or [one.id for one in people if mail and one.email.casefold() == mail]
