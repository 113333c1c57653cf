"""`deskbell oncall`: who is on duty at any moment, since when and until when, and who comes next."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import typer

from deskbell.config import Settings
from deskbell.core.alert import name_of
from deskbell.core.calendar import check_zone
from deskbell.core.rota import Duty, duty
from deskbell.core.text import clock, local
from deskbell.core.wall import moment
from deskbell.desk import House
from deskbell.shifts import as_agreed

if TYPE_CHECKING:
    from rich.table import Table


def asked(settings: Settings, rota: str, at: str, zone: str) -> dict[str, Any]:
    """Raises typer.BadParameter for a rota, moment or zone that there is not."""
    house, zone = settings.house, zone or settings.general.zone
    if rota and rota not in house.rotas:
        raise typer.BadParameter(f"there is no [rotas.{rota}]; there are: {', '.join(house.rotas) or 'none'}")
    try:
        check_zone(zone)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    meant = moment(at, zone, datetime.now(UTC))
    if meant is None:
        raise typer.BadParameter(f"{at!r} is no moment; write 2027-03-28T02:30, 18:00, tomorrow 8:00 or fri 18:00")
    rotas = as_agreed(settings, meant.at).rotas
    chosen = [rotas[rota]] if rota else rotas.values()
    rows = [_row(house, duty(one, meant.at), zone) for one in chosen]
    return {"at": local(meant.at, zone).isoformat(), "zone": zone, "note": meant.note, "rotas": rows}


def _row(house: House, found: Duty, zone: str) -> dict[str, Any]:
    since, until = (local(at, zone).isoformat() if at else None for at in (found.since, found.until))
    then = _who(house, found.then) if found.until else None
    return {"rota": found.rota, **_who(house, found.person), "since": since, "until": until, "next": then}


def _who(house: House, person: str | None) -> dict[str, str | None]:
    return {"person": person, "name": name_of(person, house.people) if person else "nobody"}


def table(found: dict[str, Any]) -> "Table":
    from rich.table import Table

    at, zone = datetime.fromisoformat(found["at"]), found["zone"]
    title = f"On duty at {at:%a %d %B %Y, %H:%M}, {zone}"
    rows = Table("Rota", "On duty", "Since", "Until", "Then", box=None, title=title, caption=found["note"] or None)
    for row in found["rotas"]:
        since, until = (
            clock(datetime.fromisoformat(row[key]), zone, at) if row[key] else "" for key in ("since", "until")
        )
        rows.add_row(row["rota"], row["name"], since, until, row["next"]["name"] if row["next"] else "")
    return rows
