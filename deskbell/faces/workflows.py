"""How a card and a ring look where only a Workflows webhook leads into Teams. Pure.

The same Adaptive Card as the bot's, but nothing on it can send anything back and nothing on it will change: one button
opens our own page, where the alert is as it is now. https://learn.microsoft.com/en-us/power-automate/create-adaptive-cards
"""

from collections.abc import Sequence
from dataclasses import replace

from deskbell.core.card import Card, Note
from deskbell.core.text import clean, clean_lines
from deskbell.faces import teams
from deskbell.faces import teams_parts as parts
from deskbell.faces.teams_parts import Json, Mention

ANSWER = "Answer this"
STILL = "As it was when this was posted; the button shows how it is now."


def card(card: Card, url: str, mentions: Sequence[Mention], budget: int) -> Json:
    """The alert as it is now, its people rung, within the budget in bytes. `url`: its page; nothing, where none is."""
    bare = replace(card, buttons=(), url="")

    def make(facts: int, trail: int) -> Json:
        shown = teams.live(bare, mentions, (), facts, trail)
        still = [parts.block(parts.run(STILL, isSubtle=True, size="Small"), spacing="Small")] if url else []
        return _message(shown | {"body": shown["body"] + still} | _answer(url))

    return parts.fitting(make, budget)


def note(note: Note, url: str, mentions: Sequence[Mention]) -> Json:
    """What must ring, as a short card, and the way to the alert."""
    lines = [line for line in clean_lines(note.text, parts.TEXT).splitlines() if line] or [parts.NOTHING]
    calls, entities = parts.rings(mentions)
    body = calls + [parts.block(parts.run(line), spacing="Small") for line in lines]
    return _message(parts.adaptive(body, [], clean(note.text, parts.FIRST), entities) | _answer(url))


def _message(shown: Json) -> Json:
    return {"type": "message", "attachments": [{"contentType": parts.CARD_TYPE, "content": shown}]}


def _answer(url: str) -> Json:
    return {"actions": [parts.open_url(ANSWER, url)]} if url else {}
