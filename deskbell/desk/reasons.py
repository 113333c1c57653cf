"""Why an alert rang and whom it reached; why a record is quiet, and when it would ring."""

from dataclasses import replace
from datetime import datetime
from typing import cast

from deskbell.core.alert import Alert, Mode, name_of
from deskbell.core.heard import Rank
from deskbell.core.present import REFUSED, told
from deskbell.core.records import Record, unnamed
from deskbell.core.rota import on_duty
from deskbell.core.rules import Context, explain
from deskbell.core.rules.explain import Stand
from deskbell.core.silence import SILENCED
from deskbell.core.store import Reader, UnitOfWork
from deskbell.core.text import clock
from deskbell.desk.book import Book
from deskbell.desk.duty import roster
from deskbell.desk.house import House
from deskbell.desk.kin import Kin

_STORY = 60
_MESSAGES = 10
_RANKS = {
    Rank.QUEUED: "handed over",
    Rank.SENT: "sent",
    Rank.FAILED: "not delivered",
    Rank.DELIVERED: "delivered",
    Rank.READ: "read",
}


def why(reader: Reader, house: House, alert: Alert, now: datetime) -> list[tuple[str, str]]:
    """The whole reason: rule, what it saw, thresholds, clock, way to people, who was on duty, what came of it."""
    stored = reader.record(alert.source, alert.record_id) if alert.record_id else None
    base = house.rules.get(alert.rule)
    conf = base.of(stored.record) if base and stored else base
    calendar = house.calendars.get(conf.calendar if conf else "", house.calendar)
    lines = explain.why(alert, house.rule(alert.rule), conf, calendar)
    lines += [("Told", _told(reader, house, alert)), ("On duty then", duty(reader, house, alert.opened_at))]
    lines += [("Policy", _policy(house, alert)), ("Messages", _messages(reader, house, alert))]
    story = [row for row in reader.story(alert.id, _STORY) if row.entry.verb != REFUSED and row.entry.data.get("said")]
    lines += [(clock(row.at, alert.zone, now), told(row)) for row in story[-5:]]
    return [(label, value) for label, value in lines if value]


def _told(reader: Reader, house: House, alert: Alert) -> str:
    rooms = ", ".join(post.destination for post in reader.posts_of(alert.id))
    if alert.mode is Mode.HELD:
        conf = house.rules.get(alert.rule)
        return "nobody: the rule is only tried out" if conf and conf.shadow else "nobody: Deskbell only observes"
    if held := next((value for label, value in alert.facts if label == SILENCED), ""):
        return f"no room: silenced by {held}"
    if alert.mode is Mode.LISTED:
        return "no room: it is listed (history, routine, or part of something larger)"
    return rooms or "no room"


def duty(reader: Reader, house: House, at: datetime) -> str:
    """Who was on duty in each rota then."""
    rows = ((rota.name, on_duty(rota, at)) for rota in roster(reader, house, at).rotas.values())
    return ", ".join(f"{name}: {name_of(who, house.people) if who else 'nobody'}" for name, who in rows)


def _messages(reader: Reader, house: House, alert: Alert) -> str:
    """What became of those that went to people beside the chats, as far as their vendors say."""
    sent = [one for one in reader.messages_of(alert.id) if one.destination not in house.records][-_MESSAGES:]
    return ", ".join(
        f"{house.titles.get(one.channel, one.channel)} to {name_of(one.person, house.people) or one.destination}: "
        f"{_RANKS[one.rank]}{f' ({one.why})' if one.why else ''}"
        for one in sent
    )


def _policy(house: House, alert: Alert) -> str:
    policy = house.policies.get(alert.policy)
    if policy is None:
        return ""
    if alert.severity > policy.least:
        return f"{policy.name}; {alert.severity} climbs only when a person escalates it"
    levels = "; ".join(f"{explain.said(level.after)}: {', '.join(level.targets)}" for level in policy.levels)
    outside = "; ".join(f"{explain.said(level.after)}: {', '.join(level.targets)}" for level in policy.outside)
    return f"{policy.name} ({levels}" + (f"; outside of hours {outside})" if outside else ")")


def whynot(reader: Reader, house: House, record: Record, now: datetime) -> list[Stand]:
    """Each rule of the record's kind: whether it rings, and if not, why and when it would."""
    kin = Kin.of(Book(cast("UnitOfWork", reader), house, now), [(record, record)])  # which only reads
    context = Context(now, False, house.calendar, house.calendars, kin.related(record, record))
    if house.hides_customers:
        record, context = unnamed(record), replace(context, related=tuple(map(unnamed, context.related)))
    return explain.stands(record, house.rules, context, house.custom.values())
