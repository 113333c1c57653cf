"""The people's side of the stand-in: press, choose, fill in, type. Tests, the page and scripted people come here."""

from collections.abc import Mapping, Sequence
from typing import Any

from aiohttp import web

from deskbell.sandbox import credentials
from deskbell.sandbox.chat import Card, Do, Heard, Refused
from deskbell.sandbox.clock import Clock, Pulse
from deskbell.sandbox.discord import rest, view, wire
from deskbell.sandbox.discord import typed as lines
from deskbell.sandbox.discord.components import BUTTON, SELECTS, STRING_SELECT, USER_SELECT, walk
from deskbell.sandbox.discord.delivery import Delivery
from deskbell.sandbox.discord.hub import NAME, Hub, is_card
from deskbell.sandbox.discord.interactions import AUTOCOMPLETE, COMMAND, COMPONENT, SUBMIT, Interactions, Live
from deskbell.sandbox.discord.sockets import PATH, Sockets
from deskbell.sandbox.discord.world import DM, VIEW, Channel, Message
from deskbell.sandbox.faults import Faults
from deskbell.sandbox.ledger import Ledger
from deskbell.sandbox.staff import Staff
from deskbell.sandbox.web import Json

SEEN_SECONDS = 5.0


class DiscordStandIn:
    """One Discord server on the loopback."""

    name = NAME

    def __init__(self, clock: Clock, ledger: Ledger, pulse: Pulse) -> None:
        self.clock, self.ledger, self.pulse = clock, ledger, pulse
        self.hub = Hub(clock, ledger, pulse)
        self.world = self.hub.world
        self.interactions = Interactions(self.hub)
        self.sockets = Sockets(self.hub)
        self.delivery = Delivery(self.hub, self.interactions, self.sockets)
        self.desk_url = ""
        self._url = ""

    # ------------------------------------------------------------ life

    @property
    def url(self) -> str:
        return self._url

    @url.setter
    def url(self, url: str) -> None:
        """Known once the server listens."""
        self._url = url
        self.sockets.url = self.gateway_url

    @property
    def gateway_url(self) -> str:
        return self._url.replace("http", "ws", 1) + PATH

    @property
    def faults(self) -> Faults:
        return self.hub.faults

    @property
    def sabotage(self) -> bool:
        return self.hub.sabotage

    @sabotage.setter
    def sabotage(self, on: bool) -> None:
        self.hub.sabotage = on

    def no_limits(self) -> None:
        self.hub.no_limits()

    def add_routes(self, router: web.UrlDispatcher) -> None:
        router.add_get(PATH, self.sockets.serve)
        rest.add_routes(self, router)

    async def close(self) -> None:
        await self.sockets.close()
        await self.delivery.close()

    # ------------------------------------------------------------ what can be seen

    def cards(self, room: str = "") -> Sequence[Card]:
        return [self.card(one) for one in self._live() if is_card(one) and room in ("", one.channel)]

    def card(self, one: Message) -> Card:
        labels = tuple(button.get("label", "") for button in one.buttons())
        return Card(NAME, one.channel, one.id, one.ref, one.text(), labels, len(one.edited))

    def texts(self, room: str) -> Sequence[str]:
        inside = {room, *(one.id for one in self.world.channels.values() if one.parent == room)}
        found = sorted((one for one in self._live() if one.channel in inside), key=lambda one: int(one.id))
        return [one.text() for one in found]

    def private(self, who: str) -> Sequence[str]:
        return [one.text() for one in self._private(self.world.person(who))]

    def dropped(self) -> Sequence[Card]:
        return [self.card(one) for one in self.world.all_messages() if one.dropped and not one.deleted]

    def duplicates(self) -> Sequence[Json]:
        same: dict[tuple[str, ...], list[str]] = {}
        for one in self._live():
            key = ("card", one.channel, one.ref) if is_card(one) else ("note", one.channel, str(one.nonce or one.id))
            same.setdefault(key, []).append(one.id)
        return [{"identity": key, "messages": ids} for key, ids in same.items() if len(ids) > 1]

    def state(self) -> Json:
        return view.state(self)

    def _live(self) -> list[Message]:
        """What people can see in rooms and threads, of the bot's."""
        return [
            one
            for one in self.world.all_messages()
            if one.visible and self.world.channels[one.channel].type != DM and one.author == credentials.DISCORD_APP
        ]

    def _private(self, who: Staff) -> list[Message]:
        own = [one for one in self.world.ephemerals if one.only == who.discord and one.visible]
        direct = [one for one in self.world.direct(who.discord).messages.values() if one.visible]
        return sorted(own + direct, key=lambda one: int(one.id))

    # ------------------------------------------------------------ one step

    async def tap(
        self, who: str, message: Message, custom_id: str, values: Sequence[str] = (), *, changes: bool = True
    ) -> Live:
        """Presses a button, or chooses in a menu. What is not on the message can't be pressed, whoever asks."""
        person, place = self.world.person(who), self.world.channels[message.channel]
        component = next((one for one in walk(message.components) if one.get("custom_id") == custom_id), None)
        if component is None or not message.visible or message.only not in ("", person.discord):
            raise Refused(f"{person.name} sees no such button on {message.id}")
        data: Json = {"custom_id": custom_id, "component_type": component["type"], "id": component["id"]}
        if component["type"] in SELECTS:
            data |= self._chosen(component, values)
        live = self.interactions.new(COMPONENT, person, place, data, message)
        waits = changes and not message.only and bool(message.ref)
        if changes and message.ref:
            self.ledger.pressed(message.ref)
        if waits:
            self.ledger.tapped((message.channel, message.id), live.id)
        await self.interactions.run(live, self.delivery.send)
        self.ledger.note(NAME, "tap", user=person.id, message=message.id, custom_id=custom_id, error=live.error)
        if live.error or live.modal:
            self.ledger.forget_tap((message.channel, message.id), live.id)
            self.ledger.unpressed(message.ref)
        return live

    def _chosen(self, component: Json, values: Sequence[str]) -> Json:
        if component["type"] == STRING_SELECT:
            offered = {option["value"] for option in component["options"]}
            if not values or not set(values) <= offered:
                raise Refused(f"{list(values)} is not on offer: {sorted(offered)}")
            return {"values": list(values)}
        people = {one: wire.user(self.world.person(one)) for one in values}
        members = {one: wire.member(self.world, user) for one, user in people.items()}
        for one in members.values():
            del one["user"], one["mute"], one["deaf"]
        return {"values": list(values), "resolved": {"users": people, "members": members}}

    async def submit(self, form: str, typed: Mapping[str, str | list[str]], *, changes: bool = True) -> Live:
        """Sends a form in."""
        opened = self.interactions.modals.get(form)
        if opened is None:
            raise Refused(f"there is no open form {form}")
        body = opened.body
        data = {"custom_id": body["custom_id"], "components": lines.fields(body["components"], typed), "resolved": {}}
        del self.interactions.modals[form]
        source = opened.opener.source
        live = self.interactions.new(SUBMIT, opened.who, opened.opener.place, data, source)
        if changes and source is not None and source.ref:
            self.ledger.pressed(source.ref)
            self.ledger.tapped((source.channel, source.id), live.id)
        await self.interactions.run(live, self.delivery.send)
        self.ledger.note(NAME, "tap", user=opened.who.id, form=body["custom_id"], error=live.error)
        if live.error and source is not None:
            self.ledger.forget_tap((source.channel, source.id), live.id)
            self.ledger.unpressed(source.ref)
        return live

    async def command(self, who: str, room: str, text: str) -> Live:
        person, place = self._in_room(who, room)
        command, options = lines.read(self._commands(), text)
        data = {"id": command["id"], "name": command["name"], "type": 1, "options": options}
        live = self.interactions.new(COMMAND, person, place, data | {"guild_id": credentials.DISCORD_GUILD})
        await self.interactions.run(live, self.delivery.send)
        self.ledger.note(NAME, "command", user=person.id, text=text, error=live.error)
        return live

    async def suggest(self, who: str, room: str, path: str, option: str, typed: str, given: Mapping[str, str]) -> Live:
        """A key pressed in an option: `path` is "desk show". What else was filled in goes along."""
        person, place = self._in_room(who, room)
        name, _, sub = path.partition(" ")
        command = next(one for one in self._commands() if one["name"] == name)
        inside: list[Json] = [{"name": key, "type": 3, "value": text} for key, text in given.items()]
        inside.append({"name": option, "type": 3, "value": typed, "focused": True})
        options = [{"type": 1, "name": sub, "options": inside}] if sub else inside
        data = {"id": command["id"], "name": name, "type": 1, "options": options}
        live = self.interactions.new(AUTOCOMPLETE, person, place, data)
        return await self.interactions.run(live, self.delivery.send)

    def _commands(self) -> list[Json]:
        return [*self.hub.commands.get(credentials.DISCORD_GUILD, []), *self.hub.commands.get("", [])]

    def _in_room(self, who: str, room: str) -> tuple[Staff, Channel]:
        person, place = self.world.person(who), self.world.channels.get(room)
        if place is None or place.deleted or place.type == DM:
            raise Refused("the commands of a server are not there in direct messages")
        if not self.world.permissions(person.discord, place) & VIEW:
            raise Refused(f"{person.name} can't see {place.name}")
        return person, place

    # ------------------------------------------------------------ all steps

    async def press(self, who: str, card: Card, label: str, *answers: str, changes: bool = True) -> Heard:
        place = self.world.channels.get(card.room)
        message = place.messages.get(card.id) if place else None
        if message is None or not message.visible:
            raise Refused(f"there is no card {card.ref} any more")
        return await self._press(who, message, label, answers, changes=changes)

    async def press_private(self, who: str, label: str, *answers: str) -> Heard:
        for message in reversed(self._private(self.world.person(who))):
            if _button(message, label) is not None:
                return await self._press(who, message, label, answers, changes=True)
        raise Refused(f"nothing that {who} alone sees has a button {label}")

    async def _press(self, who: str, message: Message, label: str, answers: Sequence[str], *, changes: bool) -> Heard:
        button = _button(message, label)
        if button is None:
            raise Refused(f"there is no {label} on {message.id}; there are {message.labels()}")
        direct = len(self._direct_texts(who))
        edits = len(message.edited)
        live = await self.tap(who, message, button["custom_id"], changes=changes)
        live = await self._answer(who, live, list(answers), changes=changes)
        await self.pulse.until(lambda: live.error or live.said or len(message.edited) > edits, SEEN_SECONDS)
        return self._heard(who, live, direct)

    async def _answer(self, who: str, live: Live, answers: list[str], *, changes: bool) -> Live:
        """Goes on as long as something asks: forms, menus and buttons, in whatever order they come."""
        while not live.error:
            if live.modal is not None:
                form = next(one for one in reversed(self.interactions.modals.values()) if one.opener is live)
                live = await self.submit(form.id, self._typed(form.body, answers), changes=changes)
                answers = []
            elif answers and live.said and (found := self._offered(live.said[-1], answers[0])):
                component, values = found
                live = await self.tap(who, live.said[-1], component["custom_id"], values, changes=changes)
                answers = answers[1:]
            else:
                return live
        return live

    def _typed(self, form: Json, answers: Sequence[str]) -> dict[str, str | list[str]]:
        """Each answer is an option of a menu, where one begins so; else it is typed into the next box."""
        out: dict[str, str | list[str]] = {}
        for answer in answers:
            for inner in walk(form["components"]):
                if inner["custom_id"] in out:
                    continue
                values = self._values(inner, answer) if inner["type"] in SELECTS else None
                if values or inner["type"] not in SELECTS:
                    out[inner["custom_id"]] = values or answer
                    break
        return out

    def _offered(self, message: Message, answer: str) -> tuple[Json, list[str]] | None:
        for one in walk(message.components):
            if one["type"] == BUTTON and str(one.get("label", "")).startswith(answer):
                return one, []
            if one["type"] in SELECTS and (values := self._values(one, answer)):
                return one, values
        return None

    def _values(self, menu: Json, answer: str) -> list[str]:
        if menu["type"] == USER_SELECT:
            return [one.discord for one in self.world.people.values() if answer in (one.id, one.name, one.discord)][:1]
        offered = menu.get("options") or ()
        return [one["value"] for one in offered if one["label"].startswith(answer) or one["value"] == answer][:1]

    async def say(self, who: str, room: str, text: str) -> Heard:
        direct = len(self._direct_texts(who))
        known = {one["name"] for one in self._commands()}
        first = text.split(maxsplit=1)[0].removeprefix("/") if text.split() else ""
        line = text if text.startswith("/") and first in known else f"/{self._above(first)} {text.removeprefix('/')}"
        live = await self.command(who, room, line)
        await self.pulse.until(lambda: live.error or live.said or live.modal, SEEN_SECONDS)
        return self._heard(who, live, direct)

    def _above(self, verb: str) -> str:
        """The command that this one stands below; the first that has any below it, if none does."""
        below = {
            one["name"]: [o["name"] for o in one.get("options") or () if o["type"] == 1] for one in self._commands()
        }
        named = [name for name, verbs in below.items() if verbs]
        if not named:
            raise Refused("no command is registered here")
        return next((name for name in named if verb in below[name]), str(named[0]))

    def _direct_texts(self, who: str) -> list[str]:
        return [
            one.text() for one in self.world.direct(self.world.person(who).discord).messages.values() if one.visible
        ]

    def _heard(self, who: str, live: Live, direct: int) -> Heard:
        heard = Heard(failed=live.error)
        for message in live.said:
            (heard.private if message.only else heard.public).append(message.text())
        heard.private += self._direct_texts(who)[direct:]
        return heard

    # ------------------------------------------------------------ trouble

    def delete_by_hand(self, card: Card) -> None:
        message = self.world.channels[card.room].messages[card.id]
        message.deleted = True
        self.ledger.note(NAME, "deleted_by_hand", channel=card.room, message=card.id)

    def remove_bot(self, room: str) -> None:
        self.world.forbid(room, VIEW)

    def add_bot(self, room: str) -> None:
        self.world.channels[room].overwrites.clear()

    # ------------------------------------------------------------ the page

    @property
    def verbs(self) -> Mapping[str, Do]:
        return {"tap": self._do_tap, "submit": self._do_submit, "close": self._do_close, "type": self._do_type} | {
            "suggest": self._do_suggest
        }

    async def _do_tap(self, asked: Json) -> Json:
        place = self.world.channels[str(asked["channel"])]
        whispers = (one for one in self.world.ephemerals if one.id == asked["message"])
        message = place.messages.get(str(asked["message"])) or next(whispers, None)
        if message is None:
            raise Refused("the message is gone")
        return _told(await self.tap(asked["who"], message, asked["custom_id"], asked.get("values") or ()))

    async def _do_submit(self, asked: Json) -> Json:
        return _told(await self.submit(str(asked["form"]), asked["fields"]))

    async def _do_close(self, asked: Json) -> None:
        self.interactions.modals.pop(str(asked["form"]), None)
        self.pulse.beat()

    async def _do_type(self, asked: Json) -> Json:
        return _told(await self.command(asked["who"], str(asked["channel"]), str(asked["text"])))

    async def _do_suggest(self, asked: Json) -> Any:
        given = asked.get("given") or {}
        live = await self.suggest(
            asked["who"], str(asked["channel"]), asked["path"], asked["option"], str(asked["typed"]), given
        )
        return live.choices


def _button(message: Message, label: str) -> Json | None:
    return next((one for one in message.buttons() if str(one.get("label", "")).startswith(label)), None)


def _told(live: Live) -> Json:
    return {"acked": live.acked, "error": live.error, "ms": round(live.elapsed_ms, 1)}
