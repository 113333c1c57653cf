"""A small billing system: customers' accounts, their invoices with every attempt to pay, and their contracts."""

from collections import Counter
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from aiohttp import web

from deskbell.sandbox import credentials
from deskbell.sandbox.clock import Clock, Pulse, stamp
from deskbell.sandbox.json_api import JsonApi, listed, refusal
from deskbell.sandbox.ledger import Ledger
from deskbell.sandbox.web import Json, read_json, reply

ZONE = "Europe/Berlin"  # of the firm and its customers: days begin and end there
TABLES = ("accounts", "invoices", "contracts")


class Billing(JsonApi):
    name = "billing"
    prefix = "/billing/api"
    token = credentials.BILLING_TOKEN

    def __init__(self, clock: Clock, ledger: Ledger, pulse: Pulse) -> None:
        super().__init__(clock, ledger, pulse)
        self.tables: dict[str, dict[int, Json]] = {name: {} for name in TABLES}
        self._reads: Counter[str] = Counter()
        self._last = 9000

    @property
    def accounts(self) -> dict[int, Json]:
        return self.tables["accounts"]

    @property
    def invoices(self) -> dict[int, Json]:
        return self.tables["invoices"]

    @property
    def contracts(self) -> dict[int, Json]:
        return self.tables["contracts"]

    # ------------------------------------------------------------------ what happens

    def add_account(self, id: int, name: str, *, plan: str = "Basic", manager: str = "", **more: Any) -> Json:
        return self._put("accounts", f"A-{id}", id, {
            "name": name,
            "status": "active",
            "status_reason": None,
            "status_since": None,
            "plan": plan,
            "manager": manager,
            "balance": "0.00",
            "created_at": stamp(self.clock.time() - 400 * 86_400),
            **more,
        })  # fmt: skip

    def add_invoice(self, account: int, total: str, *, due: int = 14, id: int | None = None, **more: Any) -> Json:
        """`due`: days from today."""
        self._last += id is None
        number = id or self._last
        row = self._put("invoices", f"INV-{number}", number, {
            "account": self._owner(account),
            "status": "open",
            "total": total,
            "open": total,
            "issued_at": stamp(self.clock.time() + (due - 14) * 86_400),
            "due_on": self.day(due),
            "attempts": [],
            **more,
        })  # fmt: skip
        self._balance(account)
        return row

    def add_contract(self, account: int, title: str, *, ends: int, id: int, **more: Any) -> Json:
        """`ends`: days from today."""
        return self._put("contracts", f"C-{id}", id, {
            "account": self._owner(account),
            "title": title,
            "status": "active",
            "starts_on": self.day(ends - 365),
            "ends_on": self.day(ends),
            "renews_itself": False,
            **more,
        })  # fmt: skip

    def change(self, number: str, **fields: Any) -> Json:
        """A change by whoever: moves updated_at. KeyError when there is no such number."""
        row = self.find(number)
        row |= fields | {"updated_at": stamp(self.clock.time())}
        self.pulse.beat()
        return row

    def attempt(self, number: str, *, failed: str = "") -> Json:
        """An attempt to pay all that is open of an invoice: `failed` says why it did not work."""
        row, at = self.find(number), stamp(self.clock.time())
        tried = {"id": f"{number}-{len(row['attempts']) + 1}", "at": at, "amount": row["open"]}
        outcome = {"outcome": "failed", "message": failed} if failed else {"outcome": "paid", "message": None}
        paid = {} if failed else {"status": "paid", "open": "0.00"}
        self.change(number, attempts=[*row["attempts"], tried | outcome], **paid)
        self._balance(row["account"]["id"])
        return row

    def stand(self, number: str, status: str, reason: str | None = None) -> Json:
        """An account is suspended, closed, or active again."""
        return self.change(number, status=status, status_reason=reason, status_since=stamp(self.clock.time()))

    def find(self, number: str) -> Json:
        """By number (A-1001, INV-3001, C-701); KeyError without."""
        for table in self.tables.values():
            for row in table.values():
                if row["number"] == number:
                    return row
        raise KeyError(number)

    def of(self, account: int, table: str) -> list[Json]:
        """What belongs to an account."""
        return [row for row in self.tables[table].values() if row["account"]["id"] == account]

    def suspended(self) -> list[Json]:
        return [row for row in self.accounts.values() if row["status"] == "suspended"]

    def failing(self) -> list[Json]:
        """Invoices of which the newest attempt failed."""
        return [row for row in self.invoices.values() if row["attempts"] and row["attempts"][-1]["outcome"] == "failed"]

    def expired(self) -> list[Json]:
        return [row for row in self.contracts.values() if row["status"] == "expired"]

    def day(self, ahead: int) -> str:
        return (datetime.fromtimestamp(self.clock.time(), ZoneInfo(ZONE)).date() + timedelta(ahead)).isoformat()

    def _put(self, table: str, number: str, id: int, fields: Json) -> Json:
        common = {"id": id, "number": number, "currency": "EUR", "timezone": ZONE, "notes": []}
        row = self.tables[table][id] = common | fields | {"updated_at": stamp(self.clock.time())}
        self.pulse.beat()
        return row

    def _owner(self, account: int) -> Json:
        return {"id": account, "name": self.accounts[account]["name"]}

    def _balance(self, account: int) -> None:
        owed = sum((Decimal(row["open"]) for row in self.of(account, "invoices")), Decimal())
        self.change(self.accounts[account]["number"], balance=f"{owed:.2f}")

    # ------------------------------------------------------------------ HTTP

    async def list_rows(self, request: web.Request) -> web.Response:
        table = request.match_info["table"]
        answer = listed(self.tables[table].values(), request.query)
        self._reads[table] += answer.status == 200
        self.sweeps = min(self._reads[name] for name in TABLES)
        return answer

    async def view_row(self, request: web.Request) -> web.Response:
        row = self._row(request)
        return refusal(404, "not_found", "No such row") if row is None else reply({"data": row})

    async def patch_row(self, request: web.Request) -> web.Response:
        """People elsewhere may leave a note; money is nobody's to change from outside."""
        row = self._row(request)
        if row is None:
            return refusal(404, "not_found", "No such row")
        try:
            body = await read_json(request)
        except ValueError:
            return refusal(400, "bad_request", "The body is not JSON")
        note = body.get("note") if isinstance(body, dict) else None
        if not isinstance(note, str) or not note.strip() or len(body) > 1:
            return refusal(422, "invalid", "Invalid fields", {"note": "a text, and nothing beside it"})
        said = {"at": stamp(self.clock.time()), "by": "api", "text": note}
        return reply({"data": self.change(row["number"], notes=[*row["notes"], said])})

    def _row(self, request: web.Request) -> Json | None:
        number = request.match_info["id"]
        return self.tables[request.match_info["table"]].get(int(number)) if number.isdecimal() else None

    def add_routes(self, router: web.UrlDispatcher) -> None:
        table = f"{self.prefix}/{{table:{'|'.join(TABLES)}}}"
        router.add_route("GET", table, self.route(self.list_rows))
        router.add_route("GET", table + "/{id}", self.route(self.view_row))
        router.add_route("PATCH", table + "/{id}", self.route(self.patch_row))
