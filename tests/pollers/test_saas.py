"""What every helpdesk and CRM must do alike, over real HTTP, against stand-ins that refuse what the vendors refuse."""

import contextlib
import itertools
import json
import random

import pytest

from deskbell.core.outcome import Fault, Rejected, Retry, Sent, Unknown
from deskbell.core.ports import SourceError, SourceFault, WriteBack, WriteKind
from deskbell.core.records import Case, fingerprint
from tests.pollers.trials import ALL, HOUR, on_trial


@pytest.fixture(params=ALL)
async def trial(request, sb):
    async with on_trial(request.param, sb) as one:
        yield one


@pytest.fixture
def wait(sb, trial):
    """Until what happened can be seen over there."""
    return lambda: sb.clock.advance(trial.lag)


def note(record_id, number=1, text="Ana Ruiz acknowledged"):
    return WriteBack(WriteKind.NOTE, record_id, f"[D-12 #{number}]", text)


def subject_of(record):
    return record.subject if isinstance(record, Case) else record.name


def lay(sb, trial, count=1, *, ago=HOUR, apart=1.0):
    start = sb.clock.time() - ago
    return [trial.lay(f"Pump {n} down", start + int(n * apart)) for n in range(count)]


# ---------------------------------------------------------------- reading


async def test_the_first_poll_reads_everything_and_the_next_only_news(sb, trial, reading):
    (record_id,) = lay(sb, trial)
    held = reading(trial.source)
    await held.poll()
    assert held.complete
    assert set(held.records) == {record_id}
    assert subject_of(held.records[record_id]) == "Pump 0 down"
    assert held.pages[-1].read_at is not None
    assert not held.pages[-1].bad
    assert not held.pages[-1].unmapped
    sb.clock.advance(30)
    assert await held.poll() == {}


async def test_many_rows_come_page_by_page_also_when_a_page_holds_one_second_alone(sb, trial, reading):
    ids = lay(sb, trial, 37, apart=1 / 13)
    held = reading(trial.source)
    for _ in range(4):
        await held.poll()
    assert set(held.records) == set(ids)
    assert held.complete
    assert max(len(page.records) for page in held.pages) <= trial.page


async def test_a_change_comes_with_a_later_poll_and_nothing_else_does(sb, trial, reading, wait):
    first, second = lay(sb, trial, 2)
    held = reading(trial.source)
    await held.poll()
    sb.clock.advance(600)
    trial.touch(second, "Pump on fire")
    wait()
    brought = await held.poll()
    assert set(brought) == {second}
    assert subject_of(brought[second]) == "Pump on fire"
    assert first in held.records


async def test_rows_that_move_while_they_are_paged_are_not_lost(sb, trial, reading, wait):
    ids = lay(sb, trial, 35, ago=2 * HOUR)
    held, moved = reading(trial.source), iter(ids[:15])
    touched = set()
    async for page in trial.source.changes({}):
        held.cursor = json.loads(json.dumps(page.cursor))
        held.records |= {record.id: record for record in page.records}
        sb.clock.advance(1)
        for one in itertools.islice(moved, 3):
            trial.touch(one, "moved")
            touched.add(one)
    wait()
    sb.clock.advance(5)
    for _ in range(4):
        await held.poll()
    assert set(held.records) == set(ids)
    assert len(touched) >= 9
    assert {subject_of(held.records[one]) for one in touched} == {"moved"}


async def test_a_crash_between_two_pages_goes_on_where_it_was(sb, trial, reading):
    ids = lay(sb, trial, 35)
    held = reading(trial.source)
    pages = trial.source.changes({})
    first = await anext(pages)
    await pages.aclose()
    held.cursor, held.records = first.cursor, {record.id: record for record in first.records}
    trial.stand.faults.set("500", where=trial.listing, times=1)
    with pytest.raises(SourceError):
        await held.poll()
    for _ in range(3):
        await held.poll()
    assert set(held.records) == set(ids)


async def test_one_record_is_fetched_as_the_poll_has_it(sb, trial, reading):
    (record_id,) = lay(sb, trial)
    held = reading(trial.source)
    await held.poll()
    assert await trial.source.fetch(record_id) == held.records[record_id]


