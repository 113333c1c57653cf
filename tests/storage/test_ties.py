"""What records have to do with each other, and how many alerts of a rule were opened, on both databases."""

from datetime import timedelta

import pytest

from deskbell.core.alert import Mode
from deskbell.core.ports import Opened


def test_records_are_found_by_their_ties(make, write, read):
    write("save_records", [make.visit("1", "J-1"), make.visit("2", "J-2"), make.visit("3", "J-3")])
    write("save_ties", "field", "1", {"on:marco@2026-11-21", "of:hansen"})
    write("save_ties", "field", "2", {"on:marco@2026-11-21"})
    found = read("related", ["on:marco@2026-11-21", "of:hansen", "of:nobody"])
    assert [(tie, record.id) for tie, record in found] == [
        ("of:hansen", "1"),
        ("on:marco@2026-11-21", "1"),
        ("on:marco@2026-11-21", "2"),
    ]
    assert len(read("related", ["on:marco@2026-11-21"], 1)) == 1
    assert read("related", []) == []


def test_new_ties_take_the_place_of_the_old(make, write, read):
    write("save_records", [make.visit("1", "J-1")])
    write("save_ties", "field", "1", {"a", "b"})
    write("save_ties", "field", "1", {"b", "c"})
    assert [tie for tie, _ in read("related", ["a", "b", "c"])] == ["b", "c"]
    write("save_ties", "field", "1", frozenset())
    assert read("related", ["a", "b", "c"]) == []


def test_a_record_that_is_forgotten_is_found_by_nothing(make, write, read):
    write("save_records", [make.visit("1", "J-1")])
    write("save_ties", "field", "1", {"a"})
    write("forget_record", "field", "1")
    assert read("related", ["a"]) == []


def test_how_many_were_opened(make, write, read):
    for number, (rule, mode) in enumerate(
        [("late", Mode.CARD), ("late", Mode.CARD), ("late", Mode.LISTED), ("other", Mode.CARD)]
    ):
        write("insert_alert", make.alert(key=f"k{number}", rule=rule, mode=mode, record_id="1", team="north"))
    hour = timedelta(hours=1)
    assert set(read("opened", "late", make.NOW - hour)) == {
        Opened("field", "1", "north", Mode.CARD, 2),
        Opened("field", "1", "north", Mode.LISTED, 1),
    }
    assert read("opened", "late", make.NOW + hour) == []
    assert (read("count_opened", "k1", make.NOW - hour), read("count_opened", "k1", make.NOW + hour)) == (1, 0)


@pytest.mark.parametrize(
    ("which", "count"),
    [
        (("late", "north", ""), 2),
        (("late", "south", ""), 0),
        (("other", "north", ""), 1),
        (("", "", "field"), 3),
        (("", "", "elsewhere"), 0),
    ],
)
def test_how_many_cards_came_of_late_of_a_rule_in_a_team_or_of_a_source(make, write, read, which, count):
    for number, (rule, mode) in enumerate(
        [("late", Mode.CARD), ("late", Mode.CARD), ("late", Mode.LISTED), ("other", Mode.CARD)]
    ):
        write("insert_alert", make.alert(key=f"k{number}", rule=rule, mode=mode, record_id="1", team="north"))
    hour = timedelta(hours=1)
    assert read("count_cards", *which, make.NOW - hour, 9) == count
    assert read("count_cards", *which, make.NOW - hour, 1) == min(count, 1)
    assert read("count_cards", *which, make.NOW + hour, 9) == 0
