"""What a measure says: a row with our figure, the raw limit of the same machine in the same run, and their ratio."""

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any


class Unmeasured(Exception):
    """A figure could not be had; why, for people."""


@dataclass(frozen=True, slots=True)
class Spread:
    """Several runs of one thing."""

    min: float
    median: float
    max: float
    runs: int = 1

    @classmethod
    def of(cls, values: Iterable[float]) -> "Spread":
        """Raises ValueError where there is none."""
        found = sorted(values)
        if not found:
            raise ValueError("nothing was measured")
        return cls(found[0], statistics.median(found), found[-1], len(found))


@dataclass(frozen=True, slots=True)
class Goal:
    """What issue 4 wants of a row: of its `ratio`, or of `ours` itself. `reach`: what would be better still."""

    of: str
    sign: str
    bound: float
    reach: float | None = None

    def met(self, value: float) -> bool:
        return value >= self.bound if self.sign == ">=" else value <= self.bound

    def __str__(self) -> str:
        reach = f" (reach for {self.reach:g})" if self.reach is not None else ""
        return f"{'ratio ' if self.of == 'ratio' else ''}{self.sign} {self.bound:g}{reach}"


@dataclass(frozen=True, slots=True)
class Row:
    """`cpu_us`: microseconds of processor time for one piece of work, ours and the raw limit's."""

    key: str  # the goal it stands for, or a name of its own
    what: str
    unit: str
    ours: Spread | None
    raw: Spread | None = None
    raw_what: str = ""
    ratio: Spread | None = None
    cpu_us: float | None = None
    raw_cpu_us: float | None = None
    note: str = ""

    @classmethod
    def beside(
        cls, key: str, what: str, unit: str, ours: Sequence[float], raw: Sequence[float], raw_what: str, **more: Any
    ) -> "Row":
        """Of rounds that were taken in pairs."""
        return cls(key, what, unit, Spread.of(ours), Spread.of(raw), raw_what, paired(ours, raw), **more)

    @property
    def goal(self) -> Goal | None:
        return GOALS.get(self.key)

    @property
    def met(self) -> bool | None:
        """None: no goal, or nothing could be measured."""
        value = self.ratio if self.goal and self.goal.of == "ratio" else self.ours
        return self.goal.met(value.median) if self.goal and value else None


def missing(key: str, what: str, unit: str, why: str) -> Row:
    return Row(key, what, unit, None, note=why)


def paired(ours: Sequence[float], raw: Sequence[float]) -> Spread:
    """The ratio of each pair of neighbours: what drifts with the machine drifts with both."""
    return Spread.of(a / b for a, b in zip(ours, raw, strict=True) if b)


@dataclass(frozen=True, slots=True)
class Report:
    """One run of the bench."""

    machine: Mapping[str, Any]
    rows: Sequence[Row] = field(default_factory=tuple)
    seconds: float = 0.0
    failed: Sequence[str] = ()  # measures that broke off, and why

    def as_json(self) -> dict[str, Any]:
        rows = [{**asdict(row), "goal": str(row.goal) if row.goal else None, "met": row.met} for row in self.rows]
        about = {"machine": dict(self.machine), "seconds": round(self.seconds, 1), "failed": list(self.failed)}
        return {**about, "rows": rows}

    @classmethod
    def of_json(cls, data: Mapping[str, Any]) -> "Report":
        return cls(data["machine"], [_row(one) for one in data["rows"]], data["seconds"], tuple(data["failed"]))


def _row(data: Mapping[str, Any]) -> Row:
    kept = {name: data[name] for name in Row.__dataclass_fields__}
    spreads = {name: Spread(**kept[name]) for name in ("ours", "raw", "ratio") if kept[name]}
    return Row(**{**kept, **spreads})


# The goals of issue 4, every line of it, and of a source's call (issue 5), by the key of the row that answers.
GOALS: Mapping[str, Goal] = {
    "webhook_alertmanager": Goal("ratio", ">=", 1.5, 2.5),
    "webhook_alerta": Goal("ratio", ">=", 15),
    "polled_four": Goal("ratio", ">=", 0.5, 0.65),
    "postgres": Goal("ratio", ">=", 0.8),
    "two_instances": Goal("ratio", ">=", 1.4),
    "two_instances_doubled": Goal("ours", "<=", 0),
    "push_sent_p99": Goal("ours", "<=", 100),
    "latency_p50": Goal("ours", "<=", 8),
    "latency_p99": Goal("ours", "<=", 30),
    "tap_answered_p50": Goal("ours", "<=", 10),
    "tap_answered_p99": Goal("ours", "<=", 40),
    "tap_edited_p50": Goal("ours", "<=", 15),
    "tap_edited_p99": Goal("ours", "<=", 60),
    "tap_held": Goal("ours", ">=", 100),
    "poll_cycle": Goal("ours", "<=", 5),
    "poll_open": Goal("ratio", "<=", 1.2),
    "memory_rest": Goal("ratio", "<=", 1.2),
    "memory_alert": Goal("ours", "<=", 1),
    "start": Goal("ratio", "<=", 1.5),
    "isolation": Goal("ratio", "<=", 1.3),
    "catch_up": Goal("ratio", ">=", 0.9),
    "audit_append": Goal("ratio", ">=", 0.7),
    "audit_verify": Goal("ratio", ">=", 0.7),
    "audit_million": Goal("ours", "<=", 10),
    "timers": Goal("ours", "<=", 40),
}
