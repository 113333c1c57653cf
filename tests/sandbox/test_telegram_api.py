"""Each documented limit of the Bot API, broken once through the real SDK; and what is within them passes."""

import asyncio

import pytest
from aiohttp import web
from telegram import Bot, BotCommand, ForceReply, InlineKeyboardButton, InlineKeyboardMarkup, ReplyParameters
from telegram.error import BadRequest, ChatMigrated, Conflict, Forbidden, InvalidToken, NetworkError, RetryAfter

from deskbell.sandbox import credentials
from deskbell.sandbox.clock import Clock, Pulse
from deskbell.sandbox.ledger import Ledger
from deskbell.sandbox.telegram.entities import Unparsable, read
from deskbell.sandbox.telegram.stand_in import TelegramStandIn

pytestmark = pytest.mark.filterwarnings("ignore::telegram.warnings.PTBDeprecationWarning")

ROOM = -1001000000001
FORUM = -1001000000002
ANA, BEN, NILS = 700_000_001, 700_000_002, 700_000_012


@pytest.fixture
async def telegram():
    clock, pulse = Clock(), Pulse()
    stand_in = TelegramStandIn(clock, Ledger(clock, pulse), pulse)
    app = web.Application()
    stand_in.add_routes(app.router)
    runner = web.AppRunner(app, shutdown_timeout=0.2, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    stand_in.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield stand_in
    await stand_in.close()
    await runner.cleanup()


def a_bot(telegram, token=credentials.TELEGRAM_TOKEN):
    return Bot(token, base_url=f"{telegram.url}/telegram/bot")


@pytest.fixture
async def bot(telegram):
    async with a_bot(telegram) as bot:
        yield bot


def keys(*rows):
    made = [[InlineKeyboardButton(text, callback_data=data) for text, data in row] for row in rows]
    return InlineKeyboardMarkup(made)


async def refused(call, words):
    with pytest.raises(BadRequest) as error:
        await call
    assert words.casefold() in str(error.value).casefold()  # the SDK changes the capitals


# ------------------------------------------------------------------ messages


async def test_a_message_is_between_1_and_4096_after_its_markup(bot):
    sent = await bot.send_message(ROOM, f"<b>{'x' * 4096}</b>", "HTML")
    assert len(sent.text) == 4096
    await refused(bot.send_message(ROOM, "x" * 4097), "Message is too long")
    await refused(bot.send_message(ROOM, "\U0001f600" * 2049), "Message is too long")  # counted in UTF-16
    await refused(bot.send_message(ROOM, "<b> </b>", "HTML"), "Message text is empty")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("<h1>x</h1>", 'unsupported start tag "h1" at byte offset 0'),
        ("äö <blink>x</blink>", 'unsupported start tag "blink" at byte offset 5'),
        ("<b>x", 'can\'t find end tag corresponding to start tag "b"'),
        ("<b>x</i>", 'unmatched end tag at byte offset 4, expected "</b>", found "</i>"'),
        ("x</b>", "unexpected end tag"),
        ("x < y", "unclosed start tag"),
        ("<span>x</span>", 'must have class "tg-spoiler"'),
        ("<blockquote>a<blockquote>b</blockquote></blockquote>", "can't be nested"),
    ],
)
async def test_markup_that_telegram_does_not_know_is_refused(bot, text, words):
    with pytest.raises(BadRequest) as error:
        await bot.send_message(ROOM, text, "HTML")
    assert "can't parse entities" in str(error.value).lower()
    assert words in str(error.value).lower()


def test_markup_is_read_as_telegram_reads_it():
    text, found = read(
        '<b>a &amp; b</b> <a href="https://x.example/?a=1&amp;b">l</a> <code>@ana</code> &bogus; &#65;', "HTML"
    )
    assert text == "a & b l @ana &bogus; A"
    assert [(e.type, e.offset, e.length) for e in found] == [("bold", 0, 5), ("text_link", 6, 1), ("code", 8, 4)]
    assert found[1].url == "https://x.example/?a=1&b"
    _, found = read('\U0001f600 <a href="tg://user?id=5">A</a> @ana_b /ack@x_bot #tag a@b.example b.example', "HTML")
    kinds = [e.type for e in found]
    assert kinds == ["text_mention", "mention", "bot_command", "hashtag", "email", "url"]
    assert found[0].offset == 3
    with pytest.raises(Unparsable):
        read("*x*", "MarkdownV9")
    assert read('<a href="javascript:alert(1)">x</a>', "HTML")[1] == []


