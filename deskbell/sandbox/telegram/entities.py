"""What Telegram makes of a message's text: HTML into words and entities, and what it finds live in them by itself.

https://core.telegram.org/bots/api#html-style; the words of the refusals are the server's own.
"""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from deskbell.sandbox.web import Json

TEXT = 4096  # after the entities are read
RAW = 35_000  # bytes of markup

TAGS = {
    "b": "bold",
    "strong": "bold",
    "i": "italic",
    "em": "italic",
    "u": "underline",
    "ins": "underline",
    "s": "strikethrough",
    "strike": "strikethrough",
    "del": "strikethrough",
    "tg-spoiler": "spoiler",
    "span": "spoiler",
    "code": "code",
    "pre": "pre",
    "blockquote": "blockquote",
    "a": "text_link",
    "tg-emoji": "custom_emoji",
}
_TAG = re.compile(r"<(/?)([^\s>/]*)((?:\s+[^>]*?)?)\s*>")
_ATTRIBUTE = re.compile(r"([a-zA-Z-]+)(?:\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'>]+)))?")
_NAMED = re.compile(r"&(lt|gt|amp|quot|#\d{1,7}|#[xX][0-9a-fA-F]{1,6});?")
_USER_LINK = re.compile(r"tg://user\?id=(\d+)")


class Unparsable(Exception):
    """The markup is refused."""


@dataclass(slots=True)
class Entity:
    """A stretch of the text, in UTF-16 code units as Telegram counts."""

    type: str
    offset: int
    length: int
    url: str = ""
    user: int = 0

    def wire(self) -> Json:
        more: Json = {"url": self.url} if self.url else {}
        return {"type": self.type, "offset": self.offset, "length": self.length, **more}


