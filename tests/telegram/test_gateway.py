"""What people do in Telegram, through the real SDK: tap, choose, reply, type, and see. Polled and by webhook."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.answers import not_genuine
from bot.telegram_words import ANONYMOUS, FORWARDED, IN_PRIVATE, NOT_A_ROOM, ONLY_PRIVATE, STALE
from deskbell.core.alert import Severity, Status, Verb
from deskbell.core.card import Button, Note, Reply
from deskbell.core.ports import Identity

ROOM = "-1001000000001"
TOPIC = "-1001000000002/5"


def message_of(telegram, card):
    chat, _ = telegram.room(card.room)
    return chat.messages[int(card.id)]


def labels(telegram, card):
    return [button["text"] for button in message_of(telegram, card).buttons]


# ---------------------------------------------------------------- taps


async def test_a_tap_is_done_and_answered_privately(card, gateway, desk, telegram):
    heard = await telegram.press("ana", card, "Acknowledge")

    assert heard.failed == ""
    assert desk.alert.status is Status.ACKED
    assert heard.private == ["D-12: Ana Ruiz acknowledged"]
    assert heard.public == []
    said = desk.acted[0]
    assert (said.platform, said.account, said.workspace, said.room) == ("telegram", "700000001", "", ROOM)
    assert said.key.startswith("telegram:")
    assert said.kind == "button"


async def test_the_second_tap_hears_who_was_faster(card, gateway, telegram):
    await telegram.press("ana", card, "Acknowledge")
    heard = await telegram.press("ben", card, "Acknowledge")

    assert "already acknowledged by Ana Ruiz" in heard.text
    assert list(telegram.queries.values())[-1].alert


async def test_many_taps_at_once_have_one_winner(card, gateway, desk, telegram):
    heard = await asyncio.gather(
        *(telegram.press(who, card, "Acknowledge") for who in ("ana", "ben", "carla") for _ in range(5))
    )

    assert all(one.failed == "" for one in heard)
    assert sum("already acknowledged" in one.text for one in heard) == 14
    assert len(desk.acted) == 15


async def test_a_person_without_a_role_is_told_so_privately(card, gateway, desk, telegram):
    heard = await telegram.press("dan", card, "Acknowledge", changes=False)

    assert "Your role does not allow ack" in heard.text
    assert desk.alert.status is Status.OPEN
    assert heard.public == []


async def test_a_tap_in_a_topic_counts_for_its_room(channel, desk, gateway, identity, telegram, topic):
    await channel.post(topic, desk.drawn(), identity)

    heard = await telegram.press("ana", telegram.cards(TOPIC)[0], "Acknowledge")

    assert heard.failed == ""
    assert desk.acted[0].room == TOPIC


async def test_a_forged_button_does_nothing(card, gateway, desk, telegram):
    message = message_of(telegram, card)
    for data in ("A" * 28, "", "x|m", "|", "\ud83d\ude00", "x" * 64, message.buttons[0]["callback_data"][:-2] + "AA"):
        query = await telegram.tap(telegram.who("ana"), message, data)
        assert query.alert
        assert query.text
    assert all(said.verb == "unknown" for said in desk.acted)  # which the desk refuses, and notes
    assert desk.alert.status is Status.OPEN


async def test_a_choice_that_was_never_offered_does_nothing(card, gateway, desk, telegram):
    token = desk.sign(Verb.SNOOZE, 12, 0)
    for data in (f"{token}|c", f"{token}|cforever", f"{token}|r99", f"{token}|r-1", f"{token}|unobody", f"{token}|zzz"):
        query = await telegram.tap(telegram.who("ana"), message_of(telegram, card), data)
        assert query.text == not_genuine("/desk")
    assert desk.acted == []


async def test_what_is_not_saved_in_time_is_said_so_and_told_later(card, gateway, desk, telegram, monkeypatch, wait):
    monkeypatch.setattr("bot.clerk.DURABLE_S", 0.1)
    desk.slow = 0.4

    heard = await telegram.press("ana", card, "Acknowledge")
    await wait(lambda: len(telegram.private("ana")) == 2)

    assert heard.private == ["Not saved in time. Please tap again in a moment."]
    assert telegram.private("ana")[1].startswith("It was saved after all: D-12")


async def test_what_can_not_be_saved_is_said_so(card, gateway, desk, telegram):
    desk.broken = True

    heard = await telegram.press("ana", card, "Acknowledge")

    assert heard.private == ["Not saved in time. Please tap again in a moment."]
    assert desk.alert.status is Status.OPEN


async def test_an_expired_query_does_not_disturb(card, gateway, desk, telegram, wait):
    telegram.faults.set("old query", where="answerCallbackQuery", times=1)

    message = message_of(telegram, card)
    query = telegram.new_query(telegram.who("ana"), message)
    telegram.deliver_query(query, message, message.buttons[0]["callback_data"])
    await wait(lambda: desk.alert.status is Status.ACKED)
    heard = await telegram.press("ben", card, "Escalate")

    assert heard.failed == ""


# ---------------------------------------------------------------- menus


async def test_snooze_asks_for_how_long(card, gateway, desk, telegram):
    heard = await telegram.press("ana", card, "Snooze", "1 hour")

    assert heard.failed == ""
    assert desk.acted[0].args == {"span": timedelta(hours=1)}
    assert desk.acted[0].kind == "form"
    assert desk.alert.snoozed_until is not None
    assert heard.private[0] == "For how long?"


async def test_reassign_pages_through_the_team(card, gateway, desk, telegram):
    desk.team = [(f"p{n}", f"Person {n:02}", "3 alerts open") for n in range(20)] + [("ben", "Ben Okafor", "on duty")]

    await telegram.press("ana", card, "Reassign", changes=False)
    first = labels(telegram, card)
    heard = await telegram.press("ana", card, "Next", "Ben Okafor")

    assert len(first) == 10
    assert first[0].startswith("Person 00 · 3 alerts open")
    assert first[-2:] == ["Next 2/3 \u203a", "\u2039 Back"]
    assert heard.failed == ""
    assert desk.acted[0].args == {"person": "ben"}
    assert desk.alert.assignee == "ben"


async def test_a_long_id_still_fits_into_a_button(card, gateway, desk, telegram):
    long = "somebody-with-quite-a-long-identifier-in-the-configuration"
    desk.people[long] = replace(desk.people["ben"], id=long, name="Long Person")
    desk.team = [(long, "Long Person", "")]

    await telegram.press("ana", card, "Reassign", "Long Person")

    assert desk.acted[0].args == {"person": long}


async def test_going_back_brings_the_buttons_back(card, gateway, desk, telegram, wait):
    before = labels(telegram, card)
    await telegram.press("ana", card, "Snooze", changes=False)
    assert labels(telegram, card) == ["15 min", "30 min", "1 hour", "4 hours", "\u2039 Back"]

    await telegram.press("ana", card, "\u2039 Back", changes=False)
    await wait(lambda: labels(telegram, card) == before)

    assert desk.acted == []


async def test_a_menu_closes_by_itself(card, make_gateway, telegram, wait):
    await make_gateway(menu_s=0.2)
    before = labels(telegram, card)

    await telegram.press("ana", card, "Resolve", changes=False)
    assert "Fixed" in labels(telegram, card)
    await wait(lambda: labels(telegram, card) == before)


async def test_a_menu_is_not_opened_for_who_may_not_choose(card, gateway, telegram):
    before = labels(telegram, card)

    heard = await telegram.press("dan", card, "Resolve", changes=False)

    assert "Your role does not allow resolve" in heard.text
    assert labels(telegram, card) == before


async def test_a_menu_of_something_that_is_over_says_so(card, gateway, desk, telegram):
    desk.alert = replace(desk.alert, status=Status.RESOLVED, resolved_by="ben")

    heard = await telegram.press("ana", card, "Reassign", changes=False)

    assert "D-12" in heard.text
    assert list(telegram.queries.values())[-1].alert


async def test_without_colleagues_nothing_opens(card, gateway, desk, telegram):
    desk.team = []

    heard = await telegram.press("ana", card, "Reassign", changes=False)

    assert "no colleague" in heard.text
    assert "Acknowledge" in labels(telegram, card)


async def test_a_menu_that_can_not_be_opened_says_how_else(card, gateway, desk, telegram):
    telegram.faults.set("429", where="editMessageReplyMarkup", times=1, retry_after=30)
    heard = await telegram.press("ana", card, "Snooze", changes=False)
    assert "type /desk snooze D-12" in heard.text

    await telegram.press("ana", card, "Resolve", changes=False)
    telegram.faults.set("rights", where="sendMessage", times=1)
    heard = await telegram.press("ana", card, "Other reason", changes=False)
    assert "type /desk resolve D-12" in heard.text
    assert desk.acted == []


async def test_an_answer_waits_for_a_short_limit_and_goes_out_plain_if_it_must(gateway, telegram, wait):
    telegram.faults.set("429", where="sendMessage", times=1, retry_after=1)
    heard = await telegram.say("ana", "", "oncall")
    telegram.faults.set("parse", where="sendMessage", times=1)
    plain = await telegram.say("ana", "", "oncall")

    assert heard.private == plain.private == ["Heard\n\noncall\n\nas of 14:02"]


async def test_a_quick_reason_resolves(card, gateway, desk, telegram):
    heard = await telegram.press("ana", card, "Resolve", "Technician on site")

    assert heard.failed == ""
    assert desk.acted[0].args == {"reason": "Technician on site"}
    assert desk.alert.status is Status.RESOLVED


async def test_a_reason_in_own_words_is_a_reply(card, gateway, desk, telegram, wait):
    heard = await telegram.press("ana", card, "Resolve", "The pump runs again, 9.8 bar")

    assert heard.failed == ""
    assert desk.acted[0].args == {"reason": "The pump runs again, 9.8 bar"}
    assert desk.acted[0].room == ROOM
    assert desk.alert.status is Status.RESOLVED
    # The question is gone, and the card has its own buttons again.
    await wait(lambda: not any("Reply to this message" in text for text in telegram.texts(ROOM)))
    await wait(lambda: "Resolve…" in labels(telegram, card))


async def test_a_prompt_survives_a_restart(card, make_gateway, desk, telegram, wait):
    first = await make_gateway()
    await telegram.press("ana", card, "Resolve", changes=False)
    await telegram.press("ana", card, "Other reason", changes=False)
    await wait(lambda: any("Reply" in text for text in telegram.texts(ROOM)))
    prompt = list(telegram.chats[int(ROOM)].messages.values())[-1]
    await first.close()
    await make_gateway()

    await telegram.reply(telegram.who("ana"), prompt, "Fixed it")

    assert desk.acted[0].args == {"reason": "Fixed it"}


async def test_a_reply_of_somebody_who_may_not_is_refused_in_private(card, gateway, desk, telegram, wait):
    await telegram.press("ana", card, "Resolve", changes=False)
    await telegram.press("ana", card, "Other reason", changes=False)
    await wait(lambda: any("Reply" in text for text in telegram.texts(ROOM)))
    prompt = list(telegram.chats[int(ROOM)].messages.values())[-1]

    heard = await telegram.reply(telegram.who("dan"), prompt, "Looks fine to me")

    assert "Your role does not allow resolve" in heard.text
    assert heard.public == []
    assert desk.alert.status is Status.OPEN
    assert not prompt.deleted


async def test_an_ordinary_reply_to_a_card_is_left_alone(card, gateway, desk, telegram, commands):
    telegram.write(telegram.who("ana"), telegram.chats[int(ROOM)], "who is nearest?", reply_to=int(card.id))
    await telegram.press("ana", card, "Acknowledge")

    assert commands.lines == []
    assert len(desk.acted) == 1


# ---------------------------------------------------------------- in private


@pytest.fixture
async def called(channel, card, desk, room, telegram):
    """Ben was called in private, with buttons."""
    buttons = tuple(button for button in desk.drawn().buttons if button.verb in ("ack", "resolve"))
    note = Note("P1 D-12: nobody answers", "D-12", mentions=("ben",), direct="ben", buttons=buttons)
    ref = {"chat": ROOM, "message": card.id}
    await channel.note(room, ref, note, Identity("note", "D-12", "dispatch", 5))
    return telegram.private_chat(telegram.who("ben"))


async def test_a_call_is_answered_where_it_came(called, gateway, desk, telegram, wait):
    heard = await telegram.press_private("ben", "Acknowledge")

    assert heard.private == ["D-12: Ben Okafor acknowledged"]
    assert desk.acted[0].room == ""
    # The call has become the card as it is now, with Undo.
    await wait(lambda: any("Acknowledged by Ben Okafor" in text for text in telegram.private("ben")))
    last = list(called.messages.values())[-1]
    assert [button["text"] for button in last.buttons][-1] == "Undo"

    await telegram.press_private("ben", "Undo")
    assert desk.alert.status is Status.OPEN


async def test_a_call_is_resolved_by_a_reply(called, gateway, desk, telegram):
    heard = await telegram.press_private("ben", "Resolve", "Drove there myself")

    assert desk.acted[0].args == {"reason": "Drove there myself"}
    assert any("resolved" in text for text in heard.private)


async def test_what_is_personal_is_shown_in_private(card, gateway, desk, telegram):
    desk.revealed = Reply(title="Customer", lines=("Lidia Moor, 0151 5550123",))

    heard = await telegram.press("ana", card, "Acknowledge", changes=False)

    assert any("Lidia Moor" in text for text in heard.private)
    assert not any("Lidia" in text for text in telegram.texts(ROOM))


async def test_what_is_personal_is_not_shown_at_all_without_a_private_chat(card, gateway, desk, telegram):
    desk.accounts["700000012"] = "nils"
    desk.revealed = Reply(title="Customer", lines=("Lidia Moor, 0151 5550123",))

    heard = await telegram.press("nils", card, "Acknowledge", changes=False)

    assert ONLY_PRIVATE in heard.text
    assert not any("Lidia" in text for text in [*telegram.texts(ROOM), *telegram.private("nils")])


# ---------------------------------------------------------------- connecting


async def test_an_unknown_person_is_told_how_and_the_tap_is_done_afterwards(card, gateway, desk, telegram, wait):
    desk.codes["abcDEF123456"] = "nils"

    heard = await telegram.press("nils", card, "Acknowledge", changes=False)
    query = list(telegram.queries.values())[-1]
    assert "Type /desk link in a chat that knows you" in heard.text
    assert query.alert
    assert query.url == "https://t.me/deskbell_bot?start=connect"
    assert desk.alert.status is Status.OPEN

    telegram.start("nils", "connect")
    await wait(lambda: any("Not connected yet" in text for text in telegram.private("nils")))
    heard = await telegram.say("nils", "", "abcDEF123456")

    assert "Connected as Nils Lund" in heard.text
    assert desk.alert.acked_by == "nils"


async def test_a_link_with_a_code_connects_at_once(gateway, desk, telegram, wait):
    desk.codes["abcDEF123456"] = "nils"

    telegram.start("nils", "abcDEF123456")
    await wait(lambda: telegram.private("nils"))

    assert "Connected as Nils Lund" in telegram.private("nils")[0]
    assert desk.accounts["700000012"] == "nils"


async def test_a_link_does_not_make_somebody_else_of_who_is_known(gateway, desk, telegram, wait):
    """Whoever sends it round may want their colleagues to act in their name, or to be rung in their place."""
    desk.codes["abcDEF123456"] = "dan"

    telegram.start("ana", "abcDEF123456")
    await wait(lambda: telegram.private("ana"))

    assert "You are Ana Ruiz here already" in telegram.private("ana")[0]
    assert desk.accounts["700000001"] == "ana"
    assert "abcDEF123456" in desk.codes


async def test_a_stranger_who_never_stops_is_not_read_any_more(gateway, desk, commands, telegram, wait):
    """Each wrong code and each command of theirs would be a line of the audit."""
    tried = []
    redeem = desk.redeem

    async def watched(said, code):
        tried.append(code)
        return await redeem(said, code)

    desk.redeem = watched
    mallory = telegram.who("mallory")
    for number in range(30):
        telegram.start("mallory", f"guess0000{number}")
        telegram.write(mallory, telegram.private_chat(mallory), f"ack D-{number}")
    await wait(lambda: not telegram.updates.pending())
    assert len(tried) + len(commands.lines) == 20

    await telegram.say("ana", "", "oncall")
    assert commands.lines[-1][0] == "oncall"


async def test_start_says_what_to_do(gateway, telegram, wait):
    telegram.start("mallory")
    telegram.start("ana")
    await wait(lambda: telegram.private("mallory") and telegram.private("ana"))

    assert telegram.private("mallory")[0].startswith("Not connected yet")
    assert "700000013" in telegram.private("mallory")[0]
    assert telegram.private("ana")[0].startswith("Connected as Ana Ruiz")


async def test_a_link_from_a_prompt_shows_the_card(gateway, desk, telegram, wait):
    telegram.start("ana", desk.sign(Verb.RESOLVE, 12, 0))
    await wait(lambda: telegram.private("ana"))

    assert "D-12" in telegram.private("ana")[0]
    assert desk.acted == []


# ---------------------------------------------------------------- commands


@pytest.mark.parametrize(
    ("typed", "line"),
    [
        ("/ack D-12", "ack D-12"),
        ("/ack@deskbell_bot D-12", "ack D-12"),
        ("/ACK@Deskbell_Bot D-12", "ACK D-12"),
        ("/desk ack D-12", "ack D-12"),
        ("/desk@deskbell_bot", ""),
        ("/frobnicate@deskbell_bot D-12", "frobnicate D-12"),
        ("/new P2 compressor down\nat Northgate", "new P2 compressor down\nat Northgate"),
    ],
)
async def test_commands_as_people_type_them(gateway, commands, telegram, typed, line):
    heard = await telegram.say("ana", ROOM, typed)

    assert commands.lines[0][0] == line
    said = commands.lines[0][1]
    assert (said.platform, said.account, said.room) == ("telegram", "700000001", ROOM)
    assert heard.failed == ""


async def test_a_group_sees_that_there_was_an_answer_and_only_its_person_sees_it(gateway, telegram):
    heard = await telegram.say("ana", ROOM, "/case 4711")

    assert heard.public == [IN_PRIVATE]
    assert heard.private == ["Heard\n\ncase 4711\n\nas of 14:02"]
    assert all("4711" not in text for text in telegram.texts(ROOM) if not text.startswith("/"))


async def test_who_never_pressed_start_is_told_to_and_gets_the_answer_then(gateway, telegram, wait):
    heard = await telegram.say("nils", ROOM, "/case 4711")
    assert heard.public == [ONLY_PRIVATE]

    telegram.start("nils", "open")
    await wait(lambda: telegram.private("nils"))
    assert "case 4711" in telegram.private("nils")[0]


async def test_a_change_without_a_private_chat_is_answered_in_short(gateway, telegram):
    heard = await telegram.say("nils", ROOM, "/ack D-12")

    assert "ack D-12" in heard.public[0]


@pytest.mark.parametrize("typed", ["/reveal D-12", "/desk reveal D-12", "/REVEAL@deskbell_bot D-12"])
async def test_what_is_revealed_never_stands_in_a_group(typed, gateway, commands, telegram, wait):
    """By somebody to whom the bot can't write."""
    heard = await telegram.say("nils", ROOM, typed)

    assert heard.public == [ONLY_PRIVATE]
    telegram.start("nils", "open")
    await wait(lambda: telegram.private("nils"))
    assert telegram.private("nils")[0].startswith("Heard")


