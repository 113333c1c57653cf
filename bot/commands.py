"""Typed commands: one class that answers any line from any chat.

What changes an alert goes through `Front.act`, so that a command and its button have the same effect, the same refusals
and the same audit.
"""

import logging
import time
from collections.abc import Mapping
from typing import Any

from bot import answers
from bot.grammar import (
    BY_WORD,
    COMMANDS,
    Line,
    Problem,
    Spec,
    commands_markdown,
    read_line,
    read_named,
    read_raised,
    read_ref,
    read_span,
    read_text,
)
from bot.hush import read_hush
from bot.names import find_person
from bot.ports import Front, Said, Spoken
from bot.questions import Questions, teams_of
from bot.wishes import Wishes
from deskbell.core.access import Person, holds, in_scope
from deskbell.core.alert import Verb
from deskbell.core.ports import Interaction
from deskbell.core.silence import in_words
from deskbell.core.text import clean
from deskbell.net import metrics

__all__ = ["COMMANDS", "Commands", "Spec", "commands_markdown"]

MAX_DIGITS = 10
log = logging.getLogger("deskbell.commands")


class Commands:
    """The commands of all chats. `run` never raises and always has something to say."""

    def __init__(self, front: Front) -> None:
        self._front = front
        self._questions = Questions(front)
        self._wishes = Wishes(front)

    async def run(self, line: str, said: Said) -> Spoken:
        """Carries out one typed line of one person and gives what to show them."""
        try:
            return await self._run(line, said)
        except Exception:  # whatever broke, the person who waits is told
            log.exception("a command failed", extra={"platform": said.platform})
            return self._say(
                "Something went wrong on my side, and I can't say whether that was saved.",
                footer=f"{self._front.command} show and the alert's number tells.",
            )

    async def _run(self, text: str, said: Said) -> Spoken:
        person = await self._front.person(said.platform, said.account)
        line = read_line(text, self._front.command)
        started = time.perf_counter()
        spoken = await (self._stranger(line, said) if person is None else self._answer(person, line, said))
        verb = line.spec.verb if isinstance(line, Line) else "none"
        metrics.answered(
            "command", verb, "unknown_person" if person is None else "answered", time.perf_counter() - started
        )
        return spoken

    async def _answer(self, person: Person, line: Line | Problem, said: Said) -> Spoken:
        if isinstance(line, Problem):
            return self._wrong(line)
        if line.spec.move:
            return await self._change(person, line, line.spec.move, said)
        if not holds(person, line.spec.roles):
            return self._barred(line.spec)
        if line.spec.verb == "new":
            return await self._new(person, line, said)
        if line.spec.verb == "link":
            return await self._link(person, line, said)
        if line.spec.verb in ("silence", "unsilence"):
            return await self._hush(person, line, said)
        if self._wishes.reads(line.spec.verb):
            return await self._wish(person, line, said)
        return await self._questions.answers[line.spec.verb](person, line)

    def _say(self, *lines: str, footer: str = "") -> Spoken:
        return Spoken(answers.plain(*lines, footer=footer))

    def _wrong(self, problem: Problem) -> Spoken:
        return Spoken(answers.problem(problem, self._front.command))

    def _barred(self, spec: Spec) -> Spoken:
        needed = ", ".join(sorted(spec.roles))
        return self._say(f"Your role does not allow {spec.verb}. It needs one of: {needed}. Ask a manager.")

    async def _stranger(self, line: Line | Problem, said: Said) -> Spoken:
        """Somebody who is not linked: the same answer whatever was asked; an attempt to change something is audited."""
        if isinstance(line, Line) and line.spec.verb == "link" and line.rest.strip():
            return Spoken(await self._front.redeem(said, line.rest))
        if isinstance(line, Line) and line.spec.move:
            ref, rest = read_ref(line.rest)
            if ref:
                await self._front.act(_interaction(line.spec.move, ref, _wish(line.spec, rest), said))
        return Spoken(answers.not_linked(said.platform, said.account, self._front.command))

    async def _link(self, person: Person, line: Line, said: Said) -> Spoken:
        """A code for another chat; a code said here moves this account to whoever it was given to."""
        if line.rest.strip():
            return Spoken(await self._front.redeem(said, line.rest))
        return Spoken(answers.link_code(await self._front.link_code(person.id), self._front.command))

    # ------------------------------------------------------------ what changes an alert

    async def _change(self, person: Person, line: Line, verb: Verb, said: Said) -> Spoken:
        ref, rest = read_ref(line.rest)
        if not ref:
            return self._wrong(Problem("Which alert? Its number comes first, like D-12.", line.spec))
        args = await self._args(person, line.spec, verb, rest, said)
        if isinstance(args, Problem):
            return self._wrong(args)
        answer = await self._front.act(_interaction(verb, ref, args, said))
        return Spoken(answers.of(answer))

    async def _args(self, person: Person, spec: Spec, verb: Verb, rest: str, said: Said) -> Mapping[str, Any] | Problem:
        """What the verb needs besides the alert, read from the rest of the line."""
        if verb in (Verb.REASSIGN, Verb.SEND):
            return await self._colleague(person, rest, said)
        if verb is Verb.SNOOZE:
            return _snooze(rest, spec)
        if verb is Verb.TELL:
            return {"notice": clean(rest, _NOTICE)} if rest.strip() else {}
        if verb in _TEXTS:
            return _text(verb, rest, spec)
        if rest.strip():
            note = f"For a remark: {self._front.command} note."
            return Problem(f"{spec.verb} takes one alert and nothing else. {note}", spec)
        return {}

    async def _colleague(self, person: Person, rest: str, said: Said) -> Mapping[str, Any] | Problem:
        named = read_named(clean(rest, 200))
        if named is None:
            return Problem("To whom? A colleague's name comes behind the alert.", BY_WORD["reassign"])
        if named.name.casefold() in {"me", "myself"}:
            return {"person": person.id}
        if not named.account:
            found = find_person(named.name, self._front.people)
            return found if isinstance(found, Problem) else {"person": found.id}
        linked = await self._front.person(said.platform, named.account)
        if linked is None:
            return Problem(
                "I don't know that colleague yet: an admin must link the account first.", BY_WORD["reassign"]
            )
        return {"person": linked.id}

    # ------------------------------------------------------------ shifts and rings

    async def _wish(self, person: Person, line: Line, said: Said) -> Spoken:
        wish = await self._wishes.read(person, line.spec, line.rest, said)
        if isinstance(wish, Problem):
            return self._wrong(wish)
        return Spoken(answers.of(await self._front.arrange(person, wish, said.key)))

    # ------------------------------------------------------------ what is held for a while

    async def _hush(self, person: Person, line: Line, said: Said) -> Spoken:
        if line.spec.verb == "unsilence":
            digits = line.rest.strip().casefold().removeprefix("s").removeprefix("-")
            if not (digits.isascii() and digits.isdigit() and len(digits) < MAX_DIGITS):
                return self._wrong(Problem("Which one? Its number, like S-3.", line.spec))
            return Spoken(answers.of(await self._front.unsilence(person, int(digits))))
        wanted = read_hush(line.rest)
        if isinstance(wanted, Problem):
            return self._wrong(wanted)
        answer = await self._front.silence(person, wanted.matchers, wanted.span, wanted.reason, said.key)
        again = f"To hold them: {self._front.command} silence {in_words(wanted.matchers)} 2h REASON"
        return Spoken(answers.plain(answer.text, footer=again if wanted.span is None else ""))

    # ------------------------------------------------------------ an alert of one's own

    async def _new(self, person: Person, line: Line, said: Said) -> Spoken:
        raised = read_raised(line.rest)
        if isinstance(raised, Problem):
            return self._wrong(raised)
        team = self._team(person, raised.team, line.spec)
        if isinstance(team, Problem):
            return self._wrong(team)
        answer = await self._front.raise_manual(
            caller=person.id,
            person=person,
            idempotency_key=said.key,
            title=raised.title,
            text=raised.text,
            severity=raised.severity,
            team=team,
            subject=raised.about,
        )
        return self._say(answer.text)

    def _team(self, person: Person, typed: str, spec: Spec) -> str | Problem:
        """The team an own alert belongs to: the one that was named, else the person's only one."""
        if not typed:
            return next(iter(person.teams)) if len(person.teams) == 1 else ""
        known = {team.casefold(): team for team in teams_of(self._front)}
        team = known.get(typed.casefold(), "")
        if not team or not in_scope(person, team):
            mine = [name for name in known.values() if in_scope(person, name)]
            listed = f"There are: {', '.join(mine)}." if mine else "No teams are set up."
            return Problem(f"I know no team “{clean(typed, 40)}” that you can use. {listed}", spec)
        return team


