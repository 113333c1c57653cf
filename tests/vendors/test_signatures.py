"""How those who send to phones prove their calls: known answers, and everything that must not pass for one."""

import base64
import hashlib
import hmac
from dataclasses import replace

import jwt
import pytest

from deskbell.net.inbound import Call
from deskbell.net.proofs import PlivoSigned
from deskbell.vendors.bird import BirdSigned, MessageBirdToken
from deskbell.vendors.meta import SIGNED

NOW = 1_800_000_000.0
NONCE = "05429567804466091622"
ADDRESS = "https://bot.example.com/hooks/plivo/sms"
FORM = {"content-type": "application/x-www-form-urlencoded"}
SMS = b"From=15005550009&To=15005550006&Text=ACK+4821&MessageUUID=abc"
META = b'{"object":"whatsapp_business_account"}'
META_SIGNED = "sha256=f6491327cb5b041cdf4fe69b94711c7b68bb0aef719854bae676a59788a2b6b6"
KEY = "a-signing-key-of-32-characters-or-more"


def signed(key, text):
    return base64.b64encode(hmac.new(key.encode(), text, hashlib.sha256).digest()).decode()


def plivo(version, digest, nonce=NONCE, query=""):
    headers = FORM | {f"X-Plivo-Signature-{version}": digest, f"X-Plivo-Signature-{version}-Nonce": nonce}
    return Call("POST", ADDRESS, headers, SMS, query=query)


def bird(body=b'{"event":"sms.inbound"}', at=NOW, query="x=1"):
    text = f"{at:.0f}\n{ADDRESS}?{query}\n".encode() + hashlib.sha256(body).digest()
    headers = {"MessageBird-Request-Timestamp": f"{at:.0f}", "MessageBird-Signature": signed(KEY, text)}
    return Call("POST", ADDRESS, headers, body, query=query)


def messagebird(body=b"", algorithm="HS256", issuer="MessageBird", **more):
    digests = {"url_hash": hashlib.sha256(f"{ADDRESS}?id=1".encode()).hexdigest()}
    if body:
        digests["payload_hash"] = hashlib.sha256(body).hexdigest()
    claims = {"iss": issuer, "nbf": int(NOW), "exp": int(NOW) + 60, "jti": "j-1"} | digests | more
    claims = {name: value for name, value in claims.items() if value is not None}
    token = jwt.encode(claims, KEY * 2, algorithm=algorithm)
    return Call("POST" if body else "GET", ADDRESS, {"MessageBird-Signature-JWT": token}, body, query="id=1")


V3 = "5B+ROloefj35p5hTrtNzCSJBmRSibzgwBtSPUXdDjrI="
GENUINE = {
    "plivo_v3": (PlivoSigned(), "plivo_token", plivo("V3", V3)),
    "plivo_v3_of_two_tokens": (PlivoSigned(), "plivo_token", plivo("V3", f"AAAA,{V3}")),
    "plivo_v2": (PlivoSigned(), "plivo_token", plivo("V2", signed("plivo_token", (ADDRESS + NONCE).encode()))),
    "meta": (SIGNED, "appsecret", Call("POST", ADDRESS, {"X-Hub-Signature-256": META_SIGNED}, META)),
    "bird": (BirdSigned(), KEY, bird()),
    "messagebird": (MessageBirdToken(), KEY * 2, messagebird()),
    "messagebird_posts": (MessageBirdToken(), KEY * 2, messagebird(b"id=1")),
    "messagebird_512": (MessageBirdToken(), KEY * 2, messagebird(algorithm="HS512")),
}
OVER_THE_BODY = [name for name in GENUINE if name not in ("plivo_v2", "messagebird")]
every = pytest.mark.parametrize("name", GENUINE)


@every
def test_a_known_answer_is_genuine(name):
    way, secret, call = GENUINE[name]
    proof = way.check(call, [secret], NOW)
    assert proof is not None
    assert bool(proof.proof) == (name != "meta")
    assert way.check(call, ["the-next-one" * 6, secret], NOW), "while one secret takes the other's place"


@every
def test_what_is_not_genuine(name):
    way, secret, call = GENUINE[name]
    assert way.check(call, ["another" * 10], NOW) is None
    assert way.check(call, [], NOW) is None
    assert way.check(replace(call, headers=FORM), [secret], NOW) is None
    if name != "meta":
        assert way.check(replace(call, address="https://evil.example"), [secret], NOW) is None
    for header in set(call.headers) - {"content-type"}:
        for value in ("", "\udcff", "x" * 5000, "e30.e30.", "null"):
            assert way.check(replace(call, headers=call.headers | {header: value}), [secret], NOW) is None


@pytest.mark.parametrize("name", OVER_THE_BODY)
def test_another_body_is_not_genuine(name):
    way, secret, call = GENUINE[name]
    assert way.check(replace(call, body=call.body + b"0"), [secret], NOW) is None


@pytest.mark.parametrize("seconds", [-301, 301])
def test_a_time_that_is_far_off(seconds):
    assert BirdSigned().check(bird(at=NOW + seconds), [KEY], NOW) is None


@pytest.mark.parametrize(
    "more",
    [
        {"issuer": "Somebody"},
        {"nbf": int(NOW) + 60},
        {"exp": int(NOW) - 60},
        {"exp": "never"},
        {"jti": None},
        {"url_hash": None},
        {"url_hash": "0" * 64},
    ],
)
def test_a_token_that_says_something_else(more):
    assert MessageBirdToken().check(messagebird(**more), [KEY * 2], NOW) is None


def test_a_body_that_the_token_says_nothing_of():
    call = replace(messagebird(), body=b"id=1")
    assert MessageBirdToken().check(call, [KEY * 2], NOW) is None


def test_a_token_that_nobody_signed():
    call = messagebird()
    bare = jwt.encode({"iss": "MessageBird"}, None, algorithm="none")
    assert MessageBirdToken().check(replace(call, headers={"MessageBird-Signature-JWT": bare}), [KEY], NOW) is None


def test_plivo_signs_what_stands_behind_the_question_mark_too():
    text = f"{ADDRESS}?ref=D-4821.From15005550009MessageUUIDabcTextACK 4821To15005550006.{NONCE}"
    call = plivo("V3", signed("plivo_token", text.encode()), query="ref=D-4821")
    assert PlivoSigned().check(call, ["plivo_token"], NOW)
    assert PlivoSigned().check(replace(call, query="ref=D-4822"), ["plivo_token"], NOW) is None
