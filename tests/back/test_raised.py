"""A topic of Amazon's and a flow of Power Automate raise alerts: as a program does through the API."""

import json
import time
from datetime import timedelta

import pytest

from deskbell.config import load
from deskbell.config.strict import ConfigError
from deskbell.core.alert import Severity, Status
from deskbell.net import published
from deskbell.net.clock import wall
from tests.back import conftest
from tests.back.conftest import ANA, config_of
from tests.signed import JSON, PAPER, TOPIC, from_sns, paper

TEAM, SECRET = "north", "a-secret-of-the-flow"
TOPIC_HOOK = {"topics": [TOPIC], "hook": {"raises": TEAM}, "address": ""}
FLOW_HOOK = {"hook": {"raises": TEAM, "secrets": [SECRET]}}
ALARM = {"AlarmName": "Queue too long", "AlarmArn": "arn:aws:cloudwatch:x", "AlarmDescription": "P2 look at the queue"}


@pytest.fixture
def people():
    return {"ana": {"teams": [TEAM], "sns": ANA}}


@pytest.fixture
def channels():
    return {"sns": TOPIC_HOOK, "power_automate": FLOW_HOOK}


@pytest.fixture(autouse=True)
def amazon(monkeypatch):
    async def fetched(url):
        return paper(at=time.time()) if url == PAPER else ""

    monkeypatch.setattr(published, "_fetched", fetched)


async def told(house, message, **more):
    """By a topic; a message that is no text is sent as JSON."""
    text = message if isinstance(message, str) else json.dumps(message)
    call = from_sns(Message=text, **more)
    return await house.post("/inbound/sns", call.body, call.headers)


async def flowed(house, body, secret=SECRET):
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return await house.post("/inbound/power_automate", data, JSON | {"X-Deskbell-Secret": secret})


def alerts(house):
    return house.daemon.store.read_now(lambda reader: reader.alerts(statuses=tuple(Status), limit=1000))


async def test_a_topic_raises_an_alert_once_and_it_rings(house):
    for _ in range(2):
        assert (await told(house, "The cold store is at 9 degrees", Subject="Cold store too warm"))[0] == 200
    (alert,) = alerts(house)
    assert (alert.title, alert.team, alert.severity) == ("Cold store too warm", TEAM, Severity.P3)
    assert dict(alert.facts) == {"Details": "The cold store is at 9 degrees", "Raised by": "channel sns"}
    (entry,) = house.entries("open")
    assert entry.data["caller"] == "channel sns"
    await house.settled()
    assert [card.fields["alert"]["title"] for card in house.told("power_automate")] == ["Cold store too warm"]


async def test_what_a_topic_says_in_the_fields_of_the_api(house):
    said = {"title": "Gate open", "text": "Since noon", "severity": "P1", "subject": "G-7", "key": "gate-7"}
    assert (await told(house, said))[0] == 200
    assert (await told(house, said, MessageId="m-2"))[0] == 200
    (alert,) = alerts(house)
    assert (alert.title, alert.severity, alert.subject, alert.team) == ("Gate open", Severity.P1, "G-7", TEAM)
    assert (await told(house, said | {"title": "Something else"}, MessageId="m-3"))[0] == 409
    for wrong in ({"severity": "loud"}, {"team": "nobody"}, {"title": "x" * 121}, {"text": 7}, {"key": "with blanks"}):
        status, _ = await told(house, {**said, "key": "another"} | wrong, MessageId="m-4")
        assert status in (400, 422), wrong
    assert len(alerts(house)) == 1
    assert (await told(house, {"Records": [{"eventName": "ObjectRemoved"}]}, MessageId="m-5"))[0] == 200
    assert "ObjectRemoved" in alerts(house)[1].title


def alarm(state, at=None):
    when = (at or wall()).strftime("%Y-%m-%dT%H:%M:%S.%f+0000")
    return ALARM | {"NewStateValue": state, "NewStateReason": f"Now {state}", "StateChangeTime": when}