_NOTICE = 60
_TEXTS = {Verb.RESOLVE: ("reason", True), Verb.ESCALATE: ("reason", False), Verb.NOTE: ("text", True)}
_MISSING = {"reason": "Say in a few words why.", "text": "Write the note behind the number."}


def _text(verb: Verb, rest: str, spec: Spec) -> Mapping[str, Any] | Problem:
    name, needed = _TEXTS[verb]
    text = read_text(rest, spec, name)
    if isinstance(text, Problem):
        return text
    if needed and not text:
        return Problem(_MISSING[name], spec)
    return {name: text} if text else {}


def _wish(spec: Spec, rest: str) -> Mapping[str, Any]:
    """What somebody unknown wants beside the alert, kept until they are linked. A colleague is not looked up."""
    found: Mapping[str, Any] | Problem = {}
    if spec.move is Verb.SNOOZE:
        found = _snooze(rest, spec)
    elif spec.move in _TEXTS:
        found = _text(spec.move, rest, spec)
    return {} if isinstance(found, Problem) else found


def _snooze(rest: str, spec: Spec) -> Mapping[str, Any] | Problem:
    found, more = read_span(rest)
    if found is None:
        return Problem("For how long? From 1m to 7d.", spec)
    reason = read_text(more, spec, "reason")
    if isinstance(reason, Problem):
        return reason
    return {"span": found} | ({"reason": reason} if reason else {})


def _interaction(verb: Verb, ref: str, args: Mapping[str, Any], said: Said) -> Interaction:
    return Interaction(
        key=said.key,
        platform=said.platform,
        account=said.account,
        verb=verb.value,
        ref=ref,
        args=args,
        workspace=said.workspace,
        room=said.room,
        kind="command",
    )
