from datetime import UTC, datetime, timedelta

from deskbell.net.clock import Clock

START = datetime(2026, 11, 21, 12, tzinfo=UTC)


class Hands:
    def __init__(self) -> None:
        self.wall, self.ticks = START, 0.0

    def passes(self, seconds: float) -> None:
        self.wall += timedelta(seconds=seconds)
        self.ticks += seconds


def clock(hands: Hands) -> Clock:
    return Clock(lambda: hands.wall, lambda: hands.ticks)


def test_time_that_passes_is_no_step() -> None:
    hands = Hands()
    now = clock(hands)
    hands.passes(3600)
    assert now() == START + timedelta(hours=1)
    assert not now.doubted


def test_a_step_is_doubted_until_a_source_agrees() -> None:
    for step in (timedelta(hours=-1), timedelta(minutes=10)):
        hands = Hands()
        now = clock(hands)
        hands.wall += step
        now()
        assert now.doubted
        now.compare(600.0)
        assert now.doubted
        now.compare(-2.0)
        assert not now.doubted
