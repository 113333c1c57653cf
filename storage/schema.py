"""The tables. Their comments carry the state machines, and their partial unique indexes the rules.

Times are microseconds since 1970 in UTC (codec.py alone converts), data is JSON in text columns. Whatever a tick asks
for has a partial index that holds only what is due, so that a tick costs what is due and not what is stored.
"""

import sqlalchemy as sa

# The revisions of storage/migrations, oldest first; the code speaks the last one.
REVISIONS = ("0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008", "0009", "0010", "0011")

METADATA = sa.MetaData()

# Predicates of partial indexes. A query must repeat the text as it stands, or the index is not used.
STANDING = "status <> 'resolved' OR condition"
LIVE = "status <> 'resolved'"
OPEN = "NOT done"
DUE = "due_at IS NOT NULL"
CHILD = "parent > 0"
LASTING = "ended_at IS NULL"
CURRENT = "state <> 'retired'"
UNDONE = "done_at IS NULL"
UNDELIVERED = "rank < 3"


def _time(name: str, *, null: bool = True, comment: str | None = None) -> "sa.Column[int]":
    return sa.Column(name, sa.BigInteger, nullable=null, comment=comment)


def _text(name: str, *, comment: str | None = None) -> "sa.Column[str]":
    return sa.Column(name, sa.Text, nullable=False, server_default="", comment=comment)


def _count(name: str, default: int = 0, *, comment: str | None = None) -> "sa.Column[int]":
    return sa.Column(name, sa.Integer, nullable=False, server_default=sa.text(str(default)), comment=comment)


def _flag(name: str, *, comment: str | None = None) -> "sa.Column[bool]":
    return sa.Column(name, sa.Boolean, nullable=False, comment=comment)


def _serial(name: str = "id", *, by_us: bool = False, comment: str | None = None) -> "sa.Column[int]":
    # to SQLite only INTEGER is the row's own number; 4 bytes, as it means elsewhere, would not last
    kind = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    return sa.Column(name, kind, primary_key=True, autoincrement=not by_us, comment=comment)


def _partial(name: str, *columns: str, where: str, unique: bool = False) -> sa.Index:
    return sa.Index(name, *columns, unique=unique, sqlite_where=sa.text(where), postgresql_where=sa.text(where))


SOURCES = sa.Table(
    "sources",
    METADATA,
    sa.Column("name", sa.Text, primary_key=True),
    _text("cursor", comment="JSON; committed with the records it stands behind"),
    _flag("baseline", comment="true until the first sweep is complete: history does not ring"),
    _text("rules_hash"),
    _time("last_ok_at"),
    _time("failing_since"),
    _count("failures"),
    _text("error"),
    sa.Column("skew_s", sa.Float, nullable=False, server_default=sa.text("0")),
)

RECORDS = sa.Table(
    "records",
    METADATA,
    sa.Column("source", sa.Text, primary_key=True),
    sa.Column("record_id", sa.Text, primary_key=True),
    _text("kind", comment="core.records.KINDS"),
    _text("number_key", comment="the number as people type it, case folded"),
    _text("id_key", comment="the id, case folded"),
    _text("loose_key", comment="the number without punctuation and leading zeros: INC0004711 is inc4711"),
    _text("digits", comment="the number's last digits without leading zeros: J-4711 is 4711"),
    _text("fingerprint"),
    _text("data", comment="the whole record, JSON"),
    _time("seen_at", null=False),
    _time("due_at", comment="when a rule must look again though nothing changed"),
    _flag("done", comment="it is over in its source, so that a snapshot need not show it any more"),
    sa.Index("records_by_number", "number_key"),
    sa.Index("records_by_id", "id_key"),
    sa.Index("records_by_loose", "loose_key"),
    sa.Index("records_by_digits", "digits"),
    _partial("records_due", "due_at", where=DUE),
    _partial("records_live", "source", where=OPEN),
)

TIES = sa.Table(
    "ties",
    METADATA,
    sa.Column("tie", sa.Text, primary_key=True, comment="what several records share: core.ties says what"),
    sa.Column("source", sa.Text, primary_key=True),
    sa.Column("record_id", sa.Text, primary_key=True),
    sa.Index("ties_by_record", "source", "record_id"),
    comment="Of records that are not over in their source.",
)

