"""What people say comes in: who is it, may they, what does it do, and the answer; all in one transaction."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from deskbell.core import asking, button
from deskbell.core.access import Person
from deskbell.core.alert import (
    Alert,
    Change,
    Command,
    Refusal,
    Severity,
    Status,
    Verb,
    barred,
    decide,
    mark,
    name_of,
    names_of,
    not_now,
)
from deskbell.core.button import Press
from deskbell.core.ports import Answer, Entry, Interaction, Said, WriteKind
from deskbell.core.present import REFUSED, View, state_of
from deskbell.core.storm import SECOND, STORM, TO_ALL, alerts
from deskbell.core.text import clean_lines, parse_span, span
from deskbell.core.undo import kept, undone
from deskbell.desk import asked, decision, people, silences, telling
from deskbell.desk.book import WRITES, Book
from deskbell.desk.ladder import climb, looked_at, whom
from deskbell.desk.people import how_to_link, keep_asking, reveal
from deskbell.desk.weather import MOST, sheltered


def act(book: Book, said: Interaction) -> Answer:
    """Carries an interaction out once. A repeat of it gets the first answer again and changes nothing."""
    earlier = book.uow.taken_in(said.key)
    if earlier is not None:
        return _again(book, earlier)
    book.uow.take_in(said.key, said.platform, book.now, {"verb": said.verb, "ref": said.ref, "room": said.room})
    answer = _carry_out(book, said)
    kept = {"ok": answer.ok, "code": answer.code, "text": answer.text}
    book.uow.answered(said.key, {**kept, "alert_id": answer.alert.id if answer.alert else 0})
    return answer


def _again(book: Book, earlier: Mapping[str, Any]) -> Answer:
    """That somebody is not known here is what a chat must hear again: it then shows the way to connect."""
    code = "unknown_person" if earlier.get("code") == "unknown_person" else "repeat"
    return Answer(bool(earlier.get("ok")), code, str(earlier.get("text", "")), _alert(book, earlier))


def redeem(book: Book, said: Said, code: str) -> tuple[Person | None, Answer | None]:
    """A code links an account, and what the account last asked for is done: both, or neither. The person whose code it
    was (None: no such code), and what became of the wish. The same message again is answered as before.
    """
    key = f"{said.key}:link:{said.account}"
    if said.key and (earlier := book.uow.taken_in(key)):
        return book.people.get(str(earlier.get("person"))), _again(book, earlier) if earlier.get("text") else None
    person, asked = people.redeem(book, said.platform, said.account, code)
    answer = act(book, asked) if person and asked else None
    if said.key and person:
        told = {"ok": answer.ok, "text": answer.text} if answer else {}
        book.uow.take_in(key, said.platform, book.now, {"verb": "link"})
        book.uow.answered(key, {**told, "person": person.id})
    return person, answer


def _alert(book: Book, earlier: Mapping[str, Any]) -> Alert | None:
    return book.uow.alert(int(earlier.get("alert_id") or 0))


def _carry_out(book: Book, said: Interaction) -> Answer:
    person = book.person(said.platform, said.account)
    if person is None:
        keep_asking(book, said)
        return _refuse(book, said, None, None, Refusal("unknown_person", how_to_link(book)))
    aim = _aim(book, said)
    if isinstance(aim, Refusal):
        return _refuse(book, said, person, None, aim)
    if newer := _newer(book, aim):
        return _refuse(book, said, person, aim.alert, newer)
    origin = {"platform": said.platform, "room": said.room}
    command = Command(aim.verb, aim.alert.id, person, {**_args(said), **aim.chosen}, origin)
    result = _second(book, aim, command) or _decide(book, aim.alert, command)
    if isinstance(result, Refusal):
        return _refuse(book, said, person, aim.alert, result)
    return result if isinstance(result, Answer) else _keep(book, command, result)


def _second(book: Book, aim: "_Aim", command: Command) -> Refusal | Answer | None:
    """What takes two people: who resolves all of a storm asks for the second; who acknowledges such a wish is it."""
    alert, person = aim.alert, command.actor
    if alert.rule == SECOND and aim.verb is Verb.ACK:
        return barred(alert, command, book.people) or _agree(book, alert, person)
    if alert.rule != STORM or aim.verb is not Verb.RESOLVE or not book.house.own.second_person:
        return None
    decided = _decide(book, alert, command)
    if isinstance(decided, Refusal):
        return decided
    live = book.uow.family(alert.id).live
    wish = {"do": "resolve", "alert": alert.id, "reason": command.args["reason"], "by": person.id}
    what = f"resolve {alert.ref} with {alerts(live)}"
    asked = silences.ask(book, person, what, command.args["reason"], wish, book.rooms(alert), alert.team)
    return Answer(True, "asked", f"All of it takes two people. Somebody else was asked to agree: {asked.ref}.", asked)


def _agree(book: Book, alert: Alert, person: Person) -> Refusal | Answer:
    wish = silences.wish_of(book, alert, person)
    if isinstance(wish, Refusal):
        return wish
    by = book.people.get(wish["by"])
    if wish["do"] == "silence":
        said = silences.begin_wished(book, wish, person)
    else:
        storm = book.uow.alert(wish["alert"])
        if by is None or storm is None:
            return Refusal("gone", "Who asked for it does not work here any more.")
        command = Command(Verb.RESOLVE, storm.id, by, {"reason": wish["reason"]}, {"agreed_by": person.id})
        decided = _decide(book, storm, command)
        if isinstance(decided, Refusal):
            return decided
        said = decided.text if isinstance(decided, Answer) else _keep(book, command, decided).text
    silences.agreed(book, alert, person)
    return Answer(True, "done", f"You agreed. {said}", book.uow.alert(alert.id))


def _decide(book: Book, alert: Alert, command: Command) -> Change | Refusal | Answer:
    """What the command does; to look at personal data changes nothing, and is answered at once."""
    if alert.rule in asked.RULES and command.verb is not Verb.NOTE:
        return asked.answered(book, alert, command)
    if command.verb not in (Verb.UNDO, Verb.REVEAL, Verb.TELL, Verb.SEND):
        return decide(alert, command, book.now, book.people)
    refusal = barred(alert, command, book.people)
    if refusal is not None:
        return refusal
    if command.verb is Verb.SEND:
        late = not_now(alert, command, book.now, book.people)
        return late or decision.send(book, alert, command)
    if command.verb is Verb.REVEAL:
        return reveal(book, alert, command)
    if command.verb is Verb.TELL:
        return telling.tell(book, alert, command)
    return undone(alert, book.uow.undo_of(alert.id), command.actor, book.now, book.people)


def _newer(book: Book, aim: "_Aim") -> Refusal | None:
    """An old alert can't be reopened beside a newer one about the same thing."""
    newest = book.uow.newest_by_key(aim.alert.key) if aim.verb is Verb.REOPEN else None
    if newest is None or newest.id == aim.alert.id or not (newest.live or newest.condition):
        return None
    return Refusal("newer", f"There is a newer alert about the same thing: {newest.ref}. Answer that one instead.")


