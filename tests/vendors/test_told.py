"""What those who send to phones tell us by their calls, read."""

import json
from urllib.parse import urlencode

import pytest

from deskbell.core.heard import Rank, Receipt, Tap, Words
from deskbell.core.outcome import Fault
from deskbell.net.inbound import Call
from deskbell.vendors import bird, meta, plivo, twilio
from deskbell.vendors.hears import VendorHook

ADDRESS = "https://desk.example.org/inbound/x"
ANA = "+15550000001"


def form(query="", **fields):
    return Call("POST", ADDRESS, {}, urlencode(fields).encode(), query=query)


def body(data):
    return Call("POST", ADDRESS, {}, json.dumps(data).encode())


def whatsapp(**value):
    return body({"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": [{"value": value}]}]})


def messenger(**event):
    return body({"object": "page", "entry": [{"id": "1", "messaging": [{"sender": {"id": "24001"}, **event}]}]})


def channels(**payload):
    return body({"service": "channels", "event": "sms", "payload": payload})


def written(**message):
    return whatsapp(messages=[{"from": "15550000001", "id": "wamid.2", "context": {"id": "wamid.1"}, **message}])


def status(name, *errors):
    return whatsapp(statuses=[{"id": "wamid.1", "status": name, "errors": [{"code": code} for code in errors]}])


CALL = {"RequestUUID": "r-1", "CallUUID": "c-1", "To": "15550000001"}
REPLY = {"id": "ack D-12", "title": "Acknowledge"}
TWILIO = {"CallSid": "CA1", "To": ANA, "From": "+1"}
SAID = [
    (
        twilio.message,
        form(MessageSid="SM2", From=ANA, Body="STOP", OptOutType="STOP"),
        [Words(ANA, "STOP", "SM2", carrier="stop")],
    ),
    (twilio.message, form(MessageSid="SM1", MessageStatus="read"), [Receipt("SM1", Rank.READ)]),
    (
        twilio.message,
        form(MessageSid="SM1", MessageStatus="undelivered", ErrorCode="30006"),
        [Receipt("SM1", Rank.FAILED, "30006", Fault.TARGET)],
    ),
    (twilio.spoken, form(CallStatus="in-progress", Digits="2", **TWILIO), [Tap("2", "CA1", ANA, "CA1:2")]),
    (twilio.spoken, form(CallStatus="ringing", **TWILIO), [Receipt("CA1", Rank.SENT)]),
    (twilio.spoken, form(CallStatus="busy", **TWILIO), [Receipt("CA1", Rank.FAILED, "busy")]),
    (
        twilio.spoken,
        form(CallStatus="completed", AnsweredBy="machine_start", **TWILIO),
        [Receipt("CA1", Rank.FAILED, "a machine answered")],
    ),
    (plivo.message, form(From="15550000001", To="1", Text="ACK 12", MessageUUID="m-2"), [Words(ANA, "ACK 12", "m-2")]),
    (plivo.message, form(MessageUUID="m-1", Status="delivered"), [Receipt("m-1", Rank.DELIVERED)]),
    (plivo.message, form(MessageUUID="m-9", ParentMessageUUID="m-1", Status="sent"), [Receipt("m-1", Rank.SENT)]),
    (
        plivo.message,
        form(MessageUUID="m-1", Status="undelivered", ErrorCode="200"),
        [Receipt("m-1", Rank.FAILED, "200", Fault.TARGET)],
    ),
    (plivo.message, form(MessageUUID="m-1", Status="failed", ErrorCode="80"), [Receipt("m-1", Rank.FAILED, "80")]),
    (plivo.message, form(MessageUUID="m-1", Status="a word of next year"), []),
    (plivo.spoken, form(Digits="1", **CALL), [Tap("1", "r-1", ANA, "c-1:1")]),
    (plivo.spoken, form("say=x", CallStatus="in-progress", **CALL), [Receipt("r-1", Rank.DELIVERED)]),
    (plivo.spoken, form(CallStatus="no-answer", **CALL), [Receipt("r-1", Rank.FAILED, "no-answer")]),
    (
        plivo.spoken,
        form(CallStatus="busy", HangupCause="USER_BUSY", **CALL),
        [Receipt("r-1", Rank.FAILED, "USER_BUSY")],
    ),
    (meta.whatsapp, status("read"), [Receipt("wamid.1", Rank.READ)]),
    (meta.whatsapp, status("failed", 131026), [Receipt("wamid.1", Rank.FAILED, "131026", Fault.TARGET)]),
    (meta.whatsapp, status("failed", 131049), [Receipt("wamid.1", Rank.FAILED, "131049")]),
    (meta.whatsapp, status("failed"), [Receipt("wamid.1", Rank.FAILED, "failed")]),
    (
        meta.whatsapp,
        written(type="button", button={"payload": "ack D-12", "text": "Acknowledge"}),
        [Tap("ack D-12", "wamid.1", ANA, "wamid.2")],
    ),
    (
        meta.whatsapp,
        written(type="interactive", interactive={"type": "button_reply", "button_reply": REPLY}),
        [Tap("ack D-12", "wamid.1", ANA, "wamid.2")],
    ),
    (meta.whatsapp, written(type="text", text={"body": "on my way"}), [Words(ANA, "on my way", "wamid.2", "wamid.1")]),
    (
        meta.whatsapp,
        written(**{"from": "", "from_user_id": "DE.1a", "type": "text", "text": {"body": "ok"}}),
        [Words("DE.1a", "ok", "wamid.2", "wamid.1")],
    ),
    (meta.whatsapp, written(type="image", image={"id": "1"}), []),
    (meta.whatsapp, whatsapp(contacts=[]), []),
    (
        meta.messenger,
        messenger(timestamp=7, postback={"mid": "m_1", "title": "Acknowledge", "payload": "ack D-12"}),
        [Tap("ack D-12", "m_1", "24001", "m_1:7")],
    ),
    (
        meta.messenger,
        messenger(timestamp=7, message={"mid": "m_2", "text": "Yes", "quick_reply": {"payload": "ack D-12"}}),
        [Tap("ack D-12", "m_2", "24001", "m_2:7")],
    ),
    (meta.messenger, messenger(message={"mid": "m_2", "text": "ok"}), [Words("24001", "ok", "m_2")]),
    (meta.messenger, messenger(message={"mid": "m_2", "text": "ours", "is_echo": True}), []),
    (
        meta.messenger,
        messenger(delivery={"mids": ["m_1", "m_2"], "watermark": 1}),
        [Receipt("m_1", Rank.DELIVERED), Receipt("m_2", Rank.DELIVERED)],
    ),
    (meta.messenger, messenger(read={"watermark": 1}), []),
    (
        bird.bird,
        channels(
            id="b-2",
            direction="incoming",
            sender={"contact": {"identifierValue": ANA}},
            body={"type": "text", "text": {"text": "ACK 12"}},
        ),
        [Words(ANA, "ACK 12", "b-2")],
    ),
    (bird.bird, channels(id="b-1", direction="outgoing", status="delivered"), [Receipt("b-1", Rank.DELIVERED)]),
    (
        bird.bird,
        channels(id="b-1", direction="outgoing", status="delivery_failed", failure={"code": 42}),
        [Receipt("b-1", Rank.FAILED, "42")],
    ),
    (
        bird.messagebird,
        Call("GET", ADDRESS, {}, b"", query="id=b-1&reference=k&recipient=1&status=delivered"),
        [Receipt("b-1", Rank.DELIVERED)],
    ),
    (
        bird.messagebird,
        Call("GET", ADDRESS, {}, b"", query="id=b-1&status=delivery_failed&statusErrorCode=103"),
        [Receipt("b-1", Rank.FAILED, "103", Fault.TARGET)],
    ),
    (bird.messagebird, form(id="b-2", originator="15550000001", body="ACK 12"), [Words(ANA, "ACK 12", "b-2")]),
]


