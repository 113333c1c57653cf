"""What a storm needs of the database: its alerts, cards that wait or are withdrawn, and silences; in both kinds."""

from dataclasses import replace
from datetime import timedelta

from deskbell.core.alert import Severity, Status
from deskbell.core.ports import Lane
from deskbell.core.silence import Silence

WAIT, LEASE = timedelta(seconds=20), timedelta(seconds=60)


def family(write, make):
    parent = write(make.raised, 1)
    children = [write(make.raised, number, parent=parent.id) for number in (2, 3, 4)]
    write("save_alert", replace(children[0], status=Status.ACKED, severity=Severity.P1, version=2), 1)
    return parent, children


def test_an_alert_knows_the_one_that_stands_for_it(make, write, read):
    parent, children = family(write, make)
    found = read("alerts", parent=parent.id)
    assert {one.id for one in found} == {one.id for one in children}
    counted = read("family", parent.id)
    assert counted.count() == counted.live == 3
    assert counted.count(Status.ACKED) == counted.count(least=Severity.P1) == 1
    assert counted.newest == max(one.opened_at for one in children)
    assert read("family", 999).count() == 0


def test_a_card_that_waits_is_due_later_and_at_once_when_it_becomes_a_p1(make, write, read):
    alert = write(make.raised, destinations=())
    write("want_post", alert.id, "ops", Lane.PAGE, alert.severity, make.NOW, make.NOW + WAIT)
    assert not write("claim", "ops", make.NOW, LEASE, 5)
    assert read("work_due", make.NOW)[1] == make.NOW + WAIT
    write("save_alert", replace(alert, severity=Severity.P1, version=2), 1)
    write("bump_posts", alert.id, make.NOW)
    (claim,) = write("claim", "ops", make.NOW, LEASE, 5)
    assert claim.alert.severity is Severity.P1


def test_what_is_still_to_be_posted_is_withdrawn_and_what_is_under_way_is_not(make, write, read):
    alert = write(make.raised, destinations=("ops", "field"))
    write("add_dispatch", make.note("story", alert.id, "field"), alert.severity, make.NOW)
    (under_way,) = write("claim", "ops", make.NOW, LEASE, 5)
    assert write("withdraw_posts", alert.id)
    assert not write("claim", "field", make.NOW, LEASE, 5), "neither the card nor the note that waited for it"
    assert write("settle_sent", under_way, {"ts": "1"}, 1, make.NOW)
    assert [post.destination for post in read("posts_of", alert.id)] == ["ops"]
    write("want_post", alert.id, "field", Lane.PAGE, alert.severity, make.NOW)
    assert [claim.work.generation for claim in write("claim", "field", make.NOW, LEASE, 5)] == [2]
    other = write(make.raised, 2, destinations=("ops",))
    assert not write("withdraw_posts", other.id)
    assert not read("posts_of", other.id)


def test_silences_last_until_somebody_ends_them_once(make, write, read):
    later = Silence({"team": ("north",)}, "works", make.NOW, make.later(hours=2), "ana", "ben")
    soon = replace(later, ends_at=make.later(hours=1), approved_by="")
    made = write("add_silence", later)
    assert replace(made, id=0) == later
    first = write("add_silence", soon)
    assert read("silences") == [first, made]
    assert write("end_silence", first.id, make.NOW)
    assert not write("end_silence", first.id, make.NOW)
    assert read("silences") == [made]
    assert read("silence", first.id).ended_at == make.NOW
    assert read("silence", 999) is None
