"""Systems that tell no time of change: they are read whole, and compared with what was there before."""

from typing import Any

from deskbell.prove.history import Abilities, Facts, History
from deskbell.prove.stage import Stage
from deskbell.prove.systems.base import INTERVAL, OAUTH, Kind, Trial, nothing
from deskbell.sandbox import credentials, feeds, jobber
from deskbell.sandbox.clock import stamp
from pollers.ical import Feed, Ical, IcalConf
from pollers.jobber import Jobber, JobberConf

_MARCO = "marco"


def _jobber(stage: Stage, history: History) -> Trial:
    stand = stage.stand_in(jobber.Jobber)
    conf = JobberConf(
        **OAUTH, refresh_token=credentials.OAUTH_REFRESH, token_file=f"{stage.folder}/{history.seed}.token",
        base_url=f"{stage.url}/jobber", token_url=f"{stage.url}/jobber/api/oauth/token", page_size=history.page,
        interval=INTERVAL, zone=history.zone,
    )  # fmt: skip

    def row(facts: Facts) -> dict[str, Any]:
        crew = [stand.users[jobber.encoded("User", facts["tech"])]] if facts["tech"] else []
        done = None if facts["finished"] is None else stamp(facts["finished"])
        return {"startAt": stamp(facts["start"]), "endAt": stamp(facts["end"]), "completedAt": done,
                "assignedUsers": crew}  # fmt: skip

    def lay(facts: Facts) -> str:
        key = str(stand.add(start=facts["start"], end=facts["end"])["id"])
        stand.change(key, **row(facts))
        return key

    return Trial(
        Jobber(conf, now=stage.hands.now),
        stand,
        lay=lay,
        change=lambda one, _, facts: nothing(stand.change(one, **row(facts))),
        remove=stand.delete,
    )


def _ical(stage: Stage, history: History) -> Trial:
    stand = stage.stand_in(feeds.Feeds)
    url = f"{stage.url}{stand.prefix}/{credentials.FEED_SECRET}/{_MARCO}.ics"
    conf = IcalConf({_MARCO: Feed(url, "Marco Bianchi", "marco@example.org")}, interval=INTERVAL, zone=history.zone)

    def put(key: str, facts: Facts) -> None:
        stand.put(_MARCO, key, SUMMARY="J-4711 Pump down", DTSTART=float(facts["start"]), DTEND=float(facts["end"]))

    def lay(facts: Facts) -> str:
        put("one", facts)
        return f"{_MARCO}:one"

    return Trial(
        Ical(conf, now=stage.hands.now),
        stand,
        lay=lay,
        change=lambda one, _, facts: put(one.partition(":")[2], facts),
        remove=lambda one: stand.drop(_MARCO, one.partition(":")[2]),
    )


# Nothing is deleted here: of a few rows one is too many to be believed at once (tests/pollers/test_snapshot.py).
SNAPSHOTS = (
    Kind(
        "jobber", "jobber",
        Abilities("visit", ("scheduled", "completed"), frozenset({"tech", "finished"}), techs=2, removes=False,
                  stamped=False, lags=False),
        _jobber,
    ),
    Kind(
        "ical", "ical",
        Abilities("visit", ("scheduled",), frozenset({"tech"}), techs=1, records=1, always_tech=True, removes=False,
                  stamped=False, lags=False, hooks=False),
        _ical,
    ),
)  # fmt: skip
