"""What every scheduling system must do alike, over real HTTP, against stand-ins that refuse what the vendors refuse."""

import json
from datetime import timedelta

import pytest

from deskbell.core.outcome import Fault, Rejected, Retry, Sent, Unknown
from deskbell.core.ports import SourceError, SourceFault, WriteBack, WriteKind
from deskbell.core.records import Visit
from tests.pollers.schedules import ALL, HOUR, READ_ONLY


@pytest.fixture(params=ALL)
async def trial(request, sb):
    one = ALL[request.param](sb)
    yield one
    await one.source.close()


def note(record_id, number=1, text="Ana Ruiz acknowledged"):
    return WriteBack(WriteKind.NOTE, record_id, f"[D-12 #{number}]", text)


def lay(sb, trial, count=1, *, apart=60.0):
    """Visits in two hours and later."""
    start = int(sb.clock.time()) + 2 * HOUR
    return [trial.lay(start + n * apart) for n in range(count)]


async def settled(held, polls=3):
    """What some polls brought, none of which may fail."""
    brought = {}
    for _ in range(polls):
        brought |= await held.poll()
    return brought


# ---------------------------------------------------------------- reading


async def test_the_first_poll_reads_everything_and_the_next_only_news(sb, trial, reading):
    (record_id,) = lay(sb, trial)
    held = reading(trial.source)
    await held.poll()
    assert held.complete
    assert set(held.records) == {record_id}
    visit = held.records[record_id]
    assert isinstance(visit, Visit)
    assert visit.start.timestamp() == pytest.approx(sb.clock.time() + 2 * HOUR, abs=60)
    assert visit.number
    assert held.pages[-1].read_at is not None
    assert not [page.bad or page.unmapped for page in held.pages if page.bad or page.unmapped]
    sb.clock.advance(30)
    await held.poll()
    assert await held.poll() == {}


async def test_many_visits_come_page_by_page(sb, trial, reading):
    ids = lay(sb, trial, 37)
    held = reading(trial.source)
    await settled(held)
    assert set(held.records) == set(ids)
    assert held.complete
    if trial.pages:
        assert max(len(page.records) for page in held.pages) <= 10


async def test_a_move_is_seen_and_nothing_else_is(sb, trial, reading):
    first, second = lay(sb, trial, 2)
    held = reading(trial.source)
    await settled(held)
    before = held.records[second].start
    sb.clock.advance(600)
    trial.move(second, before.timestamp() + HOUR)
    brought = await settled(held)
    assert set(brought) == {second}
    assert brought[second].start - before == timedelta(hours=1)
    assert first in held.records


async def test_a_deleted_visit_is_told_as_gone_and_only_once(sb, trial, reading):
    ids = lay(sb, trial, 5)
    held = reading(trial.source)
    await settled(held)
    del held.pages[:]
    sb.clock.advance(1000)
    trial.remove(ids[3])
    for _ in range(trial.polls_to_be_gone):
        await held.poll()
        sb.clock.advance(1000)
    await settled(held)
    assert [one for page in held.pages for one in page.gone] == [ids[3]]
    assert await trial.source.fetch(ids[3]) is None
    assert await trial.source.missing([ids[0], ids[3]]) in ([ids[3]], []), "a source that tells it need not be asked"


async def test_visits_that_move_while_they_are_paged_are_not_lost(sb, trial, reading):
    ids = lay(sb, trial, 35)
    held, turn = reading(trial.source), iter(ids)
    async for page in trial.source.changes({}):
        held.cursor = json.loads(json.dumps(page.cursor or held.cursor))
        held.records |= {record.id: record for record in page.records}
        sb.clock.advance(1)
        moved = next(turn)
        trial.move(moved, int(sb.clock.time()) + 5 * HOUR)
    await settled(held, 4)
    assert set(held.records) == set(ids)
    late = [one for one in ids if held.records[one].start.timestamp() > sb.clock.time() + 4 * HOUR]
    assert len(late) >= 1


async def test_a_poll_that_breaks_off_goes_on_with_the_next(sb, trial, reading):
    ids = lay(sb, trial, 25)
    held = reading(trial.source)
    trial.stand.faults.set("500", times=1, where=trial.listing)
    with pytest.raises(SourceError) as caught:
        await held.poll()
    assert caught.value.fault is SourceFault.UNREACHABLE
    await settled(held)
    assert set(held.records) == set(ids)
    assert not [page.gone for page in held.pages if page.gone]


@pytest.mark.parametrize(
    ("kind", "fault"),
    [
        ("401", SourceFault.AUTH),
        ("429", SourceFault.LIMITED),
        ("html", SourceFault.ANSWER),
        ("500", None),
        ("drop", None),
    ],
)
async def test_trouble_is_told_in_words_that_hold_no_secret(sb, trial, reading, kind, fault):
    lay(sb, trial)
    trial.stand.faults.set(kind, times=4, where=trial.listing)
    with pytest.raises(SourceError) as caught:
        await reading(trial.source).poll()
    assert caught.value.fault is (fault or SourceFault.UNREACHABLE)
    assert trial.source.title in str(caught.value)
    for secret in trial.secrets:
        assert secret not in repr(caught.value)
        assert secret not in repr(trial.source.conf)


