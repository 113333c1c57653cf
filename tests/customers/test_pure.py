"""What decides about letters, without a database: contacts, consent, quiet hours, words; and nothing of the staff's."""

from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskbell.core.alert import Severity
from deskbell.core.customer import (
    REQUIRED,
    Consent,
    Medium,
    Purpose,
    Quiet,
    Stage,
    Wishes,
    agrees,
    keyword,
    read_quiet,
    rises,
    ways,
)
from deskbell.core.letters import LETTERS, TOLD, CustomersConf, OriginConf, by_hand, said_of, wanted
from deskbell.core.records import KINDS, Case, CaseStatus, Happening, HappeningKind, Visit, VisitStatus, changed
from deskbell.core.rules import RULES
from deskbell.core.rules.base import Found
from deskbell.desk.contacts import contact_of
from deskbell.faces.letter import LANGUAGES, SAMPLE, Frame, LetterError, Letters

NOW = datetime(2026, 11, 20, 14, 2, tzinfo=UTC)
CONF = CustomersConf(firm="Northgate Air", region="DE", phones=(Medium.SMS, Medium.WHATSAPP))
HOSTILE = "ZZstaffZZ<b>{{7*7}}</b>"
WORDS = Letters()


# ---------------------------------------------------------------- nothing of the staff's


def filled(cls):
    """A record in which whatever anybody may have typed is the marker."""
    values = {"source": "s", "id": "1", "number": "N-1"}
    for f in fields(cls):
        if f.name in values:
            continue
        kinds = get_args(f.type) or (f.type,)
        values[f.name] = next((made for kind in kinds if (made := value_of(kind)) is not None), None)
    return cls(**{name: value for name, value in values.items() if value is not None})


def value_of(kind):
    if kind is str:
        return HOSTILE
    if kind in (datetime, date, Decimal):
        return {datetime: NOW, date: NOW.date(), Decimal: Decimal(12)}[kind]
    if isinstance(kind, type) and is_dataclass(kind):
        return (filled_part(kind),)
    return None if kind in (bool, int, float) or not hasattr(kind, "__members__") else next(iter(kind))


def filled_part(cls):
    made = {f.name: value_of((get_args(f.type) or (f.type,))[0]) for f in fields(cls)}
    return cls(**{name: value for name, value in made.items() if value is not None})


@pytest.mark.parametrize("name", LETTERS)
def test_no_letter_says_anything_that_somebody_typed(name):
    record = filled(KINDS[LETTERS[name].of])
    for language in LANGUAGES:
        written = WORDS.write(name, language, said_of(name, record, NOW), Frame("Northgate Air"))
        shown = written.subject + written.text + written.short + WORDS.html(written)
        assert "ZZstaffZZ" not in shown
        assert "N-1" in written.body


def test_a_rule_that_tells_customers_is_there_and_so_is_its_letter():
    assert TOLD.keys() <= RULES.keys()
    names = {told for told in TOLD.values() if isinstance(told, str)}
    assert names <= LETTERS.keys()
    assert "note_added" not in TOLD


def test_a_note_is_told_to_no_customer():
    """Whatever a rule about it finds."""
    case = Case("fd", "7", "7", CaseStatus.OPEN, happenings=(Happening(HappeningKind.NOTE, "1", NOW, private=True),))
    found = [Found(rule, f"k:{rule}:1", Severity.P4, HOSTILE, HOSTILE) for rule in RULES if rule not in TOLD]
    assert wanted(case, case, found, NOW) == []


def test_a_document_is_told_of_when_the_customer_may_see_it_and_did_not_bring_it():
    def told(**more):
        document = Happening(HappeningKind.DOCUMENT, "9", NOW, **more)
        case = Case("fd", "7", "7", CaseStatus.OPEN, requester_id="r", happenings=(document,))
        found = Found("document_added", "doc:fd:7:9", Severity.P4, "", "")
        return [wish.name for wish in wanted(case, case, [found], NOW)]

    assert told() == ["case_document"]
    assert told(private=True) == []
    assert told(author_id="r") == []


