"""Helpdesks and CRMs whose answers are spoilt on the way: that is told, the rest goes on, nothing is lost."""

import gzip
import json
from types import SimpleNamespace

import httpx
import pytest
from aiohttp import web

from deskbell.core.ports import SourceError, SourceFault
from tests.pollers.trials import HOUR, on_trial

# Where the rows of each listing are, and what a row calls its id and its time of change.
ROWS = {
    "freshdesk": ("", "id", "updated_at"),  # the rows are all of the answer
    "servicenow": ("result", "sys_id", "sys_updated_on"),
    "zendesk": ("tickets", "id", "updated_at"),
    "salesforce": ("records", "Id", "SystemModstamp"),
    "hubspot": ("results", "id", "updatedAt"),
    "zoho_crm": ("data", "id", "Modified_Time"),
    "intercom": ("conversations", "id", "updated_at"),
    "pipedrive": ("data", "id", "update_time"),
}
DROPPED = {"content-length", "transfer-encoding", "content-encoding", "connection", "host"}


class Twister:
    """Stands between a source and its stand-in, and spoils the listing while it is told how."""

    def __init__(self, target):
        self.target, self.spoil, self.listing = target, None, ""
        self.client = httpx.AsyncClient(trust_env=False, verify=False, timeout=20)  # noqa: S501 - loopback, plain

    async def handle(self, request):
        headers = {name: value for name, value in request.headers.items() if name.lower() not in DROPPED}
        url = f"{self.target}{request.rel_url}"
        answer = await self.client.request(request.method, url, headers=headers, content=await request.read())
        body, status = answer.content, answer.status_code
        sent = {name: value for name, value in answer.headers.items() if name.lower() not in DROPPED}
        if self.spoil and request.path.endswith(self.listing) and body:
            spoilt = self.spoil(body)
            body, status, more = spoilt if isinstance(spoilt, tuple) else (spoilt, status, {})
            sent |= more
        return web.Response(body=body, status=status, headers=sent)


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
    behind = SimpleNamespace(
        url=url, others=sb.others, clock=sb.clock, freshdesk=sb.freshdesk, servicenow=sb.servicenow
    )
    async with on_trial(request.param, behind) as trial:
        twister.listing = trial.listing
        yield trial, twister, ROWS[request.param]
    await twister.client.aclose()
    await runner.cleanup()


def changed(change):
    """Spoils the parsed body."""

    def spoil(body):
        data = json.loads(body)
        return json.dumps(change(data)).encode()

    return spoil


def with_rows(data, rows, change):
    """The answer with other rows in it."""
    return data | {rows: change(data[rows])} if rows else change(data)


def lay(sb, trial, count):
    return [trial.lay(f"Pump {n}", sb.clock.time() - HOUR + n) for n in range(count)]


