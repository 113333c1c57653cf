"""The records of an org: standard objects, with the custom fields that the config of the tests expects."""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from deskbell.sandbox.clock import Clock
from deskbell.sandbox.clock import parse as seconds
from deskbell.sandbox.web import Json

SYSTEM = ("Id", "IsDeleted", "CreatedDate", "CreatedById", "LastModifiedDate", "LastModifiedById", "SystemModstamp")
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT.*")
FIELDS: dict[str, tuple[str, ...]] = {
    "Case": (*SYSTEM, "CaseNumber", "Subject", "Description", "Status", "IsClosed", "Priority", "Origin", "IsEscalated",
             "OwnerId", "ContactId", "AccountId", "SuppliedName", "SuppliedEmail", "ContactEmail", "ContactPhone",
             "IsStopped", "Alert_Key__c"),
    "Account": (*SYSTEM, "AccountNumber", "Name", "Phone", "Type", "OwnerId", "Account_Status__c", "Support_Status__c"),
    "Opportunity": (*SYSTEM, "Name", "StageName", "Amount", "IsClosed", "OwnerId", "AccountId", "CloseDate"),
    "Order": (*SYSTEM, "OrderNumber", "Name", "Status", "TotalAmount", "ActivatedDate", "ActivatedById", "AccountId",
              "OwnerId"),
    "Contract": (*SYSTEM, "ContractNumber", "Name", "Status", "StartDate", "EndDate", "AccountId", "OwnerId"),
    "Invoice__c": (*SYSTEM, "Name", "Status__c", "Total__c", "Balance__c", "Due__c", "Account__c", "OwnerId"),
    "Contact": (*SYSTEM, "Name", "Email"),
    "User": (*SYSTEM, "Name", "Email", "UserType", "Type"),
    "CaseComment": (*SYSTEM, "ParentId", "CommentBody", "IsPublished"),
    "EmailMessage": (*SYSTEM, "ParentId", "Subject", "Incoming", "MessageDate", "FromName", "FromAddress",
                     "HasAttachment"),
    "CaseMilestone": (*SYSTEM, "CaseId", "StartDate", "TargetDate", "IsCompleted", "MilestoneTypeId"),
    "MilestoneType": (*SYSTEM, "Name"),
    "FeedItem": (*SYSTEM, "ParentId", "Body", "Type"),
    "ServiceAppointment": (*SYSTEM, "AppointmentNumber", "Subject", "Status", "StatusCategory", "SchedStartTime",
                           "SchedEndTime", "ArrivalWindowStartTime", "ArrivalWindowEndTime", "ActualStartTime",
                           "ActualEndTime", "DueDate", "ParentRecordId", "AccountId", "ContactId", "OwnerId",
                           "ServiceTerritoryId", "Street", "City", "Latitude", "Longitude", "CancellationReason"),
    "AssignedResource": (*SYSTEM, "ServiceAppointmentId", "ServiceResourceId"),
    "ServiceResource": (*SYSTEM, "Name", "RelatedRecordId", "IsActive"),
    "ServiceTerritory": (*SYSTEM, "Name"),
    "PermissionSetAssignment": ("Id", "AssigneeId", "PermissionSetId"),
    "ObjectPermissions": ("Id", "ParentId", "SobjectType", "PermissionsRead", "PermissionsViewAllRecords"),
}  # fmt: skip
PREFIXES = {"Case": "500", "Account": "001", "Opportunity": "006", "Order": "801", "Contract": "800",
            "Invoice__c": "a01", "Contact": "003", "User": "005", "CaseComment": "00a", "EmailMessage": "02s",
            "CaseMilestone": "555",
            "MilestoneType": "557", "FeedItem": "0D5", "ServiceAppointment": "08p", "AssignedResource": "03r",
            "ServiceResource": "0Hn", "ServiceTerritory": "0Hh"}  # fmt: skip
# A relationship's name -> the field that holds the id, and the object it leads to.
PARENTS = {"Owner": ("OwnerId", "User"), "CreatedBy": ("CreatedById", "User"), "ActivatedBy": ("ActivatedById", "User"),
           "Contact": ("ContactId", "Contact"), "Account": ("AccountId", "Account"),
           "MilestoneType": ("MilestoneTypeId", "MilestoneType"),
           "ServiceResource": ("ServiceResourceId", "ServiceResource"), "RelatedRecord": ("RelatedRecordId", "User"),
           "ServiceTerritory": ("ServiceTerritoryId", "ServiceTerritory")}  # fmt: skip
CHILDREN = {"CaseComments": ("CaseComment", "ParentId"), "EmailMessages": ("EmailMessage", "ParentId"),
            "CaseMilestones": ("CaseMilestone", "CaseId"),
            "ServiceResources": ("AssignedResource", "ServiceAppointmentId")}  # fmt: skip
NUMBERED = {
    "Case": "CaseNumber",
    "Order": "OrderNumber",
    "Contract": "ContractNumber",
    "Account": "AccountNumber",
    "ServiceAppointment": "AppointmentNumber",
}
ME, ANA, BEN, QUEUE, PORTAL = (f"{prefix}00000000000{n}AAA" for prefix, n in
                               (("005", 0), ("005", 1), ("005", 2), ("00G", 1), ("005", 9)))  # fmt: skip