async def test_an_alarm_of_cloudwatch_rings_and_is_over(house):
    assert (await told(house, alarm("INSUFFICIENT_DATA"), MessageId="a-0"))[0] == 200
    assert not alerts(house)
    assert (await told(house, alarm("ALARM"), MessageId="a-1"))[0] == 200
    (alert,) = alerts(house)
    assert (alert.title, alert.severity) == ("Queue too long", Severity.P2)
    assert (await told(house, alarm("OK", wall() - timedelta(hours=1)), MessageId="a-2"))[0] == 200
    assert (await told(house, alarm("OK") | {"AlarmArn": "arn:aws:cloudwatch:y"}, MessageId="a-3"))[0] == 200
    assert house.open, "one OK was of before, the other of another alarm"
    assert (await told(house, alarm("OK"), MessageId="a-4"))[0] == 200
    assert house.alert().status is Status.RESOLVED
    assert house.alert().reason == "Now OK (channel sns)"
    assert (await told(house, alarm("ALARM"), MessageId="a-5"))[0] == 200
    assert (await told(house, alarm("OK", alert.opened_at), MessageId="a-4"))[0] == 200
    assert house.alert(2).status is Status.OPEN, "the same OK again is of before"


async def test_nobody_else_raises_anything(house):
    stranger = {"TopicArn": "arn:aws:sns:eu-central-1:999999999999:replies"}
    assert (await told(house, "hello", **stranger))[0] == 401
    assert (await told(house, {"originationNumber": ANA, "messageBody": "hi", "inboundMessageId": "in-1"}))[0] == 200
    assert (await told(house, alarm("OK") | {"StateChangeTime": "soon"}))[0] == 400
    assert (await flowed(house, {"key": "k", "title": "t"}, "another-secret-of-a-flow"))[0] == 401
    for garbage in (b"{", b"[]", b'"x"', b"", {"title": "No key"}, {"key": 1, "title": "t"}):
        assert (await flowed(house, garbage))[0] == 400, garbage
    for wrong in ({"title": ""}, {"colour": "red"}, {"title": ["x"]}, {"team": "nobody"}):
        assert (await flowed(house, {"key": "k", "title": "Cold store"} | wrong))[0] == 422, wrong
    assert not alerts(house)


async def test_a_flow_raises_an_alert_once(house):
    body = {"key": "08585000000000000001CU00", "title": "Form: no heating at Hansen", "severity": "P2", "team": TEAM}
    for _ in range(2):
        assert (await flowed(house, body))[0] == 200
    (alert,) = alerts(house)
    assert (alert.title, alert.severity, alert.team) == ("Form: no heating at Hansen", Severity.P2, TEAM)
    assert dict(alert.facts)["Raised by"] == "channel power_automate"
    assert (await flowed(house, body | {"title": "Another"}))[0] == 409


class TestLimit:
    @pytest.fixture(autouse=True)
    def two(self, monkeypatch):
        given = conftest.CONFIG.replace("[server]\n", "[server]\nalerts_per_hour = 2\n")
        monkeypatch.setattr(conftest, "CONFIG", given)

    async def test_so_many_in_an_hour_and_then_later(self, house):
        for number in range(3):
            status, _ = await flowed(house, {"key": f"k{number}", "title": f"Number {number}"})
            assert status == (200 if number < 2 else 429)
        assert (await flowed(house, {"key": "k0", "title": "Number 0"}))[0] == 200, "a repeat costs nothing"
        assert (await told(house, "each channel has its own"))[0] == 200
        assert len(alerts(house)) == 3


class TestOff:
    @pytest.fixture
    def channels(self):
        return {"sns": TOPIC_HOOK | {"hook": {}}}

    async def test_nothing_is_raised_unless_somebody_says_so(self, house):
        assert (await told(house, "hello"))[0] == 200
        assert (await told(house, alarm("ALARM")))[0] == 200
        assert not alerts(house)


@pytest.mark.parametrize(
    ("channels", "problem"),
    [
        ({"sns": TOPIC_HOOK | {"hook": {"raises": "south"}}}, "channels.sns.hook.raises: is no team"),
        ({"sns": TOPIC_HOOK | {"address": TOPIC}}, "would come back as another one"),
        ({"power_automate": {"hook": {"secrets": [SECRET]}}}, "power_automate.hook.raises: is missing"),
        ({"twilio": {"hook": {"raises": TEAM, "secrets": [SECRET]}}}, "Twilio SMS raises no alerts"),
    ],
)
def test_a_configuration_that_makes_no_sense(sandbox, tmp_path, people, channels, problem):
    with pytest.raises(ConfigError) as wrong:
        load(config_of(sandbox, tmp_path, people.items(), channels), {})
    assert problem in str(wrong.value)
