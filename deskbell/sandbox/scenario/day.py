"""The day as data. Seconds count from the moment Deskbell first reads; the times make the default rules fire.

A technician is late 15 min after the start without a check-in; not on the way 40 min before it without travelling;
running over 15 min after the end; an SLA is near when a quarter of its time or an hour is left (the tickets below are
cut so that both come together); an urgent case without an owner rings after 5 min, one nobody touched after 4 h.

No minute has more than about five alerts in one room: with what people do about them, a Telegram group bears no more,
where a bot may speak and edit 20 times a minute.
"""

from dataclasses import dataclass, field
from typing import Any

from deskbell.sandbox.scenario import sites
from deskbell.sandbox.scenario.sites import Site

MIN = 60
HOUR = 60 * MIN
LATE, NOT_EN_ROUTE = 15 * MIN, 40 * MIN
SLA_NEAR, URGENT_UNASSIGNED, URGENT_INACTIVE = 60 * MIN, 5 * MIN, 4 * HOUR
MARCO, LENA, TOMAS, PRIYA, JONAS, AISHA, VICTOR = range(1, 8)
ANA, BEN, CARLA = 1001, 1002, 1003
MANAGERS = {"Gold": "Carla Weiss", "Silver": "Ben Okafor", "Basic": "Ben Okafor"}  # of accounts, by plan


@dataclass(frozen=True, slots=True)
class Visit:
    """`start` in seconds from now; `rings` is (rule, second) when the day wants it noticed."""

    number: int
    technician: int | None
    start: float
    minutes: float
    status: str
    site: Site
    work: str
    priority: str = "normal"
    rings: tuple[str, float] | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """A Freshdesk ticket; ages and due times in seconds from now."""

    number: int
    subject: str
    priority: int
    agent: int | None
    created: float
    updated: float
    due: float
    who: tuple[str, str]
    status: int = 2
    rings: tuple[str, float] | None = None
    fields: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Incident:
    number: str
    text: str
    priority: str
    who: str
    opened: float
    updated: float
    sla: float | None = None
    state: str = "2"
    rings: tuple[str, float] | None = None


@dataclass(frozen=True, slots=True)
class Customer:
    """An account in the billing system: `invoices` are (number, total, days until due), `contract` is (number, what it
    covers, days until it ends)."""

    number: int
    site: Site
    plan: str
    invoices: tuple[tuple[int, str, int], ...]
    contract: tuple[int, str, int]


@dataclass(frozen=True, slots=True)
class Event:
    """At that second `verb` happens to `subject`; `rings` names the rule that must notice, if one must."""

    second: float
    verb: str
    subject: str
    args: dict[str, Any] = field(default_factory=dict)
    rings: str = ""


VISITS = (
    # the morning
    Visit(4726, MARCO, -200 * MIN, 90, "completed", sites.KRANZ, "4,000 h service"),
    Visit(4727, LENA, -190 * MIN, 100, "completed", sites.COLORA, "Dryer shows high dew point"),
    Visit(4723, TOMAS, -180 * MIN, 100, "completed", sites.GLASER, "Belt drive noisy"),
    Visit(4732, JONAS, -170 * MIN, 120, "completed", sites.HOLZ, "Leak survey"),
    Visit(4724, AISHA, -175 * MIN, 120, "completed", sites.JUTE, "Oil and separator change"),
    # now, and not all of it well
    Visit(4711, MARCO, -LATE + 8, 90, "en_route", sites.ALDER, "Filling line down, air-end blocked", "high",
          rings=("technician_late", 8)),
    Visit(4714, PRIYA, -150 * MIN, 150 - 15 + 22 / 60, "on_site", sites.BRANDT, "Inverter fault, big machine", "high",
          rings=("running_over", 22)),
    Visit(4715, JONAS, NOT_EN_ROUTE + 96, 80, "scheduled", sites.LIMES, "Mill 3: pressure drops under load",
          rings=("not_en_route", 96)),
    Visit(4716, None, 120 * MIN + 40, 60, "scheduled", sites.FALKEN, "Medical air: changeover valve sticks", "urgent",
          rings=("unassigned_near_start", 40)),
    Visit(4729, AISHA, -LATE + 150, 60, "en_route", sites.EBER, "Bottling: condensate in the line",
          rings=("technician_late", 150)),
    Visit(4730, VICTOR, -LATE + 140, 75, "en_route", sites.IMMO, "40 bar booster: relief valve blows",
          rings=("technician_late", 140)),
    Visit(4718, VICTOR, -75 * MIN, 62, "on_site", sites.DELTA, "Oil-free stage: annual check"),
    Visit(4712, LENA, -60 * MIN, 75, "on_site", sites.KRANZ, "Pressure sensor replacement"),
    Visit(4731, TOMAS, -40 * MIN, 90, "on_site", sites.COLORA, "Condensate drain blocked"),
    # later today
    Visit(4713, TOMAS, 135 * MIN, 90, "scheduled", sites.DELTA, "Replace suction regulator"),
    Visit(4722, TOMAS, 100 * MIN, 30, "scheduled", sites.GLASER, "Hand over spare parts"),
    Visit(4719, LENA, 95 * MIN, 90, "scheduled", sites.ALDER, "Leak survey, hall B"),
    Visit(4721, PRIYA, 80 * MIN, 75, "scheduled", sites.JUTE, "Loom hall: air quality sample"),
    Visit(4728, PRIYA, 172 * MIN, 80, "scheduled", sites.HOLZ, "Saw line: 4,000 h service"),
    Visit(4733, JONAS, 150 * MIN, 70, "scheduled", sites.BRANDT, "Leak survey, rolling mill"),
    Visit(4720, MARCO, 150 * MIN, 90, "scheduled", sites.EBER, "Vessel check with the inspector"),
    Visit(4725, VICTOR, 125 * MIN, 75, "scheduled", sites.LIMES, "Fit new air filter housing"),
    Visit(4717, AISHA, 290 * MIN, 90, "scheduled", sites.IMMO, "Booster: 8,000 h overhaul, part 1"),
)  # fmt: skip

