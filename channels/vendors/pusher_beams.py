"""Pusher Beams: push to phones and browsers. https://pusher.com/docs/beams/reference/publish-api/"""

import re
from dataclasses import dataclass, field
from datetime import timedelta

from channels.service import Address, Again, Call, Notice, Request, Role, Service, at
from deskbell.core.outcome import Fault
from deskbell.core.ports import Limit
from deskbell.core.sizes import Size, Unit, fit
from deskbell.net.auth import Bearer

TITLE, BODY = Size(120, Unit.BYTES), Size(600, Unit.BYTES)  # three times over, of some 4 kB


@dataclass(frozen=True, slots=True)
class PusherBeamsConf:
    instance: str  # the instance's id
    secret: str = field(repr=False)  # its secret key
    base_url: str = ""  # where it is called instead of its own host


def publish(notice: Notice, conf: PusherBeamsConf) -> Request:
    words = {"title": fit(notice.title, TITLE), "body": fit(notice.summary, BODY, (notice.ref,))}
    link = {"deep_link": notice.link} if notice.link else {}
    body = {
        "interests": [notice.to],
        "web": {"notification": words | link},
        "fcm": {"notification": words, "data": {"ref": notice.ref, "link": notice.link}},
        "apns": {"aps": {"alert": words}, "ref": notice.ref, "link": notice.link},
    }
    return Request(f"/publish_api/v1/instances/{conf.instance}/publishes/interests", body)


SERVICE = Service(
    name="pusher_beams",
    title="Pusher Beams",
    roles=frozenset({Role.NOTIFY}),
    docs="https://pusher.com/docs/beams/reference/publish-api/",
    conf=PusherBeamsConf,
    auth=lambda conf: Bearer(conf.secret),
    address=Address(re.compile(r"([-\w=@,.;]{1,164})?"), "is an interest: letters, digits and -_=@,.;"),
    base=lambda conf, _: conf.base_url or f"https://{conf.instance}.pushnotifications.pusher.com",
    send=Call(publish, id="publishId"),
    again=Again.NEITHER,
    reason=at("description"),
    errors={"404": Fault.CONFIG},  # no such instance
    limits=(Limit("post", "account", 10, timedelta(seconds=1)),),
)
