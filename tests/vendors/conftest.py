"""One vendor of the catalogue at a time: its stand-in on a port of its own, and our channel to it."""

import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import web

from channels.catalog import service
from channels.common import Back
from channels.engine import VendorChannel
from deskbell.config.channels import COMMON
from deskbell.config.strict import Reading
from deskbell.core.alert import Severity
from deskbell.core.card import Card, Note, Tone
from deskbell.core.ports import Destination, Identity
from deskbell.net import redact
from deskbell.net.seal import unseal
from deskbell.sandbox.clock import Clock, Pulse
from deskbell.sandbox.ledger import Ledger
from deskbell.sandbox.mail import MailServer
from deskbell.sandbox.vendors import vendors
from deskbell.sandbox.vendors.stand_in import StandIn

OPENED = datetime(2026, 11, 20, 14, 2, tzinfo=UTC)
CARD = Card(
    "D-4821",
    Tone.CRITICAL,
    "P1 act now",
    "Technician late",
    "Marco Bianchi is 25 min late at Northgate Dairy, J-4711",
    (("Customer", "Northgate Dairy"), ("Window", "13:00 to 14:00")),
    url="https://fieldservice.example.org/jobs/4711",
)
LINK = "https://desk.example.org/a/D-4821-t"


@dataclass(slots=True)
class World:
    """`room` is a destination there; `told` sets what our channel is asked to say of the alert."""

    channel: VendorChannel
    stand_in: StandIn
    room: Destination
    conf: Any
    account: dict[str, str] = field(default_factory=dict)

    @property
    def service(self):
        return self.channel.service

    def fault(self, kind, times=1, where=None):
        """Of the call that tells or opens, which is the stand-in's first way, or `where` else ("": any)."""
        self.stand_in.faults.set(kind, times=times, where=self.way.name if where is None else where)

    @property
    def way(self):
        return self.stand_in.vendor.ways[0]

    @property
    def asked(self):
        """The requests but those for tokens."""
        login = self.stand_in.vendor.login
        return [call for call in self.stand_in.calls if login is None or call.path != login.path]


def identity(kind="card", number=1, severity=Severity.P1, ref="D-4821"):
    return Identity(kind, ref, "there", number, severity, OPENED)


def note(text="Escalated to level 1, Ben Okafor"):
    return Note(f"D-4821: {text}", "D-4821", ("ben",), broadcast=True)


def shown(stand_in, calls):
    """What whoever is told gets of these: also what is spoken, of which the address has it sealed."""
    texts = [json.dumps(call.fields, ensure_ascii=False) for call in calls]
    sealed = [part for text in texts for part in re.findall(r"[?&]say=([\w-]+)", text)]
    spoken = " ".join(texts + [unseal(stand_in.settings()["auth_token"], part) for part in sealed])
    return re.sub(r"\balert ((?:\d )*\d):", lambda ref: f"D-{ref[1].replace(' ', '')}", spoken)


def settings_of(name, given):
    """The vendor's settings, as the configuration reads them."""
    reading = Reading({}, None)
    own = {key: value for key, value in given.items() if key not in COMMON}
    conf = reading.table(service(name).conf, own, f"channels.{name}")
    return conf, reading


def stand_in_of(name):
    row = next((vendor for vendor in vendors() if vendor.name == name), None)
    assert row is not None, f"deskbell/sandbox/vendors/{name}.py is missing"
    clock = Clock()
    return StandIn(row, clock, Ledger(clock, Pulse()))


@pytest.fixture(autouse=True)
def no_secrets_from_other_tests():
    redact._secrets.forget()
    yield
    redact._secrets.forget()


@pytest.fixture
async def world(name):
    stand_in = stand_in_of(name)
    app = web.Application(client_max_size=1 << 22)
    stand_in.add_routes(app.router)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    stand_in.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    mail = MailServer(stand_in)
    stand_in.port = await mail.start("127.0.0.1") if name == "smtp" else 0
    conf, reading = settings_of(name, stand_in.settings())
    assert not reading.problems
    accounts = {}

    async def account_of(person):
        return accounts.get(person)

    back = Back(hook=f"https://desk.example.org/inbound/{name}")
    channel = VendorChannel(name, service(name), conf, account_of, {"ben": "Ben Okafor"}, lambda _ref: LINK, back)
    room = Destination("there", name, stand_in.address(), dict(stand_in.vendor.options))
    yield World(channel, stand_in, room, conf, accounts)
    await channel.close()
    await mail.stop()
    await runner.cleanup()