async def test_who_is_linked_to_must_be_known(bot):
    sent = await bot.send_message(ROOM, f'<a href="tg://user?id={BEN}">Ben</a> <a href="tg://user?id=5">X</a>', "HTML")

    assert [entity.user.id for entity in sent.entities] == [BEN]


async def test_a_reply_needs_its_message(bot):
    first = await bot.send_message(ROOM, "first")
    sent = await bot.send_message(ROOM, "second", reply_parameters=ReplyParameters(first.message_id))
    assert sent.reply_to_message.text == "first"
    await refused(bot.send_message(ROOM, "x", reply_parameters=ReplyParameters(999)), "Message to be replied not found")
    loose = ReplyParameters(999, allow_sending_without_reply=True)
    assert (await bot.send_message(ROOM, "x", reply_parameters=loose)).reply_to_message is None


async def test_an_edit_changes_something_of_our_own(bot, telegram):
    sent = await bot.send_message(ROOM, "one", reply_markup=keys([("A", "a")]))
    await bot.edit_message_text("two", ROOM, sent.message_id)
    assert telegram.chats[ROOM].messages[sent.message_id].markup is None  # editing without a keyboard takes it away
    await refused(bot.edit_message_text("two", ROOM, sent.message_id), "Message is not modified")
    await refused(bot.edit_message_text("x", ROOM, 999), "Message to edit not found")
    theirs = telegram.write(telegram.who("ana"), telegram.chats[ROOM], "mine")
    await refused(bot.edit_message_text("x", ROOM, theirs.id), "Message can't be edited")


async def test_a_message_is_deleted_within_two_days(bot, telegram):
    sent, old = await bot.send_message(ROOM, "one"), await bot.send_message(ROOM, "two")
    assert await bot.delete_message(ROOM, sent.message_id)
    telegram.clock.advance(49 * 3600)
    await refused(bot.delete_message(ROOM, old.message_id), "Message can't be deleted")
    await refused(bot.delete_message(ROOM, sent.message_id), "Message to delete not found")


# ------------------------------------------------------------------ keyboards


async def test_a_keyboard_has_its_limits(bot, telegram):
    telegram.no_limits()
    await bot.send_message(ROOM, "x", reply_markup=keys([("A", "x" * 64)]))
    await refused(bot.send_message(ROOM, "x", reply_markup=keys([("A", "x" * 65)])), "Button_data_invalid")
    await refused(bot.send_message(ROOM, "x", reply_markup=keys([("A", "\u00e9" * 33)])), "Button_data_invalid")
    await refused(bot.send_message(ROOM, "x", reply_markup=keys([("A", "")])), "Button_data_invalid")
    await refused(bot.send_message(ROOM, "x", reply_markup=keys([(" ", "a")])), "Button_text_invalid")
    await refused(bot.send_message(ROOM, "x", reply_markup=keys([("A", "a")] * 9)), "Reply markup is too long")
    await refused(bot.send_message(ROOM, "x", reply_markup=keys(*[[("A", "a")]] * 101)), "Reply markup is too long")
    long = keys(*[[("A" * 60, "a" * 60)]] * 90)
    await refused(bot.send_message(ROOM, "x", reply_markup=long), "Reply markup is too long")
    bad = InlineKeyboardMarkup([[InlineKeyboardButton("A", url="javascript:alert(1)")]])
    await refused(bot.send_message(ROOM, "x", reply_markup=bad), "Wrong HTTP URL")
    await refused(
        bot.send_message(ROOM, "x", reply_markup=ForceReply(input_field_placeholder="x" * 65)), "1-64 characters"
    )
    styled = InlineKeyboardMarkup([[InlineKeyboardButton("A", callback_data="a", style="loud")]])
    await refused(bot.send_message(ROOM, "x", reply_markup=styled), "Invalid button style")


# ------------------------------------------------------------------ chats


