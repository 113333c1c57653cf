"""A few records in every stand-in of a source, so that each has something to show."""

from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deskbell.sandbox.clock import Clock
from deskbell.sandbox.database import Database
from deskbell.sandbox.salesforce.org import ANA, written
from deskbell.sandbox.servicenow.tables import stored

if TYPE_CHECKING:
    from deskbell.sandbox.server import Sandbox

HOUR, DAY = 3600.0, 86400.0
MARCO = "marco@example.org"
SUBJECTS = ("Compressor K-12 blows off", "Dryer at Northgate Dairy warns: dew point", "Invoice for July is wrong")


def lay(sandbox: "Sandbox") -> None:
    """Lays them down, as of the sandbox's clock."""
    now = float(int(sandbox.clock.time()))
    for name, work in SAMPLES.items():
        work((sandbox.sources | sandbox.others)[name], now)


def freshdesk(stand: Any, now: float) -> None:
    for n, subject in enumerate(SUBJECTS):
        stand.tickets.add(subject, id=20_101 + n, created=now - (3 - n) * HOUR, responder_id=1001, group_id=501)
    stand.tickets.converse(20_101, "<div>The spare part is on its way</div>", user=1001, private=True, source=2)


def servicenow(stand: Any, now: float) -> None:
    opened = [now - (3 - n) * HOUR for n in range(len(SUBJECTS))]
    *_, newest = [
        stand.tables.incident(subject, number=f"INC001010{n}", opened=opened[n], sla_end=now + (1 + n) * HOUR)
        for n, subject in enumerate(SUBJECTS)
    ]
    for n, subject in enumerate(SUBJECTS):
        stand.tables.task("sn_customerservice_case", subject, opened=opened[n])
        stand.tables.task("wm_task", subject, opened=opened[n], window_start=stored(now + n * HOUR))
    stand.tables.change("incident", newest["sys_id"], {"work_notes": "The spare part is on its way"}, by="ana.ruiz")


def fieldservice(stand: Any, now: float) -> None:
    for n, summary in enumerate(SUBJECTS):
        start = now + (1 + n) * HOUR
        site = {
            "name": "Harbour",
            "address": "Hafenstr. 1, Kiel",
            "timezone": "Europe/Berlin",
            "lat": None,
            "lng": None,
        }
        customer = {"name": "Erika Sample", "phone": "+49 30 5550 201"}
        more = {"summary": summary, "customer": customer, "site": site}
        stand.add(start=start, end=start + HOUR, technician=1 + n, id=4711 + n, **more)


def zendesk(stand: Any, now: float) -> None:
    for n, subject in enumerate(SUBJECTS):
        created = now - (3 - n) * HOUR
        stand.add(subject, id=41_101 + n, created=created, assignee_id=9001, group_id=801, requester_id=9500)


def salesforce(stand: Any, now: float) -> None:
    org = stand.org
    account = org.add("Account", at=now - DAY, Name="Northgate Dairy", Account_Status__c="Customer")["Id"]
    for n, subject in enumerate(SUBJECTS):
        at = now - (3 - n) * HOUR
        org.add("Case", at=at, Subject=subject, Status="Working", Priority="High", AccountId=account)
    north = org.add("ServiceTerritory", Name="North")["Id"]
    marco = org.add("ServiceResource", Name="Marco Bianchi", RelatedRecordId=ANA)["Id"]
    for n in range(2):
        start = now + (1 + n) * HOUR
        visit = org.add(
            "ServiceAppointment", at=now - HOUR, Subject=SUBJECTS[n], Status="Scheduled", SchedStartTime=written(start),
            SchedEndTime=written(start + HOUR), AccountId=account, ServiceTerritoryId=north, Street="Milk Lane 3",
            City="Kiel",
        )  # fmt: skip
        org.add("AssignedResource", at=now - HOUR, ServiceAppointmentId=visit["Id"], ServiceResourceId=marco)


