"""Instances fall, and others go on: nothing lost, nothing doubled that was not under way, no quarrel in Telegram.

The long form, with leases as long as they are: python -m benchmarks.takeover --rounds 100
"""

from benchmarks.takeover import Several, falls, kind_of

ROUNDS = 5  # each kind of lease once, by a kill and a stop in turns


async def test_the_holder_of_each_lease_falls_and_another_one_takes_over(house: Several) -> None:
    for instance in house.instances:
        house.start(instance)
    await house.ready()

    rounds = await falls(house, ROUNDS, seed=1)

    assert {kind_of(one.lease) for one in rounds} >= {"source", "telegram", "discord", "timers"}
    for one in rounds:
        assert one.lost == []
        assert len(one.duplicates) <= one.in_flight, one
        assert one.conflict_s < 30, "one of two who ask Telegram has to stop"
    assert [await house.stop(instance) for instance in house.instances] == [0, 0]
    assert await house.audit_faults() == []


async def test_one_after_the_other_is_restarted_and_nothing_is_lost_or_comes_twice(house: Several) -> None:
    for instance in house.instances:
        house.start(instance)
    await house.ready()
    for instance in house.instances * 2:
        house.late_job()
        assert await house.stop(instance) == 0
        house.late_job()
        await house.note(house.jobs[0], "telegram")  # whoever listens now
        house.start(instance)
        await house.note(house.jobs[0], "discord")
    await house.quiet()
    await house.until(lambda: _all_up(house), "both among the instances")  # who only begins can't be asked to end well

    assert house.lost() == []
    assert house.twice() == []
    assert [await house.stop(instance) for instance in house.instances] == [0, 0]
    assert await house.audit_faults() == []


async def _all_up(house: Several) -> bool:
    roster = str((await house.ask("SELECT value FROM settings WHERE name = 'instances'"))[0][0])
    return all(one.process is not None and f":{one.process.pid}:" in roster for one in house.instances)


async def test_one_that_falls_alone_goes_on_at_once_when_it_is_started_again(house: Several) -> None:
    """Nobody else is there, so that nobody's leases need to be waited for."""
    alone = house.instances[0]
    house.start(alone)
    await house.ready()
    alone.process.kill()
    await alone.process.wait()
    before = await house.ask("SELECT max(until) FROM leases")
    house.start(alone)
    await house.until(house.holders, "leases of the new life")

    taken = await house.ask("SELECT min(until) FROM leases WHERE holder <> '' AND name NOT LIKE 'lane:%'")
    assert taken[0][0] - before[0][0] < 2_000_000 + 8_000_000, "the dead one's leases were waited for"
