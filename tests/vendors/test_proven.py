"""How those who send mail, Amazon and Google Chat prove their calls, and what these say."""

import json
from dataclasses import replace

import pytest

from deskbell.core.heard import Raise, Rank, Receipt, Tap, Words
from deskbell.core.outcome import Fault
from deskbell.net.inbound import Call
from deskbell.net.proofs import InForm
from deskbell.vendors import google_chat, mailgun, sendgrid, sns
from tests.signed import (
    ADDRESS,
    CHAT,
    CURVE,
    JSON,
    MAIL_KEY,
    NOW,
    OTHER_CURVE,
    OTHER_RSA,
    PAPER,
    RSA,
    TOPIC,
    from_chat,
    from_mailgun,
    from_sendgrid,
    from_sns,
    keys,
    paper,
    public,
)

# ---------------------------------------------------------------- SendGrid


def test_sendgrid_signs_with_its_own_key():
    way, keys = sendgrid.SendGridSigned(), [public(CURVE)]
    assert way.check(from_sendgrid(), keys, NOW)
    assert way.check(from_sendgrid(), [public(OTHER_CURVE), *keys], NOW), "while one key takes the other's place"
    assert way.check(from_sendgrid(key=OTHER_CURVE), keys, NOW) is None
    assert way.check(replace(from_sendgrid(), body=b"[{}]"), keys, NOW) is None
    assert way.check(from_sendgrid(at=NOW - 301), keys, NOW) is None
    assert way.check(from_sendgrid(at=NOW + 301), keys, NOW) is None
    for key in ("", "no base64", public(RSA)):
        assert way.check(from_sendgrid(), [key], NOW) is None
    for header in list(from_sendgrid().headers)[1:]:
        for value in ("", "AAAA", "\udcff", "x" * 5000):
            call = from_sendgrid()
            assert way.check(replace(call, headers={**call.headers, header: value}), keys, NOW) is None


@pytest.mark.parametrize(
    ("event", "wanted"),
    [
        ({"event": "processed"}, [Receipt("14c5.dfd.64b", Rank.SENT)]),
        ({"event": "delivered"}, [Receipt("14c5.dfd.64b", Rank.DELIVERED)]),
        ({"event": "open"}, [Receipt("14c5.dfd.64b", Rank.READ)]),
        (
            {"event": "bounce", "type": "bounce", "reason": "550 no such user"},
            [Receipt("14c5.dfd.64b", Rank.FAILED, "550 no such user", Fault.TARGET)],
        ),
        ({"event": "bounce", "type": "blocked", "reason": "busy"}, [Receipt("14c5.dfd.64b", Rank.FAILED, "busy")]),
        ({"event": "dropped"}, [Receipt("14c5.dfd.64b", Rank.FAILED, "dropped", Fault.TARGET)]),
        ({"event": "a word of next year"}, []),
    ],
)
def test_what_sendgrid_says(event, wanted):
    rows = [event | {"sg_message_id": "14c5.dfd.64b.filter0001.16648.0", "sg_event_id": "e"}, {"event": "delivered"}]
    assert sendgrid.events(Call("POST", ADDRESS, JSON, json.dumps(rows).encode()), None) == wanted


# ---------------------------------------------------------------- Mailgun


@pytest.mark.parametrize("event", [{}, {"event": "delivered"}])
def test_mailgun_signs_a_time_and_a_token(event):
    way = InForm()
    first, other = way.check(from_mailgun(**event), [MAIL_KEY], NOW), from_mailgun(token="u" * 50, **event)
    assert first.proof != way.check(other, [MAIL_KEY], NOW).proof
    assert way.check(from_mailgun(**event), ["the-one-before", MAIL_KEY], NOW)
    assert way.check(from_mailgun(key="another", **event), [MAIL_KEY], NOW) is None
    assert way.check(from_mailgun(at=NOW - 301, **event), [MAIL_KEY], NOW) is None
    assert way.check(from_mailgun(token="", **event), [MAIL_KEY], NOW) is None
    for body in (b"", b"[]", b"null", b"{", b'{"signature": []}', b"timestamp=1"):
        assert way.check(replace(from_mailgun(**event), body=body), [MAIL_KEY], NOW) is None


