# ruff: noqa: INP001 - a script beside the pages that it keeps up, not a package
"""Writes the parts of the documentation that the code knows better: `python docs/generate.py`.

Such a part stands between `<!-- name -->` and `<!-- /name -->`. `--check` writes nothing and fails where one is stale.
"""

import argparse
import ast
import io
import re
import sys
import tokenize
import types
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from datetime import date, datetime, time, timedelta
from enum import Enum
from inspect import getdoc, getsource
from pathlib import Path
from textwrap import dedent
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bot.api import ApiToken
from bot.commands import commands_markdown
from bot.server import ServerConf
from deskbell.config.settings import General
from deskbell.core.access import Person, Role
from deskbell.core.alert import MOVES, Severity
from deskbell.core.calendar import Calendar
from deskbell.core.policy import Level, Policy
from deskbell.core.ports import Destination
from deskbell.core.rota import Override, Rota
from deskbell.core.route import Route
from deskbell.core.rules import RULES
from deskbell.core.rules.base import Rule, RuleConf
from deskbell.vendors.slack import SlackConf
from pollers.catalog import KINDS
from pollers.conf import Writeback
from pollers.rest_conf import AuthConf, Paging, WriteRule

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("deskbell", "bot", "pollers", "channels", "storage")
PAGES = ("README.md", "docs/architecture.md", "docs/settings.md")


# ---------------------------------------------------------------- values and types, as TOML and people write them


def short(span: timedelta) -> str:
    """90s, 15m, 2h, 1d: as config.toml takes it."""
    seconds = int(span.total_seconds())
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= size and seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s" if seconds else "0m"


def toml(value: Any) -> str:
    """A value as it would stand in config.toml."""
    match value:
        case Mapping():
            inner = ", ".join(f"{_key(key)} = {toml(item)}" for key, item in value.items())
            return f"{{ {inner} }}" if inner else "{}"
        case tuple() | list() | frozenset():
            items = sorted(value) if isinstance(value, frozenset) else value
            return f"[{', '.join(toml(item) for item in items)}]"
        case Severity() | timedelta() | time() | str():
            return _quoted(value)
        case bool():
            return str(value).lower()
    return value.isoformat() if isinstance(value, date) else str(value)


def _quoted(value: Severity | timedelta | time | str) -> str:
    text = short(value) if isinstance(value, timedelta) else f"{value:%H:%M}" if isinstance(value, time) else str(value)
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _key(name: object) -> str:
    text = str(name)
    return text if re.fullmatch(r"[\w-]+", text) else toml(text)


_NAMES: Mapping[Any, str] = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "true or false",
    timedelta: "span",
    time: "time of day",
    date: "day",
    datetime: "moment",
    Severity: "P1 to P4",
    Role: "role",
    Any: "anything",
}


def kind(hint: Any) -> str:
    """A type in words."""
    if hint in _NAMES:
        return _NAMES[hint]
    origin, args = get_origin(hint), get_args(hint)
    if origin is Literal:
        return _or(f"`{toml(arg)}`" for arg in args)
    if origin in (Union, types.UnionType):
        return _or(kind(arg) for arg in args if arg is not type(None))
    if origin in (tuple, frozenset):
        inner = [arg for arg in args if arg is not Ellipsis]
        several = len(inner) > 1
        return f"[{', '.join(kind(arg) for arg in inner)}]" if several else f"list of {_plural(kind(inner[0]))}"
    if origin is not None and issubclass(origin, Mapping):
        return "table" if args[1] is Any else f"table of {_plural(kind(args[1]))}"
    if isinstance(hint, type) and issubclass(hint, Enum):
        return _or(f"`{toml(item.value)}`" for item in hint)
    return "table"


def _or(words: Iterable[str]) -> str:
    listed = list(words)
    return " or ".join([", ".join(listed[:-1]), listed[-1]] if len(listed) > 1 else listed)


def _plural(word: str) -> str:
    return f"{word}s" if word in {"text", "span", "role", "day", "table", "whole number", "number"} else word


def default(field: Any) -> str:
    if field.default is not MISSING:
        return "" if field.default is None else f"`{toml(field.default)}`"
    if field.default_factory is MISSING:
        return "**needed**"
    made = field.default_factory()
    return "" if is_dataclass(made) else f"`{toml(made)}`"


