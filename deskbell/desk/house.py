"""The house rules, fixed at start: who works here, which rules look, where alerts go. Config builds them."""

import hmac
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta

from deskbell.core.access import Person
from deskbell.core.calendar import Calendar
from deskbell.core.customer import Customer, Medium
from deskbell.core.decision import DecisionConf
from deskbell.core.history import Recording
from deskbell.core.letters import CustomersConf
from deskbell.core.policy import Policy
from deskbell.core.ports import CUSTOMERS, Destination
from deskbell.core.rota import Rota
from deskbell.core.route import OTHER, Route
from deskbell.core.rules import RULES, Rule, RuleConf
from deskbell.core.rules.repeats import RepeatConf
from deskbell.core.silence import Window
from deskbell.faces.letter import Letters
from deskbell.faces.wording import Wording


@dataclass(frozen=True, slots=True)
class SourceFacts:
    """What the desk must know of a source without calling it."""

    title: str
    interval: timedelta
    writes: bool = False  # whether it is told what people do
    resolves: bool = False  # whether Resolve also resolves the record there, or only leaves a note


@dataclass(frozen=True, slots=True)
class OwnRules:
    """When Deskbell rings about itself, beside what each alert's own rule says."""

    storm: int = 10  # cards of one rule in one team within `storm_within`: from here on they are listed under one card
    storm_within: timedelta = timedelta(minutes=5)
    group_wait: timedelta = timedelta(seconds=20)  # the second of a kind and all after it wait so long; a P1 never
    silence_alone: timedelta = timedelta(hours=4)  # a longer silence needs a second person
    second_person: bool = True  # whether all of a storm can be resolved only by two
    second_person_within: timedelta = timedelta(minutes=15)  # so long somebody else may agree
    flaps: int = 3  # so often within `flaps_within` may the same thing come; then it is held, and told once
    flaps_within: timedelta = timedelta(hours=1)
    skew: timedelta = timedelta(seconds=30)  # a source's clock and ours may differ by so much
    limited_after: timedelta = timedelta(minutes=5)  # so long a source may slow us down before that is told
    gap_ahead: timedelta = timedelta(hours=72)  # a gap in a rota is told so long before
    reach_ahead: timedelta = timedelta(hours=24)  # who is on duty by then has to have a channel
    prove_ahead: timedelta = timedelta(hours=12)  # so long before a shift each way to its person is tried; 0: never
    ack_stale: timedelta = timedelta(hours=4)  # acknowledged, nothing happened since: open again; at 3/4 a reminder
    ack_stale_p1: timedelta = timedelta(hours=1)
    detection_goal: timedelta = timedelta(minutes=2)  # from what happens in a source to its first card; of 95 in 100
    detection_goals: Mapping[str, timedelta] = field(default_factory=dict)  # others, by source


PAGE = "/c/"


def page_token(secret: bytes, customer: Customer) -> str:
    """Names the customer, and is worthless once they were erased."""
    named = f"{customer.id:x}.{customer.mark}"
    mac = hmac.digest(secret, f"a customer's page:{named}".encode(), "sha256")
    return f"{named}.{urlsafe_b64encode(mac[:16]).decode().rstrip('=')}"


@dataclass(frozen=True, slots=True)
class House:
    secret: bytes = field(repr=False)  # signs the tokens of buttons
    people: Mapping[str, Person] = field(default_factory=dict)
    rules: Mapping[str, RuleConf] = field(default_factory=dict)
    own: OwnRules = field(default_factory=OwnRules)
    repeats: RepeatConf = field(default_factory=RepeatConf)
    decision: DecisionConf = field(default_factory=DecisionConf)
    recording: Recording = field(default_factory=Recording)
    calendar: Calendar = field(default_factory=Calendar)
    calendars: Mapping[str, Calendar] = field(default_factory=dict)
    custom: Mapping[str, Rule] = field(default_factory=dict)  # rules that only the configuration knows
    policies: Mapping[str, Policy] = field(default_factory=dict)
    rotas: Mapping[str, Rota] = field(default_factory=dict)
    routes: tuple[Route, ...] = ()
    maintenance: tuple[Window, ...] = ()
    destinations: Mapping[str, Destination] = field(default_factory=dict)
    records: Mapping[str, str] = field(default_factory=dict)  # destinations that keep records: their systems' titles
    silent: frozenset[str] = frozenset()  # those of them that ring nobody: they only keep records
    sources: Mapping[str, SourceFacts] = field(default_factory=dict)
    titles: Mapping[str, str] = field(default_factory=dict)  # of [channels], by name: what people call the system
    answers: Mapping[str, frozenset[str]] = field(default_factory=dict)  # what people may do by writing back there
    sirens: frozenset[str] = frozenset()  # those of them whose messages ring on until somebody stops them
    receipted: frozenset[str] = frozenset()  # those of them that say when a message has arrived
    delivered_within: timedelta = timedelta(minutes=3)  # what is P1 and not there by then goes another way as well
    public_url: str = ""  # where people's browsers reach us; empty: nowhere
    observe: bool = False
    hides_customers: bool = False  # rooms don't see who the customer is; Reveal tells one person, and the audit
    backfill: timedelta = timedelta(hours=2)
    stale_after: int = 3  # missed intervals
    command: str = "/desk"
    zone: str = "UTC"
    summary_at: time = time(8)
    digest: bool = True  # once a day, what made no card, in each room
    words: Wording = field(default_factory=Wording)
    restored_at: datetime | None = (
        None  # the database went back to a backup then: what opens soon after may be a repeat
    )
    customers: CustomersConf | None = None  # None: they are told nothing
    own_letters: Letters | None = None
    version: str = ""  # a hash of what rules say, so that a changed rule is looked at anew

    def rule(self, name: str) -> Rule | None:
        """The row of a rule about records; None for what Deskbell rings about itself, or by hand."""
        return RULES.get(name) or self.custom.get(name)

    def kind(self, rule: str) -> str:
        """The kind of records that a rule looks at, OTHER where it looks at none."""
        row = self.rule(rule)
        return row.kind if row else OTHER

    @property
    def bells(self) -> tuple[str, ...]:
        """The destinations that ring somebody."""
        return tuple(name for name in self.destinations if name not in self.silent)

    def customer_platform(self, lane: str) -> str:
        """The channel behind one of CUSTOMERS' lanes."""
        by = {CUSTOMERS + medium: name for medium, name in self.customers.channels.items()} if self.customers else {}
        return by.get(lane, "")

    def customer_media(self, channel: str) -> tuple[Medium, ...]:
        """What customers are told by this channel, or by another one of the same vendor."""
        if self.customers is None:
            return ()
        title = self.titles.get(channel)
        return tuple(
            medium
            for medium, name in self.customers.channels.items()
            if name == channel or (title and self.titles.get(name) == title)
        )

    @property
    def letters(self) -> Letters:
        """Only where there are customers to be told."""
        if self.own_letters is None:
            raise LookupError("there is no section [customers] in the configuration")
        return self.own_letters

    def customer_page(self, customer: Customer | None) -> str:
        """The address of a customer's own page; nothing where their browser can't reach us."""
        if customer is None or not self.public_url:
            return ""
        return f"{self.public_url.rstrip('/')}{PAGE}{page_token(self.secret, customer)}"

    def source_title(self, name: str) -> str:
        return self.sources[name].title if name in self.sources else name