@dataclass(frozen=True, slots=True)
class _Aim:
    """What the interaction means: this verb on this alert."""

    verb: Verb
    alert: Alert
    chosen: Mapping[str, str] = field(default_factory=dict)  # which of several buttons of one verb


def _aim(book: Book, said: Interaction) -> _Aim | Refusal:
    press = button.read(book.house.secret, said.token) if said.token else None
    if said.token and (press is None or press.verb != said.verb):
        return Refusal("token", f"This button is not genuine or too old. Use {book.house.command} list instead.")
    try:
        verb = Verb(said.verb)
    except ValueError:
        return Refusal("verb", f"Deskbell has no command {said.verb[:20]!r}. Try {book.house.command} help.")
    alert = book.uow.alert(press.alert_id if press else ref_number(said.ref))
    if alert is None:
        return Refusal(
            "no_alert", f"There is no alert {said.ref or 'behind this button'}. See {book.house.command} list."
        )
    if press and (refusal := _not_from_here(book, said, alert, press)):
        return refusal
    return _Aim(verb, alert, _chosen(book, alert, press) if press else {})


def _chosen(book: Book, alert: Alert, press: Press) -> Mapping[str, str]:
    """Of several buttons of one verb, the mark says which it is."""
    if press.verb is Verb.SEND:
        return {"person": decision.chosen(book, press.mark)}
    return {"choice": str(press.mark)} if alert.rule == asking.RULE or press.verb is Verb.TELL else {}