USERS = ((ME, "Deskbell", "deskbell@example.org", "Standard", "User"),
         (ANA, "Ana Ruiz", "ana@example.org", "Standard", "User"),
         (BEN, "Ben Okafor", "ben@example.org", "Standard", "User"), (QUEUE, "Parts", "", "", "Queue"),
         (PORTAL, "Erika Sample", "erika@example.com", "CspLitePortal", "User"))  # fmt: skip
# An org's own labels; each belongs to one of the categories, which nobody can rename.
CATEGORIES = {"None": "None", "Scheduled": "Scheduled", "Dispatched": "Dispatched", "Driving": "Dispatched",
              "Being repaired": "InProgress", "Cannot Complete": "CannotComplete", "Completed": "Completed",
              "Canceled": "Canceled"}  # fmt: skip
CLOSED = {"Case": {"Closed"}, "Opportunity": {"Closed Won", "Closed Lost"}}


@dataclass(slots=True)
class Org:
    clock: Clock
    rows: dict[str, dict[str, Json]] = field(default_factory=dict)
    lag: float = 0.0  # seconds until what was written can be seen: the transaction's length
    seen_from: dict[str, float] = field(default_factory=dict)
    before: dict[str, Json] = field(default_factory=dict)
    last: int = 0

    def __post_init__(self) -> None:
        self.rows = {name: {} for name in FIELDS}
        for key, name, email, kind, type_ in USERS:
            self.add("User", id=key, Name=name, Email=email, UserType=kind, Type=type_)
        self.rows["PermissionSetAssignment"]["0Pa1"] = {"Id": "0Pa1", "AssigneeId": ME, "PermissionSetId": "0PS1"}
        for name in ("Case", "Account", "Opportunity", "Order", "Contract", "Invoice__c"):
            permission = {"Id": f"110{name}", "ParentId": "0PS1", "SobjectType": name, "PermissionsRead": True,
                          "PermissionsViewAllRecords": True}  # fmt: skip
            self.rows["ObjectPermissions"][name] = permission

    def add(self, what: str, *, id: str = "", at: float | None = None, by: str = ANA, **fields: Any) -> Json:
        now = written(self.clock.time() if at is None else at)
        self.last += 1
        key = id or f"{PREFIXES[what]}{self.last:012d}AAA"
        row = dict.fromkeys(FIELDS[what]) | {"Id": key, "IsDeleted": False, "CreatedDate": now, "CreatedById": by}
        row |= {"LastModifiedDate": now, "LastModifiedById": by, "SystemModstamp": now}
        if what in NUMBERED:
            row[NUMBERED[what]] = f"{self.last:08d}"
        if "OwnerId" in row:
            row["OwnerId"] = ANA
        self.rows[what][key] = row | fields
        return self._closed(what, self.rows[what][key])

    def change(self, what: str, key: str, *, by: str = ANA, **fields: Any) -> Json:
        """Seen a little later where transactions are long; until then the row is as it was."""
        row, now = self.rows[what][key], self.clock.time()
        if self.lag:
            self.before[key], self.seen_from[key] = dict(row), now + self.lag
        row |= fields | {"SystemModstamp": written(now), "LastModifiedDate": written(now), "LastModifiedById": by}
        return self._closed(what, row)

    def visible(self, what: str, *, deleted: bool) -> list[Json]:
        now = self.clock.time()
        rows = [
            self.before.get(key, row) if now < self.seen_from.get(key, 0.0) else row
            for key, row in self.rows[what].items()
        ]
        return [row for row in rows if deleted or not row.get("IsDeleted")]

    def _closed(self, what: str, row: Json) -> Json:
        if what == "ServiceAppointment":
            row["StatusCategory"] = CATEGORIES.get(row["Status"] or "None")
        if what in CLOSED:
            row["IsClosed"] = row.get("Status" if what == "Case" else "StageName") in CLOSED[what]
        return row

    # ------------------------------------------------------------------ values

    def known(self, what: str, name: str) -> bool:
        first, _, rest = name.partition(".")
        if rest:
            held, target = PARENTS.get(first, ("", ""))
            return held in FIELDS[what] and self.known(target, rest)
        return first in FIELDS[what]

    def value(self, row: Json, name: str) -> Any:
        """As a condition compares it: moments in seconds."""
        have = self.at(row, name)
        return seconds(have) if isinstance(have, str) and MOMENT.fullmatch(have) else have

    def at(self, row: Json, name: str) -> Any:
        first, _, rest = name.partition(".")
        if not rest:
            return row.get(first)
        held, target = PARENTS[first]
        parent = self.rows[target].get(row.get(held) or "")
        return None if parent is None else self.at(parent, rest)


def written(at: float) -> str:
    """As the REST API writes moments: whole seconds of many objects, and an offset without a colon."""
    return datetime.fromtimestamp(int(at), UTC).strftime("%Y-%m-%dT%H:%M:%S.000+0000")
