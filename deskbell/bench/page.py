"""A report for the documentation: tables in Markdown."""

from collections.abc import Iterable, Sequence

from deskbell.bench.figures import Report, Row
from deskbell.bench.show import cells, short

HEADER = ("what", "ours", "CPU us", "raw limit of the same run", "CPU us", "ratio", "goal", "")
BESIDE = ("program", "durable", "alerts/s", "CPU us an alert", "times Alertmanager's Slack path")
VERDICT = {True: "met", False: "**missed**", None: ""}

# One alert in, one chat message out, each on one core of another 2-core machine, all beside one another in November
# 2026; min / median / max. What can be carried over is how often Alertmanager's Slack path fits into each.
KNOWN = (
    ("raw sockets, no store", "no", "4,715 / 14,905 / 22,685", "47", "18.5"),
    ("SQLite FULL and aiohttp, alerts made in the process", "yes", "2,955 / 3,702 / 4,556", "240", "4.1"),
    ("Alertmanager 0.25, webhook, one alert a request", "no", "1,292 / 1,968 / 3,690", "388", "2.4"),
    ("Alertmanager 0.25, Slack, one alert a request", "no", "674 / 873 / 1,073", "998", "1"),
    ("Apprise 2.2, Slack, in the process", "no", "149 / 220 / 324", "3,898", "0.27"),
    ("Iris sender, incidents already in its table", "yes", "80 / 93 / 145", "6,750", "0.10"),
    ("Alerta 9.1, two workers, PostgreSQL", "the alert alone", "64 / 74 / 94", "7,510 and more", "0.08"),
)


def markdown(report: Report) -> str:
    machine = report.machine
    rows = [(*map(_cell, cells(row)), VERDICT[row.met]) for row in report.rows]
    notes = dict.fromkeys(f"- {row.what}: {row.note}." for row in report.rows if row.note)
    taken = (
        f"{machine['cores']} cores, {machine['system']} on {machine['processor']}, Python {machine['python']}; "
        f"{report.seconds:.0f} s for all of it; load before: {machine['load']}. Where there are three figures, they "
        "are the least, the median and the most of the rounds. CPU: microseconds of processor time for each alert."
    )
    parts = [
        taken,
        "",
        *table(HEADER, rows),
        "",
        *notes,
        "",
        "Beside other programs, as they were measured earlier, on one core each:",
        "",
        *table(BESIDE, _beside(report.rows)),
    ]
    return "\n".join(parts)


def _beside(rows: Sequence[Row]) -> list[tuple[str, ...]]:
    """The known figures, and ours where it was measured beside Alertmanager."""
    mine = next((row for row in rows if row.key == "webhook_alertmanager" and row.ours and row.ratio), None)
    floor = next((row for row in rows if row.key == "webhook_floor" and row.ours), None)
    found = mine or floor
    if found is None or found.ours is None:
        return list(KNOWN)
    rate = " / ".join(map(short, (found.ours.min, found.ours.median, found.ours.max)))
    times = short(mine.ratio.median) if mine and mine.ratio else "not at hand"
    return [("**Deskbell, webhook in, Slack card out (this run)**", "yes", rate, short(found.cpu_us), times), *KNOWN]


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    return [_line(header), _line(["---"] * len(header)), *map(_line, rows)]


def _line(cells_: Sequence[str]) -> str:
    return f"| {' | '.join(cells_)} |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