HISTORY = sa.Table(
    "history",
    METADATA,
    _serial(),
    _text("source"),
    _text("record_id"),
    _text("kind"),
    _time("seen_at", null=False),
    _time("until", null=False),
    _text("ended", comment="how: read | ours (what we wrote there ourselves) | gone"),
    _text("data", comment="the record, JSON, masked: core.records.masked"),
    comment="What a record was from seen_at until it became another. What it is now stands in records.",
)

DETECTIONS = sa.Table(
    "detections",
    METADATA,
    sa.Column("alert_id", sa.BigInteger, sa.ForeignKey("alerts.id"), primary_key=True, autoincrement=False),
    _text("source"),
    _time("fact_at", null=False, comment="when what the alert tells came to be in its source"),
    _time("shown_at", comment="when its first card was in a chat"),
    sa.Index("detections_by_shown", "shown_at"),
    comment="One row for each alert that opened with a card; those of a first read are none.",
)

QUARANTINE = sa.Table(
    "quarantine",
    METADATA,
    sa.Column("source", sa.Text, primary_key=True),
    sa.Column("record_id", sa.Text, primary_key=True),
    _text("error"),
    _text("raw"),
    _time("first_at", null=False),
    _time("last_at", null=False),
    _count("times", 1),
    comment="Rows that could not be mapped or judged. A row goes when its record is read well again later.",
)

ALERTS = sa.Table(
    "alerts",
    METADATA,
    _serial(),
    _text("key"),
    _text("rule"),
    _text("source"),
    _text("record_id"),
    _text("subject"),
    _text("title"),
    _text("summary"),
    sa.Column("severity", sa.SmallInteger, nullable=False),
    _time("opened_at", null=False),
    _time("updated_at", null=False),
    _count("version", 1, comment="+1 with each change; a write names the version it read, or it is refused"),
    sa.Column(
        "status", sa.Text, nullable=False, comment="open <-> acked -> resolved -> open; core.alert.MOVES has all"
    ),
    sa.Column("mode", sa.Text, nullable=False, comment="card | listed | held; cards go out in the first mode only"),
    _text("stage"),
    _text("facts", comment="JSON, a list of pairs"),
    _text("url"),
    _text("team"),
    _text("zone"),
    _text("policy"),
    _flag(
        "condition", comment="what the rule saw still holds; resolved by a person, it stays resolved until this ends"
    ),
    _count("level"),
    _count("rounds"),
    _time("escalate_at", comment="the policy's next step is due"),
    _text("assignee"),
    _text("acked_by"),
    _time("acked_at"),
    _time("snoozed_until"),
    _text("resolved_by"),
    _time("resolved_at"),
    _text("reason"),
    _text("writeback"),
    sa.Column(
        "parent",
        sa.BigInteger,
        nullable=False,
        server_default=sa.text("0"),
        comment="the alert that stands for it, such as a storm's; 0: none",
    ),
    _text("named", comment="JSON, ids of people: whom its level rang, where that is not all whom the targets lead to"),
    _text("waits", comment="JSON, ids of people: who still has to acknowledge, where each of them has to"),
    sa.CheckConstraint("severity BETWEEN 1 AND 4", name="alerts_severity"),
    sa.CheckConstraint("status IN ('open', 'acked', 'resolved')", name="alerts_status"),
    sa.CheckConstraint("mode IN ('card', 'listed', 'held')", name="alerts_mode"),
    _partial("alerts_one_per_key", "key", where=STANDING, unique=True),
    sa.Index("alerts_by_key", "key", "id"),
    sa.Index("alerts_by_rule", "rule", "opened_at"),
    _partial("alerts_standing", "source", "record_id", where=STANDING),
    _partial("alerts_escalating", "escalate_at", where=f"{LIVE} AND escalate_at IS NOT NULL"),
    _partial("alerts_by_parent", "parent", where=CHILD),
    sa.Index("alerts_by_urgency", "status", "severity", "opened_at", "id"),
    sqlite_autoincrement=True,
    comment="One exception each. One per key while it is live or its condition holds.",
)

