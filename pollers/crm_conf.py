"""How an object of a CRM is described in the configuration, with what is known of the usual ones."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import ClassVar, Literal

from jmespath.exceptions import JMESPathError

from deskbell.net.egress import checked_base
from pollers.conf import Writeback
from pollers.cursor import OVERLAP
from pollers.rest_conf import mapping_problems
from pollers.rest_map import plan_of

_QUOTED = re.compile(r"'[^']*'|`[^`]*`|\"[^\"]*\"")
_PATH = re.compile(r"(?<![\w.])[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*(?!\w|\s*\()")


@dataclass(frozen=True, slots=True)
class Preset:
    """What a well-known object is like: its fields and words, which field assigns it, which values resolve it."""

    records: str
    fields: Mapping[str, str]
    status_map: Mapping[str, str] = field(default_factory=dict)
    priority_map: Mapping[str, str] = field(default_factory=dict)
    assignee_field: str = ""
    on_resolve: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Description:
    """An object as it is read and written: the preset, and what the configuration says before it."""

    name: str
    records: str
    fields: Mapping[str, str]
    status_map: Mapping[str, str]
    priority_map: Mapping[str, str]
    assignee_field: str
    on_resolve: Mapping[str, str]
    zone: str
    teams: Mapping[str, str]
    team: str
    web_url: str
    key_field: str

    @property
    def columns(self) -> list[str]:
        return list(dict.fromkeys((*columns_of(self.fields), *filter(None, (self.key_field,)))))


@dataclass(frozen=True, slots=True)
class CrmConf:
    """What all CRMs share. `fields` are JMESPath expressions on a row; one that is set to nothing is left out."""

    base_url: str
    name: str = "crm"
    title: str = "CRM"
    web_url: str = ""
    object: str = ""
    records: Literal["", "case", "account", "order", "invoice", "contract"] = ""
    fields: Mapping[str, str] = field(default_factory=dict)
    status_map: Mapping[str, str] = field(default_factory=dict)
    priority_map: Mapping[str, str] = field(default_factory=dict)
    assignee_field: str = ""
    on_resolve: Mapping[str, str] = field(default_factory=dict)
    key_field: str = ""  # where [channels.*] keeps the keys of alerts: a case that has one is ours, and rings nobody
    interval: timedelta = timedelta(seconds=60)
    overlap: timedelta = OVERLAP
    lookback: timedelta = timedelta(days=30)
    full_every: timedelta = timedelta(hours=24)
    page_size: int = 100
    max_pages: int = 20
    teams: Mapping[str, str] = field(default_factory=dict)
    team: str = ""
    zone: str = "UTC"
    allow_http: bool = False
    writeback: Writeback = field(default_factory=Writeback)

    PRESETS: ClassVar[Mapping[str, Preset]] = {}
    MOST_PER_PAGE: ClassVar[int] = 100

    def __post_init__(self) -> None:
        checked_base(self.base_url, allow_http=self.allow_http)
        for problem in self.problems():
            raise ValueError(problem)

    def problems(self) -> Iterator[str]:
        whole = self.described()
        if not whole.records:
            yield f"say which records {self.object!r} holds; without that, object is one of {', '.join(self.PRESETS)}"
            return
        yield from mapping_problems(whole)
        yield from (f"fields: {name} is missing" for name in ("id", "status", "updated_at") if name not in whole.fields)
        try:
            plan_of(whole)
        except JMESPathError as error:
            yield f"fields: {str(error).splitlines()[0]}"
        if re.fullmatch(r"\w*", self.key_field) is None:
            yield f"key_field: {self.key_field!r} can be no field's name"
        if not 1 <= self.page_size <= self.MOST_PER_PAGE:
            yield f"page_size must be from 1 to {self.MOST_PER_PAGE}"

    def described(self) -> Description:
        preset = self.PRESETS.get(self.object)
        if preset is None or (self.records and self.records != preset.records):
            preset = Preset(self.records, {})
        return Description(
            name=self.name,
            records=preset.records,
            fields={name: text for name, text in {**preset.fields, **self.fields}.items() if text},
            status_map={**preset.status_map, **self.status_map},
            priority_map={**preset.priority_map, **self.priority_map},
            assignee_field=self.assignee_field or preset.assignee_field,
            on_resolve=self.on_resolve or preset.on_resolve,
            zone=self.zone,
            teams=self.teams,
            team=self.team,
            web_url=self.web_url or self.page_of_record(),
            key_field=self.key_field if preset.records == "case" else "",
        )

    def page_of_record(self) -> str:
        """Where people find a record: an address with {id} in it, or nothing."""
        return ""


def columns_of(expressions: Mapping[str, str]) -> list[str]:
    """The vendor's own names (dotted paths) that the expressions read, each once."""
    return list(dict.fromkeys(path for text in expressions.values() for path in _PATH.findall(_QUOTED.sub(" ", text))))
