"""Taps that nobody should make: forged, strange, stale, by the wrong person, or thirty at once."""

import asyncio
import re
from collections import Counter
from typing import Any

import pytest

from deskbell.core import button
from deskbell.core.alert import Status, Verb
from tests.town import Town

ROOM, OTHER = "C0DISPATCH", "C0SUPPORT"
SECRET = b"a-secret-for-the-tests-only"


async def quiet(town: Town) -> None:
    await town.until_async(town.daemon.pending, 0)


async def ring(town: Town) -> Any:
    town.late_job()
    card = await town.card("J-4711")
    await quiet(town)
    return card


def token_of(card: Any, action: str = "desk.ack") -> str:
    return str(card.find(action)[1]["value"])


async def refusals(town: Town) -> list[str]:
    return [row.entry.data["code"] for row in await town.audit() if row.entry.verb == "refused"]


async def forged(town: Town, card: Any, value: str, *, action: str = "desk.ack", user: str = "U0ANA") -> str:
    """Taps with another value than the card's; what the person was told."""
    tapped = await town.slack.tap(user, card.channel, card.ts, action, force={"value": value}, changes=False)
    assert tapped.acked
    await tapped.wait_ephemeral()
    return str(tapped.text)


def garbled(token: str) -> list[str]:
    """One character another, at every place."""
    return [token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1 :] for at in range(len(token))]


async def test_no_token_but_the_genuine_one_does_anything(town: Town) -> None:
    card = await ring(town)
    ticket = town.urgent_ticket()
    elsewhere = await town.card(str(ticket.id), OTHER)
    alert, other = await town.alert("J-4711"), await town.alert(str(ticket.id))
    genuine = token_of(card)
    strange = ["", "x", "=" * 28, "A" * 28, "A" * 5000, genuine * 2, genuine[:-1], "\ud800", "<!channel>", "-1", "null"]
    strange += [button.sign(b"another secret of 16", Verb.ACK, alert.id, alert.version)]
    strange += [button.sign(SECRET, Verb.ESCALATE, alert.id, alert.version)]
    strange += [button.sign(SECRET, Verb.ACK, 999_999, 1)]
    strange += [token_of(elsewhere), button.sign(SECRET, Verb.ACK, other.id, 1)]
    tried = [*strange, *garbled(genuine)[:-1]]  # the last character's low bits are padding
    for value in tried:
        assert await forged(town, card, value), repr(value)
    assert (await town.alert("J-4711")).version == alert.version
    assert (await town.alert(str(ticket.id))).status is Status.OPEN
    codes = Counter(await refusals(town))
    assert set(codes) <= {"token", "no_alert", "room", "verb"}
    assert codes["room"] == 2, "a genuine token of another room's alert"
    assert sum(codes.values()) == len(tried), "each is in the audit"
    assert (await town.slack.tap("U0ANA", ROOM, card.ts, "desk.ack")).acked
    await town.shows("J-4711", "Acknowledged by Ana Ruiz")


async def test_a_card_copied_into_another_room_answers_nobody(town: Town) -> None:
    card = await ring(town)
    copy = town.slack.workspace.say("C0OPS", card.user, card.text, blocks=card.blocks, metadata=card.metadata)
    tapped = await town.slack.tap("U0ANA", "C0OPS", copy.ts, "desk.ack", changes=False)
    await tapped.wait_ephemeral()
    assert "was not posted in this room" in tapped.text
    assert (await town.alert("J-4711")).status is Status.OPEN
    assert await refusals(town) == ["room"]


@pytest.mark.parametrize("action", ["desk.reassign", "desk.resolve"])
async def test_a_forged_token_opens_no_form(town: Town, action: str) -> None:
    card = await ring(town)
    assert "not genuine" in await forged(town, card, garbled(token_of(card, action))[12], action=action)
    assert not town.slack.open_views("U0ANA")


async def test_a_form_whose_hidden_part_was_changed_does_nothing(town: Town) -> None:
    card = await ring(town)
    tapped = await town.slack.tap("U0ANA", ROOM, card.ts, "desk.resolve", changes=False)
    view = await tapped.wait_view()
    hidden = view.body["private_metadata"]
    token = token_of(card, "desk.resolve")
    assert token in hidden
    for other in (
        hidden.replace(token, garbled(token)[12]),
        hidden.replace(token, token_of(card)),
        "{}",
        "null",
        "[",
        "",
    ):
        view.body["private_metadata"] = other
        done = await town.slack.submit("U0ANA", view.id, {"answer": "it is over"})
        assert done.acked
        view.open = True
        assert (await town.alert("J-4711")).status is Status.OPEN, other
    view.body["private_metadata"] = hidden
    assert (await town.slack.submit("U0ANA", view.id, {"answer": "it is over"})).closed
    await town.shows("J-4711", "Resolved by Ana Ruiz")


