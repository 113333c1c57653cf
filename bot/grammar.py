"""The commands: one table, and one grammar for all chats. Pure: a line in, a Line or a Problem out.

The table is what the manifests, the chats' command menus, /help and the README are made of.
"""

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from deskbell.core.access import ACTORS, ANYONE, Role
from deskbell.core.alert import MAX_TEXT, MOVES, Severity, Verb
from deskbell.core.card import FIRST_LINE
from deskbell.core.text import clean, clean_lines, cut, parse_span

SILENCERS = frozenset({Role.DISPATCHER, Role.ONCALL, Role.MANAGER, Role.ADMIN})
MAX_LINE = 3000
MAX_RAISED = 1000  # the text of an alert of one's own
_WORD = 40  # how much of an unknown word is said back


@dataclass(frozen=True, slots=True)
class Spec:
    """One command. `usage` is what follows the verb; `move` is the change it makes, None for those who only ask."""

    verb: str
    help: str
    usage: str = ""
    examples: tuple[str, ...] = ()
    roles: frozenset[Role] = ANYONE
    move: Verb | None = None
    aliases: tuple[str, ...] = ()
    hidden: bool = False  # works, but is left out of the menus
    topic: str = ""  # where a chat's menus are short, these stand together under a command of that name


def _change(
    verb: Verb, help: str, usage: str, examples: tuple[str, ...], aliases: tuple[str, ...] = (), topic: str = ""
) -> Spec:
    return Spec(verb.value, help, usage, examples, MOVES[verb].roles, verb, aliases, topic=topic)


DUTY, SILENCES, CUSTOMERS = "duty", "silences", "customer"
_ON_DUTY = ACTORS | {Role.TECHNICIAN}

