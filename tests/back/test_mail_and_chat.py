"""Mail, Amazon and Google Chat: what they tell the running daemon of messages, and what people answer there."""

import itertools
import json
import time

import pytest

from deskbell.core.heard import Rank
from deskbell.net import published
from tests.back.conftest import ANA, PUBLIC
from tests.signed import (
    CURVE,
    JSON,
    MAIL,
    MAIL_KEY,
    PAPER,
    TOPIC,
    from_chat,
    from_mailgun,
    from_sendgrid,
    from_sns,
    paper,
    public,
)
from tests.signed import keys as google_keys

BEN_MAIL, CHATTER = "ben@example.org", "users/12"
CONFIRM = "https://sns.eu-central-1.amazonaws.com/?Action=ConfirmSubscription&Token=t"
TOKENS = itertools.count()


@pytest.fixture
def people(channels):
    (name,) = channels
    known = {"google_chat_app": {"ana": CHATTER}, "sns": {"ana": ANA}}.get(name, {"ben": BEN_MAIL})
    return {who: {name: account} for who, account in known.items()}


@pytest.fixture
def channels(request):
    """One of them, which the test names: people are rung by it alone."""
    hooks = {"sendgrid": {"secrets": [public(CURVE)]}, "mailgun": {"secrets": [MAIL_KEY]}}
    name = request.param
    more = {"topics": [TOPIC]} if name == "sns" else {}
    return {name: {"hook": hooks.get(name, {})} | more | ({} if name == "google_chat_app" else {"address": ""})}


@pytest.fixture
def fetched(monkeypatch):
    """What would be fetched from Google and Amazon; by address."""
    asked = []

    async def fetch(url):
        asked.append(url)
        return {PAPER: paper(at=time.time()), CONFIRM: "<ConfirmSubscriptionResponse/>"}.get(
            url, google_keys() if "googleapis" in url else ""
        )

    monkeypatch.setattr(published, "_fetched", fetch)
    return asked


def only(name):
    return pytest.mark.parametrize("channels", [name], indirect=True)


async def said(house, name, call):
    return await house.post(f"/inbound/{name}", call.body, call.headers)


async def event(house, kind, message, **more):
    rows = [{"event": kind, "sg_message_id": f"{message}.filter0001.1", "sg_event_id": kind} | more]
    return await said(house, "sendgrid", from_sendgrid(json.dumps(rows).encode(), at=time.time()))


@only("sendgrid")
async def test_sendgrid_says_what_became_of_a_mail(house):
    await house.raised()
    await house.rung("ben")
    (mail,) = house.told("sendgrid")
    for kind, rank in (("processed", Rank.SENT), ("open", Rank.READ), ("delivered", Rank.READ)):
        assert (await event(house, kind, mail.id))[0] == 200
        (message,) = house.messages()
        assert (message.rank, message.person) == (rank, "ben")
    forged = from_sendgrid(b"[]", at=time.time() - 1000)
    assert (await said(house, "sendgrid", forged))[0] == 401
    assert (await said(house, "sendgrid", from_sendgrid(b"{", at=time.time())))[0] == 400


async def wrote(house, text, about="", sender=BEN_MAIL, number="1"):
    mail = MAIL | {"sender": sender, "stripped-text": text, "In-Reply-To": about, "Message-Id": f"<{number}@x>"}
    return await said(house, "mailgun", from_mailgun(at=time.time(), token=f"{next(TOKENS):050}", mail=mail))


@only("mailgun")
async def test_an_answer_to_a_mail_acknowledges_what_it_answers(house):
    await house.raised()
    await house.rung("ben")
    await house.acted("unack")
    mail = house.told("mailgun")[0]
    assert "Reply ACK 1" in mail.fields["text"]
    assert (await wrote(house, "Ack\n", mail.id, sender="somebody@example.org"))[0] == 200
    assert house.open
    assert (await wrote(house, "Ack\n", mail.id, number="2"))[0] == 200
    assert house.alert().acked_by == "ben"


@only("mailgun")
async def test_what_mailgun_signed_once_is_no_leave_to_say_something_else(house):
    """It signs a number, and not what it says."""
    await house.raised()
    about = {"at": time.time(), "token": "n" * 50}
    empty = MAIL | {"stripped-text": "hello", "In-Reply-To": ""}
    assert (await said(house, "mailgun", from_mailgun(mail=empty, **about)))[0] == 200
    forged = MAIL | {"sender": BEN_MAIL, "stripped-text": "ack 1", "Message-Id": "<forged@x>"}
    assert (await said(house, "mailgun", from_mailgun(mail=forged, **about)))[0] == 200
    assert house.open
    assert (await said(house, "mailgun", from_mailgun(mail=forged, at=time.time(), token="m" * 50)))[0] == 200
    assert house.alert().acked_by == "ben"


