"""The people's side of the stand-in, with a small bot of its own behind it: what they press, type, see, and count."""

import asyncio
import contextlib

import pytest
from aiohttp import web
from telegram import Bot, ForceReply, InlineKeyboardButton, InlineKeyboardMarkup, ReplyParameters

from deskbell.sandbox import credentials
from deskbell.sandbox.chat import Refused
from deskbell.sandbox.clock import Clock, Pulse
from deskbell.sandbox.ledger import Ledger
from deskbell.sandbox.telegram.stand_in import TelegramStandIn

ROOM, TOPIC = credentials.TELEGRAM_ROOMS["dispatch"], credentials.TELEGRAM_ROOMS["support"]


@pytest.fixture
async def telegram():
    clock, pulse = Clock(), Pulse()
    ledger = Ledger(clock, pulse)
    stand_in = TelegramStandIn(clock, ledger, pulse)
    stand_in.no_limits()
    ledger.cards_of = lambda ref: {("telegram", one.room, one.id) for one in stand_in.cards() if one.ref == ref}
    app = web.Application()
    stand_in.add_routes(app.router)
    runner = web.AppRunner(app, shutdown_timeout=0.2, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    stand_in.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield stand_in
    await stand_in.close()
    await runner.cleanup()


def keyboard(*labels):
    return InlineKeyboardMarkup([[InlineKeyboardButton(label, callback_data=label)] for label in labels])


class App:
    """Answers what people do with whatever the test says."""

    def __init__(self, bot):
        self.bot = bot
        self.on_press = self.on_text = None
        self._offset = None

    async def run(self):
        while True:
            for update in await self.bot.get_updates(offset=self._offset, timeout=5):
                self._offset = update.update_id + 1
                if update.callback_query and self.on_press:
                    await self.on_press(update.callback_query)
                if update.message and self.on_text:
                    await self.on_text(update.message)

    async def card(self, text="Pump is down <code>D-12</code>", room=ROOM, labels=("Acknowledge", "Snooze"), **more):
        chat, _, topic = room.partition("/")
        return await self.bot.send_message(
            int(chat), text, "HTML", reply_markup=keyboard(*labels), message_thread_id=int(topic or 0) or None, **more
        )


@pytest.fixture
async def app(telegram):
    async with Bot(credentials.TELEGRAM_TOKEN, base_url=f"{telegram.url}/telegram/bot") as bot:
        app = App(bot)
        task = asyncio.create_task(app.run())
        yield app
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def test_a_card_is_what_people_take_for_one(app, telegram):
    card = await app.card()
    await app.card(room=TOPIC)
    await app.bot.send_message(int(ROOM), "D-12: a word", reply_parameters=ReplyParameters(card.message_id))
    await app.bot.send_message(int(ROOM), "D-13 without buttons")
    await app.bot.send_message(700_000_002, "D-12 in private", reply_markup=keyboard("Acknowledge"))

    assert [(one.room, one.ref) for one in telegram.cards()] == [(ROOM, "D-12"), (TOPIC, "D-12")]
    assert telegram.cards(ROOM)[0].buttons == ("Acknowledge", "Snooze")
    assert telegram.private("ben") == ["D-12 in private"]
    assert len(telegram.texts(ROOM)) == 3


async def test_the_ref_that_stands_out_is_the_cards(app, telegram):
    await app.card("About D-99, says the customer\n<code>D-12</code>")

    assert telegram.cards()[0].ref == "D-12"


async def test_a_press_is_answered_and_timed(app, telegram):
    sent = await app.card()

    async def on_press(query):
        await query.answer("done")
        await app.bot.edit_message_text("Acknowledged D-12", int(ROOM), sent.message_id, reply_markup=keyboard("Undo"))

    app.on_press = on_press
    heard = await telegram.press("ana", telegram.cards()[0], "Ack")
    await telegram.pulse.until(lambda: telegram.ledger.converge_ms, 2)

    assert heard.private == ["done"]
    assert telegram.cards()[0].buttons == ("Undo",)
    assert telegram.cards()[0].edits == 1
    assert len(telegram.ledger.tap_to_edit_ms) == len(telegram.ledger.converge_ms) == 1
    assert telegram.ledger.count("telegram", "tap") == 1


async def test_a_refusal_is_not_timed(app, telegram):
    await app.card()

    async def on_press(query):
        await query.answer("No.", show_alert=True)

    app.on_press = on_press
    heard = await telegram.press("dan", telegram.cards()[0], "Ack")

    assert heard.private == ["No."]
    assert telegram.ledger.diverging() == {}


async def test_a_menu_is_walked_through(app, telegram):
    sent = await app.card()
    pressed = []

    async def on_press(query):
        pressed.append(query.data)
        menus = {"Snooze": ("Ann", "Bob", "Next 2/2"), "Next 2/2": ("Cleo", "Previous")}
        if query.data in menus:
            markup = keyboard(*menus[query.data])
            await app.bot.edit_message_reply_markup(int(ROOM), sent.message_id, reply_markup=markup)
        await query.answer()

    app.on_press = on_press
    heard = await telegram.press("ana", telegram.cards()[0], "Snooze", "cleo")

    assert heard.failed == ""
    assert pressed == ["Snooze", "Next 2/2", "Cleo"]
    assert telegram.ledger.count("telegram", "menu") == 2
    assert telegram.ledger.count("telegram", "edited") == 0


async def test_a_prompt_is_replied_to(app, telegram):
    await app.card()
    got = []

    async def on_press(query):
        await query.answer()
        await app.bot.send_message(int(ROOM), "Why?", reply_markup=ForceReply())

    async def on_text(message):
        got.append((message.text, message.reply_to_message.text))
        await app.bot.send_message(int(ROOM), "Thank you", reply_parameters=ReplyParameters(message.message_id))

    app.on_press, app.on_text = on_press, on_text
    heard = await telegram.press("ana", telegram.cards()[0], "Snooze", "because it is late")

    assert got == [("because it is late", "Why?")]
    assert heard.public == ["Thank you"]


async def test_what_is_not_offered_is_refused(app, telegram):
    await app.card()

    async def on_press(query):
        await query.answer()

    app.on_press = on_press
    card = telegram.cards()[0]
    with pytest.raises(Refused):
        await telegram.press("ana", card, "Launch")
    with pytest.raises(Refused):
        await telegram.press("nobody at all", card, "Ack")
    with pytest.raises(Refused):
        await telegram.press_private("ana", "Ack")
    with pytest.raises(Refused):
        await telegram.say("ana", "-5", "list")
    telegram.delete_by_hand(card)
    with pytest.raises(Refused):
        await telegram.press("ana", card, "Ack")
    assert telegram.cards() == []


async def test_nobody_answers(telegram, monkeypatch):
    monkeypatch.setattr("deskbell.sandbox.telegram.stand_in.PATIENCE", 0.1)
    async with Bot(credentials.TELEGRAM_TOKEN, base_url=f"{telegram.url}/telegram/bot") as bot:
        await App(bot).card()

    pressed = await telegram.press("ana", telegram.cards()[0], "Ack")
    typed = await telegram.say("ana", ROOM, "list")

    assert pressed.failed == typed.failed == "no answer"
    assert telegram.ledger.count("telegram", "failed") == 2


async def test_people_type_as_they_do_there(app, telegram):
    got = []

    async def on_text(message):
        got.append(message.text)
        await app.bot.send_message(message.from_user.id, "private")
        if message.chat.type != "private":
            await app.bot.send_message(message.chat.id, "public", reply_parameters=ReplyParameters(message.message_id))

    app.on_text = on_text
    await app.bot.set_my_commands([("ack", "x")])
    first = await telegram.say("ana", ROOM, "ack D-12")
    second = await telegram.say("ana", "", "ack D-12")
    await telegram.say("ana", "", "aBcDeF-code")

    assert got == ["/ack D-12", "/ack D-12", "aBcDeF-code"]
    assert (first.private, first.public) == (["private"], ["public"])
    assert (second.private, second.public) == (["private"], [])


async def test_a_swallowed_card_is_seen_by_nobody(app, telegram):
    telegram.sabotage = True
    await app.card("<code>D-1</code>")
    await app.card("<code>D-2</code>")
    await app.card("<code>D-3</code>")

    assert [card.ref for card in telegram.cards()] == ["D-1", "D-3"]
    assert [card.ref for card in telegram.dropped()] == ["D-2"]


async def test_what_stands_twice_is_found(app, telegram):
    await app.card()
    await app.card(room=TOPIC)
    assert telegram.duplicates() == []
    await app.card()
    assert [found["room"] for found in telegram.duplicates()] == [ROOM]
    for _ in range(2):
        await app.bot.send_message(700_000_002, "D-12 rings")
    assert [found["identity"][0] for found in telegram.duplicates()] == ["card", "note"]


async def test_the_page_gets_everything_it_draws(app, telegram):
    await app.card()
    await app.bot.send_message(700_000_002, "D-12 in private", reply_markup=ForceReply())

    async def on_press(query):
        await query.answer("done")

    app.on_press = on_press
    state = telegram.state()
    done = await telegram.verbs["tap"](
        {"who": "ana", "room": ROOM, "id": state["messages"][ROOM][0]["id"], "data": "x"}
    )

    assert done["text"] == "done"
    assert [room["id"] for room in state["rooms"]] == [*credentials.TELEGRAM_ROOMS.values(), "700000002"]
    assert state["messages"][ROOM][0]["keyboard"][0][0]["text"] == "Acknowledge"
    assert state["messages"]["700000002"][0]["asks"]
    assert telegram.state()["toasts"][0]["who"] == "ana"
    await telegram.verbs["delete"]({"room": ROOM, "id": state["messages"][ROOM][0]["id"]})
    await telegram.verbs["block"]({"who": "ben"})
    await telegram.verbs["unblock"]({"who": "ben"})
    await telegram.verbs["remove_bot"]({"room": TOPIC})
    assert not telegram.state()["rooms"][1]["in"]
    await telegram.verbs["add_bot"]({"room": TOPIC})
    with pytest.raises(Refused):
        await telegram.verbs["tap"]({"who": "ana", "room": ROOM, "id": "x", "data": "x"})
