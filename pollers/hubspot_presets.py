"""The objects that most accounts of HubSpot have, and which of their properties is which of ours.

Account Status and Support Status are properties of one's own; where they are called otherwise, `fields` says so.
"""

from collections.abc import Mapping

from pollers.crm_conf import Preset

_COMMON = {"id": "id", "updated_at": "hs_lastmodifieddate"}
_OWNED = _COMMON | {"owner": "owner_name", "owner_email": "owner_email"}

PRESETS: Mapping[str, Preset] = {
    "tickets": Preset(
        "case",
        _COMMON
        | {
            "subject": "subject",
            "status": "stage_closed && 'Closed' || stage",
            "status_raw": "stage",
            "priority": "hs_ticket_priority",
            "assignee": "owner_name",
            "assignee_id": "hubspot_owner_id",
            "created_at": "createdate",
            "sla_first_response": "hs_time_to_first_response_sla_at",
            "sla_next_reply": "hs_time_to_next_response_sla_at",
            "sla_resolution": "hs_time_to_close_sla_at",
        },
        status_map={"New": "new", "Waiting on contact": "waiting", "Waiting on us": "open", "Closed": "closed"},
        assignee_field="hubspot_owner_id",
        on_resolve={"hs_pipeline_stage": "4"},
    ),
    "companies": Preset(
        "account",
        _OWNED
        | {
            "name": "name",
            "contact": "phone",
            "status": "account_status",
            "support_status": "support_status",
            "plan": "type",
            "created_at": "createdate",
        },
        status_map={"Prospect": "new", "Customer": "active", "On hold": "suspended", "Churned": "closed"},
        assignee_field="hubspot_owner_id",
    ),
    "deals": Preset(
        "order",
        _OWNED
        | {
            "title": "dealname",
            "status": "stage",
            "total": "amount",
            "currency": "deal_currency_code",
            "approved_by": "owner_name",
        },
        status_map={
            "Appointment Scheduled": "draft",
            "Qualified To Buy": "draft",
            "Presentation Scheduled": "draft",
            "Decision Maker Bought-In": "submitted",
            "Contract Sent": "submitted",
            "Closed Won": "approved",
            "Closed Lost": "cancelled",
        },
        assignee_field="hubspot_owner_id",
    ),
    "invoices": Preset(
        "invoice",
        _OWNED
        | {
            "number": "hs_number",
            "status": "hs_invoice_status",
            "total": "hs_amount_billed",
            "balance": "hs_balance_due",
            "currency": "hs_currency",
            "issued_at": "hs_invoice_date",
            "due_on": "hs_due_date",
        },
        status_map={"Open": "issued", "Voided": "void"},
        assignee_field="hubspot_owner_id",
    ),
}
