"""What Plivo's SMS and calls share: the account, what its errors mean, and how it proves that it calls us."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

from channels.service import Class, at, per_second
from deskbell.core.outcome import Fault
from deskbell.net.answers import Reply
from deskbell.net.auth import Basic
from deskbell.net.proofs import PlivoSigned
from deskbell.vendors.hears import Hears

LIMITS = per_second(50, "any")  # of about 300 in 5 s an account, calls and messages together
ERRORS: Mapping[str, Class] = {"number": Fault.TARGET}


@dataclass(frozen=True, slots=True)
class Account:
    auth_id: str  # MA...
    auth_token: str = field(repr=False)  # of the account
    sender: str  # a number of yours; for SMS also the UUID of a powerpack
    base_url: str = "https://api.plivo.com"

    def path(self, what: str) -> str:
        return f"/v1/Account/{self.auth_id}/{what}/"


def login(conf: Account) -> Basic:
    return Basic(conf.auth_id, conf.auth_token)


def code(reply: Reply) -> str:
    """There are no codes: a number that can't be one is told from other mistakes by its parameter's name."""
    return "number" if reply.status == 400 and re.search(r"\b(dst|to)\b", at("error")(reply)) else ""


hears = partial(Hears, way=lambda _conf: PlivoSigned(), secrets="the account's auth token")
