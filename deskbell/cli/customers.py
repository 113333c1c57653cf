"""What customers agreed to, and what they were told."""

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from deskbell.cli.common import CONFIG, AsJson, ConfigPath, console, print_json, settings_of

app = typer.Typer()
consent_app = typer.Typer(help="What customers agreed to be told, by which way, and who says so.", no_args_is_help=True)
notice_app = typer.Typer(help="What customers are told: its words, and what became of it.", no_args_is_help=True)
app.add_typer(consent_app, name="consent")
app.add_typer(notice_app, name="notice")

Address = Annotated[str, typer.Argument(help="A number or mail address, or sms:+49..., whatsapp:+49..., telegram:ID.")]
Purpose = Annotated[str, typer.Option(help="service (visits, cases) or account (orders, invoices); left out: both.")]
Proof = Annotated[str, typer.Option(help="Where it can be looked up.")]
By = Annotated[str, typer.Option(help="Who says so, for the audit.")]
AsCsv = Annotated[bool, typer.Option("--csv", help="For a spreadsheet.")]
_WHO = os.environ.get("USER") or "command line"


def _show(rows: list[dict[str, Any]], columns: tuple[str, ...], *, as_json: bool, as_csv: bool = False) -> None:
    if as_json:
        print_json(rows)
        return
    if as_csv:
        from deskbell.customers import as_csv as table_of

        typer.echo(table_of(rows), nl=False)
        return
    from rich.table import Table
    from rich.text import Text

    table = Table(*(name.replace("_", " ") for name in columns), box=None)
    for row in rows:
        cells = (" ".join(row[name]) if isinstance(row[name], list) else str(row[name]) for name in columns)
        table.add_row(*map(Text, cells))
    console().print(table)


@consent_app.command("list")
def consent_list(config: ConfigPath = CONFIG, as_json: AsJson = False) -> None:
    """Each known address, and what its customer agrees to now."""
    from deskbell.customers import standing

    _show(standing(settings_of(config)), ("customer", "medium", "address", "agrees_to", "since"), as_json=as_json)


@consent_app.command("grant")
def consent_grant(
    address: Address, proof: Proof = "", purpose: Purpose = "", by: By = _WHO, config: ConfigPath = CONFIG
) -> None:
    """Keep that a customer agreed, with where that can be looked up."""
    from deskbell.customers import choose

    typer.echo(choose(settings_of(config), address, granted=True, purpose=purpose, proof=proof, by=by))


@consent_app.command("withdraw")
def consent_withdraw(
    address: Address, proof: Proof = "", purpose: Purpose = "", by: By = _WHO, config: ConfigPath = CONFIG
) -> None:
    """Keep that a customer wants to be told no more. It counts for the next message."""
    from deskbell.customers import choose

    typer.echo(choose(settings_of(config), address, granted=False, purpose=purpose, proof=proof, by=by))


@consent_app.command("export")
def consent_export(
    address: Annotated[str, typer.Argument(help="Of one address; left out: all of it.")] = "",
    config: ConfigPath = CONFIG,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """The ledger: who agreed to what and took it back, when, on which words, with its proof."""
    from deskbell.customers import ledger

    columns = ("at", "address", "medium", "purpose", "said", "version", "origin", "proof", "by")
    _show(ledger(settings_of(config), address), columns, as_json=as_json, as_csv=as_csv)


@consent_app.command("import")
def consent_import(
    file: Annotated[Path, typer.Argument(help="CSV with the columns address, medium, purpose, proof.")],
    by: By = _WHO,
    config: ConfigPath = CONFIG,
) -> None:
    """Take opt-ins in from a list. Who said STOP stays out."""
    from deskbell.customers import imported

    count, wrong = imported(settings_of(config), file, by)
    typer.echo(f"{count} opt-ins are kept.")
    for line in wrong:
        typer.echo(f"  not kept: {line}", err=True)
    if wrong:
        raise SystemExit(1)


@consent_app.command("erase")
def consent_erase(address: Address, by: By = _WHO, config: ConfigPath = CONFIG) -> None:
    """Forget a customer: addresses, preferences, what was written. That they said STOP stays known; the audit whole."""
    from deskbell.customers import erase

    typer.echo(erase(settings_of(config), address, by))


@notice_app.command("list")
def notice_list(config: ConfigPath = CONFIG, as_json: AsJson = False) -> None:
    """The notices that there are, and how each is sent."""
    from deskbell.core.letters import LETTERS
    from deskbell.customers import conf_of

    conf = conf_of(settings_of(config))
    rows = [
        {
            "notice": name,
            "about": kind.of,
            "tells": kind.title,
            "sent": "by itself" if conf.notice(name).send else "by hand",
            "required": "by law" if conf.notice(name).required else "",
        }
        for name, kind in LETTERS.items()
    ]
    _show(rows, ("notice", "about", "tells", "sent", "required"), as_json=as_json)


@notice_app.command("preview")
def notice_preview(
    name: Annotated[str, typer.Argument(help="Like visit_late.")],
    lang: Annotated[str, typer.Option(help="en, it, de, fr or es.")] = "en",
    medium: Annotated[str, typer.Option(help="mail, sms, whatsapp, telegram or push.")] = "mail",
    config: ConfigPath = CONFIG,
    as_json: AsJson = False,
) -> None:
    """One notice as customers would read it: text, HTML, and how many SMS it takes."""
    from deskbell.customers import preview

    found = preview(settings_of(config), name, lang, medium)
    if as_json:
        print_json(found)
        return
    typer.echo(f"{found['subject']}\n\n{found['text']}\n")
    typer.echo(f"SMS ({found['sms_parts']} of them): {found['sms']}\n")
    typer.echo(f"{found['html']}\n{found['version']}")


@notice_app.command("log")
def notice_log(
    number: Annotated[str, typer.Argument(help="Of one case or job; left out: all.")] = "",
    config: ConfigPath = CONFIG,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """What customers were told, by which way, and what became of it."""
    from deskbell.customers import log

    columns = ("at", "notice", "about", "medium", "stage", "why", "version")
    _show(log(settings_of(config), number), columns, as_json=as_json, as_csv=as_csv)
