"""What people do in Teams, over real HTTP with signed activities and the real SDK: tap, fill in, type, and see."""

import asyncio
from dataclasses import replace

import pytest

from bot.clerk import STILL_WORKING, UNSAVED
from bot.teams import CANT_TELL, NO_FORM, NOT_A_ROOM, NOT_OURS, TOLD_PRIVATELY, WRONG, TeamsGateway
from bot.teams_gone import Gone
from deskbell.core.alert import Status, Verb
from deskbell.core.card import Button, Note, Reply
from deskbell.core.ports import Identity
from deskbell.net import metrics
from deskbell.sandbox import credentials
from deskbell.sandbox.chat import Refused
from deskbell.sandbox.staff import STAFF
from deskbell.sandbox.teams.cards import own_inputs, readable, shown_actions
from deskbell.sandbox.teams.tenant import OTHER_TENANT, user_id

ROOM = credentials.TEAMS_ROOMS["dispatch"]
ELSEWHERE = credentials.TEAMS_ROOMS["support"]
ANA = STAFF["ana"].teams


def titles(card):
    return [one["title"] for one in shown_actions(card)]


# ---------------------------------------------------------------- taps


async def test_a_tap_is_done_and_answered_with_the_card_and_undo(card, desk, teams, seen):
    heard = await teams.press("ana", seen(), "Acknowledge")

    assert heard.failed == ""
    assert "D-12: Ana Ruiz acknowledged" in heard.text
    assert desk.alert.status is Status.ACKED
    said = desk.acted[0]
    assert (said.platform, said.account, said.room) == ("teams", ANA, ROOM)
    assert said.workspace == credentials.TEAMS_TENANT
    assert said.key.startswith(f"teams:{ROOM};messageid=")
    assert said.kind == "button"
    assert "Undo" in titles(card.views["ana"])
    assert "ben" not in card.views
    assert teams.texts(ROOM) == [card.text]


async def test_the_second_tap_hears_who_was_faster(card, desk, teams, seen):
    await teams.press("ana", seen(), "Acknowledge")
    heard = await teams.press("ben", seen(), "Acknowledge")

    assert heard.failed == ""
    assert "already acknowledged by Ana Ruiz" in heard.text
    assert "ben" not in card.views


async def test_two_taps_at_once_have_one_winner(card, desk, teams, seen):
    both = await asyncio.gather(*(teams.press(who, seen(), "Acknowledge") for who in ("ana", "ben")))

    assert sum("already acknowledged" in one.text for one in both) == 1


async def test_a_person_without_a_role_is_told_so_alone(card, desk, teams, seen):
    heard = await teams.press("dan", seen(), "Acknowledge", changes=False)

    assert "Your role does not allow ack" in heard.text
    assert heard.public == []
    assert desk.alert.status is Status.OPEN


async def test_a_colleague_is_chosen_in_a_form(card, desk, teams, seen):
    heard = await teams.press("ana", seen(), "Reassign", "Carla")

    assert "Ana Ruiz gave it to Carla Weiss" in heard.text
    assert desk.alert.assignee == "carla"
    assert desk.acted[-1].args == {"person": "carla"}
    assert desk.acted[-1].kind == "form"


async def test_the_form_can_be_left(card, desk, teams, seen):
    with pytest.raises(Refused):
        await teams.press("ana", seen(), "Reassign", "Nobody of that name")
    assert titles(card.views["ana"]) == ["Reassign", "Back"]

    await teams.press_private("ana", "Back")

    assert titles(card.views["ana"])[0] == "Acknowledge"
    assert desk.acted == []


async def test_the_form_wants_a_colleague(card, desk, teams, seen):
    await teams.press("ana", seen(), "Reassign")
    heard = await teams.press_private("ana", "Reassign")

    assert "Choose a colleague." in heard.text
    assert own_inputs(card.views["ana"])
    assert desk.acted == []


async def test_nobody_to_give_it_to_is_said(card, desk, teams, seen):
    desk.team = []
    heard = await teams.press("ana", seen(), "Reassign")

    assert "There is no colleague who could take it" in heard.text
    assert titles(card.views["ana"]) == ["Back"]


