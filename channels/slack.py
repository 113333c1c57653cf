"""Slack as a way out: cards posted and edited, notes in their threads, messages found again after a lost answer."""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import aiohttp

from channels.common import AccountOf, no_account, refused_as_such
from deskbell.core.card import Card, Note
from deskbell.core.outcome import Fault, Outcome, Rejected, Retry, Sent, Unknown
from deskbell.core.ports import Destination, Finding, Identity, Limit
from deskbell.core.store import Memory
from deskbell.faces import slack as face
from deskbell.net.faults import point
from deskbell.net.session import Trouble
from deskbell.vendors.slack import HISTORY_SCOPES, PLATFORM, SCOPES, THREADLESS, SlackConf, Way, limits
from deskbell.vendors.slack_web import SlackWeb, web_client

Json = dict[str, Any]

EVENTS = {"card": "deskbell_alert", "note": "deskbell_note"}
# No link is fetched, no word becomes a mention: alerts quote strangers.
_QUIET: Mapping[str, Any] = {"unfurl_links": False, "unfurl_media": False, "link_names": False, "parse": "none"}
_LOOK_BACK = timedelta(seconds=60)  # Slack's clock and ours may differ by as much
_PAGE = 200
_PAGES = 10


class Place(NamedTuple):
    """A channel, and the message in it whose thread is meant."""

    channel: str
    ts: str = ""


