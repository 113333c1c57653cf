"""Recording from end to end: a configuration, a system with people and secrets in it, and a tape that has neither."""

import asyncio
import base64
import json
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml
from aiohttp import web

from deskbell.sandbox import credentials
from pollers.bamboohr import BambooHrConf
from tests.recording import record, tape

ROOT = Path(__file__).parents[2]
PEOPLE = ("Wilhelmina Quux", "wilhelmina@quux-pumps.com", "+49 171 5550 123", "Quuxstrasse 7", "Wilhelmina")
CONFIG = """
[deskbell]
secret = "a-secret-for-the-tests-only"
[people.me]
name = "Me"
[destinations.pager]
platform = "webhook"
address = "http://127.0.0.1:9/pager"
{sources}
"""
JOBS = """
[sources.acme]
kind = "rest"
title = "Acme's jobs"
base_url = "{url}/fieldservice"
auth = {{ kind = "bearer", token = "env:JOBS_TOKEN" }}
path = "/api/jobs"
params = {{ updated_since = "{{since}}", page = "{{page}}", per_page = "{{size}}" }}
paging = {{ kind = "page", size = 2, first = 1, pages = "meta.pages" }}
items = "data"
item_path = "/api/jobs/{{id}}"
item = "data"
[sources.acme.fields]
id = "id"
number = "number"
status = "{status}"
title = "summary"
customer = "customer.name"
contact = "customer.phone"
site = "site.address"
zone = "site.timezone"
start = "scheduled_start"
updated_at = "updated_at"
"""
BOOKINGS = """
[sources.bookings]
kind = "dynamics"
base_url = "{url}/dynamics"
login_url = "{url}/dynamics"
tenant = "7e000000-0000-4000-8000-0000000000aa"
client_id = "sandbox-oauth-client"
client_secret = "env:BOOKINGS_SECRET"
"""


@pytest.fixture
async def sandbox():
    async with record.still() as made:
        customer = {"name": PEOPLE[0], "phone": PEOPLE[2]}
        made.fieldservice.change(4711, summary=f"{PEOPLE[0]} says: {PEOPLE[1]}, {PEOPLE[2]}", customer=customer)
        made.fieldservice.change(4712, equipment=f"the key is {credentials.FIELDSERVICE_TOKEN}")
        site = {"name": "Quux", "address": PEOPLE[3], "timezone": "Europe/Berlin", "lat": 54.3233, "lng": 10.1228}
        made.fieldservice.change(4713, site=site, cancelled_by=PEOPLE[1], note_of="+49 171 5550 123")
        yield made


@pytest.fixture
def recorded(sandbox, tmp_path, monkeypatch, capsys):
    """What `make record` does; its status, what it said, and where it wrote."""
    monkeypatch.setenv("JOBS_TOKEN", credentials.FIELDSERVICE_TOKEN)
    monkeypatch.setenv("BOOKINGS_SECRET", credentials.OAUTH_SECRET)

    async def run(sources, name, *more, **values):
        config = tmp_path / "my.toml"
        config.write_text(CONFIG.format(sources=sources.format(url=sandbox.url, **values)))
        words = [name, "--config", str(config), "--output", str(tmp_path), *more]
        status = await asyncio.to_thread(record.main, words)
        said = capsys.readouterr()
        return status, said.out + said.err, tmp_path

    return run


def written(folder, kind, name):
    return [(folder / kind / f"{name}.{suffix}").read_text() for suffix in ("yaml", "json")]


async def test_neither_people_nor_secrets_nor_the_account_are_on_the_tape(recorded, sandbox):
    status, told, folder = await recorded(JOBS, "acme", status="status")
    assert status == 0, told
    assert "to the end before you commit" in told
    cassette, golden = written(folder, "rest", "acme")
    assert cassette.startswith("# recorded from a live account on ")
    for text in (cassette, golden):
        for plant in (*PEOPLE, credentials.FIELDSERVICE_TOKEN, "127.0.0.1", "quux", "Acme's", "54.3233"):
            assert plant.lower() not in text.lower(), plant
        assert "authorization" not in text.lower()
    one = {job["id"]: job for job in json.loads(golden)["tour"]["first"]["records"]}
    real = sandbox.fieldservice.jobs[4711]
    assert set(one) == {"4711", "4712", "4713"}
    assert (one["4711"]["number"], one["4711"]["status_raw"]) == (real["number"], real["status"])
    assert datetime.fromisoformat(one["4711"]["start"]) == datetime.fromisoformat(real["scheduled_start"])
    assert one["4711"]["zone"] == "Europe/Berlin"
    assert one["4711"]["customer"].startswith("Name ")
    assert one["4711"]["title"].startswith("Name ") is False
    assert len(one["4711"]["title"]) > 20, "a text keeps its length"