def table(*rows: Iterable[str]) -> str:
    """A Markdown table; the first row is its head."""
    lines = ["| " + " | ".join(_cell(cell) for cell in row) + " |" for row in rows]
    width = lines[0].count(" | ") + 1
    return "\n".join([lines[0], "|" + "---|" * width, *lines[1:]])


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


# ---------------------------------------------------------------- what a setting means


def source_comments(cls: type[Any]) -> dict[str, str]:
    """The comment behind each field of a dataclass."""
    source = dedent(getsource(cls))
    body = ast.parse(source).body[0]
    lines = {
        token.start[0]: token.string.lstrip("# ")
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT and "noqa" not in token.string
    }
    names = [node for node in ast.walk(body) if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)]
    return {node.target.id: lines[node.end_lineno or 0] for node in names if (node.end_lineno or 0) in lines}  # type: ignore[union-attr]


_HEADER = re.compile(r"\[+([\w.]+)\]+")
_LINE = re.compile(r"(\w+) = .*?\s# (.*)")
_NAMED = ("people", "rotas", "policies", "destinations")


def example_comments() -> dict[tuple[str, str], str]:
    """The comments of config.toml by section and key, without what they say of the demo."""
    section, found = "", {}
    for line in (ROOT / "config.toml").read_text().splitlines():
        if header := _HEADER.match(line):
            section = _section(header[1])
        elif (match := _LINE.match(line)) and (said := _without_demo(match[2])):
            found.setdefault((section, match[1]), said)
    return found


def _section(header: str) -> str:
    parts = header.split(".")
    if parts[0] in _NAMED and len(parts) == 2:
        return f"{parts[0]}.NAME"
    if parts[0] == "sources" and len(parts) > 1:
        parts[1] = parts[1] if parts[1] in KINDS else "rest"
    return ".".join(parts)


def _without_demo(comment: str) -> str:
    comment = re.sub(r"[;,]?\s*\bdemo\b.*$", "", comment)
    return re.sub(r"^live: ", "like ", comment).strip()