async def test_a_token_that_is_taken_back_is_replaced(sb, trial, reading):
    ids = lay(sb, trial)
    held = reading(trial.source)
    await held.poll()
    trial.revoke()
    sb.clock.advance(60)
    trial.move(ids[0], sb.clock.time() + 5 * HOUR)
    assert set(await settled(held)) == set(ids)


async def test_a_cursor_survives_a_restart(sb, trial, reading):
    lay(sb, trial, 3)
    held = reading(trial.source)
    await settled(held)
    again = trial.opened(sb.clock.now)
    held.source = again
    assert await settled(held) == {}
    await again.close()


async def test_one_visit_by_its_id(sb, trial):
    (record_id,) = lay(sb, trial)
    async for _ in trial.source.changes({}):
        pass  # some systems' ids are too long to keep, and are known by ours after a reading
    assert (await trial.source.fetch(record_id)).id == record_id
    for none in ("0123456789", "no/such", ""):
        assert await trial.source.fetch(none) is None


# ---------------------------------------------------------------- writing


@pytest.mark.parametrize("trial", sorted(ALL.keys() - READ_ONLY), indirect=True)
async def test_somebody_elses_assignment_is_seen(sb, trial, reading):
    (record_id,) = lay(sb, trial)
    held = reading(trial.source)
    await settled(held)
    before = held.records[record_id].technician
    sb.clock.advance(60)
    trial.assign(record_id, trial.people[0])
    brought = await settled(held)
    assert set(brought) == {record_id}
    assert brought[record_id].technician != before


async def test_a_note_arrives_once_and_is_found_by_its_marker(sb, trial):
    (record_id,) = lay(sb, trial)
    item = note(record_id, text="Ana <b>Ruiz</b> & co acknowledged")
    outcome = await trial.source.write(item)
    if not trial.notes:
        assert isinstance(outcome, Rejected)
        assert outcome.fault is Fault.CONFIG
        return
    assert isinstance(outcome, Sent)
    assert await trial.source.find(item)
    assert not await trial.source.find(note(record_id, 2))


async def test_reassign_sets_the_technician_and_a_wrong_one_is_refused(sb, trial):
    (record_id,) = lay(sb, trial)
    good, bad = trial.people
    item = WriteBack(WriteKind.ASSIGN, record_id, "[D-12 #3]", "Ana gave it to Lena", good)
    outcome = await trial.source.write(item)
    if not good:
        assert isinstance(outcome, Rejected)
        return
    assert isinstance(outcome, Sent)
    assert await trial.source.find(item)
    assert (await trial.source.fetch(record_id)).technician_id == good
    assert isinstance(await trial.source.write(item), Sent)
    outcome = await trial.source.write(WriteBack(WriteKind.ASSIGN, record_id, "[D-1 #1]", "", bad))
    assert isinstance(outcome, Rejected)
    assert outcome.fault in (Fault.CONFIG, Fault.PAYLOAD, Fault.TARGET)


async def test_resolve_completes_or_is_refused_with_words(sb, trial):
    (record_id,) = lay(sb, trial)
    item = WriteBack(WriteKind.RESOLVE, record_id, "[D-12 #4]", "Ana resolved it")
    outcome = await trial.source.write(item)
    if not trial.resolves:
        assert isinstance(outcome, Rejected)
        assert outcome.fault is Fault.CONFIG
        return
    assert isinstance(outcome, Sent)
    assert await trial.source.find(item)
    assert (await trial.source.fetch(record_id)).done


async def test_a_visit_that_is_gone_is_refused(trial):
    outcome = await trial.source.write(note("0123456789"))
    assert isinstance(outcome, Rejected)


@pytest.mark.parametrize(("kind", "outcome"), [("500", Unknown), ("429", Retry), ("401", Rejected), ("lost", Unknown)])
@pytest.mark.parametrize("trial", sorted(ALL.keys() - READ_ONLY), indirect=True)
async def test_a_refused_write_is_an_outcome_and_never_an_exception(sb, trial, kind, outcome):
    (record_id,) = lay(sb, trial)
    raw = await trial.source.one(record_id)

    async def looked_up_before(_record_id):
        return raw

    trial.source.one = looked_up_before  # so that it is the write that meets the trouble
    trial.stand.faults.set(kind, where=trial.write, times=4 if kind == "401" else 1)
    assert isinstance(await trial.source.write(note(record_id)), outcome)


# ---------------------------------------------------------------- deskbell check


async def test_check_is_content_with_a_healthy_source(sb, trial):
    lay(sb, trial, 3)
    findings = await trial.source.check()
    assert [finding for finding in findings if not finding.ok] == []
    assert len(findings) >= 3


async def test_check_is_content_with_a_system_that_has_nothing_yet(trial):
    assert [finding for finding in await trial.source.check() if not finding.ok] == []


async def test_check_names_wrong_credentials_and_stops_there(sb, trial):
    trial.stand.faults.set("401")
    findings = await trial.source.check()
    assert not findings[0].ok
    assert any(word in findings[0].detail for word in ("credentials", "client_secret", "refused"))


async def test_check_sees_a_clock_that_is_off(sb, trial):
    lay(sb, trial)
    trial.source.now = trial.source._now = lambda: sb.clock.now() + timedelta(minutes=5)
    clocks = [finding for finding in await trial.source.check() if finding.what.endswith("clock")]
    assert clocks
    assert not clocks[0].ok
