"""The outbox: order, waiting for one another, leases and fences, and what becomes of a piece of work."""

from dataclasses import replace

import pytest

from deskbell.core.alert import Mode, Severity
from deskbell.core.ports import EVERY_OP, DispatchKind, Lane, Op


@pytest.fixture
def claim(make, write):
    def take(destination="ops", now=make.NOW, limit=10, **options):
        return write("claim", destination, now, make.LEASE, limit, **options)

    return take


@pytest.fixture
def send(make, write):
    """Settles a claim as sent."""

    def settle(claim, ref=None, shown=None):
        version = getattr(claim.work, "wanted", 0) if shown is None else shown
        return write("settle_sent", claim, {"ts": "1"} if ref is None else ref, version, make.NOW)

    return settle


@pytest.fixture
def add(make, write):
    def put(*args, severity=Severity.P2, now=make.NOW, **values):
        write("add_dispatch", make.note(*args, **values), severity, now)

    return put


def keys(claims):
    return [getattr(claim.work, "key", "card") for claim in claims]


# ---------------------------------------------------------------- a card


def test_a_card_is_posted_then_edited_then_at_rest(make, write, read, claim, send):
    alert = write(make.raised)
    assert read("work_due", make.NOW) == ({"ops": Severity.P2}, None)
    (first,) = claim()
    assert (first.alert, first.work.ref, first.work.wanted, first.work.unsure_since) == (alert, {}, 1, None)
    assert claim() == []
    assert send(first, {"channel": "C1", "ts": "1.1"})
    assert read("work_due", make.NOW) == ({}, None)
    write("bump_posts", alert.id, make.NOW)
    write("bump_posts", alert.id, make.NOW)
    (second,) = claim()
    assert (second.work.ref, second.work.wanted, second.work.shown) == ({"channel": "C1", "ts": "1.1"}, 3, 1)
    assert send(second, {})
    assert read("posts_of", alert.id)[0].ref == {"channel": "C1", "ts": "1.1"}, (
        "an answer without a ref keeps the old one"
    )
    assert claim() == []


def test_what_changed_while_a_card_was_under_way_is_still_due(make, write, read, claim, send):
    alert = write(make.raised)
    (first,) = claim()
    write("bump_posts", alert.id, make.NOW)
    assert claim() == [], "one at a time"
    assert send(first, shown=1)
    (second,) = claim()
    assert (second.work.wanted, second.work.shown) == (2, 1)


def test_only_the_cards_of_a_source_are_bumped(make, write, claim, send):
    write(make.raised, 1)
    write(make.raised, 2, source="desk")
    for held in claim():
        send(held)
    write("bump_source_posts", "desk", make.NOW)
    assert [held.alert.source for held in claim()] == ["desk"]


def test_a_bump_takes_over_the_severity(make, write, read, claim, send):
    alert = write(make.raised, severity=Severity.P3)
    send(claim()[0])
    write("save_alert", replace(alert, severity=Severity.P1, version=2), 1)
    write("bump_posts", alert.id, make.NOW)
    assert read("work_due", make.NOW)[0] == {"ops": Severity.P1}


def test_an_edit_that_nobody_waits_for_is_asked_for_apart(make, write, claim, send):
    alert = write(make.raised)
    send(claim()[0])
    write("bump_posts", alert.id, make.NOW, Lane.TIDY)
    assert claim(ops=dict.fromkeys(EVERY_OP - {Op.TIDY}, 9)) == []
    write("bump_posts", alert.id, make.NOW)
    write("bump_posts", alert.id, make.NOW, Lane.TIDY)
    (edit,) = claim(ops=dict.fromkeys([Op.EDIT], 9))
    write("bump_posts", alert.id, make.NOW, Lane.TIDY)
    send(edit)
    (late,) = claim(ops=dict.fromkeys([Op.EDIT], 9))
    assert late.work.wanted == 5, "what comes while an edit is under way goes with the next one"


def test_a_card_that_was_not_posted_yet_is_no_edit(make, write, claim):
    alert = write(make.raised)
    write("bump_posts", alert.id, make.NOW, Lane.TIDY)
    (post,) = claim(ops=dict.fromkeys([Op.POST], 9))
    assert post.work.wanted == 2