async def test_many_colleagues_are_searched_while_typing(card, desk, teams, seen):
    desk.team = [(f"p{number}", f"Colleague {number:03}", "on duty") for number in range(300)]
    await teams.press("ana", seen(), "Reassign")
    [menu] = own_inputs(card.views["ana"])

    found = await teams.suggest("ana", card, menu["choices.data"]["dataset"], "ague 203")

    assert menu["style"] == "filtered"
    assert len(menu["choices"]) == 40
    assert {one["value"] for one in found} == {"p203"}
    assert await teams.suggest("nils", card, menu["choices.data"]["dataset"], "1") == []
    assert await teams.suggest("ana", card, "desk.people:forged", "1") == []


async def test_a_snooze_is_chosen_below_its_button(card, desk, teams, seen):
    heard = await teams.press("ana", seen(), "Snooze", "30 min")

    assert "Ana Ruiz snoozed it" in heard.text
    assert desk.acted[-1].args["span"].total_seconds() == 1800


@pytest.mark.parametrize(
    ("answers", "reason"),
    [(["Fixed"], "Fixed"), (["It went away."], "It went away."), (["Fixed", "new valve"], "Fixed: new valve")],
)
async def test_it_is_resolved_with_a_reason(card, desk, teams, seen, answers, reason):
    heard = await teams.press("ana", seen(), "Resolve", *answers)

    assert "Ana Ruiz resolved it" in heard.text
    assert desk.alert.reason == reason
    assert desk.acted[-1].kind == "form"


async def test_it_is_not_resolved_without_one(card, desk, teams, seen):
    heard = await teams.press("ana", seen(), "Resolve", changes=False)

    assert "Choose a reason or write one." in heard.text
    assert desk.alert.status is Status.OPEN


async def test_what_only_one_may_read_is_shown_to_one(card, desk, teams, channel, room, identity):
    desk.revealed = Reply(title="D-12", lines=("Customer: Jane Doe, +49 30 1234",))
    reveal = Button("reveal", "Reveal", desk.sign("reveal", 12, 0))
    sent = await channel.post(room, replace(desk.drawn(), buttons=(reveal,)), replace(identity, number=2))
    message = teams.tenant.message(ROOM, sent.ref["activity"])

    heard = await teams.press("ana", teams.cards(ROOM)[-1], "Reveal", changes=False)

    assert "Jane Doe" in heard.text
    assert all("Jane Doe" not in text for text in teams.texts(ROOM))
    await teams.press_private("ana", "Back")
    assert "Jane Doe" not in "\n".join(readable(message.views["ana"]))


async def test_an_edit_lets_the_one_who_acted_keep_undo(card, desk, teams, channel, room, identity, seen, wait):
    await teams.press("ana", seen(), "Acknowledge")
    ref = {"conversation": f"{ROOM};messageid={card.id}", "activity": card.id}
    await channel.edit(room, ref, desk.drawn(), identity)

    assert card.card["refresh"]["userIds"] == [user_id(STAFF["ana"])]
    await wait(lambda: "ana" in card.views)
    assert "Undo" in titles(card.views["ana"])
    assert titles(card.card)[-1] == "Undo (Ana Ruiz)"
    assert len(desk.acted) == 1


async def test_a_forged_token_does_nothing(card, desk, teams, seen):
    forged = {
        "type": "Action.Execute",
        "verb": "desk.ack",
        "data": {"desk": "ack", "token": "AQAAAAAAAAwAAAEAAAAAAAAA"},
    }
    heard = await teams.send("ana", card, forged, {}, changes=False)

    assert "not genuine" in heard.text
    assert desk.alert.status is Status.OPEN


@pytest.mark.parametrize(
    "data", [None, [], "x", 5, {}, {"desk": ["ack"]}, {"token": {}}, {"desk": "dance", "token": 5}]
)
async def test_strange_data_is_answered(card, desk, teams, data):
    action = {"type": "Action.Execute", "title": "x", "verb": "desk.ack"}
    place = teams.tenant.conversations[ROOM]
    value = {"action": action | {"data": data}, "trigger": "manual"}
    answered = await teams.deliver(
        teams.activity("ana", place, "invoke", card.id, name="adaptiveCard/action", value=value, replyToId=card.id)
    )

    assert answered.status == 200
    assert answered.body["statusCode"] == 200
    assert desk.alert.status is Status.OPEN


