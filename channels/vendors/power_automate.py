"""Power Automate: starts a flow of your own. https://learn.microsoft.com/azure/connectors/connectors-native-reqres"""

import re
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import parse_qsl, urlsplit

from channels import microsoft
from channels.service import Address, Again, Call, Notice, Request, Role, Service
from deskbell.core.heard import Raise
from deskbell.core.outcome import Fault
from deskbell.core.ports import Limit
from deskbell.net.auth import InRequest
from deskbell.net.inbound import WAYS
from deskbell.net.inbound import Call as Called
from deskbell.vendors.hears import Hears
from deskbell.vendors.raised import raised
from deskbell.vendors.workflows import explain


@dataclass(frozen=True, slots=True)
class PowerAutomateConf:
    tenant: str = ""  # with client_id and client_secret: for flows that only users of the tenant may start
    client_id: str = ""  # of an app that may start them
    client_secret: str = field(default="", repr=False)  # its secret
    scope: str = "https://service.flow.microsoft.com//.default"  # with both slashes
    login_url: str = microsoft.LOGIN
    base_url: str = ""  # where flows are called instead of the host in their address: a proxy


def start(notice: Notice, _conf: PowerAutomateConf) -> Request:
    alert = {name: getattr(notice, name) for name in ("ref", "line", "title", "summary", "text", "url", "link")}
    alert |= {"severity": str(notice.severity), "facts": dict(notice.facts)}
    url = urlsplit(notice.to)
    return Request(url.path, {"schema": 1, "key": notice.key, "alert": alert}, params=dict(parse_qsl(url.query)))


def alert(call: Called, _conf: PowerAutomateConf) -> list[Raise]:
    """What a flow's action HTTP has raised here."""
    return [raised(call.data)]


SERVICE = Service(
    name="power_automate",
    title="Power Automate",
    roles=frozenset({Role.NOTIFY, Role.TRIGGER}),
    docs="https://learn.microsoft.com/azure/connectors/connectors-native-reqres",
    conf=PowerAutomateConf,
    auth=lambda conf: microsoft.login(conf) if conf.tenant else InRequest(""),
    address=Address(
        re.compile(r"https://[\w.-]+\.(logic\.azure|api\.powerplatform)\.\w+(:443)?/\S+"),
        "is the address that the flow shows, best by reference: env:NAME or file:/path",
        secret=True,
    ),
    base=lambda conf, to: conf.base_url or "{0.scheme}://{0.netloc}".format(urlsplit(to)),
    send=Call(start, id=lambda reply, _: reply.headers.get("x-ms-workflow-run-id", ""), plain=True),
    again=Again.NEITHER,
    reason=explain,
    # A flow that is gone, switched off, or has another signature now: this one can't be reached, others may.
    errors=dict.fromkeys(("401", "402", "403", "404", "410"), Fault.TARGET),
    limits=(Limit("post", "destination", 1, timedelta(seconds=1)),),
    hears=Hears(way=lambda _conf: WAYS["header"], read=alert, words=False),
)
