"""Every situation of a card as Teams gets it, kept as a file, so that a change of looks is seen by whoever makes it.

GOLDEN=write writes the files anew. Each is valid by the stand-in's strict rules, and by Microsoft's schema where that
is at hand; test_microsoft.py draws them all with Microsoft's own renderer.
"""

import json
import os
from pathlib import Path

import pytest

from deskbell.core.card import Button, Note, Reply
from deskbell.faces import teams as face
from deskbell.faces import teams_forms as forms
from deskbell.faces.teams_parts import CARD_TYPE, Mention, message, ringing, size
from deskbell.sandbox.teams.cards import check_card, readable, shown_actions, walk
from tests.situations import situations

FOLDER = Path(__file__).parent / "golden"
BEN = Mention("Ben Okafor", "aad00000-0000-4000-8000-000000000002")
HOSTILE = "<at>Everyone</at> **bold** _it_ [click](https://evil.example) `code` <b>b</b> &amp; {{DATE(2026-01-01)}}"
CARDS = situations(HOSTILE, "https://x.example/{{a}}|<b>")
ALL = {name: face.card(card) for name, card in CARDS.items()}
ALL["open"] = ringing(face.card(CARDS["open"], [BEN, Mention("No <b>Teams</b>")]))
ALL["acked"] = face.card(CARDS["acked"], viewers=["29:1ana"])
FORM_PEOPLE = [("ana", "Ana Ruiz", "on duty"), ("ben", "Ben Okafor", "3 alerts open"), ("carla", "Carla Weiss", "")]


def alone(shown):
    return message(shown, "for one person")


ALL |= {
    "own_view": alone(face.personal(CARDS["acked"], "D-12: Ana Ruiz acknowledged", viewers=["29:1ana"])),
    "reassign_form": alone(forms.reassign(CARDS["open"], "reassign-token-of-12", FORM_PEOPLE)),
    "reassign_many": alone(
        forms.reassign(CARDS["open"], "t", [(f"p{n}", f"Colleague {n}", "on duty") for n in range(300)])
    ),
    "connect_form": alone(forms.connect("Deskbell does not know you yet.", "ack-token-of-12", CARDS["open"])),
    "storm_list": face.reply(
        Reply(
            title="57 open alerts",
            lines=tuple(f"\U0001f534 P1 D-{n} Technician late: J-{4700 + n}, Hall {n} with nobody" for n in range(57)),
            footer="Page 1 of 1 \u00b7 /desk list mine",
        )
    ),
    "answer_with_undo": face.reply(
        Reply(lines=("D-12 acknowledged. It is with Ana Ruiz.",), buttons=(Button("undo", "Undo", "undo-token-of-12"),))
    ),
    "direct_message": ringing(
        face.note(
            Note("P1 D-12: Marco Bianchi is 25 min late", "D-12", direct="ben", buttons=CARDS["open"].buttons[:2]),
            (),
            "https://teams.microsoft.com/l/message/19%3Aa/1?tenantId=t",
        )
    ),
    "thread_note": ringing(face.note(Note("Escalated to level 1 <now> & here", "D-12", mentions=("ben",)), [BEN])),
    "story_line": face.note(Note("14:03 Ana Ruiz noted: **called** <at>x</at>", "D-12")),
}


def cards_of(activity):
    return [one["content"] for one in activity.get("attachments", []) if one["contentType"] == CARD_TYPE]


@pytest.mark.parametrize("name", ALL)
def test_a_card_looks_as_it_did(name):
    file = FOLDER / f"{name}.json"
    shown = json.dumps(ALL[name], indent=1, ensure_ascii=False) + "\n"
    if os.environ.get("GOLDEN") == "write":
        FOLDER.mkdir(exist_ok=True)
        file.write_text(shown, encoding="utf-8")
    assert shown == file.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ALL)
def test_teams_takes_it(name, oracle_module):
    shown = ALL[name]
    assert size(shown) <= 28_000
    assert shown["summary"]
    assert ("text" in shown) != ("attachments" in shown)
    for card in cards_of(shown):
        assert check_card(card) == []
        if oracle_module:
            known = (".msteams: unknown field", "'filtered' is not one of", ".choices.data: unknown field")
            assert [one for one in oracle_module.adaptive_card(card) if not any(k in one for k in known)] == []


def test_no_file_is_left_over():
    assert {file.stem for file in FOLDER.iterdir()} == set(ALL)


@pytest.mark.parametrize("name", ALL)
def test_markdown_is_read_in_our_own_words_alone(name):
    """A TextRun is plain text to every client; what else holds words are TextBlocks, titles and labels of ours."""
    for card in cards_of(ALL[name]):
        for part in walk(card):
            if part.get("type") == "TextBlock":
                assert not set("[]()*_~`#") & set(part["text"]) or "<at>" in part["text"] or "Deskbell" in part["text"]
            assert part.get("type") not in ("FactSet", "Image", "Media")


def test_every_hostile_word_is_there_to_be_read_and_nothing_else():
    [card] = cards_of(ALL["hostile_markup"])
    words = "\n".join(readable(card))
    assert "[click](https://evil.example)" in words
    assert "{{" not in json.dumps(card)
    assert "msteams" not in card
    [link] = [part for part in walk(card) if part.get("type") == "Action.OpenUrl"]
    assert link["url"] == "https://x.example/%7B%7Ba%7D%7D%7C%3Cb%3E"
    assert link["title"] == "Open x.example"


def test_a_card_rings_those_it_names_and_an_edit_nobody():
    [first] = cards_of(ALL["open"])
    assert [one["mentioned"]["id"] for one in first["msteams"]["entities"]] == [BEN.account]
    assert "No b Teams /b" in "\n".join(readable(first))
    assert ALL["open"]["channelData"] == {"notification": {"alert": True}}
    [edited] = cards_of(face.card(CARDS["open"]))
    assert "msteams" not in edited
    assert "channelData" not in ALL["acked"]


def test_undo_says_whose_it_is_to_all_but_that_person():
    [shared], [own] = cards_of(ALL["acked"]), cards_of(ALL["own_view"])
    assert shown_actions(shared)[-1]["title"] == "Undo (Ana Ruiz)"
    assert shown_actions(own)[-1]["title"] == "Undo"
    assert shared["refresh"]["userIds"] == ["29:1ana"]


def test_the_state_is_an_icon_a_word_and_a_colour():
    seen = set()
    for name in ("open", "acked", "escalated", "snoozed", "resolved"):
        [card] = cards_of(ALL[name])
        head = card["body"][0]
        state = head["items"][0]["inlines"][0]["text"]
        assert ord(state[0]) > 0x2000
        assert CARDS[name].state in state
        seen.add((head["style"], state[0]))
    assert len(seen) == 5
