"""Socket Mode does not go deaf: refreshes, dropped and half-open connections, an outage, and a quick end."""

import asyncio
import time
from dataclasses import replace

import pytest

from bot import slack_socket
from bot.slack import SlackGateway

ROOM = "C0DISPATCH"


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(slack_socket, "PATIENCE_S", 0.5)
    monkeypatch.setattr(slack_socket, "REBUILD_S", 1.0)
    monkeypatch.setattr(slack_socket, "PING_S", 0.2)
    monkeypatch.setattr(slack_socket, "WATCH_S", 0.2)
    monkeypatch.setattr(slack_socket, "CLOSE_S", 0.5)


async def test_there_are_two_connections_and_taps_come_through_both(card, slack):
    for _ in range(4):
        assert (await slack.type("ana", ROOM, "/desk list")).acked

    assert [connection.acked > 0 for connection in slack.sockets.connections] == [True, True]


async def test_a_refresh_loses_nothing(card, slack, wait):
    await slack.sockets.disconnect("refresh_requested", close_after=0.5)

    for _ in range(10):
        assert (await slack.type("ana", ROOM, "/desk list")).acked
        await asyncio.sleep(0.1)
    await wait(lambda: len(slack.sockets.connections) == 2)


async def test_while_one_connection_is_down_the_other_hears(card, slack, gateway):
    slack.sockets.drop(slack.sockets.connections[0].number)
    await asyncio.sleep(0.05)

    assert (await slack.type("ana", ROOM, "/desk list")).acked
    assert not gateway.trouble


async def test_dropped_connections_come_back(impatient, card, slack, gateway, wait):
    outage = slack.faults.set("500", where="apps.connections.open")
    slack.sockets.drop()
    await wait(lambda: gateway.trouble)
    assert gateway.trouble == "no Socket Mode connection to Slack"

    slack.faults.heal(outage.kind)
    await wait(lambda: not gateway.trouble and gateway._sockets.alive == 2, 20)
    assert (await slack.type("ana", ROOM, "/desk list")).acked


async def test_half_open_connections_are_noticed_and_replaced(impatient, card, slack, gateway, wait):
    slack.sockets.deafen()

    await wait(lambda: len([one for one in slack.sockets.connections if not one.deaf]) == 2, 20)
    await wait(lambda: not gateway.trouble)
    assert (await slack.type("ana", ROOM, "/desk list")).acked


async def test_a_session_that_is_never_greeted_is_replaced(
    impatient, conf, desk, commands, session, slack, wait, monkeypatch
):
    opened = []
    greeting = slack.sockets._hello
    monkeypatch.setattr(slack.sockets, "_hello", lambda: opened.append(1) or {"type": "silence"})
    gateway = SlackGateway(replace(conf, sockets=1), desk, commands, session)
    await gateway.start()
    await wait(lambda: opened)
    await asyncio.sleep(0.3)
    assert gateway.trouble

    monkeypatch.setattr(slack.sockets, "_hello", greeting)
    await wait(lambda: not gateway.trouble, 20)
    await gateway.close()


async def test_slack_is_away_at_the_start(impatient, conf, desk, commands, session, slack, wait):
    slack.faults.set("500")
    gateway = SlackGateway(conf, desk, commands, session)
    await gateway.start()
    await asyncio.sleep(0.5)
    assert gateway.trouble.startswith("Slack does not answer: Slack: HTTP 500")

    slack.faults.heal()
    await wait(lambda: not gateway.trouble, 30)
    await gateway.close()


async def test_a_proxy_of_the_environment_is_not_used(conf, desk, commands, monkeypatch, wait):
    for name in ("HTTPS_PROXY", "HTTP_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    gateway = SlackGateway(conf, desk, commands)
    await gateway.start()

    await wait(lambda: not gateway.trouble)
    await gateway.close()


async def test_it_ends_quickly_and_leaves_nothing_behind(conf, desk, commands, session, wait):
    before = {task for task in asyncio.all_tasks() if not task.done()}
    gateway = SlackGateway(conf, desk, commands, session)
    await gateway.start()
    await wait(lambda: not gateway.trouble)

    started = time.monotonic()
    await gateway.close()

    assert time.monotonic() - started < 1.5
    await asyncio.sleep(0.1)
    ours = [task for task in asyncio.all_tasks() - before if "slack" in repr(task.get_coro()).lower()]
    assert ours == []


async def test_it_ends_quickly_when_slack_is_dead(impatient, conf, desk, commands, session, slack, wait):
    gateway = SlackGateway(conf, desk, commands, session)
    await gateway.start()
    await wait(lambda: not gateway.trouble)
    slack.sockets.deafen()

    started = time.monotonic()
    await gateway.close()

    assert time.monotonic() - started < 4
