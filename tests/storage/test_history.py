"""Earlier readings of records, and how soon people heard: what goes in comes out, and goes when it is too old."""

from dataclasses import replace

import pytest

from deskbell.core.alert import Status
from deskbell.core.history import Detection, Ended, Reading


def was(make, number, minute):
    """A visit as it was read in that minute."""
    return replace(make.visit(str(number), f"J-{number}"), seen_at=make.later(minutes=minute))


@pytest.fixture
def kept(make, write):
    """Of three visits: read in minutes 0 to 2, and again in 10 to 12; the last one is gone by minute 20."""
    for number in (1, 2, 3):
        ends = make.later(minutes=9 + number)
        write("keep_readings", [was(make, number, number - 1)], ends, Ended.OURS if number == 2 else Ended.READ)
    write("save_records", [was(make, number, 9 + number) for number in (1, 2)])
    write("keep_readings", [was(make, 3, 12)], make.later(minutes=20), Ended.GONE)


def test_a_reading_holds_until_the_next_one(make, kept, read):
    found = read("readings", make.NOW)
    assert [(one.record_id, one.seen_at, one.until, one.ended) for one in found if one.row] == [
        ("1", make.NOW, make.later(minutes=10), Ended.READ),
        ("2", make.later(minutes=1), make.later(minutes=11), Ended.OURS),
        ("3", make.later(minutes=2), make.later(minutes=12), Ended.READ),
        ("3", make.later(minutes=12), make.later(minutes=20), Ended.GONE),
    ]
    assert found[4:] == [Reading("field", str(n), "visit", make.later(minutes=9 + n)) for n in (1, 2)]
    assert [one.record_id for one in read("readings", make.later(minutes=11)) if one.row] == ["3", "3"]
    rows = [one.row for one in found if one.row]
    records = read("read_earlier", [*rows, 4711])
    assert {row: record.number for row, record in records.items()} == dict(
        zip(rows, ["J-1", "J-2", "J-3", "J-3"], strict=True)
    )


def test_what_is_over_in_its_source_is_left_out_unless_it_came_since(make, write, read):
    done = replace(make.case("9", status="closed"), seen_at=make.NOW)
    write("save_records", [done, make.case("8")])
    assert [one.record_id for one in read("readings", make.later(minutes=1))] == ["8"]
    assert {one.record_id for one in read("readings", make.NOW)} == {"8", "9"}


def test_the_oldest_go_first(make, kept, write, read):
    def rows():
        return [one.record_id for one in read("readings", make.NOW) if one.row]

    assert write("drop_readings", make.NOW, 100, 10) is None
    assert write("drop_readings", make.later(minutes=12), 100, 1) == make.later(minutes=10)
    assert rows() == ["2", "3", "3"]
    assert write("drop_readings", make.later(minutes=12), 100, 10) == make.later(minutes=11)
    assert rows() == ["3", "3"]
    assert write("drop_readings", make.NOW, 1, 10) == make.later(minutes=12)
    assert rows() == ["3"]


def test_no_text_is_too_odd_to_be_kept(make, write, read):
    odd = replace(make.visit(), record=replace(make.visit().record, status_raw="\ud800 \0 ❄"))
    write("keep_readings", [odd], make.later(minutes=1), Ended.READ)
    (row,) = [one.row for one in read("readings", make.NOW)]
    assert "❄" in read("read_earlier", [row])[row].status_raw


def test_the_first_card_of_an_alert_counts(make, write, read):
    for number in (1, 2, 3):
        write(make.raised, number)
        write("detected", number, make.later(minutes=number))
    write("first_shown", 1, make.later(minutes=5))
    write("first_shown", 1, make.later(minutes=9))
    write("first_shown", 4711, make.later(minutes=9))  # one about ourselves: nobody counts it
    over = replace(read("alert", 3), status=Status.RESOLVED, condition=False, version=2)
    assert write("save_alert", over, 1)
    shown = Detection("field", make.later(minutes=1), make.later(minutes=5))
    waits = Detection("field", make.later(minutes=2), None)
    assert sorted(read("detections", make.NOW), key=lambda one: one.fact_at) == [shown, waits]
    assert read("detections", make.later(minutes=6)) == [waits]
    assert read("shown_since", make.NOW) == [shown]
    assert read("shown_since", make.later(minutes=5)) == []
    write("forget_detections", make.later(minutes=6))
    assert read("detections", make.NOW) == []


def test_an_alert_and_when_it_came_to_be_are_written_together(make, write, read):
    def change(uow):
        uow.expect_keys({make.alert(5).key})
        uow.newest_by_key(make.alert(5).key)
        alert = make.raised(uow, 5)
        uow.detected(alert.id, make.NOW)
        uow.detected(alert.id, make.later(minutes=1))
        uow.first_shown(alert.id, make.later(minutes=2))

    write(change)
    assert read("detections", make.NOW) == [Detection("field", make.NOW, make.later(minutes=2))]
