"""What the cards and messages of Teams are made of. Pure; data in, JSON-ready parts out.

Whatever comes from data is the text of a TextRun, in which nothing is live: no markdown, no link, no mention. Markdown
and <at> are read in a TextBlock alone, and those hold our own words and the mentions that `called` makes.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import orjson

from deskbell.core.text import clean, cut
from deskbell.faces.shared import web_address

Json = dict[str, Any]

# https://learn.microsoft.com/microsoftteams/platform/task-modules-and-cards/cards/cards-reference
VERSION = "1.5"
CARD_TYPE = "application/vnd.microsoft.card.adaptive"
PRIMARY = 6  # more actions in a row than that are dropped
ROW = 3  # a row of more is squeezed until nobody can read it

# How much of it a phone shows without scrolling.
FACTS_SHOWN = 8
TRAIL_SHOWN = 3
LABEL = 60
LINK = 1500
FIRST = 300
TITLE = 75
TEXT = 3000
MENTIONS = 20

PREFIX = "desk."  # of the verbs of our actions
NOTHING = "\u2013"  # where there is no text


# ---------------------------------------------------------------- messages


@dataclass(frozen=True, slots=True)
class Mention:
    """Somebody who is to be rung: `account` is the Entra object id; without one the name is only text."""

    name: str
    account: str = ""


def message(shown: Json, summary: str) -> Json:
    """One card as a message. No text beside it: Teams would make two messages of that, and give the id of neither."""
    return {
        "type": "message",
        "summary": cut(summary, FIRST * 2),
        "attachments": [{"contentType": CARD_TYPE, "content": shown}],
    }


def text_message(text: str, mentions: Sequence[Mention] = ()) -> Json:
    """Text in which nothing is live but the mentions: plain without any, else the little XML that Teams reads.

    https://learn.microsoft.com/microsoftteams/platform/bots/how-to/format-your-bot-messages
    """
    text = cut(text, TEXT) or NOTHING
    summary = cut(clean(text, FIRST), FIRST) or NOTHING
    if not mentions:
        return {"type": "message", "summary": summary, "text": inert(text), "textFormat": "plain"}
    words, entities = called(mentions)
    body = escape(inert(text)).replace("\n", "<br/>")
    return {
        "type": "message",
        "summary": summary,
        "text": f"{words} {body}",
        "textFormat": "xml",
        "entities": entities,
    }


def ringing(message: Json) -> Json:
    """The same, to be told in the activity feed.

    https://learn.microsoft.com/microsoftteams/platform/bots/how-to/conversations/notification-only-bot
    """
    return message | {"channelData": {"notification": {"alert": True}}}


def fitting(make: Callable[[int, int], Json], budget: int) -> Json:
    """What is made with all facts and the whole story, or with as much of them as fits."""
    out = make(FACTS_SHOWN, TRAIL_SHOWN)
    for facts, trail in ((FACTS_SHOWN, 1), (FACTS_SHOWN, 0), (4, 0), (2, 0), (0, 0)):
        if size(out) <= budget:
            break
        out = make(facts, trail)
    return out


def within(message: Json, budget: int, text: str) -> Json:
    """The message, or its text alone where it is too large."""
    return message if size(message) <= budget else text_message(text)


def size(shown: Json) -> int:
    """In UTF-16, as Microsoft counts by one of its pages: the larger figure for all that people write."""
    return len(orjson.dumps(shown).decode().encode("utf-16-le"))


# ---------------------------------------------------------------- cards


def adaptive(body: list[Json], ways: list[Json], fallback: str, entities: Sequence[Json] = ()) -> Json:
    out: Json = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": VERSION,
        "fallbackText": inert(cut(fallback, FIRST)) or NOTHING,
        "body": body,
    }
    return with_actions(out, ways) | ({"msteams": {"entities": list(entities)}} if entities else {})


def with_actions(shown: Json, ways: Sequence[Json]) -> Json:
    """The card with these buttons below it, in rows that are short enough for a phone to show every word of them."""
    rows = [list(ways[at : at + ROW]) for at in range(0, len(ways), ROW)]
    above = [{"type": "ActionSet", "actions": row, "spacing": "Medium"} for row in rows[:-1]]
    return shown | {"body": [*shown["body"], *above]} | ({"actions": rows[-1]} if rows else {})


def block(*runs: Json, spacing: str = "Default") -> Json:
    return {"type": "RichTextBlock", "inlines": list(runs), "spacing": spacing}


def run(text: str, **look: Any) -> Json:
    """Text in which nothing is live. https://adaptivecards.io/explorer/TextRun.html: markdown is not read."""
    return {"type": "TextRun", "text": inert(text) or NOTHING, **look}


