"""What Teams sends, read into our own words. Pure; None for what is not of the expected shape."""

import hashlib
import html
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from bot.ports import Said
from deskbell.core.ports import Interaction
from deskbell.faces import teams_forms as forms
from deskbell.vendors.teams import PLATFORM, room_of

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Sender:
    """Who did it, by Entra's immutable id, and where: `conversation` is the thread, `room` the channel or chat."""

    account: str
    user: str
    workspace: str
    conversation: str
    room: str
    service: str
    team: str = ""
    private: bool = False
    bot: bool = False


@dataclass(frozen=True, slots=True)
class Tap:
    """A button pressed, or a client that asks for its person's view of the card."""

    sender: Sender
    key: str
    verb: str
    data: Mapping[str, Any] = field(default_factory=dict)
    message: str = ""

    @property
    def token(self) -> str:
        return str(self.data.get("token") or "")

    def interaction(self, args: Mapping[str, Any]) -> Interaction:
        return Interaction(
            key=self.key,
            platform=PLATFORM,
            account=self.sender.account,
            verb=self.verb,
            token=self.token,
            args=args,
            workspace=self.sender.workspace,
            room="" if self.sender.private else self.sender.room,
            kind="form" if "input" in self.data or "text" in self.data else "button",
        )


@dataclass(frozen=True, slots=True)
class Typed:
    """A line for us: what was said in private, or behind our name in a room."""

    sender: Sender
    key: str
    text: str
    mentions: Mapping[str, str] = field(default_factory=dict)  # how it stands in the text -> 29:...

    @property
    def said(self) -> Said:
        who = self.sender
        return Said(PLATFORM, who.account, who.workspace, "" if who.private else who.room, self.key)


def read_sender(activity: Json) -> Sender:
    who, place, data = (_table(activity, name) for name in ("from", "conversation", "channelData"))
    conversation = str(place.get("id") or "")
    tenant = _table(data, "tenant").get("id") or place.get("tenantId")
    user = str(who.get("id") or "")
    return Sender(
        account=str(who.get("aadObjectId") or ""),
        user=user,
        workspace=str(tenant or ""),
        conversation=conversation,
        room=room_of(conversation),
        service=str(activity.get("serviceUrl") or ""),
        team=str(_table(data, "team").get("id") or ""),
        private=place.get("conversationType") == "personal",
        bot=user.startswith("28:") or who.get("role") in ("bot", "skill"),
    )


def read_action(activity: Json) -> Tap | None:
    """Action.Execute: `value.action.data` is what the button carries, with what was filled in."""
    action = _table(_table(activity, "value"), "action")
    return _tap(activity, _table(action, "data"), str(action.get("verb") or ""))


def read_submit(activity: Json) -> Tap | None:
    """Action.Submit, from clients that know no other: the same data as the value of a message without text."""
    return _tap(activity, _table(activity, "value"), "")


def _tap(activity: Json, data: Json, verb: str) -> Tap | None:
    verb = forms.verb_of(data, verb)
    if not verb:
        return None
    message = str(activity.get("replyToId") or "")
    return Tap(read_sender(activity), read_key(activity), verb[:40], data, message)


def read_typed(activity: Json) -> Typed | None:
    """In a room, only what mentions us is for us."""
    sender = read_sender(activity)
    us = str(_table(activity, "recipient").get("id") or "")
    text, named = str(activity.get("text") or ""), _mentions(activity)
    ours = [words for words, who in named.items() if who == us]
    if not text.strip() or not (ours or sender.private):
        return None
    for words in ours:
        text = text.replace(words, " ", 1)
    others = {words: who for words, who in named.items() if who != us}
    return Typed(sender, read_key(activity), text, others)


def read_key(activity: Json) -> str:
    """The platform's own id: unique in its conversation, and not beyond it."""
    conversation = str(_table(activity, "conversation").get("id") or "")
    own = str(activity.get("id") or "") or hashlib.sha256(orjson.dumps(activity)).hexdigest()[:32]
    return f"{PLATFORM}:{conversation}:{own}"


def plain(text: str) -> str:
    """Typed text without Teams' tags and entities."""
    return html.unescape(_TAG.sub("", text)).replace("\xa0", " ").strip()


_TAG = re.compile(r"</?[a-z][^<>]{0,200}>", re.IGNORECASE)


def read_search(activity: Json) -> tuple[str, str, int]:
    """The data set, what was typed, and how many are wanted."""
    value = _table(activity, "value")
    options = _table(value, "queryOptions")
    top = options.get("top")
    count = top if isinstance(top, int) and not isinstance(top, bool) else 25
    return str(value.get("dataset") or ""), str(value.get("queryText") or "")[:100], min(max(count, 1), 100)


def _mentions(activity: Json) -> dict[str, str]:
    found = {}
    for entity in activity.get("entities") or []:
        who = _table(entity, "mentioned").get("id")
        words = entity.get("text")
        if entity.get("type") == "mention" and isinstance(who, str) and isinstance(words, str) and words:
            found[words] = who
    return found


def _table(data: Mapping[str, Any], name: str) -> Json:
    value = data.get(name)
    return value if isinstance(value, dict) else {}