@pytest.mark.parametrize(
    ("event", "wanted"),
    [
        ({}, [Words("ana@example.org", "ack", "<m-2@x>", "<m-1@x>")]),
        ({"event": "delivered"}, [Receipt("<m-1@x>", Rank.DELIVERED)]),
        (
            {"event": "failed", "severity": "permanent", "reason": "bounce"},
            [Receipt("<m-1@x>", Rank.FAILED, "bounce", Fault.TARGET)],
        ),
        ({"event": "failed", "severity": "temporary"}, []),
        ({"event": "complained"}, []),
    ],
)
def test_what_mailgun_says(event, wanted):
    assert mailgun.said(from_mailgun(**event), None) == wanted


# ---------------------------------------------------------------- Amazon


def changed(call, **more):
    return replace(call, body=json.dumps({**json.loads(call.body), **more}).encode())


ASKS = {"Type": "SubscriptionConfirmation", "Token": "t", "Message": "You have chosen ..."}
CONFIRM = "https://sns.eu-central-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn=x&Token=t"
WAY = sns.SnsSigned((TOPIC,))


@pytest.mark.parametrize("version", ["1", "2"])
@pytest.mark.parametrize("more", [{}, {"Subject": "s"}, ASKS | {"SubscribeURL": CONFIRM}])
def test_amazon_signs_with_its_certificate(version, more):
    call = from_sns(version=version, **more)
    assert WAY.published(call) == PAPER
    assert WAY.check(call, [paper()], NOW).proof == "m-1"
    assert WAY.check(from_sns(OTHER_RSA, version, **more), [paper()], NOW) is None
    for what in ({"Message": "other"}, {"MessageId": "m-2"}, {"SignatureVersion": "3"}, {"Signature": "AAAA"}):
        assert WAY.check(changed(call, **what), [paper()], NOW) is None
    assert WAY.check(call, [paper(days=1)], NOW + 2 * 86400) is None, "the certificate has run out"
    for papers in ([], [""], ["no certificate"]):
        assert WAY.check(call, papers, NOW) is None


def test_another_topic_is_not_heard_whoever_signed_it():
    stranger = from_sns(TopicArn="arn:aws:sns:eu-central-1:999999999999:replies")
    assert WAY.published(stranger) == ""
    assert WAY.check(stranger, [paper()], NOW) is None
    assert sns.SnsSigned(()).published(from_sns()) == ""


@pytest.mark.parametrize(
    "url",
    [
        "https://sns.evil.example/SimpleNotificationService-0.pem",
        "https://sns.eu-central-1.amazonaws.com.evil.example/SimpleNotificationService-0.pem",
        "http://sns.eu-central-1.amazonaws.com/SimpleNotificationService-0.pem",
        "https://evil.s3.amazonaws.com/SimpleNotificationService-0.pem",
        "https://sns.eu-central-1.amazonaws.com@evil.example/SimpleNotificationService-0.pem",
        "https://sns.eu-central-1.amazonaws.com/../SimpleNotificationService-0.pem",
        "",
    ],
)
def test_a_certificate_of_somebody_else_is_not_even_fetched(url):
    assert WAY.published(from_sns(SigningCertURL=url)) == ""
    asks = from_sns(
        **ASKS, SubscribeURL=url.replace("SimpleNotificationService-0.pem", "?Action=ConfirmSubscription&x")
    )
    assert sns.confirm(asks, None) == ""


def test_a_subscription_is_confirmed_where_amazon_says():
    assert sns.confirm(from_sns(**ASKS, SubscribeURL=CONFIRM), None) == CONFIRM
    assert sns.confirm(from_sns(SubscribeURL=CONFIRM), None) == ""
    assert sns.heard(from_sns(**ASKS, SubscribeURL=CONFIRM), None) == []


