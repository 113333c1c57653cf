"""The command line. Nothing heavy is imported before a command needs it: `deskbell --help` must be instant."""

import errno

import typer

from deskbell.cli import alerts, customers, house, staff, trials
from deskbell.cli.common import fail

app = typer.Typer(
    help="Deskbell, the bell on the dispatch desk.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
for part in (house, alerts, staff, customers, trials):
    app.add_typer(part.app)


def main() -> None:
    """The entry point; a mistake that a person can mend is one clear message, not a traceback."""
    try:
        app(standalone_mode=True)
    except Exception as error:
        if not (words := _for_people(error)):
            raise
        fail(words, 1 if _may_pass(error) else 2)


def _for_people(error: Exception) -> str:
    """The words of an error that is no fault of ours; empty for one that is."""
    kinds = {cls.__name__ for cls in type(error).__mro__}
    if kinds & {"ConfigError", "StoreError", "UnknownPerson", "NoCustomers", "NoReplay"}:
        return str(error)
    if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
        return f"The address is taken ({error}). Is another Deskbell running? Change server.port in the configuration."
    return ""


def _may_pass(error: Exception) -> bool:
    """Whether it is some use to start again: a server may come back, a full disk be emptied, a lock be let go."""
    return str(getattr(error, "trouble", "")) in {"lost", "unknown", "full", "busy"}
