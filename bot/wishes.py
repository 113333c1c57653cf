"""The commands about shifts and rings: a line in, what the desk is asked for or a Problem out."""

import re
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, time
from typing import TypeVar

from bot.grammar import BY_WORD, Problem, Spec, read_named, read_span
from bot.names import find_person
from bot.ports import Front, Said
from deskbell.core.access import Person
from deskbell.core.duty import Cover, DutyWish, Place, Swap, Vacation
from deskbell.core.prefs import (
    LONGEST_WAIT,
    MOST_RUNGS,
    Ladder,
    PrefsWish,
    Quiet,
    Rung,
    SetLadder,
    SetQuiet,
    Show,
    Subscribe,
    Trial,
)
from deskbell.core.text import clean
from deskbell.core.wall import stretch

Wish = DutyWish | PrefsWish
_OFF = frozenset({"off", "none", "no", "back", "stop"})
_ON = frozenset({"", "on", "new"})
_LONG = 300
_HOURS = re.compile(r"(\d{1,2})(?::(\d{2}))?\s*(?:-|\u2013|to|until)\s*(\d{1,2})(?::(\d{2}))?")
_CODE = re.compile(r"\d{6}")
T = TypeVar("T")


class Wishes:
    """Reads a person's line; names are looked up for the platform that it came from."""

    def __init__(self, front: Front) -> None:
        self._front = front
        self._readers: dict[str, Callable[[Person, str, Said], Awaitable[Wish | Problem]]] = {
            "cover": self._cover,
            "swap": self._swap,
            "override": self._override,
            "vacation": _vacation,
            "quiet": _quiet,
            "prefs": _prefs,
            "test": _test,
            "feed": _feed,
        }

    def reads(self, verb: str) -> bool:
        return verb in self._readers

    async def read(self, person: Person, spec: Spec, rest: str, said: Said) -> Wish | Problem:
        return await self._readers[spec.verb](person, clean(rest, _LONG), said)

    # ------------------------------------------------------------ shifts

    async def _cover(self, person: Person, rest: str, said: Said) -> Wish | Problem:
        """`cover me 18:00-22:00 [WHO]`; whoever is covered is who asks."""
        words = rest.split()
        if words and words[0].casefold() in {"me", "my"}:
            words = words[1:]
        times, who = self._times_first(words)
        if not times:
            return Problem("From when to when?", BY_WORD["cover"])
        colleague = await self._colleague(person, who, said, "cover") if who else ""
        return colleague if isinstance(colleague, Problem) else Cover(times, colleague)

    async def _swap(self, person: Person, rest: str, said: Said) -> Wish | Problem:
        """`swap TIMES WHO TIMES`."""
        times, more = self._times_first(rest.split())
        who, theirs = self._times_last(more.split())
        if not (times and who and theirs):
            return Problem("Your times, a colleague, and the times you take instead.", BY_WORD["swap"])
        colleague = await self._colleague(person, who, said, "swap")
        return colleague if isinstance(colleague, Problem) else Swap(times, colleague, theirs)

    async def _override(self, person: Person, rest: str, said: Said) -> Wish | Problem:
        """`override [ROTA] WHO TIMES`."""
        before, times = self._times_last(rest.split())
        words = before.split()
        known = {found.rota.casefold(): found.rota for found in await self._front.on_duty()}
        rota = known.get(words[0].casefold(), "") if len(words) > 1 else ""
        who = " ".join(words[1:]) if rota else before
        if not (times and who):
            return Problem("Who, and from when to when?", BY_WORD["override"])
        colleague = await self._colleague(person, who, said, "override")
        return colleague if isinstance(colleague, Problem) else Place(rota, colleague, times)

    def _times_first(self, words: Sequence[str]) -> tuple[str, str]:
        """The longest beginning that is times, and what follows."""
        for count in range(len(words), 0, -1):
            if stretch(" ".join(words[:count]), "UTC", self._now()):
                return " ".join(words[:count]), " ".join(words[count:])
        return "", " ".join(words)

    def _times_last(self, words: Sequence[str]) -> tuple[str, str]:
        """The longest end that is times, and what stands before it."""
        for start in range(len(words)):
            if stretch(" ".join(words[start:]), "UTC", self._now()):
                return " ".join(words[:start]), " ".join(words[start:])
        return " ".join(words), ""

    def _now(self) -> datetime:
        return self._front.now()

    async def _colleague(self, person: Person, text: str, said: Said, verb: str) -> str | Problem:
        """The id of whoever is named."""
        named = read_named(text)
        if named is None:
            return Problem("Who? A colleague's name is missing.", BY_WORD[verb])
        if named.name.casefold() in {"me", "myself"}:
            return person.id
        if not named.account:
            found = find_person(named.name, self._front.people)
            return Problem(found.text, BY_WORD[verb]) if isinstance(found, Problem) else found.id
        linked = await self._front.person(said.platform, named.account)
        if linked is None:
            return Problem("I don't know that colleague yet: an admin must link the account first.", BY_WORD[verb])
        return linked.id


