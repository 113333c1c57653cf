"""The clock's share: records whose due time came, alerts that must climb, sources gone quiet, the daily summary."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from deskbell.core.alert import Alert, Mode, Severity, Status
from deskbell.core.ports import Dispatch, DispatchKind, Entry, Lane, SourceError, SourceFault, SourceState
from deskbell.core.store import Reader
from deskbell.core.text import clock, span
from deskbell.desk import digest, ladder, letters, ourselves
from deskbell.desk.book import UNREACHABLE, Book, deaf, shut_out
from deskbell.desk.handover import due as shifts_due
from deskbell.desk.house import House, SourceFacts
from deskbell.desk.kin import Kin
from deskbell.desk.observe import Look, Tally
from deskbell.desk.silences import Held, any_due
from deskbell.desk.weather import Weather, any_on

BATCH = 200  # due records or alerts taken in one transaction
PATIENCE = timedelta(seconds=5)  # a source that is read every second may pause for so long


class Calls(NamedTuple):
    """Which parts of a tick have anything to do: a look at all of them costs less than one transaction."""

    climb: bool
    look_again: bool
    weather: bool
    silences: bool
    digest: bool
    sources: bool
    late: bool
    owed: bool
    rosters: bool


def calls(reader: Reader, house: House, now: datetime, started: datetime, patience: timedelta) -> Calls:
    return Calls(
        climb=bool(reader.due_alerts(now, 1)),
        look_again=bool(reader.due_records(now, 1)),
        weather=any_on(reader, house, now),
        silences=any_due(reader, house, now),
        digest=digest.is_due(reader, house, now),
        sources=_any_unwell(reader, house, now, started, patience),
        late=bool(reader.late_messages(now, 1)),
        owed=house.customers is not None and bool(reader.letters_owed(now, 1)),
        rosters=shifts_due(reader, house, now),
    )


def look_again(book: Book) -> Tally:
    """Judges records whose due time has come. A full batch (`read`) means: call again."""
    rows = book.uow.due_records(book.now, BATCH)
    tally = Tally(read=len(rows))
    look = Look(book, Kin.of(book, [(row.record, row.record) for row in rows]), Weather(book), tally, Held(book))
    anew = {source for source in {row.record.source for row in rows} if _under_new_rules(book, source)}
    for row in rows:
        record = row.record
        alerts = book.uow.alerts_of(record.source, record.id)
        looking = replace(look, baseline=record.source in anew)
        verdict = looking.judge(record, record)
        looking.follow(record, verdict, alerts)
        letters.follow(book, record, record, verdict.found, baseline=looking.baseline)
        due_at = verdict.due_at
        if due_at is not None and due_at <= book.now:  # a rule that names a past moment must not spin
            due_at = book.now + timedelta(minutes=1)
        book.uow.set_due(record.source, record.id, due_at)
    return tally


def rules_changed(book: Book, source: str) -> None:
    """The rules are not those that judged this source's records: all that is live is looked at anew."""
    for record_id in book.uow.live_record_ids(source):
        book.uow.set_due(source, record_id, book.now)
    book.uow.put_value(_CHANGED + source, book.now.isoformat())


def _under_new_rules(book: Book, source: str) -> bool:
    """Whether what is found now may have been so for long, and is only found because the rules are others."""
    changed = book.uow.value(_CHANGED + source)
    return changed is not None and book.now - datetime.fromisoformat(changed) < _SETTLES


_CHANGED = "rules.changed."  # and a source: since when its records are judged by the rules that there are
_SETTLES = timedelta(minutes=10)


def climb(book: Book) -> int:
    alerts = book.uow.due_alerts(book.now, BATCH)
    for alert in alerts:
        ladder.due(book, alert)
    return len(alerts)


def watch_sources(book: Book, started: datetime, patience: timedelta = PATIENCE) -> None:
    """A source that is silent too long, and for longer than `patience` in any case, is an alert of its own."""
    for name, facts in book.house.sources.items():
        state = book.uow.source(name) or SourceState(name)
        ourselves.skewed(book, state)
        quiet = _quiet(state, book.now, started)
        if quiet < _too_long(book.house, facts, patience):
            continue
        long = min(max(facts.interval * 10, timedelta(minutes=1)), timedelta(minutes=15))
        severity = Severity.P1 if quiet > long else Severity.P3
        since = clock(state.last_ok_at, book.house.zone, book.now) if state.last_ok_at else "the start"
        why = f": {state.error}" if state.error else ""
        summary = f"{facts.title} has not been read since {since}{why}"[:118]
        _stale(book, name, severity, summary)


def _any_unwell(reader: Reader, house: House, now: datetime, started: datetime, patience: timedelta) -> bool:
    """Whether `watch_sources` has anything to tell, or to take back."""
    states = {state.name: state for state in reader.sources()}
    for name, facts in house.sources.items():
        state = states.get(name) or SourceState(name)
        if ourselves.is_skewed(house, state) or _quiet(state, now, started) >= _too_long(house, facts, patience):
            return True
    return bool(reader.lasting([ourselves.skew_key(name) for name in house.sources]))