POSTS = sa.Table(
    "posts",
    METADATA,
    _serial(),
    sa.Column("alert_id", sa.BigInteger, sa.ForeignKey("alerts.id"), nullable=False),
    _text("destination"),
    _count("generation", 1, comment="+1 when the message was lost in the chat and is posted anew, in a row of its own"),
    _count("wanted", 1, comment="the version that should be seen; +1 with whatever changes the card"),
    _count("shown", comment="the version the chat has; 0 until it has one"),
    _text("ref", comment="JSON: what the chat calls the message"),
    sa.Column(
        "state",
        sa.Text,
        nullable=False,
        comment="waiting -> claimed -> shown, back to waiting when wanted moves; claimed -> dead -> waiting (revive); "
        "held while its alert is not in mode card; retired at the end",
    ),
    _count("lane", 1, comment="core.ports.Lane; an edit once it was posted"),
    sa.Column("severity", sa.SmallInteger, nullable=False),
    _time("created_at", null=False),
    _time("due_at", comment="waiting: from when it may be sent; claimed: when its lease runs out; else nothing to do"),
    _count("attempts"),
    _count("fence", comment="+1 with each claim; who settles must name the fence it was given"),
    _time("unsure_since", comment="an attempt began then and its end is not known"),
    _text("last_error"),
    sa.CheckConstraint("state IN ('waiting', 'claimed', 'shown', 'dead', 'held', 'retired')", name="posts_state"),
    sa.UniqueConstraint("alert_id", "destination", "generation", name="posts_one_per_generation"),
    _partial("posts_one_current", "alert_id", "destination", where=CURRENT, unique=True),
    _partial("posts_due", "destination", "severity", "lane", "created_at", "id", "due_at", where=DUE),
    _partial("posts_next", "due_at", where=DUE),
    _partial("posts_dead", "id", where="state = 'dead'"),
    comment="One card in one room: wanted > shown is work; without a ref it is posted, with one it is edited.",
)

DISPATCHES = sa.Table(
    "dispatches",
    METADATA,
    _serial(),
    sa.Column("key", sa.Text, nullable=False, unique=True, comment="asking twice for one dispatch gives one row"),
    _text("destination"),
    sa.Column("kind", sa.Text, nullable=False, comment="note | write | notice"),
    _text("payload", comment="JSON"),
    sa.Column("alert_id", sa.BigInteger, sa.ForeignKey("alerts.id")),
    _flag("direct", comment="a direct message: it waits for nothing"),
    sa.Column(
        "state",
        sa.Text,
        nullable=False,
        comment="blocked (an earlier one of its alert is undone, or the card is not there yet) -> waiting -> "
        "claimed -> sent; claimed -> dead -> waiting (revive); retired with its destination",
    ),
    _count("lane", 3, comment="core.ports.Lane"),
    sa.Column("severity", sa.SmallInteger, nullable=False),
    _time("created_at", null=False),
    _time("next_try_at", null=False, comment="not before this: its own time, or the next attempt's"),
    _time("due_at", comment="as in posts; null while blocked"),
    _time("done_at", comment="sent, dead or retired then"),
    _count("attempts"),
    _count("fence"),
    _time("unsure_since"),
    _text("last_error"),
    _text("ref", comment="JSON: what the vendor calls what it was given"),
    sa.CheckConstraint(
        "state IN ('blocked', 'waiting', 'claimed', 'sent', 'dead', 'retired')", name="dispatches_state"
    ),
    _partial("dispatches_due", "destination", "severity", "lane", "created_at", "id", "due_at", where=DUE),
    _partial("dispatches_next", "due_at", where=DUE),
    _partial("dispatches_undone", "alert_id", "destination", "id", where=UNDONE),
    _partial("dispatches_dead", "id", where="state = 'dead'"),
    sqlite_autoincrement=True,  # a note's id is written into the chat's own metadata, and may never come again
    comment="One event for one destination, sent once, in order per alert and destination.",
)

SILENCES = sa.Table(
    "silences",
    METADATA,
    _serial(),
    _text("matchers", comment="JSON: {field: [patterns]}; core.silence says what fits"),
    _text("reason"),
    _text("person_id", comment="who silenced"),
    _text("approved_by", comment="the second person, where one was needed"),
    _time("begins_at", null=False),
    _time("ends_at", null=False),
    _time("ended_at", comment="it ran out, or somebody ended it; what it held was looked at then"),
    _partial("silences_lasting", "ends_at", where=LASTING),
    comment="What fits one of these while it lasts makes no card.",
)

