"""Modules of Zoho CRM as records, and what is its own: tokens, many pages, notes, the list of the deleted."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from deskbell.core.outcome import Fault, Rejected
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
from deskbell.net.answers import Reply
from deskbell.vendors import zoho_crm as vendor
from pollers.zoho_crm import ZohoCrm, ZohoCrmConf
from tests.pollers.trials import HOUR, on_trial

CONF = ZohoCrmConf(client_id="id", client_secret="secret-1234", refresh_token="refresh-1234", team="all")


@pytest.fixture
async def trial(sb):
    async with on_trial("zoho_crm", sb) as one:
        yield one


@pytest.fixture
async def made(sb, trial):
    """Sources of other modules of the same org."""
    sources = []

    def make(what, **more):
        sources.append(ZohoCrm(replace(trial.source.conf, object=what, **more), now=sb.clock.now))
        return sources[-1]

    yield make
    for source in sources:
        await source.close()


@pytest.fixture
async def offline():
    source = ZohoCrm(CONF)
    yield source
    await source.close()


# ---------------------------------------------------------------- the mapping


async def test_a_case_of_zoho_becomes_a_case(recorded, offline):
    case = offline.record_of(recorded("zoho_crm_cases")["data"][0], {})
    assert (case.id, case.number, case.source) == ("5500000100238", "100238", "zoho_crm")
    assert (case.status, case.status_raw, case.priority) == (CaseStatus.OPEN, "Escalated", Priority.HIGH)
    assert (case.assignee, case.assignee_id, case.team) == ("Ben Okafor", "5500000000003", "all")
    assert (case.requester, case.contact, case.account_id) == ("Mia Imhof", "mia@example.com", "5500000000800")
    assert case.escalated
    assert case.updated_at == datetime(2026, 11, 20, 8, 40, 12, tzinfo=UTC)


async def test_a_status_of_ones_own_is_told_or_mapped(recorded, offline):
    raw = recorded("zoho_crm_cases")["data"][0] | {"Status": "Waiting on parts"}
    assert offline.record_of(raw, {}).status is CaseStatus.UNKNOWN
    assert offline.unmapped(raw) == [("status", "Waiting on parts")]
    mapped = ZohoCrm(replace(CONF, status_map={"Waiting on parts": "paused"}))
    assert mapped.record_of(raw, {}).status is CaseStatus.PAUSED
    await mapped.close()


async def test_hostile_fields_never_raise(recorded, offline, hostile, sound):
    good = recorded("zoho_crm_cases")["data"][0]
    for value in hostile:
        for name in set(good) - {"id"}:
            sound(offline.record_of(good | {name: value}, {}))
            if isinstance(good[name], dict):
                sound(offline.record_of(good | {name: dict.fromkeys(good[name], value)}, {}))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"refresh_token": ""}, "refresh_token is missing"),
        ({"object": "Boats"}, "which records"),
        ({"fields": {"subject": " || ".join(f"F{n}" for n in range(60))}}, "more than 50"),
    ],
)
def test_what_is_wrong_with_the_settings_is_said(given, said):
    with pytest.raises(ValueError, match=said):
        replace(CONF, **given)


def test_no_secret_shows_in_a_repr():
    assert "secret-1234" not in repr(CONF)
    assert "refresh-1234" not in repr(CONF)


def test_a_refusal_inside_a_success_is_found():
    row = {"code": "OAUTH_SCOPE_MISMATCH", "status": "error", "message": "invalid scope", "details": {"api_name": "x"}}
    outcome = vendor.hidden_failure(Reply(207, {}, {"data": [row]}), "Zoho CRM")
    assert outcome == Rejected(Fault.CONFIG, "Zoho CRM: OAUTH_SCOPE_MISMATCH: invalid scope: api_name x")
    for fine in ({"data": [{"status": "success"}]}, {"data": []}, {"data": None}, [], None):
        assert vendor.hidden_failure(Reply(200, {}, fine), "Zoho CRM") is None


# ---------------------------------------------------------------- other modules


async def test_an_account_has_its_two_custom_fields(trial, made, reading):
    own = {"Account_Status": "On Hold", "Support_Status": "Waiting", "Account_Type": "Customer"}
    row = trial.stand.add("Accounts", Account_Name="Imhof AG", **own)
    held = reading(made("Accounts"))
    await held.poll()
    account = held.records[row["id"]]
    assert isinstance(account, Account)
    assert (account.name, account.status, account.support_status) == ("Imhof AG", AccountStatus.SUSPENDED, "Waiting")
    assert (account.owner, account.owner_email, account.plan) == ("Ana Ruiz", "ana@example.org", "Customer")


async def test_a_won_deal_is_an_approved_order(trial, made, reading):
    buyer = {"name": "Imhof AG", "id": "5500000000800"}
    row = trial.stand.add("Deals", Deal_Name="Two boosters", Stage="Closed Won", Amount=1250.5, Account_Name=buyer)
    held = reading(made("Deals"))
    await held.poll()
    order = held.records[row["id"]]
    assert isinstance(order, Order)
    assert (order.status, order.total, order.customer) == (OrderStatus.APPROVED, Decimal("1250.5"), "Imhof AG")


async def test_an_invoice_has_its_day(trial, made, reading):
    row = trial.stand.add("Invoices", Invoice_Number="INV-7", Status="Approved", Due_Date="2026-12-01")
    held = reading(made("Invoices"))
    await held.poll()
    invoice = held.records[row["id"]]
    assert isinstance(invoice, Invoice)
    assert (invoice.number, invoice.status, invoice.due_on) == ("INV-7", InvoiceStatus.ISSUED, date(2026, 12, 1))


async def test_resolving_an_account_sets_what_is_configured(trial, made):
    row = trial.stand.add("Accounts", Account_Name="Imhof AG", Support_Status="Waiting")
    source = made("Accounts", on_resolve={"Support_Status": "Done"})
    item = WriteBack(WriteKind.RESOLVE, row["id"], "[D-12 #4]", "Ana called them")
    await source.write(item)
    assert row["Support_Status"] == "Done"
    assert await source.find(item)


async def test_a_field_that_the_module_lacks_is_a_refusal_although_zoho_says_success(trial, made):
    row = trial.stand.add("Accounts", Account_Name="Imhof AG")
    source = made("Accounts", on_resolve={"No_Such": "Done"})
    outcome = await source.write(WriteBack(WriteKind.RESOLVE, row["id"], "[D-12 #4]", "x"))
    assert isinstance(outcome, Rejected)
    assert "No_Such" in outcome.why


# ---------------------------------------------------------------- reading


async def test_more_than_ten_pages_of_one_second_are_read_with_tokens(sb, trial, reading):
    moment = int(sb.clock.time() - HOUR)
    ids = {trial.lay(f"C{n}", moment) for n in range(124)}
    held = reading(trial.source)
    for _ in range(6):
        await held.poll()
    assert set(held.records) == ids


async def test_a_deleted_record_is_gone(sb, trial, reading):
    kept, gone = (trial.lay(name, sb.clock.time() - HOUR) for name in "ab")
    held = reading(trial.source)
    await held.poll()
    trial.remove(gone)
    sb.clock.advance(601)
    await held.poll()
    assert [one for page in held.pages for one in page.gone] == [gone]
    assert kept in held.records


async def test_the_list_of_the_deleted_is_asked_for_now_and_then(sb, trial, reading):
    held = reading(trial.source)
    for _ in range(5):
        await held.poll()
        sb.clock.advance(60)
    asked = [one for one in sb.ledger.entries if "/deleted" in str(one)]
    assert len(asked) == 1


async def test_a_note_is_seen_although_its_case_did_not_move(sb, trial, reading):
    record_id = trial.lay("x", sb.clock.time() - HOUR)
    held = reading(trial.source)
    await held.poll()
    sb.clock.advance(300)
    parent = {"module": {"api_name": "Cases"}, "id": record_id}
    trial.stand.add("Notes", Parent_Id=parent, Note_Content="The customer called back")
    (told,) = (await held.poll())[record_id].happenings
    assert (told.kind, told.author, told.private) == (HappeningKind.NOTE, "Ana Ruiz", True)


async def test_one_token_serves_an_hour_and_a_lost_one_is_renewed_in_mid_sweep(sb, trial):
    for n in range(25):
        trial.lay(f"C{n}", sb.clock.time() - HOUR + n)
    records, pages = {}, 0
    async for page in trial.source.changes({}):
        records |= {record.id: record for record in page.records}
        pages += 1
        if pages == 1:
            trial.stand.expire_tokens()
    assert len(records) == 25
    assert len(trial.stand.given) == 2


async def test_a_wrong_refresh_token_is_a_refused_login_although_it_comes_with_200(sb, trial, reading):
    source = ZohoCrm(replace(trial.source.conf, refresh_token="wrong-refresh"), now=sb.clock.now)
    with pytest.raises(SourceError, match="no token") as raised:
        await reading(source).poll()
    assert raised.value.fault is SourceFault.AUTH
    await source.close()


async def test_without_notes_no_call_is_spent_on_them(sb, trial, made, reading):
    trial.lay("x", sb.clock.time() - HOUR)
    await reading(made("Cases", notes=False)).poll()
    assert not [one for one in sb.ledger.entries if "Notes" in str(one)]


async def test_a_last_page_of_notes_that_is_cut_off_goes_on(sb, trial, made, reading):
    source = made("Cases", max_pages=1, overlap=timedelta(0))
    ids = [trial.lay(f"C{n}", sb.clock.time() - HOUR + n) for n in range(9)]
    held = reading(source)
    for _ in range(3):
        await held.poll()
    for record_id in ids * 3:
        sb.clock.advance(2)
        parent = {"module": {"api_name": "Cases"}, "id": record_id}
        trial.stand.add("Notes", Parent_Id=parent, Note_Content="x")
    for _ in range(4):
        await held.poll()
    assert {len(held.records[one].happenings) for one in ids} == {3}


# ---------------------------------------------------------------- check


async def test_check_names_fields_that_are_not_there(trial, made):
    bad = [finding for finding in await made("Cases", fields={"group": "Region_Of_Ours"}).check() if not finding.ok]
    assert ["Region_Of_Ours" in finding.detail for finding in bad] == [True]


async def test_check_sees_a_user_with_a_narrow_view(trial):
    trial.stand.profile = "Standard"
    (bad,) = [finding for finding in await trial.source.check() if not finding.ok]
    assert "profile Standard" in bad.detail
