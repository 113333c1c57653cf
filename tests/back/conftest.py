"""The real daemon with vendors of the catalogue beside a chat, and their stand-ins; calls are signed here, by hand."""

import asyncio
import base64
import hmac
import itertools
import json
from datetime import timedelta
from urllib.parse import urlencode

import aiohttp
import pytest

from deskbell.config import load
from deskbell.core.alert import Severity, Status
from deskbell.core.ports import Interaction
from deskbell.daemon import Daemon
from deskbell.net.clock import wall
from deskbell.sandbox.server import Sandbox

SOON = timedelta(seconds=30)
PUBLIC = "https://desk.example.org"
ANA, BEN = "+15005550001", "+15005550002"
TOKEN, NEXT = "sandbox-twilio-token", "the-token-after-the-next-one"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
CONFIG = """
[deskbell]
database = "sqlite:///{folder}/desk.db"
secret = "a-secret-for-the-tests-only"
tick = "1s"
{general}

[server]
port = 0
public_url = "{public}"

[people.ana]
name = "Ana Ruiz"
roles = ["dispatcher", "oncall", "manager"]
{ana}

[people.ben]
name = "Ben Okafor"
roles = ["technician", "oncall"]
{ben}

[rotas.duty]
people = ["ana"]
start = "2026-01-01"

[slack]
bot_token = "xoxb-sandbox"
app_token = "xapp-sandbox"
base_url = "{url}/slack/api/"

[destinations.chat]
platform = "slack"
address = "C0DISPATCH"

[[routes]]
name = "all"
destinations = {all}
"""


def toml(value):
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name} = {toml(item)}" for name, item in value.items()) + "}"
    return json.dumps(value)


def config_of(sandbox, folder, people, channels, general=""):
    """`people`: their accounts; `channels`: by name what to change of the stand-in's settings."""
    named = {who: "\n".join(f"{name} = {toml(value)}" for name, value in accounts.items()) for who, accounts in people}
    text = CONFIG.format(
        folder=folder,
        url=sandbox.url,
        public=PUBLIC,
        general=general,
        all=json.dumps(["chat", *channels]),
        ana=named.get("ana", ""),
        ben=named.get("ben", ""),
    )
    for name, changes in channels.items():
        vendor = sandbox.vendors[name]
        given = vendor.settings() | changes
        address = given.pop("address", vendor.address())
        text += f"\n[channels.{name}]\n" + "".join(f"{key} = {toml(value)}\n" for key, value in given.items())
        text += f'\n[destinations.{name}]\nplatform = "{name}"\naddress = {toml(address)}\n'
        text += f"options = {toml(dict(vendor.vendor.options))}\n"
    file = folder / "config.toml"
    file.write_text(text)
    return file


class House:
    """A running daemon and whoever speaks to it."""

    def __init__(self, daemon, sandbox, session):
        self.daemon, self.sandbox, self.session = daemon, sandbox, session
        self.numbers = itertools.count()

    def url(self, path):
        return f"http://127.0.0.1:{self.daemon.server.port}{path}"

    async def post(self, path, body, headers):
        async with self.session.post(self.url(path), data=body, headers=headers) as reply:
            return reply.status, await reply.text()

    async def twilio(self, fields, key=TOKEN, query=""):
        """As Twilio signs it: the address that it was told, and each field behind it."""
        behind = "".join(name + fields[name] for name in sorted(fields))
        signed = f"{PUBLIC}/inbound/twilio{query}{behind}"
        mac = base64.b64encode(hmac.new(key.encode(), signed.encode(), "sha1").digest()).decode()
        return await self.post("/inbound/twilio" + query, urlencode(fields), FORM | {"X-Twilio-Signature": mac})

    async def sms(self, text, sender=ANA, sid="SM1"):
        return await self.twilio({"MessageSid": sid, "From": sender, "To": "+15005550006", "Body": text})

    def told(self, name, to=None):
        rows = self.sandbox.vendors[name].told
        return [one for one in rows if to is None or one.fields.get("To") == to]

    async def raised(self, severity=Severity.P1, key="1"):
        more = {"text": "", "severity": severity, "team": "", "subject": "J-1"}
        answer = await self.daemon.desk.raise_manual(
            caller="test", person=None, idempotency_key=key, title="Cold store too warm", **more
        )
        await self.settled()
        return answer.alert

    async def rung(self, person="ana", verb="reassign", ref="D-1", by="a-browser"):
        """A message of its own to one person: somebody gives them the alert."""
        await self.daemon.desk.link("web", by, "ana")
        said = Interaction(
            f"{verb}{next(self.numbers)}", "web", by, verb, ref=ref, args={"person": person}, kind="command"
        )
        answer = await self.daemon.desk.act(said)
        assert answer.ok, answer
        await self.settled()

    async def acted(self, verb, ref="D-1", **args):
        await self.daemon.desk.link("web", "a-browser", "ana")
        said = Interaction(f"{verb}{next(self.numbers)}", "web", "a-browser", verb, ref=ref, args=args, kind="command")
        answer = await self.daemon.desk.act(said)
        assert answer.ok, answer
        await self.settled()
        return answer

    async def settled(self):
        """Until nothing is left that could go now; what waits for its time stays."""
        async with asyncio.timeout(20):
            while any(row.state == "claimed" or self._soon(row) for row in self.outbox()):
                await asyncio.sleep(0.02)

    def _soon(self, row):
        return row.next_try_at is None or row.next_try_at < wall() + SOON

    def outbox(self):
        return self.daemon.store.read_now(lambda reader: reader.outbox())

    async def until(self, what):
        async with asyncio.timeout(20):
            while not (value := await what() if asyncio.iscoroutinefunction(what) else what()):
                await asyncio.sleep(0.02)
        return value

    def alert(self, number=1):
        return self.daemon.store.read_now(lambda reader: reader.alert(number))

    def messages(self, number=1):
        return self.daemon.store.read_now(lambda reader: reader.messages_of(number))

    def entries(self, verb=None):
        rows = self.daemon.store.read_now(lambda reader: reader.audit_rows(0, 10_000))
        return [row.entry for row in rows if verb in (None, row.entry.verb)]

    @property
    def open(self):
        return self.alert().status is Status.OPEN


@pytest.fixture
async def sandbox():
    async with Sandbox() as made:
        yield made


@pytest.fixture
def people():
    return {"ana": {"twilio": ANA}, "ben": {"twilio": BEN}}


@pytest.fixture
def channels():
    return {"twilio": {"address": "", "hook": {"secrets": [TOKEN, NEXT]}}}


@pytest.fixture
def general():
    """Lines of [deskbell]."""
    return ""


@pytest.fixture
async def house(sandbox, tmp_path, people, channels, general):
    daemon = await Daemon.start(load(config_of(sandbox, tmp_path, people.items(), channels, general), {}))
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as session:
        yield House(daemon, sandbox, session)
    await daemon.stop()
