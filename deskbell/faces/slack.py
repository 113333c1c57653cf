"""How a card, a note and a reply look in Slack: Block Kit. Pure; data in, JSON-ready blocks out.

Whatever comes from data is shown as plain text wherever Slack has a place for that, and escaped elsewhere, so that no
mention, link or formatting can come from it. The only live mentions are those that `mention` makes.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any
from urllib.parse import quote

from deskbell.core.card import Button, Card, Note, Reply, Style, Tone, as_text
from deskbell.core.text import clean, clean_lines, cut
from deskbell.faces.shared import ICONS, OPEN_CARD, web_address

Json = dict[str, Any]
Mention = Callable[[str], str]

# https://docs.slack.dev/reference/block-kit/blocks and .../block-elements, .../composition-objects
BLOCKS = 50
HEADER = 150
SECTION_TEXT = 3000
CONTEXT_ELEMENTS = 10
ACTIONS = 25
BUTTON_TEXT = 75
BUTTON_VALUE = 2000
OPTIONS = 100
OPTION_TEXT = 75
OPTION_VALUE = 150
PLACEHOLDER = 150
ACTION_ID = 255
# https://docs.slack.dev/reference/methods/chat.update: refused when longer, though a post may be ten times as long
TEXT = 4000

# How much of it a phone shows without scrolling.
FACTS_SHOWN = 8
TRAIL_SHOWN = 3
LABEL = 60
VALUE = 300
LINE = 250
LINK = 1500
FIRST = 600
MENTIONS = 50
REPLY_SECTIONS = 8

_STYLES = {Style.PRIMARY: "primary", Style.DANGER: "danger"}

ACTION_PREFIX = "desk."
NOTHING = "\u2013"  # where there is no text: Slack refuses an empty one
CHOICE_SEPARATOR = "|"  # between the token and what was chosen; base 64 has none


def card(card: Card, mention: Mention) -> Json:
    """The card as the arguments of chat.postMessage and chat.update. A resolved one is small."""
    blocks = _resolved(card) if card.tone is Tone.RESOLVED else _live(card, mention)
    return {"text": first_line(card), "blocks": blocks[:BLOCKS]}


def first_line(card: Card) -> str:
    """What a lock screen shows: state icon, who, what, where, how late; then the ref and the state in words."""
    line = f"{ICONS[card.tone]} {clean(card.summary or card.title, 300)} \u00b7 {_ref_and_state(card)}"
    return escaped(line, FIRST)


def plain_card(card: Card) -> Json:
    """The card without any block, for the case that Slack refuses ours. An empty list takes the old blocks away."""
    return {"text": escaped(clean_lines(as_text(card), TEXT), TEXT), "blocks": []}


def note(note: Note, mention: Mention, card_url: str = "") -> Json:
    """A line of a thread or a direct message. Those it rings stand first; `card_url` leads to the card it is about."""
    rings = " ".join(mention(person) for person in note.mentions[:MENTIONS])
    text = clean_lines(note.text, SECTION_TEXT)
    blocks = [_mrkdwn_section(rings)] if rings else []
    blocks.append({"type": "section", "text": plain(text, SECTION_TEXT)})
    blocks += _actions(note.buttons)
    if target := link(card_url, OPEN_CARD):
        blocks.append(_mrkdwn_section(target))
    return {"text": f"{rings} {escaped(text, FIRST)}".strip() or NOTHING, "blocks": blocks}


def reply(reply: Reply) -> Json:
    """The answer to a command: lines, or a card, or both."""
    blocks = [_bold(reply.title)] if reply.title else []
    blocks += [_said(part) for part in _parts(reply.lines)]
    if reply.card is not None:
        blocks += card(reply.card, escape)["blocks"]
    blocks += _actions(reply.buttons)
    if reply.footer:
        blocks.append(_context(plain(clean(reply.footer, LINE * 2), LINE * 2)))
    said = " ".join(part for part in (reply.title, *reply.lines[:5]) if part)
    text = escaped(clean(said, FIRST), FIRST) or (first_line(reply.card) if reply.card else "Done.")
    return {"text": text, "blocks": blocks[:BLOCKS] or [{"type": "section", "text": plain("Done.", SECTION_TEXT)}]}


def whisper(text: str) -> Json:
    """One sentence for one person."""
    return reply(Reply(lines=(text,)))


# ---------------------------------------------------------------- the parts of a card


def _live(card: Card, mention: Mention) -> list[Json]:
    blocks: list[Json] = [
        {"type": "header", "text": plain(f"{ICONS[card.tone]} {clean(card.state, HEADER)}", HEADER)},
        {"type": "section", "text": plain(clean(card.summary or card.title, VALUE), SECTION_TEXT)},
    ]
    if card.warning:
        blocks.append(_context(plain(f"\u26a0 {clean(card.warning, LINE)}", SECTION_TEXT)))
    if card.facts:
        blocks.append({"type": "section", "fields": [_field(*fact) for fact in card.facts[:FACTS_SHOWN]]})
    if card.mentions:
        blocks.append(_mrkdwn_section(" ".join(mention(person) for person in card.mentions[:MENTIONS])))
    blocks += _story(card, TRAIL_SHOWN)
    return blocks + _actions(card.buttons) + [_foot(card)]


def _resolved(card: Card) -> list[Json]:
    lines = [f"{ICONS[card.tone]} {clean(card.state, HEADER)}", clean(card.summary or card.title, VALUE)]
    blocks: list[Json] = [{"type": "section", "text": plain("\n".join(lines), SECTION_TEXT)}]
    facts = [f"{clean(label, LABEL)}: {clean(value, VALUE)}" for label, value in card.facts[:FACTS_SHOWN]]
    blocks += [_context(plain(" \u00b7 ".join(facts), SECTION_TEXT))] if facts else []
    blocks += _story(card, 1)
    return blocks + _actions(card.buttons) + [_foot(card)]


def _story(card: Card, count: int) -> list[Json]:
    lines = [clean(line, LINE) for line in card.trail[-count:]]
    return [_context(plain("\n".join(lines), SECTION_TEXT))] if any(lines) else []


def _foot(card: Card) -> Json:
    """What it is and where it came from, small, at the end: the ref that people type, and the link."""
    about = plain(cut(f"{clean(card.ref, LABEL)} \u00b7 {clean(card.title, LINE)}", LINE), SECTION_TEXT)
    target = link(card.url)
    return _context(about, _mrkdwn(target)) if target else _context(about)


def _field(label: str, value: str) -> Json:
    return _mrkdwn(f"*{inert(clean(label, LABEL))}*\n" + (inert(clean(value, VALUE)) or NOTHING))


def _actions(buttons: Iterable[Button]) -> list[Json]:
    elements: list[Json] = []
    taken: set[str] = set()
    for button in buttons:
        name = _action_id(button.verb, taken)
        elements.append(_menu(button, name) if button.choices else _button(button, name))
    return [{"type": "actions", "elements": elements[:ACTIONS]}] if elements else []


def _action_id(verb: str, taken: set[str]) -> str:
    """`desk.ack`; `desk.ack.2` for a second of its kind, because a message may not hold one twice."""
    name = base = f"{ACTION_PREFIX}{verb}"[: ACTION_ID - 4]
    while name in taken:
        name = f"{base}.{len(taken) + 1}"
    taken.add(name)
    return name


def verb_of(action_id: str) -> str:
    """The verb that an action id of ours stands for."""
    return action_id.removeprefix(ACTION_PREFIX).split(".")[0]


def _button(button: Button, name: str) -> Json:
    out = {
        "type": "button",
        "action_id": name,
        "text": plain(clean(button.label, BUTTON_TEXT), BUTTON_TEXT),
        "value": button.token[:BUTTON_VALUE],
    }
    return out | ({"style": _STYLES[button.style]} if button.style in _STYLES else {})


def _menu(button: Button, name: str) -> Json:
    options = [option(f"{button.token}{CHOICE_SEPARATOR}{value}", words) for value, words in button.choices[:OPTIONS]]
    placeholder = plain(clean(button.label, PLACEHOLDER), PLACEHOLDER)
    return {"type": "static_select", "action_id": name, "placeholder": placeholder, "options": options}


# ---------------------------------------------------------------- the parts of anything


def plain(text: str, limit: int) -> Json:
    """Text in which nothing is live: no mention, no link, no formatting, no :emoji:."""
    return {"type": "plain_text", "text": cut(text, limit) or NOTHING, "emoji": False}


def option(value: str, words: str, note: str = "") -> Json:
    out: Json = {"text": plain(clean(words, OPTION_TEXT), OPTION_TEXT), "value": value[:OPTION_VALUE]}
    return out | ({"description": plain(clean(note, OPTION_TEXT), OPTION_TEXT)} if note else {})


def escape(text: str) -> str:
    """https://docs.slack.dev/messaging/formatting-message-text#escaping: these three, and nothing is live any more."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def escaped(text: str, limit: int) -> str:
    """The same, at most `limit` long and never cut inside an entity."""
    out = escape(text)
    return out if len(out) <= limit else escape(cut(text, limit // 5))


# Formatting where it could begin or end: at the edge of a word. Inside one (J_4711) it is text to Slack, too.
_FORMATTING = re.compile(r"(?<!\w)[*_~]|[*_~](?!\w)|`")
_ALIKE = {"*": "\u2217", "_": "\u02cd", "~": "\u223c", "`": "\u02cb"}
_EMOJI = re.compile(r":(?=[a-z+_-][\w+-]*:)")


@lru_cache(maxsize=2048)  # the same labels and names stand on card after card, and each edit shows most of a card again
def inert(text: str) -> str:
    """Escaped, and with look-alikes for the signs that would make text bold, struck out, code or an emoji."""
    return escape(_EMOJI.sub("\ua789", _FORMATTING.sub(lambda match: _ALIKE[match[0]], text)))


def link(url: str, words: str = "") -> str:
    """A link with its host for all to see, unless we know better words; nothing for what is no web address."""
    parts = web_address(url, LINK)
    if parts is None:
        return ""
    # Percent-encoding takes the signs away with which text could leave the link.
    target = escape(quote(clean(url, LINK), safe="/:?#[]@!$&'()*+,;=%~-._"))
    text = f"<{target}|{inert(clean(words or str(parts.hostname), LABEL))}>"
    return text if len(text) <= SECTION_TEXT else ""


def _mrkdwn(text: str) -> Json:
    """`verbatim` keeps Slack from making links and mentions of bare words."""
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def _mrkdwn_section(text: str) -> Json:
    return {"type": "section", "text": _mrkdwn(text)}


def _bold(text: str) -> Json:
    return _mrkdwn_section(f"*{inert(clean(text, HEADER))}*")


def _context(*elements: Json) -> Json:
    return {"type": "context", "elements": list(elements)[:CONTEXT_ELEMENTS]}


def _ref_and_state(card: Card) -> str:
    return f"{clean(card.ref, LABEL)}, {clean(card.state, HEADER)}"


def _parts(lines: Sequence[str]) -> list[str]:
    """The lines in as few sections as hold them, none broken in the middle; what is too much is left out, and said."""
    parts: list[str] = []
    for line in (clean_lines(line, SECTION_TEXT - 1) for line in lines if line):
        if parts and not link(line) and not link(parts[-1]) and len(parts[-1]) + len(line) < SECTION_TEXT:
            parts[-1] += f"\n{line}"
        else:
            parts.append(line)
    return parts if len(parts) <= REPLY_SECTIONS else [*parts[:REPLY_SECTIONS], "\u2026 and more."]


def _said(part: str) -> Json:
    """A line that is nothing but an address can be tapped; all else is text."""
    target = link(part)
    return _mrkdwn_section(target) if target else {"type": "section", "text": plain(part, SECTION_TEXT)}
