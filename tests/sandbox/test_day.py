"""The day: what is laid out is due when it says, the timeline can be played, and the page and its hand work."""

import asyncio

import pytest

from deskbell.sandbox import trouble
from deskbell.sandbox.clock import parse
from deskbell.sandbox.scenario import ordinary
from deskbell.sandbox.scenario.day import CASES, INCIDENTS, TIMELINE, VISITS
from deskbell.sandbox.scenario.verbs import VERBS
from deskbell.sandbox.server import Sandbox
from deskbell.sandbox.view import FOLDERS

FS = {"Authorization": "Bearer sandbox-fieldservice"}


@pytest.fixture
async def day():
    async with Sandbox(scenario="day") as sandbox:
        yield sandbox


@pytest.fixture
async def day_http(day):
    import httpx

    async with httpx.AsyncClient(base_url=day.url, trust_env=False) as client:
        yield client


async def test_the_day_begins_when_somebody_looks(day, day_http):
    assert (await day_http.get("/_sandbox/state")).json()["begun"] is False
    day.clock.advance(3600)
    assert (await day_http.get("/fieldservice/api/jobs", headers=FS)).status_code == 200
    job = day.fieldservice.find("J-4711")
    assert day.clock.time() - parse(job["scheduled_start"]) == pytest.approx(15 * 60 - 8, abs=2)
    assert {e.subject for e in day.ledger.expectations} == {
        *(f"J-{visit.number}" for visit in VISITS if visit.rings),
        *(str(case.number) for case in CASES if case.rings),
        *(incident.number for incident in INCIDENTS if incident.rings),
    }


async def test_every_event_of_the_timeline_can_happen(day):
    day.director.begin()
    for event in TIMELINE:
        VERBS[event.verb](day, event.subject, event.args)
    assert day.fieldservice.find("J-4713")["cancelled_by"] == "customer"
    assert day.freshdesk.tickets.rows[20413].public["is_escalated"]
    assert day.servicenow.tables.by_number("INC0010002")["assigned_to"]
    assert day.billing.find("A-1008")["status"] == "closed"
    assert (day.billing.suspended(), day.billing.failing(), day.billing.expired()) == ([], [], []), "they ended again"


async def test_the_ordinary_day_goes_on_for_hours_without_trouble(day):
    day.director.begin()
    for subject in list(day.held):
        day.release(subject)
    for _ in range(300):
        day.clock.advance(60)
        ordinary.tick(day)
    now = day.clock.time()
    late = [
        job["number"]
        for job in day.fieldservice.jobs.values()
        if job["status"] in ("scheduled", "en_route") and now - parse(job["scheduled_start"]) > 900
    ]
    assert late == []
    assert sum(job["status"] == "scheduled" for job in day.fieldservice.jobs.values()) >= 7


@pytest.mark.parametrize("verb", ["late", "check_in", "cancel", "reschedule", "no_show", "urgent_ticket", "near_sla",
                                  "payment_fails", "suspend_account"])  # fmt: skip
async def test_each_trouble_button_works(day, verb):
    day.director.begin()
    before = len(day.ledger.expectations)
    subject = await trouble.VERBS[verb](day, {})
    assert subject
    if verb != "check_in":
        assert day.ledger.expectations[-1].subject == subject
        assert len(day.ledger.expectations) == before + 1


async def test_who_pays_is_out_of_trouble(day):
    day.director.begin()
    invoice = await trouble.VERBS["payment_fails"](day, {"invoice": "INV-3109"})
    account = await trouble.VERBS["suspend_account"](day, {})
    assert {await trouble.VERBS["payment_in"](day, {}) for _ in range(2)} == {invoice, account}
    assert day.billing.find(account) | {"status": "active", "balance": "0.00"} == day.billing.find(account)
    with pytest.raises(LookupError):
        await trouble.VERBS["payment_in"](day, {})


async def test_bookkeeping_mends_what_nobody_holds(day):
    day.director.begin()
    held = await trouble.VERBS["suspend_account"](day, {})
    let_go = await trouble.VERBS["payment_fails"](day, {})
    day.release(let_go)
    ordinary.tick(day)
    assert [row["number"] for row in day.billing.suspended()] == [held]
    assert day.billing.find(let_go)["status"] == "paid"
    assert all(one.withdrawn for one in day.ledger.expectations if one.subject == let_go)


async def test_the_page_shows_what_is_wrong_with_an_account(day, day_http):
    day.director.begin()

    async def shown():
        return {row["number"]: row for row in (await day_http.get("/_sandbox/state")).json()["billing"]}

    before = await shown()
    assert {row["flag"] for row in before.values()} == {""}
    for event in TIMELINE[: [event.verb for event in TIMELINE].index("pay")]:
        VERBS[event.verb](day, event.subject, event.args)
    after = await shown()
    told = (after["A-1003"]["flag"], after["A-1010"]["status"], after["A-1008"]["open"])
    assert told == ("not paid", "Suspended", False)
    assert after["A-1010"]["due"] == parse(day.billing.find("INV-3110")["due_on"])


