"""Lay the day out around now."""

from typing import TYPE_CHECKING

from deskbell.sandbox.scenario.day import (
    CASES,
    CUSTOMERS,
    HOUR,
    INCIDENTS,
    MANAGERS,
    MIN,
    TIMELINE,
    VISITS,
    Case,
    Customer,
    Incident,
    Visit,
)
from deskbell.sandbox.web import Json

if TYPE_CHECKING:
    from deskbell.sandbox.server import Sandbox


def lay(sandbox: "Sandbox", now: float) -> None:
    """All four systems anew. What rings is entered in the ledger by `promise`."""
    sandbox.fieldservice.jobs.clear()
    sandbox.freshdesk.tickets.rows.clear()
    for table in ("incident", "task_sla", "sys_journal_field"):
        sandbox.servicenow.tables.rows[table].clear()
    for rows in sandbox.billing.tables.values():
        rows.clear()
    for subject in scripted():
        sandbox.hold(subject)
    for visit in VISITS:
        lay_visit(sandbox, visit, now)
    for case in CASES:
        lay_case(sandbox, case, now)
    for incident in INCIDENTS:
        lay_incident(sandbox, incident, now)
    for customer in CUSTOMERS:
        lay_customer(sandbox, customer)


def scripted() -> set[str]:
    """What the timeline or the clock has plans for; the ordinary day keeps its hands off."""
    clocked = [f"J-{visit.number}" for visit in VISITS if visit.rings]
    clocked += [str(case.number) for case in CASES if case.rings]
    clocked += [incident.number for incident in INCIDENTS if incident.rings]
    return {*clocked, *(event.subject for event in TIMELINE)}


def lay_visit(sandbox: "Sandbox", visit: Visit, now: float) -> None:
    start, end = now + visit.start, now + visit.start + visit.minutes * MIN
    site = visit.site
    sandbox.fieldservice.add(
        id=visit.number,
        start=start,
        end=end,
        technician=visit.technician,
        status=visit.status,
        summary=visit.work,
        equipment=site.machine,
        priority=visit.priority,
        customer={"name": site.customer, "phone": site.phone},
        site={
            "name": site.name,
            "address": site.address,
            "timezone": "Europe/Berlin",
            "lat": site.lat,
            "lng": site.lng,
        },
        **signals(visit.status, start, end),
    )


def signals(status: str, start: float, end: float) -> Json:
    """The moments that go with a status."""
    found: Json = {}
    if status in ("en_route", "on_site", "completed"):
        found["travel_started_at"] = start - 35 * MIN
    if status in ("on_site", "completed"):
        found["checked_in_at"] = start - 3 * MIN
    if status == "completed":
        found["completed_at"] = end - 2 * MIN
    return found


def lay_case(sandbox: "Sandbox", case: Case, now: float) -> None:
    ticket = sandbox.freshdesk.tickets.add(
        case.subject,
        id=case.number,
        requester=case.who,
        priority=case.priority,
        responder_id=case.agent,
        group_id=501,
        status=case.status,
        created=now + case.created,
        updated=now + case.updated,
        due=now + case.due,
        fr_due=now + case.created + 24 * HOUR,
        **case.fields,
    )
    if case.agent:
        ticket.stats["first_responded_at"] = ticket.public["updated_at"]
    if case.status == 4:
        ticket.stats["resolved_at"] = ticket.public["updated_at"]


def lay_incident(sandbox: "Sandbox", incident: Incident, now: float) -> None:
    sandbox.servicenow.tables.incident(
        incident.text,
        number=incident.number,
        assigned=incident.who,
        opened=now + incident.opened,
        updated=now + incident.updated,
        sla_end=None if incident.sla is None else now + incident.sla,
        priority=incident.priority,
        state=incident.state,
    )


def lay_customer(sandbox: "Sandbox", customer: Customer) -> None:
    billing, site = sandbox.billing, customer.site
    manager = MANAGERS[customer.plan]
    billing.add_account(customer.number, site.customer, plan=customer.plan, manager=manager, phone=site.phone)
    for number, total, due in customer.invoices:
        billing.add_invoice(customer.number, total, due=due, id=number)
    number, title, ends = customer.contract
    billing.add_contract(customer.number, title, ends=ends, id=number)


def promise(sandbox: "Sandbox", now: float) -> None:
    """Enter into the ledger what the clock alone will bring about."""
    for visit in VISITS:
        if visit.rings:
            sandbox.ledger.expect(f"J-{visit.number}", visit.rings[0], now + visit.rings[1])
    for case in CASES:
        if case.rings:
            sandbox.ledger.expect(str(case.number), case.rings[0], now + case.rings[1])
    for incident in INCIDENTS:
        if incident.rings:
            sandbox.ledger.expect(incident.number, incident.rings[0], now + incident.rings[1])
