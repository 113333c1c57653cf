"""Objects of Salesforce as records, and what is its own: keysets, what belongs to a case, sharing, the day's calls."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from deskbell.core.outcome import Sent
from deskbell.core.ports import SourceError, SourceFault, WriteBack, WriteKind
from deskbell.core.records import (
    Account,
    AccountStatus,
    CaseStatus,
    Contract,
    ContractStatus,
    HappeningKind,
    Invoice,
    InvoiceStatus,
    Order,
    OrderStatus,
    Priority,
)
from deskbell.sandbox import credentials
from deskbell.sandbox.salesforce.org import PORTAL, written
from deskbell.vendors import salesforce as vendor
from pollers.crm_conf import columns_of
from pollers.rows import BadRow
from pollers.salesforce import Salesforce, SalesforceConf
from tests.pollers.trials import HOUR, on_trial

CONF = SalesforceConf(
    "https://acme.my.salesforce.com",
    client_id="key",
    client_secret="secret-1234",
    milestones=True,
    emails=True,
    team="all",
)


@pytest.fixture
async def trial(sb):
    async with on_trial("salesforce", sb) as one:
        yield one


@pytest.fixture
def org(trial):
    return trial.stand.org


@pytest.fixture
async def made(sb):
    """Sources of other objects of the same org."""
    sources = []

    def make(what, **more):
        conf = SalesforceConf(
            f"{sb.url}/salesforce",
            client_id=credentials.SALESFORCE_CLIENT_ID,
            client_secret=credentials.SALESFORCE_CLIENT_SECRET,
            object=what,
            **more,
        )
        sources.append(Salesforce(conf, now=sb.clock.now))
        return sources[-1]

    yield make
    for source in sources:
        await source.close()


@pytest.fixture
async def offline():
    source = Salesforce(CONF)
    yield source
    await source.close()


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


# ---------------------------------------------------------------- the mapping


async def test_a_case_of_salesforce_becomes_a_case(recorded, offline):
    case = offline.record_of(recorded("salesforce_cases")["records"][0], {})
    assert (case.id, case.number, case.source) == ("500Qx00000AbCdEIAV", "00001026", "salesforce")
    assert (case.status, case.status_raw, case.priority) == (CaseStatus.OPEN, "Working", Priority.HIGH)
    assert (case.assignee, case.assignee_id, case.group, case.team) == ("Ben Okafor", "005Qx00000AbCdEIAV", "", "all")
    assert (case.requester, case.contact, case.account_id) == ("Mia Imhof", "mia@example.com", "001Qx00000AbCdEIAV")
    assert case.escalated
    assert case.updated_at == case.last_activity_at == at("2026-11-20T08:40:12")
    assert case.url == "https://acme.my.salesforce.com/lightning/r/Case/500Qx00000AbCdEIAV/view"


async def test_a_case_of_a_queue_is_nobodys_and_any_closed_status_is_closed(recorded, offline):
    raw = recorded("salesforce_cases")["records"][1]
    case = offline.record_of(raw, {})
    assert (case.assignee, case.assignee_id, case.group) == ("", "", "Parts")
    assert (case.status, case.status_raw) == (CaseStatus.CLOSED, "Solved by phone")
    assert (case.requester, case.contact) == ("Web visitor", "web@example.com")
    assert offline.unmapped(raw) == []
    assert offline.unmapped(raw | {"IsClosed": False}) == [("status", "Solved by phone")]


async def test_milestones_are_service_clocks_and_stop_with_their_case(recorded, offline):
    raw = recorded("salesforce_cases")["records"][0]
    slas = {sla.metric: sla for sla in offline.record_of(raw, {}).slas}
    assert slas["first_response"].met
    assert slas["next_reply"].due_at == at("2026-11-20T12:00:00")
    assert slas["resolution"].due_at == at("2026-11-20T16:00:00")
    assert not any(sla.paused for sla in slas.values())
    assert all(sla.paused for sla in offline.record_of(raw | {"IsStopped": True}, {}).slas)
    assert all(sla.met for sla in offline.record_of(raw | {"IsClosed": True}, {}).slas)


async def test_comments_and_emails_are_happenings_and_ours_are_none(recorded, offline):
    told = offline.record_of(recorded("salesforce_cases")["records"][0], {}).happenings
    assert [(one.kind, one.author) for one in told] == [
        (HappeningKind.NOTE, "Ben Okafor"),
        (HappeningKind.CUSTOMER_REPLY, "Mia Imhof"),
        (HappeningKind.DOCUMENT, "Mia Imhof"),
        (HappeningKind.CUSTOMER_REPLY, "Mia Imhof"),
    ]
    assert told[0].private


async def test_hostile_fields_never_raise(recorded, offline, hostile, sound):
    good = recorded("salesforce_cases")["records"][0]
    for value in hostile:
        for name in set(good) - {"Id"}:
            sound(offline.record_of(good | {name: value}, {}))
        for name in ("CaseComments", "EmailMessages", "CaseMilestones"):
            for field in good[name]["records"][0]:
                rows = [good[name]["records"][0] | {field: value}, value]
                sound(offline.record_of(good | {name: {"records": rows}}, {}))
            sound(offline.record_of(good | {name: {"records": value}}, {}))


@pytest.mark.parametrize("raw", [None, [], "row", {}, {"Id": None}, {"Id": True}, {"Id": {}}])
async def test_what_is_no_row_is_a_bad_row(offline, raw):
    with pytest.raises(BadRow):
        offline.record_of(raw, {})


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"client_secret": ""}, "client_secret"),
        ({"object": "Case; DROP"}, "object's name"),
        ({"object": "Invoice__c"}, "which records"),
        ({"fields": {"colour": "Colour__c"}}, "no field of a case"),
        ({"fields": {"status": ""}}, "status is missing"),
        ({"fields": {"subject": "Subject |"}}, "fields"),
        ({"status_map": {"New": "brand new"}}, "brand new"),
        ({"page_size": 5000}, "2000"),
    ],
)
def test_what_is_wrong_with_the_settings_is_said(given, said):
    with pytest.raises(ValueError, match=said):
        replace(CONF, **given)


def test_the_columns_are_those_that_the_expressions_read():
    fields = {
        "a": "IsClosed && 'Closed Won' || Status",
        "b": "Owner.Type == 'User' && Owner.Name || ''",
        "c": "sum(X__c)",
    }
    assert columns_of(fields) == ["IsClosed", "Status", "Owner.Type", "Owner.Name", "X__c"]


def test_text_in_a_query_stays_text():
    assert vendor.quoted("O'Hara\\ \n") == r"'O\'Hara\\ \n'"
    assert not vendor.is_id("' OR Name != '")
    assert vendor.is_id("500Qx00000AbCdEIAV")


def test_no_secret_shows_in_a_repr():
    assert "secret-1234" not in repr(CONF)


# ---------------------------------------------------------------- other objects


async def test_an_account_has_its_two_custom_fields(made, trial, org, reading):
    row = org.add(
        "Account", Name="Imhof AG", Account_Status__c="On Hold", Support_Status__c="Waiting", Phone="+49 30 1"
    )
    held = reading(made("Account"))
    await held.poll()
    account = held.records[row["Id"]]
    assert isinstance(account, Account)
    assert (account.name, account.status, account.status_raw) == ("Imhof AG", AccountStatus.SUSPENDED, "On Hold")
    assert (account.support_status, account.owner, account.owner_email) == ("Waiting", "Ana Ruiz", "ana@example.org")


async def test_a_won_opportunity_is_an_approved_order(made, trial, org, reading):
    buyer = org.add("Account", Name="Imhof AG")
    row = org.add("Opportunity", Name="Two boosters", StageName="Closed Won", Amount=1250.5, AccountId=buyer["Id"])
    held = reading(made("Opportunity"))
    await held.poll()
    order = held.records[row["Id"]]
    assert isinstance(order, Order)
    assert (order.status, order.total, order.customer) == (OrderStatus.APPROVED, Decimal("1250.5"), "Imhof AG")
    assert order.account_id == buyer["Id"]


async def test_a_contract_has_its_days(made, trial, org, reading):
    row = org.add("Contract", Status="Activated", StartDate="2026-01-01", EndDate="2026-12-31")
    held = reading(made("Contract"))
    await held.poll()
    contract = held.records[row["Id"]]
    assert isinstance(contract, Contract)
    assert (contract.status, contract.ends_on) == (ContractStatus.ACTIVE, date(2026, 12, 31))


async def test_an_object_of_ones_own_is_described(made, trial, org, reading):
    row = org.add("Invoice__c", Name="INV-7", Status__c="Sent", Total__c=100, Balance__c=40.0, Due__c="2026-12-01")
    fields = {"id": "Id", "number": "Name", "status": "Status__c", "total": "Total__c", "balance": "Balance__c",
              "due_on": "Due__c", "updated_at": "SystemModstamp"}  # fmt: skip
    held = reading(made("Invoice__c", records="invoice", fields=fields, status_map={"Sent": "issued"}))
    await held.poll()
    invoice = held.records[row["Id"]]
    assert isinstance(invoice, Invoice)
    assert (invoice.number, invoice.status, invoice.balance) == ("INV-7", InvoiceStatus.ISSUED, Decimal("40.0"))
    assert invoice.due_on == date(2026, 12, 1)


async def test_what_changed_long_ago_is_read_too_but_closed_cases_are_not(sb, made, trial, org, reading):
    long_ago = sb.clock.time() - 400 * 24 * HOUR
    account = org.add("Account", at=long_ago, Name="Old", Account_Status__c="Customer")
    opened, closed = (org.add("Case", at=long_ago, Status=word, Priority="Low") for word in ("New", "Closed"))
    accounts, cases = reading(made("Account")), reading(trial.source)
    await accounts.poll()
    await cases.poll()
    assert account["Id"] in accounts.records
    assert opened["Id"] in cases.records
    assert closed["Id"] not in cases.records


async def test_a_note_on_an_account_is_a_post_in_its_feed_and_a_resolution_is_what_is_set(made, trial, org):
    row = org.add("Account", Name="Imhof AG", Support_Status__c="Waiting")
    source = made("Account", on_resolve={"Support_Status__c": "Done"})
    item = WriteBack(WriteKind.RESOLVE, row["Id"], "[D-12 #4]", "Ana called them")
    assert isinstance(await source.write(item), Sent)
    assert row["Support_Status__c"] == "Done"
    (post,) = org.rows["FeedItem"].values()
    assert post["Body"].endswith("[D-12 #4]")
    assert await source.find(item)


# ---------------------------------------------------------------- reading


async def test_batches_smaller_than_the_page_are_put_together(sb, trial, org, reading):
    trial.stand.batch = 3
    ids = {trial.lay(f"C{n}", sb.clock.time() - HOUR + n) for n in range(25)}
    held = reading(trial.source)
    for _ in range(3):
        await held.poll()
    assert set(held.records) == ids


async def test_rows_that_become_visible_late_are_not_lost(sb, trial, org, reading):
    record_id = trial.lay("x", sb.clock.time() - HOUR)
    other = trial.lay("y", sb.clock.time() - HOUR)
    held = reading(trial.source)
    await held.poll()
    org.lag = 60
    trial.touch(record_id, "late")
    org.lag = 0
    sb.clock.advance(30)
    trial.touch(other, "early")
    assert set(await held.poll()) == {other}
    sb.clock.advance(40)
    assert (await held.poll())[record_id].subject == "late"


async def test_a_deleted_case_is_gone(sb, trial, reading):
    record_id = trial.lay("x", sb.clock.time() - HOUR)
    held = reading(trial.source)
    await held.poll()
    sb.clock.advance(60)
    trial.remove(record_id)
    assert await held.poll() == {}
    assert record_id in [one for page in held.pages for one in page.gone]


@pytest.mark.parametrize(
    ("what", "parent", "fields"),
    [
        ("CaseComment", "ParentId", {"CommentBody": "Here", "IsPublished": True, "CreatedById": PORTAL}),
        ("EmailMessage", "ParentId", {"Subject": "Re", "Incoming": True, "FromName": "Mia", "HasAttachment": False}),
        ("CaseMilestone", "CaseId", {"TargetDate": "2030-01-01T00:00:00.000+0000", "IsCompleted": False}),
    ],
)
async def test_what_is_added_to_a_case_is_seen_although_the_case_did_not_move(
    sb, trial, org, reading, what, parent, fields
):
    record_id = trial.lay("x", sb.clock.time() - HOUR)
    held = reading(trial.source)
    await held.poll()
    sb.clock.advance(600)
    if what == "EmailMessage":
        fields = fields | {"MessageDate": written(sb.clock.time())}
    org.add(what, **{parent: record_id}, **fields)
    case = (await held.poll())[record_id]
    if what == "CaseMilestone":
        assert [sla.due_at.year for sla in case.slas] == [2030]
    else:
        assert [one.kind for one in case.happenings] == [HappeningKind.CUSTOMER_REPLY]
    assert await held.poll() == {}


async def test_a_session_that_ends_in_mid_sweep(sb, trial):
    for n in range(25):
        trial.lay(f"C{n}", sb.clock.time() - HOUR + n)
    records = {}
    async for page in trial.source.changes({}):
        records |= {record.id: record for record in page.records}
        trial.stand.expire_tokens()
    assert len(records) == 25


async def test_the_calls_of_a_day_are_a_limit_and_not_a_refused_login(sb, trial, reading):
    trial.stand.most_calls = 0
    with pytest.raises(SourceError, match="REQUEST_LIMIT_EXCEEDED") as raised:
        await reading(trial.source).poll()
    assert raised.value.fault is SourceFault.LIMITED


async def test_a_wrong_secret_is_a_refused_login(sb, trial, reading):
    source = Salesforce(replace(trial.source.conf, client_secret="wrong-secret"), now=sb.clock.now)
    with pytest.raises(SourceError, match="client_secret") as raised:
        await reading(source).poll()
    assert raised.value.fault is SourceFault.AUTH
    await source.close()


# ---------------------------------------------------------------- check


async def test_check_names_the_field_that_the_org_does_not_have(sb, trial):
    conf = replace(trial.source.conf, fields={"group": "Region__c"})
    source = Salesforce(conf, now=sb.clock.now)
    bad = [finding for finding in await source.check() if not finding.ok]
    assert ["Region__c" in finding.detail for finding in bad] == [True]
    await source.close()


async def test_check_sees_a_user_that_sharing_hides_cases_from(trial, org):
    org.rows["ObjectPermissions"]["Case"]["PermissionsViewAllRecords"] = False
    (finding,) = [finding for finding in await trial.source.check() if not finding.ok]
    assert "View All" in finding.detail


async def test_check_warns_when_the_calls_of_the_day_come_to_an_end(trial):
    trial.stand.most_calls, trial.stand.calls = 1000, 950
    (finding,) = [finding for finding in await trial.source.check() if not finding.ok]
    assert "of the 1000 calls" in finding.detail
