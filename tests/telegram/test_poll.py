"""Nothing is confirmed to Telegram before it was carried out: restarts, failures, other pollers, old offsets."""

import asyncio
import time
from dataclasses import replace

import pytest
from aiohttp import web
from telegram import Bot
from telegram.error import Conflict

from bot.telegram import TelegramGateway
from channels.telegram import TelegramChannel
from deskbell.core.alert import Status
from deskbell.core.outcome import Unknown
from deskbell.net import faults
from deskbell.sandbox import credentials
from deskbell.vendors.telegram import Way
from tests.tiny import begin

ROOM = "-1001000000001"


@pytest.fixture(autouse=True)
def unarmed():
    yield
    faults.disarm()


def push(telegram, card, who, label="Acknowledge"):
    """A press whose answer nobody waits for."""
    chat, _ = telegram.room(card.room)
    message = chat.messages[int(card.id)]
    button = next(button for button in message.buttons if button["text"].startswith(label))
    query = telegram.new_query(telegram.who(who), message)
    telegram.deliver_query(query, message, button["callback_data"])
    return query


async def test_a_fall_between_the_deed_and_the_confirmation_loses_and_doubles_nothing(
    card, make_gateway, desk, telegram, wait
):
    faults.arm("telegram.offset.before:raise")
    first = await make_gateway()
    query = push(telegram, card, "ana")
    await wait(lambda: desk.alert.status is Status.ACKED)
    await wait(lambda: query.answered)
    await first.close()
    assert len(telegram.updates.pending()) == 1  # Telegram was not told that it arrived
    faults.disarm()

    await make_gateway()
    await wait(lambda: not telegram.updates.pending())

    assert len(desk.acted) == 1
    assert desk.alert.acked_by == "ana"


async def test_a_fall_after_the_offset_was_kept_does_not_repeat_an_answer(make_gateway, commands, desk, telegram, wait):
    faults.arm("telegram.offset.after@1:raise")
    first = await make_gateway()
    telegram.write(telegram.who("ana"), telegram.private_chat(telegram.who("ana")), "list")
    await wait(lambda: "telegram.offset" in desk.memory)
    await first.close()
    faults.disarm()

    await make_gateway()
    await telegram.say("ana", "", "oncall")

    assert [line for line, _ in commands.lines] == ["list", "oncall"]


async def test_a_tap_made_while_we_were_away_is_done_when_we_are_back(card, make_gateway, desk, telegram, wait):
    query = push(telegram, card, "ana")
    await make_gateway()
    await wait(lambda: query.answered)

    assert desk.alert.status is Status.ACKED


async def test_an_old_offset_is_not_used(card, make_gateway, desk, telegram, wait):
    """After a quiet week the numbers begin anew, perhaps lower: an old offset would delete what is new."""
    telegram.updates.next_id = 1000
    desk.memory["telegram.offset"] = f"999999999 {time.time() - 2 * 24 * 3600:.0f}"
    query = push(telegram, card, "ana")
    await make_gateway()
    await wait(lambda: query.answered)

    assert desk.alert.status is Status.ACKED


async def test_lower_numbers_later_on_are_heard(card, make_gateway, telegram, wait):
    gateway = await make_gateway(poll_s=1)
    await telegram.press("ana", card, "Acknowledge")
    await wait(lambda: gateway._poller._offset is None)  # an empty answer: it was confirmed
    telegram.updates.next_id = 7

    heard = await telegram.press("ben", card, "Escalate")

    assert heard.failed == ""


@pytest.mark.parametrize("value", ["", "x", "5", "5 x", "9" * 5000 + " 1"])
async def test_an_offset_that_can_not_be_read_is_none(make_gateway, desk, value):
    desk.memory["telegram.offset"] = value

    gateway = await make_gateway()

    assert gateway.trouble == ""


async def test_what_can_not_be_handled_is_tried_again_and_let_go_in_the_end(
    make_gateway, commands, telegram, monkeypatch, wait
):
    monkeypatch.setattr("bot.telegram_poll.PAUSE_S", 0.02)
    gateway = await make_gateway()
    real, tries = gateway._taps.take, []

    async def broken(tap, room):
        tries.append(tap.key)
        raise RuntimeError("a bug")

    gateway._taps.take = broken
    message = telegram.add(telegram.chats[int(ROOM)], telegram.bot, "D-12")
    query = telegram.new_query(telegram.who("ana"), message)
    telegram.deliver_query(query, message, "x")
    await wait(lambda: len(tries) == 3)
    gateway._taps.take = real
    heard = await telegram.say("ana", "", "oncall")

    assert heard.failed == ""
    assert len(tries) == 3


async def test_a_tap_outlives_trouble_of_telegrams_own(card, make_gateway, desk, telegram, monkeypatch, wait):
    """That Telegram does not say who we are is no fault of the update."""
    monkeypatch.setattr("bot.telegram_poll.PAUSE_S", 0.02)
    telegram.faults.set("502", where="getMe", times=6)
    push(telegram, card, "ana")
    await make_gateway()

    await wait(lambda: desk.alert.status is Status.ACKED)


