"""How a card and a ring look where only a Workflows webhook leads into Teams. Pure.

The same Adaptive Card as the bot's, but nothing on it can send anything back and nothing on it will change: one button
opens our own page, where the alert is as it is now. https://learn.microsoft.com/en-us/power-automate/create-adaptive-cards
"""

from collections.abc import Sequence
from dataclasses import replace

from deskbell.core.card import Card, Note
from deskbell.faces import teams
from deskbell.faces.teams import Json, Mention

ANSWER = "Answer this"
STILL = "As it was when this was posted; the button shows how it is now."


def card(card: Card, url: str, mentions: Sequence[Mention], budget: int) -> Json:
    """The alert as it is now, its people rung, within the budget in bytes. `url`: its page; nothing, where none is."""
    bare = replace(card, buttons=(), url="", undo=None)

    def make(facts: int, trail: int) -> Json:
        shown = teams.live(bare, mentions, (), facts, trail)
        body = shown["body"] + ([_small(STILL)] if url else [])
        return _message(shown | {"body": body} | _ways(url))

    return teams.fitting(make, budget)


def note(note: Note, url: str, mentions: Sequence[Mention], budget: int) -> Json:
    """What must ring, as a short card, and the way to the alert."""
    alone = replace(note, direct=note.direct or "the room", buttons=())  # a card of its own: there is no thread
    shown = teams.note(alone, mentions, "", budget)["attachments"][0]["content"]
    return _message(shown | _ways(url))


def _message(shown: Json) -> Json:
    return {"type": "message", "attachments": [{"contentType": teams.CARD_TYPE, "content": shown}]}


def _ways(url: str) -> Json:
    return {"actions": [{"type": "Action.OpenUrl", "title": ANSWER, "url": url}]} if url else {}


def _small(text: str) -> Json:
    return teams.block(teams.run(text, isSubtle=True, size="Small"), spacing="Small")
