"""Makes histories up: small ones, and nasty. The same seed makes the same history."""

from collections.abc import Iterator
from random import Random

from deskbell.prove.history import (
    DAY,
    HOUR,
    MINUTE,
    ZONES,
    Abilities,
    Call,
    Deed,
    Facts,
    History,
    In,
    Stamped,
    Step,
    Trouble,
)

# Each morning, evening or night is one in which something is special: a weekend begins, the clocks are turned.
BEGINNINGS = (
    1_794_816_000,  # Monday 2026-11-16 08:00 UTC
    1_795_195_800,  # Friday 2026-11-20 17:30
    1_774_731_600,  # Saturday 2026-03-28 21:00, in Berlin the clocks go forward in the night
    1_792_879_200,  # Saturday 2026-10-24 22:00, in Berlin they go back
    1_793_419_200,  # Saturday 2026-10-31 04:00, in New York they go back the night after
    1_793_000_000,
)
PAUSES = (30, 31, 45, 60, 90, 150, 300, 1200, HOUR, 5 * HOUR, 26 * HOUR)
SELDOM = (20, 20, 20, 20, 12, 10, 10, 8, 4, 2, 1)
TROUBLES = ("500", "drop", "html", "429", "429 bare", "401")
RECORDS = ("r1", "r2", "r3", "r4", "r5", "r6", "r7")
NOTHING_YET: Facts = {
    "status": "scheduled", "start": None, "end": None, "window_end": None, "tech": None, "eta": None, "travelled": None,
    "arrived": None, "finished": None, "cancelled": None, "by": "", "absent": "", "reason": "", "sla": None,
    "since": None,
}  # fmt: skip
NEW_CASE: Facts = {
    "status": "open", "priority": "normal", "agent": "", "level": 0, "first_response": None, "resolution": None,
    "answered": False, "since": None,
}  # fmt: skip
_BACK: Facts = {
    "status": "scheduled", "travelled": None, "arrived": None, "finished": None, "cancelled": None, "by": "",
    "absent": "", "reason": "",
}  # fmt: skip


def made(seed: int, system: str, able: Abilities) -> History:
    return _Plan(Random(f"{seed} {system}"), able).history(seed, system)  # noqa: S311 - a trial, not a secret


