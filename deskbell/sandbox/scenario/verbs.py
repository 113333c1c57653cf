"""What can happen to a job, a ticket, an incident or an account: the verbs of the timeline."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from deskbell.sandbox.clock import parse
from deskbell.sandbox.scenario.day import HOUR
from deskbell.sandbox.web import Json

if TYPE_CHECKING:
    from deskbell.sandbox.server import Sandbox

Happen = Callable[["Sandbox", str, dict[str, Any]], None]


def _job(sandbox: "Sandbox", subject: str, **fields: Any) -> Json:
    return sandbox.fieldservice.change(sandbox.fieldservice.find(subject)["id"], **fields)


def _release(sandbox: "Sandbox", subject: str) -> None:
    sandbox.release(subject)
    sandbox.ledger.withdraw(subject)


# ------------------------------------------------------------------ jobs


def cancel(sandbox: "Sandbox", subject: str, args: dict[str, Any]) -> None:
    now = sandbox.clock.time()
    _job(sandbox, subject, status="cancelled", cancelled_at=now, cancelled_by="customer", cancel_reason=args["reason"])


def postpone(sandbox: "Sandbox", subject: str, args: dict[str, Any]) -> None:
    job = sandbox.fieldservice.find(subject)
    names = ("scheduled_start", "scheduled_end", "window_start", "window_end")
    moved = {name: parse(job[name]) + args["seconds"] for name in names}
    _job(sandbox, subject, status="scheduled", travel_started_at=None, **moved)


def no_show(sandbox: "Sandbox", subject: str, args: dict[str, Any]) -> None:  # noqa: ARG001 - one shape for all
    _job(sandbox, subject, status="no_show", cancel_reason="Gate locked, nobody answers the phone")


def unassign(sandbox: "Sandbox", subject: str, args: dict[str, Any]) -> None:  # noqa: ARG001 - one shape for all
    _job(sandbox, subject, technician=0, status="scheduled", travel_started_at=None)


def assign(sandbox: "Sandbox", subject: str, args: dict[str, Any]) -> None:
    """Somebody is found, unless the desk was quicker."""
    if sandbox.fieldservice.find(subject)["technician"] is None:
        _job(sandbox, subject, technician=args["technician"])
    _release(sandbox, subject)


def travel(sandbox: "Sandbox", subject: str, args: dict[str, Any]) -> None:  # noqa: ARG001 - one shape for all
    _job(sandbox, subject, status="en_route", travel_started_at=sandbox.clock.time())
    _release(sandbox, subject)


def check_in(sandbox: "Sandbox", subject: str, args: dict[str, Any]) -> None:  # noqa: ARG001 - one shape for all
    _job(sandbox, subject, status="on_site", checked_in_at=sandbox.clock.time())
    _release(sandbox, subject)


def complete(sandbox: "Sandbox", subject: str, args: dict[str, Any]) -> None:  # noqa: ARG001 - one shape for all
    _job(sandbox, subject, status="completed", completed_at=sandbox.clock.time())
    _release(sandbox, subject)


def job_note(sandbox: "Sandbox", subject: str, args: dict[str, Any]) -> None:
    job = sandbox.fieldservice.find(subject)
    by = job["technician"]["name"] if job["technician"] else "office"
    note = {"at": sandbox.clock.now().isoformat(timespec="seconds"), "by": by, "text": args["text"]}
    _job(sandbox, subject, notes=[*job["notes"], note])


# ------------------------------------------------------------------ tickets


def escalate_case(sandbox: "Sandbox", subject: str, args: dict[str, Any]) -> None:  # noqa: ARG001 - one shape for all
    sandbox.freshdesk.tickets.change(int(subject), is_escalated=True)


def take_case(sandbox: "Sandbox", subject: str, args: dict[str, Any]) -> None:
    tickets = sandbox.freshdesk.tickets
    if tickets.rows[int(subject)].public["responder_id"] is None:
        tickets.change(int(subject), responder_id=args["agent"])
    _release(sandbox, subject)


def solve_case(sandbox: "Sandbox", subject: str, args: dict[str, Any]) -> None:  # noqa: ARG001 - one shape for all
    tickets = sandbox.freshdesk.tickets
    agent = tickets.rows[int(subject)].public["responder_id"] or 1001
    tickets.converse(int(subject), "Solved on the phone.", user=agent, private=False, source=0)
    tickets.change(int(subject), status=4)
    _release(sandbox, subject)


def reply(sandbox: "Sandbox", subject: str, args: dict[str, Any]) -> None:
    tickets = sandbox.freshdesk.tickets
    agent = tickets.rows[int(subject)].public["responder_id"] or 1001
    tickets.converse(int(subject), args["text"], user=agent, private=False, source=0)


def mail(sandbox: "Sandbox", subject: str, args: dict[str, Any]) -> None:  # noqa: ARG001 - one shape for all
    """A customer writes; somebody has it at once."""
    now = sandbox.clock.time()
    sandbox.freshdesk.tickets.add(
        args["subject"], priority=args["priority"], responder_id=args.get("agent", 1001), due=now + 48 * HOUR,
        fr_due=now + 24 * HOUR, filled=False, source=1,
    )  # fmt: skip


# ------------------------------------------------------------------ incidents


def escalate_incident(sandbox: "Sandbox", subject: str, args: dict[str, Any]) -> None:  # noqa: ARG001 - one shape for all
    tables = sandbox.servicenow.tables
    tables.change("incident", tables.by_number(subject)["sys_id"], {"escalation": "2"}, by="greta.mill")


def take_incident(sandbox: "Sandbox", subject: str, args: dict[str, Any]) -> None:
    tables = sandbox.servicenow.tables
    row = tables.by_number(subject)
    if not row["assigned_to"]:
        taken = {"assigned_to": tables.user(args["who"]), "state": "2"}
        tables.change("incident", row["sys_id"], taken, by="ben.okafor")
    _release(sandbox, subject)


# ------------------------------------------------------------------ accounts


def payment_fails(sandbox: "Sandbox", subject: str, args: dict[str, Any]) -> None:
    sandbox.billing.attempt(subject, failed=args["reason"])


def pay(sandbox: "Sandbox", subject: str, args: dict[str, Any]) -> None:  # noqa: ARG001 - one shape for all
    """The money comes in, unless it is there already."""
    if sandbox.billing.find(subject)["status"] != "paid":
        sandbox.billing.attempt(subject)
    _release(sandbox, subject)


def suspend(sandbox: "Sandbox", subject: str, args: dict[str, Any]) -> None:
    sandbox.billing.stand(subject, "suspended", args["reason"])


def lift(sandbox: "Sandbox", subject: str, args: dict[str, Any]) -> None:
    """The suspension ends: what was owed is paid."""
    for invoice in sandbox.billing.of(sandbox.billing.find(subject)["id"], "invoices"):
        pay(sandbox, invoice["number"], args)
    sandbox.billing.stand(subject, "active")
    _release(sandbox, subject)


def close(sandbox: "Sandbox", subject: str, args: dict[str, Any]) -> None:
    sandbox.billing.stand(subject, "closed", args["reason"])


def lapse(sandbox: "Sandbox", subject: str, args: dict[str, Any]) -> None:  # noqa: ARG001 - one shape for all
    """The renewal falls through: the contract ended yesterday."""
    sandbox.billing.change(subject, status="expired", ends_on=sandbox.billing.day(-1))


def renew(sandbox: "Sandbox", subject: str, args: dict[str, Any]) -> None:  # noqa: ARG001 - one shape for all
    sandbox.billing.change(subject, status="active", ends_on=sandbox.billing.day(364))
    _release(sandbox, subject)


VERBS: dict[str, Happen] = {
    "cancel": cancel,
    "postpone": postpone,
    "no_show": no_show,
    "unassign": unassign,
    "assign": assign,
    "travel": travel,
    "check_in": check_in,
    "complete": complete,
    "job_note": job_note,
    "escalate_case": escalate_case,
    "take_case": take_case,
    "solve_case": solve_case,
    "reply": reply,
    "mail": mail,
    "escalate_incident": escalate_incident,
    "take_incident": take_incident,
    "payment_fails": payment_fails,
    "pay": pay,
    "suspend": suspend,
    "lift": lift,
    "close": close,
    "lapse": lapse,
    "renew": renew,
}
