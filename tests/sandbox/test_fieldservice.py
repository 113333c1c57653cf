"""The field service and the pager."""

import httpx
import pytest

from deskbell.sandbox import credentials


@pytest.fixture
async def fs(sb):
    headers = {"Authorization": f"Bearer {credentials.FIELDSERVICE_TOKEN}"}
    async with httpx.AsyncClient(base_url=f"{sb.url}/fieldservice/api", headers=headers, trust_env=False) as client:
        yield client


async def test_jobs_ascend_by_their_change(fs, sb):
    now = sb.clock.time()
    first = sb.fieldservice.add(start=now, end=now + 60, technician=1)
    second = sb.fieldservice.add(start=now, end=now + 60)
    sb.clock.advance(5)
    sb.fieldservice.change(first["id"], status="en_route", travel_started_at=now)
    answer = (await fs.get("/jobs", params={"per_page": 1})).json()
    assert [job["id"] for job in answer["data"]] == [second["id"]]
    assert answer["meta"] == {"page": 1, "per_page": 1, "pages": 2, "total": 2}
    since = sb.fieldservice.jobs[first["id"]]["updated_at"]
    [job] = (await fs.get("/jobs", params={"updated_since": since})).json()["data"]
    assert (job["technician"]["name"], job["status"]) == ("Marco Bianchi", "en_route")
    assert job["travel_started_at"].endswith("Z")


async def test_writing(fs, sb):
    job = sb.fieldservice.add(start=0, end=60)
    url = f"/jobs/{job['id']}"
    changed = (await fs.patch(url, json={"technician_id": 3, "note": "on his way"})).json()["data"]
    assert changed["technician"]["id"] == 3
    assert changed["notes"][0]["text"] == "on his way"
    assert (await fs.patch(url, json={"technician_id": None})).json()["data"]["technician"] is None
    assert len((await fs.get("/technicians")).json()["data"]) == 7


@pytest.mark.parametrize(
    ("body", "field"),
    [({"colour": 1}, "colour"), ({"technician_id": 99}, "technician_id"), ({"status": "late"}, "status"), ({}, "")],
)
async def test_wrong_writes(fs, sb, body, field):
    job = sb.fieldservice.add(start=0, end=60)
    answer = await fs.patch(f"/jobs/{job['id']}", json=body)
    assert answer.status_code == 422
    assert list(answer.json()["error"]["fields"]) == [field]


async def test_errors(fs, http):
    assert (await http.get("/fieldservice/api/jobs")).status_code == 401
    assert (await fs.get("/jobs/1")).status_code == 404
    for query in ("per_page=101", "page=0", "updated_since=now", "colour=red"):
        assert (await fs.get(f"/jobs?{query}")).status_code == 422


async def test_the_pager_keeps_what_it_gets(http, sb):
    assert (await http.post("/pager/oncall", json={"text": "Slack is down"})).status_code == 202
    assert sb.pager.calls[0]["body"] == {"text": "Slack is down"}
    assert (await http.post("/pager/oncall", content=b"x")).status_code == 400
    assert sb.ledger.count("pager", "called") == 1
