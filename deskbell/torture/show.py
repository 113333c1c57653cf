"""The command's face: progress while a run lasts, and what came of it, for people or as JSON."""

import asyncio
import logging
import signal
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import orjson
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from deskbell.torture import black_hole
from deskbell.torture.black_hole import Holes
from deskbell.torture.run import Broken, Ordered, run

Report = Mapping[str, Any]
Work = Callable[[Callable[[str, int, int], None]], Awaitable[dict[str, Any]]]

_COUNTED = ("lost", "missed", "spurious", "double_transitions", "broken_promises", "diverging", "audit_faults")


def torture(ordered: Ordered, *, as_json: bool) -> int:
    """Runs it; the exit status is 0 only when nothing is wrong."""
    return _shown(lambda tell: run(ordered, tell), for_people, as_json=as_json)


def vanish(holes: Holes, *, as_json: bool) -> int:
    """The same for what vanishes for a while."""
    return _shown(lambda tell: black_hole.run(holes, tell), of_holes, as_json=as_json)


def _shown(work: Work, words: Callable[[Report], str], *, as_json: bool) -> int:
    logging.getLogger("asyncio").setLevel(logging.ERROR)  # the network breaks on purpose
    try:
        report = asyncio.run(_watched(work, as_json=as_json))
    except Broken as error:
        report = {"ok": False, "broken": str(error)}
    console = Console(soft_wrap=True, highlight=False)
    if as_json:
        console.out(orjson.dumps(report).decode())
    else:
        console.print(
            f"It could not be finished: {report['broken']}" if "broken" in report else words(report), markup=False
        )
    return 0 if report["ok"] else 1


async def _watched(work: Work, *, as_json: bool) -> dict[str, Any]:
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

        return await work(tell)


def of_holes(report: Report) -> str:
    lines = []
    for name, hole in report["holes"].items():
        told = "; ".join(f"{what} told after {at} s" for what, at in hole["told_after_s"].items())
        lines.append(
            f"{name}: others' p99 {hole['p99_before_s']} -> {hole['p99_during_s']} s, {told or 'nobody told'}, "
            f"all settled {hole['settled_after_s']} s after its return"
        )
        lines += [f"  WRONG: {item}" for item in hole["wrong"]]
    lines.append("Nothing is wrong." if report["ok"] else "NOT good.")
    return "\n".join(lines)


def for_people(report: Report) -> str:
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
