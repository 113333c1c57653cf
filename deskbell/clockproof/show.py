"""The command's face: progress while it lasts, and what came of it, for people or as JSON."""

import asyncio
from typing import Any

import orjson
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from deskbell.clockproof.run import prove


def carry_out(*, as_json: bool) -> int:
    """The exit status is 0 only when nothing rang early, late, twice or not at all."""
    report = asyncio.run(_watched(shown=not as_json)).as_json()
    console = Console(soft_wrap=True, highlight=False)
    if as_json:
        console.out(orjson.dumps(report).decode())
    else:
        console.print("\n".join(_told(report)), markup=False)
    return 0 if report["ok"] else 1


async def _watched(*, shown: bool) -> Any:
    columns = (TextColumn("{task.description:12}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=not shown) as progress:
        tasks: dict[str, TaskID] = {}

        def tell(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = progress.add_task(what)
            progress.update(tasks[what], completed=done, total=total)

        return await prove(tell)


def _told(report: dict[str, Any]) -> list[str]:
    counts = ", ".join(f"{report[kind]} {kind}" for kind in ("early", "late", "doubled", "skipped"))
    return [
        f"{report['steps']} clocks that were set or slept, {report['nights']} nights on which the clock changes:",
        f"{report['rings']} rings, of these {counts}; the latest came after {report['worst_late_s']} s.",
        *report["wrong"],
        f"It took {report['seconds']} s.",
    ]
