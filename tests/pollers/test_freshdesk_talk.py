"""What was said in Freshdesk's tickets, what was thrown away, and the account's calls, over real HTTP."""

import contextlib
from dataclasses import replace
from datetime import timedelta

import pytest

from deskbell.core.ports import SourceError, WriteBack, WriteKind
from deskbell.core.records import CaseStatus, HappeningKind, fingerprint
from pollers.freshdesk import Freshdesk
from pollers.happenings import Requests
from pollers.share import Share
from tests.pollers.trials import HOUR, on_trial

ANA, CUSTOMER = 1001, 7500


@pytest.fixture
async def trial(sb):
    async with on_trial("freshdesk", sb) as one:
        yield one


@pytest.fixture
def tickets(trial):
    return trial.stand.tickets


@contextlib.asynccontextmanager
async def configured(trial, **changes):
    source = Freshdesk(replace(trial.source.conf, **changes), now=trial.source.now)
    yield source
    await source.close()


def lay(sb, tickets, **fields):
    """A ticket that was laid down an hour ago."""
    return tickets.add("Pump down", created=sb.clock.time() - HOUR, requester_id=CUSTOMER, **fields).id


def asked(sb, path):
    return sum(path in line.what.get("path", "") for line in sb.ledger.entries)


def kinds(case):
    return [one.kind for one in case.happenings]


# ---------------------------------------------------------------- what was said


async def test_each_kind_of_word_is_what_it_is(sb, trial, tickets, reading):
    one = lay(sb, tickets, responder_id=ANA)
    tickets.answer(one, "<p>It leaks again</p>", files=("leak.pdf",))
    tickets.converse(one, "look at the valve", user=ANA, private=True, source=2)
    tickets.converse(one, "We come at noon", user=ANA, private=False, source=0)
    tickets.converse(one, "sent to the maker", user=ANA, private=False, source=8)
    tickets.converse(one, "mailed by Ana", user=ANA, private=False, source=0, incoming=True)
    held = reading(trial.source)
    await held.poll()
    case = held.records[str(one)]
    told = {(found.kind, found.text_hint or found.name): found for found in case.happenings}
    assert set(told) == {
        (HappeningKind.CUSTOMER_REPLY, "It leaks again"),
        (HappeningKind.DOCUMENT, "leak.pdf"),
        (HappeningKind.NOTE, "look at the valve"),
        (HappeningKind.REPLY, "We come at noon"),
        (HappeningKind.NOTE, "sent to the maker"),
        (HappeningKind.REPLY, "mailed by Ana"),
    }
    assert told[HappeningKind.CUSTOMER_REPLY, "It leaks again"].author == "Erika Sample"
    assert told[HappeningKind.NOTE, "look at the valve"].author == "Ana Ruiz"
    assert told[HappeningKind.NOTE, "look at the valve"].private
    assert await trial.source.fetch(str(one)) == case


async def test_our_own_note_is_no_news(sb, trial, tickets, reading):
    one = str(lay(sb, tickets))
    held = reading(trial.source)
    await held.poll()
    before = held.records[one]
    sb.clock.advance(60)
    await trial.source.write(WriteBack(WriteKind.NOTE, one, "[D-12 #1]", "Ana acknowledged"))
    sb.clock.advance(60)
    await held.poll()
    assert fingerprint(held.records[one]) == fingerprint(before)


async def test_two_words_within_one_second_are_both_heard(sb, trial, tickets, reading, monkeypatch):
    """The ticket's stamp has whole seconds, and a private note changes nothing else of its row."""
    one = lay(sb, tickets)
    held = reading(trial.source)
    await held.poll()
    noon = int(sb.clock.time()) + 60.0
    monkeypatch.setattr(sb.clock, "time", lambda: noon)
    tickets.converse(one, "first", user=ANA, private=True, source=2)
    await held.poll()
    assert [found.text_hint for found in held.records[str(one)].happenings] == ["first"]
    tickets.converse(one, "second", user=ANA, private=True, source=2)
    monkeypatch.setattr(sb.clock, "time", lambda: noon + 30)
    await held.poll()
    assert [found.text_hint for found in held.records[str(one)].happenings] == ["first", "second"]


