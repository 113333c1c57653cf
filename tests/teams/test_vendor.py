"""What is known of Teams without asking it: settings, addresses, and what its answers mean."""

from dataclasses import replace

import pytest

from deskbell.core.outcome import Fault, Rejected, Retry, Unknown
from deskbell.vendors import teams
from deskbell.vendors.chats import CHATS
from deskbell.vendors.teams import TeamsConf, may_call, outcome, problems

CONF = TeamsConf(app_id="app", app_password="secret", tenant="tenant")


def test_the_secret_is_not_in_the_representation():
    assert "secret" not in repr(CONF)


def test_the_settings_have_no_problem_and_each_mistake_has():
    assert list(problems(CONF)) == []
    for key, value in (
        ("app_id", " "),
        ("app_password", ""),
        ("tenant", ""),
        ("service_url", "http://smba.example/"),
        ("login_url", "login"),
        ("openid_url", "ftp://x/"),
        ("card_bytes", 10),
    ):
        assert [found for found, _ in problems(replace(CONF, **{key: value}))] == [key]
    assert CHATS["teams"].conf is TeamsConf


@pytest.mark.parametrize(
    ("address", "good"),
    [
        ("19:dispatch@thread.tacv2", True),
        ("19:0123456789abcdef0123456789abcdef@thread.skype", True),
        ("19:meeting_abc-DEF@thread.v2", True),
        ("19:dispatch@thread.tacv2;messageid=1", False),
        ("dispatch", False),
        ("a:1234", False),
    ],
)
def test_addresses(address, good):
    assert bool(teams.ADDRESS.fullmatch(address)) is good


@pytest.mark.parametrize(
    ("url", "good"),
    [
        ("https://smba.trafficmanager.net/teams/", True),
        ("https://smba.trafficmanager.net/emea/tenant/", True),
        ("https://smba.trafficmanager.net:443/x", True),
        ("http://smba.trafficmanager.net/teams/", False),
        ("https://smba.trafficmanager.net:8443/", False),
        ("https://smba.trafficmanager.net.evil.example/", False),
        ("https://smba.trafficmanager.net@evil.example/", False),
        ("https://user:pw@smba.trafficmanager.net/", False),
        ("https://evil.example/smba.trafficmanager.net", False),
        ("//smba.trafficmanager.net/", False),
        ("https://[::1", False),
        ("", False),
        ("http://127.0.0.1:9/teams/", False),
        ("file:///etc/passwd", False),
    ],
)
def test_where_our_token_may_go(url, good):
    assert may_call(CONF, url) is good


def test_threads_and_rooms():
    assert teams.room_of("19:a@thread.tacv2;messageid=5") == "19:a@thread.tacv2"
    assert teams.root_of("19:a@thread.tacv2;messageid=5") == "5"
    assert teams.thread("19:a@thread.tacv2", "5") == "19:a@thread.tacv2;messageid=5"
    assert teams.thread("19:a@thread.v2", "5") == "19:a@thread.v2"
    assert teams.message_link(CONF, "19:a@thread.tacv2;messageid=5", "5") == (
        "https://teams.microsoft.com/l/message/19%3Aa%40thread.tacv2/5?tenantId=tenant"
    )


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "BadArgument", Fault.PAYLOAD),
        (400, "", Fault.PAYLOAD),
        (401, "BotNotRegistered", Fault.AUTH),
        (401, "", Fault.AUTH),
        (403, "BotDisabledByAdmin", Fault.CONFIG),
        (403, "NotEnoughPermissions", Fault.CONFIG),
        (403, "InvalidBotApiHost", Fault.CONFIG),
        (403, "BotNotInConversationRoster", Fault.TARGET),
        (403, "MessageWritesBlocked", Fault.TARGET),
        (403, "SomethingNew", Fault.TARGET),
        (404, "ActivityNotFoundInConversation", Fault.GONE),
        (404, "ConversationNotFound", Fault.TARGET),
        (413, "MessageSizeTooBig", Fault.PAYLOAD),
    ],
)
def test_what_is_refused(status, code, kind):
    found = outcome(status, code)
    assert found == Rejected(kind, found.why)
    assert str(status) in found.why


@pytest.mark.parametrize("status", [412, 429, 502, 503, 504])
def test_what_is_tried_again(status):
    found = outcome(status, "x", "7")
    assert isinstance(found, Retry)
    assert found.after.total_seconds() == 7
    assert found.limited is (status == 429)


@pytest.mark.parametrize("status", [418, 409, 500, 501, 505, 302, 0])
def test_what_nobody_can_tell(status):
    assert isinstance(outcome(status, ""), Unknown)


@pytest.mark.parametrize(
    ("said", "seconds"), [("5", 5), ("", 2), ("soon", 2), ("-1", 2), ("0", 1), ("999999", 3600), ("²", 2)]
)
def test_retry_after(said, seconds):
    assert teams.seconds(said).total_seconds() == seconds
