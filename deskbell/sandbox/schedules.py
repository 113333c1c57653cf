"""The stand-ins of calendars and scheduling systems, one line each."""

from deskbell.sandbox.bamboohr import BambooHr
from deskbell.sandbox.dynamics import Dynamics
from deskbell.sandbox.feeds import Feeds
from deskbell.sandbox.google_calendar import GoogleCalendar
from deskbell.sandbox.graph_calendar import GraphCalendar
from deskbell.sandbox.jobber import Jobber
from deskbell.sandbox.servicetitan import ServiceTitan
from deskbell.sandbox.source import Source

SCHEDULES: tuple[type[Source], ...] = (Feeds, ServiceTitan, Dynamics, Jobber, GoogleCalendar, GraphCalendar, BambooHr)