async def test_a_client_without_execute_gets_its_answer_in_private(card, desk, teams, wait):
    ack = teams.cards(ROOM)[-1]
    button = next(one for one in shown_actions(card.card) if one["title"] == "Acknowledge")

    answered = await teams.submit("ana", card, button)

    assert answered.status == 200
    assert desk.alert.status is Status.ACKED
    await wait(lambda: "Ana Ruiz acknowledged" in "\n".join(teams.private("ana")))
    await teams.press_private("ana", "Snooze", "15 min")
    assert desk.acted[-1].room == ""
    assert ack.id == card.id


async def test_a_slow_desk_says_not_saved_and_later_that_it_was(card, desk, teams, seen, wait, monkeypatch):
    monkeypatch.setattr("bot.clerk.DURABLE_S", 0.1)
    desk.slow = 0.4
    heard = await teams.press("ana", seen(), "Acknowledge", changes=False)

    assert UNSAVED in heard.text
    await wait(lambda: "It was saved after all" in "\n".join(teams.private("ana")))


async def test_a_broken_desk_says_not_saved(card, desk, teams, seen):
    desk.broken = True
    heard = await teams.press("ana", seen(), "Acknowledge", changes=False)

    assert UNSAVED in heard.text


async def test_a_bug_of_ours_is_told_and_no_500(card, desk, teams, seen, monkeypatch):
    async def broken(*_):
        raise RuntimeError("a bug")

    monkeypatch.setattr(desk, "person", broken)
    heard = await teams.press("ana", seen(), "Acknowledge", changes=False)

    assert WRONG in heard.text


# ---------------------------------------------------------------- people


async def test_somebody_unknown_connects_with_a_code_on_the_card(card, desk, teams, seen):
    heard = await teams.press("lena", seen(), "Acknowledge", changes=False)
    assert "does not know your Teams account" in heard.text
    assert "/desk link" in heard.text
    assert desk.acted[-1].account == STAFF["lena"].teams

    assert "Type the code first." in (await teams.press_private("lena", "Connect")).text
    assert "code is wrong" in (await teams.press_private("lena", "Connect", "BAD")).text
    await teams.press_private("lena", "Back")
    heard = await teams.press("lena", seen(), "Acknowledge", "GOOD", changes=False)

    assert "Connected as Ben Okafor" in heard.text
    said, code = desk.redeemed[-1]
    assert (said.account, said.platform, code) == (STAFF["lena"].teams, "teams", "GOOD")


async def test_an_unknown_person_opens_no_form(card, desk, teams, seen):
    heard = await teams.press("lena", seen(), "Reassign", changes=False)

    assert "does not know your Teams account" in heard.text
    assert "Carla" not in heard.text
    assert desk.acted[-1].verb == "reassign"


async def test_who_may_not_do_it_gets_no_form(card, desk, teams, seen):
    heard = await teams.press("dan", seen(), "Reassign", changes=False)

    assert "role does not allow reassign" in heard.text
    assert "Who should have it?" not in heard.text


async def test_people_of_another_tenant_are_refused_and_noted(card, desk, teams, seen):
    heard = await teams.press("mallory", seen(), "Acknowledge", changes=False)

    assert NOT_OURS in heard.text
    assert desk.acted == []
    assert desk.strangers == [(STAFF["mallory"].teams, "outsider")]


async def test_people_of_another_tenant_can_not_fill_the_audit(gateway, desk, teams):
    """Anybody may add a bot to a tenant of their own, by its id."""
    place = teams.tenant.conversations[ROOM]
    for number in range(40):
        activity = teams.activity("mallory", place, "message", text="<at>Deskbell</at> ack D-1", id=f"9{number}")
        us = activity["recipient"]
        activity["entities"].append({"type": "mention", "text": "<at>Deskbell</at>", "mentioned": us})
        assert (await teams.deliver(activity)).status == 200

    assert desk.strangers == [(STAFF["mallory"].teams, "outsider")] * 10


async def test_a_pasted_command_is_a_code_too(card, desk, teams, seen):
    await teams.press("lena", seen(), "Acknowledge", changes=False)

    heard = await teams.press_private("lena", "Connect", "/desk link GOOD")

    assert "Connected as Ben Okafor" in heard.text