RECEIPTS = sa.Table(
    "receipts",
    METADATA,
    sa.Column("channel", sa.Text, primary_key=True),
    sa.Column("id", sa.Text, primary_key=True, comment="what the vendor calls the message or record"),
    sa.Column("alert_id", sa.BigInteger, sa.ForeignKey("alerts.id")),
    _text("destination"),
    _text("person_id", comment="whom alone it went to"),
    _text("work", comment="the dispatch's key; empty for an alert's card or record"),
    sa.Column(
        "rank",
        sa.SmallInteger,
        nullable=False,
        comment="1 queued, 2 sent, 3 failed, 4 delivered, 5 read; it only rises",
    ),
    _time("at", null=False),
    _text("why", comment="of a failed one: the vendor's code or words"),
    _time("told_at", comment="when the vendor last said something new of it"),
    _time("due_at", comment="when it must have arrived; else the person's next channel is tried, once"),
    sa.Index("receipts_by_alert", "alert_id"),
    sa.Index("receipts_by_person", "channel", "person_id", "at"),
    _partial("receipts_undelivered", "channel", "at", where=UNDELIVERED),
    _partial("receipts_due", "due_at", where=DUE),
    comment="One message or record that a vendor has of ours, and what became of it.",
)

LINKS = sa.Table(
    "links",
    METADATA,
    sa.Column("digest", sa.Text, primary_key=True, comment="SHA-256 of its token; the token itself is kept nowhere"),
    sa.Column("alert_id", sa.BigInteger, sa.ForeignKey("alerts.id"), nullable=False),
    _text("person_id"),
    _time("expires_at", null=False),
    _text("state", comment="open -> used, or over once the alert has moved on"),
    _count("tries", comment="with a wrong code"),
    sa.Index("links_by_alert", "alert_id"),
    sa.Index("links_by_time", "expires_at"),
    comment="Ways to acknowledge one alert, each sent to one person.",
)

INBOX = sa.Table(
    "inbox",
    METADATA,
    sa.Column("key", sa.Text, primary_key=True, comment="the platform's own unique id of the interaction"),
    _text("platform"),
    _time("at", null=False),
    _text("body"),
    sa.Column("answer", sa.Text, comment="JSON; null until it was answered"),
    sa.Index("inbox_by_time", "at"),
)

HINTS = sa.Table(
    "hints",
    METADATA,
    sa.Column("source", sa.Text, primary_key=True),
    sa.Column("record_id", sa.Text, primary_key=True, comment="empty: the whole source is to be polled"),
    _text("mark", comment="new with each call, so that one that comes while the record is read is not taken for read"),
    _time("at", null=False),
    comment="What hooks said has changed. A row goes once its record was read.",
)

HOOK_CALLS = sa.Table(
    "hook_calls",
    METADATA,
    sa.Column("call", sa.Text, primary_key=True, comment="the source, and a digest of what was signed"),
    _time("at", null=False),
    sa.Index("hook_calls_by_time", "at"),
    comment="Calls of hooks that were taken, for as long as their signature may be shown again.",
)

ACCOUNTS = sa.Table(
    "accounts",
    METADATA,
    sa.Column("platform", sa.Text, primary_key=True),
    sa.Column("account", sa.Text, primary_key=True, comment="the platform's immutable id, never a name"),
    _text("person_id"),
    _time("linked_at", null=False),
    sa.Index("accounts_by_person", "platform", "person_id", "linked_at"),
)

LINK_CODES = sa.Table(
    "link_codes",
    METADATA,
    sa.Column("digest", sa.Text, primary_key=True, comment="SHA-256 of the code; the code itself is kept nowhere"),
    _text("person_id"),
    _time("expires_at", null=False),
    comment="A code is taken once, and its row goes with it.",
)

ASKINGS = sa.Table(
    "askings",
    METADATA,
    sa.Column("platform", sa.Text, primary_key=True),
    sa.Column("account", sa.Text, primary_key=True),
    _time("at", null=False),
    _text("body", comment="JSON: what an account asked for that nobody knew; carried out once it is linked"),
)

UNDOS = sa.Table(
    "undos",
    METADATA,
    sa.Column("alert_id", sa.BigInteger, sa.ForeignKey("alerts.id"), primary_key=True, autoincrement=False),
    _text("person_id"),
    _text("verb"),
    _time("at", null=False),
    _text("before", comment="JSON: what the person's last move changed, as it was before"),
    comment="One per alert, written with a person's move and gone with the next change.",
)

DUTY = sa.Table(
    "duty",
    METADATA,
    _serial(),
    _text("key", comment="what was agreed together stands and falls together"),
    _text("kind", comment="core.duty.Kind"),
    _text("rota", comment="empty for an absence, which holds for all"),
    _text("person_id", comment="empty while nobody has accepted"),
    _text("instead_of"),
    _time("start_at", null=False),
    _time("end_at", null=False),
    _flag("settled", comment="false: it is only asked for"),
    sa.Index("duty_by_key", "key"),
    sa.Index("duty_by_end", "end_at"),
    comment="What was agreed about shifts since the rotas were written down.",
)

