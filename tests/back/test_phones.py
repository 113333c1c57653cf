"""Calls, WhatsApp, Messenger and the other SMS: what somebody does there acknowledges, and receipts are kept."""

import base64
import hashlib
import hmac
import json
import time
from urllib.parse import urlencode, urlsplit
from uuid import uuid4
from xml.etree import ElementTree as ET

import jwt
import pytest

from deskbell.core.heard import Rank
from deskbell.sandbox.vendors import messenger as page
from deskbell.sandbox.vendors.stand_in import Told
from tests.back.conftest import FORM, PUBLIC

BEN = "+15005550002"
SECRET = "a-secret-of-thirty-two-characters-or-more"
VERIFY = "the-word-that-was-agreed-on"
JSON = {"Content-Type": "application/json"}


@pytest.fixture
def people(name):
    return {"ana": {}, "ben": {name: page.WROTE if name == "messenger" else BEN}}


@pytest.fixture
def channels(name):
    verify = {"verify": VERIFY} if name in ("whatsapp", "messenger") else {}
    return {name: {"address": "", "hook": {"secrets": [SECRET], **verify}}}


def xml(text):
    return ET.fromstring(text)  # noqa: S314 - what we wrote ourselves


def only(name):
    return pytest.mark.parametrize("name", [name])


def mac(text, algorithm="sha256"):
    return base64.b64encode(hmac.new(SECRET.encode(), text, algorithm).digest()).decode()


def twilio(url, fields):
    signed = url + "".join(name + fields[name] for name in sorted(fields))
    return urlencode(fields), FORM | {"X-Twilio-Signature": mac(signed.encode(), "sha1")}


def plivo(url, fields):
    place, _, query = url.partition("?")
    asked = "&".join(sorted(query.split("&"))) + "." if query else ""
    nonce = uuid4().hex
    signed = f"{place}?{asked}" + "".join(name + fields[name] for name in sorted(fields)) + f".{nonce}"
    return urlencode(fields), FORM | {
        "X-Plivo-Signature-V3": mac(signed.encode()),
        "X-Plivo-Signature-V3-Nonce": nonce,
    }


def meta(_url, data):
    body = json.dumps(data)
    made = hmac.new(SECRET.encode(), body.encode(), "sha256").hexdigest()
    return body, JSON | {"X-Hub-Signature-256": f"sha256={made}"}


def bird(url, data):
    body, now = json.dumps(data), f"{time.time():.0f}"
    signed = f"{now}\n{url}\n".encode() + hashlib.sha256(body.encode()).digest()
    return body, JSON | {"MessageBird-Signature": mac(signed), "MessageBird-Request-Timestamp": now}


def messagebird(url, fields):
    body, now = urlencode(fields), int(time.time())
    claims = {"iss": "MessageBird", "nbf": now, "exp": now + 60, "jti": uuid4().hex}
    claims["url_hash"] = hashlib.sha256(url.encode()).hexdigest()
    if body:
        claims["payload_hash"] = hashlib.sha256(body.encode()).hexdigest()
    return body, FORM | {"MessageBird-Signature-JWT": jwt.encode(claims, SECRET, "HS256")}


def postback(payload, _sent):
    return {"entry": [{"messaging": [{"sender": {"id": page.WROTE}, "postback": {"mid": "m_9", "payload": payload}}]}]}


def whatsapp(**value):
    return {"entry": [{"changes": [{"value": value}]}]}


def tapped(payload, sent):
    button = {"type": "button", "button": {"payload": payload, "text": "x"}, "context": {"id": sent}}
    return whatsapp(messages=[{"from": BEN[1:], "id": "wamid.9", **button}])


