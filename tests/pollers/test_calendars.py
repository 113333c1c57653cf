"""What calendars that are read by a token must do alike: tokens that are forgotten, readings that lack something."""

import pytest

from deskbell.core.ports import SourceError, SourceFault
from pollers.calendars import Calendar, number_of
from pollers.google_calendar import GoogleCalendarConf
from pollers.graph_calendar import GraphCalendarConf, id_of
from tests.pollers.schedules import HOUR, google_calendar, graph_calendar

MARCO, LENA = "marco@example.org", "lena@example.org"
BOTH = {"google": google_calendar, "graph": graph_calendar}


@pytest.fixture(params=BOTH)
async def trial(request, sb):
    one = BOTH[request.param](sb)
    yield one
    await one.source.close()


@pytest.fixture
def visits(sb, trial):
    return [trial.lay(sb.clock.time() + HOUR * (n + 1)) for n in range(6)]


def theirs(trial, record_id):
    """The vendor's own id."""
    google = record_id.partition(":")[2]
    held = getattr(trial.stand, "mailboxes", None)
    return google if held is None else next(key for key in held[MARCO] if id_of("marco", key) == record_id)


def gone(held):
    return [one for page in held.pages for one in page.gone]


async def test_a_poll_with_nothing_new_is_one_call_a_calendar(sb, trial, visits, reading):
    held = reading(trial.source)
    await held.poll()
    before = len(sb.ledger.of(trial.stand.name, "read"))
    assert await held.poll() == {}
    assert len(sb.ledger.of(trial.stand.name, "read")) - before == 2
    assert held.complete


async def test_a_token_that_is_forgotten_means_a_whole_reading_and_no_lost_deletion(sb, trial, visits, reading):
    held = reading(trial.source)
    await held.poll()
    trial.remove(visits[2])
    trial.move(visits[3], sb.clock.time() + 9 * HOUR)
    trial.stand.forgotten = trial.stand.changes + 1
    brought = await held.poll()
    assert set(brought) == {visits[3]}
    assert gone(held) == [], "once may be a hiccup"
    await held.poll()
    assert gone(held) == [visits[2]]
    trial.stand.forgotten = 0
    await held.poll()
    trial.move(visits[1], sb.clock.time() + 9 * HOUR)
    assert set(await held.poll()) == {visits[1]}, "from then on by the token again"
    assert gone(held) == [visits[2]]


async def test_what_a_whole_reading_lacks_is_looked_at_before_it_counts_as_gone(sb, trial, visits, reading):
    held = reading(trial.source)
    await held.poll()
    trial.stand.kept_back.add(theirs(trial, visits[4]))
    trial.stand.forgotten = trial.stand.changes + 1
    for _ in range(3):
        await held.poll()
    assert gone(held) == []


async def test_a_whole_reading_with_too_little_is_not_believed(trial, visits, reading):
    held = reading(trial.source)
    await held.poll()
    trial.stand.kept_back |= {theirs(trial, one) for one in visits[:4]}
    trial.stand.forgotten = trial.stand.changes + 1
    with pytest.raises(SourceError, match="marco shows less than half of the 6 rows"):
        await held.poll()
    assert gone(held) == []


async def test_the_window_moves_on_once_a_day(sb, trial, visits, reading):
    held = reading(trial.source)
    await held.poll()
    far = trial.lay(sb.clock.time() + 30.5 * 24 * HOUR)
    await held.poll()
    sb.clock.advance(25 * HOUR)
    await held.poll()
    assert far in held.records
    assert gone(held) == []


async def test_an_event_that_leaves_the_window_is_moved_and_not_gone(sb, trial, visits, reading):
    held = reading(trial.source)
    await held.poll()
    trial.move(visits[2], sb.clock.time() + 90 * 24 * HOUR)
    brought = await held.poll()
    assert set(brought) == {visits[2]}
    assert gone(held) == []


async def test_one_calendar_that_can_not_be_read_delays_no_other(sb, trial, visits, reading):
    whole = dict(trial.source.conf.calendars)
    broken = {"gone": Calendar("nobody@example.org"), **whole}
    source = trial.opened(sb.clock.now, calendars=broken)
    held = reading(source)
    with pytest.raises(SourceError, match="gone"):
        await held.poll()
    assert {record.id for page in held.pages for record in page.records} == set(visits)
    assert not held.complete
    findings = await source.check()
    assert [finding.what for finding in findings if not finding.ok] == [f"{source.title} gone"]
    await source.close()


async def test_somebody_elses_calendar_is_somebody_elses_visit(sb, trial, reading):
    start = sb.clock.time() + HOUR
    trial.stand.add(LENA, start=start, end=start + HOUR)
    (visit,) = (await reading(trial.source).poll()).values()
    assert (visit.technician, visit.zone) == ("Lena Hoffmann", "Europe/Berlin")
    assert visit.number == "J-4001"


async def test_a_crash_in_the_middle_reads_the_pages_once_more(sb, trial, reading):
    ids = {trial.lay(sb.clock.time() + HOUR + n) for n in range(25)}
    held = reading(trial.source)
    async for page in trial.source.changes({}):
        held.cursor = page.cursor
        break
    records = await held.poll()
    assert set(records) == ids


async def test_no_limit_is_worded_as_a_refused_login(trial, visits, reading):
    held = reading(trial.source)
    await held.poll()
    trial.stand.faults.set("429", times=1)
    with pytest.raises(SourceError) as caught:
        await held.poll()
    assert caught.value.fault is SourceFault.LIMITED


@pytest.mark.parametrize("conf", [GoogleCalendarConf, GraphCalendarConf])
@pytest.mark.parametrize(
    ("calendars", "said"),
    [({}, "there is none"), ({"a": Calendar("")}, "a mailbox"), ({"a:b": Calendar("x")}, "colon")],
)
def test_wrong_calendars_are_told(conf, calendars, said):
    more = {"account": "a", "private_key": "k"} if conf is GoogleCalendarConf else {"tenant": "t"}
    more |= {"client_id": "us", "client_secret": "s3cret"}
    with pytest.raises(ValueError, match=said):
        conf(calendars, **more)


def test_numbers():
    assert number_of("J-4711 Booster", "x", r"J-\d+") == "J-4711"
    assert number_of("Booster", "x", r"J-\d+") == "Booster"
    assert number_of("", "x", "") == "x"
