"""What a voice says, and what goes out sealed and comes back."""

from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest

from channels import voice
from channels.catalog import service
from channels.service import Notice
from channels.vendors.twilio_call import twiml
from deskbell.config.channels import read_channels
from deskbell.config.strict import Reading
from deskbell.core.asking import MENU
from deskbell.net.seal import seal, unseal
from tests.vendors.conftest import settings_of, stand_in_of

LATE = Notice(
    "k", "a", "D-4821", line="[P1] D-4821 Marco Bianchi is 25 min late, see D-12", hook="https://desk.example.org/x"
)


def test_refs_are_spoken_digit_by_digit():
    said = "This is Deskbell. Priority 1, alert 4 8 2 1: Marco Bianchi is 25 min late, see alert 1 2:."
    assert voice.words(LATE) == f"{said} {voice.KEYS}"


@pytest.mark.parametrize("change", [{"hook": ""}, {"ref": ""}])
def test_nobody_is_asked_for_a_key_that_nobody_would_hear(change):
    assert "Press" not in voice.words(replace(LATE, **change))
    conf, _ = settings_of("twilio_call", stand_in_of("twilio_call").settings())
    assert "Gather" not in twiml(replace(LATE, **change), conf)


def test_a_question_has_keys_of_its_own():
    said = voice.words(replace(LATE, line=f"[P2] D-4821: when will you be there? {MENU}"))
    assert said.endswith(
        "1, 10 minutes, 2, 30 minutes, 3, I can't come, 4, I am on site. Press the key of your answer."
    )


@pytest.mark.parametrize("text", ["<Hangup/> & \"'", "\x00\x0b\ud83d\ufffe", "\u202e\U0001f468\u200d\U0001f469", "]]>"])
def test_what_strangers_write_is_spoken_and_nothing_else(text):
    spoken = ET.fromstring(voice.element("Response", voice.element("Say", text=text, language=text)))  # noqa: S314
    assert [one.tag for one in spoken.iter()] == ["Response", "Say"]


def test_what_was_sealed_is_read_by_whoever_sealed_it():
    sealed = seal("a token", "Marco Bianchi is late \U0001f468")
    assert "Marco" not in sealed
    assert sealed == seal("a token", "Marco Bianchi is late \U0001f468")
    assert unseal("a token", sealed) == "Marco Bianchi is late \U0001f468"


@pytest.mark.parametrize(
    "sealed", ["", "A", "AAAA", "\u00e9", "x" * 5000, seal("another token", "text"), seal("a token", "text")[:-2]]
)
def test_what_was_not_sealed_here_is_refused(sealed):
    with pytest.raises(ValueError, match="not sealed here"):
        unseal("a token", sealed)


@pytest.mark.parametrize("hook", [{}, {"hook": {"secrets": ["a-token-of-the-account"]}}])
def test_plivo_can_only_call_where_it_may_ask_what_to_say(hook):
    given = {"auth_id": "MA1", "auth_token": "a-token-of-the-account", "sender": "+4930123456"}
    reading = Reading({}, None)
    read_channels(reading, {"plivo_call": given | hook}, "https://desk.example.org")
    said = "channels.plivo_call.hook: is missing: Call by Plivo asks us what to say"
    assert list(reading.problems) == ([] if hook else [said])


@pytest.mark.parametrize("name", ["twilio_call", "plivo_call", "whatsapp", "messenger"])
def test_where_nobody_can_pretend_more_may_be_answered(name):
    assert "escalate" in service(name).answers