async def test_a_command_in_reply_to_a_card_is_about_that_card(card, gateway, commands, telegram):
    await telegram.reply(telegram.who("ana"), message_of(telegram, card), "/resolve customer called back")
    await telegram.reply(telegram.who("ana"), message_of(telegram, card), "/ack D-7")

    assert [line for line, _ in commands.lines] == ["resolve D-12 customer called back", "ack D-7"]


async def test_in_private_plain_words_do(gateway, commands, telegram):
    heard = await telegram.say("ana", "", "ack D-12")
    await telegram.say("ana", "", "/desk list mine")

    assert heard.private == ["Heard\n\nack D-12\n\nas of 14:02"]
    assert [line for line, _ in commands.lines] == ["ack D-12", "list mine"]
    assert commands.lines[0][1].room == ""


async def test_a_card_shown_in_private_can_be_answered(gateway, desk, telegram):
    await telegram.say("ana", "", "show D-12")
    heard = await telegram.press_private("ana", "Acknowledge")

    assert heard.failed == ""
    assert desk.alert.status is Status.ACKED


async def test_a_slower_source_adds_its_answer(gateway, commands, telegram, wait):
    async def later():
        await asyncio.sleep(0.1)
        return Reply(lines=("fresh from the source",))

    commands.later = later
    await telegram.say("ana", "", "case 4711")
    await wait(lambda: "fresh from the source" in telegram.private("ana"))


