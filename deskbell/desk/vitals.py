"""How Deskbell itself is, for `/desk health` and `deskbell health`: asked of the database, alike in each instance."""

from collections.abc import Mapping
from datetime import datetime

from deskbell.core.alert import Status
from deskbell.core.history import Pace, SourceVitals, Vitals
from deskbell.core.ports import SourceState
from deskbell.core.store import Reader
from deskbell.desk import lag
from deskbell.desk.house import House


def vitals(reader: Reader, house: House, now: datetime) -> Vitals:
    states = {state.name: state for state in reader.sources()}
    paces = lag.paces(reader, now)
    outbox = reader.count_outbox()
    return Vitals(
        at=now,
        sources=tuple(_source(house, name, states, paces) for name in house.sources),
        open=reader.count_alerts((Status.OPEN, Status.ACKED)),
        waiting=outbox.get("waiting", 0) + outbox.get("claimed", 0),
        dead=outbox.get("dead", 0),
    )


def _source(house: House, name: str, states: Mapping[str, SourceState], paces: Mapping[str, Pace]) -> SourceVitals:
    state = states.get(name) or SourceState(name)
    error = state.error if state.failures else ""
    return SourceVitals(name, house.source_title(name), state.last_ok_at, error, paces.get(name), lag.goal(house, name))
