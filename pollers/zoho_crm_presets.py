"""The modules that most orgs of Zoho CRM have, and which of their fields is which of ours.

Account Status and Support Status are custom fields; where they are called otherwise, `fields` says so.
"""

from collections.abc import Mapping

from pollers.crm_conf import Preset

_COMMON = {"id": "id", "updated_at": "Modified_Time"}
_OWNED = _COMMON | {"owner": "Owner.name", "owner_email": "Owner.email"}
_OF_ACCOUNT = _OWNED | {"customer": "Account_Name.name", "account_id": "Account_Name.id", "currency": "Currency"}

PRESETS: Mapping[str, Preset] = {
    "Cases": Preset(
        "case",
        _COMMON
        | {
            "number": "Case_Number",
            "subject": "Subject",
            "status": "Status",
            "priority": "Priority",
            "requester": "Related_To.name || Reported_By",
            "requester_id": "Related_To.id",
            "contact": "Email || Phone",
            "account_id": "Account_Name.id",
            "assignee": "Owner.name",
            "assignee_id": "Owner.id",
            "escalated": "Status == 'Escalated'",
            "created_at": "Created_Time",
        },
        status_map={"New": "new", "On Hold": "paused", "Escalated": "open", "Open": "open", "Closed": "closed"},
        assignee_field="Owner",
        on_resolve={"Status": "Closed"},
    ),
    "Accounts": Preset(
        "account",
        _OWNED
        | {
            "number": "Account_Number",
            "name": "Account_Name",
            "contact": "Phone",
            "status": "Account_Status",
            "support_status": "Support_Status",
            "plan": "Account_Type",
            "created_at": "Created_Time",
        },
        status_map={"Prospect": "new", "Customer": "active", "On Hold": "suspended", "Churned": "closed"},
        assignee_field="Owner",
    ),
    "Deals": Preset(
        "order",
        _OF_ACCOUNT | {"title": "Deal_Name", "status": "Stage", "total": "Amount", "approved_by": "Owner.name"},
        status_map={
            "Qualification": "draft",
            "Needs Analysis": "draft",
            "Value Proposition": "draft",
            "Identify Decision Makers": "draft",
            "Proposal/Price Quote": "submitted",
            "Negotiation/Review": "submitted",
            "Closed Won": "approved",
            "Closed Lost": "cancelled",
            "Closed Lost to Competition": "cancelled",
        },
        assignee_field="Owner",
    ),
    "Sales_Orders": Preset(
        "order",
        _OF_ACCOUNT | {"number": "SO_Number", "title": "Subject", "status": "Status", "total": "Grand_Total"},
        status_map={"Created": "submitted", "Delivered": "completed"},
        assignee_field="Owner",
    ),
    "Invoices": Preset(
        "invoice",
        _OF_ACCOUNT
        | {
            "number": "Invoice_Number",
            "status": "Status",
            "total": "Grand_Total",
            "issued_at": "Invoice_Date",
            "due_on": "Due_Date",
        },
        status_map={"Created": "draft", "Approved": "issued", "Delivered": "issued", "Cancelled": "void"},
        assignee_field="Owner",
    ),
}