CASES = (
    Case(20411, "Compressor 2 trips on heat, line 2 stands", 4, ANA, -3 * HOUR + 18, -30 * MIN, SLA_NEAR + 18,
         ("Holger Wendt", "wendt@alder-dairy.example"), rings=("sla_approaching", 18)),
    Case(20412, "URGENT: no medical air pressure on ward 3", 4, None, -URGENT_UNASSIGNED + 26, -URGENT_UNASSIGNED + 26,
         30 * HOUR, ("Dr. Ines Falk", "falk@falkensee-clinic.example"), rings=("case_unassigned", 26)),
    Case(20413, "Third breakdown this month, I want to speak to the manager", 3, BEN, -3 * HOUR, -40 * MIN, 48 * HOUR,
         ("Rolf Brandt", "brandt@brandt-steel.example")),
    Case(20414, "Booster blows off at 42 bar, production at half speed", 4, CARLA, -250 * MIN, -URGENT_INACTIVE + 134,
         72 * HOUR, ("Mia Imhof", "imhof@imhof-plastics.example"), rings=("case_inactive", 134)),
    Case(20415, "Loaner compressor promised for today?", 3, ANA, -4 * HOUR, -50 * MIN, 60,
         ("Tom Jute", "tom@jute-textiles.example"), rings=("sla_approaching", 0)),
    Case(20416, "Quote for a second dryer", 2, BEN, -5 * HOUR, -2 * HOUR, 90 * HOUR,
         ("Sara Colora", "sara@colora-print.example"), status=3),
    Case(20417, "Invoice shows the wrong site", 1, CARLA, -6 * HOUR, -3 * HOUR, 120 * HOUR,
         ("Paul Kranz", "paul@kranz-bakery.example")),
    Case(20418, "Thanks, the machine runs again", 1, BEN, -26 * HOUR, -4 * HOUR, 100 * HOUR,
         ("Eva Limes", "eva@limes-cement.example"), status=4),
)  # fmt: skip

INCIDENTS = (
    Incident("INC0010001", "Dispatch tablets lose the VPN", "2", "Ben Okafor", -3 * HOUR + 70, -35 * MIN, SLA_NEAR + 70,
             rings=("sla_approaching", 70)),
    Incident("INC0010002", "Remote monitoring gateway offline: 14 compressors blind", "1", "", -URGENT_UNASSIGNED + 48,
             -URGENT_UNASSIGNED + 48, 40 * HOUR, state="1", rings=("case_unassigned", 48)),
    Incident("INC0010003", "Spare parts catalogue shows no prices", "3", "Carla Weiss", -3 * HOUR, -55 * MIN),
    Incident("INC0010004", "Brandt Steel: controller firmware rejects setpoints", "1", "Ana Ruiz", -280 * MIN,
             -URGENT_INACTIVE + 150, 90 * HOUR, rings=("case_inactive", 150)),
    Incident("INC0010005", "Service van 7: tracker reports wrong place", "2", "Lena Hoffmann", -5 * HOUR, -70 * MIN, 95,
             rings=("sla_approaching", 0)),
    Incident("INC0010006", "New phone for the night shift", "4", "Priya Nair", -20 * HOUR, -3 * HOUR, state="3"),
)  # fmt: skip

