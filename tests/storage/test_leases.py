"""Leases: one holder per name at a time, whose fence tells it from all before it."""

from datetime import timedelta

TTL = timedelta(seconds=10)


def test_a_lease_is_held_by_one(make, write, read):
    assert write("take_lease", "telegram", "a", make.NOW, TTL) == 1
    assert write("take_lease", "telegram", "b", make.later(seconds=9), TTL) is None
    assert write("take_lease", "field", "b", make.NOW, TTL) == 1
    assert [(lease.name, lease.holder, lease.until) for lease in read("leases")] == [
        ("field", "b", make.later(seconds=10)),
        ("telegram", "a", make.later(seconds=10)),
    ]


def test_a_lease_that_ran_out_goes_to_another_one_with_a_new_fence(make, write):
    fence = write("take_lease", "field", "a", make.NOW, TTL)
    assert write("take_lease", "field", "b", make.later(seconds=10), TTL) == fence + 1
    assert not write("holds_lease", "field", fence)
    assert not write("renew_lease", "field", fence, make.later(seconds=10), TTL)
    assert not write("release_lease", "field", fence)
    assert write("holds_lease", "field", fence + 1)


def test_a_lease_that_ran_out_and_that_nobody_took_goes_on(make, write):
    fence = write("take_lease", "field", "a", make.NOW, TTL)
    assert write("renew_lease", "field", fence, make.later(minutes=5), TTL)
    assert write("take_lease", "field", "b", make.later(minutes=5, seconds=9), TTL) is None


def test_a_lease_that_was_let_go_is_free_at_once_and_its_fence_is_spent(make, write, read):
    fence = write("take_lease", "field", "a", make.NOW, TTL)
    assert write("release_lease", "field", fence)
    assert read("leases") == []
    assert not write("holds_lease", "field", fence)
    assert not write("renew_lease", "field", fence, make.NOW, TTL)
    assert write("take_lease", "field", "b", make.NOW, TTL) > fence


def test_who_takes_its_own_lease_again_is_a_new_holder(make, write):
    fence = write("take_lease", "field", "a", make.NOW, TTL)
    assert write("take_lease", "field", "a", make.later(seconds=1), TTL) == fence + 1
    assert not write("holds_lease", "field", fence)


def test_a_lease_that_nobody_ever_took_is_held_by_nobody(make, write):
    assert not write("holds_lease", "field", 1)
    assert not write("renew_lease", "field", 1, make.NOW, TTL)
    assert not write("release_lease", "field", 1)


def test_who_starts_alone_does_not_wait_for_the_leases_of_the_dead(make, write, read, store):
    fence = write("take_lease", "field", "a", make.NOW, TTL)
    store.lock_instance()
    assert read("leases") == []
    assert not write("holds_lease", "field", fence)
    assert write("take_lease", "field", "b", make.NOW, TTL) > fence
