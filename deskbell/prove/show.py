"""The command's face: progress while it lasts, and what came of it, for people or as JSON."""

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

import orjson
import structlog
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from deskbell.prove.run import Ordered, prove, replay

Report = Mapping[str, Any]


def carry_out(ordered: Ordered, *, as_json: bool) -> int:
    """The exit status is 0 only when nothing was missed, nothing rang in vain, and each planted mistake was found."""
    _quiet()
    report = asyncio.run(_watched(ordered, shown=not as_json))
    if as_json:
        _console().out(orjson.dumps(report).decode())
    else:
        _tell(report)
    return 0 if report["ok"] else 1


def carry_out_one(seed: int, *, as_json: bool) -> int:
    """One history again, with all that happened in it."""
    _quiet()
    report = asyncio.run(replay(seed))
    console = _console()
    if as_json:
        console.out(orjson.dumps(report).decode())
    else:
        console.print("\n".join(report["story"]), markup=False)
        console.print("\n".join(_wrong(report)) or "What was told is what had to be.", markup=False)
    return 0 if report["ok"] else 1


def _quiet() -> None:
    """Sources fail on purpose here; the log would tell of nothing else."""
    logging.disable(logging.CRITICAL)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))


def _console() -> Console:
    return Console(soft_wrap=True, highlight=False)


async def _watched(ordered: Ordered, *, shown: bool) -> dict[str, Any]:
    columns = (TextColumn("{task.description:20}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=not shown) as progress:
        tasks: dict[str, TaskID] = {}

        def tell(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = progress.add_task(what)
            progress.update(tasks[what], completed=done, total=total)

        return await prove(ordered, tell)


def _tell(report: Report) -> None:
    console = _console()
    table = Table("source", "histories", "told", "left open", title=f"{report['histories']} histories")
    for name, counts in report["by_source"].items():
        table.add_row(name, *(str(counts.get(what, 0)) for what in ("histories", "told", "either")))
    console.print(table)
    for name, seed in report["planted"].items():
        console.print(f"planted: {name}: {'NOT found' if seed is None else f'found by history {seed}'}", markup=False)
    for wrong in report["wrong"]:
        console.print(f"history {wrong['seed']} of {wrong['source']}:", *_wrong(wrong), sep="\n  ", markup=False)
    console.print(
        f"missed {report['missed']}, spurious {report['spurious']}, planted mistakes found {report['planted_found']},"
        f" {report['seconds']} s",
        markup=False,
    )
    if report["wrong"]:
        console.print(f"NOT good. Again: deskbell prove --only {report['wrong'][0]['seed']}", markup=False)


def _wrong(report: Report) -> list[str]:
    return [f"{what}: {item}" for what in ("missed", "spurious") for item in report[what]]
