"""What stands for a name, an address, a number or a text: the same for the same, and never what it was.

Ids, dates, statuses and whatever else is a system's own word stay. What is not known to be one of these is masked.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any
from urllib.parse import quote

HIDDEN = "scrubbed"
_MAIL = re.compile(r"[\w.+-]+(?:@|%40)[\w-]+(?:\.[\w-]+)+")
_OURS = re.compile(r"person\d+(?:@|%40)example\.(?:org|com)")
_PHONE = re.compile(r"(?<![\w+])\+\d[\d ()/.-]{6,}\d")
_TAG = re.compile(r"(<[^>]*>|&\w+;)")
_TAG_NAME = re.compile(r"</?\s*\w+")
_LEAST = 5  # characters of a name that is looked for everywhere; a shorter one is also a part of other words


class Class(Enum):
    """What the name of a field says of its value."""

    SECRET = auto()
    PHONE = auto()
    PLACE = auto()
    NAME = auto()
    TEXT = auto()
    ID = auto()
    LINK = auto()
    CHOICE = auto()  # one of the system's own words, also where it is an object with a name: a status, a kind
    WORD = auto()  # the system's own all the same: a date, a zone, a result
    UNKNOWN = auto()


_SECRET = re.compile(
    r"(?:^|_)(?:(?:access|refresh|id|api|auth|csrf|bearer)_token|token|secret|password|passwd|api_?key|app_key|"
    r"private_key|signature|cookie|session(?:_id|_key)?|credentials?|assertion)$"
)
_PAGING = re.compile(r"(?:next|prev|previous|page|sync|skip|delta|continuation|after|before)_?(?:page_?)?token$")


def _listed(text: str) -> frozenset[str]:
    return frozenset(text.split())


# By the words of a field's name; where two classes have one, the upper.
_WORDS: Mapping[Class, frozenset[str]] = {
    Class.PHONE: _listed("phone phones mobile fax tel telephone cell msisdn whatsapp"),
    Class.PLACE: _listed("lat lng lon latitude longitude"),
    Class.TEXT: _listed("""
        address address1 address2 street city zip postal postcode postalcode location body text description subject
        summary message note notes comment comments content html plain reason instructions title icon filename domain
        excerpt preview snippet ip"""),
    Class.NAME: _listed("""
        name names username login nickname alias caller owner requester technician contact customer client person
        employee author agent account company organization organisation tenant assignee by user admin site property
        firstname lastname fullname displayname initials to from cc bcc recipient sender email mail emails"""),
    Class.LINK: _listed("url uri href link links self avatar photo image"),
    Class.ID: _listed("id ids uid uuid guid gid key etag number no code sysid"),
    Class.CHOICE: _listed("""
        status state stage phase priority severity impact urgency category subcategory type kind pipeline sla policy
        milestone"""),
    Class.WORD: _listed("""
        channel source origin types class object zone timezone tz lang language locale currency country scope role
        version cursor offset page token date day time at on due start end since until created updated modified closed
        opened resolved changed active deleted unit format method order sort field fields table element action actions
        stamp level result cost metric tags tag transp sequence prefix rate total count visibility sourced via"""),
}
_CLASS = {word: cls for cls, words in reversed(_WORDS.items()) for word in words}
_WRAPS = _listed("value display_value raw full values current old new label name title text string text_value")

_CHOICE = re.compile(r"\d{1,2}")  # in a field for texts a number is one of a list
_ISO = re.compile(r"\d{4}-\d\d-\d\d(?:[T ][\d:.]+(?:Z|[+-]\d\d:?\d\d)?)?|\d\d:\d\d(?::\d\d)?")
_SHAPES = re.compile(
    r"-?\d{1,20}(?:\.\d+)?|[0-9a-fA-F]{16,64}|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|true|false|"
    r"[A-Z]{1,6}[-#]?\d{3,}|(?=\w*\d)[A-Za-z0-9]{15}(?:[A-Z]{3})?|[A-Z][A-Za-z]+/[A-Z][A-Za-z_]+|UTC|GMT|"
    r"\w+/[\w.+-]+(?:; ?charset=[\w-]+)?"
)
_ID = re.compile(r"(?=\S*\d)[\w.@:=+/#%\"!*~^$|,;-]{1,400}")


def words_of(key: str) -> list[str]:
    """`assignedUserId`, `Assigned_User_Id`, `assigned user id__c`: assigned, user, id."""
    text = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", re.sub(r"__[crRC]$", "", key))
    return [word for word in re.split(r"[^a-z0-9]+", text.lower()) if word]


def class_of(key: str, above: Class = Class.UNKNOWN) -> Class:
    """By the last word that says anything; a `name` or a `value` of a status is one of the system's words."""
    words = words_of(key)
    joined = "_".join(words)
    if _PAGING.search(joined):
        return Class.WORD
    if _SECRET.search(joined):
        return Class.SECRET
    if joined in _WRAPS and above in {Class.CHOICE, Class.ID, Class.NAME, Class.PHONE}:
        return above
    if words and words[-1] in _WRAPS and set(words[:-1]) & (_WORDS[Class.CHOICE] | {"field", "table", "zone"}):
        return Class.CHOICE
    if set(words) & {"phone", "mobile", "email", "mail", "fax"} and (not words or words[-1] != "id"):
        return Class.PHONE if set(words) & {"phone", "mobile", "fax"} else Class.NAME
    return next((_CLASS[word] for word in reversed(words) if word in _CLASS), Class.UNKNOWN)


