"""The app package to upload in Teams (Apps, Manage your apps, Upload an app): manifest and icons, from the table of
commands.

https://learn.microsoft.com/microsoftteams/platform/resources/schema/manifest-schema
"""

import io
import json
import struct
import uuid
import zipfile
import zlib
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from bot.grammar import COMMANDS, Spec
from deskbell.core.text import cut
from deskbell.vendors.teams import TeamsConf

SCHEMA = "1.16"
VERSION = "1.0.0"
NAME, FULL_NAME = 30, 100
DESCRIPTION, FULL_DESCRIPTION = 80, 4000
COMMAND_TITLE, COMMAND_DESCRIPTION = 32, 128
COMMANDS_IN_SCOPE = 10
SCOPES = ("team", "personal", "groupChat")
ACCENT = "#1D3557"
# The most useful first: a scope's list holds ten of them.
FIRST = ("list", "show", "ack", "take", "reassign", "snooze", "resolve", "escalate", "note", "help")
SITE = "https://example.org"  # where no address of ours is known: Teams wants one
EPOCH = (2026, 1, 1, 0, 0, 0)  # the same package again has the same bytes

Pixel = tuple[int, int, int, int]


def teams_package(conf: TeamsConf, public_url: str = "", name: str = "Deskbell") -> bytes:
    """The zip file. `public_url` is our HTTP server's address as Teams reaches it: https://desk.example.org."""
    out = io.BytesIO()
    files = {
        "manifest.json": json.dumps(teams_manifest(conf, public_url, name), indent=2).encode(),
        "color.png": png(192, color_icon),
        "outline.png": png(32, outline_icon),
    }
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as package:
        for file, data in files.items():
            package.writestr(zipfile.ZipInfo(file, EPOCH), data, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def teams_manifest(conf: TeamsConf, public_url: str = "", name: str = "Deskbell") -> dict[str, Any]:
    host = urlsplit(public_url).hostname or ""
    site = public_url.rstrip("/") or SITE
    commands = [_command(spec) for spec in _chosen()]
    return {
        "$schema": f"https://developer.microsoft.com/json-schemas/teams/v{SCHEMA}/MicrosoftTeams.schema.json",
        "manifestVersion": SCHEMA,
        "version": VERSION,
        "id": app_id(conf),
        "developer": {"name": cut(name, 32), "websiteUrl": site, "privacyUrl": site, "termsOfUseUrl": site},
        "name": {"short": cut(name, NAME), "full": cut(f"{name}, the bell on the dispatch desk", FULL_NAME)},
        "description": {
            "short": cut("Rings when a job or ticket goes wrong, and takes the answer.", DESCRIPTION),
            "full": cut(
                f"{name} reads the schedule and the tickets, sees what goes wrong, and puts one live card into the"
                " channel. Acknowledge, reassign, escalate or resolve it there; everybody sees the new state at once.",
                FULL_DESCRIPTION,
            ),
        },
        "icons": {"color": "color.png", "outline": "outline.png"},
        "accentColor": ACCENT,
        "bots": [
            {
                "botId": conf.app_id,
                "scopes": list(SCOPES),
                "supportsFiles": False,
                "isNotificationOnly": False,
                "commandLists": [{"scopes": [scope], "commands": commands} for scope in SCOPES],
            }
        ],
        "permissions": ["identity", "messageTeamMembers"],
        "validDomains": [host] if host else [],
    }


def app_id(conf: TeamsConf) -> str:
    """The app's own id is a GUID; the bot's will do where it is one."""
    try:
        return str(uuid.UUID(conf.app_id))
    except ValueError:
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"deskbell:{conf.app_id}"))


def _chosen() -> list[Spec]:
    known = {spec.verb: spec for spec in COMMANDS if not spec.hidden}
    first = [known[verb] for verb in FIRST if verb in known]
    return (first + [spec for spec in known.values() if spec not in first])[:COMMANDS_IN_SCOPE]


def _command(spec: Spec) -> Mapping[str, str]:
    """A hint above the line in which people type; Teams completes no arguments."""
    said = f"{spec.help[:1].upper()}{spec.help[1:]}" + (f" ({spec.usage})" if spec.usage else "")
    return {"title": cut(spec.verb, COMMAND_TITLE), "description": cut(said, COMMAND_DESCRIPTION)}


# ---------------------------------------------------------------- icons

_BLUE: Pixel = (0x1D, 0x35, 0x57, 255)
_GOLD: Pixel = (0xF2, 0xB1, 0x34, 255)
_WHITE: Pixel = (255, 255, 255, 255)
_CLEAR: Pixel = (255, 255, 255, 0)
_SAMPLES = 3  # each way, so that edges are smooth


def color_icon(x: float, y: float) -> Pixel:
    """A golden bell on blue, the whole square filled; 192 pixels, of which the outer 96 may be cut to a circle."""
    return _GOLD if _bell((x - 0.5) / 0.72 + 0.5, (y - 0.5) / 0.72 + 0.5) else _BLUE


def outline_icon(x: float, y: float) -> Pixel:
    """White on nothing, as Teams wants the small one."""
    hollow = (x - 0.5) ** 2 / 0.28**2 + (y - 0.62) ** 2 / 0.25**2 < 1 and y < 0.62
    return _WHITE if _bell(x, y) and not hollow else _CLEAR


def _bell(x: float, y: float) -> bool:
    """A desk bell in a square of one by one: a knob, a dome, a plate below it."""
    knob = (x - 0.5) ** 2 + (y - 0.20) ** 2 < 0.055**2
    stem = abs(x - 0.5) < 0.022 and 0.20 < y < 0.32
    dome = (x - 0.5) ** 2 / 0.36**2 + (y - 0.68) ** 2 / 0.38**2 < 1 and y < 0.68
    plate = abs(x - 0.5) < 0.42 and 0.73 < y < 0.83
    return knob or stem or dome or plate


def png(size: int, paint: Callable[[float, float], Pixel]) -> bytes:
    """A square picture, eight bits for each of red, green, blue and alpha. https://www.w3.org/TR/png-3/"""
    rows = b"".join(
        b"\0" + b"".join(bytes(_mixed(size, column, row, paint)) for column in range(size)) for row in range(size)
    )
    head = struct.pack(">IIBBBBB", size, size, 8, 6, 0, 0, 0)
    parts = (_chunk(b"IHDR", head), _chunk(b"IDAT", zlib.compress(rows, 9)), _chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def _mixed(size: int, column: int, row: int, paint: Callable[[float, float], Pixel]) -> Pixel:
    """The mean of some points of a pixel."""
    points = [(index + 0.5) / _SAMPLES for index in range(_SAMPLES)]
    found = [paint((column + dx) / size, (row + dy) / size) for dx in points for dy in points]
    red, green, blue, alpha = (sum(part) // len(found) for part in zip(*found, strict=True))
    return red, green, blue, alpha


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
