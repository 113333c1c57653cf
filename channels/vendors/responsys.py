"""Oracle Responsys: customers, by a campaign of yours. https://docs.oracle.com/en/cloud/saas/marketing/responsys-rest-api/"""

from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import quote

from channels import mail
from channels.service import Again, Call, Notice, Request, Role, Service, at
from deskbell.core.ports import Limit
from deskbell.core.sizes import Size
from deskbell.vendors import responsys


@dataclass(frozen=True, slots=True)
class ResponsysConf:
    base_url: str  # where one logs in: https://TOKEN-api.responsys.ocs.oraclecloud.com, https://login5.responsys.net
    user: str  # who may call its API
    password: str = field(repr=False)  # of that user
    campaign: str  # whose template has $MESSAGE$, and $LINK$ if you like
    folder: str  # the folder of the list
    list: str  # the list in which customers stand


def trigger(notice: Notice, conf: ResponsysConf) -> Request:
    where = {"folderName": conf.folder, "objectName": conf.list}
    data = [{"name": "MESSAGE", "value": notice.text}, {"name": "LINK", "value": notice.link}]
    row = {"recipient": {"listName": where, "emailAddress": notice.to}, "optionalData": data}
    return Request(f"{responsys.API}/campaigns/{quote(conf.campaign, safe='')}/email", {"recipientData": [row]})


SERVICE = Service(
    name="responsys",
    title="Oracle Responsys",
    roles=frozenset({Role.NOTIFY}),
    docs="https://docs.oracle.com/en/cloud/saas/marketing/responsys-rest-api/",
    conf=ResponsysConf,
    auth=lambda conf: responsys.login(conf.base_url, conf.user, conf.password),
    address=mail.ADDRESS,
    send=Call(trigger, id="0.recipientId"),
    again=Again.NEITHER,
    code=responsys.code,
    reason=lambda reply: at("detail")(reply) or at("title")(reply) or at("0.errorMessage")(reply),
    errors=responsys.ERRORS,
    limits=(Limit("post", "account", 180, timedelta(minutes=1)),),  # of 200
    sizes={"recipientData.*.optionalData.*.value": Size(4000)},
)
