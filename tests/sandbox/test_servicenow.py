"""ServiceNow: encoded queries, what is dropped in silence, display values, journals, errors."""

import httpx
import pytest

from deskbell.sandbox import credentials


@pytest.fixture
async def sn(sb):
    auth = (credentials.SERVICENOW_USER, credentials.SERVICENOW_PASSWORD)
    base = f"{sb.url}/servicenow/api/now/table"
    async with httpx.AsyncClient(
        base_url=base, auth=auth, headers={"Accept": "application/json"}, trust_env=False
    ) as c:
        yield c


@pytest.fixture
def rows(sb):
    now = sb.clock.time()
    make = sb.servicenow.tables.incident
    return [
        make("VPN down", priority="1", assigned="Ana Ruiz", updated=now - 300, sla_end=now + 60),
        make("Printer", priority="4", updated=now - 200),
        make("Printer again", priority="3", assigned="Ben Okafor", updated=now - 100, state="6"),
    ]


async def found(sn, query, **more):
    answer = await sn.get("/incident", params={"sysparm_query": query, **more})
    return [row["number"] for row in answer.json()["result"]]


A, B, C = "INC0010001", "INC0010002", "INC0010003"


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("priority=1", [A]),
        ("priority!=1", [B, C]),
        ("priority>=3^ORDERBYDESCnumber", [C, B]),
        ("priority<3", [A]),
        ("priorityIN1,4", [A, B]),
        ("short_descriptionLIKEprinter", [B, C]),
        ("short_descriptionSTARTSWITHvpn", [A]),
        ("assigned_toISEMPTY", [B]),
        ("assigned_toISNOTEMPTY", [A, C]),
        ("assigned_to.email=ben@example.org", [C]),
        ("priority=1^ORpriority=4^state=1", [A, B]),
        ("state=6^NQpriority=1", [A, C]),
        ("ORDERBYDESCsys_updated_on", [C, B, A]),
    ],
)
async def test_queries(sn, rows, query, wanted):
    assert await found(sn, query) == wanted


@pytest.mark.parametrize("query", ["nosuch=1", "priority~1", "sla.name=x", "assigned_to.nosuch=1", "javascript"])
async def test_what_it_does_not_understand_is_dropped_and_everything_returns(sn, rows, query):
    assert await found(sn, query) == [A, B, C]
    assert await found(sn, f"{query}^priority=1") == [A]


async def test_keyset_by_stamp(sn, rows):
    stamp = rows[1]["sys_updated_on"]
    assert await found(sn, f"sys_updated_on>={stamp}^ORDERBYsys_updated_on^ORDERBYsys_id") == [B, C]
    assert await found(sn, f"sys_updated_on>{stamp}") == [C]


async def test_paging_headers_and_hidden_rows(sn, sb, rows):
    sb.servicenow.hidden.add(rows[0]["sys_id"])
    answer = await sn.get("/incident", params={"sysparm_limit": "2", "sysparm_query": "ORDERBYnumber"})
    assert [row["number"] for row in answer.json()["result"]] == [B], "hidden rows go after the limit: a short page"
    assert answer.headers["X-Total-Count"] == "3"
    assert {"first", "next", "last"} <= set(answer.links)
    following = await sn.get(answer.links["next"]["url"])
    assert [row["number"] for row in following.json()["result"]] == [C]
    assert "next" not in following.links
    assert (await sn.get(f"/incident/{rows[0]['sys_id']}")).status_code == 404
    bare = await sn.get("/incident", params={"sysparm_no_count": "true", "sysparm_suppress_pagination_header": "true"})
    assert not {"X-Total-Count", "Link"} & set(bare.headers)


@pytest.mark.parametrize(
    ("asked", "wanted"),
    [
        ({}, {"value": "ID", "link": "LINK"}),
        ({"sysparm_exclude_reference_link": "true"}, "ID"),
        ({"sysparm_display_value": "true", "sysparm_exclude_reference_link": "true"}, "Ana Ruiz"),
        ({"sysparm_display_value": "all"}, {"display_value": "Ana Ruiz", "value": "ID", "link": "LINK"}),
    ],
)
async def test_references(sn, rows, asked, wanted):
    row = (await sn.get(f"/incident/{rows[0]['sys_id']}", params=asked)).json()["result"]
    key = rows[0]["assigned_to"]
    link = f"{str(sn.base_url).rstrip('/')}/sys_user/{key}"
    filled = {k: {"ID": key, "LINK": link}.get(v, v) for k, v in wanted.items()} if isinstance(wanted, dict) else wanted
    assert row["assigned_to"] == (key if wanted == "ID" else filled)


async def test_fields(sn, rows):
    asked = {"sysparm_fields": "number,assigned_to.email,nosuch,state", "sysparm_display_value": "true"}
    row = (await sn.get(f"/incident/{rows[0]['sys_id']}", params=asked)).json()["result"]
    assert row == {"number": A, "assigned_to.email": "ana@example.org", "state": "New"}


