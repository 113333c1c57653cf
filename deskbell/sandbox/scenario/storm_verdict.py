"""The verdict over a storm, from what was posted where and when, and from what it says. Pure."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from deskbell.sandbox.ledger import percentile
from deskbell.sandbox.web import Json

P1_WITHIN_S = 5.0
SLACK = 1.10  # so much of what the limits force may be used up
MOST_A_MINUTE = 12
NAMES = {"late": "Technician late", "unassigned": "No technician assigned", "over": "Job running over"}
NUMBER = re.compile(r"\bJ-\d+\b")
COUNT = re.compile(r"\b(\d+) alerts?: \d+ open")
# So many messages within so many seconds in one room, as the vendors have it.
WINDOWS: Mapping[str, Sequence[tuple[int, float]]] = {
    "slack": ((1, 1.0),),
    "teams": ((7, 1.0), (8, 2.0), (60, 30.0)),
    "telegram": ((1, 1.0), (20, 60.0)),
    "discord": ((5, 5.0),),
}
STORM_AFTER = 10  # of a kind in a region


@dataclass(frozen=True, slots=True)
class Happened:
    """Something that went wrong. `urgent`: nobody may wait for it."""

    subject: str
    region: str
    kind: str
    at: float
    urgent: bool = False


@dataclass(frozen=True, slots=True)
class Message:
    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Room:
    chat: str
    region: str
    messages: Sequence[Message]


@dataclass(frozen=True, slots=True)
class Pace:
    """How often sources are read, and how long a card waits for others of its kind; seconds."""

    interval: float = 2.0
    wait: float = 20.0


@dataclass(slots=True)
class _Findings:
    lost: list[str] = field(default_factory=list)
    uncounted: list[str] = field(default_factory=list)
    after_storm: list[str] = field(default_factory=list)
    urgent: list[float] = field(default_factory=list)
    known: list[float] = field(default_factory=list)
    bound: list[float] = field(default_factory=list)
    a_minute: int = 0


def verdict(happened: Sequence[Happened], rooms: Iterable[Room], pace: Pace, throttled: int) -> Json:
    found = _Findings()
    for room in rooms:
        _look(found, room, [one for one in happened if one.region == room.region], pace)
    figures = {
        "exceptions": len(happened),
        "p1": len(found.urgent),
        "p1_p99_ms": _ms(found.urgent),
        "known_p99_ms": _ms(found.known),
        "known_max_ms": round(1000 * max(found.known, default=0.0)),
        "limit_bound_ms": _ms(found.bound),
        "limit_bound_max_ms": round(1000 * max(found.bound, default=0.0)),
        "lost": len(found.lost),
        "uncounted": len(found.uncounted),
        "after_storm": len(found.after_storm),
        "messages_a_minute": found.a_minute,
        "throttled": throttled,
    }
    return figures | {"wrong": list(_wrong(figures, found))}


def _wrong(figures: Json, found: _Findings) -> Iterator[str]:
    if not figures["exceptions"]:
        yield "nothing happened, which proves nothing"
    if found.lost:
        yield f"lost: {', '.join(found.lost[:5])}"
    if found.uncounted:
        yield f"on no card's count: {', '.join(found.uncounted[:5])}"
    if found.after_storm:
        yield f"posted after its storm: {', '.join(found.after_storm[:5])}"
    if late := [took for took in found.urgent if took > P1_WITHIN_S]:
        yield f"{len(late)} cards of P1 took more than {P1_WITHIN_S:.0f} s, the longest {max(late):.1f} s"
    for share in ("p99", "max"):
        known, bound = figures[f"known_{share}_ms"], figures[f"limit_bound_{share}_ms".replace("_p99", "")]
        if known > SLACK * bound:
            yield f"people knew after {known} ms ({share}), and the limits force only {bound} ms"
    if found.a_minute > MOST_A_MINUTE:
        yield f"{found.a_minute} messages in one room within a minute"
    if figures["throttled"]:
        yield f"{figures['throttled']} answers were 429"


def _ms(seconds: Sequence[float]) -> int:
    return round(1000 * (percentile(list(seconds), 0.99) or 0.0))


def _look(found: _Findings, room: Room, happened: Sequence[Happened], pace: Pace) -> None:
    """What people of one room could know, and when."""
    storms = dict(_storms(room))
    own = _own(room, happened)
    for one in happened:
        storm, card = storms.get(one.kind), own.get(one.subject)
        seen = [message.at for message in (card, None if one.urgent else storm) if message is not None]
        where = f"{one.subject} in {room.region} of {room.chat}"
        if not seen:
            found.lost.append(where)
            continue
        took = max(0.0, min(seen) - one.at)
        (found.urgent if one.urgent else found.known).append(took)
        if card and storm and not one.urgent and card.at > storm.at:
            found.after_storm.append(where)
    found.uncounted += _miscounted(room, happened, storms)
    found.bound += _forced(room.chat, happened, set(storms), pace)
    moments = sorted(message.at for message in room.messages)
    found.a_minute = max(found.a_minute, *(sum(at - 60 < other <= at for other in moments) for at in moments), 0)


def _storms(room: Room) -> Iterator[tuple[str, Message]]:
    for message in room.messages:
        if f"Storm in {room.region}" in message.text:
            yield from ((kind, message) for kind, words in NAMES.items() if words in message.text)


def _own(room: Room, happened: Sequence[Happened]) -> dict[str, Message]:
    """The card of each one that has its own: the first number on a card says whose it is."""
    wanted = {one.subject for one in happened}
    own: dict[str, Message] = {}
    for message in sorted(room.messages, key=lambda message: message.at):
        first = NUMBER.search(message.text)
        if first and first[0] in wanted and f"Storm in {room.region}" not in message.text:
            own.setdefault(first[0], message)
    return own


def _miscounted(room: Room, happened: Sequence[Happened], storms: Mapping[str, Message]) -> Iterator[str]:
    """What a storm's card leaves out of its count."""
    for kind, message in storms.items():
        there = sum(one.kind == kind for one in happened)
        counted = sum(int(number) for number in COUNT.findall(message.text)[:1])
        yield from [f"one of {kind} in {room.region} of {room.chat}"] * max(0, there - counted)


def _forced(chat: str, happened: Sequence[Happened], storms: set[str], pace: Pace) -> list[float]:
    """How long each must wait at least, were Deskbell itself infinitely fast: until the source is read, until its card
    has waited for others, and until the vendor lets the message through.
    """
    begins = {kind: sorted(one.at for one in happened if one.kind == kind)[STORM_AFTER - 1] for kind in storms}
    alone = [one for one in happened if one.urgent or one.kind not in storms]
    ready = [
        (one.at + pace.interval + (0.0 if one.urgent else pace.wait), not one.urgent, one.subject) for one in alone
    ]
    ready += [(at + pace.interval, True, kind) for kind, at in begins.items()]
    sent = _earliest(sorted(ready), WINDOWS[chat])
    known = {one.subject: sent[one.subject] for one in alone}
    return [max(0.0, (known.get(one.subject) or sent[one.kind]) - one.at) for one in happened if not one.urgent]


def _earliest(ready: Sequence[tuple[float, bool, str]], windows: Sequence[tuple[int, float]]) -> dict[str, float]:
    """When each message can be sent, as soon as it is ready and as the limits let it."""
    moments: list[float] = []
    sent: dict[str, float] = {}
    for at, _, what in ready:
        held = [moments[-most] + per for most, per in windows if len(moments) >= most]
        moments.append(max([at, *held, *moments[-1:]]))
        sent[what] = moments[-1]
    return sent
