"""Amazon SNS: what it wants and how it answers, how it proves its calls, and what they say.

https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html
"""

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

import orjson

from deskbell.core.card import FIRST_LINE
from deskbell.core.heard import Heard, Passed, Raise, Words
from deskbell.core.outcome import Fault
from deskbell.core.text import clean, clean_lines
from deskbell.net.answers import Reply
from deskbell.net.inbound import Call, Genuine
from deskbell.vendors.raised import OF_ALERT, raised

TARGET = re.compile(r"(arn:aws[\w-]*:sns:[\w-]+:\d{12}:[\w./-]+|\+[1-9]\d{6,14})?")
FIFO = re.compile(r"arn:.*\.fifo")  # a topic that keeps the order, and knows a key
# API_Publish.html#API_Publish_Errors, and CommonErrors
ERRORS: Mapping[str, Fault | Literal["retry", "limited"]] = {
    "EndpointDisabled": Fault.TARGET,  # the app was removed from the phone
    "OptedOut": Fault.TARGET,
    "NotFound": Fault.CONFIG,
    "AuthorizationError": Fault.AUTH,
    "InvalidSecurity": Fault.AUTH,
    "InvalidClientTokenId": Fault.AUTH,
    "SignatureDoesNotMatch": Fault.AUTH,
    "Throttl*": "limited",
    "KMSThrottling*": "retry",
    "KMS*": Fault.CONFIG,
    "InternalError": "retry",
}
# Of a host of Amazon's own, or anybody could sign.
_PAPERS = re.compile(r"https://sns\.[a-z0-9-]{1,40}\.amazonaws\.com(\.cn)?/SimpleNotificationService-\w{1,64}\.pem")
_CONFIRM = re.compile(r"https://sns\.[a-z0-9-]{1,40}\.amazonaws\.com(\.cn)?/\?Action=ConfirmSubscription&\S{1,2000}")
_SMS = frozenset({"originationNumber", "messageBody", "inboundMessageId"})
_ALARM = frozenset({"AlarmName", "NewStateValue"})
_URGENT = re.compile(r"P[1-4]\b")  # what an alarm's description may begin with
_MOST = 1000  # of an alert's text; what is not written for us is cut, and not refused
_TOLD = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")
_ASKED = ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")


def host(region: str) -> str:
    return f"https://sns.{region}.amazonaws.com" + (".cn" if region.startswith("cn-") else "")


def sms(sender_id: str) -> dict[str, str]:
    """The fields that say how an SMS is sent."""
    given = {"SMSType": "Transactional"} | ({"SenderID": sender_id} if sender_id else {})
    form: dict[str, str] = {}
    for number, (name, value) in enumerate(given.items(), 1):
        entry = f"MessageAttributes.entry.{number}"
        form |= {f"{entry}.Name": f"AWS.SNS.SMS.{name}"}
        form |= {f"{entry}.Value.DataType": "String", f"{entry}.Value.StringValue": value}
    return form


def in_order(group: str, key: str) -> dict[str, str]:
    """The fields that a topic with an order wants; a key has 128 characters at most."""
    return {"MessageGroupId": group, "MessageDeduplicationId": hashlib.sha256(key.encode()).hexdigest()}


def said(tag: str, reply: Reply) -> str:
    """It speaks XML, of which one word is wanted at a time."""
    found = re.search(rf"<{tag}>([^<]*)</{tag}>", reply.text)
    return found[1].strip() if found else ""


@dataclass(frozen=True, slots=True)
class SnsSigned:
    """By the certificate that the message names. Anybody's topic may call us, so that only ours are heard."""

    topics: tuple[str, ...]
    header: str = "x-amz-sns-message-type"

    def published(self, call: Call) -> str:
        """Where the certificate is; empty where it would be a stranger's."""
        said = _read(call)
        url = str(said.get("SigningCertURL", ""))
        return url if said.get("TopicArn") in self.topics and _PAPERS.fullmatch(url) else ""

    def check(self, call: Call, secrets: Sequence[str], now: float) -> Genuine | None:
        said = _read(call)
        if said.get("TopicArn") not in self.topics or not any(_signed_by(paper, said, now) for paper in secrets):
            return None
        return Genuine(str(said.get("MessageId", "")))


