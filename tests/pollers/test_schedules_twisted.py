"""Scheduling systems whose answers are spoilt on the way: that is told, the rest goes on, nothing is lost or gone."""

import contextlib
from types import SimpleNamespace

import pytest
from aiohttp import web

from deskbell.core.ports import SourceError, SourceFault
from tests.pollers.schedules import ALL, HOUR
from tests.pollers.test_saas_twisted import WHOLE, Twister, changed

# Where the rows of each listing are, and what a row calls its id.
ROWS = {
    "servicetitan": ("data", "id"),
    "salesforce_field": ("records", "Id"),
    "dynamics": ("value", "bookableresourcebookingid"),
    "jobber": ("data.visits.nodes", "id"),
    "google_calendar": ("items", "id"),
    "graph_calendar": ("value", "id"),
}


@pytest.fixture(params=ROWS)
async def twisted(request, sb):
    """A trial behind a twister: (trial, twister, where its rows are)."""
    twister = Twister(sb.url)
    app = web.Application(client_max_size=2**24)
    app.router.add_route("*", "/{rest:.*}", twister.handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    trial = ALL[request.param](SimpleNamespace(url=url, others=sb.others, clock=sb.clock))
    trial.stand.url = url  # its links lead through the twister as well
    twister.listing = trial.listing
    yield trial, twister, ROWS[request.param]
    await trial.source.close()
    await twister.client.aclose()
    await runner.cleanup()


def at(data, path, change):
    """The data with the rows at this path changed."""
    *above, last = path.split(".")
    inner = data
    for name in above:
        inner = inner[name] if isinstance(inner, dict) and name in inner else {}
    if last in inner:
        inner[last] = change(inner[last])
    return data


def lay(sb, trial, count):
    return [trial.lay(int(sb.clock.time()) + HOUR * (n + 1)) for n in range(count)]


@pytest.mark.parametrize("how", WHOLE)
async def test_an_answer_that_is_none_is_told_and_nothing_is_lost_or_gone(sb, twisted, reading, how):
    trial, twister, _ = twisted
    ids = lay(sb, trial, 3)
    held = reading(trial.source)
    await held.poll()
    trial.move(ids[1], int(sb.clock.time()) + 9 * HOUR)
    twister.spoil = WHOLE[how]
    for _ in range(3):
        with pytest.raises(SourceError) as raised:
            await held.poll()
        assert raised.value.fault is SourceFault.ANSWER
        assert trial.source.title in str(raised.value)
    twister.spoil = None
    assert set(await held.poll()) == {ids[1]}
    assert [page.gone for page in held.pages if page.gone] == []


@pytest.mark.parametrize("value", [None, {}, "rows"])
async def test_rows_that_are_no_list_are_told(sb, twisted, reading, value):
    trial, twister, (rows, _) = twisted
    lay(sb, trial, 1)
    twister.spoil = changed(lambda data: at(data, rows, lambda _: value))
    with pytest.raises(SourceError, match="list"):
        await reading(trial.source).poll()


async def test_broken_rows_are_put_aside_and_the_others_go_on(sb, twisted, reading):
    trial, twister, (rows, name) = twisted
    ids = lay(sb, trial, 3)
    broken = [None, [], "row", 7, {}, {name: None}, {name: {}}, {name: True}]
    twister.spoil = changed(lambda data: at(data, rows, lambda good: [*broken, *good, *broken]))
    held = reading(trial.source)
    await held.poll()
    assert set(held.records) == set(ids)
    aside = [bad for page in held.pages for bad in page.bad]
    assert len(aside) >= 5
    assert all(bad.error and bad.raw for bad in aside)


async def test_a_row_that_comes_twice_is_one_visit(sb, twisted, reading):
    trial, twister, (rows, _) = twisted
    (record_id,) = lay(sb, trial, 1)
    twister.spoil = changed(lambda data: at(data, rows, lambda good: good * 3))
    held = reading(trial.source)
    await held.poll()
    assert [record.id for record in held.pages[0].records] == [record_id]


async def test_a_listing_that_is_suddenly_empty_takes_nobodys_visits_away(sb, twisted, reading):
    trial, twister, (rows, _) = twisted
    lay(sb, trial, 6)
    held = reading(trial.source)
    await held.poll()
    twister.spoil = changed(lambda data: at(data, rows, lambda _: []))
    for _ in range(3):
        sb.clock.advance(1000)
        with contextlib.suppress(SourceError):  # most are told that this can't be
            await held.poll()
    assert [page.gone for page in held.pages if page.gone] == []


@pytest.mark.parametrize("how", ["null", "a list", "an empty object", "half of it"])
async def test_check_tells_what_it_can_not_read_and_never_breaks(sb, twisted, how):
    trial, twister, _ = twisted
    lay(sb, trial, 1)
    twister.listing, twister.spoil = "", WHOLE[how]
    findings = await trial.source.check()
    assert [finding for finding in findings if not finding.ok]


async def test_forbidden_is_told_as_a_right_that_is_missing(sb, twisted, reading):
    trial, twister, _ = twisted
    lay(sb, trial, 1)
    twister.spoil = lambda _: (b"{}", 403, {})
    with pytest.raises(SourceError) as raised:
        await reading(trial.source).poll()
    assert raised.value.fault is SourceFault.AUTH
