"""Shifts at the command line: the rotas as they are by now, and a calendar of elsewhere that becomes shifts here."""

import asyncio
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from deskbell.config import Settings
from deskbell.core.access import Person
from deskbell.core.duty import Agreed, Kind
from deskbell.core.ports import Entry
from deskbell.core.text import clean
from deskbell.desk.duty import BACK, Roster, roster
from deskbell.parts import open_store
from storage.backend import backend_of

BYTES = 10 * 1024 * 1024
SECONDS = 20.0  # to read a calendar in; a hostile series would take for ever
AHEAD = timedelta(days=400)


class CantImport(Exception):
    """Why a calendar can't become shifts, in words for an administrator."""


class Imported(NamedTuple):
    shifts: int
    strangers: tuple[str, ...]  # titles that name nobody here


def as_agreed(settings: Settings, at: datetime) -> Roster:
    """With the covers and absences that are in the database; where there is none yet, as the rotas are written."""
    if not _is_there(settings):
        return Roster(settings.house.rotas, (), settings.house.people)
    store = open_store(settings)
    try:
        return store.read_now(lambda reader: roster(reader, settings.house, at, BACK))
    finally:
        store.close()


def _is_there(settings: Settings) -> bool:
    backend = backend_of(settings.database)
    return backend.several or Path(backend.place).exists()


async def take_in(settings: Settings, rota: str, place: str) -> Imported:
    """The calendar's occurrences from now on are the rota's shifts; those of its last import are forgotten.

    Raises CantImport.
    """
    if rota not in settings.house.rotas:
        known = ", ".join(settings.house.rotas) or "none"
        raise CantImport(f"there is no [rotas.{rota[:40]}]; there are: {known}")
    text, now = await _text(place), datetime.now(UTC)
    zone = ZoneInfo(settings.house.rotas[rota].zone)
    try:
        async with asyncio.timeout(SECONDS):
            rows = await asyncio.to_thread(_rows, text, now, zone)
    except TimeoutError:
        raise CantImport(f"it takes longer than {SECONDS:.0f} s to read; is there a series without an end?") from None
    except ValueError as error:
        raise CantImport(f"it is no calendar: {error}") from None
    key = f"import:{rota}"
    shifts, strangers = _shifts(rows, rota, key, settings.house.people)
    store = open_store(settings)
    try:
        said = f"{len(shifts)} shifts of {rota} imported"
        entry = Entry("deskbell", "rota_import", 0, {"rota": rota, "said": said})
        await asyncio.to_thread(
            store.write_now, lambda uow: (uow.agree(key, shifts), uow.audit(entry, datetime.now(UTC)))
        )
    finally:
        store.close()
    return Imported(len(shifts), strangers)


async def _text(place: str) -> str:
    if place.startswith(("https://", "webcal://", "http://127.0.0.1:")):
        return await _fetched(place.replace("webcal://", "https://", 1))
    return _read(Path(place))


def _read(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            raw = opened.read(BYTES + 1)
    except OSError as error:
        raise CantImport(f"{file} can't be read: {error.strerror}") from None
    if len(raw) > BYTES:
        raise CantImport(f"it is larger than {BYTES // 1024 // 1024} MiB")
    return raw.decode("utf-8", "replace")


async def _fetched(url: str) -> str:
    from deskbell.net.answers import CallFailed
    from deskbell.net.http import Http, Limits

    http = Http("calendar", url, allow_http=True, limits=Limits(connections=1, max_bytes=BYTES, text_kept=BYTES))
    try:
        reply = await http.call("GET", "", headers={"Accept": "text/calendar"}, expect_json=False)
    except CallFailed as error:
        raise CantImport(f"it can't be fetched: {error}") from None
    finally:
        await http.close()
    if not reply.ok:
        raise CantImport(f"it can't be fetched: status {reply.status}")
    return reply.text


def _rows(text: str, now: datetime, zone: ZoneInfo) -> list[dict[str, Any]]:
    from pollers import ical_events

    return ical_events.rows(ical_events.parsed(text), now, now + AHEAD, zone)


def _shifts(
    rows: Iterable[Mapping[str, Any]], rota: str, key: str, people: Mapping[str, Person]
) -> tuple[list[Agreed], tuple[str, ...]]:
    shifts: list[Agreed] = []
    strangers: dict[str, None] = {}
    for row in rows:
        if row.get("wrong") or str(row.get("status", "")).upper() == "CANCELLED":
            continue
        start, end = (datetime.fromisoformat(row[name]).astimezone(UTC) for name in ("start", "end"))
        person = _named(str(row["summary"]), people)
        if person is None:
            strangers[clean(row["summary"], 60)] = None
        elif start < end:
            shifts.append(Agreed(key, Kind.IMPORTED, rota, person.id, start, end))
    return sorted(shifts, key=lambda one: one.start), tuple(strangers)


def _named(title: str, people: Mapping[str, Person]) -> Person | None:
    """Who is meant by `Ana Ruiz`, `On call: Ana Ruiz`, `ana` or an address; nobody where it could be two."""
    said = " ".join(title.casefold().split())
    exact = [one for one in people.values() if said in {one.id.casefold(), one.name.casefold(), one.email.casefold()}]
    found = exact or [
        one for one in people.values() if one.name.casefold() in said or (one.email and one.email in said)
    ]
    return found[0] if len(found) == 1 else None
