"""One piece of work on its way: what it says is made from the state as it is now, and the answer is a value."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

import structlog

from deskbell.core.alert import Alert, Severity, Status
from deskbell.core.card import Card, Note
from deskbell.core.customer import Message
from deskbell.core.outcome import Outcome, Retry, Sent, Unknown
from deskbell.core.ports import (
    LETTER,
    Channel,
    Claim,
    Destination,
    Dispatch,
    DispatchKind,
    Identity,
    Op,
    Post,
    Source,
    SourceError,
    WriteBack,
    WriteKind,
)
from deskbell.net.faults import point

log = structlog.get_logger("deskbell.courier")

TIMEOUT_S = 40.0
SOURCE_LANE = "source:"
AT_HAND = frozenset({"ack", "take", "escalate"})  # the buttons of a direct message


class Delivery:
    """Knows the ways out. `card`: an alert's card as of now; `letter`: one to a customer, if it may still go."""

    def __init__(
        self,
        card: Callable[[Alert], Awaitable[Card]],
        destinations: Mapping[str, Destination],
        channels: Mapping[str, Channel],
        sources: Mapping[str, Source],
        letter: Callable[[int], Awaitable[Message | Outcome]],
    ) -> None:
        self._make_card, self._letter_now = card, letter
        self._destinations, self._channels, self._sources = destinations, channels, sources

    async def deliver(self, claim: Claim) -> Outcome:
        """An adapter may have a bug; it costs one piece of work one try, never the lane."""
        try:
            async with asyncio.timeout(TIMEOUT_S):
                return await self._send(claim)
        except TimeoutError:
            return Unknown(f"no answer in {TIMEOUT_S:.0f} s")
        except Exception as error:
            log.exception("delivery_broke", to=claim.work.destination)
            return Unknown(f"{type(error).__name__} inside Deskbell: see the log")

    async def _send(self, claim: Claim) -> Outcome:
        work = claim.work
        if isinstance(work, Dispatch) and work.kind is DispatchKind.WRITE:
            return await self._write(work, claim)
        to = self._destinations.get(work.destination)
        if to is None:
            return Sent(detail="the destination was removed from the configuration", skipped=True)
        channel = self._channels[to.platform]
        if isinstance(work, Post):
            return await self._card(channel, to, work, claim)
        if work.kind is DispatchKind.LETTER:
            return await self._letter(channel, to, work)
        return await self._note(channel, to, work, claim)

    async def _card(self, channel: Channel, to: Destination, post: Post, claim: Claim) -> Outcome:
        if claim.alert is None:
            return Sent(skipped=True)
        identity = _identity("card", claim, to, post.generation)
        card = await self._make_card(claim.alert)
        if post.ref:
            return await channel.edit(to, post.ref, card, identity) if channel.edits else Sent(post.ref, skipped=True)
        found = await self._look_up(channel, to, identity, post.unsure_since)
        return found or await channel.post(to, card, identity)

    async def _note(self, channel: Channel, to: Destination, dispatch: Dispatch, claim: Claim) -> Outcome:
        payload = dispatch.payload
        if not _still_wanted(claim.alert, str(payload.get("only_if", ""))):
            return Sent(detail="not needed any more", skipped=True)
        identity = _identity("note", claim, to, dispatch.id)
        thread = {"direct": str(payload["direct"])} if payload.get("direct") else claim.post_ref
        found = await self._look_up(channel, to, identity, dispatch.unsure_since, thread)
        return found or await channel.note(to, claim.post_ref, await self._as_note(claim.alert, dispatch), identity)

    async def _letter(self, channel: Channel, to: Destination, dispatch: Dispatch) -> Outcome:
        """Asked for at the last moment: who said STOP a second ago is sent nothing."""
        letter = await self._letter_now(int(dispatch.payload["letter"]))
        if not isinstance(letter, Message):
            return letter
        to = replace(to, address=letter.to, options={"language": letter.language, **to.options})
        severity = Severity.P1 if letter.required else Severity.P3
        identity = Identity(LETTER, letter.ref, to.name, dispatch.id, severity)
        found = await self._look_up(channel, to, identity, dispatch.unsure_since)
        note = Note(letter.text, letter.ref, broadcast=True, to=letter.to, subject=letter.subject, html=letter.html)
        return found or await channel.note(to, {}, note, identity)

    async def _as_note(self, alert: Alert | None, dispatch: Dispatch) -> Note:
        """A direct message brings the buttons that need no form: it is answered where it rang."""
        note = _as_note(dispatch.payload)
        if not note.direct or alert is None or not alert.live:
            return note
        card = await self._make_card(alert)
        buttons = tuple(button for button in card.buttons if button.verb in AT_HAND)
        return replace(note, link=dispatch.key, buttons=buttons)

    async def _look_up(
        self,
        channel: Channel,
        to: Destination,
        identity: Identity,
        since: datetime | None,
        thread: Mapping[str, str] | None = None,
    ) -> Outcome | None:
        """After an attempt whose end is unknown: Sent if it is there, None to send it (again)."""
        if since is None:
            return None
        point("courier.find.before")
        found = await channel.find(to, identity, since, thread or {})
        point("courier.find.after")
        if isinstance(found, Mapping):
            return Sent(found, "found after a lost answer", found=True)
        return found if isinstance(found, Retry | Sent) else None

    async def _write(self, dispatch: Dispatch, claim: Claim) -> Outcome:
        source = self._sources.get(dispatch.destination.removeprefix(SOURCE_LANE))
        if source is None:
            return Sent(detail="the source was removed from the configuration", skipped=True)
        item = _as_write(dispatch, claim.alert)
        try:
            if dispatch.unsure_since is not None and await source.find(item):
                return Sent(detail="found after a lost answer")
        except SourceError as error:  # not written again before that can be told
            return Retry(str(error), error.after)
        point("source.write.before")
        outcome = await source.write(item)
        point("source.write.after")
        return outcome


def _identity(kind: str, claim: Claim, to: Destination, number: int) -> Identity:
    if (alert := claim.alert) is None:
        return Identity(kind, "", to.name, number)
    return Identity(kind, alert.ref, to.name, number, alert.severity, alert.opened_at)


def op_of(claim: Claim) -> Op:
    work = claim.work
    if isinstance(work, Post):
        return Op.EDIT if work.ref else Op.POST
    return Op.WRITE if work.kind is DispatchKind.WRITE else Op.POST


def _still_wanted(alert: Alert | None, only_if: str) -> bool:
    """Asked when a ring is sent: whoever answered in the meantime has spared everybody the noise."""
    if alert is None or not only_if:
        return True
    return alert.status is Status.OPEN if only_if == "open" else alert.live


def _as_note(payload: Mapping[str, Any]) -> Note:
    return Note(
        text=str(payload["text"]),
        ref=str(payload.get("ref", "")),
        mentions=tuple(payload.get("mentions", ())),
        direct=str(payload.get("direct", "")),
        broadcast=bool(payload.get("broadcast")),
        hush=str(payload.get("hush", "")),
        to=str(payload.get("to", "")),
    )


def _as_write(dispatch: Dispatch, alert: Alert | None) -> WriteBack:
    payload = dispatch.payload
    return WriteBack(
        kind=WriteKind(payload["kind"]),
        record_id=str(payload["record_id"]),
        marker=f"[{alert.ref if alert else 'Deskbell'} #{dispatch.id}]",
        text=str(payload["text"]),
        assignee=str(payload.get("assignee", "")),
    )
