"""`deskbell demo --scenario customers`, and that its judge notices what would be wrong."""

import asyncio
import json
import sys

import pytest

from deskbell.sandbox.scenario.customers import ANA, CUSTOMERS
from deskbell.sandbox.server import Sandbox
from deskbell.sandbox.vendors.stand_in import Told

SMS, WHATSAPP, STOPPED, NOBODY, LAW = CUSTOMERS


@pytest.fixture
def told():
    """The stand-ins after a run in which all went well, without a server."""
    sandbox = Sandbox()
    sent = {
        "twilio": [{"To": SMS.address, "Body": "J-4801 is on the way"}, {"To": ANA, "Body": "D-1"}],
        "whatsapp": [
            {"to": "390255501234", "template": {"components": [{"parameters": [{"text": "J-4802 is on the way"}]}]}}
        ],
        "mailgun": [{"to": LAW.address, "subject": "J-4805", "text": "J-4805 is cancelled"}],
    }
    for system, rows in sent.items():
        for n, fields in enumerate(rows):
            sandbox.vendors[system].told.append(Told("send", f"{system}{n}", "", fields, at=100.0))
    sandbox.customers.facts.stopped_at[STOPPED.address] = 50.0
    return sandbox


def text(sandbox, body, to, at=100.0):
    sandbox.vendors["twilio"].told.append(Told("send", "more", "", {"To": to, "Body": body}, at=at))


async def test_a_good_run_is_one(told):
    found = await told.customers.judge({})
    assert (found["lost"], found["unconsented"], found["duplicates"]) == (0, 0, 0)
    assert found["told"] == {"twilio": 1, "whatsapp": 1, "mailgun": 1}


@pytest.mark.parametrize(
    ("body", "to", "what"),
    [
        ("J-4803 is on the way", STOPPED.address, "unconsented"),
        ("J-4804 is on the way", NOBODY.address, "unconsented"),
        ("an advertisement", "+4930999", "unconsented"),
        ("J-4801 is on the way", SMS.address, "duplicates"),
    ],
)
async def test_what_should_not_have_been_sent_is_noticed(told, body, to, what):
    text(told, body, to)
    assert (await told.customers.judge({}))[what] == 1


async def test_that_stop_counts_may_be_said(told):
    text(told, "You get no more. START brings them back.", STOPPED.address)
    assert (await told.customers.judge({}))["unconsented"] == 0


@pytest.mark.parametrize("system", ["twilio", "whatsapp", "mailgun"])
async def test_who_was_not_told_is_noticed(told, system):
    told.vendors[system].told.clear()
    found = await told.customers.judge({})
    assert found["lost"] == 1
    assert found["wrong"]


async def test_the_demo_tells_everybody_who_agreed_and_nobody_else():
    words = ("demo", "--headless", "--port", "0", "--scenario", "customers", "--for", "60", "--json")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "deskbell", *words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await process.communicate()
    found = json.loads(out)
    assert found["customers"]["wrong"] == [], err
    assert process.returncode == 0
    assert sorted(found["customers"]["acknowledged"]) == ["link", "sms"]
    assert (found["lost"], found["unconsented"], found["customers"]["required"]) == (0, 0, 1)
