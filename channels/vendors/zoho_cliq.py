"""Zoho Cliq: a channel or a colleague. https://www.zoho.com/cliq/help/restapi/v2/#Post_Message_Channel"""

import re
from dataclasses import dataclass, field
from datetime import timedelta

from channels.service import Address, Again, Call, Notice, Request, Role, Service, at
from deskbell.core.outcome import Fault
from deskbell.core.ports import Limit
from deskbell.core.sizes import Size
from deskbell.net.auth import Auth, InRequest
from deskbell.vendors.zoho_crm import ACCOUNTS, login


@dataclass(frozen=True, slots=True)
class ZohoCliqConf:
    client_id: str = ""  # of a self client
    client_secret: str = field(default="", repr=False)  # its secret
    refresh_token: str = field(default="", repr=False)  # with the scope ZohoCliq.Webhooks.CREATE
    key: str = field(default="", repr=False)  # or, instead of the three, a webhook token
    bot: str = ""  # the unique name of a bot, as whom it speaks; empty: as whose token it is
    base_url: str = "https://cliq.zoho.com"  # of the data centre: https://cliq.zoho.eu ...
    accounts_url: str = ACCOUNTS  # where tokens come from, of the same data centre

    def login(self) -> Auth:
        if self.key:
            return InRequest(self.key)
        return login(self.accounts_url, self.client_id, self.client_secret, self.refresh_token)


def message(notice: Notice, conf: ZohoCliqConf) -> Request:
    where = f"buddies/{notice.to}" if "@" in notice.to else f"channelsbyname/{notice.to}"
    params = {"zapikey": conf.key, "bot_unique_name": conf.bot}
    body = {"text": notice.text.replace("{@", "{ @"), "sync_message": True}  # {@all} would ring all
    return Request(f"/api/v2/{where}/message", body, params={name: text for name, text in params.items() if text})


SERVICE = Service(
    name="zoho_cliq",
    title="Zoho Cliq",
    roles=frozenset({Role.NOTIFY}),
    docs="https://www.zoho.com/cliq/help/restapi/v2/",
    conf=ZohoCliqConf,
    auth=ZohoCliqConf.login,
    address=Address(
        re.compile(r"([\w-]+|[^@\s<>,/]+@[^@\s<>,/]+)?"), "is a channel's unique name, a colleague's mail, or empty"
    ),
    send=Call(message, id="message_id", plain=True),
    again=Again.NEITHER,
    reason=at("message"),
    errors={"404": Fault.CONFIG, "406": Fault.PAYLOAD},
    limits=(Limit("post", "account", 40, timedelta(minutes=1)),),  # after 50 a minute, nobody gets in for ten minutes
    sizes={"text": Size(5000)},
)
