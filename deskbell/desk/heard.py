"""What vendors say back: what became of a message, what somebody wrote or tapped there, what was done to a record."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from deskbell.core import links
from deskbell.core.access import Person, Role, in_scope
from deskbell.core.alert import Alert, Change, Command, Severity, Status, Verb, name_of
from deskbell.core.asking import BY_DIGIT
from deskbell.core.heard import Link, Meant, Message, Rank, Receipt, RecordState, Tap, Words
from deskbell.core.outcome import Fault, Sent
from deskbell.core.ports import CUSTOMERS, Answer, Claim, Dispatch, DispatchKind, Entry, Interaction, Lane, Post
from deskbell.core.present import View, state_of
from deskbell.core.store import Reader
from deskbell.core.text import clean, span
from deskbell.desk import act, asking, letters, strangers
from deskbell.desk.book import Book
from deskbell.vendors.chats import CHATS

SHOW = "show"  # what anybody may ask for
BARE = timedelta(hours=24)  # so long a bare ACK may mean an alert that was sent there
OLD = timedelta(minutes=15)
WATCHED = timedelta(hours=24)  # so long it is asked what became of a message
MOST = 100  # of what waits, so much is asked about at a time
_KEPT = timedelta(days=90)
_MOVES: Mapping[str, Verb] = {"acked": Verb.ACK, "resolved": Verb.RESOLVE}


# ---------------------------------------------------------------- what a vendor has of ours


def handed_over(book: Book, claim: Claim, outcome: Sent) -> None:
    """A vendor took it: what it says of it from now on is understood."""
    work, ident = claim.work, outcome.ref.get("id", "")
    channel = book.platform(work.destination)
    if not ident or outcome.skipped or channel in CHATS or (isinstance(work, Post) and work.ref):
        return
    person = str(work.payload.get("direct", "")) if isinstance(work, Dispatch) else ""
    key = work.key if isinstance(work, Dispatch) else ""
    due_at = book.now + book.house.delivered_within if person and _urgent(book, claim.alert, channel) else None
    message = Message(
        channel, ident, work.alert_id, work.destination, person, key, Rank.QUEUED, book.now, due_at=due_at
    )
    known = book.uow.message(channel, ident)
    book.uow.save_message(message)
    # Its vendor was faster than our own commit; a letter is asked about by itself.
    if known is not None and known.rank is Rank.FAILED and not key.startswith(letters.KEY):
        _failed(book, message, Receipt(ident, Rank.FAILED, known.why))


def _urgent(book: Book, alert: Alert | None, channel: str) -> bool:
    return alert is not None and alert.severity is Severity.P1 and channel in book.house.receipted


def receipt(book: Book, channel: str, said: Receipt) -> None:
    """More is known of a message; one that failed goes to the person's next channel."""
    message = book.uow.message(channel, said.message)
    if message is None:  # we have not settled it yet, or never sent it
        book.uow.save_message(Message(channel, said.message, 0, "", "", "", Rank.QUEUED, book.now))
    if not book.uow.rank_message(channel, said.message, said.rank, clean(said.why, 200), book.now) or message is None:
        return
    if message.work.startswith(letters.KEY):
        letters.receipt(book, message.work, said.rank, said.why, said.fault)
        return
    if said.rank >= Rank.DELIVERED:
        book.uow.message_in_time(channel, said.message)
        if message.rank < Rank.DELIVERED:
            _noted(book, message, "was delivered", shown=False)
        if message.person:
            book.over(reach(message.person, message.destination), "a message arrived again")
    elif said.rank is Rank.FAILED:
        _failed(book, message, said)


def _failed(book: Book, message: Message, said: Receipt) -> None:
    why = clean(said.why, 120) or "its vendor does not say why"
    book.uow.message_in_time(message.channel, message.id)
    if message.person and said.fault is Fault.TARGET:
        not_rung(book, message.person, message.destination, why)
    _noted(book, message, f"was not delivered ({why})" + _next_way(book, message))


