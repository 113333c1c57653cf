"""Twilio SMS. https://www.twilio.com/docs/messaging/api/message-resource"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from channels.service import RETRY, Address, Again, Call, Class, Notice, Request, Role, Service, at
from deskbell.core.outcome import Fault
from deskbell.core.ports import Limit
from deskbell.core.sizes import Size, Unit
from deskbell.net.answers import Reply, http_date
from deskbell.net.auth import Basic


@dataclass(frozen=True, slots=True)
class TwilioConf:
    account_sid: str  # AC...
    auth_token: str = field(repr=False)  # of the account
    sender: str  # a number of yours, or the SID of a messaging service
    valid_s: int = 1800  # an SMS that is not delivered by then is dropped, for it is old news
    base_url: str = "https://api.twilio.com"


def sms(notice: Notice, conf: TwilioConf) -> Request:
    sender = "MessagingServiceSid" if conf.sender.startswith("MG") else "From"
    form = {"To": notice.to, sender: conf.sender, "Body": f"{notice.line} {notice.link}".strip()}
    return Request(_messages(conf), form=form | {"ValidityPeriod": str(conf.valid_s), "SmartEncoded": "true"})


def list_sent(notice: Notice, conf: TwilioConf) -> Request:
    return Request(_messages(conf), method="GET", params={"To": notice.to, "PageSize": "20"})


def sid_of(reply: Reply, notice: Notice) -> str:
    """Of a message to the number that names the alert, and was not there before."""
    rows = reply.data.get("messages", ()) if isinstance(reply.data, dict) else ()
    return next((str(row["sid"]) for row in rows if _is(row, notice)), "")


def _is(row: Mapping[str, Any], notice: Notice) -> bool:
    made = http_date(str(row.get("date_created", "")))
    recent = notice.since is None or (made is not None and made >= notice.since)
    return recent and re.search(rf"(?<![\w-]){re.escape(notice.ref)}(?!\w)", str(row.get("body"))) is not None


def _messages(conf: TwilioConf) -> str:
    return f"/2010-04-01/Accounts/{conf.account_sid}/Messages.json"


# https://www.twilio.com/docs/api/errors
ERRORS: Mapping[str, Class] = {
    "20003": Fault.AUTH,
    "20429": RETRY,
    "205*": RETRY,
    "21211": Fault.TARGET,
    "21408": Fault.CONFIG,  # the country is not enabled
    "2160*": Fault.CONFIG,  # the sender, or a trial account
    "21612": Fault.CONFIG,  # no way from this sender to that number
    "21617": Fault.PAYLOAD,
    "21661": Fault.CONFIG,  # the sender can't send SMS
    "216*": Fault.TARGET,  # 21610 said STOP, 21614 and 21635 no mobile number
    "30001": RETRY,
    "30034": Fault.CONFIG,  # the sender is not registered for the USA
}

SERVICE = Service(
    name="twilio",
    title="Twilio SMS",
    roles=frozenset({Role.NOTIFY, Role.ACKNOWLEDGE}),
    docs="https://www.twilio.com/docs/messaging/api/message-resource",
    conf=TwilioConf,
    auth=lambda conf: Basic(conf.account_sid, conf.auth_token),
    address=Address(re.compile(r"(\+[1-9]\d{6,14})?"), "is a phone number like +4930123456, or empty: for people only"),
    send=Call(sms, id="sid"),
    find=Call(list_sent, id=sid_of),
    again=Again.LOOK_UP,
    code=lambda reply: "" if reply.ok else at("code")(reply),
    reason=at("message"),
    errors=ERRORS,
    limits=(Limit("post", "account", 3, timedelta(seconds=1)),),
    sizes={"Body": Size(2, Unit.PARTS)},
    acks="reply",
    receipts="callback",
)
