"""`deskbell check` and `deskbell ring`: what an operator asks before trusting an installation."""

import asyncio
import os
import stat
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from deskbell.config import Settings
from deskbell.core.access import holds
from deskbell.core.alert import Severity
from deskbell.core.card import Card, Tone, as_text
from deskbell.core.outcome import Sent
from deskbell.core.ports import Channel, Destination, Finding, Identity, Source
from deskbell.core.rota import shifts
from deskbell.core.text import clock
from deskbell.desk.roster import MAY_HAVE
from deskbell.net.clock import wall
from deskbell.shifts import as_agreed
from storage.backend import backend_of
from storage.errors import StoreError

PATIENCE_S = 20.0
LOOK_AHEAD = timedelta(days=14)  # so far gaps in rotas are told


@dataclass(frozen=True, slots=True)
class Requests:
    """How many requests the check of a source took: as we count them, and by the ledger of the stand-in that they went
    to (None: it was no stand-in, or one without a ledger).
    """

    sent: int
    seen: int | None = None

    def __str__(self) -> str:
        if not (self.sent or self.seen):
            return "none over HTTP"
        return f"{self.sent}" + ("" if self.seen is None else f", and {self.seen} in the stand-in's own ledger")


@dataclass(frozen=True, slots=True)
class Checked:
    findings: list[Finding]
    requests: Mapping[str, Requests] = field(default_factory=dict)  # by source

    @property
    def ok(self) -> bool:
        return all(finding.ok for finding in self.findings)


async def checks_of_stand_ins() -> tuple[Settings, Checked]:
    """Every kind of source, against stand-ins that are started for it; and the configuration that says so."""
    from deskbell.catalogue import SANDBOX
    from deskbell.config import load
    from deskbell.stand_ins import stand_ins

    with tempfile.TemporaryDirectory(prefix="deskbell-check-") as folder:
        rental = str(Path(folder, "rental.db"))
        async with stand_ins("--port", "0", "--scenario", "samples", "--rental", rental) as url:
            settings = load(SANDBOX, {"DESKBELL_SANDBOX": url, "DESKBELL_DATA": folder})
            return settings, await checks(settings, sandbox=url)


async def checks(settings: Settings, *, offline: bool = False, sandbox: str = "") -> Checked:
    """Every check in the order in which a person would mend what it finds. `sandbox`: where stand-ins' ledger is."""
    found = [Finding("configuration", True, f"{settings.file} is valid")]
    found += _files(settings) + _watchful(settings) + _hooks(settings)
    if offline:
        return Checked(found)
    found += await asyncio.to_thread(_database, settings)
    of_sources, requests = await _sources(settings, sandbox)
    return Checked(found + of_sources + await _channels(settings), requests)


def _files(settings: Settings) -> list[Finding]:
    """The configuration may hold secrets, the folder of the database must be writable."""
    from deskbell.parts import head_file

    mode = settings.file.stat().st_mode
    plain = settings.plain_secrets
    out = []
    if plain and mode & (stat.S_IRGRP | stat.S_IROTH):
        what = f"{settings.file} holds secrets ({', '.join(plain)}) and others may read it"
        out.append(Finding("secrets", False, f"{what}: chmod 600 it, or write env:NAME instead"))
    folder = head_file(settings).parent  # and of the database, where that is a file
    writable = folder.is_dir() and os.access(folder, os.W_OK)
    out.append(
        Finding("database", writable, f"in {folder}" if writable else f"{folder} can't be written to: create it")
    )
    return out


def _database(settings: Settings) -> list[Finding]:
    """Whether a server is there; what else may be wrong with a database, a start or `deskbell db upgrade` tells."""
    backend = backend_of(settings.database)
    if not backend.several:
        return []
    try:
        backend.connect_reading().close()
    except StoreError as error:
        return [Finding("database server", False, str(error))]
    return [Finding("database server", True, backend.place)]


def _watchful(settings: Settings) -> list[Finding]:
    """Nothing here is wrong, but a person would want to know."""
    house = settings.house
    out = []
    if house.observe:
        out.append(Finding("mode", True, "observe only: a daily summary is posted, and what is wrong with Deskbell"))
    routed = {name for route in house.routes for name in route.destinations}
    spare = [name for name in house.destinations if name not in routed]
    out += [Finding(f"destination {name}", True, "no route leads there; it rings when another fails") for name in spare]
    out += _rotas(settings)
    if not settings.watch.heartbeat_url:
        why = "watch.heartbeat_url is not set: nobody notices when Deskbell itself is dead"
        out.append(Finding("heartbeat", True, why))
    if len(house.destinations) < 2:
        why = "there is one only: when it fails, nobody can be told. Better add a second one"
        out.append(Finding("destinations", True, why))
    return out