# What neither config.toml nor the source says in a line.
MEANINGS: Mapping[str, str] = {
    "deskbell.database": "a file of SQLite; a path that does not begin with / counts from where Deskbell is started",
    "deskbell.secret": (
        "needed: signs buttons and the audit. 16 characters of chance or more, never changed: with another one old "
        "buttons do nothing, and the audit can't be verified"
    ),
    "deskbell.observe": (
        "true: detect and record; post a daily summary, and what is wrong with Deskbell, its sources or its rooms"
    ),
    "deskbell.language": "the language of the sentences, a folder in `deskbell/faces/words`",
    "deskbell.log_level": "`debug`, `info`, `warning` or `error`; the log is JSON lines on standard error",
    "server.host": "where to listen; loopback unless you say otherwise",
    "server.port": "0 takes any that is free",
    "server.tokens": "the programs that may call; see below",
    "server.tokens.name": "who calls; two tokens of one name are one caller, so that a secret can be changed",
    "server.tokens.secret": "16 characters or more; sent as `Authorization: Bearer ...`",
    "server.tokens.scopes": "`trigger` (raise alerts), `read` (list them), `audit` (read the audit)",
    "calendar.zone": "the zone in which the hours are meant",
    "calendar.opens": "when a business day begins; the same as `closes` is around the clock",
    "calendar.closes": "when it ends; a time not after `opens` is of the next day",
    "people.NAME.name": "as people read it",
    "people.NAME.email": "links the person to the account in Slack that has this address",
    "people.NAME.roles": "viewer, technician, agent, dispatcher, oncall, manager, compliance, admin",
    "people.NAME.teams": "whose alerts the person sees and may act on; none means all",
    "people.NAME.zone": "the zone in which the person reads times",
    "rotas.NAME.people": "who takes turns, by their names in `[people]`",
    "rotas.NAME.handover": "when a shift changes, by the clock on the wall",
    "rotas.NAME.zone": "the zone of that clock",
    "rotas.NAME.start": "the day of the first person's first shift",
    "rotas.NAME.overrides": "somebody else for a time; see below",
    "rotas.NAME.overrides.person": "who is on duty instead",
    "rotas.NAME.overrides.start": "from then, with a zone: `2026-12-24T08:00:00+01:00`",
    "rotas.NAME.overrides.end": "until then",
    "policies.NAME.levels": "whom to tell, and when; see below",
    "policies.NAME.repeat_every": "between the rounds",
    "policies.NAME.repeat_every_p1": "between the rounds of a P1",
    "policies.NAME.hours": "a calendar; with one, times count in its opening hours only",
    "policies.NAME.levels.after": "so long after the alert began; each level later than the one before",
    "policies.NAME.levels.targets": (
        "`room`, `assignee`, `person:NAME`, `rota:NAME`, `role:ROLE`, `destination:NAME`; told together"
    ),
    "routes.destinations": "the names of `[destinations]`",
    "routes.name": "so that a rule can ask for it",
    "routes.rules": "names of rules; `sla_*` fits by its beginning",
    "routes.sources": "names of `[sources]`",
    "routes.teams": "names of teams",
    "routes.severity": "this severe or more",
    "routes.stop": "false: later routes are asked as well",
    "destinations.NAME.platform": "`slack` or `webhook`",
    "destinations.NAME.address": "a channel's id in Slack; an https address for a webhook",
    "destinations.NAME.zone": "not used yet",
    "destinations.NAME.options": "of a webhook: `secret`, sent as `Authorization: Bearer ...`",
    "slack.base_url": "where the Slack API is; leave it out but for a stand-in",
    "slack.case_command": "the name of the command that asks for a case",
    "slack.oncall_command": "the name of the command that asks who is on duty",
    "slack.timeout_s": "seconds for one call",
    "slack.proxy": "a proxy for all calls to Slack; none is taken from the environment",
    "sources.base_url": "the address of the system; https, or plain http to this machine",
    "sources.key": "the API key of an agent with global scope",
    "sources.title": "what people call it",
    "sources.web_url": "the address for links, where it differs from `base_url`",
    "sources.interval": "between two polls",
    "sources.overlap": "how late a change may become visible",
    "sources.lookback": "how far back the first reading of changes goes",
    "sources.full_every": "how often everything open is read again, for what moved without a stamp",
    "sources.page_size": "rows in one request",
    "sources.max_pages": "requests in one poll; what is left comes with the next",
    "sources.status_map": "the system's words or codes -> ours",
    "sources.priority_map": "the system's words -> urgent, high, normal, low",
    "sources.teams": "the system's groups or teams -> ours",
    "sources.team": "the team of everything that no map names",
    "sources.zone": "the zone of sites for which the system names none",
    "sources.allow_http": "true: plain http to another machine is meant",
    "sources.writeback": "see below",
    "sources.freshdesk.include": "what to ask for with each list; costs calls of the account's minute",
    "sources.servicenow.user": "the account's user name; also how our own changes are told from others'",
    "sources.servicenow.password": "its password",
    "sources.servicenow.client_id": "with `client_secret`, instead of the password: OAuth client credentials",
    "sources.servicenow.client_secret": "see `client_id`",
    "sources.servicenow.api_key": "instead of the password: sent as `x-sn-apikey`",
    "sources.servicenow.table": "the table to read; `incident`, or one built like it",
    "sources.servicenow.query": "conditions joined by `^`, like `assignment_groupIN<sys_id>,<sys_id>`",
    "sources.servicenow.slas": "false: do not read `task_sla`; then no SLA rings",
    "sources.servicenow.resolve_state": "the state that Resolve sets, where `writeback.resolve` is true",
    "sources.servicenow.close_code": "the resolution code that goes with it",
    "sources.rest.path": "the path of the list",
    "sources.rest.fields": "our names -> JMESPath expressions on a row",
    "sources.rest.records": "what a row is",
    "sources.rest.auth": "see below",
    "sources.rest.params": "sent with the list; may hold {since}, {page}, {offset}, {size}, {cursor}, {window_start}, "
    "{window_end}",
    "sources.rest.paging": "see below",
    "sources.rest.items": "where the rows are in an answer",
    "sources.rest.item": "where the row is in the answer of `item_path`",
    "sources.rest.strategy": "see above",
    "sources.rest.write": "`note`, `assign`, `resolve`, each as below; what is left out is not told",
    "sources.rest.window_back": "of a `snapshot`: from so long ago",
    "sources.rest.window_ahead": "of a `snapshot`: until so far ahead",
    "sources.rest.web_url": "the address of a row for people, like `https://app.example.com/jobs/{id}`",
    "sources.rest.zone": "the zone of stamps without an offset, and of sites for which the system names none",
    "sources.rest.auth.kind": "`none`, `basic`, `bearer`, `header` or `oauth2_client_credentials`",
    "sources.rest.auth.user": "of `basic`",
    "sources.rest.auth.password": "of `basic`",
    "sources.rest.auth.token": "of `bearer`",
    "sources.rest.auth.header": "of `header`: its name",
    "sources.rest.auth.value": "of `header`: what it says",
    "sources.rest.auth.token_url": "of OAuth: where the token comes from",
    "sources.rest.auth.client_id": "of OAuth",
    "sources.rest.auth.client_secret": "of OAuth",
    "sources.rest.auth.scope": "of OAuth",
    "sources.rest.paging.kind": "how the next page is asked for",
    "sources.rest.paging.cursor": "path of the next cursor in an answer",
    "sources.rest.paging.next": "path of the next page's address in an answer",
    "sources.rest.paging.pages": "path of the number of pages in an answer",
    "sources.rest.paging.total": "path of the number of rows in an answer",
    "sources.rest.paging.size": "rows in one request, put into {size}",
    "sources.rest.paging.first": "the number of the first page",
    "sources.rest.write.path": "the path to call",
    "sources.rest.write.method": "the HTTP method",
    "sources.rest.write.body": "the JSON to send",
    "sources.rest.writeback.enabled": "false: the source is only read",
    "sources.rest.writeback.resolve": "true: Resolve here resolves the record there as well, else it leaves a note",
    "rules.enabled": "false: the rule does not look",
    "rules.policy": "the name of a policy; left out, `dispatch` for visits, `support` for cases",
    "rules.route": "the name of a route; left out, the routes are asked in order",
    "rules.stages": "list of [span, severity]",
    "rules.notice": "list of [less than so long before the start, severity]",
    "rules.technician_late.without_technician": "true: also for a job that nobody was assigned to",
    "rules.not_en_route.travel": "how long the way takes",
    "rules.not_en_route.margin": "what is added to be safe",
    "rules.not_en_route.hands_over": "so long after the start the rule ends, and `technician_late` tells",
    "rules.not_en_route.severity": "its severity",
    "rules.status_no_show.customer": "the customer was absent",
    "rules.cancelled_by_customer.otherwise": "with more notice than `notice` says",
    "rules.sla_approaching.share": "of the whole time; 0: the first stage begins as `stages` says",
    "rules.case_unassigned.after": "how long it may wait, by priority",
    "rules.case_inactive.after": "how long it may rest, by priority",
    "rules.severity": "by the case's priority",
    "rules.case_escalated.severity": "of an escalation below `critical_level`",
    "rules.case_escalated.critical": "from `critical_level` on",
    "rules.case_unassigned.business": "priorities for which only opening hours count",
    "rules.case_inactive.business": "priorities for which only opening hours count",
    "rules.recent": "how old a change may be in a record that is seen for the first time",
}


