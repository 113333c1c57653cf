"""The tables: incidents, people, groups, SLAs, choices, journals. Every value is a string, as in the Table API."""

import hashlib
from datetime import UTC, datetime
from typing import Any

from deskbell.sandbox import credentials
from deskbell.sandbox.clock import Clock
from deskbell.sandbox.web import Json

LONG_AGO = 1_700_000_000.0
STAMP = "%Y-%m-%d %H:%M:%S"
SYSTEM = ("sys_id", "sys_created_on", "sys_created_by", "sys_updated_on", "sys_updated_by", "sys_mod_count")
TASK = (
    "number", "short_description", "description", "state", "priority", "impact", "urgency", "active", "assigned_to",
    "assignment_group", "opened_at", "opened_by", "closed_at", "due_date", "sla_due", "expected_start", "work_start",
    "work_end", "activity_due", "follow_up", "escalation", "reassignment_count", "made_sla", "correlation_id",
    "correlation_display", "work_notes", "comments", "company", "location", "cmdb_ci", "parent", "contact_type",
    "sys_class_name",
)  # fmt: skip
TASKS = ("incident", "sn_customerservice_case", "sc_task", "wm_task")
COLUMNS: dict[str, tuple[str, ...]] = {
    "task": (*SYSTEM, *TASK),
    "incident": (
        *SYSTEM, *TASK, "caller_id", "category", "subcategory", "close_code", "close_notes", "hold_reason",
        "resolved_at", "resolved_by", "reopen_count", "incident_state",
    ),
    "sn_customerservice_case": (
        *SYSTEM, *TASK, "account", "contact", "consumer", "category", "resolution_code", "close_notes", "resolved_at",
    ),
    "sc_task": (*SYSTEM, *TASK, "request", "request_item", "close_notes"),
    "wm_task": (
        *SYSTEM, *TASK, "estimated_end", "window_start", "window_end", "travel_start", "sub_state", "close_notes",
        "dispatch_group",
    ),
    "sc_request": (*SYSTEM, "number", "requested_for"),
    "sys_user": (
        *SYSTEM, "user_name", "name", "first_name", "last_name", "email", "active", "time_zone", "phone", "title",
        "sys_class_name",
    ),
    "sys_user_group": (*SYSTEM, "name", "description", "active", "email", "manager"),
    "sys_user_grmember": (*SYSTEM, "user", "group"),
    "core_company": (*SYSTEM, "name"),
    "cmn_location": (*SYSTEM, "name", "street", "city", "latitude", "longitude", "time_zone"),
    "task_sla": (
        *SYSTEM, "task", "sla", "stage", "active", "start_time", "end_time", "planned_end_time", "has_breached",
        "percentage", "business_percentage", "time_left", "business_time_left", "pause_duration",
        "original_breach_time",
    ),
    "sys_choice": (*SYSTEM, "name", "element", "value", "label", "language", "inactive", "sequence"),
    "sys_journal_field": (*SYSTEM, "element_id", "element", "name", "value"),
    "sys_attachment": (*SYSTEM, "table_name", "table_sys_id", "file_name", "content_type", "size_bytes"),
    "sys_audit_delete": (*SYSTEM, "tablename", "documentkey", "display_value"),
}  # fmt: skip
REFERENCES = {
    "assigned_to": "sys_user", "opened_by": "sys_user", "caller_id": "sys_user", "resolved_by": "sys_user",
    "assignment_group": "sys_user_group", "manager": "sys_user", "user": "sys_user", "group": "sys_user_group",
    "task": "task", "contact": "sys_user", "consumer": "sys_user", "account": "core_company",
    "company": "core_company", "location": "cmn_location", "request": "sc_request", "requested_for": "sys_user",
}  # fmt: skip
JOURNALS = ("work_notes", "comments")
DISPLAY = {"sys_user": "name", "sys_user_group": "name", "core_company": "name", "cmn_location": "name",
           "sc_request": "number", **dict.fromkeys(("task", *TASKS), "number")}  # fmt: skip