def units(text: str) -> int:
    """Length as Telegram counts it."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


@dataclass(slots=True)
class _Open:
    tag: str
    type: str
    start: int  # characters of text so far
    url: str = ""


@dataclass
class _Parser:
    source: str
    text: str = ""
    entities: list[Entity] = field(default_factory=list)
    open: list[_Open] = field(default_factory=list)
    at: int = 0

    def run(self) -> tuple[str, list[Entity]]:
        while self.at < len(self.source):
            char = self.source[self.at]
            if char == "<":
                self._tag()
            elif char == "&":
                self._reference()
            else:
                self.text += char
                self.at += 1
        if self.open:
            raise Unparsable(f'Can\'t find end tag corresponding to start tag "{self.open[-1].tag}"')
        return self.text, self.entities

    def _offset(self) -> int:
        return len(self.source[: self.at].encode())

    def _reference(self) -> None:
        """What is no reference that Telegram knows stays as it is."""
        match = _NAMED.match(self.source, self.at)
        if match is None:
            self.text += "&"
            self.at += 1
            return
        self.text += html.unescape(f"&{match[1]};")
        self.at = match.end()

    def _tag(self) -> None:
        match = _TAG.match(self.source, self.at)
        if match is None:
            raise Unparsable(f"Unclosed start tag at byte offset {self._offset()}")
        closing, name, attributes = match[1], match[2].lower(), match[3]
        if closing:
            self._close(name)
        else:
            self._begin(name, _attributes(attributes))
        self.at = match.end()

    def _begin(self, name: str, attributes: dict[str, str]) -> None:
        if name not in TAGS:
            raise Unparsable(f'Unsupported start tag "{name}" at byte offset {self._offset()}')
        kind = TAGS[name]
        if name == "span" and attributes.get("class") != "tg-spoiler":
            raise Unparsable(f'Tag "span" must have class "tg-spoiler" at byte offset {self._offset()}')
        if kind == "blockquote":
            if any(one.type.endswith("blockquote") for one in self.open):
                raise Unparsable("blockquote and expandable_blockquote entities can't be nested")
            kind = "expandable_blockquote" if "expandable" in attributes else kind
        self.open.append(_Open(name, kind, len(self.text), attributes.get("href", "")))

    def _close(self, name: str) -> None:
        if not self.open:
            raise Unparsable(f"Unexpected end tag at byte offset {self._offset()}")
        last = self.open.pop()
        if name and name != last.tag:
            raise Unparsable(
                f'Unmatched end tag at byte offset {self._offset()}, expected "</{last.tag}>", found "</{name}>"'
            )
        covered = self.text[last.start :]
        if covered.strip() and (entity := self._entity(last, covered)) is not None:
            self.entities.append(entity)

    def _entity(self, last: _Open, covered: str) -> Entity | None:
        offset, length = units(self.text[: last.start]), units(covered)
        if last.type != "text_link":
            return Entity(last.type, offset, length)
        if user := _USER_LINK.fullmatch(last.url):
            return Entity("text_mention", offset, length, user=int(user[1]))
        return Entity("text_link", offset, length, last.url) if is_url(last.url) else None


def _attributes(text: str) -> dict[str, str]:
    found = {}
    for match in _ATTRIBUTE.finditer(text):
        value = match[2] if match[2] is not None else match[3] if match[3] is not None else match[4] or ""
        found[match[1].lower()] = html.unescape(value)
    return found


def is_url(text: str) -> bool:
    return re.fullmatch(r"(?:https?|tg|ton)://[^\s<>\"]+", text) is not None


def read(text: str, parse_mode: str) -> tuple[str, list[Entity]]:
    """The words and the entities of what was sent. Raises Unparsable."""
    if parse_mode.lower() == "html":
        words, found = _Parser(text).run()
    elif parse_mode:
        raise Unparsable("unsupported parse_mode")
    else:
        words, found = text, []
    lead = len(words) - len(words.lstrip())
    shift, words = units(words[:lead]), words.strip()
    end = units(words)
    kept = [Entity(e.type, max(0, e.offset - shift), e.length, e.url, e.user) for e in found]
    kept = [Entity(e.type, e.offset, min(e.length, end - e.offset), e.url, e.user) for e in kept if e.offset < end]
    quiet = [e for e in kept if e.type in ("code", "pre")]
    kept = [piece for e in kept for piece in ([e] if e in quiet else _around(e, quiet))]
    return words, sorted([*kept, *(e for e in live(words) if not _within(e, kept, "blockquote"))], key=_order)


def _order(entity: Entity) -> tuple[int, int]:
    return entity.offset, -entity.length


def _around(entity: Entity, quiet: list[Entity]) -> Iterator[Entity]:
    """The pieces of it outside of code, which is nothing but code; a link that holds some is none there."""
    at, end = entity.offset, entity.offset + entity.length
    inside = [one for one in quiet if at < one.offset + one.length and one.offset < end]
    if entity.type.endswith("blockquote"):
        inside = []
    for one in sorted(inside, key=_order):
        if one.offset > at:
            yield Entity(entity.type, at, one.offset - at, entity.url, entity.user)
        at = max(at, one.offset + one.length)
    if at < end:
        yield Entity(entity.type, at, end - at, entity.url, entity.user)


def _within(entity: Entity, others: list[Entity], but: str = "") -> bool:
    """Whether it overlaps one that lets nothing else live in it."""
    strong = ("code", "pre", "text_link", "text_mention")
    return any(
        o.type in strong
        and (not but or but not in o.type)
        and o.offset < entity.offset + entity.length
        and entity.offset < o.offset + o.length
        for o in others
        if o is not entity
    )


# What becomes a link by itself, markup or not: names, commands, tags, addresses.
_LIVE = (
    ("url", r"(?:https?|ftp|tg|ton)://[^\s<>\"']+"),
    ("email", r"(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)*\.[^\W\d_]{2,}"),
    ("url", r"(?<![\w@.])(?:[\w-]+\.)+[^\W\d_]{2,}(?![\w@])(?:[:/?#][^\s<>\"']*)?"),
    ("url", r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w.])(?:[:/][^\s<>\"']*)?"),
    ("mention", r"(?<![\w@/])@[A-Za-z0-9_]{2,32}(?!\w)"),
    ("bot_command", r"(?<![\w/<>])/[A-Za-z0-9_]{1,64}(?:@[A-Za-z0-9_]{3,32})?(?![\w/])"),
    ("hashtag", r"(?<![\w#])#[^\W]*[^\W\d][^\W]*"),
    ("cashtag", r"(?<![\w$])\$[A-Z]{1,8}(?!\w)"),
    ("phone_number", r"(?<![\w+])\+\d[\d \u00a0()-]{6,}\d"),
)
_LIVE_PATTERNS = tuple((kind, re.compile(pattern)) for kind, pattern in _LIVE)


def live(text: str) -> Iterator[Entity]:
    """What Telegram finds by itself, the first of what overlaps."""
    taken: list[tuple[int, int]] = []
    for kind, pattern in _LIVE_PATTERNS:
        for match in pattern.finditer(text):
            start, end = match.span()
            if not any(start < there_end and there < end for there, there_end in taken):
                taken.append((start, end))
                yield Entity(kind, units(text[:start]), units(match[0]))


def part(text: str, entity: Entity) -> str:
    """The words that an entity covers."""
    raw = text.encode("utf-16-le", "surrogatepass")
    covered = raw[entity.offset * 2 : (entity.offset + entity.length) * 2]
    return covered.decode("utf-16-le", "surrogatepass")
