"""Amazon SNS: a topic, an SMS, an app on a phone. https://docs.aws.amazon.com/sns/latest/api/API_Publish.html"""

from dataclasses import dataclass, field
from datetime import timedelta

from channels import sms
from channels.service import Address, Again, Call, Notice, Request, Role, Service
from deskbell.core.ports import Limit
from deskbell.core.sizes import Size, Unit, fit
from deskbell.net.auth import AwsKey
from deskbell.vendors import sns as told
from deskbell.vendors.hears import Hears


@dataclass(frozen=True, slots=True)
class SnsConf:
    key_id: str  # of a user who may sns:Publish
    secret: str = field(repr=False)  # of that key
    region: str  # eu-central-1
    sender_id: str = ""  # who an SMS is from, in countries that allow a name
    topics: tuple[str, ...] = ()  # ARNs of topics of yours that may call us: SMS that people sent back, or alarms
    base_url: str = ""  # where it is called instead of the region's own address


def publish(notice: Notice, conf: SnsConf) -> Request:
    form = {"Action": "Publish", "Version": "2010-03-31"} | _target(notice, conf)
    return Request("/", form=form, headers={"Accept": "text/xml"})


def _target(notice: Notice, conf: SnsConf) -> dict[str, str]:
    if notice.to.startswith("+"):
        words = fit(sms.words(notice), sms.SIZE, (notice.link, notice.ref))
        return {"PhoneNumber": notice.to, "Message": words} | told.sms(conf.sender_id)
    target = "TargetArn" if ":endpoint/" in notice.to else "TopicArn"
    form = {target: notice.to, "Message": notice.text, "Subject": notice.line}
    return form | (told.in_order(notice.about, notice.key) if told.FIFO.fullmatch(notice.to) else {})


SERVICE = Service(
    name="sns",
    title="Amazon SNS",
    roles=frozenset({Role.NOTIFY, Role.TRIGGER, Role.ACKNOWLEDGE}),
    docs="https://docs.aws.amazon.com/sns/latest/api/API_Publish.html",
    conf=SnsConf,
    auth=lambda conf: AwsKey(conf.key_id, conf.secret, conf.region, "sns"),
    address=Address(told.TARGET, "is the ARN of a topic or endpoint, a phone number, or empty"),
    base=lambda conf, _: conf.base_url or told.host(conf.region),
    send=Call(publish, id=lambda reply, _: told.said("MessageId", reply), plain=True),
    again=Again.NEITHER,
    keyed=told.FIFO,
    code=lambda reply: "" if reply.ok else told.said("Code", reply),
    reason=lambda reply: told.said("Message", reply),
    errors=told.ERRORS,
    limits=(Limit("post", "account", 20, timedelta(seconds=1)),),
    sizes={"Subject": Size(99), "Message": Size(256 * 1024, Unit.BYTES)},
    hears=Hears(way=lambda conf: told.SnsSigned(conf.topics), read=told.heard, confirm=told.confirm, secrets=""),
    acks="reply",
)