# A second tap of these would do it again, or undo what somebody did meanwhile; the others are safe from any card.
_FRESH_ONLY = frozenset({Verb.ESCALATE, Verb.TAKE, Verb.REASSIGN, Verb.UNDO})


def _not_from_here(book: Book, said: Interaction, alert: Alert, press: Press) -> Refusal | None:
    """Why this button can't be used: it was not posted here, or its card has been overtaken."""
    if not _shown_in(book, alert, said.room):
        return Refusal("room", f"{alert.ref} was not posted in this room, so it can't be answered from here.")
    if press.verb in _FRESH_ONLY and press.mark != _fresh(book, alert, press.verb):
        state = state_of(alert, View(book.now, book.house.people, lambda *_: ""))
        return Refusal("stale", f"{alert.ref} has changed since that card was drawn: {state}. Look at it again.")
    return None


def _fresh(book: Book, alert: Alert, verb: Verb) -> int | None:
    """The mark of a button of this verb that is drawn now."""
    undo = book.uow.undo_of(alert.id) if verb is Verb.UNDO else None
    if verb is Verb.UNDO:
        return undo.mark if undo else None
    return mark(alert)


def ref_number(ref: str) -> int:
    """The alert's number from what people type ("D-12", "d12", "#12", "12"); 0 when it is none."""
    digits = ref.strip().lstrip("#").upper().removeprefix("D").removeprefix("-")
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 15 else 0


def _shown_in(book: Book, alert: Alert, room: str) -> bool:
    """A card may be answered only in a room it was delivered to; the configuration knows rooms by address."""
    known = book.house.destinations
    return not room or room in {
        known[p.destination].address for p in book.uow.posts_of(alert.id) if p.destination in known
    }


def _args(said: Interaction) -> dict[str, Any]:
    args = {name: clean_lines(value) if isinstance(value, str) else value for name, value in said.args.items()}
    if isinstance(args.get("span"), str):
        args["span"] = parse_span(args["span"])
    return args


def turned_away(book: Book, said: Interaction, code: str, text: str) -> None:
    """Somebody of another workspace, or a machine: written down once, and nothing else."""
    if book.uow.take_in(said.key, said.platform, book.now, {"verb": said.verb, "room": said.room}):
        answer = _refuse(book, said, None, None, Refusal(code, text))
        book.uow.answered(said.key, {"ok": False, "code": answer.code, "text": answer.text})


def _refuse(book: Book, said: Interaction, person: Person | None, alert: Alert | None, why: Refusal) -> Answer:
    actor = person.id if person else f"{said.platform}:{said.account}"[:100]
    data = {"verb": said.verb[:40], "code": why.code, "platform": said.platform, "kind": said.kind}
    entry = Entry(
        actor, REFUSED, alert.id if alert else 0, {**data, "said": f"{data['verb']} refused"}, {"text": why.text}
    )
    book.uow.audit(entry, book.now)
    return Answer(False, why.code, why.text, alert)


def _keep(book: Book, command: Command, change: Change, *, among: bool = False) -> Answer:
    """Stores the change with its story, its rings and its write-back, and finds the words of the answer.

    `among`: it is one of many that are changed alike, and nobody is rung for each.
    """
    verb, after, said = command.verb, change.after, change.said
    if verb in _RINGING or not (among or sheltered(book, after)):
        after = after if among else book.show(after)
    ring: tuple[str, ...] = ()
    if verb is Verb.ESCALATE:
        climbed = climb(book, after, asked=True)
        after, ring = climbed.alert, climbed.ring
        said = f"{said} to level {after.step}" + (f" ({climbed.names})" if climbed.names else "")
    if verb in (Verb.REOPEN, Verb.UNACK):
        after = book.begin(after)
        ring = whom(book, after)
    if verb is Verb.REASSIGN and after.assignee != command.actor.id:
        ring = (after.assignee,)
    if verb is Verb.SNOOZE:
        said = f"{said} for {span(command.args['span'])}"
    if after.status is Status.ACKED:
        after = replace(after, escalate_at=looked_at(book, after))
    change = replace(change, after=after, said=said)
    # Who had it before has it again, in the source as well.
    back = verb is Verb.UNDO and after.assignee and after.assignee != change.before.assignee
    to = str(command.args["person"]) if verb is Verb.SEND else after.assignee
    after = book.write_back(after, WriteKind.ASSIGN if back else WRITES[verb], change.sentence, to, after.version)
    change = replace(change, after=after)
    undo = kept(change, command.actor, verb)
    ring = () if among else ring
    if not book.keep(change, _entry(command, change), ring=ring, loud=bool(ring), undo=undo):
        return Answer(False, "raced", "Somebody was faster. Look at the card again.", after)
    words = _words(book, command, after)
    if after.rule == STORM and verb in TO_ALL:
        words = f"{words} {_all_of(book, command, after)}"
    return Answer(True, "done", words, after, book.undo_button(after, undo) if undo else None)


