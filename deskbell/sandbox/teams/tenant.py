"""One tenant: its people, its rooms, the private chats with the bot, and what was said in them."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from deskbell.sandbox import credentials
from deskbell.sandbox.clock import Clock
from deskbell.sandbox.staff import STAFF, Staff
from deskbell.sandbox.teams.cards import readable
from deskbell.sandbox.web import Json

CARD_TYPE = "application/vnd.microsoft.card.adaptive"
BOT = f"28:{credentials.TEAMS_APP}"
BOT_NAME = "Deskbell"
OTHER_TENANT = "7e000000-0000-4000-8000-0000000000bb"
NOT_INSTALLED = ("nils", "mallory")  # who never added the app
REF = re.compile(r"\bD-\d+\b")


def user_id(person: Staff) -> str:
    """What the connector calls a person; the same for ever, and not the Entra object id."""
    return f"29:1{person.teams.replace('-', '')}"


def tenant_of(person: Staff) -> str:
    return credentials.TEAMS_TENANT if person.ours else OTHER_TENANT


@dataclass(slots=True, eq=False)
class Message:
    """`views`: what one person sees in its place, until it is edited."""

    conversation: str  # without ;messageid=
    id: str
    author: str  # a person, or BOT
    activity: Json
    at: float
    root: str = ""  # the message it replies to; its own id for the first of a thread
    edits: int = 0
    edited_at: float = 0.0
    deleted: bool = False
    dropped: bool = False  # accepted, and shown to nobody (sabotage)
    views: dict[str, Json] = field(default_factory=dict)
    viewed_at: dict[str, float] = field(default_factory=dict)
    refreshed_at: dict[str, float] = field(default_factory=dict)
    _read: tuple[Json, str] = field(default_factory=lambda: ({}, ""))  # the words of an activity, once they were read

    @property
    def live(self) -> bool:
        return not self.deleted and not self.dropped

    @property
    def is_reply(self) -> bool:
        return bool(self.root) and self.root != self.id

    @property
    def card(self) -> Json | None:
        for attachment in self.activity.get("attachments") or []:
            if attachment.get("contentType") == CARD_TYPE:
                return attachment["content"]  # type: ignore[no-any-return]
        return None

    def seen_by(self, who: str) -> Json | None:
        """The card as this person sees it."""
        return self.views.get(who) or self.card

    @property
    def text(self) -> str:
        """Everything that everybody can read on it, what a lock screen shows included."""
        if self._read[0] is not self.activity:
            lines = [str(self.activity.get("summary") or ""), str(self.activity.get("text") or "")]
            lines += readable(self.card) if self.card else []
            self._read = (self.activity, "\n".join(line for line in lines if line))
        return self._read[1]

    @property
    def ref(self) -> str:
        """The alert that a card is about."""
        found = REF.search(self.text) if self.card and self.author == BOT else None
        return found[0] if found else ""

    @property
    def mentions(self) -> list[str]:
        """Whom it rings: what is mentioned, and really stands in the text."""
        entities = [*(self.activity.get("entities") or [])]
        entities += (self.card or {}).get("msteams", {}).get("entities", [])
        return [one["mentioned"]["id"] for one in entities if one.get("type") == "mention" and one["text"] in self.text]


@dataclass(slots=True)
class Conversation:
    """A channel, or the private chat of the bot with one person."""

    id: str
    name: str
    person: str = ""
    members: set[str] = field(default_factory=set)
    installed: bool = True
    blocked: bool = False
    messages: dict[str, Message] = field(default_factory=dict)

    @property
    def private(self) -> bool:
        return bool(self.person)

    @property
    def kind(self) -> str:
        return "personal" if self.private else "channel"


class Tenant:
    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        ours = {person.id for person in STAFF.values()}
        self.conversations = {
            address: Conversation(address, name, members=set(ours)) for name, address in credentials.TEAMS_ROOMS.items()
        }
        general = Conversation(credentials.TEAMS_TEAM, "General", members=set(ours))
        self.conversations[general.id] = general
        for person in STAFF.values():
            if person.id not in NOT_INSTALLED:
                self._private(person)
        self._last_id = 0

    def new_id(self) -> str:
        """Milliseconds; rising, and so unique here."""
        self._last_id = max(int(self.clock.time() * 1000), self._last_id + 1)
        return str(self._last_id)

    def _private(self, person: Staff) -> Conversation:
        address = f"a:1{person.teams.replace('-', '')}"
        return self.conversations.setdefault(address, Conversation(address, BOT_NAME, person.id, {person.id}))

    # ------------------------------------------------------------------ finding

    def person(self, who: str) -> Staff | None:
        """By short name, connector's id, Entra object id, or mail address."""
        for person in STAFF.values():
            if who in (person.id, user_id(person), person.teams, person.email):
                return person
        return None

    def install(self, who: str) -> Conversation:
        """Somebody adds the app."""
        conversation = self._private(STAFF[who])
        conversation.installed = True
        return conversation

    def private(self, who: str) -> Conversation | None:
        return next((one for one in self.conversations.values() if one.person == who), None)

    def find(self, conversation: str) -> tuple[Conversation | None, str]:
        """The conversation, and the root of the thread that its id names."""
        room, _, root = conversation.partition(";messageid=")
        return self.conversations.get(room), root

    def message(self, room: str, id: str) -> Message | None:
        found = self.conversations[room].messages.get(id) if room in self.conversations else None
        return found if found is not None and found.live else None

    def visible(self, message: Message) -> bool:
        """Live, and not hanging under a message that nobody sees."""
        if not message.live:
            return False
        root = self.conversations[message.conversation].messages.get(message.root) if message.is_reply else None
        return root is None or root.live

    def all_visible(self) -> Iterator[Message]:
        for conversation in self.conversations.values():
            yield from (one for one in conversation.messages.values() if self.visible(one))

    def rooms(self) -> Mapping[str, Conversation]:
        return {address: one for address, one in self.conversations.items() if not one.private}

    def is_card(self, message: Message) -> bool:
        """An alert's card in a room: it begins a thread."""
        return bool(message.ref) and not message.is_reply and not self.conversations[message.conversation].private

    # ------------------------------------------------------------------ saying

    def say(self, conversation: Conversation, author: str, activity: Json, root: str = "") -> Message:
        new = self.new_id()
        root = root if conversation.kind == "channel" else ""
        message = Message(conversation.id, new, author, activity, self.clock.time(), root or new)
        conversation.messages[new] = message
        return message
