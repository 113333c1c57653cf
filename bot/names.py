"""Which colleague a typed name means: by id, name, mail address, or a part of the name; accents may be missing."""

import unicodedata
from collections.abc import Mapping, Sequence

from bot.grammar import BY_WORD, Problem, nearest
from deskbell.core.access import ACTORS, Person, Role, holds
from deskbell.core.text import clean

_SHOWN = 5
_MAY_HAVE = ACTORS | {Role.TECHNICIAN}


def find_person(name: str, people: Mapping[str, Person]) -> Person | Problem:
    """The one person meant; a Problem that names the candidates when it isn't clear who."""
    wanted, everybody = _fold(name), list(people.values())
    for among in (_exactly, _by_word, _by_start):
        found = [person for person in everybody if among(wanted, person)]
        if len(found) == 1:
            return found[0]
        if found:
            return _several(name, found)
    return _nobody(name, wanted, [person for person in everybody if holds(person, _MAY_HAVE)])


def _exactly(wanted: str, person: Person) -> bool:
    mail = _fold(person.email)
    return wanted in {_fold(person.id), _fold(person.name), mail or None, mail.partition("@")[0] or None}


def _by_word(wanted: str, person: Person) -> bool:
    return wanted in _fold(person.name).split()


def _by_start(wanted: str, person: Person) -> bool:
    return len(wanted) > 1 and any(_fold(text).startswith(wanted) for text in (person.id, person.name))


def _several(name: str, found: Sequence[Person]) -> Problem:
    return Problem(f"Which {clean(name, 40)}? {_listed(found)}.", BY_WORD["reassign"])


def _nobody(name: str, wanted: str, able: Sequence[Person]) -> Problem:
    words = {_fold(text): person for person in able for text in (person.id, person.name, *person.name.split())}
    guess = nearest(wanted, words)
    hint = f"Did you mean {_listed([words[guess]])}?" if guess else f"There are: {_listed(able)}." if able else ""
    return Problem(f"I know no colleague called “{clean(name, 40)}”. {hint}".rstrip(), BY_WORD["reassign"])


def _listed(people: Sequence[Person]) -> str:
    shown = [f"{person.id} ({person.name})" for person in people[:_SHOWN]]
    return ", ".join(shown) + (" ..." if len(people) > _SHOWN else "")


def _fold(text: str) -> str:
    parts = unicodedata.normalize("NFKD", text.casefold())
    return " ".join("".join(char for char in parts if not unicodedata.combining(char)).split())
