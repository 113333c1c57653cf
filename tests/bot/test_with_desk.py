"""Commands and API over the real desk and the real store: the same effect and the same audit as a button."""

from datetime import timedelta

import aiohttp
import pytest

from bot.api import ApiToken
from bot.commands import Commands
from bot.ports import Said
from bot.server import Server, ServerConf
from deskbell.core.ports import Interaction, Page
from deskbell.desk import Desk, House, SourceFacts
from deskbell.net.clock import Clock
from storage.store import SqlStore


class Source:
    """Holds the records of the test, and gives them out when asked for one."""

    name = "freshdesk"

    def __init__(self, records):
        self.records = {record.id: record for record in records}

    async def fetch(self, record_id):
        return self.records.get(record_id)


@pytest.fixture
async def real(tmp_path, desk, build):
    store = SqlStore.open(f"sqlite:///{tmp_path}/desk.db", audit_key=b"k" * 32, clock=lambda: build["now"])
    source = Source([build["case"](slas=(), assignee_id="7").record])
    facts = {"freshdesk": SourceFacts("Freshdesk", timedelta(seconds=15))}
    house = House(b"s" * 32, people=desk.people, sources=facts)

    async def verify():
        verdict = store.verify()
        return verdict.ok, verdict.count

    real = Desk(store, house, Clock(lambda: build["now"]), {"freshdesk": source}, verify)
    await real.observe(Page("freshdesk", tuple(source.records.values()), {}, complete=True))
    await real.source_read("freshdesk")
    for person in desk.people:
        await real.link("slack", f"U-{person}", person)
    yield real
    store.close()


def say(line, real, who="ana", key="k"):
    return Commands(real).run(line, Said("slack", f"U-{who}", "T1", "", key))


async def audit(real):
    tail = await real.audit_tail(100, 0)
    assert tail["verified"]
    return [(row["actor"], row["verb"]) for row in tail["entries"] if row["verb"] != "link"]


async def test_an_alert_lives_its_life_by_commands(real):
    assert "D-1" in (await say("new P2 pump down", real, key="k0")).reply.lines[0]
    lines = ["ack 1", "note 1 on my way", "reassign 1 jose", "snooze 1 30m", "unack 1", "resolve 1 fixed", "reopen 1"]
    for number, line in enumerate(lines):
        spoken = await say(line, real, key=f"k{number + 1}")
        assert spoken.reply.lines[0].startswith("D-1 "), spoken
    entries = await audit(real)
    assert [verb for actor, verb in entries if actor == "ana"][-7:] == [line.split()[0] for line in lines]


async def test_a_command_and_its_button_leave_the_same_entry(real):
    await say("new P2 pump down", real, key="k0")
    await say("ack 1", real, key="k1")
    await say("unack 1", real, key="k2")
    token = next(b.token for b in (await real.card(await real.find_alert("D-1"))).buttons if b.verb == "ack")
    answer = await real.act(Interaction("k3", "slack", "U-ana", "ack", token=token))
    assert answer.ok
    rows = (await real.audit_tail(100, 0))["entries"]
    typed, tapped = [row for row in rows if row["verb"] == "ack"]
    assert {k: v for k, v in typed.items() if k != "seq"} == {k: v for k, v in tapped.items() if k != "seq"}


async def test_refusals_and_strangers_are_audited(real):
    await say("new P2 pump down", real, key="k0")
    assert "role" in (await say("ack 1", real, "vera", "k1")).reply.lines[0]
    assert (await say("ack 1", real, "stranger", "k2")).reply.title == "Not linked yet"
    assert ("vera", "refused") in await audit(real)
    assert ("slack:U-stranger", "refused") in await audit(real)


async def test_a_case_is_found_and_refreshed(real, build):
    spoken = await say("case 4711", real)
    assert spoken.reply.title == "Case 4711 · Freshdesk"
    assert "Fresh from Freshdesk 12:00." in (await spoken.later()).lines[0]


async def test_a_person_may_raise_ten_alerts_an_hour(real):
    said = [(await say(f"new number {n}", real, key=f"k{n}")).reply.lines[0] for n in range(11)]
    assert all("is open" in line for line in said[:10])
    assert "10 alerts an hour" in said[10]
    assert (await say("list", real)).reply.title == "10 alerts"


async def test_the_api_raises_lists_and_shows_the_audit(real):
    token = ApiToken("shop", "s3cret-of-the-shop", frozenset({"trigger", "read", "audit"}))
    server = Server(ServerConf(port=0, tokens=(token,)), real)
    await server.start()
    headers = {"Authorization": f"Bearer {token.secret}", "Idempotency-Key": "1"}
    async with aiohttp.ClientSession(f"http://127.0.0.1:{server.port}", headers=headers) as session:

        async def call(method, path, **options):
            async with session.request(method, path, **options) as response:
                return response.status, await response.json()

        assert await call("POST", "/api/v1/alerts", json={"title": "Gas", "text": "a\nb"}) == (201, {"ref": "D-1"})
        assert await call("POST", "/api/v1/alerts", json={"title": "Gas", "text": "a\nb"}) == (200, {"ref": "D-1"})
        assert (await call("POST", "/api/v1/alerts", json={"title": "Other"}))[0] == 409
        assert (await call("GET", "/api/v1/alerts"))[1]["alerts"][0]["title"] == "Gas"
        status, told = await call("GET", "/api/v1/alerts/D-1/why")
        assert (status, told["ref"]) == (200, "D-1")
        assert {"what": "Rule", "said": "manual_trigger"} in told["why"]
        assert await call("GET", "/api/v1/alerts/D-99/why") == (404, {"error": "There is no alert D-99."})
        status, tail = await call("GET", "/api/v1/audit", params={"limit": "500"})
        assert (status, tail["verified"]) == (200, True)
        assert tail["count"] >= len(tail["entries"]) > 0
        assert await call("GET", "/readyz") == (200, {"ready": True, "reasons": []})
    await server.stop()


async def test_why_an_alert_rang(real):
    await say("new P2 pump down", real, key="k0")
    spoken = await say("why 1", real, key="k1")
    assert spoken.reply.title == "Why D-1 rang"
    told = dict(line.split(": ", 1) for line in spoken.reply.lines)
    assert told["Rule"] == "manual_trigger"
    assert "Opened as P2" in " ".join(spoken.reply.lines)
    assert "There is no alert D-99" in (await say("why 99", real, key="k2")).reply.lines[0]


async def test_why_a_case_is_quiet_and_when_it_would_ring(real, build):
    spoken = await say("whynot 4711", real)
    told = dict(line.split(": ", 1) for line in spoken.reply.lines)
    assert spoken.reply.title.endswith("quiet now")
    assert told["Case without an owner"].startswith("it got an assignee")
    assert told["SLA breached"] == "it has no such service clock any more"
    assert told["Priority raised"] == "rings on a change; the last one was told, or there was none"
    assert "read" in spoken.reply.footer
    assert "I find no job or case" in (await say("whynot 0815", real, key="k2")).reply.lines[0]