async def test_work_notes_go_to_the_journal(sn, sb, rows):
    key = rows[0]["sys_id"]
    before = rows[0]["sys_updated_on"]
    answer = await sn.patch(f"/incident/{key}", json={"work_notes": "seen by Ana", "nosuch": "x"})
    row = answer.json()["result"]
    assert (row["work_notes"], row["sys_mod_count"], row["sys_updated_by"]) == ("", "1", "deskbell")
    assert row["sys_updated_on"] > before
    query = {"sysparm_query": f"element_id={key}^element=work_notes"}
    [entry] = (await sn.get("/sys_journal_field", params=query)).json()["result"]
    assert entry["value"] == "seen by Ana"
    shown = (await sn.get(f"/incident/{key}", params={"sysparm_display_value": "true"})).json()["result"]
    assert "seen by Ana" in shown["work_notes"]
    same = (await sn.patch(f"/incident/{key}", json={"priority": "1"})).json()["result"]
    assert same["sys_mod_count"] == "1", "nothing changed, nothing counted"


async def test_assigning(sn, sb, rows):
    ben = sb.servicenow.tables.user("ben@example.org")
    row = (await sn.patch(f"/incident/{rows[0]['sys_id']}", json={"assigned_to": ben})).json()["result"]
    assert (row["assigned_to"]["value"], row["reassignment_count"]) == (ben, "1")


async def test_resolving_needs_its_fields(sn, rows):
    url = f"/incident/{rows[0]['sys_id']}"
    refused = await sn.patch(url, json={"state": "6"})
    assert refused.status_code == 403
    assert "Close code" in refused.json()["error"]["detail"]
    done = await sn.patch(url, json={"state": "6", "close_code": "Solved (Permanently)", "close_notes": "x"})
    assert done.json()["result"]["state"] == "6"


async def test_create_finds_its_way_back(sn, oracle):
    made = await sn.post("/incident", json={"short_description": "x", "correlation_id": "D-7", "work_notes": "why"})
    assert made.status_code == 201
    key = made.json()["result"]["sys_id"]
    assert made.headers["Location"].endswith(key)
    [same] = (await sn.get("/incident", params={"sysparm_query": "correlation_id=D-7"})).json()["result"]
    assert same["sys_id"] == key
    assert oracle.check_response("servicenow", "POST", "/api/now/table/incident", 201, made.json()) == []


async def test_slas_and_people(sn, sb, rows):
    query = {"sysparm_query": "active=true^stage=in_progress", "sysparm_fields": "task.number,planned_end_time"}
    [sla] = (await sn.get("/task_sla", params=query)).json()["result"]
    assert sla["task.number"] == A
    [ana] = (await sn.get("/sys_user", params={"sysparm_query": "email=ana@example.org^active=true"})).json()["result"]
    assert ana["name"] == "Ana Ruiz"
    choices = await sn.get("/sys_choice", params={"sysparm_query": "name=incident^element=state^ORDERBYvalue"})
    assert choices.json()["result"][0]["label"] == "New"


async def test_errors(sn, http, sb):
    for answer, status, message in (
        (await http.get("/servicenow/api/now/table/incident"), 401, "User Not Authenticated"),
        (await sn.get("/nosuch"), 400, "Invalid table nosuch"),
        (await sn.get("/incident/0"), 404, "No Record found"),
        (await sn.get("/incident", headers={"Accept": "text/html"}), 400, "Invalid Accept header"),
        (await sn.post("/incident", content=b"x"), 400, "Invalid Content-Type header"),
        (await sn.post("/incident", content=b"{", headers={"Content-Type": "application/json"}), 400, "Exception"),
    ):
        body = answer.json()
        assert (answer.status_code, body["status"]) == (status, "failure")
        assert body["error"]["message"].startswith(message)
    older = await http.get(
        "/servicenow/api/now/v1/table/incident", auth=(credentials.SERVICENOW_USER, credentials.SERVICENOW_PASSWORD)
    )
    assert older.status_code == 404, "version 1 has no empty list"


async def test_client_credentials(http, sb):
    form = {
        "grant_type": "client_credentials",
        "client_id": credentials.SERVICENOW_CLIENT_ID,
        "client_secret": credentials.SERVICENOW_CLIENT_SECRET,
    }
    wrong = await http.post("/servicenow/oauth_token.do", data=form | {"client_secret": "x"})
    assert wrong.status_code == 401
    answer = (await http.post("/servicenow/oauth_token.do", data=form)).json()
    bearer = {"Authorization": f"Bearer {answer['access_token']}"}
    assert (await http.get("/servicenow/api/now/table/incident", headers=bearer)).status_code == 200
    sb.clock.advance(answer["expires_in"] + 1)
    assert (await http.get("/servicenow/api/now/table/incident", headers=bearer)).status_code == 401


async def test_a_sleeping_instance_answers_html(sn, sb):
    sb.servicenow.faults.set("html", times=1)
    answer = await sn.get("/incident")
    assert (answer.status_code, answer.headers["Content-Type"].partition(";")[0]) == (200, "text/html")
    assert (await sn.get("/incident")).json() == {"result": []}
