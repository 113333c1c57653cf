"""How a card, a note and a reply look in Microsoft Teams: Adaptive Cards 1.5. Pure; data in, JSON-ready parts out."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from urllib.parse import urlsplit

from deskbell.core.card import Button, Card, Note, Reply, Style, Tone, as_text
from deskbell.core.text import clean, clean_lines, cut
from deskbell.faces.shared import ICONS, OPEN_CARD, OWN_WORDS, REASONS, WHY_OVER
from deskbell.faces.teams_parts import (
    FACTS_SHOWN,
    FIRST,
    LABEL,
    NOTHING,
    PREFIX,
    TEXT,
    TITLE,
    TRAIL_SHOWN,
    Json,
    Mention,
    adaptive,
    address,
    block,
    choice_set,
    execute,
    fitting,
    message,
    open_url,
    rings,
    run,
    show_card,
    size,
    text_input,
    text_message,
    within,
)

VALUE = 300
LINE = 250
REPLY_LINES = 60
ANSWER = 1000  # of one line of an answer
MENU = 20
BUTTON_CHOICES = 6  # a menu of so few is a row of buttons: one tap less than choosing and sending
# https://learn.microsoft.com/microsoftteams/platform/task-modules-and-cards/cards/universal-actions-for-adaptive-cards
REFRESHED = 60  # people whose clients ask for a view of their own

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

REFRESH = "refresh"  # asks for the card as it is now, changes nothing


def card(card: Card, mentions: Sequence[Mention] = (), viewers: Sequence[str] = (), budget: int = 28_000) -> Json:
    """The card as a room sees it, as a message. The clients of `viewers` (29:...) ask us for a view of their own.

    What does not fit into the budget is left out from the end: the story first, then facts.
    """
    out = fitting(lambda facts, trail: message(live(card, mentions, viewers, facts, trail), first_line(card)), budget)
    return out if size(out) <= budget else plain_card(card)


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
    ringing, entities = rings(mentions)
    body = _body(card, facts, trail, said, ringing)
    buttons = _offered(card)
    out = adaptive(body, actions(buttons), first_line(card), entities)
    if viewers and buttons:
        out["refresh"] = {"action": _refresh(buttons[0].token), "userIds": list(viewers)[:REFRESHED]}
    return out


def personal(card: Card, said: str = "", budget: int = 28_000, viewers: Sequence[str] = ()) -> Json:
    """The card as one person sees it, with what that person was told and may take back."""
    own = replace(card, undo=replace(card.undo, label="Undo") if card.undo else None)
    said = clean(said, ANSWER)
    out = fitting(lambda facts, trail: live(own, (), viewers, facts, trail, said=said), budget)
    if size(out) <= budget:
        return out
    few = replace(own, buttons=tuple(one for one in own.buttons if not one.choices))
    return live(few, (), viewers, 0, 0, said=said)


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
    ringing, entities = rings(mentions)
    ways = actions(note.buttons) + _open_card(card_url)
    body = [*ringing, *(block(run(line)) for line in text.splitlines() or [NOTHING])]
    shown = adaptive(body, ways, cut(clean(text, FIRST), FIRST), entities)
    return within(message(shown, cut(clean(text, FIRST), FIRST) or NOTHING), budget, text)


def reply(reply: Reply, budget: int = 28_000) -> Json:
    """The answer to a command as a message: lines, or a card, or both."""
    out = fitting(lambda facts, trail: message(reply_card(reply, facts, trail), _gist(reply)), budget)
    return within(out, budget, clean_lines("\n".join((reply.title, *reply.lines)), TEXT))


def reply_card(reply: Reply, facts: int = FACTS_SHOWN, trail: int = TRAIL_SHOWN) -> Json:
    """The same as a card alone; the facts and the story are those of a card inside it."""
    body = [block(run(clean(reply.title, TITLE * 2), weight="Bolder", size="Medium"))] if reply.title else []
    kept = reply.lines[: REPLY_LINES if facts == FACTS_SHOWN else facts * 3]
    body += [part for line in kept if line for part in _lines(line)]
    if len(kept) < len(reply.lines):
        body.append(block(run("\u2026 and more.", isSubtle=True)))
    ways = actions(reply.buttons)
    if reply.card is not None:
        body += _body(reply.card, facts, trail)
        ways = actions((*_offered(reply.card), *reply.buttons))
    if reply.footer:
        body.append(block(run(clean(reply.footer, LINE * 2), isSubtle=True, size="Small")))
    return adaptive(body or [block(run("Done."))], ways, _gist(reply))


def _gist(reply: Reply) -> str:
    said = clean(" ".join((reply.title, *reply.lines[:3])), FIRST)
    return said or (first_line(reply.card) if reply.card else "Done.")


# ---------------------------------------------------------------- the parts of a card


def _body(card: Card, facts: int, trail: int, said: str = "", ringing: Sequence[Json] = ()) -> list[Json]:
    body = [_head(card)]
    body += [block(run(said), spacing="Medium")] if said else []
    if card.warning:
        body.append(block(run(f"\u26a0 {clean(card.warning, LINE)}", weight="Bolder", color="Warning")))
    body += [_fact(*fact, first=not index) for index, fact in enumerate(card.facts[:facts])]
    body += ringing
    body += _story(card, min(trail, 1) if card.tone is Tone.RESOLVED else trail)
    return [*body, _foot(card)]


def _offered(card: Card) -> list[Button]:
    """Undo says whose it is, and stands on everybody's card: a client asks for its person's own view once a minute at
    most, so that after two edits in a row there would be no Undo for anybody.
    """
    return [*card.buttons, card.undo] if card.undo else list(card.buttons)


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


def _foot(card: Card) -> Json:
    """What it is and where it came from, small, at the end: the ref that people type, and the way to its source."""
    about = cut(f"{clean(card.ref, LABEL)} \u00b7 {clean(card.title, LINE)}", LINE)
    target = address(card.url)
    if not target:
        return block(run(about, isSubtle=True, size="Small"), spacing="Medium")
    host = cut(urlsplit(target).hostname or "", LABEL)
    link = run(host, color="Accent", size="Small", selectAction=open_url(f"Open {host}", target))
    return block(run(f"{about} \u00b7 ", isSubtle=True, size="Small"), link, spacing="Medium")


def _lines(text: str) -> list[Json]:
    return [block(run(line), spacing="Small") for line in clean_lines(text, ANSWER).splitlines() if line]


# ---------------------------------------------------------------- actions


def actions(buttons: Iterable[Button]) -> list[Json]:
    return [action(button, index) for index, button in enumerate(buttons)]


def action(button: Button, index: int = 0) -> Json:
    if button.choices:
        return _menu(button, index)
    if button.form and button.verb in TEXT_FORMS:
        return _text_form(button, index)
    return execute(button.verb, button.label, {"token": button.token}, _STYLES.get(button.style, ""))


def _refresh(token: str) -> Json:
    return {"type": "Action.Execute", "verb": f"{PREFIX}{REFRESH}", "data": {"desk": REFRESH, "token": token}}


def _menu(button: Button, index: int) -> Json:
    """Opens below the card without asking us."""
    verb, data, style = button.verb, {"token": button.token}, _STYLES.get(button.style, "")
    if len(button.choices) <= BUTTON_CHOICES:
        ways = [execute(verb, label, {**data, "choice": value}) for value, label in button.choices]
        return show_card(button.label, [], ways, style)
    name = f"choice.{index}"
    menu = choice_set(name, button.label, button.choices[:MENU])
    return show_card(button.label, [menu], [execute(verb, button.label, {**data, "input": name})], style)


# The verbs whose button opens a form on the card itself, and what it asks: (label of the text, quick choices).
TEXT_FORMS: dict[str, tuple[str, tuple[str, ...]]] = {
    "resolve": (OWN_WORDS, REASONS),
    "note": ("Note", ()),
}


def _text_form(button: Button, index: int) -> Json:
    label, quick = TEXT_FORMS[button.verb]
    body: list[Json] = []
    if quick:
        body.append(choice_set(f"quick.{index}", WHY_OVER, [(one, one) for one in quick]))
    body.append(text_input(f"text.{index}", label))
    data = {"token": button.token, "quick": f"quick.{index}", "text": f"text.{index}"}
    title = button.label.rstrip("\u2026")
    send = execute(button.verb, title, data, "positive")
    return show_card(button.label, body, [send], _STYLES.get(button.style, ""))


def _open_card(url: str) -> list[Json]:
    return [open_url(OPEN_CARD, url)] if url else []
