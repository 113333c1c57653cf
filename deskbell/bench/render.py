"""From an alert to the bytes of a card, for each chat, beside the encoding of the same bytes alone."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import orjson

from deskbell.bench import made_up
from deskbell.bench.figures import Row
from deskbell.bench.ground import Ground
from deskbell.core import button
from deskbell.core.alert import Alert, Severity, Verb
from deskbell.core.card import Card
from deskbell.core.ports import AuditRow, Entry
from deskbell.core.present import View, card_of
from deskbell.faces import discord, slack, teams, telegram

CARDS = 300
NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
RAW = "orjson of the same card"


def _nobody(_person: str) -> str:
    return ""


FACES: dict[str, Callable[[Card], Any]] = {
    "Slack": lambda card: slack.card(card, _nobody),
    "Teams": teams.card,
    "Telegram": telegram.card,
    "Discord": lambda card: discord.card(card, _nobody, _nobody),
}


async def run(ground: Ground) -> list[Row]:
    ground.say("rendering")
    count = ground.size(CARDS, 10)
    known = alert()
    shown = partial(card_of, known, view())
    card = shown()
    what = "card of an alert, its buttons signed, before any chat"
    rows = [_row(ground, count, what, shown, partial(orjson.dumps, card))]
    for chat, face in FACES.items():
        made = face(card)
        ours = partial(_encoded, face, card)
        what = f"{chat}: the card rendered and encoded, {len(orjson.dumps(made)):,} bytes"
        rows.append(_row(ground, count, what, ours, partial(orjson.dumps, made)))
    return rows


def _encoded(face: Callable[[Card], Any], card: Card) -> bytes:
    return orjson.dumps(face(card))


def _row(ground: Ground, count: int, what: str, ours: Callable[[], object], raw: Callable[[], object]) -> Row:
    mine, limits = [], []
    for _ in range(ground.rounds):
        mine.append(each_us(ours, count))
        limits.append(each_us(raw, count))
    return Row.beside("render", what, "us", mine, limits, RAW)


def each_us(act: Callable[[], object], count: int) -> float:
    """Microseconds of each of so many."""
    begun = time.perf_counter()
    for _ in range(count):
        act()
    return (time.perf_counter() - begun) / count * 1_000_000


def alert() -> Alert:
    return Alert(
        id=4821,
        key="schedule:4821:technician_late",
        rule="technician_late",
        source="schedule",
        record_id="4821",
        subject="J-4821",
        title="Technician late",
        summary="Marco Bianchi 20+ min late: J-4821 Hansen Maschinenbau GmbH, due 08:40",
        severity=Severity.P2,
        opened_at=NOW,
        updated_at=NOW,
        facts=(
            ("Customer", "Hansen Maschinenbau GmbH"),
            ("Site", "Industriestr. 14, 13509 Berlin"),
            ("Technician", "Marco Bianchi"),
            ("Planned", "08:40 to 10:10"),
            ("Window", "08:40 to 10:40"),
        ),
        url="https://desk.example.org/jobs/4821",
    )


def view() -> View:
    story = tuple(
        AuditRow(n, NOW + timedelta(minutes=n), Entry("deskbell", "open", 4821, {"said": said}), "")
        for n, said in enumerate(("Opened as P3", "Now P2: 20 min late", "Rang Ana Ruiz", "Acknowledged by Ana Ruiz"))
    )
    return View(now=NOW, people={}, sign=_sign, story=story)


def _sign(verb: Verb, alert_id: int, mark: int) -> str:
    return button.sign(made_up.HOUSE.encode(), verb, alert_id, mark)
