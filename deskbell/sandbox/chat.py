"""What every chat's stand-in offers to people: the scripted ones, the page, the verdict and the tests."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from aiohttp import web

from deskbell.sandbox.faults import Faults
from deskbell.sandbox.web import Json

Do = Callable[[Json], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Card:
    """A live card as people see it: a bot's message with a ref like D-12 in its text. Buttons by their words."""

    chat: str
    room: str  # the chat's own id of the room
    id: str  # the chat's own id of the message
    ref: str
    text: str  # everything that can be read on it
    buttons: tuple[str, ...] = ()
    edits: int = 0


@dataclass(slots=True)
class Heard:
    """What one person got for what they did: words for them alone (toasts, ephemeral messages, form errors, direct
    messages), and words that the whole room saw as the answer."""

    private: list[str] = field(default_factory=list)
    public: list[str] = field(default_factory=list)
    failed: str = ""  # the platform showed an error: no answer in time, or one that it refused

    @property
    def text(self) -> str:
        return "\n".join([*self.private, *self.public])


class Refused(Exception):
    """The chat does not offer that: there is no such button, choice, room or person."""


class Chat(Protocol):
    """One chat on the loopback. People are named by their short name ("ana"), rooms by the chat's own id.

    Ledger entries (system = name): posted, edited, deleted, tap, command, call, rejected, ratelimited; `ledger.seen`
    hears of every text that people can read, `ledger.pressed` of taps that are to change a card, and `ledger.redrawn`
    of every edit of one.
    """

    name: str
    url: str  # of the sandbox; known once it listens
    desk_url: str  # Deskbell's own HTTP server, once that is known: for a chat that calls it
    sabotage: bool  # the second card is accepted, and never seen by anybody

    @property
    def faults(self) -> Faults: ...

    def add_routes(self, router: web.UrlDispatcher) -> None: ...
    async def close(self) -> None: ...
    def no_limits(self) -> None:
        """For tests of other things than the vendor's limits."""
        ...

    @property
    def verbs(self) -> Mapping[str, Do]:
        """What the page may do here; called as {"do": "<name>.<verb>", ...}."""
        ...

    def state(self) -> Json:
        """Everything that the page draws of this chat."""
        ...

    # ------------------------------------------------------------ what can be seen

    def cards(self, room: str = "") -> Sequence[Card]:
        """The live cards, of one room or of all."""
        ...

    def texts(self, room: str) -> Sequence[str]:
        """All that can be read in a room just now, threads included, oldest first."""
        ...

    def private(self, who: str) -> Sequence[str]:
        """What this person alone was shown (toasts, ephemeral messages, direct messages), oldest first."""
        ...

    def dropped(self) -> Sequence[Card]:
        """Accepted and shown to nobody: sabotage."""
        ...

    def duplicates(self) -> Sequence[Json]:
        """Live messages that say the same twice: two cards of one alert in one room, or one note twice."""
        ...

    # ------------------------------------------------------------ what people do

    async def press(self, who: str, card: Card, label: str, *answers: str, changes: bool = True) -> Heard:
        """Presses the button whose words begin with `label`. What then asks (a menu, a picker, a form) is answered with
        `answers`, in order: by the beginning of an option's words, else typed. Waits until an answer was seen, or
        the card was edited. `changes=False`: no edit is expected, so that the ledger does not time one.
        """
        ...

    async def press_private(self, who: str, label: str, *answers: str) -> Heard:
        """The same on the newest private message of this person that has such a button."""
        ...

    async def say(self, who: str, room: str, text: str) -> Heard:
        """Types a line as people do there ("ack D-12" becomes "/desk ack D-12", "@Deskbell ack D-12" or "/ack D-12"),
        and waits for the answer. With `room` empty: to the bot, in private, where the chat has that.
        """
        ...

    def delete_by_hand(self, card: Card) -> None: ...
    def remove_bot(self, room: str) -> None: ...
    def add_bot(self, room: str) -> None:
        """Invited again."""
        ...
