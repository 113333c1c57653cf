"""An SMS goes out, its receipt and its answer come back."""

from deskbell.core.alert import Status
from deskbell.core.heard import Rank
from tests.back.conftest import ANA, BEN, NEXT


async def test_a_receipt_is_kept_and_only_rises(house):
    await house.raised()
    await house.rung("ben")
    (sms,) = house.told("twilio", BEN)
    assert sms.fields["StatusCallback"] == "https://desk.example.org/inbound/twilio"
    for status, rank in (
        ("sent", Rank.SENT), ("queued", Rank.SENT), ("delivered", Rank.DELIVERED), ("undelivered", Rank.DELIVERED)
    ):  # fmt: skip
        code, text = await house.twilio({"MessageSid": sms.id, "MessageStatus": status, "To": BEN, "From": "x"})
        assert (code, text) == (200, "<Response/>")
        (message,) = house.messages()
        assert (message.rank, message.person) == (rank, "ben")


async def test_ack_and_its_number_acknowledges_and_is_answered(house):
    alert = await house.raised()
    code, _ = await house.sms("ACK 1")
    assert code == 200
    assert house.alert(alert.id).acked_by == "ana"
    await house.settled()
    assert "D-1 acknowledged" in house.told("twilio", ANA)[-1].fields["Body"]


async def test_a_bare_ack_means_the_one_that_was_sent_there(house):
    await house.raised()
    await house.rung("ben")
    await house.acted("unack")
    await house.sms("ack", sender=BEN)
    assert house.alert().acked_by == "ben"
    await house.settled()
    assert "Reply ACK 1" in house.told("twilio", BEN)[0].fields["Body"]


async def test_the_next_secret_counts_and_a_repeat_does_nothing(house):
    await house.raised()
    fields = {"MessageSid": "SM9", "From": ANA, "To": "+15005550006", "Body": "ACK 1"}
    assert (await house.twilio(fields, key=NEXT))[0] == 200
    await house.acted("unack")
    assert (await house.twilio(fields))[0] == 200
    assert house.alert().status is Status.OPEN


async def test_what_is_not_signed_well_is_refused(house):
    await house.raised()
    assert (await house.twilio({"MessageSid": "SM9", "From": ANA, "Body": "ACK 1"}, key="another"))[0] == 401
    assert house.open