def test_a_lost_message_is_posted_anew(make, write, read, claim, send):
    alert = write(make.raised)
    send(claim()[0])
    write("bump_posts", alert.id, make.NOW)
    (edit,) = claim()
    write("repost", edit.work.id, make.NOW)
    write("repost", edit.work.id, make.NOW)
    assert not send(edit), "the old generation has nothing to say any more"
    (again,) = claim()
    assert (again.work.generation, again.work.ref, again.work.wanted, again.work.shown) == (2, {}, 2, 0)
    assert [post.generation for post in read("posts_of", alert.id)] == [2]


def test_a_destination_that_was_removed_takes_nothing_until_it_is_back(make, write, read, claim, send, add):
    alert = write(make.raised, destinations=("ops", "night"))
    (held,) = claim()
    add("n", alert.id)
    add("m", alert.id, "night")
    assert write("retire_destination", "ops") == 2
    assert not send(held)
    assert claim() == []
    assert read("work_due", make.NOW)[0] == {"night": Severity.P2}
    write("bump_posts", alert.id, make.NOW)
    assert [post.destination for post in read("posts_of", alert.id)] == ["night"]
    write("want_post", alert.id, "ops", Lane.PAGE, alert.severity, make.NOW)
    (back,) = claim()
    assert back.work.generation == 2


# ---------------------------------------------------------------- order


def test_the_most_severe_goes_first_then_the_lane_then_age(make, write, claim, add):
    write(make.raised, 1, severity=Severity.P3)
    add("late", 0, kind=DispatchKind.NOTICE, lane=Lane.DIGEST, now=make.later(seconds=1))
    add("early", 0, kind=DispatchKind.NOTICE, lane=Lane.DIGEST)
    add("story", 0, kind=DispatchKind.NOTICE)
    add("severe", 0, kind=DispatchKind.NOTICE, severity=Severity.P1, lane=Lane.DIGEST)
    claims = claim(now=make.later(seconds=1))
    assert keys(claims) == ["severe", "story", "early", "late", "card"]
    assert keys(claim("night")) == []


def test_a_limit_hands_out_the_first_and_leaves_the_rest(make, write, claim, add):
    for number in (1, 2, 3):
        write(make.raised, number, severity=Severity(number))
        add(f"n{number}", 0, kind=DispatchKind.NOTICE, severity=Severity(number))
    assert [keys(claim(limit=1)) for _ in range(7)] == [["card"], ["n1"], ["card"], ["n2"], ["card"], ["n3"], []]


def test_a_shown_card_is_behind_a_new_one_of_its_severity(make, write, claim, send):
    old = write(make.raised, 1)
    send(claim()[0])
    write("bump_posts", old.id, make.NOW)
    new = write(make.raised, 2)
    assert [held.work.alert_id for held in claim()] == [new.id, old.id]


def test_only_work_of_the_kinds_asked_for_is_handed_out(make, write, claim, send, add):
    old = write(make.raised, 1)
    send(claim()[0])
    write("bump_posts", old.id, make.NOW)
    new = write(make.raised, 2)
    add("story", old.id)
    add("back", old.id, kind=DispatchKind.WRITE, destination="ops")
    add("summary", 0, kind=DispatchKind.NOTICE, lane=Lane.DIGEST)
    assert claim(ops={}) == []
    assert [held.work.alert_id for held in claim(ops=dict.fromkeys([Op.EDIT], 9))] == [old.id]
    assert claim(ops=dict.fromkeys([Op.WRITE], 9)) == [], "it waits for the story"
    posted = claim(ops=dict.fromkeys([Op.POST], 9))
    assert keys(posted) == ["card", "story", "summary"]
    assert posted[0].work.alert_id == new.id
    send(posted[1])
    assert keys(claim(ops=dict.fromkeys([Op.WRITE, Op.EDIT], 9))) == ["back"]


# ---------------------------------------------------------------- who waits for whom


def test_a_note_waits_for_its_card_and_is_given_its_thread(make, write, read, claim, send, add):
    alert = write(make.raised)
    add("note", alert.id)
    (card,) = claim()
    assert keys(claim()) == []
    assert read("work_due", make.NOW)[0] == {}, "what is blocked is no work"
    send(card, {"ts": "9"})
    (note,) = claim()
    assert (note.work.key, note.post_ref, note.alert) == ("note", {"ts": "9"}, alert)


