"""Amazon SNS: against moto, which is somebody else's SNS, and what only it does."""

import logging
from datetime import UTC, datetime

import pytest
from moto.server import ThreadedMotoServer
from moto.sns.models import sns_backends

from channels.catalog import service
from channels.engine import VendorChannel
from channels.vendors.sns import SnsConf, publish
from deskbell.core.alert import Severity
from deskbell.core.outcome import Fault, Rejected, Sent, Unknown
from deskbell.core.ports import Destination
from deskbell.core.sizes import parts
from deskbell.net.auth import AwsKey
from deskbell.net.http import Http
from tests.vendors.conftest import CARD, LINK, identity

SINCE = datetime(2020, 1, 1, tzinfo=UTC)
REGION = "eu-central-1"
PLAIN = pytest.mark.parametrize("name", ["sns"])


@pytest.fixture(scope="module")
def moto():
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
async def channel(moto):
    async def nobody(_person):
        return None

    conf = SnsConf("AKIAEXAMPLE", "a-secret-of-ours", REGION, "Deskbell", base_url=moto)
    made = VendorChannel("sns", service("sns"), conf, nobody, {}, lambda _ref: LINK)
    yield made
    await made.close()


async def topic(url, name, **attributes):
    """Made in moto by a request that is signed as ours are."""
    form = {"Action": "CreateTopic", "Version": "2010-03-31", "Name": name}
    for n, (key, value) in enumerate(attributes.items(), 1):
        form |= {f"Attributes.entry.{n}.key": key, f"Attributes.entry.{n}.value": value}
    client = Http("moto", url, AwsKey("AKIAEXAMPLE", "a-secret-of-ours", REGION, "sns"))
    reply = await client.call("POST", "/", form=form, expect_json=False)
    await client.close()
    assert reply.ok, reply.text
    return f"arn:aws:sns:{REGION}:123456789012:{name}"


def backend():
    return sns_backends["123456789012"][REGION]


async def test_a_topic_of_moto_gets_it(moto, channel):
    arn = await topic(moto, "alerts")
    sent = await channel.post(Destination("there", "sns", arn), CARD, identity())
    assert isinstance(sent, Sent), sent
    (row,) = backend().topics[arn].sent_notifications
    message_id, message, subject = row[:3]
    assert sent.ref["id"] == message_id
    assert message.splitlines()[-1] == LINK
    assert CARD.summary in subject


async def test_a_phone_of_moto_gets_an_sms(moto, channel):
    sent = await channel.post(Destination("there", "sns", "+15005550009"), CARD, identity())
    assert isinstance(sent, Sent), sent
    number, text = backend().sms_messages[sent.ref["id"]][:2]
    assert number == "+15005550009"
    assert text.endswith(LINK)
    assert parts(text) <= 2


async def test_a_topic_that_moto_does_not_have(moto, channel):
    nowhere = Destination("there", "sns", f"arn:aws:sns:{REGION}:123456789012:none")
    outcome = await channel.post(nowhere, CARD, identity())
    assert outcome == Rejected(Fault.CONFIG, outcome.why)
    assert "NotFound" in outcome.why or "not exist" in outcome.why


@PLAIN
async def test_a_topic_with_order_knows_a_repeat(name, world):
    """Also of what is not severe: there, nothing is lost and nothing comes twice."""
    room = Destination("there", name, world.room.address + ".fifo")
    mild = identity(severity=Severity.P3)
    world.fault("lost")
    assert isinstance(await world.channel.post(room, CARD, mild), Unknown)
    assert await world.channel.find(room, mild, SINCE, {}) is None
    assert isinstance(await world.channel.post(room, CARD, mild), Sent)
    (told,) = world.stand_in.told
    assert told.fields["MessageGroupId"].startswith("deskbell-d-4821")


@PLAIN
async def test_another_secret_is_refused(name, world):
    world.channel.conf = SnsConf("AKIASANDBOX", "not-that-one", REGION, base_url=world.conf.base_url)
    outcome = await world.channel.post(world.room, CARD, identity())
    assert outcome == Rejected(Fault.AUTH, outcome.why)
    assert not world.stand_in.told


@pytest.mark.parametrize(("region", "host"), [(REGION, "amazonaws.com"), ("cn-north-1", "amazonaws.com.cn")])
def test_each_region_has_its_host(region, host):
    row = service("sns")
    assert row.base(SnsConf("k", "s", region), "") == f"https://sns.{region}.{host}"
    assert row.send.build is publish
