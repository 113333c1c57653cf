"""From a card that a flow posted in Teams, over its one button, to an alert that is answered."""

import socket

from aiohttp import web

from channels.workflows import WorkflowsChannel
from deskbell.core.alert import Status
from deskbell.core.outcome import Sent
from deskbell.core.ports import Destination, Identity
from deskbell.sandbox.clock import Clock, Pulse
from deskbell.sandbox.ledger import Ledger
from deskbell.sandbox.workflows import Workflows


async def test_a_card_in_teams_is_answered_on_its_page(office, browser):
    clock = Clock()
    flows = Workflows(clock, Ledger(clock, Pulse()))
    app = web.Application()
    flows.add_routes(app.router)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    taken = socket.create_server(("127.0.0.1", 0))
    await web.SockSite(runner, taken).start()
    to = Destination("teams", "workflows", flows.address(f"http://127.0.0.1:{taken.getsockname()[1]}", "dispatch"))
    channel = WorkflowsChannel(office.linker, lambda person: office.desk.account_of("teams", person), {})
    try:
        card = await office.desk.card(office.alert)
        assert isinstance(await channel.post(to, card, Identity("card", "D-1", "teams", 1)), Sent)
        (link,) = flows.posted[0].links
        await browser.get(link)
        await browser.post(link, browser.forms[0] | {"code": await office.desk.link_code("ben")})
        await browser.post(link, browser.button("Acknowledge"))
        assert office.alert.status is Status.ACKED
        assert office.alert.acked_by == "ben"
    finally:
        await channel.close()
        await runner.cleanup()
