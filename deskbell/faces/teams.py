"""How a card, a note and a reply look in Microsoft Teams: Adaptive Cards 1.5. Pure; data in, JSON-ready parts out.

Whatever comes from data is the text of a TextRun, in which nothing is live: no markdown, no link, no mention. Markdown
and <at> are read in a TextBlock alone, and those hold our own words and the mentions that `Mention` makes.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote, urlsplit

import orjson

from deskbell.core.card import Button, Card, Note, Reply, Style, Tone, as_text
from deskbell.core.text import clean, clean_lines, cut
from deskbell.faces.shared import ICONS, REASONS

Json = dict[str, Any]

# https://learn.microsoft.com/microsoftteams/platform/task-modules-and-cards/cards/cards-reference
VERSION = "1.5"
CARD_TYPE = "application/vnd.microsoft.card.adaptive"
PRIMARY = 6  # more actions than that are dropped, unless they are secondary
# https://learn.microsoft.com/microsoftteams/platform/task-modules-and-cards/cards/universal-actions-for-adaptive-cards
REFRESHED = 60  # people whose clients ask for a view of their own

# How much of it a phone shows without scrolling.
FACTS_SHOWN = 8
TRAIL_SHOWN = 3
LABEL = 60
VALUE = 300
LINE = 250
LINK = 1500
FIRST = 300
TITLE = 75
TEXT = 3000
MENTIONS = 20
REPLY_LINES = 60
CHOICES = 200
BUTTON_CHOICES = 6  # a menu of so few is a row of buttons: one tap less than choosing and sending

_COLOURS = {
    Tone.CRITICAL: "attention",
    Tone.HIGH: "warning",
    Tone.MEDIUM: "warning",
    Tone.LOW: "accent",
    Tone.ACKED: "accent",
    Tone.SNOOZED: "emphasis",
    Tone.RESOLVED: "good",
}
_STYLES = {Style.PRIMARY: "positive", Style.DANGER: "destructive"}

PREFIX = "desk."  # of the verbs of our actions
REFRESH = "refresh"  # asks for the card as it is now, changes nothing
NOTHING = "\u2013"


@dataclass(frozen=True, slots=True)
class Mention:
    """Somebody who is to be rung: `account` is the Entra object id; without one the name is only text."""

    name: str
    account: str = ""


def card(card: Card, mentions: Sequence[Mention] = (), viewers: Sequence[str] = (), budget: int = 28_000) -> Json:
    """The card as a room sees it, as a message. The clients of `viewers` (29:...) ask us for a view of their own.

    What does not fit into the budget is left out from the end: the story first, then facts.
    """
    return fitting(lambda facts, trail: message(live(card, mentions, viewers, facts, trail), first_line(card)), budget)


def live(
    card: Card,
    mentions: Sequence[Mention] = (),
    viewers: Sequence[str] = (),
    facts: int = FACTS_SHOWN,
    trail: int = TRAIL_SHOWN,
    *,
    said: str = "",
) -> Json:
    """The Adaptive Card itself. `said` is a line for the one person who sees this view."""
    small = card.tone is Tone.RESOLVED
    body = [_head(card)]
    body += [block(run(clean(said, TEXT)), spacing="Medium")] if said else []
    if card.warning:
        body.append(block(run(f"\u26a0 {clean(card.warning, LINE)}", weight="Bolder", color="Warning")))
    body += [_fact(*fact, first=not index) for index, fact in enumerate(card.facts[:facts])]
    ringing, entities = _rings(mentions)
    body += ringing
    body += _story(card, min(trail, 1) if small else trail)
    body.append(block(run(_foot(card), isSubtle=True, size="Small"), spacing="Medium"))
    buttons = [one for one in card.buttons if not small or one.verb in ("reopen", "undo", "reveal")]
    out = adaptive(body, actions(buttons, card.url), first_line(card), entities)
    if viewers and buttons:
        out["refresh"] = {"action": _refresh(buttons[0].token), "userIds": list(viewers)[:REFRESHED]}
    return out


def personal(card: Card, said: str = "", budget: int = 28_000, viewers: Sequence[str] = ()) -> Json:
    """The card as one person sees it, with what that person was told and may take back."""
    undo = (replace(card.undo, label="Undo"),) if card.undo else ()
    own = replace(card, buttons=card.buttons + undo, undo=None)
    return fitting(lambda facts, trail: live(own, (), viewers, facts, trail, said=said), budget)


def first_line(card: Card) -> str:
    """What a lock screen and the activity feed show: state icon, who, what, where, how late; then ref and state."""
    line = clean(card.summary or card.title, FIRST)
    return f"{ICONS[card.tone]} {line} \u00b7 {clean(card.ref, LABEL)}, {clean(card.state, TITLE * 2)}"


def plain_card(card: Card) -> Json:
    """The card as text without anything to press, for the case that Teams refuses ours."""
    return text_message(clean_lines(as_text(card), TEXT))


def note(note: Note, mentions: Sequence[Mention] = (), card_url: str = "", budget: int = 28_000) -> Json:
    """A line of a thread, or a direct message with its buttons; `card_url` leads to the card that it is about."""
    text = clean_lines(note.text, TEXT)
    if not note.direct and not note.buttons:
        return text_message(text, mentions)
    ringing, entities = _rings(mentions)
    ways = actions(note.buttons, "") + _open_card(card_url)
    body = [*ringing, *(block(run(line)) for line in text.splitlines() or [NOTHING])]
    shown = adaptive(body, ways, cut(clean(text, FIRST), FIRST), entities)
    return within(message(shown, cut(clean(text, FIRST), FIRST) or NOTHING), budget, text)


def reply(reply: Reply, budget: int = 28_000) -> Json:
    """The answer to a command as a message: lines, or a card, or both."""
    said = clean(" ".join(part for part in (reply.title, *reply.lines[:3]) if part), FIRST)
    return fitting(lambda facts, trail: message(reply_card(reply, facts, trail), said or "Done."), budget)


def reply_card(reply: Reply, facts: int = FACTS_SHOWN, trail: int = TRAIL_SHOWN) -> Json:
    """The same as a card alone; the facts and the story are those of a card inside it."""
    body = [block(run(clean(reply.title, TITLE * 2), weight="Bolder", size="Medium"))] if reply.title else []
    kept = reply.lines[: REPLY_LINES if facts == FACTS_SHOWN else facts * 3]
    body += [part for line in kept if line for part in _lines(line)]
    if len(kept) < len(reply.lines):
        body.append(block(run("\u2026 and more.", isSubtle=True)))
    ways = actions(reply.buttons, "")
    if reply.card is not None:
        inner = live(reply.card, (), (), facts, trail)
        body += inner["body"]
        ways = actions((*reply.card.buttons, *reply.buttons), reply.card.url)
    if reply.footer:
        body.append(block(run(clean(reply.footer, LINE * 2), isSubtle=True, size="Small")))
    said = clean(" ".join((reply.title, *reply.lines[:3])), FIRST)
    return adaptive(body or [block(run("Done."))], ways, said or "Done.")


# ---------------------------------------------------------------- messages


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
    words, entities = _called(mentions)
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
    return len(orjson.dumps(shown))


# ---------------------------------------------------------------- the parts of a card


def adaptive(body: list[Json], ways: list[Json], fallback: str, entities: Sequence[Json] = ()) -> Json:
    out: Json = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": VERSION,
        "fallbackText": inert(cut(fallback, FIRST)) or NOTHING,
        "body": body,
    }
    if ways:
        out["actions"] = [one | {"mode": "secondary"} if index >= PRIMARY else one for index, one in enumerate(ways)]
    return out | ({"msteams": {"entities": list(entities)}} if entities else {})


def _head(card: Card) -> Json:
    state = run(f"{ICONS[card.tone]} {clean(card.state, TITLE * 2)}", weight="Bolder", size="Medium")
    what = run(clean(card.summary or card.title, VALUE), weight="Default" if card.tone is Tone.RESOLVED else "Bolder")
    return {
        "type": "Container",
        "style": _COLOURS[card.tone],
        "bleed": True,
        "items": [block(state), block(what, spacing="Small")],
    }


def _fact(label: str, value: str, *, first: bool) -> Json:
    name = run(f"{clean(label, LABEL)}: ", isSubtle=True)
    return block(name, run(clean(value, VALUE)), spacing="Medium" if first else "None")


def _story(card: Card, count: int) -> list[Json]:
    lines = [clean(line, LINE) for line in card.trail[-count:]] if count else []
    kept = [line for line in lines if line]
    return [
        block(run(line, isSubtle=True, size="Small"), spacing="None" if index else "Medium")
        for index, line in enumerate(kept)
    ]


def _foot(card: Card) -> str:
    return cut(f"{clean(card.ref, LABEL)} \u00b7 {clean(card.title, LINE)}", LINE)


def block(*runs: Json, spacing: str = "Default") -> Json:
    return {"type": "RichTextBlock", "inlines": list(runs), "spacing": spacing}


def run(text: str, **look: Any) -> Json:
    """Text in which nothing is live. https://adaptivecards.io/explorer/TextRun.html: markdown is not read."""
    return {"type": "TextRun", "text": inert(text) or NOTHING, **look}