COMMANDS: tuple[Spec, ...] = (
    Spec(
        "list",
        "the alerts that need somebody, most severe first",
        "[mine|open|team|source|STORM] [NAME] [PAGE]",
        ("list", "list mine", "list open 2", "list team north", "list source freshdesk", "list D-50"),
        aliases=("ls", "alerts"),
    ),
    Spec("show", "one alert with its buttons", "ALERT", ("show D-12",), aliases=("view", "status")),
    Spec("case", "a ticket or incident, fresh from its helpdesk", "NUMBER", ("case 4711",), aliases=("ticket",)),
    Spec("job", "a job, fresh from the schedule", "NUMBER", ("job 4711",), aliases=("visit",)),
    Spec("why", "why it rang: rule, thresholds, way to people", "ALERT", ("why D-12",)),
    Spec("whynot", "why a job or case is quiet, and when it would ring", "NUMBER", ("whynot J-4711",)),
    _change(Verb.ACK, "say that you look after it", "ALERT", ("ack D-12",), ("acknowledge",)),
    _change(Verb.UNACK, "take an acknowledgement back", "ALERT", ("unack D-12",), ("unacknowledge",)),
    _change(Verb.TAKE, "take it over", "ALERT", ("take D-12",), ("claim",)),
    _change(
        Verb.REASSIGN,
        "give it to a colleague",
        "ALERT COLLEAGUE",
        ("reassign D-12 @ana", 'reassign D-12 "Ana Ruiz"', "reassign D-12 me"),
        ("assign", "give"),
    ),
    Spec(
        "send",
        "send another technician to its job",
        "ALERT COLLEAGUE",
        ("send D-12 @lena",),
        MOVES[Verb.SEND].roles,
        Verb.SEND,
        hidden=True,  # the card has a button for each who could go
    ),
    _change(
        Verb.ESCALATE,
        "ring whoever is next in line",
        "ALERT [REASON]",
        ("escalate D-12", "escalate D-12 no answer from the site"),
    ),
    _change(
        Verb.SNOOZE,
        "no reminders for a while",
        "ALERT TIME [REASON]",
        ("snooze D-12 30m", "snooze D-12 1h30m waiting for parts"),
    ),
    _change(
        Verb.RESOLVE,
        "it is over; say why",
        "ALERT REASON",
        ("resolve D-12 customer called back",),
        ("close", "done"),
    ),
    _change(Verb.REOPEN, "it is not over after all", "ALERT", ("reopen D-12",)),
    _change(Verb.NOTE, "add a remark to its story", "ALERT TEXT", ("note D-12 called the customer",), ("comment",)),
    _change(Verb.UNDO, "take your last move back, within ten minutes", "ALERT", ("undo D-12",)),
    _change(Verb.REVEAL, "who the customer is, shown to you alone and audited", "ALERT", ("reveal D-12",)),
    _change(
        Verb.TELL,
        "tell the customer, by the way they agreed to; without a notice: what each would say",
        "ALERT [NOTICE]",
        ("tell D-12", "tell D-12 visit_late"),
        topic=CUSTOMERS,
    ),
    Spec(
        "sent",
        "what the customer was told about a job or case, and what became of it",
        "NUMBER",
        ("sent J-4711",),
        topic=CUSTOMERS,
    ),
    Spec(
        "new",
        "raise an alert of your own",
        "[P1|P2|P3|P4] [team=NAME] [about=NUMBER] TITLE",
        ("new P2 compressor down at Northgate", "new P1 team=north about=J-4711 gas leak reported"),
        roles=ACTORS,
        aliases=("raise",),
    ),
    Spec(
        "silence",
        "hold what fits for a while; without a time, see what would have been held",
        "MATCHERS [TIME] [REASON]",
        (
            "silence rule=technician_late team=north 2h road closed",
            'silence site="Plant 4*" severity=P3,P4 6h boiler works',
            "silence customer=Hansen*",
        ),
        roles=SILENCERS,
        aliases=("mute",),
        topic=SILENCES,
    ),
    Spec("silences", "what is held now, until when and why", examples=("silences",), topic=SILENCES),
    Spec(
        "unsilence",
        "end a silence; what still holds rings then",
        "SILENCE",
        ("unsilence S-3",),
        roles=SILENCERS,
        topic=SILENCES,
    ),
    Spec(
        "oncall",
        "who is on duty, now or then",
        "[ROTA] [WHEN]",
        ("oncall", "oncall dispatch fri 18:00"),
        aliases=("duty",),
    ),
    Spec(
        "cover",
        "ask colleagues to take a part of your shift",
        "TIMES [COLLEAGUE]",
        ("cover me 18:00-22:00", "cover me fri 18:00 to sat 8:00 @ben"),
        roles=_ON_DUTY,
        topic=DUTY,
    ),
    Spec(
        "swap",
        "ask a colleague to take your shift for theirs",
        "TIMES COLLEAGUE THEIRS",
        ("swap fri 18:00-22:00 @ben sat 18:00-22:00",),
        roles=_ON_DUTY,
        topic=DUTY,
    ),
    Spec(
        "override",
        "put somebody on duty, whatever the rota says",
        "[ROTA] COLLEAGUE TIMES",
        ("override dispatch @ben fri 18:00-22:00",),
        roles=frozenset({Role.DISPATCHER, Role.MANAGER, Role.ADMIN}),
        topic=DUTY,
    ),
    Spec(
        "vacation",
        "days on which you have no shift",
        "DAYS",
        ("vacation 2026-12-24 to 2026-12-31", "vacation off"),
        roles=_ON_DUTY,
        topic=DUTY,
    ),
    Spec(
        "quiet",
        "hours in which only P1 rings you",
        "HOURS",
        ("quiet 22:00-07:00", "quiet off"),
        topic=DUTY,
    ),
    Spec(
        "prefs",
        "how you are rung, and in which order",
        "[LADDER]",
        ("prefs", "prefs high slack, sms 5m, call 10m", "prefs high usual"),
        topic=DUTY,
    ),
    Spec(
        "test",
        "ring your own ladder, or prove a way with its code",
        "[WAY]",
        ("test", "test sms", "test 482913"),
        topic=DUTY,
    ),
    Spec(
        "feed",
        "a secret address of your shifts, for the calendar of your phone",
        "[OFF]",
        ("feed", "feed off"),
        topic=DUTY,
    ),
    Spec(
        "link",
        "connect another chat to you; with a code, connect this one",
        "[CODE]",
        ("link", "link k3v9mwqt2hx7"),
        aliases=("connect",),
    ),
    Spec("health", "how Deskbell itself is: its sources, how soon it tells, what waits", examples=("health",)),
    Spec("whoami", "who Deskbell thinks you are, and what you may do", examples=("whoami",)),
    Spec("help", "this list, or more about one command", "[COMMAND]", ("help", "help snooze"), aliases=("?",)),
)

BY_WORD = {word: spec for spec in COMMANDS for word in (spec.verb, *spec.aliases)}


