"""Slack as one of the chats, the people who act in all of them by what stands on their screens, and the page's hand."""

import asyncio

import pytest

from deskbell.sandbox import people
from deskbell.sandbox.chat import Refused
from deskbell.sandbox.ledger import REF
from deskbell.sandbox.people import COMMANDS, FIRST, LATER, People
from deskbell.sandbox.server import Sandbox
from tests.sandbox.tiny import Tiny

CHATS = ("slack", "teams", "telegram", "discord")


@pytest.fixture
def slack(sb):
    return sb.chats["slack"]


@pytest.fixture
async def card(app, web, slack, kit):
    """A card, and an app behind it that edits it, answers with an Undo, or opens a form."""
    menu = {
        "type": "static_select",
        "action_id": "desk.snooze",
        "placeholder": kit.plain("Snooze"),
        "options": [kit.option("15 min", "t|15m"), kit.option("1 hour", "t|1h")],
    }
    quick = {"type": "static_select", "action_id": "quick", "options": [kit.option("Fixed", "Fixed")]}
    form = kit.modal(
        {"type": "input", "block_id": "quick", "label": kit.plain("Why?"), "element": quick, "optional": True},
        kit.text_input() | {"optional": True},
    )
    buttons = kit.actions(kit.button(), menu, kit.button("desk.resolve", "Resolve\u2026"))
    said = await web.chat_postMessage(
        channel="C0DISPATCH",
        text="D-1 J-4711 late",
        blocks=[kit.section("J-4711"), buttons],
        metadata=kit.card_metadata(),
    )

    async def then(request):
        payload = request.payload
        if payload.get("type") == "block_actions" and payload["actions"][0]["action_id"] == "desk.resolve":
            await web.views_open(trigger_id=payload["trigger_id"], view=form)
        elif payload.get("type") in ("block_actions", "view_submission"):
            await web.chat_update(channel="C0DISPATCH", ts=said["ts"], text="D-1 done", blocks=[buttons])

    app.then = then
    return slack.cards("C0DISPATCH")[0]


async def test_a_card_as_people_see_it(sb, slack, card):
    assert (card.chat, card.room, card.ref, card.edits) == ("slack", "C0DISPATCH", "D-1", 0)
    assert card.buttons == ("Acknowledge", "Snooze", "Resolve\u2026")
    assert "J-4711" in card.text
    assert slack.texts("dispatch") == [card.text]
    assert sb.cards_of("D-1") == {("slack", "C0DISPATCH", card.id)}


async def test_a_button_by_its_words(sb, slack, card, app):
    heard = await slack.press("ana", card, "ack")
    assert (heard.failed, heard.text) == ("", "")
    assert slack.cards()[0].edits == 1
    assert len(sb.ledger.converge_ms) == 1
    assert app.last["user"]["id"] == "U0ANA"


async def test_a_menu_by_the_words_of_an_option(slack, card, app):
    await slack.press("ana", card, "Snooze", "1 h")
    assert app.last["actions"][0]["selected_option"]["value"] == "t|1h"
    with pytest.raises(Refused, match="15 min"):
        await slack.press("ana", card, "Snooze", "2 days")


@pytest.mark.parametrize(("answer", "block"), [("Fix", "quick"), ("Hose swapped", "why")])
async def test_a_form_by_an_options_words_or_typed(sb, slack, card, app, answer, block):
    heard = await slack.press("ana", card, "Resolve", answer)
    assert not heard.failed
    values = app.last["view"]["state"]["values"][block]
    assert answer[:3] in str(values)
    assert not sb.slack.open_views("U0ANA")
    assert len(sb.ledger.converge_ms) == 1, "opening the form is not timed, sending it is"


async def test_what_is_not_there_is_refused(slack, card):
    with pytest.raises(Refused, match="Acknowledge, Snooze"):
        await slack.press("ana", card, "Explode")
    with pytest.raises(Refused, match="no person"):
        await slack.press("nobody", card, "Acknowledge")
    with pytest.raises(Refused, match="no private message"):
        await slack.press_private("ana", "Undo")
    slack.delete_by_hand(card)
    with pytest.raises(Refused, match="not there any more"):
        await slack.press("ana", card, "Acknowledge")


