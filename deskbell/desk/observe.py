"""A page of records comes in: what changed, what the rules see in it, which alerts that opens, changes or ends."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from deskbell.core.alert import Alert, Change, Mode, Severity, Status, end_condition
from deskbell.core.asking import as_told
from deskbell.core.history import Ended
from deskbell.core.ports import Entry, Lane, Page, SourceState, StoredRecord
from deskbell.core.records import Case, Leave, Record, Visit, VisitStatus, changed, fingerprint, kind_of, unnamed
from deskbell.core.rules import RULES, Context, Found, Verdict, evaluate, resolve_reason
from deskbell.core.silence import SILENCED
from deskbell.core.store import DuplicateAlert
from deskbell.core.storm import PART_OF
from deskbell.desk import absence, asking, ladder, lag, letters, past
from deskbell.desk.book import Book
from deskbell.desk.kin import Kin, save_ties
from deskbell.desk.notices import baseline_notice
from deskbell.desk.silences import Held
from deskbell.desk.weather import Weather, sheltered

AT_ONCE = 20  # records of one transaction: as many new alerts keep a tap waiting for some 10 ms


@dataclass(slots=True)
class Tally:
    """What a page did, for the log and the metrics."""

    read: int = 0
    changed: int = 0
    opened: list[Alert] = field(default_factory=list)
    ended: int = 0
    bad: int = 0
    older: tuple[str, ...] = ()  # records that we know better than the page: nothing of it was taken in


def in_parts(page: Page) -> Iterator[Page]:
    """The page in parts that may be taken in one by one; its cursor, and whatever else it says, goes with the last."""
    records = tuple({record.id: record for record in page.records}.values())
    end = max(0, len(records) - 1) // AT_ONCE * AT_ONCE
    for at in range(0, end, AT_ONCE):
        yield Page(page.source, records[at : at + AT_ONCE], cursor={}, asked_at=page.asked_at)
    yield replace(page, records=records[end:])


def observe(book: Book, page: Page) -> Tally:
    """Takes one page in. Safe to repeat: an unchanged record does nothing, and a key opens one alert.

    A page that was asked for before what we have of one of its records was written is not taken in: it would undo that.
    """
    state = book.uow.source(page.source) or SourceState(page.source)
    tally = Tally(read=len(page.records), bad=len(page.bad))
    fresh, was, tally.older = _changed(book, page)
    if tally.older:
        return tally
    alerts = book.uow.alerts_of_many(page.source, [record.id for record, _, _ in fresh])
    seen = [(record, before) for record, before, _ in fresh]
    look = Look(book, Kin.of(book, seen), Weather(book), tally, Held(book), baseline=state.baseline)
    rows = look.take_all(fresh, alerts)
    past.keep(book, was)
    book.uow.save_records(rows)
    save_ties(book, seen)
    look.kin.wake(seen)
    tally.changed = len(rows)
    for bad in page.bad:
        book.uow.quarantine(page.source, bad.record_id, bad.error, bad.raw, book.now)
    _quarantined(book, page)
    _unmapped(book, page)
    absence.follow(book, (record for record, _ in seen))
    vanished(book, page.source, page.gone, tally)
    if (after := _after(book, state, page)) != state:
        book.uow.save_source(after)
    if state.baseline and page.complete:
        _baseline_done(book, page.source)
    return tally


def _changed(
    book: Book, page: Page
) -> tuple[list[tuple[Record, Record | None, str]], list[StoredRecord], tuple[str, ...]]:
    """The records that differ from what is stored, each once (the last reading of the page counts); what was stored of
    them; and those that are older than that."""
    latest = {record.id: record for record in page.records}
    known = book.uow.records(page.source, list(latest))
    out, was, older = [], [], []
    for record_id, record in latest.items():
        stored, print_ = known.get(record_id), fingerprint(record)
        if stored is not None and stored.fingerprint == print_:
            continue
        out.append((record, stored.record if stored else None, print_))
        if stored is not None:
            was.append(stored)
        if stored is not None and page.asked_at is not None and stored.seen_at > page.asked_at:
            older.append(record_id)
    return out, was, tuple(older)


@dataclass(frozen=True, slots=True)
class Look:
    """One look at some records: what is the same for all of them."""

    book: Book
    kin: Kin
    weather: Weather
    tally: Tally
    held: Held
    baseline: bool = False

    def take(self, record: Record, before: Record | None, print_: str, alerts: Sequence[Alert]) -> StoredRecord:
        verdict = self.judge(record, before)
        self.follow(record, verdict, alerts)
        letters.follow(self.book, record, before, verdict.found, baseline=self.baseline)
        return StoredRecord(record, self.book.now, verdict.due_at, print_)

    def take_all(
        self, fresh: Sequence[tuple[Record, Record | None, str]], alerts: Mapping[str, Sequence[Alert]]
    ) -> list[StoredRecord]:
        """The same for several, whose keys are looked up together."""
        verdicts = [self.judge(record, before) for record, before, _ in fresh]
        known = {alert.key for held in alerts.values() for alert in held}
        self.book.uow.expect_keys({found.key for verdict in verdicts for found in verdict.found} - known)
        rows = []
        for (record, before, print_), verdict in zip(fresh, verdicts, strict=True):
            self.follow(record, verdict, alerts.get(record.id, ()))
            letters.follow(self.book, record, before, verdict.found, baseline=self.baseline)
            rows.append(StoredRecord(record, self.book.now, verdict.due_at, print_))
        return rows

    def judge(self, record: Record, before: Record | None) -> Verdict:
        """What the rules say; a rule that raises is kept in quarantine with its record and stops nothing else."""
        book = self.book
        context = Context(
            now=book.now,
            baseline=self.baseline,
            calendar=book.house.calendar,
            calendars=book.house.calendars,
            related=self.kin.related(record, before),
            earlier=self.kin.earlier(record),
            asked=self.kin.asked_about(record),
        )
        record = self._as_told(record)
        if book.house.hides_customers:
            record, before = unnamed(record), unnamed(before) if before else None
            context = replace(context, related=tuple(map(unnamed, context.related)))
        verdict = evaluate(record, before, book.house.rules, context, book.house.custom.values())
        for rule, error in verdict.errors:
            book.uow.quarantine(record.source, record.id, f"rule {rule}: {error}", "", book.now)
        return verdict

    def _as_told(self, record: Record) -> Record:
        """With what its technician says of it."""
        return as_told(record, self.kin.asked_about(record)) if isinstance(record, Visit) else record

    def follow(self, record: Record, verdict: Verdict, alerts: Sequence[Alert]) -> None:
        """Makes the alerts on a record what the verdict says they should be."""
        by_key = {alert.key: alert for alert in alerts}
        for found in verdict.found:
            held = by_key.get(found.key)
            if held is None:
                self._open(record, found)
            elif held.live:
                _renew(self.book, held, found)
        failed = {rule for rule, _ in verdict.errors}
        seen = {found.key for found in verdict.found}
        for alert in alerts:
            if alert.key not in seen and alert.condition and alert.rule not in failed:
                self._end(alert, record, verdict)
        if isinstance(record, Visit):
            asking.follow(self.book, record, alerts, asks=verdict.asks and not self.baseline)

    def _end(self, alert: Alert, record: Record, verdict: Verdict) -> None:
        if _holds(self.book, alert, record, verdict):
            return
        why = resolve_reason(alert.rule, self._as_told(record), alert.key, self.book.now)
        change = end_condition(alert, why, self.book.now)
        self.tally.ended += alert.live
        entry = Entry("deskbell", "over", alert.id, {"said": change.said or f"Its cause is over: {why}"})
        self.book.keep(change, entry)

    def _open(self, record: Record, found: Found) -> None:
        book = self.book
        earlier = book.uow.newest_by_key(found.key)
        if earlier is not None and not found.clears:
            return  # an edge rings once; a page read again after a crash must not ring it twice
        if earlier is not None and (earlier.live or earlier.condition):
            if earlier.live:  # opened on another record that shows the same
                _renew(book, earlier, found)
            return
        alert = self.held.place(_new(book, record, found, baseline=self.baseline), record)
        alert, wait = self.weather.place(alert, earlier)
        if alert.mode is Mode.CARD:
            alert = book.begin(alert)
        try:
            opened = book.open(alert, {"since": found.since.isoformat() if found.since else None}, wait=wait)
        except DuplicateAlert:
            return
        self.tally.opened.append(opened)
        if found.quiet and opened.severity <= Severity.P3 and opened.mode is Mode.LISTED and not self.baseline:
            book.direct(opened, _holder(book, record))
        if opened.mode is Mode.CARD and not self.baseline:
            lag.begins(book, opened, record, found.since)


def take_one(
    book: Book, record: Record, before: Record, tally: Tally, *, baseline: bool = False, news: bool = True
) -> None:
    """Takes in one record that we know. `news`: False where the change is our own, so that it is no news to anybody."""
    seen = [(record, before)]
    look = Look(book, Kin.of(book, seen), Weather(book), tally, Held(book), baseline=baseline)
    alerts = book.uow.alerts_of(record.source, record.id)
    row = look.take(record, before if news else record, fingerprint(record), alerts)
    book.uow.save_records([row])
    save_ties(book, seen)
    look.kin.wake(seen)


def _holds(book: Book, alert: Alert, record: Record, verdict: Verdict) -> bool:
    """Whether an alert that was not found anew goes on: its rule says so, or it is no rule's to end."""
    rule = book.house.rule(alert.rule)
    if rule is None or rule.kind != kind_of(record):
        return True
    conf = book.house.rules.get(alert.rule)
    return alert.rule in verdict.holds and conf is not None and conf.of(record).enabled


