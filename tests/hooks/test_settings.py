"""What a hook's section may say, what `deskbell check` tells of it, and where each vendor's body has its ids."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bot.source_hooks import ids_in
from deskbell.config import ConfigError, load
from deskbell.vendors.hooks import USUAL, Door, HookConf
from pollers.catalog import KINDS
from tests.crash.lives import ROOT
from tests.hooks.conftest import PUBLIC, SECRET, hooked
from tests.town import configured, environ

NOWHERE = "http://127.0.0.1:1"


def settings(folder: Path, hook: str, public_url: str = PUBLIC) -> Any:
    before = "[sources.fieldservice.write]"
    changes = {
        before: f"[sources.fieldservice.hook]\n{hook}\n{before}",
        'public_url = ""': f'public_url = "{public_url}"',
    }
    return load(configured(NOWHERE, folder, **changes), environ(NOWHERE, folder))


@pytest.mark.parametrize(
    ("hook", "words"),
    [
        ("", "hook.secrets: is missing"),
        ("secrets = []", "secrets must be 1 to 3"),
        ('secrets = ["short"]', "at least 16 characters"),
        (f"secrets = {[SECRET + n for n in 'abcd']}".replace("'", '"'), "secrets must be 1 to 3"),
        ('secrets = ["dGhpc19zZWNyZXRfaXNfZm9yX3Rlc3Rpbmdfb25seQ=="]', "which everybody knows"),
        ('way = "basic"\nsecrets = ["sixteen-characters"]', "hook.secrets: must be user:password"),
        (f'way = "md5"\nsecrets = ["{SECRET}"]', "hook.way: "),
        (f'way = "path"\nheader = "X-Own"\nsecrets = ["{SECRET}"]', "header can't be chosen where way is path"),
        (f'ids = "a["\nsecrets = ["{SECRET}"]', "ids is no JMESPath expression"),
        (f'secret = "{SECRET}"', "hook.secret: is no setting; did you mean secrets?"),
        ('secrets = ["env:NOT_SET_ANYWHERE"]', "set the environment variable NOT_SET_ANYWHERE"),
    ],
)
def test_a_mistake_is_named_without_the_secret(tmp_path: Path, hook: str, words: str) -> None:
    with pytest.raises(ConfigError) as refused:
        settings(tmp_path, hook)
    assert words in str(refused.value)
    assert SECRET not in str(refused.value)


def test_a_signature_over_the_address_needs_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"set server\.public_url"):
        settings(tmp_path, f'way = "hubspot"\nsecrets = ["{SECRET}"]', "")


def test_a_header_of_ones_own(tmp_path: Path) -> None:
    door = settings(tmp_path, f'header = "X-Own"\nsecrets = ["{SECRET}"]').doors["fieldservice"]
    assert door.shown == f"POST {PUBLIC}/hooks/fieldservice, proven in the header x-own"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (hooked("signed"), f"POST {PUBLIC}/hooks/fieldservice, proven in the header x-deskbell-signature"),
        ({**hooked("signed"), 'public_url = ""': 'public_url = ""'}, "server.public_url is not set"),
    ],
)
def test_check_tells_where_to_call(tmp_path: Path, changes: dict[str, str], words: str) -> None:
    path = configured(NOWHERE, tmp_path, **changes)
    command = [sys.executable, "-m", "deskbell", "check", "--offline", "-c", str(path)]
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=ROOT, check=False, env=environ(NOWHERE, tmp_path)
    )
    assert words in " ".join(done.stdout.split())
    assert SECRET not in done.stdout


BODIES: list[tuple[str, Any, list[str]]] = [
    ("freshdesk", {"ticket_id": "42"}, ["42"]),
    ("freshdesk", {"freshdesk_webhook": {"ticket_id": 42, "ticket_subject": "No air"}}, ["42"]),
    ("servicenow", {"sys_id": "a9e30c7dc61122760116894de7bcc7bd"}, ["a9e30c7dc61122760116894de7bcc7bd"]),
    ("zendesk", {"type": "zen:event-type:ticket.status_changed", "detail": {"id": "35436"}, "event": {}}, ["35436"]),
    ("zendesk", {"ticket_id": "35436", "at": "2026-11-20T10:00:00Z"}, ["35436"]),
    ("salesforce", {"Id": "500xx00000AbCdEAAV"}, ["500xx00000AbCdEAAV"]),
    ("hubspot", [{"objectId": 7, "subscriptionType": "ticket.creation"}, {"objectId": 8}, {"objectId": 7}], ["7", "8"]),
    ("hubspot", {"objectId": 7}, ["7"]),
    ("zoho_crm", {"module": "Cases", "ids": ["111", "222"], "operation": "update"}, ["111", "222"]),
    ("intercom", {"type": "notification_event", "id": "notif_1", "data": {"item": {"id": "215"}}}, ["215"]),
    ("pipedrive", {"meta": {"id": "u-1", "entity": "deal", "entity_id": "77"}, "data": {}}, ["77"]),
    ("jobber", {"data": {"webHookEvent": {"topic": "VISIT_UPDATE", "itemId": "Z2lkOi8vSm9i=="}}}, ["Z2lkOi8vSm9i=="]),
    ("rest", {"id": 4711}, ["4711"]),
    ("sql", {"ids": ["a", "b"]}, ["a", "b"]),
]


@pytest.mark.parametrize(("kind", "body", "ids"), BODIES)
def test_the_ids_are_found_where_the_vendor_puts_them(kind: str, body: Any, ids: list[str]) -> None:
    door = Door.of("desk", kind, HookConf((SECRET,)), PUBLIC)
    assert ids_in(door, "application/json", json.dumps(body).encode()) == ids


def test_what_is_usual_is_known_of_sources_that_there_are() -> None:
    assert set(USUAL) <= set(KINDS)
