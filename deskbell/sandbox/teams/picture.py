"""Everything that the page draws of Teams, as one JSON document."""

from typing import TYPE_CHECKING

from deskbell.sandbox.staff import STAFF
from deskbell.sandbox.teams.tenant import BOT, Conversation, Message
from deskbell.sandbox.web import Json

if TYPE_CHECKING:
    from deskbell.sandbox.teams.hub import Teams

SHOWN = 60  # messages of a room, without those that reply to them
TOASTS = 20


def state(teams: "Teams") -> Json:
    places = teams.tenant.conversations.values()
    return {
        "bot": BOT,
        "people": [{"id": one.id, "name": one.name} for one in STAFF.values()],
        "rooms": [room(teams, place) for place in places],
        "toasts": [{"at": at, "who": who, "text": text} for at, who, text in teams.toasts[-TOASTS:]],
    }


def room(teams: "Teams", place: Conversation) -> Json:
    live = [one for one in place.messages.values() if teams.tenant.visible(one)]
    replies: dict[str, list[Json]] = {}
    for one in live:
        if one.is_reply:
            replies.setdefault(one.root, []).append(message(one))
    top = [one for one in live if not one.is_reply][-SHOWN:]
    return {
        "id": place.id,
        "name": place.name,
        "person": place.person,
        "members": sorted(place.members),
        "installed": place.installed,
        "messages": [message(one) | {"replies": replies.get(one.id, [])} for one in top],
    }


def message(one: Message) -> Json:
    return {
        "id": one.id,
        "author": one.author,
        "at": one.at,
        "text": one.activity.get("text", ""),
        "format": one.activity.get("textFormat", "plain"),
        "card": one.card,
        "views": one.views,
        "edits": one.edits,
        "mentions": one.mentions,
    }