def meaning(where: str, name: str, cls: type[Any]) -> str:
    """In a few words; from here, from config.toml, or from the source, in this order."""
    top = where.split(".", maxsplit=1)[0]
    nested = ".writeback" in where
    places = [f"{where}.{name}", *([f"sources.rest.writeback.{name}"] if nested else [f"{top}.{name}"])]
    for place in places:
        if place in MEANINGS:
            return MEANINGS[place]
    return example_comments().get((where, name)) or source_comments(cls).get(name, "")


# ---------------------------------------------------------------- the parts


@dataclass(frozen=True, slots=True)
class Section:
    """One table of docs/settings.md. `given`: fields that the loader fills in; `extra`: keys it takes besides."""

    header: str
    where: str
    cls: type[Any]
    given: frozenset[str] = frozenset()
    extra: tuple[tuple[str, str, str, str], ...] = ()

    @property
    def keys(self) -> list[str]:
        """What config.toml may say here."""
        return [row[0] for row in self.extra] + [f.name for f in fields(self.cls) if f.name not in self.given]

    def markdown(self) -> str:
        hints = get_type_hints(self.cls)
        rows = [tuple(f"`{cell}`" if i == 0 else cell for i, cell in enumerate(row)) for row in self.extra]
        rows += [
            (f"`{f.name}`", kind(hints[f.name]), default(f), meaning(self.where, f.name, self.cls))
            for f in fields(self.cls)
            if f.name not in self.given
        ]
        parts = [f"### {self.header}", _about(self.cls), table(("key", "type", "default", "meaning"), *rows)]
        return "\n\n".join(part for part in parts if part)


