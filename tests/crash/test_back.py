"""kill -9 while a vendor says something back: what was answered with 200 is done once, and so is what was asked for."""

import asyncio
import base64
import contextlib
import hmac
import json
from pathlib import Path
from urllib.parse import urlencode

import aiohttp
import pytest

from deskbell.sandbox.server import Sandbox
from deskbell.sandbox.vendors.stand_in import Told
from deskbell.torture.nursery import Nursery
from deskbell.torture.plan import BACK
from tests.crash.lives import Lives, Town

PUBLIC, ANA, DESK = "https://desk.example.org", "+15005550001", "+15005550006"
TOKEN = "sandbox-twilio-token"


@pytest.fixture
def lives(sandbox: Sandbox, tmp_path: Path, nursery: Nursery) -> Lives:
    """Ana has a phone, and Twilio may call us."""
    settings = "".join(f"{key} = {json.dumps(value)}\n" for key, value in sandbox.vendors["twilio"].settings().items())
    first = "[destinations.dispatch]"
    phones = (
        f'[channels.twilio]\n{settings}hook = {{ secrets = ["{TOKEN}"] }}\n\n'
        f'[destinations.phones]\nplatform = "twilio"\naddress = ""\n\n{first}'
    )
    ana = '[people.ana]\nname = "Ana Ruiz"\n'
    return Lives(
        sandbox,
        tmp_path,
        nursery,
        {first: phones, ana: f'{ana}twilio = "{ANA}"\n', 'public_url = ""': f'public_url = "{PUBLIC}"'},
    )


async def texts(lives: Lives, number: int) -> None:
    """As Twilio does: until it is taken."""
    fields = {"MessageSid": f"SM{number}", "From": ANA, "To": DESK, "Body": f"ACK {number}"}
    signed = f"{PUBLIC}/inbound/twilio" + "".join(name + fields[name] for name in sorted(fields))
    mac = base64.b64encode(hmac.new(TOKEN.encode(), signed.encode(), "sha1").digest()).decode()
    headers = {"Content-Type": "application/x-www-form-urlencoded", "X-Twilio-Signature": mac}
    async with aiohttp.ClientSession(headers=headers) as session:
        while True:
            with contextlib.suppress(aiohttp.ClientError):
                target = f"http://127.0.0.1:{lives.port}/inbound/twilio"
                async with session.post(target, data=urlencode(fields)) as answer:
                    if answer.status == 200:
                        return
            await asyncio.sleep(0.05)


def writes(lives: Lives, number: int) -> None:
    """It waits at Twilio until somebody asks."""
    twilio, fields = lives.sandbox.vendors["twilio"], {"To": DESK, "From": ANA, "Body": f"ACK {number}"}
    twilio.told.append(Told("written", f"SMw{number}", "", fields, at=twilio.clock.time()))


def acked(lives: Lives) -> list[int]:
    return [row[0] for row in lives.ask("SELECT alert_id FROM audit WHERE verb = 'ack' ORDER BY seq")]


@pytest.mark.parametrize("point", BACK)
async def test_killed_while_somebody_answers(lives: Lives, point: str) -> None:
    town, people = Town(lives), []
    try:
        await town.begin()
        work = town.late_job()
        await town.quiet()
        assert await lives.stop() == 0
        ref = town.cards(work, "slack")[0].ref
        number = int(ref.removeprefix("D-"))
        if point.startswith("ask"):
            writes(lives, number)
        await lives.start(f"{point}@1:kill")
        if not point.startswith("ask"):
            people.append(asyncio.create_task(texts(lives, number)))
        await lives.killed()
        await lives.start()
        await asyncio.gather(*people)
        await town.until(lambda: acked(lives), "it is acknowledged")
        await town.until(lambda: not lives.left(), "an empty outbox")
        assert await lives.stop() == 0
    finally:
        await lives.bury()
    answers = [told.fields["Body"] for told in lives.sandbox.vendors["twilio"].told if told.fields["To"] == ANA]
    said = sum(f"{ref} acknowledged" in body for body in answers)
    assert 1 <= said <= 1 + lives.deaths, answers  # one that was on its way is rather told twice than not
    assert acked(lives) == [number], "once"
    town.audit_is_whole()