async def test_connecting_that_takes_too_long_is_said_to(card, desk, teams, seen, monkeypatch):
    monkeypatch.setattr("bot.clerk.DURABLE_S", 0.1)
    await teams.press("lena", seen(), "Acknowledge", changes=False)
    redeem = desk.redeem

    async def slow(said, code):
        await asyncio.sleep(0.4)
        return await redeem(said, code)

    desk.redeem = slow
    heard = await teams.press_private("lena", "Connect", "GOOD")

    assert UNSAVED in heard.text


@pytest.mark.parametrize("who", ["lena", "ana"])
async def test_in_private_only_people_we_know_see_a_card(who, card, desk, teams):
    """A token from somewhere is no right to look."""
    data = {"desk": "refresh", "token": desk.sign(Verb.ACK, 12, 0)}
    value = {"action": {"type": "Action.Execute", "verb": "desk.refresh", "data": data}, "trigger": "manual"}
    place = teams.tenant.private(who)
    answered = await teams.deliver(teams.activity(who, place, "invoke", name="adaptiveCard/action", value=value))

    assert ("Northgate" in str(answered.body)) is (who == "ana")


async def test_a_room_that_is_none_of_ours_is_refused_and_noted(desk, gateway, teams, commands, wait):
    heard = await teams.say("ana", ELSEWHERE, "list")

    assert heard.public == [f"{NOT_A_ROOM}\n{NOT_A_ROOM}"]
    assert commands.lines == []
    assert desk.strangers == [(ANA, "room")]


async def test_bots_are_not_people(card, desk, teams, gateway):
    place = teams.tenant.conversations[ROOM]
    activity = teams.activity("ana", place, "message", text="<at>Deskbell</at> list", id="1")
    activity["from"]["id"] = "28:another-bot"
    activity["entities"].append({"type": "mention", "text": "<at>Deskbell</at>", "mentioned": activity["recipient"]})
    assert (await teams.deliver(activity)).status == 200
    assert desk.strangers == [(ANA, "outsider")]


# ---------------------------------------------------------------- commands


async def test_a_command_in_a_channel_is_answered_in_its_thread(gateway, commands, teams):
    heard = await teams.say("ana", ROOM, "ack D-12")

    assert heard.failed == ""
    assert "ack D-12" in heard.text
    assert heard.public
    line, said = commands.lines[0]
    assert line == "ack D-12"
    assert (said.account, said.room, said.workspace) == (ANA, ROOM, credentials.TEAMS_TENANT)


async def test_a_long_answer_goes_to_the_private_chat(gateway, commands, teams):
    heard = await teams.say("ana", ROOM, "case 4711")

    assert heard.public == [f"{TOLD_PRIVATELY}\n{TOLD_PRIVATELY}"]
    assert "case 4711" in "\n".join(heard.private)
    assert "as of 14:02" in "\n".join(heard.private)


async def test_who_has_not_installed_it_is_told_what_to_do(gateway, teams):
    heard = await teams.say("nils", ROOM, "case 4711")

    assert heard.public == [f"{CANT_TELL}\n{CANT_TELL}"]


async def test_a_private_chat_needs_no_name_and_answers_with_the_card(gateway, commands, desk, teams):
    heard = await teams.say("ana", "", "show D-12")

    assert "Marco Bianchi is 25 min late" in heard.text
    heard = await teams.press_private("ana", "Acknowledge")
    assert "D-12: Ana Ruiz acknowledged" in heard.text
    assert desk.acted[-1].room == ""


async def test_a_private_card_is_redrawn_for_good(gateway, desk, teams, wait):
    await teams.say("ana", "", "show D-12")
    message = next(iter(teams.tenant.private("ana").messages.values()))
    sent = list(teams.tenant.private("ana").messages.values())[-1]
    await teams.press_private("ana", "Acknowledge")

    await wait(lambda: sent.edits == 1)
    assert "Acknowledged by Ana Ruiz" in sent.text
    assert message.author == "ana"