def late(book: Book) -> int:
    """What is most urgent and has not arrived in time goes to the person's next channel as well."""
    found = book.uow.late_messages(book.now, MOST)
    for message in found:
        book.uow.message_in_time(message.channel, message.id)
        alert = book.uow.alert(message.alert_id)
        if alert is not None and alert.status is Status.OPEN and message.rank < Rank.DELIVERED:
            after = span(book.house.delivered_within)
            _noted(book, message, f"has not arrived in {after}" + _next_way(book, message))
    return len(found)


def _next_way(book: Book, message: Message) -> str:
    """Sends it by the next way there is; what to say of that."""
    alert = book.uow.alert(message.alert_id)
    if alert is None or not alert.live:
        return ""
    if not message.person:
        rooms = book.elsewhere(message.destination) if not message.work else ()
        for name in rooms:
            book.uow.want_post(alert.id, name, Lane.PAGE, alert.severity, book.now)
        return f"; shown in {rooms[0]} instead" if rooms else ""
    tried = book.uow.dispatch(message.work)
    room = book.ring_elsewhere(alert, tried, message.person) if tried else ""
    return f"; told through {_title(book, book.platform(room))} too" if room else "; there is no other way to them"


def _noted(book: Book, message: Message, what: str, *, shown: bool = True) -> None:
    """Into the alert's story; on its cards, and into their threads, where people should see it."""
    alert = book.uow.alert(message.alert_id) if message.alert_id else None
    if alert is None:
        return
    whom = name_of(message.person, book.house.people) if message.person else message.destination
    told = f"{_title(book, message.channel)} to {whom} {what}"
    data: dict[str, Any] = {"channel": message.channel, "message": message.id, "told": told}
    if not shown:
        book.uow.audit(Entry("deskbell", "receipt", alert.id, data), book.now)
        return
    after = replace(alert, version=alert.version + 1, updated_at=book.now)
    entry = Entry("deskbell", "receipt", alert.id, data | {"said": told})
    book.keep(Change(alert, after, told), entry, undo=book.uow.undo_of(alert.id))


def _title(book: Book, channel: str) -> str:
    return book.house.titles.get(channel) or (CHATS[channel].title if channel in CHATS else channel)


def reach(person: str, destination: str) -> str:
    """The key of an alert: a person can't be reached through a destination."""
    return f"reach:{person}:{destination}"


def not_rung(book: Book, person: str, destination: str, why: str) -> None:
    """One person can't be reached; the others are rung all the same, and people hear of it."""
    summary = f"{name_of(person, book.house.people)} can't be rung through {destination}: {why}"[:118]
    book.about_us(reach(person, destination), "oncall_unreachable", Severity.P3, summary, subject=person)


# ---------------------------------------------------------------- what somebody wrote or tapped


def wrote(book: Book, channel: str, said: Words | Tap, meant: Meant) -> str:
    """Carries it out, once; the words of the answer, which goes back the same way. Empty: nothing is answered."""
    key = f"{channel}:{said.id or _of_tap(said)}"
    if book.uow.taken_in(key) is not None:
        return ""
    message = book.uow.message(channel, _about(said)) if _about(said) else None
    person = _who(book, channel, said, message)
    if person is None or meant.carrier:
        book.uow.take_in(key, channel, book.now, {"verb": meant.verb or meant.carrier or "words"})
        text = strangers.wrote(book, channel, said, meant) if isinstance(said, Words) else ""
    else:
        text = _carried_out(book, key, channel, said, meant, person, message)
    if text and isinstance(said, Words):
        _send_back(book, key, channel, said.sender, text)
    return text


def _of_tap(said: Words | Tap) -> str:
    return f"{said.message}:{said.payload}" if isinstance(said, Tap) else said.text


def _about(said: Words | Tap) -> str:
    return said.about if isinstance(said, Words) else said.message


def _who(book: Book, channel: str, said: Words | Tap, message: Message | None) -> Person | None:
    """Whoever the account belongs to; of a tap by somebody else, whom alone the message went to."""
    if isinstance(said, Words) and said.forgeable:
        return _proven(book, channel, said)
    known = book.person(channel, said.sender) if said.sender else None
    return known or (book.people.get(message.person) if message and isinstance(said, Tap) else None)


