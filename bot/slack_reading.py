"""What Slack sends, read into our own words. Pure; None for what is not of the expected shape."""

import hashlib
import html
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from bot.ports import Said
from deskbell.core.ports import Interaction
from deskbell.core.text import parse_span
from deskbell.faces.slack import CHOICE_SEPARATOR, verb_of
from deskbell.faces.slack_forms import Origin, origin_of
from deskbell.vendors.slack import PLATFORM

Body = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Sender:
    """Who did it, by Slack's immutable ids, and where an answer for them alone can be put."""

    account: str
    workspace: str
    enterprise: str = ""
    channel: str = ""
    response_url: str = ""
    bot: bool = False


@dataclass(frozen=True, slots=True)
class Tap:
    """A button pressed, or a choice made in a menu of buttons."""

    sender: Sender
    key: str
    verb: str
    token: str
    choice: str = ""
    trigger: str = ""
    ephemeral: bool = False  # the card was shown to this person alone, in answer to a command

    @property
    def interaction(self) -> Interaction:
        return Interaction(
            key=self.key,
            platform=PLATFORM,
            account=self.sender.account,
            verb=self.verb,
            token=self.token,
            args=self._args,
            workspace=self.sender.workspace,
            room=self.room,
        )

    @property
    def _args(self) -> Mapping[str, Any]:
        if not self.choice:
            return {}
        return {"span": parse_span(self.choice)} if self.verb == "snooze" else {"choice": self.choice}

    @property
    def room(self) -> str:
        """Asked for because a card may be answered only where it was posted; what one person alone was shown, in
        answer to a command or in a direct message, was posted nowhere.
        """
        return "" if self.ephemeral or self.sender.channel.startswith("D") else self.sender.channel

    @property
    def origin(self) -> Origin:
        return Origin(self.token, self.sender.channel, self.room)


@dataclass(frozen=True, slots=True)
class Form:
    """A form sent in."""

    sender: Sender
    key: str
    verb: str
    origin: Origin
    values: Mapping[str, Any] = field(default_factory=dict)

    def interaction(self, args: Mapping[str, Any]) -> Interaction:
        return Interaction(
            key=self.key,
            platform=PLATFORM,
            account=self.sender.account,
            verb=self.verb,
            token=self.origin.token,
            args=args,
            workspace=self.sender.workspace,
            room=self.origin.room,
            kind="form",
        )

    @property
    def said(self) -> Said:
        who = self.sender
        return Said(PLATFORM, who.account, who.workspace, self.origin.room, self.key)


@dataclass(frozen=True, slots=True)
class Typed:
    """A slash command."""

    sender: Sender
    key: str
    command: str
    text: str

    @property
    def said(self) -> Said:
        who = self.sender
        return Said(PLATFORM, who.account, who.workspace, who.channel, self.key)

    @property
    def interaction(self) -> Interaction:
        """For the audit, when it is not listened to."""
        said = self.said
        return Interaction(said.key, PLATFORM, said.account, self.command, room=said.room, kind="command")


def read_tap(body: Body) -> Tap | None:
    try:
        action, user = body["actions"][0], body["user"]["id"]
        value = _value(action)
        token, _, choice = value.partition(CHOICE_SEPARATOR)
        trigger = str(body.get("trigger_id") or "")
        container = body.get("container") or {}
        return Tap(
            sender=_sender(body),
            key=f"{PLATFORM}:{trigger or _key_of(action, user)}",
            verb=verb_of(str(action["action_id"])),
            token=token,
            choice=choice,
            trigger=trigger,
            ephemeral=bool(container.get("is_ephemeral")),
        )
    except (AttributeError, IndexError, KeyError, TypeError):
        return None


def read_form(body: Body) -> Form | None:
    try:
        view = body["view"]
        origin = origin_of(str(view["private_metadata"]))
        if origin is None:
            return None
        sender = _sender(body)
        values = view["state"]["values"]
        return Form(
            sender=Sender(sender.account, sender.workspace, sender.enterprise, origin.channel, bot=sender.bot),
            key=f"{PLATFORM}:{body.get('trigger_id') or _form_key(view, values)}",
            verb=verb_of(str(view["callback_id"])),
            origin=origin,
            values=values,
        )
    except (AttributeError, KeyError, TypeError):
        return None


def read_typed(body: Body) -> Typed | None:
    try:
        sender = Sender(
            account=str(body["user_id"]),
            workspace=str(body["team_id"]),
            enterprise=str(body.get("enterprise_id") or ""),
            channel=str(body["channel_id"]),
            response_url=str(body.get("response_url") or ""),
        )
        key = str(body.get("trigger_id") or "") or _digest([sender.account, body.get("response_url"), body.get("text")])
        return Typed(sender, f"{PLATFORM}:{key}", str(body["command"]), plain(str(body.get("text") or "")))
    except (KeyError, TypeError):
        return None


# ---------------------------------------------------------------- the parts


def _sender(body: Body) -> Sender:
    user, container = body["user"], body.get("container") or {}
    channel = body.get("channel") or {}
    return Sender(
        account=str(user["id"]),
        workspace=str(user.get("team_id") or (body.get("team") or {}).get("id") or ""),
        enterprise=str((body.get("enterprise") or {}).get("id") or ""),
        channel=str(channel.get("id") or container.get("channel_id") or ""),
        response_url=str(body.get("response_url") or ""),
        bot=bool(user.get("is_bot") or body.get("bot_id") or user["id"] == "USLACKBOT"),
    )


def _value(action: Mapping[str, Any]) -> str:
    chosen = action.get("selected_option") or {}
    return str(action.get("value") or chosen.get("value") or "")


def _key_of(action: Mapping[str, Any], user: str) -> str:
    return f"{action['action_ts']}:{user}:{action['action_id']}"


def _form_key(view: Mapping[str, Any], values: Any) -> str:
    """A form that was refused is sent again under the same id and hash, with other values."""
    return f"{view['id']}:{view.get('hash', '')}:{_digest(values)}"


def _digest(data: Any) -> str:
    return hashlib.sha256(orjson.dumps(data, option=orjson.OPT_SORT_KEYS)).hexdigest()[:32]


# ---------------------------------------------------------------- typed text

_CHANNEL = re.compile(r"<#[A-Z0-9]+(?:\|([^>]*))?>")
_LINK = re.compile(r"<((?:https?|mailto|tel):[^|>]*)(?:\|[^>]*)?>")
MENTION = re.compile(r"<@([A-Z0-9]+)(?:\|[^>]*)?>")


def plain(text: str) -> str:
    """Typed text without Slack's entities and brackets; mentions of people stay, for whoever can look them up."""
    text = _CHANNEL.sub(lambda match: f"#{match[1] or 'channel'}", text)
    text = _LINK.sub(lambda match: match[1].removeprefix("mailto:").removeprefix("tel:"), text)
    return html.unescape(text)
