"""Limits obeyed before the send."""

from datetime import timedelta

from deskbell.core.ports import Limit
from deskbell.net.limits import Buckets, wanted

LIMITS = (
    Limit("post", "destination", 1, timedelta(seconds=1)),
    Limit("edit", "account", 50, timedelta(minutes=1)),
    Limit("post", "account", 3, timedelta(seconds=10)),
)


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


def buckets():
    clock = Clock()
    return Buckets(clock), clock


def test_the_destination_and_the_account_are_counted_apart():
    some, clock = buckets()
    a, b = (wanted("slack", room, "post", LIMITS) for room in ("a", "b"))
    assert some.wait(a) == 0
    assert some.wait(a) == 1
    assert some.wait(b) == 0
    clock.now += 1
    assert some.wait(a) == 0
    clock.now += 1
    assert some.wait(b) == 8, "three posts of the account in ten seconds"


def test_never_more_than_the_limit_in_any_window():
    some, clock = buckets()
    edit = wanted("slack", "a", "edit", LIMITS)
    sent = []
    while clock.now < 1300:
        wait = some.wait(edit)
        if wait == 0:
            sent.append(clock.now)
        clock.now += max(wait, 0.01)
    most = max(sum(start <= at < start + 60 for at in sent) for start in sent)
    assert most == 50


def test_asking_counts_nothing():
    some, _ = buckets()
    post = wanted("slack", "a", "post", LIMITS)
    assert [some.peek(post) for _ in range(3)] == [0, 0, 0]


def test_a_cool_down_holds_whatever_the_limits_say():
    some, clock = buckets()
    some.cool(("slack", "edit"), clock.now + 30)
    some.cool(("slack", "edit"), clock.now + 5)
    assert some.wait(wanted("slack", "a", "edit", ())) == 30
    assert some.wait(wanted("slack", "a", "post", ())) == 0
    clock.now += 30
    assert some.wait(wanted("slack", "a", "edit", ())) == 0


def test_what_was_not_sent_is_given_back():
    some, clock = buckets()
    keys = wanted("slack", "room", "post", LIMITS)
    for _ in range(5):
        assert some.wait(keys) == 0
        some.give_back(keys)
    assert some.wait(keys) == 0
    assert some.wait(keys) > 0
    clock.now += 60
    some.give_back(keys)
    assert some.wait(keys) == 0


def test_a_share_of_a_limit_leaves_room_for_what_matters_more():
    some, clock = buckets()
    edit = wanted("slack", "a", "edit", LIMITS)
    for _ in range(25):
        assert some.peek(edit, 0.5) == 0
        assert some.wait(edit) == 0
        clock.now += 1
    assert some.peek(edit, 0.5) == 35, "until the oldest of the last 25 is a minute old"
    assert some.peek(edit) == 0
    post = wanted("slack", "a", "post", LIMITS)
    assert some.peek(post, 0.5) == 0, "half of one is one"


def test_of_an_accounts_limits_only_the_part_that_is_ours_is_used():
    clock, parts = Clock(), {"slack": 0.5}
    some = Buckets(clock, lambda account: parts[account])
    edit, post = (wanted("slack", "a", op, LIMITS) for op in ("edit", "post"))
    assert (some.room(edit), some.room(post)) == (25, 1)
    assert [some.wait(edit) for _ in range(26)] == [0] * 25 + [60]
    parts["slack"] = 1.0
    assert some.wait(edit) == 0, "the others are gone"
    parts["slack"] = 0.0
    assert some.room(wanted("slack", "b", "post", LIMITS)) == 1, "what was begun there is ended"
