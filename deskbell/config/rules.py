"""[rules]: what is set for each rule, for some records only, and the rules that the configuration makes itself."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import fields, replace
from typing import Any

from deskbell.config.custom import Unusable, compiled
from deskbell.config.sense import SourceSetting
from deskbell.config.strict import Reading, unknown
from deskbell.core.rules import RULES, Matcher, Override, Rule, RuleConf
from deskbell.core.rules.custom import CustomConf, custom_rule
from deskbell.core.rules.timing import NotEnRouteConf

_NAME = re.compile(r"[a-z][a-z0-9_]{0,40}")


def read_rules(
    reading: Reading, data: object, sources: Mapping[str, SourceSetting]
) -> tuple[dict[str, RuleConf], dict[str, Rule]]:
    """What is set for each rule, and the rules that only the configuration knows."""
    given = dict(tables(reading, data, "rules"))
    confs, own = _custom(reading, given.pop("custom", {}))
    for name in given:
        if name not in RULES:
            reading.wrong(f"rules.{name}", unknown(name, RULES).replace("setting", "rule"))
    made = {n: _rule(reading, rule.conf_class, given.get(n, {}), f"rules.{n}") for n, rule in RULES.items()}
    known = {name: conf for name, conf in made.items() if conf is not None}
    return _seeing(known, sources) | confs, own


def tables(reading: Reading, data: object, section: str) -> Iterable[tuple[str, Any]]:
    """The tables of a section, by name."""
    if not isinstance(data, Mapping):
        reading.wrong(section, f"must be tables, like [{section}.name]")
        return ()
    return data.items()


def _custom(reading: Reading, data: object) -> tuple[dict[str, RuleConf], dict[str, Rule]]:
    confs: dict[str, RuleConf] = {}
    rules: dict[str, Rule] = {}
    for name, table in tables(reading, data, "rules.custom"):
        where = f"rules.custom.{name}"
        if not _NAME.fullmatch(name):
            reading.wrong(where, "is no name; use small letters, digits and _")
            continue
        conf = _rule(reading, CustomConf, table, where)
        if not isinstance(conf, CustomConf):
            continue
        try:
            rule = custom_rule(name, conf, compiled(conf))
        except Unusable as error:
            reading.wrong(where, str(error))
            continue
        confs[rule.name], rules[rule.name] = conf, rule
    return confs, rules


def _rule(reading: Reading, cls: type[RuleConf], table: object, where: str) -> RuleConf | None:
    """A rule with its overrides: each is the rule's own table with a few other values."""
    if not isinstance(table, Mapping) or "overrides" not in table:
        return reading.table(cls, table, where, overrides=())
    given = table["overrides"]
    base = {key: value for key, value in table.items() if key != "overrides"}
    conf = reading.table(cls, base, where, overrides=())
    if not isinstance(given, list):
        reading.wrong(f"{where}.overrides", f"must be a list of tables, each begun with [[{where}.overrides]]")
        return None
    made = [_override(reading, cls, base, one, f"{where}.overrides[{i}]") for i, one in enumerate(given)]
    return replace(conf, overrides=tuple(filter(None, made))) if conf is not None else None


_MATCHERS = frozenset(f.name for f in fields(Matcher))


def _override(
    reading: Reading, cls: type[RuleConf], base: Mapping[str, Any], table: object, where: str
) -> Override | None:
    if not isinstance(table, Mapping):
        reading.wrong(where, "must be a table")
        return None
    known = _MATCHERS | {f.name for f in fields(cls)} - {"overrides"}
    if strange := [key for key in table if key not in known]:
        for key in strange:
            reading.wrong(f"{where}.{key}", unknown(key, known))
        return None
    when = reading.table(Matcher, {key: value for key, value in table.items() if key in _MATCHERS}, where)
    values = {key: value for key, value in table.items() if key not in _MATCHERS}
    if not set(table) & _MATCHERS:
        reading.wrong(where, f"fits every record; name one or more of: {', '.join(sorted(_MATCHERS))}")
    if "route" in values:
        reading.wrong(f"{where}.route", "can't differ by record here; [[routes]] choose by team, source and severity")
    conf = reading.table(cls, {**base, **values}, where, overrides=())
    return Override(when, conf) if when is not None and conf is not None else None


def _seeing(rules: dict[str, RuleConf], sources: Mapping[str, SourceSetting]) -> dict[str, RuleConf]:
    """A schedule that never tells when a technician sets out must not have everybody rung for not setting out."""
    conf = rules.get("not_en_route")
    if not isinstance(conf, NotEnRouteConf):
        return rules
    blind = [name for name, setting in sources.items() if _tells_no_travel(setting.conf)]
    return {**rules, "not_en_route": replace(conf, blind=tuple(dict.fromkeys((*conf.blind, *blind))))}


def _tells_no_travel(conf: Any) -> bool:
    mapped = getattr(conf, "fields", None)
    if not isinstance(mapped, Mapping):
        return not getattr(conf, "tells_travel", True)
    return "travel_started_at" not in mapped and "en_route" not in conf.status_map.values()
