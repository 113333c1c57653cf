"""The desk: every use-case as one method, each one transaction. The only writer of alert state.

Pollers bring pages, gateways bring what people say, the courier brings what became of deliveries, the clock ticks;
all of them meet the database here and nowhere else.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

import structlog

from deskbell.core import button
from deskbell.core.access import Person
from deskbell.core.alert import Severity
from deskbell.core.button import Press
from deskbell.core.card import Reply
from deskbell.core.customer import Choice, Message
from deskbell.core.duty import DutyWish
from deskbell.core.heard import Meant, Passed, Receipt, RecordState, Tap, Words
from deskbell.core.outcome import Outcome
from deskbell.core.ports import (
    Answer,
    Hint,
    Interaction,
    Page,
    Said,
    Settlement,
    Source,
    SourceError,
    SourceState,
    StoredRecord,
)
from deskbell.core.prefs import PrefsWish
from deskbell.core.present import told
from deskbell.core.store import RESTORED, Guard, LeaseLost, Reader, Store, UnitOfWork, Urgency
from deskbell.desk import (
    act,
    digest,
    heard,
    hints,
    lag,
    letters,
    manual,
    ourselves,
    own_page,
    past,
    people,
    settle,
    silences,
    strangers,
    tick,
    weather,
)
from deskbell.desk.book import Book
from deskbell.desk.ears import Ears
from deskbell.desk.handover import turn
from deskbell.desk.house import House
from deskbell.desk.inquiries import LIVE, Inquiries
from deskbell.desk.observe import Tally, adopt, in_parts, observe, vanished
from deskbell.desk.own_links import spend
from deskbell.desk.tick import Calls
from deskbell.desk.wishes import carry_out
from deskbell.net import metrics
from deskbell.net.clock import Clock
from deskbell.net.faults import point
from deskbell.net.inbound import Genuine

log = structlog.get_logger("deskbell.desk")
T = TypeVar("T")
GAUGE_EVERY = timedelta(seconds=15)  # counted in the database, which takes the longer the more is open


class Desk(Inquiries):
    """`now` is the watched clock; `verify` checks the audit chain and says (whole, count), in a thread, when asked."""

    def __init__(
        self,
        store: Store,
        house: House,
        now: Clock,
        sources: Mapping[str, Source],
        verify: Callable[[], Awaitable[tuple[bool, int]]],
    ) -> None:
        super().__init__(store, house, now)
        self._sources, self._verify = sources, verify
        self._started = self._watching_since = self._timed_until = now()
        self.patience = tick.PATIENCE  # how long a source is silent at least before that is told
        self.reads: Sequence[str] = tuple(house.sources)  # the sources that this instance reads, or stands by to read
        self._failing: dict[str, str] = {}  # part of the tick -> why
        self.reasons: Callable[[], Sequence[str]] = list  # what the daemon knows to be wrong, for /readyz
        self.deaf: Callable[[], Mapping[str, str]] = dict  # the chats in which nobody can answer us now, and why
        self._ears = Ears()
        self._looked: datetime | None = None  # when we last looked at what seldom changes
        self._gauged: datetime | None = None
        self._doubting = False

    async def _change(
        self, what: Callable[[Book], T], urgency: Urgency = Urgency.NORMAL, guard: Guard | None = None
    ) -> T:
        """Runs a change in a transaction of its own. `now` is taken when it runs, not when it was asked for.

        `guard`: what the caller does is for one instance alone; it is refused when that is another one by now.
        """

        def change(uow: UnitOfWork) -> T:
            if guard is not None:
                guard(uow)
            return what(Book(uow, self.house, self.now()))

        return await self.store.write(change, urgency)

    # ------------------------------------------------------------ the pollers

    async def source_state(self, name: str, guard: Guard | None = None) -> SourceState:
        state = await self.store.read(lambda reader: reader.source(name))
        if state is None or state.rules_hash == self.house.version:
            return state or SourceState(name, rules_hash=self.house.version)
        return await self._change(lambda book: _rules_changed(book, name), guard=guard)

    async def observe(self, page: Page, guard: Guard | None = None) -> Tally:
        """Takes a page in, in transactions that are short enough for a tap to wait behind; tells of the last one."""
        *begun, last = in_parts(page)
        for part in begun:
            await self._observe(part, guard)
        return await self._observe(last, guard)

    async def _observe(self, page: Page, guard: Guard | None) -> Tally:
        point("desk.observe.before")
        tally = await self._change(lambda book: observe(book, page), Urgency.BULK, guard)
        point("desk.observe.after")
        if tally.older:
            return await self.observe(await self._without(page, tally.older), guard)
        if tally.changed:
            log.info("page", source=page.source, read=tally.read, changed=tally.changed, opened=len(tally.opened))
        self._count(tally)
        return tally

    async def _without(self, page: Page, older: Sequence[str]) -> Page:
        """The page without records that were written to since it was asked for; those are read anew, by themselves.

        Once: were the clock set back, everything would seem older than what we have. One that can't be read alone comes
        with a later poll.
        """
        source = self._sources[page.source]
        try:
            fresh = [record for record_id in older if (record := await source.fetch(record_id)) is not None]
        except SourceError as error:
            log.info("not_read_alone", source=page.source, why=str(error))
            fresh = []
        await self.observe(Page(page.source, tuple(fresh), cursor={}))
        return replace(page, records=tuple(record for record in page.records if record.id not in older))

    def _count(self, tally: Tally) -> None:
        """After the commit: a change may run twice, but counts once."""
        for alert in tally.opened:
            metrics.opened(alert.rule, str(alert.severity))

    async def source_read(self, name: str, skew_s: float | None = None, guard: Guard | None = None) -> None:
        if skew_s is not None:
            self.now.compare(skew_s, name)
        if await self.store.read(lambda reader: tick.troubled(reader, name)):
            await self._change(lambda book: tick.source_read(book, name), guard=guard)
        else:
            await self._change(lambda book: book.uow.save_source(_read_now(book, name, skew_s)), Urgency.BULK, guard)

    async def source_failed(self, name: str, error: SourceError, guard: Guard | None = None) -> None:
        await self._change(lambda book: tick.source_failed(book, name, error), guard=guard)

    async def alerted_records(self, name: str) -> list[str]:
        alerts = await self.store.read(lambda reader: reader.alerts(source=name, limit=500))
        return sorted({alert.record_id for alert in alerts if alert.record_id})

    async def vanished(self, name: str, ids: Sequence[str], guard: Guard | None = None) -> None:
        await self._change(lambda book: vanished(book, name, ids), guard=guard)

    async def take_hint(self, source: str, ids: Sequence[str], call: Genuine) -> bool:
        mark = hints.new_mark()
        return await self._change(lambda book: hints.take(book, source, ids, call, mark), Urgency.TAP)

    async def hints(self, name: str) -> list[Hint]:
        return await self.store.read(lambda reader: reader.hints(name, hints.MOST_WAITING + 1))

    async def drop_hints(self, followed: Sequence[Hint], guard: Guard | None = None) -> None:
        if followed:
            await self._change(lambda book: book.uow.drop_hints(followed), Urgency.BULK, guard)

    async def adopt(self) -> None:
        """At the start: rooms that are gone are let go, new ones get the live cards, configured accounts are linked."""
        restored, _, _ = (await self.recall(RESTORED) or "").partition(" ")
        if restored:
            self.house = replace(self.house, restored_at=datetime.fromisoformat(restored))
        await self._change(adopt)
        await self._change(past.begin)
        await self._change(manual.link_configured)

    # ------------------------------------------------------------ the clock

    def begin_watch(self) -> None:
        """From now on the ticks are this instance's: sources get their chance, what was told is looked at anew."""
        self._watching_since = self._timed_until = self.now()
        self._ears = Ears()

    async def tick(self, guard: Guard | None = None) -> None:
        """Everything whose time has come. A full batch is followed by another, so that taps get their turn between."""
        self._watch_clock()
        point("desk.tick.before")
        called = await self._calls()
        await self._part("climb", lambda: self._climb(guard), called=called.climb)
        await self._part("look_again", lambda: self._look_again(guard), called=called.look_again)
        await self._part("weather", lambda: self._change(weather.watch, Urgency.BULK, guard), called=called.weather)
        await self._part("silences", lambda: self._change(silences.watch, Urgency.BULK, guard), called=called.silences)
        await self._part("digest", lambda: self._change(digest.post, Urgency.BULK, guard), called=called.digest)
        await self._part("rosters", lambda: self._change(turn, guard=guard), called=called.rosters)
        await self._part("watch_sources", lambda: self._change(self._watch_sources, guard=guard), called=called.sources)
        await self._part("ourselves", lambda: self._look_at_ourselves(guard))
        await self._part("watch_chats", lambda: self._watch_chats(guard))
        await self._part("late", lambda: self._change(heard.late, guard=guard), called=called.late)
        await self._part("owed", lambda: self._change(letters.owed, guard=guard), called=called.owed)
        if self.house.observe:
            await self._part("daily_summary", lambda: self._change(tick.daily_summary, Urgency.BULK, guard))
        point("desk.tick.after")

    def _watch_clock(self) -> None:
        self.now()
        if self.now.doubted and not self._doubting:
            log.warning("clock_doubted", remedy="it was set, or we slept; a source's clock will tell which is right")
        self._doubting = self.now.doubted

    async def measure(self) -> None:
        """The metrics that are counted in the database: each instance shows them, as of a few seconds ago."""
        if self._gauged is None or self.now() - self._gauged >= GAUGE_EVERY:
            self._gauged = self.now()
            await self._part("measure", lambda: self.store.read(self._gauge))

    async def _calls(self) -> Calls:
        """Where that can't be told, every part is tried, and says why it fails."""
        now = self.now()
        try:
            return await self.store.read(
                lambda reader: tick.calls(reader, self.house, now, self._watching_since, self.patience)
            )
        except Exception as error:  # noqa: BLE001 - whatever the database, or a row in it, may raise
            log.warning("look_failed", error=repr(error))
            return Calls(*[True] * len(Calls._fields))

    async def _look_at_ourselves(self, guard: Guard | None) -> None:
        if self._looked is None or self.now() - self._looked >= ourselves.EVERY:
            await self._change(_now_and_then, Urgency.BULK, guard)
            self._looked = self.now()
            await self._time_cards()

    async def _time_cards(self) -> None:
        """How soon people heard, for the metrics: whoever keeps the time counts for all instances."""
        took, self._timed_until = await self.store.read(lambda reader: lag.news(reader, self._timed_until))
        for source, each in took.items():
            for seconds in each:
                metrics.detected(source, seconds)

    def _watch_sources(self, book: Book) -> None:
        tick.watch_sources(book, self._watching_since, self.patience)

    async def _watch_chats(self, guard: Guard | None) -> None:
        deaf = self._ears.news(self.deaf(), self.now())
        if deaf is not None:
            chats = {d.platform for d in self.house.destinations.values()}
            known = await self._change(lambda book: tick.watch_chats(book, deaf, chats), guard=guard)
            self._ears.told = frozenset(deaf) - known

    async def _part(self, name: str, work: Callable[[], Awaitable[Any]], *, called: bool = True) -> None:
        """One part that fails stops no other; people see it in /readyz, until it works or has nothing to do."""
        try:
            if called:
                await work()
            self._failing.pop(name, None)
        except LeaseLost:
            raise
        except Exception as error:
            self._failing[name] = f"{name} fails: {error!r}"[:200]
            log.exception("tick_part_failed", part=name)

    async def _climb(self, guard: Guard | None) -> None:
        while await self._change(tick.climb, guard=guard) == tick.BATCH:
            pass

    async def _look_again(self, guard: Guard | None) -> None:
        full = True
        while full:
            tally = await self._change(tick.look_again, Urgency.BULK, guard)
            self._count(tally)
            full = tally.read == tick.BATCH

    def _gauge(self, reader: Reader) -> None:
        metrics.live({status: reader.count_alerts((status,)) for status in LIVE})
        metrics.outbox(reader.count_outbox())
        for state in reader.sources():
            if state.last_ok_at is not None:
                metrics.lagging(state.name, (self.now() - state.last_ok_at).total_seconds())

    # ------------------------------------------------------------ the courier

    async def claim(self, take: Callable[[UnitOfWork, datetime], T]) -> T:
        return await self.store.write(lambda uow: take(uow, self.now()))

    async def settle_all(self, settlements: Sequence[Settlement]) -> Sequence[bool]:
        point("desk.settle.before")
        done = await self._change(lambda book: settle.settle_all(book, settlements))
        point("desk.settle.after")
        return done

    async def letter(self, number: int) -> Message | Outcome:
        """A letter as it may go out now, or why it may not."""
        return await self.store.read(lambda reader: letters.at_send(reader, self.house, number, self.now()))

    async def customer_wrote(self, platform: str, account: str, text: str, key: str) -> str | None:
        media = self.house.customer_media(platform)
        if not media or not await self.store.read(lambda reader: any(reader.address(one, account) for one in media)):
            return None
        said = Words(account, text, key)
        return await self._change(lambda book: strangers.wrote(book, platform, said, Meant()), Urgency.TAP)

    async def customer_chose(self, token: str, choice: Choice) -> bool:
        return await self._change(lambda book: own_page.choose(book, token, choice), Urgency.TAP)

    # ------------------------------------------------------------ people who speak

    async def act(self, interaction: Interaction) -> Answer:
        point("desk.act.before")
        answer = await self._change(lambda book: act.act(book, interaction), Urgency.TAP)
        point("desk.act.after")
        return answer

    async def use_link(self, token: str, code: str) -> str:
        point("desk.act.before")
        became = await self._change(lambda book: spend(book, token, code), Urgency.TAP)
        point("desk.act.after")
        return became

    async def wrote(self, channel: str, said: Words | Tap, meant: Meant) -> str:
        point("desk.hear.before")
        text = await self._change(lambda book: heard.wrote(book, channel, said, meant), Urgency.TAP)
        point("desk.hear.after")
        return text

    async def hear(
        self, channel: str, said: Sequence[Receipt | RecordState], asked: Mapping[str, str] | None = None
    ) -> None:
        point("desk.hear.before")
        await self._change(lambda book: heard.hear(book, channel, said, asked), Urgency.TAP)
        point("desk.hear.after")

    async def turned_away(self, interaction: Interaction, code: str, text: str) -> None:
        await self._change(lambda book: act.turned_away(book, interaction, code, text))

    async def raise_manual(
        self,
        *,
        caller: str,
        person: Person | None,
        idempotency_key: str,
        title: str,
        text: str,
        severity: Severity,
        team: str,
        subject: str,
    ) -> Answer:
        ask = manual.Ask(caller, person, idempotency_key, title, text, severity, team, subject)
        answer = await self._change(lambda book: manual.raise_manual(book, ask), Urgency.TAP)
        if answer.code == "done" and answer.alert:
            metrics.opened(answer.alert.rule, str(answer.alert.severity))
        return answer

    async def passed(self, caller: str, said: Passed) -> None:
        await self._change(lambda book: manual.passed(book, caller, said), Urgency.TAP)

    async def arrange(self, person: Person, wish: DutyWish | PrefsWish, key: str) -> Answer:
        return await self._change(lambda book: carry_out(book, person, wish, key), Urgency.TAP)

    async def silence(
        self,
        person: Person,
        matchers: Mapping[str, tuple[str, ...]],
        span: timedelta | None,
        reason: str,
        key: str = "",
    ) -> Answer:
        asked = silences.Asked(person, matchers, span, reason, key)
        return await self._change(lambda book: silences.silence(book, asked), Urgency.TAP)

    async def unsilence(self, person: Person, number: int) -> Answer:
        return await self._change(lambda book: silences.unsilence(book, person, number), Urgency.TAP)

    def press(self, token: str) -> Press | None:
        return button.read(self.house.secret, token)

    # ------------------------------------------------------------ people

    async def link(self, platform: str, account: str, person_id: str) -> None:
        if await self.store.read(lambda reader: reader.person_for(platform, account)) != person_id:
            await self._change(lambda book: manual.link(book, platform, account, person_id))

    async def link_code(self, person_id: str) -> str:
        code = people.new_code()
        await self._change(lambda book: people.offer_code(book, person_id, code))
        return code

    async def redeem(self, said: Said, code: str) -> Reply:
        person, answer = await self._change(lambda book: act.redeem(book, said, code), Urgency.TAP)
        if person is None:
            again = f"Type {self.command} link in a chat where Deskbell knows you, and you get a new one."
            return Reply(lines=("That code is wrong, was used before, or is older than 15 minutes.", again))
        hello = f"Connected: you are {person.name} here now."
        if answer is None:
            how = f"{self.command} prefs shows how you are rung, {self.command} help shows what you can do."
            return Reply(lines=(hello, how))
        if answer.reply is not None:  # for this person alone, like all of it
            return replace(answer.reply, lines=(hello, *answer.reply.lines), footer=answer.text)
        return Reply(lines=(hello, answer.text), buttons=(answer.undo,) if answer.undo else ())

    async def remember(self, name: str, value: str, guard: Guard | None = None) -> None:
        await self._change(lambda book: book.uow.put_value(name, value), guard=guard)

    async def refresh(self, record: StoredRecord) -> StoredRecord | None:
        source, asked = self._sources.get(record.record.source), self.now()
        fresh = await source.fetch(record.record.id) if source else None
        if source is None or fresh is None:
            return None
        await self.observe(Page(source.name, (fresh,), cursor={}, asked_at=asked))
        return await self.store.read(lambda reader: reader.record(source.name, fresh.id))

    # ------------------------------------------------------------ the audit and our own health

    async def verified(self) -> tuple[bool, int]:
        """Whether the audit is whole, and how many entries are. People hear of it when it is not."""
        whole, count = await self._verify()
        if not whole:
            await self._change(lambda book: ourselves.audit_broken(book, count))
        return whole, count

    async def audit_tail(self, limit: int, after: int) -> Mapping[str, Any]:
        whole, count = await self.verified()
        start = after or max(0, count - limit)
        rows = await self.store.read(lambda reader: reader.audit_rows(start, limit))
        entries = [
            {
                "seq": row.seq,
                "at": row.at.isoformat(),
                "actor": row.entry.actor,
                "verb": row.entry.verb,
                "alert": f"D-{row.entry.alert_id}" if row.entry.alert_id else "",
                "text": told(row),
            }
            for row in rows
        ]
        return {"entries": entries, "count": count, "verified": whole}

    def health(self) -> Mapping[str, Any]:
        return {"since": self._started.isoformat(), "observe": self.house.observe}

    async def ready(self) -> tuple[bool, Sequence[str]]:
        reasons = [*self.reasons(), *self._failing.values()]
        try:
            states = {state.name: state for state in await self.store.read(lambda reader: reader.sources())}
        except Exception as error:  # noqa: BLE001 - what is known without the database is said all the same
            return False, [*reasons, f"the database can't be read: {error}"]
        for name, facts in ((name, self.house.sources[name]) for name in self.reads):
            state = states.get(name)
            if state is None or state.last_ok_at is None:
                reasons.append(
                    f"{facts.title} has not been read yet" + (f": {state.error}" if state and state.error else "")
                )
            elif state.failures >= self.house.stale_after:
                reasons.append(f"{facts.title} can't be read: {state.error}")
        return not reasons, reasons


def _now_and_then(book: Book) -> None:
    ourselves.look(book)
    lag.watch(book)
    lag.prune(book)
    past.prune(book)
    heard.prune(book)


def _rules_changed(book: Book, name: str) -> SourceState:
    tick.rules_changed(book, name)
    state = replace(book.uow.source(name) or SourceState(name), rules_hash=book.house.version)
    book.uow.save_source(state)
    return state


def _read_now(book: Book, name: str, skew_s: float | None) -> SourceState:
    state = book.uow.source(name) or SourceState(name, rules_hash=book.house.version)
    return replace(state, last_ok_at=book.now, skew_s=state.skew_s if skew_s is None else skew_s)
