"""What does not arrive goes the person's next way: at once where the vendor says so, in time where it says nothing."""

import pytest

from deskbell.core.alert import Status
from deskbell.core.heard import Rank
from tests.back.conftest import BEN

BEN_BY_MAIL = "ben@example.org"


@pytest.fixture
def people():
    return {"ben": {"twilio": BEN, "smtp": BEN_BY_MAIL}}


@pytest.fixture
def channels():
    return {"twilio": {"address": "", "hook": {"secrets": ["sandbox-twilio-token"]}}, "smtp": {"address": ""}}


async def rung(house):
    await house.raised()
    await house.rung("ben")
    await house.acted("unack")
    return house.told("twilio", BEN)[-1]


def mails(house):
    return [one for one in house.sandbox.vendors["smtp"].told if BEN_BY_MAIL in str(one.fields)]


async def failed(house, sms, code):
    status, _ = await house.twilio({"MessageSid": sms.id, "MessageStatus": "undelivered", "ErrorCode": code})
    assert status == 200


@pytest.mark.parametrize(("code", "dead"), [("30005", True), ("30003", False)])
async def test_a_late_receipt_of_a_failure_is_followed_by_a_mail(house, code, dead):
    sms = await rung(house)
    before = len(mails(house))
    await failed(house, sms, code)
    await failed(house, sms, code)
    await house.settled()
    assert len(mails(house)) == before + 1
    assert [one.rank for one in house.messages() if one.id == sms.id] == [Rank.FAILED]
    (said,) = [entry.data["said"] for entry in house.entries("receipt") if "said" in entry.data]
    assert said == f"Twilio SMS to Ben Okafor was not delivered ({code}); told through Mail (SMTP) too"
    unreachable = [entry for entry in house.entries("open") if entry.data["key"] == "reach:ben:twilio"]
    assert bool(unreachable) == dead
    card = next(message for message in house.sandbox.slack.messages("C0DISPATCH") if not message.thread_ts)
    assert "was not delivered" in card.as_text()


@pytest.mark.parametrize("general", ['delivered_within = "2s"'])
async def test_a_p1_that_is_silent_goes_another_way_once(house):
    sms = await rung(house)
    before = len(mails(house))
    (message,) = [one for one in house.messages() if one.id == sms.id]
    assert message.due_at is not None
    await house.until(lambda: len(mails(house)) > before)
    await house.settled()
    assert len(mails(house)) == before + 1
    assert any("has not arrived in 2 s" in str(entry.data.get("said")) for entry in house.entries("receipt"))


async def test_what_was_delivered_goes_no_other_way(house):
    sms = await rung(house)
    await house.twilio({"MessageSid": sms.id, "MessageStatus": "delivered"})
    (message,) = [one for one in house.messages() if one.id == sms.id]
    assert message.due_at is None
    why = dict(await house.daemon.desk.why(house.alert()))
    assert "Twilio SMS to Ben Okafor: delivered" in why["Messages"]
    assert house.alert().status is Status.OPEN