@dataclass
class Masks:
    """`kept`: texts that stay, wherever they stand (the words of the configuration); `number`: finds the job's number
    in a text, which stays too.
    """

    kept: frozenset[str] = frozenset()
    number: re.Pattern[str] | None = None
    names: dict[str, str] = field(default_factory=dict)
    mails: dict[str, str] = field(default_factory=dict)
    phones: dict[str, str] = field(default_factory=dict)
    hidden: dict[str, None] = field(default_factory=dict)  # values of fields that hold secrets

    # ------------------------------------------------------------ one value

    def value(self, value: Any, cls: Class) -> Any:
        """A number or a text, as it may be shown."""
        if isinstance(value, bool) or value is None:
            return value
        if isinstance(value, int | float):
            return self._number(value, cls)
        return self._string(value, cls)

    def _number(self, value: float, cls: Class) -> float | str:
        if cls is Class.PHONE:
            return int(re.sub(r"\D", "", self.phone(str(value))))
        return float(round(value)) if cls is Class.PLACE else value

    def _string(self, text: str, cls: Class) -> str:
        if not text.strip() or text in self.kept:
            return text
        if cls is Class.SECRET:
            self.hidden.setdefault(text)
            return HIDDEN
        if _MAIL.fullmatch(text):
            return self.mail(text)
        if cls is Class.PHONE:
            return self.phone(text)
        if cls is Class.PLACE and re.fullmatch(r"-?\d+(\.\d+)?", text):
            return str(float(round(float(text))))
        if _stays(text, cls):
            return self.within(text)
        return self.name(text) if cls in {Class.NAME, Class.ID} else self.text(text)

    # ------------------------------------------------------------ what stands for it

    def name(self, text: str) -> str:
        text = text.strip()
        if re.fullmatch(r"[Nn]ame ?\d+", text):
            return text
        number = len(self.names) + 1  # one word stays one: it may be a login, which is asked for
        return self.names.setdefault(text, f"Name {number}" if " " in text else f"name{number}")

    def mail(self, text: str) -> str:
        plain = text.replace("%40", "@").lower()
        if _OURS.fullmatch(plain):
            return text
        mask = self.mails.setdefault(plain, f"person{len(self.mails) + 1}@example.org")
        return mask.replace("@", "%40") if "%40" in text else mask

    def phone(self, text: str) -> str:
        return text if text in self.phones.values() else self.phones.setdefault(text, f"+1 555 {len(self.phones):07}")

    def text(self, text: str) -> str:
        """Letters become x and digits 0; its length, its marks and its tags stay, and a job's number does."""
        return "".join(self._tag(part) if _TAG.fullmatch(part) else self._shape(part) for part in _TAG.split(text))

    def _tag(self, tag: str) -> str:
        found = _TAG_NAME.match(tag)
        return f"{found[0]}>" if found else tag

    def _shape(self, text: str) -> str:
        found = self.number.search(text) if self.number else None
        if found:
            return self._shape(text[: found.start()]) + found[0] + self._shape(text[found.end() :])
        return re.sub(r"\d", "0", re.sub(r"[^\W\d_]", lambda letter: "X" if letter[0].isupper() else "x", text))

    def within(self, text: str) -> str:
        """A text that stays, but for addresses and telephone numbers in it."""
        text = _MAIL.sub(lambda found: self.mail(found[0]), text)
        return _PHONE.sub(lambda found: self.phone(found[0]), text)

    # ------------------------------------------------------------ what was found, wherever else it stands

    def everywhere(self, *, links: bool = False) -> Callable[[str], str]:
        """Puts the mask for each name, address and number that was seen, into any text. What `links` ask for may hold
        logins too, and has no spaces around them.
        """
        table = dict(self._originals())
        if links:
            table |= {name: mask for name, mask in self.names.items() if len(name) >= _LEAST}
        if not table:
            return lambda text: text
        longest = sorted(table, key=len, reverse=True)
        either = "|".join(map(re.escape, longest))
        pattern = re.compile(either if links else rf"(?<!\w)(?:{either})(?!\w)", re.IGNORECASE)
        lower = {name.lower(): mask for name, mask in table.items()}
        return lambda text: pattern.sub(lambda found: lower[found[0].lower()], text)

    def _originals(self) -> Iterator[tuple[str, str]]:
        for original, mask in [*self.mails.items(), *self.phones.items(), *_distinct(self.names.items())]:
            yield original, mask
            if quote(original) != original:
                yield quote(original), quote(mask)

    def personal(self) -> list[str]:
        """What may stand nowhere any more."""
        return [original for original, _ in self._originals()]


def _distinct(names: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Names of two words or more, and logins like them: a name of one may be any word."""
    return [(name, mask) for name, mask in names if len(name) >= _LEAST and re.search(r"\w[ .]+\w", name)]


def _stays(text: str, cls: Class) -> bool:
    """Whether nothing is to be masked but addresses and numbers in it."""
    if cls in {Class.CHOICE, Class.WORD, Class.LINK}:
        return True
    if cls is Class.ID:
        return bool(_ID.fullmatch(text))
    if cls in {Class.TEXT, Class.PLACE}:
        return bool(_ISO.fullmatch(text) or _CHOICE.fullmatch(text))
    return _known(text)


def _known(text: str) -> bool:
    """Whether it looks like an id, a moment, a zone, a kind of file."""
    return bool(_ISO.fullmatch(text) or _SHAPES.fullmatch(text))