async def test_what_is_gone_is_none_and_missing(sb, trial):
    kept, gone = lay(sb, trial, 2)
    trial.remove(gone)
    assert await trial.source.fetch(gone) is None
    assert await trial.source.missing([kept, gone, "0123456789"]) == [gone, "0123456789"]


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_whatever_happens_in_the_end_everything_is_known(sb, trial, reading, seed):
    chance, truth, held = random.Random(seed), {}, reading(trial.source)
    for n in range(40):
        sb.clock.advance(chance.choice([0, 0, 1, 7, 45]))
        trial.slow(chance.choice([0, 3, 60]))
        match chance.choice(["new", "new", "many", "touch", "touch", "poll", "crash", "trouble"]):
            case "new":
                truth[trial.lay(f"New {n}", sb.clock.time())] = f"New {n}"
            case "many":
                moment = sb.clock.time()
                truth |= {trial.lay(f"Many {n}", moment): f"Many {n}" for _ in range(12)}
            case "touch" if truth:
                one = chance.choice(sorted(truth))
                trial.touch(one, f"Touched {n}")
                truth[one] = f"Touched {n}"
            case "poll":
                await held.poll()
            case "crash":
                await cut_off(held)
            case "trouble":
                trial.stand.faults.set("500", where=trial.listing, times=1)
                with contextlib.suppress(SourceError):
                    await held.poll()
    trial.stand.faults.heal()
    sb.clock.advance(trial.lag + 61)
    for _ in range(6):
        await held.poll()
    assert {key: subject_of(record) for key, record in held.records.items()} == truth


async def test_a_poll_without_news_costs_the_same_however_much_is_open(sb, trial, reading):
    costs = []
    for count in (5, 60):
        lay(sb, trial, count, ago=6 * HOUR, apart=300.0)
        held = reading(trial.source)
        for _ in range(6):
            await held.poll()
        assert held.complete
        sb.clock.advance(300)
        before = len(sb.ledger.entries)
        assert await held.poll() == {}
        costs.append(len(sb.ledger.entries) - before)
    assert costs[0] == costs[1] <= 5


async def cut_off(held):
    """A poll that ends after its first page."""
    pages = held.source.changes(json.loads(json.dumps(held.cursor)))
    page = await anext(pages)
    await pages.aclose()
    held.cursor = page.cursor
    held.records |= {record.id: record for record in page.records}


# ---------------------------------------------------------------- trouble


@pytest.mark.parametrize(
    ("kind", "fault"),
    [
        ("500", SourceFault.UNREACHABLE),
        ("401", SourceFault.AUTH),
        ("429", SourceFault.LIMITED),
        ("html", SourceFault.ANSWER),
        ("drop", SourceFault.UNREACHABLE),
    ],
)
async def test_trouble_is_named_with_source_and_path_and_without_a_secret(sb, trial, reading, kind, fault):
    (record_id,) = lay(sb, trial)
    assert await trial.source.fetch(record_id), "logged in"
    trial.stand.faults.set(kind, times=9)
    with pytest.raises(SourceError) as raised:
        await reading(trial.source).poll()
    assert raised.value.fault is fault
    assert trial.source.title in str(raised.value)
    assert "/" in str(raised.value)
    assert not [secret for secret in trial.secrets if secret in str(raised.value)]


# ---------------------------------------------------------------- writing


async def test_a_note_arrives_once_and_is_found_by_its_marker(sb, trial):
    (record_id,) = lay(sb, trial)
    item = note(record_id, text="Ana <b>Ruiz</b> & co acknowledged")
    assert not await trial.source.find(item)
    assert isinstance(await trial.source.write(item), Sent)
    sb.clock.advance(trial.lag)
    assert await trial.source.find(item)
    assert not await trial.source.find(note(record_id, 2))


async def test_what_we_wrote_does_not_ring_again_and_what_others_do_does(sb, trial, reading, wait):
    (record_id,) = lay(sb, trial)
    held = reading(trial.source)
    await held.poll()
    before = held.records[record_id]
    for number in (1, 2):
        sb.clock.advance(60)
        await trial.source.write(note(record_id, number))
    wait()
    sb.clock.advance(30)
    after = (await held.poll()).get(record_id, before)
    assert fingerprint(after) == fingerprint(before)
    sb.clock.advance(60)
    trial.touch(record_id, "Pump really down")
    wait()
    after = (await held.poll())[record_id]
    assert fingerprint(after) != fingerprint(before)


