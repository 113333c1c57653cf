"""What hooks said has changed waits until it was read."""

from deskbell.core.ports import Hint


def test_hints_wait_oldest_first_and_once_each(make, write, read):
    for minute, record_id in enumerate(("7", "8", "7")):
        write("hint", Hint("desk", record_id, f"m{minute}"), make.later(minutes=minute))
    write("hint", Hint("field", "7", "other"), make.NOW)
    assert read("hints", "desk", 10) == [Hint("desk", "8", "m1"), Hint("desk", "7", "m2")]
    assert read("hints", "desk", 1) == [Hint("desk", "8", "m1")]
    assert write("count_hints", "desk") == 2
    assert write("count_hints", "none") == 0


def test_one_that_was_given_anew_stays(make, write, read):
    write("hint", Hint("desk", "7", "first"), make.NOW)
    taken = read("hints", "desk", 10)
    write("hint", Hint("desk", "7", "second"), make.NOW)
    write("drop_hints", taken)
    assert read("hints", "desk", 10) == [Hint("desk", "7", "second")]
    write("drop_hints", read("hints", "desk", 10))
    assert read("hints", "desk", 10) == []


def test_a_call_is_new_once_until_it_is_forgotten(make, write):
    assert write("first_call", "desk:a", make.NOW, make.NOW)
    assert not write("first_call", "desk:a", make.later(minutes=1), make.NOW)
    assert write("first_call", "desk:b", make.later(minutes=1), make.NOW)
    assert write("first_call", "desk:a", make.later(minutes=2), make.later(minutes=1))
    assert not write("first_call", "desk:b", make.later(minutes=2), make.later(minutes=1))