def words(text: str, **look: Any) -> Json:
    """Our own words, for which the client may choose the line breaks."""
    return {"type": "TextBlock", "text": text, "wrap": True, **look}


def inert(text: str) -> str:
    """Without what a client would calculate, `{{DATE(...)}}`.

    https://learn.microsoft.com/adaptive-cards/authoring-cards/text-features#datetime-formatting-and-localization
    """
    return text.replace("{{", "{ {").encode("utf-8", "replace").decode()


def escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _lines(text: str) -> list[Json]:
    return [block(run(line), spacing="Small") for line in clean_lines(text, TEXT).splitlines() if line]


# ---------------------------------------------------------------- mentions


def _rings(mentions: Sequence[Mention]) -> tuple[list[Json], list[Json]]:
    """A line that rings people, and the entities that make it do so."""
    if not mentions:
        return [], []
    said, entities = _called(mentions)
    return [words(said, spacing="Medium")], entities


def _called(mentions: Sequence[Mention]) -> tuple[str, list[Json]]:
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


# ---------------------------------------------------------------- actions


def actions(buttons: Iterable[Button], url: str) -> list[Json]:
    """The buttons in their order, and the way to where it came from."""
    return [action(button, index) for index, button in enumerate(buttons)] + _open(url)


def action(button: Button, index: int = 0) -> Json:
    if button.choices:
        return _menu(button, index)
    if button.form and button.verb in TEXT_FORMS:
        return _text_form(button, index)
    return execute(button.verb, button.label, {"token": button.token}, _STYLES.get(button.style, ""))


