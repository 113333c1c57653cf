"""Alerts: one per key, guarded by their version; the posts follow their mode."""

from dataclasses import replace

import psycopg
import pytest

from deskbell.core.alert import Mode, Severity, Status
from deskbell.core.ports import Lane
from deskbell.core.store import DuplicateAlert


def test_an_alert_is_remembered_whole(make, write, read):
    alert = make.alert(
        stage="15 min",
        url="https://desk.example/1",
        team="north",
        zone="Europe/Vienna",
        policy="standard",
        level=2,
        rounds=1,
        escalate_at=make.later(minutes=5),
        assignee="ana",
        acked_by="ana",
        acked_at=make.NOW,
        snoozed_until=make.later(hours=1),
        resolved_by="ben",
        resolved_at=make.later(hours=2),
        reason="called ❄",
        writeback="told Freshdesk",
        condition=False,
        status=Status.ACKED,
        mode=Mode.LISTED,
        severity=Severity.P4,
    )
    stored = write("insert_alert", alert)
    assert stored == replace(alert, id=1)
    assert stored.ref == "D-1"
    assert read("alert", 1) == stored
    assert read("newest_by_key", alert.key) == stored
    assert read("alert", 2) is None
    assert read("newest_by_key", "none") is None


def test_numbers_are_never_given_twice(make, write, database):
    def fail(uow):
        uow.insert_alert(make.alert(1))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write(fail)
    first = write("insert_alert", make.alert(1))
    database.sql(("DELETE FROM alerts WHERE id = ?", (first.id,)))
    assert write("insert_alert", make.alert(2)).id == first.id + 1


@pytest.mark.parametrize(
    ("status", "condition", "refused"),
    [
        (Status.OPEN, True, True),
        (Status.OPEN, False, True),
        (Status.ACKED, True, True),
        (Status.RESOLVED, True, True),  # by a person: it stays resolved until the condition ends
        (Status.RESOLVED, False, False),
    ],
)
def test_one_alert_per_key_while_it_lives_or_its_condition_holds(make, write, read, status, condition, refused):
    first = write("insert_alert", make.alert(status=status, condition=condition))
    if refused:
        with pytest.raises(DuplicateAlert):
            write("insert_alert", make.alert())
    else:
        second = write("insert_alert", make.alert())
        assert read("newest_by_key", first.key) == second
        with pytest.raises(DuplicateAlert):
            write("save_alert", replace(first, status=Status.OPEN, version=2), 1)
        assert read("alert", first.id) == first


def test_a_refused_alert_leaves_the_rest_of_the_change(make, write, read):
    def change(uow):
        uow.insert_alert(make.alert(1))
        with pytest.raises(DuplicateAlert):
            uow.insert_alert(make.alert(1))
        return uow.insert_alert(make.alert(2))

    assert write(change).key == make.alert(2).key
    assert read("count_alerts") == 2


def test_a_save_names_the_version_it_read(make, write, read):
    first = write("insert_alert", make.alert())
    second = replace(first, version=2, status=Status.ACKED, assignee="ana")
    assert write("save_alert", second, 1)
    assert not write("save_alert", replace(second, assignee="ben"), 1)
    assert read("alert", first.id) == second
    assert not write("save_alert", replace(second, id=99), 2)


def test_the_alerts_of_a_record_are_those_that_stand(make, write, read):
    live = write("insert_alert", make.alert(key="a"))
    by_hand = write("insert_alert", make.alert(key="b", status=Status.RESOLVED))
    write("insert_alert", make.alert(key="c", status=Status.RESOLVED, condition=False))
    other = write("insert_alert", make.alert(2))
    assert read("alerts_of", "field", "1") == [live, by_hand]
    assert read("alerts_of", "desk", "1") == []
    assert read("alerts_of_many", "field", ["1", "2", "3", "1"]) == {"1": [live, by_hand], "2": [other]}


def test_the_list_goes_by_severity_and_age_and_can_be_narrowed(make, write, read):
    rows = [
        make.alert(1, severity=Severity.P3, team="north"),
        make.alert(2, severity=Severity.P1, opened_at=make.later(minutes=1), assignee="ana"),
        make.alert(3, severity=Severity.P1, status=Status.ACKED, source="desk"),
        make.alert(4, severity=Severity.P1, status=Status.RESOLVED, rule="sla_breached"),
    ]
    for row in rows:
        write("insert_alert", row)

    def ids(**filters):
        return [alert.id for alert in read("alerts", **filters)]

    assert ids() == [3, 2, 1]
    assert ids(limit=1, offset=1) == [2]
    assert (ids(assignee="ana"), ids(team="north"), ids(source="desk"), ids(rule="sla_breached")) == ([2], [1], [3], [])
    assert ids(assignee="") == [3, 1]
    assert ids(statuses=tuple(Status)) == [3, 4, 2, 1]
    assert ids(statuses=[Status.RESOLVED], rule="sla_breached", source="field") == [4]
    assert ids(statuses=()) == []
    assert (read("count_alerts"), read("count_alerts", [Status.RESOLVED]), read("count_alerts", ())) == (3, 1, 0)


