"""How a record's customer can be reached, out of what its source says: a number, a mail address, several of them.

`contact` of a record is read in pieces, with semicolons between. A piece is an address by its looks, or says what it
is: `whatsapp:+49 151 5550201`, `telegram:700000001`, `push:TOKEN`, `language:de`, `zone:Europe/Berlin`, and
`opt-in:sms mail` for what the customer agreed to there.
"""

import re
from collections.abc import Iterator
from functools import lru_cache

from deskbell.core.customer import Contact, Medium
from deskbell.core.letters import CustomersConf
from deskbell.core.records import Record
from deskbell.core.text import clean

MOST = 600  # characters of a contact that are looked at
_MAIL = re.compile(r"[^@\s<>,;\"']{1,64}@[^@\s<>,;\"'.]+(\.[^@\s<>,;\"'.]+)+")
_TOKEN = re.compile(r"[\w:.-]{6,300}")
_CHAT = re.compile(r"-?\d{1,20}")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*")
_SEVERAL = re.compile(r"[;\n]")
_WORDS = re.compile(r"[\s,/]+")


def contact_of(record: Record, conf: CustomersConf) -> Contact:
    """What the source says; whatever in it is no address of any kind is left out."""
    origin = conf.origin(record.source)
    region, phones = origin.region or conf.region, origin.phones or conf.phones
    addresses: dict[Medium, str] = {}
    more: dict[str, str] = {}
    for label, value in _pieces(str(getattr(record, "contact", ""))[:MOST]):
        if label in ("language", "zone", "opt-in"):
            more[label] = value
        else:
            for medium in _media(label, value, phones):
                if found := written(medium, value, region):
                    addresses.setdefault(medium, found)
    language = more.get("language", "")
    words = _WORDS.split(more.get("opt-in", "").casefold())
    return Contact(
        addresses=addresses,
        language=language if _LANGUAGE.fullmatch(language) else origin.language,
        zone=clean(more.get("zone", ""), 60) or getattr(record, "zone", ""),
        opted=frozenset(Medium(word) for word in words if word in tuple(Medium)) | frozenset(origin.opt_in),
    )


def _pieces(text: str) -> Iterator[tuple[str, str]]:
    for piece in _SEVERAL.split(text):
        label, colon, value = piece.partition(":")
        known = (*Medium, "phone", "language", "zone", "opt-in")
        word = label.strip().casefold()
        yield (word, value.strip()) if colon and word in known else ("", piece.strip())


def _media(label: str, value: str, phones: tuple[Medium, ...]) -> tuple[Medium, ...]:
    if label in tuple(Medium):
        return (Medium(label),)
    if label == "phone":
        return phones
    return (Medium.MAIL,) if "@" in value else phones


def written(medium: Medium, value: str, region: str = "") -> str:
    """The address as it is kept: a number as E.164, mail in small letters; nothing where it is no such address."""
    value = value.strip()
    if medium in (Medium.SMS, Medium.WHATSAPP):
        return e164(value, region)
    if medium is Medium.MAIL:
        found = _MAIL.search(value)
        return found[0].casefold() if found and len(found[0]) < 255 else ""
    pattern = _CHAT if medium is Medium.TELEGRAM else _TOKEN
    return value if pattern.fullmatch(value) else ""


@lru_cache(maxsize=4096)
def e164(text: str, region: str = "") -> str:
    """`+49305550201` for any way of writing it; nothing for what no phone can have. `region`: of national numbers."""
    import phonenumbers

    if not any(char.isdigit() for char in text) or len(text) > 60:
        return ""
    try:
        number = phonenumbers.parse(text, region.upper() or None)
    except phonenumbers.NumberParseException:
        return ""
    if not phonenumbers.is_possible_number(number):
        return ""
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))
