"""The daemon and what it stands on: run, check, ring, health, the database, backups."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from deskbell.cli.common import (
    CONFIG,
    AsJson,
    ConfigPath,
    console,
    print_json,
    run_until_over,
    settings_of,
    store_of,
)

app = typer.Typer()
db_app = typer.Typer(help="The database.", no_args_is_help=True)
catalogue_app = typer.Typer()
app.add_typer(db_app, name="db")
app.add_typer(catalogue_app, name="catalogue")


@app.command()
def run(
    config: ConfigPath = CONFIG,
    roles: Annotated[str, typer.Option(help="What this instance does: some of poll,courier,bot,web.")] = "",
) -> None:
    """Start the daemon. It runs until it is told to stop (Ctrl-C or SIGTERM), and then finishes what is under way."""
    from deskbell.config import with_roles
    from deskbell.daemon import serve

    settings = with_roles(settings_of(config), roles)
    run_until_over(lambda: serve(settings))


@app.command()
def check(
    config: ConfigPath = CONFIG,
    as_json: AsJson = False,
    offline: bool = False,
    sandbox: Annotated[bool, typer.Option(help="Instead: every kind of source, against stand-ins here.")] = False,
) -> None:
    """Check the configuration, the templates, and whether every source and chat can be reached."""
    import os

    from deskbell.checks import checks, checks_of_stand_ins

    if sandbox:
        settings, done = asyncio.run(checks_of_stand_ins())
    else:
        settings = settings_of(config)
        done = asyncio.run(checks(settings, offline=offline, sandbox=os.environ.get("DESKBELL_SANDBOX", "")))
    if as_json:
        rows = [{"what": f.what, "ok": f.ok, "detail": f.detail} for f in done.findings]
        requests = {name: {"sent": n.sent, "ledger": n.seen} for name, n in done.requests.items()}
        print_json({"ok": done.ok, "checks": rows, "requests": requests, "settings": settings.redacted()})
    else:
        screen = console()
        for f in done.findings:
            screen.print(f"[{'green' if f.ok else 'red'}]{'ok  ' if f.ok else 'WRONG'}[/] {f.what}", end="")
            screen.print(f"  {f.detail}" if f.detail else "", markup=False, highlight=False)
    raise SystemExit(0 if done.ok else 1)


@app.command()
def ring(destination: str, config: ConfigPath = CONFIG) -> None:
    """Post a test card to one destination, to see that it rings."""
    from deskbell.checks import ring_once

    ok, said = asyncio.run(ring_once(settings_of(config), destination))
    typer.echo(said, err=not ok)
    raise SystemExit(0 if ok else 1)


@app.command()
def health(config: ConfigPath = CONFIG, as_json: AsJson = False) -> None:
    """How Deskbell is: its sources, how soon cards follow what happens (half, 95 and 99 of 100), what waits."""
    from datetime import UTC, datetime

    from deskbell.core.history import in_words
    from deskbell.core.text import span
    from deskbell.desk.vitals import vitals

    settings = settings_of(config)
    store = store_of(settings)
    now = datetime.now(UTC)
    told = store.read_now(lambda reader: vitals(reader, settings.house, now))
    store.close()
    if as_json:
        print_json(told.as_json())
        return
    from rich.table import Table
    from rich.text import Text

    table = Table("Source", "Read", "Cards", "p50", "p95", "p99", "Goal", box=None)
    for one in told.sources:
        read = one.error or (f"{span(now - one.read_at)} ago" if one.read_at else "not yet")
        paces = map(in_words, (one.pace.p50, one.pace.p95, one.pace.p99)) if one.pace else ("-",) * 3
        table.add_row(*map(Text, (one.title, read, str(one.pace.count if one.pace else 0), *paces, in_words(one.goal))))
    console().print(table)
    typer.echo(f"{told.open} alerts are open; to be sent: {told.waiting}, given up: {told.dead}.")


@app.command()
def oncall(
    rota: Annotated[str, typer.Argument(help="One rota; left out: all.")] = "",
    at: Annotated[str, typer.Option(help="Like 2027-03-28T02:30, or 'fri 18:00'; left out: now.")] = "",
    zone: Annotated[str, typer.Option(help="By whose clock; left out: the zone of the house.")] = "",
    config: ConfigPath = CONFIG,
    as_json: AsJson = False,
) -> None:
    """Who is on duty, until when, and who comes next."""
    from deskbell.oncall import asked, table

    settings = settings_of(config)
    found = asked(settings, rota, at, zone)
    if as_json:
        print_json(found)
    else:
        console().print(table(found))


@app.command()
def dryrun(
    policy: Annotated[str, typer.Argument(help="One of [policies].")],
    alert: Annotated[str, typer.Option(help="The example: a rule and a severity.")] = "technician_late:P2",
    at: Annotated[str, typer.Option(help="When it is opened, like 'fri 18:00'; left out: now.")] = "",
    zone: Annotated[str, typer.Option(help="By whose clock; left out: the zone of the house.")] = "",
    team: Annotated[str, typer.Option(help="The team that it belongs to.")] = "",
    picture: Annotated[Path | None, typer.Option(help="Write it as a picture to this file (SVG).")] = None,
    config: ConfigPath = CONFIG,
    as_json: AsJson = False,
) -> None:
    """Who would be rung when and how, if nobody answered. Nothing is sent, and nothing is kept."""
    from deskbell.dryrun.show import asked, table

    found = asked(settings_of(config), policy, alert, at, zone, team)
    if picture is not None:
        from deskbell.dryrun.picture import svg

        picture.write_text(svg(found), encoding="utf-8")
    if as_json:
        print_json(found.as_json())
    else:
        console().print(table(found))


@app.command()
def init(output: Annotated[Path, typer.Argument()] = CONFIG) -> None:
    """Ask a few questions and write a commented config.toml to begin with, in observe-only mode."""
    from deskbell.init import interview

    interview(output)


@app.command()
def backup(file: Path, config: ConfigPath = CONFIG, as_json: AsJson = False) -> None:
    """Copy the database into FILE while Deskbell runs, and look the copy through."""
    from deskbell.parts import audit_key
    from storage.backup import back_up

    settings = settings_of(config)
    done = back_up(settings.database, file, audit_key=audit_key(settings))
    if as_json:
        keys = ("bytes", "alerts", "entries", "seconds")
        print_json({"file": str(file), **{key: getattr(done, key) for key in keys}})
        return
    held = f"{done.alerts} alerts, {done.entries} audit entries, {done.bytes / 1e6:.1f} MB"
    typer.echo(f"{file}: {held}, whole. It took {done.seconds:.1f} s.")


@app.command()
def restore(
    file: Path,
    config: ConfigPath = CONFIG,
    drill: Annotated[bool, typer.Option(help="Do all of it beside the database, and throw it away.")] = False,
    as_json: AsJson = False,
) -> None:
    """Go back to a backup, with Deskbell stopped. What came after it is cut off, and the audit says so."""
    from deskbell.parts import audit_key, head_file
    from storage.backup import restore as go_back

    settings = settings_of(config)
    key, head = audit_key(settings), head_file(settings)
    done = go_back(settings.database, file, audit_key=key, head_file=head, drill=drill)
    if as_json:
        keys = ("alerts", "entries", "cut", "taken_at", "kept", "seconds")
        print_json({"drill": drill, **{key: getattr(done, key) for key in keys}})
        return
    typer.echo(done.in_words(drill=drill))


@db_app.command("upgrade")
def db_upgrade(config: ConfigPath = CONFIG) -> None:
    """Bring the database to this version's schema. Stop the daemon first."""
    from storage.migrate import upgrade

    settings = settings_of(config)
    typer.echo(f"The database is at revision {upgrade(settings.database)}.")


