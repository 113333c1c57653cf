"""The forms: within Slack's limits whatever they hold, and read back as they were filled in."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from slack_sdk.models.views import View

from deskbell.faces import slack_forms as forms
from deskbell.sandbox.slack.views import check_view

ORIGIN = forms.Origin("TOKEN", "C0DISPATCH", "C0DISPATCH")
PEOPLE = [("ana", "Ana Ruiz", "on duty"), ("ben", "Ben Okafor", ""), ("jose", "José Núñez", "3 alerts open")]


def assert_fits(view):
    assert check_view(view) == []
    View(**view).to_dict()


@pytest.mark.parametrize(
    "view",
    [
        forms.reassign("D-12", ORIGIN, PEOPLE),
        forms.reassign("D-12", ORIGIN, PEOPLE * 60),
        forms.reassign("D-999999999999999", ORIGIN, PEOPLE),
        forms.resolve("D-12", ORIGIN),
        forms.note("D-12", ORIGIN),
        forms.nobody("D-12", ORIGIN),
        forms.connect(ORIGIN, "/desk"),
    ],
)
def test_a_form_fits(view):
    assert_fits(view)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.text(min_size=1, max_size=140), st.text(max_size=300), st.text(max_size=300)),
        min_size=1,
        max_size=120,
    )
)
def test_a_form_fits_whatever_people_are_called(people):
    assert_fits(forms.reassign("D-12", ORIGIN, people))


def test_where_it_came_from_travels_with_the_form():
    assert forms.origin_of(forms.resolve("D-12", ORIGIN)["private_metadata"]) == ORIGIN


@pytest.mark.parametrize("text", ["", "{}", "[]", "null", "x", '{"token"', '"x"'])
def test_a_strange_origin_is_none(text):
    assert forms.origin_of(text) is None


@pytest.mark.parametrize(
    ("verb", "values", "args"),
    [
        (
            "reassign",
            {"answer": {"desk.people": {"type": "static_select", "selected_option": {"value": "ben"}}}},
            {"person": "ben"},
        ),
        ("resolve", {"answer": {"text": {"value": " fixed "}}}, {"reason": "fixed"}),
        (
            "resolve",
            {"quick": {"quick": {"selected_option": {"value": "Fixed"}}}, "answer": {"text": {"value": "valve"}}},
            {"reason": "Fixed: valve"},
        ),
        ("resolve", {"quick": {"quick": {"selected_option": None}}, "answer": {"text": {"value": None}}}, None),
        ("note", {"answer": {"text": {"value": "called"}}}, {"text": "called"}),
        ("connect", {"answer": {"text": {"value": " abc "}}}, {"code": "abc"}),
        ("reassign", {}, None),
    ],
)
def test_what_was_filled_in(verb, values, args):
    assert forms.args_of(verb, values) == args


def test_suggestions_are_found_by_any_part_of_the_name():
    assert [one["value"] for one in forms.suggestions(PEOPLE, "ru an")] == ["ana"]
    assert len(forms.suggestions(PEOPLE, "")) == 3
    assert forms.suggestions(PEOPLE, "zz") == []