def execute(verb: str, title: str, data: Json, style: str = "", *, inputs: bool = True) -> Json:
    """Action.Execute, and Action.Submit with the same data for clients that don't know it."""
    look: Json = {"title": cut(clean(title, TITLE), TITLE) or verb}
    look |= {"style": style} if style else {}
    look |= {} if inputs else {"associatedInputs": "none"}
    carried = {"desk": verb, **data}
    fallback = {"type": "Action.Submit", **look, "data": carried}
    return {"type": "Action.Execute", "verb": f"{PREFIX}{verb}", **look, "data": carried, "fallback": fallback}


def _refresh(token: str) -> Json:
    return {"type": "Action.Execute", "verb": f"{PREFIX}{REFRESH}", "data": {"desk": REFRESH, "token": token}}


def _menu(button: Button, index: int) -> Json:
    """Opens below the card without asking us."""
    verb, data = button.verb, {"token": button.token}
    if len(button.choices) <= BUTTON_CHOICES:
        ways = [execute(verb, label, {**data, "choice": value}) for value, label in button.choices]
        return _show(button, [], ways)
    name = f"choice.{index}"
    menu = choice_set(name, button.label, button.choices[:CHOICES])
    return _show(button, [menu], [execute(verb, button.label, {**data, "input": name})])


def _show(button: Button, body: list[Json], ways: list[Json]) -> Json:
    out: Json = {
        "type": "Action.ShowCard",
        "title": cut(clean(button.label, TITLE), TITLE) or button.verb,
        "card": {"type": "AdaptiveCard", "version": VERSION, "body": body, "actions": ways},
    }
    return out | ({"style": _STYLES[button.style]} if button.style in _STYLES else {})


def choice_set(name: str, label: str, choices: Sequence[tuple[str, str]], placeholder: str = "Choose") -> Json:
    return {
        "type": "Input.ChoiceSet",
        "id": name,
        "label": cut(clean(label, TITLE), TITLE),
        "placeholder": placeholder,
        "style": "compact",
        "choices": [{"title": cut(clean(said, TITLE), TITLE) or NOTHING, "value": value} for value, said in choices],
    }


def text_input(name: str, label: str, *, most: int = 2000, lines: bool = True) -> Json:
    return {"type": "Input.Text", "id": name, "label": label, "isMultiline": lines, "maxLength": most}


# The verbs whose button opens a form on the card itself, and what it asks: (label of the text, quick choices).
TEXT_FORMS: dict[str, tuple[str, tuple[str, ...]]] = {
    "resolve": ("In your own words", REASONS),
    "note": ("Note", ()),
}


def _text_form(button: Button, index: int) -> Json:
    label, quick = TEXT_FORMS[button.verb]
    body: list[Json] = []
    if quick:
        body.append(choice_set(f"quick.{index}", "Why is it over?", [(one, one) for one in quick]))
    body.append(text_input(f"text.{index}", label))
    data = {"token": button.token, "quick": f"quick.{index}", "text": f"text.{index}"}
    title = button.label.rstrip("\u2026")
    return _show(button, body, [execute(button.verb, title, data, "positive")])


def _open(url: str) -> list[Json]:
    target = address(url)
    return [{"type": "Action.OpenUrl", "title": cut(f"Open {urlsplit(target).hostname}", TITLE), "url": target}] * bool(
        target
    )


def _open_card(url: str) -> list[Json]:
    return [{"type": "Action.OpenUrl", "title": "Open the card", "url": url}] if url else []


def address(url: str) -> str:
    """A web address that may be opened; nothing for what is none."""
    if len(url) > LINK:
        return ""
    try:
        parts = urlsplit(clean(url, LINK))
        host = parts.hostname
    except ValueError:
        return ""
    if parts.scheme not in ("http", "https") or not host or parts.username:
        return ""
    return quote(clean(url, LINK), safe="/:?#[]@!$&'()*+,;=%~-._").replace("{{", "%7B%7B")