@catalogue_app.callback(invoke_without_command=True)
def catalogue(context: typer.Context, as_json: AsJson = False) -> None:
    """What Deskbell can be connected to: the systems beside the chats, what each is good for and how it behaves."""
    from deskbell.catalogue import systems

    if context.invoked_subcommand is not None:
        return
    rows = systems()
    if as_json:
        print_json([row.as_json() for row in rows])
        return
    from rich.table import Table

    table = Table("Name", "System", "Roles", "Logs in by", "A lost answer", "Answers", "Receipts", "Golden", box=None)
    for row in rows:
        known = (" ".join(row.roles), row.auth, row.idempotency, row.acks, row.receipts)
        table.add_row(row.name, row.title, *known, str(row.golden))
    console().print(table)


@catalogue_app.command("sources")
def catalogue_sources(as_json: AsJson = False) -> None:
    """The kinds of sources: what each gives, which rules look at it, how Deskbell logs in and is called."""
    from deskbell.catalogue import sources

    rows = sources()
    if as_json:
        print_json([row.as_json() for row in rows])
        return
    from rich.table import Table

    table = Table("Kind", "System", "Gives", "Roles", "Logs in by", "Hook", "Stand-in", box=None)
    for row in rows:
        lists = (", ".join(words) for words in (row.records, row.roles, row.auth))
        table.add_row(row.name, row.title, *lists, row.hook, "yes" if row.sandbox else "no")
    console().print(table)
