"""Sources, records, quarantine, accounts, inbox and settings: what goes in comes out."""

from dataclasses import replace
from datetime import UTC, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deskbell.core.ports import SourceState
from deskbell.core.records import CaseStatus, Sla, VisitStatus
from storage.codec import dumps, last_digits, loads, loose_key, micros, moment


def test_a_source_is_remembered_as_it_was_saved(make, write, read):
    state = SourceState(
        "desk",
        cursor={"since": "2026-11-21T09:00:00Z", "id": 7},
        baseline=False,
        rules_hash="abc",
        last_ok_at=make.NOW,
        failing_since=make.later(minutes=1),
        failures=3,
        error="HTTP 500",
        skew_s=-1.5,
    )
    write("save_source", SourceState("desk"))
    write("save_source", state)
    assert read("source", "desk") == state
    assert read("sources") == [state]
    assert read("source", "none") is None


def test_a_record_is_remembered_whole_and_overwritten(make, write, read):
    sla = Sla("first_response", make.later(hours=1), paused=True, started_at=make.NOW)
    case = make.case("77", "INC0077", subject="Kein Druck ❄", slas=(sla,), created_at=make.NOW)
    row = replace(case, due_at=make.later(minutes=5))
    write("save_records", [row, make.visit("77", "J-77")])
    assert read("record", "desk", "77") == row
    newer = make.case("77", "INC0077", status=CaseStatus.CLOSED)
    write("save_records", [newer])
    assert read("record", "desk", "77") == newer
    assert read("record", "desk", "78") is None


def test_records_come_by_id_however_many_are_asked_for(make, write, read):
    write("save_records", [make.visit(str(n), f"J-{n}") for n in range(1300)])
    found = read("records", "field", [str(n) for n in range(0, 2600, 2)])
    assert sorted(found, key=int) == [str(n) for n in range(0, 1300, 2)]
    assert read("records", "field", []) == {}
    assert write("save_records", []) is None


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("4711", ["4711", "INC0004711", "J-4711"]),
        ("#4711", ["4711", "INC0004711", "J-4711"]),
        ("j-4711", ["J-4711"]),
        ("J4711", ["J-4711"]),
        ("inc4711", ["INC0004711"]),
        ("INC0004711", ["INC0004711"]),
        (" inc-004711 ", ["INC0004711"]),
        ("9f-a", ["INC0004711"]),  # by its id
        ("47", []),
        ("", []),
        ("%", []),
    ],
)
def test_a_record_is_found_by_what_people_type(make, write, read, text, found):
    rows = [
        make.case("1", "J-4711"),
        make.case("9F-A", "INC0004711"),
        make.visit("3", "4711"),
        make.visit("4", "47110"),
    ]
    write("save_records", rows)
    assert sorted(row.record.number for row in read("find_records", text)) == found


def test_exact_matches_come_first_then_what_is_not_over_then_the_newest(make, write, read):
    done = make.visit("1", "J-5", status=VisitStatus.COMPLETED)
    old = make.visit("2", "K-5")
    new = replace(make.visit("3", "L-5"), seen_at=make.later(minutes=1))
    exact = make.case("4", "5")
    write("save_records", [done, old, new, exact])
    assert [row.record.id for row in read("find_records", "5")] == ["4", "3", "2", "1"]
    assert [row.record.id for row in read("find_records", "5", limit=2)] == ["4", "3"]
    assert [row.record.id for row in read("find_records", "5", kind="visit")] == ["3", "2", "1"]


def test_due_records_come_when_they_are_due(make, write, read):
    due = [replace(make.visit(str(n), f"J-{n}"), due_at=make.later(minutes=n)) for n in range(4)]
    write("save_records", due)
    assert [row.record.id for row in read("due_records", make.later(minutes=2), 10)] == ["0", "1", "2"]
    assert [row.record.id for row in read("due_records", make.later(minutes=2), 1)] == ["0"]
    write("set_due", "field", "0", None)
    write("set_due", "field", "3", make.NOW)
    assert [row.record.id for row in read("due_records", make.NOW, 10)] == ["3"]