ASKED = sa.Table(
    "asked",
    METADATA,
    _serial(),
    sa.Column("key", sa.Text, nullable=False, unique=True, comment="one question per job, start and technician"),
    _text("source"),
    _text("record_id"),
    _text("subject", comment="the job's number, as people say it"),
    _text("person_id"),
    _text("technician", comment="whom the source names; an answer is of no use once it is somebody else"),
    _time("at", null=False),
    _text("answer", comment="core.asking.Say; empty while there is none"),
    _time("answered_at"),
    _time("until", comment="by then they will be there"),
    sa.Index("asked_by_record", "source", "record_id"),
    sa.Index("asked_by_person", "person_id", "at"),
    comment="What technicians were asked about jobs to which they are late; 1 to 4 are core.asking.CHOICES.",
)

PREFS = sa.Table(
    "prefs",
    METADATA,
    sa.Column("person_id", sa.Text, primary_key=True),
    _text("data", comment="JSON: core.prefs.Prefs"),
    comment="How people want to be rung.",
)

PROOFS = sa.Table(
    "proofs",
    METADATA,
    sa.Column("person_id", sa.Text, primary_key=True),
    sa.Column("way", sa.Text, primary_key=True, comment="a chat, or a channel of the configuration"),
    _time("asked_at", comment="when it was last tried"),
    _time("proven_at", comment="when the person last answered there"),
    _text("code", comment="SHA-256 of the code that was sent there, until it comes back"),
    comment="Which ways to a person are known to work.",
)

FEEDS = sa.Table(
    "feeds",
    METADATA,
    sa.Column("person_id", sa.Text, primary_key=True),
    _text("digest", comment="SHA-256 of the secret in the address; the secret itself is kept nowhere"),
    _time("made_at", null=False),
    sa.Index("feeds_by_digest", "digest", unique=True),
    comment="The calendars of shifts that people subscribe to.",
)

AUDIT = sa.Table(
    "audit",
    METADATA,
    _serial("seq", by_us=True, comment="1, 2, 3 ... without a gap"),
    _time("at", null=False),
    _text("actor"),
    _text("verb"),
    _count("alert_id"),
    _text("data", comment="canonical JSON"),
    _text("personal", comment='canonical JSON: {name: {"ref", "sha256"}}; the values are in audit_values'),
    _text("prev", comment="the hash of the entry before"),
    _text("hash", comment="SHA-256 over the entry in canonical JSON, prev in it"),
    sa.Index("audit_by_alert", "alert_id", "seq"),
    comment="Append-only: triggers refuse UPDATE, DELETE and any INSERT but at the end.",
)

AUDIT_VALUES = sa.Table(
    "audit_values",
    METADATA,
    sa.Column("ref", sa.Text, primary_key=True),
    sa.Column("seq", sa.BigInteger, nullable=False),
    _text("name"),
    _text("salt"),
    _text("value"),
    sa.Index("audit_values_by_seq", "seq"),
    comment="Personal values, kept apart: to erase one is to delete its row, and the chain stays whole.",
)

AUDIT_HEADS = sa.Table(
    "audit_heads",
    METADATA,
    _serial("number", by_us=True, comment="1, 2, 3 ... without a gap"),
    sa.Column("seq", sa.BigInteger, nullable=False, comment="the last entry of the commit: so many there are"),
    _count("count", comment="the entries that this commit appended"),
    _time("at", null=False),
    _text("hash", comment="the last entry's hash"),
    _text("prev", comment="the mac of the head before"),
    _text("mac", comment="HMAC-SHA256 with the audit key over all of the above"),
    comment="One seal a commit that appended. Append-only, as the audit.",
)

SETTINGS = sa.Table(
    "settings",
    METADATA,
    sa.Column("name", sa.Text, primary_key=True),
    _text("value"),
    comment="Small things to remember, by name.",
)

LEASES = sa.Table(
    "leases",
    METADATA,
    sa.Column("name", sa.Text, primary_key=True, comment="what only one instance may do at a time"),
    _text("holder", comment="which one; empty when it let go"),
    sa.Column("fence", sa.BigInteger, nullable=False, comment="+1 with each holder; what it writes must name it"),
    _time("until", null=False, comment="from then on another one may take it"),
    comment="One holder per source, per bot that polls and per chat session, among all instances.",
)
