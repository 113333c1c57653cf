"""Authentication as configurations describe it."""

import pytest

from deskbell.net import auth


def test_kinds_are_made_from_their_values():
    assert auth.make("basic", {"user": "a", "password": "b"}) == auth.Basic("a", "b")
    made = auth.make("oauth2_client_credentials", {"token_url": "u", "client_id": "i", "client_secret": "s"})
    assert isinstance(made, auth.ClientCredentials)
    assert auth.make("none", {}) == auth.NoAuth()


@pytest.mark.parametrize(
    ("kind", "values", "said"),
    [
        ("magic", {}, "not known; use one of"),
        ("basic", {"user": "a"}, "password is missing"),
        ("bearer", {"token": "a", "user": "b"}, "user is not known"),
    ],
)
def test_what_is_wrong_is_said_in_words(kind, values, said):
    with pytest.raises(ValueError, match=said):
        auth.make(kind, values)


def test_no_secret_shows_in_a_repr():
    shown = repr([auth.Basic("u", "sesame"), auth.Bearer("sesame"), auth.HeaderKey("h", "sesame")])
    assert "sesame" not in shown