@only("mailgun")
async def test_mailgun_says_what_became_of_a_mail(house):
    await house.raised()
    await house.rung("ben")
    ident = house.told("mailgun")[0].id
    told = {"event": "delivered", "message": {"headers": {"message-id": ident.strip("<>")}}}
    assert (await said(house, "mailgun", from_mailgun(at=time.time(), **told)))[0] == 200
    (message,) = house.messages()
    assert message.rank is Rank.DELIVERED
    assert (await said(house, "mailgun", from_mailgun(at=time.time(), key="another", **told)))[0] == 401


@only("sns")
async def test_a_topic_is_confirmed_and_its_sms_acknowledge(house, fetched):
    asks = {"Type": "SubscriptionConfirmation", "Token": "t", "Message": "?", "SubscribeURL": CONFIRM}
    stranger = {"TopicArn": "arn:aws:sns:eu-central-1:999999999999:replies"}
    assert (await said(house, "sns", from_sns(**asks | stranger)))[0] == 401
    assert fetched == [], "not even its certificate"
    assert (await said(house, "sns", from_sns(**asks)))[0] == 200
    assert fetched == [PAPER, CONFIRM]
    await house.raised()
    sms = {"originationNumber": ANA, "messageBody": "ACK 1", "inboundMessageId": "in-1"}
    assert (await said(house, "sns", from_sns(Message=json.dumps(sms))))[0] == 200
    assert house.alert().acked_by == "ana"


@only("sns")
async def test_a_confirmation_that_did_not_get_through_comes_again(house, monkeypatch):
    async def fetch(url):
        return paper(at=time.time()) if url == PAPER else ""

    monkeypatch.setattr(published, "_fetched", fetch)
    asks = {"Type": "SubscriptionConfirmation", "Token": "t", "Message": "?", "SubscribeURL": CONFIRM}
    assert (await said(house, "sns", from_sns(**asks)))[0] == 503


def token(**more):
    now = int(time.time())
    return {"aud": f"{PUBLIC}/inbound/google_chat_app", "iat": now, "exp": now + 600} | more


async def tapped(house, what, message, user=CHATTER, at="1", **more):
    parts = {"action": {"parameters": [{"key": "say", "value": what}]}, "message": {"name": message}}
    call = from_chat(
        event={"type": "CARD_CLICKED", "eventTime": at, "user": {"name": user}} | parts,
        **token(**more),
    )
    status, text = await said(house, "google_chat_app", call)
    return status, json.loads(text or "{}")


@only("google_chat_app")
async def test_a_button_in_google_chat_acknowledges_and_the_card_follows(house, fetched):
    await house.raised()
    card = house.told("google_chat_app")[0]
    name = f"spaces/AAAA/messages/{card.id}"
    button = card.fields["cardsV2"][0]["card"]["sections"][0]["widgets"][-1]["buttonList"]["buttons"][0]
    say = button["onClick"]["action"]["parameters"][0]["value"]
    assert (await tapped(house, say, name, aud="https://evil.example"))[0] == 401
    assert (await tapped(house, say, name, user="users/99"))[0] == 200
    assert house.open, "nobody knows them"
    status, answer = await tapped(house, say, name, at="2")
    assert status == 200
    assert house.alert().acked_by == "ana"
    assert answer["privateMessageViewer"] == {"name": CHATTER}
    assert "acknowledged" in answer["text"]
    await house.settled()
    shown = json.dumps([one.fields for one in house.told("google_chat_app") if one.way == "change"][-1])
    assert "Acknowledged by Ana Ruiz" in shown
    assert "ack D-1" not in shown
    typed = {
        "type": "MESSAGE",
        "user": {"name": CHATTER},
        "message": {"name": "m-2", "text": "resolve D-1 it was shut"},
    }
    assert (await said(house, "google_chat_app", from_chat(event=typed, **token())))[0] == 200
    assert not house.alert().live


@only("google_chat_app")
async def test_what_is_signed_well_and_is_nothing_is_refused(house, fetched):
    for body in ({}, {"type": "CARD_CLICKED", "user": {"name": "users/12"}}, {"type": "MESSAGE"}):
        assert (await said(house, "google_chat_app", from_chat(event=body, **token())))[0] == 400
    unsigned = {"type": "ADDED_TO_SPACE", "user": {"name": "users/12"}}
    assert (await house.post("/inbound/google_chat_app", json.dumps(unsigned).encode(), JSON))[0] == 401
    assert (await said(house, "google_chat_app", from_chat(event=unsigned, **token())))[0] == 200