class SlackChannel:
    """Posts to the channels of one workspace. `account_of` finds a person's Slack id, `names` what to call a person."""

    edits = True
    platform = PLATFORM

    def __init__(
        self,
        conf: SlackConf,
        account_of: AccountOf,
        names: Mapping[str, str],
        session: aiohttp.ClientSession | None = None,
        _memory: Memory | None = None,  # Slack's ids never change
    ) -> None:
        self.conf = conf
        self._web = SlackWeb(conf, session)
        self._account_of = account_of
        self._names = names
        self._direct: dict[str, str] = {}  # Slack user -> channel of the direct messages
        self._tried: dict[int, Place] = {}  # dispatch -> where its note was last sent to, until Slack said yes

    @property
    def limits(self) -> Sequence[Limit]:
        return limits(self.conf)

    async def close(self) -> None:
        await self._web.close()

    # ------------------------------------------------------------ saying

    async def post(self, to: Destination, card: Card, identity: Identity) -> Outcome:
        shown = face.card(card, await self._mention(card.mentions))
        message = {"channel": to.address, "metadata": metadata(identity), **_QUIET}
        sent = await self._post(message | shown)
        return await self._post(message | face.plain_card(card)) if refused_as_such(sent, identity) else sent

    async def edit(
        self,
        to: Destination,  # noqa: ARG002 - the ref says where
        ref: Mapping[str, str],
        card: Card,
        identity: Identity,
    ) -> Outcome:
        shown = face.card(card, await self._mention(card.mentions))
        place = {"channel": ref["channel"], "ts": ref["ts"]}
        done = await self._edit(place | shown, identity)
        return await self._edit(place | face.plain_card(card), identity) if refused_as_such(done, identity) else done

    async def note(self, to: Destination, thread: Mapping[str, str], note: Note, identity: Identity) -> Outcome:
        card_url = await self._permalink(thread) if note.direct else ""
        shown = face.note(note, await self._mention(note.mentions), card_url)
        message = {**shown, "metadata": metadata(identity), **_QUIET}
        if note.direct:
            sent = await self._whisper(note.direct, message, identity)
        else:
            place = Place(thread.get("channel") or to.address, thread.get("ts", ""))
            sent = await self._reply(message, place, identity, broadcast=note.broadcast)
        if isinstance(sent, Sent):
            self._tried.pop(identity.number, None)
        return sent

    async def _reply(self, message: Json, place: Place, identity: Identity, *, broadcast: bool) -> Outcome:
        """Into the thread; where there can't be one, into the room."""
        self._tried[identity.number] = place
        message = message | {"channel": place.channel}
        if not place.ts:
            return await self._post(message)
        try:
            return await self._say(message | {"thread_ts": place.ts, "reply_broadcast": broadcast})
        except Trouble as trouble:
            return await self._post(message) if trouble.code in THREADLESS else trouble.outcome

    async def _whisper(self, person: str, message: Json, identity: Identity) -> Outcome:
        account = await self._account_of(person)
        if not account:
            return no_account("Slack", self._names.get(person, person))
        try:
            channel = await self._direct_channel(account)
            self._tried[identity.number] = Place(channel)
            return await self._say(message | {"channel": channel})
        except Trouble as trouble:
            self._direct.pop(account, None)
            return trouble.outcome

    async def _permalink(self, card: Mapping[str, str]) -> str:
        """The address of the card, so that who is woken by a direct message is one tap away from its buttons."""
        if not card.get("ts"):
            return ""
        call = self._web.client.chat_getPermalink(channel=card["channel"], message_ts=card["ts"])
        try:
            return str((await self._web.ask(call))["permalink"])
        except Trouble:
            return ""  # the message matters more than the way to the card

    async def _direct_channel(self, account: str) -> str:
        if account not in self._direct:
            # The SDK's own method would put it into the query, where Slack describes no parameter.
            answer = await self._web.ask(self._web.client.api_call("conversations.open", json={"users": account}))
            self._direct[account] = str(answer["channel"]["id"])
        return self._direct[account]

    async def _post(self, message: Json, *, join: bool = True) -> Outcome:
        try:
            return await self._say(message)
        except Trouble as trouble:
            if join and trouble.code == "not_in_channel" and await self._join(message["channel"]):
                return await self._post(message, join=False)
            return trouble.outcome

    async def _join(self, channel: str) -> bool:
        """Only public channels can be joined, and only with the permission for it."""
        try:
            await self._web.ask(self._web.client.api_call("conversations.join", json={"channel": channel}))
        except Trouble:
            return False
        return True

    async def _say(self, message: Json) -> Sent:
        point("slack.send.before")
        answer = await self._web.call("chat.postMessage", message)
        point("slack.send.after")
        return _sent(answer)

    async def _edit(self, message: Json, identity: Identity) -> Outcome:
        point("slack.edit.before")
        more = {"metadata": metadata(identity), "link_names": False, "parse": "none"}
        try:
            answer = _sent(await self._web.call("chat.update", message | more))
        except Trouble as trouble:
            return trouble.outcome
        point("slack.edit.after")
        return answer

    async def _mention(self, people: Sequence[str]) -> face.Mention:
        """How to call these people: a mention that rings where their account is known, else their name."""
        accounts = {person: await self._account_of(person) for person in people}

        def mention(person: str) -> str:
            account = accounts.get(person) or ""
            return f"<@{account}>" if account.isalnum() else face.inert(self._names.get(person, person))

        return mention

    # ------------------------------------------------------------ finding

    async def find(
        self, to: Destination, identity: Identity, since: datetime, thread: Mapping[str, str]
    ) -> Mapping[str, str] | Outcome | None:
        """By the metadata that every message of ours carries."""
        wanted = metadata(identity)
        oldest = f"{(since - _LOOK_BACK).timestamp():.6f}"
        place = Place(to.address)
        if identity.kind == "note":
            place = self._tried.get(identity.number) or Place(thread.get("channel") or to.address, thread.get("ts", ""))
        try:
            if thread.get("direct") and (account := await self._account_of(thread["direct"])):
                place = Place(await self._direct_channel(account))
            return await self._find_at(place, wanted, oldest)
        except Trouble as trouble:
            why = trouble.outcome
            return Retry(why.why) if isinstance(why, Unknown) else why

    async def _find_at(self, place: Place, wanted: Json, oldest: str) -> Mapping[str, str] | None:
        """In the channel itself, where a note stands too when it was broadcast; then in the thread."""
        found = await self._search(
            place.channel, self._pages("conversations.history", channel=place.channel, oldest=oldest), wanted
        )
        if found or not place.ts:
            return found
        replies = self._pages("conversations.replies", channel=place.channel, ts=place.ts, oldest=oldest)
        return await self._search(place.channel, replies, wanted)

    async def _pages(self, method: str, **args: str) -> AsyncIterator[Json]:
        form = {**args, "limit": str(_PAGE), "include_all_metadata": "true"}
        for _ in range(_PAGES):
            answer = await self._web.ask(self._web.client.api_call(method, data=form))
            for message in answer.get("messages") or []:
                yield message
            form["cursor"] = str((answer.get("response_metadata") or {}).get("next_cursor") or "")
            if not form["cursor"]:
                return
        raise Trouble(Rejected(Fault.TARGET, "Slack: there are too many messages to look through"))

    async def _search(self, channel: str, messages: AsyncIterator[Json], wanted: Json) -> Mapping[str, str] | None:
        async for message in messages:
            if _event(message) == (wanted["event_type"], wanted["event_payload"]):
                return {"channel": channel, "ts": str(message["ts"])}
        return None

    # ------------------------------------------------------------ checking

    async def check(self, destinations: Sequence[Destination]) -> Sequence[Finding]:
        """Whether the token is good, what the app may do, and whether each room can be written to."""
        try:
            answer = await self._web.answer(self._web.client.auth_test())
        except Trouble as trouble:
            return [Finding("slack", ok=False, detail=f"{trouble.why}. Look at bot_token under OAuth & Permissions.")]
        rows = [Finding("slack", ok=True, detail=f"{answer.get('team')}, as {answer.get('user')}")]
        rows += check_scopes(str(_header(answer.headers, "x-oauth-scopes")))
        rows.append(await self._check_way_in())
        return rows + [await self._check_room(destination) for destination in destinations]

    async def _check_way_in(self) -> Finding:
        """Whether taps can come back."""
        if self.conf.way is Way.HTTP:
            lacking = "" if any(self.conf.signing_secrets) else "signing_secrets is empty: see Basic Information"
            return Finding("slack signing secret", ok=not lacking, detail=lacking)
        client = web_client(self.conf, self.conf.app_token, self._web.session)
        try:
            await self._web.ask(client.apps_connections_open(app_token=self.conf.app_token))
        except Trouble as trouble:
            where = "Look at app_token under Basic Information, App-Level Tokens; it needs connections:write."
            return Finding("slack socket", ok=False, detail=f"{trouble.why}. {where}")
        return Finding("slack socket", ok=True, detail="Socket Mode")

    async def _check_room(self, to: Destination) -> Finding:
        try:
            answer = await self._web.ask(self._web.client.conversations_info(channel=to.address))
        except Trouble as trouble:
            if trouble.code == "missing_scope":
                return Finding(f"slack {to.name}", ok=True, detail="not looked at: the app lacks channels:read")
            return Finding(f"slack {to.name}", ok=False, detail=trouble.why)
        return check_room(to, answer["channel"])


