"""The token of a button: genuine, or nothing."""

import base64

from hypothesis import given
from hypothesis import strategies as st

from deskbell.core.alert import Verb
from deskbell.core.button import FORMAT, Press, _mac, read, sign

SECRET = b"a secret of this test"
TOKEN = sign(SECRET, Verb.ACK, 4821, 7)


def raw(token):
    return base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))


def encode(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


@given(st.sampled_from(Verb), st.integers(0, 2**48 - 1), st.integers(0, 2**24 - 1))
def test_what_was_signed_is_read(verb, alert_id, version):
    token = sign(SECRET, verb, alert_id, version)
    assert read(SECRET, token) == Press(verb, alert_id, version)
    assert len(token) == 28


def test_it_leaves_room_on_telegram():
    assert len(sign(SECRET, Verb.NOTE, 2**48 - 1, 2**24 - 1).encode()) <= 64


def test_a_version_beyond_its_bytes_is_the_highest():
    assert read(SECRET, sign(SECRET, Verb.ACK, 1, 2**40)).mark == 2**24 - 1


def test_every_flipped_bit_is_refused():
    data = raw(TOKEN)
    for position in range(len(data) * 8):
        forged = bytearray(data)
        forged[position // 8] ^= 1 << position % 8
        assert read(SECRET, encode(bytes(forged))) is None


def test_every_changed_character_is_refused():
    """Also those whose spare bits would decode to the same bytes: one token, one spelling."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/=. \n"
    for position, right in enumerate(TOKEN):
        for char in alphabet:
            if char != right:
                assert read(SECRET, TOKEN[:position] + char + TOKEN[position + 1 :]) is None


def test_another_secret_format_or_length():
    assert read(b"another", TOKEN) is None
    data = raw(TOKEN)
    for body in (
        bytes((FORMAT + 1,)) + data[1:11],
        data[:10],
        data[:11] + b"x",
        b"",
        bytes((FORMAT, len(Verb))) + data[2:11],
    ):
        assert read(SECRET, encode(body + _mac(SECRET, body))) is None


def test_tokens_of_every_verb_differ():
    assert len({sign(SECRET, verb, 1, 1) for verb in Verb}) == len(Verb)


@given(st.text() | st.binary().map(encode))
def test_nothing_else_is_read_and_nothing_raises(token):
    assert read(SECRET, token) is None
