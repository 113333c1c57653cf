"""The verdict over several chats: what is missing in one, what came twice anywhere, and when all of them agreed."""

import pytest

from deskbell.sandbox.server import Sandbox
from deskbell.sandbox.verdict import summary
from tests.sandbox.tiny import Tiny


@pytest.fixture
def sandbox():
    made = Sandbox()
    made.chats = {name: Tiny(name, made.clock, made.ledger, made.pulse) for name in ("slack", "teams", "discord")}
    return made


def verdict(sandbox, grace=15.0):
    return summary(sandbox.ledger, sandbox.chats, grace)


def post(sandbox, ref, *names):
    return [sandbox.chats[name].post(ref, f"about J-{ref[2:]}") for name in names]


def test_a_card_in_every_chat_is_no_loss(sandbox):
    post(sandbox, "D-1", "slack", "teams", "discord")
    sandbox.clock.advance(60)
    found = verdict(sandbox)
    assert (found["lost"], found["duplicates"]) == (0, 0)
    assert [found["chats"][name]["posted"] for name in sandbox.chats] == [1, 1, 1]


def test_a_card_that_one_chat_lacks_is_lost_after_the_grace(sandbox):
    post(sandbox, "D-1", "slack", "teams", "discord")
    post(sandbox, "D-2", "slack", "discord")
    assert verdict(sandbox)["lost"] == 0, "there was no time yet"
    sandbox.clock.advance(16)
    assert verdict(sandbox)["lost_items"] == [{"why": "no card in teams", "chat": "teams", "ref": "D-2"}]
    post(sandbox, "D-2", "teams")
    assert verdict(sandbox)["lost"] == 0


def test_a_chat_that_is_not_in_use_lacks_nothing(sandbox):
    post(sandbox, "D-1", "slack")
    sandbox.clock.advance(60)
    assert verdict(sandbox)["lost"] == 0


@pytest.mark.parametrize("name", ["slack", "teams", "discord"])
def test_sabotage_in_any_chat_is_one_loss(sandbox, name):
    sandbox.chats[name].sabotage = True
    sandbox.ledger.expect("J-2", "late")
    for ref in ("D-1", "D-2", "D-3"):
        post(sandbox, ref, *sandbox.chats)
    sandbox.clock.advance(16)
    [item] = verdict(sandbox)["lost_items"]
    assert (item["chat"], item["ref"], item["subject"]) == (name, "D-2", "J-2")
    sandbox.chats[name].hidden.clear()
    [item] = verdict(sandbox)["lost_items"]
    assert (item["chat"], item["ref"]) == (name, "D-2"), "also when the chat does not own up to it"


@pytest.mark.parametrize(("seed", "name"), [(0, "slack"), (1, "teams"), (2, "telegram"), (3, "discord")])
def test_the_seed_says_who_is_sabotaged(seed, name):
    assert [chat.name for chat in Sandbox(seed=seed, sabotage="any").chats.values() if chat.sabotage] == [name]
    assert [chat.name for chat in Sandbox(seed=seed, sabotage="teams").chats.values() if chat.sabotage] == ["teams"]


def test_what_came_twice_counts_in_any_chat(sandbox):
    sandbox.chats["teams"].twice = [{"identity": ["card", "D-1"]}]
    assert (verdict(sandbox)["duplicates"], verdict(sandbox)["duplicate_items"]) == (1, [{"identity": ["card", "D-1"]}])


# ------------------------------------------------------------------ convergence


def test_a_tap_has_converged_when_every_card_of_it_was_redrawn(sandbox):
    cards = post(sandbox, "D-1", "slack", "teams", "discord")
    sandbox.ledger.pressed("D-1")
    for card, seconds in zip(cards, (0.1, 0.2, 0.3), strict=True):
        assert verdict(sandbox)["converge_ms"]["n"] == 0
        sandbox.clock.advance(seconds)
        sandbox.chats[card.chat].edit(card, "D-1 acknowledged")
    found = verdict(sandbox)["converge_ms"]
    assert found["n"] == 1
    assert found["p50"] == found["p95"] == pytest.approx(600, abs=20)


def test_a_refused_tap_takes_nothing_from_the_one_before_it(sandbox):
    cards = post(sandbox, "D-1", "slack", "teams")
    sandbox.ledger.pressed("D-1")
    sandbox.ledger.pressed("D-1")
    sandbox.ledger.unpressed("D-1")
    assert verdict(sandbox)["diverging"] == {"D-1": [("slack", "hall", "1"), ("teams", "hall", "1")]}
    for card in cards:
        sandbox.chats[card.chat].edit(card, "D-1 acknowledged")
    assert verdict(sandbox)["converge_ms"]["n"] == 1
    assert verdict(sandbox)["diverging"] == {}


def test_a_tap_on_what_nobody_sees_is_not_waited_for(sandbox):
    sandbox.ledger.pressed("D-9")
    sandbox.ledger.unpressed("D-8")
    assert verdict(sandbox)["diverging"] == {}
