"""CRMs with cases of their own: how the plain facts of a case are written over there."""

from datetime import timedelta
from typing import Any

from deskbell.prove.history import Abilities, Facts, History
from deskbell.prove.stage import Stage
from deskbell.prove.systems.base import INTERVAL, OVERLAP, Kind, Trial, nothing
from deskbell.sandbox import credentials, hubspot, intercom, zoho_crm
from deskbell.sandbox.salesforce.org import ANA, BEN
from deskbell.sandbox.salesforce.stand_in import Salesforce as SalesforceStandIn
from pollers.hubspot import HubSpot, HubSpotConf
from pollers.intercom import Intercom, IntercomConf
from pollers.salesforce import Salesforce, SalesforceConf
from pollers.zoho_crm import ZohoCrm, ZohoCrmConf

_ZOHO_PEOPLE = {user["id"]: user for user in (zoho_crm.ANA, zoho_crm.BEN)}
_TICKET_STATES = {"open": "2", "waiting": "3", "resolved": "4"}


def _salesforce(stage: Stage, history: History) -> Trial:
    stand = stage.stand_in(SalesforceStandIn)
    org = stand.org
    conf = SalesforceConf(
        f"{stage.url}/salesforce", client_id=credentials.SALESFORCE_CLIENT_ID,
        client_secret=credentials.SALESFORCE_CLIENT_SECRET, page_size=history.page, interval=INTERVAL,
        overlap=OVERLAP, zone=history.zone,
    )  # fmt: skip
    words = {"open": "Working", "waiting": "Waiting on Customer", "paused": "On Hold", "closed": "Closed"}

    def row(facts: Facts) -> dict[str, Any]:
        priority = {"urgent": "Critical", "normal": "Medium"}.get(facts["priority"], facts["priority"].title())
        return {"Status": words[facts["status"]], "Priority": priority, "OwnerId": facts["agent"]}

    return Trial(
        Salesforce(conf, now=stage.hands.now),
        stand,
        lay=lambda facts: str(org.add("Case", Subject="Compressor down", **row(facts))["Id"]),
        change=lambda one, _, facts: nothing(org.change("Case", one, **row(facts))),
        remove=lambda one: nothing(org.change("Case", one, IsDeleted=True)),
    )


def _hubspot(stage: Stage, history: History) -> Trial:
    stand = stage.stand_in(hubspot.HubSpot)
    stand.lag = 0.0  # rows that become visible late are made up elsewhere
    conf = HubSpotConf(
        f"{stage.url}/hubspot", token=credentials.HUBSPOT_TOKEN, page_size=history.page, interval=INTERVAL,
        overlap=OVERLAP, zone=history.zone, search_pause=timedelta(),
    )  # fmt: skip
    stages = {"open": "3", "waiting": "2", "closed": "4"}

    def row(facts: Facts) -> dict[str, Any]:
        priority = {"normal": "MEDIUM"}.get(facts["priority"], facts["priority"].upper())
        return {"hs_pipeline_stage": stages[facts["status"]], "hs_ticket_priority": priority,
                "hubspot_owner_id": facts["agent"] or None}  # fmt: skip

    return Trial(
        HubSpot(conf, now=stage.hands.now),
        stand,
        lay=lambda facts: stand.add("tickets", subject="Compressor down", hs_pipeline="0", **row(facts)).id,
        change=lambda one, _, facts: nothing(stand.change("tickets", one, **row(facts))),
        remove=lambda one: stand.archive("tickets", one),
    )


def _zoho(stage: Stage, history: History) -> Trial:
    stand = stage.stand_in(zoho_crm.ZohoCrm)
    conf = ZohoCrmConf(
        f"{stage.url}/zoho_crm", accounts_url=f"{stage.url}/zoho_crm", client_id=credentials.ZOHO_CLIENT_ID,
        client_secret=credentials.ZOHO_CLIENT_SECRET, refresh_token=credentials.ZOHO_REFRESH_TOKEN,
        page_size=history.page, interval=INTERVAL, overlap=OVERLAP, zone=history.zone,
    )  # fmt: skip
    words = {"open": "Open", "paused": "On Hold", "closed": "Closed"}

    def row(facts: Facts) -> dict[str, Any]:
        priority = {"urgent": "Critical", "normal": "Medium"}.get(facts["priority"], facts["priority"].title())
        return {"Status": words[facts["status"]], "Priority": priority, "Owner": _ZOHO_PEOPLE[facts["agent"]]}

    return Trial(
        ZohoCrm(conf, now=stage.hands.now),
        stand,
        lay=lambda facts: str(stand.add("Cases", Subject="Compressor down", **row(facts))["id"]),
        change=lambda one, _, facts: nothing(stand.change("Cases", one, **row(facts))),
        remove=lambda one: stand.delete("Cases", one),
    )


def _intercom(stage: Stage, history: History) -> Trial:
    stand = stage.stand_in(intercom.Intercom)
    conf = IntercomConf(
        f"{stage.url}/intercom", token=credentials.INTERCOM_TOKEN, object="tickets", page_size=history.page,
        interval=INTERVAL, overlap=OVERLAP, zone=history.zone,
    )  # fmt: skip

    def row(facts: Facts) -> dict[str, Any]:
        return {"ticket_state": intercom.state(_TICKET_STATES[facts["status"]]),
                "admin_assignee_id": facts["agent"] or "0"}  # fmt: skip

    return Trial(
        Intercom(conf, now=stage.hands.now),
        stand,
        lay=lambda facts: str(stand.open_ticket("Compressor down", **row(facts))["id"]),
        change=lambda one, _, facts: nothing(stand.change("tickets", one, **row(facts))),
        remove=lambda one: stand.delete("tickets", one),
    )


_AGENT = frozenset({"agent"})
CRMS = (
    Kind(
        "salesforce", "salesforce",
        Abilities("case", ("open", "waiting", "paused", "closed"), _AGENT, gone="told", agents=(ANA, BEN),
                  unassigned=False),
        _salesforce,
    ),
    Kind(
        "hubspot", "hubspot",
        Abilities("case", ("open", "waiting", "closed"), _AGENT, agents=("71", "72")),
        _hubspot,
    ),
    Kind(
        "zoho_crm", "zoho_crm",
        Abilities("case", ("open", "paused", "closed"), _AGENT, gone="compared", within=600,
                  agents=tuple(_ZOHO_PEOPLE), unassigned=False),
        _zoho,
    ),
    Kind(
        "intercom", "intercom",
        Abilities("case", ("open", "waiting", "resolved"), _AGENT, agents=("814861", "814862"), priorities=False),
        _intercom,
    ),
)  # fmt: skip