def _proven(book: Book, channel: str, said: Words) -> Person | None:
    """Whom the token that is answered was sent to, if they wrote from where it was sent."""
    link = _link(book, said)
    account = book.uow.account_of(channel, link.person) if link else None
    same = account is not None and account.casefold() == said.sender.casefold()
    return book.people.get(link.person) if link and same else None


def _carried_out(
    book: Book, key: str, channel: str, said: Words | Tap, meant: Meant, person: Person, message: Message | None
) -> str:
    if question := _asked_by_digit(book, said, meant, person, message):
        account, choice = _account(book, channel, said, person), {"choice": _digit(said)}
        return act.act(book, Interaction(key, channel, account, Verb.ACK, ref=question, args=choice, kind="text")).text
    allowed = book.house.answers.get(channel, frozenset())
    answered = message.alert_id if message else _behind(book, said, person)
    ref = meant.ref or (f"D-{answered}" if answered else "")
    if not ref and meant.verb and _fresh(book, said):
        open_ones = book.uow.sent_to(channel, person.id, book.now - BARE)
        ref = f"D-{open_ones[0]}" if len(open_ones) == 1 else ""
    if meant.verb == SHOW and ref:
        book.uow.take_in(key, channel, book.now, {"verb": SHOW})
        return _shown(book, person, ref)
    if meant.verb not in allowed:
        book.uow.take_in(key, channel, book.now, {"verb": meant.verb or "words"})
        # An answer to a mail may be a machine's; it is not answered in turn.
        return "" if not meant.verb and _about(said) else _help(allowed)
    if not ref:
        book.uow.take_in(key, channel, book.now, {"verb": meant.verb})
        return f"Which alert? Its number comes behind, like {meant.verb.upper()} 12. Nothing was saved."
    asked = Interaction(key, channel, _account(book, channel, said, person), meant.verb, ref=ref, kind="text")
    answer = act.act(book, replace(asked, args=_args(meant)))
    return answer.text


def _behind(book: Book, said: Words | Tap, person: Person) -> int:
    """The alert whose link's token was in the address that was answered, for whom the link was sent to."""
    link = _link(book, said)
    return link.alert_id if link is not None and link.person == person.id else 0


def _link(book: Book, said: Words | Tap) -> Link | None:
    token = _about(said)
    link = book.uow.link(links.digest_of(token)) if links.TOKEN.fullmatch(token) else None
    return link if link is not None and link.expires_at > book.now else None


def _asked_by_digit(book: Book, said: Words | Tap, meant: Meant, person: Person, message: Message | None) -> str:
    """The question that a bare digit answers: 1 to 4, as asked. A digit that answers another message is none."""
    question = asking.open_question(book, person) if _digit(said) and not meant.ref else None
    if question is None or (message is not None and message.alert_id not in (0, question.id)):
        return ""
    return question.ref


def _digit(said: Words | Tap) -> str:
    alone = (said.payload if isinstance(said, Tap) else said.text).strip(" .!\n")
    return alone if alone in BY_DIGIT else ""


def _fresh(book: Book, said: Words | Tap) -> bool:
    """A bare word that was long under way may mean an alert of before."""
    return isinstance(said, Tap) or said.at is None or book.now - said.at < OLD


def _shown(book: Book, person: Person, ref: str) -> str:
    alert = book.uow.alert(act.ref_number(ref))
    if alert is None or not in_scope(person, alert.team):
        return f"There is no alert {ref} that you can see."
    state = state_of(alert, View(book.now, book.house.people, lambda *_: ""))
    return f"{alert.ref} {state}: {alert.summary}"


def _args(meant: Meant) -> dict[str, str]:
    match meant.verb:
        case Verb.NOTE:
            return {"text": meant.rest}
        case Verb.RESOLVE | Verb.ESCALATE if meant.rest:
            return {"reason": meant.rest}
    return {}


