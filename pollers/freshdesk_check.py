"""`deskbell check` of a Freshdesk account: what its key may see and do, and whether its calls are enough."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from deskbell.core.ports import Finding, SourceError
from deskbell.core.records import CaseStatus
from deskbell.net.answers import Reply
from deskbell.vendors import freshdesk as vendor
from pollers import checks
from pollers.freshdesk_ticket import mapped_status
from pollers.rows import line, number

if TYPE_CHECKING:
    from pollers.freshdesk import Freshdesk

_MINUTE = timedelta(minutes=1)


async def findings(source: "Freshdesk") -> Sequence[Finding]:
    title = source.title
    me = await checks.tried(f"{title} credentials", lambda: source.read("/agents/me"), "the key is accepted")
    if me.reply is None:
        return [me.finding]
    return [
        me.finding,
        _scope(title, me.reply),
        checks.clock(title, me.reply.date, source.now()),
        _calls(source),
        await _statuses(source),
        await _names(
            source, "agents", "who has a ticket is shown by number, and an agent's mail may pass for a customer's"
        ),
        await _names(source, "groups", "groups are shown by number, and `teams` finds them by number alone"),
        *await _tickets(source),
        await _bins(source),
        await _time_filter(source),
    ]


def _scope(title: str, reply: Reply) -> Finding:
    scope = number(reply.data.get("ticket_scope")) if isinstance(reply.data, Mapping) else None
    if scope == vendor.GLOBAL_SCOPE:
        return Finding(f"{title} scope", ok=True, detail="the key's agent sees every ticket")
    why = "the key's agent sees only some tickets, the others are silently missing; give it global access"
    if scope is None:
        why = "/agents/me does not tell which tickets the key's agent sees; check base_url"
    return Finding(f"{title} scope", ok=False, detail=why)


def _calls(source: "Freshdesk") -> Finding:
    """Whether our part of the account's calls is enough for the polls alone."""
    what, share = f"{source.title} calls", source.share
    if share.total is None or share.ours is None:
        return Finding(what, ok=True, detail="the account does not tell how many there are in a minute")
    polls = _MINUTE / source.conf.interval
    need = polls * (1 + 2 * len(source.conf.include)) + len(vendor.BINS) * max(1.0, _MINUTE / source.conf.bins_every)
    said = f"{share.ours} of the account's {share.total} in a minute are ours, polling takes {need:.0f}"
    if need <= share.ours:
        return Finding(what, ok=True, detail=said)
    return Finding(what, ok=False, detail=f"{said}: poll less often (`interval`), or raise `share`")


async def _statuses(source: "Freshdesk") -> Finding:
    """Whether the account's own statuses are all in the map, before a ticket comes with one that is not."""
    what = f"{source.title} statuses"
    try:
        labels = vendor.status_choices((await source.read("/ticket_fields", {"type": "default_status"})).data)
    except SourceError as error:
        return Finding(what, ok=False, detail=f"{error} Until then statuses of your own are known by their number.")
    unknown = [
        label or code for code, label in labels.items() if mapped_status(code, label, source.conf) is CaseStatus.UNKNOWN
    ]
    if unknown:
        return Finding(what, ok=False, detail=f"not in status_map: {', '.join(unknown)}")
    return Finding(what, ok=True, detail=f"all {len(labels)} are known")


async def _names(source: "Freshdesk", what: str, otherwise: str) -> Finding:
    try:
        await source.read(f"/{what}", {"per_page": 1})
    except SourceError as error:
        return Finding(f"{source.title} {what}", ok=False, detail=f"{error} Until then {otherwise}.")
    return Finding(f"{source.title} {what}", ok=True, detail="can be read")


async def _tickets(source: "Freshdesk") -> list[Finding]:
    """A first page of what changed lately, and what was said in one of its tickets."""
    what = f"{source.title} tickets"
    try:
        rows = await source.listed(source.now() - source.conf.lookback)
    except SourceError as error:
        return [Finding(what, ok=False, detail=str(error))]
    told = "none changed in the time that is read" if not rows else f"a page of {len(rows)} came"
    found = [Finding(what, ok=True, detail=told)]
    ticket = next((text for row in rows if isinstance(row, Mapping) and (text := line(row.get("id"), 100))), "")
    if not source.conf.conversations or not ticket:
        return found
    try:
        await source.conversations(ticket)
    except SourceError as error:
        why = f"{error} Until then notes, replies and documents are unknown, so that no rule of theirs rings."
        return [*found, Finding(f"{source.title} conversations", ok=False, detail=why)]
    return [*found, Finding(f"{source.title} conversations", ok=True, detail="can be read")]


async def _bins(source: "Freshdesk") -> Finding:
    what = f"{source.title} bins"
    try:
        for name in vendor.BINS:
            await source.listed(source.now(), name)
    except SourceError as error:
        why = f"{error} Until then tickets that were deleted or are spam are noticed late."
        return Finding(what, ok=False, detail=why)
    return Finding(what, ok=True, detail="deleted tickets and spam can be listed")


async def _time_filter(source: "Freshdesk") -> Finding:
    """A list of what will change tomorrow must be empty; if it is not, the filter is not obeyed."""
    what = f"{source.title} time filter"
    try:
        rows = await source.listed(source.now() + timedelta(days=1))
    except SourceError as error:
        return Finding(what, ok=False, detail=str(error))
    if rows:
        return Finding(what, ok=False, detail="updated_since is ignored; is there a proxy that drops it?")
    return Finding(what, ok=True, detail="updated_since is obeyed")
