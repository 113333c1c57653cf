"""What Prometheus is told. Others call the functions and never touch a metric; labels take our own names only (rules,
destinations, sources, verbs, codes), never what a stranger typed, so that their number stays small.
"""

from collections.abc import Mapping

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)

REGISTRY = CollectorRegistry()
CONTENT_TYPE = CONTENT_TYPE_LATEST

_QUICK = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 3.0, 10.0)  # 3 s is what chats wait for an answer
_SLOW = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
_LAGS = (1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 900.0)

ProcessCollector(registry=REGISTRY)
PlatformCollector(registry=REGISTRY)

_opened = Counter("deskbell_alerts_opened", "Alerts opened.", ("rule", "severity"), registry=REGISTRY)
_live = Gauge("deskbell_alerts_live", "Alerts that are not resolved.", ("status",), registry=REGISTRY)
_answered = Histogram(
    "deskbell_answer_seconds",
    "From a tap, form or command coming in until its answer is ready.",
    ("kind", "verb", "code"),
    buckets=_QUICK,
    registry=REGISTRY,
)
_delivered = Counter(
    "deskbell_deliveries", "Attempts to deliver, by how they ended.", ("destination", "outcome"), registry=REGISTRY
)
_circuits = Gauge(
    "deskbell_circuit", "1 for the state of the way to a destination.", ("destination", "state"), registry=REGISTRY
)
_outbox = Gauge("deskbell_outbox_rows", "Work in the outbox.", ("state",), registry=REGISTRY)
_polls = Histogram(
    "deskbell_poll_seconds", "One reading of a source.", ("source", "result"), buckets=_SLOW, registry=REGISTRY
)
_lag = Gauge("deskbell_source_lag_seconds", "Since a source was last read well.", ("source",), registry=REGISTRY)
_commits = Histogram("deskbell_commit_seconds", "One commit of the store.", buckets=_QUICK, registry=REGISTRY)
_changes = Counter("deskbell_changes", "Changes stored; several may share a commit.", registry=REGISTRY)
_detected = Histogram(
    "deskbell_detection_seconds",
    "From what happened in a source until its first card was in a chat.",
    ("source",),
    buckets=_LAGS,
    registry=REGISTRY,
)
_loop = Histogram(
    "deskbell_loop_seconds",
    "Until the event loop gave a sign of life, asked twice a second or so.",
    buckets=_QUICK,
    registry=REGISTRY,
)
_stalls = Counter("deskbell_loop_stalls", "Times the event loop stood still.", registry=REGISTRY)
_requests = Counter("deskbell_requests", "Requests sent to a vendor.", ("vendor",), registry=REGISTRY)
_heard = Counter("deskbell_heard", "What vendors said back, by what it is.", ("channel", "what"), registry=REGISTRY)
_refused = Counter("deskbell_refused_calls", "Inbound calls not let in.", ("where", "why"), registry=REGISTRY)


def opened(rule: str, severity: str) -> None:
    _opened.labels(rule, severity).inc()


def heard(channel: str, what: str) -> None:
    """A vendor said something: a receipt, words, a tap, how a record stands."""
    _heard.labels(channel, what).inc()


def live(counts: Mapping[str, int]) -> None:
    """How many alerts are open and acked now."""
    for status, count in counts.items():
        _live.labels(status).set(count)


def answered(kind: str, verb: str, code: str, seconds: float) -> None:
    """A person got the answer: `kind` as in Interaction, `code` as in Answer."""
    _answered.labels(kind, verb, code).observe(seconds)


def delivered(destination: str, outcome: str) -> None:
    _delivered.labels(destination, outcome.lower()).inc()


def outbox(counts: Mapping[str, int]) -> None:
    """Rows by state, as `Reader.count_outbox` counts them; a state that is not named has none."""
    for state in {"waiting", "claimed", "dead", *counts}:
        _outbox.labels(state).set(counts.get(state, 0))


def polled(source: str, result: str, seconds: float) -> None:
    """`result` is "ok" or the SourceFault."""
    _polls.labels(source, result).observe(seconds)


def lagging(source: str, seconds: float) -> None:
    _lag.labels(source).set(seconds)


def circuit(destination: str, state: str) -> None:
    for one in ("closed", "open", "half-open"):
        _circuits.labels(destination, one).set(one == state)


def committed(changes: int, seconds: float) -> None:
    _commits.observe(seconds)
    _changes.inc(changes)


def detected(source: str, seconds: float) -> None:
    _detected.labels(source).observe(max(0.0, seconds))


def requested(vendor: str) -> None:
    _requests.labels(vendor).inc()


def requests() -> int:
    """How many there were so far, to all vendors."""
    return int(sum(one.value for one in next(iter(_requests.collect())).samples if one.name.endswith("_total")))


def refused(where: str, why: str) -> None:
    _refused.labels(where, why).inc()


def loop_answered(seconds: float) -> None:
    _loop.observe(seconds)


def loop_stalled() -> None:
    _stalls.inc()


def render() -> bytes:
    """The page that /metrics serves."""
    return generate_latest(REGISTRY)