def _new(book: Book, record: Record, found: Found, *, baseline: bool) -> Alert:
    conf = (book.house.rules.get(found.rule) or RULES[found.rule].conf_class()).of(record)
    record_id, number = found.home or (record.id, record.number)
    return Alert(
        key=found.key,
        rule=found.rule,
        source=record.source,
        record_id=record_id,
        subject=number,
        title=found.title,
        summary=found.summary,
        severity=found.severity,
        stage=found.stage,
        facts=found.facts,
        url=record.url if record_id == record.id else "",
        team=record.team,
        zone=record.zone,
        policy=conf.policy or _default_policy(record),
        mode=_mode(book, found, shadow=conf.shadow, baseline=baseline),
        opened_at=book.now,
        updated_at=book.now,
    )


def _holder(book: Book, record: Record) -> tuple[str, ...]:
    """Who has the case, if it is one of us."""
    if not isinstance(record, Case) or not record.assignee_id:
        return ()
    return tuple(one.id for one in book.people.values() if one.accounts.get(record.source) == record.assignee_id)[:1]


def _default_policy(record: Record) -> str:
    return {"visit": "dispatch", "case": "support"}.get(kind_of(record), "accounts")


def _mode(book: Book, found: Found, *, shadow: bool, baseline: bool) -> Mode:
    if book.house.observe or shadow:
        return Mode.HELD
    if found.quiet:
        return Mode.LISTED
    old = found.since is not None and book.now - found.since > book.house.backfill
    return Mode.LISTED if baseline and old else Mode.CARD