# ---------------------------------------------------------------- rings


async def _vacation(_person: Person, rest: str, _said: Said) -> Wish | Problem:
    if not rest:
        return Problem("From which day to which?", BY_WORD["vacation"])
    return Vacation(None if rest.casefold() in _OFF else rest)


async def _quiet(_person: Person, rest: str, _said: Said) -> Wish | Problem:
    if rest.casefold() in _OFF:
        return SetQuiet(None)
    match = _HOURS.fullmatch(rest.casefold())
    try:
        begins, ends = (time(int(match[n]), int(match[n + 1] or 0)) for n in (1, 3)) if match else (None, None)
        hours = Quiet(begins, ends) if begins is not None and ends is not None else None
    except ValueError:
        hours = None
    if hours is None:
        return Problem("From when to when, by your own clock? Or off.", BY_WORD["quiet"])
    return SetQuiet(hours)


async def _prefs(_person: Person, rest: str, _said: Said) -> Wish | Problem:
    """Nothing shows them; `high slack, sms 5m, call 10m` sets a ladder, `high usual` the sane one again."""
    if not rest:
        return Show()
    urgency, _, more = rest.partition(" ")
    if urgency.casefold() not in {"high", "low"} or not more.strip():
        return Problem("high or low, then the ways to ring you in their order.", BY_WORD["prefs"])
    ladder = () if more.strip().casefold() in {"usual", "default"} else _ladder(more)
    if ladder is None:
        return Problem(f"At most {MOST_RUNGS} ways, each with a time like 5m behind it.", BY_WORD["prefs"])
    return SetLadder(urgency.casefold() == "high", ladder)


def _ladder(text: str) -> Ladder | None:
    """Each way once, none before the one in front of it, the first at once."""
    rungs: list[Rung] = []
    for part in filter(None, re.split(r"\s*(?:,|;|\bthen\b)\s*", text.casefold())):
        way, _, rest = part.partition(" ")
        span, left = read_span(rest.removeprefix("after ")) if rest else (rungs[-1].after if rungs else None, "")
        after = span if span is not None else Rung(way).after
        earlier = rungs[-1].after if rungs else after
        if left or after > LONGEST_WAIT or after < earlier or way in {rung.way for rung in rungs}:
            return None
        rungs.append(Rung(way, after))
    return tuple(rungs) if 0 < len(rungs) <= MOST_RUNGS else None


async def _test(_person: Person, rest: str, _said: Said) -> Wish | Problem:
    words = rest.casefold()
    if " " in words:
        return Problem("One way, or the code that came with it.", BY_WORD["test"])
    return Trial(code=words) if _CODE.fullmatch(words) else Trial(words)


async def _feed(_person: Person, rest: str, _said: Said) -> Wish | Problem:
    word = rest.casefold()
    if word in _OFF:
        return Subscribe(on=False)
    return Subscribe() if word in _ON else Problem("Nothing, or off.", BY_WORD["feed"])
