"""A customer's database, read by a SELECT: in pages, by a keyset or whole, and never written."""

import asyncio
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import psycopg
import pytest

from deskbell.core.outcome import Rejected
from deskbell.core.ports import SourceError, SourceFault, WriteBack, WriteKind
from deskbell.core.records import Invoice, InvoiceStatus, VisitStatus
from deskbell.sandbox.clock import Clock
from deskbell.sandbox.database import Database
from deskbell.torture import postgres
from pollers.sql import Sql, SqlConf

KEYSET = """SELECT booking_no, phase, tenant AS customer, place AS site, engineer AS technician,
  planned_start AS start, planned_end AS "end", arrived, changed FROM bookings_seen
  WHERE changed > :since OR (changed = :since AND booking_no > :last_id) ORDER BY changed, booking_no LIMIT :limit"""
WHOLE = """SELECT booking_no, phase, tenant AS customer, engineer AS technician, planned_start AS start,
  planned_end AS "end", changed FROM bookings_seen WHERE planned_start < :window_end"""
FIELDS = {"id": "booking_no", "status": "phase", "arrived_at": "arrived", "updated_at": "changed"}
BILLS = """SELECT bill_no AS number, phase AS status, tenant AS customer, total, open AS balance, currency,
  due AS due_on, bill_no AS id, changed AS updated_at FROM bills
  WHERE changed > :since OR (changed = :since AND bill_no > :last_id) ORDER BY changed, bill_no LIMIT :limit"""
HOUR = 3600.0


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def database(tmp_path, clock):
    database = Database(tmp_path / "firm.db", clock)
    yield database
    database.close()


@pytest.fixture
def conf(database):
    return SqlConf(
        database.url, KEYSET, fields=FIELDS, ids="number", page_size=10, status_map={"booked": "scheduled"},
        one="SELECT * FROM bookings_seen WHERE booking_no = :id",
    )  # fmt: skip


@pytest.fixture
async def opened(conf, clock):
    made = []

    def build(**changes):
        made.append(Sql(replace(conf, **changes), now=clock.now))
        return made[-1]

    yield build
    for source in made:
        await source.close()


def book(database, number, **more):
    now = database.clock.time()
    row = {"booking_no": number, "phase": "booked", "tenant": "Erika", "place": "Kiel", "engineer": "Marco"}
    database.put("bookings", **row | {"planned_start": now + HOUR, "planned_end": now + 2 * HOUR} | more)


async def test_a_row_becomes_a_visit_by_columns_of_our_names_and_by_the_map(database, opened, reading):
    book(database, 7, arrived=database.clock.time())
    held = reading(opened())
    visit = (await held.poll())["7"]
    assert (visit.status, visit.customer, visit.technician) == (VisitStatus.SCHEDULED, "Erika", "Marco")
    assert visit.end - visit.start == timedelta(hours=1)
    assert visit.arrived_at is not None
    assert held.complete
    assert await held.poll() == {}


