"""Objects of HubSpot as records, and what is its own: a search that lags and ends, stages, missing properties."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from deskbell.core.ports import SourceError, SourceFault, WriteBack, WriteKind
from deskbell.core.records import (
    Account,
    AccountStatus,
    CaseStatus,
    HappeningKind,
    Invoice,
    InvoiceStatus,
    Order,
    OrderStatus,
    Priority,
)
from deskbell.sandbox import credentials
from deskbell.sandbox import hubspot as stand_in
from deskbell.vendors import hubspot as vendor
from pollers.hubspot import HubSpot, HubSpotConf
from tests.pollers.trials import HOUR, on_trial

CONF = HubSpotConf(token="token-1234", team="all", web_url="https://app.hubspot.com/contacts/1/ticket/{id}")
STAGES = {"2": "Waiting on contact", "4": "Closed", "9931": "Waiting on parts"}


@pytest.fixture
async def trial(sb):
    async with on_trial("hubspot", sb) as one:
        yield one


@pytest.fixture
async def made(sb, trial):
    """Sources of other objects of the same account."""
    sources = []

    def make(what, **more):
        sources.append(HubSpot(replace(trial.source.conf, object=what, **more), now=sb.clock.now))
        return sources[-1]

    yield make
    for source in sources:
        await source.close()


@pytest.fixture
async def offline():
    source = HubSpot(CONF)
    yield source
    await source.close()


def flat(raw):
    named = {"stage": STAGES.get(raw["properties"]["hs_pipeline_stage"], "?"), "owner_name": "Ben Okafor"}
    return {**raw["properties"], "id": raw["id"], **named, "stage_closed": False}


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


# ---------------------------------------------------------------- the mapping


async def test_a_ticket_becomes_a_case(recorded, offline):
    case = offline.record_of(flat(recorded("hubspot_tickets")["results"][0]), {})
    assert (case.id, case.number, case.source) == ("17889231001", "17889231001", "hubspot")
    assert (case.status, case.status_raw, case.priority) == (CaseStatus.WAITING, "Waiting on contact", Priority.URGENT)
    assert (case.assignee, case.assignee_id, case.team) == ("Ben Okafor", "72", "all")
    assert case.updated_at == datetime(2026, 11, 20, 8, 40, 12, 345000, UTC)
    assert case.url == "https://app.hubspot.com/contacts/1/ticket/17889231001"


async def test_service_clocks_are_met_when_their_status_says_so(recorded, offline):
    slas = {sla.metric: sla for sla in offline.record_of(flat(recorded("hubspot_tickets")["results"][0]), {}).slas}
    assert {metric: sla.met for metric, sla in slas.items()} == {"first_response": True, "resolution": False}
    assert slas["resolution"].due_at == at("2026-11-20T16:00:00")


async def test_the_last_messages_are_happenings(recorded, offline):
    told = offline.record_of(flat(recorded("hubspot_tickets")["results"][0]), {}).happenings
    assert [one.kind for one in told] == [HappeningKind.REPLY, HappeningKind.CUSTOMER_REPLY]
    assert told[1].at == at("2026-11-20T08:30:00")


async def test_a_stage_of_ones_own_is_told_or_mapped_and_a_closed_one_is_closed(recorded, offline):
    raw = flat(recorded("hubspot_tickets")["results"][1])
    assert offline.record_of(raw, {}).status is CaseStatus.UNKNOWN
    assert offline.unmapped(raw) == [("status", "Waiting on parts")]
    closed = raw | {"stage_closed": True}
    assert offline.record_of(closed, {}).status is CaseStatus.CLOSED
    assert offline.unmapped(closed) == []
    mapped = HubSpot(replace(CONF, status_map={"waiting on PARTS": "paused"}))
    assert mapped.record_of(raw, {}).status is CaseStatus.PAUSED
    await mapped.close()


async def test_hostile_fields_never_raise(recorded, offline, hostile, sound):
    good = flat(recorded("hubspot_tickets")["results"][0])
    for value in hostile:
        for name in set(good) - {"id"}:
            sound(offline.record_of(good | {name: value}, {}))


async def test_hostile_rows_stop_nothing(sb, trial, reading, hostile, monkeypatch):
    good = trial.lay("good", sb.clock.time() - HOUR)
    whole = stand_in.shown

    def spoilt(thing, known, asked):
        row = whole(thing, known, asked)
        return row if thing.id == good else row | {"properties": None, "id": None}

    monkeypatch.setattr(stand_in, "shown", spoilt)
    trial.lay("bad", sb.clock.time() - HOUR)
    held = reading(trial.source)
    await held.poll()
    assert set(held.records) == {good}
    assert [bad.record_id[:1] for page in held.pages for bad in page.bad][:1] == ["?"]


def test_the_version_stands_where_it_belongs():
    assert vendor.path_of("2026-09", "objects/tickets/search") == "/crm/objects/2026-09/tickets/search"
    assert vendor.path_of("2026-09", "owners") == "/crm/owners/2026-09"
    assert vendor.path_of("v3", "objects/tickets") == "/crm/v3/objects/tickets"


@pytest.mark.parametrize(
    ("given", "said"),
    [({"token": ""}, "token"), ({"object": "p1_boats"}, "which records"), ({"page_size": 201}, "200")],
)
def test_what_is_wrong_with_the_settings_is_said(given, said):
    with pytest.raises(ValueError, match=said):
        replace(CONF, **given)


def test_no_secret_shows_in_a_repr():
    assert "token-1234" not in repr(CONF)


# ---------------------------------------------------------------- other objects


async def test_a_company_is_an_account(trial, made, reading):
    own = {"account_status": "On hold", "support_status": "Waiting", "hubspot_owner_id": "71"}
    company = trial.stand.add("companies", at=trial.stand.clock.time() - 9, name="Imhof AG", **own)
    held = reading(made("companies"))
    await held.poll()
    account = held.records[company.id]
    assert isinstance(account, Account)
    assert (account.name, account.status, account.support_status) == ("Imhof AG", AccountStatus.SUSPENDED, "Waiting")
    assert (account.owner, account.owner_email) == ("Ana Ruiz", "ana@example.org")


async def test_a_won_deal_is_an_approved_order(trial, made, reading):
    values = {"dealname": "Two boosters", "dealstage": "closedwon", "amount": "1250.50", "deal_currency_code": "EUR"}
    deal = trial.stand.add("deals", at=trial.stand.clock.time() - 9, **values)
    held = reading(made("deals"))
    await held.poll()
    order = held.records[deal.id]
    assert isinstance(order, Order)
    assert (order.status, order.total, order.currency) == (OrderStatus.APPROVED, Decimal("1250.50"), "EUR")


async def test_an_invoice_has_its_balance_and_its_day(trial, made, reading):
    values = {"hs_number": "INV-7", "hs_invoice_status": "open", "hs_balance_due": "40", "hs_due_date": "2026-12-01"}
    row = trial.stand.add("invoices", at=trial.stand.clock.time() - 9, **values)
    held = reading(made("invoices"))
    await held.poll()
    invoice = held.records[row.id]
    assert isinstance(invoice, Invoice)
    assert (invoice.status, invoice.balance, invoice.due_on) == (InvoiceStatus.ISSUED, Decimal(40), date(2026, 12, 1))


async def test_resolving_an_account_sets_what_is_configured(trial, made):
    company = trial.stand.add("companies", name="Imhof AG", support_status="Waiting")
    source = made("companies", on_resolve={"support_status": "Done"})
    item = WriteBack(WriteKind.RESOLVE, company.id, "[D-12 #4]", "Ana <called> them")
    await source.write(item)
    assert company.properties["support_status"] == "Done"
    assert await source.find(item)
    (note,) = trial.stand.things["notes"].values()
    assert note.properties["hs_note_body"] == "Ana &lt;called&gt; them<br>[D-12 #4]"


# ---------------------------------------------------------------- reading


async def test_what_the_search_learns_late_is_not_lost(sb, trial, reading):
    first, second = (trial.lay(name, sb.clock.time() - HOUR) for name in "ab")
    held = reading(trial.source)
    await held.poll()
    trial.stand.lag = 200.0
    trial.touch(first, "late")
    trial.stand.lag = 3.0
    sb.clock.advance(60)
    trial.touch(second, "early")
    sb.clock.advance(60)
    assert set(await held.poll()) == {second}
    sb.clock.advance(100)
    assert (await held.poll())[first].subject == "late"


async def test_more_rows_of_one_time_than_the_search_gives_are_told(sb, trial, reading, monkeypatch):
    moment = sb.clock.time() - HOUR
    for n in range(60):
        trial.lay(f"T{n}", moment)
    monkeypatch.setattr(vendor, "MOST_FOUND", 50)
    with pytest.raises(SourceError, match="one time of change"):
        await reading(trial.source).poll()


async def test_closed_tickets_of_long_ago_are_not_read(sb, trial, reading):
    long_ago = sb.clock.time() - 400 * 24 * HOUR
    opened = trial.lay("x", long_ago)
    closed = trial.lay("y", long_ago)
    trial.stand.things["tickets"][closed].properties["hs_pipeline_stage"] = "4"
    held = reading(trial.source)
    await held.poll()
    assert set(held.records) == {opened}


async def test_searches_keep_to_five_a_second(sb, trial, reading):
    trial.stand.limited_to = (stand_in.CALLS, stand_in.SEARCHES)
    for n in range(45):
        trial.lay(f"T{n}", sb.clock.time() - HOUR + n)
    source = HubSpot(replace(trial.source.conf, search_pause=timedelta(milliseconds=250)), now=sb.clock.now)
    held = reading(source)
    await held.poll()
    assert len(held.records) == 45
    await source.close()


async def test_a_limit_is_one(trial, reading):
    trial.stand.limited_to = (stand_in.Rate(0.001, 0), stand_in.SEARCHES)
    with pytest.raises(SourceError) as raised:
        await reading(trial.source).poll()
    assert raised.value.fault is SourceFault.LIMITED


# ---------------------------------------------------------------- check


async def test_check_names_properties_that_are_not_there(sb, trial):
    conf = replace(trial.source.conf, fields={"group": "region_of_ours"})
    source = HubSpot(conf, now=sb.clock.now)
    bad = [finding for finding in await source.check() if not finding.ok]
    assert ["region_of_ours" in finding.detail for finding in bad] == [True]
    await source.close()


async def test_check_names_stages_that_no_map_knows(sb, trial):
    record_id = trial.lay("x", sb.clock.time() - HOUR)
    trial.stand.things["tickets"][record_id].properties["hs_pipeline_stage"] = "5"
    (bad,) = [finding for finding in await trial.source.check() if not finding.ok]
    assert "Waiting on parts" in bad.detail


async def test_a_wrong_key_is_a_refused_login(sb, trial, reading):
    source = HubSpot(replace(trial.source.conf, token="wrong-key"), now=sb.clock.now)
    with pytest.raises(SourceError, match="INVALID_AUTHENTICATION") as raised:
        await reading(source).poll()
    assert raised.value.fault is SourceFault.AUTH
    assert credentials.HUBSPOT_TOKEN not in str(raised.value)
    await source.close()
