"""What was added to a case: our own notes left out, hints instead of texts, the newest kept."""

from datetime import UTC, datetime, timedelta

import pytest

from deskbell.core.records import HAPPENINGS, Happening, HappeningKind
from pollers import happenings
from pollers.rows import note_text

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def one(number, kind=HappeningKind.NOTE):
    return Happening(kind, str(number), NOON + timedelta(minutes=number))


@pytest.mark.parametrize("marker", ["[D-12 #345]", "[Deskbell #7]"])
def test_whatever_the_courier_writes_is_ours(marker):
    assert happenings.ours(note_text("Ana acknowledged", marker))
    assert happenings.ours(happenings.plain(happenings.as_html(note_text("Ana <b> & co", marker)) + "\n"))


@pytest.mark.parametrize("text", ["[D-12 #345] said Ana", "see D-12 #345", "", None, 7, ["[D-12 #345]"], "x" * 10**6])
def test_what_only_speaks_of_it_is_not(text):
    assert not happenings.ours(text)


def test_the_newest_are_kept_oldest_first_and_each_once():
    many = [one(n) for n in range(50)]
    kept = happenings.newest([*reversed(many), *many])
    assert kept == tuple(many[-HAPPENINGS:])
    both = happenings.newest([one(1), one(1, HappeningKind.DOCUMENT)])
    assert len(both) == 2, "a message and its document may share an id"


def test_a_hint_is_short_and_one_line():
    assert happenings.hint("a\nb" * 1000).count("\n") == 0
    assert len(happenings.hint("a" * 1000)) <= happenings.HINT


@pytest.mark.parametrize("markup", ["<" * 10**6, "<" + "a" * 10**6, "<a>" * 10**5, None, 3, []])
def test_markup_without_end_is_only_text(markup):
    assert isinstance(happenings.plain(markup), str)


def test_markup_goes_and_entities_are_read():
    assert happenings.plain("<p>It &amp; that<br>leaks</p>") == "It & that leaks"