async def test_words_for_one_person_and_their_undo(sb, slack, card, app, web, kit):
    await web.chat_postEphemeral(
        channel="C0DISPATCH", user="U0ANA", text="D-1: done", blocks=[kit.actions(kit.button("desk.undo", "Undo"))]
    )
    assert slack.private("ana")[-1].startswith("D-1: done")
    assert slack.private("ben") == []
    await slack.press_private("ana", "Undo")
    assert app.last["actions"][0]["action_id"] == "desk.undo"
    assert len(sb.ledger.converge_ms) == 1


async def test_a_refusal_is_not_waited_for(sb, slack, card, app):
    async def then(request):
        import aiohttp

        async with aiohttp.ClientSession() as session:
            await session.post(request.payload["response_url"], json={"text": "Your role does not allow that."})

    app.then = then
    heard = await slack.press("dan", card, "Acknowledge")
    assert heard.private == ["Your role does not allow that."]
    assert sb.ledger.diverging() == {}


async def test_a_line_is_typed_as_people_type_it(slack, app):
    app.answer = lambda request: {"text": "three open"}
    assert (await slack.say("ana", "dispatch", "list mine")).private == ["three open"]
    assert (app.last["command"], app.last["text"]) == ("/desk", "list mine")
    await slack.say("ben", "", "/oncall")
    assert (app.last["command"], app.last["channel_name"]) == ("/oncall", "directmessage")


# ------------------------------------------------------------------ everybody, everywhere


@pytest.fixture
async def four():
    """A sandbox whose chats are all in memory."""
    sandbox = Sandbox()
    sandbox.chats = {name: Tiny(name, sandbox.clock, sandbox.ledger, sandbox.pulse) for name in CHATS}
    async with sandbox:
        yield sandbox


def test_every_chat_has_its_people_its_taps_and_its_commands():
    for name in CHATS:
        turns = [*FIRST[name], *LATER[name]]
        assert len({turn.label for turn in turns}) >= 4
        assert any(turn.undo for turn in turns)
        assert any(turn.answers for turn in turns), "menus and forms are used"
        assert len(COMMANDS[name]) >= 4


async def test_people_act_in_all_chats(four, monkeypatch):
    for name in ("REACTION", "FOLLOW_UP", "FIRST_WORD", "TYPING", "SECOND_THOUGHT"):
        monkeypatch.setattr(people, name, (0.0, 0.02))
    crowd = People(four, seed=1)
    four._tasks.append(asyncio.create_task(crowd.run()))
    for number in range(1, 41):
        for chat in four.chats.values():
            chat.post(f"D-{number}")

    def all_did():
        return all(
            len(chat.done) >= 8 and len(chat.said) >= 6 and any(label == "Undo" for _, label, *_ in chat.done)
            for chat in four.chats.values()
        )

    assert await four.pulse.until(all_did, 5)
    for chat in four.chats.values():
        assert len({label for _, label, *_ in chat.done}) >= 4, chat.done
        assert all(REF.search(text) for _, _, text in chat.said if text.startswith(("ack", "note", "show")))
    assert {who for chat in four.chats.values() for who, *_ in chat.done} == {"ana", "ben", "carla", "priya", "dan"}


async def test_the_page_reaches_every_chat(four, http_of):
    async with http_of(four) as http:
        state = (await http.get("/_sandbox/state")).json()
        assert set(state["chats"]) == set(state["counts"]) == set(CHATS)
        assert {"id": "ana", "name": "Ana Ruiz", "title": "Dispatcher", "ours": True} in state["people"]
        done = await http.post("/_sandbox/do", json={"do": "discord.shout", "words": "hi"})
        assert done.json()["result"] == "HI"
        assert "teams.shout" in (await http.post("/_sandbox/do", json={"do": "explode"})).json()["verbs"]


async def test_trouble_in_one_chat(four, http_of):
    discord = four.chats["discord"]
    async with http_of(four) as http:

        async def do(verb, chat=""):
            return await http.post("/_sandbox/do", json={"do": verb} | ({"chat": chat} if chat else {}))

        await do("chat_429", "telegram")
        await do("chat_down", "teams")
        faults = (await http.get("/_sandbox/state")).json()["faults"]
        assert faults == [["teams", "500"], ["telegram", "429"]]
        assert (await do("remove_bot", "discord")).status_code == 400, "there is no card yet to say from which room"
        discord.post("D-1", room="hall")
        assert (await do("remove_bot", "discord")).json()["result"] == "hall"
        assert discord.removed == "hall"
        await do("heal")
        assert (await http.get("/_sandbox/state")).json()["faults"] == []
        assert discord.removed == "", "healing invites Deskbell again"
