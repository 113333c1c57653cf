"""The connections that all chats share: one session, few connections a host, nothing taken from the environment."""

import aiohttp

CONNECT_S = 5.0
_PER_HOST = 20
_IDLE_S = 60.0


def open_session() -> aiohttp.ClientSession:
    """A session for the chats' ways in and out. Whoever opens it closes it, inside a running loop."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, limit_per_host=_PER_HOST, keepalive_timeout=_IDLE_S),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S),
        trust_env=False,
        cookie_jar=aiohttp.DummyCookieJar(),
    )
