"""Calls of vendors, signed as they sign them, with keys made for the tests."""

import base64
import hmac
import json
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from deskbell.net.inbound import Call

NOW = 1_800_000_000.0
ADDRESS = "https://desk.example.org/inbound/x"
JSON = {"content-type": "application/json"}
TOPIC = "arn:aws:sns:eu-central-1:000000000000:replies"
PAPER = "https://sns.eu-central-1.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem"
CHAT = "chat@system.gserviceaccount.com"
MAIL_KEY = "a-signing-key-of-mailgun"
CURVE = ec.generate_private_key(ec.SECP256R1())
OTHER_CURVE = ec.generate_private_key(ec.SECP256R1())
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER_RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def b64(data):
    return base64.b64encode(data).decode()


def public(key):
    return b64(key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


def from_sendgrid(body=b"[]", at=NOW, key=CURVE):
    signed = key.sign(f"{at:.0f}".encode() + body, ec.ECDSA(hashes.SHA256()))
    name = "X-Twilio-Email-Event-Webhook"
    return Call("POST", ADDRESS, JSON | {f"{name}-Signature": b64(signed), f"{name}-Timestamp": f"{at:.0f}"}, body)


MAIL = {"sender": "ana@example.org", "stripped-text": "ack", "Message-Id": "<m-2@x>", "In-Reply-To": "<m-1@x>"}


def from_mailgun(at=NOW, key=MAIL_KEY, token="t" * 50, mail=MAIL, **event):
    """An event, or else a mail."""
    signature = hmac.new(key.encode(), f"{at:.0f}{token}".encode(), "sha256").hexdigest()
    signed = {"timestamp": f"{at:.0f}", "token": token, "signature": signature}
    if not event:
        form = {"content-type": "application/x-www-form-urlencoded"}
        return Call("POST", ADDRESS, form, urlencode(mail | signed).encode())
    data = {"message": {"headers": {"message-id": "m-1@x"}}} | event
    return Call("POST", ADDRESS, JSON, json.dumps({"signature": signed, "event-data": data}).encode())


def paper(key=RSA, days=30, at=NOW):
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    begins = datetime.fromtimestamp(at, UTC) - timedelta(days=1)
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, begins, begins + timedelta(days=days))
    return made.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()


def from_sns(key=RSA, version="2", **more):
    said = {"Type": "Notification", "MessageId": "m-1", "TopicArn": TOPIC, "Message": "hello"}
    said |= {"Timestamp": "2027-01-15T08:00:00.000Z", "SigningCertURL": PAPER, "SignatureVersion": version} | more
    names = ["Message", "MessageId", "Subject", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"]
    text = "".join(f"{name}\n{said[name]}\n" for name in names if name in said)
    algorithm = hashes.SHA1() if version == "1" else hashes.SHA256()  # noqa: S303 - as Amazon has it
    signature = key.sign(text.encode(), PKCS1v15(), algorithm)
    headers = {"content-type": "text/plain", "x-amz-sns-message-type": said["Type"]}
    return Call("POST", ADDRESS, headers, json.dumps({**said, "Signature": b64(signature)}).encode())


def keys(key=RSA, kid="k-1"):
    return json.dumps({"keys": [json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key())) | {"kid": kid}]})


def from_chat(key=RSA, algorithm="RS256", event=None, **more):
    said = {"iss": "https://accounts.google.com", "aud": ADDRESS, "email": CHAT, "email_verified": True}
    said |= {"iat": int(NOW) - 10, "exp": int(NOW) + 3000} | more
    said = {name: value for name, value in said.items() if value is not None}
    token = jwt.encode(said, key, algorithm=algorithm, headers={"kid": "k-1"})
    return Call("POST", ADDRESS, JSON | {"Authorization": f"Bearer {token}"}, json.dumps(event or {}).encode())
