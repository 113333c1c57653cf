"""A storm with the vendors' limits on: how much of what they allow is used, and whether more than that was sent."""

import asyncio
from collections.abc import Sequence
from itertools import count as numbers_from

from deskbell.bench.figures import Row, Spread
from deskbell.bench.ground import OURS, Ground, flood
from deskbell.bench.house import CHATS, House, desk

Windows = tuple[tuple[int, float], ...]  # so many within so many seconds

# What the vendors allow in one room; deskbell.vendors says where that stands. Slack 1/s; Teams 60 in 30 s, 7 in one and
# 8 in two; Telegram 20 a minute in a group; Discord tells 5 in 5 s in its headers.
ALLOWED: dict[str, Windows] = {
    "slack": ((1, 1.0),),
    "teams": ((7, 1.0), (8, 2.0), (60, 30.0)),
    "telegram": ((1, 1.0), (20, 60.0)),
    "discord": ((5, 5.0),),
}
LOOK_S = 60.0
GLIMPSE_S = 5.0
STORM = 150
JITTER_S = 0.05


async def run(ground: Ground) -> list[Row]:
    """For a minute; `--quick` looks for some seconds, which is too short for windows of a minute."""
    look_s = max(GLIMPSE_S, LOOK_S * min(1.0, ground.scale))
    ground.say(f"a storm for {look_s:.0f} s")
    with desk(House(ground.sqlite(), ground.sink, limited=True), ground.folder, core=OURS) as ours:
        await ours.ready()
        await ground.ask("reset")
        await flood([ours.port], ground.some(STORM), "four")
        await asyncio.sleep(look_s)
        arrived = (await ground.ask("arrived"))["arrived"]
    return [_row(chat, [at for at, _, vendor, _, _ in arrived if vendor == chat], look_s) for chat in CHATS]


def _row(chat: str, sent: Sequence[float], look_s: float) -> Row:
    most = allowed(ALLOWED[chat], look_s)
    within = sum(at < sent[0] + look_s for at in sent) if sent else 0
    over = beyond(ALLOWED[chat], sent)
    return Row(
        "catch_up" if look_s >= LOOK_S else "catch_up_glimpse",
        f"storm of {STORM} alerts into {chat.title()}: messages in {look_s:.0f} s",
        "messages",
        Spread.of([within]),
        Spread.of([most]),
        "what the vendor allows in one room",
        Spread.of([within / most]),
        note=f"{over} beyond the limit" if over else "none beyond the limit",
    )


def allowed(windows: Windows, seconds: float) -> int:
    """How many messages fit into the time, each sent as soon as it may be."""
    moments: list[float] = []
    for n in numbers_from():
        earliest = max((moments[n - most] + per for most, per in windows if n >= most), default=0.0)
        at = max(earliest, moments[-1] if moments else 0.0)
        if at >= seconds:
            return n
        moments.append(at)
    raise AssertionError


def beyond(windows: Windows, sent: Sequence[float]) -> int:
    """How many of these the vendor would have refused, give or take how long they took to come."""
    return sum(
        any(n >= most and at - sent[n - most] < per - JITTER_S for most, per in windows) for n, at in enumerate(sent)
    )
