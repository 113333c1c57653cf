"""A chat in which nobody can answer is told in another, once, and it is said when it hears again."""

from datetime import timedelta

from deskbell.core.outcome import Fault, Rejected, Sent

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


def live(bench):
    rows = bench.store.read_now(lambda reader: reader.alerts())
    return [alert.summary for alert in rows if alert.rule == "channel_unreachable"]


REFUSED = "Slack refuses Deskbell's login: the bot token is not valid"
DEAF = "Nobody can answer in Slack: the bot token is not valid"


async def test_a_refused_login_is_told_once_whoever_saw_it_first(bench):
    deaf = {"slack": "the bot token is not valid"}
    await bench.late()
    await bench.settle_all(Rejected(Fault.AUTH, deaf["slack"]))
    bench.desk.deaf = lambda: deaf
    for _ in range(4):
        await bench.passes(MINUTE)
    assert live(bench) == [REFUSED]
    await bench.settle_all(Sent({"channel": "C1", "ts": "1"}))
    assert live(bench) == []
    await bench.passes(MINUTE)
    assert live(bench) == [DEAF], "it says what it likes, and still hears nobody"
    deaf.clear()
    await bench.passes(MINUTE)
    assert live(bench) == []


async def test_a_chat_that_was_deaf_before_it_refused_the_login(bench):
    deaf = {"slack": "the bot token is not valid"}
    bench.desk.deaf = lambda: deaf
    await bench.passes(MINUTE)
    await bench.passes(MINUTE)
    await bench.late()
    await bench.settle_all(Rejected(Fault.AUTH, deaf["slack"]))
    assert live(bench) == [DEAF]
    deaf.clear()
    await bench.passes(MINUTE)
    await bench.settle_all(Rejected(Fault.AUTH, "the bot token is not valid"))
    assert live(bench) == [REFUSED]