CALL = {"CallSid": "{sent}", "To": BEN, "From": "+1", "CallStatus": "in-progress"}
SPOKEN = {"RequestUUID": "{sent}", "CallUUID": "c-9", "To": BEN[1:], "CallStatus": "in-progress"}
# How each signs, what it tells of an answer of Ben's, and that his message has arrived.
VENDORS = {
    "twilio_call": (
        twilio,
        lambda sent: CALL | {"CallSid": sent, "Digits": "1"},
        lambda sent: CALL | {"CallSid": sent},
    ),
    "plivo_call": (
        plivo,
        lambda sent: SPOKEN | {"RequestUUID": sent, "Digits": "1"},
        lambda sent: SPOKEN | {"RequestUUID": sent},
    ),
    "plivo": (
        plivo,
        lambda _sent: {"From": BEN[1:], "To": "1", "Text": "ACK 1", "MessageUUID": "m-9", "Type": "sms"},
        lambda sent: {"MessageUUID": sent, "ParentMessageUUID": sent, "Status": "delivered", "ErrorCode": "000"},
    ),
    "whatsapp": (
        meta,
        lambda sent: tapped("ack D-1", sent),
        lambda sent: whatsapp(statuses=[{"id": sent, "status": "delivered"}]),
    ),
    "messenger": (
        meta,
        lambda sent: postback("ack D-1", sent),
        lambda sent: {"entry": [{"messaging": [{"sender": {"id": page.WROTE}, "delivery": {"mids": [sent]}}]}]},
    ),
    "bird": (
        bird,
        lambda _sent: {
            "payload": {
                "id": "b-9",
                "direction": "incoming",
                "sender": {"contact": {"identifierValue": BEN}},
                "body": {"text": {"text": "ACK 1"}},
            }
        },
        lambda sent: {"payload": {"id": sent, "direction": "outgoing", "status": "delivered"}},
    ),
    "messagebird": (
        messagebird,
        lambda _sent: {"id": "b-9", "originator": BEN[1:], "body": "ACK 1"},
        lambda sent: {"id": sent, "status": "delivered"},
    ),
}
every = pytest.mark.parametrize("name", VENDORS)


@only("plivo")
async def test_a_nonce_signs_once(house, name):
    """The older way signs the address and the nonce alone: whoever saw one call could else write what they like."""
    sent = await rung(house, name)
    await house.acted("unack")
    headers = FORM | {"X-Plivo-Signature-V2": mac(f"{PUBLIC}/inbound/plivon1".encode())}
    headers["X-Plivo-Signature-V2-Nonce"] = "n1"
    for said in (VENDORS[name][2](sent.id), VENDORS[name][1](sent.id)):
        assert (await house.post("/inbound/plivo", urlencode(said), headers))[0] == 200
    assert [one.rank for one in house.messages() if one.id == sent.id] == [Rank.DELIVERED]
    assert house.open


async def told(house, name, data, query=""):
    path = f"/inbound/{name}" + (f"?{query}" if query else "")
    body, headers = VENDORS[name][0](PUBLIC + path, data)
    return await house.post(path, body, headers)


async def rung(house, name):
    """An alert of which Ben has a message."""
    await house.raised()
    await house.rung("ben")
    return house.told(name)[-1]


@every
async def test_what_somebody_does_there_is_heard_once_and_what_is_forged_is_not(house, name):
    sent = await rung(house, name)
    await house.acted("unack")
    sign, answer, arrived = VENDORS[name]
    for url in (PUBLIC + f"/inbound/{name}?x=1", "https://evil.example/inbound/" + name):
        body, headers = sign(url, answer(sent.id))
        changed = body.replace("1", "2") if name in ("whatsapp", "messenger") else body
        assert (await house.post(f"/inbound/{name}", changed, headers))[0] == 401
    assert (await house.post(f"/inbound/{name}", body, FORM))[0] == 401
    assert house.open
    assert (await told(house, name, arrived(sent.id)))[0] == 200
    (message,) = [one for one in house.messages() if one.id == sent.id]
    assert (message.rank, message.person) == (Rank.DELIVERED, "ben")
    assert (await told(house, name, answer(sent.id)))[0] == 200
    assert house.alert().acked_by == "ben"
    await house.acted("unack")
    assert (await told(house, name, answer(sent.id)))[0] == 200
    assert house.open, "a repeat does nothing"