async def test_what_rests_costs_no_call(sb, trial, tickets, reading):
    for _ in range(25):
        lay(sb, tickets)
    held = reading(trial.source)
    await held.poll()
    assert asked(sb, "conversations") == 25
    for _ in range(3):
        sb.clock.advance(600)
        await held.poll()
    sb.clock.advance(7 * HOUR)
    for _ in range(4):  # everything is read again
        await held.poll()
    assert asked(sb, "conversations") == 25
    tickets.change(20_501, subject="changed")
    await held.poll()
    assert asked(sb, "conversations") == 26


async def test_tickets_that_were_done_long_ago_are_not_asked(sb, trial, tickets, reading):
    tickets.add("done", created=sb.clock.time() - 9 * 24 * HOUR, status=5)
    tickets.add("open", created=sb.clock.time() - 9 * 24 * HOUR)
    await reading(trial.source).poll()
    assert asked(sb, "conversations") == 1
    async with configured(trial, conversations=False) as source:
        await reading(source).poll()
    assert asked(sb, "conversations") == 1


async def test_a_request_for_a_document_is_known_by_its_words(sb, trial, tickets, reading):
    one = lay(sb, tickets)
    tickets.converse(one, "Please SEND us the log file", user=ANA, private=False, source=0)
    tickets.answer(one, "Please send us a technician")
    asking = Requests(words=("please send us",), within=timedelta(days=2))
    async with configured(trial, documents=asking) as source:
        held = reading(source)
        await held.poll()
    (request,) = [found for found in held.records[str(one)].happenings if found.kind is HappeningKind.DOCUMENT_REQUEST]
    assert request.due_at - request.at == timedelta(days=2)
    assert request.author == "Ana Ruiz"


async def test_long_talk_is_read_to_its_end(sb, trial, tickets, reading):
    one = lay(sb, tickets)
    for n in range(130):
        tickets.converse(one, f"note {n}", user=ANA, private=True, source=2)
    held = reading(trial.source)
    await held.poll()
    assert held.records[str(one)].happenings[-1].text_hint == "note 129"
    before = asked(sb, "conversations")
    for n in range(130, 220):
        tickets.converse(one, f"note {n}", user=ANA, private=True, source=2)
    sb.clock.advance(60)
    await held.poll()
    assert held.records[str(one)].happenings[-1].text_hint == "note 219"
    for n in range(220, 230):
        tickets.converse(one, f"note {n}", user=ANA, private=True, source=2)
    sb.clock.advance(60)
    await held.poll()
    assert held.records[str(one)].happenings[-1].text_hint == "note 229"
    assert asked(sb, "conversations") == before + 3 + 2, "from the last full page on"
    del tickets.rows[one].conversations[5:]
    tickets.change(one, subject="taken back")
    sb.clock.advance(60)
    await held.poll()
    assert [found.text_hint for found in held.records[str(one)].happenings] == [f"note {n}" for n in range(5)]


async def test_after_a_restart_a_page_of_all_asks_for_some_and_forgets_none(sb, trial, tickets, reading):
    ids = [lay(sb, tickets) for _ in range(60)]
    for one in ids:
        tickets.answer(one, "Hello?")
    async with configured(trial, page_size=100) as source:
        held = reading(source)
        await held.poll()
        sb.clock.advance(HOUR)
        tickets.add("the newest")
        await held.poll()
    sb.clock.advance(7 * HOUR)
    async with configured(trial, page_size=100) as source:
        held.source, before = source, asked(sb, "conversations")
        brought = await held.poll()
    assert asked(sb, "conversations") == before + 1 + 20, "the newest, and twenty of the others"
    assert len(brought) == 21
    assert all(held.records[str(one)].happenings for one in ids)


