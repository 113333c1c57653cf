"""Oracle Responsys: what it wants and how it answers. https://docs.oracle.com/en/cloud/saas/marketing/responsys-rest-api/"""

from collections.abc import Mapping
from typing import Literal

from deskbell.core.outcome import Fault
from deskbell.net.answers import Reply
from deskbell.net.auth import Session

API = "/rest/api/v1.3"
HOSTS = ("responsys.net", "rsys5.net", "rsys8.net", "rsys9.net", "responsys.ocs.oraclecloud.com")
ERRORS: Mapping[str, Fault | Literal["retry", "limited"]] = {
    "INVALID_TOKEN": Fault.AUTH,
    "TOKEN_EXPIRED": Fault.AUTH,
    "API_BLOCKED": Fault.CONFIG,
    "CAMPAIGN*": Fault.CONFIG,
    "RECIPIENT*": Fault.TARGET,
    "NO_RECIPIENT*": Fault.TARGET,
    "API_LIMIT_EXCEEDED": "limited",
    "UNEXPECTED_EXCEPTION": "retry",
}


def login(base_url: str, user: str, password: str) -> Session:
    """Its answer says where everything else is called."""
    form = {"user_name": user, "password": password, "auth_type": "password"}
    return Session(base_url.rstrip("/") + API + "/auth/token", form, "authToken", "endPoint", hosts=HOSTS)


def code(reply: Reply) -> str:
    """A success has a word on each recipient, which may be a bad one."""
    if not reply.ok:
        return str(reply.data.get("errorCode") or "") if isinstance(reply.data, Mapping) else ""
    row = reply.data[0] if isinstance(reply.data, list) and reply.data else None
    if not isinstance(row, Mapping):
        return "NOT_SENT"
    return "" if row.get("success") else str(row.get("errorMessage") or "NOT_SENT")
