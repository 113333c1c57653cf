"""What every change of an alert carries with it, in the same transaction: the audit entry, the cards' wanted version,
the thread's story, what must ring, and what the source is told."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from deskbell.core import button, links
from deskbell.core.access import SYSTEM, Person
from deskbell.core.alert import Alert, Change, Mode, Severity, Status, Verb, end_condition
from deskbell.core.card import Button
from deskbell.core.heard import Link
from deskbell.core.policy import Level, Policy, begun, in_turn, ways_of
from deskbell.core.ports import Dispatch, DispatchKind, Entry, Lane, WriteKind
from deskbell.core.prefs import Prefs, Rung
from deskbell.core.route import destinations_for, fallback
from deskbell.core.store import UnitOfWork
from deskbell.core.storm import SECOND, STORM
from deskbell.core.text import clock
from deskbell.core.undo import Undo
from deskbell.desk.duty import removed, roster
from deskbell.desk.house import House
from deskbell.desk.rings import USUAL, asleep, prefs_of, ways
from deskbell.vendors.chats import CHATS

UNREACHABLE = "channel_unreachable"
OURSELVES = "ourselves"  # the policy of alerts about Deskbell itself
REPEATS = timedelta(hours=1)  # after a restore
SOURCE_LANE = "source:"  # a source's queue of write-backs, beside the rooms' queues


@dataclass(frozen=True, slots=True)
class Book:
    """One transaction's view: the unit of work, the house rules, and the moment that everything in it happens at."""

    uow: UnitOfWork
    house: House
    now: datetime

    @property
    def people(self) -> Mapping[str, Person]:
        """Everybody who still works here; `deskbell people remove` takes people out before config.toml does."""
        gone = removed(self.uow)
        return {key: one for key, one in self.house.people.items() if key not in gone} if gone else self.house.people

    def person(self, platform: str, account: str) -> Person | None:
        """Whose account it is."""
        return self.people.get(self.uow.person_for(platform, account) or "")

    def undo_button(self, alert: Alert, undo: Undo) -> Button:
        return Button(Verb.UNDO, "Undo", button.sign(self.house.secret, Verb.UNDO, alert.id, undo.mark))

    def open(
        self,
        alert: Alert,
        data: Mapping[str, Any] | None = None,
        *,
        rooms: Sequence[str] | None = None,
        wait: timedelta = timedelta(0),
    ) -> Alert:
        """Stores a new alert and wants a card of it in each of its rooms. `rooms`: not those of its route."""
        alert = self.uow.insert_alert(self._marked(alert))
        detail = {"key": alert.key, "rule": alert.rule, "severity": str(alert.severity), "mode": str(alert.mode)}
        said = f"Opened as {alert.severity}"
        # What the alert says may name people and customers: it is kept apart from the chain.
        entry = Entry("deskbell", "open", alert.id, {**detail, **(data or {}), "said": said}, {"text": alert.summary})
        self.uow.audit(entry, self.now)
        if alert.mode is Mode.CARD:
            for name in self.rooms(alert) if rooms is None else rooms:
                self.uow.want_post(alert.id, name, Lane.PAGE, alert.severity, self.now, self.now + wait)
            if alert.level and (policy := self.house.policies.get(alert.policy)):
                self.by_ways(alert, policy.ladder(self.now, alert.zone)[0])
        return alert

    def begin(self, alert: Alert) -> Alert:
        """The alert at the beginning of its policy."""
        policy = self.house.policies.get(alert.policy)
        after = begun(policy, alert, self.now)
        if policy is None or not after.level:
            return after
        return self.name(after, policy, policy.ladder(self.now, alert.zone)[0])

    def name(self, alert: Alert, policy: Policy, level: Level) -> Alert:
        """The alert with whom the level rings, where that is not simply all whom its targets lead to."""
        if not (level.turns or level.everyone):
            return replace(alert, named=(), waits=())
        people = self.on_call(level.targets, alert)
        if level.turns:
            turn = f"turn.{policy.name}.{' '.join(level.targets)}"
            people = in_turn(self.reachable(people) or people, self.uow.value(turn) or "")
            self.uow.put_value(turn, "".join(people))
        return replace(alert, named=people, waits=people if level.everyone else ())

    def reachable(self, people: Sequence[str], ways: Sequence[str] = ()) -> tuple[str, ...]:
        """Those who are known in one of the chats, or on one of these ways.

        Where all rooms are of a kind in which nobody is known, whoever is named there is reached as well as can be.
        """
        known = self.house.destinations
        chats = sorted({known[name].platform for name in (*self.house.bells, *ways) if name in known})
        if not ways and not set(chats) & set(CHATS):
            return tuple(people)
        return tuple(one for one in people if any(self.uow.account_of(chat, one) for chat in chats))

    def by_ways(self, alert: Alert, level: Level) -> None:
        """Besides all else, people get a message of their own on the ways that the level names: an SMS, a call."""
        for way, target in ways_of(level.targets):
            people = self.on_call((target,), alert) if way in self.house.destinations else ()
            chosen = prefs_of(self.uow) if people else {}
            for person in (one for one in people if not alert.named or one in alert.named):
                key = f"via:{alert.id}:{alert.version}:{person}:{way}"
                payload = {**self._direct(alert), "direct": person}
                later = self._waits(person, alert.severity, chosen)
                self._dispatch(Dispatch(key, way, DispatchKind.NOTE, payload, alert.id, Lane.PAGE, later), alert)

    def _waits(self, person: str, severity: Severity, chosen: Mapping[str, Prefs]) -> datetime | None:
        """Until when the person's quiet hours hold a ring back."""
        zone = self.house.people[person].zone if person in self.house.people else self.house.zone
        return chosen.get(person, USUAL).waits_until(severity, self.now, zone)

    def _direct(self, alert: Alert) -> dict[str, Any]:
        """What a direct message says of the alert, and until when it is worth sending."""
        say = self.house.words.say
        text = say("direct", severity=str(alert.severity), ref=alert.ref, summary=alert.summary)
        return {"text": text, "ref": alert.ref, "only_if": "open" if alert.status is Status.OPEN else "live"}

    def _marked(self, alert: Alert) -> Alert:
        """After a restore: what was told between the backup and its restore is told again, and says so."""
        at = self.house.restored_at
        if at is None or self.now - at > REPEATS:
            return alert
        why = f"Deskbell went back to a backup at {clock(at, self.house.zone, self.now)}; an older card may exist"
        return replace(alert, facts=(*alert.facts, ("Perhaps a repeat", why)))

    def keep(
        self, change: Change, entry: Entry, *, ring: Sequence[str] = (), loud: bool = False, undo: Undo | None = None
    ) -> bool:
        """Stores a changed alert with everything that follows from it. False when somebody else was faster.

        `undo`: how a person may take the change back; without it, nothing that was done before can be either.
        """
        if not self.uow.save_alert(change.after, change.before.version):
            return False
        self.uow.save_undo(change.after.id, undo)
        self.uow.audit(entry, self.now)
        if change.after.mode is not Mode.CARD:
            return True
        # Whoever taps looks at the card; of what comes to pass by itself they are told by its ring.
        awaited = loud or entry.actor != SYSTEM.id
        self.uow.bump_posts(change.after.id, self.now, Lane.EDIT if awaited else Lane.TIDY)
        if change.said:
            self.tell(change.after, change.sentence, ring=ring, loud=loud)
        if change.before.status is Status.OPEN and change.after.status is not Status.OPEN:
            self.uow.end_links(change.after.id)
            self._hush(change.after)
            self.over(f"exh:{change.after.id}", "somebody has answered it")
        return True

    def _hush(self, alert: Alert) -> None:
        """What rings on by itself until somebody stops it has done its work."""
        for one in self.uow.messages_of(alert.id) if self.house.sirens else ():
            if one.channel in self.house.sirens:
                key = f"hush:{one.channel}:{one.id}"
                payload = {"text": f"{alert.ref}: somebody has it", "hush": one.id}
                hush = Dispatch(key, one.destination, DispatchKind.NOTICE, payload, 0, Lane.PAGE)
                self.uow.add_dispatch(hush, alert.severity, self.now)

    def show(self, alert: Alert) -> Alert:
        """An alert that was only listed, and that people now act on, gets its card. Nothing else changes."""
        if alert.mode is Mode.CARD or self.house.observe or self.shadowed(alert.rule):
            return alert
        for name in self.rooms(alert):
            self.uow.want_post(alert.id, name, Lane.PAGE, alert.severity, self.now)
        return replace(alert, mode=Mode.CARD)

    def shadowed(self, rule: str) -> bool:
        """Whether the rule is only tried out."""
        conf = self.house.rules.get(rule)
        return conf is not None and conf.shadow

    def tell(self, alert: Alert, text: str, *, ring: Sequence[str] = (), loud: bool = False) -> None:
        """One line in the thread of each card. `loud` notifies: people are mentioned, and the room sees it too."""
        if loud:  # it may be read on a lock screen, without its card
            text = f"{alert.ref}: {text}. {alert.summary}" if alert.summary not in text else f"{alert.ref}: {text}"
        payload: dict[str, Any] = {
            "text": text,
            "ref": alert.ref,
            "mentions": self._awake(alert, ring),
            "broadcast": loud,
        }
        if loud:
            # Asked again when it is sent: once somebody has it, nobody is rung any more.
            payload["only_if"] = "open" if alert.status is Status.OPEN else "live"
        for post in self.uow.posts_of(alert.id):
            if loud and not post.ref:
                continue  # its card is still to come, and rings by itself
            key = f"tell:{alert.id}:{alert.version}:{post.destination}"
            lane = Lane.PAGE if loud else Lane.STORY
            self._dispatch(Dispatch(key, post.destination, DispatchKind.NOTE, payload, alert.id, lane), alert)
        if loud:
            self.direct(alert, ring)

    def direct(self, alert: Alert, people: Sequence[str]) -> None:
        """A message to each person by the ways of their own ladder, one after the other until somebody has answered."""
        told = self._direct(alert)
        failing = self._failing("") if people else ()
        chosen = prefs_of(self.uow) if people else {}
        for person in people:
            rooms = ways(self.uow, self.house, person, self.rooms(alert))
            waits = self._waits(person, alert.severity, chosen)
            ladder = _usable(chosen.get(person, USUAL).ladder(alert.severity, tuple(rooms)), rooms, failing)
            for rung in ladder:
                payload = {**told, "direct": person}
                key = f"direct:{alert.id}:{alert.version}:{person}" + (f":{rung.way}" if rung is not ladder[0] else "")
                later = (waits or self.now) + rung.after if waits or rung.after else None
                note = Dispatch(key, rooms[rung.way], DispatchKind.NOTE, payload, alert.id, Lane.PAGE, later)
                self._dispatch(note, alert)

    def whisper(self, person: str, text: str, key: str) -> None:
        """One message to one person by their first way, whatever becomes of any alert."""
        rooms, chosen = ways(self.uow, self.house, person), prefs_of(self.uow)
        ladder = _usable(chosen.get(person, USUAL).ladder(Severity.P3, tuple(rooms)), rooms, ())
        if ladder:
            payload, later = {"text": text, "direct": person}, self._waits(person, Severity.P3, chosen)
            note = Dispatch(f"whisper:{key}", rooms[ladder[0].way], DispatchKind.NOTICE, payload, 0, Lane.PAGE, later)
            self.uow.add_dispatch(note, Severity.P3, self.now)

    def _awake(self, alert: Alert, people: Sequence[str]) -> list[str]:
        """Whom a mention may ring now."""
        if alert.severity is Severity.P1 or not people:
            return list(people)
        resting = asleep(self.house.people, prefs_of(self.uow), self.now)
        return [person for person in people if person not in resting]

    def ring_elsewhere(self, alert: Alert, tried: Dispatch, person: str) -> str:
        """A direct message that one way does not take goes to the person's next one; each is tried once. Where to."""
        rooms = list(ways(self.uow, self.house, person, self.rooms(alert)).values())
        if tried.destination in rooms and (rest := rooms[rooms.index(tried.destination) + 1 :]):
            key = f"{tried.key}>{rest[0]}"
            self._dispatch(Dispatch(key, rest[0], tried.kind, tried.payload, alert.id, tried.lane), alert)
            return rest[0]
        return ""

    def _dispatch(self, dispatch: Dispatch, alert: Alert) -> None:
        self.uow.add_dispatch(dispatch, alert.severity, self.now)
        person = str(dispatch.payload.get("direct", ""))
        if person and self.house.public_url and self.platform(dispatch.destination) not in CHATS:  # those have buttons
            digest = links.digest_of(links.token_of(self.house.secret, dispatch.key))
            self.uow.save_link(Link(digest, alert.id, person, self.now + links.LIFE), self.now)

    def write_back(self, alert: Alert, kind: WriteKind, said: str, person: str, serial: int) -> Alert:
        """Asks for the source to be told; returns the alert with the word about it that the card shows."""
        facts = self.house.sources.get(alert.source)
        if facts is None or not facts.writes or not alert.record_id:
            return alert
        colleague = self.house.people.get(person)
        account = colleague.accounts.get(alert.source, "") if colleague else ""
        word = f"telling {facts.title} \u2026"
        no_account = kind is WriteKind.ASSIGN and not account
        if no_account:
            kind, word = WriteKind.NOTE, f"{facts.title}: note only, {self._name(person)} has no agent id there"
        if kind is WriteKind.RESOLVE and not facts.resolves:
            kind = WriteKind.NOTE
        text = self.house.words.say("source_note", said=said, ref=alert.ref)
        payload: dict[str, Any] = {
            "kind": kind,
            "record_id": alert.record_id,
            "text": text,
            "assignee": account,
            "person": person,
        }
        payload["no_account"] = no_account
        key = f"write:{alert.id}:{serial}"
        self._dispatch(Dispatch(key, SOURCE_LANE + alert.source, DispatchKind.WRITE, payload, alert.id), alert)
        return replace(alert, writeback=word)

    def _name(self, person: str) -> str:
        return self.house.people[person].name if person in self.house.people else person

    def rooms(self, alert: Alert) -> tuple[str, ...]:
        """Where the alert's cards go, by the routes; only destinations that exist. A storm's go where its alerts do."""
        if alert.rule in (STORM, SECOND) and alert.id:
            held = (post.destination for post in self.uow.posts_of(alert.id))
            return tuple(name for name in held if name in self.house.destinations)
        conf = self.house.rules.get(alert.rule)
        routed = destinations_for(
            self.house.routes,
            alert,
            self.house.kind(alert.rule),
            named=conf.route if conf else "",
            default=self.house.bells[:1],
        )
        known = tuple(name for name in routed if name in self.house.destinations)
        if alert.rule not in (UNREACHABLE, "delivery_dead_letter"):
            return known
        # What is wrong with a room, or a whole chat, is told in another.
        rung = [name for name in known if name not in self.house.silent]
        return fallback(rung, self._bells(), self._failing(alert.subject))

    def _platforms(self) -> dict[str, str]:
        return {d.name: d.platform for d in self.house.destinations.values()}

    def _bells(self) -> dict[str, str]:
        return {name: self.house.destinations[name].platform for name in self.house.bells}

    def elsewhere(self, destination: str) -> tuple[str, ...]:
        """Where a card goes that its own room can't take: best to a room where it can be answered as well."""
        if destination in self.house.silent:
            return ()  # it rang nobody anyway
        platforms, failing = self._bells(), self._failing(destination)
        near = [n for n, platform in platforms.items() if platform == platforms.get(destination) and n not in failing]
        return tuple(near[:1]) or tuple(n for n in fallback((), platforms, failing) if n != destination)

    def platform(self, destination: str) -> str:
        """The chat that a room is in; nothing for a room that is not configured any more."""
        return self._platforms().get(destination) or self.house.customer_platform(destination)

    def on(self, key: str) -> bool:
        """Whether the trouble with this key lasts."""
        held = self.uow.newest_by_key(key)
        return held is not None and held.condition

    def _failing(self, destination: str) -> tuple[str, ...]:
        """The destination, or all of a chat's, and every other that is known to take nothing just now."""
        platforms = self._platforms()
        lost = {chat for chat in platforms.values() if chat == destination or self.on(shut_out(chat))}
        known = (name for name, chat in platforms.items() if chat in lost or self.on(f"chan:{name}"))
        return (destination, *known)

    def on_call(self, targets: tuple[str, ...], alert: Alert) -> tuple[str, ...]:
        now = roster(self.uow, self.house, self.now)
        return now.on_call(targets, self.now, alert.team, alert.assignee)

    def about_us(self, key: str, rule: str, severity: Severity, summary: str, **more: Any) -> Alert | None:
        """An alert about Deskbell itself, a source or a chat; one per key. It rings though we only observe."""
        held = self.uow.newest_by_key(key)
        if held is not None and (held.live or held.condition):
            return self._worse(held, severity, summary)
        alert = Alert(
            key=key,
            rule=rule,
            source=more.pop("source", ""),
            record_id="",
            subject=more.pop("subject", ""),
            title=summary,
            summary=summary,
            severity=severity,
            opened_at=self.now,
            updated_at=self.now,
            zone=self.house.zone,
            policy=OURSELVES,
            **more,
        )
        return self.open(self.begin(alert))

    def _worse(self, held: Alert, severity: Severity, summary: str) -> Alert:
        if not held.live or severity >= held.severity:
            return held
        after = replace(
            held, severity=severity, summary=summary, title=summary, version=held.version + 1, updated_at=self.now
        )
        entry = Entry("deskbell", "severity", held.id, {"to": str(severity)})
        self.keep(Change(held, after, f"Now {severity}: {summary}"), entry, loud=True)
        return after

    def over(self, key: str, why: str) -> None:
        """The trouble with this key has passed."""
        held = self.uow.newest_by_key(key)
        if held is not None and held.condition:
            change = end_condition(held, why, self.now)
            self.keep(change, Entry("deskbell", "over", held.id, {"said": change.said or why}))