# Of `task`, which every table of tasks inherits; those of a table itself go before them.
TASK_CHOICES: dict[str, dict[str, str]] = {
    "state": {"-5": "Pending", "1": "Open", "2": "Work in Progress", "3": "Closed Complete", "4": "Closed Incomplete",
              "7": "Closed Skipped"},
    "priority": {"1": "1 - Critical", "2": "2 - High", "3": "3 - Moderate", "4": "4 - Low", "5": "5 - Planning"},
    "impact": {"1": "1 - High", "2": "2 - Medium", "3": "3 - Low"},
    "urgency": {"1": "1 - High", "2": "2 - Medium", "3": "3 - Low"},
    "escalation": {"0": "Normal", "1": "Moderate", "2": "High", "3": "Overdue"},
}  # fmt: skip
INCIDENT_CHOICES: dict[str, dict[str, str]] = {
    "state": {"1": "New", "2": "In Progress", "3": "On Hold", "6": "Resolved", "7": "Closed", "8": "Canceled"},
    "hold_reason": {"1": "Awaiting Caller", "3": "Awaiting Problem", "4": "Awaiting Vendor", "5": "Awaiting Change"},
    "close_code": {"Solved (Permanently)": "Solved (Permanently)", "Solved (Work Around)": "Solved (Work Around)"},
}
CHOICES = TASK_CHOICES | INCIDENT_CHOICES  # of an incident
OWN_CHOICES: dict[str, dict[str, dict[str, str]]] = {
    "task": TASK_CHOICES,
    "incident": INCIDENT_CHOICES,
    "sn_customerservice_case": {
        "state": {"1": "New", "10": "Open", "18": "Awaiting Info", "6": "Resolved", "3": "Closed", "7": "Cancelled"},
    },
    "wm_task": {
        "state": {"1": "Draft", "10": "Pending Dispatch", "16": "Assigned", "17": "Accepted", "18": "Work In Progress",
                  "3": "Closed Complete", "4": "Closed Incomplete", "7": "Cancelled"},
    },
}  # fmt: skip
PEOPLE = (
    ("deskbell", "Deskbell Integration", "deskbell@example.org"),
    ("ana.ruiz", "Ana Ruiz", "ana@example.org"),
    ("ben.okafor", "Ben Okafor", "ben@example.org"),
    ("carla.weiss", "Carla Weiss", "carla@example.org"),
    ("lena.hoffmann", "Lena Hoffmann", "lena@example.org"),
    ("marco.bianchi", "Marco Bianchi", "marco@example.org"),
    ("priya.nair", "Priya Nair", "priya@example.org"),
    ("greta.mill", "Greta Mill", "greta@example.com"),
)
CUSTOMER = "greta.mill"
CONTACT = ("olaf.berg", "Olaf Berg", "olaf@example.com")  # of a customer: an account of another class
CONTACT_CLASS = "customer_contact"
GROUPS = ("Compressor Support", "Network", "Field Engineering")
MANDATORY_TO_CLOSE = {
    "incident": (("6", "7"), ("close_code", "close_notes")),
    "sn_customerservice_case": (("6", "3"), ("resolution_code", "close_notes")),
}
ENDED = {"incident": ("7", "8"), "sn_customerservice_case": ("3", "7")}  # states in which a task is active no more
NUMBERED = {"incident": "INC", "sn_customerservice_case": "CS", "sc_task": "SCTASK", "wm_task": "WOT"}


class Aborted(Exception):
    """A data policy refused the write."""


def sys_id(*parts: object) -> str:
    """32 hex digits, the same every day."""
    return hashlib.md5("/".join(map(str, parts)).encode(), usedforsecurity=False).hexdigest()


