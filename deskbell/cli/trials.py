"""What shows, measures and proves: demo, bench, prove, clockproof, torture."""

from typing import Annotated

import typer

from deskbell.cli.common import (
    CONFIG,
    AsJson,
    ConfigPath,
    console,
    fail,
    print_json,
)

app = typer.Typer()


@app.command()
def demo(
    config: ConfigPath = CONFIG,
    port: Annotated[int, typer.Option(help="Where the page is served, on this machine only.")] = 8765,
    headless: Annotated[bool, typer.Option(help="Scripted people instead of you.")] = False,
    seconds: Annotated[int, typer.Option("--for", help="How long a headless day lasts.")] = 60,
    as_json: AsJson = False,
    sabotage: Annotated[bool, typer.Option(help="A stand-in loses one message: the run must notice.")] = False,
    scenario: Annotated[
        str,
        typer.Option(
            help="day; storm: a thousand exceptions a minute, with all limits on; customers: who is told, and how."
        ),
    ] = "day",
) -> None:
    """A day at a compressor repair firm, with stand-ins of the chats, the helpdesks, the schedule and the billing."""
    from deskbell.demo import SCENARIOS, Show, show

    if scenario not in SCENARIOS:
        fail(f"There is no scenario {scenario!r}. There are: {', '.join(SCENARIOS)}.")
    raise SystemExit(show(Show(config, port, headless, seconds, as_json, sabotage, scenario)))


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
        print_json(report.as_json())
    else:
        write(report, console())
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
def clockproof(as_json: AsJson = False) -> None:
    """Set clocks, let the machine sleep, and change to summer time and back: nothing may ring early, late or twice."""
    from deskbell.clockproof.show import carry_out

    raise SystemExit(carry_out(as_json=as_json))


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