@dataclass(frozen=True, slots=True)
class Line:
    """A line whose command is known. `rest` is what follows it, cleaned; only `new` sees its line breaks."""

    spec: Spec
    rest: str


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a line, in words for its writer. With a `spec`, its usage and an example are shown as well."""

    text: str
    spec: Spec | None = None


def read_line(text: str, command: str) -> Line | Problem:
    """The command a line holds. Tolerates case, stray spaces, the slash, our own name, and `D-12 ack`."""
    if len(text) > MAX_LINE:
        return Problem(f"That is too long for me: {MAX_LINE} characters at most. Nothing was saved.")
    words = clean_lines(text, MAX_LINE).split(maxsplit=1)
    if words and words[0].casefold() in {command.casefold(), command.lstrip("/").casefold()}:
        words = words[1].split(maxsplit=1) if len(words) > 1 else []
    if not words:
        return Line(BY_WORD["help"], "")
    rest = words[1] if len(words) > 1 else ""
    if spec := BY_WORD.get(_verb_word(words[0])):
        return Line(spec, rest)
    return _ref_first(words[0], rest) or _unknown_verb(words[0])


def _verb_word(word: str) -> str:
    """`/Ack@DeskbellBot` as Telegram sends it in groups, `ack:` as phones complete it."""
    return word.casefold().lstrip("/").partition("@")[0].rstrip(":,.!") or word


def _ref_first(first: str, rest: str) -> Line | None:
    """`D-12 resolve fixed` means the same as `resolve D-12 fixed`, and a ref alone asks to see it."""
    ref, left = read_ref(first)
    if not ref or left:
        return None
    verb, _, tail = rest.partition(" ")
    if not verb:
        return Line(BY_WORD["show"], ref)
    spec = BY_WORD.get(verb.casefold())
    return Line(spec, f"{ref} {tail}".strip()) if spec and spec.usage.startswith("ALERT") else None


def _unknown_verb(word: str) -> Problem:
    guess = nearest(_verb_word(word), BY_WORD)
    hint = f"Did you mean {BY_WORD[guess].verb}?" if guess else "These I know:"
    shown = clean(word, _WORD)
    known = "" if guess else " " + ", ".join(spec.verb for spec in COMMANDS if not spec.hidden)
    return Problem(f"I don't know the command “{shown}”. {hint}{known}", BY_WORD[guess] if guess else None)


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that was probably meant."""
    found = difflib.get_close_matches(word[:_WORD], list(known), n=1, cutoff=0.6)
    return found[0] if found else None


# D-12, d12, #12, 12; phones turn hyphens into dashes.
_REF = re.compile(r"(?:d|#|alert)?\s*[-\u2010-\u2015\u2212]?\s*([0-9]{1,15})(?!\S)\s*", re.IGNORECASE)


def read_ref(text: str) -> tuple[str, str]:
    """The alert a text begins with, as "D-12", and what follows; "" when it begins with none."""
    match = _REF.match(text)
    return (f"D-{int(match[1])}", text[match.end() :]) if match else ("", text)


_UNITS = re.compile(r"(?<=\d)\s*(?:(d)ays?|(h)(?:ou)?rs?|(m)in(?:ute)?s?|(s)ec(?:ond)?s?)\b", re.IGNORECASE)


def read_span(text: str) -> tuple[timedelta | None, str]:
    """The span a text begins with (`30m`, `1h 30m`, `2 hours`, `for 45 min`), and what follows."""
    words = text.split()
    if words and words[0].casefold() == "for":
        words = words[1:]
    for count in range(min(4, len(words)), 0, -1):
        raw = _UNITS.sub(lambda m: next(unit for unit in m.groups() if unit), " ".join(words[:count]))
        found = parse_span(raw)
        if found is not None:
            return found, " ".join(words[count:])
    return None, text


_QUOTED = re.compile(r'["“”„\'‘’](.{1,100}?)["“”\'‘’](?!\S)\s*')
_MENTION = re.compile(r"<@!?([\w:.-]{1,100})(?:\|[^>]{0,100})?>\s*")


@dataclass(frozen=True, slots=True)
class Named:
    """A colleague as typed: the platform's `account` of a mention, or a `name`."""

    account: str = ""
    name: str = ""


def read_named(text: str) -> Named | None:
    """`@ana`, `ana`, `Ana Ruiz`, `"Ana Ruiz"`, `<@U123>`, with or without `to` before it; None: nothing there."""
    text = re.sub(r"^to\s+", "", text.strip(), flags=re.IGNORECASE)
    if match := _MENTION.fullmatch(text):
        return Named(account=match[1])
    if match := _QUOTED.fullmatch(text):
        text = match[1]
    name = text.removeprefix("@").strip()
    return Named(name=name) if name else None


@dataclass(frozen=True, slots=True)
class Filter:
    """Which alerts to list. `words` says it again, for the line that leads to the next page."""

    mine: bool = False
    open: bool = False
    own_teams: bool = False
    team: str = ""
    source: str = ""
    of: str = ""  # the storm whose alerts are wanted
    page: int = 1

    @property
    def words(self) -> str:
        flags = {"mine": self.mine, "open": self.open, "team": self.own_teams}
        named = {"team": self.team, "source": self.source}
        said = [word for word, on in flags.items() if on]
        return " ".join(said + [f"{word} {name}" for word, name in named.items() if name] + [self.of] * bool(self.of))


