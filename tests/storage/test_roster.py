"""What is agreed about shifts, how people want to be rung, which ways work, and the feeds of shifts."""

from datetime import timedelta

from deskbell.core.duty import Agreed, Kind
from deskbell.core.prefs import Proof

HOUR = timedelta(hours=1)


def stretch(make, key, person, start, hours=1, **more):
    begins = make.NOW + start * HOUR
    return Agreed(key, Kind.COVER, "dispatch", person, begins, begins + hours * HOUR, **more)


def test_what_is_agreed_stands_and_falls_by_its_key_and_ends_with_its_time(make, write, read):
    one = [stretch(make, "a", "ana", 0, instead_of="ben"), stretch(make, "a", "ben", 5, settled=False)]
    other = stretch(make, "b", "carla", 1)
    write("agree", "a", one)
    write("agree", "b", [other])
    assert read("agreed", make.NOW) == [*one, other], "in the order in which it was agreed"
    assert read("agreed", make.NOW + 2 * HOUR) == [one[1]]
    assert read("agreed_as", "a") == one
    write("agree", "a", [])
    assert read("agreed", make.NOW) == [other]
    write("agree", "b", [stretch(make, "b", "dan", 1)])
    assert [found.person for found in read("agreed", make.NOW)] == ["dan"]


def test_prefs_are_the_last_that_were_saved(write, read):
    assert read("prefs") == {}
    write("save_prefs", "ana", {"quiet": ["22:00:00", "07:00:00"]})
    write("save_prefs", "ben", {"high": [["slack", 0]]})
    write("save_prefs", "ana", {"quiet": None})
    assert read("prefs") == {"ana": {"quiet": None}, "ben": {"high": [["slack", 0]]}}


def test_a_proof_is_of_one_way_to_one_person(make, write, read):
    write("save_proof", "ana", "slack", Proof(make.NOW))
    write("save_proof", "ana", "sms", Proof(make.NOW, None, "digest"))
    write("save_proof", "ana", "slack", Proof(make.NOW, make.later(minutes=1)))
    assert read("proofs", "ana") == {
        "slack": Proof(make.NOW, make.later(minutes=1)),
        "sms": Proof(make.NOW, None, "digest"),
    }
    assert read("proofs", "ben") == {}


def test_a_person_has_one_feed_and_a_new_one_closes_the_old(make, write, read):
    write("save_feed", "ana", "first", make.NOW)
    write("save_feed", "ana", "second", make.NOW)
    assert [read("feed_of", digest) for digest in ("first", "second", "")] == [None, "ana", None]
    write("save_feed", "ana", "", make.NOW)
    assert read("feed_of", "second") is None
