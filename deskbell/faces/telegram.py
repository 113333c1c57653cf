"""How a card, a note and a reply look in Telegram: HTML and an inline keyboard. Pure; data in, JSON-ready parts out.

Telegram makes links of names, commands, tags and addresses wherever they stand. Whatever comes from data is escaped,
and an invisible joiner is put where such a link would begin. The only live mentions are those that `mention` makes.
"""

import html
import re
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any
from urllib.parse import quote

from deskbell.core.card import FIRST_LINE, Button, Card, Note, Reply, Style, Tone, as_text
from deskbell.core.text import clean, clean_lines, cut
from deskbell.faces.shared import ICONS, OPEN_CARD, web_address

Json = dict[str, Any]
Mention = Callable[[str], str]
Rows = list[list[Json]]

# https://core.telegram.org/bots/api#sendmessage: after the entities are read, counted in UTF-16
TEXT = 4096
ROOM = 3900  # what we use of it
# https://core.telegram.org/bots/api#inlinekeyboardbutton
DATA = 64  # bytes
BUTTONS = 100
TOAST = 200  # https://core.telegram.org/bots/api#answercallbackquery

# How much of it a phone shows without scrolling.
FACTS_SHOWN = 8
TRAIL_SHOWN = 3
LABEL = 60
VALUE = 300
LINE = 250
BUTTON = 40
LINK = 1500
MENTIONS = 10
IN_A_ROW = 2

_STYLES = {Style.PRIMARY: "primary", Style.DANGER: "danger"}
OPENS = "|m"  # behind a token: a menu comes first
NOTHING = "\u2013"  # where there is no text: Telegram refuses an empty one
MORE = "\u2026 and more."
BELL = "\U0001f514"


def card(card: Card, mention: Mention | None = None) -> Json:
    """The card as arguments of sendMessage and editMessageText. `mention` rings people: on the first posting only."""
    return _message(card_html(card, mention), keyboard(card))


def card_html(card: Card, mention: Mention | None = None, room: int = ROOM) -> str:
    """A resolved card is small. What is too long loses its story first, and its last facts then."""
    facts = [_fact(*fact) for fact in card.facts[:FACTS_SHOWN]]
    trail = [inert(clean(line, LINE)) for line in card.trail[-TRAIL_SHOWN:] if line]
    rings = " ".join(mention(person) for person in card.mentions[:MENTIONS]) if mention else ""
    while True:
        text = _resolved(card, facts, trail) if card.tone is Tone.RESOLVED else _live(card, facts, trail, rings)
        if units(visible(text)) <= room or not (trail or facts):
            return text
        (trail or facts).pop(0 if trail else -1)


def first_line(card: Card) -> str:
    """What a lock screen shows: state icon, who, what, where, how late."""
    return f"{ICONS[card.tone]} {cut(clean(card.summary or card.title, VALUE), FIRST_LINE - 3) or NOTHING}"


def plain_card(card: Card) -> Json:
    """The card without any markup, for the case that Telegram refuses ours. Its buttons stay."""
    return {"text": _plain(as_text(card)), "reply_markup": {"inline_keyboard": keyboard(card)}}


def keyboard(card: Card) -> Rows:
    """The card's buttons, two in a row and in their order; below them Undo, which this chat shows to all."""
    return button_rows(card.buttons) + ([[_button(card.undo)]] if card.undo else [])


def note(note: Note, mention: Mention, card_url: str = "") -> Json:
    """A message of its own. Those it rings stand first; `card_url` leads to the card it is about."""
    rings = " ".join(mention(person) for person in note.mentions[:MENTIONS])
    text = _lines(clean_lines(note.text, TEXT).splitlines(), ROOM - units(visible(rings)) - 4)
    rows = button_rows(note.buttons)
    if card_url:
        rows.append([{"text": OPEN_CARD, "url": card_url}])
    return _message("\n".join(part for part in (f"{BELL} {rings}" if rings else "", text) if part) or NOTHING, rows)


def plain_note(note: Note) -> Json:
    return {"text": _plain(note.text), "reply_markup": {"inline_keyboard": button_rows(note.buttons)}}


def reply(reply: Reply) -> Json:
    """The answer to a command: lines, or a card, or both."""
    head = [_bold(reply.title)] if reply.title else []
    tail = [f"<i>{inert(clean(reply.footer, LINE * 2))}</i>"] if reply.footer else []
    room = ROOM - sum(units(visible(part)) + 2 for part in (*head, *tail))
    shown = [card_html(reply.card, room=room)] if reply.card is not None else []
    body = _lines(reply.lines, room - sum(units(visible(part)) + 2 for part in shown))
    parts = [*head, *([body] if body else []), *shown, *tail]
    rows = keyboard(reply.card) if reply.card is not None else []
    return _message("\n\n".join(parts) or "Done.", rows + button_rows(reply.buttons))


def toast(text: str) -> str:
    """Words over the chat, for one person alone. They are shown as they are, so that nothing can come alive in them."""
    return cut(clean_lines(text, TOAST * 2), TOAST)


# ---------------------------------------------------------------- the parts of a card


def _live(card: Card, facts: Sequence[str], trail: Sequence[str], rings: str) -> str:
    blocks = [_head(card), "\n".join(facts), _quote(trail), f"{BELL} {rings}" if rings else "", link(card.url)]
    return "\n\n".join(block for block in blocks if block)


def _resolved(card: Card, facts: Sequence[str], trail: Sequence[str]) -> str:
    blocks = [_head(card), " \u00b7 ".join(facts), _quote(trail[-1:]), link(card.url)]
    return "\n".join(block for block in blocks if block)


