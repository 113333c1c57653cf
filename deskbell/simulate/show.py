"""A simulation for people at a terminal: the sentence, what differs, what stays, and what there is to know about it."""

from collections.abc import Iterable

from rich.console import Console
from rich.table import Table
from rich.text import Text

from deskbell.core.text import cut
from deskbell.simulate.outcome import Change, Outcome, Pair, moment
from deskbell.simulate.replay import Bell

_MOST = 60  # rows; the rest is in --json
_COLOURS = {Change.MISSED: "red", Change.NEW: "green", Change.OTHER: "yellow", Change.SAME: ""}


def write(outcome: Outcome, console: Console) -> None:
    console.print(Text(outcome.said, style="bold"))
    if outcome.settings:
        console.print(Text(f"With {outcome.settings}."))
    for note in outcome.notes:
        console.print(Text(note, style="yellow"))
    shown = [pair for pair in outcome.pairs if pair.change is not Change.SAME or not outcome.settings]
    if shown:
        console.print(_table(shown[:_MOST], outcome))
    if len(shown) > _MOST:
        console.print(f"... and {len(shown) - _MOST} more; --json has them all.")
    for line in _held(outcome):
        console.print(Text(line))


def _table(pairs: Iterable[Pair], outcome: Outcome) -> Table:
    compared = bool(outcome.settings)
    heads = ("When", "What", *(("Now", "Then", "Change") if compared else ("Severity",)), "To")
    table = Table(*heads, box=None, pad_edge=False)
    for column in table.columns[: 4 if compared else 3]:
        column.no_wrap = True
    for pair in pairs:
        bell = pair.bell
        how = (_rings(pair, "now"), _rings(pair, "then"), pair.said) if compared else (_rings(pair, "now"),)
        cells = (moment(bell.opened_at, bell.zone), bell.subject, *how, _whom(bell))
        style = _COLOURS[pair.change] if compared else ""
        table.add_row(*(Text(cut(cell, 40)) for cell in cells), style=style)  # what strangers wrote is no markup
    return table


def _rings(pair: Pair, which: str) -> str:
    bell = pair.now if which == "now" else pair.then
    if bell is None or not bell.rings:
        return "-"
    return " ".join(map(str, (bell.severity, *(severity for _, severity in bell.rises))))


def _whom(bell: Bell) -> str:
    """The first room, how many there are besides, and who is called."""
    more = f" + {len(bell.rooms) - 1}" if len(bell.rooms) > 1 else ""
    return ", ".join(filter(None, ("".join(bell.rooms[:1]) + more, bell.told)))


def _held(outcome: Outcome) -> list[str]:
    """What was recorded while the rule was only tried out."""
    if not outcome.held:
        return []
    refs = ", ".join(f"{alert.ref} {alert.subject}" for alert in outcome.held[:10])
    more = f" and {len(outcome.held) - 10} more" if len(outcome.held) > 10 else ""
    return [f"Recorded in that time while it was only tried out, told to nobody: {refs}{more}."]
