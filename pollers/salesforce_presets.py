"""The objects that most orgs have, and which of their fields is which of ours.

Standard fields: https://developer.salesforce.com/docs/atlas.en-us.object_reference.meta/object_reference/
Account Status and Support Status are custom fields; an org that calls them otherwise says so in `fields`.
"""

from collections.abc import Mapping

from pollers.crm_conf import Preset

_COMMON = {"id": "Id", "updated_at": "SystemModstamp"}
_OWNED = _COMMON | {"owner": "Owner.Name", "owner_email": "Owner.Email"}
_OF_ACCOUNT = _OWNED | {"customer": "Account.Name", "account_id": "AccountId"}

PRESETS: Mapping[str, Preset] = {
    "Case": Preset(
        "case",
        _COMMON
        | {
            "number": "CaseNumber",
            "subject": "Subject",
            "status": "IsClosed && 'Closed' || Status",
            "status_raw": "Status",
            "priority": "Priority",
            "requester": "Contact.Name || SuppliedName",
            "requester_id": "ContactId",
            "contact": "ContactEmail || SuppliedEmail || ContactPhone",
            "account_id": "AccountId",
            "assignee": "Owner.Type == 'User' && Owner.Name || ''",
            "assignee_id": "Owner.Type == 'User' && OwnerId || ''",
            "group": "Owner.Type == 'Queue' && Owner.Name || ''",
            "group_id": "Owner.Type == 'Queue' && OwnerId || ''",
            "escalated": "IsEscalated",
            "created_at": "CreatedDate",
        },
        status_map={
            "New": "new",
            "Working": "open",
            "In Progress": "open",
            "Escalated": "open",
            "Waiting on Customer": "waiting",
            "On Hold": "paused",
            "Closed": "closed",
        },
        assignee_field="OwnerId",
        on_resolve={"Status": "Closed"},
    ),
    "Account": Preset(
        "account",
        _OWNED
        | {
            "number": "AccountNumber",
            "name": "Name",
            "contact": "Phone",
            "status": "Account_Status__c",
            "support_status": "Support_Status__c",
            "plan": "Type",
            "created_at": "CreatedDate",
        },
        status_map={"Prospect": "new", "Customer": "active", "On Hold": "suspended", "Churned": "closed"},
        assignee_field="OwnerId",
    ),
    "Opportunity": Preset(
        "order",
        _OF_ACCOUNT | {"title": "Name", "status": "StageName", "total": "Amount", "approved_by": "Owner.Name"},
        status_map={
            "Prospecting": "draft",
            "Qualification": "draft",
            "Needs Analysis": "draft",
            "Value Proposition": "draft",
            "Id. Decision Makers": "draft",
            "Perception Analysis": "draft",
            "Proposal/Price Quote": "submitted",
            "Negotiation/Review": "submitted",
            "Closed Won": "approved",
            "Closed Lost": "cancelled",
        },
        assignee_field="OwnerId",
    ),
    "Order": Preset(
        "order",
        _OF_ACCOUNT
        | {
            "number": "OrderNumber",
            "title": "Name",
            "status": "Status",
            "total": "TotalAmount",
            "approved_at": "ActivatedDate",
            "approved_by": "ActivatedBy.Name",
        },
        status_map={"Draft": "draft", "Activated": "approved"},
        assignee_field="OwnerId",
    ),
    "Contract": Preset(
        "contract",
        _OF_ACCOUNT
        | {
            "number": "ContractNumber",
            "title": "Name",
            "status": "Status",
            "starts_on": "StartDate",
            "ends_on": "EndDate",
        },
        status_map={"Draft": "draft", "In Approval Process": "draft", "Activated": "active", "Expired": "expired"},
        assignee_field="OwnerId",
    ),
}