async def test_people_react_to_cards(kit):
    async with Sandbox(people=True) as sb:
        sb.slack.no_limits()
        web = kit.web_client(sb)
        app = kit.App(web)

        async def then(request):
            if request.payload.get("type") == "block_actions":
                await web.views_open(trigger_id=request.payload["trigger_id"], view=kit.modal(kit.text_input()))

        app.then = then
        await app.socket.connect()
        blocks = [kit.actions(kit.button("desk.resolve", "Resolve"))]
        await web.chat_postMessage(channel="C0DISPATCH", text="x", blocks=blocks, metadata=kit.card_metadata())
        submitted = await sb.slack.pulse.until(lambda: sb.ledger.of("slack", "submit"), 9)
        assert submitted[0].what["acked"]
        typed = await sb.slack.pulse.until(lambda: sb.ledger.of("slack", "command"), 9)
        assert typed[0].what["text"].startswith("/desk")
        await app.socket.close()


# ------------------------------------------------------------------ control and page


async def test_the_hand_of_the_page(sb, http, app, kit):
    ts = (await app.web.chat_postMessage(channel="C0DISPATCH", text="x", blocks=[kit.actions(kit.button())]))["ts"]

    async def do(verb, **arguments):
        return (await http.post("/_sandbox/do", json={"do": verb, **arguments})).json()

    done = await do("slack.tap", user="ana", channel="dispatch", ts=ts, action_id="desk.ack")
    assert done["result"]["acked"]
    assert "Refused" in (await do("slack.tap", user="ana", channel="dispatch", ts=ts, action_id="no"))["error"]
    assert (await do("slack.type", user="ana", channel="dispatch", text="/desk help"))["result"]["acked"]
    assert "verbs" in await do("explode")
    await do("break", source="freshdesk", fault="500", seconds=5)
    assert (await http.get("/_sandbox/state")).json()["faults"] == [["freshdesk", "500"]]
    await do("heal")
    assert (await http.get("/_sandbox/state")).json()["faults"] == []


async def test_other_sites_may_not_press(http, sb):
    rebound = await http.get("/_sandbox/ledger", headers={"Host": "evil.example"})
    assert rebound.status_code == 403
    form = await http.post("/_sandbox/do", data={"do": "chat_429", "chat": "slack"})
    assert form.status_code == 415


async def test_the_page_and_its_files(http):
    page = await http.get("/")
    assert "script-src 'self'" in page.headers["Content-Security-Policy"]
    for path in (path for folder in FOLDERS for path in folder.iterdir()):
        assert (await http.get(f"/page/{path.name}")).status_code == 200
        text = path.read_text()
        assert "innerHTML" not in text
        assert "//cdn" not in text
    assert (await http.get("/page/..%2Fserver.py")).status_code == 404


async def test_the_audit_trail_is_fetched_with_the_token(sb, http, unused_tcp_port_factory):
    from aiohttp import web as aioweb

    async def audit(request):
        assert request.headers["Authorization"] == "Bearer secret"
        return aioweb.json_response({"entries": [], "count": 3, "verified": True})

    assert (await http.get("/_sandbox/audit")).json()["reachable"] is False

    async def why(request):
        return aioweb.json_response({"ref": request.match_info["ref"], "why": [{"what": "Rule", "said": "late"}]})

    app = aioweb.Application()
    app.router.add_get("/api/v1/audit", audit)
    app.router.add_get("/api/v1/alerts/{ref}/why", why)
    runner = aioweb.AppRunner(app)
    await runner.setup()
    site = aioweb.TCPSite(runner, "127.0.0.1", unused_tcp_port_factory())
    await site.start()
    sb.desk_url, sb.desk_token = f"http://127.0.0.1:{runner.addresses[0][1]}", "secret"
    assert (await http.get("/_sandbox/audit")).json() == {
        "reachable": True, "entries": [], "count": 3, "verified": True,
    }  # fmt: skip
    assert (await http.get("/_sandbox/why/D-12")).json()["ref"] == "D-12"
    assert (await http.get("/_sandbox/why/..%2F..%2Faudit")).json()["reachable"] is True  # a ref, whatever it says
    await runner.cleanup()


async def test_events_stream(sb, http):
    async with http.stream("GET", "/_sandbox/events") as stream:
        lines = stream.aiter_lines()
        assert (await anext(lines)).startswith("data: ")
        sb.pulse.beat()
        await anext(lines)
        assert (await asyncio.wait_for(anext(lines), 2)).startswith("data: ")


async def test_as_a_process(tmp_path):
    import json
    import signal
    import sys

    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "deskbell.sandbox", "--port", "0", "--scenario", "empty", stdout=asyncio.subprocess.PIPE
    )
    line = json.loads(await asyncio.wait_for(process.stdout.readline(), 20))
    assert line["page"] == f"{line['url']}/"
    process.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(process.wait(), 10) == 0
