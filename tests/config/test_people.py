"""An administrator at the command line: who may be linked, and who inherits."""

import re

import pytest

from deskbell.config import load
from deskbell.desk import people as use
from deskbell.parts import open_store
from deskbell.people import UnknownPerson, link_code, listing, remove, restore
from tests.town import configured, environ


@pytest.fixture
def settings(tmp_path):
    return load(configured("http://127.0.0.1:1", tmp_path), environ("http://127.0.0.1:1", tmp_path))


def code_in(words):
    return next(line for line in words.splitlines() if re.fullmatch(r"[a-z2-9]{32}", line))


def redeemed(settings, code):
    store = open_store(settings)
    try:
        return store.write_now(lambda uow: use.redeem(_book(settings, uow), "slack", "UNEW", code)[0])
    finally:
        store.close()


def _book(settings, uow):
    from datetime import UTC, datetime

    from deskbell.desk.book import Book

    return Book(uow, settings.house, datetime.now(UTC))


def test_a_code_makes_an_account_a_persons(settings):
    assert redeemed(settings, code_in(link_code(settings, "ana"))).id == "ana"
    assert next(row for row in listing(settings) if row["id"] == "ana")["accounts"]["slack"] == "UNEW"


def test_no_code_is_given_for_somebody_who_left(settings):
    """It would be worthless, and nobody would know why."""
    remove(settings, "ana", "")

    with pytest.raises(UnknownPerson, match="people restore ana"):
        link_code(settings, "ana")
    restore(settings, "ana")
    assert redeemed(settings, code_in(link_code(settings, "ana"))).id == "ana"


@pytest.mark.parametrize("heir", ["ana", "ben", "dan"])
def test_alerts_go_to_nobody_who_can_not_have_them(heir, settings):
    """To nobody who leaves or has left, and to nobody whose role takes no alerts: nobody would be rung."""
    remove(settings, "ben", "")

    with pytest.raises(UnknownPerson):
        remove(settings, "ana", heir)
    assert next(row for row in listing(settings) if row["id"] == "ana")["note"] == ""