def test_live_records_are_those_that_are_not_over(make, write, read):
    write(
        "save_records", [make.visit("1", "J-1"), make.visit("2", "J-2", status=VisitStatus.CANCELLED), make.case("3")]
    )
    assert read("live_record_ids", "field") == ["1"]


def test_quarantine_counts_rows_and_lets_go_what_is_read_well_later(make, write, read):
    write("quarantine", "field", "1", "no such status", "{}", make.NOW)
    write("quarantine", "field", "1", "no such status", "x" * 200_000, make.later(minutes=1))
    write("quarantine", "desk", "1", "broken", "\ud800\0", make.NOW)
    assert (read("count_quarantined"), read("count_quarantined", "field")) == (2, 1)
    same_page = replace(make.visit("1", "J-1"), seen_at=make.later(minutes=1))
    write("save_records", [same_page])
    assert read("count_quarantined", "field") == 1, "a rule that fails quarantines a record that was read well"
    write("save_records", [replace(same_page, seen_at=make.later(minutes=2))])
    assert read("count_quarantined", "field") == 0


def test_accounts_belong_to_people(write, read):
    write("save_account", "slack", "U1", "ana")
    write("save_account", "telegram", "77", "ana")
    assert read("person_for", "slack", "U1") == "ana"
    assert read("account_of", "telegram", "ana") == "77"
    assert read("person_for", "slack", "U2") is None
    assert read("account_of", "discord", "ana") is None
    write("save_account", "slack", "U1", "ben")
    assert read("person_for", "slack", "U1") == "ben"


def test_an_interaction_is_taken_in_once(make, write, read):
    assert read("taken_in", "slack:1") is None
    assert write("take_in", "slack:1", "slack", make.NOW, {"verb": "ack"})
    assert not write("take_in", "slack:1", "slack", make.NOW, {"verb": "ack"})
    assert read("taken_in", "slack:1") == {}
    write("answered", "slack:1", {"ok": True, "text": "done"})
    assert read("taken_in", "slack:1") == {"ok": True, "text": "done"}


def test_values_are_kept_by_name(write, read):
    assert read("value", "summary.day") is None
    write("put_value", "summary.day", "2026-11-20")
    write("put_value", "summary.day", "2026-11-21")
    assert read("value", "summary.day") == "2026-11-21"


HOSTILE = st.text(st.characters(codec=None), max_size=40)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=HOSTILE)
def test_no_text_from_outside_stops_a_write(store, make, text):
    """Lone surrogates come out as question marks; everything else as it went in."""
    storable = text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()

    def change(uow):
        uow.save_records([make.visit("1", text, title=text)])
        uow.put_value("text", text)
        uow.take_in(text, "slack", make.NOW, {"text": text, "more": [text]})
        uow.quarantine("field", "1", text, text, make.NOW)
        uow.save_source(SourceState("field", cursor={text: text}, error=text))

    store.write_now(change)
    found = store.read_now(lambda reader: (reader.value("text"), reader.record("field", "1").record.title))
    assert set(found) <= {storable, text}  # a NUL stays where the database takes it


@pytest.mark.parametrize(
    "data", [{"n": 10**30}, {1: 2}, {"s": {"a"}}, {"t": ("x", 1)}, {"o": object}, {"f": float("nan")}]
)
def test_whatever_is_said_in_data_becomes_json(data):
    assert isinstance(loads(dumps(data)), dict)


@given(st.datetimes(timezones=st.timezones()))
def test_times_survive_to_the_microsecond(at):
    assert moment(micros(at)) == at.astimezone(UTC)


def test_a_time_without_a_zone_is_refused(make):
    with pytest.raises(TypeError):
        micros(make.NOW.replace(tzinfo=None))


def test_numbers_are_read_as_people_write_them():
    assert [last_digits(text) for text in ("INC0004711", "000", "J-", "", "7" * 10**6)] == [
        "4711",
        "0",
        "",
        "",
        "7" * 200,
    ]
    assert [loose_key(text) for text in ("INC0004711", "J-47 11", "ÄB-01", "42")] == ["inc4711", "j4711", "äb1", "42"]
    assert timedelta(0) == moment(5) - moment(5)