def test_a_note_waits_for_a_card_that_is_wanted_after_it(make, write, claim, add):
    alert = write(make.raised, destinations=())
    add("note", alert.id)
    write("want_post", alert.id, "ops", Lane.PAGE, alert.severity, make.NOW)
    assert keys(claim()) == ["card"]


def test_a_note_without_a_card_goes_at_once(make, write, claim, add):
    alert = write(make.raised, destinations=("elsewhere",))
    add("note", alert.id)
    (note,) = claim()
    assert (note.work.key, note.post_ref) == ("note", {})


@pytest.mark.parametrize("mode", [Mode.HELD, Mode.LISTED])
def test_a_note_waits_for_a_held_card(make, write, claim, send, add, mode):
    alert = write(make.raised, mode=mode)
    add("note", alert.id)
    assert claim() == []
    write("set_mode", alert.id, Mode.CARD)
    send(claim()[0])
    assert keys(claim()) == ["note"]


def test_a_direct_message_waits_for_nothing(make, write, claim, send, add):
    alert = write(make.raised)
    add("thread", alert.id)
    add("direct", alert.id, payload={"text": "wake up", "direct": "ana"})
    add("direct2", alert.id, payload={"text": "wake up", "direct": "ben"})
    claims = claim()
    assert keys(claims) == ["card", "direct", "direct2"]
    send(claims[0])
    assert keys(claim()) == ["thread"]


def test_the_dispatches_of_an_alert_go_one_after_the_other(make, write, claim, send, add):
    alert, other = write(make.raised, 1, destinations=()), write(make.raised, 2, destinations=())
    for key in ("a1", "a2", "a3"):
        add(key, alert.id, "desk", DispatchKind.WRITE)
    add("b1", other.id, "desk", DispatchKind.WRITE)
    add("c1", alert.id, "ops", DispatchKind.WRITE)
    claims = claim("desk")
    assert keys(claims) == ["a1", "b1"]
    assert keys(claim("ops")) == ["c1"]
    write("settle_retry", claims[0], make.later(seconds=30), "503", unsure=False, counts=True, now=make.NOW)
    assert claim("desk") == [], "a2 may not overtake a1"
    (again,) = claim("desk", now=make.later(seconds=30))
    assert (again.work.key, again.work.attempts) == ("a1", 1)
    write("settle_dead", again, "400", make.NOW)
    (following,) = claim("desk")
    assert following.work.key == "a2", "what is given up holds nobody back"
    send(following)
    assert keys(claim("desk")) == ["a3"]


def test_a_dead_card_silences_no_note(make, write, claim, add):
    alert = write(make.raised)
    add("note", alert.id)
    write("settle_dead", claim()[0], "channel_not_found", make.NOW)
    (note,) = claim()
    assert (note.work.key, note.post_ref) == ("note", {})


def test_a_card_without_a_ref_lets_its_notes_go(make, write, claim, send, add):
    alert = write(make.raised)
    add("note", alert.id)
    send(claim()[0], {})
    assert keys(claim()) == ["note"]


def test_a_lost_card_holds_its_notes_back_again(make, write, claim, send, add):
    alert = write(make.raised)
    (card,) = claim()
    send(card)
    add("note", alert.id)
    write("repost", card.work.id, make.NOW)
    (again,) = claim()
    assert again.work.generation == 2
    send(again, {"ts": "2"})
    assert claim()[0].post_ref == {"ts": "2"}


def test_of_each_kind_no_more_is_claimed_than_may_go(make, write, claim, send):
    for number in (1, 2, 3):
        write(make.raised, number)
    for card in claim(limit=2):
        send(card, {"ts": "1"})
        write("bump_posts", card.work.alert_id, make.NOW)
    write(make.raised, 4)
    found = claim(limit=9, ops={Op.POST: 1, Op.EDIT: 9})
    assert [(held.work.alert_id, bool(held.work.ref)) for held in found] == [(3, False), (1, True), (2, True)]
    assert [held.work.alert_id for held in claim(limit=9, ops={Op.POST: 9})] == [4]


def test_a_dispatch_is_asked_for_once(add, read):
    add("n", 0, kind=DispatchKind.NOTICE)
    add("n", 0, kind=DispatchKind.NOTICE)
    assert read("count_outbox") == {"waiting": 1, "claimed": 0, "dead": 0}