def _sent(answer: Json) -> Sent:
    """Without a receipt nobody can tell how far it came."""
    try:
        return Sent({"channel": str(answer["channel"]), "ts": str(answer["ts"])})
    except KeyError:
        raise Trouble(Unknown("Slack said yes, and gave no receipt")) from None


def metadata(identity: Identity) -> Json:
    """What makes a message this one: readable through conversations.history, invisible to people."""
    if identity.kind == "note":
        return {"event_type": EVENTS["note"], "event_payload": {"dispatch": identity.number}}
    payload = {"alert": identity.alert_ref, "destination": identity.destination, "generation": identity.number}
    return {"event_type": EVENTS["card"], "event_payload": payload}


def check_scopes(granted: str) -> list[Finding]:
    """One line for what the app must be allowed to do, one for what makes it better; none when Slack does not say."""
    have = {scope.strip() for scope in granted.split(",") if scope.strip()}
    if not have:
        return []
    lacking, useful = (", ".join(s for s in wanted if s not in have) for wanted in (SCOPES, HISTORY_SCOPES))
    again = "add them under OAuth & Permissions and install the app again"
    rows = [Finding("slack permissions", ok=not lacking, detail=f"lacking {lacking}: {again}" if lacking else "")]
    if useful:
        detail = f"without {useful} a message whose answer was lost can't be looked up, and may come twice: {again}"
        rows.append(Finding("slack look-up", ok=True, detail=detail))
    return rows


def check_room(to: Destination, channel: Mapping[str, Any]) -> Finding:
    name = f"slack {to.name}"
    if channel.get("is_archived"):
        return Finding(name, ok=False, detail=f"#{channel.get('name')} is archived: choose another channel")
    if channel.get("is_member") is False:
        return Finding(
            name, ok=False, detail=f"Deskbell is not in #{channel.get('name')}: type /invite @Deskbell there"
        )
    return Finding(name, ok=True, detail=f"#{channel.get('name')}" if channel.get("name") else "direct messages")


def _event(message: Json) -> tuple[str, Json]:
    found = message.get("metadata") or {}
    return str(found.get("event_type", "")), found.get("event_payload") or {}


def _header(headers: Mapping[str, str], name: str) -> str:
    return next((value for key, value in headers.items() if key.lower() == name), "")
