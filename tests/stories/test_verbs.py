"""A story for each verb, by button and by command, through the real Slack SDK: the card, the thread, the source, the
audit. A verb without a row here fails."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from deskbell.core.alert import Status, Verb
from tests.town import Town

ROOM = "C0SUPPORT"


@dataclass(frozen=True)
class Story:
    """`before`: commands that bring the alert where the verb makes sense; `told`: the ticket's private note."""

    typed: str
    card: str
    told: str
    status: Status
    button: bool = True
    selected: Any = None
    form: dict[str, str] | None = None
    before: Sequence[str] = ()
    user: str = "U0ANA"


STORIES = {
    Verb.ACK: Story("ack {ref}", "Acknowledged by Ana Ruiz", "Ana Ruiz acknowledged", Status.ACKED),
    Verb.UNACK: Story(
        "unack {ref}", "P2 act soon", "took the acknowledgement back", Status.OPEN, button=False, before=["ack {ref}"]
    ),
    Verb.TAKE: Story(
        "take {ref}", "Acknowledged by Ana Ruiz", "Ana Ruiz took it", Status.ACKED, before=["reassign {ref} @carla"]
    ),
    Verb.REASSIGN: Story(
        "reassign {ref} @carla", "With", "gave it to Carla Weiss", Status.ACKED, form={"answer": "carla"}
    ),
    Verb.ESCALATE: Story("escalate {ref} no answer", "escalated to level 1", "escalated it", Status.OPEN),
    Verb.SNOOZE: Story("snooze {ref} 30m", "Snoozed until", "snoozed it for 30 min", Status.OPEN, selected="30 min"),
    Verb.RESOLVE: Story(
        "resolve {ref} valve replaced",
        "Resolved by Ana Ruiz",
        "valve replaced",
        Status.RESOLVED,
        form={"answer": "valve replaced"},
    ),
    Verb.REOPEN: Story(
        "reopen {ref}", "P2 act soon", "reopened it", Status.OPEN, before=["resolve {ref} thought it was over"]
    ),
    Verb.NOTE: Story(
        "note {ref} called the customer", "called the customer", "called the customer", Status.OPEN, button=False
    ),
    Verb.UNDO: Story(
        "undo {ref}", "P2 act soon", "undid the acknowledgement", Status.OPEN, button=False, before=["ack {ref}"]
    ),
}
# These change nothing; test_four_chats.py has the story of Reveal, and of the Undo button.
ELSEWHERE = {Verb.REVEAL, Verb.TELL, Verb.SEND}


def test_no_verb_is_without_a_story() -> None:
    assert {*STORIES, *ELSEWHERE} == set(Verb)


CELLS = [
    (verb, way) for verb, story in STORIES.items() for way in ("button", "command") if story.button or way == "command"
]


@pytest.mark.parametrize(("verb", "way"), CELLS, ids=[f"{verb}-{way}" for verb, way in CELLS])
async def test_verb(town: Town, verb: Verb, way: str) -> None:
    story = STORIES[verb]
    ticket = town.overdue_ticket()
    card = await town.card(str(ticket.id), ROOM)
    alert = await town.alert(str(ticket.id))
    for line in story.before:
        await type_(town, line.format(ref=alert.ref), "U0ANA")
    before = await town.alert(str(ticket.id))
    if way == "command":
        said = await type_(town, story.typed.format(ref=alert.ref), story.user)
        assert alert.ref in said
    else:
        await settled(town, card)
        await press(town, card, verb, story)
    shown = await town.shows(str(ticket.id), story.card, ROOM)
    after = await town.alert(str(ticket.id))
    assert after.status is story.status
    assert after.version > before.version or verb is Verb.NOTE
    assert "Told to the source" in shown or verb in (Verb.NOTE, Verb.RESOLVE)  # a card that is over is a short one
    await town.until(
        lambda: (
            any(story.told in note["body_text"] and note["private"] for note in ticket.conversations)
            or assigned(ticket, verb)
        )
    )
    await town.until(lambda: any(said_in_thread(story, line) for line in town.thread(str(ticket.id), ROOM)))
    entries = [row.entry for row in await town.audit() if row.entry.verb == verb]
    assert [entry.actor for entry in entries][-1] == {"U0ANA": "ana", "U0BEN": "ben"}[story.user]


def assigned(ticket: Any, verb: Verb) -> bool:
    wanted = {Verb.TAKE: 1001, Verb.REASSIGN: 1003}.get(verb)
    return wanted is not None and ticket.public["responder_id"] == wanted


def said_in_thread(story: Story, line: str) -> bool:
    return story.told in line


async def settled(town: Town, card: Any) -> None:
    """Until no edit of the card is under way, so that what is tapped is what is shown."""
    await town.until_async(town.daemon.pending, 0)


async def type_(town: Town, line: str, user: str) -> str:
    outcome = await town.slack.type(user, ROOM, f"/desk {line}")
    assert outcome.acked
    return str(outcome.text or outcome.payload)


async def press(town: Town, card: Any, verb: Verb, story: Story) -> None:
    outcome = await town.slack.tap(story.user, ROOM, card.ts, f"desk.{verb}", selected=story.selected)
    assert outcome.acked
    if story.form is not None:
        view = await outcome.wait_view()
        assert view is not None
        done = await town.slack.submit(story.user, view.id, story.form)
        assert done.closed, done.errors
    assert await outcome.wait_edit()
    (answer,) = await outcome.wait_ephemeral()
    assert answer.find("desk.undo"), "what was done is said to who did it, with the way back"