def test_a_dispatch_waits_for_its_time(make, read, claim, add):
    add("n", 0, kind=DispatchKind.NOTICE, not_before=make.later(minutes=5))
    assert read("work_due", make.NOW) == ({}, make.later(minutes=5))
    assert claim() == []
    assert keys(claim(now=make.later(minutes=5))) == ["n"]


# ---------------------------------------------------------------- leases


def test_a_lease_that_ran_out_is_handed_to_another_and_the_first_is_refused(make, write, read, claim, send):
    write(make.raised)
    (first,) = claim()
    assert read("work_due", make.NOW) == ({}, make.NOW + make.LEASE)
    assert claim(now=make.later(seconds=59)) == []
    later = make.NOW + make.LEASE
    (second,) = claim(now=later)
    assert second.fence == first.fence + 1
    assert second.work.unsure_since == make.NOW, "its first attempt may have arrived"
    assert not send(first)
    assert not write("settle_dead", first, "no", later)
    assert not write("settle_retry", first, later, "no", unsure=True, counts=True, now=later)
    assert send(second)
    assert not send(second), "settled once"


def test_a_late_settle_counts_while_nobody_else_came(make, write, claim, send):
    write(make.raised)
    (first,) = claim()
    assert send(first)


def test_an_attempt_is_unsure_until_it_is_known_how_it_ended(make, write, claim):
    write(make.raised)

    def settle(held, *, unsure):
        return write("settle_retry", held, make.NOW, "timeout", unsure=unsure, counts=True, now=make.NOW)

    (first,) = claim()
    assert settle(first, unsure=True)
    (second,) = claim(now=make.later(seconds=1))
    assert (second.work.unsure_since, second.work.attempts) == (make.NOW, 1)
    assert settle(second, unsure=False)
    (third,) = claim(now=make.later(seconds=2))
    assert (third.work.unsure_since, third.work.attempts) == (None, 2)


def test_a_rate_limit_is_no_failed_attempt(make, write, read, claim):
    write(make.raised)
    (first,) = claim()
    write("settle_retry", first, make.later(seconds=30), "429", unsure=False, counts=False, now=make.NOW)
    assert read("work_due", make.NOW) == ({}, make.later(seconds=30))
    assert claim(now=make.later(seconds=30))[0].work.attempts == 0


# ---------------------------------------------------------------- what people see


def test_people_see_what_waits_and_what_died_and_can_try_again(make, write, read, claim, send, add):
    alert = write(make.raised)
    add("note", alert.id)
    add("later", 0, kind=DispatchKind.NOTICE, now=make.later(seconds=1))
    (card,) = claim(limit=1)
    assert read("count_outbox") == {"waiting": 2, "claimed": 1, "dead": 0}
    write("settle_dead", card, "invalid_blocks", make.NOW)
    assert read("count_outbox") == {"waiting": 2, "claimed": 0, "dead": 1}
    (dead,) = read("outbox", dead_only=True)
    assert (dead.kind, dead.destination, dead.alert_ref, dead.state) == ("post", "ops", "D-1", "dead")
    assert (dead.attempts, dead.error, dead.next_try_at) == (1, "invalid_blocks", None)
    rows = read("outbox")
    assert [(row.kind, row.state, row.alert_ref) for row in rows[1:]] == [
        ("note", "waiting", "D-1"),
        ("notice", "waiting", ""),
    ]
    assert len(read("outbox", limit=2)) == 2
    write("bump_posts", alert.id, make.NOW)
    assert "card" not in keys(claim()), "the dead stay dead until somebody says otherwise"
    assert not write("revive", 99, "post", make.NOW)
    assert not write("revive", dead.id, "note", make.NOW)
    assert write("revive", dead.id, "post", make.NOW)
    (again,) = [held for held in claim() if keys([held]) == ["card"]]
    assert (again.work.wanted, again.work.attempts) == (2, 0)
    assert send(again)


def test_a_dead_dispatch_comes_back_at_its_place(make, write, claim, add):
    alert = write(make.raised, destinations=())
    add("first", alert.id)
    write("settle_dead", claim()[0], "no", make.NOW)
    add("second", alert.id)
    assert write("revive", 1, "note", make.NOW)
    assert keys(claim()) == ["first"]
