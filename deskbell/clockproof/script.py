"""What happens to the clocks, step by step. Seconds are of true time, since the scene began."""

from dataclasses import dataclass

MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0


@dataclass(frozen=True)
class Set:
    """Somebody sets the wall clock by so many seconds."""

    at: float
    by: float


@dataclass(frozen=True)
class Sleep:
    """The machine sleeps: nothing runs, the monotonic clock stands still; the wall clock may be set meanwhile."""

    at: float
    lasts: float
    set: float = 0.0


@dataclass(frozen=True)
class Down:
    """The process is not there; then another one is started."""

    at: float
    lasts: float


Move = Set | Sleep | Down
Moves = tuple[Move, ...]

AT = 40.3  # between two rings
DUE = 60.0  # when the first alert's second level is due


def _there_and_back(by: float, after: float) -> Moves:
    return Set(AT, by), Set(AT + after, -by)


SCRIPT: tuple[Moves, ...] = (
    # Set once, and left so.
    *(
        (Set(AT, by),)
        for by in (
            -10 * MINUTE, 10 * MINUTE, -DAY, DAY, -HOUR, HOUR, -30.0, 30.0, -4.0, 4.0, -2.0, 2.0, -7 * DAY, 365 * DAY,
        )
    ),
    # Put right again.
    *(_there_and_back(by, after) for by in (-10 * MINUTE, DAY, -4.0, 30.0) for after in (MINUTE, 5 * MINUTE)),
    # At the very moment at which something is due.
    *((Set(DUE, by),) for by in (-10 * MINUTE, DAY, 3.0)),
    # Small ones, again and again.
    tuple(Set(AT + 20 * n, 3.0) for n in range(20)),
    tuple(Set(AT + 20 * n, -3.0) for n in range(20)),
    tuple(Set(AT + 11 * n, 2.0 if n % 2 else -2.0) for n in range(30)),
    # Asleep.
    *((Sleep(AT, lasts),) for lasts in (MINUTE, 10 * MINUTE, 3 * HOUR, 3 * DAY)),
    # Asleep, and set meanwhile.
    (Sleep(AT, 10 * MINUTE, -9 * MINUTE),),
    (Sleep(AT, 3 * HOUR, DAY),),
    (Sleep(AT, 3 * DAY, -HOUR),),
    # One after the other.
    (Set(AT, -10 * MINUTE), Sleep(AT + 50, 10 * MINUTE)),
    (Set(AT, DAY), Sleep(AT + 50, 10 * MINUTE)),
    (Sleep(AT, 2 * MINUTE), Sleep(AT + 200, 5 * MINUTE)),
    # The process was not there.
    (Down(AT, 10 * MINUTE),),
    (Down(AT, 3 * DAY),),
)  # fmt: skip
