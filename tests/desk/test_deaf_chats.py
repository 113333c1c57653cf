"""A chat in which nobody can answer is told in another, once, and it is said when it hears again."""

from datetime import timedelta

MINUTE = timedelta(minutes=1)


async def test_told_elsewhere_once_and_over_when_it_hears_again(bench):
    deaf = {"slack": "the bot token is not valid"}
    bench.desk.deaf = lambda: deaf
    await bench.passes(timedelta(seconds=5))
    assert bench.outbox() == []  # it may come back by itself
    for _ in range(5):
        await bench.passes(MINUTE)
    told = [row for row in bench.outbox() if row.kind == "post" and row.alert_ref == "D-1"]
    assert [row.destination for row in told] == ["spare"]
    alert = bench.alert(1)
    assert alert.live
    assert alert.summary == "Nobody can answer in Slack: the bot token is not valid"
    deaf.clear()
    await bench.passes(MINUTE)
    assert not bench.alert(1).live