def _renew(book: Book, held: Alert, found: Found) -> None:
    """The condition goes on: a rise in severity rings, anything else the card shows is edited quietly."""
    record_id, subject = found.home or (held.record_id, held.subject)
    facts = tuple(pair for pair in held.facts if pair[0] in (PART_OF, SILENCED)) + found.facts
    seen = (held.severity, held.stage, held.summary, held.facts, held.condition, held.record_id)
    if seen == (min(found.severity, held.severity), found.stage, found.summary, facts, True, record_id):
        return
    worse = found.severity < held.severity
    after = replace(
        held,
        severity=min(found.severity, held.severity),
        stage=found.stage,
        title=found.title,
        summary=found.summary,
        facts=facts,
        record_id=record_id,
        subject=subject,
        condition=True,  # one reopened by hand is its rule's again
        version=held.version + 1,
        updated_at=book.now,
    )
    if worse:
        after = _wake(book, held, after)
    said = f"Now {after.severity}: {found.summary}" if worse else ""
    entry = Entry("deskbell", "severity" if worse else "update", held.id, {"to": str(after.severity), "said": said})
    book.keep(Change(held, after, said), entry, ring=ladder.whom(book, after), loud=worse)


def _wake(book: Book, held: Alert, after: Alert) -> Alert:
    """A rise in severity ends a snooze, gives what was only listed its card, and may be what lets it climb."""
    if sheltered(book, after) or (after.severity is not Severity.P1 and any(one == SILENCED for one, _ in after.facts)):
        return replace(after, snoozed_until=None, escalate_at=None)
    after = book.show(replace(after, snoozed_until=None))
    if after.mode is not Mode.CARD or after.status is not Status.OPEN:
        return replace(after, escalate_at=ladder.looked_at(book, after))
    resting = held.escalate_at is None or held.snoozed_until is not None
    return book.begin(replace(after, level=0, rounds=0)) if resting else after


