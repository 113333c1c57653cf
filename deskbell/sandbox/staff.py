"""The people of the made-up firm, and who they are in each chat. Mallory is an outsider, Nils is new and not linked."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Staff:
    """`teams` is an Entra object id, `telegram` a user id, `discord` a snowflake: what the chats never change."""

    id: str
    name: str
    title: str
    email: str
    slack: str
    teams: str
    telegram: int
    discord: str
    ours: bool = True  # in our workspace, tenant and guild


def _staff(number: int, id: str, name: str, title: str, *, ours: bool = True) -> Staff:
    return Staff(
        id,
        name,
        title,
        f"{id}@example.{'org' if ours else 'net'}",
        slack=f"U0{id.upper()}",
        teams=f"aad00000-0000-4000-8000-{number:012d}",
        telegram=700_000_000 + number,
        discord=f"9000000000000000{number:02d}",
        ours=ours,
    )


STAFF: Mapping[str, Staff] = {
    one.id: one
    for one in (
        _staff(1, "ana", "Ana Ruiz", "Dispatcher"),
        _staff(2, "ben", "Ben Okafor", "On call"),
        _staff(3, "carla", "Carla Weiss", "Duty manager"),
        _staff(4, "dan", "Dan Novak", "Sales (viewer)"),
        _staff(5, "marco", "Marco Bianchi", "Technician"),
        _staff(6, "lena", "Lena Hoffmann", "Technician"),
        _staff(7, "tomas", "Tomás Novotný", "Technician"),
        _staff(8, "priya", "Priya Nair", "Technician"),
        _staff(9, "jonas", "Jonas Berg", "Technician"),
        _staff(10, "aisha", "Aisha Rahman", "Technician"),
        _staff(11, "victor", "Victor Duarte", "Technician"),
        _staff(12, "nils", "Nils Lund", "New colleague"),
        _staff(14, "iris", "Iris Blom", "Dispatcher, nights"),
        _staff(15, "otto", "Otto Maier", "Dispatcher, nights"),
        _staff(13, "mallory", "Mallory Guest", "Outsider", ours=False),
    )
}
