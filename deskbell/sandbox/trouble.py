"""The trouble buttons: what can be made to happen to the day and to the vendors."""

from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, Any

from deskbell.sandbox.clock import parse
from deskbell.sandbox.fieldservice import DONE
from deskbell.sandbox.scenario import ordinary, verbs
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
    return first(row for row in rows if row["status"] in statuses)


def first(rows: Iterable[Json]) -> Json:
    """LookupError when nothing is there."""
    for row in rows:
        return row
    raise LookupError("nothing fits just now")


def coming(sandbox: "Sandbox", job: str, *, least: float = 0.0) -> Json:
    """The job named, or the next one that has a technician and starts in the future."""
    if job:
        return sandbox.fieldservice.find(job)
    now = sandbox.clock.time()
    rows = sorted(sandbox.fieldservice.jobs.values(), key=lambda row: row["scheduled_start"])
    open_rows = (
        row for row in rows if row["status"] not in DONE and row["technician"] and row["checked_in_at"] is None
    )
    return first(row for row in open_rows if parse(row["scheduled_start"]) > now + least)


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


# ------------------------------------------------------------------ accounts


async def payment_fails(sandbox: "Sandbox", asked: Json) -> str:
    """A customer's bank refuses: by default of the next open invoice that nothing is wrong with."""
    billing, number = sandbox.billing, str(asked.get("invoice", ""))
    sound = (row for row in billing.invoices.values() if row["status"] == "open" and not row["attempts"])
    number = number or str(first(sound)["number"])
    billing.attempt(number, failed=asked.get("reason", "Card expired"))
    sandbox.hold(number)
    sandbox.ledger.expect(number, "payment_failed")
    return number


async def suspend_account(sandbox: "Sandbox", asked: Json) -> str:
    """Bookkeeping stops an account: by default one with a job planned, so that nobody should be sent there."""
    billing, number = sandbox.billing, str(asked.get("account", ""))
    waiting = {job["customer"]["name"] for job in sandbox.fieldservice.jobs.values() if job["status"] == "scheduled"}
    active = (row for row in billing.accounts.values() if row["status"] == "active" and row["name"] in waiting)
    number = number or str(first(active)["number"])
    billing.stand(number, "suspended", asked.get("reason", "Invoices unpaid for sixty days"))
    sandbox.hold(number)
    sandbox.ledger.expect(number, "account_suspended")
    return number


async def payment_in(sandbox: "Sandbox", asked: Json) -> str:  # noqa: ARG001 - one shape for all
    """Somebody pays: who is suspended, and else whose payment failed."""
    billing = sandbox.billing
    if suspended := billing.suspended():
        number = str(suspended[0]["number"])
        verbs.lift(sandbox, number, {})
    else:
        number = str(first(billing.failing())["number"])
        verbs.pay(sandbox, number, {})
    return number


# ------------------------------------------------------------------ the vendors themselves


async def break_source(sandbox: "Sandbox", asked: Json) -> None:
    """`source` by its name; fault: 500, html, 401, 429, slow, drop; seconds, or until it is healed."""
    source = sandbox.sources[asked["source"]]
    source.faults.set(str(asked.get("fault", "500")), seconds=asked.get("seconds"), delay=asked.get("delay", 10.0))
    sandbox.pulse.beat()


async def heal(sandbox: "Sandbox", asked: Json) -> None:
    """One source, one chat, or everything; whoever was removed from a room is invited again."""
    wanted = asked.get("source", "")
    for name, faults in sandbox.all_faults().items():
        if wanted in ("", name):
            faults.heal()
    for name, room in sorted(sandbox.removed):
        if wanted in ("", name):
            sandbox.chats[name].add_bot(room)
            sandbox.removed.discard((name, room))
    sandbox.pulse.beat()


async def chat_429(sandbox: "Sandbox", asked: Json) -> None:
    """The chat lets nothing pass for a while, and says when to come again."""
    seconds = float(asked.get("seconds", 20))
    sandbox.chats[asked["chat"]].faults.set("429", seconds=seconds, retry_after=int(asked.get("retry_after", 5)))
    sandbox.pulse.beat()


async def chat_down(sandbox: "Sandbox", asked: Json) -> None:
    """The chat is out of order for a while."""
    sandbox.chats[asked["chat"]].faults.set("500", seconds=float(asked.get("seconds", 20)))
    sandbox.pulse.beat()


async def chat_fault(sandbox: "Sandbox", asked: Json) -> None:
    """Any trouble that the chat's stand-in knows, by its kind: lost, drop, slow, invalid_auth ..."""
    options = {name: asked[name] for name in ("where", "seconds", "times", "delay", "retry_after") if name in asked}
    sandbox.chats[asked["chat"]].faults.set(str(asked["kind"]), **options)
    sandbox.pulse.beat()


async def remove_bot(sandbox: "Sandbox", asked: Json) -> str:
    """Somebody removes Deskbell from a room: by default the one with the newest card."""
    chat = sandbox.chats[asked["chat"]]
    room = str(asked.get("room") or chat.cards()[-1].room)
    chat.remove_bot(room)
    sandbox.removed.add((chat.name, room))
    sandbox.pulse.beat()
    return room


async def end_of_day(sandbox: "Sandbox", asked: Json) -> None:  # noqa: ARG001 - one shape for all
    await sandbox.end_day()


async def desk(sandbox: "Sandbox", asked: Json) -> None:
    """Where Deskbell's own server listens."""
    sandbox.introduce(str(asked["url"]), str(asked.get("token", "")))


async def front(sandbox: "Sandbox", asked: Json) -> None:
    """What the vendors say of their own address: where somebody stands in front of them. By vendor."""
    for name, url in asked["urls"].items():
        sandbox.chats[name].url = str(url)


async def no_limits(sandbox: "Sandbox", asked: Json) -> None:  # noqa: ARG001 - one shape for all
    """For trials of other things than the vendors' limits."""
    for chat in sandbox.chats.values():
        chat.no_limits()
    for source in sandbox.sources.values():
        source.no_limits()


VERBS: dict[str, Do] = {
    "late": make_late,
    "check_in": check_in,
    "cancel": cancel,
    "reschedule": reschedule,
    "no_show": no_show,
    "urgent_ticket": urgent_ticket,
    "near_sla": near_sla,
    "payment_fails": payment_fails,
    "suspend_account": suspend_account,
    "payment_in": payment_in,
    "break": break_source,
    "heal": heal,
    "chat_429": chat_429,
    "chat_down": chat_down,
    "chat_fault": chat_fault,
    "remove_bot": remove_bot,
    "desk": desk,
    "front": front,
    "no_limits": no_limits,
    "end_of_day": end_of_day,
}