async def test_colleagues_are_mentioned_without_a_username(gateway, commands, telegram):
    from deskbell.sandbox.telegram.entities import Entity

    chat = telegram.chats[int(ROOM)]
    message = telegram.add(chat, telegram.who("ana"), "/reassign D-12 \U0001f600 Ben to")
    message.entities = [Entity("text_mention", 18, 3, user=700_000_002)]
    telegram.updates.add("message", telegram.wire(message))
    await telegram.say("ana", ROOM, "/oncall")

    assert commands.lines[0][0] == "reassign D-12 \U0001f600 @ben to"


# ---------------------------------------------------------------- who is not heard


async def test_what_is_for_others_is_left_alone(gateway, commands, desk, telegram):
    telegram.reads_all = True
    for text in ("/ack@other_bot D-12", "/weather Berlin", "just words", "ack D-12", "/", "/ ack D-12"):
        telegram.write(telegram.who("ana"), telegram.chats[int(ROOM)], text)
    await telegram.say("ana", ROOM, "/oncall")

    assert [line for line, _ in commands.lines] == ["oncall"]
    assert desk.acted == []


async def test_in_a_group_that_nobody_configured_only_a_tap_is_answered_and_privately(
    card, gateway, commands, desk, telegram, wait
):
    group = telegram.add_group("Somebody's own", kind="supergroup")
    message = telegram.add(group, telegram.bot, "D-12", markup=message_of(telegram, card).markup)
    telegram.write(telegram.who("ana"), group, "/ack D-12")
    query = telegram.new_query(telegram.who("ana"), message)
    telegram.deliver_query(query, message, message.buttons[0]["callback_data"])
    await telegram.press("ben", card, "Escalate")

    assert commands.lines == []
    assert [said.account for said in desk.acted] == ["700000002"]
    await wait(lambda: query.answered)
    assert query.text == NOT_A_ROOM
    assert query.alert
    assert len(group.messages) == 2
    assert [(said.room, code) for said, code in desk.turned] == [(str(group.id), "outsider")]


