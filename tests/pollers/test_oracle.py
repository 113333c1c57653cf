"""Every request to Freshdesk and ServiceNow, held against the vendors' own descriptions."""

import sys
from collections import Counter

import pytest

from deskbell.core.outcome import Sent
from deskbell.core.ports import WriteBack, WriteKind
from deskbell.sandbox import credentials
from pollers.servicenow import ServiceNow, ServiceNowConf

# What the documents do not describe, with the reason that it is right all the same.
UNDOCUMENTED = {
    ("servicenow", "POST", "/oauth_token.do"): "the token endpoint belongs to the platform, not to the Table API",
}


@pytest.fixture
def oracle(oracle_module):
    if oracle_module is None:
        pytest.skip("the vendors' descriptions are not beside this checkout; DESKBELL_SPECS may name their folder")
    return oracle_module


@pytest.fixture
def sent():
    """A list, and the function that has every request of a source put into it."""
    requests = []

    def listen(source, system):
        async def hook(request):
            requests.append(
                {
                    "method": request.method,
                    "url": str(request.url).replace(f"/{system}", "", 1),
                    "headers": dict(request.headers),
                    "body": request.content,
                    "system": system,
                }
            )

        source.http._client.event_hooks = {"request": [hook]}
        return source

    return requests, listen


async def everything(source, record_id, assignee):
    """All that a source can be asked to do."""
    async for _ in source.changes({}):
        pass
    await source.fetch(record_id)
    await source.missing([record_id, "0123456789"])
    for kind in WriteKind:
        item = WriteBack(kind, record_id, "[D-12 #345]", "Ana <b>acknowledged</b>\nat 14:02", assignee)
        await source.find(item)
        assert isinstance(await source.write(item), Sent), kind
        assert await source.find(item)
    assert all(finding.ok for finding in await source.check())


async def test_no_request_breaks_the_vendors_description(sb, freshdesk, servicenow, sent, oracle, capfd):
    requests, listen = sent
    now = sb.clock.time()
    for n in range(25):
        sb.freshdesk.tickets.add(f"T{n}", id=200 + n, created=now - 3600, responder_id=1001, group_id=501, status=3)
        sb.servicenow.tables.incident(f"I{n}", number=f"INC{n:07}", opened=now - 3600, sla_end=now + 3600)
    incident = next(iter(sb.servicenow.tables.rows["incident"]))
    filtered = ServiceNow(
        ServiceNowConf(
            servicenow.conf.base_url,
            user="deskbell",
            client_id=credentials.SERVICENOW_CLIENT_ID,
            client_secret=credentials.SERVICENOW_CLIENT_SECRET,
            query="active=true^priorityIN1,2,3",
        ),
        now=sb.clock.now,
    )
    await everything(listen(freshdesk, "freshdesk"), "207", "1002")
    await everything(listen(servicenow, "servicenow"), incident, sb.servicenow.tables.user("ben@example.org"))
    async for _ in listen(filtered, "servicenow").changes({}):
        pass
    await filtered.check()
    await filtered.close()
    verdicts(oracle, requests, capfd)


def verdicts(oracle, requests, capfd):
    checked, violations = Counter(), []
    for request in requests:
        path = request["url"].partition("://")[2].partition("/")[2].partition("?")[0]
        if (request["system"], request["method"], f"/{path}") in UNDOCUMENTED:
            continue
        checked[request["system"]] += 1
        violations += [(request["method"], request["url"], found) for found in oracle.check(request, strict=True)]
    with capfd.disabled():
        for system, count in checked.items():
            print(f"\n{system}: {count} calls checked", file=sys.stderr)
    assert violations == []
    assert checked["freshdesk"] >= 20
    assert checked["servicenow"] >= 30
