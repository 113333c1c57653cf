"""Clocks that are set, machines that sleep: whose word counts then."""

from datetime import UTC, datetime, timedelta

import pytest

from deskbell.net.clock import PATIENCE_S, Clock

START = datetime(2026, 11, 21, 12, tzinfo=UTC)
DAY = 86_400.0


class Hands:
    """The true time, and a wall clock that is `off` by some seconds. `asleep`: the monotonic clock stood still."""

    def __init__(self) -> None:
        self.true, self.ticks, self.off = START, 0.0, 0.0
        self.now = Clock(self.wall, lambda: self.ticks)

    def wall(self) -> datetime:
        return self.true + timedelta(seconds=self.off)

    def passes(self, seconds: float, *, asleep: bool = False) -> None:
        self.true += timedelta(seconds=seconds)
        self.ticks += 0.0 if asleep else seconds

    def read(self, source: str = "fs", ahead: float = 0.0) -> None:
        """A source is read whose clock is so far ahead of the true time; its header has whole seconds."""
        date = (self.true + timedelta(seconds=ahead)).replace(microsecond=0)
        self.now.compare((date - self.wall()).total_seconds(), source)

    @property
    def error(self) -> float:
        """How far our time is ahead of the true one."""
        return (self.now() - self.true).total_seconds()


@pytest.fixture
def hands() -> Hands:
    made = Hands()
    made.read()
    return made


def test_time_that_passes_is_no_step(hands: Hands) -> None:
    hands.passes(3600)
    assert hands.error == 0
    assert not hands.now.doubted


@pytest.mark.parametrize("step", [-DAY, -600.0, -4.0, -2.0, 2.0, 4.0, 20.0, 600.0, DAY])
def test_a_clock_that_is_set_does_not_set_ours(hands: Hands, step: float) -> None:
    hands.passes(10)
    hands.off = step
    for _ in range(5):
        hands.passes(1.5)
        assert hands.error == 0
    assert hands.now.doubted
    hands.read()
    assert not hands.now.doubted
    assert hands.error == 0
    hands.off = 0.0  # and is put right again
    hands.passes(1)
    assert hands.error == 0
    hands.read()
    assert (hands.error, hands.now.doubted) == (0, False)


def test_many_small_steps_do_not_add_up(hands: Hands) -> None:
    for _ in range(60):
        hands.passes(2)
        hands.off += 3
        assert hands.error == 0


def test_after_sleep_the_wall_clock_is_right_as_soon_as_a_source_says_so(hands: Hands) -> None:
    hands.passes(3 * 3600, asleep=True)
    assert hands.error == -3 * 3600
    hands.read()
    assert (hands.error, hands.now.doubted) == (0, False)


@pytest.mark.parametrize("step", [-600.0, DAY])
def test_it_slept_and_was_set(hands: Hands, step: float) -> None:
    hands.off = step
    hands.passes(3 * 3600, asleep=True)
    hands.read()
    assert -2.5 <= hands.error <= 0


def test_a_source_whose_clock_goes_wrong_is_known_by_it(hands: Hands) -> None:
    hands.read("wrong", ahead=-3600)
    hands.passes(60)
    hands.off = 600
    hands.read("wrong", ahead=-3600)
    assert (hands.error, hands.now.doubted) == (0, False)


def test_a_source_that_we_do_not_know_is_believed_where_it_agrees_with_one_of_our_clocks(hands: Hands) -> None:
    hands.off = 600
    hands.read("new", ahead=3600)
    assert hands.now.doubted
    hands.read("newer")
    assert (hands.error, hands.now.doubted) == (0, False)


def test_without_sources_the_wall_clock_is_believed_after_a_while(hands: Hands) -> None:
    hands.passes(3 * 3600, asleep=True)
    hands.now()
    hands.passes(PATIENCE_S - 1)
    assert hands.now.doubted
    assert hands.error < 0
    hands.passes(1)
    assert (hands.error, hands.now.doubted) == (0, False)
