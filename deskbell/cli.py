"""The command line. Nothing heavy is imported before a command needs it: `deskbell --help` must be instant."""

import asyncio
import errno
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from rich.console import Console

    from deskbell.config import Settings
    from storage.store import SqlStore

app = typer.Typer(
    help="Deskbell, the bell on the dispatch desk.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
audit_app = typer.Typer(help="The audit log: is it whole, and what does it say?", no_args_is_help=True)
db_app = typer.Typer(help="The database.", no_args_is_help=True)
outbox_app = typer.Typer(help="What is still to be sent, and what could not be.", invoke_without_command=True)
people_app = typer.Typer(help="Who is linked to which chat account, and people who leave.", no_args_is_help=True)
manifest_app = typer.Typer(help="What to give to a chat platform's app settings.", no_args_is_help=True)
catalogue_app = typer.Typer()
app.add_typer(audit_app, name="audit")
app.add_typer(catalogue_app, name="catalogue")
app.add_typer(db_app, name="db")
app.add_typer(outbox_app, name="outbox")
app.add_typer(people_app, name="people")
app.add_typer(manifest_app, name="manifest")

ConfigPath = Annotated[Path, typer.Option("--config", "-c", help="The configuration file.", envvar="DESKBELL_CONFIG")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document instead of a table.")]
CONFIG = Path("config.toml")


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
    if kinds & {"ConfigError", "StoreError", "UnknownPerson", "NoReplay"}:
        return str(error)
    if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
        return f"The address is taken ({error}). Is another Deskbell running? Change server.port in the configuration."
    return ""


def _may_pass(error: Exception) -> bool:
    """Whether it is some use to start again: a server may come back, a full disk be emptied, a lock be let go."""
    return str(getattr(error, "trouble", "")) in {"lost", "unknown", "full", "busy"}


def fail(text: str, status: int = 2) -> NoReturn:
    typer.echo(text, err=True)
    raise SystemExit(status)


def _console() -> "Console":
    from rich.console import Console

    return Console(soft_wrap=True)


def _settings(path: Path) -> "Settings":
    from deskbell.config import load

    return load(path)


def _store(settings: "Settings") -> "SqlStore":
    from deskbell.parts import open_store

    return open_store(settings)


def _print_json(data: Any) -> None:
    import orjson

    typer.echo(orjson.dumps(data, default=str).decode())


def _run(work: "Callable[[], Coroutine[Any, Any, int]]") -> None:
    raise SystemExit(asyncio.run(work()))


@app.command()
def run(
    config: ConfigPath = CONFIG,
    roles: Annotated[str, typer.Option(help="What this instance does: some of poll,courier,bot,web.")] = "",
) -> None:
    """Start the daemon. It runs until it is told to stop (Ctrl-C or SIGTERM), and then finishes what is under way."""
    from deskbell.config import with_roles
    from deskbell.daemon import serve

    settings = with_roles(_settings(config), roles)
    _run(lambda: serve(settings))


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
        settings = _settings(config)
        done = asyncio.run(checks(settings, offline=offline, sandbox=os.environ.get("DESKBELL_SANDBOX", "")))
    if as_json:
        rows = [{"what": f.what, "ok": f.ok, "detail": f.detail} for f in done.findings]
        requests = {name: {"sent": n.sent, "ledger": n.seen} for name, n in done.requests.items()}
        _print_json({"ok": done.ok, "checks": rows, "requests": requests, "settings": settings.redacted()})
    else:
        console = _console()
        for f in done.findings:
            console.print(f"[{'green' if f.ok else 'red'}]{'ok  ' if f.ok else 'WRONG'}[/] {f.what}", end="")
            console.print(f"  {f.detail}" if f.detail else "", markup=False, highlight=False)
    raise SystemExit(0 if done.ok else 1)


@catalogue_app.callback(invoke_without_command=True)
def catalogue(context: typer.Context, as_json: AsJson = False) -> None:
    """What Deskbell can be connected to: the systems beside the chats, what each is good for and how it behaves."""
    from deskbell.catalogue import systems

    if context.invoked_subcommand is not None:
        return
    rows = systems()
    if as_json:
        _print_json([row.as_json() for row in rows])
        return
    from rich.table import Table

    table = Table("Name", "System", "Roles", "Logs in by", "A lost answer", "Answers", "Receipts", "Golden", box=None)
    for row in rows:
        known = (" ".join(row.roles), row.auth, row.idempotency, row.acks, row.receipts)
        table.add_row(row.name, row.title, *known, str(row.golden))
    _console().print(table)


@catalogue_app.command("sources")
def catalogue_sources(as_json: AsJson = False) -> None:
    """The kinds of sources: what each gives, which rules look at it, how Deskbell logs in and is called."""
    from deskbell.catalogue import sources

    rows = sources()
    if as_json:
        _print_json([row.as_json() for row in rows])
        return
    from rich.table import Table

    table = Table("Kind", "System", "Gives", "Roles", "Logs in by", "Hook", "Stand-in", box=None)
    for row in rows:
        lists = (", ".join(words) for words in (row.records, row.roles, row.auth))
        table.add_row(row.name, row.title, *lists, row.hook, "yes" if row.sandbox else "no")
    _console().print(table)


@app.command()
def ring(destination: str, config: ConfigPath = CONFIG) -> None:
    """Post a test card to one destination, to see that it rings."""
    from deskbell.checks import ring_once

    ok, said = asyncio.run(ring_once(_settings(config), destination))
    typer.echo(said, err=not ok)
    raise SystemExit(0 if ok else 1)


@app.command()
def why(ref: str, config: ConfigPath = CONFIG, as_json: AsJson = False) -> None:
    """Why an alert rang: its rule, what it saw, thresholds, clock, way to people, who was on duty."""
    from datetime import UTC, datetime

    from deskbell.desk import reasons
    from deskbell.desk.act import ref_number

    settings = _settings(config)
    store = _store(settings)
    alert = store.read_now(lambda reader: reader.alert(ref_number(ref)))
    if alert is None:
        fail(f"There is no alert {ref}. `deskbell alerts` lists them.", 1)
    now = datetime.now(UTC)
    told = store.read_now(lambda reader: reasons.why(reader, settings.house, alert, now))
    store.close()
    if as_json:
        _print_json({"ref": alert.ref, "why": [{"what": label, "said": said} for label, said in told]})
    else:
        typer.echo("\n".join(f"{label + ':':14} {said}" for label, said in told))


@app.command()
def whynot(number: str, config: ConfigPath = CONFIG, as_json: AsJson = False) -> None:
    """Why a job, case or other record is quiet, rule by rule, and when it would ring."""
    from datetime import UTC, datetime

    from deskbell.desk import reasons

    settings = _settings(config)
    store = _store(settings)
    found = store.read_now(lambda reader: reader.find_records(number))
    if not found:
        fail(f"No source has shown anything with the number {number}.", 1)
    now, record = datetime.now(UTC), found[0].record
    told = store.read_now(lambda reader: reasons.whynot(reader, settings.house, record, now))
    store.close()
    if as_json:
        rules = [{"rule": one.rule, "rings": one.rings, "said": one.words, "at": one.at} for one in told]
        _print_json({"source": record.source, "number": record.number, "rules": rules})
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

    settings = _settings(config)
    store = _store(settings)
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
        _print_json(outcome.as_json())
    else:
        write(outcome, _console())


@app.command()
def health(config: ConfigPath = CONFIG, as_json: AsJson = False) -> None:
    """How Deskbell is: its sources, how soon cards follow what happens (half, 95 and 99 of 100), what waits."""
    from datetime import UTC, datetime

    from deskbell.core.history import in_words
    from deskbell.core.text import span
    from deskbell.desk.vitals import vitals

    settings = _settings(config)
    store = _store(settings)
    now = datetime.now(UTC)
    told = store.read_now(lambda reader: vitals(reader, settings.house, now))
    store.close()
    if as_json:
        _print_json(told.as_json())
        return
    from rich.table import Table
    from rich.text import Text

    table = Table("Source", "Read", "Cards", "p50", "p95", "p99", "Goal", box=None)
    for one in told.sources:
        read = one.error or (f"{span(now - one.read_at)} ago" if one.read_at else "not yet")
        paces = map(in_words, (one.pace.p50, one.pace.p95, one.pace.p99)) if one.pace else ("-",) * 3
        table.add_row(*map(Text, (one.title, read, str(one.pace.count if one.pace else 0), *paces, in_words(one.goal))))
    _console().print(table)
    typer.echo(f"{told.open} alerts are open; to be sent: {told.waiting}, given up: {told.dead}.")


@app.command()
def alerts(config: ConfigPath = CONFIG, as_json: AsJson = False, everything: bool = False) -> None:
    """The alerts that are open, most severe first (`--everything`: the resolved ones too)."""
    from deskbell.core.alert import Status

    store = _store(_settings(config))
    statuses = tuple(Status) if everything else (Status.OPEN, Status.ACKED)
    rows = store.read_now(lambda reader: reader.alerts(statuses=statuses, limit=500))
    store.close()
    if as_json:
        keys = ("ref", "severity", "status", "rule", "source", "subject", "summary", "assignee", "level", "opened_at")
        _print_json([{key: str(getattr(a, key)) for key in keys} for a in rows])
        return
    if not rows:
        typer.echo("Nothing is open.")
        return
    from rich.table import Table
    from rich.text import Text  # what strangers wrote is no markup

    table = Table("Ref", "Sev", "State", "With", "What", box=None)
    for a in rows:
        table.add_row(*map(Text, (a.ref, str(a.severity), a.status, a.assignee or "-", a.summary)))
    _console().print(table)


@audit_app.command("verify")
def audit_verify(config: ConfigPath = CONFIG, as_json: AsJson = False) -> None:
    """Recompute the whole chain. Exit status 1, with the place, where anything was changed, removed or added."""
    from deskbell.parts import audit_key, head_file
    from storage.verify import verify

    settings = _settings(config)
    verdict = verify(settings.database, audit_key=audit_key(settings), head_file=head_file(settings))
    if as_json:
        _print_json({"ok": verdict.ok, "entries": verdict.count, "where": verdict.where, "why": verdict.why})
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

    settings = _settings(config)
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
    store = _store(_settings(config))
    store.anchor()
    store.close()
    typer.echo("The head file now says what the database says.")


@outbox_app.callback()
def outbox(context: typer.Context, config: ConfigPath = CONFIG, as_json: AsJson = False, dead: bool = False) -> None:
    """What waits to be sent (`--dead`: what was given up). `deskbell outbox retry` tries it again."""
    if context.invoked_subcommand:
        return
    store = _store(_settings(config))
    rows = store.read_now(lambda reader: reader.outbox(dead_only=dead, limit=500))
    store.close()
    if as_json:
        keys = ("id", "kind", "destination", "alert_ref", "state", "attempts", "next_try_at", "error")
        _print_json([{key: getattr(row, key) for key in keys} for row in rows])
        return
    if not rows:
        typer.echo("The outbox is empty.")
        return
    from rich.table import Table
    from rich.text import Text  # what strangers wrote is no markup

    table = Table("Id", "Kind", "To", "Alert", "State", "Tries", "Why", box=None)
    for r in rows:
        table.add_row(*map(Text, (str(r.id), r.kind, r.destination, r.alert_ref, r.state, str(r.attempts), r.error)))
    _console().print(table)


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
    store = _store(_settings(config))
    count = store.write_now(lambda uow: again(uow, datetime.now(UTC), row=row, kind=kind, destination=to))
    store.close()
    typer.echo(
        f"{count} will be tried again." if count else "Nothing like that was given up. See deskbell outbox --dead."
    )
    raise SystemExit(0 if count else 1)


@app.command()
def backup(file: Path, config: ConfigPath = CONFIG, as_json: AsJson = False) -> None:
    """Copy the database into FILE while Deskbell runs, and look the copy through."""
    from deskbell.parts import audit_key
    from storage.backup import back_up

    settings = _settings(config)
    done = back_up(settings.database, file, audit_key=audit_key(settings))
    if as_json:
        keys = ("bytes", "alerts", "entries", "seconds")
        _print_json({"file": str(file), **{key: getattr(done, key) for key in keys}})
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

    settings = _settings(config)
    key, head = audit_key(settings), head_file(settings)
    done = go_back(settings.database, file, audit_key=key, head_file=head, drill=drill)
    if as_json:
        keys = ("alerts", "entries", "cut", "taken_at", "kept", "seconds")
        _print_json({"drill": drill, **{key: getattr(done, key) for key in keys}})
        return
    typer.echo(done.in_words(drill=drill))


@db_app.command("upgrade")
def db_upgrade(config: ConfigPath = CONFIG) -> None:
    """Bring the database to this version's schema. Stop the daemon first."""
    from storage.migrate import upgrade

    settings = _settings(config)
    typer.echo(f"The database is at revision {upgrade(settings.database)}.")


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

    settings = _settings(config)
    found = asked(settings, rota, at, zone)
    if as_json:
        _print_json(found)
    else:
        _console().print(table(found))


@app.command()
def link(person: str, config: ConfigPath = CONFIG) -> None:
    """A code that links a chat account to PERSON: they say `/desk link CODE` in that chat within 15 minutes."""
    from deskbell.people import link_code

    typer.echo(link_code(_settings(config), person))


@people_app.command("list")
def people_list(config: ConfigPath = CONFIG, as_json: AsJson = False) -> None:
    """Everybody, with their roles and the chat accounts that are theirs."""
    from deskbell.people import listing

    rows = listing(_settings(config))
    if as_json:
        _print_json(rows)
        return
    from rich.table import Table
    from rich.text import Text

    table = Table("Person", "Name", "Roles", "Accounts", box=None)
    for row in rows:
        accounts = ", ".join(f"{platform} {account}" for platform, account in row["accounts"].items())
        table.add_row(*map(Text, (row["id"], row["name"], ", ".join(row["roles"]), row["note"] or accounts or "-")))
    _console().print(table)


@people_app.command("remove")
def people_remove(
    person: str,
    to: Annotated[str, typer.Option(help="Who gets the alerts that PERSON has; left out: they ring anew.")] = "",
    config: ConfigPath = CONFIG,
) -> None:
    """Take somebody out who leaves: unlink every account, hand the alerts over, warn of rotas that name them."""
    from deskbell.people import remove

    typer.echo(remove(_settings(config), person, to))


@people_app.command("restore")
def people_restore(person: str, config: ConfigPath = CONFIG) -> None:
    """Take somebody in again who was removed."""
    from deskbell.people import restore

    typer.echo(restore(_settings(config), person))


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


@app.command()
def init(output: Annotated[Path, typer.Argument()] = CONFIG) -> None:
    """Ask a few questions and write a commented config.toml to begin with, in observe-only mode."""
    from deskbell.init import interview

    interview(output)


@app.command()
def demo(
    config: ConfigPath = CONFIG,
    port: Annotated[int, typer.Option(help="Where the page is served, on this machine only.")] = 8765,
    headless: Annotated[bool, typer.Option(help="Scripted people instead of you.")] = False,
    seconds: Annotated[int, typer.Option("--for", help="How long a headless day lasts.")] = 60,
    as_json: AsJson = False,
    sabotage: Annotated[bool, typer.Option(help="A stand-in loses one message: the run must notice.")] = False,
) -> None:
    """A day at an air-compressor repair firm, with stand-ins of Slack, Freshdesk, ServiceNow and the schedule."""
    from deskbell.demo import Show, show

    raise SystemExit(show(Show(config, port, headless, seconds, as_json, sabotage)))


@app.command()
def bench(
    measures: Annotated[list[str] | None, typer.Argument(help="Which measures; left out: all of them.")] = None,
    as_json: AsJson = False,
    db: Annotated[str, typer.Option(help="sqlite, postgres (what is at hand), or the URL of a PostgreSQL.")] = "",
    quick: Annotated[bool, typer.Option(help="Small sizes, for a first impression.")] = False,
    rounds: Annotated[int, typer.Option(help="Pairs from which a ratio is taken; 0: five, or two with --quick.")] = 0,
) -> None:
    """How fast this Deskbell is, beside what this very machine could do at all, measured in the same run."""
    from deskbell.bench.run import known, run, wished
    from deskbell.bench.show import write

    if strange := [name for name in measures or () if name not in known()]:
        fail(f"There is no measure {strange[0]!r}. There are: {', '.join(known())}.")
    wish = wished(measures or (), db, quick=quick, rounds=rounds)
    from rich.console import Console

    with Console(stderr=True).status("starting") as status:
        report = run(wish, status.update)
    if as_json:
        _print_json(report.as_json())
    else:
        write(report, _console())
    raise SystemExit(1 if report.failed else 0)


@app.command()
def prove(
    histories: Annotated[int, typer.Option(min=1, help="How many made-up histories of sources are played.")] = 2000,
    seed: Annotated[int, typer.Option(min=1, help="The same seed makes the same histories.")] = 1,
    only: Annotated[int, typer.Option(min=0, help="Play this one history again, and tell all that happens.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Play made-up histories of sources, and compare what rang with what an independent oracle says had to ring."""
    from deskbell.prove.run import Ordered
    from deskbell.prove.show import carry_out, carry_out_one

    if only:
        raise SystemExit(carry_out_one(only, as_json=as_json))
    raise SystemExit(carry_out(Ordered(histories, seed), as_json=as_json))


@app.command()
def torture(  # noqa: PLR0913, PLR0917 - a command has as many flags as it has
    config: ConfigPath = CONFIG,
    kills: Annotated[int, typer.Option(min=3, help="How often a daemon dies.")] = 200,
    alerts: Annotated[int, typer.Option(min=1, help="How many exceptions happen meanwhile.")] = 5000,
    faults: Annotated[
        float, typer.Option(min=0, max=0.5, help="The share of calls that vendors or wires spoil.")
    ] = 0.13,
    db: Annotated[str, typer.Option(help="sqlite, postgres (what is at hand), or the URL of an empty one.")] = "sqlite",
    instances: Annotated[int, typer.Option(min=1, max=2, help="Daemons on one database (PostgreSQL).")] = 1,
    seed: Annotated[int, typer.Option(help="The same seed makes the same plan.")] = 1,
    as_json: AsJson = False,
    sabotage: Annotated[bool, typer.Option(help="A stand-in loses one card: the judge must notice.")] = False,
    black_hole: Annotated[str, typer.Option(help="Instead: let a vendor, the database, or `all` vanish in turn.")] = "",
    seconds: Annotated[int, typer.Option("--for", min=20, help="How long each of them is gone.")] = 60,
) -> None:
    """Kill the daemon again and again among stand-ins that fail, then let an oracle judge what was lost or doubled."""
    from deskbell.torture.black_hole import Holes, dependencies
    from deskbell.torture.run import Ordered
    from deskbell.torture.show import torture as carry_out
    from deskbell.torture.show import vanish

    if black_hole:
        known = dependencies(db)
        names = known if black_hole == "all" else tuple(black_hole.split(","))
        if strange := [name for name in names if name not in known]:
            fail(f"{strange[0]!r} can't vanish here. There are: all, {', '.join(known)}.")
        raise SystemExit(vanish(Holes(config, names, seconds, db, seed), as_json=as_json))

    if instances > 1 and db == "sqlite":
        fail("Several daemons need a PostgreSQL: add --db postgres.")
    ordered = Ordered(config, kills, alerts, faults, db, instances, seed, sabotage)
    raise SystemExit(carry_out(ordered, as_json=as_json))
