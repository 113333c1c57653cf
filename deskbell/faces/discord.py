"""How a card, a note and a reply look in Discord: a first line for the lock screen, and one embed. Pure.

The line and its mentions are the message's content, for that is what a phone shows and what rings; everything else
stands in the embed, one fact a line, because side-by-side fields fall apart on a phone. What may ring is named in
`allowed_mentions`, and nothing else ever does, whatever stands in the text.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from deskbell.core.card import Button, Card, Note, Reply, Style, Tone, as_text
from deskbell.core.text import clean, clean_lines, cut
from deskbell.faces.discord_text import NOTHING, fit, inert, line, link, plain, size
from deskbell.faces.shared import ICONS, OPEN_CARD

Json = dict[str, Any]
Account = Callable[[str], str]  # a person's account here, "" where it is not known
NameOf = Callable[[str], str]

# https://docs.discord.com/developers/resources/message#create-message and #embed-object-embed-limits
CONTENT = 2000
TITLE = 256
DESCRIPTION = 4096
EMBEDS_TOTAL = 6000
# https://docs.discord.com/developers/components/reference
ROWS = 5
IN_ROW = 5
LABEL = 80
CUSTOM_ID = 100

EPHEMERAL = 1 << 6
SILENT = 1 << 12  # no notification, whatever a member has set

# How much of it a phone shows without scrolling.
FACTS_SHOWN = 8
TRAIL_SHOWN = 3
FACT = 45
VALUE = 230
LINE = 250
FIRST = 400
FOOT = 250
TEXT = 3500
WITH_CARD = 1000  # of a long answer above a card, so that both stay below EMBEDS_TOTAL
MENTIONS = 25

COLOURS = {
    Tone.CRITICAL: 0xED4245,
    Tone.HIGH: 0xF0883E,
    Tone.MEDIUM: 0xF1C40F,
    Tone.LOW: 0x3498DB,
    Tone.ACKED: 0x5865F2,
    Tone.SNOOZED: 0x95A5A6,
    Tone.RESOLVED: 0x57F287,
}
_STYLES = {Style.PLAIN: 2, Style.PRIMARY: 1, Style.DANGER: 4}
_ACTION_ROW, _BUTTON = 1, 2

PREFIX = "desk:"  # a custom_id is this, the token, and where a menu needs it, what follows
NOBODY: Json = {"parse": []}


def card(card: Card, account: Account, name: NameOf, *, role: str = "", rings: bool = False) -> Json:
    """The card as the body of a message. `rings`: its first post, which may notify whom it mentions, and the role."""
    people, mentioned = _mentions(card.mentions, account, name)
    roles = (role,) if role and card.tone is Tone.CRITICAL and card.mentions else ()
    called = " ".join((*(f"<@&{one}>" for one in roles), *people))
    allowed = {"parse": [], "users": mentioned, "roles": list(roles)} if rings else NOBODY
    return {
        "content": f"{first_line(card)}\n{called}".strip(),
        "embeds": [_resolved(card) if card.tone is Tone.RESOLVED else _live(card)],
        "components": rows(card.buttons),
        "allowed_mentions": allowed,
    }


def first_line(card: Card) -> str:
    """What a lock screen shows: state icon, who, what, where, how late; then the ref and the state in words."""
    summary = line(card.summary or card.title, FIRST)
    return f"{ICONS[card.tone]} {summary} \u00b7 {line(card.ref, FACT)}, {line(card.state, LINE)}"


def plain_card(card: Card) -> Json:
    """The card without an embed, for the case that Discord refuses ours. Empty lists take the old ones away."""
    text = fit(clean_lines(as_text(card), CONTENT), CONTENT - 100)
    return {"content": text or NOTHING, "embeds": [], "components": [], "allowed_mentions": NOBODY}


def private_card(shown: Card) -> Json:
    """A card for one person alone, in answer to a command: nobody is called."""
    return card(shown, lambda _: "", lambda person: person)


def note(note: Note, account: Account, name: NameOf, *, role: str = "", card_url: str = "") -> Json:
    """A line of a thread, a ring in the room, or a direct message. The words first: a lock screen shows them."""
    people, mentioned = _mentions(note.mentions, account, name)
    roles = (role,) if role and note.broadcast and note.mentions else ()
    called = " ".join((*(f"<@&{one}>" for one in roles), *people))
    way = link(card_url, OPEN_CARD)
    text = fit(clean_lines(note.text, CONTENT), CONTENT - size(called) - size(way) - 10)
    return {
        "content": "\n".join(part for part in (text or NOTHING, called, way) if part),
        "components": rows(note.buttons),
        "allowed_mentions": {"parse": [], "users": mentioned, "roles": list(roles), "replied_user": False},
    }


def reply(reply: Reply, *extra: Json) -> Json:
    """The answer to a command or a tap. `extra`: buttons that no alert has, like Connect."""
    shown: Json = private_card(reply.card) if reply.card else {"content": "", "embeds": [], "components": []}
    title = f"**{line(reply.title, TITLE - 10)}**" if reply.title else ""
    lines = [_said(one) for one in reply.lines if one]
    short = "\n".join(part for part in (title, *lines) if part)
    foot = plain(clean(reply.footer, FOOT), FOOT) if reply.footer else ""
    if size(short) + size(foot) <= CONTENT // 2:
        small = f"-# {inert(foot)}" if foot else ""
        content = "\n".join(part for part in (short, small, shown["content"]) if part)
        embeds = shown["embeds"]
    else:
        content, embeds = title, [_long(lines, foot, WITH_CARD if reply.card else TEXT), *shown["embeds"]]
    body = {"content": content or ("" if embeds else "Done."), "embeds": embeds, "flags": EPHEMERAL}
    return body | {
        "components": [*shown["components"], *rows(reply.buttons, *extra)][:ROWS],
        "allowed_mentions": NOBODY,
    }


def whisper(text: str) -> Json:
    """One sentence for one person."""
    return reply(Reply(lines=(text,)))


# ---------------------------------------------------------------- the parts of a card


def _live(card: Card) -> Json:
    facts = [f"**{line(label, FACT)}** {line(value, VALUE) or NOTHING}" for label, value in card.facts[:FACTS_SHOWN]]
    warning = [f"\u26a0 {line(card.warning, LINE)}"] if card.warning else []
    return _embed(card, "\n".join([*warning, *facts, *_story(card, TRAIL_SHOWN), *_source(card)]))


def _resolved(card: Card) -> Json:
    """Small, because it is over: the facts in one line of small print."""
    facts = " \u00b7 ".join(f"{line(label, FACT)}: {line(value, 80)}" for label, value in card.facts[:FACTS_SHOWN])
    return _embed(card, "\n".join([*([f"-# {facts}"] if facts else []), *_story(card, 1), *_source(card)]))


def _embed(card: Card, description: str) -> Json:
    about = cut(f"{clean(card.ref, FACT)} \u00b7 {clean(card.title, LINE)}", FOOT)
    return {
        "title": f"{ICONS[card.tone]} {line(card.state, TITLE - 10)}",
        "description": description or NOTHING,
        "color": COLOURS[card.tone],
        "footer": {"text": plain(about, FOOT)},
    }


def _story(card: Card, count: int) -> list[str]:
    return [f"-# {line(told, LINE)}" for told in card.trail[-count:] if told]


def _source(card: Card) -> list[str]:
    target = link(card.url)
    return [f"\U0001f517 {target}"] if target else []


def _mentions(people: Sequence[str], account: Account, name: NameOf) -> tuple[list[str], list[str]]:
    """What stands in the text, and the accounts that it may notify. Whose account is not known has a name."""
    called, accounts = [], []
    for person in people[:MENTIONS]:
        known = account(person)
        if known.isascii() and known.isdigit():
            called.append(f"<@{known}>")
            accounts.append(known)
        else:
            called.append(line(name(person), FACT))
    return called, list(dict.fromkeys(accounts))


# ---------------------------------------------------------------- buttons


def rows(buttons: Iterable[Button], *extra: Json) -> list[Json]:
    """Five in a row, five rows."""
    made = [button(one.label, PREFIX + one.token, _STYLES[one.style]) for one in buttons] + list(extra)
    unique = list({one["custom_id"]: one for one in made}.values())  # a message may not hold one twice
    cuts = range(0, min(len(unique), ROWS * IN_ROW), IN_ROW)
    return [{"type": _ACTION_ROW, "components": unique[start : start + IN_ROW]} for start in cuts]


def button(label: str, custom_id: str, style: int = 2) -> Json:
    words = plain(clean(label, LABEL), LABEL)
    return {"type": _BUTTON, "style": style, "label": words, "custom_id": custom_id[:CUSTOM_ID]}


# ---------------------------------------------------------------- long answers


def _said(text: str) -> str:
    """A line that is nothing but an address can be tapped; all else is text."""
    return link(text) or fit(clean_lines(text, CONTENT), CONTENT)


def _long(lines: Sequence[str], foot: str, room: int) -> Json:
    """The lines in one embed, none broken in the middle; what is too much is left out, and said."""
    shown: list[str] = []
    for one in lines:
        room -= size(one) + 1
        if room < 0:
            shown.append(f"\u2026 and {len(lines) - len(shown)} more.")
            break
        shown.append(one)
    return {"description": "\n".join(shown), "color": COLOURS[Tone.SNOOZED]} | (
        {"footer": {"text": foot}} if foot else {}
    )
