"""Planted secrets must not come out, by whatever way they go in."""

import logging

import pytest

from deskbell.net import redact
from deskbell.net.redact import RedactFilter, quiet_libraries, redact_event


@pytest.mark.parametrize(
    "secret",
    [
        "xoxb-1234-5678-abcdEFGH",
        "xapp-1-A0-abcdef",
        "123456789:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw",
        "c2VjcmV0OnNlY3JldA==",
        "T000/B000/XXXXXXXX",
    ],
)
@pytest.mark.parametrize(
    "text", ["{}", "Authorization: Bearer {}", "Basic {}", "https://hooks.slack.com/services/{}", "bot{}/getMe"]
)
def test_shapes_of_well_known_tokens_are_hidden(secret, text):
    fits = {
        "{}": secret.startswith("x"),
        "bot{}/getMe": ":AAH" in secret,
        "https://hooks.slack.com/services/{}": "/" in secret,
        "Basic {}": "=" in secret,
    }
    if fits.get(text, not secret.startswith("T0")):
        assert secret not in redact.redact(text.format(secret))


def test_configured_values_are_hidden_in_their_encoded_forms_too():
    redact.learn("p@ss w/rd")
    for shown in ("p@ss w/rd", "p%40ss%20w%2Frd", "p%40ss+w%2Frd"):
        assert shown not in redact.redact(f"x={shown}&y")


def test_a_login_is_hidden_as_basic_writes_it():
    redact.learn_login("deskbell", "sesame-4711")
    assert redact.basic_pair("deskbell", "sesame-4711") not in redact.redact(
        redact.basic_pair("deskbell", "sesame-4711")
    )


def test_a_very_short_secret_does_not_blacken_words():
    redact.learn("X", "")
    assert redact.redact("Xenon") == "Xenon"


def test_logs_of_libraries_are_cleaned_tracebacks_included():
    redact.learn("sesame-4711")
    try:
        raise ValueError("token sesame-4711 refused")
    except ValueError as error:
        exc_info = (type(error), error, error.__traceback__)
    record = logging.LogRecord("lib", logging.ERROR, __file__, 1, "calling %s", ("sesame-4711",), exc_info)
    RedactFilter().filter(record)
    shown = logging.Formatter().format(record)
    assert "sesame-4711" not in shown
    assert "refused" in shown


def test_structured_events_are_cleaned_however_deep():
    redact.learn("sesame-4711")
    event = {"a": {"b": ["sesame-4711", {"c": ("sesame-4711",)}]}, "n": 3, "ok": True, "none": None}
    assert "sesame-4711" not in str(redact_event(None, "info", event))
    assert event["n"] == 3
    assert event["ok"] is True


def test_http_libraries_are_quiet():
    quiet_libraries()
    assert not logging.getLogger("httpx").isEnabledFor(logging.INFO)
