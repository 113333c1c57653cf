"""How soon a card follows, as people ask for it; and the day played again from what the real pollers brought."""

import re
import time
from datetime import UTC, datetime

from deskbell.core.alert import Status
from deskbell.desk import past
from deskbell.simulate.outcome import Change
from deskbell.simulate.run import simulate
from tests.town import Town


async def test_health_tells_how_soon_the_card_came(town: Town) -> None:
    await town.settled()
    town.late_job()
    await town.card("4711")
    await town.settled()
    told = await town.slack.type("U0ANA", "C0DISPATCH", "/desk health")
    text = str(told.text or told.payload)
    found = re.search(r"Field service: read \d+ s ago; 1 card, half within (\d+) s, 95 % within \1 s", text)
    assert found, text


async def test_what_the_day_brought_is_played_again(town: Town) -> None:
    await town.settled()
    job = town.late_job()
    await town.card("4711")
    town.sandbox.fieldservice.change(job["id"], status="on_site", checked_in_at=time.time())
    await town.shows("4711", "Resolved by Deskbell")
    town.urgent_ticket()
    await town.settled()
    store, settings = town.daemon.store, town.daemon.settings
    assert await store.read(past.since) is not None
    alerts = await store.read(lambda reader: reader.alerts(statuses=tuple(Status), limit=100))
    now = datetime.now(UTC)
    for rule in sorted({alert.rule for alert in alerts if settings.house.rule(alert.rule)}):
        outcome = simulate(settings, store, rule, (), 1, now)
        there = sorted((alert.key, alert.mode) for alert in alerts if alert.rule == rule)
        assert sorted((bell.key, bell.mode) for bell in outcome.now) == there
        assert outcome.count(Change.SAME) == sum(mode == "card" for _, mode in there)
    missed = simulate(settings, store, "late", ("late.minutes=20",), 1, now)
    assert [(pair.bell.subject, pair.said) for pair in missed.pairs] == [("J-4711", "missed")]
