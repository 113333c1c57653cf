"""Every call that we make of Telegram, and every answer of the stand-in, judged by Telegram's own description."""

import sys
from dataclasses import replace

import pytest

from channels.catalog import CHANNELS
from channels.telegram import TelegramChannel
from deskbell.core.card import Note
from deskbell.core.ports import Identity
from deskbell.vendors.telegram import Way

ROOM = "-1001000000001"
OURS = {
    "answerCallbackQuery",
    "deleteMessage",
    "deleteWebhook",
    "editMessageReplyMarkup",
    "editMessageText",
    "getChat",
    "getChatMember",
    "getMe",
    "getUpdates",
    "getWebhookInfo",
    "sendChatAction",
    "sendMessage",
    "setMyCommands",
    "setWebhook",
}


async def test_every_call_is_described(
    channel, make_gateway, desk, room, topic, identity, telegram, *, oracle, capfd, wait, monkeypatch
):
    if oracle.module is None:
        pytest.skip("no API descriptions here: name their folder in DESKBELL_SPECS")
    monkeypatch.setattr("bot.telegram_poll.PAUSE_S", 0.02)
    hooked = await make_gateway(Way.WEBHOOK)
    await hooked.close()
    await make_gateway()
    sent = await channel.post(room, replace(desk.drawn(), mentions=("ben",)), identity)
    in_topic = await channel.post(topic, desk.drawn(), replace(identity, destination="support"))
    await channel.edit(room, sent.ref, replace(desk.drawn(), state="changed"), identity)
    await channel.edit(topic, in_topic.ref, replace(desk.drawn(), state="changed"), identity)
    note = Identity("note", "D-12", "dispatch", 5)
    await channel.note(room, sent.ref, Note("Nobody has it", "D-12", mentions=("ben",), broadcast=True), note)
    await channel.note(room, sent.ref, Note("P1 D-12", direct="ben", buttons=desk.drawn().buttons), note)
    await channel.check([room, topic])
    card = telegram.cards(ROOM)[0]
    await telegram.press("nils", card, "Acknowledge", changes=False)
    await telegram.press("dan", card, "Acknowledge", changes=False)
    await telegram.press("ana", card, "Snooze", "1 hour")
    await channel.edit(room, sent.ref, desk.drawn(), identity)  # as the courier does
    await telegram.press("ana", telegram.cards("-1001000000002/5")[0], "Reassign", "Ben Okafor")
    await telegram.press_private("ben", "Escalate")
    await telegram.say("ana", ROOM, "/list mine")
    await telegram.say("nils", ROOM, "/list mine")
    await telegram.say("ben", "", "show D-12")
    await telegram.press("ana", card, "Resolve", "It runs again")
    telegram.set_bot(ROOM, "administrator")
    telegram.set_bot(ROOM, "restricted")
    telegram.block("ben")
    telegram.migrate(ROOM)
    await wait(lambda: not telegram.updates.pending() and set(oracle.checked) >= OURS)

    assert set(oracle.checked) == OURS
    with capfd.disabled():
        count = sum(oracle.checked.values())
        print(f"\ntelegram: {count} calls checked, {dict(sorted(oracle.checked.items()))}", file=sys.stderr)


def test_the_oracle_is_awake(oracle_module):
    if oracle_module is None:
        pytest.skip("no API descriptions here: name their folder in DESKBELL_SPECS")
    request = {
        "method": "POST",
        "url": "https://api.telegram.org/bot1:x/sendMessage",
        "headers": {"Content-Type": "application/json"},
        "body": {"chat_id": 1, "text": "x", "colour": "red"},
        "system": "telegram",
    }

    assert oracle_module.check(request, strict=True)
    wrong = {"ok": True, "result": {"message_id": "x"}}
    assert oracle_module.check_response("telegram", "POST", "/bot{token}/sendMessage", 200, wrong)


def test_the_catalog_loads_what_it_names():
    assert CHANNELS["telegram"].load() is TelegramChannel