def _about(cls: type[Any]) -> str:
    """The class's own words, but for those that only repeat the header."""
    doc = getdoc(cls) or ""
    return "" if doc.startswith((f"{cls.__name__}(", "[")) else doc


_NAME = frozenset({"name"})
_ACCOUNTS = (("slack", "text", '`""`', "the account's id in Slack (U...), where its e-mail address is another one"),)
_SOURCES = (("SOURCE", "text", '`""`', "the person's id in the source of that name, so that Reassign reaches it too"),)


def sections() -> Iterator[Section]:
    yield Section("`[deskbell]`", "deskbell", General)
    yield Section("`[server]`", "server", ServerConf)
    yield Section("`[[server.tokens]]`", "server.tokens", ApiToken)
    yield Section("`[calendar]`", "calendar", Calendar)
    yield Section("`[people.NAME]`", "people.NAME", Person, frozenset({"id", "accounts"}), _ACCOUNTS + _SOURCES)
    yield Section("`[rotas.NAME]`", "rotas.NAME", Rota, _NAME)
    yield Section("`[[rotas.NAME.overrides]]`", "rotas.NAME.overrides", Override)
    yield Section("`[policies.NAME]`", "policies.NAME", Policy, _NAME)
    yield Section("`[[policies.NAME.levels]]`", "policies.NAME.levels", Level)
    yield Section("`[[routes]]`", "routes", Route)
    yield Section("`[destinations.NAME]`", "destinations.NAME", Destination, _NAME)
    yield Section("`[slack]`", "slack", SlackConf, frozenset({"command"}))
    yield from _source_sections()
    yield from _rule_sections()


def _source_sections() -> Iterator[Section]:
    for name, row in KINDS.items():
        extra = (("kind", "text", "the table's name", f'`"{name}"` for this one'),)
        yield Section(f"`[sources.NAME]` of kind `{name}`", f"sources.{name}", row.load_conf(), _NAME, extra)
        if name == "rest":
            yield Section("`[sources.NAME.auth]`", "sources.rest.auth", AuthConf)
            yield Section("`[sources.NAME.paging]`", "sources.rest.paging", Paging)
            yield Section("`[sources.NAME.write.KIND]`", "sources.rest.write", WriteRule)
    yield Section("`[sources.NAME.writeback]`", "sources.rest.writeback", Writeback)


def _rule_sections() -> Iterator[Section]:
    common = frozenset(f.name for f in fields(RuleConf))
    yield Section("`[rules.*]`", "rules", RuleConf)
    for name, rule in RULES.items():
        yield Section(f"`[rules.{name}]`", f"rules.{name}", rule.conf_class, common)


def settings_markdown() -> str:
    return "\n\n".join(section.markdown() for section in sections())


def rules_markdown() -> str:
    """Each rule, what it sees, and from when on how severe it is."""
    rows = [(f"`{rule.name}`", rule.kind, _sees(rule), _thresholds(rule.conf_class())) for rule in RULES.values()]
    return table(("rule", "looks at", "rings when", "default"), *rows)


def _sees(rule: Rule) -> str:
    return (getdoc(rule.look) or rule.title).split("\n\n")[0]


_MINOR = frozenset(
    {"enabled", "policy", "route", "recent", "tidying", "blind", "hands_over", "wait", "unnamed", "least", "from_level"}
)


def _thresholds(conf: RuleConf) -> str:
    values = ((f.name, getattr(conf, f.name)) for f in fields(conf) if f.name not in _MINOR)
    return "; ".join(f"{name} {_plain(value)}" for name, value in values if value not in ((), "", False))


