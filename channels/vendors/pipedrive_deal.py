"""Pipedrive: a field of a deal that says whether an alert is open, for the people and workflows who look at the deal.

https://developers.pipedrive.com/docs/api/v1/Deals
"""

import re
from dataclasses import dataclass, field

from channels.service import Address, Again, Call, Notice, Request, Role, Service
from deskbell.core.sizes import Size, fit
from deskbell.vendors.pipedrive import API, login, reason


@dataclass(frozen=True, slots=True)
class PipedriveDealConf:
    base_url: str  # https://COMPANY.pipedrive.com
    token: str = field(repr=False)  # the API token of a user
    field_key: str  # of a text field of deals, made for Deskbell: 40 digits and letters a to f
    doing: str = "in hand"  # what stands in it when somebody has the alert
    done: str = ""  # what stands in it when the alert is over

    def __post_init__(self) -> None:
        if re.fullmatch(r"([0-9a-f]{40})?", self.field_key) is None:
            raise ValueError("field_key is 40 digits and letters a to f, as the field's settings show it")


def put(notice: Notice, conf: PipedriveDealConf, text: str) -> Request:
    cut = fit(text, Size(255), (notice.ref,))
    return Request(f"{API}/deals/{notice.to}", {"custom_fields": {conf.field_key: cut}}, method="PATCH")


SERVICE = Service(
    name="pipedrive_deal",
    title="Pipedrive deal",
    roles=frozenset({Role.RECORD}),
    docs="https://developers.pipedrive.com/docs/api/v1/Deals",
    conf=PipedriveDealConf,
    auth=lambda conf: login(conf.token),
    address=Address(re.compile(r"\d{1,18}"), "is the id of a deal: digits"),
    open=Call(lambda notice, conf: put(notice, conf, notice.line), id="data.id"),
    progress=Call(lambda notice, conf: put(notice, conf, f"{notice.ref} {conf.doing}")),
    reopen=Call(lambda notice, conf: put(notice, conf, notice.line)),
    close=Call(lambda notice, conf: put(notice, conf, conf.done)),
    again=Again.KEY,  # it is only ever set to the same
    reason=reason,
)
