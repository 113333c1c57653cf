"""A small house that tells its customers: one chat for the staff, one schedule, and the ways to customers."""

import asyncio
import json
import re
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bot.letterbox import Letterbox
from deskbell.config import load
from deskbell.core.customer import Medium
from deskbell.core.heard import Words
from deskbell.daemon import Daemon
from deskbell.desk import consents
from deskbell.sandbox.server import Sandbox

HOUSE = Path(__file__).parents[2] / "config.toml"
CONFIG = """
[deskbell]
database = "sqlite:///{folder}/desk.db"
secret = "a-secret-for-the-tests-only"
tick = "1s"

[server]
port = 0
public_url = "https://desk.example.org"

[people.ana]
name = "Ana Ruiz"
email = "ana@example.org"
roles = ["dispatcher", "manager", "compliance"]

[slack]
bot_token = "xoxb-sandbox"
app_token = "xapp-sandbox"
base_url = "{url}/slack/api/"

[destinations.dispatch]
platform = "slack"
address = "C0DISPATCH"

[customers]
firm = "Northgate Air"
call = "+49 30 5550 100"
region = "DE"
quiet = ""
order = ["whatsapp", "sms", "mail"]

[customers.channels]
sms = "twilio"
mail = "smtp"
"""


def toml(value):
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name} = {toml(item)}" for name, item in value.items()) + "}"
    return json.dumps(value)


def schedule(url):
    """The schedule, as config.toml describes it."""
    text = HOUSE.read_text()
    found = re.search(
        r"^\[sources\.fieldservice\].*?(?=^# |^\[(?!sources\.fieldservice))", text, re.DOTALL | re.MULTILINE
    )
    return (
        found[0]
        .replace("${DESKBELL_SANDBOX:-http://127.0.0.1:8765}", url)
        .replace('interval = "2s"', 'interval = "1s"')
    )


def configured(sandbox, folder, *, more="", channels=("twilio", "smtp"), **changes):
    text = CONFIG.format(folder=folder, url=sandbox.url) + schedule(sandbox.url) + more
    for name in channels:
        settings = sandbox.vendors[name].settings()
        text += f"\n[channels.{name}]\n" + "".join(f"{key} = {toml(value)}\n" for key, value in settings.items())
    for old, new in changes.items():
        assert old in text, old
        text = text.replace(old, new)
    file = folder / "config.toml"
    file.write_text(text)
    return file


@dataclass
class Firm:
    """The house and the stand-ins, and what tests ask of them."""

    sandbox: Sandbox
    daemon: Daemon
    written: int = 0

    @property
    def desk(self):
        return self.daemon.desk

    def sms(self, to=""):
        return [one.fields["Body"] for one in self.sandbox.vendors["twilio"].told if to in one.fields["To"]]

    def mails(self, to=""):
        return [one.fields for one in self.sandbox.vendors["smtp"].told if to in one.fields["to"]]

    def job(self, contact, *, minutes=60.0, number=4711, **more: Any):
        """A job that begins so many minutes from now. `contact` is what the schedule says of its customer."""
        start = time.time() + minutes * 60
        customer = {"name": "Erika Sample", "phone": contact}
        more = {"technician": 1, "id": number, "summary": "No pressure", "customer": customer} | more
        return self.sandbox.fieldservice.add(start=start, end=start + 3600, **more)

    async def read(self, what):
        return await self.daemon.store.read(what)

    async def letters(self):
        return await self.read(lambda reader: reader.letters())

    async def until(self, what, seconds=15.0):
        """Waits until it is true, and gives it."""
        end = time.monotonic() + seconds
        while True:
            value = what()
            if asyncio.iscoroutine(value):
                value = await value
            if value:
                return value
            assert time.monotonic() < end, "not in time"
            await asyncio.sleep(0.02)

    async def known(self, number=4711):
        """Until the schedule's job is in the database, its first read over."""
        await self.until(lambda: self._known(str(number)))

    async def _known(self, number):
        stored = await self.read(lambda reader: reader.record("fieldservice", number))
        return stored is not None and await self._begun()

    async def begun(self):
        """Until what the schedule says is no history any more."""
        await self.until(self._begun)

    async def _begun(self):
        state = await self.read(lambda reader: reader.source("fieldservice"))
        return state is not None and not state.baseline

    async def stage(self, wanted, name=""):
        """The newest letter (of that name), once that became of it."""

        async def found():
            rows = [one for one in await self.letters() if one.name == name or not name]
            return rows[-1] if rows and rows[-1].stage == wanted else None

        return await self.until(found)

    async def settled(self):
        await self.until(self._idle)

    async def _idle(self):
        return await self.daemon.pending() == 0

    async def grant(self, medium, value, *, granted=True):
        def change(book):
            consents.note(book, Medium(medium), value, granted=granted, origin="staff", proof="form 7")

        await self.desk._change(change)

    async def writes(self, channel, sender, text, about=""):
        """A customer writes back."""
        self.written += 1
        said = Words(sender, text, f"in{self.written}", about)
        await Letterbox(self.desk).take(channel, [said])

    def card(self, subject, words):
        """The card's text, once it says that."""
        cards = [
            one for one in self.sandbox.slack.messages("C0DISPATCH") if not one.thread_ts and subject in one.as_text()
        ]
        return next((one.as_text() for one in cards if words in one.as_text()), "")

    async def ledger(self, medium, value):
        who = consents.who(self.desk.house, Medium(medium), value)
        return await self.read(lambda reader: reader.ledger(who))

    async def audit(self):
        return await self.read(lambda reader: reader.audit_rows(0, 5000))


@asynccontextmanager
async def opened(sandbox, folder, **more):
    daemon = await Daemon.start(
        load(configured(sandbox, folder, **more), {"FIELDSERVICE_TOKEN": "sandbox-fieldservice"})
    )
    try:
        await daemon.desk.link("slack", "U0ANA", "ana")
        yield Firm(sandbox, daemon)
    finally:
        await daemon.stop()


@pytest.fixture
async def sandbox():
    async with Sandbox() as made:
        for chat in made.chats.values():
            chat.no_limits()
        yield made


@pytest.fixture
async def firm(sandbox, tmp_path):
    async with opened(sandbox, tmp_path) as made:
        yield made