async def test_what_takes_longer_comes_behind(gateway, commands, teams, wait):
    async def more():
        return Reply(lines=("and this from the source",))

    commands.later = more
    heard = await teams.say("ana", "", "case 4711")
    assert "case 4711" in heard.text
    await wait(lambda: "and this from the source" in "\n".join(teams.private("ana")))


async def test_a_command_that_takes_too_long_is_answered_later(gateway, commands, teams, wait, monkeypatch):
    monkeypatch.setattr("bot.clerk.DURABLE_S", 0.1)
    commands.slow = 0.3
    heard = await teams.say("ana", "", "case 4711")

    assert STILL_WORKING in heard.text
    await wait(lambda: "Heard" in "\n".join(teams.private("ana")))


async def test_a_mention_of_a_colleague_is_a_colleague(gateway, commands, desk, teams):
    await teams.say("ana", ROOM, "reassign D-12 @Ben Okafor")
    await teams.say("ana", ROOM, "reassign D-12 @Lena Hoffmann")

    assert [line for line, _ in commands.lines] == ["reassign D-12 @ben", "reassign D-12 @Lena Hoffmann"]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("<at>Deskbell</at>&nbsp;ack D-12", "ack D-12"),
        ("<at>Deskbell</at> note D-12 2 &lt; 3 &amp; more\n", "note D-12 2 < 3 & more"),
        ("<p><at>Deskbell</at> Deskbell list</p>", "Deskbell list"),
        ("<at>Deskbell</at>", ""),
    ],
)
async def test_typed_text_is_made_plain(gateway, commands, teams, text, line):
    place = teams.tenant.conversations[ROOM]
    activity = teams.activity("ana", place, "message", text=text, id="17")
    activity["entities"].append({"type": "mention", "text": "<at>Deskbell</at>", "mentioned": activity["recipient"]})
    await teams.deliver(activity)

    assert [one for one, _ in commands.lines] == ([line] if line else [""])


async def test_what_does_not_name_us_is_not_for_us(gateway, commands, desk, teams):
    place = teams.tenant.conversations[ROOM]
    activity = teams.activity("ana", place, "message", text="ack D-12", id="18")
    assert (await teams.deliver(activity)).status == 200
    assert commands.lines == []


async def test_a_message_that_can_not_be_handled_is_answered(gateway, commands, desk, memory, teams, wait):
    """Nobody must wait for an answer that never comes."""

    async def broken(*_):
        raise RuntimeError("no disk")

    memory.remember = memory.recall = broken
    place = teams.tenant.private("ana")
    assert (await teams.deliver(teams.activity("ana", place, "message", text="ack D-12", id="20"))).status == 200

    await wait(lambda: WRONG in "\n".join(teams.private("ana")))


async def test_verbs_that_nobody_has_are_not_counted_one_by_one(card, teams):
    place = teams.tenant.conversations[ROOM]
    for number in range(5):
        action = {"type": "Action.Execute", "verb": "x", "data": {"desk": f"dance{number}", "token": "x"}}
        value = {"action": action, "trigger": "manual"}
        await teams.deliver(teams.activity("ana", place, "invoke", name="adaptiveCard/action", value=value))

    assert b"dance" not in metrics.render()


async def test_a_message_that_comes_twice_is_answered_once(gateway, commands, teams):
    place = teams.tenant.private("ana")
    activity = teams.activity("ana", place, "message", text="list", id="19")
    for _ in range(3):
        assert (await teams.deliver(activity)).status == 200
    assert len(commands.lines) == 1


async def test_a_tap_that_comes_twice_is_done_once(card, desk, teams):
    button = next(one for one in shown_actions(card.card) if one["title"] == "Acknowledge")
    place = teams.tenant.conversations[ROOM]
    value = {"action": {key: button[key] for key in ("type", "verb", "data")}, "trigger": "manual"}
    activity = teams.activity(
        "ana", place, "invoke", card.id, name="adaptiveCard/action", value=value, replyToId=card.id
    )
    answers = [await teams.deliver(activity) for _ in range(3)]

    assert all(one.status == 200 for one in answers)
    assert len(desk.acted) == 1


# ---------------------------------------------------------------- other activities


async def test_a_dialog_is_not_opened(gateway, teams):
    place = teams.tenant.conversations[ROOM]
    answered = await teams.deliver(teams.activity("ana", place, "invoke", name="task/fetch", value={"data": {}}))
    assert answered.body == {"task": {"type": "message", "value": NO_FORM}}