STRANGERS = {
    "a viewer": ("U0DAN", "Your role does not allow", "role"),
    "nobody Deskbell knows": ("U0TOMAS", "Deskbell does not know you here yet, so nothing was done", "unknown_person"),
    "a guest of another workspace": ("U0MALLORY", "Only people of the workspace", "outsider"),
}


@pytest.mark.parametrize("who", STRANGERS)
async def test_who_may_not_is_told_so_in_private_and_changes_nothing(town: Town, who: str) -> None:
    account, words, code = STRANGERS[who]
    card = await ring(town)
    before = await town.alert("J-4711")
    for action in ("desk.ack", "desk.escalate", "desk.snooze"):
        selected = "30 min" if action == "desk.snooze" else None
        tapped = await town.slack.tap(account, ROOM, card.ts, action, selected=selected, changes=False)
        assert tapped.acked
        await tapped.wait_ephemeral()
        assert words in tapped.text, action
    for line in (f"ack {before.ref}", f"resolve {before.ref} because", f"take {before.ref}"):
        typed = await town.slack.type(account, ROOM, f"/desk {line}")
        assert typed.acked
        assert typed.text
    for action in ("desk.reassign", "desk.resolve"):
        tapped = await town.slack.tap(account, ROOM, card.ts, action, changes=False)
        view = await tapped.wait_view(0.5)
        if view is not None:
            done = await town.slack.submit(account, view.id, {"answer": "carla" if "reassign" in action else "over"})
            assert "role" in " ".join(done.errors.values())
        else:
            assert words in tapped.text
    await quiet(town)
    assert await town.alert("J-4711") == before
    assert not town.thread("J-4711")
    assert [entry.entry.verb for entry in await town.audit() if entry.entry.alert_id == before.id] in (
        ["open"],
        ["open", *["refused"] * 8],
    )
    if code:
        assert code in await refusals(town)


async def test_a_stale_card_says_who_was_faster_and_when(town: Town) -> None:
    card = await ring(town)
    old, alert = token_of(card), await town.alert("J-4711")
    assert (await town.slack.type("U0BEN", OTHER, f"/desk ack {alert.ref}")).acked
    told = await forged(town, card, old)
    assert re.search(r"was already acknowledged by Ben Okafor at \d\d:\d\d", told)
    assert (await town.alert("J-4711")).acked_by == "ben"
    assert (await town.slack.type("U0BEN", OTHER, f"/desk resolve {alert.ref} customer called")).acked
    assert re.search(r"already resolved by Ben Okafor at \d\d:\d\d", await forged(town, card, old))


async def test_thirty_taps_at_once_have_one_winner(town: Town) -> None:
    ticket = town.overdue_ticket()
    card = await town.card(str(ticket.id), OTHER)
    await quiet(town)
    value = token_of(card)
    taps = [
        town.slack.tap(user, OTHER, card.ts, "desk.ack", force={"value": value}, changes=False)
        for _ in range(15)
        for user in ("U0ANA", "U0BEN")
    ]
    done = await asyncio.gather(*taps)
    assert all(tapped.acked for tapped in done), "nobody sees Slack's warning sign"
    await town.shows(str(ticket.id), "Acknowledged by", OTHER)
    await quiet(town)
    entries = [row.entry for row in await town.audit() if row.entry.verb in ("ack", "refused")]
    assert Counter(entry.verb for entry in entries) == {"ack": 1, "refused": 29}
    winner = next(entry.actor for entry in entries if entry.verb == "ack")
    name = {"ana": "Ana Ruiz", "ben": "Ben Okafor"}[winner]
    every = [message.as_text() for message in town.slack.ephemerals()]
    whispers = [text for text in every if "already" in text]
    assert len(whispers) == 29
    assert len(every) == 30, "and the winner has Undo"
    assert all(re.search(rf"was already acknowledged by {name} at \d\d:\d\d", text) for text in whispers)
    assert f"Acknowledged by {name}" in town.find_card(str(ticket.id), OTHER).as_text()
    assert len(ticket.conversations) == 1, "the helpdesk is told once"