_FLAGS: Mapping[str, Mapping[str, bool]] = {
    "mine": {"mine": True},
    "my": {"mine": True},
    "open": {"open": True},
    "team": {"own_teams": True},
    "all": {},
    "page": {},
}
_NAME_WORDS = 4


def read_filter(rest: str, sources: Iterable[str], teams: Iterable[str]) -> Filter | Problem:
    """The words behind `list`, in any order. A bare name may be a team's or a source's."""
    known = {"team": {name.casefold(): name for name in teams}, "source": {name.casefold(): name for name in sources}}
    found, words = Filter(), rest.casefold().split()
    while words:
        change, used = _read_name(words, known) or _read_flag(words[0])
        if not used:
            return _unknown_name(words[1] if words[0] in known and len(words) > 1 else words[0], known)
        found, words = replace(found, **change), words[used:]
    return found


def _read_name(words: list[str], known: Mapping[str, Mapping[str, str]]) -> tuple[Mapping[str, Any], int] | None:
    """A name at the beginning, with `team` or `source` before it or not, and how many words it took."""
    said = words[0] in known and len(words) > 1
    for kind in (words[0],) if said else known:
        for count in range(_NAME_WORDS, 0, -1):
            if name := known[kind].get(" ".join(words[said : said + count])):
                return {kind: name}, min(said + count, len(words))
    return None


def _read_flag(word: str) -> tuple[Mapping[str, Any], int]:
    if word.isascii() and word.isdigit() and len(word) < 7:
        return {"page": max(1, int(word))}, 1
    of, rest = read_ref(word) if word.startswith("d") else ("", "")
    if of and not rest:
        return {"of": of}, 1
    return (_FLAGS[word], 1) if word in _FLAGS else ({}, 0)


def _unknown_name(word: str, known: Mapping[str, Mapping[str, str]]) -> Problem:
    said = " ".join(f"{kind.capitalize()}s: {', '.join(names.values())}." for kind, names in known.items() if names)
    return Problem(f"I know no team and no source called “{clean(word, _WORD)}”. {said}".rstrip(), BY_WORD["list"])


def read_text(rest: str, spec: Spec, what: str) -> str | Problem:
    """Free text at the end of a line. Too long is said, not cut: half a note may say the opposite."""
    text = clean(rest, MAX_LINE)
    if len(text) > MAX_TEXT:
        return Problem(f"The {what} is too long: {MAX_TEXT} characters at most. Nothing was saved.", spec)
    return text


@dataclass(frozen=True, slots=True)
class Raised:
    """What `new` says: `team` and `about` are names as typed."""

    title: str
    text: str
    severity: Severity
    team: str = ""
    about: str = ""


_RAISED_WORD = re.compile(
    r"(p[1-4])(?:[:,-]+(?=\s)|(?!\S))\s*|(team|about)[=:](\"[^\"\n]{1,100}\"|\S{1,100})\s*", re.IGNORECASE
)


def read_raised(rest: str) -> Raised | Problem:
    """`P1 team=north about=J-4711 title words`, what is on further lines is the text. P3 unless said otherwise."""
    spec, said = BY_WORD["new"], {"p": "P3"}
    while match := _RAISED_WORD.match(rest):
        said[(match[2] or "p").casefold()] = (match[1] or match[3]).strip('"')
        rest = rest[match.end() :]
    first, _, more = rest.strip().partition("\n")
    title = cut(first, FIRST_LINE)
    text = more.strip() if title == first else rest.strip()
    if not title:
        return Problem("Say in a few words what is wrong.", spec)
    if len(text) > MAX_RAISED:
        return Problem(f"The text is too long: {MAX_RAISED} characters at most. Nothing was saved.", spec)
    return Raised(title, text, Severity[said["p"].upper()], said.get("team", ""), said.get("about", ""))


def usage(spec: Spec, command: str) -> str:
    """`/desk snooze ALERT TIME [REASON]`."""
    return f"{command} {spec.verb} {spec.usage}".rstrip()


def commands_markdown(command: str = "/desk") -> str:
    """The table for the README."""
    lines = ["| command | what it does | who | example |", "|---|---|---|---|"]
    for spec in COMMANDS:
        if not spec.hidden:
            shown = usage(spec, command).replace("|", "\\|")
            lines.append(f"| `{shown}` | {spec.help} | {_who(spec.roles)} | `{command} {spec.examples[0]}` |")
    return "\n".join(lines)


def _who(roles: frozenset[Role]) -> str:
    return "everybody" if roles == ANYONE else ", ".join(role for role in Role if role in roles)