async def test_talk_that_may_not_be_read_is_told_and_the_ticket_goes_on(sb, trial, tickets, reading):
    one = lay(sb, tickets)
    trial.stand.forbidden.add("/tickets/{id}/conversations")
    held = reading(trial.source)
    await held.poll()
    assert held.records[str(one)].happenings == ()
    assert [(bad.record_id, "403" in bad.error) for page in held.pages for bad in page.bad] == [(str(one), True)]
    bad = [finding for finding in await trial.source.check() if not finding.ok]
    assert [finding.what for finding in bad] == ["Freshdesk conversations"]
    assert "no rule of theirs rings" in bad[0].detail


async def test_trouble_with_what_was_said_keeps_the_page_back(sb, trial, tickets, reading):
    one = lay(sb, tickets)
    trial.stand.faults.set("500", where=f"/tickets/{one}/conversations", times=1)
    held = reading(trial.source)
    with pytest.raises(SourceError):
        await held.poll()
    assert not held.records
    await held.poll()
    assert str(one) in held.records


# ---------------------------------------------------------------- statuses, clocks


async def test_a_status_of_the_accounts_own_is_told_until_it_is_mapped(sb, trial, tickets, reading):
    tickets.statuses[12] = ["Waiting on parts", "In progress"]
    one = str(lay(sb, tickets, status=12))
    held = reading(trial.source)
    await held.poll()
    assert held.records[one].status is CaseStatus.UNKNOWN
    assert ("status", "Waiting on parts") in [word for page in held.pages for word in page.unmapped]
    (finding,) = [finding for finding in await trial.source.check() if not finding.ok]
    assert "Waiting on parts" in finding.detail
    async with configured(trial, status_map={"Waiting on parts": CaseStatus.PAUSED}) as source:
        assert (await source.fetch(one)).status is CaseStatus.PAUSED
        assert [finding for finding in await source.check() if not finding.ok] == []


async def test_since_when_a_status_holds_is_freshdesks_own_word(sb, trial, tickets, reading):
    one = lay(sb, tickets)
    sb.clock.advance(60)
    tickets.change(one, status=6)
    since = sb.clock.time()
    sb.clock.advance(HOUR)
    tickets.change(one, subject="changed")
    held = reading(trial.source)
    await held.poll()
    assert held.records[str(one)].status_since.timestamp() == pytest.approx(since, abs=1)


# ---------------------------------------------------------------- what was thrown away


@pytest.mark.parametrize("how", ["deleted", "spam"])
async def test_what_is_thrown_away_is_gone_with_the_next_look(sb, trial, tickets, reading, how):
    kept, gone = lay(sb, tickets), lay(sb, tickets)
    held = reading(trial.source)
    await held.poll()
    sb.clock.advance(HOUR)  # in which nobody looked
    tickets.change(gone, **{how: True})
    sb.clock.advance(HOUR)
    for _ in range(3):
        await held.poll()
        sb.clock.advance(61)
    assert [one for page in held.pages for one in page.gone] == [str(gone)]
    assert await trial.source.missing([str(kept), str(gone)]) == [str(gone)]


async def test_one_that_is_taken_out_of_the_bin_is_read_again(sb, trial, tickets, reading):
    one = lay(sb, tickets)
    held = reading(trial.source)
    await held.poll()
    for deleted in (True, False, True):
        sb.clock.advance(200)
        tickets.change(one, deleted=deleted)
        sb.clock.advance(1)
        brought = await held.poll()
        assert (str(one) in brought) is not deleted
    assert [gone for page in held.pages for gone in page.gone] == [str(one), str(one)]


async def test_bins_that_may_not_be_read_stop_nothing(sb, trial, tickets, reading):
    one = lay(sb, tickets)
    whole = trial.source.read

    async def without_bins(path, params=None, **more):
        refused = bool(params and params.get("filter"))
        trial.stand.forbidden = {"/tickets"} if refused else set()
        return await whole(path, params, **more)

    trial.source.read = without_bins
    held = reading(trial.source)
    await held.poll()
    assert str(one) in held.records
    assert [finding.what for finding in await trial.source.check() if not finding.ok] == ["Freshdesk bins"]