async def test_more_rows_of_one_second_than_a_page_holds(database, opened, reading):
    at = database.clock.time() - HOUR
    for number in range(37):
        book(database, number, changed=at + number // 25)
    held = reading(opened())
    for _ in range(3):
        await held.poll()
    assert len(held.records) == 37
    assert max(len(page.records) for page in held.pages) <= 10


async def test_a_row_that_is_seen_long_after_its_stamp_is_not_lost(database, opened, reading):
    book(database, 1)
    held = reading(opened())
    await held.poll()
    book(database, 2, lag=60.0)
    database.clock.advance(30)
    book(database, 3)
    assert set(await held.poll()) == {"3"}
    database.clock.advance(40)
    database.tick()
    assert set(await held.poll()) == {"2"}


async def test_an_unknown_phase_is_told_and_a_row_without_an_id_is_set_aside(database, opened, reading):
    book(database, 1, phase="on the moon")
    held = reading(opened(query=KEYSET.replace("SELECT booking_no,", "SELECT nullif(booking_no, 2) AS booking_no,")))
    book(database, 2)
    await held.poll()
    assert held.records["1"].status is VisitStatus.UNKNOWN
    assert ("status", "on the moon") in [word for page in held.pages for word in page.unmapped]
    assert [bad.error for page in held.pages for bad in page.bad] == ["BadRow: the row has no usable id"]


async def test_a_view_without_a_time_of_change_is_read_whole(database, opened, reading):
    for number in range(5):
        book(database, number)
    held = reading(opened(strategy="snapshot", query=WHOLE))
    assert len(await held.poll()) == 5
    book(database, 3, engineer="Lena")
    database.drop("bookings", 4)
    assert set(await held.poll()) == {"3"}
    await held.poll()
    assert held.pages[-1].gone == ("4",)


async def test_a_snapshot_in_pages(database, opened, reading):
    for number in range(25):
        book(database, number)
    query = "SELECT * FROM bookings_seen WHERE booking_no > :last_id ORDER BY booking_no LIMIT :limit"
    held = reading(opened(strategy="snapshot", query=query))
    assert len(await held.poll()) == 25
    assert len(held.pages) == 3


async def test_invoices_with_amounts_and_days(database, opened, reading):
    bill = {
        "bill_no": "R-1",
        "phase": "issued",
        "tenant": "Erika",
        "total": "1200.50",
        "open": "200",
        "due": "2026-11-30",
    }
    database.put("bills", **bill)
    source = opened(query=BILLS, records="invoice", fields={}, ids="text", status_map={}, one="")
    invoice = (await reading(source).poll())["R-1"]
    assert isinstance(invoice, Invoice)
    assert (invoice.status, invoice.total, invoice.balance) == (
        InvoiceStatus.ISSUED,
        Decimal("1200.5"),
        Decimal(200),
    )
    assert (invoice.due_on, invoice.currency) == (date(2026, 11, 30), "EUR")


async def test_local_stamps_are_in_the_configured_zone_both_ways(database, opened, reading):
    source = opened(zone="Europe/Berlin", date_format="local")
    book(database, 1, planned_start="2026-07-01 10:00:00", changed=database.clock.time() + 1.5 * HOUR)
    visit = (await reading(source).poll())["1"]
    assert visit.start.hour == 8


async def test_one_row_by_its_id(database, opened):
    book(database, 7)
    source = opened()
    assert (await source.fetch("7")).customer == ""
    assert (await source.fetch("7")).technician_email == ""
    assert await source.fetch("8") is None
    assert await source.missing(["7", "8"]) == ["8"]
    with pytest.raises(SourceError, match="set `one`"):
        await opened(one="").fetch("7")


async def test_nothing_is_ever_written(database, opened):
    book(database, 1)
    source = opened()
    outcome = await source.write(WriteBack(WriteKind.NOTE, "1", "[D-1 #1]", "hello"))
    assert isinstance(outcome, Rejected)
    assert not await source.find(WriteBack(WriteKind.NOTE, "1", "[D-1 #1]", "hello"))
    with pytest.raises(SourceError, match="readonly"):
        await source.reader.read("WITH x AS (SELECT 1) DELETE FROM bookings WHERE 1 IN x RETURNING *", {})
    assert database.count("bookings") == 1


async def test_a_statement_that_takes_too_long_is_ended_and_the_next_one_works(opened):
    source = opened(timeout=timedelta(milliseconds=200))
    endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n"
    with pytest.raises(SourceError) as caught:
        await source.reader.read(endless, {})
    assert caught.value.fault is SourceFault.UNREACHABLE
    assert (await source.reader.read("SELECT 1 AS one", {}))[0] == [{"one": 1}]


async def test_the_loop_goes_on_while_the_database_thinks(opened):
    source = opened(timeout=timedelta(milliseconds=300))
    endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n"
    reading = asyncio.ensure_future(source.reader.read(endless, {}))
    turns = 0
    while not reading.done():
        await asyncio.sleep(0.01)
        turns += 1
    assert turns > 5
    assert isinstance(reading.exception(), SourceError)


async def test_a_wrong_query_is_told_without_its_values(opened, reading):
    for query, fault in (("colour", SourceFault.ANSWER), ("bookings_sen", SourceFault.ANSWER)):
        source = opened(query=KEYSET.replace("place", "colour") if query == "colour" else KEYSET.replace("_seen", "_s"))
        with pytest.raises(SourceError) as caught:
            await reading(source).poll()
        assert caught.value.fault is fault
        assert "no such" in str(caught.value)


async def test_a_database_that_is_not_there(opened, reading, tmp_path):
    source = opened(url=f"sqlite:///{tmp_path}/no/such/folder.db")
    with pytest.raises(SourceError) as caught:
        await reading(source).poll()
    assert caught.value.fault is SourceFault.UNREACHABLE


async def test_check_is_content_and_names_what_is_wrong(database, opened):
    for number in range(12):
        book(database, number, changed=database.clock.time() - HOUR + number)
    assert [finding for finding in await opened().check() if not finding.ok] == []
    unsorted = KEYSET.replace("ORDER BY changed,", "ORDER BY -booking_no,")
    for change, said in (
        ({"query": unsorted}, "ORDER BY"),
        ({"query": KEYSET.replace("changed > :since", "(1 OR changed > :since)")}, "ignored"),
        ({"status_map": {}}, "status 'booked'"),
        ({"fields": FIELDS | {"title": "heading"}}, "no column heading"),
        ({"query": KEYSET.replace("_seen", "_sen")}, "no such table"),
    ):
        bad = [finding.detail for finding in await opened(**change).check() if not finding.ok]
        assert any(said in detail for detail in bad), (said, bad)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"query": "DELETE FROM x"}, "one SELECT"),
        ({"query": "SELECT 1; DROP TABLE x"}, "one SELECT"),
        ({"query": "SELECT id, status, updated_at FROM x"}, "a keyset needs :since"),
        ({"query": KEYSET + " -- :sinse"}, ":sinse is no parameter"),
        ({"one": "SELECT 1"}, "holds no :id"),
        ({"fields": {"status": "phase", "updated_at": "changed"}}, "id is missing"),
        ({"fields": FIELDS | {"colour": "x"}}, "colour is no field of a visit"),
        ({"status_map": {"x": "resting"}}, "use one of: unscheduled"),
        ({"strategy": "snapshot", "query": "SELECT id, status FROM x LIMIT :limit"}, "go together"),
    ],
)
def test_a_wrong_description_is_told_when_it_is_read(conf, change, said):
    with pytest.raises(ValueError, match=said):
        replace(conf, **change)