async def test_a_person_must_have_pressed_start(bot, telegram):
    await bot.send_message(BEN, "x")
    with pytest.raises(Forbidden, match="can't initiate conversation"):
        await bot.send_message(NILS, "x")
    telegram.start("nils")
    await bot.send_message(NILS, "x")
    telegram.block("nils")
    with pytest.raises(Forbidden, match="blocked by the user"):
        await bot.send_message(NILS, "x")


@pytest.mark.parametrize(("status", "words"), [("kicked", "was kicked"), ("left", "is not a member")])
async def test_a_chat_that_was_left_is_forbidden(bot, telegram, status, words):
    telegram.set_bot(str(ROOM), status)

    with pytest.raises(Forbidden, match=words):
        await bot.send_message(ROOM, "x")


async def test_other_chats_are_refused(bot, telegram):
    await refused(bot.send_message(-77, "x"), "Chat not found")
    await refused(bot.send_message("@nobody", "x"), "Chat not found")
    telegram.set_bot(str(ROOM), "restricted")
    await refused(bot.send_message(ROOM, "x"), "Not enough rights")
    with pytest.raises(Forbidden, match="bots can't send"):
        await bot.send_message(7_000_000, "x")


async def test_topics(bot, telegram):
    sent = await bot.send_message(FORUM, "x", message_thread_id=5)
    assert sent.message_thread_id == 5
    assert sent.is_topic_message
    await refused(bot.send_message(FORUM, "x", message_thread_id=6), "Message thread not found")
    await refused(bot.send_message(ROOM, "x", message_thread_id=5), "Message thread not found")
    await refused(bot.send_chat_action(FORUM, "typing", message_thread_id=6), "Message thread not found")
    telegram.chats[FORUM].closed_topics = {5}
    await refused(bot.send_message(FORUM, "x", message_thread_id=5), "Topic_closed")


async def test_a_group_that_moved_tells_its_new_number(bot, telegram):
    group = telegram.add_group("Small")
    await bot.send_message(group.id, "x")
    new = telegram.migrate(str(group.id))

    with pytest.raises(ChatMigrated) as error:
        await bot.send_message(group.id, "x")
    assert error.value.new_chat_id == new.id
    updates = await bot.get_updates()
    assert [update.message.migrate_to_chat_id for update in updates] == [new.id, None]
    assert updates[1].message.migrate_from_chat_id == group.id


async def test_who_is_where(bot, telegram):
    assert (await bot.get_chat(FORUM)).is_forum
    assert (await bot.get_chat_member(ROOM, 7_000_000)).status == "member"
    assert (await bot.get_chat_member(ROOM, ANA)).status == "member"
    telegram.set_bot(str(ROOM), "administrator")
    assert (await bot.get_chat_member(ROOM, 7_000_000)).status == "administrator"
    telegram.set_bot(str(ROOM), "restricted")
    await refused(bot.get_chat_member(FORUM, 5), "Participant_id_invalid")


# ------------------------------------------------------------------ rates


async def test_one_message_a_second_in_a_chat_with_a_short_burst(bot, telegram):
    for _ in range(5):
        await bot.send_message(BEN, "x")
    with pytest.raises(RetryAfter) as error:
        await bot.send_message(BEN, "x")
    assert error.value._retry_after.total_seconds() == 1
    await bot.send_message(ANA, "x")  # another chat has a measure of its own
    telegram.clock.advance(1)
    await bot.send_message(BEN, "x")
    assert telegram.ledger.count("telegram", "ratelimited") == 1


async def test_twenty_a_minute_in_a_group_edits_among_them(bot, telegram):
    sent = await bot.send_message(ROOM, "x")
    for number in range(19):
        await bot.edit_message_text(f"x {number}", ROOM, sent.message_id)
    with pytest.raises(RetryAfter):
        await bot.edit_message_text("one too many", ROOM, sent.message_id)
    telegram.clock.advance(3)
    await bot.edit_message_text("three seconds later", ROOM, sent.message_id)


async def test_thirty_a_second_in_all(bot, telegram):
    telegram.rates["chat"] = None
    sent = await asyncio.gather(*(bot.send_message(BEN, "x") for _ in range(40)), return_exceptions=True)

    assert sum(isinstance(one, RetryAfter) for one in sent) >= 1


