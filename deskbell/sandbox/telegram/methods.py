"""The methods that say, change and take back. https://core.telegram.org/bots/api#available-methods"""

from deskbell.sandbox.telegram.api import Args, bad, method
from deskbell.sandbox.telegram.entities import RAW, TEXT, Entity, Unparsable, read, units
from deskbell.sandbox.telegram.hub import Hub
from deskbell.sandbox.telegram.keyboards import read_markup
from deskbell.sandbox.telegram.model import BOT_ID, Chat, Message
from deskbell.sandbox.web import Json

DELETABLE = 48 * 3600.0
TOAST = 200
QUERY_LIFE = 15 * 60.0  # not documented; a client shows its spinner for a shorter time


def read_text(hub: Hub, args: Args) -> tuple[str, list[Entity]]:
    raw = args.text("text")
    if len(raw.encode("utf-8", "surrogatepass")) > RAW:
        raise bad("message is too long")
    given = args.nested("entities")
    try:
        words, found = read(raw, "" if given else args.text("parse_mode"))
    except Unparsable as error:
        raise bad(f"can't parse entities: {error}") from None
    if not words:
        raise bad("message text is empty")
    if units(words) > TEXT:
        raise bad("message is too long")
    # A person whom the bot never met can't be linked to.
    return words, [entity for entity in found if not entity.user or entity.user in hub.users]


def thread_of(chat: Chat, args: Args) -> int:
    thread = args.number("message_thread_id")
    if not thread:
        return 0
    if thread not in chat.topics:
        raise bad("message thread not found")
    if thread in chat.closed_topics:
        raise bad("TOPIC_CLOSED")
    return thread


def answered(chat: Chat, args: Args) -> int:
    parameters = args.nested("reply_parameters")
    if parameters is None:
        return 0
    found = chat.messages.get(int(parameters.get("message_id", 0)))
    if found is not None and not found.deleted:
        return found.id
    if parameters.get("allow_sending_without_reply"):
        return 0
    raise bad("message to be replied not found")


@method("sendMessage", sends=True)
def send_message(hub: Hub, args: Args) -> Json:
    chat = hub.target(args.values.get("chat_id"))
    words, found = read_text(hub, args)
    markup = read_markup(args.nested("reply_markup", "can't parse reply keyboard markup JSON object"))
    thread, reply_to = thread_of(chat, args), answered(chat, args)
    message = hub.add(
        chat,
        hub.bot,
        words,
        entities=found,
        markup=markup,
        thread=thread,
        reply_to=reply_to,
        silent=args.flag("disable_notification"),
    )
    hub.was_posted(message)
    return hub.wire(message)


def own(hub: Hub, args: Args, missing: str) -> Message:
    chat = hub.target(args.values.get("chat_id"))
    message = chat.messages.get(args.number("message_id"))
    if message is None or message.deleted:
        raise bad(missing)
    return message


def editable(hub: Hub, args: Args) -> Message:
    message = own(hub, args, "message to edit not found")
    if message.sender.id != BOT_ID:
        raise bad("message can't be edited")
    return message


@method("editMessageText", edits=True)
def edit_text(hub: Hub, args: Args) -> Json:
    message = editable(hub, args)
    words, found = read_text(hub, args)
    markup = read_markup(args.nested("reply_markup", "can't parse reply keyboard markup JSON object"))
    if (words, found, markup) == (message.text, message.entities, message.markup):
        raise bad(
            "message is not modified: specified new message content and reply markup are exactly the same"
            " as a current content and reply markup of the message"
        )
    _changed(hub, message, markup)
    message.text, message.entities = words, found
    message.edits += 1  # a new keyboard alone does not count: clients show no "edited" for it
    hub.was_edited(message)
    return hub.wire(message)


@method("editMessageReplyMarkup", edits=True)
def edit_markup(hub: Hub, args: Args) -> Json:
    message = editable(hub, args)
    markup = read_markup(args.nested("reply_markup", "can't parse reply keyboard markup JSON object"))
    if markup == message.markup:
        raise bad("message is not modified: specified new message content and reply markup are exactly the same")
    _changed(hub, message, markup)
    hub.menu_opened(message)
    return hub.wire(message)


def _changed(hub: Hub, message: Message, markup: Json | None) -> None:
    message.markup = markup
    message.had_buttons |= bool(message.buttons)
    message.edited_at = hub.clock.time()


@method("deleteMessage")
def delete_message(hub: Hub, args: Args) -> bool:
    message = own(hub, args, "message to delete not found")
    if message.sender.id != BOT_ID or hub.clock.time() - message.date > DELETABLE:
        raise bad("message can't be deleted for everyone")
    hub.was_deleted(message)
    return True


@method("answerCallbackQuery")
def answer_query(hub: Hub, args: Args) -> bool:
    query = hub.queries.get(args.text("callback_query_id"))
    if query is None or query.answered or hub.clock.time() - query.at > QUERY_LIFE:
        raise bad("query is too old and response timeout expired or query ID is invalid")
    text, url = args.text("text"), args.text("url")
    if len(text) > TOAST:
        raise bad("MESSAGE_TOO_LONG")
    if url and not url.startswith((f"https://t.me/{hub.bot.username}?", f"tg://resolve?domain={hub.bot.username}")):
        raise bad("URL_INVALID")
    query.answered, query.text, query.url, query.alert = True, text, url, args.flag("show_alert")
    hub.ledger.note("telegram", "answered", user=query.user.short, text=text, alert=query.alert)
    return True


@method("sendChatAction")
def chat_action(hub: Hub, args: Args) -> bool:
    thread_of(hub.target(args.values.get("chat_id")), args)
    if args.text("action") != "typing":
        raise bad("wrong parameter action in request")
    return True
