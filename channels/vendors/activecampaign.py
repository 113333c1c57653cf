"""ActiveCampaign: customers, by an automation of your own. https://developers.activecampaign.com/reference/sync-a-contacts-data"""

from dataclasses import dataclass, field
from datetime import timedelta

from channels import mail
from channels.service import Again, Call, Notice, Request, Role, Service, at
from deskbell.core.outcome import Fault
from deskbell.core.ports import Limit
from deskbell.core.sizes import Size
from deskbell.net.auth import HeaderKey


@dataclass(frozen=True, slots=True)
class ActiveCampaignConf:
    base_url: str  # https://ACCOUNT.api-us1.com: as Settings, Developer shows it
    token: str = field(repr=False)  # of its API
    field_id: str  # of a field of contacts: what is to be told stands in it
    tag_id: str  # what starts the automation; which has to take it away at its end, or it starts only once
    link_field_id: str = ""  # of a field of contacts: the link to answer by


def contact(notice: Notice, conf: ActiveCampaignConf) -> Request:
    values = {conf.field_id: notice.text} | ({conf.link_field_id: notice.link} if conf.link_field_id else {})
    rows = [{"field": name, "value": text} for name, text in values.items()]
    return Request("/api/3/contact/sync", {"contact": {"email": notice.to, "fieldValues": rows}})


def tag(notice: Notice, conf: ActiveCampaignConf) -> Request:
    return Request("/api/3/contactTags", {"contactTag": {"contact": notice.record["id"], "tag": conf.tag_id}})


SERVICE = Service(
    name="activecampaign",
    title="ActiveCampaign",
    roles=frozenset({Role.NOTIFY}),
    docs="https://developers.activecampaign.com/reference/sync-a-contacts-data",
    conf=ActiveCampaignConf,
    auth=lambda conf: HeaderKey("Api-Token", conf.token),
    address=mail.ADDRESS,
    send=Call(contact, id="contact.id", then=Call(tag)),
    again=Again.NEITHER,
    code=lambda reply: "not done" if reply.ok and at("succeeded")(reply) == "0" else "",
    reason=lambda reply: at("errors.0.title")(reply) or at("message")(reply),
    errors={"not done": Fault.PAYLOAD, "403": Fault.AUTH, "404": Fault.CONFIG},
    limits=(Limit("post", "account", 2, timedelta(seconds=1)),),  # of 5 calls a second; each of ours is two
    sizes={"contact.fieldValues.*.value": Size(4000)},
)
