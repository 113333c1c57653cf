"""Helpdesks and CRMs on trial: for each its source, its stand-in, and what a test may do to a record over there."""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from deskbell.sandbox import credentials

HOUR = 3600


@dataclass
class Trial:
    source: Any
    stand: Any
    lay: Callable[..., str]  # (title, seconds since the epoch) -> the record's id
    touch: Callable[[str, str], None]  # somebody else gives it another title
    remove: Callable[[str], None]
    agents: tuple[str, str] = ("", "")  # a colleague's id, and one that is none
    lag: float = 0.0  # seconds until a change becomes visible
    write: str = "PUT"  # the method of a write
    listing: str = ""  # the path that is polled
    slow: Callable[[float], None] = lambda _seconds: None  # what is written from now on becomes visible so much later
    resolves: bool = True
    page: int = 10
    secrets: tuple[str, ...] = ()
    extra: dict[str, Any] = field(default_factory=dict)


# (a part of the path, a part of the complaint): what the description at hand leaves out, and the vendor's pages have.
ZENDESK_DEPARTURES = (
    ("/incremental/tickets/cursor", "query.per_page"),  # "Incremental Ticket Export, Cursor Based"
    ("/incremental/tickets/cursor", "query.include"),  # "Side-loading": tickets
    ("/incremental/tickets/cursor", "query.start_time: required"),  # `after_url` has the cursor alone
    ("/tickets/", "query.include"),
    ("/comments", "query.sort"),  # "List Comments", with pages by cursor
    ("/tickets/show_many", ""),  # "Show Multiple Tickets" is not there at all, and is taken for a ticket's id
    ("/custom_statuses", "is not in the document"),
)


SALESFORCE_DEPARTURES = (
    ("/queryAll", "is not in the document"),  # "QueryAll"; the document has its twin "query"
    ("/oauth2/", "is not in the document"),  # the login is not of the REST API
    ("/limits", "is not in the document"),
)


ZOHO_DEPARTURES = (
    ("/oauth/v2/token", "is not in the document"),  # the login is not of the CRM's API
    ("/settings/fields", ""),
    ("/Notes", "is not in the document"),  # "Notes": those of one record
    ("/deleted", ""),  # "Get Deleted Records" is not there, and is taken for a record's id
    ("/crm/v8/users", ""),  # "Get Users" is taken for a module
)


INTERCOM_DEPARTURES = (
    ("/conversations/search", ""),  # "Search conversations" is not there, and is taken for a conversation's id
    ("/tickets/search", ""),
    ("/parts", "is not in the document"),  # "Manage a conversation"
    ("/teams", "is not in the document"),
    ("/ticket_states", "is not in the document"),
)


def zendesk(sb) -> Trial:
    from pollers.zendesk import Zendesk, ZendeskConf

    stand = sb.others["zendesk"]
    conf = ZendeskConf(
        f"{sb.url}/zendesk", credentials.ZENDESK_USER, credentials.ZENDESK_TOKEN, page_size=10, team="all"
    )
    return Trial(
        Zendesk(conf, now=sb.clock.now),
        stand,
        lay=lambda title, at: str(stand.add(title, created=at, assignee_id=9001)["id"]),
        touch=lambda one, title: stand.change(int(one), subject=title, raw_subject=title),
        remove=lambda one: stand.delete(int(one)),
        agents=("9002", "nobody"),
        lag=61.0,
        listing="/incremental/tickets/cursor",
        secrets=(credentials.ZENDESK_TOKEN,),
        extra={"system": "zendesk", "prefix": "/zendesk", "departures": ZENDESK_DEPARTURES},
    )


