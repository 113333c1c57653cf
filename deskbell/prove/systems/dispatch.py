"""The scheduling systems that have a poller of their own."""

from typing import Any

from deskbell.prove.history import Abilities, Facts, History
from deskbell.prove.stage import Stage
from deskbell.prove.systems.base import INTERVAL, OAUTH, OVERLAP, Kind, Trial, nothing
from deskbell.sandbox import credentials, dynamics, google_calendar, graph_calendar, servicetitan
from deskbell.sandbox.salesforce.org import ANA, written
from deskbell.sandbox.salesforce.stand_in import Salesforce
from pollers.calendars import Calendar
from pollers.dynamics import Dynamics, DynamicsConf
from pollers.google_calendar import GoogleCalendar, GoogleCalendarConf
from pollers.graph_calendar import GraphCalendar, GraphCalendarConf, id_of
from pollers.salesforce_field import SalesforceField, SalesforceFieldConf
from pollers.servicetitan import ServiceTitan, ServiceTitanConf

_SEEN_WHOLE = 910  # seconds between two whole readings of a system that drops what was deleted
_NEVER_EARLIER = 10**9
_MARCO = "marco@example.org"


def _seconds(at: int | None) -> float | None:
    return None if at is None else float(at)


def _titan(stage: Stage, history: History) -> Trial:
    stand = stage.stand_in(servicetitan.ServiceTitan)
    conf = ServiceTitanConf(
        credentials.SERVICETITAN_TENANT, **OAUTH, app_key=credentials.SERVICETITAN_APP, page_size=history.page,
        base_url=f"{stage.url}/servicetitan", token_url=f"{stage.url}/servicetitan/connect/token", interval=INTERVAL,
        overlap=OVERLAP, zone=history.zone,
    )  # fmt: skip
    words = {"scheduled": "Scheduled", "en_route": "Dispatched", "on_site": "Working", "paused": "Hold",
             "completed": "Done", "cancelled": "Canceled"}  # fmt: skip

    def row(facts: Facts) -> dict[str, Any]:
        return {"start": float(facts["start"]), "end": float(facts["end"]), "status": words[facts["status"]],
                "arrivalWindowEnd": float(facts["window_end"])}  # fmt: skip

    def lay(facts: Facts) -> str:
        made = stand.add(start=facts["start"], end=facts["end"], technician=facts["tech"] and 30 + facts["tech"])
        stand.change(made["id"], **row(facts))
        return str(made["id"])

    def change(record_id: str, before: Facts, facts: Facts) -> None:
        if before["tech"] != facts["tech"]:
            stand.assign(int(record_id), 30 + (facts["tech"] or before["tech"]), active=bool(facts["tech"]))
        stand.change(int(record_id), **row(facts))

    return Trial(ServiceTitan(conf, now=stage.hands.now), stand, lay, change, lambda one: stand.delete(int(one)))


def _dynamics(stage: Stage, history: History) -> Trial:
    stand = stage.stand_in(dynamics.Dynamics)
    base = f"{stage.url}/dynamics"
    conf = DynamicsConf(
        base, dynamics.TENANT, **OAUTH, login_url=base, page_size=history.page, interval=INTERVAL, overlap=OVERLAP,
        zone=history.zone,
    )  # fmt: skip
    words = ("scheduled", "en_route", "paused", "on_site", "completed", "cancelled")

    def row(facts: Facts) -> dict[str, Any]:
        return {
            "starttime": float(facts["start"]),
            "endtime": float(facts["end"]),
            "msdyn_estimatedarrivaltime": _seconds(facts["eta"]),
            "msdyn_actualarrivaltime": _seconds(facts["arrived"]),
            "_bookingstatus_value": dynamics.guid(1, words.index(facts["status"])),
            "_resource_value": dynamics.guid(3, facts["tech"] - 1) if facts["tech"] else None,
        }

    def lay(facts: Facts) -> str:
        key = str(stand.add(start=facts["start"], end=facts["end"])["bookableresourcebookingid"])
        stand.change(key, **row(facts))
        return key

    def change(record_id: str, _before: Facts, facts: Facts) -> None:
        stand.change(record_id, **row(facts))

    return Trial(Dynamics(conf, now=stage.hands.now), stand, lay, change, stand.delete)


