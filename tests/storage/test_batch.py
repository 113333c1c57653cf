"""What a change need not know at once goes to the database together, and comes to the same."""

import pytest

from deskbell.core.alert import Severity
from deskbell.core.ports import DispatchKind, Lane
from deskbell.core.store import DuplicateAlert

POSTGRES = pytest.mark.parametrize("kind", ["postgresql"], indirect=True)


@pytest.fixture
def claimed(make, write):
    """Claims all that is due in a room."""

    def run(limit=100, now=make.NOW):
        return write("claim", "ops", now, make.LEASE, limit)

    return run


def opened(make, uow, numbers, rooms=("ops",)):
    keys = [make.alert(number).key for number in numbers]
    uow.expect_keys(keys)
    return [make.raised(uow, number, rooms) for number in numbers if uow.newest_by_key(make.alert(number).key) is None]


def test_a_page_of_alerts_with_cards_and_notes_is_one_change(make, write, read, claimed, store):
    def page(uow):
        for alert in opened(make, uow, range(1, 31), ("ops", "board")):
            uow.add_dispatch(make.note(f"n{alert.id}", alert.id), alert.severity, make.NOW)
            uow.save_records([make.visit(str(alert.id))])

    write(page)
    assert read("count_alerts") == read("audit_count") == 30
    assert len(read("records", "field", [str(number) for number in range(1, 31)])) == 30
    cards = claimed()
    assert [claim.work.alert_id for claim in cards] == list(range(1, 31)), "the notes wait for their cards"
    assert [claim.alert.key for claim in cards] == [make.alert(number).key for number in range(1, 31)]

    def sent(uow):
        uow.expect_settled(cards)
        return [uow.settle_sent(claim, {"ts": str(claim.work.alert_id)}, 1, make.NOW) for claim in cards]

    assert write(sent) == [True] * 30
    notes = claimed()
    assert [(claim.work.key, claim.post_ref) for claim in notes] == [(f"n{n}", {"ts": str(n)}) for n in range(1, 31)]
    assert store.verify().ok


def test_a_key_that_was_taken_is_not_taken_again(make, write, read):
    write(lambda uow: opened(make, uow, [2, 4]))
    assert len(write(lambda uow: opened(make, uow, [1, 2, 3, 4]))) == 2
    assert read("count_alerts") == 4
    with pytest.raises(DuplicateAlert):
        write(lambda uow: (uow.expect_keys([make.alert(1).key]), uow.insert_alert(make.alert(1))))


def test_who_lost_a_claim_is_told_so_among_those_who_did_not(make, write, claimed):
    for number in range(1, 4):
        write(make.raised, number)
    old = claimed(limit=2)
    assert len(claimed(now=make.later(minutes=2))) == 3

    def late(uow):
        uow.expect_settled(old)
        return [uow.settle_sent(claim, {"ts": "1"}, 1, make.NOW) for claim in old]

    assert write(late) == [False, False]


def test_a_claim_is_settled_once_however_often_it_is_tried(make, write, claimed):
    write(make.raised)
    (claim,) = claimed()

    def twice(uow):
        uow.expect_settled([claim])
        return [uow.settle_sent(claim, {"ts": "1"}, 1, make.NOW) for _ in range(2)]

    assert write(twice) == [True, False]


def test_each_way_to_settle_holds_in_one_change(make, write, read, claimed):
    for number in range(1, 7):
        write(make.raised, number)
    claims = claimed()

    def mixed(uow):
        uow.expect_settled(claims)
        for claim in claims[:2]:
            assert uow.settle_sent(claim, {"ts": "1"}, 1, make.NOW)
        for claim in claims[2:4]:
            assert uow.settle_retry(claim, make.later(minutes=1), "later", unsure=False, counts=True, now=make.NOW)
        for claim in claims[4:]:
            assert uow.settle_dead(claim, "no such room", make.NOW)
        return uow.outbox(dead_only=True)

    assert [row.error for row in write(mixed)] == ["no such room"] * 2
    assert read("count_outbox") == {"waiting": 2, "claimed": 0, "dead": 2}
    assert [claim.work.attempts for claim in claimed(now=make.later(minutes=1))] == [1, 1]


def test_one_row_asked_for_twice_in_a_change_is_as_two_changes(make, write, read):
    def twice(uow):
        for text in ("first", "second"):
            uow.save_records([make.visit("1", title=text)])
            uow.add_dispatch(make.note("n", 0, kind=DispatchKind.NOTICE, payload={"text": text}), Severity.P2, make.NOW)
            uow.put_value("name", text)

    write(twice)
    assert read("record", "field", "1").record.title == "second"
    assert read("value", "name") == "second"
    (notice,) = write("claim", "ops", make.NOW, make.LEASE, 9)
    assert notice.work.payload == {"text": "first"}


def test_a_change_reads_what_it_has_put_off(make, write):
    def change(uow):
        (alert,) = opened(make, uow, [1])
        (other,) = opened(make, uow, [2])
        uow.add_dispatch(make.note("n", alert.id), alert.severity, make.NOW)
        uow.bump_posts(alert.id, make.NOW)
        assert uow.newest_by_key(alert.key) == alert
        assert uow.alert(other.id) == other
        assert uow.count_alerts() == 2
        assert [post.wanted for post in uow.posts_of(alert.id)] == [2]
        return [row.kind for row in uow.outbox()]

    assert write(change) == ["post", "post", "note"]


def test_hostile_text_goes_through_together_as_alone(make, write, read):
    hostile = 'a\0b \ud800 "{}\\u0000\\ \u2028 \U0001f514'

    def change(uow):
        for number in (1, 2, 3):
            uow.save_records([make.visit(str(number), title=hostile)])

    write(change)
    write("save_records", [make.visit("4", title=hostile)])
    titles = {read("record", "field", str(number)).record.title for number in (1, 2, 3, 4)}
    assert len(titles) == 1
    assert "\U0001f514" in titles.pop()


@POSTGRES
def test_fifty_alerts_are_few_journeys(make, write, store, monkeypatch):
    from storage.libpq import Session

    def page(uow, first):
        for alert in opened(make, uow, range(first, first + 50)):
            uow.want_post(alert.id, "board", Lane.PAGE, alert.severity, make.NOW)
            uow.add_dispatch(make.note(f"n{alert.id}", alert.id), alert.severity, make.NOW)

    write(page, 1)  # statements are prepared with their first use
    sent, send = [], Session._send
    monkeypatch.setattr(Session, "_send", lambda self, asked: (sent.append(len(self._waiting)), send(self, asked))[1])
    write(page, 101)
    assert len(sent) <= 8
    assert sum(sent) <= 25
