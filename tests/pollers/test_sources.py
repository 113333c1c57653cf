"""The three sources over real HTTP, against stand-ins that refuse what the vendors refuse."""

from dataclasses import replace

import pytest

from deskbell.core.outcome import Fault, Rejected, Retry, Sent, Unknown
from deskbell.core.ports import Source, SourceError, SourceFault, WriteBack, WriteKind
from deskbell.core.records import CaseStatus, fingerprint
from deskbell.sandbox import credentials
from pollers.rest import Paging, Rest
from pollers.servicenow import ServiceNow, ServiceNowConf

HOUR = 3600


def note(record_id, number=1, text="Ana Ruiz acknowledged"):
    return WriteBack(WriteKind.NOTE, record_id, f"[D-12 #{number}]", text)


@pytest.fixture
def all_sources(sb, freshdesk, servicenow, fieldservice):
    """Each source with a record of its own: (source, stand-in, its id)."""
    now = sb.clock.time()
    ticket = sb.freshdesk.tickets.add("Pump down", id=20_001, created=now - HOUR, responder_id=1001, group_id=501)
    incident = sb.servicenow.tables.incident("Pump down", number="INC0010001", opened=now - HOUR, sla_end=now + HOUR)
    job = sb.fieldservice.add(start=now + HOUR, end=now + 2 * HOUR, technician=1, id=4711)
    return {
        "freshdesk": (freshdesk, sb.freshdesk, str(ticket.id)),
        "servicenow": (servicenow, sb.servicenow, incident["sys_id"]),
        "fieldservice": (fieldservice, sb.fieldservice, str(job["id"])),
    }


NAMES = ["freshdesk", "servicenow", "fieldservice"]


@pytest.fixture(params=NAMES)
def each(request, all_sources):
    return all_sources[request.param]


def a_source(source: Source) -> Source:
    return source


# ---------------------------------------------------------------- reading


async def test_the_first_poll_reads_everything_and_the_next_only_news(sb, each, reading):
    source, _, record_id = each
    assert a_source(source).name
    held = reading(source)
    await held.poll()
    assert held.complete
    assert set(held.records) == {record_id}
    assert held.pages[-1].read_at is not None
    sb.clock.advance(30)
    assert await held.poll() == {}


