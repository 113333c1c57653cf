"""Scheduling systems on trial: for each its source, its stand-in, and what somebody may do to a visit over there."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from deskbell.sandbox import credentials

HOUR = 3600.0
OAUTH = {"client_id": credentials.OAUTH_CLIENT, "client_secret": credentials.OAUTH_SECRET}


@dataclass
class Trial:
    source: Any
    stand: Any
    lay: Callable[..., str]  # (start, seconds since the epoch) -> the visit's id
    move: Callable[[str, float], None]  # somebody moves it to another start
    remove: Callable[[str], None]
    listing: str  # the path that is polled
    polls_to_be_gone: int = 1  # how many polls until a deletion is told
    pages: bool = True
    people: tuple[str, str] = ("", "")  # a colleague's id, and one that is none
    assign: Callable[[str, str], None] | None = None  # somebody gives it to somebody else
    notes: bool = False
    resolves: bool = False
    write: str = "POST"
    secrets: tuple[str, ...] = ()
    revoke: Callable[[], None] | None = None  # the token is taken back

    def opened(self, now, **changes):
        """The source by a changed configuration."""
        return type(self.source)(replace(self.source.conf, **changes), now=now)


def servicetitan(sb) -> Trial:
    from pollers.servicetitan import ServiceTitan, ServiceTitanConf

    stand = sb.others["servicetitan"]
    stand.no_limits()
    conf = ServiceTitanConf(
        credentials.SERVICETITAN_TENANT, **OAUTH, app_key=credentials.SERVICETITAN_APP,
        base_url=f"{sb.url}/servicetitan", token_url=f"{sb.url}/servicetitan/connect/token", page_size=10,
    )  # fmt: skip
    return Trial(
        ServiceTitan(conf, now=sb.clock.now),
        stand,
        lay=lambda start, at=None: str(stand.add(start=start, end=start + HOUR, technician=31, modified=at)["id"]),
        move=lambda one, start: stand.change(int(one), start=start, end=start + HOUR) and None,
        remove=lambda one: stand.delete(int(one)),
        listing=f"/jpm/v2/tenant/{conf.tenant}/appointments",
        polls_to_be_gone=2,
        people=("32", "99"),
        assign=lambda one, who: stand.assign(int(one), int(who)),
        notes=True,
        secrets=(credentials.OAUTH_SECRET, credentials.SERVICETITAN_APP),
        revoke=stand.tokens.revoke,
    )


ALL: dict[str, Callable[[Any], Trial]] = {"servicetitan": servicetitan}
