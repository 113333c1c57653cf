"""SMS by MessageBird, as Bird was called: for accounts from then. https://developers.messagebird.com/api/sms-messaging"""

from dataclasses import dataclass, field
from typing import Any

from channels import sms
from channels.service import RETRY, Again, Call, Notice, Request, at, dig, per_second
from deskbell.core.outcome import Fault
from deskbell.net.answers import Reply
from deskbell.net.auth import HeaderKey
from deskbell.vendors import bird as told
from deskbell.vendors.hears import Hears


@dataclass(frozen=True, slots=True)
class MessageBirdConf:
    access_key: str = field(repr=False)  # a live one
    sender: str  # a number of yours, or up to 11 letters, to which nobody can answer
    valid_s: int = 1800  # an SMS that is not delivered by then is dropped, for it is old news
    base_url: str = "https://rest.messagebird.com"


def message(notice: Notice, conf: MessageBirdConf) -> Request:
    body: dict[str, Any] = {"originator": conf.sender, "recipients": [sms.digits(notice)], "body": sms.words(notice)}
    body |= {"datacoding": "auto", "validity": conf.valid_s, "reference": reference(notice)}
    return Request("/messages", body | ({"reportUrl": notice.hook} if notice.hook else {}))


def reference(notice: Notice) -> str:
    """Without one, no reports come; it must not be long."""
    return notice.key[-60:]


def id_of(reply: Reply, notice: Notice) -> str:
    rows = reply.data.get("items") or () if isinstance(reply.data, dict) else ()
    return next((dig(row, "id") for row in rows if dig(row, "reference") == reference(notice)), "")


SERVICE = sms.Sms(
    name="messagebird",
    title="MessageBird SMS",
    docs="https://developers.messagebird.com/api/sms-messaging",
    conf=MessageBirdConf,
    auth=lambda conf: HeaderKey("Authorization", f"AccessKey {conf.access_key}"),
    send=Call(message, id="id"),
    find=Call(
        lambda notice, _: Request("/messages", method="GET", params={"recipient": sms.digits(notice), "limit": "20"}),
        id=id_of,
    ),
    again=Again.LOOK_UP,
    code=lambda reply: at("errors.0.parameter")(reply) or at("errors.0.code")(reply),
    reason=at("errors.0.description"),
    # 25: no money left; 9 and 10 name the parameter that is wrong.
    errors={"2": Fault.AUTH, "25": Fault.CONFIG, "99": RETRY, "recipient*": Fault.TARGET, "originator": Fault.CONFIG},
    limits=per_second(25, "any"),
    sizes={"body": sms.SIZE},
    hears=Hears(way=lambda _conf: told.MessageBirdToken(), read=told.messagebird, secrets="the account's signing key"),
)
