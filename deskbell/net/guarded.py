"""Connections that go out to the internet, or to private networks that the configuration names; to nowhere else.

A host is looked up once, and what was found is what is connected to: an answer that changes in between (DNS
rebinding) leads nowhere. https://www.encode.io/httpcore/network-backends/
"""

import asyncio
import socket
from collections.abc import Iterable
from typing import Any

import httpcore
import httpx

from deskbell.net.egress import may_reach


class Guarded(httpcore.AsyncNetworkBackend):
    """Connects through another backend, to addresses that may be reached."""

    def __init__(self, inner: httpcore.AsyncNetworkBackend) -> None:
        self._inner = inner

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        addresses = await _addresses(host, port)
        good = [address for address in addresses if may_reach(host, address)]
        if not good:
            raise httpcore.ConnectError(
                f"{host} is {addresses[0]}, which is in a private network; is that meant? "
                "Then name the network in `private_networks` of [deskbell]."
            )
        for address in good[:-1]:
            try:
                return await self._inner.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue  # the next one may answer
        return await self._inner.connect_tcp(good[-1], port, timeout, local_address, socket_options)

    async def sleep(self, seconds: float) -> None:
        await self._inner.sleep(seconds)


def guard(client: httpx.AsyncClient) -> httpx.AsyncClient:
    """The client, whose connections are guarded from now on; those by a proxy of the environment are the proxy's."""
    # httpx has no other way to say this that leaves the environment's proxies on.
    transport = client._transport  # noqa: SLF001
    if isinstance(transport, httpx.AsyncHTTPTransport):
        pool: Any = transport._pool  # noqa: SLF001
        pool._network_backend = Guarded(pool._network_backend)  # noqa: SLF001
    return client


async def _addresses(host: str, port: int) -> list[str]:
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise httpcore.ConnectError(f"{host} is not known: {error}") from error
    return list(dict.fromkeys(str(address[0]) for *_, address in found))
