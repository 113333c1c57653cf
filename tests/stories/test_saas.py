"""A story over each helpdesk and CRM: the real daemon reads it, rings, and an acknowledgement is told over there."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from deskbell.core.alert import Status
from deskbell.sandbox import credentials
from deskbell.sandbox.salesforce.org import written
from deskbell.sandbox.server import Sandbox
from tests.town import Town, running

HOUR = 3600
SUBJECT = "Compressor trips on start"


@dataclass(frozen=True)
class Story:
    """`settings`: its block; `happen`: what goes wrong; `told`: what our people's words became over there."""

    settings: str
    happen: Callable[[Any], Any]
    told: Callable[[Any], list[str]]


def iso(ago: float) -> str:
    return f"{datetime.fromtimestamp(time.time() - ago, UTC):%Y-%m-%dT%H:%M:%SZ}"


def zendesk(stand: Any) -> Any:
    clock = {"metric": "total_resolution_time", "stage": "active", "breach_at": iso(300)}
    return stand.add(SUBJECT, created=time.time() - 2 * HOUR, priority="high", assignee_id=9002, slas=[clock])


def salesforce(stand: Any) -> Any:
    at = time.time() - 2 * HOUR
    case = stand.org.add("Case", at=at, Subject=SUBJECT, Status="Working", Priority="High")
    stand.org.add("CaseMilestone", at=at, CaseId=case["Id"], IsCompleted=False, TargetDate=written(time.time() - 300))
    return case


def hubspot(stand: Any) -> Any:
    ticket = {"subject": SUBJECT, "hs_pipeline_stage": "3", "hs_ticket_priority": "HIGH"}
    due = {"hs_time_to_close_sla_at": iso(300), "hubspot_owner_id": "72"}
    return stand.add("tickets", at=time.time() - 2 * HOUR, **ticket, **due)


def zoho_crm(stand: Any) -> Any:
    return stand.add("Cases", at=time.time() - 60, Subject=SUBJECT, Status="Escalated", Priority="High")


def intercom(stand: Any) -> Any:
    missed = {"type": "conversation_sla_summary", "sla_name": "Gold", "sla_status": "missed"}
    return stand.converse(SUBJECT, at=time.time() - 60, sla_applied=missed)


STORIES = {
    "zendesk": Story(
        f'user = "{credentials.ZENDESK_USER}"\ntoken = "{credentials.ZENDESK_TOKEN}"',
        zendesk,
        lambda stand: [one["body"] for rows in stand.comments.values() for one in rows if not one["public"]],
    ),
    "salesforce": Story(
        f'client_id = "{credentials.SALESFORCE_CLIENT_ID}"\nclient_secret = "{credentials.SALESFORCE_CLIENT_SECRET}"'
        "\nmilestones = true",
        salesforce,
        lambda stand: [one["CommentBody"] for one in stand.org.rows["CaseComment"].values() if not one["IsPublished"]],
    ),
    "hubspot": Story(
        f'token = "{credentials.HUBSPOT_TOKEN}"',
        hubspot,
        lambda stand: [one.properties["hs_note_body"] for one in stand.things["notes"].values()],
    ),
    "zoho_crm": Story(
        'accounts_url = "{url}/zoho_crm"\n'
        f'client_id = "{credentials.ZOHO_CLIENT_ID}"\nclient_secret = "{credentials.ZOHO_CLIENT_SECRET}"\n'
        f'refresh_token = "{credentials.ZOHO_REFRESH_TOKEN}"',
        zoho_crm,
        lambda stand: [one["Note_Content"] for one in stand.rows["Notes"].values()],
    ),
    "intercom": Story(
        f'token = "{credentials.INTERCOM_TOKEN}"',
        intercom,
        lambda stand: [
            part["body"]
            for row in stand.rows["conversations"].values()
            for part in row["conversation_parts"]["conversation_parts"]
            if part["part_type"] == "note"
        ],
    ),
}


@pytest.mark.parametrize("kind", STORIES)
async def test_a_case_rings_and_an_acknowledgement_is_told(sandbox: Sandbox, tmp_path: Path, kind: str) -> None:
    story, stand = STORIES[kind], sandbox.others[kind]
    stand.no_limits()
    block = f'[sources.{kind}]\nbase_url = "{sandbox.url}/{kind}"\ninterval = "1s"\n{story.settings}\n\n'
    where = "[sources.freshdesk]\n"
    async with running(sandbox, tmp_path, **{where: block.replace("{url}", sandbox.url) + where}) as town:
        story.happen(stand)
        await town.card(SUBJECT, "C0SUPPORT")
        ref = await ref_of(town, kind)
        outcome = await town.slack.type("U0ANA", "C0SUPPORT", f"/desk ack {ref}")
        assert outcome.acked
        await town.shows(SUBJECT, "Acknowledged by Ana Ruiz", "C0SUPPORT")
        await town.until(lambda: [text for text in story.told(stand) if "Ana Ruiz acknowledged" in text])
        await read_again(town, kind)
        assert len([text for text in story.told(stand) if "acknowledged" in text]) == 1


async def ref_of(town: Town, source: str) -> str:
    alerts = await town.daemon.store.read(lambda reader: reader.alerts(statuses=tuple(Status), limit=50))
    return str(next(alert.ref for alert in alerts if alert.source == source))


async def read_again(town: Town, source: str) -> None:
    before = await town.daemon.desk.freshness(source)

    async def fresher() -> bool:
        now = await town.daemon.desk.freshness(source)
        return now is not None and (before is None or now > before)

    await town.until_async(fresher, wanted=True)
