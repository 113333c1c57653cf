"""The trouble buttons: what can be made to happen to the day and to the vendors."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from deskbell.sandbox.clock import parse
from deskbell.sandbox.fieldservice import DONE
from deskbell.sandbox.scenario import ordinary
from deskbell.sandbox.web import Json

if TYPE_CHECKING:
    from deskbell.sandbox.server import Sandbox

Do = Callable[["Sandbox", Json], Awaitable[Any]]
MINUTE = 60.0
LATE = 15 * MINUTE  # what a technician is late after, in every default


def pick(sandbox: "Sandbox", job: str, *statuses: str) -> Json:
    """The job named, or the next one by start that stands in one of these statuses."""
    if job:
        return sandbox.fieldservice.find(job)
    rows = sorted(sandbox.fieldservice.jobs.values(), key=lambda row: row["scheduled_start"])
    return next(row for row in rows if row["status"] in statuses)


def coming(sandbox: "Sandbox", job: str, *, least: float = 0.0) -> Json:
    """The job named, or the next one that has a technician and starts in the future."""
    if job:
        return sandbox.fieldservice.find(job)
    now = sandbox.clock.time()
    rows = sorted(sandbox.fieldservice.jobs.values(), key=lambda row: row["scheduled_start"])
    open_rows = (
        row for row in rows if row["status"] not in DONE and row["technician"] and row["checked_in_at"] is None
    )
    return next(row for row in open_rows if parse(row["scheduled_start"]) > now + least)


async def make_late(sandbox: "Sandbox", asked: Json) -> str:
    """The technician is on the way and was due just over fifteen minutes ago. Without a job it is a call-out that was
    promised by phone: moving a planned visit would ring as a short-notice change as well."""
    now, fields = sandbox.clock.time(), sandbox.fieldservice
    start = now - LATE - 2
    travelling: Json = {"status": "en_route", "travel_started_at": start - 40 * MINUTE, "checked_in_at": None}
    if asked.get("job"):
        job = fields.find(asked["job"])
        moved = {"scheduled_start": start, "window_start": start, "window_end": start + 60 * MINUTE}
        fields.change(job["id"], scheduled_end=start + 90 * MINUTE, **moved, **travelling)
    else:
        technician = int(asked.get("technician") or ordinary.least_busy(sandbox))
        job = ordinary.book(sandbox, technician, start, summary="Emergency call-out", priority="high", **travelling)
    sandbox.hold(job["number"])
    sandbox.ledger.expect(job["number"], "technician_late")
    return str(job["number"])


async def check_in(sandbox: "Sandbox", asked: Json) -> str:
    """The technician arrives; by default the one who is latest."""
    job = pick(sandbox, asked.get("job", ""), "en_route", "dispatched")
    sandbox.fieldservice.change(job["id"], status="on_site", checked_in_at=sandbox.clock.time())
    sandbox.release(job["number"])
    sandbox.ledger.withdraw(job["number"])
    return str(job["number"])


async def cancel(sandbox: "Sandbox", asked: Json) -> str:
    """The customer cancels the next visit, at short notice."""
    job = coming(sandbox, asked.get("job", ""))
    reason = asked.get("reason", "Line restarted, customer no longer needs the visit")
    sandbox.fieldservice.change(
        job["id"], status="cancelled", cancelled_at=sandbox.clock.time(), cancelled_by="customer", cancel_reason=reason
    )
    sandbox.ledger.expect(job["number"], "cancelled_by_customer")
    return str(job["number"])


async def reschedule(sandbox: "Sandbox", asked: Json) -> str:
    """The next visit moves to tomorrow."""
    job = coming(sandbox, asked.get("job", ""))
    start, end = (parse(job[name]) + 86_400 for name in ("scheduled_start", "scheduled_end"))
    sandbox.fieldservice.change(
        job["id"], status="scheduled", scheduled_start=start, scheduled_end=end, window_start=start,
        window_end=start + 60 * MINUTE, travel_started_at=None,
    )  # fmt: skip
    sandbox.ledger.expect(job["number"], "reschedule_short_notice")
    return str(job["number"])


async def no_show(sandbox: "Sandbox", asked: Json) -> str:
    """Nobody opens the door."""
    job = pick(sandbox, asked.get("job", ""), "on_site", "en_route", "dispatched", "scheduled")
    sandbox.fieldservice.change(job["id"], status="no_show", cancel_reason="Customer not on site")
    sandbox.ledger.expect(job["number"], "status_no_show")
    return str(job["number"])


async def urgent_ticket(sandbox: "Sandbox", asked: Json) -> str:
    """A customer writes: the line stands. Nobody has it, and it has waited five minutes."""
    now = sandbox.clock.time()
    subject = asked.get("subject", "Line 3 down: screw compressor trips on overload")
    ticket = sandbox.freshdesk.tickets.add(
        subject, priority=4, created=now - 5 * MINUTE, updated=now, due=now + 6 * 3600, fr_due=now + 5 * 3600
    )
    sandbox.hold(str(ticket.id))
    sandbox.ledger.expect(str(ticket.id), "case_unassigned")
    return str(ticket.id)


async def near_sla(sandbox: "Sandbox", asked: Json) -> str:
    """A ticket has less than an hour left."""
    now = sandbox.clock.time()
    subject = asked.get("subject", "Pressure dew point alarm on dryer FD 300")
    ticket = sandbox.freshdesk.tickets.add(
        subject, priority=3, responder_id=1002, created=now - 4 * 3600, updated=now, due=now + 60 * MINUTE,
        fr_due=now + 5 * 3600,
    )  # fmt: skip
    ticket.stats["first_responded_at"] = ticket.public["created_at"]
    sandbox.hold(str(ticket.id))
    sandbox.ledger.expect(str(ticket.id), "sla_approaching")
    return str(ticket.id)


# ------------------------------------------------------------------ the vendors themselves


async def break_source(sandbox: "Sandbox", asked: Json) -> None:
    """source: freshdesk, servicenow, fieldservice; fault: 500, html, 401, 429, slow, drop; seconds or until healed."""
    source = sandbox.sources[asked["source"]]
    source.faults.set(str(asked.get("fault", "500")), seconds=asked.get("seconds"), delay=asked.get("delay", 10.0))
    sandbox.pulse.beat()


async def heal(sandbox: "Sandbox", asked: Json) -> None:
    """One source, Slack, or everything."""
    wanted = asked.get("source", "")
    for name, faults in sandbox.all_faults().items():
        if wanted in ("", name):
            faults.heal()
    sandbox.pulse.beat()


async def slack_fault(sandbox: "Sandbox", asked: Json) -> None:
    """kind: 429, 500, lost, drop, slow, invalid_auth, token_revoked, fatal_error, done:fatal_error ..."""
    options = {name: asked[name] for name in ("where", "seconds", "times", "delay", "retry_after") if name in asked}
    sandbox.slack.faults.set(str(asked["kind"]), **options)
    sandbox.pulse.beat()


async def slack_429(sandbox: "Sandbox", asked: Json) -> None:
    seconds = float(asked.get("seconds", 20))
    sandbox.slack.faults.set(
        "429", where=asked.get("where", ""), seconds=seconds, retry_after=asked.get("retry_after", 5)
    )
    sandbox.pulse.beat()


async def slack_lost(sandbox: "Sandbox", asked: Json) -> None:
    """The next message is posted, and its answer never arrives."""
    sandbox.slack.faults.set("lost", where=asked.get("where", "chat.postMessage"), times=int(asked.get("times", 1)))


async def slack_disconnect(sandbox: "Sandbox", asked: Json) -> int:
    asked_to_go: int = await sandbox.slack.sockets.disconnect(
        asked.get("reason", "refresh_requested"), close_after=float(asked.get("close_after", 5))
    )
    return asked_to_go


async def slack_drop(sandbox: "Sandbox", asked: Json) -> int:
    cut: int = sandbox.slack.sockets.drop(asked.get("number"))
    return cut


async def slack_deafen(sandbox: "Sandbox", asked: Json) -> int:
    chosen: int = sandbox.slack.sockets.deafen(asked.get("number"), routed=bool(asked.get("routed")))
    return chosen


async def slack_archive(sandbox: "Sandbox", asked: Json) -> None:
    sandbox.slack.archive(asked["channel"])


async def slack_remove_bot(sandbox: "Sandbox", asked: Json) -> None:
    sandbox.slack.remove_bot(asked["channel"])


async def slack_delete(sandbox: "Sandbox", asked: Json) -> None:
    sandbox.slack.delete_by_hand(asked["channel"], asked["ts"])


async def slack_use_http(sandbox: "Sandbox", asked: Json) -> None:
    sandbox.slack.use_http(asked.get("url"))


async def end_of_day(sandbox: "Sandbox", asked: Json) -> None:  # noqa: ARG001 - one shape for all
    await sandbox.end_day()


async def desk(sandbox: "Sandbox", asked: Json) -> None:
    """Where Deskbell's own API listens, when that was not known at the start."""
    sandbox.desk_url, sandbox.desk_token = asked.get("url"), asked.get("token")


VERBS: dict[str, Do] = {
    "late": make_late,
    "check_in": check_in,
    "cancel": cancel,
    "reschedule": reschedule,
    "no_show": no_show,
    "urgent_ticket": urgent_ticket,
    "near_sla": near_sla,
    "break": break_source,
    "heal": heal,
    "slack_fault": slack_fault,
    "slack_429": slack_429,
    "slack_lost": slack_lost,
    "slack_disconnect": slack_disconnect,
    "slack_drop": slack_drop,
    "slack_deafen": slack_deafen,
    "slack_archive": slack_archive,
    "slack_remove_bot": slack_remove_bot,
    "slack_delete": slack_delete,
    "slack_use_http": slack_use_http,
    "desk": desk,
    "end_of_day": end_of_day,
}
