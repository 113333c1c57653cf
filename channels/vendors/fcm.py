"""Firebase Cloud Messaging: to an app of your own. https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages"""

import re
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

from channels import google
from channels.service import Address, Again, Call, Notice, Request, Role, Service
from deskbell.core.alert import Severity
from deskbell.core.ports import Limit
from deskbell.core.sizes import Size, Unit

ADDRESS = "is the token of an app on a phone, topic:NAME, or empty: for people only"


@dataclass(frozen=True, slots=True)
class FcmConf:
    project: str  # the project's id
    account: str  # the service account: desk@PROJECT.iam.gserviceaccount.com
    private_key: str = field(repr=False)  # its private key, in PEM
    target: Literal["token", "fid"] = "token"  # fid: addresses are installation ids, as newer apps know themselves
    valid_s: int = 1800  # a phone that is off for longer is not told: it is old news then
    base_url: str = "https://fcm.googleapis.com"
    token_url: str = google.TOKENS


def push(notice: Notice, conf: FcmConf) -> Request:
    topic = notice.to.removeprefix("topic:")
    urgent, ttl = notice.severity <= Severity.P2, f"{conf.valid_s}s"
    known = {"key": notice.key, "ref": notice.ref, "link": notice.link, "url": notice.url}
    message = {
        ("topic" if topic != notice.to else conf.target): topic,
        "notification": {"title": notice.title, "body": notice.summary},
        "data": {name: text for name, text in known.items() if text},
        # What is shown of the same alert is replaced, so that one sent twice is shown once.
        "android": {"priority": "HIGH" if urgent else "NORMAL", "ttl": ttl, "notification": {"tag": notice.about}},
        "apns": {"headers": {"apns-priority": "10" if urgent else "5", "apns-collapse-id": notice.about}},
    }
    message |= {"webpush": {"fcmOptions": {"link": notice.link}}} if notice.link.startswith("https:") else {}
    return Request(f"/v1/projects/{conf.project}/messages:send", {"message": message})


SERVICE = Service(
    name="fcm",
    title="Firebase Cloud Messaging",
    roles=frozenset({Role.NOTIFY}),
    docs="https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages",
    conf=FcmConf,
    auth=lambda conf: google.login(conf, "firebase.messaging"),
    address=Address(re.compile(r"(topic:[\w.~%-]{1,900}|[\w:.-]{20,512})?"), ADDRESS, secret=True),
    send=Call(push, id="name"),
    again=Again.KEY,
    code=google.code,
    reason=google.reason,
    errors=google.ERRORS,
    limits=(Limit("post", "account", 50, timedelta(seconds=1)),),
    sizes={"message.notification.title": Size(200, Unit.BYTES), "message.notification.body": Size(1200, Unit.BYTES)},
)