def _head(card: Card) -> str:
    """What it is, then the state in words and the ref, which a tap copies."""
    icon, _, words = first_line(card).partition(" ")
    about = [
        inert(clean(card.state, LINE)),
        f"<code>{escape(clean(card.ref, LABEL))}</code>" if card.ref.strip() else "",
    ]
    about.append(inert(clean(card.title, LINE)) if card.title != card.summary else "")
    lines = [f"{icon} {_bold(words)}", " \u00b7 ".join(part for part in about if part)]
    if card.warning:
        lines.append(f"\u26a0\ufe0f <i>{inert(clean(card.warning, LINE))}</i>")
    return "\n".join(lines)


def _fact(label: str, value: str) -> str:
    return f"<b>{inert(clean(label, LABEL)) or NOTHING}:</b> {inert(clean(value, VALUE)) or NOTHING}"


def _quote(lines: Sequence[str]) -> str:
    return f"<blockquote>{chr(10).join(lines)}</blockquote>" if any(lines) else ""


def _bold(text: str) -> str:
    return f"<b>{inert(clean(text, LINE)) or NOTHING}</b>"


# ---------------------------------------------------------------- keyboards


def button_rows(buttons: Iterable[Button]) -> Rows:
    made = [_button(button) for button in list(buttons)[:BUTTONS]]
    return [made[at : at + IN_A_ROW] for at in range(0, len(made), IN_A_ROW)]


def _button(button: Button) -> Json:
    asks = OPENS if button.form or button.choices else ""
    out = press(button.label, button.token + asks)
    return out | ({"style": _STYLES[button.style]} if button.style in _STYLES else {})


def press(label: str, data: str) -> Json:
    """A button that sends `data`; never more of it than Telegram takes."""
    return {"text": clean(label, BUTTON) or NOTHING, "callback_data": _bytes(data, DATA) or "-"}


def _bytes(text: str, limit: int) -> str:
    return text.encode("utf-8", "replace")[:limit].decode("utf-8", "ignore")


# ---------------------------------------------------------------- the parts of anything

_JOINER = "\u2060"  # takes no room, breaks no line, and ends whatever Telegram was about to recognise
# Where a link would begin that nobody made: @name, #tag, $TAG, +phone, scheme://, host.name, 10.0.0.1
_LIVE = re.compile(r"[@#$+](?=\w)|:(?=//)|(?<=[\w-])\.(?=[^\W\d_])|(?<=\d)\.(?=\d+\.\d)")
_SLASH = re.compile(r"(?<!\w)/(?=\w)")
_COMMAND = re.compile(r"(?<!\w)/\w+")


@lru_cache(maxsize=2048)  # the same labels and names stand on card after card, and each edit shows most of a card again
def inert(text: str) -> str:
    """Escaped, and broken where Telegram would make a link of it. A command becomes code: it does nothing when it is
    tapped, and can be copied as it is, which our own hints are there for.
    """
    return _COMMAND.sub(r"<code>\g<0></code>", escape(_broken(_LIVE, text)))


def joined(text: str) -> str:
    """The same for text that goes out without markup."""
    return _broken(_SLASH, _broken(_LIVE, text))


def _broken(pattern: re.Pattern[str], text: str) -> str:
    return pattern.sub(lambda match: match[0] + _JOINER, text)


def escape(text: str) -> str:
    """https://core.telegram.org/bots/api#html-style: these, and nothing is markup any more."""
    return html.escape(text, quote=True).replace("&#x27;", "&#39;")


def link(url: str, words: str = "") -> str:
    """A link with its host for all to see, unless we know better words; nothing for what is no web address."""
    parts = web_address(url, LINK)
    if parts is None:
        return ""
    # Percent-encoding takes the signs away with which text could leave the link.
    target = escape(quote(clean(url, LINK), safe="/:?#[]@!$&()*+,;=%~-._"))
    return f'<a href="{target}">{inert(clean(words or str(parts.hostname), LABEL))}</a>'


def person(account: str, name: str) -> str:
    """A mention that rings; without an account the name alone."""
    shown = inert(clean(name, LABEL)) or NOTHING
    return f'<a href="tg://user?id={account}">{shown}</a>' if account.isascii() and account.isdigit() else shown


def units(text: str) -> int:
    """Length as Telegram counts it."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


_TAG = re.compile(r"<[^>]*>")


def visible(text: str) -> str:
    """Our own markup as a reader sees it."""
    return html.unescape(_TAG.sub("", text))


def _lines(lines: Iterable[str], room: int) -> str:
    """As many lines as there is room for; what is too much is left out, and said. An address alone can be tapped."""
    out: list[str] = []
    left = room - len(MORE) - 1
    for raw in lines:
        line = clean_lines(raw, LINE * 8)
        shown = link(line) or inert(line)
        left -= units(visible(shown)) + 1
        if left < 0:
            return "\n".join([*out, MORE] if room > len(MORE) else out)
        if shown:
            out.append(shown)
    return "\n".join(out)


def _plain(text: str) -> str:
    words = joined(clean_lines(text, TEXT // 4)) or NOTHING
    return words if units(words) <= TEXT else cut(words, TEXT // 2)


def _message(text: str, rows: Rows) -> Json:
    return {"text": text, "parse_mode": "HTML", "reply_markup": {"inline_keyboard": rows}}


def unmarked(shown: Json) -> Json:
    """The same without markup, for the case that Telegram refuses ours."""
    return {"text": joined(visible(shown["text"])) or NOTHING, "reply_markup": shown["reply_markup"]}
