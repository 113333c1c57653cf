"""Scheduling systems on trial: for each its source, its stand-in, and what somebody may do to a visit over there."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from deskbell.sandbox import credentials

HOUR = 3600.0
OAUTH = {"client_id": credentials.OAUTH_CLIENT, "client_secret": credentials.OAUTH_SECRET}


@dataclass
class Trial:
    source: Any
    stand: Any
    lay: Callable[..., str]  # (start, seconds since the epoch) -> the visit's id
    move: Callable[[str, float], None]  # somebody moves it to another start
    remove: Callable[[str], None]
    listing: str  # the path that is polled
    polls_to_be_gone: int = 1  # how many polls until a deletion is told
    pages: bool = True
    people: tuple[str, str] = ("", "")  # a colleague's id, and one that is none
    assign: Callable[[str, str], None] | None = None  # somebody gives it to somebody else
    notes: bool = False
    resolves: bool = False
    write: str = "POST"
    secrets: tuple[str, ...] = ()
    revoke: Callable[[], None] = lambda: None  # the token is taken back

    def opened(self, now, **changes):
        """The source by a changed configuration."""
        return type(self.source)(replace(self.source.conf, **changes), now=now)


def servicetitan(sb) -> Trial:
    from pollers.servicetitan import ServiceTitan, ServiceTitanConf

    stand = sb.others["servicetitan"]
    stand.no_limits()
    conf = ServiceTitanConf(
        credentials.SERVICETITAN_TENANT, **OAUTH, app_key=credentials.SERVICETITAN_APP,
        base_url=f"{sb.url}/servicetitan", token_url=f"{sb.url}/servicetitan/connect/token", page_size=10,
    )  # fmt: skip
    return Trial(
        ServiceTitan(conf, now=sb.clock.now),
        stand,
        lay=lambda start, at=None: str(stand.add(start=start, end=start + HOUR, technician=31, modified=at)["id"]),
        move=lambda one, start: stand.change(int(one), start=float(start), end=start + HOUR) and None,
        remove=lambda one: stand.delete(int(one)),
        listing=f"/jpm/v2/tenant/{conf.tenant}/appointments",
        polls_to_be_gone=2,
        people=("32", "99"),
        assign=lambda one, who: stand.assign(int(one), int(who)),
        notes=True,
        secrets=(credentials.OAUTH_SECRET, credentials.SERVICETITAN_APP),
        revoke=stand.tokens.revoke,
    )


def salesforce_field(sb) -> Trial:
    from deskbell.sandbox.salesforce.org import ANA, BEN, written
    from pollers.salesforce_field import SalesforceField, SalesforceFieldConf

    org = sb.others["salesforce"].org
    sb.others["salesforce"].no_limits()
    conf = SalesforceFieldConf(
        f"{sb.url}/salesforce", credentials.SALESFORCE_CLIENT_ID, credentials.SALESFORCE_CLIENT_SECRET, page_size=10
    )
    account, north = org.add("Account", Name="Erika Sample")["Id"], org.add("ServiceTerritory", Name="North")["Id"]
    marco = org.add("ServiceResource", Name="Marco Bianchi", RelatedRecordId=ANA)["Id"]
    lena = org.add("ServiceResource", Name="Lena Hoffmann", RelatedRecordId=BEN)["Id"]

    def lay(start, at=None):
        row = org.add(
            "ServiceAppointment", at=at, Subject="Pump down", Status="Scheduled", SchedStartTime=written(start),
            SchedEndTime=written(start + HOUR), AccountId=account, ServiceTerritoryId=north, Street="Hafenstr. 1",
            City="Kiel",
        )  # fmt: skip
        org.add("AssignedResource", at=at, ServiceAppointmentId=row["Id"], ServiceResourceId=marco)
        return row["Id"]

    def assign(one, who):
        (crew,) = (row for row in org.rows["AssignedResource"].values() if row["ServiceAppointmentId"] == one)
        org.change("AssignedResource", crew["Id"], ServiceResourceId=who)

    times = lambda start: {"SchedStartTime": written(start), "SchedEndTime": written(start + HOUR)}  # noqa: E731
    return Trial(
        SalesforceField(conf, now=sb.clock.now),
        sb.others["salesforce"],
        lay=lay,
        move=lambda one, start: org.change("ServiceAppointment", one, **times(start)) and None,
        remove=lambda one: org.change("ServiceAppointment", one, IsDeleted=True) and None,
        listing="/services/data/v67.0/queryAll",
        people=(lena, "0Hn000000000999AAA"),
        assign=assign,
        notes=True,
        resolves=True,
        secrets=(credentials.SALESFORCE_CLIENT_SECRET,),
        revoke=sb.others["salesforce"].expire_tokens,
    )


def dynamics(sb) -> Trial:
    from deskbell.sandbox.dynamics import TENANT, guid
    from pollers.dynamics import Dynamics, DynamicsConf

    stand = sb.others["dynamics"]
    base = f"{sb.url}/dynamics"
    conf = DynamicsConf(base, TENANT, **OAUTH, login_url=base, page_size=10)
    return Trial(
        Dynamics(conf, now=sb.clock.now),
        stand,
        lay=lambda start, at=None: stand.add(start=start, end=start + HOUR, modified=at)["bookableresourcebookingid"],
        move=lambda one, start: stand.change(one, starttime=float(start), endtime=start + HOUR) and None,
        remove=stand.delete,
        listing="/api/data/v9.2/bookableresourcebookings",
        polls_to_be_gone=2,
        people=(guid(3, 1), guid(3, 9)),
        assign=lambda one, who: stand.change(one, _resource_value=who) and None,
        notes=True,
        resolves=True,
        secrets=(credentials.OAUTH_SECRET,),
        revoke=stand.tokens.revoke,
    )


def jobber(sb) -> Trial:
    import tempfile

    from deskbell.sandbox.jobber import encoded
    from pollers.jobber import Jobber, JobberConf

    stand = sb.others["jobber"]
    stand.no_limits()
    conf = JobberConf(
        **OAUTH, refresh_token=credentials.OAUTH_REFRESH, base_url=f"{sb.url}/jobber",
        token_url=f"{sb.url}/jobber/api/oauth/token", token_file=f"{tempfile.mkdtemp()}/token", page_size=10,
    )  # fmt: skip
    return Trial(
        Jobber(conf, now=sb.clock.now),
        stand,
        lay=lambda start, _at=None: stand.add(start=start, end=start + HOUR)["id"],
        move=lambda one, start: stand.change(one, startAt=float(start), endAt=start + HOUR) and None,
        remove=stand.delete,
        listing="/api/graphql",
        polls_to_be_gone=2,
        people=(encoded("User", 2), encoded("User", 9)),
        assign=stand.assign,
        notes=True,
        resolves=True,
        secrets=(credentials.OAUTH_SECRET, credentials.OAUTH_REFRESH),
        revoke=stand.tokens.revoke,
    )


def google_calendar(sb) -> Trial:
    from pollers.calendars import Calendar
    from pollers.google_calendar import GoogleCalendar, GoogleCalendarConf

    stand, marco = sb.others["google_calendar"], "marco@example.org"
    conf = GoogleCalendarConf(
        {"marco": Calendar(marco, "Marco Bianchi", marco), "lena": Calendar("lena@example.org", "Lena Hoffmann")},
        **OAUTH, refresh_token=credentials.OAUTH_REFRESH, base_url=f"{sb.url}/google_calendar",
        token_url=f"{sb.url}/google_calendar/token", page_size=10,
    )  # fmt: skip
    event = lambda one: one.partition(":")[2]  # noqa: E731
    return Trial(
        GoogleCalendar(conf, now=sb.clock.now),
        stand,
        lay=lambda start, _at=None: f"marco:{stand.add(marco, start=start, end=start + HOUR)['id']}",
        move=lambda one, start: stand.move(marco, event(one), start, start + HOUR) and None,
        remove=lambda one: stand.delete(marco, event(one)),
        listing=f"/calendars/{marco}/events",
        secrets=(credentials.OAUTH_SECRET, credentials.OAUTH_REFRESH),
        revoke=stand.tokens.revoke,
    )


def graph_calendar(sb) -> Trial:
    from deskbell.sandbox.graph_calendar import TENANT
    from pollers.calendars import Calendar
    from pollers.graph_calendar import GraphCalendar, GraphCalendarConf, id_of

    stand, marco, ids = sb.others["graph_calendar"], "marco@example.org", {}
    conf = GraphCalendarConf(
        {"marco": Calendar(marco, "Marco Bianchi", marco), "lena": Calendar("lena@example.org", "Lena Hoffmann")},
        TENANT, **OAUTH, base_url=f"{sb.url}/graph_calendar/v1.0", login_url=f"{sb.url}/graph_calendar", page_size=10,
    )  # fmt: skip

    def lay(start, _at=None):
        event = stand.add(marco, start=start, end=start + HOUR)["id"]
        ids[id_of("marco", event)] = event
        return id_of("marco", event)

    return Trial(
        GraphCalendar(conf, now=sb.clock.now),
        stand,
        lay=lay,
        move=lambda one, start: stand.move(marco, ids[one], start, start + HOUR) and None,
        remove=lambda one: stand.delete(marco, ids[one]),
        listing=f"/v1.0/users/{marco}/calendarView/delta",
        secrets=(credentials.OAUTH_SECRET,),
        revoke=stand.tokens.revoke,
    )


def servicenow_field(sb) -> Trial:
    from deskbell.sandbox.servicenow.tables import stored
    from pollers.servicenow import ServiceNow, ServiceNowConf

    stand, tables = sb.servicenow, sb.servicenow.tables
    conf = ServiceNowConf(
        f"{sb.url}/servicenow", credentials.SERVICENOW_USER, credentials.SERVICENOW_PASSWORD, table="wm_task",
        page_size=10,
    )  # fmt: skip
    times = lambda start: {"expected_start": stored(start), "estimated_end": stored(start + HOUR)}  # noqa: E731
    change = lambda one, **values: tables.change("wm_task", one, values, by="ana.ruiz") and None  # noqa: E731
    crew = {"state": "16", "assigned_to": tables.user("priya@example.org")}
    return Trial(
        ServiceNow(conf, now=sb.clock.now),
        stand,
        lay=lambda start, at=None: tables.task("wm_task", "Pump down", opened=at, **crew, **times(start))["sys_id"],
        move=lambda one, start: change(one, **times(start)),
        remove=lambda one: tables.remove("wm_task", one),
        listing="/api/now/table/wm_task",
        people=(tables.user("lena@example.org"), "nobody"),
        assign=lambda one, who: change(one, assigned_to=who),
        notes=True,
        resolves=True,
        write="PATCH",
        secrets=(credentials.SERVICENOW_PASSWORD,),
        revoke=stand.expire_tokens,
    )


ALL: dict[str, Callable[[Any], Trial]] = {
    "servicetitan": servicetitan,
    "salesforce_field": salesforce_field,
    "dynamics": dynamics,
    "servicenow_field": servicenow_field,
    "jobber": jobber,
    "google_calendar": google_calendar,
    "graph_calendar": graph_calendar,
}

READ_ONLY = frozenset({"google_calendar", "graph_calendar"})
