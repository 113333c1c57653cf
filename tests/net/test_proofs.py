"""How vendors prove their calls: the answers that are known of each, and everything that must not pass for one."""

import base64
import hashlib
import hmac
from dataclasses import replace
from urllib.parse import urlencode

import pytest

from deskbell.net.inbound import Call, Hmac
from deskbell.net.proofs import InForm, TwilioSigned

NOW = 1_800_000_000.0
FORM = {"content-type": "application/x-www-form-urlencoded"}
URL = "https://bot.example.com/hooks/twilio/sms"
SMS = {
    "AccountSid": "AC00000000000000000000000000000001",
    "Body": "ACK 4821",
    "From": "+15005550009",
    "MessageSid": "SM00000000000000000000000000000001",
    "To": "+15005550006",
}
SHA256 = {"x-twilio-webhooks-signature-settings": "key=abc,algorithm=HMAC_SHA256"}
PAGERDUTY = Hmac("x-pagerduty-signature", before="v1=", several=True, unique=True)
SIGNED = "v1=9922a5f119e1daaf38e1afd6046210b1ac8f5e66285e1a39021bd4d6e2b35ec7"


def twilio(digest, more=(), fields=SMS, query="x=1"):
    headers = FORM | {"x-twilio-signature": digest} | dict(more)
    return Call("POST", URL, headers, urlencode(fields).encode(), query=query)


def pagerduty(shown):
    return Call("POST", URL, {"x-pagerduty-signature": shown}, b'{"event":{"id":"1"}}')


def mailgun(at=NOW, token="t" * 50, key="12345", **more):
    signature = hmac.new(key.encode(), f"{at:.0f}{token}".encode(), "sha256").hexdigest()
    said = {"timestamp": f"{at:.0f}", "token": token, "signature": signature} | more
    return Call("POST", URL, FORM, urlencode(said).encode())


GENUINE = {
    "twilio": (TwilioSigned(), "12345", twilio("KwFmKJQrCipipi+7ICh6vtiQwGA=")),
    "twilio_256": (TwilioSigned(), "12345", twilio("ITcbI6vYy12ZJD/18fPlZwKjqt+TvhwG4jLrEZZX3l8=", SHA256.items())),
    "pagerduty": (PAGERDUTY, "pdsecret", pagerduty(SIGNED)),
    "pagerduty_of_two": (PAGERDUTY, "pdsecret", pagerduty(f"v1={'0' * 64}, {SIGNED}")),
    "mailgun": (InForm(), "12345", mailgun()),
}
every = pytest.mark.parametrize("name", GENUINE)


@every
def test_a_known_answer_is_genuine_with_either_secret(name):
    way, secret, call = GENUINE[name]
    assert way.check(call, [secret], NOW)
    assert way.check(call, ["the-next-one", secret], NOW)


@every
def test_whatever_is_changed_it_is_not(name):
    way, secret, call = GENUINE[name]
    wrong = [
        replace(call, headers=FORM),
        replace(call, body=call.body + b"0" if name != "mailgun" else b"timestamp=1&token=2&signature=3"),
        replace(call, body=call.body[:-30]),
        replace(call, body=b"\xff\xfe"),
        replace(call, body=b""),
        *(
            replace(call, headers=call.headers | {way.header: value})
            for value in ("", "x", "\udcff", "v1=", "," * 5000)
        ),
    ]
    if name.startswith("twilio"):
        wrong += [replace(call, address="https://evil.example/"), replace(call, query="x=2"), replace(call, query="")]
        wrong.append(replace(call, headers=call.headers | {"x-twilio-webhooks-signature-settings": "algorithm=MD5"}))
        wrong.append(replace(call, headers={**call.headers, "content-type": "application/json"}))
    changed = [one for one in wrong if name != "mailgun" or one.body != call.body]  # its proof is in the body
    assert len(changed) >= (4 if name == "mailgun" else 9)
    assert [one for one in changed if way.check(one, [secret], NOW) is not None] == []
    assert way.check(call, ["another"], NOW) is None
    assert way.check(call, [], NOW) is None


def test_a_signature_of_the_other_algorithm_is_none():
    (way, secret, sha1), (_, _, sha256) = GENUINE["twilio"], GENUINE["twilio_256"]
    assert way.check(replace(sha1, headers={**sha1.headers, **SHA256}), [secret], NOW) is None
    bare = {name: value for name, value in sha256.headers.items() if name not in SHA256}
    assert way.check(replace(sha256, headers=bare), [secret], NOW) is None


def twilio_mac(url, text):
    return base64.b64encode(hmac.new(b"12345", (url + text).encode(), "sha1").digest()).decode()


def test_twilio_with_a_port_with_fields_that_repeat_and_with_json():
    ported = twilio_mac("https://bot.example.com:443/hooks/twilio/sms", "Aa1Aa2B3")
    body = b"B=3&Aa=2&Aa=1&Aa=2"
    call = Call("POST", URL, FORM | {"x-twilio-signature": ported}, body)
    assert TwilioSigned().check(call, ["12345"], NOW)
    said, wanted = b'{"a": 1}', hashlib.sha256(b'{"a": 1}').hexdigest()
    query = f"bodySHA256={wanted}"
    headers = {"content-type": "application/json", "x-twilio-signature": twilio_mac(f"{URL}?{query}", "")}
    call = Call("POST", URL, headers, said, query=query)
    assert TwilioSigned().check(call, ["12345"], NOW)
    assert TwilioSigned().check(replace(call, body=b'{"a": 2}'), ["12345"], NOW) is None


@pytest.mark.parametrize("seconds", [-301, 301, 10**9])
def test_mailguns_time_is_within_five_minutes(seconds):
    assert InForm().check(mailgun(at=NOW + seconds), ["12345"], NOW) is None


def test_mailgun_in_json_and_nonsense_in_its_place():
    form = dict(mailgun().form)
    for said, genuine in (({"signature": form}, True), ({"signature": []}, False), ([], False), ({"x": form}, False)):
        body = str(said).replace("'", '"').encode()
        call = Call("POST", URL, {"content-type": "application/json"}, body)
        assert (InForm().check(call, ["12345"], NOW) is not None) == genuine
