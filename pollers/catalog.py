"""The sources, one row each. Nothing is imported until a configuration names it."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, cast

from deskbell.core.ports import Source


@dataclass(frozen=True, slots=True)
class Row:
    """What people call it, where its class and its configuration are, which kinds of records it may give (a source that
    is described gives the kind that its configuration names), and whether it can be written to."""

    title: str
    module: str
    source: str
    conf: str
    records: tuple[str, ...] = ("visit",)
    writes: bool = True

    def load_conf(self) -> type[Any]:
        """The dataclass that [sources.NAME] is read into."""
        return cast("type[Any]", getattr(import_module(self.module), self.conf))

    def load(self) -> type[Any]:
        return cast("type[Any]", getattr(import_module(self.module), self.source))


_CASES, _CRM = ("case",), ("case", "account", "order", "invoice", "contract")
_ANY = ("visit", *_CRM, "leave")
KINDS: Mapping[str, Row] = {
    "freshdesk": Row("Freshdesk", "pollers.freshdesk", "Freshdesk", "FreshdeskConf", _CASES),
    "servicenow": Row("ServiceNow", "pollers.servicenow", "ServiceNow", "ServiceNowConf", _CASES),
    "zendesk": Row("Zendesk", "pollers.zendesk", "Zendesk", "ZendeskConf", _CASES),
    "salesforce": Row("Salesforce", "pollers.salesforce", "Salesforce", "SalesforceConf", _CRM),
    "hubspot": Row("HubSpot", "pollers.hubspot", "HubSpot", "HubSpotConf", _CRM),
    "zoho_crm": Row("Zoho CRM", "pollers.zoho_crm", "ZohoCrm", "ZohoCrmConf", _CRM),
    "intercom": Row("Intercom", "pollers.intercom", "Intercom", "IntercomConf", _CASES),
    "pipedrive": Row("Pipedrive", "pollers.pipedrive", "Pipedrive", "PipedriveConf", _CRM),
    "rest": Row("Schedule", "pollers.rest", "Rest", "RestConf", _ANY),
    "sql": Row("Database", "pollers.sql", "Sql", "SqlConf", _ANY, writes=False),
    "servicetitan": Row("ServiceTitan", "pollers.servicetitan", "ServiceTitan", "ServiceTitanConf"),
    "salesforce_field": Row(
        "Salesforce Field Service", "pollers.salesforce_field", "SalesforceField", "SalesforceFieldConf"
    ),
    "dynamics": Row("Dynamics 365", "pollers.dynamics", "Dynamics", "DynamicsConf"),
    "jobber": Row("Jobber", "pollers.jobber", "Jobber", "JobberConf"),
    "google_calendar": Row(
        "Google Calendar", "pollers.google_calendar", "GoogleCalendar", "GoogleCalendarConf", writes=False
    ),
    "graph_calendar": Row(
        "Microsoft 365 calendar", "pollers.graph_calendar", "GraphCalendar", "GraphCalendarConf", writes=False
    ),
    "bamboohr": Row("BambooHR", "pollers.bamboohr", "BambooHr", "BambooHrConf", ("leave",), writes=False),
    "ical": Row("Calendar", "pollers.ical", "Ical", "IcalConf", writes=False),
}


def build(kind: str, conf: Any) -> Source:
    """The source of this kind. KeyError when there is none."""
    return cast("Source", KINDS[kind].load()(conf))
