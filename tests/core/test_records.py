"""Records as data and back, and what counts as a change."""

import json
from dataclasses import fields
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskbell.core.records import (
    KINDS,
    STATUSES,
    Happening,
    HappeningKind,
    Payment,
    Priority,
    Sla,
    Visit,
    VisitStatus,
    amounts_of,
    changed,
    days_of,
    fingerprint,
    from_data,
    kind_of,
    moments_of,
    to_data,
)

NOW = datetime(2026, 11, 21, 14, 0, 5, 250, tzinfo=UTC)
moments = st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=45))]))
words = st.text(st.characters(), max_size=12)
slas = st.lists(st.builds(Sla, words, moments, st.booleans(), st.booleans(), st.none() | moments), max_size=3).map(
    tuple
)
SPECIAL = {
    "slas": slas,
    "happenings": st.lists(
        st.builds(Happening, st.sampled_from(HappeningKind), words, moments, due_at=st.none() | moments), max_size=3
    ).map(tuple),
    "payments": st.lists(
        st.builds(Payment, words, moments, st.none() | st.decimals(0, 10**6, places=2), st.booleans()), max_size=3
    ).map(tuple),
    "zone": st.sampled_from(["UTC", "Europe/Berlin"]),
    "escalated": st.booleans(),
    "escalation_level": st.integers(0, 9),
    "priority": st.sampled_from(Priority),
}
OF_TYPE = {float | None: st.none() | st.floats(allow_nan=False), int: st.integers(0, 9), bool: st.booleans()}


def records(cls):
    values = {f.name: OF_TYPE.get(f.type, words) for f in fields(cls)}
    values |= dict.fromkeys(moments_of(cls), st.none() | moments)
    values |= dict.fromkeys(days_of(cls), st.none() | st.dates())
    values |= dict.fromkeys(amounts_of(cls), st.none() | st.decimals(allow_nan=False, allow_infinity=False, places=2))
    special = {name: found for name, found in SPECIAL.items() if name in values}
    return st.builds(cls, **(values | special | {"status": st.sampled_from(STATUSES[kind_of_class(cls)])}))


def kind_of_class(cls):
    return next(kind for kind, found in KINDS.items() if found is cls)


# A blank id, number or status is not a record; no source hands one over.
any_record = (
    st.sampled_from(list(KINDS.values())).flatmap(records).filter(lambda r: r.source and r.id and r.number and r.status)
)


@given(any_record)
def test_there_and_back(record):
    text = json.dumps(to_data(record))
    assert from_data(json.loads(text)) == record
    assert fingerprint(from_data(json.loads(text))) == fingerprint(record)


@given(any_record)
def test_blanks_are_left_out(record):
    assert not [name for name, value in to_data(record).items() if value in ("", None, [])]


VISIT = Visit("fs", "1", "J-1", VisitStatus.SCHEDULED, start=NOW, updated_at=NOW)


def test_the_stamp_alone_is_no_change():
    assert fingerprint(VISIT) == fingerprint(changed(VISIT, updated_at=NOW + timedelta(hours=1)))
    assert fingerprint(VISIT) != fingerprint(changed(VISIT, start=NOW + timedelta(hours=1)))


def test_what_a_newer_version_wrote_can_be_read():
    assert from_data(to_data(VISIT) | {"mood": "good"}) == VISIT


def test_kinds():
    assert [kind_of(VISIT), to_data(VISIT)["kind"]] == ["visit", "visit"]


@pytest.mark.parametrize(
    ("status", "done"),
    [
        (VisitStatus.COMPLETED, True),
        (VisitStatus.NO_SHOW, True),
        (VisitStatus.PAUSED, False),
        (VisitStatus.UNKNOWN, False),
    ],
)
def test_done(status, done):
    assert changed(VISIT, status=status).done is done
