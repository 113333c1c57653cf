"""Where connections may go: the internet, this machine where it is meant, and private networks that are named."""

import pytest
from aiohttp import web

from deskbell.net import egress
from deskbell.net.answers import CallFailed, Gap
from deskbell.net.egress import may_reach


@pytest.fixture(autouse=True)
def nothing_private():
    egress.allow([])
    yield
    egress.allow([])


@pytest.mark.parametrize("address", ["93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"])
def test_the_internet_may_be_reached(address):
    assert may_reach("vendor.example", address)


@pytest.mark.parametrize(
    "address",
    [
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "100.64.0.1",  # a provider's own
        "169.254.169.254",  # where clouds keep the keys of their machines
        "127.0.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "::1",
        "::",
        "fe80::1%eth0",
        "fd00::1",
        "::ffff:10.1.2.3",
        "::ffff:127.0.0.1",
    ],
)
def test_a_name_that_leads_inside_is_refused(address):
    assert not may_reach("vendor.example", address)


def test_this_machine_may_be_reached_by_its_own_names():
    assert may_reach("localhost", "127.0.0.1")
    assert may_reach("127.0.0.1", "127.0.0.1")
    assert not may_reach("localhost", "10.1.2.3")


def test_a_private_network_that_is_named_may_be_reached():
    egress.allow(["10.1.0.0/16", "fd00::/8"])
    assert may_reach("servicenow.firm.example", "10.1.2.3")
    assert may_reach("servicenow.firm.example", "fd00::1")
    assert may_reach("servicenow.firm.example", "::ffff:10.1.2.3")
    assert not may_reach("servicenow.firm.example", "10.2.0.1")


async def test_a_client_connects_to_a_private_network_only_where_that_is_named(serve, client):
    """0.0.0.0 is this machine by a name that is not loopback."""
    asked = []

    async def handle(request):
        asked.append(request.path)
        return web.json_response({"ok": True})

    url = (await serve(handle)).replace("127.0.0.1", "0.0.0.0")
    with pytest.raises(CallFailed, match="private_networks") as refused:
        await client(url, allow_http=True).call("GET", "/")
    assert refused.value.gap is Gap.NOT_SENT
    assert asked == []
    egress.allow(["0.0.0.0/32"])
    assert (await client(url, allow_http=True).call("GET", "/")).ok
    assert asked == ["/"]


@pytest.mark.parametrize("written", ["10.0.0.1/8", "vendor.example", "", "10.0.0.0/33"])
def test_what_is_no_network_is_refused_in_words(written):
    with pytest.raises(ValueError, match=r"private_networks: .*10\.20\.0\.0/16"):
        egress.networks([written])
