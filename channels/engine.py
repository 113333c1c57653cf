"""Every vendor that is a Service, as a way out: what is told when, what an answer means, what follows a lost one."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from datetime import datetime, timedelta
from typing import Any

from channels.common import NO_WAY_BACK, AccountOf, Back, about_of, key_of, no_account
from channels.fitting import fitted
from channels.service import LIMITED, Again, Ask, Call, Notice, Request, Role, Service, picked
from deskbell.core.alert import Severity
from deskbell.core.card import Card, Note, Tone, as_text
from deskbell.core.heard import Heard, Waiting
from deskbell.core.outcome import Fault, Outcome, Rejected, Retry, Sent, Unknown
from deskbell.core.ports import LETTER, Destination, Finding, Identity, Limit
from deskbell.core.text import clean, clean_lines
from deskbell.net.answers import CallFailed, Dialect, Reply, by_status, outcome_of, outcome_of_failure, wait_of, words
from deskbell.net.clock import wall
from deskbell.net.egress import Forbidden
from deskbell.net.faults import point
from deskbell.net.http import Http, Limits, Timeouts
from deskbell.net.redact import learn, redact

log = logging.getLogger(__name__)

OPEN, ACKED, RESOLVED = "open", "acked", "resolved"
_STATES = {Tone.ACKED: ACKED, Tone.RESOLVED: RESOLVED}
TELLS = ("first", "rings", "all")  # the option `tells` of a destination: the card only, what must ring too, every line
_TIMEOUTS = Timeouts(connect=5, read=15, write=10, whole=25)
_CLOCKS = timedelta(minutes=1)  # a vendor's clock and ours may differ by so much
_LONGEST = 20_000  # characters of what is told; vendors' own sizes cut it further
_TEXT_KEPT = 4000  # characters of an answer that is not JSON
_ASKED = Call(lambda _notice, _conf: Request(""))
_GONE = "the record was deleted there; it is opened anew"


class VendorChannel:
    """`name` is what the configuration calls it; `link`: from an alert's ref to the address of its page ("": none)."""

    def __init__(
        self,
        name: str,
        service: Service,
        conf: Any,
        account_of: AccountOf,
        names: Mapping[str, str],
        link: Callable[[str], str],
        back: Back = NO_WAY_BACK,
    ) -> None:
        self.platform = name
        self.service, self.conf = service, conf
        self._account_of, self._names, self._link, self._back = account_of, names, link, back
        self._clients: dict[tuple[str, Any], Any] = {}  # by address and login
        self._to_tell: dict[Ask, Request | None] = {}  # once the answer to each is durable
        self._dialect = Dialect(explain=service.reason, resets=service.resets, limited=self._limited)
        learn(*(str(getattr(conf, f.name)) for f in fields(conf) if not f.repr))

    @property
    def edits(self) -> bool:
        """A record follows its alert; what was told can't be taken back."""
        return self.service.open is not None

    @property
    def limits(self) -> Sequence[Limit]:
        return self.service.limits

    async def close(self) -> None:
        for client in self._clients.values():
            await client.close()

    # ------------------------------------------------------------ what is told

    async def post(self, to: Destination, card: Card, identity: Identity) -> Outcome:
        """Tells people of an alert, or opens its record; neither when it is over, or somebody has it, by now."""
        state = _STATES.get(card.tone, OPEN)
        if state == RESOLVED or (state == ACKED and self.service.open is None):
            return Sent({}, "not needed any more", skipped=True)
        call = self.service.open or self.service.send
        aims = self.service.of_person and not to.address
        to = await self._aimed(to, identity)
        if aims and not (to.address and state == ACKED):
            why = "it is about nobody who is known there" if state == ACKED else "nobody has acknowledged it yet"
            return Sent({}, why, skipped=True)
        if call is None or not (to.address or self.service.open):
            return Sent({"key": key_of(identity)}, f"{to.name} tells persons only", skipped=True)
        notice = self._of_card(to, card, identity)
        sent = await self._carry(to, call, notice)
        if not isinstance(sent, Sent) or self.service.open is None:
            return sent
        # An alert that has moved on meanwhile: the record follows at once, as an edit.
        return replace(sent, ref={**sent.ref, "state": OPEN}, found=state != OPEN)

    async def edit(self, to: Destination, ref: Mapping[str, str], card: Card, identity: Identity) -> Outcome:
        """Brings the record to the alert's state."""
        was, state = ref.get("state", OPEN), _STATES.get(card.tone, OPEN)
        if was == state:
            return Sent(ref, skipped=True)
        if was == RESOLVED and self.service.reopen is None:
            return Rejected(Fault.GONE, "a record that is closed stays closed; a new one is opened")
        call = {OPEN: self.service.reopen, ACKED: self.service.progress, RESOLVED: self.service.close}[state]
        if was == RESOLVED and state == ACKED:
            call, state = self.service.reopen, OPEN
        if call is None:
            return Sent({**ref, "state": state}, skipped=True)
        notice = replace(self._of_card(to, card, identity), record=ref, about=ref.get("about", ""))
        sent = await self._carry(to, call, notice)
        if isinstance(sent, Rejected) and sent.fault is Fault.TARGET:
            return Rejected(Fault.GONE, f"{_GONE}: {sent.why}")
        if not isinstance(sent, Sent):
            return sent
        return Sent({**ref, "state": state, "closed": ""}, found=state != _STATES.get(card.tone, OPEN))

    async def note(self, to: Destination, thread: Mapping[str, str], note: Note, identity: Identity) -> Outcome:
        """A message to one person; a note in the record; or, for what must ring, another message to the address."""
        if identity.kind == LETTER:
            return await self._answer(to, self._of_letter(to, note, identity))
        notice = self._of_note(to, note, identity)
        if note.direct:
            return await self._direct(to, note.direct, self._answerable(notice, note.link))
        if note.hush:
            return await self._hush(to, note.hush, notice)
        if note.to:
            return await self._answer(to, replace(notice, to=note.to))
        if self.service.open is not None and identity.alert_ref:
            return await self._in_record(to, thread, notice)
        rings = bool(note.mentions or note.broadcast)
        wanted = {"first": rings and not identity.alert_ref, "rings": rings, "all": True}[
            to.options.get("tells", "rings")
        ]
        call = self.service.send or (self.service.open if rings and Role.NOTIFY in self.service.roles else None)
        if call is None or not wanted or not to.address:
            return Sent({}, f"{to.name} is not told this", skipped=True)
        return await self._carry(to, call, notice)

    async def _direct(self, to: Destination, person: str, notice: Notice) -> Outcome:
        account = await self._account_of(person)
        if self.service.send is None or not account or not self.service.address.pattern.fullmatch(account):
            return no_account(self.service.title, self._names.get(person, person))
        return await self._carry(to, self.service.send, replace(notice, to=account))

    def _answerable(self, notice: Notice, message: str) -> Notice:
        """With the person's own link in place of everybody's, its code, and what to write back."""
        link, code = self._back.own(message)
        say = f"Reply ACK {notice.ref.removeprefix('D-')}" if self._back.hears and notice.ref else ""
        if say or link:
            notice = replace(notice, line=f"{notice.line.rstrip('. ')}.", say=say)
        if not link:
            return notice
        how = f"{say}, or acknowledge with the code {code}:" if say else f"Acknowledge with the code {code}:"
        text = notice.text.removesuffix(notice.link).rstrip() if notice.link else notice.text
        token = link.rpartition("/")[2]
        return replace(notice, link=link, code=code, token=token, say=how, text=f"{text}\n{how}\n{link}")

    async def _hush(self, to: Destination, message: str, notice: Notice) -> Outcome:
        """Somebody has it: what would ring on by itself is told to stop. Where it did so already, that is as well."""
        if self.service.hush is None or not self.service.rings(message):
            return Sent({}, "it rings no more", skipped=True)
        hushed = await self._carry(to, self.service.hush, replace(notice, record={"id": message}))
        if isinstance(hushed, Rejected) and hushed.fault in (Fault.TARGET, Fault.PAYLOAD):
            return Sent({}, "it had stopped", skipped=True)
        return replace(hushed, ref={}) if isinstance(hushed, Sent) else hushed

    async def _answer(self, to: Destination, notice: Notice) -> Outcome:
        """To whoever wrote to us."""
        if self.service.send is None or not self.service.address.pattern.fullmatch(notice.to):
            return Sent({}, f"{self.service.title} sends no answers", skipped=True)
        return await self._carry(to, self.service.send, replace(notice, link="", text=notice.said))

    async def _in_record(self, to: Destination, record: Mapping[str, str], notice: Notice) -> Outcome:
        if self.service.note is None or not record.get("id"):
            return Sent({}, "the record shows its state alone", skipped=True)
        if record.get("closed") == "there":
            return Sent({}, "who closed the record there knows it, and many take nothing more then", skipped=True)
        return await self._carry(to, self.service.note, replace(notice, record=record, about=record.get("about", "")))

    async def _aimed(self, to: Destination, identity: Identity) -> Destination:
        """With the address of whom the alert is about, where the vendor's records are of people."""
        if to.address or not self.service.of_person:
            return to
        person = await self._back.subject(identity.alert_ref)
        return replace(to, address=(await self._account_of(person) if person else "") or "")

    # ------------------------------------------------------------ a lost answer

    async def find(
        self,
        to: Destination,
        identity: Identity,
        since: datetime,
        thread: Mapping[str, str],
    ) -> Mapping[str, str] | Outcome | None:
        """None: it is sent again."""
        to, keyed = await self._aimed(to, identity), self.service.keyed
        if self.service.again is Again.KEY or (keyed and keyed.fullmatch(to.address)):
            return None
        of_record = self.service.open is not None and identity.kind == "note"
        if self.service.find is not None and not of_record:
            account = await self._account_of(thread["direct"]) if thread.get("direct") else None
            sought = self._sought(to, identity, account or to.address)
            return await self._look_up(to, self.service.find, replace(sought, since=since - _CLOCKS))
        if identity.severity <= Severity.P2 or of_record:
            return None
        log.warning("outcome unknown: %s %s is not sent twice", self.platform, identity.alert_ref)
        return Sent({"key": key_of(identity)}, "no answer came; it is not severe enough to be told twice")

    async def _look_up(self, to: Destination, call: Call, notice: Notice) -> Mapping[str, str] | Outcome | None:
        reply = await self._ask(to, call, notice)
        if not isinstance(reply, Reply):
            return reply if isinstance(reply, Retry | Sent) else Retry(f"could not be looked up: {reply.why}")
        found = self._ref(call, reply, notice)
        if "id" not in found:
            return None
        return found | ({"state": OPEN} if self.service.open else {})

    # ------------------------------------------------------------ what it is asked

    @property
    def asks(self) -> Sequence[Ask]:
        """What it is asked now and then, with the settings that there are."""
        return [ask for ask in self.service.asks if ask.ready(self.conf)]

    async def ask(self, question: Ask, to: Destination, waiting: Waiting) -> Sequence[Heard] | Outcome:
        """What the vendor says has become of what waits; the reason where it says nothing that can be read."""
        reply = await self._called(to, _ASKED, question.build(waiting, self.conf), question)
        if not isinstance(reply, Reply):
            return reply
        try:
            heard = question.read(reply, waiting, self.conf)
            self._to_tell[question] = question.kept(reply, self.conf)
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
            return Retry(f"{self.service.title}'s answer can't be read: {type(error).__name__}")
        return heard

    async def kept(self, question: Ask, to: Destination) -> Outcome | None:
        """What the last answer said is durable: the vendor is told, where it wants to know."""
        request = self._to_tell.pop(question, None)
        told = await self._called(to, _ASKED, request, question) if request else None
        return None if isinstance(told, Reply) else told

    # ------------------------------------------------------------ one call

    async def _carry(self, to: Destination, call: Call, notice: Notice) -> Outcome:
        """A call and what follows it. Nothing of it is done when any of it was refused, so all of it is tried again."""
        point("vendor.send.before")
        ref: dict[str, str] = {}
        step: Call | None = call
        while step is not None:
            reply = await self._ask(to, step, notice)
            if not isinstance(reply, Reply):
                return reply
            ref |= self._ref(step, reply, notice)
            notice, step = replace(notice, record={**notice.record, **ref}), step.then
        point("vendor.send.after")
        if call is self.service.open and call.id and "id" not in ref:
            return Unknown(f"{self.service.title}'s answer can't be read: there is no id in it")
        return Sent(ref)

    def _ref(self, call: Call, reply: Reply, notice: Notice) -> dict[str, str]:
        """What is remembered of a message or record."""
        picks = {"id": call.id, "url": call.url}
        found = {name: picked(pick, reply, notice) if pick else "" for name, pick in picks.items()}
        if found["url"].startswith("/"):
            site = getattr(self.conf, "web_url", "") or self.service.base(self.conf, notice.to)
            found["url"] = site.rstrip("/") + found["url"]
        return {"key": notice.key, "about": notice.about} | {name: value for name, value in found.items() if value}

    async def _ask(self, to: Destination, call: Call, notice: Notice) -> "Reply | Outcome":
        return await self._called(to, call, fitted(call.build(notice, self.conf), self.service.sizes, notice))

    async def _called(
        self, to: Destination, call: Call, request: Request, question: Ask | None = None
    ) -> "Reply | Outcome":
        try:
            reply: Reply = await self._client(to, question).call(
                request.method,
                request.path,
                json=request.json,
                form=request.form,
                params=request.params or None,
                headers=request.headers,
                expect_json=not call.plain,
            )
        except Forbidden as error:
            return Rejected(Fault.CONFIG, str(error))
        except CallFailed as failed:
            return outcome_of_failure(failed)
        return self._judged(call, reply, request.path)

    def _judged(self, call: Call, reply: Reply, path: str) -> Reply | Outcome:
        """What an answer means. The vendor's own code goes before the status, and may stand inside a success."""
        code = self.service.code(reply)
        if reply.status in call.ok and not code:
            return reply
        where = f"{self.service.title} {path}".strip()
        match self.service.means(code or str(reply.status)):
            case Fault() as fault:
                return Rejected(fault, _said(reply, where, code, self._dialect))
            case "retry" | "limited":
                after = wait_of(reply, self._dialect, wall())
                return Retry(_said(reply, where, code, self._dialect), after, limited=self._limited(reply))
        if reply.ok:
            return Rejected(Fault.PAYLOAD, _said(reply, where, code, self._dialect))
        outcome = outcome_of(reply, where, self._dialect)
        if isinstance(outcome, Unknown) and self.service.again is not Again.LOOK_UP:
            return Retry(outcome.why)  # better told twice than not at all: the vendor says it failed
        return outcome

    def _limited(self, reply: Reply) -> bool:
        return by_status(reply) or self.service.means(self.service.code(reply)) == LIMITED

    def _client(self, to: Destination, question: Ask | None = None) -> Any:
        base = ((question and question.base) or self.service.base)(self.conf, to.address)
        auth = (question and question.auth) or self.service.auth
        if (base, auth) not in self._clients:
            if self.service.address.secret:
                learn(to.address)
            make = (question and question.transport) or self.service.transport or Http
            self._clients[base, auth] = make(
                self.service.title,
                base,
                auth(self.conf),
                dialect=self._dialect,
                allow_http=getattr(self.conf, "allow_http", False),
                timeouts=_TIMEOUTS,
                limits=Limits(text_kept=_TEXT_KEPT),
            )
        return self._clients[base, auth]

    # ------------------------------------------------------------ the notice

    def _of_card(self, to: Destination, card: Card, identity: Identity) -> Notice:
        link = self._link(card.ref)
        return replace(
            self._sought(to, identity, to.address),
            line=clean(f"[{identity.severity}] {card.ref} {card.summary}"),
            title=clean(card.title),
            summary=clean(card.summary),
            text=clean_lines("\n".join(filter(None, (as_text(card), link))), _LONGEST),
            facts=tuple((clean(label, 60), clean(value)) for label, value in card.facts),
            url=card.url,
            link=link,
            said=clean(card.state),
        )

    def _of_note(self, to: Destination, note: Note, identity: Identity) -> Notice:
        link = self._link(identity.alert_ref) if identity.alert_ref else ""
        head = clean(note.text if note.ref in note.text else f"{note.ref}: {note.text}")
        graded = not identity.alert_ref or head.startswith(str(identity.severity))
        line = head if graded else f"[{identity.severity}] {head}"
        said = clean_lines(note.text, _LONGEST)
        text = "\n".join(filter(None, (line if "\n" not in said else said, link)))
        sought = self._sought(to, identity, to.address)
        return replace(sought, line=line, title=head, summary=head, text=text, link=link, said=said)

    def _of_letter(self, to: Destination, note: Note, identity: Identity) -> Notice:
        """To a customer: without anything that is the staff's."""
        said = clean_lines(note.text, _LONGEST)
        line = clean(note.subject or said, _LONGEST)
        sought = self._sought(to, identity, note.to)
        return replace(sought, line=line, title=line, summary=line, said=said, html=note.html)

    def _sought(self, to: Destination, identity: Identity, address: str) -> Notice:
        """What is known of a message without its words."""
        return Notice(
            key=key_of(identity),
            about=about_of(identity),
            ref=identity.alert_ref,
            severity=identity.severity,
            to=address,
            hook=self._back.hook,
            options=to.options,
            at=wall(),
        )

    # ------------------------------------------------------------ checking

    async def check(self, destinations: Sequence[Destination]) -> Sequence[Finding]:
        """Whether the addresses may be called. Nothing is sent: that would ring somebody."""
        return [self._checked(to) for to in destinations if to.platform == self.platform]

    def _checked(self, to: Destination) -> Finding:
        what = f"{self.platform} {to.name}"
        try:
            self._client(to)
        except Forbidden as error:
            return Finding(what, ok=False, detail=redact(error))
        return Finding(what, ok=True, detail=f"{self.service.title}; `deskbell ring {to.name}` tries it")


def _said(reply: Reply, where: str, code: str, dialect: Dialect) -> str:
    said = words(reply, where, dialect)
    return said if not code or code in said else redact(f"{said} ({code})")