def test_alerts_fall_due_while_they_live(make, write, read):
    write("insert_alert", make.alert(1, escalate_at=make.NOW, severity=Severity.P3))
    write("insert_alert", make.alert(2, escalate_at=make.NOW, severity=Severity.P1))
    write("insert_alert", make.alert(3, escalate_at=make.NOW, status=Status.RESOLVED))
    write("insert_alert", make.alert(4, escalate_at=make.later(seconds=1)))
    write("insert_alert", make.alert(5))
    assert [alert.id for alert in read("due_alerts", make.NOW, 10)] == [2, 1]
    assert [alert.id for alert in read("due_alerts", make.NOW, 1)] == [2]


@pytest.mark.parametrize("mode", [Mode.LISTED, Mode.HELD])
@pytest.mark.parametrize("by", ["set_mode", "save_alert"])
def test_cards_go_out_in_mode_card_only(make, write, read, mode, by):
    alert = write(make.raised, mode=mode)
    assert read("work_due", make.NOW) == ({}, None)
    write("bump_posts", alert.id, make.NOW)
    assert write("claim", "ops", make.NOW, make.LEASE) == []
    if by == "set_mode":
        write("set_mode", alert.id, Mode.CARD)
    else:
        assert write("save_alert", replace(alert, mode=Mode.CARD, version=2), 1)
    assert read("alert", alert.id).mode is Mode.CARD
    (claim,) = write("claim", "ops", make.NOW, make.LEASE)
    assert (claim.work.wanted, claim.alert.mode) == (2, Mode.CARD)


def test_a_card_not_yet_sent_can_be_held_again(make, write, read):
    alert = write(make.raised)
    write("set_mode", alert.id, Mode.HELD)
    assert read("work_due", make.NOW) == ({}, None)
    assert write("claim", "ops", make.NOW, make.LEASE) == []


def test_a_card_is_wanted_once(make, write, read):
    alert = write(make.raised)
    write("want_post", alert.id, "ops", Lane.PAGE, Severity.P1, make.NOW)
    (post,) = read("posts_of", alert.id)
    assert (post.alert_id, post.destination, post.generation, post.wanted, post.shown) == (1, "ops", 1, 1, 0)


TICKS = {
    "SELECT * FROM records WHERE due_at <= 5 ORDER BY due_at": "records_due",
    "SELECT record_id FROM records WHERE source = 'a' AND NOT done": "records_live",
    "SELECT * FROM alerts WHERE status <> 'resolved' AND escalate_at <= 5": "alerts_escalating",
    "SELECT * FROM alerts WHERE source = 'a' AND record_id = 'b' AND (status <> 'resolved' OR condition)": "standing",
    "SELECT * FROM alerts WHERE key = 'a' ORDER BY id DESC LIMIT 1": "alerts_by_key",
    "SELECT severity FROM posts WHERE due_at IS NOT NULL AND destination = 'a' AND due_at <= 5 "
    "ORDER BY severity, lane, created_at, id LIMIT 1": "posts_due",
    "SELECT min(due_at) FROM posts WHERE due_at IS NOT NULL AND due_at > 5": "posts_next",
    "SELECT min(destination) FROM dispatches WHERE due_at IS NOT NULL AND destination > 'a'": "dispatches_due",
    "SELECT id FROM dispatches WHERE done_at IS NULL AND alert_id = 1 AND destination = 'a' ORDER BY id": "undone",
}


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
def test_the_queries_of_a_tick_use_their_indexes(make, database, write):
    """A tick must cost what is due: no table is gone through from end to end."""
    write(make.raised)
    for query, index in TICKS.items():
        plan = " ".join(row[3] for row in database.sql(f"EXPLAIN QUERY PLAN {query}"))
        assert index in plan, query
        assert "SCAN" not in plan, (query, plan)
        assert "TEMP B-TREE" not in plan or "alerts_escalating" in plan, (query, plan)


@pytest.mark.parametrize("kind", ["postgresql"], indirect=True)
def test_the_queries_of_a_tick_can_use_their_indexes(database, store):
    """On tables so small PostgreSQL would read them from end to end; it may not here."""
    with psycopg.connect(database.url, autocommit=True) as connection:
        connection.execute("SET enable_seqscan = off")
        connection.execute("SET enable_bitmapscan = off")
        for query, index in TICKS.items():
            plan = " ".join(row[0] for row in connection.execute(f"EXPLAIN {query}"))
            assert index in plan, (query, plan)
            assert "Seq Scan" not in plan, (query, plan)
