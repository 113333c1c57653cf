"""The whole house with every vendor of the catalogue beside a chat: what each is told from the alert to its end."""

import asyncio
import json

import pytest

from channels.catalog import SERVICES, service
from channels.service import Role
from deskbell.checks import ring_once
from deskbell.config import ConfigError, load
from deskbell.core.alert import Severity
from deskbell.core.ports import Interaction
from deskbell.daemon import Daemon
from deskbell.sandbox.server import Sandbox
from tests.vendors.conftest import shown

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
roles = ["dispatcher", "oncall", "manager"]
{account}

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


def configured(sandbox, folder, names=SERVICES, **changes):
    """A file with these vendors, each with a destination of its name. `changes`: a vendor's settings."""
    account = 'twilio = "+15005550001"' if "twilio" in names else ""
    text = CONFIG.format(folder=folder, url=sandbox.url, all=json.dumps(["chat", *names]), account=account)
    for name in names:
        vendor = sandbox.vendors[name]
        settings = vendor.settings() | changes.get(name, {})
        text += f"\n[channels.{name}]\n" + "".join(f"{key} = {toml(value)}\n" for key, value in settings.items())
        text += f'\n[destinations.{name}]\nplatform = "{name}"\naddress = {toml(vendor.address())}\n'
        text += f"options = {toml(dict(vendor.vendor.options))}\n"
    file = folder / "config.toml"
    file.write_text(text)
    return file


@pytest.fixture
async def sandbox():
    async with Sandbox() as made:
        yield made


@pytest.fixture
async def house(sandbox, tmp_path):
    daemon = await Daemon.start(load(configured(sandbox, tmp_path), {}))
    yield daemon
    await daemon.stop()


async def until(what):
    async with asyncio.timeout(15):
        while not (value := what()):
            await asyncio.sleep(0.02)
    return value


async def settled(house):
    async with asyncio.timeout(15):
        while await house.pending():
            await asyncio.sleep(0.02)


async def raised(house):
    more = {"text": "", "severity": Severity.P1, "team": "", "subject": "J-1"}
    await house.desk.raise_manual(caller="test", person=None, idempotency_key="1", title="Cold store too warm", **more)


async def said(house, verb, **args):
    answer = await house.desk.act(Interaction(verb, "slack", "U0ANA", verb, ref="D-1", args=args, kind="command"))
    assert answer.ok, answer


async def test_each_vendor_hears_of_an_alert_and_each_record_follows_it(house, sandbox):
    await house.desk.link("slack", "U0ANA", "ana")
    await raised(house)
    await settled(house)
    for name, vendor in sandbox.vendors.items():
        assert vendor.told, name
        assert "Cold store too warm" in shown(vendor, vendor.told[:1]), name
    told = {name: len(vendor.told) for name, vendor in sandbox.vendors.items()}
    await said(house, "ack")
    await settled(house)
    await said(house, "resolve", reason="it is cold again")
    await settled(house)
    for name, vendor in sandbox.vendors.items():
        row = service(name)
        follows = row.hush or (row.open is not None and (row.close or row.progress))
        assert (len(vendor.told) > told[name]) == bool(follows), name
        assert not vendor.refused, name


async def test_the_card_says_where_its_records_are(sandbox, tmp_path):
    """Of as many as a line of it holds."""
    opened = [name for name in SERVICES if service(name).open and service(name).open.url][:3]
    assert opened
    house = await Daemon.start(load(configured(sandbox, tmp_path, opened), {}))
    await raised(house)
    await settled(house)
    (card,) = [message for message in sandbox.slack.messages("C0DISPATCH") if not message.thread_ts]
    for name in opened:
        assert f"{service(name).title}: https://" in card.as_text()
    await house.stop()


async def test_a_chat_that_fails_is_told_of_where_somebody_hears_it(house, sandbox):
    """Not in a system that only keeps records."""
    sandbox.slack.faults.set("channel_not_found", where="C0DISPATCH")
    await raised(house)
    await until(lambda: any("can't reach the room" in json.dumps(t.fields) for t in sandbox.vendors["http"].told))
    await settled(house)
    silent = [name for name in SERVICES if Role.NOTIFY not in service(name).roles]
    assert silent
    for name in silent:
        assert "can't reach the room" not in json.dumps([told.fields for told in sandbox.vendors[name].told])


@pytest.mark.parametrize("name", SERVICES)
async def test_ring_tries_it(name, sandbox, tmp_path):
    settings = load(configured(sandbox, tmp_path, [name]), {})
    ok, words = await ring_once(settings, name)
    assert ok, words
    assert "Nothing happened" in shown(sandbox.vendors[name], sandbox.vendors[name].told[:1])
    sandbox.vendors[name].faults.set("500", times=1)
    ok, words = await ring_once(settings, name)
    assert not ok
    assert words.startswith(f"Could not ring {name}: {service(name).title}")


@pytest.mark.parametrize("name", SERVICES)
async def test_a_setting_that_is_blank_is_named(name, sandbox, tmp_path):
    for key in service(name).needed():
        blank = {} if isinstance(sandbox.vendors[name].settings()[key], dict) else ""
        with pytest.raises(ConfigError, match=rf"channels\.{name}\.{key}: is empty"):
            load(configured(sandbox, tmp_path, [name], **{name: {key: blank}}), {})


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('platform = "trello"', 'platform = "trelo"', r"destinations.trello.platform: .*did you mean trello"),
        ("[channels.trello]", "[channels.trelo]", r"channels.trelo.kind: .*did you mean trello"),
        ('address = "5f00', 'address = "xx', r"destinations.trello.address: is the id of a list"),
        ("options = {", "options = {dne = 'x', ", r"destinations.trello.options.dne: .*did you mean done"),
        ("options = {", "options = {tells = 'x', ", r"destinations.trello.options.tells: must be one of first"),
        ("base_url", "allow = 1\nbase_url", r"channels.trello.allow: is no setting"),
        ('base_url = "http://127.0.0.1', 'base_url = "http://10.0.0.1', r"channels.trello.base_url: .*not encrypted"),
    ],
)
async def test_what_is_wrong_is_named(old, new, said, sandbox, tmp_path):
    file = configured(sandbox, tmp_path, ["trello"])
    text = file.read_text()
    head, tail = text.split("[channels.trello]")
    tail = "[channels.trello]" + tail
    assert old in tail
    file.write_text(head + tail.replace(old, new, 1))
    with pytest.raises(ConfigError, match=said):
        load(file, {})


async def test_one_vendor_may_be_there_twice(sandbox, tmp_path):
    file = configured(sandbox, tmp_path, ["trello"])
    text = file.read_text()
    second = text[text.index("[channels.trello]") :]
    second = second.replace("channels.trello]", 'channels.board2]\nkind = "trello"').replace(
        '"trello"\naddress', '"board2"\naddress'
    )
    file.write_text(text + "\n" + second.replace("destinations.trello", "destinations.second"))
    ok, words = await ring_once(load(file, {}), "second")
    assert ok, words


async def test_who_is_known_in_no_chat_is_rung_by_sms(house, sandbox):
    """And by whatever else has an account of theirs, in the order of the route."""
    await raised(house)
    await settled(house)
    before = len(sandbox.vendors["twilio"].told)
    await house.desk.link("web", "a-browser", "ana")
    answer = await house.desk.act(Interaction("k", "web", "a-browser", "escalate", ref="D-1", kind="command"))
    assert answer.ok, answer
    await until(lambda: "+15005550001" in [told.fields["To"] for told in sandbox.vendors["twilio"].told[before:]])
