"""A scheduling system as many firms have one: jobs with technicians, windows and check-ins behind a JSON API."""

from typing import Any

from aiohttp import web

from deskbell.sandbox import credentials
from deskbell.sandbox.clock import Clock, Pulse, stamp
from deskbell.sandbox.json_api import JsonApi, listed, refusal
from deskbell.sandbox.ledger import Ledger
from deskbell.sandbox.web import Json, read_json, reply

STATUSES = ("scheduled", "dispatched", "en_route", "on_site", "completed", "cancelled", "no_show", "on_hold")
DONE = frozenset({"completed", "cancelled", "no_show"})
MOMENTS = ("scheduled_start", "scheduled_end", "window_start", "window_end", "checked_in_at", "travel_started_at",
           "completed_at", "cancelled_at")  # fmt: skip
TECHNICIANS = (
    (1, "Marco Bianchi", "marco@example.org", "+49 30 5550 101"),
    (2, "Lena Hoffmann", "lena@example.org", "+49 30 5550 102"),
    (3, "Tomás Novotný", "tomas@example.org", "+49 30 5550 103"),
    (4, "Priya Nair", "priya@example.org", "+49 30 5550 104"),
    (5, "Jonas Berg", "jonas@example.org", "+49 30 5550 105"),
    (6, "Aisha Rahman", "aisha@example.org", "+49 30 5550 106"),
    (7, "Victor Duarte", "victor@example.org", "+49 30 5550 107"),
)
WRITABLE = {"technician_id": (int, type(None)), "note": (str,), "status": (str,)}


class FieldService(JsonApi):
    name = "fieldservice"
    prefix = "/fieldservice/api"
    token = credentials.FIELDSERVICE_TOKEN

    def __init__(self, clock: Clock, ledger: Ledger, pulse: Pulse) -> None:
        super().__init__(clock, ledger, pulse)
        self.jobs: dict[int, Json] = {}
        self.technicians = {
            number: {"id": number, "name": name, "email": email, "phone": phone}
            for number, name, email, phone in TECHNICIANS
        }
        self._last = 4800

    # ------------------------------------------------------------------ what happens to jobs

    def add(
        self, *, start: float, end: float, technician: int | None = None, id: int | None = None, **more: Any
    ) -> Json:
        """Lay a job down; moments among `more` are seconds since the epoch."""
        self._last += id is None
        number = id or self._last
        job = blank(number) | {
            "technician": self.technicians.get(technician or 0),
            "scheduled_start": stamp(start),
            "scheduled_end": stamp(end),
            "window_start": stamp(start),
            "window_end": stamp(start + 3600),
            "created_at": stamp(self.clock.time()),
            "updated_at": stamp(self.clock.time()),
        }
        self.jobs[number] = job | readable(more)
        self.pulse.beat()
        return self.jobs[number]

    def change(self, id: int, **fields: Any) -> Json:
        """A change by whoever: moves updated_at. Moments may be seconds, a technician an id."""
        job = self.jobs[id]
        if "technician" in fields and not isinstance(fields["technician"], dict):
            fields["technician"] = self.technicians.get(fields["technician"] or 0)
        job |= readable(fields) | {"updated_at": stamp(self.clock.time())}
        self.pulse.beat()
        return job

    def find(self, number: str) -> Json:
        """By number (J-4711); KeyError without."""
        for job in self.jobs.values():
            if job["number"] == number:
                return job
        raise KeyError(number)

    # ------------------------------------------------------------------ HTTP

    async def list_jobs(self, request: web.Request) -> web.Response:
        answer = listed(self.jobs.values(), request.query)
        self.sweeps += answer.status == 200
        return answer

    async def view_job(self, request: web.Request) -> web.Response:
        job = self._find(request)
        return refusal(404, "not_found", "No such job") if job is None else reply({"data": job})

    def _find(self, request: web.Request) -> Json | None:
        number = request.match_info["id"]
        return self.jobs.get(int(number)) if number.isdigit() else None

    async def patch_job(self, request: web.Request) -> web.Response:
        job = self._find(request)
        if job is None:
            return refusal(404, "not_found", "No such job")
        try:
            body = await read_json(request)
        except ValueError:
            return refusal(400, "bad_request", "The body is not JSON")
        if wrong := self._check_patch(body):
            return refusal(422, "invalid", "Invalid fields", wrong)
        self._apply(job, body)
        return reply({"data": job})

    def _check_patch(self, body: Any) -> dict[str, str]:
        if not isinstance(body, dict) or not body:
            return {"": "an object with at least one field is needed"}
        wrong = {name: "unknown field" for name in body if name not in WRITABLE}
        wrong |= {
            name: "wrong type" for name, kinds in WRITABLE.items() if name in body and not typed(body[name], kinds)
        }
        if not wrong and body.get("technician_id") not in (None, *self.technicians):
            wrong["technician_id"] = "no such technician"
        if not wrong and body.get("status", STATUSES[0]) not in STATUSES:
            wrong["status"] = f"one of {', '.join(STATUSES)}"
        return wrong

    def _apply(self, job: Json, body: Json) -> None:
        changed: Json = {}
        if "technician_id" in body:
            changed["technician"] = body["technician_id"]
        if "status" in body:
            changed["status"] = body["status"]
        if body.get("note"):
            note = {"at": stamp(self.clock.time()), "by": "api", "text": body["note"]}
            changed["notes"] = [*job["notes"], note]
        self.change(job["id"], **changed)

    async def list_technicians(self, request: web.Request) -> web.Response:  # noqa: ARG002 - one shape for all
        rows = list(self.technicians.values())
        return reply({"data": rows, "meta": {"page": 1, "per_page": 100, "pages": 1, "total": len(rows)}})

    def add_routes(self, router: web.UrlDispatcher) -> None:
        for method, path, work in (
            ("GET", "/jobs", self.list_jobs),
            ("GET", "/jobs/{id}", self.view_job),
            ("PATCH", "/jobs/{id}", self.patch_job),
            ("GET", "/technicians", self.list_technicians),
        ):
            router.add_route(method, self.prefix + path, self.route(work))


def typed(value: Any, kinds: tuple[type, ...]) -> bool:
    return isinstance(value, kinds) and not isinstance(value, bool)


def readable(fields: Json) -> Json:
    """Moments given as seconds become stamps."""
    return {
        name: stamp(value) if name in MOMENTS and isinstance(value, int | float) else value
        for name, value in fields.items()
    }


def blank(id: int) -> Json:
    return {
        "id": id,
        "number": f"J-{id}",
        "customer": {"name": "", "phone": ""},
        "site": {"name": "", "address": "", "timezone": "Europe/Berlin", "lat": None, "lng": None},
        "equipment": "",
        "summary": "",
        "priority": "normal",
        "technician": None,
        "status": "scheduled",
        "checked_in_at": None,
        "travel_started_at": None,
        "completed_at": None,
        "cancelled_at": None,
        "cancelled_by": None,
        "cancel_reason": None,
        "notes": [],
    }
