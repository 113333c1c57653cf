"""The oracle finds each wrong that it is there for, and a good run is good."""

import copy
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from deskbell.core.access import Person, Role
from deskbell.core.alert import Alert, Severity, Status
from deskbell.core.ports import AuditRow, Entry, OutboxRow
from deskbell.torture.house import CHATS
from deskbell.torture.oracle import Book, Down, Trial, judge
from deskbell.torture.plan import DRAIN, LIVES_S, POINTS, How, plan
from deskbell.torture.proxy import Exchange
from deskbell.torture.toxics import Toxic

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
ANA = Person("ana", "Ana Ruiz", roles=frozenset({Role.DISPATCHER}))


def alert(**changes: Any) -> Alert:
    made = Alert(
        id=1,
        key="late:1",
        rule="technician_late",
        source="fieldservice",
        record_id="1",
        subject="J-1",
        title="late",
        summary="late",
        severity=Severity.P3,
        status=Status.ACKED,
        acked_by="ana",
        acked_at=NOW,
        opened_at=NOW,
        updated_at=NOW,
    )
    return replace(made, **changes)


def rows(*entries: Entry) -> list[AuditRow]:
    return [AuditRow(seq, NOW, entry, "") for seq, entry in enumerate(entries, 1)]


def acked(version: int = 2, before: str = "open") -> Entry:
    return Entry("ana", "ack", 1, {"version": version, "from": before, "to": "acked"})


OPENED = Entry("deskbell", "open", 1)


def good() -> Trial:
    card = {"ref": "D-1", "room": "r", "id": "1", "text": "D-1 Acknowledged by Ana Ruiz at 12:00"}
    evidence = {
        "made": [{"source": "fieldservice", "subject": "J-1", "rule": "technician_late"}],
        "told": [
            {"who": "ana", "chat": "slack", "verb": "ack", "ref": "D-1", "note": "",
             "heard": ["D-1 acknowledged. It is with Ana Ruiz."]},
        ],
        "cards": [card | {"chat": chat} for chat in CHATS],
        "notes": {"J-1": ["Ana Ruiz acknowledged [D-1 #5]"]},
        "duplicates": {chat: [] for chat in CHATS},
        "ledger": {"lost_items": []},
    }  # fmt: skip
    return Trial.of(evidence, Book([alert()], rows(OPENED, acked()), [], {"ana": ANA}, NOW))


def seen(change: Callable[[dict[str, Any]], Any]) -> Trial:
    """The good run, with something else in what the stand-ins saw."""
    trial = good()
    evidence = copy.deepcopy(dict(trial.evidence))
    change(evidence)
    return Trial.of(evidence, trial.book)


def held(**changes: Any) -> Trial:
    """The good run, with something else in what Deskbell holds."""
    trial = good()
    return Trial.of(trial.evidence, replace(trial.book, **changes))


def test_a_good_run_is_good() -> None:
    verdict = judge(good())
    assert verdict["ok"], verdict
    assert verdict["audit"] == "verified"


DEAD = OutboxRow(7, "post", "dispatch", "D-1", "dead", 3, None, "given up")
TOLD = {"who": "ana", "chat": "teams", "verb": "resolve", "ref": "D-1", "note": ""}
WRONGS = [
    (
        "lost",
        seen(lambda e: e["ledger"]["lost_items"].append({"why": "accepted, not live", "ref": "D-1", "chat": "x"})),
    ),
    ("lost", seen(lambda e: e["cards"].pop())),
    ("lost", held(outbox=[DEAD])),
    ("missed", held(alerts=[])),
    ("missed", seen(lambda e: e["made"].append({"source": "freshdesk", "subject": "9", "rule": "case_unassigned"}))),
    ("spurious", seen(lambda e: e["made"].clear())),
    ("spurious", held(alerts=[alert(), alert(id=2, key="late:2")])),
    ("double_transitions", held(entries=rows(OPENED, acked(), acked()))),
    ("double_transitions", held(entries=rows(OPENED, acked(), acked(3)))),
    ("double_transitions", held(entries=rows(OPENED, OPENED, acked()))),
    ("double_transitions", seen(lambda e: e["notes"]["J-1"].append("again [D-1 #5]"))),
    ("broken_promises", held(entries=rows(OPENED))),
    ("broken_promises", seen(lambda e: e["told"].append(TOLD | {"heard": ["D-1 resolved."]}))),
    ("broken_promises", seen(lambda e: e["told"].append(TOLD | {"heard": ["Resolved by Ana Ruiz at 12:01 D-1"]}))),
    ("diverging", seen(lambda e: e["cards"][2].update(text="D-1 P3 have a look"))),
    ("diverging", held(alerts=[alert(status=Status.OPEN)])),
    ("audit_faults", held(audit=["desk1: entry 2: changed"])),
]


