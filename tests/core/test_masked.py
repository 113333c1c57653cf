"""What is kept of a record for a replay: nothing that tells who anybody is, and all that rules ask for."""

from dataclasses import fields, is_dataclass, replace
from datetime import UTC, datetime
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskbell.core.records import KINDS, Case, CaseStatus, Happening, HappeningKind, Visit, VisitStatus, checkin_metres
from deskbell.core.records.masked import HIDDEN, KEPT, masked
from deskbell.core.ties import same_customer, same_person, seeks_of, ties_of

SECRET = b"a secret of the tests"
AT = datetime(2026, 11, 21, 12, tzinfo=UTC)


def parts(cls):
    """The class, and what its records are made of."""
    yield cls
    for f in fields(cls):
        yield from (inner for inner in get_args(f.type) if is_dataclass(inner))


@pytest.mark.parametrize("kind", KINDS)
def test_each_text_of_a_record_is_kept_or_hidden_on_purpose(kind):
    texts = {f.name for cls in parts(KINDS[kind]) for f in fields(cls) if f.type is str}
    assert texts
    assert texts - KEPT - HIDDEN.keys() == set()
    assert KEPT & HIDDEN.keys() == set()


def visit(**more):
    known = {"technician": "Marco Bianchi", "technician_id": "7", "technician_email": "Marco@example.org", "start": AT}
    return Visit(
        "fs", "1", "J-1", VisitStatus.SCHEDULED, **(known | {"customer": "Hansen", "site": "Milk Lane"} | more)
    )


def test_the_same_name_has_the_same_mask_however_it_is_written():
    one, other = masked(visit(), SECRET), masked(visit(technician="  MARCO bianchi", customer="hansen "), SECRET)
    assert (one.technician, one.customer) == (other.technician, other.customer)
    assert one.technician != masked(visit(technician="Lena Hoffmann"), SECRET).technician
    assert one.customer != masked(visit(), b"another house").customer


def test_what_rules_ask_of_two_records_is_the_same_of_their_masks():
    same, other = (
        visit(customer="HANSEN"),
        visit(customer="Olsen", technician="Lena", technician_id="8", technician_email=""),
    )
    for second in (same, other):
        first = visit()
        veiled = masked(first, SECRET), masked(second, SECRET)
        assert same_person(*veiled) == same_person(first, second)
        assert same_customer(*veiled) == same_customer(first, second)
        assert bool(ties_of(veiled[0]) & seeks_of(veiled[1])) == bool(ties_of(first) & seeks_of(second))


def test_ids_numbers_states_and_times_stay_and_an_address_is_no_id():
    found = masked(
        visit(account_id="A-9", status_raw="Planned", team="north", technician_id="marco@example.org"), SECRET
    )
    assert (found.id, found.number, found.account_id, found.status_raw, found.team) == (
        "1",
        "J-1",
        "A-9",
        "Planned",
        "north",
    )
    assert found.start == AT
    assert "marco" not in found.technician_id
    assert masked(visit(), SECRET).technician_id == "7"


def test_what_is_blank_stays_blank():
    assert masked(Visit("fs", "1", "J-1", VisitStatus.SCHEDULED, technician=" "), SECRET).technician == ""


def test_of_two_places_only_how_far_apart_they_are():
    here = visit(site_lat=53.0793, site_lon=8.8017, checkin_lat=53.0901, checkin_lon=8.7702)
    found = masked(here, SECRET)
    assert checkin_metres(found) == pytest.approx(checkin_metres(here), abs=1)
    assert (found.site_lat, found.site_lon, found.checkin_lon) == (0.0, 0.0, 0.0)
    alone = masked(visit(site_lat=53.0793, site_lon=8.8017), SECRET)
    assert (alone.site_lat, alone.site_lon) == (None, None)
    assert masked(replace(here, checkin_lat=float("inf")), SECRET).site_lat is None


def test_of_a_note_it_stays_whether_somebody_is_mentioned():
    notes = (
        Happening(
            HappeningKind.NOTE, "1", AT, "Ana Ruiz", "ana@example.org", text_hint="@Ben please call 0171 5550199"
        ),
        Happening(HappeningKind.NOTE, "2", AT, "Ana Ruiz", "12", text_hint="called"),
    )
    found = masked(Case("hd", "1", "#1", CaseStatus.OPEN, happenings=notes), SECRET)
    assert ["@" in one.text_hint for one in found.happenings] == [True, False]
    assert [one.id for one in found.happenings] == ["1", "2"]
    assert found.happenings[0].author == found.happenings[1].author
    assert not {"Ana", "Ben", "5550199", "called", "ana@example.org"} & set(repr(found).replace("'", " ").split())


@given(st.data())
def test_no_hidden_text_stands_in_what_is_kept(data):
    kind = data.draw(st.sampled_from(sorted(KINDS)))
    cls = KINDS[kind]
    texts = {f.name for f in fields(cls) if f.type is str and f.name in HIDDEN}
    planted = {name: data.draw(st.text(min_size=1, max_size=20)) + "§" for name in sorted(texts)}
    ids = {name for name in texts if name.endswith("_id")}
    status = next(iter(get_args(cls.__dataclass_fields__["status"].type) or (cls.__dataclass_fields__["status"].type,)))
    record = cls("source", "1", "N-1", next(iter(status)), **planted)
    kept = masked(record, SECRET)
    for name in texts - ids:
        assert "§" not in getattr(kept, name)
    assert masked(record, SECRET) == kept