def test_what_is_old_is_no_news():
    case = Case("fd", "7", "7", CaseStatus.RESOLVED)
    found = [Found("case_status_changed", "k", Severity.P4, "", "", since=NOW - timedelta(days=3))]
    assert wanted(case, case, found, NOW) == []


# ---------------------------------------------------------------- visits


VISIT = Visit("fs", "1", "J-1", VisitStatus.SCHEDULED, start=NOW + timedelta(hours=2))


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"status": VisitStatus.EN_ROUTE}, "visit_on_the_way"),
        ({"status": VisitStatus.CANCELLED}, "visit_cancelled"),
        ({"start": NOW + timedelta(hours=5)}, "visit_moved"),
        ({"eta": NOW + timedelta(hours=2, minutes=25)}, "visit_late"),
        ({"start": NOW + timedelta(hours=2, minutes=2)}, ""),
        ({"technician": "somebody else"}, ""),
    ],
)
def test_what_a_change_of_a_visit_tells(change, name):
    after = changed(VISIT, **change)
    assert [wish.name for wish in wanted(after, VISIT, [], NOW)] == [name] * bool(name)
    assert wanted(after, after, [], NOW) == []
    if name == "visit_late":
        assert said_of(name, after, NOW)["minutes"] == "25"


def test_what_staff_may_send_is_what_there_is_a_letter_for():
    assert [row.name for row in by_hand(VISIT)] == ["visit_late", "visit_on_the_way", "visit_moved", "visit_cancelled"]


# ---------------------------------------------------------------- contacts


@pytest.mark.parametrize(
    ("text", "addresses"),
    [
        ("030 5550201", {"sms": "+49305550201", "whatsapp": "+49305550201"}),
        ("sms:+39 02 1234567", {"sms": "+39021234567"}),
        ("Erika <Erika@Example.ORG>", {"mail": "erika@example.org"}),
        ("telegram:7001; push:abc:DEF-1", {"telegram": "7001", "push": "abc:DEF-1"}),
        ("+4930555; nonsense; a@b; telegram:me; push:x", {"sms": "+4930555", "whatsapp": "+4930555"}),
        ("ring the bell", {}),
        ("", {}),
    ],
)
def test_contacts_are_read_and_written_as_systems_want_them(text, addresses):
    found = contact_of(changed(VISIT, contact=text), CONF)
    assert {medium.value: value for medium, value in found.addresses.items()} == addresses


def test_a_source_may_say_what_its_contacts_mean():
    conf = CustomersConf(firm="x", sources={"fs": OriginConf(region="IT", phones=(Medium.SMS,), language="it")})
    found = contact_of(changed(VISIT, contact="02 1234567; opt-in: SMS, mail fax"), conf)
    assert found.addresses == {Medium.SMS: "+39021234567"}
    assert (found.language, found.opted) == ("it", {Medium.SMS, Medium.MAIL})


@given(st.text(max_size=800))
def test_a_contact_may_be_any_text(text):
    for medium, value in contact_of(changed(VISIT, contact=text), CONF).addresses.items():
        assert value.isprintable()
        assert medium is not Medium.SMS or value.startswith("+")


# ---------------------------------------------------------------- consent


def said(*lines):
    return [Consent("w", Medium.SMS, granted, NOW, purpose) for granted, purpose in lines]


@pytest.mark.parametrize(
    ("lines", "service", "account"),
    [
        ([], False, False),
        ([(True, "")], True, True),
        ([(True, "service")], True, False),
        ([(True, ""), (False, "")], False, False),
        ([(True, ""), (False, "account")], True, False),
        ([(False, ""), (True, "account")], False, True),
    ],
)
def test_the_last_word_about_a_purpose_counts(lines, service, account):
    ledger = said(*lines)
    assert (agrees(ledger, Purpose.SERVICE), agrees(ledger, Purpose.ACCOUNT)) == (service, account)


