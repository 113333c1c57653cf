"""Records that people close over there: the alert learns it, asked or told, and nothing goes round in circles."""

import hmac
import json

import pytest

from deskbell.core.alert import Status

KEEPS = (
    "asana",
    "freshdesk",
    "hubspot",
    "intercom",
    "monday",
    "pagerduty",
    "pipedrive",
    "salesforce",
    "servicenow",
    "trello",
    "zendesk",
    "zoho_crm",
)
SECRET = "pagerduty-secret-of-the-subscription"


@pytest.fixture
def people():
    return {"ana": {"pagerduty": "PANA"}}


@pytest.fixture
def channels():
    return {name: {} for name in KEEPS} | {"pagerduty": {"hook": {"secrets": [SECRET]}}}


def record_of(house, name, alert_id=1):
    posts = house.daemon.store.read_now(lambda reader: reader.posts_of(alert_id))
    return next(post.ref for post in posts if post.destination == name)["id"]


async def changed_there(house, name, state, alert_id=1):
    vendor = house.sandbox.vendors[name]
    vendor.stands[record_of(house, name, alert_id)] = state
    await house.daemon.asker.ask(name)
    await house.settled()


async def test_each_system_in_its_turn_closes_an_alert(house):
    """One alert for each system; all others are brought into step, and none is told what it did itself."""
    for number, name in enumerate(KEEPS, 1):
        alert = await house.raised(key=str(number))
        assert alert.id == number
        vendor = house.sandbox.vendors[name]
        before, told = len(vendor.told), len(house.sandbox.vendors["pagerduty"].told)
        await changed_there(house, name, "resolved", number)
        after = house.alert(number)
        assert after.status is Status.RESOLVED, name
        assert "closed in" in after.reason
        assert len(vendor.told) == before, f"{name} is told what it knows"
        if name != "pagerduty":
            assert len(house.sandbox.vendors["pagerduty"].told) == told + 1
        # Asked again and again, it is no news, and nothing goes round.
        entries = len(house.entries())
        await house.daemon.asker.ask(name)
        await house.settled()
        assert len(house.entries()) == entries, name


async def test_somebody_takes_it_there_and_our_own_change_is_no_news(house):
    await house.raised()
    await changed_there(house, "servicenow", "acked")
    alert = house.alert()
    assert (alert.status, alert.acked_by) == (Status.ACKED, "rita in ServiceNow")
    # We have told the others; what they say now is what we told them.
    for name in KEEPS:
        house.sandbox.vendors[name].stands[record_of(house, name)] = "acked"
        await house.daemon.asker.ask(name)
    assert house.alert().version == alert.version
    await house.acted("resolve", reason="it is cold again")
    for name in KEEPS:
        house.sandbox.vendors[name].stands[record_of(house, name)] = "resolved"
        await house.daemon.asker.ask(name)
    assert len(house.entries("resolve")) == 1


async def pagerduty(house, kind, key, who="PANA", event="01", agent="user_reference", secret=SECRET):
    said = {"id": who, "type": agent, "summary": "Ana at PagerDuty"}
    body = {"event": {"id": event, "event_type": f"incident.{kind}", "agent": said, "data": {"incident_key": key}}}
    raw = json.dumps(body).encode()
    macs = (hmac.new(one.encode(), raw, "sha256").hexdigest() for one in ("of-another-one", secret))
    return await house.post("/inbound/pagerduty", raw, {"X-PagerDuty-Signature": ",".join(f"v1={mac}" for mac in macs)})


async def test_an_acknowledgement_in_pagerduty_is_one_here(house):
    await house.raised()
    key = record_of(house, "pagerduty")
    assert (await pagerduty(house, "acknowledged", key, secret="wrong-secret"))[0] == 401
    assert (await pagerduty(house, "acknowledged", key, agent="inbound_integration_reference"))[0] == 200
    assert (await pagerduty(house, "annotated", key))[0] == 200
    assert house.open
    assert (await pagerduty(house, "acknowledged", key, event="02"))[0] == 200
    assert house.alert().acked_by == "ana"
    await house.acted("unack")
    assert (await pagerduty(house, "acknowledged", key, event="02"))[0] == 200
    assert house.open, "an event that comes again"
