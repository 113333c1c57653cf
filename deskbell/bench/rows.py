"""From what was measured to rows."""

from collections.abc import Sequence

from deskbell.bench.figures import Row, Spread
from deskbell.bench.ground import Run


def rates(key: str, what: str, ours: Sequence[Run], raw: Sequence[Run], raw_what: str) -> Row:
    """Alerts a second, each round beside its neighbour."""
    mine, limits = [run.per_second for run in ours], [run.per_second for run in raw]
    cpu = {
        "cpu_us": Spread.of(run.cpu_us for run in ours).median,
        "raw_cpu_us": Spread.of(run.cpu_us for run in raw).median,
    }
    return Row.beside(key, what, "alerts/s", mine, limits, raw_what, **cpu)


def quantiles(key: str, what: str, ours: Sequence[float], raw: Sequence[float], raw_what: str) -> list[Row]:
    """Milliseconds: half of them were faster than p50, one in a hundred slower than p99."""
    rows = []
    for percent in (50, 99):
        mine, limit = at(ours, percent), at(raw, percent) if raw else None
        spread = Spread(limit, limit, limit, len(raw)) if limit is not None else None
        ratio = Spread.of([mine / limit]) if limit else None
        rows.append(
            Row(
                f"{key}_p{percent}",
                f"{what}, p{percent}",
                "ms",
                Spread(mine, mine, mine, len(ours)),
                spread,
                raw_what,
                ratio,
            )
        )
    return rows


def at(values: Sequence[float], percent: float) -> float:
    """The value that so many percent do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]
