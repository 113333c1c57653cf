"""What is suggested while somebody types a command: alerts, cases and jobs, colleagues, spans of time."""

from collections.abc import Awaitable, Callable, Mapping

from bot.ports import Front
from bot.questions import only_own
from deskbell.core.access import Person, Role, in_scope
from deskbell.core.present import SNOOZES
from deskbell.core.records import Record, about
from deskbell.core.text import clean

Found = list[tuple[str, str]]  # value, words

_MOST = 25
_KINDS = {"case": "case", "job": "visit"}
_LOOKED_AT = 200  # alerts, of which those are shown that this person may see


class Suggestions:
    """For one Front. Somebody who is not known gets none."""

    def __init__(self, front: Front) -> None:
        self._front = front
        self._by_option: Mapping[str, Callable[[Person, str, str], Awaitable[Found]]] = {
            "alert": self._alerts,
            "number": self._records,
            "about": self._records,
            "colleague": self._people,
            "time": self._times,
        }

    async def find(self, person: Person, verb: str, option: str, typed: str) -> Found:
        look = self._by_option.get(option)
        return (await look(person, clean(typed, 100), verb))[:_MOST] if look else []

    async def _alerts(self, person: Person, typed: str, _verb: str) -> Found:
        mine = person.id if only_own(person) else None
        alerts, _ = await self._front.alerts(assignee=mine, limit=_LOOKED_AT)
        words = {
            a.ref: f"{a.ref} {a.severity} {clean(a.summary or a.title, 90)}" for a in alerts if in_scope(person, a.team)
        }
        return [(ref, text) for ref, text in words.items() if _matches(typed, text)]

    async def _records(self, person: Person, typed: str, verb: str) -> Found:
        if not typed or only_own(person):
            return []
        found = await self._front.find_records(typed, _KINDS.get(verb))
        seen = [item.record for item in found if in_scope(person, item.record.team)]
        return [(record.number or record.id, _about(record)) for record in seen]

    async def _people(self, _: Person, typed: str, _verb: str) -> Found:
        able = [one for one in self._front.people.values() if one.roles - {Role.VIEWER, Role.COMPLIANCE}]
        return [(one.id, one.name) for one in able if _matches(typed, f"{one.id} {one.name}")]

    async def _times(self, _: Person, typed: str, _verb: str) -> Found:
        return [(typed, typed)] * bool(typed) + [(value, words) for value, words in SNOOZES if value != typed]


def _matches(typed: str, text: str) -> bool:
    return all(word in text.casefold() for word in typed.casefold().split())


def _about(record: Record) -> str:
    return f"{record.number or record.id} {clean(about(record), 90)}"
