"""What the page shows, as one JSON document, and a stream that says when to fetch it again."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiohttp import web

from deskbell.sandbox.clock import parse
from deskbell.sandbox.freshdesk.tickets import PRIORITIES, STATUSES, Ticket
from deskbell.sandbox.servicenow.tables import CHOICES
from deskbell.sandbox.staff import STAFF, Staff
from deskbell.sandbox.verdict import counts
from deskbell.sandbox.web import Json, reply

if TYPE_CHECKING:
    from deskbell.sandbox.server import Sandbox

HERE = Path(__file__).parent
FOLDERS = (HERE / "page", *sorted(HERE.glob("*/page")))  # the page's own files, and those of each chat
KINDS = {".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
# Nothing comes from elsewhere, and nothing in the data can become a script.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
BREATH = 0.3  # seconds between two hints to fetch
HEARTBEAT = 5.0
LAST_WORDS = 200


class View:
    def __init__(self, sandbox: "Sandbox") -> None:
        self.sandbox = sandbox

    # ------------------------------------------------------------------ files

    async def index(self, request: web.Request) -> web.Response:  # noqa: ARG002 - one shape for all
        return self._file("index.html")

    async def file(self, request: web.Request) -> web.Response:
        return self._file(request.match_info["name"])

    def _file(self, name: str) -> web.Response:
        path = next((folder / name for folder in FOLDERS if (folder / name).is_file()), HERE)
        if path.name != name or path.suffix not in KINDS:
            return web.Response(status=404)
        kept = "max-age=3600" if path.suffix == ".svg" else "no-store"
        headers = {"Content-Security-Policy": POLICY, "Cache-Control": kept, "X-Content-Type-Options": "nosniff"}
        return web.Response(body=path.read_bytes(), content_type=KINDS[path.suffix], charset="utf-8", headers=headers)

    # ------------------------------------------------------------------ state

    async def state(self, request: web.Request) -> web.Response:  # noqa: ARG002 - one shape for all
        sandbox = self.sandbox
        return reply(
            {
                "now": sandbox.clock.time(),
                "scenario": sandbox.scenario,
                "begun": bool(sandbox.director and sandbox.director.began),
                "technicians": list(sandbox.fieldservice.technicians.values()),
                "jobs": [job_row(job) for job in sandbox.fieldservice.jobs.values()],
                "freshdesk": [self._ticket(ticket) for ticket in sandbox.freshdesk.tickets.rows.values()],
                "servicenow": [self._incident(row) for row in sandbox.servicenow.tables.incidents],
                "billing": [self._account(row) for row in sandbox.billing.accounts.values()],
                "people": [person_row(one) for one in STAFF.values()],
                "chats": {name: chat.state() for name, chat in sandbox.chats.items()},
                "faults": [[name, kind] for name, faults in sandbox.all_faults().items() for kind in faults.names()],
                "counts": {name: counts(sandbox.ledger, name) for name in sandbox.chats},
            }
        )

    def _ticket(self, ticket: Ticket) -> Json:
        row = ticket.shown(self.sandbox.clock.time())
        agent = self.sandbox.freshdesk.tickets.agents.get(row["responder_id"] or 0)
        return {
            "number": str(ticket.id),
            "subject": row["subject"][:LAST_WORDS],
            "priority": PRIORITIES[row["priority"]],
            "status": STATUSES[row["status"]][0],
            "open": row["status"] not in (4, 5) and not ticket.hidden,
            "assignee": agent["contact"]["name"] if agent else "",
            "due": parse(row["due_by"]) if row["due_by"] else None,
            "updated": parse(row["updated_at"]),
            "flag": "escalated" if row["is_escalated"] else "",
            "note": ticket.conversations[-1]["body_text"][:LAST_WORDS] if ticket.conversations else "",
        }

    def _incident(self, row: Json) -> Json:
        tables = self.sandbox.servicenow.tables
        journal = tables.journal(row["sys_id"])
        return {
            "number": row["number"],
            "subject": row["short_description"][:LAST_WORDS],
            "priority": CHOICES["priority"].get(str(row["priority"]), "5 - Planning").partition(" - ")[2],
            "status": CHOICES["state"].get(row["state"], row["state"]),
            "open": row["state"] not in ("6", "7", "8"),
            "assignee": tables.rows["sys_user"].get(row["assigned_to"], {}).get("name", ""),
            "due": parse(row["sla_due"]) if row["sla_due"] else None,
            "updated": parse(row["sys_updated_on"]),
            "flag": "" if row["escalation"] in ("", "0") else "escalated",
            "note": journal[0]["value"][:LAST_WORDS] if journal else "",
        }

    def _account(self, row: Json) -> Json:
        """An account in the look of a ticket; the next day on which it has to pay is its due time."""
        billing = self.sandbox.billing
        invoices = [one for one in billing.of(row["id"], "invoices") if one["status"] == "open"]
        contracts = billing.of(row["id"], "contracts")
        notes = [note for one in (row, *invoices, *contracts) for note in one["notes"]]
        newest = max(notes, key=lambda note: str(note["at"]), default={"text": ""})
        return {
            "number": row["number"],
            "subject": row["name"],
            "priority": row["plan"],
            "status": row["status"].capitalize(),
            "open": row["status"] != "closed",
            "assignee": row["manager"],
            "due": min((parse(one["due_on"]) for one in invoices), default=None),
            "updated": parse(row["updated_at"]),
            "flag": "not paid" if any(one in invoices for one in billing.failing()) else lapsed(contracts),
            "note": str(newest["text"])[:LAST_WORDS],
        }

    # ------------------------------------------------------------------ stream

    async def events(self, request: web.Request) -> web.StreamResponse:
        """Server-sent events: one hint whenever something changed, and a heartbeat."""
        stream = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
        await stream.prepare(request)
        pulse = self.sandbox.pulse
        while request.transport is not None and not request.transport.is_closing():
            told = pulse.beats
            try:
                await stream.write(f"data: {told}\n\n".encode())
            except ConnectionError:
                break
            await asyncio.sleep(BREATH)
            await pulse.until(lambda: pulse.beats != told, HEARTBEAT)  # noqa: B023 - waited for before it changes
        return stream

    def add_routes(self, router: web.UrlDispatcher) -> None:
        router.add_get("/", self.index)
        router.add_get("/page/{name}", self.file)
        router.add_get("/_sandbox/state", self.state)
        router.add_get("/_sandbox/events", self.events)


def job_row(job: Json) -> Json:
    kept = ("number", "status", "summary", "equipment", "priority", "cancel_reason", "notes")
    moments = ("scheduled_start", "scheduled_end", "checked_in_at", "travel_started_at", "completed_at", "cancelled_at")
    row = {name: clipped(job[name]) for name in kept} | {name: seconds(job[name]) for name in moments}
    row["technician"] = job["technician"]["id"] if job["technician"] else None
    return row | {"customer": job["customer"]["name"], "address": job["site"]["address"], "site": job["site"]["name"]}


def lapsed(contracts: list[Json]) -> str:
    return "no contract" if any(one["status"] == "expired" for one in contracts) else ""


def clipped(value: Any) -> Any:
    """A megabyte of text would only slow the page down."""
    return value[:LAST_WORDS] if isinstance(value, str) else value


def seconds(text: str | None) -> float | None:
    return parse(text) if text else None


def person_row(person: Staff) -> Json:
    return {"id": person.id, "name": person.name, "title": person.title, "ours": person.ours}
