"""Freshdesk: paging, rate headers, refusals, and times that come later. Shapes against the vendor's reference."""

import httpx
import pytest

from deskbell.sandbox import credentials

DAY = 86_400


@pytest.fixture
async def fd(sb):
    auth = (credentials.FRESHDESK_KEY, "X")
    async with httpx.AsyncClient(base_url=f"{sb.url}/freshdesk/api/v2", auth=auth, trust_env=False) as client:
        yield client


def codes(answer):
    return {row["field"]: row["code"] for row in answer.json()["errors"]}


NEW = {"subject": "s", "description": "d", "status": 2, "priority": 4, "source": 2, "email": "e@example.com"}


async def test_wrong_key(http, sb):
    answer = await http.get("/freshdesk/api/v2/tickets", auth=("wrong", "X"))
    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_credentials")
    assert (await http.get("/freshdesk/api/v2/tickets")).status_code == 401
    assert sb.ledger.count("freshdesk", "rejected") == 2


async def test_answers_are_shaped_as_documented(fd, oracle):
    made = await fd.post("/tickets", json=NEW | {"tags": ["a"]})
    key = made.json()["id"]
    calls = [
        ("POST", "/tickets", 201, made),
        ("GET", "/tickets/{id}", 200, await fd.get(f"/tickets/{key}?include=stats,requester,conversations")),
        ("PUT", "/tickets/{id}", 200, await fd.put(f"/tickets/{key}", json={"status": 3})),
        ("GET", "/tickets", 200, await fd.get("/tickets?include=stats,description")),
    ]
    for method, path, status, answer in calls:
        assert answer.status_code == status
        assert oracle.check_response("freshdesk", method, path, status, answer.json()) == []
    assert made.headers["Location"].endswith(f"/tickets/{key}")


async def test_paging(fd, sb):
    for number in range(5):
        sb.freshdesk.tickets.add(f"t{number}", updated=sb.clock.time() - 100 + number)
    query = {"updated_since": "2020-01-01T00:00:00Z", "order_by": "updated_at", "order_type": "asc", "per_page": 2}
    seen, url = [], "/tickets"
    while url:
        answer = await fd.get(url, params=query)
        seen += [row["subject"] for row in answer.json()]
        url, query = answer.links.get("next", {}).get("url"), None
    assert seen == [f"t{number}" for number in range(5)]
    assert answer.headers["X-RateLimit-Remaining"] == "697"


async def test_updated_since_is_inclusive_and_whole_seconds(fd, sb):
    ticket = sb.freshdesk.tickets.add("x")
    since = ticket.public["updated_at"]
    assert since.endswith("Z")
    assert "." not in since
    assert len((await fd.get("/tickets", params={"updated_since": since})).json()) == 1


async def test_what_a_list_hides(fd, sb):
    now = sb.clock.time()
    sb.freshdesk.tickets.add("old", created=now - 31 * DAY)
    sb.freshdesk.tickets.add("spam", spam=True)
    sb.freshdesk.tickets.add("deleted", deleted=True)
    assert (await fd.get("/tickets")).json() == []
    for wanted in ("spam", "deleted"):
        assert [row["subject"] for row in (await fd.get(f"/tickets?filter={wanted}")).json()] == [wanted]
    old = await fd.get("/tickets?updated_since=2020-01-01")
    assert [row["subject"] for row in old.json()] == ["old"]


@pytest.mark.parametrize(
    ("query", "field", "code"),
    [
        ("per_page=101", "per_page", "invalid_value"),
        ("page=0", "page", "datatype_mismatch"),
        ("page=301", "page", "invalid_value"),
        ("order_by=subject", "order_by", "invalid_value"),
        ("filter=mine", "filter", "invalid_value"),
        ("updated_since=yesterday", "updated_since", "invalid_date"),
        ("include=everything", "include", "invalid_value"),
        ("sort=asc", "sort", "invalid_field"),
    ],
)
async def test_a_wrong_list(fd, query, field, code):
    answer = await fd.get(f"/tickets?{query}")
    assert (answer.status_code, codes(answer)) == (400, {field: code})


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        ({"colour": "red"}, {"colour": "invalid_field"}),
        ({"status": "open"}, {"status": "datatype_mismatch"}),
        ({"status": 99}, {"status": "invalid_value"}),
        ({"priority": 5}, {"priority": "invalid_value"}),
        ({"responder_id": 1}, {"responder_id": "invalid_value"}),
        ({"subject": "x" * 256}, {"subject": "invalid_value"}),
        ({}, {"request_body": "missing_field"}),
    ],
)
async def test_a_wrong_update(fd, sb, body, wanted):
    key = sb.freshdesk.tickets.add("x").id
    answer = await fd.put(f"/tickets/{key}", json=body)
    assert (answer.status_code, codes(answer)) == (400, wanted)
    assert answer.json()["description"] == "Validation failed"


