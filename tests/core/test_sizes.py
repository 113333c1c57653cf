"""Texts cut to what fits: in each unit, between what people see as letters, and never inside a ref or a link."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskbell.core.sizes import Size, Unit, fit, measure, parts, plain
from deskbell.core.text import cut, whole

LINK = "https://desk.example.org/a/D-4821-t"
FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
FLAGS = "\U0001f1e9\U0001f1ea\U0001f1ee\U0001f1f9"
THUMB = "\U0001f44d\U0001f3fd"
ONES = [FAMILY, FLAGS[:2], THUMB, "e\u0301", "\u1100\u1161\u11a8", "\u0928\u0940", "a"]
UNITS = st.sampled_from(list(Unit))


@pytest.mark.parametrize("one", ONES)
def test_what_people_see_as_one_is_not_torn(one):
    text = f"ab{one}cd"
    assert {whole(text, end) for end in range(len(text) + 1)} == {0, 1, 2, *range(2 + len(one), len(text) + 1)}


def test_two_flags_are_two():
    assert [whole(FLAGS, end) for end in range(5)] == [0, 0, 2, 2, 4]
    assert cut("x" + FLAGS, 4) == "x\U0001f1e9\U0001f1ea\u2026"


@given(st.lists(st.sampled_from(ONES), max_size=30).map("".join), st.integers(0, 80))
def test_a_cut_keeps_to_its_limit(text, limit):
    assert len(cut(text, limit)) <= limit or not limit


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 1),
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("\u20ac" * 80, 1),  # costs two
        ("\u20ac" * 81, 2),
        ("\u4e2d" * 70, 1),
        ("\u4e2d" * 71, 2),
        ("\u4e2d" * 135, 3),
        ("\U0001f44d" * 35, 1),  # two units each
        ("\U0001f44d" * 36, 2),
    ],
)
def test_an_sms_is_counted_as_the_networks_do(text, count):
    assert parts(text) == count


def test_printers_signs_make_no_sms_dearer():
    assert plain("\u201eso\u201c \u2013 it\u2019s\u2026") == '"so" - it\'s...'
    assert fit("\u201c" + "a" * 158 + "\u201d", Size(1, Unit.PARTS)) == '"' + "a" * 158 + '"'


@given(st.text(max_size=300), st.text(max_size=300), st.integers(60, 400), UNITS)
def test_refs_and_links_stay_whole(before, after, most, unit):
    """Wherever they stand, and whatever stands around them."""
    size = Size(2 if unit is Unit.PARTS else most, unit)
    shown = fit(f"{before} D-4821 {after} {LINK}", size, (LINK, "D-4821"))
    assert measure(shown, unit) <= size.most
    assert LINK in shown
    assert "D-4821" in shown


@given(st.text(max_size=400), st.integers(0, 60), UNITS)
def test_nothing_is_ever_too_long(text, most, unit):
    size = Size(max(1, most // 20) if unit is Unit.PARTS else most, unit)
    assert measure(fit(text, size, ("https://far.too.long.example/" + "x" * 100, "D-1")), unit) <= size.most


@given(st.text(max_size=200), UNITS)
def test_what_fits_is_left_alone(text, unit):
    if unit is not Unit.PARTS:
        assert fit(text, Size(10_000, unit), ("D-1",)) == text


def test_a_link_that_can_not_fit_is_left_out_whole():
    assert fit(f"D-4821 is late, see {LINK}", Size(20), (LINK, "D-4821")) == "D-4821 is late, se\u2026"


def test_a_ref_that_is_said_often_is_kept_once_at_least():
    shown = fit("D-1 " * 100, Size(30), ("D-1",))
    assert len(shown) <= 30
    assert shown.startswith("D-1")