async def test_what_was_recorded_is_replayed_by_the_same_test(recorded, tmp_path):
    for sources, name, kind, more in (
        (JOBS, "acme", "rest", {"status": "status"}),
        (BOOKINGS, "bookings", "dynamics", {}),
    ):
        status, told, folder = await recorded(sources, name, **more)
        assert status == 0, told
        golden, again, left = await tape.replay(folder / kind / f"{name}.yaml", tmp_path)
        assert (again, left) == (golden, [])
        assert golden["first"]["records"]


async def test_of_a_login_nothing_stays(recorded):
    status, told, folder = await recorded(BOOKINGS, "bookings")
    assert status == 0, told
    cassette, golden = written(folder, "dynamics", "bookings")
    login = yaml.safe_load(cassette)["interactions"][0]
    assert "client_secret=scrubbed" in login["request"]["body"]
    assert json.loads(login["response"]["body"]["string"])["access_token"] == "scrubbed"
    for text in (cassette, golden):
        assert credentials.OAUTH_SECRET not in text
        assert "sandbox-token" not in text
        assert "marco@" not in text


async def test_only_so_many_pages_are_read(recorded):
    status, told, folder = await recorded(JOBS, "acme", "--pages", "1", status="status")
    assert status == 0, told
    tour = json.loads(written(folder, "rest", "acme")[1])["tour"]
    assert len(tour["first"]["records"]) == 2
    assert "second" not in tour


async def test_a_secret_in_another_form_stops_it_and_nothing_is_written(recorded, sandbox):
    coded = base64.b64encode(f"user:{credentials.FIELDSERVICE_TOKEN}".encode()).decode()
    sandbox.fieldservice.change(4711, etag=coded)
    status, told, folder = await recorded(JOBS, "acme", status="status")
    assert status == 1
    assert "Nothing was written: token still stands in it" in told
    assert credentials.FIELDSERVICE_TOKEN not in told
    assert not list(folder.rglob("acme.*"))


async def test_a_mask_on_what_the_source_goes_by_is_told_with_what_to_do(recorded, sandbox):
    for job in sandbox.fieldservice.jobs.values():
        job["wibbles"] = ["en_route"]
    status, told, folder = await recorded(JOBS, "acme", status="wibbles[0]")
    assert status == 1
    assert "the status of a record reads" in told
    assert "KEEP=" in told
    assert not list(folder.rglob("acme.*"))
    status, told, folder = await recorded(JOBS, "acme", "--keep", "wibbles", status="wibbles[0]")
    assert status == 0, told


async def test_a_packed_answer_is_recorded_unpacked(tmp_path):
    async def packed(_request):
        rows = web.json_response([{"id": 1477, "employeeId": 31, "name": PEOPLE[0], "start": "2026-11-25",
                                   "end": "2026-11-26", "status": {"status": "approved"}}])  # fmt: skip
        rows.enable_compression(web.ContentCoding.gzip)
        return rows

    app = web.Application()
    app.router.add_get("/{tail:.*}", packed)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    conf = BambooHrConf(f"http://127.0.0.1:{runner.addresses[0][1]}", "a-key", emails=False)
    order = record.Order(
        "bamboohr", "packed", conf, datetime(2026, 11, 20, tzinfo=UTC), "recorded ...", folder=tmp_path
    )
    done = await record.record(order)
    await runner.cleanup()
    assert done["records"] >= 1
    assert '"employeeId": 31' in order.file.read_text()
    assert "Quux" not in order.file.read_text()


def test_make_record_says_what_it_needs():
    done = subprocess.run(["make", "--dry-run", "record"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert "SOURCE=" in done.stdout + done.stderr
    done = subprocess.run(
        ["make", "--dry-run", "record", "SOURCE=freshdesk", "CONFIG=my.toml"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "tests.recording.record freshdesk --config my.toml" in done.stdout


async def test_a_source_that_is_not_there_is_told_in_words(recorded):
    status, told, _ = await recorded(JOBS, "freshdesk", status="status")
    assert status == 1
    assert "there are: acme" in told
