"""What happens on Telegram's side: messages and presses on their way to the bot, and all that befalls chats."""

from typing import Any

from deskbell.sandbox.telegram.entities import read
from deskbell.sandbox.telegram.hub import Hub, Query
from deskbell.sandbox.telegram.model import ANONYMOUS, BOT_ID, Chat, Message, User, member_wire

SETTLED = 10.0  # a menu that opens later than this was not opened by that press


class Happenings(Hub):
    """The hub with people and chance in it."""

    # ------------------------------------------------------------------ presses

    def new_query(self, user: User, message: Message) -> Query:
        number = next(self._ids)  # one count for messages and presses, so that "since" is one number
        query = Query(str(number), user, message.chat, message.id, self.clock.time())
        self.queries[query.id] = query
        return query

    def last_query(self) -> int:
        return max((int(number) for number in self.queries), default=0)

    def deliver_query(self, query: Query, message: Message, data: str) -> None:
        self.updates.add(
            "callback_query",
            {
                "id": query.id,
                "from": query.user.wire(),
                "message": self.wire(message),
                "chat_instance": str(-message.chat),
                "data": data,
            },
        )

    def settle_query(self, query: Query) -> None:
        """It changed nothing: it was refused, or opened a menu."""
        if not query.timed:
            return
        query.timed = False
        message = self.chats[query.chat].messages[query.message]
        self.ledger.forget_tap((self.room_of(message), str(message.id)), query.id)
        if ref := self.ref_of(message):
            self.ledger.unpressed(ref)

    def menu_opened(self, message: Message) -> None:
        super().menu_opened(message)
        asked = [q for q in self.queries.values() if (q.chat, q.message) == (message.chat, message.id)]
        if asked and self.clock.time() - asked[-1].at < SETTLED:
            self.settle_query(asked[-1])

    # ------------------------------------------------------------------ messages

    def write(self, user: User, chat: Chat, text: str, **more: Any) -> Message:
        """Somebody writes; the bot hears of it if privacy mode lets it."""
        words, found = read(text, "")
        message = self.add(chat, user, words, entities=found, **more)
        if self._bot_hears(chat, message):
            self.updates.add("message", self.wire(message))
        return message

    def _bot_hears(self, chat: Chat, message: Message) -> bool:
        """https://core.telegram.org/bots/features#privacy-mode"""
        if not chat.is_group or self.reads_all or chat.bot == "administrator":
            return chat.bot not in ("kicked", "left")
        answered = chat.messages.get(message.reply_to)
        to_bot = answered is not None and answered.sender.id == BOT_ID
        return chat.bot == "member" and (to_bot or message.text.startswith("/") or bool(message.service))

    def write_as_group(self, who: str, room: str, text: str) -> Message:
        """An admin who stays anonymous: the group itself is the sender."""
        self.who(who)
        chat, thread = self.room(room)
        nobody = User(ANONYMOUS, "Group", username="GroupAnonymousBot", is_bot=True)
        return self.write(nobody, chat, text, thread=thread, sender_chat=chat.id)

    def forward(self, who: str, room: str, text: str, **more: Any) -> Message:
        user = self.who(who)
        chat, thread = self.room(room) if room else (self.private_chat(user), 0)
        return self.write(user, chat, text, thread=thread, forwarded=True, **more)

    def start(self, who: str, payload: str = "") -> Message:
        """Presses Start, perhaps behind a link that carries a word."""
        user = self.who(who)
        user.started, user.blocked = True, False
        return self.write(user, self.private_chat(user), f"/start {payload}".rstrip())

    # ------------------------------------------------------------------ chats

    def add_group(self, title: str, *, kind: str = "group", topics: dict[int, str] | None = None) -> Chat:
        """A room that nobody configured, with everybody in it."""
        number = -(4_000_000 + self.number()) if kind == "group" else -(1_002_000_000_000 + self.number())
        chat = Chat(number, kind, title, topics or {}, members=set(self.users))
        self.chats[number] = chat
        return chat

    def migrate(self, room: str) -> Chat:
        """The group becomes a supergroup: a new id, and the old messages can't be reached any more."""
        old, _ = self.room(room)
        new = self.add_group(old.title, kind="supergroup", topics=dict(old.topics))
        new.members = set(old.members)
        someone = next(user for user in self.users.values() if user.short)
        self.write(someone, old, "", service={"migrate_to_chat_id": new.id})
        self.write(someone, new, "", service={"migrate_from_chat_id": old.id})
        old.moved_to = new.id
        for message in old.messages.values():
            message.deleted = True
        return new

    def set_bot(self, room: str, status: str) -> None:
        """member, administrator, restricted, kicked or left."""
        chat, _ = self.room(room)
        before, chat.bot = chat.bot, status
        self._told_about_bot(chat, before, status, next(user for user in self.users.values() if user.short))

    def remove_bot(self, room: str) -> None:
        self.set_bot(room, "kicked")

    def add_bot(self, room: str) -> None:
        self.set_bot(room, "member")

    def block(self, who: str) -> None:
        user = self.who(who)
        user.blocked = True
        self._told_about_bot(self.private_chat(user), "member", "kicked", user)

    def unblock(self, who: str) -> None:
        user = self.who(who)
        user.blocked = False
        self._told_about_bot(self.private_chat(user), "kicked", "member", user)

    def _told_about_bot(self, chat: Chat, before: str, after: str, user: User) -> None:
        self.updates.add(
            "my_chat_member",
            {
                "chat": chat.wire(),
                "from": user.wire(),
                "date": int(self.clock.time()),
                "old_chat_member": member_wire(self.bot, before),
                "new_chat_member": member_wire(self.bot, after),
            },
        )
