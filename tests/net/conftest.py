"""A server on this machine whose behaviour each test writes, and the engine pointed at it."""

import asyncio
import contextlib

import pytest
from aiohttp import web

from deskbell.net import redact
from deskbell.net.http import Http, Timeouts

QUICK = Timeouts(connect=1, read=0.3, write=1, whole=1)


@pytest.fixture
async def serve():
    """Starts a server whose handler takes every request, and gives its base URL."""
    runners = []

    async def start(handler):
        app = web.Application(client_max_size=1 << 26)
        app.router.add_route("*", "/{tail:.*}", handler)
        runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        runners.append(runner)
        return f"http://127.0.0.1:{runner.addresses[0][1]}"

    yield start
    for runner in runners:
        await runner.cleanup()


@pytest.fixture
async def raw_server():
    """The same for a server that speaks bytes."""
    servers = []

    async def start(talk):
        async def guarded(reader, writer):
            with contextlib.suppress(ConnectionError, asyncio.CancelledError):
                await talk(reader, writer)
            writer.close()

        server = await asyncio.start_server(guarded, "127.0.0.1", 0)
        servers.append(server)
        return f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"

    yield start
    for server in servers:
        server.close()


@pytest.fixture
async def client():
    """Makes clients that are closed at the end."""
    made = []

    def make(url, auth=None, **more):
        made.append(Http("Vendor", url, auth, timeouts=QUICK, **more))
        return made[-1]

    yield make
    for http in made:
        await http.close()


@pytest.fixture(autouse=True)
def no_secrets_from_other_tests():
    redact._secrets.forget()
    yield
    redact._secrets.forget()
