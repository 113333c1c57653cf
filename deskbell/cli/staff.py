"""Who is who, and what the chat platforms want to be given."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deskbell.cli.common import CONFIG, AsJson, ConfigPath, console, print_json, settings_of

if TYPE_CHECKING:
    from deskbell.config import Settings

app = typer.Typer()
people_app = typer.Typer(help="Who is linked to which chat account, and people who leave.", no_args_is_help=True)
manifest_app = typer.Typer(help="What to give to a chat platform's app settings.", no_args_is_help=True)
rota_app = typer.Typer(help="Shifts that are planned elsewhere.", no_args_is_help=True)
app.add_typer(rota_app, name="rota")
app.add_typer(people_app, name="people")
app.add_typer(manifest_app, name="manifest")


@app.command()
def link(person: str, config: ConfigPath = CONFIG) -> None:
    """A code that links a chat account to PERSON: they say `/desk link CODE` in that chat within 15 minutes."""
    from deskbell.people import link_code

    typer.echo(link_code(settings_of(config), person))


@people_app.command("list")
def people_list(config: ConfigPath = CONFIG, as_json: AsJson = False) -> None:
    """Everybody, with their roles and the chat accounts that are theirs."""
    from deskbell.people import listing

    rows = listing(settings_of(config))
    if as_json:
        print_json(rows)
        return
    from rich.table import Table
    from rich.text import Text

    table = Table("Person", "Name", "Roles", "Accounts", box=None)
    for row in rows:
        accounts = ", ".join(f"{platform} {account}" for platform, account in row["accounts"].items())
        table.add_row(*map(Text, (row["id"], row["name"], ", ".join(row["roles"]), row["note"] or accounts or "-")))
    console().print(table)


@people_app.command("remove")
def people_remove(
    person: str,
    to: Annotated[str, typer.Option(help="Who gets the alerts that PERSON has; left out: they ring anew.")] = "",
    config: ConfigPath = CONFIG,
) -> None:
    """Take somebody out who leaves: unlink every account, hand the alerts over, warn of rotas that name them."""
    from deskbell.people import remove

    typer.echo(remove(settings_of(config), person, to))


@people_app.command("restore")
def people_restore(person: str, config: ConfigPath = CONFIG) -> None:
    """Take somebody in again who was removed."""
    from deskbell.people import restore

    typer.echo(restore(settings_of(config), person))


@rota_app.command("import")
def rota_import(
    rota: str,
    place: Annotated[str, typer.Argument(help="A file, or an address that begins with https://")],
    config: ConfigPath = CONFIG,
    as_json: AsJson = False,
) -> None:
    """Make the events of a calendar (iCalendar) the shifts of ROTA, by the names in their titles; again renews them."""
    from deskbell.shifts import CantImport, take_in

    try:
        done = asyncio.run(take_in(settings_of(config), rota, place))
    except CantImport as error:
        raise typer.BadParameter(str(error)) from None
    if as_json:
        print_json({"rota": rota, "shifts": done.shifts, "strangers": list(done.strangers)})
        return
    typer.echo(f"{done.shifts} shifts of {rota} are in. What is agreed in a chat goes before them.")
    for title in done.strangers:
        typer.echo(f"Nobody here is meant by: {title}")


Url = Annotated[str, typer.Option(help="Your public address, where the chat calls Deskbell.")]


def _unfilled(config: Path) -> "Settings":
    """The configuration as far as it can be read before there are any secrets."""
    from deskbell.config import load
    from deskbell.config.strict import Placeholders

    return load(config, Placeholders())


@manifest_app.command("slack")
def manifest_slack(config: ConfigPath = CONFIG, url: Url = "") -> None:
    """The Slack app manifest, generated from the table of commands. `--url` for HTTP mode: your public address."""
    from deskbell.manifests import slack

    typer.echo(slack(_unfilled(config), url))


@manifest_app.command("teams")
def manifest_teams(
    config: ConfigPath = CONFIG,
    url: Url = "",
    output: Annotated[Path, typer.Option("--output", "-o")] = Path("deskbell-teams.zip"),
) -> None:
    """The Teams app package: a zip to upload, with icons and the commands."""
    from deskbell.manifests import teams

    typer.echo(teams(_unfilled(config), url, output))


@manifest_app.command("telegram")
def manifest_telegram(config: ConfigPath = CONFIG) -> None:
    """What to tell @BotFather, step by step, and the commands."""
    from deskbell.manifests import telegram

    typer.echo(telegram(_unfilled(config)))


@manifest_app.command("discord")
def manifest_discord(config: ConfigPath = CONFIG) -> None:
    """The steps in Discord's Developer Portal, the invitation's address, and the commands."""
    from deskbell.manifests import discord

    typer.echo(discord(_unfilled(config)))
