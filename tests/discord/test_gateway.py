"""What people do in Discord, through the real SDK over its gateway, and signed to our HTTP server."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.discord_acts import BROKEN, NOT_KNOWN, NOT_OURS
from deskbell.core.access import Role
from deskbell.core.alert import Status, Verb
from deskbell.core.card import Button, Note, Reply
from deskbell.core.ports import Destination, Identity
from deskbell.core.records import Case, CaseStatus
from deskbell.sandbox import credentials
from deskbell.sandbox.chat import Refused
from deskbell.sandbox.discord.interactions import COMMAND, COMPONENT
from deskbell.sandbox.staff import STAFF
from deskbell.vendors.discord import Way

ROOM = credentials.DISCORD_ROOMS["dispatch"]
GUILD = credentials.DISCORD_GUILD
LATE = "Not saved in time"


def message_of(discord, card):
    return discord.world.channels[card.room].messages[card.id]


# ---------------------------------------------------------------- taps


async def test_a_tap_is_done_and_told_privately_with_undo(card, desk, discord):
    heard = await discord.press("ana", card, "Acknowledge")

    assert heard.failed == ""
    assert heard.public == []
    assert "D-12: Ana Ruiz acknowledged" in heard.private[0]
    assert "Undo" in heard.private[0]
    assert desk.alert.acked_by == "ana"
    said = desk.acted[0]
    assert (said.platform, said.account, said.workspace) == ("discord", STAFF["ana"].discord, GUILD)
    assert (said.room, said.kind, said.key[:8]) == (ROOM, "button", "discord:")


async def test_undo_takes_the_place_of_the_words_it_takes_back(card, desk, discord):
    await discord.press("ana", card, "Acknowledge")
    desk.sign = lambda verb, alert_id, mark: type(desk).sign(Verb.UNACK, alert_id, mark)
    heard = await discord.press_private("ana", "Undo")

    assert desk.alert.status is Status.OPEN
    assert desk.acted[1].room == ""
    assert len(heard.private) == 1


async def test_the_second_tap_hears_who_was_faster(card, discord):
    await discord.press("ana", card, "Acknowledge")
    heard = await discord.press("ben", card, "Acknowledge")

    assert "already acknowledged by Ana Ruiz" in heard.private[0]
    assert "Undo" not in heard.private[0]


async def test_many_taps_at_once_have_one_winner(card, desk, discord):
    heard = await asyncio.gather(*(discord.press("ana", card, "Acknowledge") for _ in range(20)))

    assert sum("Undo" in one.text for one in heard) == 1
    assert all(one.private for one in heard)


async def test_a_person_without_a_role_is_told_so_privately(card, desk, discord):
    heard = await discord.press("dan", card, "Acknowledge")

    assert "Your role does not allow ack" in heard.private[0]
    assert heard.public == []
    assert desk.alert.status is Status.OPEN


async def test_buttons_of_old_cards_live_on(start, way, channel, desk, discord, identity, room, wait):
    """Nothing of a card is in memory: what was posted before a restart, or by another process, works."""
    first = await start(way)
    await channel.post(room, desk.drawn(), identity)
    await wait(lambda: not first.trouble)
    await first.close()
    second = await start(way)
    await wait(lambda: not second.trouble)
    heard = await discord.press("ana", discord.cards()[0], "Acknowledge")

    assert heard.failed == ""
    assert desk.alert.acked_by == "ana"


async def test_a_tap_on_a_reply_in_a_thread_counts_for_the_room(channel, card, desk, discord):
    ref = {"channel": ROOM, "message": card.id}
    room = Destination("dispatch", "discord", ROOM)
    button = Button("ack", "Acknowledge", desk.sign(Verb.ACK, 12, 0))
    await channel.note(room, ref, Note("line", "D-12", buttons=(button,)), Identity("note", "D-12", "dispatch", 3))
    thread = discord.world.channels[card.id]
    said = next(iter(thread.messages.values()))
    await discord.tap("ana", said, said.buttons()[0]["custom_id"])

    assert desk.acted[0].room == ROOM


async def test_what_is_not_saved_in_time_is_said_so_and_told_later(card, desk, discord, monkeypatch, wait):
    monkeypatch.setattr("bot.clerk.DURABLE_S", 0.1)
    desk.slow = 0.5
    heard = await discord.press("ana", card, "Acknowledge")

    assert LATE in heard.private[0]
    await wait(lambda: any("It was saved after all" in text for text in discord.private("ana")))


async def test_what_can_not_be_saved_is_said_so(card, desk, discord):
    desk.broken = True

    assert LATE in (await discord.press("ana", card, "Acknowledge")).text


async def test_a_bug_of_ours_is_no_silence(card, desk, discord):
    desk.press = None  # as broken as can be

    assert BROKEN in (await discord.press("ana", card, "Acknowledge")).text


async def test_a_forged_token_does_nothing(card, desk, discord):
    message = message_of(discord, card)
    for custom_id in ("desk:" + "A" * 28, "desk:", "desk:::::", "desk:" + "\U0001f534"):
        message.components[0]["components"][0]["custom_id"] = custom_id
        live = await discord.tap("ana", message, custom_id)
        assert "not genuine or too old" in live.said[0].text()
    assert desk.alert.status is Status.OPEN


async def test_a_button_that_is_not_ours_is_left_alone(card, desk, discord):
    message = message_of(discord, card)
    message.components[0]["components"][0]["custom_id"] = "poll:yes"
    live = await discord.tap("ana", message, "poll:yes")

    assert (live.acked, live.said) == (True, [])
    assert desk.acted == []


# ---------------------------------------------------------------- menus and forms


async def test_snooze_asks_for_how_long(card, desk, discord):
    heard = await discord.press("ana", card, "Snooze", "30 min")

    assert desk.acted[0].args == {"span": timedelta(minutes=30)}
    assert desk.acted[0].room == ROOM
    assert "snoozed" in heard.private[0]
    assert discord.private("ana") == heard.private  # the menu is gone


async def test_reassign_asks_for_a_colleague(card, desk, discord):
    heard = await discord.press("ana", card, "Reassign", "Ben Okafor")

    assert desk.alert.assignee == "ben"
    assert desk.acted[0].args == {"person": "ben"}
    assert desk.acted[0].room == ROOM
    assert "Ben Okafor" in heard.private[0]
    assert discord.private("ana") == heard.private


async def test_anybody_of_the_server_can_be_picked_where_they_are_many(card, desk, discord):
    desk.team = [(f"p{n}", f"Person {n}", "") for n in range(30)]
    await discord.press("ana", card, "Reassign", "carla")
    assert desk.alert.assignee == "carla"
    heard = await discord.press("ana", discord.cards()[0], "Reassign", "marco")
    assert heard.private == [NOT_KNOWN]


async def test_without_colleagues_that_is_said(card, desk, discord):
    desk.team = []

    assert "no colleague who could take it" in (await discord.press("ana", card, "Reassign")).text


async def test_slow_colleagues_are_not_waited_for(card, desk, discord, monkeypatch):
    monkeypatch.setattr("bot.discord_acts.LOOK_S", 0.05)
    desk.colleagues = lambda _: asyncio.sleep(5)

    assert "no colleague" in (await discord.press("ana", card, "Reassign")).text


@pytest.mark.parametrize(
    ("answers", "reason"),
    [(["Fixed"], "Fixed"), (["new valve fitted"], "new valve fitted"), (["Fixed", "new valve"], "Fixed: new valve")],
)
async def test_resolve_asks_why(answers, reason, card, desk, discord):
    heard = await discord.press("ana", card, "Resolve", *answers)

    assert desk.alert.status is Status.RESOLVED
    assert desk.acted[0].args == {"reason": reason}
    assert (desk.acted[0].kind, desk.acted[0].room) == ("form", ROOM)
    assert "Undo" in heard.private[0]


async def test_resolve_without_a_reason_is_not_done(card, desk, discord):
    heard = await discord.press("ana", card, "Resolve")

    assert "Choose a reason or write one" in heard.private[0]
    assert desk.acted == []


async def test_a_note_is_typed_into_a_form(channel, desk, discord, gateway, identity, room):
    note = Button("note", "Note…", desk.sign(Verb.NOTE, 12, 0), form=True)
    await channel.post(room, replace(desk.drawn(), buttons=(note,)), identity)
    await discord.press("ana", discord.cards()[0], "Note", "called @everyone")

    assert desk.acted[0].args == {"text": "called @everyone"}


async def test_a_form_of_a_person_without_a_role_is_refused(card, desk, discord):
    assert "does not allow resolve" in (await discord.press("dan", card, "Resolve", "Fixed")).private[0]


@pytest.mark.parametrize("label", ["Snooze", "Reassign", "Resolve"])
async def test_who_may_not_do_it_is_asked_nothing_first(label, card, desk, discord):
    heard = await discord.press("dan", card, label)

    assert "does not allow" in heard.private[0]


async def test_what_only_one_person_may_read(card, desk, discord):
    desk.revealed = Reply(title="D-12: the customer", lines=("Northgate Dairy, +44 1632 960983",))
    heard = await discord.press("ana", card, "Acknowledge")

    assert "+44 1632" in heard.private[0]
    assert heard.public == []
    assert all("+44" not in text for text in discord.texts(ROOM))


# ---------------------------------------------------------------- who are you?


async def test_an_unknown_person_connects_and_the_tap_is_done_afterwards(card, desk, discord):
    heard = await discord.press("nils", card, "Acknowledge")
    assert "Who are you?" in heard.private[0]
    assert "Connect" in heard.private[0]
    assert (await discord.press_private("nils", "Connect", "wrong")).private[0].startswith("That code is wrong.")

    desk.codes["k3v9"] = "nils"
    heard = await discord.press_private("nils", "Connect", "/desk link k3v9")
    assert "Connected as Nils Lund" in heard.private[0]
    assert "Connect" not in heard.private[0].replace("Connected", "")
    assert desk.alert.acked_by == "nils"


async def test_an_unknown_person_gets_no_menu_and_no_form(card, desk, discord):
    for label in ("Snooze", "Reassign", "Resolve"):
        assert "Who are you?" in (await discord.press("nils", card, label)).private[0]
    assert [one.verb for one in desk.acted] == ["snooze", "reassign", "resolve"]


async def test_a_command_of_somebody_unknown_offers_to_connect(gateway, desk, discord):
    heard = await discord.say("nils", ROOM, "whoami")

    assert heard.private[0].endswith("Connect")


async def test_people_of_other_servers_are_turned_away(card, desk, discord):
    heard = await discord.press("mallory", card, "Acknowledge")

    assert heard.private == [NOT_OURS]
    assert desk.acted == []
    said, code = desk.turned[0]
    assert (said.account, said.workspace, code) == (STAFF["mallory"].discord, "900000000000009666", "outsider")
    for label, *answers in (("Snooze",), ("Resolve", "Fixed"), ("Reassign",)):
        assert (await discord.press("mallory", card, label, *answers)).private == [NOT_OURS]
    assert len(desk.turned) == 4


async def test_a_bot_is_turned_away(card, desk, discord):
    message = message_of(discord, card)
    data = {"custom_id": message.buttons()[0]["custom_id"], "component_type": 2, "id": 1}
    live = discord.interactions.new(COMPONENT, STAFF["ana"], discord.world.channels[ROOM], data, message)
    live.payload["member"]["user"]["bot"] = True
    await discord.interactions.run(live, discord.delivery.send)

    assert live.said[0].text() == NOT_OURS
    assert desk.acted == []


async def test_a_direct_message_can_be_answered(channel, desk, discord, gateway, room):
    button = Button("ack", "Acknowledge", desk.sign(Verb.ACK, 12, 0))
    await channel.note(room, {}, Note("P1", direct="ben", buttons=(button,)), Identity("note", "D-12", "dispatch", 3))
    heard = await discord.press_private("ben", "Acknowledge")

    assert "Ben Okafor acknowledged" in heard.private[0]
    assert (desk.acted[0].room, desk.acted[0].workspace) == ("", "")
    assert discord.private("ben")[0].startswith("P1")  # what was said stays


async def test_a_direct_message_of_a_stranger_is_refused(channel, desk, discord, gateway, room):
    button = Button("ack", "Acknowledge", desk.sign(Verb.ACK, 12, 0))
    await channel.note(room, {}, Note("P1", direct="ben", buttons=(button,)), Identity("note", "D-12", "dispatch", 3))
    desk.accounts.clear()
    heard = await discord.press_private("ben", "Acknowledge")

    assert heard.private == [NOT_OURS]
    assert (desk.acted, len(desk.turned)) == ([], 1)


# ---------------------------------------------------------------- commands


TYPED = (
    ("list", "list"),
    ("list mine", "list mine"),
    ("list team North", "list team North"),
    ("list open page:2", "list open 2"),
    ("ack D-12", "ack D-12"),
    ("reassign D-12 ben", "reassign D-12 ben"),
    ("snooze D-12 1h30m waiting for parts", "snooze D-12 1h30m waiting for parts"),
    ("resolve D-12 customer  called", "resolve D-12 customer called"),
    ("new P2 compressor down", "new P2 compressor down"),
    ('new gas leak team:"North West" about:J-1', 'new team="North West" about=J-1 gas leak'),
    ("help snooze", "help snooze"),
    ("/case 4711", "case 4711"),
    ("/oncall", "oncall"),
    ("/oncall North", "oncall North"),
)


async def test_commands_as_people_type_them(gateway, commands, discord):
    for typed, line in TYPED:
        commands.lines.clear()
        heard = await discord.say("ana", ROOM, typed)
        assert commands.lines[0][0] == line
        said = commands.lines[0][1]
        assert (said.platform, said.account, said.workspace) == ("discord", STAFF["ana"].discord, GUILD)
        assert (said.room, said.key[:8]) == (ROOM, "discord:")
        assert heard.private[0].startswith(f"**Heard**\n{line}".replace("_", "\\_"))
        assert heard.public == []


async def test_a_card_shown_in_private_can_be_answered(gateway, desk, discord):
    await discord.say("ana", ROOM, "show D-12")
    heard = await discord.press_private("ana", "Acknowledge")

    assert "acknowledged" in heard.private[0]
    assert desk.acted[0].room == ""
    await discord.say("ana", ROOM, "show D-12")
    await discord.press_private("ana", "Snooze", "30 min")
    assert desk.acted[1].room == ""


async def test_a_slower_source_adds_its_answer(gateway, commands, discord, wait):
    async def later():
        return Reply(lines=("Fresh from Freshdesk",))

    commands.later = later
    await discord.say("ana", ROOM, "case 4711")
    await wait(lambda: "Fresh from Freshdesk" in discord.private("ana"))


async def test_a_slow_command_is_answered_later(gateway, commands, discord, monkeypatch, wait):
    monkeypatch.setattr("bot.clerk.DURABLE_S", 0.1)
    commands.slow = 0.4
    heard = await discord.say("ana", ROOM, "list")

    assert "takes a little longer" in heard.private[0]
    await wait(lambda: any("Heard" in text for text in discord.private("ana")))


async def test_a_command_of_a_stranger_is_refused_before_anything(gateway, commands, desk, discord):
    heard = await discord.say("mallory", ROOM, "list")

    assert heard.private == [NOT_OURS]
    assert commands.lines == []
    assert desk.turned[0][0].kind == "command"


async def test_the_client_refuses_what_is_no_command(gateway, discord):
    for line in ("lst", "snooze D-12", "/nosuch x"):
        with pytest.raises(Refused):
            await discord.say("ana", ROOM, line)


# ---------------------------------------------------------------- suggestions


async def suggested(discord, option, typed="", who="ana", path="desk show"):
    live = await discord.suggest(who, ROOM, path, option, typed, {})
    assert live.acked
    return [choice["value"] for choice in live.choices]


async def test_alerts_people_numbers_and_times_are_suggested(gateway, desk, discord):
    desk.records = [_case()]

    assert await suggested(discord, "alert") == ["D-12"]
    assert await suggested(discord, "alert", "marco") == ["D-12"]
    assert await suggested(discord, "alert", "nothing like it") == []
    assert await suggested(discord, "colleague", "ok") == ["ben"]
    assert "dan" not in await suggested(discord, "colleague")
    assert await suggested(discord, "number", "47", path="case") == ["4711"]
    assert await suggested(discord, "number") == []
    assert (await suggested(discord, "time", "45m"))[:2] == ["45m", "15m"]
    assert await suggested(discord, "reason", "x") == []


async def test_what_somebody_may_not_see_is_not_suggested(gateway, desk, discord):
    desk.alert = replace(desk.alert, team="north")
    desk.records = [_case()]
    desk.people["ana"] = replace(desk.people["ana"], teams=frozenset({"south"}))
    assert await suggested(discord, "alert") == []
    desk.people["ana"] = replace(desk.people["ana"], roles=frozenset({Role.TECHNICIAN}), teams=frozenset())
    assert await suggested(discord, "number", "47") == []
    for stranger in ("nils", "mallory"):
        assert await suggested(discord, "alert", who=stranger) == []


async def test_slow_suggestions_are_none(gateway, desk, discord, monkeypatch):
    monkeypatch.setattr("bot.discord_acts.LOOK_S", 0.05)
    desk.alerts = lambda **_: asyncio.sleep(5)

    assert await suggested(discord, "alert") == []


async def test_a_bug_in_suggestions_is_none(gateway, desk, discord):
    desk.alerts = None

    assert await suggested(discord, "alert") == []


def _case():
    from deskbell.core.ports import StoredRecord

    case = Case(source="freshdesk", id="4711", number="4711", subject="Compressor trips", status=CaseStatus.OPEN)
    return StoredRecord(case, None)


# ---------------------------------------------------------------- what is not of the expected shape

STRANGE = (
    {"type": 3},
    {"type": 3, "data": None},
    {"type": 3, "data": {"custom_id": ["desk:"], "component_type": 2}},
    {"type": 5, "data": {"custom_id": "desk:x", "components": [None]}},
    {"type": 2, "data": {"name": "desk", "options": "list"}},
    {"type": 2, "data": {}},
    {"type": 99, "data": {}},
    {"type": "3", "data": {"custom_id": "desk:x"}},
    {"type": 3, "data": {"custom_id": "desk:x"}, "member": {"user": {"id": "root"}}},
    {"type": 3, "data": {"custom_id": "desk:x"}, "member": None},
    {"type": 3, "data": {"custom_id": "desk:x"}, "channel": 7},
)


async def test_strange_shapes_change_nothing(gateway, desk, discord, card):
    for strange in STRANGE:
        live = discord.interactions.new(COMMAND, STAFF["ana"], discord.world.channels[ROOM], {"name": "desk"})
        live.payload.update(strange)
        await discord.delivery.send(live) if not discord.hub.endpoint else await _to_endpoint(discord, live)
    heard = await discord.press("ana", card, "Acknowledge")

    assert heard.failed == ""
    assert len(desk.acted) == 1


async def _to_endpoint(discord, live):
    from deskbell.sandbox.web import dumps

    status, _ = await discord.delivery.post(dumps(live.payload))
    assert status in (200, 400)


# ---------------------------------------------------------------- commands are registered once


async def test_commands_are_registered_only_when_they_changed(start, desk, discord, wait):
    first = await start()
    await wait(lambda: discord.hub.syncs == 1 and desk.memory)
    await first.close()
    second = await start()
    await wait(lambda: not second.trouble)
    await asyncio.sleep(0.1)
    assert discord.hub.syncs == 1
    await start(command="/bell")
    await wait(lambda: discord.hub.syncs == 2)
    registered = [one["name"] for one in discord.hub.commands[GUILD]]
    assert registered == ["bell", "case", "oncall", "duty", "silences", "customer"]


async def test_commands_that_can_not_be_registered_are_told(start, discord, wait):
    discord.faults.set("50001", where="PUT commands")
    gateway = await start()

    await wait(lambda: "commands can't be registered" in gateway.trouble)
    await asyncio.sleep(0.2)
    assert discord.ledger.count("discord", "rejected") == 1  # a no is a no


async def test_commands_are_tried_again_after_trouble(start, discord, monkeypatch, wait):
    monkeypatch.setattr("bot.discord.SYNC_AGAIN_S", 0.1)
    discord.faults.set("502", where="PUT commands", times=2)
    gateway = await start()

    await wait(lambda: discord.hub.syncs == 1 and not gateway.trouble)


# ---------------------------------------------------------------- two with one token


async def test_two_daemons_with_one_token_act_once(start, desk, discord, channel, identity, room, wait):
    for _ in range(2):
        await start(Way.GATEWAY)
    await wait(lambda: discord.sockets.ready == 2)
    await channel.post(room, desk.drawn(), identity)
    heard = await discord.press("ana", discord.cards()[0], "Acknowledge")
    await asyncio.sleep(0.2)

    assert heard.failed == ""
    assert len(desk.acted) == 1
    assert len(desk.answers) == 1
