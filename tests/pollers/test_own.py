"""Our own writes, told from others'."""

from datetime import UTC, datetime, timedelta

from pollers.own import KEPT, OwnWrites

T0 = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def after(minutes, seconds=0):
    return T0 + timedelta(minutes=minutes, seconds=seconds)


def test_what_nobody_wrote_is_somebodys_activity():
    assert OwnWrites().activity("1", after(3)) == after(3)


def test_a_write_of_ours_leaves_the_activity_before_it():
    own = OwnWrites()
    own.begin("1", T0)
    own.done("1", after(5))
    assert own.activity("1", after(5)) == T0
    assert own.activity("1", after(5, 4)) == T0, "what our write set off"
    assert own.activity("1", after(6)) == after(6), "somebody else"


def test_several_writes_in_a_row_still_leave_it():
    own = OwnWrites()
    for minute in (5, 10, 15):
        own.begin("1", after(minute - 5))
        own.done("1", after(minute))
    assert own.activity("1", after(15)) == T0


def test_somebodys_activity_between_two_of_our_writes_counts():
    own = OwnWrites()
    own.begin("1", T0)
    own.done("1", after(5))
    own.begin("1", after(8))
    own.done("1", after(10))
    assert own.activity("1", after(10)) == after(8)


def test_a_source_that_says_who_wrote_is_believed():
    own = OwnWrites()
    own.begin("1", T0)
    own.done("1", after(5))
    assert own.activity("1", after(5), ours=False) == after(5)
    assert own.activity("1", after(9), ours=True) == T0, "a write of ours whose answer was lost"


def test_an_older_reading_is_left_as_it_is():
    own = OwnWrites()
    own.begin("1", T0)
    own.done("1", after(5))
    assert own.activity("1", after(-1)) == after(-1)


def test_it_outlives_a_restart_and_is_bounded():
    own = OwnWrites()
    for n in range(KEPT + 10):
        own.begin(str(n), T0)
        own.done(str(n), after(5))
    again = OwnWrites()
    again.load(own.dump())
    assert again.activity(str(KEPT), after(5)) == T0
    assert again.activity("1", after(5)) == after(5)
    assert len(again.dump()) == KEPT


def test_what_another_instance_wrote_since_goes_before_what_we_remember():
    ours, theirs = OwnWrites(), OwnWrites()
    ours.begin("1", T0)
    ours.done("1", after(5))
    theirs.load(ours.dump())
    theirs.begin("1", after(5))
    theirs.done("1", after(9))
    theirs.begin("2", T0)
    ours.begin("3", T0)
    ours.load(theirs.dump())
    assert ours.activity("1", after(9)) == T0, "their write is no activity"
    assert set(ours.dump()) == {"1", "2", "3"}


def test_an_older_cursor_takes_nothing_away():
    own = OwnWrites()
    own.begin("1", T0)
    before = own.dump()
    own.done("1", after(5))
    own.load({**before})
    own.load({})
    assert own.activity("1", after(5)) == T0