@pytest.mark.parametrize(("what", "trial"), WRONGS)
def test_each_wrong_is_found(what: str, trial: Trial) -> None:
    verdict = judge(trial)
    assert not verdict["ok"]
    assert verdict[what], verdict


def test_what_nobody_said_is_done_is_no_promise() -> None:
    refused = TOLD | {"heard": ["D-1 was already resolved by Ana Ruiz at 12:00."]}
    assert judge(seen(lambda e: e["told"].append(refused)))["ok"]


def test_a_card_that_came_twice_may_leave_one_behind() -> None:
    stale = {"ref": "D-1", "room": "r", "id": "2", "text": "D-1 P3 have a look", "chat": "teams"}
    assert judge(seen(lambda e: e["cards"].append(stale)))["diverging"] == 0


def test_a_trouble_of_our_own_is_not_owed_to_the_chat_that_is_in_trouble() -> None:
    own = alert(id=2, rule="channel_unreachable", source="", subject="dispatch", status=Status.OPEN, acked_by="")
    trial = held(alerts=[alert(), own])
    trial.evidence["ledger"]["lost_items"].append({"why": "no card in slack", "chat": "slack", "ref": "D-2"})
    assert judge(trial)["ok"]


# ---------------------------------------------------------------- what may be there twice


def exchange(**changes: Any) -> Exchange:
    values: dict[str, Any] = {"toxic": Toxic.NONE, "accepted": True, "answered": NOW.timestamp()}
    values |= changes
    caller = type("Caller", (), {"gone": values.pop("gone", None)})()
    toxic, accepted, answered = values["toxic"], values["accepted"], values["answered"]
    return Exchange(
        "teams", "teams r", "POST", NOW.timestamp() - 1, toxic, caller, accepted=accepted, answered=answered
    )


def doubled(log: list[Exchange], downs: list[Down]) -> dict[str, Any]:
    trial = seen(lambda e: e["duplicates"]["teams"].append({"ids": ["1", "2"]}))
    return judge(Trial.of(trial.evidence, trial.book, log=log, downs=downs))


def test_a_duplicate_needs_a_reason() -> None:
    verdict = doubled([], [])
    assert not verdict["ok"]
    assert (verdict["duplicates"], verdict["duplicates_allowed"]) == (1, 0)


@pytest.mark.parametrize("toxic", [Toxic.CUT, Toxic.HALF, Toxic.SILENT, Toxic.GARBLED])
def test_an_answer_that_was_lost_on_the_way_is_one(toxic: Toxic) -> None:
    assert doubled([exchange(toxic=toxic, answered=None)], [])["ok"]
    assert not doubled([exchange(toxic=toxic, answered=None, accepted=False)], [])["ok"]


def test_a_kill_between_the_answer_and_the_commit_is_one() -> None:
    kill = Down(NOW.timestamp() + 0.1, "desk1", "kill")
    assert doubled([exchange(gone=NOW.timestamp() + 0.1)], [kill])["ok"]
    assert not doubled([exchange(gone=None)], [kill])["ok"], "it went on living"


def test_a_reason_in_another_chat_is_none() -> None:
    lost = exchange(toxic=Toxic.CUT, answered=None)
    lost.vendor = "slack"
    assert not doubled([lost], [])["ok"]


# ---------------------------------------------------------------- the plan


def test_the_seed_gives_the_plan() -> None:
    assert plan(200, 2, 5) == plan(200, 2, 5) != plan(200, 2, 6)


@pytest.mark.parametrize("seed", range(5))
def test_a_plan_of_two_hundred_strikes_every_place(seed: int) -> None:
    strikes = plan(198, 2, seed)
    assert sum(strike.deadly for strike in strikes) == 198
    assert {strike.point for strike in strikes if strike.how is How.POINT} == set(POINTS)
    assert {strike.point for strike in strikes if strike.how is How.DRAIN} <= set(DRAIN)
    assert {strike.instance for strike in strikes} == {0, 1}
    assert {strike.how for strike in strikes} == set(How)
    assert all(LIVES_S[0] <= strike.after <= LIVES_S[1] for strike in strikes)