class _Plan:
    def __init__(self, rng: Random, able: Abilities) -> None:
        self.rng, self.able = rng, able
        self.facts: dict[str, Facts] = {}  # what is there, as far as it can be told before it happens
        self.gone: set[str] = set()

    def history(self, seed: int, system: str) -> History:
        rng = self.rng
        there = RECORDS[: min(self.able.records, rng.randint(1, 4))]
        ages = (60, 60, 300, HOUR, 3 * HOUR, DAY)
        first = tuple((rng.choice(ages), self._new(one)) for one in there)
        return History(
            seed=seed,
            system=system,
            zone=rng.choice(ZONES),
            begin=rng.choice(BEGINNINGS) + rng.randrange(HOUR),
            skew=rng.choice((0, 0, 0, 2, -3, 25, -25, 90, -90)),
            page=rng.choice((2, 2, 3, 4, 10)),
            first=first,
            steps=tuple(self._steps(rng.randint(3, 7))),
        )

    def _steps(self, count: int) -> Iterator[Step]:
        for _ in range(count):
            scene = self.rng.random()
            if scene < 0.1:
                yield from self._back_and_forth()
            elif scene < 0.25:
                yield self._crowded()
            else:
                yield self._step() if scene < 0.75 else Step(pause=31)

    def _back_and_forth(self) -> Iterator[Step]:
        """One record changes, is as it was, changes again in the same way; each is there for two polls and more."""
        if not self.facts or self.able.kind != "visit":
            return
        record = self.rng.choice(sorted(self.facts))
        verb: Facts = {"status": self.rng.choice(("no_show", "paused", "on_site")), "absent": "customer"}
        for changes in (_BACK, verb, _BACK, verb):
            able = {name: value for name, value in changes.items() if self._has(name)}
            if able["status"] not in self.able.statuses:
                return
            self.facts[record] = {**self.facts[record], **able}
            yield Step(40, ((5, Deed(record, able)),))
            yield Step(31)

    def _crowded(self) -> Step:
        """Many change in one second, long before the poll, whose second or third page can't be read at first."""
        rng = self.rng
        deeds = tuple((0, deed) for deed in self._deeds(rng.randint(3, 6)))
        trouble = Trouble(rng.choice(TROUBLES), rng.randint(2, 3), rng.randint(1, 2))
        return Step(rng.choice((200, 300, 1200)), deeds, trouble=trouble)

    def _step(self) -> Step:
        rng = self.rng
        (pause,) = rng.choices(PAUSES, SELDOM)
        events = list(self._events(pause))
        during = list(self._during()) if rng.random() < 0.25 else []
        trouble = None
        if rng.random() < 0.2:
            trouble = Trouble(rng.choice(TROUBLES), rng.randint(1, 3), rng.choice((1, 1, 2, 3)))
        return Step(pause, tuple(events), tuple(during), trouble, rng.choice((0, 0, 0, 1, 4)))

    def _events(self, pause: int) -> Iterator[tuple[int, Deed | Call]]:
        rng = self.rng
        at = rng.randint(0, pause)
        for _ in range(rng.choice((0, 1, 1, 2, 3))):
            deeds = list(self._deeds(rng.choice((1, 1, 1, 2, 4))))  # those of one second
            for deed in deeds:
                yield at, deed
                if self.able.hooks and rng.random() < 0.3:
                    yield from self._calls(deed.record, at, pause)
            at = rng.randint(at, pause) if rng.random() < 0.7 else at

    def _during(self) -> Iterator[tuple[int, Deed]]:
        number = self.rng.randint(1, 3)
        for deed in self._deeds(self.rng.randint(1, 2)):
            yield number, deed
            number += self.rng.randint(0, 2)

    def _calls(self, record: str, at: int, pause: int) -> Iterator[tuple[int, Call]]:
        """About one change: in time, or late; once or more often, in any order with those of other changes."""
        for _ in range(self.rng.choice((1, 1, 2, 3))):
            yield self.rng.choice((at, at + 1, self.rng.randint(at, pause))), Call(record)

    # ------------------------------------------------------------ deeds

    def _deeds(self, count: int) -> Iterator[Deed]:
        rng = self.rng
        for _ in range(count):
            fresh = [one for one in RECORDS[: self.able.records] if one not in self.facts and one not in self.gone]
            if fresh and (not self.facts or rng.random() < 0.25):
                yield self._new(fresh[0])
            elif self.facts:
                yield from self._change(rng.choice(sorted(self.facts)))

    def _lag(self) -> int:
        """Late visible: always by less than what a sweep looks back."""
        return self.rng.choice((0, 0, 0, 1, 40, 100)) if self.able.lags else 0

    def _new(self, record: str) -> Deed:
        facts = self._new_visit(record) if self.able.kind == "visit" else self._new_case()
        facts = {name: value for name, value in facts.items() if self._has(name) or value is None}
        self.facts[record] = {**self._blank, **facts}
        return Deed(record, self.facts[record], self._lag())

    @property
    def _blank(self) -> Facts:
        return NOTHING_YET if self.able.kind == "visit" else NEW_CASE

    def _has(self, name: str) -> bool:
        return name in self.able.facts or name in ("status", "priority", "start", "end")

    def _change(self, record: str) -> Iterator[Deed]:
        rng, before = self.rng, self.facts[record]
        if self.able.removes and rng.random() < 0.04:
            self.facts.pop(record)
            self.gone.add(record)
            yield Deed(record, None, self._lag())
            return
        if self.able.kind == "case" and rng.random() < 0.05 and len(self.facts) > 1 and "closed" in self.able.statuses:
            other = rng.choice([one for one in sorted(self.facts) if one != record])
            self.facts[record] = {**before, "status": "closed"}
            yield Deed(record, {"status": "closed"})  # merged into the other one
            yield Deed(other, {})
            return
        changes = self._visit_changes(record, before) if self.able.kind == "visit" else self._case_changes(before)
        changes = {name: value for name, value in changes.items() if self._has(name)}
        if changes.get("status", before["status"]) not in self.able.statuses:
            changes = {}
        self.facts[record] = {**before, **changes}
        yield Deed(record, changes, self._lag())

    def _new_visit(self, record: str) -> Facts:
        rng, sure = self.rng, self.able.always_tech
        return {
            **self._times(),
            "tech": self._own(record) if sure or rng.random() < 0.8 else None,
            "sla": In(rng.choice((HOUR, 5 * HOUR, DAY))) if rng.random() < 0.3 else None,
        }

    def _times(self) -> Facts:
        start = self.rng.choice((-2 * HOUR, -40 * MINUTE, -5 * MINUTE, 10 * MINUTE, 35 * MINUTE, 90 * MINUTE, 2 * HOUR,
                                 4 * HOUR, 10 * HOUR, 25 * HOUR, 49 * HOUR)) + self.rng.randint(-90, 90)  # fmt: skip
        return {
            "start": In(start),
            "end": In(start + self.rng.choice((30, 60, 90)) * MINUTE),
            "window_end": In(start + HOUR),
        }

    def _own(self, record: str) -> int | None:
        """A technician of its own, so that no two jobs of a history have to do with each other."""
        number = RECORDS.index(record) + 1
        return number if number <= self.able.techs else None

    @property
    def _priorities(self) -> tuple[str, ...]:
        return ("urgent", "high", "normal", "low") if self.able.priorities else ("normal",)

    @property
    def _agents(self) -> tuple[str, ...]:
        return ("", *self.able.agents) if self.able.unassigned else self.able.agents

    def _visit_changes(self, record: str, before: Facts) -> Facts:
        rng = self.rng
        verbs: list[Facts] = [
            {},
            self._times(),
            self._times(),
            {"status": "en_route", "travelled": Stamped()},
            {"status": "on_site", "arrived": Stamped()},
            {"status": "completed", "finished": Stamped()},
            {"status": "cancelled", "cancelled": Stamped(), "by": rng.choice(("customer", "customer", "company", ""))},
            {"status": "cancelled", "cancelled": Stamped(), "by": "customer"},
            {"status": "no_show", "absent": rng.choice(("customer", "technician", ""))},
            {"status": "paused", "reason": rng.choice(("", "waits for parts"))},
            {"status": "cannot_complete", "reason": "no access"},
            {} if self.able.always_tech else {"tech": None if before["tech"] else self._own(record)},
            {"eta": In(rng.choice((300, 1500, HOUR)))},
            _BACK,
        ]
        return _BACK if before["status"] != "scheduled" and rng.random() < 0.3 else rng.choice(verbs)

    def _new_case(self) -> Facts:
        rng = self.rng
        return {
            "status": "open",
            "priority": rng.choice(self._priorities),
            "agent": rng.choice((self._agents[0], *self._agents)),
            "first_response": In(rng.choice((10 * MINUTE, HOUR, 4 * HOUR))) if rng.random() < 0.6 else None,
            "resolution": In(rng.choice((20 * MINUTE, 2 * HOUR, 9 * HOUR, DAY))) if rng.random() < 0.6 else None,
        }

    def _case_changes(self, before: Facts) -> Facts:
        rng = self.rng
        verbs: list[Facts] = [
            {},
            {"status": rng.choice(self.able.statuses)},
            {"status": rng.choice(self.able.statuses)},
            {"status": "open"},
            {"priority": rng.choice(self._priorities)},
            {"agent": rng.choice(self._agents)},
            {"agent": rng.choice(self.able.agents)},
            {"level": self.able.levels[0 if before["level"] else 1]},
            {"answered": True},
            {"resolution": In(rng.choice((10 * MINUTE, HOUR, 5 * HOUR)))},
        ]
        return rng.choice(verbs)