async def test_reassign_sets_the_agent_and_a_wrong_one_is_refused_with_words(sb, trial):
    (record_id,) = lay(sb, trial)
    good, bad = trial.agents
    item = WriteBack(WriteKind.ASSIGN, record_id, "[D-12 #3]", "Ana gave it to Ben", good)
    assert not await trial.source.find(item)
    assert isinstance(await trial.source.write(item), Sent)
    sb.clock.advance(trial.lag)
    assert await trial.source.find(item)
    assert isinstance(await trial.source.write(item), Sent)
    outcome = await trial.source.write(WriteBack(WriteKind.ASSIGN, record_id, "[D-1 #1]", "", bad))
    assert isinstance(outcome, Rejected)
    assert outcome.fault in (Fault.CONFIG, Fault.PAYLOAD)
    assert bad in outcome.why


async def test_resolve_resolves_with_a_note_or_is_refused_with_words(sb, trial):
    (record_id,) = lay(sb, trial)
    item = WriteBack(WriteKind.RESOLVE, record_id, "[D-12 #4]", "Ana resolved it: valve changed")
    outcome = await trial.source.write(item)
    if not trial.resolves:
        assert isinstance(outcome, Rejected)
        assert outcome.fault is Fault.CONFIG
        return
    assert isinstance(outcome, Sent)
    sb.clock.advance(trial.lag)
    assert await trial.source.find(item)
    assert (await trial.source.fetch(record_id)).done


async def test_a_record_that_is_gone_is_refused(trial):
    outcome = await trial.source.write(note("0123456789"))
    assert isinstance(outcome, Rejected)
    assert outcome.fault is Fault.TARGET


@pytest.mark.parametrize(("kind", "outcome"), [("500", Unknown), ("429", Retry), ("401", Rejected), ("lost", Unknown)])
async def test_a_refused_write_is_an_outcome_and_never_an_exception(sb, trial, kind, outcome):
    (record_id,) = lay(sb, trial)
    assert await trial.source.fetch(record_id), "logged in"
    trial.stand.faults.set(kind, where=trial.write, times=2 if kind == "401" else 1)
    assert isinstance(await trial.source.write(note(record_id)), outcome)
    trial.stand.faults.heal()


# ---------------------------------------------------------------- deskbell check


async def test_check_is_content_with_a_healthy_source(sb, trial):
    lay(sb, trial, ago=600)
    findings = await trial.source.check()
    assert [finding for finding in findings if not finding.ok] == []
    assert len(findings) >= 4


async def test_check_names_wrong_credentials_and_stops_there(trial):
    trial.stand.faults.set("401")
    (finding,) = await trial.source.check()
    assert not finding.ok
    assert "credentials" in finding.what
    assert "heck" in finding.detail, "what to look at"


async def test_check_sees_a_clock_that_is_off(sb, trial):
    trial.source.now = trial.source._now = lambda: sb.clock.now().replace(year=2027)
    findings = {finding.what: finding for finding in await trial.source.check()}
    assert not findings[f"{trial.source.title} clock"].ok


# ---------------------------------------------------------------- the vendors' own descriptions


async def everything(source, record_id, agent, lag):
    """All that a source can be asked to do."""
    async for _ in source.changes({}):
        pass
    await source.fetch(record_id)
    await source.missing([record_id, "0123456789"])
    for kind in WriteKind:
        item = WriteBack(kind, record_id, "[D-12 #345]", "Ana <b>acknowledged</b>\nat 14:02", agent)
        await source.find(item)
        await source.write(item)
        lag()
    await source.check()


async def test_no_request_breaks_the_vendors_description(sb, trial, wait, oracle_module):
    if oracle_module is None:
        pytest.skip("the vendors' descriptions are not beside this checkout; DESKBELL_SPECS may name their folder")
    system = trial.extra.get("system")
    if not system:
        pytest.skip("the vendor's description is not among those at hand")
    requests = []

    async def listen(request):
        url = str(request.url).replace(trial.extra["prefix"], "", 1)
        requests.append({"method": request.method, "url": url, "headers": dict(request.headers),
                         "body": request.content, "system": system})  # fmt: skip

    trial.source.http._client.event_hooks = {"request": [listen]}
    (record_id, *_) = lay(sb, trial, 12)
    await everything(trial.source, record_id, trial.agents[0], wait)
    violations, checked = [], 0
    for request in requests:
        found = oracle_module.check(request, strict=True)
        checked += not any("is not in the document" in one for one in found)
        violations += [(request["method"], request["url"], one) for one in found if not departs(trial, request, one)]
    assert violations == []
    assert checked >= 8


def departs(trial, request, complaint):
    """What the description lacks, with its reason beside it in trials.py."""
    path = request["url"].partition("?")[0]
    return any(part in path and said in complaint for part, said in trial.extra["departures"])