@given(
    st.dictionaries(st.sampled_from(Medium), st.just("a")),
    st.sets(st.sampled_from(Medium)),
    st.lists(st.sampled_from(Medium), unique=True),
    st.sets(st.sampled_from(Medium)),
    st.booleans(),
)
def test_nothing_goes_where_nobody_agreed_but_what_the_law_demands(addresses, agreed, order, open_, required):
    found = ways(addresses, agreed, Wishes(order, open_, (Medium.MAIL,)), required=required)
    assert all(way.medium in agreed or (required and way.basis == REQUIRED) for way in found)
    assert all(way.medium in open_ and way.medium in addresses for way in found)
    assert len({way.medium for way in found}) == len(found)


@pytest.mark.parametrize(
    ("text", "wish"),
    [
        ("STOP", False),
        (" stop. ", False),
        ("Stop please", False),
        ("Arrêt", False),
        ("unsubscribe", False),
        ("START", True),
        ("yes", True),
        ("stop by tomorrow", None),
        ("the end", None),
        ("ok", None),
        ("", None),
    ],
)
def test_stop_and_start(text, wish):
    assert keyword(text) is wish


def test_receipts_in_any_order():
    assert rises(Stage.SENT, Stage.DELIVERED)
    assert rises(Stage.FAILED, Stage.DELIVERED)
    assert not rises(Stage.READ, Stage.DELIVERED)
    assert not rises(Stage.DELIVERED, Stage.FAILED)


# ---------------------------------------------------------------- quiet hours


HALVES = st.integers(0, 47).map(lambda half: time(half // 2, half % 2 * 30))


@given(st.integers(0, 525_600), HALVES, HALVES)
def test_quiet_hours_end_and_then_it_is_quiet_no_more(minutes, start, end):
    now, quiet = NOW + timedelta(minutes=minutes), Quiet(start, end)
    until = quiet.over_at(now, "Europe/Rome")
    if until is None:
        return
    assert now < until <= now + timedelta(hours=25)
    assert quiet.over_at(until, "Europe/Rome") is None


def test_quiet_hours_are_by_the_customers_own_clock():
    quiet = read_quiet("21:00-08:00")
    assert quiet.over_at(datetime(2026, 11, 20, 20, 30, tzinfo=UTC), "Europe/Berlin") == datetime(
        2026, 11, 21, 7, tzinfo=UTC
    )
    assert quiet.over_at(datetime(2026, 11, 20, 20, 30, tzinfo=UTC), "Europe/London") is None
    assert read_quiet("") is None
    with pytest.raises(ValueError, match="isoformat"):
        read_quiet("late")


# ---------------------------------------------------------------- words


def test_an_operators_own_letter_goes_first_and_has_another_version(tmp_path):
    (tmp_path / "de").mkdir()
    (tmp_path / "de" / "visit_late.txt").write_text("Verspätung {{ number }}\n\n{{ firm }}: {{ number }} wird später.")
    own = Letters(tmp_path)
    frame = Frame("Firm")
    assert own.write("visit_late", "de", SAMPLE, frame).body == "Firm: J-4711 wird später."
    assert own.version("visit_late", "de") != WORDS.version("visit_late", "de")
    assert own.version("visit_late", "en") == WORDS.version("visit_late", "en")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{{ nobody }} {{ number }}", "visit_late.txt can't be used"),
        ("{{ number", "visit_late.txt can't be used"),
        ("without", "must say {{ number }}"),
        ("{{ number.__class__.__mro__ }}", "visit_late.txt"),
    ],
)
def test_a_letter_that_can_not_be_used_is_named_at_the_start(tmp_path, text, said):
    (tmp_path / "en").mkdir()
    (tmp_path / "en" / "visit_late.txt").write_text(f"Late\n\n{text}")
    with pytest.raises(LetterError, match="en/visit_late") as error:
        Letters(tmp_path)
    assert said in str(error.value)


def test_what_is_written_in_html_is_escaped():
    written = WORDS.write("visit_late", "en", {**SAMPLE, "number": "<script>1</script>"}, Frame('A & "B"'))
    page = WORDS.html(written)
    assert "<script" not in page
    assert "A &amp; " in page
