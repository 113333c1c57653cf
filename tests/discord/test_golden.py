"""Every situation of a card as Discord gets it, kept as a file, so that a change of looks is seen by whoever makes it.

GOLDEN=write writes the files anew. Each is valid by Discord's own rules, and can be read by the SDK.
"""

import json
import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from discord import Embed

from deskbell.core.access import Person, Role
from deskbell.core.alert import Alert, Severity, Status
from deskbell.core.card import Button, Note, Reply
from deskbell.core.ports import AuditRow, Entry
from deskbell.core.present import View, card_of
from deskbell.faces import discord as face
from deskbell.faces import discord_forms as forms
from deskbell.sandbox.discord.checks import check_message, embed_texts
from deskbell.sandbox.discord.components import check_modal, walk

FOLDER = Path(__file__).parent / "golden"
NOW = datetime(2026, 11, 21, 14, 2, tzinfo=UTC)
PEOPLE = {
    "ana": Person("ana", "Ana Ruiz", roles=frozenset({Role.DISPATCHER})),
    "ben": Person("ben", "Ben Okafor", roles=frozenset({Role.ONCALL})),
}
HOSTILE = (
    "@everyone <@900000000000000001> <@&900000000000009101> **bold** _it_ ~~no~~ ||s|| `code` [click](https://evil.example)"
    " https://evil.example discord.gg/evil :fire: <t:1> # head {{ 7*7 }}"
)
RTL = "\u05d4\u05d8\u05db\u05e0\u05d0\u05d9 \u05de\u05d0\u05d7\u05e8 \u0627\u0644\u0641\u0646\u064a \u202e \u05d0\u05d7"


def an_alert(**values):
    base = {
        "key": "late:J-4711",
        "rule": "technician_late",
        "source": "fieldservice",
        "record_id": "4711",
        "subject": "J-4711",
        "title": "Technician late",
        "summary": "Marco Bianchi is 25 min late at Northgate Dairy, J-4711",
        "severity": Severity.P2,
        "opened_at": NOW - timedelta(minutes=3),
        "updated_at": NOW,
        "id": 12,
        "facts": (("Customer", "Northgate Dairy"), ("Site", "Hall 3, Milk Lane"), ("Window", "13:00 to 14:00")),
        "url": "https://fieldservice.example.org/jobs/4711",
    }
    return Alert(**base | values)


def told(number, who, verb, said, text=""):
    at = NOW - timedelta(minutes=3 - number)
    return AuditRow(number, at, Entry(who, verb, 12, {"said": said}, {"text": text} if text else {}), "")


OPENED = told(0, "deskbell", "open", "Opened as P2")


def drawn(alert, *story, **more):
    view = View(NOW, PEOPLE, lambda verb, alert_id, _: f"{verb}-token-of-{alert_id}", (OPENED, *story), **more)
    return card_of(alert, view)


def acked(**values):
    held = {"status": Status.ACKED, "acked_by": "ana", "acked_at": NOW - timedelta(minutes=1), "assignee": "ana"}
    return an_alert(**held | values)


def resolved():
    over = {"status": Status.RESOLVED, "resolved_by": "ana", "resolved_at": NOW, "reason": "Customer informed"}
    return an_alert(**over, assignee="ana", writeback="Field service: note added")


CARDS = {
    "open": drawn(an_alert(), mentions=("ben", "nobody")),
    "acked": drawn(acked(), told(2, "ana", "ack", "Ana Ruiz acknowledged"), undo="ana"),
    "reassigned": drawn(
        acked(assignee="ben", writeback="telling Field service \u2026"),
        told(2, "ana", "reassign", "Ana Ruiz gave it to Ben Okafor"),
    ),
    "escalated": drawn(
        an_alert(severity=Severity.P1, level=3),
        told(1, "deskbell", "escalate", "Escalated to level 1 (Ben Okafor)"),
        told(2, "ana", "escalate", "Ana Ruiz escalated it to level 2 (Carla Weiss)"),
        mentions=("ben",),
    ),
    "snoozed": drawn(
        an_alert(snoozed_until=NOW + timedelta(minutes=30)),
        told(2, "ana", "snooze", "Ana Ruiz snoozed it for 30 min"),
    ),
    "resolved": drawn(resolved(), told(2, "ana", "resolve", "Ana Ruiz resolved it", "Customer informed")),
    "long_text": drawn(
        an_alert(
            title="Very late " * 60, summary="Marco is late " * 60, facts=(("Notes " * 40, "Gate code " * 200),) * 12
        ),
        *(told(1, "ana", "note", "Ana Ruiz noted", "called the customer again " * 60) for _ in range(12)),
    ),
    "hostile_markup": drawn(
        an_alert(
            title=HOSTILE,
            summary=HOSTILE,
            facts=((HOSTILE, HOSTILE),),
            url="https://x.example/<@1>)](http://evil.example",
        ),
        told(2, "ana", "note", "Ana Ruiz noted", HOSTILE),
    ),
    "right_to_left": drawn(an_alert(title=RTL, summary=RTL, facts=((RTL, RTL),))),
    "emoji": drawn(
        an_alert(
            summary="\U0001f469\u200d\U0001f527 \U0001f1e9\U0001f1ea late \U0001f4a5" * 20,
            facts=(("\U0001f3e0", "e\u0301" * 300),),
        )
    ),
    "unverified_data": drawn(an_alert(), warning="Unverified: Field service is silent, data from 13:52"),
    "hidden_customer": drawn(an_alert(), personal=True),
}
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
