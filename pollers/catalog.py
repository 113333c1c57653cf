"""The sources, one row each. Nothing is imported until a configuration names it."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, cast

from deskbell.core.ports import Source


@dataclass(frozen=True, slots=True)
class Row:
    """What people call it, where its class and its configuration are, how Deskbell logs in, where the vendor describes
    what is read, which kinds of records it may give (a source that is described gives the kind that its configuration
    names), and whether it can be written to."""

    title: str
    module: str
    source: str
    conf: str
    login: tuple[str, ...]
    docs: str
    records: tuple[str, ...] = ("visit",)
    writes: bool = True

    def load_conf(self) -> type[Any]:
        """The dataclass that [sources.NAME] is read into."""
        return cast("type[Any]", getattr(import_module(self.module), self.conf))

    def load(self) -> type[Any]:
        return cast("type[Any]", getattr(import_module(self.module), self.source))


_CASES, _CRM = ("case",), ("case", "account", "order", "invoice", "contract")
_ANY = ("visit", *_CRM, "leave")
_APP, _REFRESH = ("client credentials",), ("refresh token",)  # of OAuth
KINDS: Mapping[str, Row] = {
    "freshdesk": Row(
        "Freshdesk", "pollers.freshdesk", "Freshdesk", "FreshdeskConf",
        ("API key",), "https://developers.freshdesk.com/api/", _CASES),
    "servicenow": Row(
        "ServiceNow", "pollers.servicenow", "ServiceNow", "ServiceNowConf", ("password", *_APP, "API key"),
        "https://www.servicenow.com/docs/bundle/zurich-api-reference/page/integrate/inbound-rest/concept/c_TableAPI.html",
        ("case", "visit")),
    "zendesk": Row(
        "Zendesk", "pollers.zendesk", "Zendesk", "ZendeskConf", ("API token", *_APP),
        "https://developer.zendesk.com/api-reference/ticketing/ticket-management/incremental_exports/", _CASES),
    "salesforce": Row(
        "Salesforce", "pollers.salesforce", "Salesforce", "SalesforceConf",
        _APP, "https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/", _CRM),
    "hubspot": Row(
        "HubSpot", "pollers.hubspot", "HubSpot", "HubSpotConf",
        ("API token",), "https://developers.hubspot.com/docs/api-reference", _CRM),
    "zoho_crm": Row(
        "Zoho CRM", "pollers.zoho_crm", "ZohoCrm", "ZohoCrmConf",
        _REFRESH, "https://www.zoho.com/crm/developer/docs/api/v8/", _CRM),
    "intercom": Row(
        "Intercom", "pollers.intercom", "Intercom", "IntercomConf",
        ("API token",), "https://developers.intercom.com/docs/references/rest-api/api.intercom.io", _CASES),
    "pipedrive": Row(
        "Pipedrive", "pollers.pipedrive", "Pipedrive", "PipedriveConf",
        ("API token",), "https://developers.pipedrive.com/docs/api/v1", _CRM),
    "rest": Row(
        "Schedule", "pollers.rest", "Rest", "RestConf",
        ("as configured",), "https://jmespath.org/specification.html", _ANY),
    "sql": Row(
        "Database", "pollers.sql", "Sql", "SqlConf",
        ("in the address",), "https://docs.sqlalchemy.org/en/21/core/engines.html", _ANY, writes=False),
    "servicetitan": Row(
        "ServiceTitan", "pollers.servicetitan", "ServiceTitan", "ServiceTitanConf",
        _APP, "https://developer.servicetitan.io/"),
    "salesforce_field": Row(
        "Salesforce Field Service", "pollers.salesforce_field", "SalesforceField", "SalesforceFieldConf", _APP,
        "https://developer.salesforce.com/docs/atlas.en-us.field_service_dev.meta/field_service_dev/"),
    "dynamics": Row(
        "Dynamics 365", "pollers.dynamics", "Dynamics", "DynamicsConf",
        _APP, "https://learn.microsoft.com/power-apps/developer/data-platform/webapi/overview"),
    "jobber": Row(
        "Jobber", "pollers.jobber", "Jobber", "JobberConf", _REFRESH, "https://developer.getjobber.com/docs/"),
    "google_calendar": Row(
        "Google Calendar", "pollers.google_calendar", "GoogleCalendar", "GoogleCalendarConf",
        ("service account", *_REFRESH), "https://developers.google.com/workspace/calendar/api/guides/sync",
        writes=False),
    "graph_calendar": Row(
        "Microsoft 365 calendar", "pollers.graph_calendar", "GraphCalendar", "GraphCalendarConf",
        _APP, "https://learn.microsoft.com/graph/delta-query-events", writes=False),
    "bamboohr": Row(
        "BambooHR", "pollers.bamboohr", "BambooHr", "BambooHrConf", ("API key",),
        "https://documentation.bamboohr.com/reference/list-time-off-requests", ("leave",), writes=False),
    "ical": Row(
        "Calendar", "pollers.ical", "Ical", "IcalConf",
        ("in the address",), "https://www.rfc-editor.org/rfc/rfc5545", writes=False),
}  # fmt: skip


def build(kind: str, conf: Any) -> Source:
    """The source of this kind. KeyError when there is none."""
    return cast("Source", KINDS[kind].load()(conf))
