"""The situations of a card that each chat's golden files show: what stands on it, whatever it is drawn by."""

from datetime import UTC, datetime, timedelta

from deskbell.core.access import Role
from deskbell.core.alert import Severity, Status
from deskbell.core.ports import AuditRow, Entry
from deskbell.core.present import View, card_of
from tests.tiny import an_alert, person

NOW = datetime(2026, 11, 21, 14, 2, tzinfo=UTC)
PEOPLE = {one.id: one for one in (person("ana", "Ana Ruiz", Role.DISPATCHER), person("ben", "Ben Okafor", Role.ONCALL))}
RTL = "\u05d4\u05d8\u05db\u05e0\u05d0\u05d9 \u05de\u05d0\u05d7\u05e8 \u0627\u0644\u0641\u0646\u064a \u202e \u05d0\u05d7"


def one(**values):
    return an_alert(NOW, opened_at=NOW - timedelta(minutes=3), **{"severity": Severity.P2} | values)


def told(number, who, verb, said, text=""):
    at = NOW - timedelta(minutes=3 - number)
    return AuditRow(number, at, Entry(who, verb, 12, {"said": said}, {"text": text} if text else {}), "")


OPENED = told(0, "deskbell", "open", "Opened as P2")


def drawn(alert, *story, **more):
    view = View(NOW, PEOPLE, lambda verb, alert_id, _: f"{verb}-token-of-{alert_id}", (OPENED, *story), **more)
    return card_of(alert, view)


def acked(**values):
    held = {"status": Status.ACKED, "acked_by": "ana", "acked_at": NOW - timedelta(minutes=1), "assignee": "ana"}
    return one(**held | values)


def resolved():
    over = {"status": Status.RESOLVED, "resolved_by": "ana", "resolved_at": NOW, "reason": "Customer informed"}
    return one(**over, assignee="ana", writeback="Field service: note added")


def situations(hostile, url):
    """Cards by the name of their situation. `hostile` and `url`: what a chat would take for markup, were it not made
    harmless.
    """
    return {
        "open": drawn(one(), mentions=("ben", "nobody")),
        "acked": drawn(acked(), told(2, "ana", "ack", "Ana Ruiz acknowledged"), undo="ana"),
        "reassigned": drawn(
            acked(assignee="ben", writeback="telling Field service \u2026"),
            told(2, "ana", "reassign", "Ana Ruiz gave it to Ben Okafor"),
        ),
        "escalated": drawn(
            one(severity=Severity.P1, level=3),
            told(1, "deskbell", "escalate", "Escalated to level 1 (Ben Okafor)"),
            told(2, "ana", "escalate", "Ana Ruiz escalated it to level 2 (Carla Weiss)"),
            mentions=("ben",),
        ),
        "snoozed": drawn(
            one(snoozed_until=NOW + timedelta(minutes=30)),
            told(2, "ana", "snooze", "Ana Ruiz snoozed it for 30 min"),
        ),
        "resolved": drawn(resolved(), told(2, "ana", "resolve", "Ana Ruiz resolved it", "Customer informed")),
        "long_text": drawn(
            one(
                title="Very late " * 60,
                summary="Marco is late " * 60,
                facts=(("Notes " * 40, "Gate code " * 200),) * 12,
            ),
            *(told(1, "ana", "note", "Ana Ruiz noted", "called the customer again " * 60) for _ in range(12)),
        ),
        "hostile_markup": drawn(
            one(
                title=hostile,
                summary=hostile,
                facts=((hostile, hostile),),
                url=url,
            ),
            told(2, "ana", "note", "Ana Ruiz noted", hostile),
        ),
        "right_to_left": drawn(one(title=RTL, summary=RTL, facts=((RTL, RTL),))),
        "emoji": drawn(
            one(
                summary="\U0001f469\u200d\U0001f527 \U0001f1e9\U0001f1ea late \U0001f4a5" * 20,
                facts=(("\U0001f3e0", "e\u0301" * 300),),
            )
        ),
        "unverified_data": drawn(one(), warning="Unverified: Field service is silent, data from 13:52"),
        "hidden_customer": drawn(one(), personal=True),
    }
