"""What an alert leaves in the database, and how many an instance carries into four chats.

    .venv/bin/python -m benchmarks.volume [--alerts 300] [--instances 1] [--json]

Daemons on one PostgreSQL, over HTTP against the stand-ins, without the vendors' limits. Each alert is detected in a
source, gets its card in each of the four chats, is acknowledged by a person in Slack (one in five), and is shown so.
The rate counts from the first poll that finds them to the last card; the stand-ins share the machine.
"""  # noqa: INP001 - a script, not a package

import argparse
import asyncio
import json
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.takeover import Several, several
from deskbell.sandbox.chat import Refused
from deskbell.sandbox.ledger import named
from deskbell.torture import postgres
from deskbell.torture.house import CHATS
from deskbell.torture.nursery import Nursery

TABLES = ("records", "alerts", "posts", "dispatches", "audit", "audit_heads", "audit_values", "inbox", "undos")
PATIENCE_S = 300.0
ONE_IN = 5  # alerts that somebody acknowledges


async def sizes(house: Several) -> dict[str, int]:
    """Bytes by table, with their indexes."""
    rows = await house.ask("SELECT relname, pg_total_relation_size(oid) FROM pg_class WHERE relkind = 'r'")
    return {str(name): int(size) for name, size in rows if name in TABLES}


async def carried(house: Several, alerts: int) -> bool:
    """Whether so many have their cards, and nothing waits; asked of the database: the stand-ins are busy."""
    query = "SELECT count(*) FILTER (WHERE shown > 0), count(*) FILTER (WHERE state <> 'shown') FROM posts"
    shown, left = (await house.ask(query))[0]
    return int(shown) >= alerts * len(CHATS) and not int(left)


def urgent_ticket(house: Several) -> str:
    """Of a customer of its own: several of one would be an alert more."""
    now, tickets = time.time(), house.sandbox.freshdesk.tickets
    number = len(tickets.rows) + 1
    ticket = tickets.add(
        f"Compressor {number} trips", created=now - 600, updated=now, priority=4, requester_id=90_000 + number
    )
    house.sandbox.ledger.expect(str(ticket.id), "case_unassigned")
    return str(ticket.id)


async def acknowledged(house: Several, tickets: list[str]) -> None:
    subjects = set(tickets)
    cards = [card for card in house.sandbox.chats["slack"].cards() if named(card.text) & subjects]
    for card in cards:
        try:
            await house.sandbox.chats["slack"].press("ana", card, "Acknowledge")
        except Refused as error:
            sys.stderr.write(f"not acknowledged: {error}\n")


async def run(alerts: int, instances: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="deskbell-volume-") as name, postgres.database() as url:
        async with AsyncExitStack() as later:
            nursery = Nursery(Path(name))
            later.callback(nursery.close)
            house = await later.enter_async_context(several(Path(name), url, nursery, count=instances))
            for instance in house.instances:
                house.start(instance)
            await house.ready()
            before = await sizes(house)
            began = time.monotonic()
            tickets = [urgent_ticket(house) for _ in range(alerts)]
            await house.until(partial(carried, house, alerts + 1), "a card of everything", PATIENCE_S)
            took = time.monotonic() - began
            await acknowledged(house, tickets[::ONE_IN])
            await house.until(partial(carried, house, alerts + 1), "an empty outbox", PATIENCE_S)
            after = await sizes(house)
            entries = int((await house.ask("SELECT count(*) FROM audit"))[0][0])
            opened = int((await house.ask("SELECT count(*) FROM alerts"))[0][0]) - 1
            grown = {table: round((after[table] - before[table]) / opened) for table in after}
            return {
                "alerts": opened,
                "instances": instances,
                "alerts_per_second_to_four_chats": round(opened / took, 1),
                "bytes_per_alert": sum(grown.values()),
                "by_table": {table: size for table, size in grown.items() if size},
                "audit_entries_per_alert": round(entries / (opened + 1), 1),
                "twice": len(house.twice()),
                "database": "; ".join(postgres.used),
            }


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--alerts", type=int, default=300)
    parser.add_argument("--instances", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    try:
        found = asyncio.run(run(asked.alerts, asked.instances))
    finally:
        postgres.stop()
    if asked.json:
        sys.stdout.write(json.dumps(found) + "\n")
    else:
        sys.stdout.writelines(f"{key}: {value}\n" for key, value in found.items())


if __name__ == "__main__":
    main()