def _rotas(settings: Settings) -> list[Finding]:
    """Who left and still has a shift, who can't be rung, and when nobody is on duty."""
    now, out, people = wall(), [], settings.house.people
    known = as_agreed(settings, now)
    for rota in known.rotas.values():
        gone = [people[who].name for who in rota.everybody if who in people and who not in known.people]
        mute = [one.name for who in rota.everybody if (one := people.get(who)) and not holds(one, MAY_HAVE)]
        gap = next((one for one in shifts(rota, now, now + LOOK_AHEAD) if one.person is None), None)
        whats = [f"{name} left, and still stands in it" for name in gone]
        whats += [f"{name} stands in it, and no role of theirs may answer alerts" for name in mute]
        whats += [f"nobody is on duty from {clock(gap.start, rota.zone, now)}"] if gap else []
        out += [Finding(f"rota {rota.name}", True, what) for what in whats]
    return out


def _hooks(settings: Settings) -> list[Finding]:
    """Where each source is to call, for whoever sets it up over there."""
    if not settings.doors or settings.server.public_url:
        return [Finding(f"hook {name}", True, door.shown) for name, door in settings.doors.items()]
    return [Finding("hooks", False, f"server.public_url is not set: nobody can call {', '.join(settings.doors)}")]


async def _sources(settings: Settings, sandbox: str) -> tuple[list[Finding], dict[str, Requests]]:
    """One source after the other, so that each request is known to be of one of them."""
    from deskbell.net import metrics
    from deskbell.parts import build_sources

    out: list[Finding] = []
    requests: dict[str, Requests] = {}
    for name, source in build_sources(settings).items():
        sent, seen = metrics.requests(), await _seen(sandbox)
        out += await _source(name, source)
        after = await _seen(sandbox)
        requests[name] = Requests(metrics.requests() - sent, None if seen is None or after is None else after - seen)
        out.append(Finding(f"{source.title} requests", True, str(requests[name])))
    return out, requests


async def _source(name: str, source: Source) -> Sequence[Finding]:
    try:
        async with asyncio.timeout(PATIENCE_S):
            return await source.check()
    except TimeoutError:
        return [Finding(name, False, f"no answer in {PATIENCE_S:.0f} s: is base_url right?")]
    finally:
        await source.close()


async def _seen(sandbox: str) -> int | None:
    from deskbell.stand_ins import requests_seen

    return await requests_seen(sandbox) if sandbox else None


async def _channels(settings: Settings) -> list[Finding]:
    out: list[Finding] = []
    for platform, channel in _open(settings).items():
        rooms = [d for d in settings.destinations.values() if d.platform == platform]
        try:
            async with asyncio.timeout(PATIENCE_S):
                found = await channel.check(rooms)
        except TimeoutError:
            found = [Finding(platform, False, f"no answer in {PATIENCE_S:.0f} s")]
        finally:
            await channel.close()
        out += found
    return out


def _open(settings: Settings) -> dict[str, Channel]:
    from deskbell.parts import build_channels

    async def nobody(_platform: str, _person: str) -> str | None:
        return None

    return build_channels(settings, nobody)


async def ring_once(settings: Settings, name: str) -> tuple[bool, str]:
    """Posts a test card to a destination; whether it arrived, and the words for the person."""
    to = settings.destinations.get(name)
    if to is None:
        known = ", ".join(settings.destinations)
        return False, f"There is no destination {name!r} in {settings.file}. There are: {known}."
    channels = _open(settings)
    try:
        return await _ring(channels[to.platform], to)
    finally:
        for channel in channels.values():
            await channel.close()


async def _ring(channel: Channel, to: Destination) -> tuple[bool, str]:
    card = Card(
        ref="D-0",
        tone=Tone.LOW,
        state="Test",
        title="Test card",
        summary="Deskbell's bell works. Nothing happened; nobody needs to do anything.",
        facts=(("Destination", to.name),),
    )
    outcome = await channel.post(to, card, Identity("card", "D-0", to.name, 0, Severity.P4, wall()))
    if isinstance(outcome, Sent):
        return True, f"Rang {to.name} ({to.platform}):\n{as_text(card)}"
    return False, f"Could not ring {to.name}: {outcome.why}"
