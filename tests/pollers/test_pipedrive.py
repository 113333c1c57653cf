"""Organisations and deals of Pipedrive as records, and what is its own: hashes for names, numbers for labels."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from deskbell.core.outcome import Fault, Rejected, Sent
from deskbell.core.ports import SourceError, SourceFault, WriteBack, WriteKind
from deskbell.core.records import Account, AccountStatus, Order, OrderStatus
from deskbell.sandbox import pipedrive as stand_in
from deskbell.sandbox.pipedrive import code
from pollers.pipedrive import Pipedrive, PipedriveConf
from pollers.pipedrive_fields import fields_of, flat
from pollers.rows import BadRow
from tests.pollers.trials import HOUR, on_trial

CONF = PipedriveConf(
    "https://acme.pipedrive.com", token="token-1234", web_url="https://acme.pipedrive.com/organization/{id}"
)
SUPPORT = "9dc80c50d78a15643bfc4ca79d76156a73a1ca0e"
STATUS = "1ad4ba8ba7fb3ff0a3b41ff4a9ba4d0e9a6f4b11"
FIELDS = [
    {"field_code": "name", "field_name": "Name", "options": None},
    {"field_code": SUPPORT, "field_name": "Support Status", "options": [{"id": 21, "label": "Waiting"}]},
    {"key": STATUS, "name": "Account Status", "options": [{"id": 13, "label": "On hold"}]},
    {"field_code": "ff", "field_name": "Monthly fee", "field_type": "monetary"},
    None,
]
ROW = {
    "id": 3001,
    "name": "Imhof AG",
    "owner_id": 102,
    "add_time": "2026-01-05T08:00:00Z",
    "update_time": "2026-11-20T08:40:12Z",
    "is_deleted": False,
    "visible_to": 3,
    "label_ids": [],
    "custom_fields": {SUPPORT: 21, STATUS: 13, "ff": {"value": 49.5, "currency": "EUR"}, "gone": 1},
}


@pytest.fixture
async def trial(sb):
    async with on_trial("pipedrive", sb) as one:
        yield one


@pytest.fixture
async def made(sb, trial):
    """Sources of other objects of the same company."""
    sources = []

    def make(what, **more):
        sources.append(Pipedrive(replace(trial.source.conf, object=what, **more), now=sb.clock.now))
        return sources[-1]

    yield make
    for source in sources:
        await source.close()


@pytest.fixture
async def offline():
    source = Pipedrive(replace(CONF, fields={"balance": "monthly_fee"}))
    yield source
    await source.close()


# ---------------------------------------------------------------- the mapping


async def test_an_organisation_becomes_an_account(offline):
    row = flat(ROW, fields_of(FIELDS)) | {"owner_name": "Ana Ruiz", "owner_email": "ana@example.org"}
    account = offline.record_of(row, {})
    assert isinstance(account, Account)
    assert (account.id, account.name, account.status) == ("3001", "Imhof AG", AccountStatus.SUSPENDED)
    assert (account.status_raw, account.support_status, account.balance) == ("On hold", "Waiting", Decimal("49.5"))
    assert (account.owner, account.owner_email) == ("Ana Ruiz", "ana@example.org")
    assert account.updated_at == datetime(2026, 11, 20, 8, 40, 12, tzinfo=UTC)
    assert account.url == "https://acme.pipedrive.com/organization/3001"


def test_several_options_are_their_labels_and_one_that_is_gone_its_number():
    fields = fields_of([{"field_code": "aa", "field_name": "Kind", "options": [{"id": 1, "label": "Pump"}]}])
    assert flat({"id": 1, "custom_fields": {"aa": [1, 7]}}, fields)["kind"] == "Pump, 7"


def test_a_field_of_ones_own_does_not_take_the_place_of_pipedrives():
    fields = fields_of([{"field_code": "aa", "field_name": "Name"}])
    assert flat({"id": 1, "name": "Imhof AG", "custom_fields": {"aa": "x"}}, fields)["name"] == "Imhof AG"


async def test_hostile_fields_never_raise(offline, hostile, sound):
    for value in hostile:
        for name in set(ROW) - {"id"}:
            sound(offline.record_of(flat(ROW | {name: value}, fields_of(FIELDS)), {}))
        for name in ROW["custom_fields"]:
            own = ROW["custom_fields"] | {name: value}
            sound(offline.record_of(flat(ROW | {"custom_fields": own}, fields_of(FIELDS)), {}))
        for name in ("field_code", "field_name", "options"):
            fields_of([FIELDS[1] | {name: value}, value])


@pytest.mark.parametrize("row", [None, [], "row", {}, {"id": None}, {"id": True}, {"id": {}}])
async def test_what_is_no_row_is_a_bad_row(offline, row):
    with pytest.raises(BadRow):
        offline.record_of(flat(row, {}), {})


@pytest.mark.parametrize(("given", "said"), [({"token": ""}, "token"), ({"object": "leads"}, "organizations")])
def test_what_is_wrong_with_the_settings_is_said(given, said):
    with pytest.raises(ValueError, match=said):
        replace(CONF, **given)


def test_no_secret_shows_in_a_repr():
    assert "token-1234" not in repr(CONF)


# ---------------------------------------------------------------- reading


async def test_a_won_deal_is_an_approved_order_of_its_organisation(sb, trial, made, reading):
    firm = trial.lay("Imhof AG", sb.clock.time() - HOUR)
    values = {"value": 1250.5, "currency": "EUR", "status": "won", "won_time": "2026-11-20T08:00:00Z", "stage_id": 3}
    row = trial.stand.add("deals", title="Two boosters", org_id=int(firm), **values)
    held = reading(made("deals"))
    await held.poll()
    order = held.records[str(row["id"])]
    assert isinstance(order, Order)
    assert (order.status, order.status_raw, order.total) == (
        OrderStatus.APPROVED,
        "Negotiations Started",
        Decimal("1250.5"),
    )
    assert (order.customer, order.account_id, order.approved_by) == ("Imhof AG", firm, "Ana Ruiz")
    assert order.approved_at == datetime(2026, 11, 20, 8, 0, tzinfo=UTC)


async def test_a_deleted_deal_is_gone(sb, trial, made, reading):
    row = trial.stand.add("deals", title="x", status="open", at=sb.clock.time() - HOUR)
    held = reading(made("deals"))
    await held.poll()
    sb.clock.advance(601)
    trial.stand.change("deals", row["id"], is_deleted=True)
    await held.poll()
    assert [one for page in held.pages for one in page.gone] == [str(row["id"])]


async def test_a_label_that_no_map_knows_is_told(sb, trial, reading, monkeypatch):
    monkeypatch.setitem(stand_in.OPTIONS["Account Status"], 15, "Frozen")
    row = trial.stand.add("organizations", name="x", own={"Account Status": "Frozen"})
    held = reading(trial.source)
    await held.poll()
    assert held.records[str(row["id"])].status is AccountStatus.UNKNOWN
    assert ("status", "Frozen") in [word for page in held.pages for word in page.unmapped]


async def test_without_the_names_of_fields_nothing_is_read_wrongly(sb, trial, reading):
    record_id = trial.lay("x", sb.clock.time() - HOUR)
    trial.stand.faults.set("500", where="/api/v2/organizationFields", times=1)
    held = reading(trial.source)
    with pytest.raises(SourceError):
        await held.poll()
    assert not held.records
    await held.poll()
    assert held.records[record_id].status is AccountStatus.ACTIVE


async def test_old_names_of_fields_serve_when_new_ones_can_not_be_read(sb, trial, reading):
    record_id = trial.lay("x", sb.clock.time() - HOUR)
    held = reading(trial.source)
    await held.poll()
    trial.source._fields_until = 0.0
    trial.stand.faults.set("500", where="/api/v2/organizationFields", times=1)
    trial.touch(record_id, "y")
    assert (await held.poll())[record_id].status is AccountStatus.ACTIVE


async def test_the_limit_is_told_with_when_it_ends(trial, reading):
    trial.stand.limited = True
    while not trial.stand.buckets.take("calls", stand_in.BURST):
        pass
    with pytest.raises(SourceError) as raised:
        await reading(trial.source).poll()
    assert raised.value.fault is SourceFault.LIMITED
    assert raised.value.after is not None


# ---------------------------------------------------------------- writing


async def test_a_field_of_ones_own_is_set_by_its_hash_and_an_options_number(sb, trial, made):
    record_id = trial.lay("x", sb.clock.time() - HOUR)
    source = made("organizations", on_resolve={"support_status": "done"})
    assert isinstance(await source.write(WriteBack(WriteKind.RESOLVE, record_id, "[D-12 #4]", "")), Sent)
    assert trial.stand.rows["organizations"][int(record_id)]["custom_fields"][code("Support Status")] == 22


async def test_a_label_that_is_none_is_refused_with_those_there_are(sb, trial, made):
    record_id = trial.lay("x", sb.clock.time() - HOUR)
    source = made("organizations", on_resolve={"support_status": "Finished"})
    outcome = await source.write(WriteBack(WriteKind.RESOLVE, record_id, "[D-12 #4]", ""))
    assert isinstance(outcome, Rejected)
    assert outcome.fault is Fault.CONFIG
    assert "Waiting, Done" in outcome.why


async def test_a_note_is_a_finished_activity_of_the_organisation(sb, trial):
    record_id = trial.lay("x", sb.clock.time() - HOUR)
    await trial.source.write(WriteBack(WriteKind.NOTE, record_id, "[D-12 #1]", "Ana <b>called</b>\nthem"))
    (activity,) = trial.stand.rows["activities"].values()
    assert (activity["org_id"], activity["done"], activity["subject"]) == (int(record_id), True, "Ana <b>called</b>")
    assert activity["note"] == "Ana &lt;b&gt;called&lt;/b&gt;<br>them<br>[D-12 #1]"


# ---------------------------------------------------------------- check


async def test_check_names_fields_that_are_not_there(trial, made):
    bad = [one for one in await made("organizations", fields={"plan": "region_of_ours"}).check() if not one.ok]
    assert ["region_of_ours" in one.detail for one in bad] == [True]


async def test_check_sees_a_user_that_is_no_admin(trial):
    trial.stand.admin = False
    (bad,) = [finding for finding in await trial.source.check() if not finding.ok]
    assert "visibility groups" in bad.detail
