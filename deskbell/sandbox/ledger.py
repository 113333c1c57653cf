"""What really happened, as the stand-ins saw it. Verdicts come from here and from nothing Deskbell says of itself."""

import re
from collections import Counter, deque
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any

from deskbell.sandbox.clock import Clock, Pulse

KEPT = 20_000  # entries; the counts go on after that
SETTLING = 15.0  # a condition shorter than this may pass unnoticed
EDIT_WINDOW = 30.0  # an edit later than this after a tap has another cause
CONVERGE_WINDOW = 120.0  # the same, where a vendor's limit may hold edits back
REF = re.compile(r"\bD-\d+\b")  # what people call an alert
_NAMES = re.compile(r"(?<![\w-])\w[\w-]*")  # what may name a job or ticket, with whatever hangs on it


@dataclass(frozen=True, slots=True)
class Entry:
    at: float
    system: str
    kind: str
    what: dict[str, Any]

    def as_json(self) -> dict[str, Any]:
        return {"at": self.at, "system": self.system, "kind": self.kind, **self.what}


@dataclass(slots=True)
class Expectation:
    """The day made `what` happen to `subject`; a live card must say so soon after `at`."""

    subject: str
    what: str
    at: float
    seen: bool = False
    withdrawn: bool = False

    def as_json(self) -> dict[str, Any]:
        return {"subject": self.subject, "what": self.what, "at": self.at, "seen": self.seen}


@dataclass(slots=True)
class PendingTap:
    tap: str
    at: float


CardKey = tuple[str, str, str]  # chat, room, message


@dataclass(slots=True)
class Converging:
    """A tap changed an alert; these of its cards do not show it yet."""

    at: float
    left: set[CardKey]


@dataclass
class Ledger:
    clock: Clock
    pulse: Pulse
    entries: deque[Entry] = field(default_factory=lambda: deque(maxlen=KEPT))
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    requests: Counter[str] = field(default_factory=Counter)  # that came to a source, whatever became of them
    expectations: list[Expectation] = field(default_factory=list)
    tap_to_edit_ms: list[float] = field(default_factory=list)
    converge_ms: list[float] = field(default_factory=list)
    cards_of: Callable[[str], Collection["CardKey"]] = field(default=lambda _: ())  # every live card of a ref
    first_named: dict[str, float] = field(default_factory=dict)  # ref -> when people could first read of it
    _converging: dict[str, list["Converging"]] = field(default_factory=dict)
    _awaited: dict[str, list[Expectation]] = field(default_factory=dict)  # by subject, those not seen yet
    _pending: dict[tuple[str, str], PendingTap] = field(default_factory=dict)

    def note(self, system: str, kind: str, **what: Any) -> None:
        self.entries.append(Entry(self.clock.time(), system, kind, what))
        self.counts[system, kind] += 1
        self.pulse.beat()

    def count(self, system: str, *kinds: str) -> int:
        return sum(self.counts[system, kind] for kind in kinds)

    def of(self, system: str, *kinds: str) -> list[Entry]:
        return [entry for entry in self.entries if entry.system == system and (not kinds or entry.kind in kinds)]

    # ------------------------------------------------------------------ what must ring

    def expect(self, subject: str, what: str, at: float | None = None) -> None:
        expectation = Expectation(subject, what, self.clock.time() if at is None else at)
        self.expectations.append(expectation)
        self._awaited.setdefault(subject, []).append(expectation)

    def seen(self, text: str) -> None:
        """People can read this: whoever is named in it has rung."""
        for ref in REF.findall(text):
            self.first_named.setdefault(ref, self.clock.time())
        for subject in named(text) & self._awaited.keys():
            for expectation in self._awaited.pop(subject):
                expectation.seen = True

    def withdraw(self, subject: str) -> None:
        """The condition ended. Whatever had no time to ring need not ring any more; what had, stays owed."""
        since = self.clock.time() - SETTLING
        for expectation in self.expectations:
            if expectation.subject == subject and not expectation.seen and expectation.at > since:
                expectation.withdrawn = True

    def overdue(self, grace: float) -> list[Expectation]:
        limit = self.clock.time() - grace
        return [e for e in self.expectations if e.at <= limit and not e.seen and not e.withdrawn]

    # ------------------------------------------------------------------ from a tap to its edit

    def tapped(self, message: tuple[str, str], tap: str) -> None:
        """From now on the next edit of this message is taken to be this tap's."""
        self._pending[message] = PendingTap(tap, self.clock.time())

    def forget_tap(self, message: tuple[str, str], tap: str) -> None:
        """It changed nothing: it failed, was refused, or only opened a form."""
        pending = self._pending.get(message)
        if pending is not None and pending.tap == tap:
            del self._pending[message]

    def edited(self, message: tuple[str, str]) -> None:
        pending = self._pending.pop(message, None)
        if pending is not None and (took := self.clock.time() - pending.at) <= EDIT_WINDOW:
            self.tap_to_edit_ms.append(round(took * 1000, 1))

    # ------------------------------------------------------------------ from a tap to the same in every chat

    def pressed(self, ref: str) -> None:
        """A tap is to change this alert: from now on every live card of it is waited for."""
        if cards := set(self.cards_of(ref)):
            self._converging.setdefault(ref, []).append(Converging(self.clock.time(), cards))

    def unpressed(self, ref: str) -> None:
        """The newest tap changed nothing: it was refused, or only opened a form."""
        if waiting := self._converging.get(ref):
            waiting.pop()

    def redrawn(self, card: CardKey, ref: str) -> None:
        """A card was edited, or taken away. When it was the last that a tap waited for, the tap has converged."""
        now = self.clock.time()
        for tap in self._converging.get(ref, ()):
            tap.left.discard(card)
            if not tap.left and now - tap.at <= CONVERGE_WINDOW:
                self.converge_ms.append(round((now - tap.at) * 1000, 1))
                self.note(card[0], "converged", ref=ref, ms=self.converge_ms[-1])  # this chat was the last
        if ref in self._converging:
            self._converging[ref] = [tap for tap in self._converging[ref] if tap.left]

    def diverging(self) -> dict[str, list[CardKey]]:
        """What taps changed, by ref, and the cards that do not show it yet."""
        return {ref: sorted(set().union(*(tap.left for tap in taps))) for ref, taps in self._converging.items() if taps}


def names(text: str, subject: str) -> bool:
    """Does the text name this job or ticket, as a whole word?"""
    return re.search(rf"(?<![\w-]){re.escape(subject)}(?!\w)", text) is not None


def named(text: str) -> set[str]:
    """Every subject that the text may name as a whole word: of J-47-b also J-47 and J."""
    found: set[str] = set()
    for word in _NAMES.findall(text):
        cuts = [at for at, sign in enumerate(word) if sign == "-"]
        found |= {word[:at] for at in (*cuts, len(word))}
    return found


def percentile(values: list[float], share: float) -> float | None:
    """The nearest-rank percentile; None of nothing."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else None