async def test_a_limit_is_told_in_the_body_and_in_a_header(telegram):
    import aiohttp

    telegram.faults.set("429", retry_after=7)
    url = f"{telegram.url}/telegram/bot{credentials.TELEGRAM_TOKEN}/getMe"
    async with aiohttp.ClientSession() as http, http.get(url) as answer:
        body = await answer.json()
    assert answer.status == 429
    assert answer.headers["Retry-After"] == "7"
    assert body["parameters"] == {"retry_after": 7}


# ------------------------------------------------------------------ taps


async def test_a_press_is_answered_once_and_in_time(bot, telegram):
    sent = await bot.send_message(ROOM, "D-1", reply_markup=keys([("A", "a")]))
    message = telegram.chats[ROOM].messages[sent.message_id]
    query = telegram.new_query(telegram.who("ana"), message)
    telegram.deliver_query(query, message, "a")
    (update,) = await bot.get_updates()
    assert update.callback_query.data == "a"
    assert update.callback_query.from_user.id == ANA
    await refused(bot.answer_callback_query(query.id, "x" * 201), "Message_too_long")
    await refused(bot.answer_callback_query(query.id, url="https://evil.example"), "Url_invalid")
    assert await bot.answer_callback_query(query.id, "done", show_alert=True, url="https://t.me/deskbell_bot?start=x")
    assert (query.text, query.alert) == ("done", True)
    await refused(bot.answer_callback_query(query.id), "Query is too old")
    late = telegram.new_query(telegram.who("ana"), message)
    telegram.clock.advance(3600)
    await refused(bot.answer_callback_query(late.id), "Query is too old")


# ------------------------------------------------------------------ updates


async def test_updates_stay_until_their_offset_is_confirmed(bot, telegram):
    for text in ("/one", "/two", "/three"):
        telegram.write(telegram.who("ana"), telegram.chats[ROOM], text)
    first = await bot.get_updates(limit=2)
    again = await bot.get_updates()
    rest = await bot.get_updates(offset=first[-1].update_id + 1)
    left = await bot.get_updates()

    assert [update.message.text for update in first] == ["/one", "/two"]
    assert len(again) == 3
    assert [update.message.text for update in rest] == [update.message.text for update in left] == ["/three"]


async def test_a_tap_waits_150_seconds_and_a_message_a_day(bot, telegram):
    sent = await bot.send_message(ROOM, "D-1", reply_markup=keys([("A", "a")]))
    message = telegram.chats[ROOM].messages[sent.message_id]
    telegram.deliver_query(telegram.new_query(telegram.who("ana"), message), message, "a")
    telegram.write(telegram.who("ana"), telegram.chats[ROOM], "/list")
    telegram.clock.advance(151)
    assert [update.callback_query for update in await bot.get_updates()] == [None]
    telegram.clock.advance(24 * 3600)
    assert await bot.get_updates() == ()


async def test_a_long_poll_ends_with_the_first_update(bot, telegram):
    waiting = asyncio.create_task(bot.get_updates(timeout=10))
    await asyncio.sleep(0.1)
    telegram.write(telegram.who("ana"), telegram.chats[ROOM], "/list")

    assert len(await asyncio.wait_for(waiting, 2)) == 1


async def test_only_one_may_poll(bot, telegram):
    waiting = asyncio.create_task(bot.get_updates(timeout=10))
    await asyncio.sleep(0.1)
    assert await a_bot(telegram).get_updates() == ()

    with pytest.raises(Conflict, match="terminated by other"):
        await waiting


async def test_what_was_not_asked_for_does_not_come(bot, telegram):
    await bot.get_updates(allowed_updates=["message"])
    telegram.block("ben")
    telegram.write(telegram.who("ana"), telegram.chats[ROOM], "/list")

    assert [update.my_chat_member for update in await bot.get_updates()] == [None]


async def test_privacy_mode_keeps_talk_from_us(bot, telegram):
    sent = await bot.send_message(ROOM, "ours")
    for text, reply in (("just talk", 0), ("/list", 0), ("in reply", sent.message_id), ("@deskbell_bot hi", 0)):
        telegram.write(telegram.who("ana"), telegram.chats[ROOM], text, reply_to=reply)

    assert [update.message.text for update in await bot.get_updates()] == ["/list", "in reply"]


