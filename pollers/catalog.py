"""The sources, one row each. Nothing is imported until a configuration names it."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, cast

from deskbell.core.ports import Source


@dataclass(frozen=True, slots=True)
class Row:
    """What people call it, and where its class and its configuration are."""

    title: str
    module: str
    source: str
    conf: str

    def load_conf(self) -> type[Any]:
        """The dataclass that [sources.NAME] is read into."""
        return cast("type[Any]", getattr(import_module(self.module), self.conf))

    def load(self) -> type[Any]:
        return cast("type[Any]", getattr(import_module(self.module), self.source))


KINDS: Mapping[str, Row] = {
    "freshdesk": Row("Freshdesk", "pollers.freshdesk", "Freshdesk", "FreshdeskConf"),
    "servicenow": Row("ServiceNow", "pollers.servicenow", "ServiceNow", "ServiceNowConf"),
    "zendesk": Row("Zendesk", "pollers.zendesk", "Zendesk", "ZendeskConf"),
    "salesforce": Row("Salesforce", "pollers.salesforce", "Salesforce", "SalesforceConf"),
    "hubspot": Row("HubSpot", "pollers.hubspot", "HubSpot", "HubSpotConf"),
    "zoho_crm": Row("Zoho CRM", "pollers.zoho_crm", "ZohoCrm", "ZohoCrmConf"),
    "intercom": Row("Intercom", "pollers.intercom", "Intercom", "IntercomConf"),
    "pipedrive": Row("Pipedrive", "pollers.pipedrive", "Pipedrive", "PipedriveConf"),
    "rest": Row("Schedule", "pollers.rest", "Rest", "RestConf"),
    "sql": Row("Database", "pollers.sql", "Sql", "SqlConf"),
    "servicetitan": Row("ServiceTitan", "pollers.servicetitan", "ServiceTitan", "ServiceTitanConf"),
    "salesforce_field": Row(
        "Salesforce Field Service", "pollers.salesforce_field", "SalesforceField", "SalesforceFieldConf"
    ),
    "dynamics": Row("Dynamics 365", "pollers.dynamics", "Dynamics", "DynamicsConf"),
    "jobber": Row("Jobber", "pollers.jobber", "Jobber", "JobberConf"),
    "google_calendar": Row("Google Calendar", "pollers.google_calendar", "GoogleCalendar", "GoogleCalendarConf"),
    "graph_calendar": Row("Microsoft 365 calendar", "pollers.graph_calendar", "GraphCalendar", "GraphCalendarConf"),
    "bamboohr": Row("BambooHR", "pollers.bamboohr", "BambooHr", "BambooHrConf"),
    "ical": Row("Calendar", "pollers.ical", "Ical", "IcalConf"),
}


def build(kind: str, conf: Any) -> Source:
    """The source of this kind. KeyError when there is none."""
    return cast("Source", KINDS[kind].load()(conf))
