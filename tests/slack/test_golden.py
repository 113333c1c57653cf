"""Every situation of a card as Slack gets it, kept as a file, so that a change of looks is seen by whoever makes it.

GOLDEN=write writes the files anew. Each is valid by Slack's own rules, and can be read by the SDK.
"""

import json
import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from slack_sdk.models.blocks import Block

from deskbell.core.access import Person, Role
from deskbell.core.alert import Alert, Severity, Status
from deskbell.core.card import Button, Note, Reply
from deskbell.core.ports import AuditRow, Entry
from deskbell.core.present import View, card_of
from deskbell.faces import slack as face
from deskbell.sandbox.slack.blocks import check_blocks

FOLDER = Path(__file__).parent / "golden"
NOW = datetime(2026, 11, 21, 14, 2, tzinfo=UTC)
PEOPLE = {
    "ana": Person("ana", "Ana Ruiz", roles=frozenset({Role.DISPATCHER})),
    "ben": Person("ben", "Ben Okafor", roles=frozenset({Role.ONCALL})),
}
HOSTILE = "<!channel> <@U0ANA> *bold* _it_ ~no~ `code` <https://evil.example|click> &amp; :fire: @here {{ 7*7 }}"
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
        an_alert(title=HOSTILE, summary=HOSTILE, facts=((HOSTILE, HOSTILE),), url="https://x.example/<!here>|a"),
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
