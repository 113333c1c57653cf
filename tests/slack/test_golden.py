"""Every situation of a card as Slack gets it, kept as a file, so that a change of looks is seen by whoever makes it.

GOLDEN=write writes the files anew. Each is valid by Slack's own rules, and can be read by the SDK.
"""

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from slack_sdk.models.blocks import Block

from deskbell.core.card import Button, Note, Reply
from deskbell.faces import slack as face
from deskbell.sandbox.slack.blocks import check_blocks
from tests.situations import situations

FOLDER = Path(__file__).parent / "golden"
HOSTILE = "<!channel> <@U0ANA> *bold* _it_ ~no~ `code` <https://evil.example|click> &amp; :fire: @here {{ 7*7 }}"
CARDS = situations(HOSTILE, "https://x.example/<!here>|a")
UNDO = Button("undo", "Undo", "undo-token-of-12")
ALL = {name: face.card(card, lambda who: {"ben": "<@U0BEN>"}.get(who, face.inert(who))) for name, card in CARDS.items()}
ALL |= {
    "storm_list": face.reply(
        Reply(
            title="57 open alerts",
            lines=tuple(f"\U0001f534 P1 D-{n} Technician late: J-{4700 + n}, Hall {n} with nobody" for n in range(57)),
            footer="Page 1 of 1 \u00b7 /desk list mine",
        )
    ),
    "answer_with_undo": face.reply(Reply(lines=("D-12 acknowledged. It is with Ana Ruiz.",), buttons=(UNDO,))),
    "direct_message": face.note(
        Note("P1 D-12: Marco Bianchi is 25 min late", "D-12", direct="ben", buttons=CARDS["open"].buttons[:1]),
        str,
        "https://sandbox.slack.com/archives/C0DISPATCH/p1",
    ),
}


@pytest.mark.parametrize("name", ALL)
def test_a_card_looks_as_it_did(name):
    file = FOLDER / f"{name}.json"
    shown = json.dumps(ALL[name], indent=1, ensure_ascii=False) + "\n"
    if os.environ.get("GOLDEN") == "write":
        FOLDER.mkdir(exist_ok=True)
        file.write_text(shown, encoding="utf-8")
    assert shown == file.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ALL)
def test_slack_takes_it(name):
    shown = ALL[name]
    assert check_blocks(shown["blocks"], "/blocks", 50) == []
    assert [block.to_dict()["type"] for block in Block.parse_all(shown["blocks"])] == [
        block["type"] for block in shown["blocks"]
    ]
    assert 0 < len(shown["text"]) <= 4000


def test_no_file_is_left_over():
    assert {file.stem for file in FOLDER.iterdir()} == set(ALL)


def test_no_mention_comes_from_data():
    shown = json.dumps(ALL["hostile_markup"], ensure_ascii=False)
    for live in ("<!channel>", "<@U0ANA>", "<https://evil", "<!here>"):
        parts = [part for part in _live(ALL["hostile_markup"]["blocks"]) if live in part]
        assert parts == []
    assert "evil.example" in shown  # said, and not live


def _live(value):
    """Every text in which Slack reads markup."""
    if isinstance(value, dict):
        if value.get("type") == "mrkdwn":
            yield value["text"]
        for inner in value.values():
            yield from _live(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _live(inner)


def test_the_undo_of_a_room_is_not_on_the_card():
    """Slack has private answers, so that Undo stands there, for the one person who may."""
    assert "undo" not in json.dumps(ALL["acked"])
    assert face.card(replace(CARDS["acked"], undo=UNDO), str) == ALL["acked"]
