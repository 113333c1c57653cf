"""What Discord sends, read into our own words. Pure; None for what is not of the expected shape.

https://docs.discord.com/developers/interactions/receiving-and-responding#interaction-object
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bot.ports import Said
from deskbell.core.ports import Interaction
from deskbell.faces.discord import EPHEMERAL
from deskbell.faces.discord_forms import CONNECT, Pressed, pressed
from deskbell.vendors.discord import PLATFORM

Body = Mapping[str, Any]

# Kinds of interactions, and of answers to them.
PING, COMMAND, COMPONENT, AUTOCOMPLETE, SUBMIT = 1, 2, 3, 4, 5
PONG, SAY, DEFER_UPDATE, UPDATE, CHOICES, MODAL = 1, 4, 6, 7, 8, 9
_THREADS = (10, 11, 12)
_SUB_COMMAND = 1


@dataclass(frozen=True, slots=True)
class Sender:
    """Who did it, by Discord's immutable ids, and where an answer for them can be sent."""

    id: str
    token: str
    account: str
    guild: str = ""  # nothing in a direct message
    room: str = ""  # the channel; for a thread, the one that it belongs to
    bot: bool = False

    @property
    def key(self) -> str:
        return f"{PLATFORM}:{self.id}"

    def said(self) -> Said:
        return Said(PLATFORM, self.account, self.guild, self.room if self.guild else "", self.key)


@dataclass(frozen=True, slots=True)
class Tap:
    """A button pressed, or something chosen. `private`: only this person sees the message that it is on."""

    sender: Sender
    pressed: Pressed
    values: tuple[str, ...] = ()
    private: bool = False

    @property
    def room(self) -> str:
        """Where the card stands: not asked for where it was posted to nobody else."""
        shown_here = self.pressed.where == "r" or not (self.private or self.pressed.where)
        return self.sender.room if shown_here and self.sender.guild else ""

    @property
    def where(self) -> str:
        """What a menu that this tap opens must remember of it."""
        return "r" if self.room else "p"

    def interaction(self, verb: str, args: Mapping[str, Any] | None = None, kind: str = "button") -> Interaction:
        return Interaction(
            key=self.sender.key,
            platform=PLATFORM,
            account=self.sender.account,
            verb=verb,
            token=self.pressed.token,
            args=args or {},
            workspace=self.sender.guild,
            room=self.room,
            kind=kind,
        )


@dataclass(frozen=True, slots=True)
class Form:
    """A form sent in: the tap that opened it, and its fields."""

    tap: Tap
    fields: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Connecting:
    """Somebody wants to say who they are; with the form, `code` is what they were given."""

    sender: Sender
    code: str | None = None


@dataclass(frozen=True, slots=True)
class Typed:
    """A slash command: its name, that of its sub-command, and its options by name."""

    sender: Sender
    command: str
    verb: str
    options: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Asked:
    """Somebody is typing in an option, and wants suggestions."""

    sender: Sender
    verb: str
    option: str
    typed: str


Read = Tap | Form | Connecting | Typed | Asked


def read(body: Body) -> Read | None:
    """None for a ping too: only the endpoint gets those, and answers them itself."""
    try:
        reader = _READERS.get(body["type"])
        return reader(_sender(body), body) if reader else None
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):
        return None


def _sender(body: Body) -> Sender:
    guild = str(body.get("guild_id") or "")
    user = body["member"]["user"] if guild else body["user"]
    channel = body.get("channel") or {}
    parent = channel.get("parent_id") if channel.get("type") in _THREADS else None
    return Sender(
        id=_digits(body["id"]),
        token=str(body["token"]),
        account=_digits(user["id"]),
        guild=_digits(guild) if guild else "",
        room=str(parent or body.get("channel_id") or ""),
        bot=bool(user.get("bot") or user.get("system")),
    )


def _digits(value: Any) -> str:
    text = str(value)
    if not (text.isascii() and text.isdigit() and len(text) <= 20):
        raise ValueError("no snowflake")
    return text


# ---------------------------------------------------------------- taps and forms


def _tap(sender: Sender, body: Body) -> Read | None:
    data = body["data"]
    if data["custom_id"] == CONNECT:
        return Connecting(sender)
    found = pressed(str(data["custom_id"]))
    if found is None:
        return None
    return Tap(sender, found, tuple(str(value) for value in data.get("values") or ()), _is_private(body))


def _form(sender: Sender, body: Body) -> Read | None:
    data = body["data"]
    fields = dict(_fields(data["components"]))
    if data["custom_id"] == CONNECT:
        return Connecting(sender, fields.get("answer", ""))
    found = pressed(str(data["custom_id"]))
    return Form(Tap(sender, found, private=_is_private(body)), fields) if found else None


def _is_private(body: Body) -> bool:
    message = body.get("message")
    return bool(message and int(message.get("flags") or 0) & EPHEMERAL)


def _fields(components: Sequence[Body]) -> Iterator[tuple[str, str]]:
    """Labels wrap what is filled in; older clients send rows."""
    for part in components:
        inner = [part["component"]] if "component" in part else part.get("components")
        if inner:
            yield from _fields(inner)
        elif "custom_id" in part:
            chosen = part.get("values") or ()
            yield str(part["custom_id"]), str(part.get("value") or (chosen[0] if chosen else "")).strip()


# ---------------------------------------------------------------- typed


def _typed(sender: Sender, body: Body) -> Read:
    command, verb, options = _options(body["data"])
    return Typed(sender, command, verb, {str(one["name"]): str(one["value"]) for one in options})


def _asked(sender: Sender, body: Body) -> Read | None:
    command, verb, options = _options(body["data"])
    focused = next((one for one in options if one.get("focused")), None)
    if focused is None:
        return None
    return Asked(sender, verb or command, str(focused["name"]), str(focused.get("value") or ""))


def _options(data: Body) -> tuple[str, str, Sequence[Body]]:
    options = data.get("options") or ()
    if options and options[0].get("type") == _SUB_COMMAND:
        return str(data["name"]), str(options[0]["name"]), options[0].get("options") or ()
    return str(data["name"]), "", options


_READERS = {COMMAND: _typed, COMPONENT: _tap, AUTOCOMPLETE: _asked, SUBMIT: _form}
