"""What Twilio's SMS and calls share: the account, what its errors mean, and how it proves that it calls us."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

from channels.service import RETRY, Class, at
from deskbell.core.outcome import Fault
from deskbell.net.answers import Reply
from deskbell.net.auth import Basic
from deskbell.net.proofs import TwilioSigned
from deskbell.vendors.hears import Hears

# https://www.twilio.com/docs/api/errors
ERRORS: Mapping[str, Class] = {
    "20003": Fault.AUTH,
    "20429": RETRY,
    "205*": RETRY,
    "21210": Fault.CONFIG,  # the caller's number is none of the account's
    "21211": Fault.TARGET,
    "21212": Fault.CONFIG,
    "21214": Fault.TARGET,
    "21215": Fault.CONFIG,  # the country is not enabled, for calls
    "21216": Fault.CONFIG,
    "21217": Fault.TARGET,
    "21219": Fault.CONFIG,  # a trial account
    "21408": Fault.CONFIG,  # the country is not enabled, for SMS
    "2160*": Fault.CONFIG,  # the sender, or a trial account
    "21612": Fault.CONFIG,  # no way from this sender to that number
    "21617": Fault.PAYLOAD,
    "21661": Fault.CONFIG,  # the sender can't send SMS
    "216*": Fault.TARGET,  # 21610 said STOP, 21614 and 21635 no mobile number
    "30001": RETRY,
    "30034": Fault.CONFIG,  # the sender is not registered for the USA
}


@dataclass(frozen=True, slots=True)
class Account:
    account_sid: str  # AC...
    auth_token: str = field(repr=False)  # of the account
    sender: str  # a number of yours; for SMS also the SID of a messaging service
    base_url: str = "https://api.twilio.com"

    def path(self, what: str) -> str:
        return f"/2010-04-01/Accounts/{self.account_sid}/{what}.json"


def login(conf: Account) -> Basic:
    return Basic(conf.account_sid, conf.auth_token)


def code(reply: Reply) -> str:
    """Of what failed; a call that is there has a code of its own."""
    return "" if reply.ok else at("code")(reply)


hears = partial(
    Hears,
    way=lambda _conf: TwilioSigned(),
    secrets="the account's auth token, or a shared key of its Webhooks Configuration",
)