def stored(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime(STAMP)


class Tables:
    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.lag = 0.0  # so many seconds until lists show what happens from now on
        self.rows: dict[str, dict[str, Json]] = {name: {} for name in COLUMNS}
        self._last = {**dict.fromkeys(TASKS, 10_000), "journal": 0}
        self._late: dict[tuple[str, str], tuple[float, Json | None]] = {}  # visible from, what lists show until then
        self._seed()

    def _seed(self) -> None:
        for user_name, name, email in (*PEOPLE, CONTACT):
            first, _, last = name.partition(" ")
            self.insert("sys_user", {"user_name": user_name, "name": name, "first_name": first, "last_name": last,
                                     "email": email, "active": "true", "time_zone": "GMT",
                                     "sys_class_name": CONTACT_CLASS if user_name == CONTACT[0] else "sys_user"},
                        by="system", id=sys_id("user", user_name))  # fmt: skip
        for name in GROUPS:
            self.insert("sys_user_group", {"name": name, "active": "true"}, by="system", id=sys_id("group", name))
        for table, elements in OWN_CHOICES.items():
            for element, values in elements.items():
                for code, label in values.items():
                    self.choice(table, element, code, label)

    def choice(self, table: str, element: str, value: str, label: str, language: str = "en") -> Json:
        """A word for a value. An admin may add some, or change what is there."""
        row = {"name": table, "element": element, "value": value, "label": label, "language": language,
               "inactive": "false"}  # fmt: skip
        return self.insert(
            "sys_choice", row, by="system", id=sys_id("choice", table, element, value, language), at=LONG_AGO
        )

    def label(self, table: str, element: str, value: str) -> str:
        """What a form shows: the table's own word, else the one that it inherits."""
        for name in (table, "task"):
            row = self.rows["sys_choice"].get(sys_id("choice", name, element, value, "en"))
            if row is not None:
                return str(row["label"])
        return value

    # ------------------------------------------------------------------ rows

    def all(self, table: str) -> list[Json]:
        """The rows of a table; `task` has those of every table of tasks."""
        return [row for name in (TASKS if table == "task" else (table,)) for row in self.rows[name].values()]

    def find(self, table: str, id: str) -> Json | None:
        names = TASKS if table == "task" else (table,)
        return next((self.rows[name][id] for name in names if id in self.rows[name]), None)

    def listed(self, table: str) -> list[Json]:
        """The rows as lists show them, late where they lag behind."""
        now = self.clock.time()
        self._late = {key: late for key, late in self._late.items() if late[0] > now}
        rows = ((row, self._late.get((table, row["sys_id"]))) for row in self.all(table))
        return [shown for row, late in rows if (shown := row if late is None else late[1]) is not None]

    def _lags(self, table: str, id: str) -> None:
        if self.lag:
            now, before = self.clock.time(), self.rows[table].get(id)
            shown_until, shown = self._late.get((table, id), (0.0, None))
            old = shown if shown_until > now else None if before is None else dict(before)
            self._late[table, id] = (now + self.lag, old)

    def insert(self, table: str, values: Json, *, by: str, id: str = "", at: float | None = None) -> Json:
        now = stored(self.clock.time() if at is None else at)
        key = id or sys_id(table, len(self.rows[table]), self.clock.time())
        self._lags(table, key)
        row = dict.fromkeys(COLUMNS[table], "")
        row |= {name: str(value) for name, value in values.items() if name in row and name not in JOURNALS}
        row |= {"sys_id": key, "sys_created_on": now, "sys_created_by": by, "sys_updated_on": now, "sys_updated_by": by,
                "sys_mod_count": "0"}  # fmt: skip
        self.rows[table][key] = row
        self._journal(table, row, values, by)
        return row

    def change(self, table: str, id: str, values: Json, *, by: str) -> Json:
        """Unknown fields are ignored. Nothing changed, no new modification count; a journal entry is a change."""
        row = self.rows[table][id]
        new = {name: str(value) for name, value in values.items() if name in row and name not in (*SYSTEM, *JOURNALS)}
        if table in TASKS:
            new = self._task_rules(table, row, new)
        self._lags(table, id)
        written = self._journal(table, row, values, by)
        if written or any(row[name] != value for name, value in new.items()):
            row |= new
            row |= {"sys_updated_on": stored(self.clock.time()), "sys_updated_by": by}
            row["sys_mod_count"] = str(int(row["sys_mod_count"]) + 1)
        return row

    def _task_rules(self, table: str, row: Json, new: Json) -> Json:
        """What comes with a state, and the data policy of resolving."""
        state = new.get("state", row["state"])
        merged = row | new
        states, columns = MANDATORY_TO_CLOSE.get(table, ((), ()))
        if state in states and (missing := [name for name in columns if not merged[name]]):
            labels = ", ".join(name.replace("_", " ").capitalize() for name in missing)
            raise Aborted(f"Data Policy Exception: The following fields are mandatory: {labels}")
        if new.get("assigned_to", row["assigned_to"]) != row["assigned_to"] and row["assigned_to"]:
            new["reassignment_count"] = str(int(row["reassignment_count"] or 0) + 1)
        if state != row["state"]:
            now = stored(self.clock.time())
            ended = state in ENDED.get(table, ("3", "4", "7"))
            new |= {"active": "false" if ended else "true", "closed_at": now if ended else ""}
            new |= {"resolved_at": now if state == "6" else ""} if "resolved_at" in row else {}
            new |= {"incident_state": state} if table == "incident" else {}
        return new

    def _journal(self, table: str, row: Json, values: Json, by: str) -> bool:
        texts = {name: str(values[name]) for name in JOURNALS if values.get(name)}
        for element, text in texts.items():
            self._last["journal"] += 1
            entry = {"element_id": row["sys_id"], "element": element, "name": table, "value": text}
            self.insert("sys_journal_field", entry, by=by, id=sys_id("journal", self._last["journal"]))
        return bool(texts)

    def journal(self, id: str, element: str = "") -> list[Json]:
        """Newest first."""
        found = [r for r in self.rows["sys_journal_field"].values() if r["element_id"] == id]
        return [row for row in reversed(found) if element in ("", row["element"])]

    def remove(self, table: str, id: str) -> None:
        """Deleted, and noted where deletions are audited."""
        row = self.rows[table].pop(id)
        shown = {"tablename": table, "documentkey": id, "display_value": str(row.get("number", ""))}
        self.insert("sys_audit_delete", shown, by="admin", id=sys_id("deleted", id, self.clock.time()))

    def attach(self, table: str, id: str, name: str, *, by: str) -> Json:
        """A file. Its task does not move."""
        values = {"table_name": table, "table_sys_id": id, "file_name": name, "content_type": "application/pdf",
                  "size_bytes": "1"}  # fmt: skip
        return self.insert("sys_attachment", values, by=by, id=sys_id("file", id, name, self.clock.time()))

    # ------------------------------------------------------------------ laying the day

    def user(self, email_or_name: str) -> str:
        """The sys_id of a person."""
        for row in self.rows["sys_user"].values():
            if email_or_name in (row["email"], row["user_name"], row["name"]):
                return str(row["sys_id"])
        raise KeyError(email_or_name)

    def incident(
        self,
        short_description: str,
        *,
        number: str = "",
        assigned: str = "",
        opened: float | None = None,
        updated: float | None = None,
        sla_end: float | None = None,
        **fields: Any,
    ) -> Json:
        """Lay an incident down, with its SLA where it has one."""
        opened = self.clock.time() if opened is None else opened
        if not number:
            self._last["incident"] += 1
            number = f"INC{self._last['incident']:07d}"
        values = {
            "number": number, "short_description": short_description, "description": short_description, "state": "1",
            "priority": "3", "impact": "2", "urgency": "2", "active": "true", "opened_at": stored(opened),
            "assigned_to": self.user(assigned) if assigned else "", "escalation": "0", "reassignment_count": "0",
            "made_sla": "true", "sys_class_name": "incident", "caller_id": self.user("greta@example.com"),
            "opened_by": self.user("greta@example.com"), "assignment_group": sys_id("group", GROUPS[0]),
            "incident_state": fields.get("state", "1"), "sla_due": stored(sla_end) if sla_end else "",
        } | fields  # fmt: skip
        row = self.insert("incident", values, by="greta.mill", id=sys_id("incident", number), at=opened)
        row["sys_updated_on"] = stored(opened if updated is None else updated)
        if sla_end is not None:
            self.sla(row, opened, sla_end)
        return row

    def task(
        self, table: str, short_description: str, *, opened: float | None = None, updated: float | None = None,
        sla_end: float | None = None, **fields: Any,
    ) -> Json:  # fmt: skip
        """Lay a case, a catalog task or a work order task down."""
        opened = self.clock.time() if opened is None else opened
        self._last[table] += 1
        number = f"{NUMBERED[table]}{self._last[table]:07d}"
        values = {
            "number": number, "short_description": short_description, "state": "1", "priority": "3", "active": "true",
            "opened_at": stored(opened), "escalation": "0", "assignment_group": sys_id("group", GROUPS[0]),
            "sys_class_name": table,
        } | fields  # fmt: skip
        row = self.insert(table, values, by=CUSTOMER, id=sys_id(table, number), at=opened)
        row["sys_updated_on"] = stored(opened if updated is None else updated)
        if sla_end is not None:
            self.sla(row, opened, sla_end)
        return row

    def place(self, name: str, **fields: str) -> str:
        """The sys_id of a location."""
        return str(
            self.insert("cmn_location", {"name": name, **fields}, by="admin", id=sys_id("place", name))["sys_id"]
        )

    def company(self, name: str) -> str:
        return str(self.insert("core_company", {"name": name}, by="admin", id=sys_id("company", name))["sys_id"])

    def request(self, number: str, requested_for: str) -> str:
        """The sys_id of a request from the catalogue."""
        values = {"number": number, "requested_for": self.user(requested_for)}
        return str(self.insert("sc_request", values, by="admin", id=sys_id("request", number))["sys_id"])

    def opened(self, body: Json) -> Json:
        """An incident made through the API; what is no column of it is ignored."""
        given: Json = {name: str(value) for name, value in body.items() if name in COLUMNS["incident"]}
        given = {name: value for name, value in given.items() if name not in (*SYSTEM, *JOURNALS, "number")}
        row = self.incident(given.pop("short_description", ""), **given)
        row |= {"sys_created_by": self.api_user, "sys_updated_by": self.api_user}
        self._journal("incident", row, body, self.api_user)
        return row

    def sla(self, incident: Json, start: float, end: float) -> Json:
        values = {"task": incident["sys_id"], "sla": "Resolution", "stage": "in_progress", "active": "true",
                  "start_time": stored(start), "planned_end_time": stored(end), "has_breached": "false",
                  "original_breach_time": stored(end)}  # fmt: skip
        return self.insert("task_sla", values, by="system", id=sys_id("sla", incident["number"]), at=start)

    @property
    def incidents(self) -> list[Json]:
        return list(self.rows["incident"].values())

    def by_number(self, number: str) -> Json:
        return next(row for row in self.incidents if row["number"] == number)

    @property
    def api_user(self) -> str:
        return credentials.SERVICENOW_USER
