# ruff: noqa: INP001 - a script beside the pages that it keeps up, not a package
"""Writes the parts of the documentation that the code knows better: `python docs/generate.py`.

Such a part stands between `<!-- name -->` and `<!-- /name -->`. `--check` writes nothing and fails where one is stale.
"""

import argparse
import ast
import io
import json
import re
import sys
import tokenize
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import timedelta
from inspect import getdoc, getsource
from pathlib import Path
from textwrap import dedent
from typing import Any, get_type_hints

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from in_words import default, kind, short, table

from bot.api import ApiToken
from bot.commands import commands_markdown
from bot.openapi import document
from bot.server import ServerConf
from channels.catalog import SERVICES, service
from deskbell.bench.figures import Report
from deskbell.bench.page import markdown
from deskbell.bench.plot import svg
from deskbell.catalogue import sources, systems
from deskbell.config.sense import OWN_RULES
from deskbell.config.settings import General
from deskbell.core.access import ACTORS, Person, Role
from deskbell.core.alert import MOVES, Severity, Verb, roles_for
from deskbell.core.calendar import Calendar
from deskbell.core.decision import DecisionConf
from deskbell.core.history import Recording
from deskbell.core.letters import (
    CASE_LETTERS,
    LETTERS,
    TOLD,
    VISIT_LETTERS,
    CustomersConf,
    NoticeConf,
    OriginConf,
)
from deskbell.core.policy import Level, Policy
from deskbell.core.ports import Destination
from deskbell.core.rota import Hours, Layer, Override, Rota
from deskbell.core.route import Route
from deskbell.core.rules import RULES
from deskbell.core.rules.base import Matcher, Rule, RuleConf
from deskbell.core.rules.custom import CustomConf
from deskbell.core.rules.repeats import RepeatConf
from deskbell.core.silence import Window
from deskbell.desk.house import OwnRules
from deskbell.vendors.chats import CHATS
from deskbell.vendors.hears import VendorHook
from deskbell.vendors.hooks import HookConf
from deskbell.watch import WatchConf
from pollers.calendars import Calendar as CalendarOfVisits
from pollers.catalog import KINDS
from pollers.conf import Writeback
from pollers.happenings import Requests
from pollers.ical import Feed
from pollers.rest_conf import AuthConf, Paging, WriteRule

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("deskbell", "bot", "pollers", "channels", "storage")
PAGES = (
    "README.md",
    "docs/architecture.md",
    "docs/customers.md",
    "docs/performance.md",
    "docs/rules.md",
    "docs/settings.md",
    "docs/sources.md",
)


# ---------------------------------------------------------------- what a setting means


def source_comments(cls: type[Any]) -> dict[str, str]:
    """The comment behind each field of a dataclass, and of those that it extends."""
    bases = [base for base in reversed(cls.__mro__) if is_dataclass(base)]
    return {name: said for base in bases for name, said in _own_comments(base).items()}


def _own_comments(cls: type[Any]) -> dict[str, str]:
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


MEANINGS: Mapping[str, str] = tomllib.loads((Path(__file__).parent / "meanings.toml").read_text())


def meaning(where: str, name: str, cls: type[Any]) -> str:
    """In a few words; from meanings.toml, from config.toml, or from the source, in this order."""
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


def _answers(usual: tuple[str, ...]) -> tuple[str, str, str, str]:
    about = "what people may do by answering: `ack`, `note`, `escalate`, `resolve`. A number and a sender can be forged"
    return "answers", "list of texts", f"`{json.dumps(usual)}`", about