_RINGING = frozenset({Verb.REASSIGN, Verb.ESCALATE})


def _all_of(book: Book, command: Command, storm: Alert) -> str:
    """The same for all that a storm stands for; a P1 has a card of its own, and somebody has to have looked at it."""
    every = book.uow.alerts(parent=storm.id, statuses=tuple(Status), limit=MOST)
    done = sum(_one_of(book, command, child) for child in every if child.severity is not Severity.P1)
    urgent = sum(child.live and child.severity is Severity.P1 for child in every)
    own = f"{alerts(urgent)} of P1 with a card of {'its' if urgent == 1 else 'their'} own"
    left = f" {own}: look at each." if urgent else ""
    return f"So {'is' if done == 1 else 'are'} {alerts(done)} of it.{left}"


def _one_of(book: Book, command: Command, child: Alert) -> bool:
    same = replace(command, alert_id=child.id)
    result = _decide(book, child, same)
    return isinstance(result, Change) and _keep(book, same, result, among=True).ok


def learn(book: Book, alert: Alert, command: Command) -> Answer:
    """What somebody did in another system, of which we only learn: decided, kept and audited as if done here."""
    result = _decide(book, alert, command)
    if isinstance(result, Refusal):
        said = Interaction("", command.origin["platform"], command.actor.id, command.verb, ref=alert.ref, kind="record")
        return _refuse(book, said, command.actor, alert, result)
    return result if isinstance(result, Answer) else _keep(book, command, result)


_UNDONE = {Status.OPEN: "open", Status.ACKED: "acknowledged", Status.RESOLVED: "resolved"}


def _entry(command: Command, change: Change) -> Entry:
    data: dict[str, Any] = {"said": change.said, "from": str(change.before.status), "to": str(change.after.status)}
    data |= {"version": change.after.version, **dict(command.origin)}
    if change.after.assignee != change.before.assignee:
        data["assignee"] = change.after.assignee
    if isinstance(command.args.get("span"), timedelta):
        data["span_s"] = int(command.args["span"].total_seconds())
    # What a person typed is a personal value, kept apart from the chain, so that it can be erased.
    return Entry(command.actor.id, command.verb, change.after.id, data, {"text": change.typed} if change.typed else {})


def _words(book: Book, command: Command, alert: Alert) -> str:
    who = name_of(alert.assignee, book.house.people)
    missing = names_of(alert.waits, book.house.people)
    length = span(command.args["span"]) if command.verb is Verb.SNOOZE else ""
    words = {
        Verb.ACK: f"acknowledged. It is with {who}." if not missing else f"has your word. Still to come: {missing}.",
        Verb.UNACK: "is open again and rings on.",
        Verb.TAKE: "is yours.",
        Verb.REASSIGN: f"is with {who} now.",
        Verb.ESCALATE: f"escalated to level {alert.step}.",
        Verb.SNOOZE: f"is quiet for {length}.",
        Verb.RESOLVE: "resolved.",
        Verb.REOPEN: "is open again.",
        Verb.NOTE: "has your note.",
        Verb.SEND: "is settled for now: they know it, and whoever had the job does.",
        Verb.UNDO: f"is as it was before: {_UNDONE[alert.status]}.",
    }
    return f"{alert.ref} {words[command.verb]}"
