"""What rang, why, what would ring, and the record of all of it."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from deskbell.cli.common import CONFIG, AsJson, ConfigPath, console, fail, print_json, settings_of, store_of

app = typer.Typer()
audit_app = typer.Typer(help="The audit log: is it whole, and what does it say?", no_args_is_help=True)
outbox_app = typer.Typer(help="What is still to be sent, and what could not be.", invoke_without_command=True)
app.add_typer(audit_app, name="audit")
app.add_typer(outbox_app, name="outbox")


@app.command()
def alerts(config: ConfigPath = CONFIG, as_json: AsJson = False, everything: bool = False) -> None:
    """The alerts that are open, most severe first (`--everything`: the resolved ones too)."""
    from deskbell.core.alert import Status

    store = store_of(settings_of(config))
    statuses = tuple(Status) if everything else (Status.OPEN, Status.ACKED)
    rows = store.read_now(lambda reader: reader.alerts(statuses=statuses, limit=500))
    store.close()
    if as_json:
        keys = ("ref", "severity", "status", "rule", "source", "subject", "summary", "assignee", "level", "opened_at")
        print_json([{key: str(getattr(a, key)) for key in keys} for a in rows])
        return
    if not rows:
        typer.echo("Nothing is open.")
        return
    from rich.table import Table
    from rich.text import Text  # what strangers wrote is no markup

    table = Table("Ref", "Sev", "State", "With", "What", box=None)
    for a in rows:
        table.add_row(*map(Text, (a.ref, str(a.severity), a.status, a.assignee or "-", a.summary)))
    console().print(table)


@app.command()
def why(ref: str, config: ConfigPath = CONFIG, as_json: AsJson = False) -> None:
    """Why an alert rang: its rule, what it saw, thresholds, clock, way to people, who was on duty."""
    from datetime import UTC, datetime

    from deskbell.desk import reasons
    from deskbell.desk.act import ref_number

    settings = settings_of(config)
    store = store_of(settings)
    alert = store.read_now(lambda reader: reader.alert(ref_number(ref)))
    if alert is None:
        fail(f"There is no alert {ref}. `deskbell alerts` lists them.", 1)
    now = datetime.now(UTC)
    told = store.read_now(lambda reader: reasons.why(reader, settings.house, alert, now))
    store.close()
    if as_json:
        print_json({"ref": alert.ref, "why": [{"what": label, "said": said} for label, said in told]})
    else:
        typer.echo("\n".join(f"{label + ':':14} {said}" for label, said in told))


@app.command()
def whynot(number: str, config: ConfigPath = CONFIG, as_json: AsJson = False) -> None:
    """Why a job, case or other record is quiet, rule by rule, and when it would ring."""
    from datetime import UTC, datetime

    from deskbell.desk import reasons

    settings = settings_of(config)
    store = store_of(settings)
    found = store.read_now(lambda reader: reader.find_records(number))
    if not found:
        fail(f"No source has shown anything with the number {number}.", 1)
    now, record = datetime.now(UTC), found[0].record
    told = store.read_now(lambda reader: reasons.whynot(reader, settings.house, record, now))
    store.close()
    if as_json:
        rules = [{"rule": one.rule, "rings": one.rings, "said": one.words, "at": one.at} for one in told]
        print_json({"source": record.source, "number": record.number, "rules": rules})
    else:
        typer.echo("\n".join(f"{one.title + ':':32} {one.words}" for one in told))


@app.command()
def simulate(
    rule: Annotated[str, typer.Argument(help="Which rule; its short name will do, like `late`.")],
    sets: Annotated[
        list[str] | None, typer.Option("--set", help="Another setting, like `minutes=20` or `stages=20m P3, 40m P2`.")
    ] = None,
    days: Annotated[float, typer.Option(help="How much of the past is played again.")] = 30,
    picture: Annotated[Path | None, typer.Option(help="Draw it as well, into this SVG file.")] = None,
    config: ConfigPath = CONFIG,
    as_json: AsJson = False,
) -> None:
    """Play the recorded past again: what a rule rang, and what it would have rung with other settings."""
    from datetime import UTC, datetime

    from rich.console import Console

    from deskbell.simulate.picture import svg
    from deskbell.simulate.run import simulate as play
    from deskbell.simulate.show import write

    settings = settings_of(config)
    store = store_of(settings)
    try:
        with Console(stderr=True).status("playing the past again"):
            outcome = play(settings, store, rule, sets or (), days, datetime.now(UTC))
    finally:
        store.close()
    try:
        if picture:
            picture.write_text(svg(outcome), encoding="utf-8")
    except OSError as error:
        fail(f"The picture can't be written: {error}. Name another file behind --picture.")
    if as_json:
        print_json(outcome.as_json())
    else:
        write(outcome, console())


@audit_app.command("verify")
def audit_verify(config: ConfigPath = CONFIG, as_json: AsJson = False) -> None:
    """Recompute the whole chain. Exit status 1, with the place, where anything was changed, removed or added."""
    from deskbell.parts import audit_key, head_file
    from storage.verify import verify

    settings = settings_of(config)
    verdict = verify(settings.database, audit_key=audit_key(settings), head_file=head_file(settings))
    if as_json:
        print_json({"ok": verdict.ok, "entries": verdict.count, "where": verdict.where, "why": verdict.why})
    elif verdict.ok:
        typer.echo(f"ok: {verdict.count} entries, chain verified")
    else:
        typer.echo(f"NOT whole: entry {verdict.where}: {verdict.why}", err=True)
    raise SystemExit(0 if verdict.ok else 1)


@audit_app.command("export")
def audit_export(
    config: ConfigPath = CONFIG, output: Annotated[Path | None, typer.Option("--output", "-o")] = None
) -> None:
    """Every entry as one JSON line, with the fields that prove the chain."""
    from storage.verify import export

    settings = settings_of(config)
    out = output.open("w", encoding="utf-8") if output else sys.stdout
    try:
        for line in export(settings.database):
            out.write(line + "\n")
    finally:
        if output:
            out.close()


@audit_app.command("anchor")
def audit_anchor(config: ConfigPath = CONFIG) -> None:
    """Begin the head kept outside the database anew, from the chain as it is. Only when you know why it differs."""
    store = store_of(settings_of(config))
    store.anchor()
    store.close()
    typer.echo("The head file now says what the database says.")


@outbox_app.callback()
def outbox(context: typer.Context, config: ConfigPath = CONFIG, as_json: AsJson = False, dead: bool = False) -> None:
    """What waits to be sent (`--dead`: what was given up). `deskbell outbox retry` tries it again."""
    if context.invoked_subcommand:
        return
    store = store_of(settings_of(config))
    rows = store.read_now(lambda reader: reader.outbox(dead_only=dead, limit=500))
    store.close()
    if as_json:
        keys = ("id", "kind", "destination", "alert_ref", "state", "attempts", "next_try_at", "error")
        print_json([{key: getattr(row, key) for key in keys} for row in rows])
        return
    if not rows:
        typer.echo("The outbox is empty.")
        return
    from rich.table import Table
    from rich.text import Text  # what strangers wrote is no markup

    table = Table("Id", "Kind", "To", "Alert", "State", "Tries", "Why", box=None)
    for r in rows:
        table.add_row(*map(Text, (str(r.id), r.kind, r.destination, r.alert_ref, r.state, str(r.attempts), r.error)))
    console().print(table)


@outbox_app.command("retry")
def outbox_retry(
    row: Annotated[int, typer.Argument(help="The row's Id.")] = 0,
    kind: Annotated[str, typer.Argument(help="`post`, or what `deskbell outbox` shows as its kind.")] = "",
    to: Annotated[str, typer.Option(help="All that was given up for this destination.")] = "",
    every: Annotated[bool, typer.Option("--all", help="All that was given up.")] = False,
    config: ConfigPath = CONFIG,
) -> None:
    """Put what was given up back into the queue: one row by ID and KIND, a destination's, or all of it."""
    from datetime import UTC, datetime

    from deskbell.desk.again import again

    if not ((row and kind) or to or every):
        raise typer.BadParameter("Say which: ID KIND, --to DESTINATION or --all. See deskbell outbox --dead.")
    store = store_of(settings_of(config))
    count = store.write_now(lambda uow: again(uow, datetime.now(UTC), row=row, kind=kind, destination=to))
    store.close()
    typer.echo(
        f"{count} will be tried again." if count else "Nothing like that was given up. See deskbell outbox --dead."
    )
    raise SystemExit(0 if count else 1)