# No due day and no end is one on which a rule has its say: what rings is in the timeline alone.
CUSTOMERS = (
    Customer(1001, sites.ALDER, "Gold", ((3101, "1860.00", 9),), (701, "Full service, 3 compressors", 212)),
    Customer(1002, sites.BRANDT, "Gold", ((3102, "7420.50", 12),), (702, "Full service, rolling mill", 318)),
    Customer(1003, sites.COLORA, "Silver", ((3103, "684.00", -3),), (703, "Inspection, twice a year", 88)),
    Customer(1004, sites.DELTA, "Gold", ((3104, "2310.00", 5),), (704, "Full service, oil-free", 143)),
    Customer(1005, sites.EBER, "Silver", ((3105, "930.00", 11),), (705, "Inspection and spare parts", 21)),
    Customer(1006, sites.FALKEN, "Gold", ((3106, "1475.00", 8),), (706, "Medical air, 24 hours", 402)),
    Customer(1007, sites.GLASER, "Basic", ((3107, "212.80", -5),), (707, "Annual inspection", 96)),
    Customer(1008, sites.HOLZ, "Basic", ((3108, "420.00", 4),), (708, "Annual inspection", 51)),
    Customer(1009, sites.IMMO, "Gold", ((3109, "5140.00", 10),), (709, "High pressure, full service", 267)),
    Customer(1010, sites.JUTE, "Silver", ((3110, "1190.00", -20), (3112, "640.00", -9)), (710, "Inspection", 134)),
    Customer(1011, sites.KRANZ, "Basic", ((3111, "318.40", 2),), (711, "Annual inspection", 75)),
    Customer(1012, sites.LIMES, "Gold", ((3113, "8805.00", 13),), (712, "Full service, mill 1 to 3", 188)),
)  # fmt: skip

TIMELINE = (
    Event(10, "cancel", "J-4713", {"reason": "Line restarted by own staff, visit not needed"}, "cancelled_by_customer"),
    Event(14, "payment_fails", "INV-3103", {"reason": "Card declined by the bank"}, "payment_failed"),
    Event(18, "job_note", "J-4731", {"text": "Drain cleaned, testing"}),
    Event(34, "suspend", "A-1010", {"reason": "Two invoices unpaid, no answer to three letters"}, "account_suspended"),
    Event(45, "complete", "J-4712"),
    Event(48, "close", "A-1008", {"reason": "Saw line sold, ends its service"}, "account_closed"),
    Event(62, "pay", "INV-3103"),
    Event(68, "no_show", "J-4718", rings="status_no_show"),
    Event(70, "mail", "", {"subject": "Dryer alarm on the paint line, what to do?", "priority": 3}),
    Event(74, "lapse", "C-705", rings="contract_expired"),
    Event(75, "check_in", "J-4711"),
    Event(84, "postpone", "J-4717", {"seconds": 86_400}, "reschedule_short_notice"),
    Event(86, "reply", "20417", {"text": "Corrected invoice is on its way."}),
    Event(92, "payment_fails", "INV-3111", {"reason": "Direct debit returned, no funds"}, "payment_failed"),
    Event(108, "escalate_incident", "INC0010003", rings="case_escalated"),
    Event(112, "take_case", "20412", {"agent": BEN}),
    Event(116, "unassign", "J-4722", rings="unassigned_near_start"),
    Event(120, "escalate_case", "20413", rings="case_escalated"),
    Event(128, "travel", "J-4715"),
    Event(130, "cancel", "J-4728", {"reason": "No power on site, switchboard fire"}, "cancelled_by_customer"),
    Event(132, "solve_case", "20411"),
    Event(136, "lift", "A-1010"),
    Event(138, "take_incident", "INC0010002", {"who": "Ben Okafor"}),
    Event(152, "complete", "J-4714"),
    Event(154, "renew", "C-705"),
    Event(158, "solve_case", "20415"),
    Event(166, "assign", "J-4716", {"technician": LENA}),
    Event(170, "pay", "INV-3111"),
    Event(172, "check_in", "J-4730"),
    Event(174, "check_in", "J-4729"),
    Event(178, "assign", "J-4722", {"technician": TOMAS}),
)