async def test_a_merged_ticket_is_closed(sb, trial, tickets, reading):
    first, second = lay(sb, tickets), lay(sb, tickets)
    held = reading(trial.source)
    await held.poll()
    sb.clock.advance(60)
    tickets.merge(first, second)
    await held.poll()
    assert held.records[str(second)].done
    assert kinds(held.records[str(first)]) == [HappeningKind.NOTE]


# ---------------------------------------------------------------- the account's calls


class Time:
    def __init__(self):
        self.now, self.paused = 0.0, []

    async def pause(self, seconds):
        self.paused.append(seconds)
        self.now += seconds


async def test_our_part_of_the_calls_comes_back_after_a_minute():
    time = Time()
    share = Share(0.5, lambda: time.now, time.pause)
    await share.turn()
    assert time.paused == [], "nobody has said how many there are"
    share.spend(3, 20)
    time.now = 10.0
    for _ in range(7):
        await share.turn()
        share.spend(1, 20)
    assert time.paused == []
    await share.turn()
    assert time.now == 60.0, "when the first call is a minute old"
    share.spend(5, None)
    await share.turn()
    assert time.now == 70.0


async def test_one_call_that_costs_more_than_our_part_is_waited_for_once():
    time = Time()
    share = Share(0.1, lambda: time.now, time.pause)
    share.spend(9, 20)
    await share.turn()
    assert time.paused == [60.0]


async def test_a_bulk_change_leaves_the_others_their_calls(sb, trial, tickets, reading):
    trial.stand.plan("growth")
    time, held = Time(), reading(trial.source)

    async def pause(seconds):
        trial.stand.clock.advance(seconds)
        await time.pause(seconds)

    trial.source.share = Share(0.5, lambda: time.now, pause)
    ids = {str(lay(sb, tickets)) for _ in range(130)}
    await held.poll()
    assert set(held.records) == ids
    assert time.paused
    assert sb.ledger.count("freshdesk", "ratelimited") == 0


async def test_what_people_wait_for_goes_at_once(sb, trial, tickets):
    one = str(lay(sb, tickets))
    time = Time()
    trial.source.share = Share(0.1, lambda: time.now, time.pause)
    trial.source.share.spend(500, 200)
    await trial.source.write(WriteBack(WriteKind.NOTE, one, "[D-12 #1]", "Ana acknowledged"))
    assert time.paused == []


async def test_check_says_when_polling_takes_more_than_our_part(sb, trial, tickets):
    trial.stand.plan("trial")
    assert [finding for finding in await trial.source.check() if not finding.ok] == []
    sb.clock.advance(61)
    async with configured(trial, interval=timedelta(seconds=5)) as source:
        (finding,) = [finding for finding in await source.check() if not finding.ok]
    assert finding.what == "Freshdesk calls"
    assert "25 of the account's 50" in finding.detail


@pytest.mark.parametrize(
    ("path", "what"), [("/agents", "agents"), ("/groups", "groups"), ("/ticket_fields", "statuses")]
)
async def test_check_names_each_right_that_is_missing(sb, trial, path, what):
    trial.stand.forbidden.add(path)
    (finding,) = [finding for finding in await trial.source.check() if not finding.ok]
    assert finding.what == f"Freshdesk {what}"
    assert "Until then" in finding.detail


@pytest.mark.parametrize(
    ("changes", "said"),
    [({"share": 0.0}, "share"), ({"page_size": 101}, "page_size"), ({"include": ("everything",)}, "everything")],
)
def test_settings_that_freshdesk_would_refuse_are_refused_here(trial, changes, said):
    with pytest.raises(ValueError, match=said):
        replace(trial.source.conf, **changes)
