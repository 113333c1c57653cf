"""A simulation as a picture: each alert a block on its day, what rings now above the line, what would ring below it."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from html import escape
from zoneinfo import ZoneInfo

from deskbell.core.alert import Severity
from deskbell.core.text import cut
from deskbell.simulate.outcome import Change, Outcome, Pair, utc
from deskbell.simulate.replay import Bell

WIDTH, LEFT, RIGHT, TOP, BOTTOM = 1120, 92, 28, 128, 74
LANE, GAP = 190, 34  # the height of a lane at most; between the two, where the days stand
BLOCK, LEAST = 15, 3  # the height of an alert, where there is room, and at least
INK, GREY, FAINT, PAPER = "#24292f", "#57606a", "#d0d7de", "#ffffff"
COLOURS = {Severity.P1: "#b3402e", Severity.P2: "#dd8a26", Severity.P3: "#3b78b5", Severity.P4: "#8a939c"}
_STEPS = tuple(timedelta(hours=hours) for hours in (1, 2, 3, 6, 12, 24, 48, 168, 336))
_COLUMNS = 44  # so many that each can hold a block
_FEW, _NAMED = 4, 16  # days; and so many of them are named at most


def svg(outcome: Outcome) -> str:
    compared = bool(outcome.settings)
    grid = _Grid(outcome)
    lanes = [_Lane(grid, outcome.pairs, up=up) for up in ((True, False) if compared else (True,))]
    height = TOP + sum(lane.height for lane in lanes) + GAP + BOTTOM
    line = TOP + lanes[0].height
    size = f'viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="system-ui, sans-serif">',
        f"<title>{escape(outcome.said)}</title>",
        f'<rect width="{WIDTH}" height="{height}" fill="{PAPER}"/>',
        *_head(outcome),
        *_days(grid, line, height - BOTTOM),
        *(part for lane in lanes for part in lane.drawn(line)),
        *_legend(height - 30, compared=compared),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


class _Grid:
    """Where a moment stands: columns of equal time, by the clock of the house."""

    def __init__(self, outcome: Outcome) -> None:
        self.zone = ZoneInfo(outcome.zone)
        self.step = next((one for one in _STEPS if (outcome.end - outcome.begin) / one <= _COLUMNS), _STEPS[-1])
        midnight = outcome.begin.astimezone(self.zone).replace(hour=0, minute=0, second=0, microsecond=0)
        self.start = midnight.astimezone(UTC)
        if self.step < timedelta(days=1):
            self.start += self.step * ((outcome.begin - self.start) // self.step)
        self.columns = max(1, -((self.start - outcome.end) // self.step))
        self.width = (WIDTH - LEFT - RIGHT) / self.columns

    def column(self, at: datetime) -> int:
        return min(max((at - self.start) // self.step, 0), self.columns - 1)

    def x(self, column: int) -> float:
        return round(LEFT + column * self.width, 1)

    def labels(self) -> Iterator[tuple[int, str]]:
        """The columns that are named: days by their date, and hours where there are few days."""
        moments = [(n, (self.start + n * self.step).astimezone(self.zone)) for n in range(self.columns)]
        days = [(n, f"{at.day} {at:%b}") for n, at in moments if at.hour < self.step / timedelta(hours=1)]
        if len(days) < _FEW:
            days = [(n, f"{at:%H:%M}" if at.hour else f"{at.day} {at:%b}") for n, at in moments]
        yield from days[:: max(1, -(-len(days) // _NAMED))]


def _head(outcome: Outcome) -> Iterator[str]:
    yield _text(16, 30, outcome.title, size=18, weight="600")
    yield _text(16, 54, cut(outcome.said, 150), size=13)
    if outcome.settings:
        yield _text(16, 74, cut(f"Then: {outcome.settings}", 150), size=13, colour=GREY)
    said = f"{utc(outcome.begin)} to {utc(outcome.end)}, from {outcome.readings} readings"
    yield _text(16, 94, said, size=12, colour=GREY)


def _days(grid: _Grid, line: int, low: int) -> Iterator[str]:
    for column, said in grid.labels():
        x = grid.x(column)
        yield f'<line x1="{x}" y1="{TOP - 8}" x2="{x}" y2="{low}" stroke="{FAINT}" stroke-width="0.6"/>'
        yield _text(x + 3, line + GAP / 2 + 4, said, size=11, colour=GREY)


class _Lane:
    """What rings in one of the two replays, stacked away from the line: now upwards, then downwards."""

    def __init__(self, grid: _Grid, pairs: Sequence[Pair], *, up: bool) -> None:
        self._grid, self._up = grid, up
        self._stacks: dict[int, list[tuple[Bell, Pair]]] = {}
        for pair in pairs:
            bell = pair.now if up else pair.then
            if bell is not None and bell.rings:
                self._stacks.setdefault(grid.column(bell.opened_at), []).append((bell, pair))
        most = max((len(stack) for stack in self._stacks.values()), default=0)
        self._block = min(BLOCK, max(LEAST, (LANE - 2 * BLOCK) / max(most, 1)))
        self.height = round(min(LANE, max(4 * BLOCK, most * self._block + 2 * BLOCK)))

    def drawn(self, line: int) -> Iterator[str]:
        """`line`: where the upper lane stands; the lower one hangs from below the days."""
        base = line if self._up else line + GAP
        yield f'<line x1="{LEFT}" y1="{base}" x2="{WIDTH - RIGHT}" y2="{base}" stroke="{INK}"/>'
        total = sum(len(stack) for stack in self._stacks.values())
        yield _text(16, base - 12 if self._up else base + 24, "Now" if self._up else "Then", size=15, weight="600")
        yield _text(16, base - 32 if self._up else base + 43, _times(total), size=13, colour=GREY)
        for column, stack in sorted(self._stacks.items()):
            yield from self._stack(self._grid.x(column), base, sorted(stack, key=_severest))

    def _stack(self, x: float, base: int, stack: Sequence[tuple[Bell, Pair]]) -> Iterator[str]:
        room = max(1, int((self.height - BLOCK) / self._block))
        for level, (bell, pair) in enumerate(stack[:room]):
            y = base - (level + 1) * self._block if self._up else base + level * self._block
            yield from _block(x, y, self._grid.width, self._block, bell, pair)
        if more := len(stack[room:]):
            y = base - self.height + BLOCK * 0.6 if self._up else base + self.height
            yield _text(x + self._grid.width / 2, y, f"+{more}", size=10, anchor="middle")


def _severest(item: tuple[Bell, Pair]) -> tuple[int, datetime]:
    return item[0].worst, item[0].opened_at


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _block(x: float, y: float, width: float, height: float, bell: Bell, pair: Pair) -> Iterator[str]:
    """Filled where both have it, hollow where only this one does; an edge where the other rings otherwise."""
    colour, change = COLOURS[bell.worst], pair.change
    inner, tall = max(2.0, min(width - 3, 40.0)), max(2.0, height - 3)
    left = x + (width - inner) / 2
    alone = change in {Change.MISSED, Change.NEW}
    fill = PAPER if alone else colour
    edge = colour if alone else (INK if change is Change.OTHER else colour)
    words = f"{bell.subject} {bell.title}, {bell.worst}, {utc(bell.opened_at)}: {pair.said or 'the same'}"
    at = f'x="{left:.1f}" y="{y + 1.5:.1f}" width="{inner:.1f}" height="{tall:.1f}"'
    yield f'<rect {at} rx="2" fill="{fill}" stroke="{edge}" stroke-width="{1.8 if alone else 1.2}">'
    yield f"<title>{escape(words)}</title></rect>"
    if alone and tall >= 7 and inner >= 7:
        yield from _cross(left + inner / 2, y + 1.5 + tall / 2, 3.2, colour, upright=change is Change.NEW)


def _cross(x: float, y: float, arm: float, colour: str, *, upright: bool) -> Iterator[str]:
    """x: it is missed; +: it is new."""
    ends = ((arm, 0), (0, arm)) if upright else ((arm, arm), (arm, -arm))
    for dx, dy in ends:
        line = f'x1="{x - dx:.1f}" y1="{y - dy:.1f}" x2="{x + dx:.1f}" y2="{y + dy:.1f}"'
        yield f'<line {line} stroke="{colour}" stroke-width="1.6"/>'


def _legend(y: int, *, compared: bool) -> Iterable[str]:
    x = float(LEFT)
    for severity, colour in COLOURS.items():
        yield f'<rect x="{x}" y="{y - 10}" width="22" height="11" rx="2" fill="{colour}"/>'
        yield _text(x + 28, y, f"{severity} at worst", size=12, colour=GREY)
        x += 118
    if compared:
        for words, fill, edge, mark in _MARKS:
            yield f'<rect x="{x}" y="{y - 10}" width="22" height="11" rx="2" fill="{fill}" stroke="{edge}"/>'
            if mark:
                yield from _cross(x + 11, y - 4.5, 3.2, GREY, upright=mark == "+")
            yield _text(x + 28, y, words, size=12, colour=GREY)
            x += 40 + 6.4 * len(words)


_MARKS = (
    ("rings now, missed then", PAPER, GREY, "x"),
    ("new then", PAPER, GREY, "+"),
    ("at another time, or as another severity", FAINT, INK, ""),
)


def _text(
    x: float, y: float, words: str, *, size: int = 12, anchor: str = "start", colour: str = INK, weight: str = "400"
) -> str:
    look = f'font-size="{size}" font-weight="{weight}" text-anchor="{anchor}" fill="{colour}"'
    return f'<text x="{x}" y="{y}" {look}>{escape(words)}</text>'