WHOLE = {
    "half of it": lambda body: body[: len(body) // 2],
    "nested without end": lambda _: b"[" * 100_000,
    "null": lambda _: b"null",
    "a list": lambda _: b"[]",
    "a text": lambda _: b'"ok"',
    "an empty object": lambda _: b"{}",
    "a login page": lambda _: (b"<html>log in</html>", 200, {"Content-Type": "text/html"}),
    "a bomb": lambda _: (gzip.compress(b" " * 40_000_000), 200, {"Content-Encoding": "gzip"}),
}


@pytest.mark.parametrize("how", WHOLE)
async def test_an_answer_that_is_none_is_told_and_nothing_is_lost(sb, twisted, reading, how):
    trial, twister, (rows, _, _) = twisted
    if how == "a list" and not rows:
        pytest.skip("where the rows are all of the answer, a list is one")
    ids = lay(sb, trial, 3)
    held = reading(trial.source)
    twister.spoil = WHOLE[how]
    with pytest.raises(SourceError) as raised:
        await held.poll()
    assert raised.value.fault is SourceFault.ANSWER
    assert trial.source.title in str(raised.value)
    assert not held.records
    twister.spoil = None
    await held.poll()
    assert set(held.records) == set(ids)


@pytest.mark.parametrize("value", [None, {}, "rows"])
async def test_rows_that_are_no_list_are_told(sb, twisted, reading, value):
    trial, twister, (rows, _, _) = twisted
    lay(sb, trial, 1)
    twister.spoil = changed(lambda data: with_rows(data, rows, lambda _: value))
    with pytest.raises(SourceError, match="list"):
        await reading(trial.source).poll()


async def test_broken_rows_are_put_aside_and_the_others_go_on(sb, twisted, reading):
    trial, twister, (rows, name, _) = twisted
    ids = lay(sb, trial, 3)
    broken = [None, [], "row", 7, {}, {name: None}, {name: {}}, {name: True}]
    twister.spoil = changed(lambda data: with_rows(data, rows, lambda good: [*broken, *good, *broken]))
    held = reading(trial.source)
    await held.poll()
    assert set(held.records) == set(ids)
    aside = [bad for page in held.pages for bad in page.bad]
    assert len(aside) >= 5
    assert all(bad.error and bad.raw for bad in aside)


async def test_a_row_that_comes_twice_is_one_record(sb, twisted, reading):
    trial, twister, (rows, _, _) = twisted
    (record_id,) = lay(sb, trial, 1)
    twister.spoil = changed(lambda data: with_rows(data, rows, lambda good: good * 3))
    held = reading(trial.source)
    await held.poll()
    assert [record.id for record in held.pages[0].records] == [record_id]


@pytest.mark.parametrize("stamp", ["0001-01-01T00:00:00Z", "2150-01-01T00:00:00Z", None, [], -5])
async def test_a_stamp_that_can_not_be_takes_no_later_change_with_it(sb, twisted, reading, stamp):
    trial, twister, (rows, _, name) = twisted
    first, second = lay(sb, trial, 2)

    def first_spoilt(found):
        for row in found[:1]:
            row[name] = stamp
            if isinstance(row.get("properties"), dict):
                row["properties"]["hs_lastmodifieddate"] = stamp
        return found

    def spoil(data):
        return with_rows(data, rows, first_spoilt)

    held = reading(trial.source)
    twister.spoil = changed(spoil)
    await held.poll()
    assert set(held.records) == {first, second}
    twister.spoil = None
    sb.clock.advance(120)
    trial.touch(second, "changed")
    sb.clock.advance(trial.lag)
    assert second in await held.poll()


async def test_not_a_number_and_half_a_character_are_only_values(sb, twisted, reading):
    trial, twister, _ = twisted
    ids = lay(sb, trial, 2)
    twister.spoil = lambda body: (
        body.replace(b"Pump 0", b"Pump \\ud83d").replace(b'"High"', b"NaN").replace(b'"normal"', b"NaN")
    )
    held = reading(trial.source)
    await held.poll()
    assert set(held.records) == set(ids)


async def test_too_often_without_a_time_is_a_limit_all_the_same(sb, twisted, reading):
    trial, twister, _ = twisted
    lay(sb, trial, 1)
    twister.spoil = lambda _: (b"", 429, {})
    with pytest.raises(SourceError) as raised:
        await reading(trial.source).poll()
    assert raised.value.fault is SourceFault.LIMITED


async def test_forbidden_is_told_as_a_right_that_is_missing(sb, twisted, reading):
    trial, twister, _ = twisted
    lay(sb, trial, 1)
    twister.spoil = lambda _: (b"{}", 403, {})
    with pytest.raises(SourceError) as raised:
        await reading(trial.source).poll()
    assert raised.value.fault is SourceFault.AUTH


@pytest.mark.parametrize("how", ["null", "a list", "an empty object", "half of it"])
async def test_check_tells_what_it_can_not_read_and_never_breaks(sb, twisted, how):
    trial, twister, _ = twisted
    lay(sb, trial, 1)
    twister.listing, twister.spoil = "", WHOLE[how]
    findings = await trial.source.check()
    assert [finding for finding in findings if not finding.ok]
