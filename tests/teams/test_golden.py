"""Every situation of a card as Teams gets it, kept as a file, so that a change of looks is seen by whoever makes it.

GOLDEN=write writes the files anew. Each is valid by the stand-in's strict rules, and by Microsoft's schema where that
is at hand; test_microsoft.py draws them all with Microsoft's own renderer.
"""

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from deskbell.core.access import Person, Role
from deskbell.core.alert import Alert, Severity, Status
from deskbell.core.card import Button, Note, Reply
from deskbell.core.ports import AuditRow, Entry
from deskbell.core.present import View, card_of
from deskbell.faces import teams as face
from deskbell.faces import teams_forms as forms
from deskbell.faces.teams_parts import CARD_TYPE, Mention, message, ringing, size
from deskbell.sandbox.teams.cards import check_card, readable, shown_actions, walk

FOLDER = Path(__file__).parent / "golden"
NOW = datetime(2026, 11, 21, 14, 2, tzinfo=UTC)
PEOPLE = {
    "ana": Person("ana", "Ana Ruiz", roles=frozenset({Role.DISPATCHER})),
    "ben": Person("ben", "Ben Okafor", roles=frozenset({Role.ONCALL})),
}
BEN = Mention("Ben Okafor", "aad00000-0000-4000-8000-000000000002")
HOSTILE = "<at>Everyone</at> **bold** _it_ [click](https://evil.example) `code` <b>b</b> &amp; {{DATE(2026-01-01)}}"
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
    "open": drawn(an_alert()),
    "acked": drawn(acked(), told(2, "ana", "ack", "Ana Ruiz acknowledged"), undo="ana"),
    "reassigned": drawn(
        acked(assignee="ben", writeback="telling Field service \u2026"),
        told(2, "ana", "reassign", "Ana Ruiz gave it to Ben Okafor"),
    ),
    "escalated": drawn(
        an_alert(severity=Severity.P1, level=3),
        told(1, "deskbell", "escalate", "Escalated to level 1 (Ben Okafor)"),
        told(2, "ana", "escalate", "Ana Ruiz escalated it to level 2 (Carla Weiss)"),
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
        an_alert(title=HOSTILE, summary=HOSTILE, facts=((HOSTILE, HOSTILE),), url="https://x.example/{{a}}|<b>"),
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
    "hidden_customer": drawn(acked(), personal=True),
}
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