async def test_many_rows_come_page_by_page(sb, freshdesk, servicenow, fieldservice, reading):
    now = sb.clock.time()
    for n in range(37):
        moment = now - HOUR + (n // 13)  # seconds with more rows than a page holds
        sb.freshdesk.tickets.add(f"T{n}", id=30_000 + n, created=moment)
        sb.servicenow.tables.incident(f"I{n}", opened=moment)
        sb.fieldservice.add(start=now, end=now + HOUR, id=5000 + n)
    for source in (freshdesk, servicenow, fieldservice):
        held = reading(source)
        while not held.pages or not held.complete:
            await held.poll()
        assert len(held.records) == 37, source.name
        assert max(len(page.records) for page in held.pages) <= 10


async def test_a_change_comes_with_the_next_poll(sb, all_sources, reading):
    freshdesk, stand_in, ticket = all_sources["freshdesk"]
    held = reading(freshdesk)
    await held.poll()
    sb.clock.advance(60)
    stand_in.tickets.change(int(ticket), status=6)
    assert (await held.poll())[ticket].status is CaseStatus.WAITING


async def test_names_labels_and_clocks_are_found(each):
    source, _, record_id = each
    record = await source.fetch(record_id)
    if source.name == "fieldservice":
        assert (record.technician, record.technician_id) == ("Marco Bianchi", "1")
        return
    assert record.requester
    assert record.group
    assert {sla.metric for sla in record.slas} >= {"resolution"}
    assert record.url.startswith("http")


async def test_what_is_gone_is_none(sb, all_sources):
    for source, _, record_id in all_sources.values():
        assert await source.fetch("0123456789") is None
        assert await source.missing([record_id, "0123456789"]) == ["0123456789"]
    freshdesk, stand_in, ticket = all_sources["freshdesk"]
    stand_in.tickets.change(int(ticket), deleted=True)
    assert await freshdesk.fetch(ticket) is None


async def test_due_times_that_are_filled_later_are_seen_although_nothing_else_moved(sb, freshdesk, reading):
    ticket = sb.freshdesk.tickets.add("New", filled=False)
    held = reading(freshdesk)
    await held.poll()
    assert held.records[str(ticket.id)].slas == ()
    sb.clock.advance(10)
    assert len((await held.poll())[str(ticket.id)].slas) == 2


async def test_a_moved_service_clock_is_seen_although_its_incident_did_not_move(sb, all_sources, reading):
    servicenow, stand_in, incident = all_sources["servicenow"]
    held = reading(servicenow)
    await held.poll()
    before = held.records[incident].slas[0].due_at
    sb.clock.advance(600)
    (clock,) = stand_in.tables.rows["task_sla"].values()
    later = "2030-01-01 00:00:00"
    stand_in.tables.change("task_sla", clock["sys_id"], {"planned_end_time": later}, by="system")
    brought = await held.poll()
    assert before.year != 2030
    assert brought[incident].slas[0].due_at.year == 2030
    sb.clock.advance(600)
    stand_in.tables.change("task_sla", clock["sys_id"], {"percentage": "90"}, by="system")
    assert await held.poll() == {}, "a refreshed percentage is no change"


async def test_rows_hidden_by_rights_do_not_end_the_reading(sb, servicenow, reading):
    now = sb.clock.time()
    rows = [sb.servicenow.tables.incident(f"I{n}", opened=now - HOUR + n) for n in range(40)]
    sb.servicenow.hidden = {row["sys_id"] for row in rows[3:29]}
    held = reading(servicenow)
    for _ in range(3):
        await held.poll()
    assert set(held.records) == {row["sys_id"] for row in rows} - sb.servicenow.hidden


async def test_a_misspelt_filter_is_told_instead_of_reading_the_whole_table(sb, reading):
    sb.servicenow.tables.incident("other group")
    base = ServiceNowConf(
        f"{sb.url}/servicenow", credentials.SERVICENOW_USER, credentials.SERVICENOW_PASSWORD, query="active=false"
    )
    for query, said in (("active=false", None), ("assignment_groupINzzz", None), ("asignment_group=zzz", "filter")):
        source = ServiceNow(replace(base, query=query), now=sb.clock.now)
        findings = {finding.what: finding for finding in await source.check()}
        bad = [finding for finding in findings.values() if not finding.ok]
        assert bool(bad) is bool(said), (query, bad)
        if not said:
            held = reading(source)
            await held.poll()
            assert held.records == {}
        await source.close()


async def test_a_filter_that_the_vendor_drops_is_told(sb, servicenow, reading, monkeypatch):
    sb.servicenow.tables.incident("not ours", opened=sb.clock.time() - HOUR)
    source = ServiceNow(replace(servicenow.conf, query="state=7"), now=sb.clock.now)
    monkeypatch.setattr("deskbell.sandbox.servicenow.query.read", lambda *_: None)  # as if each column were unknown
    with pytest.raises(SourceError, match="ignored"):
        await reading(source).poll()
    await source.close()


async def test_hostile_rows_stop_nothing(sb, freshdesk, fieldservice, reading):
    sb.freshdesk.tickets.add("x" * 1_000_000, id=1)
    sb.freshdesk.tickets.add("\u202e<!channel> {{7*7}}\x00", id=2)
    sb.freshdesk.tickets.add("good", id=3)
    whole = sb.freshdesk._with
    sb.freshdesk._with = lambda ticket, *a, **kw: whole(ticket, *a, **kw) | ({"id": None} if ticket.id == 2 else {})
    held = reading(freshdesk)
    await held.poll()
    assert {"1", "3"} <= set(held.records)
    assert [bad.record_id[:1] for page in held.pages for bad in page.bad] == ["?"]
    assert len(held.records["1"].subject) <= 500
    now = sb.clock.time()
    sb.fieldservice.add(start=now, end=now, id=7, summary=["not", "text"], status=12)
    held = reading(fieldservice)
    await held.poll()
    assert held.records["7"].title == ""
    assert ("status", "12") in [word for page in held.pages for word in page.unmapped]


async def test_oauth_and_a_token_that_ends_in_mid_sweep(sb, servicenow, reading):
    for n in range(25):
        sb.servicenow.tables.incident(f"I{n}", opened=sb.clock.time() - HOUR + n)
    conf = ServiceNowConf(
        f"{sb.url}/servicenow",
        client_id=credentials.SERVICENOW_CLIENT_ID,
        client_secret=credentials.SERVICENOW_CLIENT_SECRET,
        page_size=10,
    )
    source = ServiceNow(conf, now=sb.clock.now)
    records = {}
    async for page in source.changes({}):
        records |= {record.id: record for record in page.records}
        sb.servicenow.expire_tokens()
    assert len(records) == 25
    await source.close()


# ---------------------------------------------------------------- trouble


@pytest.mark.parametrize(
    ("kind", "fault"),
    [
        ("500", SourceFault.UNREACHABLE),
        ("401", SourceFault.AUTH),
        ("429", SourceFault.LIMITED),
        ("html", SourceFault.ANSWER),
    ],
)
async def test_trouble_is_named_with_source_and_path(each, reading, kind, fault):
    source, stand_in, _ = each
    stand_in.faults.set(kind, times=9)
    with pytest.raises(SourceError) as raised:
        await reading(source).poll()
    assert raised.value.fault is fault
    assert source.title in str(raised.value)
    assert "/" in str(raised.value)
    for secret in (credentials.FRESHDESK_KEY, credentials.SERVICENOW_PASSWORD, credentials.FIELDSERVICE_TOKEN):
        assert secret not in str(raised.value)


async def test_a_refusal_in_mid_sweep_goes_on_where_it_was(sb, freshdesk, reading):
    for n in range(35):
        sb.freshdesk.tickets.add(f"T{n}", id=100 + n, created=sb.clock.time() - HOUR + n)
    held = reading(freshdesk)
    pages = freshdesk.changes({})
    held.cursor = (await anext(pages)).cursor
    await pages.aclose()
    sb.freshdesk.faults.set("500", times=1)
    with pytest.raises(SourceError):
        await held.poll()
    await held.poll()
    assert len(held.records) == 35 - 10, "the first page was kept, and is not read as news again"


async def test_names_that_can_not_be_read_do_not_stop_the_poll(sb, all_sources, reading):
    freshdesk, stand_in, ticket = all_sources["freshdesk"]
    stand_in.faults.set("500", where="/agents", times=1)
    held = reading(freshdesk)
    await held.poll()
    assert held.records[ticket].assignee == ""
    assert held.records[ticket].assignee_id == "1001"


async def test_the_account_nearly_used_up_is_asked_half_as_often(sb, all_sources, reading):
    freshdesk, stand_in, _ = all_sources["freshdesk"]
    normal = freshdesk.interval
    stand_in.total.total = 100
    stand_in.total.used = 75
    stand_in.total.since = sb.clock.time()
    await reading(freshdesk).poll()
    assert freshdesk.interval == 2 * normal


# ---------------------------------------------------------------- writing


async def test_a_note_arrives_once_and_is_found_by_its_marker(each):
    source, _, record_id = each
    item = note(record_id, text="Ana <b>Ruiz</b> & co acknowledged")
    assert not await source.find(item)
    assert isinstance(await source.write(item), Sent)
    assert await source.find(item)
    assert not await source.find(note(record_id, 2))


async def test_a_note_is_private_and_cannot_be_markup(sb, all_sources):
    freshdesk, stand_in, ticket = all_sources["freshdesk"]
    await freshdesk.write(note(ticket, text="<script>alert(1)</script>"))
    (entry,) = stand_in.tickets.rows[int(ticket)].conversations
    assert entry["private"] is True
    assert "<script>" not in entry["body"]


async def test_an_incidents_note_is_a_work_note_not_a_comment(all_sources):
    servicenow, stand_in, incident = all_sources["servicenow"]
    await servicenow.write(note(incident))
    (entry,) = stand_in.tables.journal(incident)
    assert entry["element"] == "work_notes"
    assert entry["value"].endswith("[D-12 #1]")


@pytest.mark.parametrize("name", ["freshdesk", "servicenow"])
async def test_what_we_wrote_does_not_ring_again(sb, all_sources, reading, name):
    source, stand_in, record_id = all_sources[name]
    held = reading(source)
    await held.poll()
    before = held.records[record_id]
    sb.clock.advance(60)
    await source.write(note(record_id))
    sb.clock.advance(60)
    await source.write(note(record_id, 2))
    sb.clock.advance(30)
    after = (await held.poll()).get(record_id, before)
    assert after.updated_at > before.updated_at
    assert fingerprint(after) == fingerprint(before)
    # A restart forgets nothing, because the cursor remembers it.
    source.own.__init__()
    held.cursor |= {"changes": {}}
    assert fingerprint((await held.poll())[record_id]) == fingerprint(before)
    # And somebody else's activity is activity.
    sb.clock.advance(60)
    if name == "freshdesk":
        stand_in.tickets.change(int(record_id), subject="Pump really down")
    else:
        stand_in.tables.change("incident", record_id, {"short_description": "Pump really down"}, by="ana.ruiz")
    after = (await held.poll())[record_id]
    assert after.last_activity_at == after.updated_at > before.last_activity_at


async def test_reassign_sets_the_agent_and_nothing_else(sb, all_sources):
    people = {"freshdesk": "1002", "servicenow": sb.servicenow.tables.user("ben@example.org"), "fieldservice": "2"}
    for name, (source, _, record_id) in all_sources.items():
        item = WriteBack(WriteKind.ASSIGN, record_id, "[D-12 #3]", "Ana gave it to Ben", people[name])
        assert not await source.find(item)
        assert isinstance(await source.write(item), Sent), name
        assert await source.find(item)
        again = await source.write(item)
        assert isinstance(again, Sent)


async def test_an_agent_that_is_none_is_refused_with_words(all_sources):
    for name, bad in (("freshdesk", "ana"), ("servicenow", "nobody"), ("fieldservice", "ana")):
        source, _, record_id = all_sources[name]
        outcome = await source.write(WriteBack(WriteKind.ASSIGN, record_id, "[D-1 #1]", "", bad))
        assert isinstance(outcome, Rejected), name
        assert outcome.fault is Fault.CONFIG
        assert bad in outcome.why


async def test_resolve_resolves_with_a_note(all_sources):
    for name in ("freshdesk", "servicenow"):
        source, _, record_id = all_sources[name]
        item = WriteBack(WriteKind.RESOLVE, record_id, "[D-12 #4]", "Ana resolved it: valve changed")
        assert not await source.find(item)
        assert isinstance(await source.write(item), Sent), name
        assert await source.find(item)
        assert (await source.fetch(record_id)).status is CaseStatus.RESOLVED


async def test_a_kind_without_a_write_map_is_refused(all_sources):
    source, _, record_id = all_sources["fieldservice"]
    outcome = await source.write(WriteBack(WriteKind.RESOLVE, record_id, "[D-1 #1]", "done"))
    assert outcome == Rejected(Fault.CONFIG, "Field service: there is no write map for resolve")


async def test_a_record_that_is_gone_is_refused(all_sources):
    for source, _, _ in all_sources.values():
        outcome = await source.write(note("0123456789"))
        assert isinstance(outcome, Rejected), source.name
        assert outcome.fault is Fault.TARGET


@pytest.mark.parametrize(("kind", "outcome"), [("500", Unknown), ("429", Retry), ("401", Rejected)])
async def test_a_refused_write_is_an_outcome_and_never_an_exception(each, kind, outcome):
    source, stand_in, record_id = each
    method = "POST" if source.name == "freshdesk" else "PATCH"
    stand_in.faults.set(kind, where=method, times=1)
    assert isinstance(await source.write(note(record_id)), outcome)
    stand_in.faults.heal()


async def test_a_note_whose_answer_was_lost_is_found_and_is_ours_too(sb, all_sources, reading):
    freshdesk, stand_in, ticket = all_sources["freshdesk"]
    held = reading(freshdesk)
    await held.poll()
    before = held.records[ticket]
    sb.clock.advance(60)
    freshdesk.own.begin(ticket, before.updated_at)
    body = "Ana acknowledged<br>[D-12 #1]"
    stand_in.tickets.converse(int(ticket), body, user=1000, private=True, source=2)
    assert await freshdesk.find(note(ticket))
    assert fingerprint((await held.poll())[ticket]) == fingerprint(before)


# ---------------------------------------------------------------- deskbell check


async def test_check_is_content_with_a_healthy_source(each):
    source, _, _ = each
    findings = await source.check()
    assert len(findings) >= 5
    assert [finding for finding in findings if not finding.ok] == []


async def test_check_names_wrong_credentials_and_stops_there(each):
    source, stand_in, _ = each
    stand_in.faults.set("401")
    (finding,) = await source.check()
    assert not finding.ok
    assert "Check its credentials" in finding.detail


async def test_check_sees_an_agent_with_a_narrow_view(sb, freshdesk):
    sb.freshdesk.tickets.agents[1000]["ticket_scope"] = 2
    findings = {finding.what: finding for finding in await freshdesk.check()}
    assert not findings["Freshdesk scope"].ok
    assert "global" in findings["Freshdesk scope"].detail


async def test_check_sees_a_clock_that_is_off(sb, freshdesk):
    freshdesk.now = lambda: sb.clock.now().replace(year=2027)
    findings = {finding.what: finding for finding in await freshdesk.check()}
    assert not findings["Freshdesk clock"].ok


async def test_check_sees_a_user_in_another_zone(sb, servicenow):
    sb.servicenow.tables.rows["sys_user"][sb.servicenow.tables.user("deskbell")]["time_zone"] = "Europe/Berlin"
    bad = [finding for finding in await servicenow.check() if not finding.ok]
    assert ["GMT" in finding.detail for finding in bad] == [True]


async def test_check_sees_words_that_no_map_knows(sb, all_sources, job_conf):
    source = Rest(replace(job_conf, fields=job_conf.fields | {"status": "equipment"}), now=sb.clock.now)
    findings = {finding.what: finding for finding in await source.check()}
    assert not findings["Field service fields"].ok
    await source.close()


# ---------------------------------------------------------------- other shapes of paging, on a small API


async def test_a_snapshot_is_complete_only_when_every_page_came(sb, job_conf, reading):
    now = sb.clock.time()
    for n in range(25):
        sb.fieldservice.add(start=now, end=now, id=100 + n)
    params = {"page": "{page}", "per_page": "{size}"}
    source = Rest(replace(job_conf, strategy="snapshot", params=params), now=sb.clock.now)
    held = reading(source)
    sb.fieldservice.faults.set("500", times=1, where="/jobs")
    with pytest.raises(SourceError):
        await held.poll()
    assert not held.pages
    assert len(await held.poll()) == 25
    before = sb.fieldservice.sweeps
    assert await held.poll() == {}, "what stayed the same is not handed on"
    assert sb.fieldservice.sweeps == before + 3, "but every poll reads all of it"
    assert held.complete
    await source.close()


async def test_a_list_that_is_not_sorted_is_read_whole(sb, job_conf, reading):
    now = sb.clock.time()
    for n in range(25):
        sb.fieldservice.add(start=now, end=now, id=100 + n)
    source = Rest(replace(job_conf, strategy="sweep", paging=Paging("page", size=10)), now=sb.clock.now)
    held = reading(source)
    assert len(await held.poll()) == 25
    assert held.complete
    await source.close()