@pytest.mark.parametrize(
    ("message", "wanted"),
    [
        (
            {"originationNumber": "+15550000001", "messageBody": "ACK 4821", "inboundMessageId": "in-1"},
            [Words("+15550000001", "ACK 4821", "in-1")],
        ),
        ({"AlarmName": "cpu"}, [Raise("m-1", {"title": '{"AlarmName": "cpu"}', "text": '{"AlarmName": "cpu"}'})]),
        ("plain words", [Raise("m-1", {"title": '"plain words"', "text": '"plain words"'})]),
    ],
)
def test_what_a_topic_says(message, wanted):
    assert sns.heard(from_sns(Message=json.dumps(message)), None) == wanted
    assert sns.heard(from_sns(Message="{"), None) == [Raise("m-1", {"title": "{", "text": "{"})]


# ---------------------------------------------------------------- Google Chat


def test_google_chat_shows_a_token_of_googles():
    way = google_chat.ChatToken()
    assert way.published(from_chat()).startswith("https://www.googleapis.com/")
    assert way.check(from_chat(), [keys()], NOW)
    assert way.check(from_chat(), [keys(kid="k-2")], NOW) is None
    assert way.check(from_chat(OTHER_RSA), [keys()], NOW) is None
    assert way.check(from_chat("k" * 64, "HS256"), [keys()], NOW) is None
    for papers in ([], [""], ["{}"], ['{"keys": []}'], ["null"]):
        assert way.check(from_chat(), papers, NOW) is None
    for shown in ("", "Bearer", "Bearer x.y.z", "Basic eDp5", "Bearer \udcff"):
        assert way.check(replace(from_chat(), headers={"Authorization": shown}), [keys()], NOW) is None


@pytest.mark.parametrize(
    "more",
    [
        {"aud": "https://evil.example/inbound/x"},
        {"iss": "https://evil.example"},
        {"email": "somebody@example.org"},
        {"email_verified": False},
        {"exp": int(NOW) - 61},
        {"exp": None},
        {"iat": int(NOW) + 61},
        {"aud": None},
    ],
)
def test_a_token_that_is_for_somebody_else_or_over(more):
    assert google_chat.ChatToken().check(from_chat(**more), [keys()], NOW) is None


def test_a_token_for_the_project():
    way = google_chat.ChatToken("1234567890")
    ours = from_chat(iss=CHAT, aud="1234567890", email=None)
    assert way.published(ours).endswith(CHAT)
    assert way.check(ours, [keys()], NOW)
    assert way.check(from_chat(iss=CHAT, aud="999", email=None), [keys()], NOW) is None
    assert way.check(from_chat(aud="1234567890"), [keys()], NOW) is None


TAPPED = {
    "type": "CARD_CLICKED",
    "eventTime": "2027-01-15T08:00:00Z",
    "user": {"name": "users/12"},
    "message": {"name": "spaces/AAAA/messages/1"},
    "action": {"actionMethodName": "say", "parameters": [{"key": "say", "value": "ack D-4821"}]},
}
WROTE = {
    "type": "MESSAGE",
    "user": {"name": "users/12"},
    "message": {"name": "spaces/AAAA/messages/2", "text": "@Bell ack 12", "argumentText": " ack 12"},
}


def test_what_google_chat_says():
    ident = "2027-01-15T08:00:00Z users/12 ack D-4821"
    assert google_chat.said(from_chat(event=TAPPED), None) == [
        Tap("ack D-4821", "spaces/AAAA/messages/1", "users/12", ident)
    ]
    assert google_chat.said(from_chat(event=WROTE), None) == [Words("users/12", "ack 12", "spaces/AAAA/messages/2")]
    assert google_chat.said(from_chat(event={"type": "ADDED_TO_SPACE", "user": {"name": "users/12"}}), None) == []


def test_the_answer_is_for_whoever_tapped_alone():
    thanks = google_chat.answer(from_chat(event=TAPPED), None, ["Acknowledged."])
    said = json.loads(thanks.body)
    assert said == {"text": "Acknowledged.", "privateMessageViewer": {"name": "users/12"}}
    assert google_chat.answer(from_chat(event=TAPPED), None, []).body == ""