def hubspot(stand: Any, now: float) -> None:
    for n, subject in enumerate(SUBJECTS):
        ticket = {"subject": subject, "hs_pipeline": "0", "hs_pipeline_stage": "3", "hs_ticket_priority": "HIGH"}
        stand.add("tickets", at=now - (3 - n) * HOUR, hubspot_owner_id="71", **ticket)
    stand.add("companies", at=now - DAY, name="Northgate Dairy", account_status="Customer", support_status="Waiting")


def zoho_crm(stand: Any, now: float) -> None:
    for n, subject in enumerate(SUBJECTS):
        stand.add("Cases", at=now - (3 - n) * HOUR, Subject=subject, Status="New", Priority="High")
    stand.add(
        "Invoices", at=now - DAY, Invoice_Number="R-100", Status="Created", Grand_Total=100, Due_Date="2026-12-01"
    )


def intercom(stand: Any, now: float) -> None:
    for n, subject in enumerate(SUBJECTS):
        stand.converse(subject, at=now - (3 - n) * HOUR)
        stand.open_ticket(subject, at=now - (3 - n) * HOUR)


def pipedrive(stand: Any, now: float) -> None:
    for n, name in enumerate(("Northgate Dairy", "Harbour Foods")):
        own = {"Account Status": "Customer", "Support Status": "Waiting"}
        stand.add("organizations", at=now - (3 - n) * HOUR, name=name, own=own)
        stand.add("deals", at=now - (3 - n) * HOUR, title=f"Compressor, {name}", status="open", stage_id=1 + n)


def servicetitan(stand: Any, now: float) -> None:
    for n in range(3):
        start = now + (1 + n) * HOUR
        stand.add(start=start, end=start + HOUR, technician=31 + n, modified=now - HOUR)


def dynamics(stand: Any, now: float) -> None:
    for n in range(2):
        start = now + (1 + n) * HOUR
        stand.add(start=start, end=start + HOUR, resource=n, modified=now - HOUR)


def jobber(stand: Any, now: float) -> None:
    for n in range(2):
        start = now + (1 + n) * HOUR
        stand.add(start=start, end=start + HOUR, user=1 + n)


def calendar(stand: Any, now: float) -> None:
    for n in range(2):
        start = now + (1 + n) * HOUR
        stand.add(MARCO, start=start, end=start + HOUR)


def bamboohr(stand: Any, now: float) -> None:
    today = datetime.fromtimestamp(now, UTC).date()
    for n, status in enumerate(("approved", "requested")):
        first = today + timedelta(days=1 + n)
        stand.add(31 + n, start=first.isoformat(), end=(first + timedelta(days=2)).isoformat(), status=status)


def feeds(stand: Any, now: float) -> None:
    for n, summary in enumerate(("J-4711 Compressor blows off", "J-4712 Dryer, Northgate Dairy")):
        start = now + (1 + n) * HOUR
        stand.put("marco", f"m{n}@example.org", DTSTART=start, DTEND=start + HOUR, SUMMARY=summary, LOCATION="Kiel")


def rental(path: Path, clock: Clock) -> None:
    """A database of its own, for it is no server: a source reads the file."""
    with closing(Database(path, clock)) as database:
        for n, tenant in enumerate(("Northgate Dairy", "Harbour Foods")):
            database.put(
                "bills", changed=clock.time() - DAY, due=clock.time() + DAY, bill_no=f"R-{100 + n}", phase="written",
                tenant=tenant, total=100 + n, open=100 + n,
            )  # fmt: skip


SAMPLES: Mapping[str, Callable[[Any, float], None]] = {
    "freshdesk": freshdesk, "servicenow": servicenow, "fieldservice": fieldservice, "zendesk": zendesk,
    "salesforce": salesforce, "hubspot": hubspot, "zoho_crm": zoho_crm, "intercom": intercom, "pipedrive": pipedrive,
    "servicetitan": servicetitan, "dynamics": dynamics, "jobber": jobber, "google_calendar": calendar,
    "graph_calendar": calendar, "bamboohr": bamboohr, "feeds": feeds,
}  # fmt: skip