async def test_an_anonymous_admin_is_refused_politely_and_once(gateway, commands, desk, telegram, wait):
    for _ in range(3):
        message = telegram.write_as_group("carla", ROOM, "/ack D-12")
    await wait(lambda: ANONYMOUS in telegram.texts(ROOM))
    await telegram.say("ana", ROOM, "/oncall")

    assert telegram.texts(ROOM).count(ANONYMOUS) == 1
    assert [line for line, _ in commands.lines] == ["oncall"]
    assert [code for _, code in desk.turned] == ["anonymous"]
    assert message.live


async def test_what_was_forwarded_is_refused(gateway, commands, telegram, wait):
    telegram.forward("ana", ROOM, "/ack D-12")
    telegram.forward("ana", "", "ack D-12")
    await wait(lambda: FORWARDED in telegram.texts(ROOM) and FORWARDED in telegram.private("ana"))

    assert commands.lines == []


async def test_what_was_typed_long_ago_is_not_done_now(gateway, commands, desk, telegram, wait):
    desk.now = lambda: datetime.now(UTC) + timedelta(hours=2)

    heard = await telegram.say("ana", "", "ack D-12")

    assert heard.private == [STALE]
    assert commands.lines == []


async def test_an_update_of_a_strange_shape_is_passed_over(card, gateway, desk, telegram):
    for body in ({}, {"id": 5}, {"id": "1", "from": {"id": "x"}, "data": "d"}, None, [], "text"):
        if gateway.conf.way == "webhook":
            telegram.updates.add("callback_query", body)
        telegram.updates.add("chat_member", {"odd": 1})
    heard = await telegram.press("ana", card, "Acknowledge")

    assert heard.failed == ""


