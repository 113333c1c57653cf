"""Re-anchor paging against a source that changes while it is read: nothing is lost, whatever changes when."""

import asyncio
import random
from datetime import timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pollers.cursor import Pace

OVERLAP = 60

DAYS = st.fixed_dictionaries(
    {
        "rows": st.integers(1, 120),
        "size": st.integers(2, 12),
        "lag": st.integers(0, OVERLAP - 10),
        "updates": st.integers(0, 3),  # each request
        "bulk": st.booleans(),  # now and then many rows change within one second
        "max_pages": st.integers(3, 60),
        "polls": st.integers(1, 8),
        "pause": st.integers(1, 200),  # seconds between polls
        "crash": st.integers(0, 3),
        "seed": st.integers(0, 10_000),
    }
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(day=DAYS)
def test_nothing_is_lost_while_the_source_changes(simulated, day):
    assert asyncio.run(lived_through(simulated, day)) == set()


async def lived_through(simulated, day):
    ledger_class, reader_class = simulated
    rng = random.Random(day["seed"])
    ledger = ledger_class(size=day["size"], lag=day["lag"], rng=rng)
    for n in range(day["rows"]):
        ledger.put(n, at=-rng.randint(0, 5000) if rng.random() < 0.7 else -1000, lag=0)
    reader = reader_class(ledger, Pace(timedelta(seconds=OVERLAP), max_pages=day["max_pages"]))

    def something_happens():
        ledger.now += rng.randint(0, 1)
        for _ in range(day["updates"]):
            ledger.put(rng.randrange(day["rows"] + 5))
        if day["bulk"] and rng.random() < 0.05:
            for n in rng.sample(range(day["rows"]), k=max(1, day["rows"] // 3)):
                ledger.put(n)

    ledger.each_request = something_happens
    for number in range(day["polls"]):
        await reader.poll(crash_after=number if number == day["crash"] else None)
        ledger.now += day["pause"]
    ledger.each_request = None  # from here on the source stands still
    for _ in range(200):
        ledger.now += OVERLAP
        if await reader.poll() and not reader.lost():
            break
    return reader.lost()