# ------------------------------------------------------------------ the webhook, commands, ourselves


async def test_a_webhook_has_its_rules(bot, telegram):
    await refused(bot.set_webhook("http://desk.example.org"), "https url must be provided")
    await refused(bot.set_webhook("https://desk.example.org:9000"), "only on ports")
    await refused(bot.set_webhook("https://desk.example.org", secret_token="no spaces"), "unallowed characters")
    await refused(bot.set_webhook("https://desk.example.org", max_connections=101), "between 1 and 100")
    await bot.set_webhook("https://desk.example.org/x", secret_token="s", allowed_updates=["message"])
    info = await bot.get_webhook_info()
    assert (info.url, info.pending_update_count, info.allowed_updates) == (
        "https://desk.example.org/x",
        0,
        ("message",),
    )
    with pytest.raises(Conflict, match="webhook is active"):
        await bot.get_updates()
    await bot.delete_webhook()
    assert await bot.get_updates() == ()


async def test_a_webhook_is_called_with_its_secret_until_it_takes_it(bot, telegram, monkeypatch):
    monkeypatch.setattr("deskbell.sandbox.telegram.updates.FIRST_PAUSE", 0.02)
    got = []

    async def hook(request):
        got.append((request.headers.get("X-Telegram-Bot-Api-Secret-Token"), (await request.json())["message"]["text"]))
        return web.Response(status=500 if len(got) < 3 else 200)

    app = web.Application()
    app.router.add_post("/hook", hook)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    await bot.set_webhook(f"http://127.0.0.1:{runner.addresses[0][1]}/hook", secret_token="quiet-word")
    telegram.write(telegram.who("ana"), telegram.chats[ROOM], "/list")
    async with asyncio.timeout(3):
        while telegram.updates.pending():
            await asyncio.sleep(0.02)
    await runner.cleanup()

    assert got == [("quiet-word", "/list")] * 3
    assert "500" in (await bot.get_webhook_info()).last_error_message


async def test_commands_have_their_limits(bot):
    await bot.set_my_commands([("ack", "x" * 256)])
    assert await bot.get_my_commands() == (BotCommand("ack", "x" * 256),)
    await refused(bot.set_my_commands([("Ack", "x")]), "Bot_command_invalid")
    await refused(bot.set_my_commands([("a" * 33, "x")]), "Bot_command_invalid")
    await refused(bot.set_my_commands([("ack", "x" * 257)]), "Bot_command_description_invalid")
    await refused(bot.set_my_commands([("ack", " ")]), "Bot_command_description_invalid")
    await refused(bot.set_my_commands([(f"c{n}", "x") for n in range(101)]), "Bot_commands_too_much")


async def test_a_wrong_token_is_told(telegram):
    for token in ("7000000:another", "7000000:sandbox-telegram-tokex"):
        with pytest.raises(InvalidToken):
            await a_bot(telegram, token).get_me()
    with pytest.raises(InvalidToken):
        await a_bot(telegram, "nonsense").get_me()


@pytest.mark.parametrize(("kind", "error"), [("500", NetworkError), ("409", Conflict), ("html", Exception)])
async def test_trouble_on_demand(bot, telegram, kind, error):
    telegram.faults.set(kind, times=1)

    with pytest.raises(error):
        await bot.send_message(ROOM, "x")
    await bot.send_message(ROOM, "x")


async def test_a_lost_answer_was_carried_out(bot, telegram):
    telegram.faults.set("lost", where="sendMessage", times=1)

    with pytest.raises(NetworkError):
        await bot.send_message(ROOM, "x")
    assert telegram.texts(str(ROOM)) == ["x"]


async def test_an_unknown_method_is_told(telegram):
    import aiohttp

    async with aiohttp.ClientSession() as http:
        base = f"{telegram.url}/telegram/bot{credentials.TELEGRAM_TOKEN}"
        async with http.post(f"{base}/sendmessage", json={"chat_id": ROOM, "text": "x"}) as answer:
            assert answer.status == 200  # names in any case, JSON as well
        async with http.post(f"{base}/launchRocket") as answer:
            assert answer.status == 404
        async with http.post(f"{base}/sendMessage", data=b"{", headers={"Content-Type": "application/json"}) as answer:
            assert answer.status == 400