def shut_out(chat: str) -> str:
    """The key of an alert: a whole chat refuses our login."""
    return f"chat:{chat}"


def deaf(chat: str) -> str:
    """The key of an alert: nobody can answer us in a chat."""
    return f"deaf:{chat}"


def _usable(ladder: Sequence[Rung], rooms: Mapping[str, str], failing: Sequence[str]) -> Sequence[Rung]:
    """Without what is known to take nothing now: what comes next comes sooner. Better a way that fails than none."""
    works = [rung for rung in ladder if rooms[rung.way] not in failing]
    if works:
        return [replace(rung, after=rung.after - works[0].after) for rung in works]
    other = next((way for way, room in rooms.items() if room not in failing), None)
    return [Rung(other)] if other else ladder


WRITES: Mapping[Verb, WriteKind] = {
    Verb.ACK: WriteKind.NOTE,
    Verb.UNACK: WriteKind.NOTE,
    Verb.TAKE: WriteKind.ASSIGN,
    Verb.REASSIGN: WriteKind.ASSIGN,
    Verb.SEND: WriteKind.ASSIGN,
    Verb.ESCALATE: WriteKind.NOTE,
    Verb.SNOOZE: WriteKind.NOTE,
    Verb.RESOLVE: WriteKind.RESOLVE,
    Verb.REOPEN: WriteKind.NOTE,
    Verb.NOTE: WriteKind.NOTE,
    Verb.UNDO: WriteKind.NOTE,
}