def salesforce(sb) -> Trial:
    from pollers.salesforce import Salesforce, SalesforceConf

    org = sb.others["salesforce"].org
    conf = SalesforceConf(
        f"{sb.url}/salesforce",
        client_id=credentials.SALESFORCE_CLIENT_ID,
        client_secret=credentials.SALESFORCE_CLIENT_SECRET,
        page_size=10,
        emails=True,
        milestones=True,
    )
    return Trial(
        Salesforce(conf, now=sb.clock.now),
        sb.others["salesforce"],
        lay=lambda title, at: org.add("Case", at=at, Subject=title, Status="Working", Priority="High")["Id"],
        touch=lambda one, title: org.change("Case", one, Subject=title) and None,
        remove=lambda one: org.change("Case", one, IsDeleted=True) and None,
        agents=("005000000000002AAA", "nobody"),
        slow=lambda seconds: setattr(org, "lag", seconds),
        write="/services/data/v67.0/sobjects/CaseComment",
        listing="/services/data/v67.0/queryAll",
        secrets=(credentials.SALESFORCE_CLIENT_SECRET,),
        extra={"system": "salesforce", "prefix": "/salesforce", "departures": SALESFORCE_DEPARTURES},
    )


def hubspot(sb) -> Trial:
    from pollers.hubspot import HubSpot, HubSpotConf

    stand = sb.others["hubspot"]
    conf = HubSpotConf(f"{sb.url}/hubspot", token=credentials.HUBSPOT_TOKEN, page_size=10, search_pause=timedelta())

    def lay(title, at):
        ticket = {"subject": title, "hs_pipeline": "0", "hs_pipeline_stage": "3", "hs_ticket_priority": "HIGH"}
        return stand.add("tickets", at=at, hubspot_owner_id="71", **ticket).id

    return Trial(
        HubSpot(conf, now=sb.clock.now),
        stand,
        lay=lay,
        touch=lambda one, title: stand.change("tickets", one, subject=title) and None,
        remove=lambda one: stand.archive("tickets", one),
        agents=("72", "nobody"),
        slow=lambda seconds: setattr(stand, "lag", seconds),
        lag=4.0,
        write="/crm/objects/2026-09/notes",
        listing="/crm/objects/2026-09/tickets/search",
        secrets=(credentials.HUBSPOT_TOKEN,),
    )


def zoho_crm(sb) -> Trial:
    from pollers.zoho_crm import ZohoCrm, ZohoCrmConf

    stand = sb.others["zoho_crm"]
    conf = ZohoCrmConf(
        f"{sb.url}/zoho_crm",
        accounts_url=f"{sb.url}/zoho_crm",
        client_id=credentials.ZOHO_CLIENT_ID,
        client_secret=credentials.ZOHO_CLIENT_SECRET,
        refresh_token=credentials.ZOHO_REFRESH_TOKEN,
        page_size=10,
        notes=True,
    )
    return Trial(
        ZohoCrm(conf, now=sb.clock.now),
        stand,
        lay=lambda title, at: stand.add("Cases", at=at, Subject=title, Status="New", Priority="High")["id"],
        touch=lambda one, title: stand.change("Cases", one, Subject=title) and None,
        remove=lambda one: stand.delete("Cases", one),
        agents=("5500000000003", "nobody"),
        write="/crm/v8/Notes",
        listing="/crm/v8/Cases",
        secrets=(credentials.ZOHO_CLIENT_SECRET, credentials.ZOHO_REFRESH_TOKEN),
        extra={"system": "zoho_crm", "prefix": "/zoho_crm", "departures": ZOHO_DEPARTURES},
    )


def intercom(sb, what="conversations") -> Trial:
    from pollers.intercom import Intercom, IntercomConf

    stand = sb.others["intercom"]
    conf = IntercomConf(f"{sb.url}/intercom", token=credentials.INTERCOM_TOKEN, object=what, page_size=10)
    begin = stand.converse if what == "conversations" else stand.open_ticket

    def touch(one, title):
        title = {"title": title} if what == "conversations" else {"ticket_attributes": {"_default_title_": title}}
        stand.change(what, one, **title)

    return Trial(
        Intercom(conf, now=sb.clock.now),
        stand,
        lay=lambda title, at: begin(title, at=at)["id"],
        touch=touch,
        remove=lambda one: stand.delete(what, one),
        agents=("814862", "nobody"),
        write="POST",
        listing=f"/{what}/search",
        secrets=(credentials.INTERCOM_TOKEN,),
        extra={"system": "intercom", "prefix": "/intercom", "departures": INTERCOM_DEPARTURES},
    )