def _account(book: Book, channel: str, said: Words | Tap, person: Person) -> str:
    theirs = book.person(channel, said.sender) if said.sender else None
    return said.sender if theirs else book.uow.account_of(channel, person.id) or ""


def _help(allowed: frozenset[str]) -> str:
    words = ", ".join(f"{verb.upper()} 12" + (" your words" if verb == "note" else "") for verb in sorted(allowed))
    return f"Here you can say: {words}. For the rest use the chat or the link." if words else ""


def _send_back(book: Book, key: str, channel: str, to: str, text: str) -> None:
    room = next((name for name, where in book.house.destinations.items() if where.platform == channel), "")
    room = room or next((CUSTOMERS + medium for medium in book.house.customer_media(channel)), "")
    if room:
        payload = {"text": text, "to": to}
        dispatch = Dispatch(f"back:{key}", room, DispatchKind.NOTICE, payload, 0, Lane.PAGE)
        book.uow.add_dispatch(dispatch, Severity.P2, book.now)


# ---------------------------------------------------------------- what was done to a record over there


def record(book: Book, channel: str, said: RecordState, asked: Mapping[str, str] | None = None) -> bool:
    """A person did something to a record of ours: the alert learns it. False where that is no news.

    `asked`: how the records stood, as we knew it when the question was asked. An answer that overtook our own change,
    or that only repeats it, is no news.
    """
    message = book.uow.message(channel, said.record)
    post = _post(book, message) if message else None
    if message is None or post is None or post.wanted != post.shown:
        return False
    state = post.ref.get("state", "open")
    if state == said.state or (asked is not None and asked.get(said.record) != state):
        return False
    alert = book.uow.alert(message.alert_id)
    if alert is None or not alert.live or said.state not in _MOVES or not _further(alert, said):
        return False
    key = f"{channel}:{said.id}" if said.id else f"{channel}:{said.record}:{said.state}:{alert.version}"
    if not book.uow.take_in(key, channel, book.now, {"verb": said.state, "ref": alert.ref}):
        return False
    closed = {"closed": "there"} if said.state == "resolved" else {}
    book.uow.save_ref(post.id, {**post.ref, "state": said.state, **closed})  # nothing is left to be told there
    answer = _moved(book, channel, said, alert)
    book.uow.answered(key, {"ok": answer.ok, "code": answer.code, "text": answer.text, "alert_id": alert.id})
    return answer.ok


def _post(book: Book, message: Message) -> Post | None:
    posts = book.uow.posts_of(message.alert_id) if message.alert_id else []
    return next((post for post in posts if post.ref.get("id") == message.id), None)


def _further(alert: Alert, said: RecordState) -> bool:
    return said.state == "resolved" or alert.status is Status.OPEN


def _moved(book: Book, channel: str, said: RecordState, alert: Alert) -> Answer:
    """As whoever it was over there, with no more rights than a colleague has here."""
    title = _title(book, channel)
    known = book.person(channel, said.by) if said.by else None
    who = clean(said.name or said.by, 60) or "somebody"
    person = known or Person(f"{who} in {title}", f"{who} in {title}", roles=frozenset({Role.AGENT}))
    reason = clean(said.done, 200) or f"closed in {title}"
    args = {"reason": reason} if said.state == "resolved" else {}
    return act.learn(book, alert, Command(_MOVES[said.state], alert.id, person, args, {"platform": channel}))


def hear(
    book: Book, channel: str, said: Sequence[Receipt | RecordState], asked: Mapping[str, str] | None = None
) -> None:
    """`asked`: how the records stood, as we knew it when the question was asked; None where nobody asked."""
    for one in said:
        if isinstance(one, Receipt):
            receipt(book, channel, one)
        else:
            record(book, channel, one, asked)


# ---------------------------------------------------------------- what is asked about


def waiting(reader: Reader, channel: str, now: datetime) -> Sequence[Message]:
    """Messages of which nothing final is known."""
    return reader.messages_waiting(channel, now - WATCHED, MOST)


def prune(book: Book) -> None:
    book.uow.forget_messages(book.now - _KEPT)
