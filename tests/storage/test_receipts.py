"""What vendors have of ours: ranks only rise, what is late is found once, links end with their alert."""

from dataclasses import replace
from datetime import timedelta

from deskbell.core.alert import Status
from deskbell.core.heard import Link, Message, Rank


def message(make, ident="m1", alert_id=1, person="ben", **values):
    return Message("sms", ident, alert_id, "phones", person, f"key-{ident}", Rank.QUEUED, make.NOW, **values)


def test_a_rank_only_rises_whoever_says_it_first(make, write, read):
    write(make.raised)
    write("save_message", message(make))
    assert write("rank_message", "sms", "m1", Rank.DELIVERED, "", make.NOW)
    assert not write("rank_message", "sms", "m1", Rank.FAILED, "late", make.NOW)
    assert not write("rank_message", "sms", "m1", Rank.DELIVERED, "again", make.NOW)
    assert write("rank_message", "sms", "m1", Rank.READ, "", make.NOW)
    assert not write("rank_message", "sms", "none", Rank.READ, "", make.NOW)
    assert read("message", "sms", "m1").rank is Rank.READ
    # The vendor was faster than our own commit: what it said stays.
    write("save_message", replace(message(make, "m2", 0, ""), rank=Rank.SENT))
    write("save_message", message(make, "m2"))
    assert (read("message", "sms", "m2").rank, read("message", "sms", "m2").person) == (Rank.SENT, "ben")
    assert [one.id for one in read("messages_of", 1)] == ["m1", "m2"]


def test_what_is_asked_about_and_what_is_late(make, write, read):
    write(make.raised)
    for ident, minutes in (("m1", 1), ("m2", 2), ("m3", None)):
        due = make.later(minutes=minutes) if minutes else None
        write("save_message", message(make, ident, due_at=due))
    write("rank_message", "sms", "m3", Rank.DELIVERED, "", make.NOW)
    since = make.NOW - timedelta(hours=1)
    assert {one.id for one in read("messages_waiting", "sms", since, 10)} == {"m1", "m2"}
    assert {one.id for one in read("messages_open", "sms", since, 10)} == {"m1", "m2", "m3"}
    assert [one.id for one in read("late_messages", make.later(minutes=1), 10)] == ["m1"]
    write("message_in_time", "sms", "m1")
    assert read("late_messages", make.later(minutes=1), 10) == []
    assert read("sent_to", "sms", "ben", since) == [1]
    assert read("sent_to", "sms", "ana", since) == read("sent_to", "sms", "ben", make.NOW) == []
    alert = read("alert", 1)
    write("save_alert", replace(alert, status=Status.RESOLVED, version=2), 1)
    assert read("sent_to", "sms", "ben", since) == read("messages_open", "sms", since, 10) == []
    write("forget_messages", make.later(minutes=1))
    assert read("messages_of", 1) == []


def test_links_end_with_their_alert_and_their_time(make, write, read):
    write(make.raised)
    for digest in ("a", "b"):
        write("save_link", Link(digest, 1, "ben", make.later(hours=1)), make.NOW)
    write("save_link", Link("a", 1, "ana", make.later(hours=9)), make.NOW)
    assert read("link", "a").person == "ben"
    write("spend_link", "a")
    write("link_tried", "b")
    assert (read("link", "a").state, read("link", "b").tries) == ("used", 1)
    write("end_links", 1)
    assert (read("link", "a").state, read("link", "b").state) == ("used", "over")
    write("save_link", Link("c", 1, "ben", make.later(hours=9)), make.later(hours=2))
    assert read("link", "a") is None
    assert read("link", "c").state == "open"


def test_records_that_are_in_step_are_asked_about(make, write, read):
    write(make.raised)
    (claim,) = write("claim", "ops", make.NOW, make.LEASE)
    assert read("records_in", "ops", 10) == []
    write("settle_sent", claim, {"id": "r1", "state": "open"}, 1, make.NOW)
    (post,) = read("records_in", "ops", 10)
    write("save_ref", post.id, {"id": "r1", "state": "resolved"})
    assert read("records_in", "ops", 10)[0].ref["state"] == "resolved"
    alert = read("alert", 1)
    write("save_alert", replace(alert, status=Status.RESOLVED, version=2), 1)
    assert read("records_in", "ops", 10) == []
    assert read("dispatch", "none") is None