# ---------------------------------------------------------------- chats change


async def test_a_group_that_became_a_supergroup_goes_on(channel, card, gateway, desk, room, identity, telegram):
    new = telegram.migrate(ROOM)
    sent = await channel.post(room, desk.drawn(), replace(identity, number=2))
    fresh = telegram.cards(str(new.id))[0]

    heard = await telegram.press("ana", fresh, "Acknowledge")
    typed = await telegram.say("ben", str(new.id), "/oncall")

    assert sent.ref["chat"] == str(new.id)
    assert heard.failed == ""
    assert desk.acted[0].room == ROOM
    assert typed.failed == ""
    assert desk.memory[f"telegram.moved.{ROOM}"] == str(new.id)


async def test_being_removed_and_invited_is_noted(gateway, telegram, caplog, wait):
    group = telegram.add_group("Another team", kind="supergroup")
    with caplog.at_level("INFO"):
        telegram.set_bot(str(group.id), "member")
        telegram.remove_bot(ROOM)
        telegram.block("ben")
        await wait(lambda: "not any more in a private chat" in caplog.text)

    assert f"({group.id}), which is no destination" in caplog.text
    assert "not any more in the group 'Dispatch'" in caplog.text


# ---------------------------------------------------------------- beside the people


async def test_the_command_menu_is_set_once(make_gateway, desk, telegram, wait):
    await make_gateway()
    await wait(lambda: "telegram.commands" in desk.memory)
    scopes = [entry.what["scope"] for entry in telegram.ledger.of("telegram", "commands_set")]
    await make_gateway()
    await asyncio.sleep(0.1)

    assert scopes == ["all_group_chats", "all_private_chats"]
    assert telegram.ledger.count("telegram", "commands_set") == 2
    names = [command["command"] for command in next(iter(telegram.commands.values()))]
    assert names[:3] == ["list", "show", "case"]
    assert names[-1] == "desk"


async def test_the_command_menu_is_tried_again(make_gateway, desk, telegram, monkeypatch, wait):
    monkeypatch.setattr("bot.telegram_setup.AGAIN_S", 0.05)
    telegram.faults.set("500", where="setMyCommands", times=3)
    await make_gateway()

    await wait(lambda: "telegram.commands" in desk.memory)


async def test_closing_is_quick(make_gateway):
    gateway = await make_gateway()
    started = asyncio.get_running_loop().time()
    await gateway.close()

    assert asyncio.get_running_loop().time() - started < 1.0


async def test_an_undo_on_the_card_is_an_ordinary_tap(channel, gateway, desk, room, identity, telegram):
    undo = Button("unack", "Undo", desk.sign(Verb.UNACK, 12, 0))
    desk.alert = replace(desk.alert, status=Status.ACKED, acked_by="ana", severity=Severity.P2)
    await channel.post(room, replace(desk.drawn(), undo=undo), identity)

    heard = await telegram.press("ana", telegram.cards(ROOM)[0], "Undo")

    assert heard.failed == ""
    assert desk.alert.status is Status.OPEN
