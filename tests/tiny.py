"""What the tests of the four chats share: an ear on every request, and an alert with somebody to answer it."""

import asyncio
from contextlib import asynccontextmanager

import aiohttp

from deskbell.core.access import Person
from deskbell.core.alert import Alert, Severity
from deskbell.instance import Held

_listening = set()


async def begin(gateway):
    """Starts a gateway as a daemon does that is the only one: what one may do alone is ours."""
    await gateway.start()
    if gateway.alone is not None:
        task = asyncio.create_task(gateway.alone.listen(Held(gateway.alone.lease)))
        _listening.add(task)
        task.add_done_callback(_listening.discard)


def person(id, name, role, **more):
    return Person(id, name, f"{id}@example.org", frozenset({role}), **more)


def an_alert(at, **values):
    base = {
        "key": "late:J-4711",
        "rule": "technician_late",
        "source": "fieldservice",
        "record_id": "4711",
        "subject": "J-4711",
        "title": "Technician late",
        "summary": "Marco Bianchi is 25 min late at Northgate Dairy, J-4711",
        "severity": Severity.P1,
        "opened_at": at,
        "updated_at": at,
        "id": 12,
        "facts": (("Customer", "Northgate Dairy"), ("Site", "Hall 3, Milk Lane"), ("Window", "13:00 to 14:00")),
        "url": "https://fieldservice.example.org/jobs/4711",
    }
    return Alert(**(base | values))


@asynccontextmanager
async def overheard(oracle, part="", *, unanswered=True):
    """A session whose requests the oracle looks at, those with this part in their address; also those `unanswered`."""

    async def started(_session, context, params):
        context.body = b""
        context.seen = (params.method, str(params.url))

    async def chunk(_session, context, params):
        context.body += params.chunk

    async def ended(_session, context, params):
        method, url = context.seen
        if part in url:
            oracle.look(method, url, params.headers, context.body)

    async def failed(_session, context, params):
        if context.body:  # else nothing was sent, and nobody can judge it
            await ended(_session, context, params)

    trace = aiohttp.TraceConfig()
    trace.on_request_start.append(started)
    trace.on_request_chunk_sent.append(chunk)
    trace.on_request_end.append(ended)
    if unanswered:
        trace.on_request_exception.append(failed)
    timeout = aiohttp.ClientTimeout(total=20, sock_connect=2)
    async with aiohttp.ClientSession(trace_configs=[trace], timeout=timeout) as session:
        yield session