async def test_nobody_leads_us_elsewhere(channel, desk, room, identity, session):
    """What is said goes to base_url, and never to where an answer points."""
    heard = []

    async def elsewhere(request):
        heard.append(await request.text())
        return web.json_response({"ok": True, "result": {}})

    async def away(_request):
        raise web.HTTPTemporaryRedirect("/elsewhere")

    app = web.Application()
    app.router.add_route("*", "/elsewhere", elsewhere)
    app.router.add_route("*", "/{rest:.*}", away)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    conf = replace(channel.conf, base_url=f"http://127.0.0.1:{runner.addresses[0][1]}")
    outcome = await TelegramChannel(conf, desk.account_of, {}, session).post(room, desk.drawn(), identity)
    await runner.cleanup()

    assert isinstance(outcome, Unknown)
    assert heard == []


async def test_the_taps_of_one_person_keep_their_order(card, polling, desk, telegram, wait):
    desk.slow = 0.05
    labels = ("Acknowledge", "Escalate", "Acknowledge", "Escalate")
    queries = [push(telegram, card, "ana", label) for label in labels]
    await wait(lambda: all(query.answered for query in queries))

    assert [said.verb for said in desk.acted] == ["ack", "escalate", "ack", "escalate"]


# ---------------------------------------------------------------- trouble


async def test_another_poller_is_noticed_and_not_fought(make_gateway, telegram, monkeypatch, wait):
    gateway = await make_gateway()
    monkeypatch.setattr("bot.telegram_poll.QUIET_S", -10)
    telegram.faults.set("409", where="getUpdates")
    telegram.updates._poll += 1  # throws out the question that waits
    telegram.pulse.beat()
    await wait(lambda: "another program" in gateway.trouble)
    calls = telegram.ledger.count("telegram", "rejected")
    await asyncio.sleep(0.3)

    assert telegram.ledger.count("telegram", "rejected") - calls <= 1
    assert "getUpdates" not in gateway.trouble


async def test_a_second_poller_gets_a_conflict(polling, telegram):
    async with Bot(credentials.TELEGRAM_TOKEN, base_url=f"{telegram.url}/telegram/bot") as bot:
        first = asyncio.create_task(bot.get_updates(timeout=3))
        await asyncio.sleep(0.1)
        telegram.updates._poll += 1
        telegram.pulse.beat()
        with pytest.raises(Conflict):
            await first


async def test_a_revoked_token_is_said_at_once_and_asked_about_seldom(make_gateway, telegram, wait):
    gateway = await make_gateway()
    telegram.token = "7000000:another"
    telegram.updates._poll += 1
    telegram.pulse.beat()
    await wait(lambda: "the token is not valid" in gateway.trouble)
    calls = telegram.ledger.count("telegram", "rejected")
    await asyncio.sleep(0.3)

    assert telegram.ledger.count("telegram", "rejected") == calls
    assert "sandbox" not in gateway.trouble


async def test_a_hitch_is_no_trouble_yet(make_gateway, telegram, wait):
    gateway = await make_gateway()
    telegram.faults.set("502", where="getUpdates", times=1)
    telegram.updates._poll += 1
    telegram.pulse.beat()
    await wait(lambda: gateway._poller._why)

    assert gateway.trouble == ""


async def test_an_outage_passes(make_gateway, telegram, monkeypatch, wait):
    monkeypatch.setattr("bot.telegram_poll.PAUSE_S", 0.05)
    telegram.faults.set("500", where="getUpdates", times=2)

    gateway = await make_gateway()  # waits until it hears

    assert gateway.trouble == ""
    assert telegram.ledger.count("telegram", "failed_call") == 2


async def test_a_webhook_of_our_own_is_taken_away(make_gateway, desk, telegram, monkeypatch, wait):
    monkeypatch.setattr("bot.telegram_poll.PAUSE_S", 0.02)
    hooked = await make_gateway(Way.WEBHOOK)
    assert telegram.updates.hook.url
    await hooked.close()

    gateway = await make_gateway(Way.POLL)

    assert telegram.updates.hook.url == ""
    assert gateway.trouble == ""


async def test_a_webhook_of_others_is_left_and_named(conf, desk, commands, session, rooms, telegram, wait):
    telegram.updates.set_hook("https://other.example.org/x", "", 40, None, drop=False)
    gateway = TelegramGateway(conf, desk, commands, session, desk, rooms)
    await begin(gateway)
    await wait(lambda: "a webhook is set for this bot" in gateway.trouble)
    await gateway.close()

    assert telegram.updates.hook.url == "https://other.example.org/x"


async def test_a_limit_on_asking_is_obeyed(make_gateway, telegram):
    telegram.faults.set("429", where="getUpdates", times=1, retry_after=1)
    started = time.monotonic()

    await make_gateway()

    assert time.monotonic() - started >= 1.0