def _salesforce_field(stage: Stage, history: History) -> Trial:
    stand = stage.stand_in(Salesforce)
    org = stand.org
    conf = SalesforceFieldConf(
        f"{stage.url}/salesforce", credentials.SALESFORCE_CLIENT_ID, credentials.SALESFORCE_CLIENT_SECRET,
        page_size=history.page, interval=INTERVAL, overlap=OVERLAP, zone=history.zone,
    )  # fmt: skip
    people = [
        org.add("ServiceResource", Name=f"Technician {n}", RelatedRecordId=ANA if not n else None)["Id"]
        for n in range(7)
    ]
    words = {"scheduled": "Scheduled", "dispatched": "Dispatched", "on_site": "Being repaired",
             "cannot_complete": "Cannot Complete", "completed": "Completed", "cancelled": "Canceled"}  # fmt: skip

    def row(facts: Facts) -> dict[str, Any]:
        at = {"SchedStartTime": "start", "SchedEndTime": "end", "ArrivalWindowEndTime": "window_end",
              "ActualStartTime": "arrived", "ActualEndTime": "finished", "DueDate": "sla"}  # fmt: skip
        moments = {name: None if facts[ours] is None else written(facts[ours]) for name, ours in at.items()}
        return {"Status": words[facts["status"]], **moments}

    def crew(record_id: str, tech: int | None) -> None:
        held = [one for one in org.rows["AssignedResource"].values() if one["ServiceAppointmentId"] == record_id]
        for one in held:
            org.change("AssignedResource", one["Id"], IsDeleted=True)
        if tech:
            org.add("AssignedResource", ServiceAppointmentId=record_id, ServiceResourceId=people[tech - 1])

    def lay(facts: Facts) -> str:
        key = str(org.add("ServiceAppointment", Subject="Pump down", **row(facts))["Id"])
        crew(key, facts["tech"])
        return key

    def change(record_id: str, before: Facts, facts: Facts) -> None:
        if before["tech"] != facts["tech"]:
            crew(record_id, facts["tech"])
        org.change("ServiceAppointment", record_id, **row(facts))

    def remove(record_id: str) -> None:
        org.change("ServiceAppointment", record_id, IsDeleted=True)

    return Trial(SalesforceField(conf, now=stage.hands.now), stand, lay, change, remove)


def _google(stage: Stage, history: History) -> Trial:
    stand = stage.stand_in(google_calendar.GoogleCalendar)
    conf = GoogleCalendarConf(
        {"marco": Calendar(_MARCO, "Marco Bianchi", _MARCO)}, **OAUTH, refresh_token=credentials.OAUTH_REFRESH,
        base_url=f"{stage.url}/google_calendar", token_url=f"{stage.url}/google_calendar/token",
        page_size=history.page, interval=INTERVAL,
    )  # fmt: skip
    return Trial(
        GoogleCalendar(conf, now=stage.hands.now),
        stand,
        lay=lambda facts: f"marco:{stand.add(_MARCO, start=facts['start'], end=facts['end'])['id']}",
        change=lambda one, _, facts: nothing(stand.move(_MARCO, one[6:], facts["start"], facts["end"])),
        remove=lambda one: stand.delete(_MARCO, one[6:]),
    )


def _graph(stage: Stage, history: History) -> Trial:
    stand, events = stage.stand_in(graph_calendar.GraphCalendar), dict[str, str]()
    conf = GraphCalendarConf(
        {"marco": Calendar(_MARCO, "Marco Bianchi", _MARCO)}, graph_calendar.TENANT, **OAUTH,
        base_url=f"{stage.url}/graph_calendar/v1.0", login_url=f"{stage.url}/graph_calendar", page_size=history.page,
        interval=INTERVAL,
    )  # fmt: skip

    def lay(facts: Facts) -> str:
        event = stand.add(_MARCO, start=facts["start"], end=facts["end"])["id"]
        events[id_of("marco", event)] = event
        return id_of("marco", event)

    return Trial(
        GraphCalendar(conf, now=stage.hands.now),
        stand,
        lay=lay,
        change=lambda one, _, facts: nothing(stand.move(_MARCO, events[one], facts["start"], facts["end"])),
        remove=lambda one: stand.delete(_MARCO, events[one]),
    )


_TIMES = frozenset({"window_end", "tech"})
DISPATCH = (
    Kind(
        "servicetitan",
        "servicetitan",
        Abilities(
            "visit", ("scheduled", "en_route", "on_site", "paused", "completed", "cancelled"), _TIMES, gone="compared",
            within=_NEVER_EARLIER, settles=_SEEN_WHOLE, techs=3, removes=False,
        ),
        _titan,
    ),
    Kind(
        "dynamics",
        "dynamics",
        Abilities(
            "visit", ("scheduled", "en_route", "paused", "on_site", "completed", "cancelled"),
            frozenset({"tech", "eta", "arrived"}), gone="compared", within=_NEVER_EARLIER, settles=_SEEN_WHOLE,
            techs=2, removes=False,
        ),
        _dynamics,
    ),
    Kind(
        "salesforce_field",
        "salesforce_field",
        Abilities(
            "visit", ("scheduled", "dispatched", "on_site", "cannot_complete", "completed", "cancelled"),
            _TIMES | {"arrived", "finished", "sla"}, gone="told",
        ),
        _salesforce_field,
    ),
    Kind("google_calendar", "google_calendar", Abilities("visit", ("scheduled",), frozenset({"tech"}), gone="told",
         techs=1, records=1, always_tech=True, lags=False), _google),
    Kind("graph_calendar", "graph_calendar", Abilities("visit", ("scheduled",), frozenset({"tech"}), gone="told",
         techs=1, records=1, always_tech=True, lags=False), _graph),
)  # fmt: skip
