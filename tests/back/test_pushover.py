"""Pushover rings a P1 until somebody acknowledges it there: it is asked who did; its call only says when to ask."""

import pytest

from deskbell.core.heard import Rank
from deskbell.sandbox.vendors.pushover import USER

SECRET = "unguessable-end-of-the-address"


@pytest.fixture
def people():
    return {"ben": {"pushover": USER}}


@pytest.fixture
def channels():
    return {"pushover": {"address": "", "hook": {"secrets": [SECRET]}}}


async def test_who_acknowledged_there_is_asked_for(house):
    await house.raised()
    await house.rung("ben")
    await house.acted("unack")
    push = house.told("pushover")[-1]
    assert push.fields["callback"] == f"https://desk.example.org/inbound/pushover/{SECRET}"
    assert push.fields["url"].startswith("https://desk.example.org/p/")
    await house.daemon.asker.ask("pushover")
    assert [one.rank for one in house.messages() if one.id == push.id] == [Rank.DELIVERED]
    assert house.open
    # What the call claims counts for nothing; it has us look.
    said = {"receipt": push.id, "acknowledged": "1", "acknowledged_by": "somebody"}
    assert (await house.post("/inbound/pushover/another-secret-altogether", said, {}))[0] == 401
    assert (await house.post(f"/inbound/pushover/{SECRET}", said, {}))[0] == 200
    assert house.open
    # One of a group, which is Ben's account, has a key of their own that nobody knows.
    house.sandbox.vendors["pushover"].stands[push.id] = f"acked by {'k' * 30}"
    assert (await house.post(f"/inbound/pushover/{SECRET}", said, {}))[0] == 200
    await house.until(lambda: not house.open)
    assert house.alert().acked_by == "ben"


async def test_somebody_has_it_and_the_sirens_of_the_others_stop(house):
    await house.raised()
    await house.rung("ben")
    await house.acted("unack")
    push = house.told("pushover")[-1]
    assert "hush" not in [one.way for one in house.told("pushover")[-1:]]
    await house.acted("ack")
    hushed = {one.parts["receipt"] for one in house.told("pushover") if one.way == "hush"}
    assert push.id in hushed
    assert not house.daemon.store.read_now(lambda reader: reader.outbox(dead_only=True))