def test_a_time_in_quotes_is_no_parameter_and_our_names_in_the_query_are_columns(conf):
    made = replace(conf, query=KEYSET.replace("changed >", "'12:30' < phase AND changed >"))
    assert made.fields["customer"] == "customer"
    assert "travel_started_at" not in made.fields
    assert "secret" not in repr(replace(conf, url="postgresql://us:secret@db/firm"))


# ---------------------------------------------------------------- the same on PostgreSQL

SCHEMA = """CREATE TABLE jobs (id text PRIMARY KEY, status text, start_at timestamptz, total numeric(12, 2),
  updated_at timestamptz NOT NULL DEFAULT now())"""
JOBS = """SELECT id, status, start_at AS start, updated_at FROM jobs
  WHERE updated_at > :since OR (updated_at = :since AND id > :last_id) ORDER BY updated_at, id LIMIT :limit"""


@pytest.fixture
def postgresql():
    try:
        postgres.server()
    except postgres.Unavailable as why:
        pytest.skip(str(why))
    with postgres.database() as url, psycopg.connect(url, autocommit=True) as connection:
        connection.execute(SCHEMA)
        yield url, connection


async def test_postgresql_is_read_in_pages_and_refuses_writes_of_ours(postgresql, reading):
    url, connection = postgresql
    for n in range(25):
        connection.execute("INSERT INTO jobs VALUES (%s, 'scheduled', now(), 1)", (f"J{n}",))
    connection.execute("UPDATE jobs SET updated_at = date_trunc('second', now())")
    source = Sql(SqlConf(url, JOBS, page_size=10))
    held = reading(source)
    for _ in range(2):
        await held.poll()
    assert len(held.records) == 25
    assert held.pages[-1].read_at is not None
    with pytest.raises(SourceError, match="read-only"):
        await source.reader.read("WITH x AS (DELETE FROM jobs RETURNING id) SELECT id FROM x", {})
    assert [finding for finding in await source.check() if not finding.ok] == []
    await source.close()


async def test_postgresql_ends_a_statement_that_takes_too_long(postgresql):
    url, _ = postgresql
    source = Sql(SqlConf(url, JOBS, timeout=timedelta(milliseconds=200)))
    with pytest.raises(SourceError, match="timeout") as caught:
        await source.reader.read("SELECT pg_sleep(5)", {})
    assert caught.value.fault is SourceFault.UNREACHABLE
    await source.close()
