"""The verdict over a storm: a run as it should be is fine, and each thing that may go wrong is found."""

from dataclasses import replace

import pytest

from deskbell.sandbox.scenario.storm_verdict import Happened, Message, Pace, Room, verdict

PACE = Pace(2.0, 20.0)
LATE = [Happened(f"J-{n}", "north", "late", n * 0.5) for n in range(40)]
OVER = [Happened(f"J-{n}", "north", "over", 3.0) for n in (90, 91)]
URGENT = Happened("J-99", "north", "late", 5.0, urgent=True)
HAPPENED = [*LATE, *OVER, URGENT]
CARDS = [
    Message(0.9, "D-1 Technician late J-0"),
    Message(6.0, "D-20 Storm in north: Technician late, 41 alerts. Now: 41 alerts: 41 open. Most urgent: D-3 J-2, D-4"),
    Message(7.0, "D-21 P1 act now Technician late J-99"),
    Message(24.0, "D-30 Job running over J-90"),
    Message(25.0, "D-31 Job running over J-91"),
]


def judged(cards=CARDS, throttled=0):
    return verdict(HAPPENED, [Room("slack", "north", cards)], PACE, throttled)


def test_a_good_storm_passes():
    found = judged()
    assert found["wrong"] == []
    assert (found["exceptions"], found["p1"], found["throttled"], found["lost"]) == (43, 1, 0, 0)
    assert found["p1_p99_ms"] == 2000
    assert found["known_max_ms"] == 22_000
    assert found["limit_bound_max_ms"] == 23_000  # the second of two that are ready together waits a second in Slack


def without(number):
    return [card for n, card in enumerate(CARDS) if n != number]


LATER = replace(CARDS[2], at=10.5)
OLD = Message(8.0, "D-5 Technician late J-4")
FEWER = replace(CARDS[1], text=CARDS[1].text.replace("41 open", "40 open").replace("41 alerts: ", "40 alerts: "))
CHATTER = [Message(10.0 + n, "a note") for n in range(9)]


@pytest.mark.parametrize(
    ("cards", "throttled", "word"),
    [
        (without(3), 0, "lost: J-90"),
        (without(2), 0, "lost: J-99"),
        (without(1), 0, "lost: J-1 "),
        ([*without(1), FEWER], 0, "on no card's count: one of late in north of slack"),
        ([*CARDS, OLD], 0, "posted after its storm: J-4"),
        ([*without(2), LATER], 0, "1 cards of P1 took more than 5 s"),
        ([*without(4), replace(CARDS[4], at=40.0)], 0, "people knew after"),
        ([*CARDS, *CHATTER], 0, "14 messages in one room within a minute"),
        (CARDS, 1, "1 answers were 429"),
    ],
)
def test_what_goes_wrong_is_found(cards, throttled, word):
    assert any(word in line for line in judged(cards, throttled)["wrong"]), judged(cards, throttled)["wrong"]


def test_nothing_that_happened_proves_nothing():
    assert verdict([], [], PACE, 0)["wrong"] == ["nothing happened, which proves nothing"]
