"""The staff tell the customer from the card and by command, in every chat; and see what became of it."""

import time

import pytest

from deskbell.sandbox.server import Sandbox
from tests.town import running

PHONE, E164 = "+49 30 5550 201", "+493055502010"
CUSTOMERS = """
[customers]
firm = "Northgate Air"
region = "DE"
quiet = ""
notices = {{ visit_late = {{ send = false }} }}

[customers.channels]
sms = "twilio"
telegram = "telegram"

[channels.twilio]
{twilio}

[slack]
"""
CHATS = ("slack", "teams", "telegram", "discord")


@pytest.fixture
async def town(tmp_path):
    async with Sandbox(port=0, scenario="empty") as sandbox:
        for chat in sandbox.chats.values():
            chat.no_limits()
        settings = sandbox.vendors["twilio"].settings()
        twilio = "\n".join(f'{name} = "{value}"' for name, value in settings.items())
        async with running(sandbox, tmp_path, **{"\n[slack]\n": CUSTOMERS.format(twilio=twilio)}) as made:
            yield made


@pytest.fixture
async def late(town):
    """A job that is late, whose customer agreed to be told by SMS."""
    await town.settled()
    job = town.late_job()
    customer = {"name": "Erika", "phone": "+49 30 5550 2010; language:de; opt-in:sms"}
    town.sandbox.fieldservice.change(job["id"], customer=customer)
    for chat in CHATS:
        await town.card_in(chat, "4711", town.rooms(chat)["dispatch"])
    await town.settled()
    return town


def sms(town):
    return [one.fields["Body"] for one in town.sandbox.vendors["twilio"].told]


async def test_from_the_card_with_a_preview_and_by_command_in_every_chat(late):
    """First what each notice would say, to whoever asks alone; then the one that they choose is sent."""
    town = late
    for number, chat in enumerate(CHATS):
        place, room = town.chats[chat], town.rooms(chat)["dispatch"]
        card = await town.card_in(chat, "4711", room)
        heard = await place.press("ana", card, "Tell the customer", changes=False)
        seen = await town.until(lambda heard=heard, place=place: "\n".join([*heard.private, *place.private("ana")]))
        assert "Unser Techniker für J-4711 ist etwa 15 Minuten später da" in seen
        assert len(sms(town)) == 2 * number
        await place.press_private("ana", "Send: The technician is late")
        await town.until(lambda number=number: len(sms(town)) == 2 * number + 1)
        assert "Unser Techniker für J-4711" in sms(town)[-1]
        heard = await place.say("ana", room, f"tell {card.ref} late")
        assert "the customer is told by sms" in heard.text
        await town.until(lambda number=number: len(sms(town)) == 2 * number + 2)
        await town.until_async(lambda: stages(town), {"sent"})
        assert "sent by sms" in (await place.say("ana", room, "sent J-4711")).text
        assert "role" in (await place.say("dan", room, f"tell {card.ref} late")).text
    assert len(sms(town)) == 2 * len(CHATS)
    room = town.rooms("slack")["dispatch"]
    shown = await town.shows_in("slack", "4711", "“The technician is late” sent by sms", room, seconds=30)
    assert "Ana Ruiz sent the customer" in shown
    entries = [row.entry for row in await town.audit() if row.entry.verb == "tell"]
    assert {entry.actor for entry in entries} == {"ana"}
    assert E164 not in str([row.entry for row in await town.audit()])


async def stages(town):
    return {one.stage for one in await town.daemon.store.read(lambda reader: reader.letters())}


async def test_a_customer_in_telegram_is_told_there_and_stops_it_there(town):
    """By the bot of the house; who says STOP to it is told no more, and the room of the staff hears none of it."""
    hub = town.sandbox.telegram
    user = hub.who("nils")
    hub.start("nils")
    await town.settled()
    customer = {"name": "Nils", "phone": f"telegram:{user.id}; opt-in:telegram"}
    start = time.time() + 3600
    for number in (4721, 4722):
        town.sandbox.fieldservice.add(start=start, end=start + 3600, technician=1, id=number, customer=customer)
    await town.until_async(lambda: both_known(town), True)
    town.sandbox.fieldservice.change(4721, status="en_route")
    await town.until(lambda: any("on the way to you for J-4721" in text for text in hub.private("nils")))
    before = len(hub.private("nils"))
    hub.write(user, hub.private_chat(user), "STOP")
    await town.until(lambda: any("START brings them back" in text for text in hub.private("nils")))
    town.sandbox.fieldservice.change(4722, status="en_route")
    await town.until_async(lambda: stages(town), {"sent", "withheld"})
    assert not any("J-4722" in text for text in hub.private("nils"))
    hub.write(user, hub.private_chat(user), "what is this")
    hub.write(user, hub.private_chat(user), "start")
    await town.until(lambda: any("STOP ends them" in text for text in hub.private("nils")))
    assert not any("I don't know yet who you are" in text for text in hub.private("nils")[before:])
    rooms = [text for room in town.rooms("telegram").values() for text in hub.texts(room)]
    assert not any("START brings" in text for text in rooms)


async def both_known(town):
    found = await town.daemon.store.read(lambda reader: reader.records("fieldservice", ["4721", "4722"]))
    return len(found) == 2
