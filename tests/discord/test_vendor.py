"""What Discord's answers mean, one by one, and what is wrong with settings."""

from dataclasses import replace
from datetime import timedelta

import pytest

from deskbell.core.outcome import Fault, Rejected, Retry, Unknown
from deskbell.core.ports import Limit
from deskbell.vendors.discord import FAULTS, LATER, DiscordConf, Way, limits, outcome, problems

CONF = DiscordConf("token", "9" * 18, ("8" * 18,), public_key="ab" * 32)


@pytest.mark.parametrize(
    ("status", "code", "fault"),
    [
        (401, 0, Fault.AUTH),
        (401, 50014, Fault.AUTH),
        (403, 40001, Fault.AUTH),
        (403, 50001, Fault.TARGET),
        (403, 50007, Fault.TARGET),
        (403, 50278, Fault.TARGET),
        (403, 50013, Fault.CONFIG),
        (404, 10003, Fault.TARGET),
        (404, 10008, Fault.GONE),
        (429, 30046, Fault.GONE),
        (400, 30046, Fault.GONE),
        (403, 50005, Fault.GONE),
        (400, 50006, Fault.PAYLOAD),
        (400, 50035, Fault.PAYLOAD),
        (400, 200000, Fault.PAYLOAD),
        (400, 50083, Fault.TARGET),
        (400, 0, Fault.PAYLOAD),
        (413, 0, Fault.PAYLOAD),
        (403, 0, Fault.CONFIG),
        (404, 0, Fault.CONFIG),
        (405, 0, Fault.CONFIG),
        (400, 999999, Fault.PAYLOAD),
    ],
)
def test_a_no(status, code, fault):
    found = outcome(status, code, "said so")

    assert isinstance(found, Rejected)
    assert found.fault is fault
    assert found.why.startswith("Discord: ")


@pytest.mark.parametrize("status", [500, 502, 503, 504, 520, 524])
def test_nobody_knows(status):
    assert isinstance(outcome(status, 0), Unknown)


def test_later():
    assert outcome(429, 0, "", 0.64) == Retry("Discord: rate limit", timedelta(seconds=0.64), limited=True)
    assert outcome(429, 0).after == timedelta(seconds=60)  # not Discord's own words
    assert outcome(429, 0, "", 86400.0).after == timedelta(hours=1)
    assert outcome(429, 20016, "slow", 5.0) == Retry("Discord: slow (20016)", timedelta(seconds=5), limited=True)
    assert isinstance(outcome(400, 40003), Retry)
    assert outcome(503, 130000).after == timedelta(seconds=10)


def test_no_number_means_two_things():
    assert not set(FAULTS) & LATER


def test_words_are_short_and_on_one_line():
    assert len(outcome(400, 0, "x\n" * 5000).why) < 250
    assert "\n" not in outcome(400, 0, "x\ny").why


def test_good_settings():
    assert list(problems(CONF)) == []
    assert "token" not in repr(CONF).replace("token=", "")


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"guilds": ()}, "guilds"),
        ({"guilds": ("Northgate",)}, "guilds"),
        ({"application_id": "deskbell"}, "application_id"),
        ({"oncall_role": "@oncall"}, "oncall_role"),
        ({"way": Way.HTTP, "public_key": ""}, "public_key"),
        ({"public_key": "short"}, "public_key"),
        ({"public_key": "0" * 64}, "public_key"),
    ],
)
def test_wrong_settings(changes, key):
    assert [found for found, _ in problems(replace(CONF, **changes))] == [key]


def test_limits_are_of_the_channel_and_of_the_bot():
    assert [(one.op, one.scope) for one in limits(CONF)] == [
        ("post", "destination"),
        ("edit", "destination"),
        ("any", "account"),
    ]
    assert limits(CONF)[2] == Limit("any", "account", 40, timedelta(seconds=1))


@pytest.mark.parametrize("status", [400, 403, 404, 405])
def test_a_refusal_without_a_word_is_not_discords(status):
    """Somebody stands between us; nobody can tell how far the request came, so that it is not given up."""
    assert isinstance(outcome(status, 0), Unknown)
    assert isinstance(outcome(status, 0, "400: Bad Request"), Rejected)
