"""What the gateways, the commands and the HTTP server need of the desk, and what a typed line looks like to them.

The desk fits `Front`; the daemon plugs it in. A gateway turns what its platform sent into an Interaction (a tap, a
form) or into a line and a Said (a typed command), and shows what comes back; it decides nothing.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from deskbell.core.access import Person
from deskbell.core.alert import Alert, Severity, Status
from deskbell.core.button import Press
from deskbell.core.card import Card, Reply
from deskbell.core.customer import Choice, Letter, OwnPage, Step
from deskbell.core.duty import DutyWish
from deskbell.core.history import Vitals
from deskbell.core.ports import Answer, Interaction, Said, StoredRecord
from deskbell.core.prefs import PrefsWish
from deskbell.core.records import Record
from deskbell.core.rota import Duty
from deskbell.core.rules.explain import Stand
from deskbell.core.silence import Silence
from deskbell.instance import Held

__all__ = ["LIVE", "Alone", "Front", "Gateway", "Hook", "Said", "Spoken"]

LIVE = (Status.OPEN, Status.ACKED)

# Interaction.args by verb, the same from a button, a form and a command:
#   reassign {"person": person id}   snooze {"span": timedelta}   resolve {"reason": str}
#   escalate {"reason": str}         note {"text": str}           all others {}


@dataclass(frozen=True, slots=True)
class Spoken:
    """What to show at once; where a slower source is asked as well, `later` gives a newer reply (None: nothing to add).

    `later` is a function, not a coroutine, so that a gateway that cannot show a second reply leaves it uncalled.
    """

    reply: Reply
    later: Callable[[], Awaitable[Reply | None]] | None = None


# What answers at a path of our HTTP server: it is given the headers (names in any case) and the raw bytes, verifies its
# caller, and gives the status, headers and body to answer with.
Hook = Callable[[Mapping[str, str], bytes], Awaitable[tuple[int, Mapping[str, str], bytes]]]


@dataclass(frozen=True, slots=True)
class Alone:
    """Listening that one instance may do at a time: the name of its lease, and the work, which `Gateway.close` ends."""

    lease: str
    listen: Callable[[Held], Awaitable[None]]


class Gateway(Protocol):
    """The way in of one chat. Made by `bot.catalog`, started and closed by the daemon."""

    @property
    def hooks(self) -> Mapping[str, Hook]:
        """Path -> what answers there; none where the chat is listened to over a connection of our own."""
        ...

    @property
    def alone(self) -> Alone | None:
        """What is to be run beside `start`, while its lease is held; None where every instance may listen."""
        ...

    @property
    def trouble(self) -> str:
        """What is wrong, in words for people; nothing when taps and commands can come in.

        Of no account in an instance that only stands by, because another one has the lease.
        """
        ...

    async def start(self) -> None:
        """Returns at once; connecting goes on behind it."""
        ...

    async def close(self) -> None:
        """Within a few seconds, whatever state the connections are in."""
        ...


class Front(Protocol):
    """The desk as those who speak for people see it. Nothing here raises but what is said to."""

    @property
    def people(self) -> Mapping[str, Person]:
        """Everybody in the configuration, by person id."""
        ...

    @property
    def sources(self) -> Sequence[str]:
        """The names of the configured sources."""
        ...

    @property
    def command(self) -> str:
        """The slash command as people type it: "/desk"."""
        ...

    def now(self) -> datetime: ...

    # ------------------------------------------------------------ acting

    async def act(self, interaction: Interaction) -> Answer:
        """Carries out a tap, a form or a changing command, once per `key`. `unknown_person`: not linked."""
        ...

    async def turned_away(self, interaction: Interaction, code: str, text: str) -> None:
        """For the audit: somebody who is not one of ours was refused before anything was looked at."""
        ...

    async def raise_manual(
        self,
        *,
        caller: str,
        person: Person | None,
        idempotency_key: str,
        title: str,
        text: str,
        severity: Severity,
        team: str,
        subject: str,
    ) -> Answer:
        """A person's or a program's own alert. `done` with the alert; `repeat` with it when this caller sent the same
        under this key before; `conflict` when it was something else.
        """
        ...

    async def own_link(self, token: str) -> Any | None:
        """What the link in a person's own message shows (desk.own_links.Shown); None: none of ours, or expired."""
        ...

    async def use_link(self, token: str, code: str) -> str:
        """Acknowledges by such a link: done, code (a wrong one), locked, over, refused or gone."""
        ...

    async def customer_page(self, token: str) -> OwnPage | None:
        """What a customer sees behind the link in their letters; None: it is none of ours, or they were erased."""
        ...

    async def customer_wrote(self, platform: str, account: str, text: str, key: str) -> str | None:
        """What a customer of ours says in a chat, done once: the words of the answer, which may be empty. None: nobody
        of that account is a customer.
        """
        ...

    async def customer_chose(self, token: str, choice: Choice) -> bool:
        """Keeps what they chose there. Durable when it returns; raises NotKept."""
        ...

    async def silence(
        self,
        person: Person,
        matchers: Mapping[str, tuple[str, ...]],
        span: timedelta | None,
        reason: str,
        key: str = "",
    ) -> Answer:
        """Holds what fits all matchers for so long; without a span it is only told what would have been held."""
        ...

    async def unsilence(self, person: Person, number: int) -> Answer: ...
    async def silences(self) -> list[Silence]:
        """Those that last or are to come, of people and of the configuration."""
        ...

    def press(self, token: str) -> Press | None:
        """What a button's token says, for a gateway that must open a form first; None when it isn't one of ours."""
        ...

    # ------------------------------------------------------------ people

    async def person(self, platform: str, account: str) -> Person | None: ...
    async def link(self, platform: str, account: str, person_id: str) -> None: ...

    async def link_code(self, person_id: str) -> str:
        """A new code that makes an account of another chat this person's: good once, for fifteen minutes."""
        ...

    async def redeem(self, said: Said, code: str) -> Reply:
        """Links the account that says so to the person whose code it is, and carries out what it last asked for."""
        ...

    async def colleagues(self, alert_id: int) -> list[tuple[str, str, str]]:
        """Who may be given the alert: (person id, name, note like "on duty", "3 alerts open"), the likeliest first."""
        ...

    async def arrange(self, person: Person, wish: DutyWish | PrefsWish, key: str) -> Answer:
        """Does what a person asks of the rotas, or of how they are rung; once per `key`."""
        ...

    async def shifts_feed(self, secret: str) -> str | None:
        """The calendar behind an address that somebody made; None when it is none, or was closed."""
        ...

    async def on_duty(self, rota: str = "", at: datetime | None = None) -> list[Duty]:
        """Each rota (all, those of a team, or one by name) and who is on it now; None: nobody."""
        ...

    # ------------------------------------------------------------ looking

    async def find_alert(self, text: str) -> Alert | None:
        """By what people type: "D-12", "d12", "#12", "12"."""
        ...

    async def alerts(
        self,
        *,
        statuses: Sequence[Status] = LIVE,
        assignee: str | None = None,
        team: str | None = None,
        source: str | None = None,
        parent: int | None = None,
        limit: int = 20,
        offset: int = 0,
    ) -> tuple[list[Alert], int]:
        """A stretch of them, most severe first, then oldest; and how many there are in all."""
        ...

    async def alerts_on(self, record: Record) -> list[Alert]: ...
    async def card(self, alert: Alert, *, buttons: bool = True) -> Card: ...
    async def why(self, alert: Alert) -> list[tuple[str, str]]:
        """Why it rang and whom it reached, as (label, words)."""
        ...

    async def whynot(self, record: Record) -> list[Stand]:
        """What each rule has to say of the record now, those that ring first."""
        ...

    async def sent(self, record: Record) -> Sequence[tuple[Letter, Sequence[Step]]]:
        """What the customer was told about the record, the newest first, each with its log."""
        ...

    async def find_records(self, text: str, kind: str | None) -> list[StoredRecord]: ...

    async def refresh(self, record: StoredRecord) -> StoredRecord | None:
        """Asks the source now; None when the record is gone there. Raises SourceError when it can't be read."""
        ...

    def source_title(self, name: str) -> str:
        """What people call the source: "Freshdesk"."""
        ...

    async def freshness(self, source: str) -> datetime | None:
        """When the source was last read well; None: never."""
        ...

    # ------------------------------------------------------------ the audit and our own health

    async def audit_tail(self, limit: int, after: int) -> Mapping[str, Any]:
        """{"entries": [{"seq", "at", "actor", "verb", "alert", "text"}], "count": n, "verified": bool}."""
        ...

    def health(self) -> Mapping[str, Any]: ...
    async def vitals(self) -> Vitals:
        """How Deskbell itself is: its sources, how soon cards come, what waits."""
        ...

    async def ready(self) -> tuple[bool, Sequence[str]]:
        """Whether all of it works (store, sources, chats), and what doesn't, in words."""
        ...