def sections() -> Iterator[Section]:
    yield Section("`[deskbell]`", "deskbell", General)
    yield Section("`[server]`", "server", ServerConf)
    yield Section("`[[server.tokens]]`", "server.tokens", ApiToken)
    yield Section("`[watch]`", "watch", WatchConf)
    yield Section("`[calendar]`", "calendar", Calendar)
    yield Section("`[calendars.NAME]`", "calendar", Calendar)
    yield Section("`[people.NAME]`", "people.NAME", Person, frozenset({"id", "accounts"}), _ACCOUNTS + _SOURCES)
    yield Section("`[rotas.NAME]`", "rotas.NAME", Rota, _NAME)
    yield Section("`[[rotas.NAME.layers]]`", "rotas.NAME.layers", Layer)
    yield Section("`rotas.NAME.hours`, and those of layers", "rotas.NAME.hours", Hours)
    yield Section("`[[rotas.NAME.overrides]]` and `[[rotas.NAME.away]]`", "rotas.NAME.overrides", Override)
    yield Section("`[policies.NAME]`", "policies.NAME", Policy, _NAME)
    yield Section("`[[policies.NAME.levels]]`", "policies.NAME.levels", Level)
    yield Section("`[[routes]]`", "routes", Route)
    yield Section("`[maintenance.NAME]`", "maintenance.NAME", Window, _NAME)
    yield Section("`[destinations.NAME]`", "destinations.NAME", Destination, _NAME)
    for name, chat in CHATS.items():
        yield Section(f"`[{name}]`", name, chat.conf, frozenset({"command"}))
    for name in SERVICES:
        extra = (("kind", "text", "the table's name", f'`"{name}"` for this one'), _answers(service(name).answers))
        header = f"`[channels.NAME]` of kind `{name}`"
        yield Section(header, f"channels.{name}", service(name).conf, extra=extra)
    yield Section("`[channels.NAME.hook]`", "channels.twilio.hook", VendorHook)
    yield Section("`[customers]`", "customers", CustomersConf)
    yield Section("`[customers.notices.NAME]`", "customers.notices", NoticeConf)
    yield Section("`[customers.sources.NAME]`", "customers.sources", OriginConf)
    yield from _source_sections()
    yield from _rule_sections()


def _source_sections() -> Iterator[Section]:
    for name, row in KINDS.items():
        extra = (("kind", "text", "the table's name", f'`"{name}"` for this one'),)
        yield Section(f"`[sources.NAME]` of kind `{name}`", f"sources.{name}", row.load_conf(), _NAME, extra)
        if name == "freshdesk":
            yield Section("`[sources.NAME.documents]`", "sources.freshdesk.documents", Requests)
        if name == "rest":
            yield Section("`[sources.NAME.auth]`", "sources.rest.auth", AuthConf)
            yield Section("`[sources.NAME.paging]`", "sources.rest.paging", Paging)
            yield Section("`[sources.NAME.write.KIND]`", "sources.rest.write", WriteRule)
        if name in ("google_calendar", "graph_calendar"):
            yield Section("`[sources.NAME.calendars.CALENDAR]`", f"sources.{name}.calendars", CalendarOfVisits)
        if name == "ical":
            yield Section("`[sources.NAME.feeds.FEED]`", "sources.ical.feeds", Feed)
    yield Section("`[sources.NAME.writeback]`", "sources.rest.writeback", Writeback)
    yield Section("`[sources.NAME.hook]`", "sources.rest.hook", HookConf)


def _rule_sections() -> Iterator[Section]:
    common = frozenset(f.name for f in fields(RuleConf))
    yield Section("`[rules.*]`", "rules", RuleConf)
    yield Section("`[[rules.*.overrides]]`", "rules.overrides", Matcher)
    yield Section("`[rules.custom.NAME]`", "rules.custom", CustomConf, common)
    for name, rule in RULES.items():
        yield Section(f"`[rules.{name}]`", f"rules.{name}", rule.conf_class, common)
    yield Section("`[own_rules]`", "own_rules", OwnRules)
    yield Section("`[decision]`", "decision", DecisionConf)
    yield Section("`[repeats]`", "repeats", RepeatConf)
    yield Section("`[history]`", "history", Recording)


def settings_markdown() -> str:
    return "\n\n".join(section.markdown() for section in sections())


def rules_markdown() -> str:
    """The rules by what they look at."""
    found: dict[str, list[str]] = {}
    for rule in RULES.values():
        found.setdefault(rule.kind, []).append(f"`{rule.name}`")
    rows = [(looked_at, ", ".join(names)) for looked_at, names in found.items()]
    return table(("looks at", "rules"), *rows, ("Deskbell", ", ".join(f"`{name}`" for name in OWN_RULES)))


def rule_tables_markdown() -> str:
    """Each rule: what it sees, from when on how severe that is, its key, who is told and who may act."""
    tables = []
    for looked_at in dict.fromkeys(rule.kind for rule in RULES.values()):
        rows = [_rule_row(rule) for rule in RULES.values() if rule.kind == looked_at]
        heads = ("rule", "rings when", "default", "key", "told", "may act")
        tables.append(f"### Of {looked_at}s\n\n{table(heads, *rows)}")
    return "\n\n".join(tables)


def _rule_row(rule: Rule) -> tuple[str, ...]:
    conf = rule.conf_class()
    default = _thresholds(conf) if conf.enabled else f"off; {_thresholds(conf)}"
    return f"`{rule.name}`", _sees(rule), default, f"`{rule.key}`", rule.told, _may_act(rule.name)


