"""The stand-in of Power Automate on a port of its own, and our channel to it."""

import pytest
from aiohttp import web

from channels.workflows import WorkflowsChannel
from deskbell.core.card import Button, Card, Tone
from deskbell.core.ports import Destination, Identity
from deskbell.net import redact
from deskbell.sandbox.clock import Clock, Pulse
from deskbell.sandbox.ledger import Ledger
from deskbell.sandbox.workflows import Workflows

NAMES = {"ana": "Ana Ruiz", "ben": "Ben Okafor"}
AAD = "aad00000-0000-4000-8000-000000000001"
CARD = Card(
    "D-12",
    Tone.CRITICAL,
    "P1 act now",
    "Technician late",
    "Marco Bianchi is 25 min late at Northgate Dairy, J-4711",
    (("Customer", "Northgate Dairy"), ("Window", "13:00 to 14:00")),
    ("14:02 Opened as P1",),
    buttons=(Button("ack", "Acknowledge", "t" * 28),),
    url="https://fieldservice.example.org/jobs/4711",
    mentions=("ana", "ben"),
)


@pytest.fixture(autouse=True)
def no_secrets_from_other_tests():
    redact._secrets.forget()
    yield
    redact._secrets.forget()


@pytest.fixture
def flows():
    clock = Clock()
    return Workflows(clock, Ledger(clock, Pulse()))


@pytest.fixture
async def room(flows):
    app = web.Application(client_max_size=1 << 22)
    flows.add_routes(app.router)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield Destination("dispatch", "workflows", flows.address(url, "dispatch"))
    await runner.cleanup()


@pytest.fixture
async def channel():
    async def account_of(person):
        return AAD if person == "ana" else None

    made = WorkflowsChannel(lambda ref: f"https://desk.example.org/a/{ref}-token", account_of, NAMES)
    yield made
    await made.close()


@pytest.fixture
def card():
    return CARD


@pytest.fixture
def identity():
    return Identity("card", "D-12", "dispatch", 1)