def intercom_tickets(sb) -> Trial:
    return intercom(sb, "tickets")


def pipedrive(sb) -> Trial:
    from pollers.pipedrive import Pipedrive, PipedriveConf

    stand = sb.others["pipedrive"]
    conf = PipedriveConf(
        f"{sb.url}/pipedrive",
        token=credentials.PIPEDRIVE_TOKEN,
        page_size=10,
        on_resolve={"account_status": "Churned"},
    )
    own = {"Account Status": "Customer", "Support Status": "Waiting"}
    return Trial(
        Pipedrive(conf, now=sb.clock.now),
        stand,
        lay=lambda title, at: str(stand.add("organizations", at=at, name=title, own=own)["id"]),
        touch=lambda one, title: stand.change("organizations", int(one), name=title) and None,
        remove=lambda one: stand.change("organizations", int(one), is_deleted=True) and None,
        agents=("103", "nobody"),
        write="/api/v2/activities",
        listing="/api/v2/organizations",
        secrets=(credentials.PIPEDRIVE_TOKEN,),
    )


def freshdesk(sb) -> Trial:
    from pollers.freshdesk import Freshdesk, FreshdeskConf

    stand = sb.freshdesk
    conf = FreshdeskConf(f"{sb.url}/freshdesk", credentials.FRESHDESK_KEY, page_size=10)
    return Trial(
        Freshdesk(conf, now=sb.clock.now),
        stand,
        lay=lambda title, at: str(stand.tickets.add(title, created=at, group_id=501).id),
        touch=lambda one, title: stand.tickets.change(int(one), subject=title) and None,
        remove=lambda one: stand.tickets.change(int(one), deleted=True) and None,
        agents=("1002", "nobody"),
        write="POST",
        listing="/tickets",
        slow=lambda seconds: setattr(stand.tickets, "lag", seconds),
        secrets=(credentials.FRESHDESK_KEY,),
        extra={"system": "freshdesk", "prefix": "/freshdesk", "departures": ()},
    )


def servicenow(sb) -> Trial:
    from pollers.servicenow import ServiceNow, ServiceNowConf

    stand, tables = sb.servicenow, sb.servicenow.tables
    conf = ServiceNowConf(
        f"{sb.url}/servicenow",
        credentials.SERVICENOW_USER,
        credentials.SERVICENOW_PASSWORD,
        page_size=10,
    )
    return Trial(
        ServiceNow(conf, now=sb.clock.now),
        stand,
        lay=lambda title, at: tables.incident(title, opened=at)["sys_id"],
        touch=lambda one, title: tables.change("incident", one, {"short_description": title}, by="ana.ruiz") and None,
        remove=lambda one: tables.remove("incident", one),
        agents=(tables.user("ben@example.org"), "nobody"),
        write="PATCH",
        listing="/api/now/table/incident",
        slow=lambda seconds: setattr(tables, "lag", seconds),
        secrets=(credentials.SERVICENOW_PASSWORD,),
        extra={"system": "servicenow", "prefix": "/servicenow", "departures": ()},
    )


ALL = {
    "freshdesk": freshdesk,
    "servicenow": servicenow,
    "zendesk": zendesk,
    "salesforce": salesforce,
    "hubspot": hubspot,
    "zoho_crm": zoho_crm,
    "intercom": intercom,
    "intercom_tickets": intercom_tickets,
    "pipedrive": pipedrive,
}


@contextlib.asynccontextmanager
async def on_trial(name, sb):
    trial = ALL[name](sb)
    trial.stand.no_limits()
    trial.stand.dated = True
    try:
        yield trial
    finally:
        await trial.source.close()