async def test_a_wrong_create(fd):
    answer = await fd.post("/tickets", json={"subject": "x"})
    wanted = {"status", "priority", "source", "description", "requester_id"}
    assert set(codes(answer)) == wanted
    assert (await fd.post("/tickets", data={"subject": "x"})).status_code == 415
    broken = await fd.post("/tickets", content=b"{", headers={"Content-Type": "application/json"})
    assert (broken.status_code, broken.json()["code"]) == (400, "invalid_json")


async def test_due_times_come_later_and_move_nothing(fd, sb):
    made = (await fd.post("/tickets", json=NEW)).json()
    assert made["due_by"] is None
    sb.clock.advance(4)
    row = (await fd.get(f"/tickets/{made['id']}")).json()
    assert row["due_by"] > row["created_at"]
    assert row["updated_at"] == made["updated_at"]


async def test_notes_and_replies(fd, sb):
    key = sb.freshdesk.tickets.add("x", updated=sb.clock.time() - 60).id
    before = (await fd.get(f"/tickets/{key}")).json()["updated_at"]
    note = await fd.post(f"/tickets/{key}/notes", json={"body": "<b>seen</b> &amp; done"})
    assert (note.status_code, note.json()["private"], note.json()["body_text"]) == (201, True, "seen  & done")
    reply = await fd.post(f"/tickets/{key}/reply", json={"body": "hello", "user_id": 1001})
    assert (reply.json()["private"], reply.json()["user_id"]) == (False, 1001)
    assert (await fd.get(f"/tickets/{key}")).json()["updated_at"] > before
    assert len((await fd.get(f"/tickets/{key}/conversations")).json()) == 2
    assert codes(await fd.post(f"/tickets/{key}/notes", json={"text": "x"})) == {
        "body": "missing_field",
        "text": "invalid_field",
    }
    stats = (await fd.get(f"/tickets/{key}?include=stats")).json()["stats"]
    assert stats["first_responded_at"]


async def test_gone_and_deleted(fd, sb):
    key = sb.freshdesk.tickets.add("x").id
    assert (await fd.delete(f"/tickets/{key}")).status_code == 204
    assert (await fd.put(f"/tickets/{key}", json={"status": 2})).status_code == 405
    assert (await fd.get(f"/tickets/{key}")).json()["deleted"] is True
    sb.freshdesk.tickets.forget(key)
    gone = await fd.get(f"/tickets/{key}")
    assert (gone.status_code, gone.content) == (404, b"")


async def test_agents_groups_fields(fd):
    assert (await fd.get("/agents/me")).json()["ticket_scope"] == 1
    [ana] = (await fd.get("/agents", params={"email": "ana@example.org"})).json()
    assert ana["contact"]["name"] == "Ana Ruiz"
    assert len((await fd.get("/groups")).json()) == 3
    [status] = (await fd.get("/ticket_fields?type=default_status")).json()
    assert status["choices"]["2"][0] == "Open"


async def test_the_minute_has_a_limit(fd, sb):
    sb.freshdesk.lists.total = 2
    assert [(await fd.get("/tickets")).status_code for _ in range(3)] == [200, 200, 429]
    late = await fd.get("/tickets")
    assert 1 <= int(late.headers["Retry-After"]) <= 60
    assert (await fd.get("/agents/me")).status_code == 200
    sb.clock.advance(61)
    assert (await fd.get("/tickets")).status_code == 200


@pytest.mark.parametrize(("fault", "status"), [("500", 500), ("401", 401), ("429", 429), ("html", 200)])
async def test_trouble_on_demand(fd, sb, fault, status):
    sb.freshdesk.faults.set(fault, seconds=10)
    answer = await fd.get("/tickets")
    assert answer.status_code == status
    if fault in ("html", "500"):
        assert answer.headers["Content-Type"].startswith("text/html")
    sb.clock.advance(11)
    assert (await fd.get("/tickets")).json() == []


async def test_a_lone_surrogate_comes_through_as_its_escape(fd, sb):
    sb.freshdesk.tickets.add("dirty \ud800 data")
    assert b"\\ud800" in (await fd.get("/tickets")).content
