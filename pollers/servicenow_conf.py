"""How one table of a ServiceNow instance is read, and what its rows do not say themselves."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from deskbell.core.records import STATUSES, Happening, Sla
from deskbell.net.auth import Auth, Basic, ClientCredentials, HeaderKey
from deskbell.net.egress import checked_base
from deskbell.vendors import servicenow as vendor
from pollers.conf import Writeback
from pollers.cursor import OVERLAP
from pollers.happenings import Requests
from pollers.rows import line
from pollers.servicenow_tables import CASE_NAMES, TASK, VISIT_NAMES, Table, table_of


@dataclass(frozen=True, slots=True)
class ServiceNowConf:
    """Who we are: `user` and `password`, or `client_id` and `client_secret` (OAuth), or `api_key`.

    A source reads one `table`: incident, sn_customerservice_case or sc_task (as cases), wm_task (as visits), or one
    built like incident. `query` narrows what is read: conditions joined by ^, like
    `assignment_groupIN<sys_id>,<sys_id>`. `user` is also how our own changes are told from others'. Give that user the
    time zone GMT and read access to every row of the query.
    """

    base_url: str
    user: str = ""
    password: str = field(default="", repr=False)
    client_id: str = ""
    client_secret: str = field(default="", repr=False)
    api_key: str = field(default="", repr=False)
    name: str = "servicenow"
    title: str = "ServiceNow"
    web_url: str = ""
    table: str = "incident"
    query: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)  # our names -> columns, where they are called otherwise
    interval: timedelta = timedelta(seconds=30)
    overlap: timedelta = OVERLAP
    lookback: timedelta = timedelta(days=7)
    full_every: timedelta = timedelta(hours=6)
    page_size: int = 200
    max_pages: int = 20
    slas: bool = True
    journal: bool = True  # work notes and comments are read from sys_journal_field
    journal_within: timedelta = timedelta(days=30)  # those that are not older
    attachments: bool = True  # files are read from sys_attachment, by their names
    deletions: bool = True  # what was deleted is read from sys_audit_delete
    documents: Requests = field(default_factory=Requests)
    language: str = "en"  # of the labels that states are known by
    escalated_from: int = 2  # of 1 Moderate, 2 High, 3 Overdue
    resolve_state: str = ""
    close_code: str = ""
    status_map: Mapping[str, str] = field(default_factory=dict)
    teams: Mapping[str, str] = field(default_factory=dict)
    team: str = ""
    zone: str = "UTC"
    allow_http: bool = False
    writeback: Writeback = field(default_factory=Writeback)

    def __post_init__(self) -> None:
        checked_base(self.base_url, allow_http=self.allow_http)
        vendor.terms(self.query)
        if not vendor.is_name(self.table):
            raise ValueError(f"table: {self.table!r} is no name of a table")
        if not ((self.user and self.password) or (self.client_id and self.client_secret) or self.api_key):
            raise ValueError("give user and password, or client_id and client_secret, or api_key")
        kind = "visit" if self.kind.visits else "case"
        names, words = (VISIT_NAMES if self.kind.visits else CASE_NAMES), set(STATUSES[kind])
        for ours, column in self.columns.items():
            if ours not in names or not (column == "" or vendor.is_name(column)):
                raise ValueError(f"columns: {ours}: one of {', '.join(sorted(names))}, and the name of a column")
        for word, status in self.status_map.items():
            if status not in words:
                raise ValueError(f"status_map: {word}: {status} is none of {', '.join(sorted(words))}")

    @property
    def kind(self) -> Table:
        return table_of(self.table)

    @property
    def named(self) -> Mapping[str, str]:
        """Our names -> columns."""
        return {ours: column for ours, column in {**self.kind.columns, **self.columns}.items() if column}

    @property
    def asked(self) -> str:
        """Every column that is asked for."""
        filtered = (term.column for term in vendor.terms(self.query))
        return ",".join(dict.fromkeys((*TASK, *self.kind.more, *self.named.values(), *filtered)))


def auth_of(conf: ServiceNowConf) -> Auth:
    if conf.client_id:
        url = conf.base_url.rstrip("/") + vendor.TOKENS
        return ClientCredentials(url, conf.client_id, conf.client_secret)
    return HeaderKey("x-sn-apikey", conf.api_key) if conf.api_key else Basic(conf.user, conf.password)


def always_others(_record_id: str, changed_at: datetime, *, ours: bool | None = None) -> datetime:  # noqa: ARG001
    return changed_at


@dataclass(frozen=True, slots=True)
class Book:
    """What a row does not say itself: names, labels, service clocks, what was added, and whether its last change was
    ours."""

    users: Mapping[str, str] = field(default_factory=dict)
    groups: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    slas: Mapping[str, tuple[Sla, ...]] = field(default_factory=dict)
    told: Mapping[str, tuple[Happening, ...]] = field(default_factory=dict)
    activity: Callable[..., datetime] = always_others


def label_of(row: Mapping[str, Any], conf: ServiceNowConf, book: Book) -> str:
    """What people call the row's state: the instance's own word, else the usual one of that code, else the code."""
    code = line(row.get("state"), 50)
    return line(book.labels.get(code), 100) or conf.kind.codes.get(code, code)


def status_of(row: Mapping[str, Any], conf: ServiceNowConf, book: Book) -> str:
    """What its state is here: by the configuration, by its label, else by its code; and the hold of an incident."""
    code, label = line(row.get("state"), 50), label_of(row, conf, book).lower()
    ours = {key.lower(): value for key, value in conf.status_map.items()}
    if mapped := ours.get(code) or ours.get(label):
        return mapped
    on_hold = code == vendor.ON_HOLD and line(row.get("hold_reason"), 10) == vendor.AWAITING_CALLER
    if on_hold and "hold_reason" in conf.kind.more:
        return "waiting"
    usual = conf.kind.codes.get(code, "").lower()
    return conf.kind.words.get(label) or conf.kind.words.get(usual) or conf.kind.unknown


def by_us(row: Mapping[str, Any], conf: ServiceNowConf) -> bool | None:
    by = line(row.get("sys_updated_by"), 100)
    return by == conf.user if conf.user and by else None