async def test_an_invoke_nobody_knows_is_not_implemented(gateway, teams):
    place = teams.tenant.conversations[ROOM]
    assert (await teams.deliver(teams.activity("ana", place, "invoke", name="fileConsent/invoke"))).status == 501
    assert (await teams.deliver(teams.activity("ana", place, "invoke"))).status == 501


@pytest.mark.parametrize(
    "kind", ["typing", "messageReaction", "endOfConversation", "event", "somethingNew", "messageUpdate"]
)
async def test_other_activities_are_taken_and_nothing_done(gateway, desk, commands, teams, kind):
    place = teams.tenant.conversations[ROOM]
    assert (await teams.deliver(teams.activity("ana", place, kind))).status == 200
    assert desk.acted == commands.lines == []


async def test_being_removed_is_told_and_being_added_ends_it(gateway, teams, wait):
    assert gateway.trouble == ""
    teams.remove_bot(ROOM)
    await wait(lambda: gateway.trouble)
    assert gateway.trouble == "Deskbell was removed from Teams in: dispatch"

    teams.add_bot(ROOM)
    await wait(lambda: not gateway.trouble)


async def test_what_teams_told_another_instance_is_known_here_too(gateway, memory, wait, monkeypatch):
    monkeypatch.setattr("bot.teams_gone.LOOK_S", 0.01)
    here = Gone({ROOM: "dispatch", "19:other": "other"}, memory)
    looking = asyncio.create_task(here.keep_looking())
    there = Gone({ROOM: "dispatch"}, memory)
    await there.add(ROOM)
    await wait(lambda: here.names == ["dispatch"])
    await here.discard(ROOM)
    assert here.names == []
    assert memory.words[f"teams.gone.{ROOM}"] == ""
    looking.cancel()


async def test_being_removed_from_a_team_means_its_rooms(gateway, teams, wait):
    await teams.say("ana", ROOM, "ack D-12")
    teams.remove_bot(credentials.TEAMS_TEAM)
    await wait(lambda: "dispatch" in gateway.trouble)


async def test_who_adds_the_app_is_greeted_with_the_way_to_connect(gateway, desk, teams, wait):
    teams.add_app("nils")
    await wait(lambda: "does not know your Teams account" in "\n".join(teams.private("nils")))
    heard = await teams.press_private("nils", "Connect", "GOOD")
    assert "Connected" in heard.text


async def test_conversations_are_remembered_and_written_once(gateway, memory, teams, conf):
    for _ in range(3):
        await teams.say("ana", ROOM, "ack D-12")
        await teams.say("ana", "", "ack D-12")

    assert memory.words[f"teams.service.{ROOM}"] == conf.service_url
    assert memory.words[f"teams.account.{user_id(STAFF['ana'])}"] == ANA
    assert '"conversation":"a:1' in memory.words[f"teams.user.{ANA}"]
    assert memory.writes <= 7


async def test_a_direct_message_can_be_answered(gateway, channel, desk, room, teams, card, wait):
    ref = {"conversation": f"{ROOM};messageid={card.id}", "activity": card.id}
    note = Note("P1 D-12: Marco is late", "D-12", direct="ben", buttons=desk.drawn().buttons[:2])
    await channel.note(room, ref, note, Identity("note", "D-12", "dispatch", 7))

    heard = await teams.press_private("ben", "Acknowledge")

    assert "D-12: Ben Okafor acknowledged" in heard.text
    assert desk.acted[-1].room == ""


async def test_another_tenants_team_is_not_remembered(gateway, memory, teams):
    place = teams.tenant.conversations[ROOM]
    activity = teams.activity("mallory", place, "conversationUpdate", membersAdded=[{"id": "29:x"}])
    assert activity["channelData"]["tenant"]["id"] == OTHER_TENANT
    assert (await teams.deliver(activity)).status == 200
    assert memory.words == {}


async def test_it_closes_at_once_and_without_a_start(conf, desk, commands):
    gateway = TeamsGateway(conf, desk, commands)
    assert (await gateway.handle({}, b""))[0] == 503
    await gateway.close()
