"""A report for people: the table in a terminal."""

from rich.console import Console
from rich.table import Table
from rich.text import Text

from deskbell.bench.figures import Report, Row, Spread

WIDE = 200  # of a table that goes to a file


def table(report: Report) -> Table:
    out = Table(
        "What", "Ours", "CPU us", "Raw limit of this run", "CPU us", "Ratio", "Goal", "", box=None, pad_edge=False
    )
    for row in report.rows:
        out.add_row(*map(Text, cells(row)), verdict(row))
    return out


def cells(row: Row) -> tuple[str, ...]:
    """What, ours, its processor time, the raw limit, its processor time, the ratio, the goal."""
    raw = f"{spread(row.raw)} {row.raw_what}".strip()
    ours = f"{spread(row.ours)} {row.unit}" if row.ours else row.note or "-"
    return row.what, ours, short(row.cpu_us), raw, short(row.raw_cpu_us), spread(row.ratio), str(row.goal or "")


def verdict(row: Row) -> Text:
    said = {True: ("met", "green"), False: ("missed", "red"), None: ("", "")}
    return Text(*said[row.met])


def spread(found: Spread | None) -> str:
    """min / median / max, or the one figure there is."""
    if found is None:
        return ""
    if found.runs == 1 or found.min == found.max:
        return short(found.median)
    return " / ".join(map(short, (found.min, found.median, found.max)))


def short(value: float | None) -> str:
    """Three digits that count; thousands parted."""
    if value is None:
        return ""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def write(report: Report, console: Console) -> None:
    if not console.is_terminal:
        console.width = max(console.width, WIDE)
    console.print(table(report))
    notes = dict.fromkeys(f"{row.what}: {row.note}" for row in report.rows if row.note and row.ours)
    for note in notes:
        console.print(note, markup=False, highlight=False, style="dim")
    for why in report.failed:
        console.print(f"NOT measured: {why}", markup=False, highlight=False, style="red")
    missed = [row for row in report.rows if row.met is False]
    goals = [row for row in report.rows if row.goal]
    open_ = sum(row.met is None for row in goals)
    console.print(
        f"{sum(row.met is True for row in goals)} goals met, {len(missed)} missed, {open_} not measured here; "
        f"{report.seconds:.0f} s on {report.machine['cores']} cores."
    )
