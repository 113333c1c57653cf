"""The command's face: progress while a run lasts, and what came of it, for people or as JSON."""

import asyncio
import logging
import signal
from collections.abc import Mapping
from typing import Any

import orjson
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from deskbell.torture.run import Broken, Ordered, run

_COUNTED = ("lost", "missed", "spurious", "double_transitions", "broken_promises", "diverging", "audit_faults")


def torture(ordered: Ordered, *, as_json: bool) -> int:
    """Runs it; the exit status is 0 only when nothing is wrong."""
    logging.getLogger("asyncio").setLevel(logging.ERROR)  # the network breaks on purpose
    try:
        report = asyncio.run(_watched(ordered, as_json=as_json))
    except Broken as error:
        report = {"ok": False, "seed": ordered.seed, "broken": str(error)}
    if as_json:
        Console(soft_wrap=True).out(orjson.dumps(report).decode(), highlight=False)
    else:
        Console(soft_wrap=True, highlight=False).print(for_people(report), markup=False)
    return 0 if report["ok"] else 1


async def _watched(ordered: Ordered, *, as_json: bool) -> dict[str, Any]:
    columns = (TextColumn("{task.description:20}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    task = asyncio.current_task()
    if task is not None:  # so that a stop leaves nothing behind
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=as_json) as progress:
        tasks: dict[str, TaskID] = {}

        def tell(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = progress.add_task(what)
            progress.update(tasks[what], completed=done, total=total)

        return await run(ordered, tell)


def for_people(report: Mapping[str, Any]) -> str:
    if "broken" in report:
        return f"The run could not be finished (seed {report['seed']}): {report['broken']}"
    lines = [
        f"{report['database']}, {report['instances']} daemon(s), seed {report['seed']}, {report['seconds']} s",
        f"{report['kills']} kills at {report['kills_per_s']} a second ({report['points_struck']} at named places)",
        f"{report['alerts']} alerts, {report['told']} deeds of people, {report['messages']} messages",
        f"{report['entries']} entries of the audit: {report['audit']}",
        f"faults: {', '.join(f'{count} {name}' for name, count in report['faults'].items() if name != 'none')}",
        f"fault points reached: {report['points_reached']}",
        ", ".join(f"{name.replace('_', ' ')} {report[name]}" for name in _COUNTED),
        f"duplicates {report['duplicates']}, allowed {report['duplicates_allowed']} (under way at kills, lost answers)",
    ]
    for name, items in report["wrong"].items():
        lines += [f"WRONG, {name.replace('_', ' ')}: {item}" for item in items]
    lines += [f"NOT reached: {name}" for name in report["points_missing"]]
    lines.append("Nothing is wrong." if report["ok"] else f"NOT good. The seed {report['seed']} gives the same plan.")
    return "\n".join(lines)