def vanished(book: Book, source: str, ids: Sequence[str], tally: Tally | None = None) -> None:
    """Records that are no longer there. A visit that was still to come is cancelled by that; what was wrong with any
    other record is over.
    """
    why = f"it is gone from {book.house.source_title(source)}, deleted or hidden"
    known = book.uow.records(source, list(ids)) if ids else {}
    for record_id in ids:
        was = known.get(record_id)
        if was is not None and _to_come(was.record, book.now):
            _call_off(book, was, why, tally or Tally())
            continue
        past.keep(book, [was] if was else [], Ended.GONE)
        if was is not None and isinstance(was.record, Leave):
            absence.forget(book, absence.key_of(source, record_id))
        for alert in book.uow.alerts_of(source, record_id):
            change = end_condition(alert, why, book.now)
            book.keep(change, Entry("deskbell", "over", alert.id, {"said": change.said}))
        book.uow.forget_record(source, record_id)  # else a changed rule would judge it again


def _to_come(record: Record, now: datetime) -> bool:
    """A visit whose time is not over: whoever deletes it calls it off. One that was cancelled before stays so."""
    if not isinstance(record, Visit) or (record.done and record.status is not VisitStatus.CANCELLED):
        return False
    return any(at is not None and at > now for at in (record.start, record.end, record.window_end))


def _call_off(book: Book, was: StoredRecord, why: str, tally: Tally) -> None:
    record = was.record
    if record.done:
        return
    past.keep(book, [was])
    gone = changed(record, status=VisitStatus.CANCELLED, status_raw="gone", cancelled_at=book.now, reason=why)
    state = book.uow.source(record.source) or SourceState(record.source)
    take_one(book, gone, record, tally, baseline=state.baseline)


def adopt(book: Book) -> None:
    """What is live follows the configuration: out of rooms that are gone, into those that the routes name now."""
    for alert in book.uow.alerts(limit=10_000):
        if alert.mode is not Mode.CARD:
            continue
        for post in book.uow.posts_of(alert.id):
            if post.destination not in book.house.destinations:
                book.uow.retire_destination(post.destination)
        for name in book.rooms(alert):
            book.uow.want_post(alert.id, name, Lane.PAGE, alert.severity, book.now)


def _quarantined(book: Book, page: Page) -> None:
    """Records that can't be read are set aside, and people know; once they can be, it is over."""
    key = f"bad:{page.source}"
    if not book.uow.count_quarantined(page.source):
        book.over(key, "every record can be read again")
    elif page.bad:
        bad, title = page.bad[0], book.house.source_title(page.source)
        summary = f"{title}: record {bad.record_id} can't be read and is set aside: {bad.error}"[:118]
        book.about_us(key, "unreadable_record", Severity.P3, summary, source=page.source, subject=bad.record_id)


def _unmapped(book: Book, page: Page) -> None:
    """A vendor word that no map knows is told once, never guessed."""
    for name, value in page.unmapped:
        title = book.house.source_title(page.source)
        summary = f"{title} says {name} = {value!r}, which no map in config.toml knows"
        book.about_us(f"map:{page.source}:{name}:{value}", "unmapped_status", Severity.P3, summary, source=page.source)


def _after(book: Book, state: SourceState, page: Page) -> SourceState:
    # A page without a cursor is a record refreshed between polls: the poll's place stays. A page is no whole read; only
    # the very first sweep, which may last for hours, counts page by page.
    read_at = book.now if state.baseline and page.cursor else state.last_ok_at
    baseline = state.baseline and not page.complete
    rules = state.rules_hash or book.house.version
    return replace(state, cursor=page.cursor or state.cursor, baseline=baseline, last_ok_at=read_at, rules_hash=rules)


def _baseline_done(book: Book, source: str) -> None:
    quiet = [a for a in book.uow.alerts(source=source, limit=500) if a.mode is Mode.LISTED]
    said = f"First read of {book.house.source_title(source)} is complete"
    data = {"said": said, "listed": len(quiet)}
    book.uow.audit(Entry("deskbell", "baseline", 0, data), book.now)
    past.baseline_done(book, source)
    if quiet:
        baseline_notice(book, source, len(quiet))
