"""What every command shares."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from rich.console import Console

    from deskbell.config import Settings
    from storage.store import SqlStore

ConfigPath = Annotated[Path, typer.Option("--config", "-c", help="The configuration file.", envvar="DESKBELL_CONFIG")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document instead of a table.")]
CONFIG = Path("config.toml")


def fail(text: str, status: int = 2) -> NoReturn:
    typer.echo(text, err=True)
    raise SystemExit(status)


def console() -> "Console":
    from rich.console import Console

    return Console(soft_wrap=True)


def settings_of(path: Path) -> "Settings":
    from deskbell.config import load

    return load(path)


def store_of(settings: "Settings") -> "SqlStore":
    from deskbell.parts import open_store

    return open_store(settings)


def print_json(data: Any) -> None:
    import orjson

    typer.echo(orjson.dumps(data, default=str).decode())


def run_until_over(work: "Callable[[], Coroutine[Any, Any, int]]") -> None:
    raise SystemExit(asyncio.run(work()))
