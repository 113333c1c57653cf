"""The ordinary day: technicians set off, arrive and finish; agents answer; new work comes in. Without it everything
would sooner or later be late."""

import random
from typing import TYPE_CHECKING, Any

from deskbell.sandbox.clock import parse
from deskbell.sandbox.fieldservice import DONE
from deskbell.sandbox.scenario import verbs
from deskbell.sandbox.scenario.day import HOUR, MIN
from deskbell.sandbox.scenario.sites import MAILS, SITES, WORK
from deskbell.sandbox.web import Json

if TYPE_CHECKING:
    from deskbell.sandbox.server import Sandbox

SET_OFF = 45 * MIN  # before the start: early enough for the rule that watches it
ARRIVE = 2 * MIN
FINISH = 2 * MIN
AHEAD = 3  # visits planned for each technician
SLA_ROOM, SLA_SHARE, UNTOUCHED = 65 * MIN, 0.28, 3 * HOUR  # solved before a quarter of the time is left
OPEN = (2, 3, 6, 7)


def tick(sandbox: "Sandbox") -> None:
    now = sandbox.clock.time()
    for job in list(sandbox.fieldservice.jobs.values()):
        if job["number"] not in sandbox.held:
            move_on(sandbox, job, now)
    for technician in sandbox.fieldservice.technicians:
        plan_ahead(sandbox, technician, now)
    tend_tickets(sandbox, now)
    tend_incidents(sandbox, now)
    tend_accounts(sandbox)


def move_on(sandbox: "Sandbox", job: Json, now: float) -> None:
    start, end = parse(job["scheduled_start"]), parse(job["scheduled_end"])
    waiting, number = job["status"] in ("scheduled", "dispatched"), job["number"]
    if waiting and job["technician"] is None and now >= start - 3 * HOUR:
        sandbox.fieldservice.change(job["id"], technician=least_busy(sandbox))
    elif waiting and job["technician"] and now >= start - SET_OFF:
        verbs.travel(sandbox, number, {})
    elif job["status"] == "en_route" and now >= start - ARRIVE:
        verbs.check_in(sandbox, number, {})
    elif job["status"] == "on_site" and now >= end - FINISH:
        verbs.complete(sandbox, number, {})


def planned(sandbox: "Sandbox", technician: int) -> list[Json]:
    jobs = sandbox.fieldservice.jobs.values()
    return [job for job in jobs if (job["technician"] or {}).get("id") == technician and job["status"] not in DONE]


def least_busy(sandbox: "Sandbox") -> int:
    return min(sandbox.fieldservice.technicians, key=lambda technician: len(planned(sandbox, technician)))


def plan_ahead(sandbox: "Sandbox", technician: int, now: float) -> None:
    """A new visit at the end of a plan that has run short."""
    jobs = planned(sandbox, technician)
    if len(jobs) >= AHEAD:
        return
    last = max((parse(job["scheduled_end"]) for job in jobs), default=now)
    start = max(last, now + 2 * HOUR) + 50 * MIN
    if start - now < 12 * HOUR:
        book(sandbox, technician, start)


def book(sandbox: "Sandbox", technician: int | None, start: float, **more: Any) -> Json:
    number = len(sandbox.fieldservice.jobs)
    site, work = SITES[number % len(SITES)], WORK[number % len(WORK)]
    place = {"name": site.name, "address": site.address, "timezone": "Europe/Berlin", "lat": site.lat, "lng": site.lng}
    return sandbox.fieldservice.add(
        start=start,
        end=start + 75 * MIN,
        technician=technician,
        customer={"name": site.customer, "phone": site.phone},
        site=place,
        **({"equipment": site.machine, "summary": work} | more),
    )


# ------------------------------------------------------------------ the queues


def tend_tickets(sandbox: "Sandbox", now: float) -> None:
    for ticket in list(sandbox.freshdesk.tickets.rows.values()):
        number, row = str(ticket.id), ticket.public
        if number in sandbox.held or ticket.hidden or row["status"] not in OPEN:
            continue
        if row["responder_id"] is None and now - parse(row["created_at"]) > 3 * MIN:
            verbs.take_case(sandbox, number, {"agent": 1002})
        elif ticket.due[0] is not None and is_near(parse(row["created_at"]), ticket.due[0], now):
            verbs.solve_case(sandbox, number, {})
        elif now - parse(row["updated_at"]) > UNTOUCHED and row["priority"] == 4:
            verbs.reply(sandbox, number, {"text": "We are on it."})


def tend_incidents(sandbox: "Sandbox", now: float) -> None:
    tables = sandbox.servicenow.tables
    for row in list(tables.rows["incident"].values()):
        if row["number"] in sandbox.held or row["state"] not in ("1", "2", "3"):
            continue
        if not row["assigned_to"]:
            verbs.take_incident(sandbox, row["number"], {"who": "Ben Okafor"})
        elif row["sla_due"] and is_near(parse(row["opened_at"]), parse(row["sla_due"]), now):
            solve_incident(sandbox, row)
        elif now - parse(row["sys_updated_on"]) > UNTOUCHED and row["priority"] == "1":
            tables.change("incident", row["sys_id"], {"work_notes": "Still waiting for the vendor."}, by="ana.ruiz")


def tend_accounts(sandbox: "Sandbox") -> None:
    """Bookkeeping: who could not pay pays, and what has run out is renewed."""
    billing = sandbox.billing
    for rows, verb in ((billing.suspended, verbs.lift), (billing.failing, verbs.pay), (billing.expired, verbs.renew)):
        for row in rows():
            if row["number"] not in sandbox.held:
                verb(sandbox, row["number"], {})


def is_near(start: float, due: float, now: float) -> bool:
    return due - now < max(SLA_ROOM, SLA_SHARE * (due - start))


def solve_incident(sandbox: "Sandbox", row: Json) -> None:
    solved = {"state": "6", "close_code": "Solved (Permanently)", "close_notes": "Done.", "work_notes": "Solved."}
    sandbox.servicenow.tables.change("incident", row["sys_id"], solved, by="ben.okafor")
    for sla in sandbox.servicenow.tables.rows["task_sla"].values():
        if sla["task"] == row["sys_id"]:
            sla |= {"stage": "completed", "active": "false"}


def some_work(sandbox: "Sandbox", chance: random.Random) -> None:
    """A mail comes in, or somebody writes a note."""
    subject, priority = chance.choice(MAILS)
    agent = chance.choice((1001, 1002, 1003))
    open_rows = [ticket for ticket in sandbox.freshdesk.tickets.rows.values() if ticket.public["status"] in OPEN]
    if len(open_rows) > 9:
        number = str(min(open_rows, key=lambda ticket: ticket.public["created_at"]).id)
        verbs.solve_case(sandbox, number, {})
    elif chance.random() < 0.5:
        verbs.mail(sandbox, "", {"subject": subject, "priority": priority, "agent": agent})
    elif open_rows:
        verbs.reply(sandbox, str(chance.choice(open_rows).id), {"text": "Spoke to the customer, part is ordered."})
