"""What Telegram sends, and what it never would, read without a stumble; and nothing loaded that is not needed."""

import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.telegram_reading import (
    Me,
    Moved,
    Presence,
    Tap,
    Typed,
    account_of,
    covered,
    line_of,
    read_update,
    start_of,
    with_names,
    with_ref,
)
from deskbell.vendors.telegram import ADDRESS, link_to, parts_of

ME = Me(7_000_000, "deskbell_bot")
ANA = {"id": 700_000_001, "is_bot": False, "first_name": "Ana", "last_name": "Ruiz"}
GROUP = {"id": -1001, "type": "supergroup", "title": "Dispatch", "is_forum": True}
BOT = {"id": 7_000_000, "is_bot": True, "first_name": "Deskbell"}
CARD = {"message_id": 5, "date": 1, "chat": GROUP, "from": BOT, "text": "x"}
MESSAGE = {"message_id": 9, "date": 50, "chat": GROUP, "from": ANA, "text": "/ack"}
QUERY = {"id": "42", "from": ANA, "message": CARD, "chat_instance": "1", "data": "TOKEN|c15m"}


def test_a_tap_is_read():
    tap = read_update({"update_id": 1, "callback_query": QUERY | {"message": CARD | {"date": 0}}}, ME)

    assert isinstance(tap, Tap)
    assert (tap.key, tap.query, tap.data.token, tap.data.code, tap.data.value) == (
        "telegram:42",
        "42",
        "TOKEN",
        "c",
        "15m",
    )
    assert (tap.sender.account, tap.sender.name, tap.sender.chat, tap.sender.private) == (
        "700000001",
        "Ana Ruiz",
        -1001,
        False,
    )


def test_a_topic_counts_only_where_it_is_one():
    in_topic = MESSAGE | {"message_thread_id": 7, "is_topic_message": True}
    in_thread = MESSAGE | {"message_thread_id": 7}

    assert read_update({"message": in_topic}, ME).sender.topic == 7
    assert read_update({"message": in_thread}, ME).sender.topic == 0


@pytest.mark.parametrize(
    ("more", "nobody"),
    [
        ({}, ""),
        ({"sender_chat": GROUP}, "anonymous"),
        ({"forward_origin": {"type": "user"}}, "forwarded"),
        ({"via_bot": {"id": 5}}, "forwarded"),
        ({"from": ANA | {"is_bot": True}}, "bot"),
    ],
)
def test_who_can_not_be_told_is_nobody(more, nobody):
    assert read_update({"message": MESSAGE | more}, ME).sender.nobody == nobody


def test_only_our_own_message_says_what_a_reply_is_about():
    text = "\U0001f600 D-99 then D-12"
    entities = [
        {"type": "code", "offset": 13, "length": 4},
        {"type": "text_link", "offset": 0, "length": 2, "url": "https://t.me/deskbell_bot?start=TOKEN"},
    ]
    own = CARD | {"text": text, "entities": entities}
    read = read_update({"message": MESSAGE | {"reply_to_message": own}}, ME)
    theirs = read_update({"message": MESSAGE | {"reply_to_message": own | {"from": ANA}}}, ME)
    plain = read_update({"message": MESSAGE | {"reply_to_message": CARD | {"text": "no mark, D-7"}}}, ME)

    assert (read.own_ref, read.own_token, read.own_message) == ("D-12", "TOKEN", 5)
    assert (theirs.own_ref, theirs.own_token) == ("", "")
    assert plain.own_ref == "D-7"


def test_chats_that_change():
    assert read_update({"message": MESSAGE | {"migrate_to_chat_id": -1009}}, ME) == Moved(-1001, -1009)
    assert read_update({"message": MESSAGE | {"migrate_from_chat_id": -5}}, ME) == Moved(-5, -1001)
    change = {"chat": GROUP, "from": ANA, "new_chat_member": {"status": "kicked"}}
    assert read_update({"my_chat_member": change}, ME) == Presence(-1001, "Dispatch", private=False, here=False)


NAMES = st.sampled_from([*MESSAGE, *QUERY, "entities", "type", "offset", "length", "reply_to_message", "sender_chat"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from(["D-12", "/ack", "-1"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from([*MESSAGE, *QUERY, "entities", "type", "offset", "length", "id"]), inner, max_size=4
        )
    ),
    max_leaves=8,
)


@settings(max_examples=400, deadline=None)
@given(
    st.sampled_from(["message", "callback_query", "my_chat_member", "other"]),
    st.sampled_from([MESSAGE, QUERY, CARD | {"reply_to_message": CARD}, {}]),
    st.dictionaries(
        st.sampled_from([*MESSAGE, *QUERY, "entities", "reply_to_message", "sender_chat"]), JSON, max_size=3
    ),
)
def test_whatever_comes_is_read_or_passed_over(kind, base, changed):
    update = {"update_id": 1, kind: base | changed}

    seen = read_update(update, ME)

    assert seen is None or isinstance(seen, Tap | Typed | Moved | Presence)
    assert account_of(update) == "" or account_of(update).lstrip("-").isdigit()


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=60), st.booleans())
def test_any_line_is_a_line_or_none(text, private):
    line = line_of(text, "deskbell_bot", "/desk", private=private)

    assert line is None or isinstance(line, str)
    assert private or line is None or text.startswith("/")
    assert isinstance(with_ref(line or "", "D-12"), str)
    assert start_of(text, "deskbell_bot") is None or text.casefold().startswith("/start")


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=40), st.integers(-5, 60), st.integers(-5, 60))
def test_stretches_of_text_never_break(text, offset, length):
    assert isinstance(covered(text, max(0, offset), max(0, length)), str)
    assert isinstance(with_names(text, {(max(0, offset), max(0, length)): "@ben"}), str)


@pytest.mark.parametrize(
    ("line", "ref", "expected"),
    [
        ("ack", "D-12", "ack D-12"),
        ("ack D-7", "D-12", "ack D-7"),
        ("snooze 30m", "D-12", "snooze D-12 30m"),
        ("list", "D-12", "list"),
        ("ack", "", "ack"),
        ("nonsense", "D-12", "nonsense"),
    ],
)
def test_a_command_in_reply_to_a_card_takes_its_ref(line, ref, expected):
    assert with_ref(line, ref) == expected


def test_addresses():
    assert parts_of("-1001234567890/7") == (-1001234567890, 7)
    assert parts_of("-1001234567890/1") == (-1001234567890, 0)  # General
    assert parts_of("700000001") == (700000001, 0)
    assert link_to(-1001234567890, 5, 7) == "https://t.me/c/1234567890/7/5"
    assert link_to(-4001, 5) == ""
    for good in ("-1001234567890", "-1001234567890/7", "42"):
        assert ADDRESS.fullmatch(good)
    for wrong in ("@channel", "", "-", "-100/", "1/2/3", "-1001234567890/x"):
        assert not ADDRESS.fullmatch(wrong)


def test_nothing_heavy_is_loaded():
    code = (
        "import sys, bot.telegram, channels.telegram; print([m for m in sys.modules if m.startswith('telegram.ext')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)

    assert done.stdout.strip() == "[]"
