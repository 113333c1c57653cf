"""A report as a picture: how far each figure is from its goal. Drawn by hand, so that no library is needed for it."""

from collections.abc import Iterable
from html import escape
from math import log10

from deskbell.bench.figures import Report, Row
from deskbell.bench.show import short

WIDTH, LEFT, RIGHT, LINE, TOP = 1120, 520, 190, 24, 64
DECADES = 1.0  # to each side of the goal: a tenth of it, and ten times as good
COLOURS = {True: "#2f7d4f", False: "#b3402e"}
_SIGNS = {">=": "at least", "<=": "at most"}
INK, FAINT = "#24292f", "#d0d7de"


def svg(report: Report) -> str:
    """Every goal as a line: the bar runs to the right where it is met, to the left where it is missed."""
    rows = [row for row in report.rows if row.goal is not None]
    height = TOP + LINE * len(rows) + 20
    size = f'viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="system-ui, sans-serif">',
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        _text(16, 26, "What was measured, and how far that is from its goal", size=16),
        *_axis(height),
        *(part for n, row in enumerate(rows) for part in _bar(row, TOP + LINE * n)),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _axis(height: int) -> Iterable[str]:
    for times, words in ((0.1, "10 x short"), (0.5, "2 x"), (1.0, "goal"), (2.0, "2 x"), (10.0, "10 x better")):
        x = _x(times)
        strong = times == 1.0
        yield f'<line x1="{x}" y1="{TOP - 8}" x2="{x}" y2="{height - 14}" stroke="{INK if strong else FAINT}"/>'
        yield _text(x, TOP - 14, words, anchor="middle")


def _bar(row: Row, y: int) -> Iterable[str]:
    yield _text(16, y + 16, row.what if len(row.what) <= 76 else row.what[:75] + "…", size=12)
    if (times := _times(row)) is None or row.met is None:
        yield _text(_x(1.0) + 8, y + 16, "not measured here", colour="#6e7781")
        return
    left, right = sorted((_x(1.0), _x(times)))
    yield f'<rect x="{left}" y="{y + 4}" width="{max(1, right - left)}" height="{LINE - 9}" fill="{COLOURS[row.met]}"/>'
    yield _text(WIDTH - RIGHT + 14, y + 16, _figure(row), colour=COLOURS[row.met])


def _times(row: Row) -> float | None:
    """How many times as good as the goal; 1 is just the goal."""
    goal = row.goal
    spread = row.ratio if goal and goal.of == "ratio" else row.ours
    if goal is None or spread is None:
        return None
    if goal.sign == "<=":
        return 10.0 if spread.median <= 0 else goal.bound / spread.median
    return spread.median / goal.bound


def _figure(row: Row) -> str:
    goal = row.goal
    if goal and goal.of == "ratio" and row.ratio:
        return f"{short(row.ratio.median)} ({_SIGNS[goal.sign]} {goal.bound:g})"
    return f"{short(row.ours.median)} {row.unit} ({_SIGNS[goal.sign]} {goal.bound:g})" if goal and row.ours else ""


def _x(times: float) -> int:
    """Where so many times the goal is, on a logarithmic scale; what is off it stands at its edge."""
    half = (WIDTH - LEFT - RIGHT) / 2
    place = min(DECADES, max(-DECADES, log10(times))) if times > 0 else -DECADES
    return round(LEFT + half + half * place / DECADES)


def _text(x: int, y: int, words: str, *, size: int = 12, anchor: str = "start", colour: str = INK) -> str:
    return f'<text x="{x}" y="{y}" font-size="{size}" text-anchor="{anchor}" fill="{colour}">{escape(words)}</text>'