def _quiet(state: SourceState, now: datetime, started: datetime) -> timedelta:
    """After a restart a source gets its chance before it counts as silent."""
    return now - max(state.last_ok_at or started, started)


def _too_long(house: House, facts: SourceFacts, patience: timedelta) -> timedelta:
    return max(facts.interval * house.stale_after, patience)


def watch_chats(book: Book, troubles: Mapping[str, str], chats: Iterable[str]) -> frozenset[str]:
    """A chat in which nobody can answer us is an alert of its own, told in the others, once.

    Not of a chat that is known to refuse our login, for that says it all. Those are given back, to be looked at again.
    """
    known: set[str] = set()
    for name in chats:
        if name not in troubles:
            book.over(deaf(name), f"{name.title()} hears people again")
        elif book.on(shut_out(name)):
            known.add(name)
        else:
            summary = f"Nobody can answer in {name.title()}: {troubles[name]}"[:118]
            book.about_us(deaf(name), UNREACHABLE, Severity.P1, summary, subject=name)
    return frozenset(known)


def _stale(book: Book, name: str, severity: Severity, summary: str) -> None:
    before = book.uow.newest_by_key(f"stale:{name}")
    held = book.about_us(f"stale:{name}", "source_stale", severity, summary, source=name, subject=name)
    if held is not None and (before is None or before.id != held.id):
        book.uow.bump_source_posts(name, book.now)  # their cards say "unverified" now


def troubled(reader: Reader, name: str) -> bool:
    """Whether the source failed, or an alert about itself is still on."""
    state = reader.source(name)
    if state is None or state.failures:
        return True
    held = [reader.newest_by_key(f"{kind}:{name}") for kind in ("stale", "auth", "rl")]
    return any(alert is not None and alert.condition for alert in held)


def source_read(book: Book, name: str) -> None:
    """A good read: whatever was wrong with the source is over."""
    state = book.uow.source(name) or SourceState(name)
    if state.failures or state.failing_since:
        lasted = f" after {span(book.now - state.failing_since)}" if state.failing_since else ""
        book.uow.audit(Entry("deskbell", "source_back", 0, {"source": name, "said": f"read again{lasted}"}), book.now)
    cleared = replace(state, last_ok_at=book.now, failures=0, failing_since=None, error="")
    book.uow.save_source(cleared)
    title = book.house.source_title(name)
    for key in (f"stale:{name}", f"auth:{name}", f"rl:{name}"):
        held = book.uow.newest_by_key(key)
        if held is not None and held.condition:
            book.over(key, f"{title} is read again")
            book.uow.bump_source_posts(name, book.now)


def source_failed(book: Book, name: str, error: SourceError) -> None:
    """A read failed: kept with the source; a refused login rings at once, for it never mends itself."""
    state = book.uow.source(name) or SourceState(name)
    if not state.failures:
        data = {"source": name, "said": str(error)[:200], "fault": str(error.fault)}
        book.uow.audit(Entry("deskbell", "source_failed", 0, data), book.now)
    failing = state.failing_since or book.now
    said = str(error)[:300]
    book.uow.save_source(replace(state, failures=state.failures + 1, failing_since=failing, error=said))
    if error.fault is SourceFault.LIMITED:
        ourselves.limited(book, replace(state, failing_since=failing), said)
    if error.fault is SourceFault.AUTH:
        title = book.house.source_title(name)
        summary = f"{title} refuses Deskbell's login; nothing of it is seen until that is mended"
        book.about_us(f"auth:{name}", "source_auth_failed", Severity.P1, summary, source=name, subject=name)


def daily_summary(book: Book) -> bool:
    """In observe-only mode, once a day at `summary_at`: what would have rung. The only thing that is posted then."""
    local = book.now.astimezone(ZoneInfo(book.house.zone))
    today = local.date().isoformat()
    if not book.house.observe or local.time() < book.house.summary_at or book.uow.value("summary") == today:
        return False
    book.uow.put_value("summary", today)
    since = book.now - timedelta(days=1)
    every = book.uow.alerts(statuses=tuple(Status), limit=10_000)
    alerts = [alert for alert in every if alert.mode is Mode.HELD and alert.opened_at > since]
    text = _summary(book, alerts)
    for name in book.house.bells:
        payload = {"text": text, "mentions": []}
        dispatch = Dispatch(f"summary:{today}:{name}", name, DispatchKind.NOTICE, payload, 0, Lane.DIGEST)
        book.uow.add_dispatch(dispatch, Severity.P4, book.now)
    return True


def _summary(book: Book, alerts: list[Alert]) -> str:
    by_rule: dict[str, int] = {}
    for alert in alerts:
        by_rule[alert.rule] = by_rule.get(alert.rule, 0) + 1
    counts = sorted(by_rule.items(), key=lambda item: -item[1])
    return book.house.words.say("daily_summary", total=len(alerts), counts=counts, alerts=alerts[:10])
