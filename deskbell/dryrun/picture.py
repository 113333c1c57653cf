"""The plan as a picture: one row a person, time from left to right, a dot for each ring."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from html import escape

from deskbell.core.alert import Severity
from deskbell.core.text import local, span
from deskbell.dryrun.plan import Plan, Row

WIDTH, LEFT, RIGHT, TOP, BOTTOM, LINE = 1120, 200, 40, 96, 62, 34
INK, GREY, FAINT, PAPER = "#24292f", "#57606a", "#d0d7de", "#ffffff"
COLOURS = {Severity.P1: "#b3402e", Severity.P2: "#dd8a26", Severity.P3: "#3b78b5", Severity.P4: "#8a939c"}
_STEPS = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 30, 60, 120, 360, 720, 1440, 2880, 10080))
_MARKS = 16  # so many moments are named below at most
_ROOMS, _END = "the rooms", "nobody answered"


def svg(plan: Plan) -> str:
    return "\n".join(_Picture(plan).drawn()) + "\n"


class _Picture:
    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        people = dict.fromkeys(one.name for row in plan.rows for one in row.people)
        ends = [_END] if any(row.exhausted for row in plan.rows) else []
        self.lanes = [_ROOMS, *people, *ends]
        self.long = max((row.after for row in plan.rows), default=timedelta()) or timedelta(minutes=1)
        self.height = TOP + len(self.lanes) * LINE + BOTTOM

    def drawn(self) -> Iterator[str]:
        plan, example = self.plan, self.plan.example
        begin = local(example.at, plan.zone)
        title = f"{plan.policy}: a {example.severity} of {example.rule}, if nobody answered"
        size = f'viewBox="0 0 {WIDTH} {self.height}" width="{WIDTH}" height="{self.height}"'
        yield f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="system-ui, sans-serif">'
        yield f"<title>{escape(title)}</title>"
        yield f'<rect width="{WIDTH}" height="{self.height}" fill="{PAPER}"/>'
        yield _text(16, 30, title, size=18, weight="600")
        yield _text(16, 54, f"{begin:%A %d %B %Y, %H:%M}, {plan.zone}", size=13, colour=GREY)
        yield from self._grid()
        for number, name in enumerate(self.lanes):
            y = self._y(number)
            yield _text(16, y + 4, name, size=13)
            yield f'<line x1="{LEFT}" y1="{y}" x2="{WIDTH - RIGHT}" y2="{y}" stroke="{FAINT}"/>'
        for row in plan.rows:
            yield from self._row(row)
        yield "</svg>"

    def _grid(self) -> Iterator[str]:
        step = next((one for one in _STEPS if self.long / one <= _MARKS), self.long / _MARKS)
        for number in range(int(self.long / step) + 1):
            x, low = self._x(number * step), self.height - BOTTOM + 8
            at = local(self.plan.example.at + number * step, self.plan.zone)
            yield f'<line x1="{x}" y1="{TOP - 16}" x2="{x}" y2="{low}" stroke="{FAINT}" stroke-width="0.6"/>'
            yield _text(x, low + 16, f"+{span(number * step)}", size=11, anchor="middle")
            yield _text(x, low + 32, _wall(at, self.plan.example.at), size=11, colour=GREY, anchor="middle")

    def _row(self, row: Row) -> Iterator[str]:
        colour = COLOURS[self.plan.example.severity]
        words = f"+{span(row.after)}: {self.plan.said(row)}"
        if row.rooms:
            yield _dot(self._x(row.after), self._y(0), PAPER, colour, f"+{span(row.after)}: {', '.join(row.rooms)}")
        for one in row.people:
            y = self._y(self.lanes.index(one.name))
            yield _dot(self._x(row.after), y, colour, colour, words)
            if one.waits_until is not None:
                later = min(self._x(one.waits_until - self.plan.example.at), WIDTH - RIGHT + 12)
                ends = f'x1="{self._x(row.after)}" y1="{y}" x2="{later}" y2="{y}"'
                yield f'<line {ends} stroke="{colour}" stroke-width="3"/>'
        if row.exhausted:
            yield _dot(self._x(row.after), self._y(len(self.lanes) - 1), INK, INK, words)

    def _x(self, after: timedelta) -> float:
        return round(LEFT + (WIDTH - LEFT - RIGHT) * (after / self.long), 1)

    def _y(self, lane: int) -> int:
        return TOP + lane * LINE + LINE // 2


def _wall(at: datetime, begin: datetime) -> str:
    return f"{at:%H:%M}" if at - begin < timedelta(days=1) else f"{at:%a %H:%M}"


def _dot(x: float, y: float, fill: str, edge: str, words: str) -> str:
    look = f'fill="{fill}" stroke="{edge}" stroke-width="2"'
    return f'<circle cx="{x}" cy="{y}" r="7" {look}><title>{escape(words)}</title></circle>'


def _text(
    x: float, y: float, words: str, *, size: int = 12, anchor: str = "start", colour: str = INK, weight: str = "400"
) -> str:
    look = f'font-size="{size}" font-weight="{weight}" text-anchor="{anchor}" fill="{colour}"'
    return f'<text x="{x}" y="{y}" {look}>{escape(words)}</text>'
