"""SMS by a channel of Bird. https://docs.bird.com/api/channels-api"""

from dataclasses import dataclass, field

from channels import sms
from channels.service import Again, Call, Notice, Request, at, per_second
from deskbell.net.auth import HeaderKey
from deskbell.vendors import bird as told
from deskbell.vendors.hears import Hears


@dataclass(frozen=True, slots=True)
class BirdConf:
    access_key: str = field(repr=False)  # with a role that may send and read messages
    workspace: str  # its id
    channel: str  # the id of its SMS channel
    base_url: str = "https://api.bird.com"


def message(notice: Notice, conf: BirdConf) -> Request:
    contact = {"identifierKey": "phonenumber", "identifierValue": notice.to}
    body = {"type": "text", "text": {"text": sms.words(notice)}}
    return Request(_messages(conf), {"receiver": {"contacts": [contact]}, "body": body})


def sent(notice: Notice, conf: BirdConf) -> Request:
    since = {"startAt": notice.since.strftime("%Y-%m-%dT%H:%M:%SZ")} if notice.since else {}
    return Request(_messages(conf), method="GET", params={"direction": "outgoing", "limit": "100"} | since)


def _messages(conf: BirdConf) -> str:
    return f"/workspaces/{conf.workspace}/channels/{conf.channel}/messages"


SERVICE = sms.Sms(
    name="bird",
    title="Bird SMS",
    docs="https://docs.bird.com/api/channels-api",
    conf=BirdConf,
    auth=lambda conf: HeaderKey("Authorization", f"AccessKey {conf.access_key}"),
    send=Call(message, id="id"),
    find=Call(
        sent,
        id=sms.found("results", "body.text.text", "createdAt", "id", to="receiver.contacts.0.identifierValue"),
    ),
    again=Again.LOOK_UP,
    reason=at("message"),
    resets=("x-ratelimit-reset",),
    limits=per_second(25, "any"),
    sizes={"body.text.text": sms.SIZE},
    hears=Hears(way=lambda _conf: told.BirdSigned(), read=told.bird, secrets="the signing key of its webhooks"),
)