# ---------------------------------------------------------------- calls


@only("twilio_call")
async def test_a_call_says_what_became_of_the_key(house, name):
    sent = await rung(house, name)
    await house.acted("unack")
    spoken = xml(sent.fields["Twiml"])
    assert "Cold store too warm" in spoken.find("Gather/Say").text
    assert "Press 1 to acknowledge" in spoken.find("Gather/Say").text
    status, said = await told(house, name, CALL | {"CallSid": sent.id, "Digits": "1"})
    assert status == 200
    assert "D-1 acknowledged" in xml(said).find("Say").text
    status, said = await told(house, name, CALL | {"CallSid": sent.id, "CallStatus": "completed"})
    assert (status, said) == (200, "<Response></Response>")


@only("plivo_call")
async def test_plivo_asks_what_to_say_and_nobody_else_can_change_it(house, name):
    sent = await rung(house, name)
    await house.acted("unack")
    asked = SPOKEN | {"RequestUUID": sent.id}
    query = urlsplit(sent.fields["answer_url"]).query
    assert "Cold" not in query
    status, said = await told(house, name, asked, query)
    digits = xml(said).find("GetDigits")
    assert status == 200
    assert "Cold store too warm" in digits.find("Speak").text
    assert digits.get("action") == f"{PUBLIC}/inbound/plivo_call"
    assert (await told(house, name, asked, query.replace("say=", "say=A")))[0] == 400
    status, said = await told(house, name, asked | {"Digits": "2"})
    assert status == 200
    assert "D-1" in xml(said).find("Speak").text


# ---------------------------------------------------------------- the others


@only("whatsapp")
async def test_meta_asks_first_whether_the_address_is_ours(house, name):
    asked = {"hub.mode": "subscribe", "hub.verify_token": VERIFY, "hub.challenge": "1158201444"}
    async with house.session.get(house.url(f"/inbound/{name}?{urlencode(asked)}")) as reply:
        assert (reply.status, await reply.text()) == (200, "1158201444")
    asked["hub.verify_token"] = "guessed"
    async with house.session.get(house.url(f"/inbound/{name}?{urlencode(asked)}")) as reply:
        assert reply.status == 401


@only("messagebird")
async def test_a_report_that_comes_as_a_get(house, name):
    sent = await rung(house, name)
    query = f"id={sent.id}&status=delivery_failed&statusErrorCode=103"
    _, headers = messagebird(f"{PUBLIC}/inbound/messagebird?{query}", {})
    async with house.session.get(house.url(f"/inbound/messagebird?{query}"), headers=headers) as reply:
        assert reply.status == 200
    (message,) = [one for one in house.messages() if one.id == sent.id]
    assert (message.rank, message.why) == (Rank.FAILED, "103")


@only("clicksend")
async def test_who_proves_nothing_has_us_ask(house, name):
    """What the call itself says counts for nothing: ClickSend signs nothing."""
    sent = await rung(house, name)
    await house.acted("unack")
    assert (await house.post("/inbound/clicksend/another-secret-of-16", b"x", FORM))[0] == 401
    said = {"message_id": "c-1", "from": BEN, "body": "ACK 1"}
    assert (await house.post(f"/inbound/clicksend/{SECRET}", urlencode(said), FORM))[0] == 200
    await house.until(lambda: [one.rank for one in house.messages() if one.id == sent.id] == [Rank.DELIVERED])
    assert house.open
    house.sandbox.vendors[name].told.append(Told("written", "c-1", "", said))
    assert (await house.post(f"/inbound/clicksend/{SECRET}", b"", FORM))[0] == 200
    await house.until(lambda: house.alert().acked_by == "ben")
