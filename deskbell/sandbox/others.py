"""The stand-ins of systems that the day does without, one line each; `Sandbox.others` holds them by name."""

from deskbell.sandbox.hubspot import HubSpot
from deskbell.sandbox.intercom import Intercom
from deskbell.sandbox.pipedrive import Pipedrive
from deskbell.sandbox.salesforce.stand_in import Salesforce
from deskbell.sandbox.schedules import SCHEDULES
from deskbell.sandbox.source import Source
from deskbell.sandbox.zendesk import Zendesk
from deskbell.sandbox.zoho_crm import ZohoCrm

OTHERS: tuple[type[Source], ...] = (Zendesk, Salesforce, HubSpot, ZohoCrm, Intercom, Pipedrive, *SCHEDULES)
