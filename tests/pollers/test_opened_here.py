"""A record that Deskbell opened for an alert comes back from no source, or another one would be opened for it."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from pollers.own import opened_here
from tests.pollers.trials import HOUR, on_trial

GOLDEN = Path(__file__).parents[1] / "vendors" / "golden"


def opened(vendor):
    """What is sent when a record is opened."""
    return json.loads((GOLDEN / f"{vendor}.json").read_text())["open"]


def body(vendor):
    return opened(vendor)["body"]


# For each source that may be opened records in: how such a record comes to be there, with what the channel sends.
MARK = {
    "freshdesk": lambda stand, one: stand.tickets.change(int(one), tags=body("freshdesk")["tags"]),
    "servicenow": lambda stand, one: stand.tables.change(
        "incident", one, {"correlation_id": body("servicenow")["correlation_id"]}, by="ana.ruiz"
    ),
    "zendesk": lambda stand, one: stand.change(int(one), external_id=body("zendesk")["ticket"]["external_id"]),
    "salesforce": lambda stand, one: stand.org.change(
        "Case", one, Alert_Key__c=opened("salesforce")["path"].rpartition("/")[2]
    ),
    "hubspot": lambda stand, one: stand.change(
        "tickets", one, alert_key=body("hubspot")["inputs"][0]["properties"]["alert_key"]
    ),
    "zoho_crm": lambda stand, one: stand.change("Cases", one, Alert_Key=body("zoho_crm")["data"][0]["Alert_Key"]),
    "intercom_tickets": lambda stand, one: stand.change(
        "tickets", one, ticket_attributes=body("intercom")["ticket_attributes"]
    ),
}
KEY_FIELDS = {"salesforce": "Alert_Key__c", "zoho_crm": "Alert_Key"}  # which the account must have been given first


@pytest.mark.parametrize("name", MARK)
async def test_what_we_opened_is_no_news(name, sb, reading):
    async with on_trial(name, sb) as trial:
        source = trial.source
        if name in KEY_FIELDS:
            source = type(source)(replace(source.conf, key_field=KEY_FIELDS[name]), now=sb.clock.now)
        start = sb.clock.time() - HOUR
        theirs, ours = (trial.lay(title, start) for title in ("Pump down", "[P1] D-4821 Pump down"))
        MARK[name](trial.stand, ours)
        sb.clock.advance(trial.lag)
        held = reading(source)
        await held.poll()
        assert set(held.records) == {theirs}
        assert await source.fetch(ours) is None
        assert (await source.fetch(theirs)).id == theirs
        if source is not trial.source:
            await source.close()


@pytest.mark.parametrize(
    "text", ["deskbell", "deskbell-4821", "see deskbell-d-4821", "deskbell-d-4821 and more", "", 1]
)
def test_what_others_wrote_is_news(text):
    assert not opened_here({"tags": [text], "external_id": text}, "tags")
    assert not opened_here({"tags": [text], "external_id": text}, "external_id")
