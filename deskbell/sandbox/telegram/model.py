"""Who is there, where, and what has been said; and how the Bot API writes it."""

from dataclasses import dataclass, field

from deskbell.sandbox.telegram.entities import Entity
from deskbell.sandbox.web import Json

BOT_ID = 7_000_000
ANONYMOUS = 1_087_968_824  # @GroupAnonymousBot, in whose name an anonymous admin writes


@dataclass(slots=True)
class User:
    id: int
    first_name: str
    last_name: str = ""
    username: str = ""
    is_bot: bool = False
    short: str = ""  # how the scripted people call them
    title: str = ""
    started: bool = False  # pressed Start: the bot may write to them
    blocked: bool = False  # and stopped the bot again

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip()

    def wire(self) -> Json:
        out: Json = {"id": self.id, "is_bot": self.is_bot, "first_name": self.first_name}
        out |= {"last_name": self.last_name} if self.last_name else {}
        return out | ({"username": self.username} if self.username else {"language_code": "en"})


@dataclass(slots=True)
class Message:
    chat: int
    id: int
    date: float
    sender: User
    text: str = ""
    entities: list[Entity] = field(default_factory=list)
    thread: int = 0
    reply_to: int = 0
    markup: Json | None = None
    silent: bool = False
    sender_chat: int = 0
    forwarded: bool = False
    via_bot: bool = False
    service: Json = field(default_factory=dict)  # what a service message carries
    edits: int = 0
    edited_at: float = 0.0
    deleted: bool = False
    dropped: bool = False
    had_buttons: bool = False

    @property
    def live(self) -> bool:
        return not self.deleted and not self.dropped

    @property
    def rows(self) -> list[list[Json]]:
        return list((self.markup or {}).get("inline_keyboard", []))

    @property
    def buttons(self) -> list[Json]:
        return [button for row in self.rows for button in row]


@dataclass(slots=True)
class Chat:
    id: int
    kind: str  # private | group | supergroup
    title: str = ""
    topics: dict[int, str] = field(default_factory=dict)  # a forum's, without General
    closed_topics: set[int] = field(default_factory=set)
    members: set[int] = field(default_factory=set)
    bot: str = "member"  # member | administrator | restricted | kicked | left
    moved_to: int = 0
    user: User | None = None  # whom a private chat is with
    messages: dict[int, Message] = field(default_factory=dict)

    @property
    def is_group(self) -> bool:
        return self.kind != "private"

    @property
    def is_forum(self) -> bool:
        return bool(self.topics)

    def wire(self) -> Json:
        if self.user is not None:
            return {"type": "private"} | {k: v for k, v in self.user.wire().items() if k not in _NOT_OF_CHATS}
        out: Json = {"id": self.id, "type": self.kind, "title": self.title}
        return out | ({"is_forum": True} if self.is_forum else {})


_NOT_OF_CHATS = ("is_bot", "language_code")


def entity_wire(entity: Entity, users: dict[int, User]) -> Json:
    out = entity.wire()
    return out | ({"user": users[entity.user].wire()} if entity.user else {})


def message_wire(message: Message, chats: dict[int, Chat], users: dict[int, User], depth: int = 0) -> Json:
    """As the Bot API writes it; a message it answers is told one level deep."""
    chat = chats[message.chat]
    out: Json = {
        "message_id": message.id,
        "date": int(message.date),
        "chat": chat.wire(),
        "from": message.sender.wire(),
    }
    out |= {"message_thread_id": message.thread, "is_topic_message": True} if message.thread else {}
    out |= {"sender_chat": chats[message.sender_chat].wire()} if message.sender_chat else {}
    out |= {"edit_date": int(message.edited_at)} if message.edited_at else {}
    if message.forwarded:
        origin = {"type": "hidden_user", "date": int(message.date), "sender_user_name": "Somebody"}
        out["forward_origin"] = origin
    out |= {"via_bot": users[BOT_ID].wire()} if message.via_bot else {}
    if message.text:
        out["text"] = message.text
    if message.entities:
        out["entities"] = [entity_wire(entity, users) for entity in message.entities]
    answered = chat.messages.get(message.reply_to)
    if answered is not None and not answered.deleted and not depth:
        out["reply_to_message"] = message_wire(answered, chats, users, depth + 1)
    if message.markup and "inline_keyboard" in message.markup:
        out["reply_markup"] = message.markup
    return out | message.service


def member_wire(user: User, status: str) -> Json:
    base: Json = {"status": status, "user": user.wire()}
    if status == "administrator":
        rights = (
            "can_be_edited is_anonymous can_manage_chat can_delete_messages can_manage_video_chats can_restrict_members"
            " can_promote_members can_change_info can_invite_users can_post_stories can_edit_stories can_delete_stories"
        )
        return base | dict.fromkeys(rights.split(), False)
    if status == "restricted":
        rights = (
            "can_send_messages can_send_audios can_send_documents can_send_photos can_send_videos can_send_video_notes"
            " can_send_voice_notes can_send_polls can_send_other_messages can_add_web_page_previews can_change_info"
            " can_invite_users can_pin_messages can_manage_topics can_edit_tag can_react_to_messages"
        )
        return base | {"is_member": True, "until_date": 0} | dict.fromkeys(rights.split(), False)
    return base | ({"until_date": 0} if status == "kicked" else {})