def _plain(value: Any) -> str:
    """Without the quotes and brackets of TOML: stages read as `15m P3, 30m P2`."""
    if isinstance(value, timedelta):
        return short(value)
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_plain(item)}" for key, item in value.items())
    if isinstance(value, tuple):
        joint = " " if len(value) == 2 and isinstance(value[1], Severity) else ", "
        return joint.join(_plain(item) for item in value)
    return str(value)


def moves_markdown() -> str:
    rows = []
    for verb, move in MOVES.items():
        start = "any" if len(move.start) == 3 else " or ".join(sorted(move.start, key=lambda s: s != "open"))
        who = ", ".join(role for role in Role if role in move.roles)
        rows.append((f"`{verb}`", start, move.end or "unchanged", who))
    return table(("verb", "from", "to", "who may"), *rows)


def cli_markdown() -> str:
    rows = [(f"`{usage}`", words) for usage, words in _commands(_root(), "deskbell")]
    return table(("command", "what it does"), *rows)


def _root() -> Any:
    import typer

    from deskbell.cli import app

    return typer.main.get_command(app)


def cli_names() -> dict[str, set[str]]:
    """Every command line ("audit verify") and its options."""
    found: dict[str, set[str]] = {}

    def walk(command: Any, name: str) -> None:
        found[name] = {option for parameter in command.params for option in parameter.opts} | {"--help"}
        for word, inner in getattr(command, "commands", {}).items():
            walk(inner, f"{name} {word}".strip())

    walk(_root(), "")
    return found


def _commands(command: Any, name: str) -> Iterator[tuple[str, str]]:
    inner = getattr(command, "commands", {})
    if command.callback is not None and name != "deskbell":
        yield _usage(command, name), " ".join((command.help or "").split())
    for word, found in inner.items():
        yield from _commands(found, f"{name} {word}")


def _usage(command: Any, name: str) -> str:
    words = [name]
    for parameter in command.params:
        option = parameter.opts[0]
        if parameter.param_type_name == "argument":
            words.append(option.upper() if parameter.required else f"[{option.upper()}]")
        elif option not in ("--config", "--help"):
            words.append(f"[{option}]")
    return " ".join(words)


def faults_markdown() -> str:
    places: dict[str, list[str]] = {}
    for name, place in _points():
        places.setdefault(name, []).append(place)
    rows = [(f"`{name}`", ", ".join(f"`{place}`" for place in sorted(set(found)))) for name, found in places.items()]
    return table(("point", "where"), *sorted(rows))


def _points() -> Iterator[tuple[str, str]]:
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            tree = ast.parse(path.read_text())
            yield from _points_in(tree, str(path.relative_to(ROOT)), "")


def _points_in(node: ast.AST, path: str, function: str) -> Iterator[tuple[str, str]]:
    for child in ast.iter_child_nodes(node):
        inside = child.name if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef) else function
        if isinstance(child, ast.Call) and isinstance(child.func, ast.Name) and child.func.id == "point":
            named = child.args[0] if child.args else None
            if isinstance(named, ast.Constant):
                yield str(named.value), f"{path} {inside}".strip()
        yield from _points_in(child, path, inside)


PARTS: Mapping[str, Callable[[], str]] = {
    "commands": commands_markdown,
    "rules": rules_markdown,
    "cli": cli_markdown,
    "moves": moves_markdown,
    "faults": faults_markdown,
    "settings": settings_markdown,
}


def filled(text: str) -> str:
    """The page with every part as the code has it now."""
    for name, make in PARTS.items():
        if f"<!-- {name} -->" in text:
            part = f"<!-- {name} -->\n{make()}\n<!-- /{name} -->"
            text = re.sub(rf"<!-- {name} -->\n.*?<!-- /{name} -->", lambda _, part=part: part, text, flags=re.DOTALL)
    return text


def stale() -> list[str]:
    return [page for page in PAGES if filled((ROOT / page).read_text()) != (ROOT / page).read_text()]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, fail where a part is stale")
    old = stale()
    if parser.parse_args().check:
        sys.stdout.writelines(f"{page} is stale: run python docs/generate.py\n" for page in old)
        return 1 if old else 0
    for page in old:
        (ROOT / page).write_text(filled((ROOT / page).read_text()))
        sys.stdout.write(f"{page} written\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