def _read(call: Call) -> Mapping[str, Any]:
    try:
        said = call.data
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _signed_by(paper: str, said: Mapping[str, Any], now: float) -> bool:
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.hashes import SHA1, SHA256

    algorithm = {"1": SHA1(), "2": SHA256()}.get(str(said.get("SignatureVersion")))  # noqa: S303 - Amazon's older way
    try:
        certificate = x509.load_pem_x509_certificate(paper.encode())
        signature = base64.b64decode(str(said.get("Signature", "")), validate=True)
        key = certificate.public_key()
        in_time = (
            certificate.not_valid_before_utc <= datetime.fromtimestamp(now, UTC) <= certificate.not_valid_after_utc
        )
        if algorithm is None or not isinstance(key, rsa.RSAPublicKey) or not in_time:
            return False
        key.verify(signature, _signed(said), PKCS1v15(), algorithm)
    except (InvalidSignature, ValueError):
        return False
    return True


def _signed(said: Mapping[str, Any]) -> bytes:
    names = _TOLD if said.get("Type") == "Notification" else _ASKED
    return "".join(f"{name}\n{said[name]}\n" for name in names if name in said).encode("utf-8", "surrogatepass")


def confirm(call: Call, _conf: object) -> str:
    """What is to be called before a topic tells us anything; empty where nothing is."""
    said = _read(call)
    url = str(said.get("SubscribeURL", ""))
    return url if said.get("Type") == "SubscriptionConfirmation" and _CONFIRM.fullmatch(url) else ""


def heard(call: Call, _conf: object) -> Sequence[Heard]:
    """SMS that people sent back, which Amazon publishes to a topic; else an alert, where the hook allows any.

    https://docs.aws.amazon.com/sms-voice/latest/userguide/two-way-sms-payload.html
    """
    said = _read(call)
    if said["Type"] != "Notification":
        return []
    ident, subject, text = said["MessageId"], clean(str(said.get("Subject") or ""), FIRST_LINE), said["Message"]
    data = _object(text)
    if data.keys() >= _SMS:
        about = str(data.get("previousPublishedMessageId") or "")
        return [Words(data["originationNumber"], data["messageBody"], data["inboundMessageId"], about)]
    if data.keys() >= _ALARM:
        return _alarm(data, ident)
    if data and data.keys() <= OF_ALERT:
        return [raised({"title": subject, "key": ident, **data})]
    title = subject or clean(text, FIRST_LINE)
    return [Raise(ident, {"title": title, "text": clean_lines(text, _MOST)})]


def _object(text: str) -> Mapping[str, Any]:
    try:
        data = orjson.loads(text)
    except ValueError:
        return {}
    return data if isinstance(data, dict) else {}


def _alarm(data: Mapping[str, Any], ident: str) -> Sequence[Heard]:
    """An alarm of CloudWatch: raised, or over. That it lacks data is neither.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Notify_Users_Alarm_Changes.html
    """
    thing = hashlib.sha256(str(data.get("AlarmArn") or data["AlarmName"]).encode()).hexdigest()[:16]
    why, more = str(data["NewStateReason"]), str(data.get("AlarmDescription") or "")
    match data["NewStateValue"]:
        case "ALARM":
            urgent = {"severity": found[0]} if (found := _URGENT.match(more)) else {}
            text = clean_lines(f"{why}\n{more}", _MOST)
            return [Raise(ident, {"title": clean(data["AlarmName"], FIRST_LINE), "text": text} | urgent, thing)]
        case "OK":
            return [Passed(thing, clean(why, 200), datetime.fromisoformat(data["StateChangeTime"]).astimezone(UTC))]
    return []