def words(text: str, **look: Any) -> Json:
    """Our own words, for which the client may choose the line breaks."""
    return {"type": "TextBlock", "text": text, "wrap": True, **look}


_CALCULATED = re.compile(r"\{(?=\{)")


def inert(text: str) -> str:
    """Without what a client would calculate, `{{DATE(...)}}`.

    https://learn.microsoft.com/adaptive-cards/authoring-cards/text-features#datetime-formatting-and-localization
    """
    return _CALCULATED.sub("{ ", text).encode("utf-8", "replace").decode()


def escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


# ---------------------------------------------------------------- mentions


def rings(mentions: Sequence[Mention]) -> tuple[list[Json], list[Json]]:
    """A line that rings people, and the entities that make it do so."""
    if not mentions:
        return [], []
    said, entities = called(mentions)
    return [words(said, spacing="Medium")], entities


def called(mentions: Sequence[Mention]) -> tuple[str, list[Json]]:
    """https://learn.microsoft.com/microsoftteams/platform/task-modules-and-cards/cards/cards-format#mention-support"""
    said, entities = [], []
    for one in mentions[:MENTIONS]:
        name = bare(one.name)
        said.append(f"<at>{name}</at>" if one.account else name)
        if one.account:
            mentioned = {"id": one.account, "name": name}
            entities.append({"type": "mention", "text": f"<at>{name}</at>", "mentioned": mentioned})
    return " ".join(said), entities


_MARKS = str.maketrans(dict.fromkeys("<>&[]()*_~`#\\|\n{}", " "))


def bare(name: str) -> str:
    """A name without any sign that could be markup."""
    return clean(clean(name, LABEL).translate(_MARKS), LABEL) or "colleague"


# ---------------------------------------------------------------- actions and inputs


def title_of(text: str) -> str:
    """What stands on a button or in a menu."""
    return inert(cut(clean(text, TITLE), TITLE))


def execute(verb: str, title: str, data: Json, style: str = "", *, inputs: bool = True) -> Json:
    """Action.Execute, and Action.Submit with the same data for clients that don't know it."""
    look: Json = {"title": title_of(title) or verb}
    look |= {"style": style} if style else {}
    look |= {} if inputs else {"associatedInputs": "none"}
    carried = {"desk": verb, **data}
    fallback = {"type": "Action.Submit", **look, "data": carried}
    return {"type": "Action.Execute", "verb": f"{PREFIX}{verb}", **look, "data": carried, "fallback": fallback}


def show_card(title: str, body: list[Json], ways: list[Json], style: str = "") -> Json:
    """A button below which a card opens, without anybody asking us."""
    out: Json = {
        "type": "Action.ShowCard",
        "title": title_of(title) or NOTHING,
        "card": {"type": "AdaptiveCard", "version": VERSION, "body": body, "actions": ways},
    }
    return out | ({"style": style} if style else {})


def open_url(title: str, url: str) -> Json:
    return {"type": "Action.OpenUrl", "title": title_of(title), "url": url}


def choice_set(name: str, label: str, choices: Sequence[tuple[str, str]], placeholder: str = "Choose") -> Json:
    return {
        "type": "Input.ChoiceSet",
        "id": name,
        "label": title_of(label),
        "placeholder": placeholder,
        "style": "compact",
        "choices": [{"title": title_of(said) or NOTHING, "value": value} for value, said in choices],
    }


def text_input(name: str, label: str, *, most: int = 2000, lines: bool = True) -> Json:
    return {"type": "Input.Text", "id": name, "label": label, "isMultiline": lines, "maxLength": most}


def address(url: str) -> str:
    """A web address that may be opened; nothing for what is none."""
    parts = web_address(url, LINK)
    if parts is None or parts.username:
        return ""
    return quote(clean(url, LINK), safe="/:?#[]@!$&'()*+,;=%~-._").replace("{{", "%7B%7B")