def _may_act(rule: str) -> str:
    roles = roles_for(Verb.RESOLVE, rule)
    return "dispatch and support" if roles == ACTORS else ", ".join(role for role in Role if role in roles)


def letters_markdown() -> str:
    """What customers may be told, and what asks for it."""
    asked: dict[str, list[str]] = {name: [] for name in LETTERS}
    for rule, told in TOLD.items():
        for name in [told] if isinstance(told, str) else {"document_added": ["case_document"]}.get(rule, CASE_LETTERS):
            asked[name].append(f"`{rule}`")
    for name in VISIT_LETTERS:
        asked[name].append("a change of the visit")
    rows = ((f"`{name}`", kind.title, kind.of, ", ".join(asked[name])) for name, kind in LETTERS.items())
    return table(("notice", "what it tells", "about", "asked for by"), *rows)


def own_rules_markdown() -> str:
    """What Deskbell rings about itself, and who may act on it."""
    return table(("rule", "rings when", "may act"), *((f"`{n}`", when, _may_act(n)) for n, when in OWN_RULES.items()))


def _sees(rule: Rule) -> str:
    return (getdoc(rule.look) or rule.title).split("\n\n")[0]


_MINOR = frozenset(
    {
        "enabled",
        "shadow",
        "calendar",
        "overrides",
        "lasts",
        "length",
        "policy",
        "route",
        "recent",
        "tidying",
        "blind",
        "hands_over",
        "wait",
        "unnamed",
        "least",
        "from_level",
    }
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


def sources_markdown() -> str:
    """Every kind of source, as `deskbell catalogue sources` tells of it."""
    rows = [
        (f"`{s.name}`", f"[{s.title}]({s.docs})", ", ".join(s.records), ", ".join(s.auth), f"`{s.hook}`",
         "yes" if "write-back" in s.roles else "no")
        for s in sources()
    ]  # fmt: skip
    return table(("kind", "system", "gives", "logs in by", "hook", "is told back"), *rows)


def systems_markdown() -> str:
    """Every other system, as `deskbell catalogue` tells of it."""
    rows = [
        (f"[{s.title}]({s.docs})", f"`{s.name}`", " ".join(s.roles), s.auth, s.idempotency, s.acks, s.receipts)
        for s in systems()
    ]
    return table(("system", "kind", "roles", "logs in by", "a lost answer", "answered by", "receipts"), *rows)


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


def measured() -> Report:
    """The run of `deskbell bench --json` that the page of figures shows."""
    return Report.of_json(json.loads((ROOT / "benchmarks/results/bench.json").read_text()))


PARTS: Mapping[str, Callable[[], str]] = {
    "bench": lambda: markdown(measured()),
    "commands": commands_markdown,
    "rules": rules_markdown,
    "rule tables": rule_tables_markdown,
    "own rules": own_rules_markdown,
    "letters": letters_markdown,
    "cli": cli_markdown,
    "moves": moves_markdown,
    "faults": faults_markdown,
    "settings": settings_markdown,
    "sources": sources_markdown,
    "systems": systems_markdown,
}


def filled(text: str) -> str:
    """The page with every part as the code has it now."""
    for name, make in PARTS.items():
        if f"<!-- {name} -->" in text:
            part = f"<!-- {name} -->\n{make()}\n<!-- /{name} -->"
            text = re.sub(rf"<!-- {name} -->\n.*?<!-- /{name} -->", lambda _, part=part: part, text, flags=re.DOTALL)
    return text


WHOLE: Mapping[str, Callable[[], str]] = {
    "docs/performance.svg": lambda: svg(measured()),
    "docs/openapi.json": lambda: json.dumps(document(), indent=2) + "\n",
}


def due() -> dict[str, str]:
    """Every file that is written here, as it should be."""
    return {page: filled((ROOT / page).read_text()) for page in PAGES} | {name: draw() for name, draw in WHOLE.items()}


def stale() -> list[str]:
    return [name for name, text in due().items() if not (ROOT / name).exists() or (ROOT / name).read_text() != text]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, fail where a part is stale")
    old = stale()
    if parser.parse_args().check:
        sys.stdout.writelines(f"{page} is stale: run python docs/generate.py\n" for page in old)
        return 1 if old else 0
    written = due()
    for page in old:
        (ROOT / page).write_text(written[page])
        sys.stdout.write(f"{page} written\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