@pytest.mark.parametrize(("read", "call", "heard"), SAID)
def test_what_a_call_says(read, call, heard):
    assert read(call, None) == heard


@pytest.mark.parametrize(
    "read",
    [
        twilio.message,
        twilio.spoken,
        plivo.message,
        plivo.spoken,
        meta.whatsapp,
        meta.messenger,
        bird.bird,
        bird.messagebird,
    ],
)
@pytest.mark.parametrize("said", [b"", b"{}", b"[]", b"null", b'{"entry": 1}', b'{"payload": []}', b"a=b", b"\xff"])
def test_what_is_none_of_theirs_is_refused_in_a_known_way(read, said):
    """Nothing but these is caught where it is called."""
    with pytest.raises((KeyError, TypeError, ValueError, AttributeError, IndexError)):
        read(Call("POST", ADDRESS, {}, said), None)


HOOK = VendorHook(("a-secret-of-the-app",), "sixteen-characters-of-ours")
ASKED = {"hub.mode": "subscribe", "hub.verify_token": HOOK.verify, "hub.challenge": "1158201444"}


def greeted(hook=HOOK, method="GET", **changes):
    asked = {name: value for name, value in (ASKED | changes).items() if value}
    return meta.greet(Call(method, ADDRESS, {}, b"", query=urlencode(asked)), hook)


def test_meta_is_told_that_the_address_is_ours():
    assert greeted().body == "1158201444"


@pytest.mark.parametrize(
    "changes",
    [{"hub.mode": "unsubscribe"}, {"hub.verify_token": "guessed"}, {"hub.verify_token": ""}, {"hub.challenge": ""}],
)
def test_somebody_else_who_asks_is_told_nothing(changes):
    assert greeted(**changes) is None
    assert greeted(method="POST") is None
    assert greeted(VendorHook()) is None
    assert greeted(VendorHook(), **{"hub.verify_token": ""}) is None
