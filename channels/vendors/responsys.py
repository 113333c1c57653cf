"""Oracle Responsys: customers, by a campaign of yours. https://docs.oracle.com/en/cloud/saas/marketing/responsys-rest-api/"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import quote

from channels import mail
from channels.service import LIMITED, RETRY, Again, Call, Notice, Request, Role, Service, at, dig
from deskbell.core.outcome import Fault
from deskbell.core.ports import Limit
from deskbell.core.sizes import Size
from deskbell.net.answers import Reply
from deskbell.net.auth import Session

API = "/rest/api/v1.3"
HOSTS = ("responsys.net", "rsys5.net", "rsys8.net", "rsys9.net", "responsys.ocs.oraclecloud.com")


@dataclass(frozen=True, slots=True)
class ResponsysConf:
    base_url: str  # where one logs in: https://TOKEN-api.responsys.ocs.oraclecloud.com, https://login5.responsys.net
    user: str  # who may call its API
    password: str = field(repr=False)  # of that user
    campaign: str  # whose template has $MESSAGE$, and $LINK$ if you like
    folder: str  # the folder of the list
    list: str  # the list in which customers stand


def login(conf: ResponsysConf) -> Session:
    form = {"user_name": conf.user, "password": conf.password, "auth_type": "password"}
    return Session(conf.base_url.rstrip("/") + API + "/auth/token", form, "authToken", "endPoint", hosts=HOSTS)


def trigger(notice: Notice, conf: ResponsysConf) -> Request:
    where = {"folderName": conf.folder, "objectName": conf.list}
    data = [{"name": "MESSAGE", "value": notice.text}, {"name": "LINK", "value": notice.link}]
    row = {"recipient": {"listName": where, "emailAddress": notice.to}, "optionalData": data}
    return Request(f"{API}/campaigns/{quote(conf.campaign, safe='')}/email", {"recipientData": [row]})


def code(reply: Reply) -> str:
    """A success has a word on each recipient, which may be a bad one."""
    if not reply.ok:
        return dig(reply.data, "errorCode")
    row = reply.data[0] if isinstance(reply.data, list) and reply.data else None
    return "" if isinstance(row, Mapping) and row.get("success") else dig(row, "errorMessage") or "NOT_SENT"


SERVICE = Service(
    name="responsys",
    title="Oracle Responsys",
    roles=frozenset({Role.NOTIFY}),
    docs="https://docs.oracle.com/en/cloud/saas/marketing/responsys-rest-api/",
    conf=ResponsysConf,
    auth=login,
    address=mail.ADDRESS,
    send=Call(trigger, id="0.recipientId"),
    again=Again.NEITHER,
    code=code,
    reason=lambda reply: at("detail")(reply) or at("title")(reply) or at("0.errorMessage")(reply),
    errors={
        "INVALID_TOKEN": Fault.AUTH,
        "TOKEN_EXPIRED": Fault.AUTH,
        "API_BLOCKED": Fault.CONFIG,
        "CAMPAIGN*": Fault.CONFIG,
        "RECIPIENT*": Fault.TARGET,
        "NO_RECIPIENT*": Fault.TARGET,
        "API_LIMIT_EXCEEDED": LIMITED,
        "UNEXPECTED_EXCEPTION": RETRY,
    },
    limits=(Limit("post", "account", 180, timedelta(minutes=1)),),  # of 200
    sizes={"recipientData.*.optionalData.*.value": Size(4000)},
)
