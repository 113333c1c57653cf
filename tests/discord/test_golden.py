"""Every situation of a card as Discord gets it, kept as a file, so that a change of looks is seen by whoever makes it.

GOLDEN=write writes the files anew. Each is valid by Discord's own rules, and can be read by the SDK.
"""

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from discord import Embed

from deskbell.core.card import Button, Note, Reply
from deskbell.faces import discord as face
from deskbell.faces import discord_forms as forms
from deskbell.sandbox.discord.checks import check_message, embed_texts
from deskbell.sandbox.discord.components import check_modal, walk
from tests.situations import PEOPLE, situations

FOLDER = Path(__file__).parent / "golden"
HOSTILE = (
    "@everyone <@900000000000000001> <@&900000000000009101> **bold** _it_ ~~no~~ ||s|| `code` [click](https://evil.example)"
    " https://evil.example discord.gg/evil :fire: <t:1> # head {{ 7*7 }}"
)
CARDS = situations(HOSTILE, "https://x.example/<@1>)](http://evil.example")
UNDO = Button("undo", "Undo", "undo-token-of-12")
TEAM = [(f"p{n}", f"Person {n}", "on duty") for n in range(30)]


def account(person):
    return {"ben": "900000000000000002"}.get(person, "")


def name(person):
    return PEOPLE[person].name if person in PEOPLE else person


ALL = {key: face.card(card, account, name, role="900000000000009101", rings=True) for key, card in CARDS.items()}
ALL |= {
    "storm_list": face.reply(
        Reply(
            title="57 open alerts",
            lines=tuple(f"\U0001f534 P1 D-{n} Technician late: J-{4700 + n}, Hall {n} with nobody" for n in range(57)),
            footer="Page 1 of 1 \u00b7 /desk list mine",
        )
    ),
    "answer_with_undo": face.reply(Reply(lines=("D-12 acknowledged. It is with Ana Ruiz.",), buttons=(UNDO,))),
    "card_in_private": face.reply(Reply(card=CARDS["open"])),
    "not_connected": face.reply(Reply(lines=("I don't know you here yet.",)), forms.connect()),
    "snooze_menu": forms.menu("D-12", "token", "r", (("15m", "15 min"), ("1h", "1 hour"))),
    "picker": forms.picker("D-12", "token", "r", TEAM),
    "nobody_to_pick": forms.picker("D-12", "token", "r", []),
    "ring": face.note(
        Note("D-12: Escalated to level 1, Ben Okafor. Marco is late", "D-12", ("ben",), broadcast=True),
        account,
        name,
        role="900000000000009101",
    ),
    "story_line": face.note(Note(f"Ana Ruiz noted: {HOSTILE}", "D-12"), account, name),
    "direct_message": face.note(
        Note("P1 D-12: Marco Bianchi is 25 min late", "D-12", direct="ben", buttons=CARDS["open"].buttons[:1]),
        account,
        name,
        card_url="https://discord.com/channels/1/2/3",
    ),
}
MODALS = {
    "form_resolve": forms.resolve("D-12", "token"),
    "form_note": forms.note("D-12", "token"),
    "form_code": forms.code("/desk"),
}


@pytest.mark.parametrize("key", [*ALL, *MODALS])
def test_a_card_looks_as_it_did(key):
    file = FOLDER / f"{key}.json"
    shown = json.dumps((ALL | MODALS)[key], indent=1, ensure_ascii=False) + "\n"
    if os.environ.get("GOLDEN") == "write":
        FOLDER.mkdir(exist_ok=True)
        file.write_text(shown, encoding="utf-8")
    assert shown == file.read_text(encoding="utf-8")


@pytest.mark.parametrize("key", ALL)
def test_discord_takes_it(key):
    check_message(ALL[key])
    for embed in ALL[key].get("embeds", []):
        assert Embed.from_dict(embed).to_dict() == embed | {"type": "rich"} | {"flags": 0} or embed_texts(embed)


@pytest.mark.parametrize("key", MODALS)
def test_discord_takes_the_form(key):
    assert list(check_modal(MODALS[key])) == []


def test_no_file_is_left_over():
    assert {file.stem for file in FOLDER.iterdir()} == {*ALL, *MODALS}


@pytest.mark.parametrize("key", CARDS)
def test_the_first_line_is_for_a_lock_screen(key):
    first = ALL[key]["content"].split("\n")[0]

    assert first.startswith(tuple(face.ICONS.values()))
    assert f"{CARDS[key].ref}, " in first


@pytest.mark.parametrize("key", CARDS)
def test_buttons_have_the_words_and_the_order_of_all_chats(key):
    labels = [one["label"] for one in walk(ALL[key]["components"])]

    assert labels == [button.label for button in CARDS[key].buttons]


def test_the_undo_of_a_room_is_not_on_the_card():
    """Discord has private answers, so that Undo stands there, for the one person who may."""
    assert "undo" not in json.dumps(ALL["acked"])
    assert face.card(replace(CARDS["acked"], undo=UNDO), account, name)["components"] == ALL["acked"]["components"]
