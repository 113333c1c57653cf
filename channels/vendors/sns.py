"""Amazon SNS: a topic, an SMS, an app on a phone. https://docs.aws.amazon.com/sns/latest/api/API_Publish.html"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256

from channels import sms
from channels.service import LIMITED, RETRY, Address, Again, Call, Class, Notice, Request, Role, Service
from deskbell.core.outcome import Fault
from deskbell.core.ports import Limit
from deskbell.core.sizes import Size, Unit, fit
from deskbell.net.answers import Reply
from deskbell.net.auth import AwsKey

_ARN = r"arn:aws[\w-]*:sns:[\w-]+:\d{12}:[\w./-]+"


@dataclass(frozen=True, slots=True)
class SnsConf:
    key_id: str  # of a user who may sns:Publish
    secret: str = field(repr=False)  # of that key
    region: str  # eu-central-1
    sender_id: str = ""  # who an SMS is from, in countries that allow a name
    base_url: str = ""  # where it is called instead of the region's own address


def publish(notice: Notice, conf: SnsConf) -> Request:
    form = {"Action": "Publish", "Version": "2010-03-31"} | _target(notice, conf)
    return Request("/", form=form, headers={"Accept": "text/xml"})


def _target(notice: Notice, conf: SnsConf) -> dict[str, str]:
    if notice.to.startswith("+"):
        words = fit(sms.words(notice), sms.SIZE, (notice.link, notice.ref))
        given = {"SMSType": "Transactional", "SenderID": conf.sender_id}
        return {"PhoneNumber": notice.to, "Message": words} | _attributes({k: v for k, v in given.items() if v})
    target = "TargetArn" if ":endpoint/" in notice.to else "TopicArn"
    form = {target: notice.to, "Message": notice.text, "Subject": notice.line}
    if not notice.to.endswith(".fifo"):
        return form
    return form | {"MessageGroupId": notice.about, "MessageDeduplicationId": sha256(notice.key.encode()).hexdigest()}


def _attributes(given: Mapping[str, str]) -> dict[str, str]:
    form: dict[str, str] = {}
    for number, (name, value) in enumerate(given.items(), 1):
        entry = f"MessageAttributes.entry.{number}"
        form |= {f"{entry}.Name": f"AWS.SNS.SMS.{name}"}
        form |= {f"{entry}.Value.DataType": "String", f"{entry}.Value.StringValue": value}
    return form


def said(tag: str, reply: Reply) -> str:
    """It speaks XML, of which one word is wanted at a time."""
    found = re.search(rf"<{tag}>([^<]*)</{tag}>", reply.text)
    return found[1].strip() if found else ""


# https://docs.aws.amazon.com/sns/latest/api/API_Publish.html#API_Publish_Errors, and CommonErrors
ERRORS: Mapping[str, Class] = {
    "EndpointDisabled": Fault.TARGET,  # the app was removed from the phone
    "NotFound": Fault.CONFIG,
    "AuthorizationError": Fault.AUTH,
    "InvalidSecurity": Fault.AUTH,
    "InvalidClientTokenId": Fault.AUTH,
    "SignatureDoesNotMatch": Fault.AUTH,
    "Throttl*": LIMITED,
    "KMSThrottling*": RETRY,
    "KMS*": Fault.CONFIG,
    "InternalError": RETRY,
    "OptedOut": Fault.TARGET,
}

SERVICE = Service(
    name="sns",
    title="Amazon SNS",
    roles=frozenset({Role.NOTIFY}),
    docs="https://docs.aws.amazon.com/sns/latest/api/API_Publish.html",
    conf=SnsConf,
    auth=lambda conf: AwsKey(conf.key_id, conf.secret, conf.region, "sns"),
    address=Address(
        re.compile(rf"({_ARN}|\+[1-9]\d{{6,14}})?"), "is the ARN of a topic or endpoint, a phone number, or empty"
    ),
    base=lambda conf, _: conf.base_url or _host(conf.region),
    send=Call(publish, id=lambda reply, _: said("MessageId", reply), plain=True),
    again=Again.NEITHER,
    keyed=re.compile(r"arn:.*\.fifo"),
    code=lambda reply: "" if reply.ok else said("Code", reply),
    reason=lambda reply: said("Message", reply),
    errors=ERRORS,
    limits=(Limit("post", "account", 20, timedelta(seconds=1)),),
    sizes={"Subject": Size(99), "Message": Size(256 * 1024, Unit.BYTES)},
)


def _host(region: str) -> str:
    return f"https://sns.{region}.amazonaws.com" + (".cn" if region.startswith("cn-") else "")
